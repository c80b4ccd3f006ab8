"""Search for good parameters of a length by Renyi entropies; the length is proven elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.entropies.renyi_chsh import PowerTangent, power_tangent
from sdpbound.finite_size.honest import Term, total
from sdpbound.finite_size.maximising import finite_or_least, polished, zoomed
from sdpbound.finite_size.renyi import ChshChoice, ChshGame, RenyiChoice, RenyiGame, renyi_terms
from sdpbound.finite_size.renyi_affine import AffineGame

__all__ = ["balanced_beta", "best_affine_choice", "best_renyi_choices", "renyi_worth"]

G = TypeVar("G", bound=RenyiGame)
_SMALLEST = 1e-12
_GAMMAS = tuple(10.0 ** (-0.5 * i) for i in range(13))
#: The tangent is searched for within (2, 2 sqrt 2), this part of the range away from its ends.
_MARGIN = 1e-9
_WIDTH = math.sqrt(8.0) - 2.0
_NOTHING: Term[float] = Term(-math.inf, -math.inf)
#: Grids of the search end at this part of their first sides; what is refined at the end needs no finer ones.
_COARSE = 0.004
#: What is refined at the end, and the largest values.
_REFINED = ("score_tail", "leak_tail", "beta", "place", "wrong", "leak", "hashing", "gamma", "tangent")
_LIMITS = {"gamma": 1.0, "place": 1.0, "beta": 1.0, "tangent": 2.0 + _WIDTH * (1.0 - _MARGIN)}


def renyi_worth(game: RenyiGame, choice: RenyiChoice) -> Term[float]:
    """The objective of the search: the length in floats, less the entropy of all choices if the net length counts."""
    like = 1.0 + 0.0 * choice.gamma  # an array for arrays of parameters
    scores = game.scores(choice, like)
    if scores is None:
        return _NOTHING
    term = total(renyi_terms(game, choice, game.added(choice.gamma, scores, like), like))
    return Term(term.rate - game.drawing(choice.gamma), term.constant) if game.net else term


def best_renyi_choices(game: ChshGame, counts: Sequence[float], gamma: float | None = None) -> list[ChshChoice]:
    """Find good parameters for each number of rounds; ``gamma`` fixes the probability of a test.

    A search over four parameters; the others are set by balance, then all are refined.
    """
    logs, nearer = np.meshgrid(np.log(_GAMMAS if gamma is None else [gamma]), [0.0, 0.3], indexing="ij")
    starts = np.stack([logs.ravel(), np.full(logs.size, 0.3), np.zeros(logs.size), nearer.ravel()], axis=1)
    return [ChshChoice(**found) for found in _best(game, counts, starts, gamma, _prepared)]


def best_affine_choice(game: AffineGame, n: float, gamma: float | None = None) -> RenyiChoice:
    """The same for an affine bound on Q, whose order is given: a search over two parameters."""
    starts = np.array([[math.log(g), 0.3] for g in (_GAMMAS if gamma is None else (gamma,))])
    return RenyiChoice(**_best(game, [n], starts, gamma, _prepared_affine)[0])


def balanced_beta(game: AffineGame, n: float, choice: RenyiChoice) -> float:
    """Renyi parameter less one that balances the variance of scores like these with what a small one costs."""
    return float(_balanced_beta(game, np.array(n), np.array(_variance_of(game, choice) + 1.0)))


def _lengths(game: RenyiGame, n: Floats, choices: Mapping[str, Any]) -> Floats:
    """The lengths of choices that are given as arrays, by name."""
    kind = ChshChoice if isinstance(game, ChshGame) else RenyiChoice
    with np.errstate(all="ignore"):
        term: Any = renyi_worth(game, kind(**choices))
        return finite_or_least(term.rate * n + term.constant)


def _gamma(points: Floats) -> Floats:
    return np.clip(np.exp(np.minimum(points[..., 0], 0.0)), _SMALLEST, 1.0)


def _prepared(game: ChshGame, n: Floats, points: Floats) -> dict[str, Any]:
    """Parameters from (.., 4): log gamma, place, log of a factor on beta, distance of the tangent; more by balance."""
    gamma, place = _gamma(points), np.clip(points[..., 1], 0.0, 1.0)
    part = min(1.0 - _MARGIN, max(_MARGIN, (abs(game.test.value) - 2.0) / _WIDTH))
    odds = np.clip(math.log(part / (1.0 - part)) - points[..., 3], -40.0, 40.0)
    at = 2.0 + _WIDTH * np.clip(1.0 / (1.0 + np.exp(-odds)), _MARGIN, 1.0 - _MARGIN)
    least = min(p for p, _, _ in game.results)
    small = 1e-4
    line: PowerTangent[Floats] = power_tangent(at, small + 0.0 * at)
    slope = 2.0 * line.slope / (small * math.log(2.0) * least)
    variance = _variance(game, gamma, place * slope / gamma, slope / gamma) + 1.0
    beta = np.exp(np.clip(points[..., 2], -30.0, 30.0)) * _balanced_beta(game, n, variance)
    beta = np.clip(beta, _SMALLEST, 1.0)
    found = {"tangent": at, "gamma": gamma, "beta": beta, "place": place}
    return found | _balanced(game, n, gamma, beta, variance)


def _prepared_affine(game: AffineGame, n: Floats, points: Floats) -> dict[str, Any]:
    gamma, place = _gamma(points), np.clip(points[..., 1], 0.0, 1.0)
    plain = {"gamma": gamma, "beta": game.test.beta + 0.0 * gamma, "place": place}
    first: Any = plain | _balanced(game, n, gamma, plain["beta"], 1.0 + 0.0 * gamma)
    with np.errstate(all="ignore"):
        variance = _variance_of(game, RenyiChoice(**first)) + 1.0
    return plain | _balanced(game, n, gamma, plain["beta"], np.where(np.isfinite(variance), variance, 1.0))


def _balanced_beta(game: RenyiGame, n: Floats, variance: Floats) -> Floats:
    found: Floats = np.sqrt(math.log2(1.0 / game.security.soundness) / (n * 0.5 * math.log(2.0) * variance))
    return found


def _balanced(game: RenyiGame, n: Floats, gamma: Floats, beta: Floats, variance: Floats) -> dict[str, Floats]:
    """Tails and parts of what may fail, for honest scores of this variance."""
    security, keyed, nothing = game.security, bool(game.plain), 0.0 * gamma
    wrong = security.soundness / (2.0 + 1.0 / beta) if keyed else nothing
    spreads = (variance, game.sent_variance(gamma))
    log_fail = math.log(1.0 / security.completeness) + 1.0
    score, sent = (np.sqrt(0.5 * n * s / log_fail) for s in spreads)
    floor = 1e-6 * np.maximum(score, sent) + 1e-9  # a smaller part would be lost in rounding
    costs = np.maximum(score, floor), np.maximum(sent, floor) if keyed else nothing
    hashing = 1.0 / math.log(2.0) if keyed else 0.0
    unit = security.completeness / (costs[0] + costs[1] + hashing)
    with np.errstate(all="ignore"):
        tails = [
            np.where((s > 0.0) & (c > 0.0), np.sqrt(-2.0 * np.log(c * unit) / (n * s)), 1e6)
            for c, s in zip(costs, spreads, strict=True)
        ]
    parts = {"wrong": wrong, "leak": costs[1] * unit, "hashing": hashing * unit}
    return {"score_tail": tails[0], "leak_tail": tails[1]} | parts


def _variance(game: ChshGame, gamma: Floats, below: Floats, span: Floats) -> Floats:
    """The variance of the honest score, those of won tests being 0, of lost ones -span and of untested ones -below."""
    lost = math.fsum(b for _, _, b in game.results)
    mean = -(1.0 - gamma) * below - gamma * lost * span
    return (1.0 - gamma) * below**2 + gamma * lost * span**2 - mean**2


def _variance_of(game: AffineGame, choice: RenyiChoice) -> Any:
    """The variance of the honest score; that of a test with all scores alike if these parameters have none.

    Arrays are not finite there.
    """
    like = 1.0 + 0.0 * choice.gamma
    found = game.scores(choice, like)
    if found is None:
        return 0.0
    scores = game.added(choice.gamma, found, like)
    pairs: list[tuple[Any, Any]] = [(scores.rest, 1.0 - choice.gamma)]
    pairs += [(f, choice.gamma * p) for f, p in zip(scores.tests, game.float_chances, strict=True)]
    mean = sum(f * p for f, p in pairs)
    return sum(p * (f - mean) ** 2 for f, p in pairs)


def _best(
    game: G,
    counts: Sequence[float],
    starts: Floats,
    gamma: float | None,
    prepared: Callable[[G, Floats, Floats], dict[str, Any]],
) -> list[dict[str, float]]:
    """The best parameters found for each number of rounds from its best two starts.

    Starts are rows of log gamma, which may be fixed, and what else is prepared. The second one is for few rounds, where
    most parameters have no length.
    """
    n = np.array(counts, dtype=np.float64)[:, None]
    free = gamma is None
    steps = np.array([1.2, 0.5, 1.0, 1.0])[: starts.shape[1]] * ([free] + [True] * (starts.shape[1] - 1))

    values = _lengths(game, n, prepared(game, n, np.broadcast_to(starts, (len(n), *starts.shape))))
    order = np.argsort(-values, axis=1, kind="stable")
    best = _zoomed(game, n, starts[order[:, 0]], steps, prepared)
    (poor,) = np.nonzero(_lengths(game, n, prepared(game, n, best[:, None]))[:, 0] <= 0.0)
    if poor.size and len(starts) > 1:
        other = _zoomed(game, n[poor], starts[order[poor, 1]], steps, prepared)
        both = np.stack([best[poor], other], axis=1)
        better = _lengths(game, n[poor], prepared(game, n[poor], both)).argmax(axis=1)
        best[poor] = both[np.arange(poor.size), better]
    known = {name: v[:, 0] for name, v in prepared(game, n, best[:, None]).items()}
    if gamma is not None:
        known["gamma"] = np.full(len(n), gamma)  # not the exponential of its logarithm
    found = polished(partial(_lengths, game, n), known, _refined(game, free), _LIMITS)
    return [{name: float(v[row]) for name, v in found.items()} for row in range(len(n))]


def _zoomed(
    game: G, n: Floats, start: Floats, steps: Floats, prepared: Callable[[G, Floats, Floats], dict[str, Any]]
) -> Floats:
    return zoomed(lambda points: _lengths(game, n, prepared(game, n, points)), start, steps, _COARSE)


def _refined(game: RenyiGame, free: bool) -> Sequence[str]:
    """The names of the parameters that a search ends with: the order of an affine bound is given."""
    fixed = set() if isinstance(game, ChshGame) else {"beta", "tangent"}
    return [name for name in _REFINED if name not in fixed and (free or name != "gamma")]
