"""Find the mixture of strategies of least figure with the tested values, by column generation.

For strategies k with figures f_k and tested values d_k, the best weights solve a linear program:

    minimise sum_k w_k f_k   subject to   sum_k w_k d_k = v,  sum_k w_k = 1,  w >= 0.

The multipliers mu, nu of the program price new strategies: a strategy with f - mu . d < nu improves the mixture. Any
feasible weights are an attack. If the search finds no strategy that improves the mixture, one may still exist.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from sdpbound.arrays import Floats
from sdpbound.attacks.bundle import curvature
from sdpbound.attacks.descent import descend
from sdpbound.attacks.landscape import Landscape, Points
from sdpbound.bell.scenario import Scenario
from sdpbound.bell.strategy import Strategy
from sdpbound.conic.programs.column_generation import ColumnGeneration
from sdpbound.conic.programs.minimax import least_maximum
from sdpbound.conic.solvers.linear_ import Way, WeightsAnswer, cheapest_weights

__all__ = ["COARSE", "Functional", "Mixture", "best_mixture", "deterministic_strategies"]

#: The price in bits of missing a tested value by one; the second is used if the mixture still misses the data.
PENALTIES = (1e2, 1e6)
MOST_DETERMINISTIC = 4096
#: The most columns kept from one round to the next.
MOST_COLUMNS = 400
#: Ways to solve for the weights; the first scale the rows of the data, the others follow if they fail.
WAYS = (Way("simplex", 1e2), Way("ipm", 1e2), Way("simplex"), Way("ipm"), Way("choose", precise=False))
ADVICE = "give the devices' own strategy with strategies=[...], or another seed="
#: Bits between a mixture and its bound below which strategies are also looked for that are unlike those in use.
NEARLY = 1e-4
#: The least curvature of the model of the multipliers, relative to its largest.
FLATTEST = 1e-4
#: Parameters of a strategy up to which second derivatives are taken.
MOST_CURVED = 80
#: A round that moves neither the mixture nor its bound by this part of the tolerance is an idle one.
IDLE = 0.1
#: With this tolerance or a larger one, a start that has the data is the result.
COARSE = 1e-5
#: Weights above RESOLVED can be adjusted to the data. If too few are, mixtures for data at the relative distance SPREAD
#: are averaged.
RESOLVED, SPREAD = 1e-8, 1e-7


#: Strategies that a functional leaves little are looked for from so many random starts; so many are kept, and so many
#: others near each of the best three.
TRIED, KEPT, NEAR = 24, 8, 8


@dataclass(frozen=True, eq=False)
class Functional:
    """Multipliers (J,) of the tests, nearly the best ones, and a value that no mixture is below.

    ``brief``: a search that begins with it and with a mixture ends where rounds do not improve the mixture.
    """

    multipliers: Floats
    value: float
    brief: bool = False


@dataclass(frozen=True, eq=False)
class Mixture:
    """A mixture: strategies with weights (K,), tested values (K, J) and figures (K,).

    If too few weights are positive to adjust them to the data, ``spread`` is a slightly worse mixture with enough of
    them. ``cut`` says that a limit of time ended the search.
    """

    strategies: tuple[Strategy, ...]
    weights: Floats
    tested: Floats
    figures: Floats
    spread: Mixture | None = None
    cut: bool = False

    @property
    def value(self) -> float:
        return float(self.weights @ self.figures)


def deterministic_strategies(scenario: Scenario) -> list[Strategy]:
    """All local deterministic strategies, in dimension one; an empty list if they are too many."""
    if int(np.prod(scenario.count_deterministic())) > MOST_DETERMINISTIC:
        return []
    tables = [list(itertools.product(*(range(d) for d in party))) for party in scenario.outcomes]
    effects = [
        [
            tuple((np.arange(d) == o).astype(float).reshape(d, 1, 1) for d, o in zip(party, choice, strict=True))
            for choice in table
        ]
        for party, table in zip(scenario.outcomes, tables, strict=True)
    ]
    return [Strategy(np.ones((1, 1)), chosen) for chosen in itertools.product(*effects)]


@dataclass(eq=False)
class _Pool:
    """The columns of the linear program: deterministic and given strategies first, then points of the landscape."""

    fixed: list[Strategy]
    figures: Floats
    tested: Floats
    points: Points
    first: int = field(init=False)

    def __post_init__(self) -> None:
        self.first = len(self.fixed)

    def add(self, points: Points, figures: Floats, tested: Floats) -> None:
        self.points = self.points.join(points)
        self.figures = np.concatenate([self.figures, figures])
        self.tested = np.concatenate([self.tested, tested])

    def keep(self, order: NDArray[np.int64]) -> None:
        """Keep only these points of the landscape, numbered as columns."""
        self.points = self.points[order - self.first]
        both = np.concatenate([np.arange(self.first), order])
        self.figures, self.tested = self.figures[both], self.tested[both]


@dataclass(eq=False)
class _Search(ColumnGeneration[WeightsAnswer]):
    """Column generation over points of a landscape, with ``batch`` of them a round.

    ``free`` (J,): how far the tested values may be from ``values``.
    """

    pool: _Pool
    landscape: Landscape
    values: Floats
    free: Floats
    rng: np.random.Generator
    tolerance: float
    batch: int
    prices: Sequence[float]
    rounds: int
    patience: int
    thorough: bool
    met: ClassVar[float] = 1e-12  # new weights or the data's tolerance remove such a miss
    _gain: float = np.inf  # the best gain in bits that the last round promised
    _centre: Floats | None = None  # the multipliers with the best bound so far
    _bound: float = -np.inf  # that bound in bits, if no strategy was overlooked
    _quadratic: Floats | None = None  # the curvature there
    _before: tuple[float, float] = (np.inf, -np.inf)  # value and bound at the round before
    known: Functional | None = None

    def begin(self) -> None:
        self._gain = np.inf

    def mixed(self, price: float) -> WeightsAnswer:
        return self.near(self.values, price)

    def near(self, values: Floats, price: float) -> WeightsAnswer:
        """The best weights of the columns for any tested values."""
        free = self.free if self.free.any() else None
        return cheapest_weights(self.pool.figures, self.pool.tested.T, values, price, WAYS, free, ADVICE)

    def reached(self, answer: WeightsAnswer) -> Floats:
        """The tested values of a mixture, within the intervals: those for which it is to be improved."""
        if not self.free.any():
            return self.values
        found = answer.weights @ self.pool.tested
        return np.asarray(np.clip(found, self.values - self.free, self.values + self.free), dtype=np.float64)

    def is_good(self, answer: WeightsAnswer) -> bool:
        if self.known is None or answer.missed > self.met:
            return False
        return float(answer.weights @ self.pool.figures) - self.known.value <= self.tolerance

    def has_progressed(self, answer: WeightsAnswer) -> bool:
        before, self._before = self._before, (float(answer.weights @ self.pool.figures), self._bound)
        moved = (
            before[0] - self._before[0] > IDLE * self.tolerance or self._before[1] - before[1] > IDLE * self.tolerance
        )
        may_wait = self._centre is None and not (self.known is not None and self.known.brief)
        return self._gain >= self.tolerance and (moved or may_wait)

    def add_columns(self, answer: WeightsAnswer) -> None:
        if not self.thorough or answer.missed > self.met or self.landscape.parameters > MOST_CURVED:
            widely = self.landscape.parameters > MOST_CURVED
            self._gain = answer.level - _price(self, answer.multipliers, answer.weights, widely)
        else:
            self._by_newton(answer)
        _prune(self.pool, answer)

    def _by_newton(self, answer: WeightsAnswer) -> None:
        """Price at multipliers that Newton's method gives, from those with the best bound so far."""
        pool, values = self.pool, self.reached(answer)
        value = float(answer.weights @ pool.figures)
        if self._centre is None and self.known is not None:
            self._centre, self._bound = self.known.multipliers, self.known.value
        if self._centre is None:
            multipliers, weights = answer.multipliers, answer.weights
        else:
            if self._quadratic is None:
                used = np.flatnonzero(answer.weights[pool.first :] > RESOLVED)
                shares = answer.weights[pool.first + used]
                self._quadratic = curvature(self.landscape, pool.points[used], shares, self._centre)
            reduced = pool.figures - pool.tested @ self._centre
            step, weights = least_maximum(-reduced, pool.tested - values, self._quadratic, FLATTEST)
            multipliers = self._centre + step
        least = _price(self, multipliers, weights, value - self._bound < NEARLY or self._centre is None)
        bound = float(multipliers @ self.values - np.abs(multipliers) @ self.free)
        bound += min(least, float((pool.figures - pool.tested @ multipliers).min()))
        if bound > self._bound:
            self._centre, self._bound, self._quadratic = multipliers, bound, None
        self._gain = value - self._bound

    def approach(self, answer: WeightsAnswer) -> None:
        _fit(self.pool, self.landscape, self.reached(answer), answer)


