"""Explicit strategies: what they make of tested values and of entropies, in balls.

The numbers of a file are factors, so that whatever they are there is a strategy: with G the state's factor, rho is G
G^* / Tr; with F_a the factor of effect a, and ``sum_a F_a^* F_a = L L^*`` (Cholesky, L lower triangular), effect a is
``L^-1 F_a^* F_a L^-*``, so that effects add up to one. Eve holds the purification of rho, on which the effect M of
all parties leaves ``G^* M G / Tr``, with the spectrum of ``D G G^* D^*`` where M = D^* D.

Eigenvalues are the roots of a characteristic polynomial. It is that of the midpoint of a matrix of balls, computed
exactly in rational numbers; the matrix itself has eigenvalues no further from them than the Frobenius norm of the radii
(Weyl).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import prod
from typing import Any

import flint

from sdpbound.recheck.answer import Budget, refuse
from sdpbound.recheck.balls import ball, entropy_of, exact, total
from sdpbound.recheck.question import Key, Question
from sdpbound.recheck.reading import integer, items, number, record
from sdpbound.recheck.words import OBSERVABLE, Letter

__all__ = [
    "Matrix",
    "Strategy",
    "entropy_of_middle",
    "entropy_of_spectrum",
    "is_real",
    "measurement",
    "middle",
    "read_matrix",
    "read_strategy",
    "square_norm",
]

Matrix = flint.acb_mat
MOST_DIMENSION, MOST_RANK, MOST_COLUMNS = 4, 8, 32


@dataclass(frozen=True, slots=True)
class Strategy:
    """A state's factor (rows: the parties' bases, Alice's slowest) and effects' factors [party][setting][outcome]."""

    state: Matrix
    factors: tuple[tuple[tuple[Matrix, ...], ...], ...]
    weight: flint.arb

    def moved(self, settings: Sequence[int | None], outcomes: Sequence[int]) -> Matrix:
        """The state's factor after these outcomes; the parties without a setting do not measure."""
        whole: Matrix | None = None
        for party, (setting, outcome) in enumerate(zip(settings, outcomes, strict=True)):
            own = self.factors[party]
            factor = identity(own[0][0].ncols()) if setting is None else own[setting][outcome]
            whole = factor if whole is None else kron(whole, factor)
        assert whole is not None
        return whole * self.state

    def probability(self, settings: Sequence[int | None], outcomes: Sequence[int]) -> flint.arb:
        """p(ab..|xy..), of the parties that have a setting."""
        return square_norm(self.moved(settings, outcomes)) / self.weight

    def tested(self, question: Question) -> list[flint.arb]:
        """The value of each tested expression."""
        known: dict[tuple[Sequence[int | None], tuple[int, ...]], flint.arb] = {}

        def found(settings: tuple[int | None, ...], outcomes: tuple[int, ...]) -> flint.arb:
            key = (settings, outcomes)
            if key not in known:
                known[key] = self.probability(settings, outcomes)
            return known[key]

        values = []
        for test in question.tested:
            terms = []
            for word, coefficient in test.polynomial.items():
                letters = [string[0] if string else None for string in word]
                settings = tuple(None if letter is None else letter[0] for letter in letters)
                readings = [
                    _readings(letter, counts) for letter, counts in zip(letters, question.devices.outcomes, strict=True)
                ]
                terms += [
                    found(settings, tuple(a for a, _ in chosen)) * ball(coefficient * prod(v for _, v in chosen))
                    for chosen in product(*readings)
                ]
            values.append(total(terms))
        return values

    def entropy(self, key: Key) -> flint.arb:
        """H of the key's outcomes given Eve, in bits."""
        after = self._after(key)
        if key.merge is not None or any(key.channel):
            states = self._states(key, after)
        if any(key.channel):
            first, second = states
            mixed = key.after(first, second, lambda p, m: m * ball(p), lambda a, b: a + b)
            parts = [entropy_of_spectrum(state) for state in mixed]
        elif key.merge is not None:
            parts = [entropy_of_spectrum(state) for state in states]
        else:
            parts = [_spectrum(m) for m in after]
        return (total(parts) - _spectrum(self.state)) / self.weight / flint.arb(2).log()

    def held(self, key: Key) -> list[Matrix]:
        """Eve's states for each value of the key, of trace ``weight`` together."""
        return self._states(key, self._after(key))

    def _after(self, key: Key) -> list[Matrix]:
        """The state's factor after each choice of outcomes that are in the key."""
        counts = [1 if s is None else len(self.factors[party][s]) for party, s in enumerate(key.settings)]
        return [self.moved(key.settings, outcomes) for outcomes in product(*map(range, counts))]

    @staticmethod
    def _states(key: Key, after: Sequence[Matrix]) -> list[Matrix]:
        """Eve's states for each value of the key: where outcomes share a value, she has the sum."""
        found: dict[int, Matrix] = {}
        for value, m in zip(range(len(after)) if key.merge is None else key.merge, after, strict=True):
            square = adjoint(m) * m
            found[value] = found[value] + square if value in found else square
        return [found[value] for value in sorted(found)]


