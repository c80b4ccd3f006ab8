"""Cells of two angles and their corners, as :mod:`sdpbound.checker.qubit` has them, with what floats find there.

Of what is here a proof rests on the names alone: which corners a cell has, and at which angles they are.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from sdpbound.checker.float_balls import FloatBalls
from sdpbound.checker.qubit_floats import DualFloats, Floats, frames
from sdpbound.errors import CertificateError

__all__ = ["LAST_LEVEL", "Arcs", "Cells", "Corners", "arc_vector", "end_named", "tables_at"]

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
LAST_LEVEL = 40
_STEPS = 40
#: Of white noise in r. Less is taken where the bound with more misses the goal; floats know no less than the last.
_NOISE = (1e-7, 1e-9, 1e-11, 1e-13)
#: Part of the distance from the goal to which floats find values and bounds.
_PRECISION = 0.1
#: With noise value and bound do not meet. A climb ends after so many whole steps in a row that gain less than this
#: part of what is between them, if that is at most so many times the noise: more may be where it leaves a saddle.
#: Corners of climbs that end so, or nearer, go on with less noise where that matters.
_IDLE, _GAIN, _NEAR = 2, 0.02, 100.0
#: A direction is divided if it raises the bound by at least this part of what the other one does.
_AS_MUCH = 0.4
#: An angle is divided into four if that raises the bound by this many times the room below the goal, for halves raise
#: it by a quarter of that; but only while there are few corners, as it makes more of them.
_FAR, _FEW = 1.5, 2000
_VECTOR_BITS = 128
#: Arcs that are kept from one certificate to the next.
_MOST_KEPT = 2**13


def end_named(code: int, level: int) -> tuple[int, int]:
    """An end of an arc by the lowest level at which it is one, where its code is even as well."""
    while code and code % 4 == 0:
        code, level = code // 2, level - 1
    return (code, level) if code else (0, 0)


def arc_vector(code: int, level: int) -> tuple[flint.arb, flint.arb]:
    """Cosine and sine of code / 2^(level+1) pi; drawn out to the meeting point of the tangents if code is odd."""
    s, c = flint.arb.sin_cos_pi_fmpq(flint.fmpq(code, 2 ** (level + 1)))
    if code % 2:
        radius = flint.arb.cos_pi_fmpq(flint.fmpq(1, 2 ** (level + 1)))
        s, c = s / radius, c / radius
    return c, s


class Arcs:
    """Ends of arcs and meeting points of their tangents, numbered, with their vectors in balls of floats.

    An end of arcs of many levels is one of them.
    """

    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}
        self.names: list[tuple[int, int]] = []  # code and level
        self.vectors = FloatBalls.exact(np.zeros((0, 2)))
        self.angles = np.zeros(0)
        self.ends = np.zeros(0, dtype=bool)

    def __len__(self) -> int:
        return len(self.names)

    def numbered(self, codes: Integers, levels: Integers) -> Integers:
        """The numbers of codes at levels."""
        # twice the place on the finest level, plus one for a meeting point, whose code is odd at its own level alone
        keys = 2 * (codes << (LAST_LEVEL - levels)) + codes % 2
        start, known = len(self.numbers), self.numbers
        found = [known.setdefault(key, len(known)) for key in keys.ravel().tolist()]
        if len(known) > start:
            self._add(list(known)[start:])
        return np.array(found, dtype=np.int64).reshape(keys.shape)

    def vectors_of(self, numbers: Integers) -> FloatBalls:
        """Cosines and sines, in a last axis."""
        return self.vectors[numbers]

    def _add(self, keys: Sequence[int]) -> None:
        names: list[tuple[int, int]] = []
        balls: list[flint.arb] = []
        with flint.ctx.workprec(_VECTOR_BITS):
            for key in keys:
                place = key // 2
                zeros = (place & -place).bit_length() - 1
                names.append((place >> zeros, LAST_LEVEL - zeros) if key % 2 else end_named(place, LAST_LEVEL))
                balls += arc_vector(*names[-1])
        new = FloatBalls.of(balls)
        mids, rads = (np.concatenate([old, own.reshape(-1, 2)]) for old, own in self.vectors.paired(new))
        self.vectors = FloatBalls(mids, rads)
        self.angles = np.concatenate([self.angles, [code * np.pi / 2.0 ** (level + 1) for code, level in names]])
        self.ends = np.concatenate([self.ends, [code % 2 == 0 for code, _ in names]])
        self.names += names


class _Kept(threading.local):
    """Arcs of earlier searches in this thread, as all certificates have the same ones."""

    def __init__(self) -> None:
        self.arcs = Arcs()

    def few(self) -> Arcs:
        """They, or none where they have become many."""
        if len(self.arcs) > _MOST_KEPT:
            self.arcs = Arcs()
        return self.arcs


_KEPT = _Kept()


def tables_at(expression: Any, vectors: Any, turned: Booleans) -> Any:
    """Rows of K in 1, Z, X, each (n, 3), at vectors (n, 2, 2) of Alice and Bob; for floats, and for float balls.

    Where turned, Bob's second observable is Z and the first one has the angle.
    """
    c, s, d, t = (vectors[:, party, k][:, None] for party in (0, 1) for k in (0, 1))
    first, second = expression[None, :, 1], expression[None, :, 2]
    if turned.any():
        flags = turned[:, None]
        if isinstance(first, FloatBalls):
            first, second = second.where(flags, first), first.where(flags, second)
        else:
            first, second = np.where(flags, second, first), np.where(flags, first, second)
    columns = (expression[None, :, 0], first + d * second, t * second)
    rows = []
    for column in columns:
        above, below = column[:, 1:2], column[:, 2:3]
        rows.append((column[:, 0:1], above + c * below, s * below))
    return rows


class Cells:
    """Cells: numbers (n, 2) of their arcs, levels (n, 2), whether Bob's second setting is Z (n,), corners (n, 3, 3).

    The k-th arc of a level has half-width pi / 2^(level+1).
    """

    def __init__(self, places: Integers, levels: Integers, turned: Booleans, corners: Integers) -> None:
        self.places, self.levels, self.turned, self.corners = places, levels, turned, corners

    def __len__(self) -> int:
        return len(self.places)

    def chosen(self, index: Any) -> Cells:
        return Cells(self.places[index], self.levels[index], self.turned[index], self.corners[index])

    @staticmethod
    def joined(parts: Sequence[Cells]) -> Cells:
        if len(parts) == 1:
            return parts[0]
        return Cells(
            *(
                np.concatenate(found)
                for found in zip(*((p.places, p.levels, p.turned, p.corners) for p in parts), strict=True)
            )
        )


class Corners:
    """Pairs of corners of cells, each once: where it is, the hint there, a value below G, and what the hint proves.

    Parameters
    ----------
    expression : the functional in nats (3, 3), in 1, A, A' times 1, B, B'
    floats : what chooses
    free_bob : whether the frame of Bob's qubit may be chosen
    quick : whether a corner more costs less than a round of divisions more
    limit : what is to be shown of all means, in nats
    most_steps, steps : of floats at one corner; how many are allowed, and how many were done before
    """

    def __init__(
        self,
        expression: Floats,
        floats: DualFloats,
        free_bob: bool,
        quick: bool,
        limit: float,
        most_steps: int,
        steps: int,
    ) -> None:
        self.expression, self.floats, self.free_bob, self.quick, self.limit = expression, floats, free_bob, quick, limit
        self.most_steps, self.steps = most_steps, steps
        self.above = limit + 1e-9 * (1.0 + abs(limit)) + 1e-13 * float(np.abs(expression).sum())
        self.free = np.array([expression[2].any(), expression[:, 2].any()])
        self.arcs = _KEPT.few()
        self.numbers: dict[int, int] = {}
        self.arc = np.zeros((0, 2), dtype=np.int64)  # of each corner, Alice's and Bob's
        self.turned = np.zeros(0, dtype=bool)
        self.tables = np.zeros((0, 3, 3))
        self.hints = self.floats.cold(self.tables)
        self.best = self.hints.copy()  # the hint that proves most
        self.values, self.uppers, self.noise = np.zeros(0), np.zeros(0), np.zeros(0)
        self.done = np.zeros(0, dtype=bool)

    # -- names ------------------------------------------------------------------------------------------------------

    def place(self, number: int) -> tuple[tuple[int, int], tuple[int, int], bool]:
        """Code and level of Alice's and of Bob's arc at a corner, and whether it is turned."""
        alice, bob = self.arc[number].tolist()
        return self.arcs.names[alice], self.arcs.names[bob], bool(self.turned[number])

    def cells(
        self, places: Integers, levels: Integers, turned: Booleans, ends: Integers | None, along: Floats | None
    ) -> Cells:
        """Cells with the numbers of their corners.

        A new corner begins with a mean of the hints of the corners ``ends`` (n, 2, 2), which are not turned, where
        ``along`` (n, 2, 3) is the way to each corner from the first ends to the second ones, between 0 and 1.
        """
        codes = 2 * places[:, :, None] + np.arange(3)
        arcs = self.arcs.numbered(codes, levels[:, :, None])
        alice, bob = arcs[:, 0, :, None], arcs[:, 1, None, :]
        flags = turned[:, None, None] & np.array([False, True, False])
        names = ((alice << 24 | bob) << 1 | flags).ravel()
        known, start = self.numbers, len(self.numbers)
        corners = np.array([known.setdefault(name, len(known)) for name in names.tolist()], dtype=np.int64)
        if len(known) > start:
            # numbers are given in the order in which names are first seen
            before = np.maximum.accumulate(np.concatenate([[start - 1], corners[:-1]]))
            sources = np.flatnonzero(corners > before)
            fresh = names[sources]
            self.arc = np.concatenate([self.arc, np.stack([fresh >> 25, (fresh >> 1) & (2**24 - 1)], axis=1)])
            self.turned = np.concatenate([self.turned, (fresh & 1) == 1])
            n, row, column = sources // 9, sources // 3 % 3, sources % 3
            self._add(start, None if ends is None or along is None else self._begun(ends, along, n, row, column))
        return Cells(places, levels, turned, corners.reshape(-1, 3, 3))

    def _begun(self, ends: Integers, along: Floats, n: Integers, row: Integers, column: Integers) -> Floats:
        """Hints of new corners, in the frame that is not turned."""
        p, q = along[n, 0, row][:, None], along[n, 1, column][:, None]
        at = self.hints[ends[n]]
        first, second = (1.0 - q) * at[:, 0, 0] + q * at[:, 0, 1], (1.0 - q) * at[:, 1, 0] + q * at[:, 1, 1]
        return np.asarray((1.0 - p) * first + p * second, dtype=np.float64)

    def _add(self, start: int, hints: Floats | None) -> None:
        arc, turned = self.arc[start:], self.turned[start:]
        n = len(arc)
        rows = tables_at(self.expression, self.arcs.vectors.mid[arc], turned)
        tables = np.empty((n, 3, 3))
        for j, column in enumerate(rows):
            for i, part in enumerate(column):
                tables[:, i, j] = part[:, 0]
        if hints is None:
            hints = self.floats.cold(tables)
        elif turned.any():
            hints[turned] = self.floats.reflected(hints[turned], self.arcs.angles[arc[turned, 1]])
        self.tables = np.concatenate([self.tables, tables])
        self.hints, self.best = np.concatenate([self.hints, hints]), np.concatenate([self.best, hints])
        self.values = np.concatenate([self.values, np.full(n, -np.inf)])
        self.uppers = np.concatenate([self.uppers, np.full(n, np.inf)])
        self.noise = np.concatenate([self.noise, np.full(n, _NOISE[0])])
        self.done = np.concatenate([self.done, np.zeros(n, dtype=bool)])

    # -- values -----------------------------------------------------------------------------------------------------

    def climb(self, cells: Cells) -> None:
        """Better hints at the corners of cells, as far as it matters whether they are below the goal."""
        index = np.unique(cells.corners)
        index = index[~self.done[index]]
        self.done[index] = True
        for noise in _NOISE:
            if not index.size:
                return
            self._climb(index, noise)
            # others are done, beyond mending, or not kept from the goal by the noise
            kept = (self.uppers[index] > self.limit) & (self.values[index] <= self.limit)
            index = index[kept & (self.uppers[index] - self.values[index] <= _NEAR * noise)]

    def _climb(self, index: Integers, noise: float) -> None:
        n = len(index)
        ends = np.asarray(self.arcs.ends[self.arc[index]].all(axis=1))
        heights, lengths = np.full(n, -np.inf), np.ones(n)
        least, idle = np.full(n, np.inf), np.zeros(n, dtype=np.int64)  # with this noise; steps in a row without gain
        base, moves = self.hints[index].copy(), np.zeros_like(self.hints[index])
        todo = np.arange(n)
        with np.errstate(all="ignore"):
            for step in range(_STEPS):
                if step in self.floats.fresh_starts:
                    heights[todo] = self._restarted(index[todo], heights[todo], step)
                    lengths[todo] = 1.0
                self.steps += len(todo)
                if self.steps > self.most_steps:
                    raise CertificateError(
                        f"the functional needs more than {self.most_steps} steps of its search to be checked."
                    )
                here = index[todo]
                hints = self.hints[here]
                values, uppers, along = self.floats.step(self.tables[here], hints, noise)
                better = np.less(uppers, self.uppers[here])
                kept = here[better]
                self.uppers[kept], self.noise[kept], self.best[kept] = uppers[better], noise, hints[better]
                before, highest = least[todo], heights[todo]
                lowest = least[todo] = np.fmin(before, uppers)
                wrong = ends[todo] & (values > self.above)
                if wrong.any():
                    self._refuse(int(here[wrong.argmax()]))
                # every step goes uphill, if it is not too long; NaN is no height
                good = np.greater_equal(values, heights[todo] - 2.0 * noise)
                kept = todo[good]
                base[kept], moves[kept], heights[kept] = hints[good], along[good], values[good]
                length = lengths[todo] = np.where(good, np.minimum(4.0 * lengths[todo], 1.0), 0.25 * lengths[todo])
                self.hints[here] = base[todo] + length[:, None] * moves[todo]
                # accuracy gains nothing where the bound is far from the goal
                reached = heights[todo]
                far = np.maximum(noise, _PRECISION * np.abs(self.limit - reached))
                gap = lowest - reached
                gained = ~(np.maximum(before - lowest, reached - highest) < _GAIN * gap) | (gap > _NEAR * noise)
                idle[todo] = np.where(gained, 0, idle[todo] + (good & (lengths[todo] == 1.0)))
                todo = todo[np.flatnonzero(~(gap < far) & (idle[todo] < _IDLE))]
                if not todo.size:
                    break
        self.hints[index] = base
        self.values[index] = np.maximum(self.values[index], heights)

    def _restarted(self, here: Integers, heights: Floats, step: int) -> Floats:
        """Fresh hints at corners where the steps before led nowhere; their heights, which are not yet known."""
        self.values[here] = np.maximum(self.values[here], heights)
        self.hints[here] = self.floats.fresh(self.tables[here], step)
        return np.full(len(here), -np.inf)

    def _refuse(self, number: int) -> None:
        (p, k), (q, m), _ = self.place(number)
        raise CertificateError(
            "the functional is above the entropy of a pair of qubits, at "
            f"the angles {p}/{2 ** (k + 1)} pi and {q}/{2 ** (m + 1)} pi."
        )

    def choices(self, numbers: Integers, choose: Any) -> Iterator[tuple[int, Any]]:
        """What the bounds at corners are proven with."""
        for noise in _NOISE:
            index = numbers[self.noise[numbers] == noise]
            if index.size:
                yield from zip(index.tolist(), choose(self.tables[index], self.best[index], noise), strict=True)

    # -- cells ------------------------------------------------------------------------------------------------------

    def means(self, cells: Cells, at: Floats) -> Floats:
        """(n, 4, 4) the means of the values given at each cell's corners."""
        cosine = np.cos(np.pi / 2.0 ** (cells.levels + 1))
        t = cosine / (1.0 + cosine)
        weights = np.zeros((len(cells), 2, 4, 3))
        weights[..., 0, 0] = weights[..., 3, 2] = 1.0
        weights[..., 1, 0] = weights[..., 2, 2] = 1.0 - t
        weights[..., 1, 1] = weights[..., 2, 1] = t
        with np.errstate(invalid="ignore"):
            means = weights[:, 0] @ at[cells.corners] @ weights[:, 1].transpose(0, 2, 1)
        return np.where(np.isnan(means), np.inf, means)

    def divided(self, cells: Cells) -> Cells:
        """Parts of cells: an angle is divided if its meeting points raise the bound, and more the more they do."""
        means = self.means(cells, np.where(np.isfinite(self.values), self.values, 0.0))
        most = means.max(axis=(1, 2))
        ends = means[:, ::3, ::3].max(axis=(1, 2))
        raised = np.stack([most - means[:, ::3].max(axis=(1, 2)), most - means[:, :, ::3].max(axis=(1, 2))], axis=1)
        split = (raised >= _AS_MUCH * raised.max(axis=1, keepdims=True)) & self.free
        split |= ~split.any(axis=1, keepdims=True) & self.free  # every cell is divided
        if not split.any():  # no angle matters
            return cells
        halvings = split.astype(np.int64)
        if self.quick and len(self.numbers) < _FEW:
            far = most - ends > _FAR * np.maximum(self.limit - ends, 0.0)
            halvings += split & far[:, None]
        halvings = np.minimum(halvings, LAST_LEVEL - cells.levels)
        turned = self._better_turned(cells)
        parts: list[list[Any]] = [[], [], [], [], []]
        for s, t in sorted(set(map(tuple, halvings.tolist()))):
            index = np.flatnonzero((halvings == (s, t)).all(axis=1))
            size, number = np.array([2**s, 2**t]), len(index)
            offsets = np.stack(np.unravel_index(np.arange(2 ** (s + t)), (2**s, 2**t)), axis=1)
            ways = (offsets[:, :, None] + np.array([0.0, 0.5, 1.0])) / size[:, None]
            which = np.repeat(index, len(offsets))
            parts[0].append(cells.places[which] * size + np.tile(offsets, (number, 1)))
            parts[1].append(cells.levels[which] + np.array([s, t]))
            parts[2].append(turned[which])
            parts[3].append(cells.corners[which][:, ::2, ::2])
            parts[4].append(np.tile(ways, (number, 1, 1)))
        places, levels, flags, ends_of, along = (np.concatenate(part) for part in parts)
        return self.cells(places, levels, flags, ends_of, along)

    def _better_turned(self, cells: Cells) -> Booleans:
        """Whether the part of K with Bob's first setting is the smaller one, at the highest of each cell's ends."""
        if not self.free_bob:
            return np.zeros(len(cells), dtype=bool)
        ends = cells.corners[:, ::2, ::2].reshape(-1, 4)
        k = ends[np.arange(len(ends)), self.values[ends].argmax(axis=1)]
        moments = self.floats.moments(self.tables[k], self.hints[k], _NOISE[0])
        angles, none = self.arcs.angles[self.arc[k]], np.zeros(len(k), dtype=bool)
        alice, bob = (frames(angles[:, side], none, angles[:, side]) for side in (0, 1))
        parts = (self.expression * (alice @ moments @ bob.transpose(0, 2, 1))).sum(axis=1)
        return np.asarray(parts[:, 1] < parts[:, 2])
