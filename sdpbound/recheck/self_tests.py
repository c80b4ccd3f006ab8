"""Entropies of data that self-test the singlet, by theorems that are taken for granted.

At a self-test outcomes are uniform, Eve is in product with them, and with E the correlator of the settings x and y

    H(A|X=x,E) = 1,   H(AB|X=x,Y=y,E) = 1 + h((1+E)/2),   H(A|X=x,Y=y,B,E) = h((1+E)/2).

The exact data are named: :mod:`sdpbound.recheck.exact_data`. Files of version 0.1 name none, and what they say is about
some exact data near their floats.

**One Bell value** (arXiv:2309.09650, Proposition 1 (iv)). With unit vectors b_0, b_1 at an angle of cosine t the
largest value of ``sum c_xy <A_x B_y>`` is ``sum_x |c_x0 b_0 + c_x1 b_1|``. If c_00 c_01 c_10 c_11 < 0 and its
derivative vanishes at a -1 < t < 1, that is where ``m_0 / n_0 + m_1 / n_1 = 0``, n_x^2 = c_x0^2 + c_x1^2 + 2 m_x t, m_x
= c_x0 c_x1, the maximum (or the minimum) self-tests.

**All four correlators** (arXiv:1511.04886): for one of them, subtracted, and the others added, the sum of their
arcsines is pi or -pi, and at most one of them is 1 or -1. Marginals that are tested too must vanish.

Unnamed data are floats: they self-test if some within 1e-12 (of the sum of sizes of an expression's coefficients) do
and no local data come ten times as close. E is that of the expression's extreme, exactly, or the correlator as it was
given.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import flint

from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.balls import ball, enclosing, end, entropy_of
from sdpbound.recheck.exact_data import exact_correlators
from sdpbound.recheck.question import Question, Tested, read_question, within
from sdpbound.recheck.reading import choice, integer, number, record

__all__ = ["recheck_self_test"]

PRECISION = 512
BELL = "arXiv:2309.09650, Proposition 1 (iv)"
CORRELATORS = "arXiv:1511.04886, with arXiv:2309.09650, Propositions 4 and 6"
#: How well data have to be known, and how many times closer to a self-test than to local data.
KNOWN = Fraction(1, 10**12) * (1 + Fraction(1, 10**9))  # the float 1e-12 is a little above it
CLOSER = 10
Correlators = dict[tuple[int, int], tuple[Fraction, Fraction]]


def recheck_self_test(root: dict[str, Any], budget: Budget) -> Finding:
    """The whole certificate."""
    named = isinstance(root["question"], dict) and "exact" in root["question"]
    question = read_question(root, extra="exact" if named else "", parties=(2, 2))
    figure = record(question.figure, "the figure", "kind x y blind")
    if figure["kind"] != "entropy" or question.side != "lower" or question.devices.outcomes != ((2, 2), (2, 2)):
        raise refuse("a self-test of the singlet bounds an entropy of two settings of two outcomes from below.")
    x = integer(figure["x"], "x", 0, 1)
    y = None if figure["y"] is None else integer(figure["y"], "y", 0, 1)
    blind = figure["blind"]
    if type(blind) is not bool or (blind and y is None):
        raise refuse("blind must be true or false, and needs a y.")
    theorem = choice(root.get("theorem"), "the theorem", (BELL, CORRELATORS))
    if any(test.tolerance > KNOWN for test in question.tested):
        raise refuse("data known worse than to 1e-12 self-test nothing.")
    budget.spend(100_000)
    with flint.ctx.workprec(PRECISION):
        if named:
            exact = exact_correlators(root["question"]["exact"], question)
        else:
            found = _by_correlators(question) if theorem == CORRELATORS else _by_bell_value(question)
            spans = {place: (max(low, Fraction(-1)), min(high, Fraction(1))) for place, (low, high) in found.items()}
            exact = {place: enclosing(*span) for place, span in spans.items()}
        proven = Fraction(1)
        if y is not None:
            e = exact[x, y]
            bits = (entropy_of((1 + e) / 2) + entropy_of((1 - e) / 2)) / flint.arb(2).log()
            # a fair coin has one bit, and not one bit but for the last digit of a ball
            proven = (Fraction(1) if named and e == 0 else end(bits, "upper" if not named else "lower")) + (not blind)
    claimed = number(record(root["claim"], "the claim", "value")["value"], "the claimed value")
    most = 1 if y is None or blind else 2
    return Finding("entropy", "lower", proven, claimed, within(claimed, 0, most))


def _table(test: Tested) -> tuple[Fraction, dict[tuple[int, int], Fraction]] | None:
    """Constant and correlators of an expression that has no marginals."""
    constant, table = Fraction(0), {(x, y): Fraction(0) for x in (0, 1) for y in (0, 1)}
    for (alice, bob), value in test.polynomial.items():
        if alice and bob:
            table[alice[0][0], bob[0][0]] = value
        elif alice or bob:
            return None
        else:
            constant = value
    return constant, table


def _by_bell_value(question: Question) -> Correlators:
    for test in question.tested:
        parts = _table(test)
        if parts is not None and (found := _extreme(test, *parts)) is not None:
            return found
    raise refuse("no tested value is the quantum extreme of an expression that self-tests.")


def _extreme(test: Tested, constant: Fraction, c: dict[tuple[int, int], Fraction]) -> Correlators | None:
    """The correlators of an expression's largest or least value, if that is what is tested and it self-tests."""
    m = [c[x, 0] * c[x, 1] for x in (0, 1)]
    if not m[0] * m[1] < 0:
        return None
    s = [c[x, 0] ** 2 + c[x, 1] ** 2 for x in (0, 1)]
    # m_0^2 (s_1 + 2 m_1 t) = m_1^2 (s_0 + 2 m_0 t)
    t = (m[1] ** 2 * s[0] - m[0] ** 2 * s[1]) / (2 * m[0] * m[1] * (m[0] - m[1]))
    if not -1 < t < 1:
        return None
    n = [ball(s[x] + 2 * m[x] * t).sqrt() for x in (0, 1)]
    most = n[0] + n[1]
    size = sum((abs(v) for v in c.values()), Fraction(0))
    allowed = max(KNOWN * size, test.tolerance)
    local = max(abs(c[0, 0] + f * c[0, 1]) + abs(c[1, 0] + f * c[1, 1]) for f in (1, -1))
    if not most - ball(local) > ball(CLOSER * allowed):
        return None
    for sign in (1, -1):
        if abs(ball(test.value - constant) - sign * most) <= ball(allowed):
            found = {}
            for x in (0, 1):
                for y, along in ((0, c[x, 0] + c[x, 1] * t), (1, c[x, 0] * t + c[x, 1])):
                    e = sign * ball(along) / n[x]
                    found[x, y] = (end(e, "lower"), end(e, "upper"))
            return found
    return None


