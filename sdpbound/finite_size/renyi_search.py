"""Search for good parameters of a length by Renyi entropies; the length is proven elsewhere."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from sdpbound.entropies.renyi_chsh import power_tangent
from sdpbound.finite_size.honest import Term, total
from sdpbound.finite_size.renyi import RenyiChoice, RenyiGame, renyi_scores, renyi_terms

__all__ = ["best_renyi_choice", "renyi_worth"]

_SMALLEST = 1e-12
_GAMMAS = tuple(10.0 ** (-0.5 * i) for i in range(13))
#: The tangent is searched for within (2, 2 sqrt 2), this part of the range away from its ends.
_MARGIN = 1e-9
_WIDTH = math.sqrt(8.0) - 2.0
_NOTHING: Term[float] = Term(-math.inf, -math.inf)


def renyi_worth(game: RenyiGame, choice: RenyiChoice) -> Term[float]:
    """The objective of the search: the length in floats, less the entropy of all choices if the net length counts."""
    scores = renyi_scores(game, choice, 1.0)
    if scores is None:
        return _NOTHING
    term = total(renyi_terms(game, choice, scores, 1.0))
    return Term(term.rate - game.drawing(choice.gamma), term.constant) if game.net else term


def best_renyi_choice(game: RenyiGame, n: float, gamma: float | None = None) -> RenyiChoice:
    """Find good parameters for n rounds; ``gamma`` fixes the probability of a test.

    A simplex search over four parameters; the others are set by balance, then each tail is tuned by itself.
    """
    starts = []
    for g in _GAMMAS if gamma is None else (gamma,):
        for nearer in (0.0, 0.3):
            starts.append(np.array([0.3, 0.0, nearer, math.log(g)]))
    starts.sort(key=lambda v: _length(game, _prepared(game, n, v, gamma), n))
    best = max((_climbed(game, n, v, gamma) for v in starts[-2:]), key=lambda c: _length(game, c, n))
    for name in ("score_tail", "leak_tail", "beta"):
        best = _tuned(game, n, best, name)
    return best


def _length(game: RenyiGame, choice: RenyiChoice, n: float) -> float:
    term = renyi_worth(game, choice)
    value = term.rate * n + term.constant
    return float(value) if math.isfinite(value) else -1e300


def _prepared(game: RenyiGame, n: float, v: NDArray[np.float64], fixed: float | None) -> RenyiChoice:
    """Parameters from a place, a factor on beta, a distance of the tangent and log gamma, unless it is fixed; the
    others by balance.
    """
    place, stretch, nearer, log_gamma = (float(value) for value in v)
    security, keyed = game.security, bool(game.plain)
    gamma = fixed if fixed is not None else min(1.0, max(_SMALLEST, math.exp(min(log_gamma, 0.0))))
    place = min(1.0, max(0.0, place))
    part = min(1.0 - _MARGIN, max(_MARGIN, (abs(game.test.value) - 2.0) / _WIDTH))
    odds = math.log(part / (1.0 - part)) - nearer
    at = 2.0 + _WIDTH * min(1.0 - _MARGIN, max(_MARGIN, 1.0 / (1.0 + math.exp(-min(max(odds, -40.0), 40.0)))))
    least = min(p for p, _, _ in game.results)
    small = 1e-4
    slope = 2.0 * power_tangent(at, small).slope / (small * math.log(2.0) * least)
    variance = _variance(game, gamma, place * slope / gamma, slope / gamma) + 1.0
    bits = math.log2(1.0 / security.soundness)
    beta = math.exp(min(max(stretch, -30.0), 30.0)) * math.sqrt(bits / (n * 0.5 * math.log(2.0) * variance))
    beta = min(1.0, max(_SMALLEST, beta))
    wrong = security.soundness / (2.0 + 1.0 / beta) if keyed else 0.0
    surprises = [(z, (1.0 - gamma) * p) for z, p in game.float_surprises[0]]
    surprises += [(z, gamma * p) for z, p in game.float_surprises[1]]
    mean = sum(z * p for z, p in surprises)
    spread = sum(p * (z - mean) ** 2 for z, p in surprises)
    log_fail = math.log(1.0 / security.completeness) + 1.0
    costs = [math.sqrt(0.5 * n * s / log_fail) for s in (variance, spread)]
    floor = 1e-6 * max(costs) + 1e-9  # a smaller part would be lost in rounding
    costs = [max(costs[0], floor), max(costs[1], floor) if keyed else 0.0, 1.0 / math.log(2.0) if keyed else 0.0]
    parts = [c * security.completeness / sum(costs) for c in costs]
    tails = [
        math.sqrt(2.0 * math.log(1.0 / p) / (n * s)) if s > 0.0 and p > 0.0 else 1e6
        for p, s in zip(parts, (variance, spread), strict=False)
    ]
    return RenyiChoice(
        gamma=gamma,
        beta=beta,
        tangent=at,
        place=place,
        score_tail=tails[0],
        leak_tail=tails[1],
        wrong=wrong,
        leak=parts[1],
        hashing=parts[2],
    )


def _variance(game: RenyiGame, gamma: float, below: float, span: float) -> float:
    """The variance of the honest score, those of won tests being 0, of lost ones -span and of untested ones -below."""
    lost = math.fsum(b for _, _, b in game.results)
    mean = -(1.0 - gamma) * below - gamma * lost * span
    return (1.0 - gamma) * below**2 + gamma * lost * span**2 - mean**2


def _climbed(game: RenyiGame, n: float, start: NDArray[np.float64], fixed: float | None) -> RenyiChoice:
    free = start if fixed is None else start[:3]

    def choice(v: NDArray[np.float64]) -> RenyiChoice:
        return _prepared(game, n, v if fixed is None else np.append(v, 0.0), fixed)

    def loss(v: NDArray[np.float64]) -> float:
        outside = max(0.0, v[0] - 1.0) + max(0.0, -v[0]) + (max(0.0, v[3]) if v.size > 3 else 0.0)
        return float(-_length(game, choice(v), n) / n + outside)

    simplex = np.vstack([free, *(free + step for step in np.diag([0.2, 0.3, 0.3, 0.7][: free.size]))])
    options = {"initial_simplex": simplex, "maxfev": 240, "xatol": 1e-3, "fatol": 1e-13}
    return choice(minimize(loss, free, method="Nelder-Mead", options=options).x)


def _tuned(game: RenyiGame, n: float, choice: RenyiChoice, name: str) -> RenyiChoice:
    """Improve one parameter, within a factor of e of its present value."""
    centre = getattr(choice, name)

    def moved(x: float) -> RenyiChoice:
        value = centre * math.exp(x)
        return replace(choice, **{name: min(value, 1.0) if name == "beta" else value})

    other = moved(minimize_scalar(lambda x: -_length(game, moved(x), n), bounds=(-1.0, 1.0), method="bounded").x)
    return other if _length(game, other, n) > _length(game, choice, n) else choice
