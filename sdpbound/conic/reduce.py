"""From a :class:`ConicProgram` to what a solver gets, and back.

Symmetries identify moments and block-diagonalise the matrices; equalities are eliminated; the rest is affine in the
objective and in the tested values, so that one reduction serves a whole sweep. A solver's dual is lifted back to the
full matrices: what happened here needs no trust, since the certificate is computed on the program itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from sdpbound.conic.program import ConicProgram, LinearMatrixInequality, Symmetry

__all__ = ["Reduction"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Sector:
    """Orthonormal basis of a joint eigenspace: vector i is the sum over j of ``weights[i, j]`` word ``words[i, j]``."""

    size: int
    words: Ints
    weights: Floats

    @cached_property
    def basis(self) -> sp.csc_array:
        columns, width = self.words.shape
        starts = np.arange(0, columns * width + 1, width)
        return sp.csc_array((self.weights.reshape(-1), self.words.reshape(-1), starts), shape=(self.size, columns))


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """One block of the reduced program: a full block as it is, or a sector of it."""

    parent: int
    sector: _Sector | None

    def expand(self, dual: Floats) -> Floats:
        if self.sector is None:
            return dual
        basis = self.sector.basis
        return np.asarray(basis @ (basis @ dual.T).T)


class Reduction:
    """Symmetry reduction and elimination of equalities for all programs of one structure.

    Only ``equalities``, ``blocks``, ``inequalities`` of ``program`` are used; objective and values may change.
    """

    def __init__(self, program: ConicProgram, symmetries: Sequence[Symmetry] = ()) -> None:
        self._sizes = tuple(len(b) for b in program.blocks)
        self._orbits, self._to_block = _block_orbits(len(program.blocks), symmetries)
        orbit_matrix = _orbit_matrix(program.variables, symmetries)
        offsets, free = _eliminate(sp.csr_array(program.equalities @ orbit_matrix))
        self._free = sp.csr_array(orbit_matrix @ free)  # y = free z + offsets f
        self._offsets = sp.csr_array(orbit_matrix @ offsets)
        selections: list[sp.csr_array] = [program.inequalities] if program.inequalities.shape[0] else []
        self._blocks: list[_Block] = []
        sizes: list[int] = []
        for k, index in enumerate(program.blocks):
            if self._orbits[k] != k:
                continue
            own = [(s.word_image[k], s.word_sign[k]) for s in symmetries if s.block_image[k] == k]
            for sector in _sectors(len(index), own):
                selections.append(_triangle(index, sector, program.variables))
                sizes.append(len(index) if sector is None else len(sector.words))
                self._blocks.append(_Block(k, sector))
        select = (
            sp.csr_array(sp.vstack(selections, format="csr")) if selections else sp.csr_array((0, program.variables))
        )
        self._matrix = sp.csc_array(select @ self._free)
        self._matrix.sum_duplicates()
        self._matrix.data[np.abs(self._matrix.data) < 1e-15] = 0.0
        self._matrix.eliminate_zeros()
        self._matrix.sort_indices()
        self._constant = sp.csr_array(select @ self._offsets)
        self._free_t = sp.csr_array(self._free.T)
        self._linear = program.inequalities.shape[0]
        self._reduced_sizes = tuple(sizes)

    @property
    def variables(self) -> int:
        return self._matrix.shape[1]

    def inequality(self, objective: Floats, values: Floats) -> LinearMatrixInequality:
        """The solver's program for an objective (variables,) and the right-hand sides (1 + J,) of the equalities."""
        return LinearMatrixInequality(
            cost=self._free_t @ objective,
            offset=float(objective @ (self._offsets @ values)),
            matrix=self._matrix,
            constant=self._constant @ values,
            linear=self._linear,
            sizes=self._reduced_sizes,
        )

    def lift(self, duals: Sequence[Floats]) -> tuple[Floats, ...]:
        """Dual matrices of the full blocks from those of the reduced ones."""
        if len(self._blocks) == len(self._sizes) and all(b.sector is None for b in self._blocks):
            return tuple(duals)
        full: dict[int, Floats] = {}
        for block, dual in zip(self._blocks, duals, strict=True):
            part = block.expand(dual)
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


