"""Key lengths by XOR privacy amplification of a finite number of boxes: ``xor_amplification`` has what they mean.

Equations are those of Hanggi, Renner and Wolf (2009), arXiv:0911.4171.
"""

from __future__ import annotations

from typing import overload

import numpy as np
from numpy.typing import ArrayLike

from sdpbound.arrays import Floats
from sdpbound.protocols.formulas import finite, linear_hashing, xor_lengths
from sdpbound.protocols.formulas.information import LN2, binary_entropy, maximise
from sdpbound.protocols.formulas.ranges import amounts, answer, chances, chsh_error, number, together, within

__all__ = [
    "average_distance",
    "distance",
    "estimated_error",
    "estimation_failure",
    "finite_length",
    "key_length",
    "proven_finite_length",
    "proven_key_length",
    "xor_distance",
]


@overload
def xor_distance(eps: float) -> float: ...
@overload
def xor_distance(eps: ArrayLike) -> Floats: ...
def xor_distance(eps: ArrayLike) -> float | Floats:
    """log2 of Hanggi et al., Lemma 6: the XOR of all outcomes is within ``1/2 prod(4 eps_i)`` of uniform.

    The product runs along the last axis. An upper bound for every no-signaling Eve, reached by attacking each box
    alone.
    """
    e = np.atleast_1d(chsh_error(eps))
    with np.errstate(divide="ignore"):
        return answer(np.log2(4.0 * e).sum(axis=-1) - 1.0)


@overload
def average_distance(eps: float) -> float: ...
@overload
def average_distance(eps: ArrayLike) -> Floats: ...
def average_distance(eps: ArrayLike) -> float | Floats:
    """log2 of the average over random subsets K of ``1/2 prod_K (4 eps_i)``: ``1/2 prod (1 + 4 eps_i)/2``, last axis.

    Hanggi et al., Lemma 16, bounds it by ``1/2 ((1 + 4 mean)/2)^n`` (Lemma 29).
    """
    e = np.atleast_1d(chsh_error(eps))
    return answer((np.log1p(4.0 * e) / LN2 - 1.0).sum(axis=-1) - 1.0)


@overload
def distance(n: float, eps: float, length: float) -> float: ...
@overload
def distance(n: ArrayLike, eps: ArrayLike, length: ArrayLike) -> Floats: ...
def distance(n: ArrayLike, eps: ArrayLike, length: ArrayLike) -> float | Floats:
    """log2 of Hanggi et al., Eqs. (11) and (12): ``1/2 2^(s+m) ((1 + 4 eps)/2)^n``, the key's distance from uniform.

    An upper bound, for the universally composable distance of Definition 6 (half the L1 norm). The values are
    exponents, so that 10^15 boxes do not underflow; above 0 the bound says nothing.

    Parameters
    ----------
    n : boxes
    eps : their average CHSH error, in [0, 1/4]
    length : s + m, key bits and published bits, at least 0
    """
    boxes, e, bits = together(n=amounts(n, "n"), eps=chsh_error(eps), length=amounts(length, "length"))
    return answer(bits - 1.0 - boxes * (1.0 - np.log1p(4.0 * e) / LN2))


@overload
def estimation_failure(k: float, margin: float, sharp: bool = ...) -> float: ...
@overload
def estimation_failure(k: ArrayLike, margin: ArrayLike, sharp: bool = ...) -> Floats: ...
def estimation_failure(k: ArrayLike, margin: ArrayLike, sharp: bool = False) -> float | Floats:
    """log2 of the probability that the estimate of :func:`estimated_error` is too low.

    Hanggi et al., Lemma 21: ``2 exp(-k margin^2/16)``. ``sharp``: Hoeffding's inequality, which holds for sampling
    without replacement too (1963, Section 6): ``exp(-2 k margin^2)``.

    Parameters
    ----------
    k : tested boxes
    margin : how far the error of all n + k boxes may exceed that of the k tested
    """
    tests, t = together(k=amounts(k, "k", 1.0), margin=within(margin, "margin", 0.0, 1.0))
    return answer(-2.0 * tests * t**2 / LN2 if sharp else 1.0 - tests * t**2 / (16.0 * LN2))


