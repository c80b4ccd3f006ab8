"""Entropies by the qubit reduction where functionals are steep: cells of two angles, each from a few states.

What is to be shown is that ``G(K) <= ceiling`` for all angles a, b (:mod:`sdpbound.recheck.qubits` says what G and K
are). Every state r makes a matrix C(r) with ``G(K) <= largest eigenvalue of K + C(r)`` for all K
(:mod:`sdpbound.recheck.climbing`). K is affine in the point ``(cos a, sin a)`` and in that of b, and G is convex.

**One state for a cell.** An arc lies in the hull of its ends and the two points where the tangents at its ends meet
that at its middle. So ``ceiling - C - K`` is positive on a cell if it is at the 16 pairs of such points. This is good
where the best state is nearly pure. Bob's frame is free where the key is Alice's: with B = Z and B' turning, or with
B' = Z and B turning, whichever varies less where the state is. A state that fails for a cell is tried for its parts.

**Four states for a cell.** Where the best state is mixed, one state loses as much as the cell is wide. But every point
of an arc is ``c (w u + w' u')`` for its ends u, u', weights w + w' = 1 and ``1 <= c <= 1 / cos d``, d the half-width.
So K is a mean of the operators at the four corners with their points stretched, and G is at most the largest of theirs,
each by the state of that corner; it is enough to stretch by nothing and by most. In Bob's third frame both his points
turn by half of the angle: both are stretched, by ``1 / cos(d / 2)`` only.

Floats choose states, frames and what is divided. What is believed is proven in balls: with X any matrix near log r,
r = exp(X); with Z near ``log(W^T r W)`` and ``exp(Z) - W^T r W`` positive, ``log(W^T r W) <= Z``, for the logarithm is
monotonic; and a symmetric matrix is positive if the coefficients of its characteristic polynomial have the signs that
they have for positive roots.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import flint

from sdpbound.recheck.answer import Budget, refuse
from sdpbound.recheck.arc_points import (
    Arc,
    Point,
    Range,
    arc_of,
    center_of,
    ends_of,
    half_of,
    hull,
    hull_balls,
    parts_of,
    point,
    point_ball,
)
from sdpbound.recheck.climbing import Climber, Matrix, Place, congruent, multiplied, top, values_of
from sdpbound.recheck.matrices import Real, certain, log_ball, scalar, symmetric

__all__ = ["ArcSearch"]

PRECISION = 128
MOST_CELLS, DEEPEST = 60_000, 36
#: What is left to rounding before something is proven, and how much more for each nat of the functional.
ROOM, ROUNDING = 2e-11, 2.0**-46
#: The weights of barriers: the first, the least, by what they fall, and which part of what is left they may cost.
FIRST, LEAST, FALL, PART = 1e-2, 1e-10, 0.1, 1 / 30
#: How near operators are, in nats an entry, for one to begin where the other did.
NEARBY = 3.0
#: What is added to eigenvalues before logarithms are taken, so that errors of floats do not matter.
LIFTS = (1e-13, 1e-11, 1e-9)
#: A cell is one for four states if one state loses this part of what is left, by being mixed.
MIXED = 0.25
#: and if both of its widths are at most 2^-NARROW of pi, and their product is at most 2^-WIDTHS of its square.
NARROW, WIDTHS = 3, 12


@dataclass(slots=True)
class Dual:
    """A state at some angles, and the matrix C that it makes.

    Attributes
    ----------
    operator : K at these angles
    place, curve : by floats
    most : about the largest eigenvalue of K + C at these angles
    proven : C in balls; False if it could not be proven
    swapped : in the frame in which B' is Z
    """

    operator: Matrix
    place: Place
    curve: Matrix
    most: float
    swapped: bool = False
    proven: Real | bool | None = None


@dataclass(slots=True)
class Cell:
    """Angles from ``i / 2^level`` to ``(i + 1) / 2^level`` of pi, for Alice and for Bob, and what is known there.

    ``first`` is a state with the first barrier, from which the search begins at angles nearby.
    """

    a: Arc
    b: Arc
    dual: Dual | None = None
    first: Dual | None = None
    corners: bool = False


@dataclass(slots=True)
class ArcSearch:
    """The proof for all angles.

    Attributes
    ----------
    terms : coefficients in nats by (Alice's, Bob's) operator: 0 the identity, 1 Z, 2 the one with an angle
    outcomes : the W_i
    ceiling : what G must not exceed
    angles : which party has an angle
    free : whether Bob's frame is free
    """

    terms: dict[tuple[int, int], flint.arb]
    outcomes: Sequence[Real]
    ceiling: flint.arb
    angles: tuple[bool, bool]
    free: bool
    known: dict[tuple[Fraction, Fraction], tuple[list[Dual], Iterator[Dual]]] = field(default_factory=dict)
    table: Matrix = field(init=False)
    climber: Climber = field(init=False)
    goal: float = field(init=False)

    def __post_init__(self) -> None:
        self.table = [[float(self.terms.get((i, j), flint.arb(0))) for j in range(3)] for i in range(3)]
        rows = [[[float(v) for v in row] for row in w.transpose().tolist()] for w in self.outcomes]
        self.climber = Climber([1.0] * len(rows), rows)
        size = sum(abs(v) for row in self.table for v in row)
        self.goal = float(self.ceiling.lower()) - ROOM - ROUNDING * size

    def run(self, angles: Sequence[tuple[Range, Range]], budget: Budget) -> None:
        """Prove it for cells of angles in units of pi, whose widths are powers of two, or refuse."""
        cells = [Cell(arc_of(a), arc_of(b)) for a, b in angles]
        count = 0
        while cells:
            count += 1
            budget.spend(5000)
            if count > MOST_CELLS:
                raise refuse("the search over angles takes too many cells.")
            cells += self._parts(cells.pop())

    # -- cells ---------------------------------------------------------------------------------------------------------

    def _parts(self, cell: Cell) -> list[Cell]:
        """Nothing if the cell is proven, else its parts."""
        if cell.corners:
            return self._by_corners(cell)
        if cell.dual is not None and self._covers(cell.dual, cell):
            return []
        center = center_of(cell.a), center_of(cell.b)
        dual, near, cell.first = None, cell.first, None
        for dual in self._duals(*center, near):
            cell.first = cell.first or dual
            for chosen in (dual, self._swapped(dual, center[1])) if self.free else (dual,):
                if self._covers(chosen, cell):
                    return []
        assert dual is not None
        cell.dual = dual
        levels = [arc[1] if arc[1] >= 0 else WIDTHS for arc in (cell.a, cell.b)]
        if min(levels) >= NARROW and sum(levels) >= WIDTHS and self._loses(cell, dual):
            cell.corners = True
            return self._by_corners(cell)
        return self._divided(cell, *self._misses(dual, cell))

    def _duals(self, a: Fraction, b: Fraction, near: Dual | None) -> Iterator[Dual]:
        """States for a pair of angles, with less and less of a barrier, as long as that may help."""
        operator = self._operator(point(a), point(b))
        tau = FIRST
        place = near.place if near is not None and _apart(operator, near.operator) < NEARBY else None
        while True:
            place = self.climber.climbed(operator, tau, place)
            if place.least > self.goal and self.exceeded(place, a, b):
                raise refuse("an explicit pair of qubits has an entropy below the functional.")
            curve = self.climber.curvature(place.logarithms(0.0))
            most = top(_sum(operator, curve))
            yield Dual(operator, place, curve, most)
            if self.goal - most > tau / PART or tau <= LEAST:
                return
            tau *= FALL

    def exceeded(self, place: Place, a: Fraction, b: Fraction) -> bool:
        """Whether a state is proven to have more than the ceiling at a pair of angles.

        With X the matrix of floats near log r and exp(X) for r, positive and of any weight, ``S(r) = -Tr r X`` exactly,
        so that ``Tr K r - H(r) = Tr r (K + C)`` with the logarithms of ``W^T r W`` in balls.
        """
        with flint.ctx.workprec(PRECISION):
            x = symmetric(place.logarithms(LIFTS[0])[0])
            state = x.exp()
            found = Real(_kron(self._exact(False), point_ball(a), point_ball(b))) - x
            for w in self.outcomes:
                logarithm = log_ball(w.transpose() * state * w)
                if logarithm is None:
                    return False
                found = found + w * logarithm * w.transpose()
            return bool((state * found).trace() > self.ceiling * state.trace())

    def _loses(self, cell: Cell, dual: Dual) -> bool:
        """Whether one state loses much by being mixed: both signs of a derivative are on it."""
        loss = 0.0
        for party, arc in enumerate((cell.a, cell.b)):
            if self.angles[party]:
                slope = self._slope(cell, party)
                values = values_of(congruent(dual.place.factor, slope))
                up, down = sum(v for v in values if v > 0), -sum(v for v in values if v < 0)
                loss += min(up, down) * float(half_of(arc)) * math.pi
        return loss > MIXED * (self.goal - dual.most)

    def _slope(self, cell: Cell, party: int) -> Matrix:
        """The derivative of K by an angle, in the middle of a cell."""
        points = [point(center_of(arc)) for arc in (cell.a, cell.b)]
        points[party] = (-points[party][1], points[party][0])
        terms = [[v if (i, j)[party] == 2 else 0.0 for j, v in enumerate(row)] for i, row in enumerate(self.table)]
        found: Matrix = _kron(terms, points[0], points[1])
        return found

    def _misses(self, dual: Dual, cell: Cell) -> tuple[bool, bool]:
        """Which angle is to be divided: that of which the points alone are above the ceiling, or more so."""
        middles = [[point(center_of(arc))] for arc in (cell.a, cell.b)]
        arcs = [hull(cell.a), hull(cell.b)]
        base = dual.most
        over = []
        for party in (0, 1):
            found = -math.inf
            for p in arcs[0] if party == 0 else middles[0]:
                for q in arcs[1] if party == 1 else middles[1]:
                    found = max(found, top(_sum(self._operator(p, q), dual.curve)))
            over.append(found - base)
        return _which(over[0], over[1])

    def _divided(self, cell: Cell, by_a: bool, by_b: bool) -> list[Cell]:
        by_a, by_b = by_a and self.angles[0], by_b and self.angles[1]
        if not by_a and not by_b:
            by_a, by_b = self.angles
        if max(cell.a[1] + by_a, cell.b[1] + by_b) > DEEPEST or not (by_a or by_b):
            raise refuse("the entropy is not proven to be above the functional at some angles.")
        return [
            Cell(a, b, cell.dual, cell.first, cell.corners)
            for a in (parts_of(cell.a) if by_a else (cell.a,))
            for b in (parts_of(cell.b) if by_b else (cell.b,))
        ]

    # -- one state -----------------------------------------------------------------------------------------------------

    def _covers(self, dual: Dual, cell: Cell) -> bool:
        """Whether one state is proven to be enough for a cell."""
        a, b = hull(cell.a), hull(cell.b)
        table = [[row[0], row[2], row[1]] for row in self.table] if dual.swapped else self.table
        for p in a:
            for q in b:
                if not _positive(self.goal, _kron(table, p, q), dual.curve):
                    return False
        rest = self._rest(dual)
        if rest is None:
            return False
        exact = self._exact(dual.swapped)
        with flint.ctx.workprec(PRECISION):
            return all(certain(rest - Real(_kron(exact, p, q))) for p in hull_balls(cell.a) for q in hull_balls(cell.b))

    def _swapped(self, dual: Dual, b: Fraction) -> Dual:
        """The same state in the frame in which B' is Z."""
        x, y = point(b / 2)
        turn = [[x, y, 0.0, 0.0], [y, -x, 0.0, 0.0], [0.0, 0.0, x, y], [0.0, 0.0, y, -x]]
        place = dual.place
        turns = []
        for line in place.turns:  # the rows of W^T are blocks of Bob's two, in the order of r's
            size = len(line)
            turns.append(multiplied(line, [row[:size] for row in turn[:size]]))
        moved = Place(multiplied(turn, place.factor), place.slack, place.tau, turns, place.values, place.least)
        return Dual(dual.operator, moved, congruent(turn, dual.curve), dual.most, swapped=True)

    def _exact(self, swapped: bool) -> list[list[flint.arb]]:
        order = (0, 2, 1) if swapped else (0, 1, 2)
        return [[self.terms.get((i, j), flint.arb(0)) for j in order] for i in range(3)]

    def _rest(self, dual: Dual) -> Real | None:
        """``ceiling - C`` in balls."""
        if dual.proven is None:
            with flint.ctx.workprec(PRECISION):
                found = next((c for c in map(functools.partial(self._curve, dual.place), LIFTS) if c is not None), None)
                dual.proven = False if found is None else scalar(self.ceiling) - found
        return dual.proven if isinstance(dual.proven, Real) else None

    def _curve(self, place: Place, lift: float) -> Real | None:
        """A matrix that is not below C(r), for a state near a place."""
        logarithms = place.logarithms(lift)
        x = symmetric(logarithms[0])
        state = x.exp()
        found = -x
        for w, logarithm in zip(self.outcomes, logarithms[1:], strict=True):
            above = symmetric(logarithm) + scalar(flint.arb(lift), len(logarithm))
            if not certain(above.exp() - w.transpose() * state * w):
                return None
            found = found + w * above * w.transpose()
        return found

    # -- four states ---------------------------------------------------------------------------------------------------

    def _by_corners(self, cell: Cell) -> list[Cell]:
        """Nothing if the states of the four corners are proven to be enough, else the cell's parts."""
        frames = [0, 1, 2] if self.free else [0]
        left = frames
        for a in ends_of(cell.a):
            for b in ends_of(cell.b):
                reached: list[int] = []
                for dual in self._corner(a, b, cell.first):
                    reached = [frame for frame in left if self._reaches(dual, a, b, cell, frame)]
                    if reached:
                        break
                left = reached
                if not left:
                    over = [
                        min(top(_sum(self._stretched(a, b, cell, frame, by), dual.curve)) for frame in frames)
                        for by in ((True, False), (False, True))
                    ]
                    return self._divided(cell, *_which(over[0] - dual.most, over[1] - dual.most))
        return []

    def _corner(self, a: Fraction, b: Fraction, near: Dual | None) -> Iterator[Dual]:
        """The states of a pair of angles, the ones that are known first."""
        known = self.known.get((a, b))
        if known is None:
            known = self.known[a, b] = [], self._duals(a, b, near)
        yield from known[0]
        for dual in known[1]:
            known[0].append(dual)
            yield dual

    def _reaches(self, dual: Dual, a: Fraction, b: Fraction, cell: Cell, frame: int) -> bool:
        """Whether the state of a corner is proven to be enough for it, stretched or not."""
        both = [(x, y) for x in (False, True) for y in (False, True)]
        if not all(_positive(self.goal, self._stretched(a, b, cell, frame, s), dual.curve) for s in both):
            return False
        rest = self._rest(dual)
        if rest is None:
            return False
        with flint.ctx.workprec(PRECISION):
            return all(certain(rest - Real(self._stretched_balls(a, b, cell, frame, s))) for s in both)

    def _stretched(self, a: Fraction, b: Fraction, cell: Cell, frame: int, by: tuple[bool, bool]) -> Matrix:
        c = 1 / point(half_of(cell.a))[0] if by[0] else 1.0
        width = half_of(cell.b) / 2 if frame == 2 else half_of(cell.b)
        d = 1 / point(width)[0] if by[1] else 1.0
        (x, y), (u, v) = point(a), point(b)
        bob = (u, v) if frame == 1 else (d * u, d * v)
        found: Matrix = _kron(_scaled(self.table, d if frame else 1.0), (c * x, c * y), bob)
        return found

    def _stretched_balls(self, a: Fraction, b: Fraction, cell: Cell, frame: int, by: tuple[bool, bool]) -> Any:
        c = 1 / point_ball(half_of(cell.a))[0] if by[0] else flint.arb(1)
        width = half_of(cell.b) / 2 if frame == 2 else half_of(cell.b)
        d = 1 / point_ball(width)[0] if by[1] else flint.arb(1)
        (x, y), (u, v) = point_ball(a), point_ball(b)
        table = _scaled(self._exact(False), d) if frame else self._exact(False)
        return _kron(table, (c * x, c * y), (u, v) if frame == 1 else (d * u, d * v))

    def _operator(self, a: Point, b: Point) -> Matrix:
        found: Matrix = _kron(self.table, a, b)
        return found


