"""Find the mixture of qubit strategies of least average entropy with the tested values, and a functional to prove.

Column generation, as for one key (:mod:`sdpbound.entropies.qubits.mixture`). Here the entropy changes with the angles,
too, so that angles are improved by Newton's method on values of G around them. Nothing of this is trusted.
Entropies here are those of the pieces alone, see :class:`~sdpbound.entropies.averages.problem.AverageProblem`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.conic.programs.column_generation import ColumnGeneration
from sdpbound.entropies.averages.points import Points
from sdpbound.entropies.averages.problem import AverageProblem
from sdpbound.entropies.qubits.columns import LN2, Columns
from sdpbound.entropies.qubits.weights import Weighted, cheapest

__all__ = ["AverageSearch", "new_search"]

#: Angles of the first look, and their pairs; the pairs next to each one, itself among them.
_ANGLES: Floats = np.linspace(0.0, np.pi, 13)
_GRID: Floats = np.stack([np.repeat(_ANGLES, _ANGLES.size), np.tile(_ANGLES, _ANGLES.size)], axis=1)
_PLACES = np.arange(len(_GRID)).reshape(_ANGLES.size, -1)
_AROUND = np.lib.stride_tricks.sliding_window_view(np.pad(_PLACES, 1, mode="edge"), (3, 3)).reshape(-1, 9)
#: A trial goes this part of the way from the best multipliers to those of the linear program.
_TRUST = 0.6
_ROUNDS, _IDLE = 120, 12
_STEEPEST = (10.0, 60.0, 300.0, 3e3, 3e4)
_SEARCH_NOISE = 1e-10
#: Peaks that are improved, steps of Newton's method for their angles, the distance of the values it uses, its longest
#: turn.
_PEAKS, _TURNS, _NEAR, _LONGEST = 6, 7, 2e-3, 0.3
_STEPS = 60
_STENCIL: Floats = np.array([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1)], dtype=np.float64)
#: Angles that differ by less than this are those of one strategy.
_APART = 1e-3


def first_strategies(problem: AverageProblem) -> Columns:
    """The sixteen deterministic strategies, which start the search."""
    angles = np.array([(s, t) for _ in range(4) for s in (0.0, np.pi) for t in (0.0, np.pi)])
    states = np.zeros((16, 4, 4))
    states[np.arange(16), np.arange(16) // 4, np.arange(16) // 4] = 1.0
    return problem.columns_of(angles[:, 0].copy(), angles[:, 1].copy(), states)


@dataclass(eq=False)
class AverageSearch(ColumnGeneration[Weighted]):
    """Column generation, with the strategies and the best functional so far.

    Attributes
    ----------
    multipliers, constant : of the best functional, in bits; the search found no strategy below it
    lower : its value in bits at the data, less the charge for tolerances
    mixture : the last answer of the linear program
    """

    problem: AverageProblem
    columns: Columns
    tolerance: float
    multipliers: Floats | None = None
    constant: float = -np.inf
    lower: float = -np.inf
    mixture: Weighted | None = None
    prices: Sequence[float] = _STEEPEST
    rounds: int = _ROUNDS
    patience: int = _IDLE
    met: ClassVar[float] = 1e-9
    _best: tuple[float, float] = (np.inf, -np.inf)  # objective and functional's value before the last round
    _peaks: Floats = field(default_factory=lambda: _GRID[:0])  # angles of the last peaks

    def begin(self) -> None:
        self.rounds, self._best = _ROUNDS, (np.inf, self.lower)

    def mixed(self, price: float) -> Weighted:
        self.mixture = cheapest(self.problem.qubits, self.columns, price)
        return self.mixture

    def is_good(self, answer: Weighted) -> bool:
        return answer.objective - self.lower <= self.tolerance

    def has_progressed(self, answer: Weighted) -> bool:
        objective, lower = self._best
        self._best = answer.objective, self.lower
        return max(objective - answer.objective, self.lower - lower) >= 0.01 * self.tolerance

    def add_columns(self, answer: Weighted) -> None:
        trial = answer.multipliers
        if self.multipliers is not None:
            trial = _TRUST * trial + (1.0 - _TRUST) * self.multipliers
        used = self.columns.chosen(np.flatnonzero(answer.weights > 1e-9))
        self.improve(trial, np.stack([used.a, used.b], axis=1))

    def value_of(self, constant: float, multipliers: Floats) -> float:
        """The value of a functional at the data in bits, less the charge for tolerances."""
        p = self.problem.qubits
        return float(constant + multipliers @ p.values - np.abs(multipliers) @ p.tolerances)

    def improve(self, multipliers: Floats, near: Floats) -> None:
        """Find the constant of a functional; keep the strategies found, and the functional if it is the best so far."""
        found = self.highest(multipliers, near)
        self.columns = self.columns.with_more(found)
        top = float((self.columns.tests @ multipliers - self.columns.entropies).max())
        value = self.value_of(-top, multipliers)
        if value > self.lower:
            self.lower, self.constant, self.multipliers = value, -top, multipliers

    def highest(self, multipliers: Floats, near: Floats) -> Columns:
        """Strategies where a functional is far above the entropy: peaks over all angles, from a grid and ``near``."""
        expression = np.tensordot(multipliers, self.problem.qubits.tests, axes=(0, 0))
        points = Points(self.problem.pieces, expression, _SEARCH_NOISE)
        grid = points.add(_GRID)
        points.solve(grid, 1e-2, 6)
        high = points.values >= points.values[_AROUND].max(axis=1) - 1e-9
        start = np.flatnonzero(high & (points.values > points.values.max() - 0.3))
        start = start[np.argsort(-points.values[start])][:_PEAKS]
        angles = _distinct(np.concatenate([_GRID[start], near, self._peaks]))
        others = points.add(angles)
        points.solve(others, 1e-2, 20)
        best = others[np.argsort(-points.values[others])][: 2 * _PEAKS]
        peaks = _climbed(points, points.angles[best], points.hints[best], 0.02 * self.tolerance * LN2)
        self._peaks = points.angles[peaks]
        a, b = np.ascontiguousarray(self._peaks[:, 0]), np.ascontiguousarray(self._peaks[:, 1])
        return self.problem.columns_of(a, b, points.states(peaks))


def new_search(problem: AverageProblem, tolerance: float) -> AverageSearch:
    """A search that begins with deterministic strategies, and with what flips alone prove: the best of local data."""
    search = AverageSearch(problem, first_strategies(problem), tolerance)
    search.multipliers = np.zeros(len(problem.qubits.values))
    search.constant = search.lower = (problem.of_flips - problem.constant) / problem.part
    return search


def _distinct(angles: Floats) -> Floats:
    """Pairs of angles in [0, pi] that differ; G is even in each and has the period 2 pi."""
    angles = np.abs((angles + np.pi) % (2.0 * np.pi) - np.pi)
    _, index = np.unique(np.round(angles / _APART), axis=0, return_index=True)
    return np.asarray(angles[np.sort(index)])


def _climbed(points: Points, angles: Floats, hints: Floats, precision: float) -> np.ndarray:
    """Numbers of points near angles (n, 2) where G is largest, by Newton's method for the angles."""
    n = len(angles)
    best = points.add(angles, hints)
    points.solve(best, 0.1 * precision, _STEPS)
    going = np.arange(n)
    for _ in range(_TURNS):
        around = points.add(
            (points.angles[best[going], None] + _NEAR * _STENCIL).reshape(-1, 2),
            np.repeat(points.hints[best[going]], len(_STENCIL), axis=0),
        )
        points.solve(around, 1e-9, _STEPS)
        move = _newton(points.values[around].reshape(-1, len(_STENCIL)))
        trial = points.add(points.angles[best[going]] + move, points.hints[best[going]])
        points.solve(trial, 0.1 * precision, _STEPS)
        gain = points.values[trial] - points.values[best[going]]
        best[going[gain > 0.0]] = trial[gain > 0.0]
        going = going[gain > 0.1 * precision]
        if not len(going):
            break
    return best


def _newton(values: Floats) -> Floats:
    """Steps (n, 2) uphill from values (n, 7) at the stencil."""
    z, e, w, n, s, ne, sw = values.T
    slope = np.stack([e - w, n - s], axis=1) / (2.0 * _NEAR)
    aa, bb = (e + w - 2.0 * z) / _NEAR**2, (n + s - 2.0 * z) / _NEAR**2
    ab = (ne + sw - e - w - n - s + 2.0 * z) / (2.0 * _NEAR**2)
    curved = -np.stack([np.stack([aa, ab], axis=1), np.stack([ab, bb], axis=1)], axis=1)
    curved = np.where(np.isfinite(curved), curved, 1.0)
    sizes, axes = np.linalg.eigh(curved)
    sizes = np.maximum(np.abs(sizes), 1e-3)
    move = np.einsum("nij,nj->ni", axes, np.einsum("nij,ni->nj", axes, np.nan_to_num(slope)) / sizes)
    length = np.abs(move).max(axis=1, keepdims=True)
    return np.asarray(move / np.maximum(1.0, length / _LONGEST))
