"""The program of a problem at a level: moments, matrices whose entries are sums of moments, and equalities.

For words u, v of the level ``M[u, v] = <u* v>`` is positive semidefinite, and so is ``M_g[u, v] = <u* g v>`` for every
operator inequality ``g >= 0``. Moments are real parts: those of a word and of its adjoint are one number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from sdpbound.arrays import Floats
from sdpbound.problems.algebra import Algebra
from sdpbound.problems.problem import Statement
from sdpbound.problems.rules import Terms, Word

__all__ = ["Block", "Multiple", "Relaxation", "relax", "triangle"]

#: Most equalities that are made of operator equalities, and most entries of the elimination of all of them.
MOST_EQUALITIES = 4000


def triangle(i: int, j: int) -> int:
    """The place of the entry (i, j), i <= j, of an upper triangle that is written column by column."""
    return j * (j + 1) // 2 + i


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A matrix of moments.

    Attributes
    ----------
    words : the words u of its rows
    inequality : the number of the operator inequality g, or -1 where ``g = 1``
    entries : for each place of the upper triangle, column by column, ``u* g v`` in canonical words
    """

    words: tuple[Word, ...]
    inequality: int
    entries: tuple[Terms, ...]

    def table(self, numbers: dict[Word, int]) -> sp.csr_array:
        """Sparse (places, moments): the entries in moments."""
        rows, columns, values = [], [], []
        for place, terms in enumerate(self.entries):
            for word, value in terms.items():
                rows.append(place)
                columns.append(numbers[word])
                values.append(float(value))
        return sp.csr_array((values, (rows, columns)), shape=(len(self.entries), len(numbers)))


@dataclass(frozen=True, slots=True, eq=False)
class Multiple:
    """``<left e right> = 0`` for the operator equality e of a number."""

    equality: int
    left: Word
    right: Word
    terms: Terms


@dataclass(frozen=True, eq=False)
class Relaxation:
    """Everything about a problem at a level but its objective.

    Attributes
    ----------
    statement : the problem
    moments : canonical words, the identity first
    blocks : the matrix of moments, then one for each operator inequality
    multiples : equalities of moments that operator equalities give
    conditions : the polynomials of the moment conditions in canonical words
    """

    statement: Statement
    moments: tuple[Word, ...]
    blocks: tuple[Block, ...]
    multiples: tuple[Multiple, ...]
    conditions: tuple[Terms, ...]

    @cached_property
    def numbers(self) -> dict[Word, int]:
        return {word: i for i, word in enumerate(self.moments)}

    def row(self, terms: Terms) -> Floats:
        """A polynomial in canonical words as a row (moments,)."""
        numbers, row = self.numbers, np.zeros(len(self.moments))
        for word, value in terms.items():
            row[numbers[word]] += float(value)
        return row


def relax(statement: Statement, words: Sequence[Word], objective: Terms) -> Relaxation:
    """The relaxation of the words; ``objective`` in canonical words, whose moments are added where none has them."""
    algebra = statement.algebra
    conditions = [
        algebra.rewriting.canonicals(algebra.terms(i.expression, "a moment condition")) for i in statement.intervals
    ]
    inequalities = [algebra.terms(g, "an inequality") for g in statement.positive]
    kept = tuple(words)
    others = [*conditions, objective]
    main = _block(algebra, kept, {(): Fraction(1)}, -1)
    there = {word for terms in main.entries for word in terms}
    kept = _independent(statement, kept)
    main = _block(algebra, kept, {(): Fraction(1)}, -1)
    local = [_local(algebra, kept, g, k, there) for k, g in enumerate(inequalities)]
    multiples = _multiples(statement, words, there)
    while True:
        smaller = _without_idle_words(algebra, main, local, [m.terms for m in multiples] + others)
        if len(smaller) == len(kept):
            break
        kept = smaller
        main = _block(algebra, kept, {(): Fraction(1)}, -1)
    blocks = (main, *(block for block in local if block.words))
    moments: dict[Word, None] = {(): None}
    for terms in [*(t for block in blocks for t in block.entries), *(m.terms for m in multiples), *others]:
        moments.update(dict.fromkeys(terms))
    return Relaxation(statement, tuple(moments), blocks, multiples, tuple(conditions))


