"""A proof of the least value of entropy minus functional over all angles, by branch and bound.

The angles a, b of A' and B' fill [0, pi]^2, divided into cells. On the arc of half-width d of a cell, (cos a, sin a) is
in the triangle of the arc's ends and the meeting point of their tangents, with weight at most t = cos d / (1 + cos d)
on the latter, and the same holds for b. K is affine in each of the two vectors and G(K) is convex, so on the cell G is
at most the largest of the 16 means of its values at the 9 pairs of corners, with weights (1, 0, 0), (1-t, t, 0),
(0, t, 1-t) and (0, 0, 1) on either side: exact to second order in d. The upper bounds on G at the pairs are those of
the engine.

A cell is done when this is at most the target, else divided in four; what is proven is the largest of the bounds of the
cells that are done. *Rounding*: expression and corners are rounded, so K is off by a few roundings of the sum of the
|coefficients| times |multipliers|, and G by as much, as are the means; that is a small part of what the engine says its
own bounds may be off by, which is added.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdpbound.arrays import Floats
from sdpbound.entropies.qubits.engine import Batch, Engine
from sdpbound.entropies.qubits.mixture import LN2

__all__ = ["Proof", "prove"]

Integers = NDArray[np.int64]

_FIRST_LEVEL, _LAST_LEVEL = 3, 24
#: More cells of a level than these are not divided further; the tolerance is doubled until they are fewer.
_MOST_CELLS = 500
#: Steps of the engine on the vertices of a level; more on the first, which begins cold.
_STEPS, _COLD_STEPS = 30, 40
#: Where a quarter's three corners find the nearest of their parent's; the last row for an angle that is not used.
_NEAREST = np.array([[0, 1, 1], [1, 1, 2], [0, 1, 2]])
#: Part of the tolerance to which the engine's bounds are driven.
_PRECISION = 0.1


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


def prove(engine: Engine, expression: Floats, size: float, target: float, tolerance: float) -> Proof:
    """An upper bound on (functional - entropy) over all qubit strategies, in bits.

    Parameters
    ----------
    engine : of the entropy
    expression : (3, 3) the functional without its constant, in bits
    size : bits, at least the sum of the |coefficients| of all the terms that were added up in it
    target : bits, a value that is attained; the bound aimed at is ``tolerance`` more, or than the largest value found
    """
    used = np.array([expression[2].any(), expression[:, 2].any()])
    level = np.where(used, _FIRST_LEVEL, 1)
    sizes = np.where(used, 2**level, 1)
    cells = np.stack(np.unravel_index(np.arange(sizes.prod()), tuple(sizes)), axis=1)
    best, where, top = target * LN2, (0.0, 0.0), -np.inf
    allowed = tolerance * LN2
    hints: Floats | None = None
    count = 0
    while len(cells):
        count += len(cells)
        board = _Board(engine, expression, level, cells, hints)
        steps = _STEPS if hints is not None else _COLD_STEPS
        best, where = max((best, where), board.attained(), key=lambda pair: pair[0])
        upper = board.refine(best + allowed, max(_PRECISION * allowed, engine.resolution), steps)
        best, where = max((best, where), board.attained(), key=lambda pair: pair[0])
        if level.max() >= _LAST_LEVEL:
            allowed = np.inf
        while (upper > best + allowed).sum() > _MOST_CELLS:
            allowed *= 2.0  # a weaker bound is accepted, so that the number of cells stays limited
        done = upper <= best + allowed
        top = max(top, float(upper[done].max(initial=-np.inf)))
        cells, hints = board.quarters(~done, used)
        level = level + used
    proven = (top + engine.rounding(LN2 * size)) / LN2
    return Proof(proven, best / LN2, *where, count)


class _Board:
    """The cells of one level, and the pairs of corners that they share."""

    def __init__(
        self, engine: Engine, expression: Floats, level: Integers, cells: Integers, hints: Floats | None
    ) -> None:
        """``hints``: (cells, 3, 3, ...) for the corners of each cell."""
        self.cells = cells
        self.half = np.pi / 2.0 ** (level + 1)
        codes = 2 * cells[:, :, None] + np.arange(3)  # even: an end of an arc; odd: the meeting point of its tangents
        width = int(codes.max()) + 1
        pairs = codes[:, 0, :, None] * width + codes[:, 1, None, :]
        unique, first, place = np.unique(pairs, return_index=True, return_inverse=True)
        self.place = place.reshape(pairs.shape)
        self.codes = np.stack(np.divmod(unique, width), axis=1)
        tables = LN2 * self._frame(0).transpose(0, 2, 1) @ expression @ self._frame(1)
        flat = None if hints is None else hints.reshape(-1, *hints.shape[3:])[first]
        self.batch = Batch(engine, tables, engine.cold(tables) if flat is None else flat)
        self.weights = [self._weights(float(d)) for d in self.half]

    def _frame(self, side: int) -> Floats:
        """1, A, A' in terms of 1, Z, X at the corners."""
        code, half = self.codes[:, side], self.half[side]
        radius = np.where(code % 2 == 1, 1.0 / np.cos(half), 1.0)
        out = np.zeros((len(code), 3, 3))
        out[:, 0, 0] = out[:, 1, 1] = 1.0
        out[:, 2, 1], out[:, 2, 2] = radius * np.cos(code * half), radius * np.sin(code * half)
        return out

    @staticmethod
    def _weights(half: float) -> Floats:
        """Weights (4, 3) of the extreme means of three corners whose triangle holds an arc."""
        t = np.cos(half) / (1.0 + np.cos(half))
        return np.array([[1.0, 0.0, 0.0], [1.0 - t, t, 0.0], [0.0, t, 1.0 - t], [0.0, 0.0, 1.0]])

    def bounds(self, at: Floats) -> Floats:
        """For each cell the largest mean of the values given at its pairs of corners; infinite where a value is."""
        with np.errstate(invalid="ignore"):
            largest = (self.weights[0] @ at[self.place] @ self.weights[1].T).max(axis=(1, 2))
        return np.where(np.isnan(largest), np.inf, largest)

    def attained(self) -> tuple[float, tuple[float, float]]:
        """The largest value known at any angles, and those angles."""
        even = np.flatnonzero((self.codes % 2 == 0).all(axis=1))
        k = int(even[self.batch.values[even].argmax()])
        a, b = self.codes[k] * self.half
        return float(self.batch.values[k]), (float(a), float(b))

    def refine(self, goal: float, precision: float, steps: int) -> Floats:
        """Upper bounds of the cells. The engine works on cells that are not yet known to be below the goal."""
        for _ in range(steps):
            upper = self.bounds(self.batch.uppers)
            open_ = (upper > goal) & (self.bounds(self.batch.values) <= goal)
            todo = np.zeros(len(self.batch.values), dtype=bool)
            todo[self.place[open_]] = True
            index = np.flatnonzero(todo & (self.batch.uppers - self.batch.values > precision))
            if not index.size:
                break
            self.batch.step(index)
        return self.bounds(self.batch.uppers)

    def quarters(self, chosen: NDArray[np.bool_], used: NDArray[np.bool_]) -> tuple[Integers, Floats]:
        """The four parts of each chosen cell, with hints for their corners."""
        place, cells = self.place[chosen], self.cells[chosen]
        parts, hints = [], []
        for s in (0, 1) if used[0] else (2,):
            for t in (0, 1) if used[1] else (2,):
                parts.append(np.where(used, 2 * cells + np.array([s, t]), cells))
                hints.append(place[:, _NEAREST[s]][:, :, _NEAREST[t]])
        return np.concatenate(parts), self.batch.hints[np.concatenate(hints)]