def _by_correlators(question: Question) -> Correlators:
    values: dict[tuple[int, int], Fraction] = {}
    for test in question.tested:
        constant = test.polynomial.get(((), ()), Fraction(0))
        terms = [(word, factor) for word, factor in test.polynomial.items() if any(word)]
        if len(terms) != 1 or test.tolerance > KNOWN * abs(terms[0][1]):
            continue  # what else is tested takes nothing away
        ((alice, bob), factor) = terms[0]
        value = (test.value - constant) / factor
        if alice and bob:
            values[alice[0][0], bob[0][0]] = value
        elif abs(value) > KNOWN:
            raise refuse("the singlet has no marginals.")
    if len(values) != 4:
        raise refuse("not all four correlators are tested.")
    whole = sum(values.values(), Fraction(0))
    if sum(abs(v) > 1 - KNOWN for v in values.values()) > 1 or any(abs(v) > 1 + KNOWN for v in values.values()):
        raise refuse("two correlators are 1 or -1, or one is beyond.")
    if not max(abs(whole - 2 * v) for v in values.values()) - 2 > 4 * CLOSER * KNOWN:
        raise refuse("the correlators are too close to local ones.")
    spans = {place: (max(v - KNOWN, Fraction(-1)), min(v + KNOWN, Fraction(1))) for place, v in values.items()}
    low, high = ({p: ball(span[i]).asin() for p, span in spans.items()} for i in (0, 1))
    pi = flint.arb.pi()
    for place in values:
        least = sum((v for p, v in low.items() if p != place), flint.arb(0)) - high[place]
        most = sum((v for p, v in high.items() if p != place), flint.arb(0)) - low[place]
        if (least <= pi and pi <= most) or (least <= -pi and -pi <= most):
            return {p: (v, v) for p, v in values.items()}
    raise refuse("the correlators are not those of a self-test.")