def _which(over_a: float, over_b: float) -> tuple[bool, bool]:
    """An angle is divided if it makes at least two fifths of what the other does."""
    most = max(over_a, over_b)
    return (True, True) if not most > 0 else (over_a >= 0.4 * most, over_b >= 0.4 * most)


# -- matrices ----------------------------------------------------------------------------------------------------------


def _kron(table: Any, a: Point, b: Point) -> Any:
    """K, from coefficients of (1, Z, second) of both parties and the points of the second ones; numbers of any kind."""
    (x, y), (u, v) = a, b
    first, second, third = table
    rows = (first, [p + x * q for p, q in zip(second, third, strict=True)], [y * q for q in third])
    (i0, iz, ix), (z0, zz, zx), (x0, xz, xx) = ((r[0], r[1] + u * r[2], v * r[2]) for r in rows)
    p, q, r, s = i0 + iz, i0 - iz, z0 + zz, z0 - zz
    e, f = x0 + xz, x0 - xz
    return [
        [p + r, ix + zx, e, xx],
        [ix + zx, q + s, xx, f],
        [e, xx, p - r, ix - zx],
        [xx, f, ix - zx, q - s],
    ]


def _scaled(table: Any, factor: Any) -> Any:
    """Coefficients with Bob's first operator stretched."""
    return [[row[0], factor * row[1], row[2]] for row in table]


def _sum(p: Matrix, q: Matrix) -> Matrix:
    return [[a + b for a, b in zip(r, s, strict=True)] for r, s in zip(p, q, strict=True)]


def _apart(p: Matrix, q: Matrix) -> float:
    return max(abs(a - b) for r, s in zip(p, q, strict=True) for a, b in zip(r, s, strict=True))


def _positive(goal: float, p: Matrix, q: Matrix) -> bool:
    """Whether ``goal - p - q`` is positive, by floats."""
    a, b, c, d = p[0][0] + q[0][0], p[0][1] + q[0][1], p[0][2] + q[0][2], p[0][3] + q[0][3]
    one = goal - a
    if not one > 0:
        return False
    e, f, g = b / one, c / one, d / one
    two = goal - p[1][1] - q[1][1] - b * e
    if not two > 0:
        return False
    h, i = p[1][2] + q[1][2] + c * e, p[1][3] + q[1][3] + d * e
    j, k = h / two, i / two
    three = goal - p[2][2] - q[2][2] - c * f - h * j
    if not three > 0:
        return False
    m = p[2][3] + q[2][3] + d * f + i * j
    return goal - p[3][3] - q[3][3] - d * g - i * k - m * m / three > 0
