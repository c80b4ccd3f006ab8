"""Von Neumann entropies of matrices of balls.

Rotations that are orthogonal exactly (their angles are numbers, sines and cosines enclosed) make a real symmetric
matrix almost diagonal; by Weyl's inequality each eigenvalue is as close to a diagonal entry as the norm of the rest. A
complex matrix is taken as a real one of twice the size, with every eigenvalue twice.
"""

from __future__ import annotations

import itertools
from typing import Any

import flint

from sdpbound.errors import CertificateError

__all__ = ["entropy", "plogp"]


def plogp(value: flint.arb) -> flint.arb:
    """-p log2 p of a number that is known not to be negative."""
    if value > 0:
        return -value * value.log() / flint.arb(2).log()
    top = value.upper()
    if top <= 0:
        return flint.arb(0)
    if not top < flint.arb("0.3"):
        raise CertificateError("A number of the attack is not known well enough for its logarithm; round the proof.")
    return flint.arb(0).union(-top * top.log() / flint.arb(2).log())  # rising below 1/e


def entropy(matrix: Any) -> flint.arb:
    """-Tr X log2 X of a positive matrix."""
    if isinstance(matrix, flint.arb_mat):
        return sum(map(plogp, _eigenvalues(matrix.tolist())), flint.arb(0))
    n = matrix.nrows()
    real = [[matrix[i, j].real for j in range(n)] for i in range(n)]
    imaginary = [[matrix[i, j].imag for j in range(n)] for i in range(n)]
    rows = [r + [-v for v in m] for r, m in zip(real, imaginary, strict=True)]
    rows += [m + r for r, m in zip(real, imaginary, strict=True)]
    return sum(map(plogp, _eigenvalues(rows)), flint.arb(0)) / 2


def _eigenvalues(rows: list[list[flint.arb]]) -> list[flint.arb]:
    """Enclosures of the eigenvalues of a real symmetric matrix (balls of both halves, the lower one is used)."""
    n = len(rows)
    if n == 2:
        middle, half, rest = (rows[0][0] + rows[1][1]) / 2, (rows[0][0] - rows[1][1]) / 2, rows[1][0]
        root = (half * half + rest * rest).nonnegative_part().sqrt()
        return [middle - root, middle + root]
    a = [[rows[max(i, j)][min(i, j)] for j in range(n)] for i in range(n)]
    negligible = flint.arb(2) ** (40 - flint.ctx.prec)  # of a matrix of trace one at most
    for _ in range(30):
        moved = False
        for p, q in itertools.combinations(range(n), 2):
            if abs(a[p][q].mid()) > negligible:
                _rotate(a, p, q)
                moved = True
        if not moved:
            break
    rest = sum((a[i][j] * a[i][j] for i in range(n) for j in range(n) if i != j), flint.arb(0))
    margin = flint.arb(0, rest.abs_upper().sqrt().upper())
    return [a[i][i] + margin for i in range(n)]


def _rotate(a: list[list[flint.arb]], p: int, q: int) -> None:
    """One Jacobi rotation, orthogonal whatever its angle."""
    half = ((a[q][q].mid() - a[p][p].mid()) / (2 * a[p][q].mid())).mid()
    tangent = (1 / (abs(half) + (1 + half * half).sqrt())).mid()
    if half < 0:
        tangent = -tangent
    cosine = 1 / (1 + tangent * tangent).sqrt()
    sine = tangent * cosine
    for i in range(len(a)):
        if i in (p, q):
            continue
        first, second = a[i][p], a[i][q]
        a[i][p] = a[p][i] = cosine * first - sine * second
        a[i][q] = a[q][i] = sine * first + cosine * second
    app, aqq, apq = a[p][p], a[q][q], a[p][q]
    a[p][p] = cosine * cosine * app - 2 * sine * cosine * apq + sine * sine * aqq
    a[q][q] = sine * sine * app + 2 * sine * cosine * apq + cosine * cosine * aqq
    a[p][q] = a[q][p] = (cosine * cosine - sine * sine) * apq + sine * cosine * (app - aqq)
