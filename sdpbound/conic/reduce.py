"""From a :class:`ConicProgram` to what a solver gets, and back.

Symmetries identify moments and block-diagonalise the matrices; equalities are eliminated; the rest is affine in the
objective and in the tested values, so that one reduction serves a whole sweep. A solver's dual is lifted back to the
full matrices: what happened here needs no trust, since the certificate is computed on the program itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np
import scipy.sparse as sp

from sdpbound.arrays import Floats
from sdpbound.conic.blocks import SplitBlock, split_block
from sdpbound.conic.program import ConicProgram, LinearMatrixInequality, Symmetry
from sdpbound.conic.sectors import eliminate, triangle_map

__all__ = ["Reduced", "Reduction", "clean"]

Data = TypeVar("Data")
Lifted = TypeVar("Lifted")


class Reduced(ABC, Generic[Data, Lifted]):
    """A program as a solver gets it, for all data of one structure, and the way back.

    Programs of entropies certify as well (:class:`~sdpbound.conic.programs.shared.SharedProgram`); an ordinary one is
    certified apart from its reduction, by :class:`~sdpbound.conic.certificate.Certifier`.
    """

    @abstractmethod
    def inequality(self, data: Data) -> LinearMatrixInequality:
        """The solver's program for these data."""

    @abstractmethod
    def lift(self, duals: Sequence[Floats]) -> Lifted:
        """Dual matrices in full words, from those of a solver's program."""


class Reduction(Reduced[ConicProgram, tuple[Floats, ...]]):
    """Symmetry reduction and elimination of equalities for all programs of one structure.

    Only ``equalities``, ``blocks``, ``inequalities`` of ``program`` are used; objective and values may change.
    """

    def __init__(self, program: ConicProgram, symmetry: Symmetry | None = None) -> None:
        self._sizes = tuple(len(b) for b in program.blocks)
        self._symmetry = symmetry
        variables = program.variables
        invariants = sp.csr_array(sp.eye_array(variables)) if symmetry is None else symmetry.invariants
        offsets, free = eliminate(sp.csr_array(program.equalities @ invariants))
        self._free = sp.csr_array(invariants @ free)  # y = free z + offsets f
        self._offsets = sp.csr_array(invariants @ offsets)
        self._split: dict[int, SplitBlock] = {}
        selections: list[sp.csr_array] = []  # of z, y = invariants z
        if program.inequalities.shape[0]:
            selections.append(sp.csr_array(program.inequalities @ invariants))
        sizes: list[int] = []
        for k, index in enumerate(program.blocks):
            if symmetry is None:
                selections.append(triangle_map(index, None, variables))
                sizes.append(len(index))
            elif symmetry.owners[k] == k:
                self._split[k] = split_block(index, k, symmetry)
                selections.append(self._split[k].triangles(invariants))
                sizes += self._split[k].sizes
        select = (
            sp.csr_array(sp.vstack(selections, format="csr")) if selections else sp.csr_array((0, invariants.shape[1]))
        )
        matrix = sp.csc_array(select @ free)
        matrix.sum_duplicates()
        self._matrix = clean(matrix, 1e-15 if symmetry is None else 1e-13)
        self._matrix.sort_indices()
        self._constant = sp.csr_array(select @ offsets)
        self._free_t = sp.csr_array(self._free.T)
        self._linear = program.inequalities.shape[0]
        self._reduced_sizes = tuple(sizes)

    @property
    def variables(self) -> int:
        return int(self._matrix.shape[1])

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sizes of the blocks that a solver gets."""
        return self._reduced_sizes

    def inequality(self, data: ConicProgram) -> LinearMatrixInequality:
        """The solver's program, of the objective and the values of ``data``, a program of the same structure."""
        return LinearMatrixInequality(
            cost=self._free_t @ data.objective,
            offset=float(data.objective @ (self._offsets @ data.values)),
            matrix=self._matrix,
            constant=self._constant @ data.values,
            linear=self._linear,
            sizes=self._reduced_sizes,
        )

    def point(self, solution: Floats, data: ConicProgram) -> Floats:
        """(variables,) a point of the program, from a solver's solution for these data."""
        return np.asarray(self._free @ solution + self._offsets @ data.values, dtype=np.float64)

    def coordinates(self, point: Floats, data: ConicProgram) -> Floats:
        """What a solver's solution would be at a point of the program; the nearest one where it is not invariant."""
        moved = point - self._offsets @ data.values
        return np.asarray(np.linalg.lstsq(self._free.toarray(), moved, rcond=None)[0], dtype=np.float64)

    def lift(self, duals: Sequence[Floats]) -> tuple[Floats, ...]:
        """Dual matrices of the full blocks from those of the reduced ones."""
        symmetry = self._symmetry
        if symmetry is None:
            return tuple(duals)
        rest = iter(duals)
        full = {k: split.lift([next(rest) for _ in split.kinds]) for k, split in self._split.items()}
        counts = np.bincount(np.array(symmetry.owners), minlength=len(self._sizes))
        out = []
        for owner, step in zip(symmetry.owners, symmetry.transports, strict=True):
            source = full[owner] / counts[owner]
            out.append(source if step is None else np.asarray(step @ (step @ source.T).T))
        return tuple(out)


def clean(matrix: sp.csc_array, below: float = 1e-15) -> sp.csc_array:
    """The matrix, changed in place, without entries that are zero but for rounding."""
    matrix.data[np.abs(matrix.data) < below] = 0.0
    matrix.eliminate_zeros()
    return matrix
