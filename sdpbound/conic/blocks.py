"""The blocks of a program with a symmetry: how a solver's matrices are read from the variables, and led back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from sdpbound.arrays import Floats, Ints
from sdpbound.conic.commutant import Kind, kinds_of
from sdpbound.conic.program import Symmetry

__all__ = ["SplitBlock", "split_block"]

#: Entries of a table of weights built at once.
CHUNK = 4_000_000
#: Random members are drawn from here, so that a reduction is the same each time.
SEED = 20100610


@dataclass(frozen=True, slots=True, eq=False)
class SplitBlock:
    """One block of a program, and the kinds that its matrix at invariant variables consists of.

    Attributes
    ----------
    index : (n, n) variables of the block
    kinds : the kinds; one block of the reduced program for each
    basis : sparse (n, n), or None
    first : (n,) whether a basis word is one of the first string of its orbit
    counts : (n,) number of strings in its orbit
    """

    index: Ints
    kinds: tuple[Kind, ...]
    basis: sp.csr_array | None
    first: Ints
    counts: Ints

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(kind.size for kind in self.kinds)

    def triangles(self, invariants: sp.csr_array) -> sp.csr_array:
        """Rows that read the upper triangles of the blocks, column by column, from z; y = invariants z."""
        source = invariants if self.basis is None else self._entries(invariants)
        numbers, columns, values, spreads, start = [], [], [], [], 0
        for kind in self.kinds:
            number, column, value = self._coefficients(kind)
            numbers.append(number + start)
            columns.append(column)
            values.append(value)
            rows = kind.copies * (kind.copies + 1) // 2 * len(kind.units)
            start += rows
            spreads.append(_spread(kind.copies, kind.tables) if len(kind.units) > 1 else sp.eye_array(rows))
        entries = (np.concatenate(values), (np.concatenate(numbers), np.concatenate(columns)))
        coefficients = sp.csr_array(entries, shape=(start, source.shape[0]))
        out = sp.csr_array(coefficients @ source)
        if all(len(kind.units) == 1 for kind in self.kinds):
            return out
        return sp.csr_array(sp.block_diag(spreads, format="csr") @ out)

    def lift(self, duals: list[Floats]) -> Floats:
        """The dual of the whole block."""
        n = len(self.index)
        total = np.zeros((n, n))
        for kind, dual in zip(self.kinds, duals, strict=True):
            total += kind.expanded(dual, n)
        return total if self.basis is None else np.asarray(self.basis @ (self.basis @ total.T).T)

    def _entries(self, invariants: sp.csr_array) -> sp.csr_array:
        """Sparse (n n, k): the matrix in basis words read from z, in rows of first words only."""
        assert self.basis is not None
        n = len(self.index)
        flat = self.index.reshape(-1)
        known = np.flatnonzero(flat >= 0)
        variables, k = invariants.shape
        select = sp.csr_array((np.ones(known.size), (known, flat[known])), shape=(n * n, variables))
        # one side after the other, and in z: the entries merge on the way
        first = np.flatnonzero(self.first)
        left = sp.csr_array(sp.csr_array(self.basis.T)[first])
        rows = sp.kron(left, sp.eye_array(n), format="csr") @ sp.csr_array(select @ invariants)
        rows = sp.kron(sp.eye_array(first.size), sp.csr_array(self.basis.T), format="csr") @ rows
        rows = sp.coo_array(rows)
        place = first[rows.row // n] * n + rows.row % n
        keep = np.abs(rows.data) > 1e-14
        return sp.csr_array((rows.data[keep], (place[keep], rows.col[keep])), shape=(n * n, k))

    def _coefficients(self, kind: Kind) -> tuple[Ints, Ints, Floats]:
        """Rows, columns and values of the c_a[p, q], p <= q, as combinations of variables or of entries in basis words.

        c_a[p, q] is trace(C_a^T E_p^T M E_q) / d; by symmetry each string of the orbit of p adds the same to the trace,
        so that the words of the first one are enough.
        """
        n = len(self.index)
        t = len(kind.units)
        q, p = np.tril_indices(kind.copies)
        starts, words_of = self._first_words(kind)
        scaled = kind.frames * (self.counts[kind.words] / kind.dimension)[:, :, None]
        parts: list[tuple[Ints, Ints, Floats]] = []
        step = max(1, CHUNK // max(1, t * starts.shape[1] * kind.words.shape[1]))
        for begin in range(0, p.size, step):
            left, right = p[begin : begin + step], q[begin : begin + step]
            near = np.take_along_axis(scaled, starts[:, :, None], axis=1) * words_of[:, :, None]
            far = kind.frames[right].transpose(0, 2, 1)
            weight = np.stack([near[left] @ unit @ far for unit in kind.units], axis=1)  # (pairs, t, u, v)
            u = np.take_along_axis(kind.words, starts, axis=1)[left]
            v = kind.words[right]
            if self.basis is None:
                column = self.index[u[:, :, None], v[:, None, :]]
            else:
                column = u[:, :, None] * n + v[:, None, :]
            column = np.broadcast_to(column[:, None], weight.shape)
            number = np.broadcast_to(np.arange(begin, begin + left.size)[:, None, None, None], weight.shape)
            number = number * t + np.arange(t)[None, :, None, None]
            keep = (np.abs(weight) > 1e-14) & (column >= 0)
            parts.append((number[keep], column[keep], weight[keep]))
        number, column, value = (np.concatenate(part) for part in zip(*parts, strict=True))
        return number, column, value

    def _first_words(self, kind: Kind) -> tuple[Ints, Floats]:
        """(m, r) where in each copy's words those of the first string stand, and which of these are no padding."""
        present = (kind.frames != 0.0).any(axis=2) & (self.first[kind.words] > 0)
        width = max(1, int(present.sum(axis=1).max()))
        order = np.argsort(~present, axis=1, kind="stable")[:, :width]
        return order, np.take_along_axis(present, order, axis=1).astype(np.float64)


