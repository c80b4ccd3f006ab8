r"""Key lengths that are proven for boxes that were tested, not known: random linear hashing with the estimate of
Masanes et al. v5.

The estimates of Masanes et al. v4 and of Hanggi et al. condition the pairs' error pattern on a passed test and then use
a bound that holds for no-signaling boxes; but Eve's system does not split like the pattern does (docs/papers.md), and
the rates of Masanes et al. v4 that follow are refuted by an attack on single pairs. What holds for every no-signaling
Eve, with W_n the error of pair n, is linear in the boxes: for K a set of key bits, the XOR of K is within ``1/2 <
prod_K 2 M W_n >`` of uniform (Masanes et al. v5, Lemma 4: ``beta_0 - beta_1 = 2 nu``; Hanggi et al., Lemma 6, for M =
2). Summed over the characters of a random linear hash of s bits next to m published linear bits (Hanggi et al., Lemma
18),

    d(S | E, R) <= 1/2 2^(s+m) < prod_n (1 + 2 M W_n)/2 >,

and with s chosen from the measured average w, for a random choice of the n_e tested among n_r + n_e pairs, Masanes et
al. v5's Lemma 3 reduces it to independent pairs of error theta (as its Eqs. (61) to (65)):

    d <= 1/2 (n_r + n_e + 1) sum_w max_theta 2^(s(w) + m - n_e D(w || theta) + n_r log2((1 + 2 M theta)/2)).

Hence ``s + m = n_r + min_theta [n_e D(w || theta) - n_r log2(1 + 2 M theta)] + log2(2 d / ((n_r + n_e + 1)(n_e +
1)))``. D and the test count here without the factor 2 of Masanes et al. v5's (17), whose square root costs that.

**What Bob may answer.** All this holds too if Eve learns the key's error pattern ``a XOR b``, provided that the key's
settings are one of the 2M tested pairs: then m may depend on Bob's answers, as long as they are functions of the
pattern. For one pair, ``|P(0,d) - P(1,1-d)| <= f_d`` with f_1 the error of the key's settings (trivial) and f_0 the sum
of the other 2M - 1 errors (they lead from A around the chain to -B, so that ``|<A> + <B>| <= 2 f_0``), and
``f_0 + f_1 = 2 M W``. The f_d multiply like the 2 M W (Lemma 12), with ``g_d = P(a XOR b = d)`` for pairs outside K, so
that the bias of K together with a pattern d is at most ``< prod_K f_d prod_(not K) g_d >``. With s + m fixed by the
test the distances of all patterns add up to no more than before, because the sum of ``prod (g_d + f_d)/2`` is
``prod (1 + 2 M W)/2``.
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
    """The key length s of the module's docstring: r key bits, e tests with average w, distance at most ``s``;
    signed.
    """
    secret = 0.5 * chained_exponent.exponent(r, e, w, m)
    return np.asarray(secret - leakage + 1.0 + np.log2(s) - np.log2(r + e + 1.0) - np.log2(e + 1.0))


def measured_length(r: float, e: float, leakage: float, w: float, m: float, s: float) -> float:
    """:func:`length` of numbers."""
    return float(length(*(np.asarray(float(v)) for v in (r, e, leakage, w, m, s))))


def best_length(n: Floats, w: Floats, m: Floats, entropy: Floats, s: Floats) -> tuple[Floats, Floats]:
    """(key bits, length): the longest expected key of n pairs if errors cost ``entropy`` per key bit.

    Even without errors more than 2 M tests for each key bit are needed, so that the key bits are at most n/5.
    """
    return maximise(lambda r: length(r, n - r, r * entropy, w, m, s), np.full(n.shape, 0.5), 0.5 * n)


def best_rate(w: Floats, m: Floats, entropy: Floats) -> Floats:
    """The largest rate per pair, all pairs counted: the best fraction of tested pairs; 0 where all are best tested."""
    return np.maximum(_best(w, m, entropy)[1], 0.0)


def _best(w: Floats, m: Floats, entropy: Floats) -> tuple[Floats, Floats]:
    """The part of the pairs that is best key, and the rate with it."""
    one = np.ones(np.shape(w))
    return maximise(lambda r: 0.5 * chained_exponent.exponent(r, 1.0 - r, w, m) - r * entropy, 1e-7 * one, 0.5 * one)


def proven_rate(w: float, m: int, entropy: float) -> float:
    """:func:`best_rate` of numbers, by ball arithmetic on its safe side: the rate at one part r of key pairs, rounded
    down; it does not rise with w.

    ``g(theta) = (1 - r) D(w || theta) - r log2(1/2 + m theta)`` is convex, so that it is at least ``g(t) - |g'(t)|``
    wherever theta is in [0, 1], at any t in (0, 1); taken at the computed minimiser, this is no loss.

    >>> round(proven_rate(0.1, 2, 0.05), 9), proven_rate(0.1, 2, 0.6)
    (0.06412287, 0.0)
    """
    if w >= 0.5 / m:  # theta = w leaves nothing
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
