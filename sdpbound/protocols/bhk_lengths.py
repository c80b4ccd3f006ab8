"""Key lengths of the protocol of Barrett, Hardy and Kent from a finite number of pairs: ``bhk`` has what they mean.

Equations are those of Masanes, Renner, Winter, Barrett and Christandl (2006), arXiv:quant-ph/0606049v4.
"""

from __future__ import annotations

from typing import overload

import numpy as np
from numpy.typing import ArrayLike

from sdpbound.arrays import Floats
from sdpbound.protocols.bhk_rates import best_settings
from sdpbound.protocols.formulas import chained_privacy, finite, linear_hashing
from sdpbound.protocols.formulas.information import binary_entropy, maximise
from sdpbound.protocols.formulas.ranges import amounts, answer, chances, number, settings_count, together, within

__all__ = [
    "correctness_bound",
    "estimation_failure",
    "finite_length",
    "key_length",
    "proven_finite_length",
    "proven_key_length",
    "reconciliation_entropy",
    "secrecy_bound",
    "secret_entropy",
]


@overload
def reconciliation_entropy(error: float, delta: float) -> float: ...
@overload
def reconciliation_entropy(error: ArrayLike, delta: ArrayLike) -> Floats: ...
def reconciliation_entropy(error: ArrayLike, delta: ArrayLike) -> float | Floats:
    """Masanes et al. v4, Eq. (9): ``max h(q(1))`` over ``||q - q_e|| <= delta``; the norm is L1, so q(1) moves by
    delta/2.
    """
    q, d = together(error=within(error, "error", 0.0, 1.0), delta=within(delta, "delta", 0.0, 2.0))
    return answer(chained_privacy.reconciliation_entropy(q, d))


@overload
def secret_entropy(error: float, delta: float, settings: float) -> float: ...
@overload
def secret_entropy(error: ArrayLike, delta: ArrayLike, settings: ArrayLike) -> Floats: ...
def secret_entropy(error: ArrayLike, delta: ArrayLike, settings: ArrayLike) -> float | Floats:
    """Masanes et al. v4, Eq. (10) with (68): ``min 1 - q(1) log2(1 + 2M)`` over ``||q - q_e|| <= delta`` (L1)."""
    q, d, m = together(
        error=within(error, "error", 0.0, 1.0),
        delta=within(delta, "delta", 0.0, 2.0),
        settings=settings_count(settings),
    )
    return answer(chained_privacy.secret_entropy(q, d, m))


@overload
def estimation_failure(n: float, n_e: float, delta: float) -> float: ...
@overload
def estimation_failure(n: ArrayLike, n_e: ArrayLike, delta: ArrayLike) -> Floats: ...
def estimation_failure(n: ArrayLike, n_e: ArrayLike, delta: ArrayLike) -> float | Floats:
    """log2 of epsilon in Masanes et al. v4, Eqs. (14) and (36), as printed: ``4 (N+1)^4 exp(-delta^2 N_e/(8 ln 2))``.

    The printed proof of Theorem 4 takes the relative entropy in bits into ``exp(-D N)``, which is false; for a binary C
    the bound holds all the same, by Serfling's inequality, when N_e <= N/2 (docs/papers.md).
    """
    rounds, tests, d = together(
        n=amounts(n, "n", 2.0), n_e=amounts(n_e, "n_e", 1.0), delta=within(delta, "delta", 0.0, 2.0)
    )
    finite.require_part(rounds, tests, 0.5, "n_e", "Theorem 4 tests at most half of the rounds")
    return answer(chained_privacy.estimation_failure(rounds, tests, d))