def _readings(letter: Letter | None, counts: Sequence[int]) -> list[tuple[int, int]]:
    """The outcomes that the identity, an observable or a projector has a value for that is not 0, with that value."""
    if letter is None:
        return [(0, 1)]
    setting, outcome = letter
    if outcome == OBSERVABLE:
        return [(a, 1 - 2 * a) for a in range(counts[setting])]
    return [(outcome, 1)]


def read_strategy(entry: object, question: Question, budget: Budget) -> Strategy:
    """A strategy of a file."""
    parts = record(entry, "a strategy", "dimensions state measurements")
    parties = question.devices.parties
    given = items(parts["dimensions"], "dimensions", parties, parties)
    dimensions = [integer(d, "a dimension", 1, MOST_DIMENSION) for d in given]
    rows = prod(dimensions)
    budget.spend(50_000 * rows)
    state = read_matrix(parts["state"], rows, None)
    weight = square_norm(state)
    if not weight > 0:
        raise refuse("a state is nothing.")
    factors = []
    for party, own in enumerate(items(parts["measurements"], "measurements", parties, parties)):
        counts = question.devices.outcomes[party]
        settings = items(own, "measurements", len(counts), len(counts))
        factors.append(
            tuple(
                measurement(items(setting, "effects", count, count), dimensions[party])
                for setting, count in zip(settings, counts, strict=True)
            )
        )
    return Strategy(state, tuple(factors), weight)


def read_matrix(entry: object, rows: int | None, columns: int | None) -> Matrix:
    """A matrix of a file, of so many rows or columns; an effect's factor without rows is zero."""
    parts = record(entry, "a matrix", "real imaginary")
    real = items(parts["real"], "a matrix", rows or MOST_RANK, rows or 0)
    width = columns if columns is not None else len(items(real[0], "a row", MOST_COLUMNS, 1))
    imaginary = parts["imaginary"]
    if imaginary is not None:
        imaginary = items(imaginary, "a matrix", len(real), len(real))
    if not real:
        return Matrix(1, width)
    values = []
    for i, row in enumerate(real):
        second = [0] * width if imaginary is None else items(imaginary[i], "a row", width, width)
        for re, im in zip(items(row, "a row", width, width), second, strict=True):
            values.append(flint.acb(ball(number(re, "an entry")), ball(number(im, "an entry"))))
    return Matrix(len(real), width, values)


def measurement(effects: list[Any], dimension: int, rows: int | None = None) -> tuple[Matrix, ...]:
    """The factors ``F_a L^-*`` of the effects, of so many rows where that is known."""
    factors = [read_matrix(effect, rows, dimension) for effect in effects]
    whole = adjoint(factors[0]) * factors[0]
    for factor in factors[1:]:
        whole = whole + adjoint(factor) * factor
    scale = adjoint(_cholesky(whole, dimension).inv())
    return tuple(factor * scale for factor in factors)


