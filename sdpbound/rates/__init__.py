"""Rates of key and randomness, from both sides, and the noise at which they vanish.

What may come in: a behaviour, what is tested of it, and an entropy. What is handed on: a :class:`Rate`, a
:class:`Threshold`.
"""

from __future__ import annotations

from sdpbound.rates.best_tests import BestTest, best_test
from sdpbound.rates.correction import error_correction
from sdpbound.rates.critical import critical_efficiency, critical_error_rate, critical_visibility
from sdpbound.rates.rate import Rate
from sdpbound.rates.rates import best_channel, best_preprocessing, key_rate, randomness_rate
from sdpbound.rates.thresholds import Threshold, critical_noise
from sdpbound.rates.upper import key_rate_upper_bound, randomness_rate_upper_bound

__all__ = [
    "BestTest",
    "Rate",
    "Threshold",
    "best_channel",
    "best_preprocessing",
    "best_test",
    "critical_efficiency",
    "critical_error_rate",
    "critical_noise",
    "critical_visibility",
    "error_correction",
    "key_rate",
    "key_rate_upper_bound",
    "randomness_rate",
    "randomness_rate_upper_bound",
]
