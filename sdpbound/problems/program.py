"""A relaxation as a solver gets it: equalities eliminated, the rest affine in the moments that are free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from sdpbound.arrays import Floats
from sdpbound.conic.program import LinearMatrixInequality
from sdpbound.conic.sectors import eliminate
from sdpbound.problems.relaxation import Relaxation
from sdpbound.problems.rules import Terms

__all__ = ["Program"]


@dataclass(frozen=True, eq=False)
class Program:
    """The program of a relaxation, for any objective.

    Attributes
    ----------
    relaxation : of a problem at a level
    """

    relaxation: Relaxation

    @cached_property
    def tables(self) -> tuple[sp.csr_array, ...]:
        """(places, moments) of each block: its upper triangle in moments."""
        numbers = self.relaxation.numbers
        return tuple(block.table(numbers) for block in self.relaxation.blocks)

    @cached_property
    def equalities(self) -> Floats:
        """(rows, moments), each zero on the moments: operator equalities, then moment conditions that are
        equalities."""
        rows = [self.relaxation.row(multiple.terms) for multiple in self.relaxation.multiples]
        for interval, terms in zip(self.relaxation.statement.intervals, self.relaxation.conditions, strict=True):
            if interval.is_equality:
                row = self.relaxation.row(terms)
                row[0] -= float(interval.low or 0)
                rows.append(row)
        return np.array(rows).reshape(len(rows), len(self.relaxation.moments))

    @cached_property
    def rows(self) -> tuple[Floats, tuple[tuple[int, int], ...]]:
        """(r, moments), each not negative on the moments, and for each the moment condition and its end, -1 or 1."""
        rows, ends = [], []
        for j, (interval, terms) in enumerate(
            zip(self.relaxation.statement.intervals, self.relaxation.conditions, strict=True)
        ):
            if interval.is_equality:
                continue
            for side, end in ((-1, interval.low), (1, interval.high)):
                if end is not None:
                    row = -side * self.relaxation.row(terms)
                    row[0] += side * float(end)
                    rows.append(row)
                    ends.append((j, side))
        return np.array(rows).reshape(len(rows), len(self.relaxation.moments)), tuple(ends)

    @cached_property
    def _elimination(self) -> tuple[sp.csr_array, Floats]:
        """Moments but the first as ``free @ z + offset``."""
        equalities = self.equalities
        offsets, free = eliminate(sp.csr_array(equalities[:, 1:]))
        return free, np.asarray(offsets @ -equalities[:, 0])

    @cached_property
    def _matrix(self) -> tuple[sp.csc_array, Floats]:
        free, offset = self._elimination
        table = sp.csr_array(sp.vstack([sp.csr_array(self.rows[0]), *self.tables], format="csr"))
        rest = sp.csr_array(table[:, 1:])
        matrix = sp.csc_array(rest @ free)
        matrix.sum_duplicates()
        matrix.data[np.abs(matrix.data) < 1e-14] = 0.0
        matrix.eliminate_zeros()
        matrix.sort_indices()
        constant = np.asarray(table[:, [0]].toarray()).reshape(-1) + rest @ offset
        return matrix, constant

    @property
    def variables(self) -> int:
        return int(self._elimination[0].shape[1])

    def inequality(self, objective: Floats) -> LinearMatrixInequality:
        """Maximise the objective, a row of moments."""
        free, offset = self._elimination
        matrix, constant = self._matrix
        return LinearMatrixInequality(
            cost=np.asarray(free.T @ objective[1:]),
            offset=float(objective[0] + objective[1:] @ offset),
            matrix=matrix,
            constant=constant,
            linear=len(self.rows[0]),
            sizes=tuple(len(block.words) for block in self.relaxation.blocks),
        )

    def feasibility(self) -> LinearMatrixInequality:
        """Maximise -t, where t times the identity is added to every matrix and t to every row, and ``t >= -1``.

        Its optimum is negative where the conditions cannot be met.
        """
        plain = self.inequality(np.zeros(len(self.relaxation.moments)))
        column = [np.ones(plain.linear)]
        for n in plain.sizes:
            diagonal = np.zeros(n * (n + 1) // 2)
            diagonal[np.cumsum(np.arange(n) + 1) - 1] = 1.0
            column.append(diagonal)
        wide = sp.hstack([plain.matrix, sp.csc_array(np.concatenate(column)[:, None])], format="csc")
        last = sp.csc_array(([1.0], ([0], [plain.variables])), shape=(1, plain.variables + 1))
        return LinearMatrixInequality(
            cost=np.concatenate([np.zeros(plain.variables), [-1.0]]),
            offset=0.0,
            matrix=sp.csc_array(sp.vstack([last, wide], format="csc")),
            constant=np.concatenate([[1.0], plain.constant]),
            linear=plain.linear + 1,
            sizes=plain.sizes,
        )

    def moments(self, solution: Floats) -> Floats:
        """(moments,) numeric, from what a solver found for its variables."""
        free, offset = self._elimination
        return np.concatenate([[1.0], free @ solution + offset])

    def row(self, terms: Terms) -> Floats:
        return self.relaxation.row(terms)

    def scattered(self, duals: Sequence[Floats]) -> Floats:
        """(moments,) the sum over all blocks of ``<dual, matrix of moments>``."""
        total = np.zeros(len(self.relaxation.moments))
        for table, dual in zip(self.tables, duals, strict=True):
            total += table.T @ packed(dual)
        return total


def packed(matrix: Floats) -> Floats:
    """The upper triangle column by column, entries off the diagonal twice."""
    n = len(matrix)
    column, row = np.tril_indices(n)
    values = matrix[row, column].copy()
    values[row != column] *= 2.0
    return np.asarray(values, dtype=np.float64)


def unpacked(values: Floats, n: int, plain: bool = False) -> Floats:
    """The symmetric matrix of :func:`packed` values; ``plain``: of the entries themselves."""
    column, row = np.tril_indices(n)
    matrix = np.zeros((n, n))
    matrix[row, column] = np.where((row == column) | plain, values, values / 2.0)
    matrix[column, row] = matrix[row, column]
    return matrix
