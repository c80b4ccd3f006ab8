"""Find the mixture of qubit strategies of least entropy with the tested values: an attack and a functional to prove."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bounds.intervals import reach
from sdpbound.conic.programs.column_generation import ColumnGeneration
from sdpbound.entropies.qubits.columns import (
    LN2,
    Columns,
    columns_of,
    distinct_columns,
    first_columns,
    observables_of,
    operator_tables,
)
from sdpbound.entropies.qubits.correlators import CorrelatorEngine
from sdpbound.entropies.qubits.engine import Batch, Engine, StateEngine, entropies
from sdpbound.entropies.qubits.newton import Maxima, follow_maxima, newton_improvement
from sdpbound.entropies.qubits.problem import Key, QubitProblem, qubit_problem
from sdpbound.entropies.qubits.single import alone_if_nearer
from sdpbound.entropies.qubits.turned import turned_if_nearer
from sdpbound.entropies.qubits.weights import Weighted, adjusted, cheapest
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.entropies.renyi.engine import RenyiEngine
from sdpbound.errors import SolverFailure

__all__ = ["QubitOptimum", "Search", "engine_of", "least_mixture", "optimum", "search"]

_ANGLES: Floats = np.linspace(0.0, np.pi, 13)
_PLACES = np.arange(_ANGLES.size**2).reshape(_ANGLES.size, -1)
#: The pairs of these angles, and the numbers of the pairs next to each one, itself among them.
_GRID = (np.repeat(_ANGLES, _ANGLES.size), np.tile(_ANGLES, _ANGLES.size))
_AROUND = np.lib.stride_tricks.sliding_window_view(np.pad(_PLACES, 1, mode="edge"), (3, 3)).reshape(-1, 9)
#: A trial goes this part of the way from the best multipliers to those of the linear program.
_TRUST = 0.6
#: Steps of the engine before the angles move, steps of the see-saw, and steps of Newton's method for the angles.
_FIRST_STEPS, _SEE_SAWS, _FOLLOWING_STEPS = 20, 12, 4
#: Maxima are followed if they are at most this many bits below the highest one.
_HIGH = 0.02
_ROUNDS, _IDLE = 40, 5
#: Rounds of plain column generation before the first use of Newton's method.
_PLAIN = 1
#: The largest multipliers of the first and the later attempts, in bits per size of a test.
_STEEPEST = (10.0, 60.0, 300.0, 3e3, 3e4, 3e5)
#: Deviations up to this, per size of a test, are those of strategies that are not exact yet: strategies around the data
#: repair them. They are those of multipliers moved by this many bits per size of a test.
_NEARLY, _ASIDE = 1e-6, 1e-3
_SEARCH_NOISE = 1e-10
#: Functionals are softened this often at most, while they are steeper than this, in bits per size of a test. Each time
#: this part of what may be lost is spent, and the steepness must fall at least to this part of itself.
_SOFTENINGS, _GENTLE, _SPENT, _SOFTER = 8, 20.0, 0.7, 0.9
#: Maxima of a softened functional are looked for around so many of the strategies that are known.
_HIGHEST = 24


def engine_of(problem: QubitProblem, noise: float) -> Engine:
    """The engine for the tests of a problem; ``noise`` as in :class:`StateEngine`."""
    if problem.exponent:
        return RenyiEngine(problem.key, problem.flips, problem.exponent, noise)
    if problem.correlators_only and not problem.flips and problem.key is not Key.NONE:
        return CorrelatorEngine(problem.key)
    return StateEngine(problem.key, problem.flips, noise)


@dataclass(eq=False)
class Search(ColumnGeneration[Weighted]):
    """Column generation, with the strategies and the best functional so far.

    A linear program over the known strategies gives a functional. Strategies at which this functional is above the
    entropy become new columns.
    """

    problem: QubitProblem
    columns: Columns
    multipliers: Floats | None = None  # multipliers of the best functional so far
    lower: float = -np.inf  # value in bits of the best functional at the data, if no strategy was overlooked
    constant: float = -np.inf
    mixture: Weighted | None = None
    prices: Sequence[float] = _STEEPEST
    rounds: int = _ROUNDS
    patience: int = _IDLE
    met: ClassVar[float] = 1e-9
    _tolerance: float = 0.0
    _first_plain: int = _PLAIN  # plain rounds at each price
    _plain: int = 0  # of those, the ones that are left
    _best: tuple[float, float] = (np.inf, -np.inf)  # objective and functional's value before the last round

    def value_of(self, constant: float, multipliers: Floats) -> float:
        """The value of a functional at the data in bits, less the charge for tolerances."""
        p = self.problem
        return float(constant + multipliers @ p.values - np.abs(multipliers) @ p.tolerances)

    def run(self, tolerance: float) -> None:
        """Search until mixture and functional are within the tolerance, or neither of them improves."""
        self._tolerance = tolerance
        self._first_plain = _PLAIN if self.multipliers is None else 0
        self.generate()

    def begin(self) -> None:
        self.rounds, self._plain = _ROUNDS, self._first_plain
        self._best = np.inf, self.lower

    def mixed(self, price: float) -> Weighted:
        self.mixture = cheapest(self.problem, self.columns, price)
        return self.mixture

    def is_good(self, answer: Weighted) -> bool:
        return answer.objective - self.lower <= self._tolerance

    def has_progressed(self, answer: Weighted) -> bool:
        objective, lower = self._best
        self._best = answer.objective, self.lower
        return max(objective - answer.objective, self.lower - lower) >= 0.02 * self._tolerance

    def add_columns(self, answer: Weighted) -> None:
        lower = self.lower
        used = self.columns.chosen(np.flatnonzero(answer.weights > 1e-9))
        newton = not self._plain and self.multipliers is not None
        if not newton or self.multipliers is None:
            trial = answer.multipliers
            if self.multipliers is not None:
                trial = _TRUST * trial + (1.0 - _TRUST) * self.multipliers
            self._plain = max(self._plain - 1, 0)
        else:
            trial, used = self.by_newton(self.multipliers, used)
            self.columns = self.columns.with_more(used)
        self.improve(trial, used, 0.1 * self._tolerance)
        if newton and self.lower - lower < 0.1 * self._tolerance:
            self._plain = 1  # Newton's method gained nothing: take a plain round

    def approach(self, answer: Weighted) -> None:
        """Add strategies on all sides of the data, if those of the mixture nearly have them.

        Where one strategy has the data, Newton's method finds it up to its precision. The data can then be outside the
        hull of the known strategies by that much, and further rounds only find the same strategy again. The tested
        values of a maximum move with the multipliers, so multipliers moved to both sides of each test surround them.
        """
        if self.multipliers is None or answer.missed > _NEARLY:
            return
        problem, engine = self.problem, engine_of(self.problem, _SEARCH_NOISE)
        near = distinct_columns(self.columns.chosen(np.flatnonzero(answer.weights > 1e-9)))
        if not len(near):
            return
        for step in np.diag(_ASIDE / np.maximum(problem.sizes, 1e-300)):
            for multipliers in (self.multipliers + step, self.multipliers - step):
                start = Maxima(near.a, near.b, engine.cold(self._tables(multipliers, near.a, near.b)))
                maxima = follow_maxima(problem, engine, multipliers, start, _FOLLOWING_STEPS)
                states = engine.states(self._tables(multipliers, maxima.a, maxima.b), maxima.hints)
                self.columns = self.columns.with_more(columns_of(problem, maxima.a, maxima.b, states))

    def follow(self, start: QubitOptimum) -> None:
        """Start from the optimum of a neighbouring point, by Newton's method.

        No grid is searched here, because the proof searches all angles.
        """
        old = columns_of(self.problem, start.columns.a, start.columns.b, start.columns.states)
        self.columns = self.columns.with_more(old)
        self.multipliers, found = self.by_newton(start.multipliers, old)
        self.columns = self.columns.with_more(found)
        self.constant = -float((self.columns.tests @ self.multipliers - self.columns.entropies).max())
        self.lower = self.value_of(self.constant, self.multipliers)

    def soften(self, worst: float) -> None:
        """Make the functional less steep, as far as its value at the data stays above ``worst``.

        Where the mixture has a strategy on the boundary of the quantum set, no functional is the best one: the value
        rises towards the entropy as multipliers grow without limit. Steep functionals cost a proof many cells.
        """
        for _ in range(_SOFTENINGS):
            assert self.multipliers is not None and self.mixture is not None
            size = float(np.linalg.norm(self.multipliers * self.problem.sizes))
            spare = self.lower - worst
            if size < _GENTLE or spare <= 0.0:
                return
            used = self.columns.chosen(np.flatnonzero(self.mixture.weights > 1e-9))
            multipliers, found = self.by_newton(self.multipliers, used, 2.0 * _SPENT * spare / size**2)
            if not float(np.linalg.norm(multipliers * self.problem.sizes)) < _SOFTER * size:
                return
            before = self.lower, self.constant, self.multipliers
            self.lower = -np.inf
            excess = self.columns.tests @ multipliers - self.columns.entropies
            high = distinct_columns(self.columns.chosen(np.argsort(-excess)[:_HIGHEST]))
            self.improve(multipliers, found.with_more(high), 0.1 * spare)
            if self.lower < worst:
                self.lower, self.constant, self.multipliers = before
                return

    def by_newton(self, multipliers: Floats, near: Columns, steepness: float = 0.0) -> tuple[Floats, Columns]:
        """Improve multipliers by Newton's method, from the strategies of the mixture and the last found ones."""
        problem, engine = self.problem, engine_of(self.problem, _SEARCH_NOISE)
        recent = self.columns.chosen(np.arange(max(0, len(self.columns) - 12), len(self.columns)))
        excess = recent.tests @ multipliers - recent.entropies
        both = distinct_columns(near.with_more(recent.chosen(np.flatnonzero(excess > excess.max() - _HIGH))))
        classical = first_columns(problem)
        if not len(both):
            return multipliers, both
        start = Maxima(both.a, both.b, engine.cold(self._tables(multipliers, both.a, both.b)))
        fixed = classical.tests, classical.entropies
        better, maxima = newton_improvement(self._reached, engine, multipliers, start, fixed, steepness)
        states = engine.states(self._tables(better, maxima.a, maxima.b), maxima.hints)
        return better, columns_of(problem, maxima.a, maxima.b, states)

    @property
    def _reached(self) -> QubitProblem:
        """The problem with the values that the last mixture has, where tests are intervals.

        The best mixture with these values is the best one within the intervals as soon as no other values in them are
        better, which the linear program finds out.
        """
        p, wide = self.problem, reach(self.problem.tolerances)
        if self.mixture is None or not wide.any():
            return p
        known = self.columns.tests[: len(self.mixture.weights)]
        return replace(p, values=np.clip(self.mixture.weights @ known, p.values - wide, p.values + wide))

    def _tables(self, multipliers: Floats, a: Floats, b: Floats) -> Floats:
        return operator_tables(np.tensordot(multipliers, self.problem.tests, axes=(0, 0)), a, b)

    def add_near(self, a: float, b: float, tolerance: float) -> None:
        """Add a strategy at these angles, which the search overlooked, and continue the search."""
        assert self.multipliers is not None
        near = columns_of(self.problem, np.array([a]), np.array([b]), 0.25 * np.eye(4)[None])
        self.lower = -np.inf
        self.improve(self.multipliers, near, 0.1 * tolerance)
        self.run(tolerance)

    def improve(self, multipliers: Floats, near: Columns, precision: float) -> float:
        """Find the constant of a functional; keep the strategies found, and the functional if it is the best so far."""
        top, found = price(self.problem, multipliers, near, precision)
        for columns in (near, self.columns):
            top = max(top, float((columns.tests @ multipliers - columns.entropies).max(initial=-np.inf)))
        value = self.value_of(-top, multipliers)
        if value > self.lower:
            self.lower, self.constant, self.multipliers = value, -top, multipliers
        self.columns = self.columns.with_more(found)
        return value


