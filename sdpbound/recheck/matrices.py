"""Small real symmetric matrices: eigenvectors by Jacobi's rotations, logarithms in balls, and what is positive.

Eigenvectors are guesses; a logarithm that comes from them is proven afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import flint

__all__ = [
    "Real",
    "certain",
    "eigen",
    "guessed",
    "guessed_log",
    "largest",
    "log_ball",
    "middle",
    "positive",
    "scalar",
    "symmetric",
]

Real = flint.arb_mat
#: Most sweeps of exact rotations before a logarithm is proven: they end where nothing is left.
PROVEN_SWEEPS = 5


def middle(matrix: Real) -> Real:
    """The symmetric part of the midpoint, exactly."""
    half = matrix.mid()
    return ((half + half.transpose()) * flint.arb(0.5)).mid()


def eigen(rows: Sequence[Sequence[Any]], sweeps: int = 14) -> tuple[list[Any], list[list[Any]]]:
    """Eigenvalues and eigenvectors (columns) of a symmetric matrix of floats, or of balls: approximate."""
    size = len(rows)
    a = [list(row) for row in rows]
    kind = type(a[0][0])
    v = [[kind(int(i == j)) for j in range(size)] for i in range(size)]
    small = 1e-17 if kind is float else 2.0**-flint.ctx.prec
    for _ in range(sweeps):
        if all(
            abs(float(a[i][j])) <= small * math.sqrt(abs(float(a[i][i]) * float(a[j][j])))
            for i in range(size)
            for j in range(i)
        ):
            break
        for p in range(size - 1):
            for q in range(p + 1, size):
                if float(a[p][q]):
                    _rotate(a, v, p, q)
    return [a[i][i] for i in range(size)], v


def _rotate(a: list[list[Any]], v: list[list[Any]], p: int, q: int) -> None:
    """Make the entry (p, q) zero."""
    first, second = a[p], a[q]
    entry = first[q]
    slope = (second[q] - first[p]) / (2 * entry)
    t = _mid(1 / (abs(slope) + _root(slope * slope + 1)))
    if float(slope) < 0:
        t = -t
    c = _mid(1 / _root(t * t + 1))
    s = _mid(t * c)
    for k, row in enumerate(a):
        if k not in (p, q):
            x, y = row[p], row[q]
            row[p] = first[k] = _mid(c * x - s * y)
            row[q] = second[k] = _mid(s * x + c * y)
    first[p], second[q] = _mid(first[p] - t * entry), _mid(second[q] + t * entry)
    first[q] = second[p] = type(entry)(0)
    for row in v:
        x, y = row[p], row[q]
        row[p], row[q] = _mid(c * x - s * y), _mid(s * x + c * y)


def _mid(value: Any) -> Any:
    """What is known of a guess is its middle."""
    return value if type(value) is float else value.mid()


def _root(value: Any) -> Any:
    return value.sqrt() if isinstance(value, flint.arb) else math.sqrt(value)


def guessed_log(matrix: Real, sweeps: int = 2) -> Real:
    """About the logarithm of a positive matrix."""
    return guessed(matrix, lambda value: value.log() if value > 0 else flint.arb(-2000), sweeps=sweeps)[0]


def guessed(matrix: Real, *functions: Callable[[flint.arb], flint.arb], sweeps: int = 2) -> list[Real]:
    """About some functions of a symmetric matrix: float rotations, then some sweeps of exact ones for what is tiny."""
    rows = matrix.mid().tolist()
    size = len(rows)
    if size == 1:
        return [Real([[f(rows[0][0]).mid()]]) for f in functions]
    _, v = eigen([[float(entry) for entry in row] for row in rows])
    turn = Real(v)
    for _ in range(3):  # its columns are orthonormal up to the rounding of floats; three times twice the digits
        turn = (turn * (3 * _identity(size) - turn.transpose() * turn) * flint.arb(0.5)).mid()
    values, more = eigen((turn.transpose() * matrix.mid() * turn).mid().tolist(), sweeps)
    both = turn * Real(more)
    found = []
    for f in functions:
        images = [f(value.mid()) for value in values]
        diagonal = Real([[images[i] if i == j else 0 for j in range(size)] for i in range(size)])
        found.append(middle(both * diagonal * both.transpose()))
    return found


def log_ball(matrix: Real) -> Real | None:
    """The logarithm of every symmetric matrix in a ball, if the guess is close enough to be proven.

    With Y the guess, f the Frobenius norm of exp(-Y) and e that of exp(Y) - M: if e f < 1/2, both exp(Y) and M have
    eigenvalues of at least 1/(2 f), so that log M is no further from Y than 2 e f.
    """
    if matrix.nrows() == 1:
        value = matrix[0, 0]
        return Real([[value.log()]]) if value > 0 else None
    guess = guessed_log(matrix, PROVEN_SWEEPS)
    off, inverse = _frobenius(guess.exp() - matrix), _frobenius((-guess).exp())
    if not off * inverse < 0.5:
        return None
    radius = flint.arb(0, (2 * off * inverse).upper())
    size = matrix.nrows()
    return guess + Real(size, size, [radius] * size**2)


def _identity(size: int) -> Real:
    return Real([[int(i == j) for j in range(size)] for i in range(size)])


def _frobenius(matrix: Real) -> flint.arb:
    """A number that the norm does not exceed."""
    return sum((abs(entry).upper() ** 2 for entry in matrix.entries()), flint.arb(0)).sqrt().upper()


def largest(matrix: Real) -> float:
    """About the largest eigenvalue."""
    values: list[float] = eigen([[float(entry) for entry in row] for row in matrix.mid().tolist()])[0]
    return max(values)


def positive(matrix: Real) -> bool:
    """Whether every symmetric matrix in a ball is certainly positive definite: all pivots of elimination are."""
    rows = matrix.tolist()
    size = len(rows)
    for k in range(size):
        if not rows[k][k] > 0:
            return False
        for i in range(k + 1, size):
            factor = rows[i][k] / rows[k][k]
            for j in range(k + 1, size):
                rows[i][j] = rows[i][j] - factor * rows[k][j]
    return True


def certain(matrix: Real) -> bool:
    """Whether every symmetric matrix in a ball is positive definite: its characteristic polynomial alternates."""
    coefficients = matrix.charpoly().coeffs()
    size = len(coefficients) - 1
    return all((v if (size - k) % 2 == 0 else -v) > 0 for k, v in enumerate(coefficients))


def symmetric(matrix: Sequence[Sequence[float]]) -> Real:
    """The symmetric part of a matrix of floats, exactly."""
    return Real([[(flint.arb(p) + flint.arb(q)) / 2 for p, q in zip(r, s, strict=True)]
                 for r, s in zip(matrix, zip(*matrix, strict=True), strict=True)])  # fmt: skip


def scalar(value: flint.arb, size: int = 4) -> Real:
    """A multiple of the identity."""
    return Real([[value if i == j else 0 for j in range(size)] for i in range(size)])
