r"""The protocol of Masanes et al. v5: Braunstein-Caves inequality with M settings, general attacks, universally
composable.

Alice and Bob choose for every pair, with probability gamma each, to test (random settings below M) or to make key (x
= 0, y = M). With W the error of the relevant pairs of settings, ``<W> >= 1/(2M)`` for local correlations,
``sin^2(pi/4M)`` is the quantum optimum, and Eve guesses a key bit with probability at most ``1/2 + M <W>``.

**The maximum over theta in the printed (17), (21) and (58) must be a minimum**: D(w || theta) has no upper bound, so
the maximum is infinite, and the proof, Eqs. (61) to (65), needs the length for every theta.

>>> round(key_rate(0.0, 7), 7), best_settings(0.0), round(threshold(), 6)
(0.0041588, 7, 0.027575)
>>> round(key_length(335945, 6448, 71229, 0, 0.012537028457510284, 7, 1e-11), 3)
697.41
"""

from __future__ import annotations

from typing import overload

import numpy as np
from numpy.typing import ArrayLike

from sdpbound.arrays import Floats, Ints
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.expression import BellExpression
from sdpbound.errors import InvalidParameter
from sdpbound.protocols.formulas import chained_exponent, finite
from sdpbound.protocols.formulas.information import binary_entropy, bisect
from sdpbound.protocols.formulas.ranges import (
    amounts,
    answer,
    behaviour_settings,
    chances,
    number,
    settings_count,
    together,
    whole_answer,
    within,
)
from sdpbound.protocols.running.braunstein_caves import simulate

__all__ = [
    "behaviour",
    "bell_average",
    "bell_expression",
    "best_gamma",
    "best_settings",
    "estimate_exponent",
    "finite_length",
    "guessing_probability",
    "key_length",
    "key_rate",
    "local_bell_average",
    "marginal_rate",
    "simulate",
    "threshold",
    "worst_theta",
]

#: The best number of settings is among these for every noise with a positive rate (a test looks further).
CANDIDATES = np.arange(5.0, 9.0)


@overload
def bell_average(noise: float, settings: float) -> float: ...
@overload
def bell_average(noise: ArrayLike, settings: ArrayLike) -> Floats: ...
def bell_average(noise: ArrayLike, settings: ArrayLike) -> float | Floats:
    """Masanes et al. v5, Eq. (26): ``<W> = (1 - xi) sin^2(pi/4M) + xi/2`` of noisy EPR pairs.

    Parameters
    ----------
    noise : xi = 1 - visibility, in [0, 1]
    settings : M >= 2
    """
    xi, m = together(noise=within(noise, "noise", 0.0, 1.0), settings=settings_count(settings))
    return answer(chained_exponent.bell_average(xi, m))


def bell_expression(settings: int, key_setting: bool = True) -> BellExpression:
    """Masanes et al. v5, Eqs. (4) and (5): <W> as a Bell expression, to be minimised.

    At least 1/(2M) for local correlations, ``sin^2(pi/4M)`` for quantum ones, 0 for no-signaling ones.

    Parameters
    ----------
    settings : M >= 2
    key_setting : whether Bob has the setting y = M for the key, which does not enter
    """
    m = behaviour_settings(settings)
    c, i = np.zeros((m, m + key_setting)), np.arange(m)
    c[i, i] -= 1.0 / (4.0 * m)
    c[(i + 1) % m, i] -= 1.0 / (4.0 * m)
    c[0, m - 1] *= -1.0
    return BellExpression.from_correlators(c, constant=0.5, name=f"<W>, M = {m}")


@overload
def local_bell_average(settings: float) -> float: ...
@overload
def local_bell_average(settings: ArrayLike) -> Floats: ...
def local_bell_average(settings: ArrayLike) -> float | Floats:
    """Masanes et al. v5, Eq. (6): local correlations have ``<W> >= 1/(2M)``."""
    return answer(1.0 / (2.0 * settings_count(settings)))


