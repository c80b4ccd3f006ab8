"""Rates of the protocol of Barrett, Hardy and Kent, in bits per pair: ``bhk`` has what they mean.

Equations are those of Masanes, Renner, Winter, Barrett and Christandl (2006), arXiv:quant-ph/0606049v4.
"""

from __future__ import annotations

from typing import overload

import numpy as np
from numpy.typing import ArrayLike

from sdpbound.arrays import Floats, Ints
from sdpbound.protocols.formulas import chained_privacy, linear_hashing
from sdpbound.protocols.formulas.information import binary_entropy, bisect, maximise
from sdpbound.protocols.formulas.ranges import (
    LARGEST_SETTINGS,
    answer,
    number,
    settings_count,
    together,
    whole_answer,
    within,
)

__all__ = [
    "best_settings",
    "error_rate",
    "individual_rate",
    "key_rate",
    "proven_rate",
    "rate_at_error",
    "threshold",
    "threshold_error",
]


@overload
def error_rate(visibility: float, settings: float) -> float: ...
@overload
def error_rate(visibility: ArrayLike, settings: ArrayLike) -> Floats: ...
def error_rate(visibility: ArrayLike, settings: ArrayLike) -> float | Floats:
    """Masanes et al. v4, Eq. (69): the error frequency q(1) of noisy EPR pairs, ``p sin^2(pi/4M) + (1 - p)/2``.

    Parameters
    ----------
    visibility : p in [0, 1]; the paper's purity
    settings : M >= 2
    """
    p, m = together(visibility=within(visibility, "visibility", 0.0, 1.0), settings=settings_count(settings))
    return answer(chained_privacy.quantum_error(p, m))


@overload
def rate_at_error(error: float, settings: float) -> float: ...
@overload
def rate_at_error(error: ArrayLike, settings: ArrayLike) -> Floats: ...
def rate_at_error(error: ArrayLike, settings: ArrayLike) -> float | Floats:
    """Masanes et al. v4, Eq. (68): key rate in bits per pair at error frequency q, ``1 - q log2(1 + 2M) - h(q)``.

    Asymptotic. The printed claim, which is refuted; signed.
    """
    q, m = together(error=within(error, "error", 0.0, 1.0), settings=settings_count(settings))
    return answer(1.0 - q * np.log2(1.0 + 2.0 * m) - binary_entropy(q))


@overload
def key_rate(visibility: float, settings: float | None = ..., matched: bool = ...) -> float: ...
@overload
def key_rate(visibility: ArrayLike, settings: ArrayLike | None = ..., matched: bool = ...) -> Floats: ...
def key_rate(visibility: ArrayLike, settings: ArrayLike | None = None, matched: bool = False) -> float | Floats:
    """Asymptotic key rate of noisy EPR pairs in bits per pair: Masanes et al. v4, Eqs. (68) and (69). Signed; refuted.

    Parameters
    ----------
    visibility : p in [0, 1]
    settings : M >= 2; None: the best M for each visibility
    matched : Bob has one more basis, equal to Alice's first, for the key, so that its error is (1 - p)/2 and errors
        cost ``h((1 - p)/2)``. **Not printed in the paper**: for M = 2 it is our reconstruction of the curve 'CHSH
        protocol' of its Figure 1, by the paper's own privacy term.
    """
    if settings is None:
        settings = best_settings(visibility, matched)
    p, m = together(visibility=within(visibility, "visibility", 0.0, 1.0), settings=settings_count(settings))
    q = chained_privacy.quantum_error(p, m)
    return answer(1.0 - q * np.log2(1.0 + 2.0 * m) - binary_entropy((1.0 - p) / 2.0 if matched else q))


