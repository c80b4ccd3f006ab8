"""The search over cells of two angles that proves a functional, see :mod:`sdpbound.checker.qubit`."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any, Protocol

import flint
import numpy as np
from numpy.typing import NDArray

from sdpbound.checker.float_balls import FloatBalls, floats_are_ieee
from sdpbound.checker.numbers import to_ball
from sdpbound.checker.qubit_cells import LAST_LEVEL, Cells, Corners, arc_vector, tables_at
from sdpbound.checker.qubit_floats import DualFloats, Floats

__all__ = ["MOST_CELLS", "CellSearch", "Dual", "Table"]


Table = list[list[Any]]  # of numbers, Fractions or balls
_FIRST_LEVEL = 2
MOST_CELLS = 60_000
#: Cells that are worked on together.
_TOGETHER = 512


class Dual(Protocol):
    """Upper bounds on G(K) in balls, and the floats that choose what proves them."""

    most_steps: int  # steps of floats for one corner of one cell that are done for one certificate
    free_bob: bool  # whether Bob's outcome is no key, so that the frame of his qubit may be chosen
    quick: bool  # whether bounds are in balls of floats, too

    @property
    def floats(self) -> DualFloats:
        """What chooses."""

    def choices(self, tables: Floats, hints: Floats, noise: float) -> list[Any]:
        """For each K what its bound is proven with."""

    def bound(self, table: Table, choice: Any) -> flint.arb:
        """What the choice proves of the table of K in 1, Z, X, in balls."""

    def bounds(self, tables: list[tuple[FloatBalls, ...]], hints: Floats) -> Floats:
        """Floats not below what hints (n,) prove of tables, NaN where that is not known; only of a quick one.

        A table is in columns of 1, Z, X of Bob, each with rows of 1, Z, X of Alice, entries (n, 1) or (1, 1).
        """


class CellSearch:
    """Cells are products of two arcs, which are divided until balls say of each that it is below the goal.

    Floats divide first, and what is below the goal for them waits to be proven: many cells at once in balls of floats,
    and those of which these do not say it, in balls of python-flint.
    """

    def __init__(
        self, expression: Table, dual: Dual, goal: Fraction, steps: int, unit: flint.arb | None = None
    ) -> None:
        self.dual = dual
        nats = flint.arb(2).log() if unit is None else unit  # of one in the expression and the goal
        self.goal = nats * to_ball(goal)
        self.balls = [[nats * to_ball(value) for value in row] for row in expression]
        floats = float(nats.mid()) * np.array([[float(v) for v in row] for row in expression])
        limit = float(self.goal.mid())
        self.corners = Corners(floats, dual.floats, dual.free_bob, dual.quick, limit, dual.most_steps, steps)
        self.blurred = False  # whether a wider ball than its distance from the goal was seen
        self.proven: dict[int, flint.arb] = {}
        self.vectors: dict[tuple[int, int], tuple[flint.arb, flint.arb]] = {}
        self.uppers = np.zeros(0)  # proven in balls of floats, NaN where not yet
        self.quick = dual.quick and floats_are_ieee()
        self.float_expression: FloatBalls | None = None

    @property
    def steps(self) -> int:
        """Steps of floats that were done."""
        return self.corners.steps

    def run(self) -> bool:
        """Whether all cells are proven to be below the goal."""
        free = self.corners.free
        levels = np.where(free, _FIRST_LEVEL, 1)
        sizes = np.where(free, 2**levels, 1)
        places = np.stack(np.unravel_index(np.arange(int(sizes.prod())), tuple(sizes)), axis=1)
        levels = np.broadcast_to(levels, places.shape)
        waiting = [self.corners.cells(places, levels, np.zeros(len(places), dtype=bool), None, None)]
        likely: list[Cells] = []  # below the goal for floats
        count, number = 0, 0
        while waiting or likely:
            left = []
            if waiting:
                cells = waiting.pop()
                if len(cells) > _TOGETHER:
                    waiting.append(cells.chosen(slice(_TOGETHER, None)))
                    cells = cells.chosen(slice(_TOGETHER))
                count += len(cells)
                if count > MOST_CELLS:
                    return False
                if not free.any() and count > 1:  # the one cell there is was not below the goal
                    return False
                self.corners.climb(cells)
                below = self.corners.means(cells, self.corners.uppers).max(axis=(1, 2)) <= self.corners.limit
                if below.any():
                    likely.append(cells.chosen(below))
                    number += len(likely[-1])
                if not below.all():
                    left.append(cells.chosen(~below))
            if number >= _TOGETHER or not (waiting or left):
                failed = self._unproven(Cells.joined(likely)) if likely else None
                likely, number = [], 0
                if failed is not None:
                    left.append(failed)
            if left:
                cells = Cells.joined(left)
                if (cells.levels[:, free] >= LAST_LEVEL).any():
                    return False
                waiting.append(self.corners.divided(cells))
        return True

    # -- proofs -----------------------------------------------------------------------------------------------------

    def _unproven(self, cells: Cells) -> Cells | None:
        """Those cells that are not proven to be below the goal; None if all are."""
        below = self._below_in_floats(cells)
        if below.all():
            return None
        cells = cells.chosen(~below)
        self._prove(cells.corners)
        left = [n for n in range(len(cells)) if not self._below(cells, n)]
        return cells.chosen(np.array(left, dtype=np.int64)) if left else None

    def _below_in_floats(self, cells: Cells) -> NDArray[np.bool_]:
        """The same in balls of floats; False where they do not say it."""
        if not self.quick:
            return np.zeros(len(cells), dtype=bool)
        corners = self.corners
        with np.errstate(all="ignore"):
            known = len(self.uppers)
            self.uppers = np.concatenate([self.uppers, np.full(len(corners.values) - known, np.nan)])
            index = np.unique(cells.corners)
            index = index[np.isnan(self.uppers[index])]
            if index.size:
                if self.float_expression is None:
                    flat = FloatBalls.of([ball for row in self.balls for ball in row])
                    self.float_expression = FloatBalls(flat.mid.reshape(3, 3), flat.rad.reshape(3, 3))
                vectors = corners.arcs.vectors_of(corners.arc[index])
                tables = tables_at(self.float_expression, vectors, corners.turned[index])
                self.uppers[index] = self.dual.bounds(tables, corners.best[index])
            at = FloatBalls.exact(self.uppers[cells.corners])
            (a, b), top = _float_weights(cells.levels), np.full(len(cells), -np.inf)
            for row in _means([at[:, k] for k in range(3)], [weight[:, None] for weight in a]):
                for mean in _means([row[:, k] for k in range(3)], b):
                    top = np.maximum(top, mean.upper())  # NaN stays
            lowest = -float((-self.goal).upper()) if self.goal.is_finite() else -np.inf
            # one step down is below whatever the conversion to a float rounded
            return np.asarray(top <= np.nextafter(lowest, -np.inf))

    def _below(self, cells: Cells, n: int) -> bool:
        """Whether all means of a cell's corners are below the goal."""
        at = [[self.proven[number] for number in row] for row in cells.corners[n].tolist()]
        weights = [_weights(int(level)) for level in cells.levels[n]]
        along = [_means(row, weights[1]) for row in at]
        means = [mean for column in zip(*along, strict=True) for mean in _means(column, weights[0])]
        below = all(mean <= self.goal for mean in means)
        # NaN compares as False everywhere, and is as blurred as can be
        self.blurred |= not below and not any(mean.mid() > self.goal.mid() for mean in means)
        return below

    def _prove(self, corners: NDArray[np.int64]) -> None:
        """Bounds in balls at corners."""
        numbers = [number for number in np.unique(corners).tolist() if number not in self.proven]
        for number, choice in self.corners.choices(np.array(numbers, dtype=np.int64), self.dual.choices):
            self.proven[number] = self.dual.bound(self._table(number), choice)

    def _table(self, number: int) -> Table:
        """K in nats, its angles taken as exact multiples of pi."""
        alice, bob, turned = self.corners.place(number)
        (c, s), (d, t) = self._vector(*alice), self._vector(*bob)
        constant, first_row, second_row = (
            [one, second + d * first, t * first] if turned else [one, first + d * second, t * second]
            for one, first, second in self.balls
        )
        return [constant, [v + c * w for v, w in zip(first_row, second_row, strict=True)], [s * w for w in second_row]]

    def _vector(self, code: int, level: int) -> tuple[flint.arb, flint.arb]:
        found = self.vectors.get((code, level))
        if found is None:
            found = self.vectors[code, level] = arc_vector(code, level)
        return found


def _weights(level: int) -> list[Any]:
    """The mean's weight on the meeting point of the tangents, and on the end."""
    cosine = flint.arb.cos_pi_fmpq(flint.fmpq(1, 2 ** (level + 1)))
    t = cosine / (1 + cosine)
    return [1 - t, t]


def _means(values: Any, weights: list[Any]) -> list[Any]:
    """What :mod:`sdpbound.checker.qubit` takes for each angle, of values at the corners of an arc."""
    one, t = weights
    first, middle, last = values
    drawn = t * middle
    return [first, one * first + drawn, drawn + one * last, last]


@lru_cache(maxsize=1)
def _all_weights() -> FloatBalls:
    """(levels, 2) those of all levels, in balls of floats."""
    with flint.ctx.workprec(128):
        flat = FloatBalls.of([weight for level in range(LAST_LEVEL + 1) for weight in _weights(level)])
    return FloatBalls(flat.mid.reshape(-1, 2), flat.rad.reshape(-1, 2))


def _float_weights(levels: NDArray[np.int64]) -> list[list[FloatBalls]]:
    """For each angle the two weights (n,)."""
    known = _all_weights()
    return [[known[levels[:, party], k] for k in (0, 1)] for party in (0, 1)]
