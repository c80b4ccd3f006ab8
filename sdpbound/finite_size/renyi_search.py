"""Search for good parameters of a length by Renyi entropies; the length is proven elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from sdpbound.entropies.renyi_chsh import power_tangent
from sdpbound.finite_size.honest import Term, total
from sdpbound.finite_size.renyi import ChshChoice, ChshGame, RenyiChoice, RenyiGame, renyi_terms
from sdpbound.finite_size.renyi_affine import AffineGame

__all__ = ["balanced_beta", "best_affine_choice", "best_renyi_choice", "renyi_worth"]

C = TypeVar("C", bound=RenyiChoice)
_SMALLEST = 1e-12
_GAMMAS = tuple(10.0 ** (-0.5 * i) for i in range(13))
#: The tangent is searched for within (2, 2 sqrt 2), this part of the range away from its ends.
_MARGIN = 1e-9
_WIDTH = math.sqrt(8.0) - 2.0
_NOTHING: Term[float] = Term(-math.inf, -math.inf)


def renyi_worth(game: RenyiGame, choice: RenyiChoice) -> Term[float]:
    """The objective of the search: the length in floats, less the entropy of all choices if the net length counts."""
    scores = game.scores(choice, 1.0)
    if scores is None:
        return _NOTHING
    term = total(renyi_terms(game, choice, scores, 1.0))
    return Term(term.rate - game.drawing(choice.gamma), term.constant) if game.net else term


def best_renyi_choice(game: ChshGame, n: float, gamma: float | None = None) -> ChshChoice:
    """Find good parameters for n rounds; ``gamma`` fixes the probability of a test.

    A simplex search over four parameters; the others are set by balance, then each tail is tuned by itself.
    """
    starts = []
    for g in _GAMMAS if gamma is None else (gamma,):
        for nearer in (0.0, 0.3):
            starts.append(np.array([math.log(g), 0.3, 0.0, nearer]))
    best = _best(game, n, starts, gamma, partial(_prepared, game, n))
    for name in ("score_tail", "leak_tail", "beta"):
        best = _tuned(game, n, best, name)
    return best


def best_affine_choice(game: AffineGame, n: float, gamma: float | None = None) -> RenyiChoice:
    """The same for an affine bound on Q, whose order is given: a search over two parameters."""
    starts = [np.array([math.log(g), 0.3]) for g in (_GAMMAS if gamma is None else (gamma,))]
    best = _best(game, n, starts, gamma, partial(_prepared_affine, game, n))
    for name in ("score_tail", "leak_tail"):
        best = _tuned(game, n, best, name)
    return best


def balanced_beta(game: AffineGame, n: float, choice: RenyiChoice) -> float:
    """Renyi parameter less one that balances the variance of scores like these with what a small one costs."""
    return _balanced_beta(game, n, _variance_of(game, choice) + 1.0)


def _length(game: RenyiGame, choice: RenyiChoice, n: float) -> float:
    term = renyi_worth(game, choice)
    value = term.rate * n + term.constant
    return float(value) if math.isfinite(value) else -1e300


def _prepared(game: ChshGame, n: float, gamma: float, v: NDArray[np.float64]) -> ChshChoice:
    """Parameters from a place, a factor on beta and a distance of the tangent; the others by balance."""
    place, stretch, nearer = (float(value) for value in v)
    place = min(1.0, max(0.0, place))
    part = min(1.0 - _MARGIN, max(_MARGIN, (abs(game.test.value) - 2.0) / _WIDTH))
    odds = math.log(part / (1.0 - part)) - nearer
    at = 2.0 + _WIDTH * min(1.0 - _MARGIN, max(_MARGIN, 1.0 / (1.0 + math.exp(-min(max(odds, -40.0), 40.0)))))
    least = min(p for p, _, _ in game.results)
    small = 1e-4
    slope = 2.0 * power_tangent(at, small).slope / (small * math.log(2.0) * least)
    variance = _variance(game, gamma, place * slope / gamma, slope / gamma) + 1.0
    beta = math.exp(min(max(stretch, -30.0), 30.0)) * _balanced_beta(game, n, variance)
    beta = min(1.0, max(_SMALLEST, beta))
    return ChshChoice(tangent=at, gamma=gamma, beta=beta, place=place, **_balanced(game, n, gamma, beta, variance))


def _prepared_affine(game: AffineGame, n: float, gamma: float, v: NDArray[np.float64]) -> RenyiChoice:
    place, beta = min(1.0, max(0.0, float(v[0]))), game.test.beta
    plain = {"gamma": gamma, "beta": beta, "place": place}
    first = RenyiChoice(**plain, **_balanced(game, n, gamma, beta, 1.0))
    return RenyiChoice(**plain, **_balanced(game, n, gamma, beta, _variance_of(game, first) + 1.0))


def _balanced_beta(game: RenyiGame, n: float, variance: float) -> float:
    return math.sqrt(math.log2(1.0 / game.security.soundness) / (n * 0.5 * math.log(2.0) * variance))


def _balanced(game: RenyiGame, n: float, gamma: float, beta: float, variance: float) -> dict[str, float]:
    """Tails and parts of what may fail, for honest scores of this variance."""
    security, keyed = game.security, bool(game.plain)
    wrong = security.soundness / (2.0 + 1.0 / beta) if keyed else 0.0
    spread = game.sent_variance(gamma)
    log_fail = math.log(1.0 / security.completeness) + 1.0
    costs = [math.sqrt(0.5 * n * s / log_fail) for s in (variance, spread)]
    floor = 1e-6 * max(costs) + 1e-9  # a smaller part would be lost in rounding
    costs = [max(costs[0], floor), max(costs[1], floor) if keyed else 0.0, 1.0 / math.log(2.0) if keyed else 0.0]
    parts = [c * security.completeness / sum(costs) for c in costs]
    tails = [
        math.sqrt(2.0 * math.log(1.0 / p) / (n * s)) if s > 0.0 and p > 0.0 else 1e6
        for p, s in zip(parts, (variance, spread), strict=False)
    ]
    return {"score_tail": tails[0], "leak_tail": tails[1], "wrong": wrong, "leak": parts[1], "hashing": parts[2]}


def _variance(game: ChshGame, gamma: float, below: float, span: float) -> float:
    """The variance of the honest score, those of won tests being 0, of lost ones -span and of untested ones -below."""
    lost = math.fsum(b for _, _, b in game.results)
    mean = -(1.0 - gamma) * below - gamma * lost * span
    return (1.0 - gamma) * below**2 + gamma * lost * span**2 - mean**2


def _variance_of(game: AffineGame, choice: RenyiChoice) -> float:
    """The variance of the honest score; that of a test with all scores alike if these parameters have none."""
    scores = game.scores(choice, 1.0)
    if scores is None:
        return 0.0
    pairs = [(scores.rest, 1.0 - choice.gamma)]
    pairs += [(f, choice.gamma * p) for f, p in zip(scores.tests, game.float_chances, strict=True)]
    mean = sum(f * p for f, p in pairs)
    return sum(p * (f - mean) ** 2 for f, p in pairs)


def _best(
    game: RenyiGame,
    n: float,
    starts: list[NDArray[np.float64]],
    fixed: float | None,
    prepared: Callable[[float, NDArray[np.float64]], C],
) -> C:
    """The best parameters found from the best start: log gamma, unless it is fixed, and what is prepared.

    Where that finds no length, as for few rounds, where most parameters have none, the next start is tried as well.
    """

    def choice(v: NDArray[np.float64]) -> C:
        gamma = fixed if fixed is not None else min(1.0, max(_SMALLEST, math.exp(min(float(v[0]), 0.0))))
        return prepared(gamma, v[1:])

    def loss(v: NDArray[np.float64]) -> float:
        outside = max(0.0, v[1] - 1.0) + max(0.0, -v[1]) + max(0.0, v[0])
        return float(-_length(game, choice(v), n) / n + outside)

    found: list[tuple[float, C]] = []
    for start in sorted(starts, key=lambda v: -_length(game, choice(v), n))[:2]:
        steps = np.diag([0.7, 0.2, 0.3, 0.3][: start.size])[1 if fixed is not None else 0 :]
        end = choice(_simplex(loss, start, steps))
        found.append((_length(game, end, n), end))
        if found[-1][0] > 0.0:
            break
    return max(found, key=lambda pair: pair[0])[1]


def _simplex(
    loss: Callable[[NDArray[np.float64]], float], start: NDArray[np.float64], steps: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The end of a simplex search in start + the span of steps."""

    def at(u: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(start + u @ steps)

    simplex = np.vstack([np.zeros(len(steps)), np.eye(len(steps))])
    options = {"initial_simplex": simplex, "maxfev": 60 * len(steps), "xatol": 3e-3, "fatol": 1e-13}
    return at(minimize(lambda u: loss(at(u)), simplex[0], method="Nelder-Mead", options=options).x)


def _tuned(game: RenyiGame, n: float, choice: C, name: str) -> C:
    """Improve one parameter, within a factor of e of its present value."""
    centre = getattr(choice, name)

    def moved(x: float) -> C:
        value = centre * math.exp(x)
        return replace(choice, **{name: min(value, 1.0) if name == "beta" else value})

    found = minimize_scalar(
        lambda x: -_length(game, moved(x), n), bounds=(-1.0, 1.0), method="bounded", options={"xatol": 1e-4}
    )
    other = moved(found.x)
    return other if _length(game, other, n) > _length(game, choice, n) else choice
