"""Prove a bound on functional minus entropy over all angles, by branch and bound.

**Cells.** The angles a, b of A' and B' fill [0, pi]^2, which is divided into cells. Let d be half the width of the arc
of a cell. The vector (cos a, sin a) lies in a triangle. Its corners are the two ends of the arc and the point where the
tangents at the ends meet; the weight of this point is at most t = cos d / (1 + cos d). The same holds for b. K is
affine in each of the two vectors and G(K) is convex. So G on the cell is at most the largest of 16 means of its values
at the 9 pairs of corners. The means have the weights (1, 0, 0), (1-t, t, 0), (0, t, 1-t) and (0, 0, 1) on either side.
This bound is exact to second order in d. The engine gives the upper bounds on G at the pairs.

A cell is done when its bound is at most the target. A cell that is not done is divided in four. The largest bound of
all cells that are done is proven.

**Rounding.** The expression and the corners are rounded. So K is off by a few roundings of the sum of the
|coefficients| times |multipliers|, and so are G and the means. This is a small part of the error that the engine states
for its own bounds. The stated error is added to the proven bound.
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
#: At most so many cells of a level are divided further; the tolerance is doubled until there are no more.
_MOST_CELLS = 500
#: Steps of the engine at the pairs of corners of a level; the first level has no hints and takes more steps.
_STEPS, _COLD_STEPS = 30, 40
#: For the three corners of each half, the nearest corners of the parent; the last row is for an unused angle.
_NEAREST = np.array([[0, 1, 1], [1, 1, 2], [0, 1, 2]])
#: The engine's bounds are made accurate to this part of the tolerance.
_PRECISION = 0.1


@dataclass(frozen=True, eq=False)
class Proof:
    """The result of the branch and bound: a bound, and where the largest value was found.

    Attributes
    ----------
    top : bits; at every angle the functional exceeds the entropy by at most this
    best, a, b : bits; the functional exceeds the entropy by at least ``best`` at the angles a, b
    cells : the number of cells examined
    """

    top: float
    best: float
    a: float
    b: float
    cells: int


def prove(engine: Engine, expression: Floats, size: float, target: float, tolerance: float) -> Proof:
    """Prove an upper bound on functional minus entropy over all qubit strategies, in bits.

    Parameters
    ----------
    engine : the engine of the key's entropy
    expression : (3, 3) the functional without its constant, in bits
    size : at least the sum of the |coefficients| of all terms that were added up in ``expression``, in bits
    target : a value in bits that the difference attains
    tolerance : the bound to aim at is this many bits above ``target``, or above the largest value found
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
    """The cells of one level, and the pairs of corners that these cells share."""

    def __init__(
        self, engine: Engine, expression: Floats, level: Integers, cells: Integers, hints: Floats | None
    ) -> None:
        """Make the pairs of corners; ``hints`` (cells, 3, 3, ...) are for the pairs of each cell."""
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
        """The frames (pairs, 3, 3): 1, A, A' in terms of 1, Z, X at the corners of one side."""
        code, half = self.codes[:, side], self.half[side]
        radius = np.where(code % 2 == 1, 1.0 / np.cos(half), 1.0)
        out = np.zeros((len(code), 3, 3))
        out[:, 0, 0] = out[:, 1, 1] = 1.0
        out[:, 2, 1], out[:, 2, 2] = radius * np.cos(code * half), radius * np.sin(code * half)
        return out

    @staticmethod
    def _weights(half: float) -> Floats:
        """The weights (4, 3) of the extreme means of the three corners whose triangle holds an arc."""
        t = np.cos(half) / (1.0 + np.cos(half))
        return np.array([[1.0, 0.0, 0.0], [1.0 - t, t, 0.0], [0.0, t, 1.0 - t], [0.0, 0.0, 1.0]])

    def bounds(self, at: Floats) -> Floats:
        """The largest mean of each cell from values at the pairs of corners; infinite if one of its values is."""
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
        """The upper bounds of the cells, improved by steps of the engine.

        The engine works only on cells that may still turn out to be below the goal.
        """
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
        """The parts of each chosen cell (four, or two if one angle is unused), with hints for their corners."""
        place, cells = self.place[chosen], self.cells[chosen]
        parts, hints = [], []
        for s in (0, 1) if used[0] else (2,):
            for t in (0, 1) if used[1] else (2,):
                parts.append(np.where(used, 2 * cells + np.array([s, t]), cells))
                hints.append(place[:, _NEAREST[s]][:, :, _NEAREST[t]])
        return np.concatenate(parts), self.batch.hints[np.concatenate(hints)]