def _eliminate(equalities: sp.csr_array) -> tuple[sp.csr_array, sp.csr_array]:
    """Solve E u = f: u = offsets f + free z. Rows that depend on earlier ones are left out."""
    rows, n = equalities.shape
    involved = np.unique(equalities.indices)
    dense = equalities[:, involved].toarray()
    track = np.eye(rows)
    pivots: list[tuple[int, int]] = []
    scale = max(1.0, float(np.abs(dense).max(initial=0.0)))
    for r in range(rows):
        p = int(np.abs(dense[r]).argmax()) if dense.shape[1] else 0
        if dense.shape[1] == 0 or abs(dense[r, p]) < 1e-11 * scale:
            continue
        track[r] /= dense[r, p]
        dense[r] /= dense[r, p]
        factors = dense[:, p].copy()
        factors[r] = 0.0
        dense -= np.outer(factors, dense[r])
        track -= np.outer(factors, track[r])
        dense[:, p] = 0.0
        dense[r, p] = 1.0
        pivots.append((r, p))
    pivot_rows = np.array([r for r, _ in pivots], dtype=np.int64)
    pivot_cols = np.array([involved[p] for _, p in pivots], dtype=np.int64)
    is_free = np.ones(n, dtype=bool)
    is_free[pivot_cols] = False
    number = np.cumsum(is_free) - 1
    free_index = np.flatnonzero(is_free)
    block = -dense[pivot_rows]
    block[:, [p for _, p in pivots]] = 0.0
    block[np.abs(block) < 1e-15] = 0.0
    row, col = np.nonzero(block)
    free = sp.csr_array(
        (
            np.concatenate([np.ones(free_index.size), block[row, col]]),
            (
                np.concatenate([free_index, pivot_cols[row]]),
                np.concatenate([number[free_index], number[involved[col]]]),
            ),
        ),
        shape=(n, free_index.size),
    )
    offset_rows = track[pivot_rows]
    row, col = np.nonzero(offset_rows)
    offsets = sp.csr_array((offset_rows[row, col], (pivot_cols[row], col)), shape=(n, rows))
    return offsets, free


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


def _sectors(n: int, generators: Sequence[tuple[Ints, Floats]]) -> list[_Sector | None]:
    """The joint eigenspaces of commuting signed involutions of n words; [None] if there are none."""
    if not generators:
        return [None]
    here = np.arange(n)
    elements: list[tuple[tuple[int, ...], Ints, Floats]] = [((0,) * len(generators), here, np.ones(n))]
    for g, (image, sign) in enumerate(generators):
        elements += [
            ((*exponent[:g], 1, *exponent[g + 1 :]), image[im], sg * sign[im]) for exponent, im, sg in elements
        ]
    images = np.array([image for _, image, _ in elements])
    leaders = np.flatnonzero(images.min(axis=0) == here)
    images = images[:, leaders]
    signs = np.array([sign for _, _, sign in elements])[:, leaders]
    exponents = np.array([exponent for exponent, _, _ in elements])
    again = [
        (h, k, same)
        for h, k in itertools.combinations(range(len(elements)), 2)
        if (same := images[h] == images[k]).any()
    ]
    sectors: list[_Sector | None] = []
    for character in itertools.product((1.0, -1.0), repeat=len(generators)):
        weights = signs * np.prod(np.where(exponents == 1, character, 1.0), axis=1)[:, None]
        for h, k, same in again:  # elements that lead to the same word add up
            weights[h, same] += weights[k, same]
            weights[k, same] = 0.0
        norms = np.sqrt((weights * weights).sum(axis=0))
        keep = norms > 1e-9
        if keep.any():
            sectors.append(_Sector(n, images[:, keep].T.copy(), (weights[:, keep] / norms[keep]).T.copy()))
    return sectors


def _triangle(index: Ints, sector: _Sector | None, variables: int) -> sp.csr_array:
    """Rows that read the upper triangle, column by column, of a block or of its sector from the variables."""
    q, p = np.tril_indices(len(index) if sector is None else len(sector.words))
    if sector is None:
        entry, weight, row = index[p, q], np.ones(p.size), np.arange(p.size)
    else:
        words, weights = sector.words, sector.weights
        entry = index[words[p][:, :, None], words[q][:, None, :]]
        weight = weights[p][:, :, None] * weights[q][:, None, :]
        row = np.broadcast_to(np.arange(p.size)[:, None, None], entry.shape)
    known = (entry >= 0) & (weight != 0.0)
    return sp.csr_array((weight[known], (row[known], entry[known])), shape=(p.size, variables))
