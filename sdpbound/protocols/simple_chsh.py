r"""The simple CHSH protocol of Masanes et al. v4, Sections III to V: ``bhk`` with two settings.

Key and test rounds both use the depolarised settings X = Y = 0, so the key's error is the CHSH error, and the rate with
quantum devices is small: 0.059 at visibility 1.

As for ``bhk``, **the printed rate and lengths are refuted**: at visibility 1 the attack of :func:`individual_rate`
leaves -0.187. With quantum devices this protocol gives no key at all; the functions named ``proven`` hold.

>>> round(key_rate(1.0), 6), round(threshold(), 6)
(0.059085, 0.965151)
"""

from __future__ import annotations

from typing import overload

from numpy.typing import ArrayLike

from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.expression import BellExpression
from sdpbound.protocols import bhk
from sdpbound.protocols.bhk import correctness_bound, estimation_failure, reconciliation_entropy
from sdpbound.protocols.running.depolarised import simulate

__all__ = [
    "behaviour",
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


@overload
def error_rate(visibility: float) -> float: ...
@overload
def error_rate(visibility: ArrayLike) -> Floats: ...
def error_rate(visibility: ArrayLike) -> float | Floats:
    """The CHSH error q(1) of noisy EPR pairs, ``1/2 - p/(2 sqrt 2)``: Masanes et al. v4, before Eq. (18)."""
    return bhk.error_rate(visibility, 2)


@overload
def rate_at_error(error: float) -> float: ...
@overload
def rate_at_error(error: ArrayLike) -> Floats: ...
def rate_at_error(error: ArrayLike) -> float | Floats:
    """Masanes et al. v4, Eq. (16): asymptotic key rate at CHSH error q, ``1 - q log2 5 - h(q)``; signed."""
    return bhk.rate_at_error(error, 2)


@overload
def key_rate(visibility: float, matched: bool = ...) -> float: ...
@overload
def key_rate(visibility: ArrayLike, matched: bool = ...) -> Floats: ...
def key_rate(visibility: ArrayLike, matched: bool = False) -> float | Floats:
    """Masanes et al. v4, Eq. (18): asymptotic key rate of noisy EPR pairs, in bits per pair, signed; refuted.

    ``1 - (1/2 - p/(2 sqrt 2)) log2 5 - h(1/2 - p/(2 sqrt 2))``. ``matched``: our reconstruction of the curve 'CHSH
    protocol' of Figure 1, with ``h((1 - p)/2)`` (no formula is printed).
    """
    return bhk.key_rate(visibility, 2, matched)


def threshold(matched: bool = False) -> float:
    """The visibility at which :func:`key_rate` vanishes: 0.965151; the reconstruction's is 0.788765."""
    return float(bhk.threshold(2, matched))


def threshold_error() -> float:
    """The CHSH error at which :func:`rate_at_error` vanishes: 0.158768."""
    return float(bhk.threshold_error(2))


@overload
def secret_entropy(error: float, delta: float) -> float: ...
@overload
def secret_entropy(error: ArrayLike, delta: ArrayLike) -> Floats: ...
def secret_entropy(error: ArrayLike, delta: ArrayLike) -> float | Floats:
    """Masanes et al. v4, Eq. (10): ``min 1 - q(1) log2 5`` over ``||q - q_e|| <= delta`` (L1)."""
    return bhk.secret_entropy(error, delta, 2)


@overload
def secrecy_bound(n: float, n_e: float, n_f: float, n_s: float, error: float, delta: float) -> tuple[float, float]: ...
@overload
def secrecy_bound(
    n: ArrayLike, n_e: ArrayLike, n_f: ArrayLike, n_s: ArrayLike, error: ArrayLike, delta: ArrayLike
) -> tuple[Floats, Floats]: ...
def secrecy_bound(
    n: ArrayLike, n_e: ArrayLike, n_f: ArrayLike, n_s: ArrayLike, error: ArrayLike, delta: ArrayLike
) -> tuple[float | Floats, float | Floats]:
    """Masanes et al. v4, Eq. (13): log2 of both sides' terms; see :func:`bhk.secrecy_bound`."""
    return bhk.secrecy_bound(n, n_e, n_f, n_s, error, delta, 2)


@overload
def key_length(
    n: float, n_e: float, error: float, security: float = ..., leakage: float | None = ..., sharp: bool = ...
) -> float: ...
@overload
def key_length(
    n: ArrayLike,
    n_e: ArrayLike,
    error: ArrayLike,
    security: ArrayLike = ...,
    leakage: ArrayLike | None = ...,
    sharp: bool = ...,
) -> Floats: ...
def key_length(
    n: ArrayLike,
    n_e: ArrayLike,
    error: ArrayLike,
    security: ArrayLike = 1e-10,
    leakage: ArrayLike | None = None,
    sharp: bool = False,
) -> float | Floats:
    """Key length in bits for which (13) and (15) add up to at most ``security``; see :func:`bhk.key_length`."""
    return bhk.key_length(n, n_e, error, 2, security, leakage, sharp)


@overload
def finite_length(rounds: float, visibility: float, security: float = ..., sharp: bool = ...) -> float: ...
@overload
def finite_length(rounds: ArrayLike, visibility: ArrayLike, security: ArrayLike = ..., sharp: bool = ...) -> Floats: ...
def finite_length(
    rounds: ArrayLike, visibility: ArrayLike, security: ArrayLike = 1e-10, sharp: bool = False
) -> float | Floats:
    """Expected key length in bits with the best number of test rounds; see :func:`bhk.finite_length`."""
    return bhk.finite_length(rounds, visibility, 2, security, sharp)


@overload
def individual_rate(visibility: float, matched: bool = ...) -> float: ...
@overload
def individual_rate(visibility: ArrayLike, matched: bool = ...) -> Floats: ...
def individual_rate(visibility: ArrayLike, matched: bool = False) -> float | Floats:
    """``1 - 4 q - h(q)``: what an attack on single pairs leaves, an upper bound; see :func:`bhk.individual_rate`."""
    return bhk.individual_rate(visibility, 2, matched)


@overload
def proven_rate(visibility: float) -> float: ...
@overload
def proven_rate(visibility: ArrayLike) -> Floats: ...
def proven_rate(visibility: ArrayLike) -> float | Floats:
    """Proven asymptotic rate of noisy EPR pairs (0 for all); see :func:`bhk.proven_rate`."""
    return bhk.proven_rate(visibility, 2)


@overload
def proven_key_length(n: float, n_e: float, error: float, leakage: float, security: float = ...) -> float: ...
@overload
def proven_key_length(
    n: ArrayLike, n_e: ArrayLike, error: ArrayLike, leakage: ArrayLike, security: ArrayLike = ...
) -> Floats: ...
def proven_key_length(
    n: ArrayLike, n_e: ArrayLike, error: ArrayLike, leakage: ArrayLike, security: ArrayLike = 1e-10
) -> float | Floats:
    """Proven key length in bits; see :func:`bhk.proven_key_length`."""
    return bhk.proven_key_length(n, n_e, error, leakage, 2, security)


@overload
def proven_finite_length(rounds: float, visibility: float, security: float = ..., efficiency: float = ...) -> float: ...
@overload
def proven_finite_length(
    rounds: ArrayLike, visibility: ArrayLike, security: ArrayLike = ..., efficiency: float = ...
) -> Floats: ...
def proven_finite_length(
    rounds: ArrayLike, visibility: ArrayLike, security: ArrayLike = 1e-10, efficiency: float = 1.0
) -> float | Floats:
    """Expected proven length of noisy EPR pairs; see :func:`bhk.proven_finite_length`."""
    return bhk.proven_finite_length(rounds, visibility, 2, security, efficiency)


def guessing_expression() -> BellExpression:
    """Masanes et al. v4, Eq. (42): Gamma with ``P_guess(A|E) <= Gamma = 1/2 + 2 eps`` for one pair."""
    return BellExpression.from_correlators([[-0.25, -0.25], [-0.25, 0.25]], constant=1.5, name="Gamma")


def behaviour(visibility: float) -> Behaviour:
    """Noisy EPR pairs at the CHSH maximum, oriented as in (1): outcomes differ where x = y = 1.

    Correlators ``p cos(pi/4)``, and minus that for x = y = 1. (:func:`bhk.behaviour` with M = 2 is the same up to which
    pair of settings carries the sign.)
    """
    return Behaviour.from_correlators(bhk.behaviour(visibility, 2).correlators[:, ::-1])