@overload
def secrecy_bound(
    n: float, n_e: float, n_f: float, n_s: float, error: float, delta: float, settings: float
) -> tuple[float, float]: ...
@overload
def secrecy_bound(
    n: ArrayLike,
    n_e: ArrayLike,
    n_f: ArrayLike,
    n_s: ArrayLike,
    error: ArrayLike,
    delta: ArrayLike,
    settings: ArrayLike,
) -> tuple[Floats, Floats]: ...
def secrecy_bound(
    n: ArrayLike,
    n_e: ArrayLike,
    n_f: ArrayLike,
    n_s: ArrayLike,
    error: ArrayLike,
    delta: ArrayLike,
    settings: ArrayLike,
) -> tuple[float | Floats, float | Floats]:
    """Masanes et al. v4, Eq. (13): log2 of its right-hand side, and log2 of its first term.

        || P_{G(A_r) E W G} - P_U P_{E W G} ||_1 <= sqrt(2)^(N_s + N_f + 2 N_e - N_r H_pa) + 2 epsilon

    Parameters
    ----------
    n, n_e : all rounds and test rounds, N_r = n - n_e
    n_f, n_s : published bits of error correction, and key bits
    error, delta : the estimate q_e(1), and the radius of the confidence interval
    settings : M

    Returns
    -------
    (log2 of the bound, log2 of its first term); above 0 the bound says nothing
    """
    rounds, tests, sent, key, q, d, m = together(
        n=amounts(n, "n", 2.0),
        n_e=amounts(n_e, "n_e", 1.0),
        n_f=amounts(n_f, "n_f"),
        n_s=amounts(n_s, "n_s"),
        error=within(error, "error", 0.0, 1.0),
        delta=within(delta, "delta", 0.0, 2.0),
        settings=settings_count(settings),
    )
    finite.require_part(rounds, tests, 0.5, "n_e", "Theorem 4 tests at most half of the rounds")
    first = chained_privacy.secrecy(rounds, tests, sent, key, q, d, m)
    total = np.logaddexp2(first, 1.0 + chained_privacy.estimation_failure(rounds, tests, d))
    return answer(total), answer(first)


@overload
def correctness_bound(n: float, n_e: float, n_f: float, error: float, delta: float) -> tuple[float, float]: ...
@overload
def correctness_bound(
    n: ArrayLike, n_e: ArrayLike, n_f: ArrayLike, error: ArrayLike, delta: ArrayLike
) -> tuple[Floats, Floats]: ...
def correctness_bound(
    n: ArrayLike, n_e: ArrayLike, n_f: ArrayLike, error: ArrayLike, delta: ArrayLike
) -> tuple[float | Floats, float | Floats]:
    """Masanes et al. v4, Eq. (15): log2 of its right-hand side, and log2 of its second term.

    Prob{Bob's key differs} <= epsilon + 2^(N_r H_ec + 4 log2(N_r + 1) - N_f), for ideal decoding of a random hash.
    """
    rounds, tests, sent, q, d = together(
        n=amounts(n, "n", 2.0),
        n_e=amounts(n_e, "n_e", 1.0),
        n_f=amounts(n_f, "n_f"),
        error=within(error, "error", 0.0, 1.0),
        delta=within(delta, "delta", 0.0, 2.0),
    )
    finite.require_part(rounds, tests, 0.5, "n_e", "Theorem 4 tests at most half of the rounds")
    second = chained_privacy.correctness(rounds, tests, sent, q, d)
    total = np.logaddexp2(second, chained_privacy.estimation_failure(rounds, tests, d))
    return answer(total), answer(second)


@overload
def key_length(
    n: float,
    n_e: float,
    error: float,
    settings: float,
    security: float = ...,
    leakage: float | None = ...,
    sharp: bool = ...,
) -> float: ...
@overload
def key_length(
    n: ArrayLike,
    n_e: ArrayLike,
    error: ArrayLike,
    settings: ArrayLike,
    security: ArrayLike = ...,
    leakage: ArrayLike | None = ...,
    sharp: bool = ...,
) -> Floats: ...
def key_length(
    n: ArrayLike,
    n_e: ArrayLike,
    error: ArrayLike,
    settings: ArrayLike,
    security: ArrayLike = 1e-10,
    leakage: ArrayLike | None = None,
    sharp: bool = False,
) -> float | Floats:
    """Key length in bits for which the bounds (13) and (15) of Masanes et al. v4 add up to at most ``security``.
    Signed; refuted.

    Parameters
    ----------
    n, n_e : all rounds, and test rounds (at most n/2)
    error : measured error frequency q_e(1); the parties abort if it is larger than what they demand
    settings : M
    security : bound on the sum of secrecy (an L1 distance) and failure of correctness, in (0, 1/2]
    leakage : bits published for error correction; None: the ideal decoder of (15)
    sharp : the confidence interval from Serfling's inequality instead of the printed (14)
    """
    rounds, tests, q, m, s = together(
        n=amounts(n, "n", 2.0),
        n_e=amounts(n_e, "n_e", 1.0),
        error=within(error, "error", 0.0, 1.0),
        settings=settings_count(settings),
        security=chances(security, "security"),
    )
    finite.require_part(rounds, tests, 0.5, "n_e", "Theorem 4 tests at most half of the rounds")
    sent = None if leakage is None else amounts(leakage, "leakage")
    return answer(chained_privacy.measured_length(rounds, tests, q, s, m, sent, sharp))


