r"""The protocol of Barrett, Hardy and Kent with M settings: paper 000, Section VI (``simple_chsh`` is M = 2).

Alice and Bob share pairs measured in M bases each, depolarise every pair to one error probability q(1) on all relevant
pairs of settings, test n_e rounds, and hash the rest. Eve is limited by no-signaling between all 2N + 1 systems,
attacks generally, and measures her system before the public discussion (paper 000: no nonclassical memory).

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

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdpbound.protocols.formulas import chained_privacy, finite, linear_hashing
from sdpbound.protocols.formulas.information import binary_entropy, bisect, maximise
from sdpbound.protocols.formulas.ranges import (
    LARGEST_SETTINGS,
    amounts,
    answer,
    chances,
    number,
    settings_count,
    together,
    within,
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


def error_rate(visibility: ArrayLike, settings: ArrayLike) -> Any:
    """Paper 000, Eq. (69): the error frequency q(1) of noisy EPR pairs, ``p sin^2(pi/4M) + (1 - p)/2``.

    Parameters
    ----------
    visibility : p in [0, 1]; the paper's purity
    settings : M >= 2
    """
    p, m = together(visibility=within(visibility, "visibility", 0.0, 1.0), settings=settings_count(settings))
    return answer(chained_privacy.quantum_error(p, m))


def rate_at_error(error: ArrayLike, settings: ArrayLike) -> Any:
    """Paper 000, Eq. (68): asymptotic key rate in bits per pair at error frequency q, ``1 - q log2(1 + 2M) - h(q)``.

    The printed claim, which is refuted; signed.
    """
    q, m = together(error=within(error, "error", 0.0, 1.0), settings=settings_count(settings))
    return answer(1.0 - q * np.log2(1.0 + 2.0 * m) - binary_entropy(q))


def key_rate(visibility: ArrayLike, settings: ArrayLike | None = None, matched: bool = False) -> Any:
    """Asymptotic key rate of noisy EPR pairs in bits per pair: paper 000, Eqs. (68) and (69). Signed; refuted.

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


def best_settings(visibility: ArrayLike, matched: bool = False, largest: int = LARGEST_SETTINGS) -> Any:
    """The M from 2 to ``largest`` with the largest :func:`key_rate`, as integers.

    At visibility 1 the rate grows with M for ever, and ``largest`` is returned. Paper 000 says 'in the low purity
    regime p <~ 0.8 the optimal value is M = 6': M = 6 is best from 0.7467 to 0.7911.
    """
    p = within(visibility, "visibility", 0.0, 1.0)
    top = number(settings_count(largest), "largest")

    def rate(m: NDArray[np.float64]) -> NDArray[np.float64]:
        q = chained_privacy.quantum_error(p, m)
        return np.asarray(1.0 - q * np.log2(1.0 + 2.0 * m) - binary_entropy((1.0 - p) / 2.0 if matched else q))

    continuous, _ = maximise(rate, np.full(p.shape, 2.0), np.full(p.shape, top))
    around = np.clip(np.floor(continuous) + np.arange(-1.0, 3.0).reshape((-1,) + (1,) * p.ndim), 2.0, top)
    best = np.take_along_axis(around, np.argmax(rate(around), axis=0)[None], axis=0)[0]
    return answer(best.astype(np.int64))


def threshold(settings: ArrayLike | None = None, matched: bool = False) -> Any:
    """The visibility at which :func:`key_rate` vanishes; None: the lowest of all M (M = 6: 0.778402)."""
    if settings is None:
        return float(np.min(threshold(np.arange(2, 16), matched)))
    m = settings_count(settings)
    ones = np.ones(m.shape)
    return answer(bisect(lambda p: np.asarray(key_rate(p, m, matched)), ones, 0.3 * ones))


def threshold_error(settings: ArrayLike) -> Any:
    """The error frequency at which :func:`rate_at_error` vanishes."""
    m = settings_count(settings)
    zero = np.zeros(m.shape)
    return answer(bisect(lambda q: np.asarray(rate_at_error(q, m)), zero, zero + 0.5))


def reconciliation_entropy(error: ArrayLike, delta: ArrayLike) -> Any:
    """Paper 000, Eq. (9): ``max h(q(1))`` over ``||q - q_e|| <= delta``; the norm is L1, so q(1) moves by delta/2."""
    q, d = together(error=within(error, "error", 0.0, 1.0), delta=within(delta, "delta", 0.0, 2.0))
    return answer(chained_privacy.reconciliation_entropy(q, d))