@overload
def estimated_error(n: float, k: float, measured: float, failure: float, sharp: bool = ...) -> float: ...
@overload
def estimated_error(
    n: ArrayLike, k: ArrayLike, measured: ArrayLike, failure: ArrayLike, sharp: bool = ...
) -> Floats: ...
def estimated_error(
    n: ArrayLike, k: ArrayLike, measured: ArrayLike, failure: ArrayLike, sharp: bool = False
) -> float | Floats:
    """Upper confidence limit of the average error of the n boxes not tested: ``measured + (1 + k/n) margin``.

    Hanggi et al., Appendix D, where the margin has :func:`estimation_failure` equal to ``failure``. The print has the
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


@overload
def key_length(n: float, k: float, eps: float, leakage: float, security: float = ..., sharp: bool = ...) -> float: ...
@overload
def key_length(
    n: ArrayLike, k: ArrayLike, eps: ArrayLike, leakage: ArrayLike, security: ArrayLike = ..., sharp: bool = ...
) -> Floats: ...
def key_length(
    n: ArrayLike,
    k: ArrayLike,
    eps: ArrayLike,
    leakage: ArrayLike,
    security: ArrayLike = 1e-10,
    sharp: bool = False,
) -> float | Floats:
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


@overload
def finite_length(
    rounds: float, eps: float, delta: float, security: float = ..., sharp: bool = ..., efficiency: float = ...
) -> float: ...
@overload
def finite_length(
    rounds: ArrayLike,
    eps: ArrayLike,
    delta: ArrayLike,
    security: ArrayLike = ...,
    sharp: bool = ...,
    efficiency: float = ...,
) -> Floats: ...
def finite_length(
    rounds: ArrayLike,
    eps: ArrayLike,
    delta: ArrayLike,
    security: ArrayLike = 1e-10,
    sharp: bool = False,
    efficiency: float = 1.0,
) -> float | Floats:
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
        eps=chsh_error(eps),
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


@overload
def proven_key_length(n: float, k: float, eps: float, leakage: float, security: float = ...) -> float: ...
@overload
def proven_key_length(
    n: ArrayLike, k: ArrayLike, eps: ArrayLike, leakage: ArrayLike, security: ArrayLike = ...
) -> Floats: ...
def proven_key_length(
    n: ArrayLike, k: ArrayLike, eps: ArrayLike, leakage: ArrayLike, security: ArrayLike = 1e-10
) -> float | Floats:
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


@overload
def proven_finite_length(
    rounds: float, eps: float, delta: float, security: float = ..., efficiency: float = ...
) -> float: ...
@overload
def proven_finite_length(
    rounds: ArrayLike, eps: ArrayLike, delta: ArrayLike, security: ArrayLike = ..., efficiency: float = ...
) -> Floats: ...
def proven_finite_length(
    rounds: ArrayLike, eps: ArrayLike, delta: ArrayLike, security: ArrayLike = 1e-10, efficiency: float = 1.0
) -> float | Floats:
    """Expected :func:`proven_key_length` with the best number of tests and ``leakage = efficiency * n h(delta)``.
    Signed.

    The parties may leave boxes unused, so that the length never falls with ``rounds``; it is at most
    ``rounds * proven_rate``.
    """
    total, e, d, s = together(
        rounds=amounts(rounds, "rounds", finite.FEWEST),
        eps=chsh_error(eps),
        delta=within(delta, "delta", 0.0, 0.5),
        security=chances(security, "security"),
    )
    f = number(within(efficiency, "efficiency", 1.0, 10.0), "efficiency")
    two, few = np.full(total.shape, 2.0), np.ones(total.shape)
    _, every = linear_hashing.best_length(total, e, two, f * binary_entropy(d), s)
    return answer(finite.unused_rounds_allowed(every, linear_hashing.length(few, few, few, e, two, s)))