@overload
def finite_length(
    rounds: float, visibility: float, settings: float | None = ..., security: float = ..., sharp: bool = ...
) -> float: ...
@overload
def finite_length(
    rounds: ArrayLike,
    visibility: ArrayLike,
    settings: ArrayLike | None = ...,
    security: ArrayLike = ...,
    sharp: bool = ...,
) -> Floats: ...
def finite_length(
    rounds: ArrayLike,
    visibility: ArrayLike,
    settings: ArrayLike | None = None,
    security: ArrayLike = 1e-10,
    sharp: bool = False,
) -> float | Floats:
    """Expected key length in bits of noisy EPR pairs with the best number of test rounds, ideal error correction.
    Signed.

    :func:`key_length` at the error frequency (69), maximised over N_e <= N/2. The parties may leave rounds unused,
    so that the length never falls with ``rounds``; it is at most ``rounds * max(key_rate, 0)``.

    Parameters
    ----------
    rounds : 2 and more
    visibility, settings, security, sharp : as in :func:`key_rate` and :func:`key_length`
    """
    if settings is None:
        settings = best_settings(visibility)
    n, p, m, s = together(
        rounds=amounts(rounds, "rounds", finite.FEWEST),
        visibility=within(visibility, "visibility", 0.0, 1.0),
        settings=settings_count(settings),
        security=chances(security, "security"),
    )
    q = chained_privacy.quantum_error(p, m)

    def length(total: Floats, tests: Floats) -> Floats:
        return chained_privacy.measured_length(total, tests, q, s, m, None, sharp)

    _, every = maximise(lambda tests: length(n, tests), np.ones(n.shape), n / 2.0)
    fewest = length(np.full(n.shape, finite.FEWEST), np.ones(n.shape))
    return answer(finite.unused_rounds_allowed(every, fewest))


@overload
def proven_key_length(
    n: float, n_e: float, error: float, leakage: float, settings: float, security: float = ...
) -> float: ...
@overload
def proven_key_length(
    n: ArrayLike, n_e: ArrayLike, error: ArrayLike, leakage: ArrayLike, settings: ArrayLike, security: ArrayLike = ...
) -> Floats: ...
def proven_key_length(
    n: ArrayLike, n_e: ArrayLike, error: ArrayLike, leakage: ArrayLike, settings: ArrayLike, security: ArrayLike = 1e-10
) -> float | Floats:
    """Proven key length in bits (``linear_hashing``), for a random linear hash and linear one-way error correction.
    Signed.

    Parameters
    ----------
    n, n_e : all pairs, and test pairs, chosen at random, 1 <= n_e < n
    error : measured error frequency q_e(1)
    leakage : bits that Alice publishes for error correction
    settings : M
    security : distance from a perfect key (half the L1 norm) given what Eve sees, in (0, 1/2]
    """
    rounds, tests, q, c, m, s = together(
        n=amounts(n, "n", 2.0),
        n_e=amounts(n_e, "n_e", 1.0),
        error=within(error, "error", 0.0, 1.0),
        leakage=amounts(leakage, "leakage"),
        settings=settings_count(settings),
        security=chances(security, "security"),
    )
    finite.require_part(rounds, tests, 1.0, "n_e", "tests are some of the pairs")
    return answer(linear_hashing.length(rounds - tests, tests, c, q, m, s))


@overload
def proven_finite_length(
    rounds: float, visibility: float, settings: float, security: float = ..., efficiency: float = ...
) -> float: ...
@overload
def proven_finite_length(
    rounds: ArrayLike, visibility: ArrayLike, settings: ArrayLike, security: ArrayLike = ..., efficiency: float = ...
) -> Floats: ...
def proven_finite_length(
    rounds: ArrayLike,
    visibility: ArrayLike,
    settings: ArrayLike,
    security: ArrayLike = 1e-10,
    efficiency: float = 1.0,
) -> float | Floats:
    """Expected :func:`proven_key_length` of noisy EPR pairs with the best number of tests. Signed.

    ``leakage = efficiency * n_r h(q)``; 1 is the limit of ideal codes. The parties may leave rounds unused, so that the
    length never falls with ``rounds``; it is at most ``rounds * proven_rate``.
    """
    n, p, m, s = together(
        rounds=amounts(rounds, "rounds", finite.FEWEST),
        visibility=within(visibility, "visibility", 0.0, 1.0),
        settings=settings_count(settings),
        security=chances(security, "security"),
    )
    f = number(within(efficiency, "efficiency", 1.0, 10.0), "efficiency")
    q = chained_privacy.quantum_error(p, m)
    _, every = linear_hashing.best_length(n, q, m, f * binary_entropy(q), s)
    few = np.ones(n.shape)
    return answer(finite.unused_rounds_allowed(every, linear_hashing.length(few, few, few, q, m, s)))