@overload
def guessing_probability(average: float, settings: float) -> float: ...
@overload
def guessing_probability(average: ArrayLike, settings: ArrayLike) -> Floats: ...
def guessing_probability(average: ArrayLike, settings: ArrayLike) -> float | Floats:
    """Masanes et al. v5, Eq. (9): ``P_guess(A|E) <= 1/2 + M <W>`` (at most 1), an upper bound that no-signaling theory
    reaches.
    """
    w, m = together(bell_average=within(average, "bell_average", 0.0, 1.0), settings=settings_count(settings))
    return answer(np.minimum(0.5 + m * w, 1.0))


@overload
def worst_theta(n_r: float, n_e: float, bell_average: float, settings: float) -> float: ...
@overload
def worst_theta(n_r: ArrayLike, n_e: ArrayLike, bell_average: ArrayLike, settings: ArrayLike) -> Floats: ...
def worst_theta(n_r: ArrayLike, n_e: ArrayLike, bell_average: ArrayLike, settings: ArrayLike) -> float | Floats:
    """The theta that minimises ``2 N_e D(w || theta) - 2 N_r log2(1/2 + M theta)``.

    The root in [w, 1] of ``N_e (theta - w)(1/2 + M theta) = N_r M theta (1 - theta)``.
    """
    r, e, w, m = together(
        n_r=amounts(n_r, "n_r"),
        n_e=amounts(n_e, "n_e", 1.0),
        bell_average=within(bell_average, "bell_average", 0.0, 1.0),
        settings=settings_count(settings),
    )
    return answer(chained_exponent.worst_theta(r, e, w, m))


@overload
def estimate_exponent(n_r: float, n_e: float, bell_average: float, settings: float) -> float: ...
@overload
def estimate_exponent(n_r: ArrayLike, n_e: ArrayLike, bell_average: ArrayLike, settings: ArrayLike) -> Floats: ...
def estimate_exponent(n_r: ArrayLike, n_e: ArrayLike, bell_average: ArrayLike, settings: ArrayLike) -> float | Floats:
    """``min over theta of 2 N_e D(w || theta) - 2 N_r log2(1/2 + M theta)``: what (17) gains from the Bell
    violation.
    """
    r, e, w, m = together(
        n_r=amounts(n_r, "n_r"),
        n_e=amounts(n_e, "n_e", 1.0),
        bell_average=within(bell_average, "bell_average", 0.0, 1.0),
        settings=settings_count(settings),
    )
    return answer(chained_exponent.exponent(r, e, w, m))


@overload
def key_length(
    n: float, n_r: float, n_e: float, n_c: float, bell_average: float, settings: float, security: float = ...
) -> float: ...
@overload
def key_length(
    n: ArrayLike,
    n_r: ArrayLike,
    n_e: ArrayLike,
    n_c: ArrayLike,
    bell_average: ArrayLike,
    settings: ArrayLike,
    security: ArrayLike = ...,
) -> Floats: ...
def key_length(
    n: ArrayLike,
    n_r: ArrayLike,
    n_e: ArrayLike,
    n_c: ArrayLike,
    bell_average: ArrayLike,
    settings: ArrayLike,
    security: ArrayLike = 1e-10,
) -> float | Floats:
    """Masanes et al. v5, Eq. (17) with the minimum over theta: key length in bits, signed, before rounding down.

        min_theta [2 N_e D(w || theta) - 2 N_r log2(1/2 + M theta)] - N_r - N_c - 2 log2(8 N_e N / eps)

    The key is then within eps + 2 eps_erco of a perfect one in the L1 norm (20), with eps_erco the probability that
    error correction fails. With ``n = n_r + n_e`` this is (58).

    Parameters
    ----------
    n : N, all pairs, at least n_r + n_e
    n_r, n_e : raw key bits and test pairs (at least 1)
    n_c : bits that Alice publishes for error correction
    bell_average : the measured average of W, in [0, 1]
    settings : M >= 2
    security : eps, in (0, 1/2]
    """
    total, r, e, c, w, m, s = together(
        n=amounts(n, "n", 1.0),
        n_r=amounts(n_r, "n_r"),
        n_e=amounts(n_e, "n_e", 1.0),
        n_c=amounts(n_c, "n_c"),
        bell_average=within(bell_average, "bell_average", 0.0, 1.0),
        settings=settings_count(settings),
        security=chances(security, "security"),
    )
    bad = r + e > total * (1.0 + 1e-12)
    if bad.any():
        raise InvalidParameter(
            f"n = {total[bad][0]:g} must be at least n_r + n_e = {(r + e)[bad][0]:g}: key and test pairs are different "
            "pairs."
        )
    return answer(chained_exponent.length(total, r, e, c, w, m, s))


