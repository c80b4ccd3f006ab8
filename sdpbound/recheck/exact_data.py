"""Exact data: three directions of the singlet, and whether what is tested of it self-tests it.

Directions are angles ``radians + pis * pi`` of two rational numbers. Alice has 0 and theta, Bob has pi/2 - phi and pi/2
- omega, and the correlator of two directions is the cosine of their difference. A direction and its opposite differ
only by the names of the outcomes: so directions are points on a circle of circumference pi, where the order of the four
decides.

**Order.** If Alice's and Bob's points alternate on the circle, the four arcs between neighbours add up to pi. That is
the criterion of arXiv:1511.04886: the correlators self-test. They still do if one point of Alice's is one of Bob's, as
long as no other two points coincide. If the four points are distinct and alternate, condition (4) of arXiv:2309.09650
holds, and the value of its expression (2) self-tests alone. A table of numbers is that expression if each entry is
right to its last digits, and if the singlet's value is so far above that of all deterministic devices that these digits
do not matter.

Two such points coincide only if their difference has no radians and a whole number of pis, for pi is irrational.
"""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import flint

from sdpbound.recheck.answer import refuse
from sdpbound.recheck.balls import ball, total
from sdpbound.recheck.question import Question
from sdpbound.recheck.reading import choice, number, record

__all__ = ["exact_correlators"]

NEAR = Fraction(1, 10**12)
#: What each coefficient may be off, in parts of itself, and how many times more the two maxima have to be apart.
DIGIT, TIMES = Fraction(1, 2**49), 2**20
MOST_PRECISION = 20_000
HALF = Fraction(1, 2)
Direction = tuple[Fraction, Fraction]


def exact_correlators(entry: object, question: Question) -> dict[tuple[int, int], flint.arb]:
    """The correlators of the exact data; refused unless the floats are near and the tests self-test."""
    parts = record(entry, "the exact data", "kind theta phi omega")
    choice(parts["kind"], "the kind of exact data", ("singlet",))
    theta, phi, omega = (_read(parts[name], name) for name in ("theta", "phi", "omega"))
    alice = [(Fraction(0), Fraction(0)), theta]
    bob = [(-radians, HALF - pis) for radians, pis in (phi, omega)]
    values = {(x, y): _cosine(_less(alice[x], bob[y])) for x in (0, 1) for y in (0, 1)}
    expression = _expression(theta, phi, omega)
    alone: set[tuple[int, int]] = set()
    whole = False
    for test in question.tested:
        constant, marginals, table = Fraction(0), False, dict[tuple[int, int], Fraction]()
        for (left, right), factor in test.polynomial.items():
            if left and right:
                table[left[0][0], right[0][0]] = factor
            elif left or right:
                marginals = True
            else:
                constant = factor
        size = sum((abs(f) for word, f in test.polynomial.items() if any(word)), Fraction(0))
        off = total(ball(f) * values[place] for place, f in table.items()) - ball(test.value - constant)
        if not abs(off) <= ball(NEAR * size):
            raise refuse("a tested value is not that of the exact data.")
        if len(table) == 1 and not marginals:
            alone |= set(table)
        whole = whole or (bool(table) and not marginals and _proportional(table, expression))
    distinct, order = _order(alice, bob)
    by_value = distinct and whole and _stands_out(expression, values)
    if not (order and (by_value or len(alone) == 4)):
        raise refuse("the exact data are no self-test, or too little is tested of them.")
    return values


def _read(entry: object, name: str) -> Direction:
    parts: dict[str, Any] = record(entry, name, "radians pis")
    return number(parts["radians"], name), number(parts["pis"], name)


def _less(one: Direction, other: Direction) -> Direction:
    return one[0] - other[0], one[1] - other[1]


def _cosine(angle: Direction) -> flint.arb:
    radians, pis = angle
    if not radians and (2 * pis).denominator == 1:
        return ball((1, 0, -1, 0)[int(2 * pis) % 4])
    return (ball(radians) + ball(pis) * flint.arb.pi()).cos()


def _expression(theta: Direction, phi: Direction, omega: Direction) -> dict[tuple[int, int], flint.arb]:
    """Expression (2): rows cos(t+p) cos(t+w) (cos w, -cos p) and cos p cos w (-cos(t+w), cos(t+p)), angles t, p, w."""
    p, w = _cosine(phi), _cosine(omega)
    tp, tw = (_cosine((theta[0] + other[0], theta[1] + other[1])) for other in (phi, omega))
    first, second = tp * tw, p * w
    return {(0, 0): first * w, (0, 1): -first * p, (1, 0): -second * tw, (1, 1): second * tp}


def _proportional(table: dict[tuple[int, int], Fraction], expression: dict[tuple[int, int], flint.arb]) -> bool:
    """Whether a table is a multiple of the expression, but for the last digits of each coefficient."""
    big = max(table, key=lambda place: abs(table[place]))
    return all(
        abs(ball(table.get(place, Fraction(0))) * expression[big] - ball(table[big]) * e)
        <= abs(ball(table[big]) * e) * ball(DIGIT)
        for place, e in expression.items()
    )


def _stands_out(expression: dict[tuple[int, int], flint.arb], values: dict[tuple[int, int], flint.arb]) -> bool:
    """Whether the singlet has so much more than deterministic devices that digits of coefficients are no matter."""
    own = abs(total(e * values[place] for place, e in expression.items()))
    open_ = total(abs(e) for e in expression.values()) * ball(DIGIT * TIMES)
    signs = (1, -1)
    return all(
        own - abs(total(e * (a if x else 1) * (b if y else c) for (x, y), e in expression.items())) > open_
        for a in signs
        for b in signs
        for c in signs
    )


def _order(alice: list[Direction], bob: list[Direction]) -> tuple[bool, bool]:
    """Whether all four points differ, and whether Alice's and Bob's alternate, one of them perhaps in common."""
    points = [(direction, 0) for direction in alice] + [(direction, 1) for direction in bob]
    pairs = [(i, j) for i in range(4) for j in range(i) if _coincide(points[i][0], points[j][0])]
    if pairs:
        ((i, j), *more) = pairs
        return False, not more and points[i][1] != points[j][1]
    places = sorted((_place(direction), whose) for direction, whose in points)
    for one, other in itertools.pairwise(places):
        if not one[0][1] < other[0][0]:
            raise refuse("two directions are too close to be told apart.")
    owners = [whose for _, whose in places]
    return True, owners[0] != owners[1] != owners[2] != owners[3]


def _coincide(one: Direction, other: Direction) -> bool:
    radians, pis = _less(one, other)
    return not radians and pis.denominator == 1


def _place(direction: Direction) -> tuple[Fraction, Fraction]:
    """Two numbers that enclose the place on the circle, in [0, 1), in units of pi."""
    radians, pis = direction
    if not radians:
        return pis % 1, pis % 1
    with flint.ctx.workprec(MOST_PRECISION):
        turns = ball(radians) / flint.arb.pi() + ball(pis)
        low, high = (
            Fraction(int(m)) * Fraction(2) ** int(e) for m, e in (turns.lower().man_exp(), turns.upper().man_exp())
        )
    below = low.numerator // low.denominator
    if high >= below + 1:
        raise refuse("a direction is too close to another one.")
    return low - below, high - below