def best_mixture(
    landscape: Landscape,
    data: tuple[Floats, Floats],
    fixed: tuple[list[Strategy], Floats, Floats],
    rng: np.random.Generator,
    tolerance: float = 2e-6,
    start: Points | None = None,
    known: Functional | None = None,
) -> Mixture:
    """Search for a mixture of small figure with (nearly) the tested values.

    Parameters
    ----------
    landscape : the strategies to search
    data : (J,) tested values, and (J,) how far from them a mixture may be
    fixed : strategies to start with, their figures (K,) and tested values (K, J)
    tolerance : the search ends when some rounds in a row gain less than this many bits
    start : points that are nearly the best. The search then tries few others; with a tolerance of 1e-5 or more, none
    known : a functional that is proven, to begin with what it leaves least
    """
    values, free = data
    pool = _Pool(fixed[0], fixed[1], fixed[2].reshape(len(fixed[0]), -1), landscape.random(0, rng))
    thorough = start is None and not landscape.is_simple
    # of three parties some good strategies are found in one round of several only
    often = thorough or (start is None and landscape.scenario.parties > 2)
    patience = 5 if often and len(values) <= 8 else 2
    search = _Search(
        pool, landscape, values, free, rng, tolerance, 12, PENALTIES, 60, patience - 1, thorough, known=known
    )
    if start is None:
        pool.add(*_overshooting(landscape, values, rng))
        if known is not None:
            pool.add(*_left_least(landscape, known.multipliers, rng))
    else:
        pool.add(start, *landscape.measured(start))
        # with a lower penalty, Eve gains by missing data on the boundary by a little
        search.batch, search.rounds, search.patience, search.prices = 4, 12, 0, PENALTIES[-1:]
        first = search.mixed(PENALTIES[-1])
        if first.missed > search.met:
            search.approach(first)
            search.rounds = 3
        elif tolerance >= COARSE:
            search.rounds = 0
    return replace(_finished(search, search.generate()), cut=search.cut)


