"""Means of polynomials in operators that a file states.

To be proven: in every algebra with the stated equations, in which the polynomials ``e`` vanish and the Hermitian
``g`` are positive, and for every state whose means of ``m_j`` lie in their intervals, ``s <f>`` is at most a number,
s = 1 for an upper and -1 for a lower bound. The proof has numbers l_j, positive matrices G and multiples of the e, so
that

    R = s f - sum_j l_j m_j + sum (G; 1) + sum (G_k; g_k) + sum c (a e b)

has little left in it: (G; g) is ``sum_uv G_uv u* g v``, which has a mean of at least 0. Then ``s <f>`` is at most
``sum_j l_j (the end of interval j that makes it largest) + <R>``, and the real part of <R> is that of ``(R + R*) /
2``, of which each word has a mean of at most the product of its letters' norms.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from sdpbound.recheck.algebras import Algebra, Element, combined, read_algebra
from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.reading import choice, integer, items, number, numbers, record
from sdpbound.recheck.words import grams

__all__ = ["recheck_operators"]

MOST_CONDITIONS, MOST_WORDS, MOST_MULTIPLES = 4096, 2048, 50_000


def recheck_operators(root: dict[str, Any], budget: Budget) -> Finding:
    """The whole certificate."""
    question = record(root["question"], "the question", "figure side letters rules equalities inequalities moments")
    proof = record(root["proof"], "the proof", "derived multipliers squares localised multiples")
    algebra = read_algebra(question, proof["derived"], budget)
    figure = record(question["figure"], "the figure", "kind objective")
    choice(figure["kind"], "the figure", ("operator_value",))
    side = choice(question["side"], "side", ("upper", "lower"))
    sign = 1 if side == "upper" else -1
    zeros = [algebra.element(e, "an equality") for e in items(question["equalities"], "equalities", MOST_CONDITIONS)]
    positive = [
        algebra.element(g, "an inequality") for g in items(question["inequalities"], "inequalities", MOST_CONDITIONS)
    ]
    _sensible(algebra, zeros, positive)
    parts: list[tuple[Fraction | int, Element]] = [(sign, algebra.element(figure["objective"], "the objective"))]
    means = items(question["moments"], "moments", MOST_CONDITIONS)
    at_ends = Fraction(0)
    for multiplier, entry in zip(numbers(proof["multipliers"], "multipliers", len(means)), means, strict=True):
        mean, end = _read_mean(algebra, entry, multiplier)
        parts.append((-multiplier, mean))
        at_ends += multiplier * end
    parts.append((1, _positive(algebra, record(proof["squares"], "squares", "words factor remainder"), None, budget)))
    for entry in items(proof["localised"], "localised", MOST_CONDITIONS):
        given = record(entry, "a localised square", "inequality words factor remainder")
        k = integer(given["inequality"], "inequality", 0, len(positive) - 1)
        parts.append((1, _positive(algebra, given, positive[k], budget)))
    for entry in items(proof["multiples"], "multiples", MOST_MULTIPLES):
        k, before, after, factor = items(entry, "a multiple", 4, 4)
        e = zeros[integer(k, "equality", 0, len(zeros) - 1)]
        a, b = algebra.word(before, "a multiple"), algebra.word(after, "a multiple")
        parts.append((number(factor, "a multiple"), {a + word + b: value for word, value in e.items()}))
    claimed = number(record(root["claim"], "the claim", "value")["value"], "the claimed value")
    rest = algebra.simple(combined(parts))
    proven = at_ends + _most(algebra, rest)
    return Finding("operator_value", side, sign * proven, claimed)


def _sensible(algebra: Algebra, zeros: Sequence[Element], positive: Sequence[Element]) -> None:
    """Conditions that say something false of numbers, and inequalities of what is not Hermitian, are refused."""
    for e in zeros:
        if algebra.simple(e).keys() == {()}:
            raise refuse("an equality says that a number other than 0 is 0.")
    for g in positive:
        plain = algebra.simple(g)
        if plain != algebra.simple(algebra.star(g)):
            raise refuse("an inequality is about something that is not Hermitian by the rules.")
        if plain.keys() == {()} and plain[()] < 0:
            raise refuse("an inequality says that a negative number is positive.")


def _read_mean(algebra: Algebra, entry: object, multiplier: Fraction) -> tuple[Element, Fraction]:
    """The polynomial of a condition, and the end of its interval that its multiple is charged at."""
    given = record(entry, "a condition on a mean", "expression low high")
    low, high = (None if given[end] is None else number(given[end], end) for end in ("low", "high"))
    if low is not None and high is not None and low > high:
        raise refuse("an interval ends below its beginning.")
    end = high if multiplier > 0 else low
    if multiplier and end is None:
        raise refuse("a multiplier needs an end that an interval does not have.")
    return algebra.element(given["expression"], "a mean"), end or Fraction(0)


def _positive(algebra: Algebra, given: dict[str, Any], between: Element | None, budget: Budget) -> Element:
    """``sum_uv G_uv u* g v`` with ``G = L L^T + E``; E is diagonally dominant, and so positive like ``L L^T``."""
    words = [algebra.word(word, "a word") for word in items(given["words"], "words", MOST_WORDS)]
    matrix, scale = grams(given["factor"], "factor", len(words), budget)
    extra = _dominant(given["remainder"], len(words))
    middle: Element = {(): Fraction(1)} if between is None else between
    budget.spend(20 * len(words) * len(middle) * sum(len(word) + 2 for word in words))
    found: Element = {}
    for i, row in enumerate(matrix):
        for j, whole in enumerate(row):
            value = Fraction(whole, scale) + extra.get((j, i), Fraction(0))
            if not value:
                continue
            (turned,) = algebra.star({words[j]: Fraction(1)})
            product = algebra.simple({turned + word + words[i]: v for word, v in middle.items()})
            for word, v in product.items():
                found[word] = found.get(word, Fraction(0)) + (value if i == j else 2 * value) * v
    return found


def _dominant(value: object, size: int) -> dict[tuple[int, int], Fraction]:
    found: dict[tuple[int, int], Fraction] = {}
    for entry in items(value, "remainder", size * (size + 1) // 2):
        first, second, given = items(entry, "an entry of the remainder", 3, 3)
        j = integer(second, "a column", 0, size - 1)
        i = integer(first, "a row", 0, j)
        if (i, j) in found:
            raise refuse("the remainder has one entry twice.")
        found[i, j] = number(given, "an entry of the remainder")
    for i in range(size):
        found.setdefault((i, i), Fraction(0))
    rows = [Fraction(0)] * size
    for (i, j), entry in found.items():
        if i != j:
            rows[i] += abs(entry)
            rows[j] += abs(entry)
    if any(found[i, i] < rows[i] for i in range(size)):
        raise refuse("the remainder is not diagonally dominant.")
    return found


def _most(algebra: Algebra, rest: Element) -> Fraction:
    """What the real part of a mean is at most: of the Hermitian part, word by word."""
    hermitian = combined([(Fraction(1, 2), rest), (Fraction(1, 2), algebra.simple(algebra.star(rest)))])
    limits = algebra.limits()
    total = Fraction(0)
    for word, value in hermitian.items():
        if not word:
            total += value
            continue
        size = abs(value)
        for generator in word:
            if generator not in limits:
                raise refuse("a word is left over whose norm nothing bounds.")
            size *= limits[generator]
        total += size
    return total