@overload
def key_rate(noise: float, settings: float | None = ..., gamma: float | None = ...) -> float: ...
@overload
def key_rate(noise: ArrayLike, settings: ArrayLike | None = ..., gamma: ArrayLike | None = ...) -> Floats: ...
def key_rate(noise: ArrayLike, settings: ArrayLike | None = None, gamma: ArrayLike | None = None) -> float | Floats:
    """Masanes et al. v5, Eqs. (21) and (26): asymptotic key rate of noisy EPR pairs, in bits per pair, signed.

        -(1 - gamma)^2 [1 + h(xi/2)] + min_theta [4 gamma^2/M D(w || theta) - 2 (1 - gamma)^2 log2(1/2 + M theta)]

    Parameters
    ----------
    noise : xi = 1 - visibility, in [0, 1]
    settings : M >= 2; None: the best M
    gamma : probability to test, in (0, 1]; None: the best, and then the rate is never negative, because gamma = 1 (no
        key pairs) has rate 0
    """
    if settings is None:
        settings = best_settings(noise)
    xi, m = together(noise=within(noise, "noise", 0.0, 1.0), settings=settings_count(settings))
    chosen = chained_exponent.best_gamma(xi, m) if gamma is None else within(gamma, "gamma", 0.0, 1.0, above=True)
    xi, m, g = together(noise=xi, settings=m, gamma=chosen)
    return answer(chained_exponent.rate(xi, m, g))


@overload
def marginal_rate(noise: float, settings: float) -> float: ...
@overload
def marginal_rate(noise: ArrayLike, settings: ArrayLike) -> Floats: ...
def marginal_rate(noise: ArrayLike, settings: ArrayLike) -> float | Floats:
    """``-1 - h(xi/2) - 2 log2(1/2 + M <W>)``: bits that one more raw key bit brings as gamma -> 1, where nearly all
    pairs are tests. Signed; some gamma has a positive rate if and only if this is positive.
    """
    xi, m = together(noise=within(noise, "noise", 0.0, 1.0), settings=settings_count(settings))
    return answer(-chained_exponent.bracket(xi, m))


@overload
def best_gamma(noise: float, settings: float) -> float: ...
@overload
def best_gamma(noise: ArrayLike, settings: ArrayLike) -> Floats: ...
def best_gamma(noise: ArrayLike, settings: ArrayLike) -> float | Floats:
    """The gamma with the largest :func:`key_rate`; 1.0 (all pairs tested, rate 0) where no gamma has a positive rate.

    The root of the derivative ``(1 - gamma) [1 + h(xi/2) + 2 log2(1/2 + M theta)] + (4 gamma/M) D(w || theta)`` at the
    minimising theta.
    """
    xi, m = together(noise=within(noise, "noise", 0.0, 1.0), settings=settings_count(settings))
    return answer(chained_exponent.best_gamma(xi, m))


@overload
def best_settings(noise: float) -> int: ...
@overload
def best_settings(noise: ArrayLike) -> Ints: ...
def best_settings(noise: ArrayLike) -> int | Ints:
    """The M with the largest :func:`key_rate` at the best gamma; beyond the last threshold the M closest to a key.

    7 up to xi = 0.0045 and from 0.0231, 6 between: the paper says 'the optimal protocol is the one with
    M = 7', which holds among the four M that its Figure 2 shows.
    """
    xi = within(noise, "noise", 0.0, 1.0)
    m = CANDIDATES.reshape((-1,) + (1,) * xi.ndim) + np.zeros_like(xi)
    rates = chained_exponent.rate(xi, m, chained_exponent.best_gamma(xi + np.zeros_like(m), m, 24))
    score = np.where(rates.max(axis=0) > 0.0, rates, -chained_exponent.bracket(xi, m))
    best = np.take_along_axis(m, np.argmax(score, axis=0)[None], axis=0)[0]
    return whole_answer(best)