def _overshooting(landscape: Landscape, values: Floats, rng: np.random.Generator) -> tuple[Points, Floats, Floats]:
    """Strategies that lie as far as possible from the average of random ones, in the direction of the data."""
    random = landscape.random(8, rng)
    _, tested = landscape.measured(random)
    direction = values - tested.mean(axis=0)
    points = _descended(landscape, random, direction, 0.0, 60)
    return points, *landscape.measured(points)


def _left_least(landscape: Landscape, multipliers: Floats, rng: np.random.Generator) -> tuple[Points, Floats, Floats]:
    """Strategies of least figure minus multipliers times tested values, and others near them."""
    found = _descended(landscape, landscape.random(TRIED, rng), multipliers, 1.0, 120)
    figures, tested = landscape.measured(found)
    best = np.argsort(figures - tested @ multipliers)[:KEPT]
    points = found[best].join(landscape.jittered(found[np.repeat(best[:3], NEAR)], rng))
    return points, *landscape.measured(points)


def _descended(landscape: Landscape, starts: Points, multipliers: Floats, weight: float, iterations: int) -> Points:
    scale = max(1.0, float(np.abs(multipliers).max(initial=0.0)))

    def function(x: Floats, which: NDArray[np.int64]) -> tuple[Floats, Floats]:
        points = Points(x, tuple(table[which] for table in starts.labels))
        value, gradient = landscape.evaluate(points, multipliers / scale, weight / scale)
        return value, gradient

    found, _ = descend(function, starts.parameters, iterations, 1e-9 / scale)
    return Points(found, starts.labels)


