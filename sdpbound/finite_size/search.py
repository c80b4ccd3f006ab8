"""Search for good parameters of a length; the length is proven elsewhere, so a poor choice only costs bits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.finite_size.accumulation import (
    Choice,
    Game,
    MinTradeoff,
    information_deviation,
    min_tradeoff,
    terms,
)
from sdpbound.finite_size.honest import Term, total
from sdpbound.finite_size.maximising import finite_or_least, polished, zoomed

__all__ = ["best_choices", "length_at", "worth"]

_SMALLEST = 1e-12
#: So many functionals are optimised fully, those that are best at the first parameters tried.
_FINALISTS = 2
#: Grids of the search end at this part of their first sides; what is refined at the end needs no finer ones.
_COARSE = 0.0005
_GAMMAS = tuple(10.0 ** (-0.5 * i) for i in range(13))
#: What is refined at the end, and the largest values.
_REFINED = (
    "score_tail",
    "count_tail",
    "leak_tail",
    "beta",
    "place",
    "wrong",
    "count",
    "leak",
    "hashing",
    "gamma",
)
_LIMITS = {"gamma": 1.0, "place": 1.0, "beta": 1.0}


def worth(game: Game, choice: Choice) -> Term[float]:
    """The objective of the search: the length in floats, less the entropy of all choices if the net length counts."""
    like = 1.0 + 0.0 * choice.gamma  # an array for arrays of parameters
    term = total(terms(game, choice, like))
    return Term(term.rate - game.drawing(choice.gamma), term.constant) if game.net else term


def length_at(game: Game, choice: Choice, n: float) -> float:
    """:func:`worth` at n rounds."""
    term = worth(game, choice)
    return float(term.rate * n + term.constant)


def best_choices(
    games: Sequence[Game], counts: Sequence[float], gamma: float | None = None
) -> list[tuple[int, Choice]]:
    """Find for each number of rounds the index of the best game, and its parameters.

    ``gamma`` fixes the probability of a test.
    """
    n = np.array(counts, dtype=np.float64)[:, None]
    places, logs = np.meshgrid([0.75, 1.0], np.log(_GAMMAS if gamma is None else [gamma]))
    starts = np.stack([places.ravel(), np.zeros(places.size), logs.ravel()], axis=1)
    rows = np.broadcast_to(starts, (len(n), *starts.shape))
    values = np.array([_lengths(game, n, _prepared(game, n, rows)) for game in games])
    finalists = np.argsort(-values.max(axis=2), axis=0, kind="stable")[:_FINALISTS]
    best = np.full((len(games), len(n)), -np.inf)
    parameters: dict[int, dict[str, Floats]] = {}
    for index, game in enumerate(games):
        (mine,) = np.nonzero((finalists == index).any(axis=0))
        if mine.size:
            found = _zoomed(game, n[mine], starts[values[index, mine].argmax(axis=1)], gamma)
            best[index, mine] = _lengths(game, n[mine], found)[:, 0]
            parameters[index] = {name: np.full(len(n), np.nan) for name in found}
            for name, v in found.items():
                parameters[index][name][mine] = v[:, 0]
    winners = best.argmax(axis=0)
    chosen: dict[int, tuple[int, Choice]] = {}
    for index in sorted(set(winners.tolist())):
        (mine,) = np.nonzero(winners == index)
        start = {name: v[mine] for name, v in parameters[index].items()}
        names = _REFINED if gamma is None else _REFINED[:-1]
        if gamma is not None:
            start["gamma"] = np.full(len(mine), gamma)  # not the exponential of its logarithm
        game = games[index]
        better = polished(partial(_lengths, game, n[mine]), start, names, _LIMITS)
        for row, place in enumerate(mine.tolist()):
            chosen[place] = index, _choice(game, {name: float(v[row]) for name, v in better.items()})
    return [chosen[place] for place in range(len(n))]


def _lengths(game: Game, n: Floats, choices: Mapping[str, Any]) -> Floats:
    """The lengths of choices that are given as arrays, by name."""
    with np.errstate(all="ignore"):
        term: Any = worth(game, _choice(game, choices))
        return finite_or_least(term.rate * n + term.constant)


def _choice(game: Game, found: Mapping[str, Any]) -> Choice:
    """All parameters: the best part of the soundness for smoothing follows from the others."""
    return Choice(**found, smoothing=0.5 * (game.security.soundness - found["wrong"]) / (1.0 + found["beta"]))


def _prepared(game: Game, n: Floats, points: Floats) -> dict[str, Any]:
    """Parameters that balance the terms to leading order, from (.., 3): place, log of a factor on beta, log gamma."""
    security = game.security
    gamma = np.clip(np.exp(np.minimum(points[..., 2], 0.0)), _SMALLEST, 1.0)
    known: dict[str, Any] = {"gamma": gamma, "place": np.clip(points[..., 0], 0.0, 1.0)}
    with np.errstate(all="ignore"):
        rest = dict.fromkeys([name for name in _REFINED if name not in known], 0.0)
        f: MinTradeoff[Any] = min_tradeoff(game, _choice(game, known | rest), gamma)
        root = information_deviation(game, 1.0) + np.sqrt(2.0 + f.variance)
        bits = 4.0 + 3.0 * math.log2(1.0 / security.soundness)
        beta = np.exp(points[..., 1]) * np.sqrt(bits / (n * 0.5 * math.log(2.0))) / root
        known["beta"] = beta = np.clip(beta, _SMALLEST, 0.9)
        # the size of each part is proportional to the derivative of its cost
        keyed = bool(game.plain)
        known["wrong"] = security.soundness / (5.0 + 3.0 / beta) if keyed else 0.0 * gamma
        spreads = _spreads(game, f)
        log_fail = math.log(1.0 / security.completeness) + 1.0
        costs = [np.sqrt(0.5 * n * s / log_fail) for s in spreads]
        floor = 1e-6 * np.maximum.reduce(costs) + 1e-9  # a smaller part would be lost in rounding
        costs[0] = np.maximum(costs[0], floor)
        costs[1] = np.maximum(costs[1] * math.log2(game.other), floor) if game.other > 1 else 0.0 * floor
        costs[2] = np.maximum(costs[2], floor) if keyed else 0.0 * floor
        hashing = 1.0 / math.log(2.0) if keyed else 0.0
        unit = security.completeness / (sum(costs) + hashing)
        for name, c, s in zip(("score_tail", "count_tail", "leak_tail"), costs, spreads, strict=True):
            tail = np.sqrt(2.0 * -np.log(c * unit) / (n * s))
            known[name] = np.where((s > 0.0) & (c > 0.0), tail, 1e6)
    return known | {"count": costs[1] * unit, "leak": costs[2] * unit, "hashing": hashing * unit}


def _spreads(game: Game, f: MinTradeoff[Any]) -> list[Floats]:
    """The variances, in one round, of the honest score, of the choice to test, and of the bits to be sent."""
    gamma = f.gamma
    scores = [(f(score), gamma * p) for score, p in game.results] + [(f.rest, 1.0 - gamma)]
    whole = sum(p for _, p in scores)
    mean = sum(z * p for z, p in scores) / whole
    variance = sum(p * (z - mean) ** 2 for z, p in scores)
    return [variance, gamma * (1.0 - gamma), game.sent_variance(gamma)]


def _zoomed(game: Game, n: Floats, start: Floats, gamma: float | None) -> dict[str, Floats]:
    """Good parameters, (m, 1) for n rounds (m, 1), from good ones of the three that balance does not set, (m, 3)."""
    free = slice(None) if gamma is None else slice(2)

    def points(rows: Floats) -> Floats:
        return rows if gamma is None else np.concatenate([rows, np.full((*rows.shape[:2], 1), math.log(gamma))], axis=2)

    def value(rows: Floats) -> Floats:
        return _lengths(game, n, _prepared(game, n, points(rows)))

    best = zoomed(value, start[:, free], np.array([0.5, 1.0, 1.2])[free], _COARSE)
    return _prepared(game, n, points(best[:, None]))
