"""From a :class:`ConicProgram` to what a solver gets, and back.

Symmetries identify moments and block-diagonalise the matrices; equalities are eliminated; the rest is affine in the
objective and in the tested values, so that one reduction serves a whole sweep. A solver's dual is lifted back to the
full matrices: what happened here needs no trust, since the certificate is computed on the program itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from sdpbound.arrays import Floats, Ints
from sdpbound.conic.program import ConicProgram, LinearMatrixInequality, Symmetry
from sdpbound.conic.sectors import Sector, eliminate, expanded, sectors_of, triangle_map

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


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """One block of the reduced program: a full block as it is, or a sector of it."""

    parent: int
    sector: Sector | None


class Reduction(Reduced[ConicProgram, tuple[Floats, ...]]):
    """Symmetry reduction and elimination of equalities for all programs of one structure.

    Only ``equalities``, ``blocks``, ``inequalities`` of ``program`` are used; objective and values may change.
    """

    def __init__(self, program: ConicProgram, symmetries: Sequence[Symmetry] = ()) -> None:
        self._sizes = tuple(len(b) for b in program.blocks)
        self._orbits, self._to_block = _block_orbits(len(program.blocks), symmetries)
        orbit_matrix = _orbit_matrix(program.variables, symmetries)
        offsets, free = eliminate(sp.csr_array(program.equalities @ orbit_matrix))
        self._free = sp.csr_array(orbit_matrix @ free)  # y = free z + offsets f
        self._offsets = sp.csr_array(orbit_matrix @ offsets)
        selections: list[sp.csr_array] = [program.inequalities] if program.inequalities.shape[0] else []
        self._blocks: list[_Block] = []
        sizes: list[int] = []
        for k, index in enumerate(program.blocks):
            if self._orbits[k] != k:
                continue
            own = [(s.word_image[k], s.word_sign[k]) for s in symmetries if s.block_image[k] == k]
            for sector in sectors_of(len(index), own):
                selections.append(triangle_map(index, sector, program.variables))
                sizes.append(len(index) if sector is None else len(sector.words))
                self._blocks.append(_Block(k, sector))
        select = (
            sp.csr_array(sp.vstack(selections, format="csr")) if selections else sp.csr_array((0, program.variables))
        )
        matrix = sp.csc_array(select @ self._free)
        matrix.sum_duplicates()
        self._matrix = clean(matrix)
        self._matrix.sort_indices()
        self._constant = sp.csr_array(select @ self._offsets)
        self._free_t = sp.csr_array(self._free.T)
        self._linear = program.inequalities.shape[0]
        self._reduced_sizes = tuple(sizes)

    @property
    def variables(self) -> int:
        return int(self._matrix.shape[1])

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

    def lift(self, duals: Sequence[Floats]) -> tuple[Floats, ...]:
        """Dual matrices of the full blocks from those of the reduced ones."""
        if len(self._blocks) == len(self._sizes) and all(b.sector is None for b in self._blocks):
            return tuple(duals)
        full: dict[int, Floats] = {}
        for block, dual in zip(self._blocks, duals, strict=True):
            part = expanded(block.sector, dual)
            full[block.parent] = full[block.parent] + part if block.parent in full else part
        counts = np.bincount(self._orbits, minlength=len(self._sizes))
        out = []
        for k in range(len(self._sizes)):
            source = full[self._orbits[k]] / counts[self._orbits[k]]
            step = self._to_block[k]
            if step is not None:
                image, sign = step
                moved = np.empty_like(source)
                moved[np.ix_(image, image)] = source * np.outer(sign, sign)
                source = moved
            out.append(source)
        return tuple(out)


def clean(matrix: sp.csc_array) -> sp.csc_array:
    """The matrix, changed in place, without entries that are zero but for rounding."""
    matrix.data[np.abs(matrix.data) < 1e-15] = 0.0
    matrix.eliminate_zeros()
    return matrix


def _orbit_matrix(variables: int, symmetries: Sequence[Symmetry]) -> sp.csr_array:
    """Sparse (variables, orbits): every invariant y is this matrix times one number for each orbit."""
    if not symmetries:
        return sp.csr_array(sp.eye_array(variables))
    # nodes (i, +) and (i, -); a symmetry links y_i with sign * y_image; a loop from + to - means zero
    sources, targets = [], []
    here = np.arange(variables)
    for s in symmetries:
        flipped = s.sign < 0
        for side in (0, 1):
            sources.append(here + side * variables)
            targets.append(s.image + np.where(flipped, 1 - side, side) * variables)
    rows, cols = np.concatenate(sources), np.concatenate(targets)
    graph = sp.coo_array((np.ones(rows.size), (rows, cols)), shape=(2 * variables, 2 * variables))
    _, label = connected_components(graph, directed=False)
    plus, minus = label[:variables], label[variables:]
    alive = plus != minus
    orbit = np.minimum(plus, minus)
    names, number = np.unique(orbit[alive], return_inverse=True)
    sign = np.where(plus[alive] <= minus[alive], 1.0, -1.0)
    return sp.csr_array((sign, (here[alive], number.reshape(-1))), shape=(variables, names.size))


def _block_orbits(count: int, symmetries: Sequence[Symmetry]) -> tuple[Ints, list[tuple[Ints, Floats] | None]]:
    """First block of each block's orbit, and the signed permutation of words that leads there from it."""
    orbit = np.arange(count)
    path: list[tuple[Ints, Floats] | None] = [None] * count
    done: set[int] = set()
    for start in range(count):
        if start in done:
            continue
        done.add(start)
        queue = [start]
        while queue:
            k = queue.pop(0)
            for s in symmetries:
                j = s.block_image[k]
                if j in done:
                    continue
                done.add(j)
                image, sign = s.word_image[k], s.word_sign[k]
                before = path[k]
                if before is not None:
                    image, sign = image[before[0]], before[1] * sign[before[0]]
                path[j] = (image, sign)
                orbit[j] = start
                queue.append(j)
    return orbit, path
