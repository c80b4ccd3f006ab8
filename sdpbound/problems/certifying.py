"""From a solver's dual, which is not trusted, to an exact sum of squares.

For any lower triangular L_k, symmetric diagonally dominant E_k, real l_j and multiples of equalities,

    f = sum_j l_j e_j - sum_k [L_k L_k^T + E_k; g_k] - (multiples) + R,

where ``[G; g] = sum_uv G_uv u* g v``. So ``<f> <= sum_j max(l_j low_j, l_j high_j) + charge(R)``. The charge of a word
whose norm is known is the size of its coefficient times that norm; no other word may be left over. Where such words
are, the solver was asked for a little more than f, so that every square of one has some of it left, and E, which is
small, takes the rest away exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import flint
import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import lsqr

from sdpbound.arrays import Floats
from sdpbound.conic.certificate import factor_positive
from sdpbound.problems.program import Program, packed, unpacked
from sdpbound.problems.relaxation import Block, triangle
from sdpbound.problems.rules import Terms, Word

__all__ = ["Gram", "SquaresProof", "prove", "prove_contradiction", "unbounded_squares"]

ZERO = Fraction(0)
#: Binary digits that factors keep, of their largest entry: more are rounding.
_DIGITS = 58


@dataclass(frozen=True, slots=True, eq=False)
class Gram:
    """A positive matrix ``L L^T + E``, exact: L lower triangular, of floats; E symmetric with dominant diagonal.

    Attributes
    ----------
    block : whose words it is about
    factor : (n, n) L
    remainder : E by the places (i, j), i <= j
    """

    block: Block
    factor: Floats
    remainder: dict[tuple[int, int], Fraction] = field(default_factory=dict)

    def entries(self) -> list[Fraction]:
        """``L L^T + E``, its upper triangle column by column, those off the diagonal twice."""
        n = len(self.factor)
        shift = _exponent(self.factor)
        whole = [[int(Fraction(float(v)) * (1 << shift)) if v else 0 for v in row] for row in self.factor]
        lower = flint.fmpz_mat(whole) if n else flint.fmpz_mat(0, 0)
        product = lower * lower.transpose()
        scale = 1 << (2 * shift)
        found = [Fraction(int(product[i, j]) * (1 + (i != j)), scale) for j in range(n) for i in range(j + 1)]
        for (i, j), value in self.remainder.items():
            found[triangle(i, j)] += value * (1 + (i != j))
        return found

    def polynomial(self) -> Terms:
        """``sum_uv (L L^T + E)_uv u* g v`` in canonical words, exactly."""
        total: Terms = {}
        for value, terms in zip(self.entries(), self.block.entries, strict=True):
            if value:
                for word, factor in terms.items():
                    total[word] = total.get(word, ZERO) + value * factor
        return total


def _exponent(matrix: Floats) -> int:
    """How many binary digits after the point the entries have."""
    return max((Fraction(float(v)).denominator.bit_length() - 1 for v in matrix.flat if v), default=0)


@dataclass(frozen=True, slots=True, eq=False)
class SquaresProof:
    """A proof that the largest mean of an objective is at most ``value``.

    Attributes
    ----------
    value : exact
    multipliers : one of either sign for each moment condition
    grams : of the blocks
    multiples : one number for each multiple of an operator equality
    """

    value: Fraction
    multipliers: tuple[Fraction, ...]
    grams: tuple[Gram, ...]
    multiples: tuple[Fraction, ...]


def unbounded_squares(program: Program) -> Floats:
    """(moments,) the sum of the squares of all words of the matrix whose squares have no known norm."""
    main = program.relaxation.blocks[0]
    algebra = program.relaxation.statement.algebra
    total: Terms = {}
    for i in range(len(main.words)):
        terms = main.entries[triangle(i, i)]
        if any(algebra.bound_of(word) is None for word in terms):
            for word, value in terms.items():
                total[word] = total.get(word, ZERO) + value
    return program.row(total)


def prove(
    program: Program, objective: Terms, duals: Sequence[Floats], linear: Floats, slack: float = 0.0
) -> SquaresProof | None:
    """What a dual proves exactly, None if words without a known norm are left over.

    ``objective`` in canonical words; ``slack`` is how much of the squares of such words the solver was asked for
    beside it.
    """
    relaxation = program.relaxation
    multipliers = [ZERO] * len(relaxation.conditions)
    for (j, side), value in zip(program.rows[1], _rounded(np.maximum(linear, 0.0)), strict=True):
        multipliers[j] += side * Fraction(float(value))
    matrices = [np.where(np.isfinite(x), x, 0.0) for x in duals]
    if slack:
        matrices[0] = matrices[0] + np.diag(slack * _is_unbounded(program))
    residual = program.row(objective) + program.scattered(matrices)
    for multiplier, terms in zip(multipliers, relaxation.conditions, strict=True):
        if multiplier:
            residual -= float(multiplier) * program.row(terms)
    multiples = _rounded(_fitted(program, residual))
    equal = [j for j, interval in enumerate(relaxation.statement.intervals) if interval.is_equality]
    for j, value in zip(equal, multiples[len(relaxation.multiples) :], strict=True):
        multipliers[j] = Fraction(float(-value))
    residual = residual + program.equalities.T @ multiples
    residual[0] = 0.0
    matrices[0] = matrices[0] - _spread(program, residual)
    matrices[0] = matrices[0] - np.diag(0.5 * slack * _is_unbounded(program))
    grams = [
        Gram(block, _rounded(factor_positive(matrix)))
        for block, matrix in zip(relaxation.blocks, matrices, strict=True)
    ]
    own = [Fraction(float(v)) for v in multiples[: len(relaxation.multiples)]]
    left = _left_over(program, objective, multipliers, grams, own)
    algebra = relaxation.statement.algebra
    if _cancelled(program, left, multipliers, own):
        left = _left_over(program, objective, multipliers, grams, own)
    free = {word: value for word, value in left.items() if algebra.bound_of(word) is None}
    if free:
        shift = float(np.diagonal(grams[0].factor @ grams[0].factor.T - matrices[0]).max(initial=0.0))
        remainder = _absorbed(program, left, Fraction(max(0.5 * slack - max(shift, 0.0), 0.0)))
        if remainder is None:
            return None
        grams[0] = Gram(grams[0].block, grams[0].factor, remainder)
        left = _left_over(program, objective, multipliers, grams, own)
    value = ZERO
    for word, coefficient in left.items():
        norm = algebra.bound_of(word)
        if norm is None:
            return None
        value += abs(coefficient) * norm if word else coefficient
    for multiplier, interval in zip(multipliers, relaxation.statement.intervals, strict=True):
        end = interval.high if multiplier > 0 else interval.low
        if multiplier:
            if end is None:
                return None
            value += multiplier * end
    return SquaresProof(value, tuple(multipliers), tuple(grams), tuple(own))


def prove_contradiction(program: Program) -> SquaresProof | None:
    """A proof that 0 is at most -1, where a combination of the equalities is a number other than 0; else None."""
    rows = program.equalities
    if not len(rows):
        return None
    target = np.eye(rows.shape[1])[0]
    found, *_ = np.linalg.lstsq(rows.T, target, rcond=1e-12)
    if float(np.abs(rows.T @ found - target).max()) > 1e-6:
        return None
    relaxation = program.relaxation
    columns: list[Terms] = [multiple.terms for multiple in relaxation.multiples]
    equal = [j for j, interval in enumerate(relaxation.statement.intervals) if interval.is_equality]
    for j in equal:
        low = relaxation.statement.intervals[j].low or ZERO
        columns.append({**relaxation.conditions[j], (): relaxation.conditions[j].get((), ZERO) - low})
    exact = _solved([{**terms} for terms in columns], relaxation.moments, {(): Fraction(1)})
    if exact is None:
        return None
    multipliers = [ZERO] * len(relaxation.conditions)
    for j, value in zip(equal, exact[len(relaxation.multiples) :], strict=True):
        multipliers[j] = value
    grams = tuple(Gram(block, np.zeros((len(block.words),) * 2)) for block in relaxation.blocks)
    multiples = tuple(-value for value in exact[: len(relaxation.multiples)])
    return SquaresProof(Fraction(-1), tuple(multipliers), grams, multiples)


def _solved(columns: Sequence[Terms], rows: Sequence[Word], target: Terms) -> list[Fraction] | None:
    """Numbers with which the columns add up to the target in these words, exactly; None if there are none."""
    table = flint.fmpq_mat(
        len(rows),
        len(columns) + 1,
        [
            flint.fmpq(value.numerator, value.denominator)
            for word in rows
            for value in (*(terms.get(word, ZERO) for terms in columns), target.get(word, ZERO))
        ],
    )
    reduced, rank = table.rref()
    found = [ZERO] * len(columns)
    for r in range(rank):
        lead = next(c for c in range(len(columns) + 1) if reduced[r, c] != 0)
        if lead == len(columns):
            return None
        entry = reduced[r, len(columns)]
        found[lead] = Fraction(int(entry.p), int(entry.q))
    return found


def _is_unbounded(program: Program) -> Floats:
    """(n,) 1 for the words of the matrix whose squares have no known norm."""
    main = program.relaxation.blocks[0]
    algebra = program.relaxation.statement.algebra
    return np.array(
        [
            float(any(algebra.bound_of(word) is None for word in main.entries[triangle(i, i)]))
            for i in range(len(main.words))
        ]
    )


def _fitted(program: Program, residual: Floats) -> Floats:
    """Multipliers of the equalities that make the residual of all words but the identity small."""
    rows = program.equalities
    if not len(rows):
        return np.zeros(0)
    found, *_ = np.linalg.lstsq(rows[:, 1:].T, -residual[1:], rcond=1e-13)
    return np.asarray(found, dtype=np.float64)


def _spread(program: Program, residual: Floats) -> Floats:
    """The smallest change of the main matrix whose sum of squares is the residual of the words that it has."""
    block, table = program.relaxation.blocks[0], program.tables[0]
    n = len(block.words)
    if all(len(terms) <= 1 for terms in block.entries):
        weight = packed(np.ones((n, n)))
        counts = np.asarray((table.multiply(table)).T @ weight).reshape(-1)
        scaled = np.where(counts > 0, residual / np.where(counts > 0, counts, 1.0), 0.0)
        return unpacked((table @ scaled) * weight, n)
    weight = np.sqrt(packed(np.ones((n, n))))
    scaled_table = sp.csr_array(sp.diags_array(weight) @ table)
    found = lsqr(sp.csr_array(scaled_table.T), residual, atol=1e-16, btol=1e-16, iter_lim=20_000)[0]
    return unpacked(found * weight, n)


def _rounded(numbers: Floats) -> Floats:
    """Numbers with as many binary digits as the largest of them resolves: the proof is about what is left."""
    top = float(np.abs(numbers).max(initial=0.0))
    if not top:
        return numbers
    unit = 2.0 ** (math.frexp(top)[1] - _DIGITS)
    return np.asarray(np.round(numbers / unit) * unit, dtype=np.float64)


def _left_over(
    program: Program,
    objective: Terms,
    multipliers: Sequence[Fraction],
    grams: Iterable[Gram],
    multiples: Sequence[Fraction],
) -> Terms:
    """R, exactly."""
    total = dict(objective)

    def add(terms: Terms, factor: Fraction) -> None:
        for word, value in terms.items():
            total[word] = total.get(word, ZERO) + factor * value

    for multiplier, terms in zip(multipliers, program.relaxation.conditions, strict=True):
        if multiplier:
            add(terms, -multiplier)
    for gram in grams:
        add(gram.polynomial(), Fraction(1))
    for value, multiple in zip(multiples, program.relaxation.multiples, strict=True):
        if value:
            add(multiple.terms, value)
    return {word: value for word, value in total.items() if value}


def _cancelled(program: Program, left: Terms, multipliers: list[Fraction], multiples: list[Fraction]) -> bool:
    """Change multipliers a little, in place, so that words vanish that no entry of the matrix can take; if they can.

    These are words without a known norm that stand in conditions, equalities and localising matrices only. Their
    equations are solved exactly over the rationals.
    """
    relaxation = program.relaxation
    algebra = relaxation.statement.algebra
    there = {word for terms in relaxation.blocks[0].entries if len(terms) == 1 for word in terms}
    orphans = [word for word in left if word not in there and algebra.bound_of(word) is None]
    if not orphans:
        return False
    used = [j for j, m in enumerate(multipliers) if m]
    columns: list[Terms] = [{w: -v for w, v in relaxation.conditions[j].items()} for j in used]
    columns += [multiple.terms for multiple in relaxation.multiples]
    rows = sorted(
        {w for terms in columns for w in terms if w not in there and algebra.bound_of(w) is None} | {*orphans}
    )
    changes = _solved(columns, rows, {word: -left[word] for word in orphans})
    if changes is None:
        return False
    for j, change in zip(used, changes, strict=False):
        multipliers[j] += change
    for k, change in enumerate(changes[len(used) :]):
        multiples[k] += change
    return True


def _absorbed(program: Program, left: Terms, kept: Fraction) -> dict[tuple[int, int], Fraction] | None:
    """E that takes words without a known norm away, if its diagonal dominates; None if not.

    It begins with what is ``kept`` on the diagonal for this. Then a word is taken from one place where it stands
    alone, on the diagonal if it can be; those that never do are found together, by exact elimination. The
    diagonal of words whose squares have a norm is filled up.
    """
    block = program.relaxation.blocks[0]
    algebra = program.relaxation.statement.algebra
    free = _is_unbounded(program)
    found: dict[tuple[int, int], Fraction] = {}
    rest = dict(left)

    def put(i: int, j: int, value: Fraction) -> None:
        found[i, j] = found.get((i, j), ZERO) + value
        for word, factor in block.entries[triangle(i, j)].items():
            rest[word] = rest.get(word, ZERO) + value * factor * (1 + (i != j))

    for i in np.flatnonzero(free).tolist():
        put(i, i, kept)
    places = _places(block)
    hard = [w for w, value in rest.items() if value and w not in places and algebra.bound_of(w) is None]
    if hard:
        wanted = set(hard)
        pairs = [
            (i, j) for j in range(len(free)) for i in range(j + 1) if wanted & block.entries[triangle(i, j)].keys()
        ]
        columns = [{w: v * (1 + (i != j)) for w, v in block.entries[triangle(i, j)].items()} for i, j in pairs]
        rows = sorted({w for terms in columns for w in terms if w not in places and algebra.bound_of(w) is None})
        exact = _solved(columns, rows, {word: -rest[word] for word in hard})
        if exact is None:
            return None
        for (i, j), value in zip(pairs, exact, strict=True):
            put(i, j, value)
    for word in [w for w, value in rest.items() if value and algebra.bound_of(w) is None]:
        if word not in places:  # what was solved for brought back a word that has no norm and no place
            return None
        i, j, factor = places[word]
        put(i, j, -rest[word] / (factor * (1 + (i != j))))
    return _dominating(found, free)


def _dominating(found: dict[tuple[int, int], Fraction], free: Floats) -> dict[tuple[int, int], Fraction] | None:
    """The matrix, its diagonal filled up where that costs a known norm only; None if it does not dominate elsewhere."""
    sums = [ZERO] * len(free)
    for (i, j), value in found.items():
        if i != j:
            sums[i] += abs(value)
            sums[j] += abs(value)
    for i, needed in enumerate(sums):
        if not free[i]:
            found[i, i] = max(needed, found.get((i, i), ZERO))
        elif found.get((i, i), ZERO) < needed:
            return None
    return {place: value for place, value in found.items() if value}


def _places(block: Block) -> dict[Word, tuple[int, int, Fraction]]:
    """For each word that is an entry of its own such a place, on the diagonal if there is one, and its factor."""
    places: dict[Word, tuple[int, int, Fraction]] = {}
    for j in range(len(block.words)):
        for i in range(j + 1):
            terms = block.entries[triangle(i, j)]
            if len(terms) == 1:
                ((word, factor),) = terms.items()
                if i == j or word not in places:
                    places[word] = (i, j, factor)
    return places
