"""The search over cells of two angles that proves a functional, see :mod:`sdpbound.checker.qubit`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Protocol

import flint

from sdpbound.checker.numbers import to_ball
from sdpbound.errors import CertificateError

__all__ = ["MOST_CELLS", "NEAREST", "CellSearch", "Dual", "Hint", "Place", "Table"]


Hint = Sequence[float]  # where the dual of a cell begins
Table = list[list[Any]]  # of numbers, Fractions or balls
Place = tuple[int, int, bool]  # an angle pi k / 2^n as (k, n), and whether it is the meeting point of the tangents
_FIRST_LEVEL, _LAST_LEVEL = 3, 40
MOST_CELLS = 40_000
_STEPS = 40
#: Of white noise in r. Less is taken where the bound with the first misses the goal; floats know no less than the last.
_NOISE = (1e-7, 1e-9, 1e-11, 1e-13)


# --- branch and bound ----------------------------------------------------------------------------------------------


class Dual(Protocol):
    """Upper bounds on G(K) of a table of K in 1, Z, X, from hints; all hints prove something."""

    most_steps: int  # that are done for one certificate, several times what honest ones need

    def cold(self, table: Table) -> Hint:
        """A hint to begin with."""

    def step(self, table: Table, hint: Sequence[float], noise: float) -> tuple[float, float, list[float]]:
        """In floats: a value below G, what the hint proves, and how to move it; the value rises at first on the way."""

    def bound(self, table: Table, hint: Hint, noise: float) -> flint.arb:
        """What the hint proves."""


class CellSearch:
    """Cells of half-width pi / 2^(level+1), numbered along either side."""

    def __init__(self, expression: Table, dual: Dual, goal: Fraction, steps: int) -> None:
        self.expression, self.dual = expression, dual
        self.ln2 = flint.arb(2).log()
        self.goal = self.ln2 * to_ball(goal)
        self.limit = float(self.goal.mid())
        self.size = float(sum(abs(value) for row in expression for value in row))
        self.steps = steps
        self.blurred = False  # whether a wider ball than its distance from the goal was seen
        self.used = [any(expression[2]), any(row[2] for row in expression)]
        self.known: dict[tuple[Place, Place], tuple[flint.arb, Hint]] = {}
        self.vectors: dict[Place, tuple[flint.arb, flint.arb]] = {}

    def run(self) -> bool:
        """Whether all cells are proven to be below the goal."""
        levels = [_FIRST_LEVEL if used else 1 for used in self.used]
        sizes = [2**level if used else 1 for level, used in zip(levels, self.used, strict=True)]
        cells: list[tuple[int, int, Any]] = [(i, j, {}) for i in range(sizes[0]) for j in range(sizes[1])]
        count = 0
        while cells:
            count += len(cells)
            if count > MOST_CELLS or max(levels) > _LAST_LEVEL:
                return False
            weights = [self._weights(level) for level in levels]
            rest = []
            for i, j, hints in cells:
                rows, columns = (
                    [self._place(2 * k + e, level) for e in range(3)] for k, level in zip((i, j), levels, strict=True)
                )
                corners = [
                    [self._corner(p, q, hints.get((e, f))) for f, q in enumerate(columns)] for e, p in enumerate(rows)
                ]
                if self._below([[bound for bound, _ in row] for row in corners], weights):
                    continue
                for s in (0, 1) if self.used[0] else (2,):
                    for t in (0, 1) if self.used[1] else (2,):
                        near = {(e, f): corners[NEAREST[s][e]][NEAREST[t][f]][1] for e in range(3) for f in range(3)}
                        rest.append((2 * i + s if s < 2 else i, 2 * j + t if t < 2 else j, near))
            cells = rest
            levels = [level + used for level, used in zip(levels, self.used, strict=True)]
        return True

    @staticmethod
    def _place(code: int, level: int) -> Place:
        """Of a corner of the level's cells: even codes are ends of arcs, the same at every level."""
        n = level + 1
        if code % 2:
            return code, n, True
        while n and code % 2 == 0:
            code, n = code // 2, n - 1
        return code, n, False

    def _vector(self, place: Place) -> tuple[flint.arb, flint.arb]:
        found = self.vectors.get(place)
        if found is None:
            k, n, outside = place
            s, c = flint.arb.sin_cos_pi_fmpq(flint.fmpq(k, 2**n))
            if outside:
                radius = flint.arb.cos_pi_fmpq(flint.fmpq(1, 2**n))
                s, c = s / radius, c / radius
            found = self.vectors[place] = (c, s)
        return found

    @staticmethod
    def _weights(level: int) -> list[list[flint.arb]]:
        cosine = flint.arb.cos_pi_fmpq(flint.fmpq(1, 2 ** (level + 1)))
        t = cosine / (1 + cosine)
        return [[1 - t, t, flint.arb(0)], [flint.arb(0), t, 1 - t]]

    def _corner(self, p: Place, q: Place, hint: Hint | None) -> tuple[flint.arb, Hint]:
        found = self.known.get((p, q))
        if found is not None:
            return found
        table = self._table(p, q)
        floats = [[float(v.mid()) for v in row] for row in table]
        hint = self.dual.cold(floats) if hint is None else hint
        proven, least, used = hint, math.inf, _NOISE[0]
        for noise in _NOISE:
            kept, best, value, hint = self._climb(p, q, floats, hint, noise)
            if best < least:
                proven, least, used = kept, best, noise
            # done, beyond mending, or not kept from the goal by the noise
            if least <= self.limit or value > self.limit or best - value > 30.0 * noise:
                break
        found = self.known[p, q] = self.dual.bound(table, proven, used), hint
        return found

    def _climb(
        self, p: Place, q: Place, floats: list[list[float]], hint: Hint, noise: float
    ) -> tuple[Hint, float, float, Hint]:
        """The hint that proves most, what that is, the largest value found, and the hint it is at."""
        best, kept, height, length = math.inf, hint, -math.inf, 1.0
        base, move = hint, hint
        for _ in range(_STEPS):
            self.steps += 1
            if self.steps > self.dual.most_steps:
                raise CertificateError(
                    f"the functional needs more than {self.dual.most_steps} steps of its search to be checked."
                )
            try:
                value, upper, along = self.dual.step(floats, hint, noise)
            except ArithmeticError:  # the hint is beyond what floats can tell
                break
            if upper < best:
                best, kept = upper, hint
            if not p[2] and not q[2] and value > self.limit + 1e-9 * (1.0 + abs(self.limit)) + 1e-13 * self.size:
                raise CertificateError(
                    "the functional is above the entropy of a pair of qubits, at "
                    f"the angles {p[0]}/{2 ** p[1]} pi and {q[0]}/{2 ** q[1]} pi."
                )
            # accuracy gains nothing where the bound is far from the goal
            if best - max(value, height) < max(noise, 0.02 * abs(self.limit - value)):
                height = max(value, height)
                break
            if value >= height - 2.0 * noise:
                base, move, height, length = hint, along, value, min(4.0 * length, 1.0)
            else:  # too far
                length *= 0.25
            hint = [x + length * y for x, y in zip(base, move, strict=True)]
        return kept, best, height, base

    def _table(self, p: Place, q: Place) -> Table:
        """K in nats."""
        (c, s), (d, t) = self._vector(p), self._vector(q)
        rows = [[to_ball(v) for v in row] for row in self.expression]
        rows = [[row[0], row[1] + d * row[2], t * row[2]] for row in rows]
        first, second, third = rows
        rows = [first, [v + c * w for v, w in zip(second, third, strict=True)], [s * w for w in third]]
        return [[self.ln2 * v for v in row] for row in rows]

    def _below(self, at: list[list[flint.arb]], weights: list[list[list[flint.arb]]]) -> bool:
        """Whether all means are below the goal."""
        along = [self._means(row, weights[1]) for row in at]
        means = [mean for column in zip(*along, strict=True) for mean in self._means(column, weights[0])]
        below = all(mean <= self.goal for mean in means)
        # NaN compares as False everywhere, and is as blurred as can be
        self.blurred |= not below and not any(mean.mid() > self.goal.mid() for mean in means)
        return below

    @staticmethod
    def _means(values: Sequence[flint.arb], weights: list[list[flint.arb]]) -> list[flint.arb]:
        inner = [sum((w * v for w, v in zip(row, values, strict=True)), flint.arb(0)) for row in weights]
        return [values[0], *inner, values[2]]


#: Where a quarter's three corners find the nearest of their parent's; the last row for an angle that is not used.
NEAREST = ((0, 1, 1), (1, 1, 2), (0, 1, 2))