def _price(search: _Search, multipliers: Floats, weights: Floats, widely: bool) -> float:
    """Add strategies of low reduced cost ``f - m . d``, found from those in use and from random ones; return the least.

    ``widely``: also from strategies in use with new outcomes, and from more random ones.
    """
    pool, landscape, rng, batch = search.pool, search.landscape, search.rng, search.batch
    used = np.flatnonzero(weights[pool.first :] > 1e-9)
    starts = landscape.random(max(batch - len(used), batch // 2), rng)
    if len(used):
        starts = pool.points[used].join(starts)
        if widely and search.thorough:
            starts = starts.join(landscape.mutated(pool.points[used], 2 * batch, rng))
    points = _descended(landscape, starts, multipliers, 1.0, 120)
    figures, tested = landscape.measured(points)
    reduced = figures - tested @ multipliers
    before = float((pool.figures - pool.tested @ multipliers)[weights > 0].max(initial=-np.inf))
    below = reduced - before
    good = below < max(-1e-9, float(below.min()) * 1e-3) if below.min() < -1e-9 else np.zeros(len(reduced), bool)
    pool.add(points[good], figures[good], tested[good])
    return float(reduced.min())


def _fit(pool: _Pool, landscape: Landscape, values: Floats, master: WeightsAnswer) -> None:
    """Add single strategies that have the data, found from the heaviest ones; on the boundary only one may exist."""
    weights = master.weights[pool.first :]
    for k in np.argsort(-weights)[:3]:
        if not weights[k] > 0:
            break
        start = pool.points[k : k + 1]

        def residual(x: Floats, labels: Points = start) -> Floats:
            return np.asarray(landscape.measured(Points(x[None], labels.labels))[1][0] - values, dtype=np.float64)

        def jacobian(x: Floats, labels: Points = start) -> Floats:
            point = Points(x[None], labels.labels)
            return np.array([-landscape.evaluate(point, row, 0.0)[1][0] for row in np.eye(len(values))])

        answer = least_squares(residual, start.parameters[0], jacobian, xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=60)
        found = Points(answer.x[None], start.labels)
        figures, tested = landscape.measured(found)
        if np.abs(tested[0] - values).max() < 1e-6:
            pool.add(found, figures, tested)


def _prune(pool: _Pool, master: WeightsAnswer) -> None:
    """Keep the points of the lowest reduced costs and those in use."""
    if len(pool.figures) - pool.first <= MOST_COLUMNS:
        return
    reduced = pool.figures - pool.tested @ master.multipliers - master.level
    order = np.argsort(reduced[pool.first :], kind="stable")[: MOST_COLUMNS // 2] + pool.first
    pool.keep(np.union1d(order, np.flatnonzero(master.weights[pool.first :] > 0) + pool.first))


def _finished(search: _Search, master: WeightsAnswer) -> Mixture:
    pool, landscape, weights = search.pool, search.landscape, master.weights
    j = len(search.values)
    if search.free.any():
        weights = _met(search, weights)
    if np.count_nonzero(weights > RESOLVED) > j or not j or master.missed > search.met or search.free.any():
        return _mixture(pool, landscape, weights, None)
    heaviest = pool.first + np.argsort(-weights[pool.first :])[:3]
    heaviest = heaviest[weights[heaviest] > RESOLVED] - pool.first
    if len(heaviest):
        near = landscape.jittered(pool.points[np.repeat(heaviest, 4 * (j + 1))], search.rng)
        pool.add(near, *landscape.measured(near))
    spread = _spread(search)
    other = None if spread is None else _mixture(pool, landscape, spread, None)
    return _mixture(pool, landscape, weights, other)


def _met(search: _Search, weights: Floats) -> Floats:
    """The weights, changed by as small a part of themselves as the tests that are no intervals need."""
    equal = search.free == 0.0
    used = np.flatnonzero(weights > RESOLVED)
    rows = np.vstack([search.pool.tested[used][:, equal].T, np.ones(len(used))])
    out, own = np.zeros_like(weights), weights[used]
    for _ in range(2):
        missing = np.append(search.values[equal], 1.0) - rows @ own
        own = own * np.maximum(1.0 + np.linalg.lstsq(rows * own, missing, rcond=1e-12)[0], 0.0)
    out[used] = own
    return out


def _mixture(pool: _Pool, landscape: Landscape, weights: Floats, spread: Mixture | None) -> Mixture:
    used = np.flatnonzero(weights > 0)
    strategies = [pool.fixed[i] for i in used if i < pool.first]
    strategies += landscape.strategies(pool.points[used[used >= pool.first] - pool.first])
    return Mixture(tuple(strategies), weights[used], pool.tested[used], pool.figures[used], spread)


def _spread(search: _Search) -> Floats | None:
    """Weights with enough positive ones to adjust them to the data: the average over a small simplex around the data.

    None if the data are on the boundary of the values that the strategies reach.
    """
    values = search.values
    j = len(values)
    corners = np.eye(j + 1) - 1.0 / (j + 1)
    basis = np.linalg.svd(corners)[2][:j].T  # the plane where the coordinates of the corners add up to zero
    size = np.abs(search.pool.tested - values).max(axis=0)
    answers = []
    for corner in corners @ basis:
        answer = search.near(values + SPREAD * size * corner, PENALTIES[-1])
        if answer.missed > search.met:
            return None
        answers.append(answer.weights)
    return np.asarray(np.mean(answers, axis=0), dtype=np.float64)