def _spread(copies: int, tables: Floats) -> sp.csr_array:
    """From the c_a[p, q], p <= q, to the upper triangle of the block of a complex or quaternionic kind."""
    t = len(tables)
    q, p = np.tril_indices(copies)
    number = np.arange(p.size)
    rows, columns, values = [], [], []
    for a in range(t):
        for b in range(t):
            for c in range(t):
                if abs(tables[a, b, c]) < 1e-12:
                    continue
                row, column = p * t + b, q * t + c
                keep = row <= column
                rows.append((column * (column + 1) // 2 + row)[keep])
                columns.append((number * t + a)[keep])
                values.append(np.full(int(keep.sum()), tables[a, b, c]))
    size = copies * t
    return sp.csr_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))),
        shape=(size * (size + 1) // 2, p.size * t),
    )


def split_block(index: Ints, block: int, symmetry: Symmetry) -> SplitBlock:
    """Decompose the matrix of a block, the first of its orbit."""
    random = np.random.default_rng(SEED)
    n = len(index)
    basis, turn = symmetry.basis, symmetry.turns[block] if symmetry.turns else None
    if basis is not None and turn is not None:
        basis = sp.csr_array(basis @ turn)

    def member() -> Floats:
        y = symmetry.invariants @ random.standard_normal(symmetry.invariants.shape[1])
        matrix = np.where(index >= 0, y[index], 0.0)
        return matrix if basis is None else np.asarray(basis.T @ np.asarray(basis.T @ matrix).T)

    strings, orbits = symmetry.strings, symmetry.orbits[block]
    kinds, by_orbits = kinds_of(member, orbits)
    if not by_orbits:
        strings = orbits = np.arange(n)
    lowest = np.full(int(orbits.max()) + 1, n, dtype=np.int64)
    np.minimum.at(lowest, orbits, strings)
    first = (strings == lowest[orbits]).astype(np.int64)
    pairs = np.unique(np.stack([orbits, strings]), axis=1)
    counts = np.bincount(pairs[0], minlength=lowest.size)[orbits]
    return SplitBlock(index, tuple(kinds), basis, first, counts)