def _block(algebra: Algebra, words: tuple[Word, ...], between: Terms, number: int) -> Block:
    rewriting = algebra.rewriting
    entries: list[Terms] = []
    for j, right in enumerate(words):
        for left in words[: j + 1]:
            turned = rewriting.adjoint(left)
            if number < 0:
                entries.append(rewriting.canonical(turned + right))
            else:
                entries.append(rewriting.canonicals({turned + w + right: value for w, value in between.items()}))
    return Block(words, number, tuple(entries))


def _local(algebra: Algebra, words: Sequence[Word], between: Terms, number: int, there: set[Word]) -> Block:
    """The localising matrix of those words that lead to moments of the main matrix only."""
    rewriting = algebra.rewriting

    def reached(left: Word, right: Word) -> bool:
        turned = rewriting.adjoint(left)
        found = rewriting.canonicals({turned + w + right: value for w, value in between.items()})
        return found.keys() <= there

    own: list[Word] = []
    for word in words:
        if reached(word, word) and all(reached(other, word) for other in own):
            own.append(word)
    return _block(algebra, tuple(own), between, number)


def _multiples(statement: Statement, words: Sequence[Word], there: set[Word]) -> tuple[Multiple, ...]:
    algebra = statement.algebra
    rewriting = algebra.rewriting
    seen: set[tuple[tuple[Word, Fraction], ...]] = set()
    found: list[Multiple] = []
    for k, equality in enumerate(statement.equal):
        terms = algebra.terms(equality, "an equality")
        for left in words:
            turned = rewriting.adjoint(left)
            for right in words:
                own = rewriting.canonicals({turned + w + right: value for w, value in terms.items()})
                if not own or not own.keys() <= there:
                    continue
                scale = own[min(own)]
                key = tuple(sorted((word, value / scale) for word, value in own.items()))
                if key not in seen and len(found) < MOST_EQUALITIES:
                    seen.add(key)
                    found.append(Multiple(k, turned, right, own))
    return tuple(found)


def _independent(statement: Statement, words: tuple[Word, ...]) -> tuple[Word, ...]:
    """The words without those that operator equalities make sums of others: their rows are sums of other rows.

    With all words the matrix has no interior, and solvers stall.
    """
    rewriting = statement.algebra.rewriting
    known = set(words)
    pivots: dict[Word, Terms] = {}
    for equality in statement.equal:
        terms = statement.algebra.terms(equality, "an equality")
        for right in words:
            row = rewriting.reduced({w + right: value for w, value in terms.items()})
            if not row.keys() <= known:
                continue
            for pivot in [word for word in row if word in pivots]:
                factor = row.get(pivot, Fraction(0))
                for word, value in pivots[pivot].items():
                    row[word] = row.get(word, Fraction(0)) - factor * value
            row = {word: value for word, value in row.items() if value}
            if row and row.keys() != {()}:
                lead = max(row, key=lambda word: (len(word), word))
                own = {word: value / row[lead] for word, value in row.items()}
                for other, old in pivots.items():
                    factor = old.get(lead, Fraction(0))
                    if factor:
                        merged = {w: old.get(w, Fraction(0)) - factor * own.get(w, Fraction(0)) for w in {**old, **own}}
                        pivots[other] = {word: value for word, value in merged.items() if value}
                pivots[lead] = own
    return tuple(word for word in words if word not in pivots)


def _without_idle_words(
    algebra: Algebra, main: Block, local: Iterable[Block], others: Iterable[Terms]
) -> tuple[Word, ...]:
    """The words without those whose rows vanish in every sum of squares.

    A word of moments that stands on the diagonal only, with positive factors, has no way to be cancelled: all rows
    where it stands are zero. Of words whose norm is known none is like that, for the constant can pay for them.
    """
    n = len(main.words)
    diagonal = {triangle(i, i) for i in range(n)}
    used = {word for place, terms in enumerate(main.entries) if place not in diagonal for word in terms}
    used |= {word for place in diagonal for word, value in main.entries[place].items() if value < 0}
    used |= {word for block in local for terms in block.entries for word in terms}
    used |= {word for terms in others for word in terms}
    return tuple(
        word
        for i, word in enumerate(main.words)
        if all(name in used or algebra.bound_of(name) is not None for name in main.entries[triangle(i, i)])
    )
