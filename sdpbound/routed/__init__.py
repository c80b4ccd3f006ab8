"""Routed Bell tests: Bob's system goes to a near or a far device, and Eve attacks the way to the far one.

What may come in: behaviours of Alice with each device. What is handed on: bounds on expressions, guessing
probabilities, entropies and key rates with certificates of operator problems, and attacks from the other side.
"""

from __future__ import annotations

from sdpbound.routed.attack import RoutedAttack, entropy_upper_bound
from sdpbound.routed.blind import blind_entropy
from sdpbound.routed.bounds import guessing_probability, maximum
from sdpbound.routed.entropy import RoutedEntropyBound, entropy
from sdpbound.routed.rates import critical_efficiency, key_rate, key_rate_upper_bound
from sdpbound.routed.setup import RoutedTest, protocol

__all__ = [
    "RoutedAttack",
    "RoutedEntropyBound",
    "RoutedTest",
    "blind_entropy",
    "critical_efficiency",
    "entropy",
    "entropy_upper_bound",
    "guessing_probability",
    "key_rate",
    "key_rate_upper_bound",
    "maximum",
    "protocol",
]