@overload
def threshold(settings: float | None = ...) -> float: ...
@overload
def threshold(settings: ArrayLike | None = ...) -> Floats: ...
def threshold(settings: ArrayLike | None = None) -> float | Floats:
    """The noise xi up to which some gamma gives a positive rate; None: the largest of all M (M = 7: 0.027575).

    The root of :func:`marginal_rate`; 0.0 where it is negative already without noise (M = 2).
    """
    if settings is None:
        return float(np.max(threshold(CANDIDATES)))
    m = settings_count(settings)
    zero = np.zeros(m.shape)
    root = bisect(lambda xi: -chained_exponent.bracket(xi, m), zero, zero + 0.5)
    return answer(np.where(chained_exponent.bracket(zero, m) < 0.0, root, 0.0))


@overload
def finite_length(
    rounds: float, noise: float, settings: float | None = ..., security: float = ..., efficiency: float = ...
) -> float: ...
@overload
def finite_length(
    rounds: ArrayLike,
    noise: ArrayLike,
    settings: ArrayLike | None = ...,
    security: ArrayLike = ...,
    efficiency: float = ...,
) -> Floats: ...
def finite_length(
    rounds: ArrayLike,
    noise: ArrayLike,
    settings: ArrayLike | None = None,
    security: ArrayLike = 1e-10,
    efficiency: float = 1.0,
) -> float | Floats:
    """Expected key length in bits of noisy EPR pairs, with the best gamma for this number of rounds. Signed.

    :func:`key_length` at the expected counts ``N_r = (1 - gamma)^2 N``, ``N_e = 2 gamma^2 N / M`` and ``w = <W>``.
    The parties may leave rounds unused,
    so that the length never falls with ``rounds``; it is at most ``rounds * max(key_rate, 0)``.

    Parameters
    ----------
    rounds : N, at least 4
    noise, settings, security : as in :func:`key_rate` and :func:`key_length`
    efficiency : bits published in error correction, in units of ``N_r h(xi/2)``; 1 is the limit of ideal codes
    """
    if settings is None:
        settings = best_settings(noise)
    n, xi, m, s = together(
        rounds=amounts(rounds, "rounds", finite.FEWEST),
        noise=within(noise, "noise", 0.0, 1.0),
        settings=settings_count(settings),
        security=chances(security, "security"),
    )
    f = number(within(efficiency, "efficiency", 1.0, 10.0), "efficiency")
    w, entropy = chained_exponent.bell_average(xi, m), binary_entropy(xi / 2.0)

    _, every = chained_exponent.best_length(n, m, w, f * entropy, s)
    smallest = np.full(n.shape, finite.FEWEST)
    fewest = chained_exponent.length(smallest, np.zeros(n.shape), np.ones(n.shape), np.zeros(n.shape), w, m, s)
    return answer(finite.unused_rounds_allowed(every, fewest))


def behaviour(noise: float, settings: int) -> Behaviour:
    """Noisy EPR pairs in the bases of Masanes et al. v5, Eqs. (23) to (25): M settings for Alice, M + 1 for Bob.

    Correlators ``(1 - xi) cos(pi (x - y - 1/2)/M)`` for y < M and ``(1 - xi) cos(pi x/M)`` for y = M. In (24) Bob's
    phase needs a minus sign; as printed, <W> = 1/2.
    """
    m = behaviour_settings(settings)
    xi = number(within(noise, "noise", 0.0, 1.0), "noise")
    x = np.arange(m)[:, None]
    angles = np.concatenate([np.arange(m) + 0.5, [0.0]])[None, :]
    return Behaviour.from_correlators((1.0 - xi) * np.cos(np.pi * (x - angles) / m))
