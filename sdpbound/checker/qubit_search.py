"""The search over cells of two angles that proves a functional, see :mod:`sdpbound.checker.qubit`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, Protocol

import flint
import numpy as np
from numpy.typing import NDArray

from sdpbound.checker.numbers import to_ball
from sdpbound.checker.qubit_floats import DualFloats, Floats, frames
from sdpbound.errors import CertificateError

__all__ = ["MOST_CELLS", "CellSearch", "Dual", "Table", "end_named"]


Table = list[list[Any]]  # of numbers, Fractions or balls
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
_FIRST_LEVEL, _LAST_LEVEL = 2, 40
MOST_CELLS = 60_000
_STEPS = 40
#: Cells that are worked on together.
_TOGETHER = 512
#: Of white noise in r. Less is taken where the bound with more misses the goal; floats know no less than the last.
_NOISE = (1e-7, 1e-9, 1e-11, 1e-13)
#: Part of the distance from the goal to which floats find values and bounds.
_PRECISION = 0.02
#: A direction is divided if it raises the bound by at least this part of what the other one does.
_AS_MUCH = 0.4
#: Where a half's three corners find the nearest of their parent's; the last row for an angle that is not divided.
_NEAREST = np.array([[0, 1, 1], [1, 1, 2], [0, 1, 2]])


class Dual(Protocol):
    """Upper bounds on G(K) in balls, and the floats that choose what proves them."""

    most_steps: int  # steps of floats for one corner of one cell that are done for one certificate
    free_bob: bool  # whether Bob's outcome is no key, so that the frame of his qubit may be chosen

    @property
    def floats(self) -> DualFloats:
        """What chooses."""

    def choices(self, tables: Floats, hints: Floats, noise: float) -> list[Any]:
        """For each K what its bound is proven with."""

    def bound(self, table: Table, choice: Any) -> flint.arb:
        """What the choice proves of the table of K in 1, Z, X, in balls."""


class CellSearch:
    """Cells are products of two arcs: the k-th one of half-width pi / 2^(level+1) for each angle."""

    def __init__(self, expression: Table, dual: Dual, goal: Fraction, steps: int) -> None:
        self.expression, self.dual = expression, dual
        self.floats = np.array([[float(v) for v in row] for row in expression])
        self.ln2 = flint.arb(2).log()
        self.goal = self.ln2 * to_ball(goal)
        self.limit = float(self.goal.mid())
        self.balls = [[self.ln2 * to_ball(value) for value in row] for row in expression]
        self.size = float(sum(abs(value) for row in expression for value in row))
        self.steps = steps
        self.blurred = False  # whether a wider ball than its distance from the goal was seen
        self.free = np.array([any(expression[2]), any(row[2] for row in expression)])
        self.corners = _Corners(self)
        self.proven: dict[int, flint.arb] = {}
        self.vectors: dict[tuple[int, int], tuple[flint.arb, flint.arb]] = {}

    def run(self) -> bool:
        """Whether all cells are proven to be below the goal."""
        levels = np.where(self.free, _FIRST_LEVEL, 1)
        sizes = np.where(self.free, 2**levels, 1)
        places = np.stack(np.unravel_index(np.arange(int(sizes.prod())), tuple(sizes)), axis=1)
        cells = self.corners.cells(
            places, np.broadcast_to(levels, places.shape), np.zeros(len(places), dtype=bool), None
        )
        waiting, count = [cells], 0
        while waiting:
            cells = waiting.pop()
            if len(cells) > _TOGETHER:
                waiting.append(cells.chosen(np.arange(_TOGETHER, len(cells))))
                cells = cells.chosen(np.arange(_TOGETHER))
            count += len(cells)
            if count > MOST_CELLS or cells.levels.max() > _LAST_LEVEL:
                return False
            if not self.free.any() and count > 1:  # the one cell there is was not below the goal
                return False
            self.corners.climb(cells)
            below = self.corners.bounds(cells, self.corners.uppers).max(axis=(1, 2)) <= self.limit
            self._prove(cells.corners[below])
            left = [n for n in range(len(cells)) if not (below[n] and self._below(cells, n))]
            if left:
                waiting.append(self.corners.divided(cells.chosen(np.array(left, dtype=np.int64))))
        return True

    # -- in balls -----------------------------------------------------------------------------------------------------

    def _below(self, cells: _Cells, n: int) -> bool:
        """Whether all means of a cell's corners are below the goal."""
        at = [[self.proven[number] for number in row] for row in cells.corners[n].tolist()]
        weights = [self._weights(int(level)) for level in cells.levels[n]]
        along = [self._means(row, weights[1]) for row in at]
        means = [mean for column in zip(*along, strict=True) for mean in self._means(column, weights[0])]
        below = all(mean <= self.goal for mean in means)
        # NaN compares as False everywhere, and is as blurred as can be
        self.blurred |= not below and not any(mean.mid() > self.goal.mid() for mean in means)
        return below

    def _prove(self, corners: Integers) -> None:
        """Bounds in balls at corners."""
        numbers = [number for number in np.unique(corners).tolist() if number not in self.proven]
        for number, choice in self.corners.choices(np.array(numbers, dtype=np.int64)):
            self.proven[number] = self.dual.bound(self._table(number), choice)

    def _table(self, number: int) -> Table:
        """K in nats, its angles taken as exact multiples of pi."""
        codes, levels = self.corners.codes[number], self.corners.levels[number]
        (c, s), (d, t) = (self._vector(int(code), int(level)) for code, level in zip(codes, levels, strict=True))
        turned = self.corners.turned[number]
        constant, first_row, second_row = (
            [one, second + d * first, t * first] if turned else [one, first + d * second, t * second]
            for one, first, second in self.balls
        )
        return [constant, [v + c * w for v, w in zip(first_row, second_row, strict=True)], [s * w for w in second_row]]

    def _vector(self, code: int, level: int) -> tuple[flint.arb, flint.arb]:
        """Cosine and sine of code / 2^(level+1) pi; drawn out to the meeting point of the tangents if code is odd."""
        found = self.vectors.get((code, level))
        if found is None:
            s, c = flint.arb.sin_cos_pi_fmpq(flint.fmpq(code, 2 ** (level + 1)))
            if code % 2:
                radius = flint.arb.cos_pi_fmpq(flint.fmpq(1, 2 ** (level + 1)))
                s, c = s / radius, c / radius
            found = self.vectors[code, level] = (c, s)
        return found

    @staticmethod
    def _weights(level: int) -> list[list[flint.arb]]:
        cosine = flint.arb.cos_pi_fmpq(flint.fmpq(1, 2 ** (level + 1)))
        t = cosine / (1 + cosine)
        return [[1 - t, t, flint.arb(0)], [flint.arb(0), t, 1 - t]]

    @staticmethod
    def _means(values: Sequence[flint.arb], weights: list[list[flint.arb]]) -> list[flint.arb]:
        (a, b, _), (_, c, d) = weights
        first, middle, last = values
        return [first, a * first + b * middle, c * middle + d * last, last]


