"""The formulas behind ``xor_amplification``, on arrays already checked: Hanggi et al., Eqs. (12), (13), Lemma 21."""

from __future__ import annotations

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.protocols.formulas.information import LN2, binary_entropy

__all__ = ["estimated", "length", "measured_length", "rate"]


def rate(eps: Floats, delta: Floats) -> Floats:
    """The key rate of Eq. (13), signed."""
    return np.asarray(1.0 - binary_entropy(delta) - np.log1p(4.0 * eps) / LN2)


def estimated(n: Floats, k: Floats, measured: Floats, failure: Floats, sharp: bool) -> Floats:
    """The confidence limit of the error of Appendix D: ``measured + (1 + k/n) margin``, at most 1."""
    margin = np.sqrt(-np.log(failure) / (2.0 * k)) if sharp else np.sqrt(16.0 * np.log(2.0 / failure) / k)
    return np.minimum(measured + (1.0 + k / n) * margin, 1.0)


def length(n: Floats, k: Floats, eps: Floats, leakage: Floats, security: Floats, sharp: bool) -> Floats:
    """The longest key in bits, signed, whose distance (12) and estimation failure add up to ``security``."""
    limit = estimated(n, k, eps, security / 2.0, sharp)
    return np.asarray(n * (1.0 - np.log1p(4.0 * limit) / LN2) - leakage + np.log2(security))


def measured_length(n: float, k: float, eps: float, leakage: float, security: float, sharp: bool) -> float:
    """:func:`length` for single numbers."""
    boxes, tests, e, m, s = (np.asarray(float(v)) for v in (n, k, eps, leakage, security))
    return float(length(boxes, tests, e, m, s, sharp))
