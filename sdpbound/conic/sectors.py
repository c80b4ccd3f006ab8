"""Symmetry sectors of a program's matrices, and the elimination of equalities."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from sdpbound.arrays import Floats, Ints

__all__ = ["Sector", "SectorBlock", "eliminate", "expanded", "null_space", "sectors_of", "triangle_map"]


@dataclass(frozen=True, eq=False)
class Sector:
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
class SectorBlock:
    """A matrix with M[u, v] = y[index[u, v]], and the sectors that it consists of at invariant y."""

    index: Ints
    sectors: tuple[Sector | None, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(len(self.index) if sector is None else len(sector.words) for sector in self.sectors)

    def triangles(self, invariants: sp.csr_array) -> sp.csr_array:
        """Rows that read the upper triangles of the blocks, column by column, from z; y = invariants z."""
        maps = [triangle_map(self.index, sector, invariants.shape[0]) for sector in self.sectors]
        return sp.csr_array(sp.csr_array(sp.vstack(maps, format="csr")) @ invariants)

    def lift(self, duals: Sequence[Floats]) -> Floats:
        """The dual of the whole matrix."""
        total = np.zeros(self.index.shape)
        for sector, dual in zip(self.sectors, duals, strict=True):
            total += expanded(sector, dual)
        return total


def expanded(sector: Sector | None, dual: Floats) -> Floats:
    """A dual matrix of a sector in full words."""
    if sector is None:
        return dual
    basis = sector.basis
    return np.asarray(basis @ (basis @ dual.T).T)


def eliminate(equalities: sp.csr_array) -> tuple[sp.csr_array, sp.csr_array]:
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


def null_space(relations: sp.csr_array) -> sp.csr_array:
    """All u with ``relations @ u = 0`` as ``free @ z``, z some of the entries of u."""
    n = relations.shape[1]
    involved = np.unique(relations.indices)
    if not involved.size:
        return sp.csr_array(sp.eye_array(n))
    triangle, order = scipy.linalg.qr(relations[:, involved].toarray(), mode="r", pivoting=True)
    diagonal = np.abs(np.diagonal(triangle))
    rank = int((diagonal > 1e-11 * diagonal[0]).sum())
    fixed, left = involved[order[:rank]], involved[order[rank:]]
    block = -scipy.linalg.solve_triangular(triangle[:rank, :rank], triangle[:rank, rank:])
    block[np.abs(block) < 1e-13] = 0.0
    is_free = np.ones(n, dtype=bool)
    is_free[fixed] = False
    number = np.cumsum(is_free) - 1
    row, col = np.nonzero(block)
    entries = np.concatenate([np.ones(int(is_free.sum())), block[row, col]])
    rows = np.concatenate([np.flatnonzero(is_free), fixed[row]])
    columns = np.concatenate([number[is_free], number[left[col]]])
    return sp.csr_array((entries, (rows, columns)), shape=(n, int(is_free.sum())))


def sectors_of(n: int, generators: Sequence[tuple[Ints, Floats]]) -> list[Sector | None]:
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
    sectors: list[Sector | None] = []
    for character in itertools.product((1.0, -1.0), repeat=len(generators)):
        weights = signs * np.prod(np.where(exponents == 1, character, 1.0), axis=1)[:, None]
        for h, k, same in again:  # elements that lead to the same word add up
            weights[h, same] += weights[k, same]
            weights[k, same] = 0.0
        norms = np.sqrt((weights * weights).sum(axis=0))
        keep = norms > 1e-9
        if keep.any():
            sectors.append(Sector(n, images[:, keep].T.copy(), (weights[:, keep] / norms[keep]).T.copy()))
    return sectors


def triangle_map(index: Ints, sector: Sector | None, variables: int) -> sp.csr_array:
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
