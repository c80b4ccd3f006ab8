"""Search for good parameters of a length; the length is proven elsewhere, so a poor choice only costs bits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from sdpbound.finite_size.accumulation import (
    Choice,
    Game,
    MinTradeoff,
    information_deviation,
    min_tradeoff,
    terms,
)
from sdpbound.finite_size.honest import Term, total

__all__ = ["best_choice", "length_at", "worth"]

_SMALLEST = 1e-12
#: So many functionals are optimised fully, those that are best at the first parameters tried.
_FINALISTS = 2
_GAMMAS = tuple(10.0 ** (-0.5 * i) for i in range(13))


def worth(game: Game, choice: Choice) -> Term[float]:
    """The objective of the search: the length in floats, less the entropy of all choices if the net length counts."""
    term = total(terms(game, choice, 1.0))
    return Term(term.rate - game.drawing(choice.gamma), term.constant) if game.net else term


def length_at(game: Game, choice: Choice, n: float) -> float:
    """:func:`worth` at n rounds."""
    term = worth(game, choice)
    return float(term.rate * n + term.constant)


def best_choice(games: Sequence[Game], n: float, gamma: float | None = None) -> tuple[int, Choice]:
    """Find the index of the best game and its parameters for n rounds; ``gamma`` fixes the probability of a test."""
    starts = []
    for index, game in enumerate(games):
        for g in _GAMMAS if gamma is None else (gamma,):
            for place in (0.75, 1.0):
                choice = _prepared(game, n, g, place, 1.0)
                starts.append((length_at(game, choice, n), index, choice))
    starts.sort(key=lambda s: -s[0])
    found: dict[int, tuple[float, Choice]] = {}
    for _, index, choice in starts:
        if index not in found and len(found) < _FINALISTS:
            better = _refined(games[index], n, choice, gamma)
            found[index] = (length_at(games[index], better, n), better)
    winner = max(found, key=lambda i: found[i][0])
    return winner, found[winner][1]


def _prepared(game: Game, n: float, gamma: float, place: float, stretch: float) -> Choice:
    """Parameters that balance the terms to leading order; ``stretch`` multiplies ``beta``."""
    security = game.security
    plain = Choice(
        gamma=gamma,
        beta=0.5,
        place=place,
        score_tail=1.0,
        count_tail=1.0,
        leak_tail=1.0,
        wrong=0.0,
        smoothing=0.25 * security.soundness,
        count=0.0,
        leak=0.0,
        hashing=0.0,
    )
    f = min_tradeoff(game, plain, 1.0)
    root = information_deviation(game, 1.0) + math.sqrt(2.0 + f.variance)
    bits = 4.0 + 3.0 * math.log2(1.0 / security.soundness)
    beta = min(0.9, max(_SMALLEST, stretch * math.sqrt(bits / (n * 0.5 * math.log(2.0))) / root))
    # the size of each part is proportional to the derivative of its cost
    keyed = bool(game.plain)
    wrong = security.soundness / (5.0 + 3.0 / beta) if keyed else 0.0
    smoothing = 0.5 * (security.soundness - wrong) / (1.0 + beta)
    spreads = _spreads(game, f)
    log_fail = math.log(1.0 / security.completeness) + 1.0
    costs = [math.sqrt(0.5 * n * s / log_fail) for s in spreads]
    floor = 1e-6 * max(costs) + 1e-9  # a smaller part would be lost in rounding
    costs[0] = max(costs[0], floor)
    costs[1] = max(costs[1] * math.log2(game.other), floor) if game.other > 1 else 0.0
    costs[2] = max(costs[2], floor) if keyed else 0.0
    hashing = 1.0 / math.log(2.0) if keyed else 0.0
    unit = security.completeness / (sum(costs) + hashing)
    parts = [c * unit for c in costs]
    tails = [
        math.sqrt(2.0 * math.log(1.0 / p) / (n * s)) if s > 0.0 and p > 0.0 else 1e6
        for p, s in zip(parts, spreads, strict=True)
    ]
    return replace(
        plain,
        beta=beta,
        wrong=wrong,
        smoothing=smoothing,
        score_tail=tails[0],
        count_tail=tails[1],
        leak_tail=tails[2],
        count=parts[1],
        leak=parts[2],
        hashing=hashing * unit,
    )


def _spreads(game: Game, f: MinTradeoff[float]) -> list[float]:
    """The variances, in one round, of the honest score, of the choice to test, and of the bits to be sent."""
    gamma = f.gamma
    scores = [(f(score), gamma * p) for score, p in game.results] + [(f.rest, 1.0 - gamma)]
    whole = sum(p for _, p in scores)
    mean = sum(z * p for z, p in scores) / whole
    variance = sum(p * (z - mean) ** 2 for z, p in scores)
    return [variance, gamma * (1.0 - gamma), game.sent_variance(gamma)]


def _refined(game: Game, n: float, start: Choice, gamma: float | None) -> Choice:
    """Refine by a simplex search over the three parameters that balance does not set, then each tail by itself."""

    def choice(v: NDArray[np.float64]) -> Choice:
        g = gamma if gamma is not None else min(1.0, math.exp(min(v[2], 0.0)))
        return _prepared(game, n, max(g, _SMALLEST), min(1.0, max(0.0, v[0])), math.exp(v[1]))

    def loss(v: NDArray[np.float64]) -> float:
        outside = max(0.0, v[0] - 1.0) + max(0.0, -v[0]) + (max(0.0, v[2]) if v.size > 2 else 0.0)
        value = -length_at(game, choice(v), n) / n
        return float((value if math.isfinite(value) else 1e12) + outside)

    first = np.array([0.8, 0.0] + ([] if gamma is not None else [math.log(start.gamma)]))
    simplex = np.vstack([first, *(first + step for step in np.diag([-0.25, 0.3, -0.7][: first.size]))])
    options = {"initial_simplex": simplex, "maxfev": 240, "xatol": 1e-3, "fatol": 1e-13}
    best = choice(minimize(loss, first, method="Nelder-Mead", options=options).x)
    if length_at(game, best, n) < length_at(game, start, n):
        best = start
    for name in ("score_tail", "count_tail", "leak_tail"):
        best = _tuned(game, n, best, name)
    return best


def _tuned(game: Game, n: float, choice: Choice, name: str) -> Choice:
    """Improve one tail parameter, within a factor of e of its present value."""
    centre = getattr(choice, name)

    def loss(x: float) -> float:
        value = -length_at(game, replace(choice, **{name: centre * math.exp(x)}), n)
        return value if math.isfinite(value) else 1e300

    other = replace(choice, **{name: centre * math.exp(minimize_scalar(loss, bounds=(-1.0, 1.0), method="bounded").x)})
    return other if length_at(game, other, n) > length_at(game, choice, n) else choice
