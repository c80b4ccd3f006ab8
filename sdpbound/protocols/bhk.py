r"""The protocol of Barrett, Hardy and Kent with M settings: Masanes et al. v4, Section VI (``simple_chsh`` is M = 2).

Alice and Bob share pairs measured in M bases each, depolarise every pair to one error probability q(1) on all relevant
pairs of settings, test n_e rounds, and hash the rest. Eve is limited by no-signaling between all 2N + 1 systems,
attacks generally, and measures her system before the public discussion (Masanes et al. v4: no nonclassical memory).

**The paper's key rate and lengths are refuted.** The proof of (13) uses a no-signaling bound for a distribution that
signals to Eve, and an attack on single pairs (:func:`individual_rate`) leaves less than the claimed rate for every
visibility below 1. :func:`key_rate`, :func:`key_length` and :func:`finite_length` are the printed claims, for
comparison; :func:`proven_rate`, :func:`proven_key_length` and :func:`proven_finite_length` hold (``linear_hashing``;
also if Eve keeps her system), and :func:`simulate` uses them. docs/papers.md has the argument.

>>> round(key_rate(0.9, 11), 9)
0.44755823
>>> best_settings(0.9), round(threshold(), 6)
(11, 0.778402)
>>> round(individual_rate(0.9, 11), 3)
-0.306
"""

from __future__ import annotations

from sdpbound.protocols.bhk_lengths import (
    correctness_bound,
    estimation_failure,
    finite_length,
    key_length,
    proven_finite_length,
    proven_key_length,
    reconciliation_entropy,
    secrecy_bound,
    secret_entropy,
)
from sdpbound.protocols.bhk_rates import (
    best_settings,
    error_rate,
    individual_rate,
    key_rate,
    proven_rate,
    rate_at_error,
    threshold,
    threshold_error,
)
from sdpbound.protocols.running.depolarised import simulate
from sdpbound.protocols.running.relevant_pairs import behaviour, behaviour_errors, guessing_expression

__all__ = [
    "behaviour",
    "behaviour_errors",
    "best_settings",
    "correctness_bound",
    "error_rate",
    "estimation_failure",
    "finite_length",
    "guessing_expression",
    "individual_rate",
    "key_length",
    "key_rate",
    "proven_finite_length",
    "proven_key_length",
    "proven_rate",
    "rate_at_error",
    "reconciliation_entropy",
    "secrecy_bound",
    "secret_entropy",
    "simulate",
    "threshold",
    "threshold_error",
]