def price(problem: QubitProblem, multipliers: Floats, near: Columns, precision: float) -> tuple[float, Columns]:
    """The most, in bits, by which a functional without constant is above the entropy, and the strategies found.

    The search uses a grid of angles and ascents from its highest points and from ``near``; it proves nothing.
    """
    engine = engine_of(problem, _SEARCH_NOISE)
    expression = np.tensordot(multipliers, problem.tests, axes=(0, 0))
    a, b = _GRID
    tables = operator_tables(expression, a, b)
    batch = Batch(engine, tables, engine.cold(tables))
    batch.solve(3e-2, 3)
    values = batch.values
    highest = values >= values[_AROUND].max(axis=1) - 1e-12
    start = np.flatnonzero(highest & (values > values.max() - 0.5))
    start = start[np.argsort(-values[start])][:8]
    more = operator_tables(expression, near.a, near.b)
    a, b = np.concatenate([a[start], near.a]), np.concatenate([b[start], near.b])
    hints = np.concatenate([batch.hints[start], engine.cold(more)])
    found = ascend(problem, engine, expression, a, b, hints, precision)
    excess = found.tests @ multipliers - found.entropies
    high = distinct_columns(found.chosen(np.flatnonzero(excess > excess.max() - _HIGH)))
    if len(high):
        maxima = Maxima(high.a, high.b, engine.cold(operator_tables(expression, high.a, high.b)))
        maxima = follow_maxima(problem, engine, multipliers, maxima, _FOLLOWING_STEPS)
        states = engine.states(operator_tables(expression, maxima.a, maxima.b), maxima.hints)
        found = found.with_more(columns_of(problem, maxima.a, maxima.b, states))
        excess = found.tests @ multipliers - found.entropies
    return float(excess.max()), found


