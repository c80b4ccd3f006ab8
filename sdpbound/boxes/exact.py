"""Exact arithmetic on arrays of Python integers: the algebra of boxes without rounding.

Each party (one interface of one box) has outcomes 0, 1 for every setting. Its Collins-Gisin coordinates are
``1, P(0|0), P(0|1), ...``, its rows are ``P(0|0), P(1|0), P(0|1), P(1|1), ...`` (setting by setting). Arrays have one
axis for each party; the three maps below act on every axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import flint
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

__all__ = [
    "Face",
    "Integers",
    "as_integers",
    "face",
    "functional",
    "kron",
    "nullspace",
    "probabilities",
    "product",
    "representation",
    "row_matrix",
    "row_matrix_inverse",
    "times",
]

#: Arrays of Python integers (dtype object): no overflow, no rounding.
Integers = NDArray[Any]


def probabilities(coordinates: NDArray[Any]) -> NDArray[Any]:
    """Rows from coordinates: ``P(0|x) = z_{1+x}``, ``P(1|x) = z_0 - z_{1+x}`` on every axis."""
    table = coordinates
    for axis in range(table.ndim):
        t = np.moveaxis(table, axis, 0)
        rows = np.stack([t[1:], t[:1] - t[1:]], axis=1).reshape(2 * (len(t) - 1), *t.shape[1:])
        table = np.moveaxis(rows, 0, axis)
    return table


def functional(rows: NDArray[Any]) -> NDArray[Any]:
    """The functional ``sum of rows[i] P(i)`` in the coordinates: the adjoint of :func:`probabilities`."""
    c = rows
    for axis in range(c.ndim):
        t = np.moveaxis(c, axis, 0)
        c = np.moveaxis(np.concatenate([t[1::2].sum(axis=0)[None], t[0::2] - t[1::2]]), 0, axis)
    return c


def representation(coefficients: NDArray[Any]) -> NDArray[Any]:
    """Rows that represent a functional, with integer weights: ``functional(representation(c)) = c``."""
    rows = coefficients
    for axis in range(rows.ndim):
        t = np.moveaxis(rows, axis, 0)
        new = np.zeros((2 * (len(t) - 1), *t.shape[1:]), dtype=t.dtype)
        new[0::2] = t[1:]
        new[0] += t[0]
        new[1] += t[0]
        rows = np.moveaxis(new, 0, axis)
    return rows


def row_matrix(settings: tuple[int, ...]) -> sp.csr_array:
    """:func:`probabilities` as a sparse integer matrix; ``settings`` of each party."""
    return kron([probabilities_one(k) for k in settings])


def row_matrix_inverse(settings: tuple[int, ...]) -> sp.csr_array:
    """:func:`representation` as a sparse integer matrix."""
    return kron([representation_one(k) for k in settings])


def probabilities_one(settings: int) -> NDArray[np.int64]:
    """One party's matrix (2 settings, 1 + settings)."""
    return np.array([probabilities(e) for e in np.eye(1 + settings, dtype=np.int64)]).T


def representation_one(settings: int) -> NDArray[np.int64]:
    """One party's matrix (2 settings, 1 + settings) of :func:`representation`."""
    return np.array([representation(e) for e in np.eye(1 + settings, dtype=np.int64)]).T


def kron(factors: list[NDArray[np.int64]]) -> sp.csr_array:
    """The Kronecker product, sparse."""
    matrix = sp.csr_array(np.ones((1, 1), dtype=np.int64))
    for factor in factors:
        matrix = sp.csr_array(sp.kron(matrix, sp.csr_array(factor), format="csr"))
    return matrix


def times(matrix: sp.csr_array, vector: Integers) -> Integers:
    """``matrix @ vector`` over the integers."""
    out = np.zeros(matrix.shape[0], dtype=object)
    filled = np.flatnonzero(np.diff(matrix.indptr))
    if filled.size:
        terms = matrix.data.astype(object) * vector[matrix.indices]
        out[filled] = np.add.reduceat(terms, matrix.indptr[filled])
    return out


def product(factors: list[Integers]) -> Integers:
    """The tensor product, axes in order."""
    result: Integers = np.array(1, dtype=object)
    for factor in factors:
        result = np.multiply.outer(result, factor)
    return result


def as_integers(values: NDArray[np.float64], bits: int) -> Integers:
    """``values * 2^bits`` rounded to integers, for values of any size."""
    mantissa, exponent = np.frexp(values)
    whole = np.rint(np.ldexp(mantissa, 53)).astype(np.int64).astype(object).reshape(-1)
    shifts = (exponent.reshape(-1) - 53 + bits).tolist()
    rounded = [m << s if s >= 0 else (m + (1 << (-s - 1))) >> -s for m, s in zip(whole, shifts, strict=True)]
    return np.array(rounded, dtype=object).reshape(values.shape)


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A subspace ``denominator * y[pivots] = -table @ y[free]``; integers, denominator > 0."""

    free: NDArray[np.int64]
    pivots: NDArray[np.int64]
    table: Integers
    denominator: int

    def lift(self) -> sp.csr_array:
        """The matrix from free coordinates to all, floats."""
        size = self.free.size
        matrix = np.zeros((size + self.pivots.size, size))
        matrix[self.free, np.arange(size)] = 1.0
        matrix[self.pivots] = -self.table.astype(np.float64) / self.denominator
        return sp.csr_array(matrix)


def nullspace(matrix: NDArray[Any]) -> Face:
    """The solutions of ``matrix @ y = 0``; early columns become pivots."""
    distinct = [list(row) for row in dict.fromkeys(map(tuple, matrix.tolist()))]
    reduced, denominator, rank = flint.fmpz_mat(distinct).rref()
    table = np.array([[int(v) for v in row] for row in reduced.tolist()[:rank]], dtype=object)
    table = table.reshape(rank, matrix.shape[1])
    pivots = np.array([int(np.flatnonzero(row != 0)[0]) for row in table], dtype=np.int64)
    free = np.setdiff1d(np.arange(matrix.shape[1]), pivots)
    sign = -1 if denominator < 0 else 1
    return Face(free, pivots, sign * table[:, free], sign * int(denominator))


@lru_cache(maxsize=8)
def face(settings: tuple[int, ...], empty: tuple[int, ...]) -> Face:
    """Coordinates that make these rows of the table vanish; the normalisation is free."""
    # columns reversed, so that the normalisation is the last candidate for a pivot
    found = nullspace(row_matrix(settings)[list(empty)][:, ::-1].toarray())
    last = found.free.size + found.pivots.size - 1
    return Face(last - found.free, last - found.pivots, found.table, found.denominator)