# -- in floats --------------------------------------------------------------------------------------------------------


class _Cells:
    """Cells: numbers (n, 2) of their arcs, levels (n, 2), whether Bob's second setting is Z (n,), corners (n, 3, 3)."""

    def __init__(self, places: Integers, levels: Integers, turned: Booleans, corners: Integers) -> None:
        self.places, self.levels, self.turned, self.corners = places, levels, turned, corners

    def __len__(self) -> int:
        return len(self.places)

    def chosen(self, index: Integers) -> _Cells:
        return _Cells(self.places[index], self.levels[index], self.turned[index], self.corners[index])


class _Corners:
    """Pairs of corners of cells, each once: where it is, the hint there, a value below G, and what the hint proves."""

    def __init__(self, search: CellSearch) -> None:
        self.search, self.floats = search, search.dual.floats
        self.numbers: dict[tuple[int, int, int, int, bool], int] = {}
        self.codes, self.levels = np.zeros((0, 2), dtype=np.int64), np.zeros((0, 2), dtype=np.int64)
        self.turned = np.zeros(0, dtype=bool)
        self.tables = np.zeros((0, 3, 3))
        self.hints = self.floats.cold(self.tables)
        self.best = self.hints.copy()  # the hint that proves most
        self.values, self.uppers, self.noise = np.zeros(0), np.zeros(0), np.zeros(0)
        self.done = np.zeros(0, dtype=bool)

    def cells(self, places: Integers, levels: Integers, turned: Booleans, near: Integers | None) -> _Cells:
        """Cells with the numbers of their corners; a new corner begins with the hint of the one ``near`` (n, 3, 3)."""
        corners = np.zeros((len(places), 3, 3), dtype=np.int64)
        fresh: list[tuple[int, int, int, int, bool]] = []
        sources: list[int] = []
        for n, ((i, j), (k, m), flag) in enumerate(zip(places.tolist(), levels.tolist(), turned.tolist(), strict=True)):
            rows = [end_named(2 * i + e, k) for e in range(3)]
            columns = [end_named(2 * j + e, m) for e in range(3)]
            for e, row in enumerate(rows):
                for f, column in enumerate(columns):
                    name = (*row, *column, flag and f == 1)
                    number = self.numbers.get(name)
                    if number is None:
                        number = self.numbers[name] = len(self.numbers)
                        fresh.append(name)
                        sources.append(-1 if near is None else int(near[n, e, f]))
                    corners[n, e, f] = number
        if fresh:
            self._add(fresh, np.array(sources, dtype=np.int64))
        return _Cells(places, levels, turned, corners)

    def _add(self, names: list[tuple[int, int, int, int, bool]], near: Integers) -> None:
        codes = np.array([[name[0], name[2]] for name in names], dtype=np.int64)
        levels = np.array([[name[1], name[3]] for name in names], dtype=np.int64)
        turned = np.array([name[4] for name in names], dtype=bool)
        half = np.pi / 2.0 ** (levels + 1)
        angles = codes * half
        alice = frames(angles[:, 0], codes[:, 0] % 2 == 1, half[:, 0])
        bob = frames(angles[:, 1], codes[:, 1] % 2 == 1, half[:, 1], turned)
        tables = float(np.log(2.0)) * alice.transpose(0, 2, 1) @ self.search.floats @ bob
        hints = self.floats.cold(tables)
        known = np.flatnonzero(near >= 0)
        if known.size:
            old = near[known]
            hints[known] = self.hints[old]
            other = turned[known] != self.turned[old]
            where = old[other]
            angle = self.codes[where, 1] * np.pi / 2.0 ** (self.levels[where, 1] + 1)
            hints[known[other]] = self.floats.reflected(self.hints[where], angle)
        n = len(names)
        self.codes, self.levels = np.concatenate([self.codes, codes]), np.concatenate([self.levels, levels])
        self.turned = np.concatenate([self.turned, turned])
        self.tables = np.concatenate([self.tables, tables])
        self.hints, self.best = np.concatenate([self.hints, hints]), np.concatenate([self.best, hints])
        self.values = np.concatenate([self.values, np.full(n, -np.inf)])
        self.uppers = np.concatenate([self.uppers, np.full(n, np.inf)])
        self.noise = np.concatenate([self.noise, np.full(n, _NOISE[0])])
        self.done = np.concatenate([self.done, np.zeros(n, dtype=bool)])

    def climb(self, cells: _Cells) -> None:
        """Better hints at the corners of cells, as far as it matters whether they are below the goal."""
        limit = self.search.limit
        index = np.unique(cells.corners)
        index = index[~self.done[index]]
        self.done[index] = True
        for noise in _NOISE:
            if not index.size:
                return
            self._climb(index, noise)
            # others are done, beyond mending, or not kept from the goal by the noise
            kept = (self.uppers[index] > limit) & (self.values[index] <= limit)
            index = index[kept & (self.uppers[index] - self.values[index] <= 30.0 * noise)]

    def _climb(self, index: Integers, noise: float) -> None:
        search, n = self.search, len(index)
        ends = (self.codes[index] % 2 == 0).all(axis=1)
        above = search.limit + 1e-9 * (1.0 + abs(search.limit)) + 1e-13 * search.size
        heights, lengths = np.full(n, -np.inf), np.ones(n)
        least = np.full(n, np.inf)  # with this noise
        base, moves = self.hints[index].copy(), np.zeros_like(self.hints[index])
        todo = np.arange(n)
        for _ in range(_STEPS):
            search.steps += len(todo)
            if search.steps > search.dual.most_steps:
                raise CertificateError(
                    f"the functional needs more than {search.dual.most_steps} steps of its search to be checked."
                )
            here = index[todo]
            hints = self.hints[here].copy()
            with np.errstate(all="ignore"):
                values, uppers, along = self.floats.step(self.tables[here], hints, noise)
            values, uppers = np.nan_to_num(values, nan=-np.inf), np.nan_to_num(uppers, nan=np.inf)
            better = uppers < self.uppers[here]
            self.uppers[here[better]], self.noise[here[better]] = uppers[better], noise
            self.best[here[better]] = hints[better]
            least[todo] = np.minimum(least[todo], uppers)
            wrong = np.flatnonzero(ends[todo] & (values > above))
            if wrong.size:
                self._refuse(int(here[wrong[0]]))
            # every step goes uphill, if it is not too long
            good = values >= heights[todo] - 2.0 * noise
            kept = todo[good]
            base[kept], moves[kept], heights[kept] = hints[good], along[good], values[good]
            lengths[todo] = np.where(good, np.minimum(4.0 * lengths[todo], 1.0), 0.25 * lengths[todo])
            self.hints[here] = base[todo] + lengths[todo][:, None] * moves[todo]
            # accuracy gains nothing where the bound is far from the goal
            far = np.maximum(noise, _PRECISION * np.abs(search.limit - heights[todo]))
            todo = todo[least[todo] - heights[todo] >= far]
            if not todo.size:
                break
        self.hints[index] = base
        self.values[index] = np.maximum(self.values[index], heights)

    def _refuse(self, number: int) -> None:
        (p, q), (k, m) = self.codes[number].tolist(), self.levels[number].tolist()
        raise CertificateError(
            "the functional is above the entropy of a pair of qubits, at "
            f"the angles {p}/{2 ** (k + 1)} pi and {q}/{2 ** (m + 1)} pi."
        )

    def choices(self, numbers: Integers) -> Iterator[tuple[int, Any]]:
        """What the bounds at corners are proven with."""
        for noise in _NOISE:
            index = numbers[self.noise[numbers] == noise]
            if index.size:
                yield from zip(
                    index.tolist(), self.search.dual.choices(self.tables[index], self.best[index], noise), strict=True
                )

    def bounds(self, cells: _Cells, at: Floats) -> Floats:
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

    def divided(self, cells: _Cells) -> _Cells:
        """The halves or quarters of cells: an angle is divided if its meeting points raise the bound."""
        means = self.bounds(cells, np.where(np.isfinite(self.values), self.values, 0.0))
        most = means.max(axis=(1, 2))
        raised = np.stack([most - means[:, ::3].max(axis=(1, 2)), most - means[:, :, ::3].max(axis=(1, 2))], axis=1)
        split = (raised >= _AS_MUCH * raised.max(axis=1, keepdims=True)) & self.search.free
        split |= ~split.any(axis=1, keepdims=True) & self.search.free  # every cell is divided
        if not split.any():  # no angle matters
            return cells
        turned = self._better_turned(cells)
        parts: list[list[Any]] = [[], [], [], []]
        for s in (0, 1, 2):
            for t in (0, 1, 2):
                one = np.array([s < 2, t < 2])
                index = np.flatnonzero((split == one).all(axis=1))
                if not one.any() or not index.size:
                    continue
                parts[0].append(np.where(one, 2 * cells.places[index] + np.array([s % 2, t % 2]), cells.places[index]))
                parts[1].append(cells.levels[index] + one)
                parts[2].append(turned[index])
                parts[3].append(cells.corners[index][:, _NEAREST[s]][:, :, _NEAREST[t]])
        places, levels, flags, near = (np.concatenate(part) for part in parts)
        return self.cells(places, levels, flags, near)

    def _better_turned(self, cells: _Cells) -> Booleans:
        """Whether the part of K with Bob's first setting is the smaller one, at the highest of each cell's ends."""
        if not self.search.dual.free_bob:
            return np.zeros(len(cells), dtype=bool)
        ends = cells.corners[:, ::2, ::2].reshape(-1, 4)
        k = np.take_along_axis(ends, self.values[ends].argmax(axis=1)[:, None], axis=1)[:, 0]
        moments = self.floats.moments(self.tables[k], self.hints[k], _NOISE[0])
        angles, none = self.codes[k] * np.pi / 2.0 ** (self.levels[k] + 1), np.zeros(len(k), dtype=bool)
        alice, bob = (frames(angles[:, side], none, angles[:, side]) for side in (0, 1))
        parts = (self.search.floats * (alice @ moments @ bob.transpose(0, 2, 1))).sum(axis=1)
        return np.asarray(parts[:, 1] < parts[:, 2])


def end_named(code: int, level: int) -> tuple[int, int]:
    """An end of an arc by the lowest level at which it is one, where its code is even as well."""
    while code and code % 4 == 0:
        code, level = code // 2, level - 1
    return (code, level) if code else (0, 0)