@overload
def best_settings(visibility: float, matched: bool = ..., largest: int = ...) -> int: ...
@overload
def best_settings(visibility: ArrayLike, matched: bool = ..., largest: int = ...) -> Ints: ...
def best_settings(visibility: ArrayLike, matched: bool = False, largest: int = LARGEST_SETTINGS) -> int | Ints:
    """The M from 2 to ``largest`` with the largest :func:`key_rate`, as integers.

    At visibility 1 the rate grows with M for ever, and ``largest`` is returned. Masanes et al. v4 says 'in the low
    purity regime p <~ 0.8 the optimal value is M = 6': M = 6 is best from 0.7467 to 0.7911.
    """
    p = within(visibility, "visibility", 0.0, 1.0)
    top = number(settings_count(largest), "largest")

    def rate(m: Floats) -> Floats:
        q = chained_privacy.quantum_error(p, m)
        return np.asarray(1.0 - q * np.log2(1.0 + 2.0 * m) - binary_entropy((1.0 - p) / 2.0 if matched else q))

    continuous, _ = maximise(rate, np.full(p.shape, 2.0), np.full(p.shape, top))
    around = np.clip(np.floor(continuous) + np.arange(-1.0, 3.0).reshape((-1,) + (1,) * p.ndim), 2.0, top)
    best = np.take_along_axis(around, np.argmax(rate(around), axis=0)[None], axis=0)[0]
    return whole_answer(best)


@overload
def threshold(settings: float | None = ..., matched: bool = ...) -> float: ...
@overload
def threshold(settings: ArrayLike | None = ..., matched: bool = ...) -> Floats: ...
def threshold(settings: ArrayLike | None = None, matched: bool = False) -> float | Floats:
    """The visibility at which :func:`key_rate` vanishes; None: the lowest of all M (M = 6: 0.778402)."""
    if settings is None:
        return float(np.min(threshold(np.arange(2, 16), matched)))
    m = settings_count(settings)
    ones = np.ones(m.shape)
    return answer(bisect(lambda p: np.asarray(key_rate(p, m, matched)), ones, 0.3 * ones))


@overload
def threshold_error(settings: float) -> float: ...
@overload
def threshold_error(settings: ArrayLike) -> Floats: ...
def threshold_error(settings: ArrayLike) -> float | Floats:
    """The error frequency at which :func:`rate_at_error` vanishes."""
    m = settings_count(settings)
    zero = np.zeros(m.shape)
    return answer(bisect(lambda q: np.asarray(rate_at_error(q, m)), zero, zero + 0.5))


@overload
def individual_rate(visibility: float, settings: float, matched: bool = ...) -> float: ...
@overload
def individual_rate(visibility: ArrayLike, settings: ArrayLike, matched: bool = ...) -> Floats: ...
def individual_rate(visibility: ArrayLike, settings: ArrayLike, matched: bool = False) -> float | Floats:
    """``1 - 2 M q - h(q)``: what an attack on single pairs leaves of the key rate, an upper bound. Signed.

    Eve prepares every pair on its own: with probability ``2 M q`` a deterministic box that fails on one relevant pair
    of settings (each of the 2M equally often), else the perfect nonlocal box. Depolarised, that is the box with error
    q; Eve knows the outcome of a fraction ``2 M q`` of the pairs, has no nonclassical memory, and sees ``h(q)``
    published. This protocol, with one-way error correction at the Shannon limit, cannot give more.
    """
    p, m = together(visibility=within(visibility, "visibility", 0.0, 1.0), settings=settings_count(settings))
    q = chained_privacy.quantum_error(p, m)
    known = np.minimum(2.0 * m * q, 1.0)
    return answer(1.0 - known - binary_entropy((1.0 - p) / 2.0 if matched else q))


@overload
def proven_rate(visibility: float, settings: float) -> float: ...
@overload
def proven_rate(visibility: ArrayLike, settings: ArrayLike) -> Floats: ...
def proven_rate(visibility: ArrayLike, settings: ArrayLike) -> float | Floats:
    """Proven asymptotic rate of noisy EPR pairs in bits per pair, tested pairs counted, with the best fraction tested.

    ``max over t of (1 - t)(1 - h(q)) + min_theta [t D(q || theta) - (1 - t) log2(1 + 2 M theta)]``, at least 0; a lower
    bound against general attacks, universally composable (``linear_hashing``). If the pairs were known to be
    independent the test would cost nothing: ``1 - log2(1 + 2 M q) - h(q)``.
    """
    p, m = together(visibility=within(visibility, "visibility", 0.0, 1.0), settings=settings_count(settings))
    q = chained_privacy.quantum_error(p, m)
    return answer(linear_hashing.best_rate(q, m, binary_entropy(q)))
