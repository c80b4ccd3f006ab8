"""The formulas behind ``braunstein_caves``, on arrays already checked: Masanes et al. v5, Eqs. (17), (21), (26), (58).

Letters: n is the number of all pairs, r the number of pairs of the raw key, e the number of tested pairs, c the number
of published bits, w the average of W, m the number of settings, s the security, and xi the noise.
"""

from __future__ import annotations

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.protocols.formulas.information import binary_entropy, bisect, maximise, relative_entropy

__all__ = [
    "bell_average",
    "best_gamma",
    "best_length",
    "bracket",
    "expected_length",
    "exponent",
    "gamma_for",
    "length",
    "measured_length",
    "rate",
    "worst_theta",
]


def bell_average(xi: Floats, m: Floats) -> Floats:
    """The average of W for noise xi, Eq. (26)."""
    return np.asarray((1.0 - xi) * np.sin(np.pi / (4.0 * m)) ** 2 + xi / 2.0)


def bracket(xi: Floats, m: Floats) -> Floats:
    """The cost in bits of a key pair as gamma -> 1; a positive rate exists if and only if this number is negative."""
    return np.asarray(1.0 + binary_entropy(xi / 2.0) + 2.0 * np.log2(0.5 + m * bell_average(xi, m)))


def worst_theta(r: Floats, e: Floats, w: Floats, m: Floats) -> Floats:
    """The theta in [w, 1] that minimises :func:`exponent`, the root of a quadratic.

    The formula for the root is the one without cancellation.
    """
    a, b, c = (e + r) * m, e * (0.5 - m * w) - r * m, -0.5 * e * w
    root = np.sqrt(b * b - 4.0 * a * c)
    positive = b > 0.0
    theta = np.where(positive, -2.0 * c / np.where(positive, b + root, 1.0), (root - b) / (2.0 * a))
    return np.clip(theta, w, 1.0)


def exponent(r: Floats, e: Floats, w: Floats, m: Floats) -> Floats:
    """The bits that (17) gains from the Bell violation."""
    theta = worst_theta(r, e, w, m)
    return np.asarray(2.0 * e * relative_entropy(w, theta) - 2.0 * r * np.log2(0.5 + m * theta))


def length(n: Floats, r: Floats, e: Floats, c: Floats, w: Floats, m: Floats, s: Floats) -> Floats:
    """The key length of Eq. (17) in bits, signed; fewer than one expected test count as one in the logarithm."""
    lost = 2.0 * (3.0 + np.log2(np.maximum(e, 1.0)) + np.log2(n) - np.log2(s))
    return np.asarray(exponent(r, e, w, m) - r - c - lost)


def rate(xi: Floats, m: Floats, gamma: Floats) -> Floats:
    """The key rate per pair of Eqs. (21) and (26), signed."""
    r, e = (1.0 - gamma) ** 2, 2.0 * gamma**2 / m
    return np.asarray(exponent(r, e, bell_average(xi, m), m) - r * (1.0 + binary_entropy(xi / 2.0)))


def best_gamma(xi: Floats, m: Floats, steps: int = 54) -> Floats:
    """The gamma of the largest :func:`rate`, a root of its derivative at the worst theta; 1 if no rate is positive."""
    w, cost = bell_average(xi, m), 1.0 + binary_entropy(xi / 2.0)

    def slope(gamma: Floats) -> Floats:
        theta = worst_theta((1.0 - gamma) ** 2, 2.0 * gamma**2 / m, w, m)
        privacy = cost + 2.0 * np.log2(0.5 + m * theta)
        return np.asarray((1.0 - gamma) * privacy + 4.0 * gamma / m * relative_entropy(w, theta))

    gamma = bisect(slope, np.full(np.shape(w), 1e-6), np.ones(np.shape(w)), steps)
    return np.where(bracket(xi, m) < 0.0, gamma, 1.0)


def expected_length(n: Floats, key: Floats, m: Floats, w: Floats, entropy: Floats, s: Floats) -> Floats:
    """The length in bits, signed, at the expected counts.

    ``key`` is 1 - gamma, and error correction costs ``entropy`` bits per raw bit.
    """
    r, e = key**2 * n, 2.0 * (1.0 - key) ** 2 / m * n
    return length(n, r, e, r * entropy, w, m, s)


def best_length(n: Floats, m: Floats, w: Floats, entropy: Floats, s: Floats) -> tuple[Floats, Floats]:
    """The pair (1 - gamma, length) with the longest expected key.

    gamma leaves at least one expected test, or it is at least 1/2.
    """
    fewest_tests = 1.0 - np.sqrt(np.minimum(m / (2.0 * n), 0.25))
    return maximise(lambda key: expected_length(n, key, m, w, entropy, s), np.full(n.shape, 1e-4), fewest_tests)


def gamma_for(n: float, m: int, w: float, key_error: float, s: float) -> float:
    """The gamma of the longest expected key for n pairs."""
    arrays = [np.asarray(float(v)) for v in (n, m, w, binary_entropy(np.asarray(key_error)), s)]
    return 1.0 - float(best_length(*arrays)[0])


def measured_length(n: int, r: int, e: int, c: int, w: float, m: int, s: float) -> float:
    """:func:`length` for single numbers."""
    return float(length(*(np.asarray(float(v)) for v in (n, r, e, c, w, m, s))))
