"""Between the triangle that a program stores and the vectors that solvers use.

A :class:`~sdpbound.conic.program.LinearMatrixInequality` lists the upper triangle of each block column by column, as
it is. Solvers want it scaled by sqrt(2) off the diagonal (so that inner products are kept), in another order, or as
full matrices. The index arrays depend on the sizes only; they are computed once and are read-only.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import inf
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sdpbound.arrays import Floats
from sdpbound.conic.program import LinearMatrixInequality, SolverResult, Status, triangle_size
from sdpbound.errors import SolverFailure

__all__ = [
    "expansion",
    "fold",
    "inside",
    "lower_order",
    "require_finite",
    "result",
    "scale",
    "scaled_matrix",
    "symmetric_product",
    "triangle",
    "unfold",
]

#: Columns of a product that are computed at once where it is known to be symmetric.
BAND = 96


@lru_cache(maxsize=64)
def triangle(n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the upper triangle of an n x n matrix, column by column: (0,0), (0,1), (1,1), (0,2), ..."""
    columns, rows = np.tril_indices(n)
    return _frozen(rows), _frozen(columns)


@lru_cache(maxsize=64)
def scale(linear: int, sizes: tuple[int, ...]) -> NDArray[np.float64]:
    """One for linear rows and diagonal entries, sqrt(2) for off-diagonal entries."""
    factors = [np.ones(linear)]
    for n in sizes:
        rows, columns = triangle(n)
        factors.append(np.where(rows == columns, 1.0, np.sqrt(2.0)))
    return _frozen(np.concatenate(factors))


@lru_cache(maxsize=64)
def lower_order(linear: int, sizes: tuple[int, ...]) -> NDArray[np.int64]:
    """Permutation: entry i of the lower triangle column by column is row ``lower_order[i]`` of the program."""
    order, start = [np.arange(linear)], linear
    for n in sizes:
        columns, rows = np.triu_indices(n)  # lower triangle (row >= column), column by column
        order.append(start + rows * (rows + 1) // 2 + columns)
        start += triangle_size(n)
    return _frozen(np.concatenate(order))


@lru_cache(maxsize=16)
def expansion(linear: int, sizes: tuple[int, ...]) -> sp.csr_array:
    """The 0/1 matrix from program rows to linear rows followed by full matrices, entry (u, v) at position u + n v."""
    target, source = [np.arange(linear)], [np.arange(linear)]
    first, start = linear, linear
    for n in sizes:
        rows, columns = triangle(n)
        entries = start + np.arange(rows.size)
        off = rows != columns
        target += [first + rows + n * columns, first + (columns + n * rows)[off]]
        source += [entries, entries[off]]
        first, start = first + n * n, start + rows.size
    target_rows, source_rows = np.concatenate(target), np.concatenate(source)
    return sp.csr_array((np.ones(target_rows.size), (target_rows, source_rows)), shape=(first, start))


def scaled_matrix(program: LinearMatrixInequality, factor: float) -> sp.csc_matrix:
    """``factor`` times the program's matrix, off-diagonal rows times sqrt(2), in canonical CSC."""
    matrix = program.matrix
    if not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    data = matrix.data * (factor * scale(program.linear, program.sizes))[matrix.indices]
    return sp.csc_matrix((data, matrix.indices, matrix.indptr), shape=matrix.shape, copy=False)


def unfold(vector: NDArray[np.float64], linear: int, sizes: Sequence[int]) -> tuple[NDArray[np.float64], ...]:
    """Symmetric matrices from program rows (unscaled, ``linear`` rows first)."""
    blocks, start = [], linear
    for n in sizes:
        rows, columns = triangle(n)
        entries = vector[start : start + rows.size]
        block = np.empty((n, n))
        block[rows, columns] = entries
        block[columns, rows] = entries
        blocks.append(block)
        start += rows.size
    return tuple(blocks)


def fold(vector: NDArray[np.float64], linear: int, sizes: Sequence[int]) -> tuple[NDArray[np.float64], ...]:
    """Symmetrised matrices from linear rows followed by full matrices."""
    blocks, start = [], linear
    for n in sizes:
        block = vector[start : start + n * n].reshape(n, n)
        blocks.append((block + block.T) / 2)
        start += n * n
    return tuple(blocks)


def require_finite(program: LinearMatrixInequality, solver: str) -> None:
    """Raise if the program has NaN or infinite entries: SDPA ends the process, QICS does not end at all."""
    for part in (program.cost, program.constant, program.matrix.data):
        if not np.isfinite(part).all():
            raise SolverFailure(
                f"{solver} was given a program with entries that are NaN or infinite; check the data it was built from."
            )


def result(
    program: LinearMatrixInequality,
    solver: str,
    status: Status,
    duals: tuple[NDArray[np.float64], ...],
    linear_dual: NDArray[np.float64],
    *,
    seconds: float,
    iterations: int = 0,
    message: str = "",
    solution: NDArray[np.float64] | None = None,
) -> SolverResult:
    """The answer, with the dual objective computed from the dual itself.

    An infeasible program has objective -inf, an unbounded one +inf; their duals are the solver's ray, or zeros if it
    has none. Any other status with an entry that is not finite raises :class:`~sdpbound.errors.SolverFailure`.
    """
    finite = bool(np.isfinite(linear_dual).all()) and all(bool(np.isfinite(block).all()) for block in duals)
    no_optimum = status in (Status.INFEASIBLE, Status.UNBOUNDED)
    if not finite:
        if not no_optimum:
            raise SolverFailure(
                f"{solver} returned a dual that is not finite ({message or status.value}); "
                "try another solver or a larger tolerance."
            )
        duals, linear_dual = tuple(np.zeros((n, n)) for n in program.sizes), np.zeros(program.linear)
    if no_optimum:
        objective = -inf if status is Status.INFEASIBLE else inf
    else:
        with np.errstate(
            over="ignore", invalid="ignore"
        ):  # what overflows is refused by sdpbound.conic.solvers.solver.ask
            objective = program.offset + float(linear_dual @ program.constant[: program.linear])
            start = program.linear
            for n, block in zip(program.sizes, duals, strict=True):
                rows, columns = triangle(n)
                weights = scale(0, (n,)) ** 2
                objective += float((weights * block[rows, columns]) @ program.constant[start : start + rows.size])
                start += rows.size
    if solution is not None and not np.isfinite(solution).all():
        solution = None
    return SolverResult(solver, status, duals, linear_dual, objective, seconds, iterations, message, solution)


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array


def inside(blocks: Floats, unit: float) -> Floats:
    """Blocks (K, n, n) moved by multiples of the identity: the least eigenvalue of each is at least ``unit``."""
    least = np.minimum(np.linalg.eigvalsh(blocks)[:, 0], 0.0)
    return np.asarray(blocks + (unit - least)[:, None, None] * np.eye(blocks.shape[1]))


def symmetric_product(left: Floats, right: Floats) -> Floats:
    """left^T right (K, K), which is known to be symmetric: only blocks on and below the diagonal are computed."""
    count = left.shape[1]
    out = np.empty((count, count))
    for begin in range(0, count, BAND):
        end = min(begin + BAND, count)
        out[begin:, begin:end] = left[:, begin:].T @ right[:, begin:end]
        out[begin:end, end:] = out[end:, begin:end].T
    return out
