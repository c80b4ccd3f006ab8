"""Problems of operators: the mean of a polynomial of letters of which rules, conditions and means are stated.

For an objective f (from below: minus f), multipliers l of the tested means m, squares and multiples of what is 0,

    R = f - sum_j l_j m_j + [G; 1] + sum_k [G_k; g_k] + sum c (left e right),    [G; g] = sum_uv G_uv u* g v

has a mean of at least ``<f> - sum_j l_j <m_j>``: with ``G = L L^T`` the polynomial [G; g] is a sum of terms ``q* g q``,
and with a G whose diagonal dominates its rows a sum of such terms with q of two words, ``u + v`` or ``u - v``. So

    <f>  <=  sum_j l_j end_j + R[1] + sum_{w != 1} |R[w]| |w|.

A word and its adjoint have the same real mean. So where the normal form of ``w*`` is ``c w + rest``, with c not 1, and
rest has smaller words only (shorter, or of the same length and with an earlier letter where they first differ), w is
``rest / (1 - c)``. R is rewritten by this from its largest word down.

Words are multiplied out row by row: ``u* g`` is made once, and what stands behind it letter by letter, words v with a
common beginning sharing its product. The products ``u* g v`` and ``v* g u`` are adjoint to each other: of each pair the
one whose u stands first is taken, twice. Everything is exact.

A certificate about the objective 0 says that the conditions cannot be met. Any other is refused if they visibly cannot,
or if its bound is beyond all means that words of such norms have: from what cannot be, anything follows.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Any

import flint

from sdpbound.recheck.algebras import (
    Letters,
    Polynomial,
    Rules,
    Word,
    follows,
    norm,
    plus,
    read_exact,
    squared_norms,
)
from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.contradictions import contradictory
from sdpbound.recheck.reading import choice, integer, items, number, numbers, record

__all__ = ["recheck_operators"]

MOST_RULES, MOST_DERIVED, LONGEST_OVERLAP = 100_000, 1000, 1024
MOST_CONDITIONS, MOST_MULTIPLES, MOST_WORDS = 20_000, 200_000, 2000
#: Bits of a common denominator, and of a whole matrix of products.
MOST_BITS, MOST_MEMORY = 4096, 1 << 32

#: What a bound may be beyond all means of an objective: a rounding.
ROUNDING = Fraction(1, 10**6)

ONE: Polynomial = {(): flint.fmpq(1)}


@dataclass(frozen=True, slots=True)
class Stated:
    """A question, with words as they stand in the file.

    Attributes
    ----------
    objective : with the sign of the side: to be bounded from above
    moments : polynomial, low and high end; an end that is None is infinite
    """

    letters: Letters
    rules: Rules
    objective: Polynomial
    side: str
    equalities: tuple[Polynomial, ...]
    inequalities: tuple[Polynomial, ...]
    moments: tuple[tuple[Polynomial, Fraction | None, Fraction | None], ...]


def recheck_operators(root: dict[str, Any], budget: Budget) -> Finding:
    """The whole certificate of a problem of operators."""
    stated = _read(root["question"], budget)
    proof = record(root["proof"], "the proof", "derived multipliers squares localised multiples")
    _derive(stated, proof["derived"])
    squares = _possible(stated, budget)
    objective = stated.rules.normal(stated.objective)
    left_over = dict(objective)
    multipliers = numbers(proof["multipliers"], "multipliers", len(stated.moments))
    at_ends = Fraction(0)
    for slope, (moment, low, high) in zip(multipliers, stated.moments, strict=True):
        if slope:
            end = high if slope > 0 else low
            if end is None:
                raise refuse("a multiplier needs an end of an interval that is infinite.")
            at_ends += slope * end
            plus(left_over, -_exact(slope), stated.rules.normal(moment))
    _add_squares(left_over, stated, record(proof["squares"], "squares", "words factor remainder"), ONE)
    for entry in items(proof["localised"], "localised", MOST_CONDITIONS):
        part = record(entry, "a localised square", "inequality words factor remainder")
        k = integer(part["inequality"], "the number of an inequality", 0, len(stated.inequalities) - 1)
        _add_squares(left_over, stated, part, stated.inequalities[k])
    _add_multiples(left_over, stated, proof["multiples"])
    bound = at_ends + _most(left_over, stated, squares)
    claim = record(root["claim"], "the claim", "value")
    sign = 1 if stated.side == "upper" else -1
    claimed = number(claim["value"], "the claimed value")
    negated: Polynomial = {}
    plus(negated, -1, objective)
    least = _known_most(negated, stated, squares) if objective else None
    if least is not None and min(bound, sign * claimed) < -least - ROUNDING * max(Fraction(1), abs(least)):
        raise refuse("the bound is beyond all means of the objective, so that the conditions contradict each other.")
    return Finding("operator_value", stated.side, sign * bound, claimed)


def _read(value: object, budget: Budget) -> Stated:
    question = record(value, "the question", "figure side letters rules equalities inequalities moments")
    figure = record(question["figure"], "the figure", "kind objective")
    choice(figure["kind"], "the figure", ("operator_value",))
    side = choice(question["side"], "side", ("upper", "lower"))
    letters = Letters.read(question["letters"])
    rules = Rules(budget)
    for entry in items(question["rules"], "rules", MOST_RULES):
        budget.spend(50)
        left, right = items(entry, "a rule", 2, 2)
        rules.add(letters.word(left, "a rule"), letters.polynomial(right, "a rule"))
    objective: Polynomial = {}
    plus(objective, 1 if side == "upper" else -1, letters.polynomial(figure["objective"], "the objective"))
    equalities = [
        letters.polynomial(entry, "an equality")
        for entry in items(question["equalities"], "equalities", MOST_CONDITIONS)
    ]
    inequalities = [
        letters.polynomial(entry, "an inequality")
        for entry in items(question["inequalities"], "inequalities", MOST_CONDITIONS)
    ]
    moments = []
    for entry in items(question["moments"], "moments", MOST_CONDITIONS):
        parts = record(entry, "a moment", "expression low high")
        low, high = (None if parts[end] is None else number(parts[end], f"a {end} end") for end in ("low", "high"))
        if low is not None and high is not None and low > high:
            raise refuse("the low end of a moment is above the high one.")
        moments.append((letters.polynomial(parts["expression"], "a moment"), low, high))
    return Stated(letters, rules, objective, side, tuple(equalities), tuple(inequalities), tuple(moments))


def _derive(stated: Stated, value: object) -> None:
    """Add the rules that the proof derives, each from those before it."""
    rules, letters = stated.rules, stated.letters
    for entry in items(value, "derived", MOST_DERIVED):
        parts = record(entry, "a derived rule", "left right word first second")
        left = letters.word(parts["left"], "a derived rule")
        # a multiple of the difference, as polynomials: nothing is rewritten any more
        claimed: Polynomial = {left: flint.fmpq(1)}
        right = letters.polynomial(parts["right"], "a derived rule")
        plus(claimed, -1, right)
        places = []
        for name in ("first", "second"):
            which, place = items(parts[name], f"the {name} rule and its place", 2, 2)
            places.append(
                (
                    integer(which, f"the {name} rule", 0, len(rules.stated) - 1),
                    integer(place, f"the {name} place", 0, LONGEST_OVERLAP),
                )
            )
        word = letters.word(parts["word"], "the word of a derived rule")
        difference = follows(rules, word, *places)
        if left in right:
            raise refuse("a derived rule has its left side on the right, too.")
        if not difference or difference.keys() != claimed.keys():
            raise refuse("a derived rule is no multiple of the difference that it is derived from.")
        ratios = {claimed[word] / value for word, value in difference.items()}
        if len(ratios) != 1:
            raise refuse("a derived rule is no multiple of the difference that it is derived from.")
        rules.add(left, right)


def _possible(stated: Stated, budget: Budget) -> dict[int, flint.fmpq]:
    """Squares of norms; refused if rules do not end, or if what is stated is seen to be impossible.

    Where the objective is 0, equalities and squares may well contradict each other. Rules may not: what words are would
    be anything.
    """
    letters, rules = stated.letters, stated.rules
    for left, _ in rules.stated:
        rules.normal({left: flint.fmpq(1)})
    for polynomial in stated.equalities:
        if rules.normal(polynomial).keys() == {()}:
            raise refuse("an equality says that a number is 0 which is not.")
    for polynomial in stated.inequalities:
        own, turned = rules.normal(polynomial), rules.normal(letters.adjoint_of(polynomial))
        if own != turned:
            raise refuse("an inequality is not Hermitian by the rules, so that it cannot be positive.")
        if own.keys() == {()} and own[()] < 0:
            raise refuse("an inequality says that a negative number is positive.")
    identities = [_identity(left, right) for left, right in rules.stated]
    about_something = bool(rules.normal(stated.objective))
    if about_something:
        identities += stated.equalities
    if contradictory(identities, letters, budget):
        raise refuse("rules and equalities contradict each other: 1 = 0 follows, and with it every bound.")
    squares, negative = squared_norms(rules, letters)
    if negative is not None and about_something:
        raise refuse(f"the rules make a square of {letters.names[negative]} negative: they contradict each other.")
    for left, right in rules.stated:
        most = norm(left, squares)
        if about_something and most is not None and right.keys() == {()} and abs(right[()]) > _exact(most):
            raise refuse("a word is a number larger than its norm: the rules contradict each other.")
    return squares


def _exact(value: Fraction) -> flint.fmpq:
    return flint.fmpq(value.numerator, value.denominator)


def _identity(left: Word, right: Polynomial) -> Polynomial:
    found: Polynomial = {left: flint.fmpq(1)}
    plus(found, -1, right)
    return found


def _add_squares(total: Polynomial, stated: Stated, part: dict[str, Any], middle: Polynomial) -> None:
    """Add ``sum_uv G_uv u* g v``, g being ``middle``, in normal form."""
    rules, letters = stated.rules, stated.letters
    words = [letters.word(entry, "a word") for entry in items(part["words"], "words", MOST_WORDS)]
    matrix, scale = _products(part["factor"], len(words), rules.budget)
    remainder = _dominant(part["remainder"], len(words))
    for i, left in enumerate(words):
        rules.budget.spend(len(words))
        row = {j: flint.fmpq(matrix[i, j], scale) for j in range(i, len(words)) if matrix[i, j]}
        for j, value in remainder.get(i, {}).items():
            if j >= i:
                row[j] = row.get(j, flint.fmpq(0)) + value
        if not any(row.values()):
            continue
        front = rules.times(ONE, letters.adjoint(left))
        around: Polynomial = {}
        for word, value in middle.items():
            plus(around, value, rules.times(front, word))
        made: dict[Word, Polynomial] = {(): around}
        for j, value in row.items():
            if value:
                product = _behind(rules, made, words[j])
                rules.budget.spend(2 * len(product))
                plus(total, value if i == j else 2 * value, product)


def _behind(rules: Rules, made: dict[Word, Polynomial], word: Word) -> Polynomial:
    """What is ``made`` of the empty word, times a word; products with its beginnings are kept."""
    known = len(word)
    while word[:known] not in made:
        known -= 1
    product = made[word[:known]]
    for size in range(known, len(word)):
        product = rules.times(product, word[size : size + 1])
        made[word[: size + 1]] = product
    return product


def _products(value: object, size: int, budget: Budget) -> tuple[flint.fmpz_mat, int]:
    """``L L^T`` of a lower triangular L, given by its rows: integers, over one denominator."""
    rows = [
        [number(entry, "a factor") for entry in items(row, "a row of a factor", i + 1, i + 1)]
        for i, row in enumerate(items(value, "a factor", size, size))
    ]
    scale, largest = 1, 0
    for row in rows:
        for entry in row:
            scale = lcm(scale, entry.denominator)
            if scale.bit_length() > MOST_BITS:
                raise refuse(f"the numbers of a factor have no common denominator of {MOST_BITS} bits.")
            largest = max(largest, entry.numerator.bit_length() - entry.denominator.bit_length())
    bits = 2 * max(1, scale.bit_length() + largest + 2)
    if size**2 * (bits + 128) > MOST_MEMORY:
        raise refuse("the numbers of a factor have too many digits for a matrix of its size.")
    budget.spend(size**2 + size**3 * (1 + bits // 64) // 200)
    lower = (
        flint.fmpz_mat(
            [
                [entry.numerator * (scale // entry.denominator) for entry in row] + [0] * (size - len(row))
                for row in rows
            ]
        )
        if size
        else flint.fmpz_mat(0, 0)
    )
    return lower * lower.transpose(), scale * scale


def _dominant(value: object, size: int) -> dict[int, dict[int, flint.fmpq]]:
    """The matrix E by rows; an entry beside the diagonal stands for its mirror image, too."""
    found: dict[int, dict[int, flint.fmpq]] = {}
    for entry in items(value, "a remainder", size**2):
        row, column, factor = items(entry, "an entry of a remainder", 3, 3)
        i, j = (integer(k, "a place of a remainder", 0, size - 1) for k in (row, column))
        if i > j or j in found.get(i, {}):
            raise refuse("a remainder is given above its diagonal, each entry once.")
        found.setdefault(i, {})[j] = found.setdefault(j, {})[i] = read_exact(factor, "a remainder")
    for i, entries in found.items():
        if entries.get(i, 0) < sum((abs(value) for j, value in entries.items() if j != i), flint.fmpq(0)):
            raise refuse(f"row {i} of a remainder is not dominated by its diagonal, so that it need not be positive.")
    return found


def _add_multiples(total: Polynomial, stated: Stated, value: object) -> None:
    """Add ``sum c (left e right)`` in normal form."""
    rules, letters = stated.rules, stated.letters
    for entry in items(value, "multiples", MOST_MULTIPLES):
        which, left, right, factor = items(entry, "a multiple of an equality", 4, 4)
        k = integer(which, "the number of an equality", 0, len(stated.equalities) - 1)
        front = rules.times(ONE, letters.word(left, "a left word"))
        behind, scale = letters.word(right, "a right word"), read_exact(factor, "a multiple")
        for word, part in stated.equalities[k].items():
            plus(total, scale * part, rules.times(front, word + behind))


def _most(left_over: Polynomial, stated: Stated, squares: dict[int, flint.fmpq]) -> Fraction:
    """A number that the mean of what is left over does not exceed."""
    found = _known_most(left_over, stated, squares)
    if found is None:
        raise refuse("a word of letters without a norm is left over: its mean may be anything.")
    return found


def _known_most(polynomial: Polynomial, stated: Stated, squares: dict[int, flint.fmpq]) -> Fraction | None:
    """The same of a polynomial in normal form; None if a word has no norm."""
    total = Fraction(0)
    for word, value in _real(polynomial, stated).items():
        most = norm(word, squares)
        if most is None:
            return None
        exact = Fraction(int(value.p), int(value.q))
        total += abs(exact) * most if word else exact
    return total


def _real(polynomial: Polynomial, stated: Stated) -> Polynomial:
    """Another polynomial with the same real mean, in which adjoint words are one."""
    rules, letters = stated.rules, stated.letters
    found: Polynomial = {}
    left = dict(polynomial)
    waiting = [(-len(word), _backwards(word)) for word in left]
    heapq.heapify(waiting)
    while waiting:
        word = _backwards(heapq.heappop(waiting)[1])
        value = left.pop(word, None)
        if value is None:
            continue
        rules.budget.spend(10)
        turned = dict(rules.times(ONE, letters.adjoint(word)))
        own = turned.pop(word, flint.fmpq(0))
        if own == 1 or any((len(other), other) > (len(word), word) for other in turned):
            plus(found, value, {word: flint.fmpq(1)})
            continue
        plus(left, value / (1 - own), turned)
        for other in turned:
            heapq.heappush(waiting, (-len(other), _backwards(other)))
    return found


def _backwards(word: Word) -> Word:
    """Letters numbered downwards: the largest word of a length becomes the smallest."""
    return tuple(-k for k in word)