def ascend(
    problem: QubitProblem, engine: Engine, expression: Floats, a: Floats, b: Floats, hints: Floats, precision: float
) -> Columns:
    """Ascend by a see-saw: find the best state for the angles, then the best angles for this state, and repeat."""
    # here, as numba takes a moment to load
    from sdpbound.entropies.qubits.compiled_search import best_angles, tables_at

    batch = Batch(engine, operator_tables(expression, a, b), hints)
    batch.solve(precision, _FIRST_STEPS)
    flat = batch.tables.reshape(-1, 9)
    everywhere = np.arange(len(a))
    before = np.full(len(a), -np.inf)
    for _ in range(_SEE_SAWS):
        moments = engine.moments(batch.tables, batch.hints)
        best_angles(expression, moments.reshape(-1, 9), a, b)
        tables_at(expression, a, b, LN2, flat)
        batch.step(everywhere)
        if (batch.values - before).max() < precision and batch.gaps[batch.values.argmax()] < precision:
            break
        before = batch.values.copy()
    return columns_of(problem, a, b, engine.states(batch.tables, batch.hints))


@dataclass(frozen=True, eq=False)
class QubitOptimum:
    """A mixture of strategies of two qubits with the tested values, of the least entropy that the search found.

    Attributes
    ----------
    weights : (n,) positive, of sum one
    states : (n, 4, 4) real, Alice's qubit first
    alice, bob : (n, X, 2, 2), (n, Y, 2, 2) observables of all settings of the scenario; 1 for those not tested
    value : the mixture's entropy in bits: an upper bound on the least entropy, up to ``miss``
    miss : largest deviation from the tested values beyond their tolerances, in units of sum |coefficients|
    constant, multipliers : an affine functional of the tested values; the search found no strategy whose entropy is
        below it, which is no proof
    lower : value of the functional at the data in bits, less the charge for tolerances
    """

    weights: Floats
    states: Floats
    alice: Floats
    bob: Floats
    value: float
    miss: float
    constant: float
    multipliers: Floats
    lower: float
    columns: Columns
    problem: QubitProblem