def _cholesky(whole: Matrix, dimension: int) -> Matrix:
    """The lower triangular L with L L^* = whole."""
    entries = whole.tolist()
    found = [[flint.acb(0)] * dimension for _ in range(dimension)]
    for i in range(dimension):
        for j in range(i + 1):
            left = entries[i][j] - sum((found[i][k] * found[j][k].conjugate() for k in range(j)), flint.acb(0))
            if i > j:
                found[i][j] = left / found[j][j]
                continue
            if not left.real > 0:
                raise refuse("the effects of a setting do not add up to a matrix that can be inverted.")
            found[i][i] = flint.acb(left.real.sqrt())
    return Matrix(dimension, dimension, [value for row in found for value in row])


def identity(dimension: int) -> Matrix:
    return Matrix(dimension, dimension, [int(i == j) for i in range(dimension) for j in range(dimension)])


def adjoint(matrix: Matrix) -> Matrix:
    return matrix.transpose().conjugate()


def square_norm(matrix: Matrix) -> flint.arb:
    """Tr M^* M."""
    return total(v.real * v.real + v.imag * v.imag for v in matrix.entries())


def kron(first: Matrix, second: Matrix) -> Matrix:
    """The tensor product."""
    one, two = first.tolist(), second.tolist()
    values = [a * b for row in one for other in two for a in row for b in other]
    return Matrix(first.nrows() * second.nrows(), first.ncols() * second.ncols(), values)


def _spectrum(moved: Matrix) -> flint.arb:
    """``-Tr X ln X`` of X = M^* M, which has the eigenvalues of M M^* but for zeros."""
    if moved.nrows() < moved.ncols():
        return entropy_of_spectrum(moved * adjoint(moved))
    return entropy_of_spectrum(adjoint(moved) * moved)


def entropy_of_spectrum(matrix: Matrix) -> flint.arb:
    """``-Tr X ln X`` of a matrix of balls around a Hermitian matrix that is not negative."""
    real = is_real(matrix)
    return entropy_of_middle(*middle(matrix, real), real)


def is_real(matrix: Matrix) -> bool:
    """Whether the midpoint of a matrix of balls is real."""
    return all(value.imag.mid() == 0 for value in matrix.entries())


def middle(matrix: Matrix, real: bool) -> tuple[flint.fmpq_mat, flint.arb]:
    """The Hermitian part H of the midpoint, and how far the true, Hermitian matrix is from it at most (Frobenius norm).

    H is exact: if ``real`` its real part R, else ``[[R, -I], [I, R]]``, which has every eigenvalue twice.
    """
    size = matrix.nrows()
    rows = matrix.tolist()
    entries = {(i, j): ((rows[i][j].real, rows[i][j].imag)) for i in range(size) for j in range(size)}
    middles = {place: tuple(exact(part.mid()) for part in value) for place, value in entries.items()}
    block = [[(middles[i, j][0] + middles[j, i][0]) / 2 for j in range(size)] for i in range(size)]
    other = [
        [Fraction(0) if real else (middles[i, j][1] - middles[j, i][1]) / 2 for j in range(size)] for i in range(size)
    ]
    off = total(
        (abs(part - ball(value)).upper()) ** 2
        for (i, j), parts in entries.items()
        for part, value in zip(parts, (block[i][j], other[i][j]), strict=True)
    ).sqrt()
    if not real:
        block = [row + [-v for v in second] for row, second in zip(block, other, strict=True)] + [
            second + row for row, second in zip(block, other, strict=True)
        ]
    return flint.fmpq_mat([[flint.fmpq(v.numerator, v.denominator) for v in row] for row in block]), off.upper()


def entropy_of_middle(exactly: flint.fmpq_mat, off: flint.arb, real: bool) -> flint.arb:
    """``-Tr X ln X`` of a matrix that is not negative and so near to one given as by :func:`middle`."""
    found = flint.arb(0)
    for root, multiplicity in exactly.charpoly().complex_roots():
        value = root.real + flint.arb(0, off)
        found += entropy_of(value) * multiplicity
    return found if real else found / 2
