"""A matrix inequality as it looks from a point inside it, for programs that are almost flat.

A program on the boundary of its set, moved inside by d, holds points whose matrices have eigenvalues of size d beside
those of size one. Solvers lose the small ones to rounding. A congruence that makes the matrix at one inner point the
identity, and variables that are orthonormal there, leave nothing small: a solver then needs a dozen steps at any d.

A solver's dual is first corrected for what it leaves of the equalities ``cost + matrix^T X = 0``, by the shortest step
in the rescaled matrices. In the program as it was, the same error would be 1/d times as large.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from sdpbound.arrays import Floats
from sdpbound.conic.program import LinearMatrixInequality, triangle_size
from sdpbound.conic.solvers.vectors import scale, triangle, unfold

__all__ = ["Rescaled", "seen_from"]


@dataclass(frozen=True, eq=False)
class Rescaled:
    """A program after a congruence of its matrices and a change of its variables.

    Attributes
    ----------
    inequality : the rescaled program; its optimum is that of the program as it was
    """

    inequality: LinearMatrixInequality
    _congruences: tuple[Floats, ...]
    _basis: Floats  # (rows, variables) orthonormal, rows scaled as in inner products of matrices

    def duals(self, found: Sequence[Floats]) -> tuple[Floats, ...]:
        """Dual matrices of the program as it was, from those of the rescaled one."""
        sizes, weights = self.inequality.sizes, scale(0, self.inequality.sizes)
        vector = np.concatenate([x[triangle(len(x))] for x in found]) * weights
        left = self._basis @ (self.inequality.cost + self._basis.T @ vector)
        corrected = unfold((vector - left) / weights, 0, sizes)
        return tuple(t @ x @ t for t, x in zip(self._congruences, corrected, strict=True))


def seen_from(program: LinearMatrixInequality, point: Floats) -> Rescaled | None:
    """The program rescaled so that its matrices at a point are identities; None unless the point is inside.

    ``point`` (variables,); only for programs of matrices alone.
    """
    if program.linear or not program.variables:
        return None
    roots = []
    for matrix in unfold(program.constant + program.matrix @ point, 0, program.sizes):
        sizes, vectors = np.linalg.eigh(matrix)
        if not sizes[0] > 0.0:
            return None
        roots.append((vectors / np.sqrt(sizes)) @ vectors.T)
    columns = np.hstack([program.constant[:, None], program.matrix.toarray()])
    turned, start = np.empty_like(columns), 0
    for root in roots:
        n = len(root)
        rows, others = triangle(n)
        full = np.empty((columns.shape[1], n, n))
        end = start + triangle_size(n)
        full[:, rows, others] = full[:, others, rows] = columns[start:end].T
        turned[start:end] = (root @ full @ root)[:, rows, others].T
        start = end
    weights = scale(0, program.sizes)
    basis, triangular = np.linalg.qr(turned[:, 1:] * weights[:, None])
    if np.abs(np.diagonal(triangular)).min() <= 1e-14 * np.abs(np.diagonal(triangular)).max():
        return None  # some variable moves nothing
    rescaled = replace(
        program,
        cost=scipy.linalg.solve_triangular(triangular, program.cost, trans="T"),
        matrix=sp.csc_array(basis / weights[:, None]),
        constant=turned[:, 0],
    )
    return Rescaled(rescaled, tuple(roots), basis)