def least_mixture(
    question: EntropyQuestion, tolerance: float = 1e-6, start: QubitOptimum | None = None
) -> QubitOptimum:
    """Find the mixture of qubit strategies with the tested values of least H(A|X=x,E) or H(AB|X=x,Y=y,E)."""
    return optimum(question, search(question, tolerance, start))


def search(question: EntropyQuestion, tolerance: float, start: QubitOptimum | None = None) -> Search:
    problem = qubit_problem(question)
    found = Search(problem, first_columns(problem))
    if start is not None:
        found.follow(start)
    try:
        found.run(tolerance)
    except SolverFailure:  # a functional that was found can still be proven
        if found.mixture is None or found.multipliers is None:
            raise
    if problem.key is Key.NONE:
        found.constant = found.lower = float(entropies(0.25 * np.eye(4)[None], problem.key, problem.flips)[0])
        found.multipliers = np.zeros_like(problem.values)
    return found


def optimum(question: EntropyQuestion, found: Search) -> QubitOptimum:
    problem, mixture = found.problem, found.mixture
    assert mixture is not None and found.multipliers is not None
    index = np.flatnonzero(mixture.weights > 1e-12)
    columns = found.columns.chosen(index)
    weights, missed = adjusted(problem, columns, mixture.weights[index] / mixture.weights[index].sum())
    columns, weights, missed = alone_if_nearer(problem, columns, weights, missed)
    columns, weights, missed = turned_if_nearer(problem, columns, weights, missed)
    states = columns.states
    alice, bob = (
        observables_of(angles, settings, count)
        for angles, settings, count in zip(
            (columns.a, columns.b),
            problem.settings,
            question.scenario.settings[::-1] if problem.swapped else question.scenario.settings,
            strict=True,
        )
    )
    if problem.swapped:
        alice, bob = bob, alice
        states = states.reshape(-1, 2, 2, 2, 2).transpose(0, 2, 1, 4, 3).reshape(-1, 4, 4)
    return QubitOptimum(
        weights=weights,
        states=states,
        alice=alice,
        bob=bob,
        value=float(weights @ columns.entropies),
        miss=missed,
        constant=found.constant,
        multipliers=found.multipliers,
        lower=found.lower,
        columns=columns,
        problem=problem,
    )
