"""Explicit strategies: what they make of tested values and of entropies, in balls.

The numbers of a file are factors, so that whatever they are there is a strategy: with G the state's factor, rho is G
G^* / Tr; with F_a the factor of effect a, and ``sum_a F_a^* F_a = L L^*`` (Cholesky, L lower triangular), effect a is
``L^-1 F_a^* F_a L^-*``, so that effects add up to one. Eve holds the purification of rho, on which the effect M of
Alice and Bob leaves ``G^* M G / Tr``, with the spectrum of ``D G G^* D^*`` where M = D^* D.

Eigenvalues are the roots of a characteristic polynomial. It is that of the midpoint of a matrix of balls, computed
exactly in rational numbers; the matrix itself has eigenvalues no further from them than the Frobenius norm of the radii
(Weyl).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flint

from sdpbound.recheck.answer import Budget, refuse
from sdpbound.recheck.balls import ball, entropy_of, exact, total
from sdpbound.recheck.question import Key, Question
from sdpbound.recheck.reading import integer, items, number, record
from sdpbound.recheck.words import OBSERVABLE

__all__ = ["Matrix", "Strategy", "entropy_of_spectrum", "read_strategy"]

Matrix = flint.acb_mat
MOST_DIMENSION, MOST_RANK = 4, 8


@dataclass(frozen=True, slots=True)
class Strategy:
    """A state's factor (rows: Alice's basis times Bob's) and the effects' factors [party][setting][outcome]."""

    state: Matrix
    factors: tuple[tuple[tuple[Matrix, ...], ...], ...]
    weight: flint.arb

    def probability(self, x: int, y: int, a: int, b: int) -> flint.arb:
        """p(ab|xy)."""
        moved = kron(self.factors[0][x][a], self.factors[1][y][b]) * self.state
        return square_norm(moved) / self.weight

    def tested(self, question: Question) -> list[flint.arb]:
        """The value of each tested expression."""
        joint: dict[tuple[int, int], list[list[flint.arb]]] = {}

        def table(x: int, y: int) -> list[list[flint.arb]]:
            if (x, y) not in joint:
                outcomes = question.devices.outcomes
                joint[x, y] = [
                    [self.probability(x, y, a, b) for b in range(outcomes[1][y])] for a in range(outcomes[0][x])
                ]
            return joint[x, y]

        values = []
        for test in question.tested:
            terms = []
            for (alice, bob), coefficient in test.polynomial.items():
                (x, a), (y, b) = (string[0] if string else (0, None) for string in (alice, bob))
                terms.append(
                    ball(coefficient)
                    * total(
                        p * _reading(a, i) * _reading(b, j)
                        for i, row in enumerate(table(x, y))
                        for j, p in enumerate(row)
                        if _reading(a, i) and _reading(b, j)
                    )
                )
            values.append(total(terms))
        return values

    def entropy(self, key: Key) -> flint.arb:
        """H of the key's outcomes given Eve, in bits."""
        parts: list[flint.arb] = []
        alice = self.factors[0][key.x]
        rank = self.factors[1][0][0].ncols()
        if key.y is not None:
            parts = [
                _spectrum(kron(first, second) * self.state) for first in alice for second in self.factors[1][key.y]
            ]
        elif key.flips:
            q = ball(key.flips)
            eve = [adjoint(moved) * moved for moved in (kron(f, identity(rank)) * self.state for f in alice)]
            parts = [
                entropy_of_spectrum(eve[0] * (1 - q) + eve[1] * q),
                entropy_of_spectrum(eve[1] * (1 - q) + eve[0] * q),
            ]
        else:
            parts = [_spectrum(kron(f, identity(rank)) * self.state) for f in alice]
        return (total(parts) - _spectrum(self.state)) / self.weight / flint.arb(2).log()


def _reading(outcome: int | None, i: int) -> int:
    """What the identity, an observable or the projector on an outcome says of outcome i."""
    if outcome is None:
        return 1
    return 1 - 2 * i if outcome == OBSERVABLE else int(outcome == i)


def read_strategy(entry: object, question: Question, budget: Budget) -> Strategy:
    """A strategy of a file."""
    parts = record(entry, "a strategy", "dimensions state measurements")
    dimensions = [integer(d, "a dimension", 1, MOST_DIMENSION) for d in items(parts["dimensions"], "dimensions", 2, 2)]
    rows = dimensions[0] * dimensions[1]
    budget.spend(50_000 * rows)
    state = _matrix(parts["state"], rows, None)
    weight = square_norm(state)
    if not weight > 0:
        raise refuse("a state is nothing.")
    factors = []
    for party, given in enumerate(items(parts["measurements"], "measurements", 2, 2)):
        counts = question.devices.outcomes[party]
        settings = items(given, "measurements", len(counts), len(counts))
        factors.append(
            tuple(
                _measurement(items(setting, "effects", count, count), dimensions[party])
                for setting, count in zip(settings, counts, strict=True)
            )
        )
    return Strategy(state, tuple(factors), weight)


def _matrix(entry: object, rows: int | None, columns: int | None) -> Matrix:
    """A matrix of a file, of so many rows or columns; an effect's factor without rows is zero."""
    parts = record(entry, "a matrix", "real imaginary")
    real = items(parts["real"], "a matrix", rows or MOST_RANK, rows or 0)
    width = columns if columns is not None else len(items(real[0], "a row", 2 * MOST_DIMENSION**2, 1))
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


def _measurement(effects: list[Any], dimension: int) -> tuple[Matrix, ...]:
    """The factors ``F_a L^-*`` of the effects."""
    factors = [_matrix(effect, None, dimension) for effect in effects]
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
    size = matrix.nrows()
    rows = matrix.tolist()
    entries = {(i, j): ((rows[i][j].real, rows[i][j].imag)) for i in range(size) for j in range(size)}
    middle = {place: tuple(exact(part.mid()) for part in value) for place, value in entries.items()}
    real = not any(im for _, im in middle.values())
    block = [[(middle[i, j][0] + middle[j, i][0]) / 2 for j in range(size)] for i in range(size)]
    other = [[(middle[i, j][1] - middle[j, i][1]) / 2 for j in range(size)] for i in range(size)]
    # what the true, Hermitian matrix may differ by from the Hermitian part of the midpoint
    off = (
        total(
            (abs(part - ball(value)).upper()) ** 2
            for (i, j), parts in entries.items()
            for part, value in zip(parts, (block[i][j], other[i][j]), strict=True)
        )
        .sqrt()
        .upper()
    )
    if not real:  # [[R, -I], [I, R]] has every eigenvalue twice
        block = [row + [-v for v in second] for row, second in zip(block, other, strict=True)] + [
            second + row for row, second in zip(block, other, strict=True)
        ]
    exactly = flint.fmpq_mat([[flint.fmpq(v.numerator, v.denominator) for v in row] for row in block])
    found = flint.arb(0)
    for root, multiplicity in exactly.charpoly().complex_roots():
        value = root.real + flint.arb(0, off)
        found += entropy_of(value) * multiplicity
    return found if real else found / 2
