r"""Proven key lengths for boxes that are tested and not known, by random linear hashing.

The estimate of the tested error is that of Masanes et al. v5. The estimates of Masanes et al. v4 and of Hanggi et al.
condition the error pattern of the pairs on a passed test, and then use a bound for no-signaling boxes. But Eve's system
does not split as the pattern does (docs/papers.md). An attack on single pairs refutes the rates of Masanes et al. v4
that follow from this estimate.

**Bias.** Let W_n be the error of pair n. The following bound is linear in the boxes and holds for every no-signaling
Eve. For a set K of key bits, the XOR of K is within ``1/2 < prod_K 2 M W_n >`` of uniform (Masanes et al. v5, Lemma 4:
``beta_0 - beta_1 = 2 nu``; Hanggi et al., Lemma 6, for M = 2).

**Length.** Take a random linear hash of s bits beside m published linear bits. The sum over the characters of the hash
(Hanggi et al., Lemma 18) gives

    d(S | E, R) <= 1/2 2^(s+m) < prod_n (1 + 2 M W_n)/2 >.

The n_e tested pairs are a random choice among n_r + n_e pairs, and s is chosen from the measured average w. Then Lemma
3 of Masanes et al. v5 reduces the bound to independent pairs of error theta (as in its Eqs. (61) to (65)):

    d <= 1/2 (n_r + n_e + 1) sum_w max_theta 2^(s(w) + m - n_e D(w || theta) + n_r log2((1 + 2 M theta)/2)).

Hence ``s + m = n_r + min_theta [n_e D(w || theta) - n_r log2(1 + 2 M theta)] + log2(2 d / C)`` with
``C = (n_r + n_e + 1)(n_e + 1)``. In (17) of Masanes et al. v5, D and the terms of the test have a factor 2, which comes
from a square root. Here they have no such factor.

**What Bob may answer.** The bound also holds if Eve learns the error pattern ``a XOR b`` of the key, provided that the
settings of the key are one of the 2M tested pairs of settings. Then m may depend on Bob's answers, if these are
functions of the pattern. For one pair, ``|P(0,d) - P(1,1-d)| <= f_d``. f_1 is the error of the key's settings (this
case is trivial). f_0 is the sum of the other 2M - 1 errors: they lead from A around the chain to -B, so that
``|<A> + <B>| <= 2 f_0``. Together ``f_0 + f_1 = 2 M W``. The f_d multiply like the 2 M W (Lemma 12), with
``g_d = P(a XOR b = d)`` for pairs outside K. So the bias of K together with a pattern d is at most
``< prod_K f_d prod_(not K) g_d >``. The test fixes s + m. The distances of all patterns then add up to no more than
before, because the sum of ``prod (g_d + f_d)/2`` is ``prod (1 + 2 M W)/2``.
"""

from __future__ import annotations

import flint
import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bounds.rounding import lower_float
from sdpbound.protocols.formulas import chained_exponent
from sdpbound.protocols.formulas.information import maximise

__all__ = ["best_length", "best_rate", "length", "measured_length", "proven_rate"]


def length(r: Floats, e: Floats, leakage: Floats, w: Floats, m: Floats, s: Floats) -> Floats:
    """The key length of the module's docstring in bits, signed.

    r is the number of key bits, e the number of tests, w their average, and ``s`` the largest distance from uniform.
    """
    secret = 0.5 * chained_exponent.exponent(r, e, w, m)
    return np.asarray(secret - leakage + 1.0 + np.log2(s) - np.log2(r + e + 1.0) - np.log2(e + 1.0))


def measured_length(r: float, e: float, leakage: float, w: float, m: float, s: float) -> float:
    """:func:`length` for single numbers."""
    return float(length(*(np.asarray(float(v)) for v in (r, e, leakage, w, m, s))))


def best_length(n: Floats, w: Floats, m: Floats, entropy: Floats, s: Floats) -> tuple[Floats, Floats]:
    """The pair (key bits, length) of the longest expected key of n pairs, if errors cost ``entropy`` bits per key bit.

    Even without errors each key bit needs more than 2 M tests. So the key bits are at most n/5.
    """
    return maximise(lambda r: length(r, n - r, r * entropy, w, m, s), np.full(n.shape, 0.5), 0.5 * n)


def best_rate(w: Floats, m: Floats, entropy: Floats) -> Floats:
    """The rate per pair, tested pairs included, at the best fraction of tested pairs; 0 if no fraction gives a key."""
    return np.maximum(_best(w, m, entropy)[1], 0.0)


def _best(w: Floats, m: Floats, entropy: Floats) -> tuple[Floats, Floats]:
    """The best fraction of key pairs, and the rate with this fraction."""
    one = np.ones(np.shape(w))
    return maximise(lambda r: 0.5 * chained_exponent.exponent(r, 1.0 - r, w, m) - r * entropy, 1e-7 * one, 0.5 * one)


def proven_rate(w: float, m: int, entropy: float) -> float:
    """:func:`best_rate` for single numbers, rounded down by ball arithmetic; it does not rise with w.

    The rate is taken at one fraction r of key pairs. ``g(theta) = (1 - r) D(w || theta) - r log2(1/2 + m theta)`` is
    convex. So g is at least ``g(t) - |g'(t)|`` for every theta in [0, 1] and any t in (0, 1). With t the computed
    minimiser this bound loses nothing.

    >>> round(proven_rate(0.1, 2, 0.05), 9), proven_rate(0.1, 2, 0.6)
    (0.06412287, 0.0)
    """
    if w >= 0.5 / m:  # theta = w makes the rate zero
        return 0.0
    key, rate = (float(v) for v in _best(np.asarray(w), np.asarray(float(m)), np.asarray(entropy)))
    if rate <= 0.0:
        return 0.0
    at = float(chained_exponent.worst_theta(*(np.asarray(float(v)) for v in (key, 1.0 - key, w, m))))
    r, t, p = flint.arb(key), flint.arb(at), flint.arb(w)
    distance = (1 - p) * ((1 - p) / (1 - t)).log() + (p * (p / t).log() if w > 0.0 else 0)
    bound = (1 - r) * distance - r * (m * t + 0.5).log()
    slope = (1 - r) * (t - p) / (t * (1 - t)) - r * m / (m * t + 0.5)
    return max(lower_float((bound - abs(slope)) / flint.arb(2).log() - r * flint.arb(entropy)), 0.0)
