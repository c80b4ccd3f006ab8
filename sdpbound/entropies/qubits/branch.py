"""A proof of the least value of entropy minus functional over all angles, by branch and bound.

The angles a, b of A' and B' fill [0, pi]^2, divided into cells. On the arc of half-width d of a cell, (cos a, sin a) is
in the triangle of the arc's ends and the meeting point of their tangents, with weight at most t = cos d / (1 + cos d)
on the latter, and the same holds for b. K is affine in each of the two vectors and G(K) is convex, so on the cell G is
at most the largest of the 16 means of its values at the 9 pairs of corners, with weights (1, 0, 0), (1-t, t, 0),
(0, t, 1-t) and (0, 0, 1) on either side: exact to second order in d. The upper bounds on G at the pairs are those of
the engine.

The frame of Bob's qubit may be chosen for each cell if his outcome is no key: B = Z and B' turns, or B' = Z and B turns
by the same angle. What turns is drawn out to the meeting points, so the one whose part of K is smaller should turn.

A cell is done when this is at most the target. Else it is divided in the direction in which the meeting points raise
the bound, or in both. That keeps cells few where the functional touches the entropy along a line: with A' = 1 and two
deterministic strategies that differ in B' alone, every b touches, and cells are long in b and narrow in a.

What is proven is the largest of the bounds of the cells that are done. The cells with the largest bounds are divided
first, so that a proof that is stopped at its limit of cells has the least bound that so many cells give.

*Rounding*: expression and corners are rounded, so K is off by a few roundings of the sum of the |coefficients| times
|multipliers|, and G by as much, as are the means; that is a small part of what the engine says its own bounds may be
off by, which is added.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdpbound.arrays import Floats
from sdpbound.entropies.qubits.columns import LN2
from sdpbound.entropies.qubits.engine import Batch, Engine
from sdpbound.entropies.qubits.problem import frame
from sdpbound.limiting import go_on

__all__ = ["COLD_STEPS", "MOST_CELLS", "STEPS", "Proof", "prove"]

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

_FIRST_LEVEL, _LAST_LEVEL = 3, 26
#: Cells that are refined at a time, those with the largest bounds.
_TOGETHER = 512
#: Of a round are the cells whose bounds exceed the highest value found by this part of what the worst one does.
_WORST = 0.01
#: Most cells of a proof; the bounds of those that are left count as they are.
MOST_CELLS = 50_000
#: Steps of the engine on the corners of the cells of a round; more on the first, which begins cold.
STEPS, COLD_STEPS = 30, 40
#: Where a half's three corners find the nearest of their parent's; the last row for an angle that is not divided.
_NEAREST = np.array([[0, 1, 1], [1, 1, 2], [0, 1, 2]])
#: Part of the tolerance to which the engine's bounds are driven.
_PRECISION = 0.1
#: A direction is divided if it raises the bound by at least this part of what the other one does.
_AS_MUCH = 0.4


@dataclass(frozen=True, eq=False)
class Proof:
    """The result of the branch and bound: a bound, and where the largest value was found.

    Attributes
    ----------
    top : bits; at every angle the functional exceeds the entropy by at most this
    best, a, b : bits; the functional exceeds the entropy by at least ``best`` at the angles a, b
    cells : how many were looked at
    """

    top: float
    best: float
    a: float
    b: float
    cells: int


def prove(
    engine: Engine, expression: Floats, size: float, target: float, tolerance: float, most: int | None = None
) -> Proof:
    """An upper bound on (functional - entropy) over all qubit strategies, in bits.

    Parameters
    ----------
    engine : of the entropy
    expression : (3, 3) the functional without its constant, in bits
    size : bits, at least the sum of the |coefficients| of all the terms that were added up in it
    target : bits, a value that is attained; the bound aimed at is ``tolerance`` more, or than the largest value found
    most : cells, default MOST_CELLS; the bounds of those that are left then count as they are
    """
    used = np.array([expression[2].any(), expression[:, 2].any()])
    first = np.where(used, _FIRST_LEVEL, 1)
    sizes = np.where(used, 2**first, 1)
    places = np.stack(np.unravel_index(np.arange(sizes.prod()), tuple(sizes)), axis=1)
    most = MOST_CELLS if most is None else most
    allowed = tolerance * LN2
    precision = max(_PRECISION * allowed, engine.resolution)
    corners = _Corners(engine, expression)
    levels = np.broadcast_to(first, places.shape)
    cells = corners.cells(places, levels, np.zeros(len(places), dtype=bool), np.full(len(places), np.inf), None)
    best, top, count = target * LN2, -np.inf, 0
    while len(cells):
        steps = STEPS if count else COLD_STEPS
        now, rest = cells.parted(max(best, corners.highest))
        count += len(now)
        now.uppers = corners.refine(now, max(best, corners.highest) + allowed, precision, steps)
        best = max(best, corners.highest)
        done = now.uppers <= best + allowed
        known = np.isfinite(now.uppers).any()  # else nothing will be
        if not go_on() or count > most or now.levels.max() >= _LAST_LEVEL or not known or not used.any():
            done[:] = True
            top = max(top, float(rest.uppers.max(initial=-np.inf)))
            rest = rest.chosen(np.zeros(0, dtype=np.int64))
        top = max(top, float(now.uppers[done].max(initial=-np.inf)))
        cells = rest.with_more(corners.divided(now.chosen(np.flatnonzero(~done)), used))
    proven = (top + engine.rounding(LN2 * size)) / LN2
    return Proof(proven, best / LN2, *corners.where, count)


@dataclass(eq=False)
class _Cells:
    """Products of two arcs.

    Attributes
    ----------
    places, levels : (n, 2) of either angle: the arc with this number of those of half-width pi / 2^(level + 1)
    turned : (n,) whether Bob's frame is that of B', and B turns
    corners : (n, 3, 3) numbers of its pairs of corners
    weights : (n, 2) weights of the middle corners in the means, for either angle
    uppers : (n,) upper bounds on G in nats; before a cell is refined, that of the cell that it is a part of
    """

    places: Integers
    levels: Integers
    turned: Booleans
    corners: Integers
    weights: Floats
    uppers: Floats

    def __len__(self) -> int:
        return len(self.places)

    def chosen(self, index: Integers) -> _Cells:
        return _Cells(*(getattr(self, name)[index] for name in _NAMES))

    def parted(self, floor: float) -> tuple[_Cells, _Cells]:
        """The cells with the largest bounds, not too many and all well above a floor, and the rest."""
        order = np.argsort(-self.uppers, kind="stable")
        worst = self.uppers[order[0]]
        high = (
            self.uppers[order] > floor + _WORST * (worst - floor) if np.isfinite(worst) else self.uppers[order] == worst
        )
        count = min(max(int(high.sum()), 1), _TOGETHER)
        return self.chosen(order[:count]), self.chosen(order[count:])

    def with_more(self, other: _Cells) -> _Cells:
        return _Cells(*(np.concatenate([getattr(self, name), getattr(other, name)]) for name in _NAMES))


_NAMES = ("places", "levels", "turned", "corners", "weights", "uppers")


class _Corners:
    """The pairs of corners of cells, each once, with the engine's bounds at them.

    Attributes
    ----------
    highest, where : nats, the largest value known at any angles, and those angles
    """

    def __init__(self, engine: Engine, expression: Floats) -> None:
        self.engine, self.expression = engine, expression
        self.batch: Batch | None = None
        self.keys = np.zeros(0, dtype=np.int64)  # in rising order
        self.numbers = np.zeros(0, dtype=np.int64)  # of the keys' corners in the batch
        self.angles = np.zeros((0, 2))  # of the corners in the batch
        self.turned = np.zeros(0, dtype=bool)  # whether they are in the frame of B'
        self.highest, self.where = -np.inf, (0.0, 0.0)

    def cells(
        self, places: Integers, levels: Integers, turned: Booleans, uppers: Floats, near: Integers | None
    ) -> _Cells:
        """Cells with the numbers of their corners; new corners begin with the hints of those ``near`` (n, 3, 3)."""
        codes = 2 * places[:, :, None] + np.arange(3)  # even: an end of an arc; odd: the meeting point of its tangents
        level = levels[:, :, None] + 1
        ends = codes << (_LAST_LEVEL + 2 - level)
        names = np.where(codes % 2 == 0, ends, (1 << (_LAST_LEVEL + 2)) + (1 << level) + codes)
        names[:, 1, 1] += turned.astype(np.int64) << (
            _LAST_LEVEL + 4
        )  # a corner of its own; ends are the same in any frame
        keys = ((names[:, 0, :, None] << 31) + names[:, 1, None, :]).reshape(-1)
        unique, first, place = np.unique(keys, return_index=True, return_inverse=True)
        position: Integers = np.asarray(np.searchsorted(self.keys, unique), dtype=np.int64)
        known = np.zeros(len(unique), dtype=bool)
        inside = position < len(self.keys)
        known[inside] = self.keys[position[inside]] == unique[inside]
        numbers = np.empty(len(unique), dtype=np.int64)
        numbers[known] = self.numbers[position[known]]
        new = np.flatnonzero(~known)
        numbers[new] = len(self.angles) + np.arange(len(new))
        cell, corner = np.divmod(first[new], 9)
        side = np.stack(np.divmod(corner, 3), axis=1)
        self._add(
            np.take_along_axis(codes[cell], side[:, :, None], axis=2)[:, :, 0],
            levels[cell],
            turned[cell] & (side[:, 1] == 1),
            None if near is None else near.reshape(-1)[first[new]],
        )
        order = np.argsort(np.concatenate([self.keys, unique[new]]), kind="stable")
        self.keys = np.concatenate([self.keys, unique[new]])[order]
        self.numbers = np.concatenate([self.numbers, numbers[new]])[order]
        return _Cells(places, levels, turned, numbers[place].reshape(-1, 3, 3), _weights(levels), uppers)

    def _add(self, codes: Integers, levels: Integers, turned: Booleans, near: Integers | None) -> None:
        """New corners (n, 2) of arcs of these levels, in Bob's frame of B' where turned."""
        # here, as numba takes a moment to load
        from sdpbound.entropies.qubits.compiled_cells import corner_tables

        angles, tables = np.empty((len(codes), 2)), np.empty((len(codes), 3, 3))
        corner_tables(self.expression, codes, levels, turned, LN2, angles, tables)
        if self.batch is None or near is None:
            self.batch = Batch(self.engine, tables, self.engine.cold(tables))
        else:
            hints = self.batch.hints[near]
            other = np.flatnonzero(turned != self.turned[near])
            hints[other] = self.engine.reflected(hints[other], self.angles[near[other], 1])
            self.batch.add(tables, hints)
        self.angles = np.concatenate([self.angles, angles])
        self.turned = np.concatenate([self.turned, turned])

    def bounds(self, cells: _Cells, at: Floats) -> Floats:
        """(n, 3) the largest mean of each cell, and the largest ones without Alice's and Bob's middle corners.

        They are the means of the values given at the corners; infinite where a value is.
        """
        # here, as numba takes a moment to load
        from sdpbound.entropies.qubits.compiled_cells import means

        out = np.empty((len(cells), 3))
        means(at, cells.corners, cells.weights, out)
        return out

    def refine(self, cells: _Cells, goal: float, precision: float, steps: int) -> Floats:
        """Upper bounds of the cells. The engine works on cells that are not yet known to be below the goal."""
        # here, as numba takes a moment to load
        from sdpbound.entropies.qubits.compiled_cells import unsettled

        assert self.batch is not None
        batch = self.batch
        marked, out = np.zeros(len(batch.tables), dtype=bool), np.empty(len(batch.tables), dtype=np.int64)
        for _ in range(steps):
            count = unsettled(batch.uppers, batch.values, cells.corners, cells.weights, goal, precision, marked, out)
            if not count:
                break
            batch.step(out[:count])
        ends = np.unique(cells.corners[:, ::2, ::2])
        k = int(ends[batch.values[ends].argmax()])
        if batch.values[k] > self.highest:
            self.highest, self.where = float(batch.values[k]), (float(self.angles[k, 0]), float(self.angles[k, 1]))
        return self.bounds(cells, batch.uppers)[:, 0]

    def divided(self, cells: _Cells, used: Booleans) -> _Cells:
        """The parts of cells, divided along either angle or both."""
        assert self.batch is not None
        most = self.bounds(cells, self.batch.values)
        # what the meeting points of one side add to the ends alone
        with np.errstate(invalid="ignore"):
            raised = most[:, :1] - most[:, 1:]
        raised = np.where(np.isfinite(raised), raised, 0.0)
        split = (raised >= _AS_MUCH * raised.max(axis=1, keepdims=True)) & used
        split |= ~split.any(axis=1, keepdims=True) & used  # every cell is divided
        if not len(cells):
            return cells
        # of each part: its cell, and which half it is along either angle; 2 where the angle is not divided
        cell = np.repeat(np.arange(len(cells)), (1 + split[:, 0]) * (1 + split[:, 1]))
        first = np.searchsorted(cell, cell)
        part, apart = np.arange(len(cell)) - first, split[cell]
        along = 1 + apart[:, 0]
        half = np.where(apart, np.stack([part % along, part // along], axis=1), 2)
        rows, columns = _NEAREST[half[:, 0]], _NEAREST[half[:, 1]]
        return self.cells(
            np.where(apart, 2 * cells.places[cell] + half, cells.places[cell]),
            cells.levels[cell] + apart,
            self._better_turned(cells)[cell],
            cells.uppers[cell],
            cells.corners[cell[:, None, None], rows[:, :, None], columns[:, None, :]],
        )

    def _better_turned(self, cells: _Cells) -> Booleans:
        """Whether the part of K with B is smaller than that with B', at the highest of each cell's ends."""
        assert self.batch is not None
        if not self.engine.free_bob:
            return np.zeros(len(cells), dtype=bool)
        ends = cells.corners[:, ::2, ::2].reshape(-1, 4)
        k = np.take_along_axis(ends, self.batch.values[ends].argmax(axis=1)[:, None], axis=1)[:, 0]
        moments = self.engine.moments(self.batch.tables[k], self.batch.hints[k])
        alice, bob = frame(self.angles[k, 0]), frame(self.angles[k, 1])
        parts = (self.expression * (alice @ moments @ bob.transpose(0, 2, 1))).sum(axis=1)
        return np.asarray(parts[:, 1] < parts[:, 2])


def _weights(levels: Integers) -> Floats:
    """Weights (n, 2) of the middle corner in the extreme means of three corners whose triangle holds an arc."""
    cosine = np.cos(np.pi / 2.0 ** (levels + 1))
    return np.asarray(cosine / (1.0 + cosine), dtype=np.float64)
