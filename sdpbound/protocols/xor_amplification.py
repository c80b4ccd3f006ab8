r"""XOR privacy amplification of paper 002: general attacks, universally composable, random linear hashing.

n boxes with CHSH errors eps_i (probability that x XOR y differs from u v, for uniform inputs) held by Alice, Bob and a
(2n+1)-partite no-signaling Eve: the XOR of Alice's outcomes is within ``1/2 prod(4 eps_i)`` of uniform (Lemma 6, and
14 for any boxes), so random linear functions of them make a key of ``1 - h(delta) - log2(1 + 4 eps)`` bits per box,
with delta the probability that the outcomes of the key's settings differ.

**What is proven.** :func:`distance` holds for n boxes whose joint distribution is known to be a product (or a
mixture, with the average taken over it). The estimate (Lemma 21) only says that other error patterns are improbable,
and the bound may not be applied to the probable ones alone (docs/papers.md): :func:`key_rate`, :func:`key_length` and
:func:`finite_length` are the printed claims, proven for independent boxes. :func:`proven_rate`,
:func:`proven_key_length` and :func:`proven_finite_length` hold for any boxes (``linear_hashing``), and :func:`simulate`
uses them.

Letters: eps is the CHSH error, delta the error of the key bits, n the boxes of the key, k the boxes tested.

>>> round(key_rate(0.2, 0.02), 5)
0.01056
>>> round(threshold(), 5)
0.95721
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq, minimize_scalar

from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.boxes.guessing import guessing_program
from sdpbound.protocols.formulas import finite, linear_hashing, xor_lengths
from sdpbound.protocols.formulas.information import LN2, binary_entropy, maximise
from sdpbound.protocols.formulas.ranges import amounts, answer, chances, number, together, within
from sdpbound.protocols.running.sampling import require_settings
from sdpbound.protocols.running.xor_amplification import simulate

__all__ = [
    "average_distance",
    "behaviour",
    "behaviour_errors",
    "best_quantum_point",
    "distance",
    "estimated_error",
    "estimation_failure",
    "finite_length",
    "guessing_program",
    "individual_rate",
    "key_length",
    "key_rate",
    "largest_delta",
    "largest_eps",
    "largest_equal_error",
    "largest_quantum_delta",
    "noisy_errors",
    "proven_finite_length",
    "proven_key_length",
    "proven_rate",
    "quantum_boundary",
    "simulate",
    "threshold",
    "xor_distance",
]

HINT = "above 1/4 the box is local and has no secrecy"


def key_rate(eps: ArrayLike, delta: ArrayLike) -> Any:
    """Paper 002, Eq. (13), Lemma 19: asymptotic key rate ``1 - h(delta) - log2(1 + 4 eps)`` in bits per box. Signed.

    Parameters
    ----------
    eps : CHSH error averaged over the four inputs, in [0, 1/4]
    delta : error of the key bits, in [0, 1/2]
    """
    e, d = together(eps=_box_error(eps), delta=within(delta, "delta", 0.0, 0.5))
    return answer(xor_lengths.rate(e, d))


def individual_rate(eps: ArrayLike, delta: ArrayLike) -> Any:
    """``1 - h(delta) - 4 eps``: the rate against individual attacks, for comparison. Signed.

    Eve's best attack on one box (Lemma 20) is an erasure channel that shows her the outcome with probability 4 eps, so
    I(A:E) = 4 eps; never below :func:`key_rate`, since ``log2(1 + t) >= t`` for t in [0, 1].
    """
    e, d = together(eps=_box_error(eps), delta=within(delta, "delta", 0.0, 0.5))
    return answer(1.0 - binary_entropy(d) - 4.0 * e)


def largest_eps(delta: ArrayLike) -> Any:
    """Paper 002, Corollary 2: the CHSH error below which the key rate is positive, ``2^(-h(delta) - 1) - 1/4``."""
    d = within(delta, "delta", 0.0, 0.5)
    return answer(np.exp2(-binary_entropy(d) - 1.0) - 0.25)


def largest_delta(eps: ArrayLike) -> Any:
    """The key error at which the key rate vanishes at CHSH error ``eps``: the inverse of :func:`largest_eps`."""
    e = _box_error(eps)
    target = 1.0 - np.log2(1.0 + 4.0 * e)
    low, high = np.zeros(e.shape), np.full(e.shape, 0.5)
    for _ in range(60):
        middle = 0.5 * (low + high)
        below = binary_entropy(middle) < target
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return answer(0.5 * (low + high))


def largest_equal_error() -> float:
    """Where the key rate vanishes if both errors are equal, eps = delta: 0.106326.

    Quantum boxes have eps = delta at (2 - sqrt 2)/4 = 0.1464 or above, so that they need another setting for the key
    (paper 002, after Corollary 2).
    """
    return float(brentq(lambda e: float(xor_lengths.rate(np.asarray(e), np.asarray(e))), 0.0, 0.25, xtol=1e-16))


def xor_distance(eps: ArrayLike) -> Any:
    """log2 of paper 002, Lemma 6: the XOR of all outcomes is within ``1/2 prod(4 eps_i)`` of uniform, along the last
    axis.

    An upper bound for every no-signaling Eve, reached by attacking each box alone.
    """
    e = np.atleast_1d(_box_error(eps))
    with np.errstate(divide="ignore"):
        return answer(np.log2(4.0 * e).sum(axis=-1) - 1.0)


def average_distance(eps: ArrayLike) -> Any:
    """log2 of the average over random subsets K of ``1/2 prod_K (4 eps_i)``: ``1/2 prod (1 + 4 eps_i)/2``, last axis.

    Paper 002, Lemma 16, bounds it by ``1/2 ((1 + 4 mean)/2)^n`` (Lemma 29).
    """
    e = np.atleast_1d(_box_error(eps))
    return answer((np.log1p(4.0 * e) / LN2 - 1.0).sum(axis=-1) - 1.0)


def distance(n: ArrayLike, eps: ArrayLike, length: ArrayLike) -> Any:
    """log2 of paper 002, Eqs. (11) and (12): ``1/2 2^(s+m) ((1 + 4 eps)/2)^n``, the key's distance from uniform.

    An upper bound, for the universally composable distance of Definition 6 (half the L1 norm). The values are
    exponents, so that 10^15 boxes do not underflow; above 0 the bound says nothing.

    Parameters
    ----------
    n : boxes
    eps : their average CHSH error, in [0, 1/4]
    length : s + m, key bits and published bits, at least 0
    """
    boxes, e, bits = together(n=amounts(n, "n"), eps=_box_error(eps), length=amounts(length, "length"))
    return answer(bits - 1.0 - boxes * (1.0 - np.log1p(4.0 * e) / LN2))


def estimation_failure(k: ArrayLike, margin: ArrayLike, sharp: bool = False) -> Any:
    """log2 of the probability that the estimate of :func:`estimated_error` is too low.

    Paper 002, Lemma 21: ``2 exp(-k margin^2/16)``. ``sharp``: Hoeffding's inequality, which holds for sampling without
    replacement too (1963, Section 6): ``exp(-2 k margin^2)``.

    Parameters
    ----------
    k : tested boxes
    margin : how far the error of all n + k boxes may exceed that of the k tested
    """
    tests, t = together(k=amounts(k, "k", 1.0), margin=within(margin, "margin", 0.0, 1.0))
    return answer(-2.0 * tests * t**2 / LN2 if sharp else 1.0 - tests * t**2 / (16.0 * LN2))


def estimated_error(n: ArrayLike, k: ArrayLike, measured: ArrayLike, failure: ArrayLike, sharp: bool = False) -> Any:
    """Upper confidence limit of the average error of the n boxes not tested: ``measured + (1 + k/n) margin``.

    Paper 002, Appendix D, where the margin has :func:`estimation_failure` equal to ``failure``. The print has the
    product ``measured (1 + k/n) margin``; its own line before, ``n/(n+k) (error - measured) >= margin``, gives the sum.

    Parameters
    ----------
    n, k : boxes of the key, boxes tested
    measured : fraction of errors among the tested, in [0, 1]
    failure : probability that the limit is too low, in (0, 1/2]
    """
    boxes, tests, e, s = together(
        n=amounts(n, "n", 1.0),
        k=amounts(k, "k", 1.0),
        measured=within(measured, "measured", 0.0, 1.0),
        failure=chances(failure, "failure"),
    )
    return answer(xor_lengths.estimated(boxes, tests, e, s, sharp))


def key_length(
    n: ArrayLike,
    k: ArrayLike,
    eps: ArrayLike,
    leakage: ArrayLike,
    security: ArrayLike = 1e-10,
    sharp: bool = False,
) -> Any:
    """Key length s in bits: the distance (12) at the estimated error, plus the estimate's failure, is at most
    ``security``.

        s = n (1 - log2(1 + 4 eps')) - m + log2(security),   eps' = estimated_error(n, k, eps, security/2)

    Signed. Any linear error correction may be used whose m published bits are functions of Alice's outcomes: a sum of
    key bits and published bits is a uniformly random linear function whatever the code.

    Parameters
    ----------
    n, k : boxes of the key, boxes tested
    eps : measured CHSH error of the tested, averaged over inputs, in [0, 1]
    leakage : m, published bits
    security : distance from a perfect key, in (0, 1/2]; half for the estimate, half for (12)
    sharp : Hoeffding's bound for the estimate instead of Lemma 21
    """
    boxes, tests, e, m, s = together(
        n=amounts(n, "n", 1.0),
        k=amounts(k, "k", 1.0),
        eps=within(eps, "eps", 0.0, 1.0),
        leakage=amounts(leakage, "leakage"),
        security=chances(security, "security"),
    )
    return answer(xor_lengths.length(boxes, tests, e, m, s, sharp))


def finite_length(
    rounds: ArrayLike,
    eps: ArrayLike,
    delta: ArrayLike,
    security: ArrayLike = 1e-10,
    sharp: bool = False,
    efficiency: float = 1.0,
) -> Any:
    """Expected key length in bits from ``rounds = n + k`` boxes with the best number k of tests. Signed.

    :func:`key_length` with ``m = efficiency * n h(delta)``. The parties may leave boxes unused,
    so that the length never falls with ``rounds``; it is at most ``rounds * max(key_rate, 0)``.

    Parameters
    ----------
    rounds : at least 4
    eps, delta : CHSH error in [0, 1/4], key error in [0, 1/2]
    security, sharp : as in :func:`key_length`
    efficiency : published bits in units of ``n h(delta)``; 1 is the limit of ideal codes
    """
    total, e, d, s = together(
        rounds=amounts(rounds, "rounds", finite.FEWEST),
        eps=_box_error(eps),
        delta=within(delta, "delta", 0.0, 0.5),
        security=chances(security, "security"),
    )
    f = number(within(efficiency, "efficiency", 1.0, 10.0), "efficiency")

    def length(boxes: Floats, tests: Floats) -> Floats:
        n = boxes - tests
        return xor_lengths.length(n, tests, e, f * n * binary_entropy(d), s, sharp)

    _, every = maximise(lambda tests: length(total, tests), np.ones(total.shape), 0.75 * total)
    fewest = length(np.full(total.shape, finite.FEWEST), np.ones(total.shape))
    return answer(finite.unused_rounds_allowed(every, fewest))


def proven_rate(eps: ArrayLike, delta: ArrayLike) -> Any:
    """Proven asymptotic rate in bits per box, tested boxes counted, with the best fraction tested.

    ``max over t of (1 - t)(1 - h(delta)) + min_theta [t D(eps || theta) - (1 - t) log2(1 + 4 theta)]``, at least 0;
    positive exactly where :func:`key_rate` is. A lower bound against general attacks, universally composable.
    """
    e, d = together(eps=_box_error(eps), delta=within(delta, "delta", 0.0, 0.5))
    return answer(linear_hashing.best_rate(e, np.full(e.shape, 2.0), binary_entropy(d)))


def proven_key_length(
    n: ArrayLike, k: ArrayLike, eps: ArrayLike, leakage: ArrayLike, security: ArrayLike = 1e-10
) -> Any:
    """Proven key length in bits (``linear_hashing``), for a random linear hash and linear one-way error correction.
    Signed.

    Parameters
    ----------
    n, k : boxes of the key, boxes tested with uniform inputs, the tested chosen at random
    eps : measured CHSH error of the tested, in [0, 1]
    leakage : published bits
    security : distance from a perfect key (half the L1 norm), in (0, 1/2]
    """
    boxes, tests, e, c, s = together(
        n=amounts(n, "n", 1.0),
        k=amounts(k, "k", 1.0),
        eps=within(eps, "eps", 0.0, 1.0),
        leakage=amounts(leakage, "leakage"),
        security=chances(security, "security"),
    )
    return answer(linear_hashing.length(boxes, tests, c, e, np.full(boxes.shape, 2.0), s))


def proven_finite_length(
    rounds: ArrayLike, eps: ArrayLike, delta: ArrayLike, security: ArrayLike = 1e-10, efficiency: float = 1.0
) -> Any:
    """Expected :func:`proven_key_length` with the best number of tests and ``leakage = efficiency * n h(delta)``.
    Signed.

    The parties may leave boxes unused, so that the length never falls with ``rounds``; it is at most
    ``rounds * proven_rate``.
    """
    total, e, d, s = together(
        rounds=amounts(rounds, "rounds", finite.FEWEST),
        eps=_box_error(eps),
        delta=within(delta, "delta", 0.0, 0.5),
        security=chances(security, "security"),
    )
    f = number(within(efficiency, "efficiency", 1.0, 10.0), "efficiency")
    two, few = np.full(total.shape, 2.0), np.ones(total.shape)
    _, every = linear_hashing.best_length(total, e, two, f * binary_entropy(d), s)
    return answer(finite.unused_rounds_allowed(every, linear_hashing.length(few, few, few, e, two, s)))


def quantum_boundary(delta: ArrayLike) -> Any:
    """The smallest CHSH error of quantum mechanics at key error delta (paper 002, Figure 4; formula derived).

    ``(4 - cos a - 3 cos((pi - a)/3))/8`` with ``cos a = 1 - 2 delta``: four unit vectors whose first angle is a reach
    the smallest error with the other three angles equal, (pi - a)/3 each. Its minimum is (2 - sqrt 2)/4, at delta
    equal to it.
    """
    d = within(delta, "delta", 0.0, 0.5)
    a = np.arccos(1.0 - 2.0 * d)
    return answer((4.0 - np.cos(a) - 3.0 * np.cos((np.pi - a) / 3.0)) / 8.0)


def best_quantum_point() -> tuple[float, float, float]:
    """(rate, delta, eps) of the largest key rate on the :func:`quantum_boundary`: 0.20305 at delta = 0.00114."""
    found = minimize_scalar(
        lambda a: -key_rate(quantum_boundary(np.sin(a / 2) ** 2), np.sin(a / 2) ** 2),
        bounds=(0.0, 0.5),
        method="bounded",
        options={"xatol": 1e-12},
    )
    delta = float(np.sin(found.x / 2) ** 2)
    return -float(found.fun), delta, quantum_boundary(delta)


def largest_quantum_delta() -> tuple[float, float]:
    """(delta, eps) where the boundary of positive rates meets the quantum boundary: (0.05660, 0.15226)."""
    delta = float(brentq(lambda d: key_rate(quantum_boundary(d), d), 0.01, 0.14, xtol=1e-16))
    return delta, quantum_boundary(delta)


def behaviour(visibility: float = 1.0, angle: float = np.pi / 6) -> Behaviour:
    """The box of paper 002, Protocol 1 (Figures 13, 14): polarisation angles 0 and ``angle``, Bob's 0 and ``-angle``.

    Singlets with one party's bit flipped: correlators ``v cos 2(a - b)``. At 30 degrees the errors of the inputs
    (0,0), (0,1), (1,0), (1,1) are 0, 1/4, 1/4, 1/4, so eps = 0.1875 and delta = 0 at visibility 1.
    """
    v = number(within(visibility, "visibility", 0.0, 1.0), "visibility")
    t = number(within(angle, "angle", -np.pi, np.pi), "angle")
    alice, bob = np.array([0.0, t]), np.array([0.0, -t])
    return Behaviour.from_correlators(v * np.cos(2.0 * (alice[:, None] - bob[None, :])))


def behaviour_errors(behaviour: Behaviour) -> Floats:
    """Errors of a box, ``P(x XOR y differs from u v)``, as an array of shape (2, 2) over the inputs (u, v).

    Their mean is the CHSH error eps; the key's error delta is that of (0, 0).
    """
    p = require_settings(behaviour, 2, 2).p
    differ = p[0, 1] + p[1, 0]
    differ[1, 1] = 1.0 - differ[1, 1]
    return np.asarray(differ)


def noisy_errors(visibility: ArrayLike, matched: bool = False) -> tuple[Any, Any]:
    """(eps, delta) of noisy singlets: Protocol 1's box, or ``matched``.

    Protocol 1 has ``eps = 3 v/16 + (1 - v)/2``. ``matched``: the settings of the CHSH maximum, ``eps = 1/2 - v/(2 sqrt
    2)``, and one more setting of Bob, equal to Alice's first, for the key. delta is ``(1 - v)/2`` for both.
    """
    v = within(visibility, "visibility", 0.0, 1.0)
    eps = 0.5 - v / (2.0 * np.sqrt(2.0)) if matched else 0.1875 * v + (1.0 - v) / 2.0
    return answer(eps), answer((1.0 - v) / 2.0)


def threshold(matched: bool = False, individual: bool = False) -> float:
    """The visibility at which the rate at :func:`noisy_errors` vanishes: 0.957208; 0.921973 if ``matched``.

    ``individual``: of :func:`individual_rate`; 0.903829 if ``matched``. For other boxes see
    ``protocols.vanishing_visibilities``.
    """
    rate = individual_rate if individual else lambda eps, delta: answer(xor_lengths.rate(eps, delta))

    def at(v: float) -> float:
        eps, delta = noisy_errors(v, matched)
        return float(rate(min(eps, 0.25), delta))

    return float(brentq(at, 0.75, 1.0, xtol=1e-16))


def _box_error(eps: ArrayLike) -> Floats:
    return within(eps, "eps", 0.0, 0.25, hint=HINT)
