"""The columns of a program in groups that no block joins, and the matrices that its blocks are made of.

A block is ``constant + sum_c z_c A_c``. In a matrix that depends on the difference of two moments the A_c of shared
columns are combinations of those of a group's own, and many blocks have the same matrices. So each block gets a list
of *bases*, the A_c of its own columns that differ by more than a factor; for each own column its basis and factor,
and for each shared column a combination of bases.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from sdpbound.arrays import Floats, Ints
from sdpbound.conic.program import LinearMatrixInequality, triangle_size
from sdpbound.conic.solvers import vectors

__all__ = ["Bases", "BlockColumns", "ColumnGroup", "Layout", "layout_of"]

#: Additions of a compiled loop that take as long as one of a matrix product.
LOOP = 6.0
#: Digits to which two columns must agree to be one basis.
DIGITS = 12
#: A matrix is sparse if no more of its entries than this part are not zero.
FILLED = 0.15
#: A shared column is a combination of bases if it differs from one by less than this.
SAME = 1e-10
#: Bases are dependent where a decomposition leaves less than this part of the largest.
RANK = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Bases:
    """K symmetric matrices (n, n): entries of upper triangles.

    Attributes
    ----------
    starts : (K + 1,) where the entries of each begin
    rows, columns, values : of all entries
    full : (n, n, K) the matrices, where products of full ones are faster; else None
    triangles : (n (n + 1) / 2, K) their upper triangles, column by column, then
    """

    size: int
    starts: Ints
    rows: Ints
    columns: Ints
    values: Floats
    full: Floats | None
    triangles: Floats | None

    @property
    def count(self) -> int:
        return self.starts.size - 1


@dataclass(frozen=True, slots=True, eq=False)
class BlockColumns:
    """What the columns of a group, and the shared ones, are in a block.

    Attributes
    ----------
    block : number of the block
    bases : the K matrices
    own : (c,) columns that occur, as places in the group
    basis, factor : (c,) the number of each one's basis, and its factor
    of_shared : (d,) shared columns that occur
    combination : (d, K) what they are of the bases, sparse or, where few are zero, dense
    """

    block: int
    bases: Bases
    own: Ints
    basis: Ints
    factor: Floats
    of_shared: Ints
    combination: Floats | sp.csr_array


@dataclass(frozen=True, slots=True, eq=False)
class ColumnGroup:
    """Columns of the program, and the blocks in which they occur."""

    columns: Ints
    blocks: tuple[BlockColumns, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A program's groups, and the blocks with shared columns only, as a group without columns.

    Attributes
    ----------
    shared : number of shared columns, which come first
    stacks : for each size of a block the numbers of the blocks of this size
    places : for each block its place among those of its size
    """

    shared: int
    groups: tuple[ColumnGroup, ...]
    stacks: dict[int, Ints]
    places: Ints


def layout_of(program: LinearMatrixInequality) -> Layout:
    """The groups of a program; all columns are shared if it does not say which are, or if linear rows have others."""
    matrix = sp.csr_array(program.matrix)
    shared = program.variables if program.shared is None else program.shared
    if matrix[: program.linear, shared:].nnz:
        shared = program.variables
    sizes = np.array(program.sizes, dtype=np.int64)
    starts = program.linear + np.concatenate([[0], np.cumsum([triangle_size(int(n)) for n in sizes])]).astype(np.int64)
    finder = _Finder(matrix, starts, sizes, shared)
    groups = []
    for columns, blocks in _components(matrix, starts, shared):
        found = tuple(finder.block(int(b), columns) for b in blocks)
        groups.append(ColumnGroup(columns, found))
    places = np.zeros(sizes.size, dtype=np.int64)
    stacks = {int(n): np.flatnonzero(sizes == n) for n in np.unique(sizes)}
    for numbers in stacks.values():
        places[numbers] = np.arange(numbers.size)
    return Layout(shared, tuple(groups), stacks, places)


def _components(matrix: sp.csr_array, starts: Ints, shared: int) -> list[tuple[Ints, Ints]]:
    """Columns and blocks of each group; blocks of no group come last, with no columns."""
    count, others = starts.size - 1, matrix.shape[1] - shared
    rows = sp.coo_array(matrix[starts[0] :, shared:])
    block = np.searchsorted(starts, rows.row + starts[0], side="right") - 1
    links = sp.coo_array((np.ones(rows.nnz), (block, count + rows.col)), shape=(count + others, count + others))
    _, label = connected_components(links, directed=False)
    out = []
    for number in np.unique(label[count:]):
        out.append((shared + np.flatnonzero(label[count:] == number), np.flatnonzero(label[:count] == number)))
    free = np.flatnonzero(~np.isin(label[:count], label[count:]))
    return [*out, (np.zeros(0, dtype=np.int64), free)]