def secret_entropy(error: ArrayLike, delta: ArrayLike, settings: ArrayLike) -> Any:
    """Paper 000, Eq. (10) with (68): ``min 1 - q(1) log2(1 + 2M)`` over ``||q - q_e|| <= delta`` (L1)."""
    q, d, m = together(
        error=within(error, "error", 0.0, 1.0),
        delta=within(delta, "delta", 0.0, 2.0),
        settings=settings_count(settings),
    )
    return answer(chained_privacy.secret_entropy(q, d, m))


def estimation_failure(n: ArrayLike, n_e: ArrayLike, delta: ArrayLike) -> Any:
    """log2 of epsilon in paper 000, Eqs. (14) and (36), as printed: ``4 (N+1)^4 exp(-delta^2 N_e/(8 ln 2))``.

    The printed proof of Theorem 4 takes the relative entropy in bits into ``exp(-D N)``, which is false; for a binary C
    the bound holds all the same, by Serfling's inequality, when N_e <= N/2 (docs/papers.md).
    """
    rounds, tests, d = together(
        n=amounts(n, "n", 2.0), n_e=amounts(n_e, "n_e", 1.0), delta=within(delta, "delta", 0.0, 2.0)
    )
    finite.require_part(rounds, tests, 0.5, "n_e", "Theorem 4 tests at most half of the rounds")
    return answer(chained_privacy.estimation_failure(rounds, tests, d))


def secrecy_bound(
    n: ArrayLike,
    n_e: ArrayLike,
    n_f: ArrayLike,
    n_s: ArrayLike,
    error: ArrayLike,
    delta: ArrayLike,
    settings: ArrayLike,
) -> tuple[Any, Any]:
    """Paper 000, Eq. (13): log2 of its right-hand side, and log2 of its first term.

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


def correctness_bound(
    n: ArrayLike, n_e: ArrayLike, n_f: ArrayLike, error: ArrayLike, delta: ArrayLike
) -> tuple[Any, Any]:
    """Paper 000, Eq. (15): log2 of its right-hand side, and log2 of its second term.

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


def key_length(
    n: ArrayLike,
    n_e: ArrayLike,
    error: ArrayLike,
    settings: ArrayLike,
    security: ArrayLike = 1e-10,
    leakage: ArrayLike | None = None,
    sharp: bool = False,
) -> Any:
    """Key length in bits for which the bounds (13) and (15) of paper 000 add up to at most ``security``. Signed;
    refuted.

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


def finite_length(
    rounds: ArrayLike,
    visibility: ArrayLike,
    settings: ArrayLike | None = None,
    security: ArrayLike = 1e-10,
    sharp: bool = False,
) -> Any:
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

    def length(total: NDArray[np.float64], tests: NDArray[np.float64]) -> NDArray[np.float64]:
        return chained_privacy.measured_length(total, tests, q, s, m, None, sharp)

    _, every = maximise(lambda tests: length(n, tests), np.ones(n.shape), n / 2.0)
    fewest = length(np.full(n.shape, finite.FEWEST), np.ones(n.shape))
    return answer(finite.unused_rounds_allowed(every, fewest))


def individual_rate(visibility: ArrayLike, settings: ArrayLike, matched: bool = False) -> Any:
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


def proven_rate(visibility: ArrayLike, settings: ArrayLike) -> Any:
    """Proven asymptotic rate of noisy EPR pairs in bits per pair, tested pairs counted, with the best fraction tested.

    ``max over t of (1 - t)(1 - h(q)) + min_theta [t D(q || theta) - (1 - t) log2(1 + 2 M theta)]``, at least 0; a lower
    bound against general attacks, universally composable (``linear_hashing``). If the pairs were known to be
    independent the test would cost nothing: ``1 - log2(1 + 2 M q) - h(q)``.
    """
    p, m = together(visibility=within(visibility, "visibility", 0.0, 1.0), settings=settings_count(settings))
    q = chained_privacy.quantum_error(p, m)
    return answer(linear_hashing.best_rate(q, m, binary_entropy(q)))


def proven_key_length(
    n: ArrayLike, n_e: ArrayLike, error: ArrayLike, leakage: ArrayLike, settings: ArrayLike, security: ArrayLike = 1e-10
) -> Any:
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


def proven_finite_length(
    rounds: ArrayLike,
    visibility: ArrayLike,
    settings: ArrayLike,
    security: ArrayLike = 1e-10,
    efficiency: float = 1.0,
) -> Any:
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
