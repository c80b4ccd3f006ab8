"""Entropies by a theorem, which is taken for granted: one value of CHSH or of an asymmetric CHSH expression.

Tested is one value v of ``c + sum c_xy <A_x B_y>`` with two settings a party, where, of the key's setting x and Alice's
other one x', ``|c_x0| = |c_x1| = k alpha`` and ``|c_x'0| = |c_x'1| = k`` (if the sizes of a row differ, their mean; the
difference is charged), and an odd number of the four are negative. After flips of outcomes v - c = +- k S, ``S = alpha
<A_x (B_0 + B_1)> + <A_x' (B_0 - B_1)>``. With phi(u) = h((1+u)/2), a flip of the key with probability q, and

    F(S) = 1 + phi(sqrt((1-2q)^2 + 4q(1-q) u^2)) - phi(u),   u^2 = S^2/4 - alpha^2,

the least H(A|X=x,E) is h(q) where |S| <= 2 max(1, alpha), else F(|S|), for alpha < 1 the convex hull of F and the point
(2, h(q)) (arXiv:2007.16146). F rises and is convex from there to the quantum maximum 2 sqrt(1 + alpha^2).

So a straight line A + B S, B >= 0, is below the least entropy of all devices if it is the tangent of F at a T, and for
alpha < 1 is at most h(q) at S = 2. For alpha < 1 and a T whose tangent is above h(q) there, F - h(q) over S - 2 falls
up to T, and the line through (2, h(q)) that reaches F(T) at the quantum maximum is below. A claimed functional is
compared with that line where the tested expression is largest and smallest: both are straight.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint

from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.balls import ball, end, entropy_of
from sdpbound.recheck.question import Key, Question, Tested, functional_faults, read_key, read_question, within
from sdpbound.recheck.reading import choice, number, numbers, record
from sdpbound.recheck.words import OBSERVABLE

__all__ = ["recheck_formula"]

PRECISION = 768
THEOREM = "arXiv:2007.16146"
#: How far sizes in a row may differ, as a part of all, and how different two rows may be.
UNEQUAL, MOST_ALPHA = Fraction(1, 10**10), 10**7


@dataclass(frozen=True, slots=True)
class _Asymmetric:
    """The tested expression: alpha, k, c, what k S may be off, and the sum of the sizes of all others."""

    alpha: Fraction
    unit: Fraction
    constant: Fraction
    off: Fraction
    limit: Fraction


def recheck_formula(root: dict[str, Any], budget: Budget) -> Finding:
    """The whole certificate."""
    question = read_question(root, extra="", parties=(2, 2))
    if question.kind != "conditional_entropy" or question.side != "lower" or len(question.tested) != 1:
        raise refuse("the formula is a lower bound on a conditional entropy from one tested value.")
    choice(root.get("theorem"), "the theorem", (THEOREM,))
    key = read_key(question, flips=True)
    if key.y is not None or question.devices.outcomes[0][key.x] != 2:
        raise refuse("the formula is about one outcome of Alice, of two.")
    claim = record(root["claim"], "the claim", "value touching functional")
    claimed = number(claim["value"], "the claimed value")
    budget.spend(100_000)
    with flint.ctx.workprec(PRECISION):
        floor = _phi(ball(1 - 2 * key.flips))
        if claim["touching"] is None:  # no line: the entropy is not below that of the flips, whatever is tested
            value = end(floor, "lower")
            faults = functional_faults(claim["functional"], question, value, [Fraction(0)])
        else:
            touching = number(claim["touching"], "touching")
            value, faults = _by_line(_recognised(question, key), question.tested[0], key.flips, touching, floor, claim)
    return Finding("conditional_entropy", "lower", value, claimed, faults + within(claimed, 0, 1))


def _by_line(
    found: _Asymmetric, test: Tested, flips: Fraction, touching: Fraction, floor: flint.arb, claim: dict[str, Any]
) -> tuple[Fraction, tuple[str, ...]]:
    """The value, and the faults of the functional, of a line that belongs to a T."""
    excess = test.value - found.constant
    sign = 1 if excess > 0 else -1
    least = (abs(excess) - test.tolerance - found.off) / found.unit
    if least > 0 and least**2 > 4 * (1 + found.alpha**2):
        raise refuse("the tested value is beyond the quantum maximum.")
    height, slope, place = _line(found.alpha, flips, touching, floor)
    proven = floor
    if least > 2 * max(Fraction(1), found.alpha):
        proven = floor.max(height + slope * ball(least - place))
    return end(proven, "lower"), _functional(claim["functional"], found, sign, (height, slope, place))


def _recognised(question: Question, key: Key) -> _Asymmetric:
    """The expression, if it is one."""
    table: dict[tuple[int, int], Fraction] = {}
    constant = Fraction(0)
    for word, value in question.tested[0].polynomial.items():
        if not any(word):
            constant = value
        elif all(len(string) == 1 and string[0][1] == OBSERVABLE for string in word):
            table[word[0][0][0], word[1][0][0]] = value
        else:
            raise refuse("the tested expression has more than correlators of two outcomes.")
    rows, columns = sorted({x for x, _ in table}), sorted({y for _, y in table})
    if len(rows) != 2 or len(columns) != 2 or len(table) != 4 or key.x not in rows:
        raise refuse("the tested expression is not of two settings a party with the key's among them.")
    if sum(value < 0 for value in table.values()) % 2 != 1:
        raise refuse("the tested expression is no CHSH expression.")
    sizes = {x: [abs(table[x, y]) for y in columns] for x in rows}
    other = next(x for x in rows if x != key.x)
    unit = sum(sizes[other], Fraction(0)) / 2
    alpha = sum(sizes[key.x], Fraction(0)) / 2 / unit
    off = sum((abs(a - b) for a, b in sizes.values()), Fraction(0))
    whole = sum((a + b for a, b in sizes.values()), Fraction(0))
    if off > UNEQUAL * whole or not 1 <= MOST_ALPHA * alpha <= MOST_ALPHA**2:
        raise refuse("the tested expression is no asymmetric CHSH expression.")
    return _Asymmetric(alpha, unit, constant, off, whole)


def _phi(u: flint.arb) -> flint.arb:
    """h((1+u)/2) in bits."""
    return (entropy_of((1 + u) / 2) + entropy_of((1 - u) / 2)) / flint.arb(2).log()


def _line(alpha: Fraction, q: Fraction, touching: Fraction, floor: flint.arb) -> tuple[flint.arb, flint.arb, Fraction]:
    """(height, slope, place) of the line of the module docstring that belongs to a T."""
    square = touching * touching / 4 - alpha * alpha
    if not (touching > 2 * max(Fraction(1), alpha) and 0 < square < 1):
        raise refuse("the line touches outside the range of the theorem.")
    mixed = 4 * q * (1 - q)
    u, v = ball(square).sqrt(), ball(1 - mixed + mixed * square).sqrt()
    value = 1 + _phi(v) - _phi(u)
    # d phi(u) / d(u^2) = ln((1-u)/(1+u)) / (4 u ln 2)
    steep = [((1 - w) / (1 + w)).log() / (4 * w * flint.arb(2).log()) if w < 1 else None for w in (u, v)]
    if steep[0] is None or (steep[1] is None and mixed):
        raise refuse("the line touches too close to the quantum maximum.")
    rise = (ball(mixed) * steep[1] if mixed and steep[1] is not None else flint.arb(0)) - steep[0]
    slope = rise * ball(touching / 2)
    if alpha >= 1 or value - slope * ball(touching - 2) <= floor:
        return value, slope, touching
    largest = 2 * ball(1 + alpha * alpha).sqrt()
    return floor, (value - floor) / (largest - 2), Fraction(2)


def _functional(
    given: object, found: _Asymmetric, sign: int, line: tuple[flint.arb, flint.arb, Fraction]
) -> tuple[str, ...]:
    """Whether the claimed functional is below the line, for every value of the tested expression."""
    entries = record(given, "the functional", "constant multipliers")
    constant = number(entries["constant"], "the functional's constant")
    multiplier = numbers(entries["multipliers"], "the functional's multipliers", 1)[0]
    height, slope, place = line
    if not slope >= 0:
        raise refuse("the line does not rise.")
    for value in (found.constant + found.limit, found.constant - found.limit):
        least = (sign * (value - found.constant) - found.off) / found.unit
        if not ball(constant + multiplier * value) <= height + slope * ball(least - place):
            return ("the functional claimed is above the line that is proven.",)
    return ()