class _Finder:
    """Finds the bases of blocks; blocks with equal columns share them."""

    def __init__(self, matrix: sp.csr_array, starts: Ints, sizes: Ints, shared: int) -> None:
        self._matrix, self._starts, self._sizes, self._shared = matrix, starts, sizes, shared
        self._known: dict[tuple[int, bytes, bytes, bytes], BlockColumns] = {}
        self._bases: dict[tuple[int, bytes, bytes, bytes], Bases] = {}

    def block(self, number: int, columns: Ints) -> BlockColumns:
        rows = self._matrix[self._starts[number] : self._starts[number + 1]]
        local = sp.csc_array(sp.hstack([rows[:, columns], rows[:, : self._shared]], format="csc"))
        local.sort_indices()
        n = int(self._sizes[number])
        key = (n, local.data.tobytes(), local.indices.tobytes(), local.indptr.tobytes())
        if key not in self._known:
            self._known[key] = self._told_apart(local, number, n, columns.size)
        return replace(self._known[key], block=number)

    def _told_apart(self, local: sp.csc_array, number: int, n: int, own: int) -> BlockColumns:
        used = np.flatnonzero(np.diff(local.indptr))
        mine, of_shared = used[used < own], used[used >= own]
        numbers: dict[tuple[bytes, bytes], int] = {}
        chosen: list[int] = []
        basis = np.zeros(mine.size, dtype=np.int64)
        factor = np.zeros(mine.size)
        for place, c in enumerate(mine):
            part = slice(local.indptr[c], local.indptr[c + 1])
            factor[place] = local.data[part][0]
            scaled = np.round(local.data[part] / factor[place], DIGITS) + 0.0
            known = numbers.setdefault((local.indices[part].tobytes(), scaled.tobytes()), len(chosen))
            if known == len(chosen):
                chosen.append(int(c))
            basis[place] = known
        bases = sp.csc_array(local[:, chosen])
        bases.data = bases.data / np.repeat(bases.data[bases.indptr[:-1]], np.diff(bases.indptr))
        others = sp.csc_array(local[:, of_shared])
        combination, left = _combinations(bases, others)
        combination = np.vstack([combination, np.zeros((left.size, of_shared.size))])
        combination[:, left] = 0.0
        combination[bases.shape[1] + np.arange(left.size), left] = 1.0
        bases = sp.csc_array(sp.hstack([bases, others[:, left]], format="csc"))
        filled = np.count_nonzero(combination) > FILLED * combination.size
        mixed = np.ascontiguousarray(combination.T) if filled else sp.csr_array(combination.T)
        return BlockColumns(number, self._shared_bases(bases, n), mine, basis, factor, of_shared - own, mixed)

    def _shared_bases(self, found: sp.csc_array, n: int) -> Bases:
        """The bases, those of an earlier block if they are the same."""
        found.sort_indices()
        key = (n, *(part.tobytes() for part in (found.indptr, found.indices, np.round(found.data, DIGITS) + 0.0)))
        if key not in self._bases:
            self._bases[key] = _in_faster_form(found, n)
        return self._bases[key]


def _combinations(bases: sp.csc_array, others: sp.csc_array) -> tuple[Floats, Ints]:
    """(K, d) what other columns are of the bases, and which of them are no combination."""
    if not bases.shape[1] or not others.shape[1]:
        return np.zeros((bases.shape[1], others.shape[1])), np.arange(others.shape[1])
    wanted, dense = others.toarray(), bases.toarray()
    # independent bases, for of dependent ones the shortest combination has all of them
    _, triangle, order = scipy.linalg.qr(dense, mode="economic", pivoting=True)
    size = np.abs(np.diagonal(triangle))
    chosen = np.sort(order[: int((size > RANK * size[0]).sum())])
    found = np.zeros((dense.shape[1], wanted.shape[1]))
    found[chosen] = np.linalg.lstsq(dense[:, chosen], wanted, rcond=None)[0]
    found[np.abs(found) < SAME] = 0.0
    wrong = np.abs(bases @ found - wanted).max(axis=0)
    return found, np.flatnonzero(wrong > SAME * np.abs(wanted).max(axis=0))


def _in_faster_form(found: sp.csc_array, n: int) -> Bases:
    row, column = vectors.triangle(n)
    entries, count = found.shape
    full = triangles = None
    loops = LOOP * found.nnz * (2.0 * n * n + 0.5 * count)
    if loops > 2.0 * n**3 * count + entries * count**2:
        triangles = np.asarray(found.toarray(), dtype=np.float64)
        full = np.zeros((n, n, count))
        full[row, column] = full[column, row] = triangles
    where = found.indices
    return Bases(n, found.indptr.astype(np.int64), row[where], column[where], np.asarray(found.data), full, triangles)
