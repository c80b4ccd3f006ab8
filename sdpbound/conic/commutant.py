"""Symmetric matrices of a family, block-diagonalised together: what a random member of their algebra says.

The family is that of all moment matrices with a symmetry: real symmetric matrices M that commute with an orthogonal
representation of a group. A random polynomial of random members has, by Schur's lemma, an eigenspace for each copy of
each irreducible representation, and between two copies it is a multiple of an orthogonal matrix if they are equivalent,
zero if not (Murota, Kanno, Kojima and Kojima, Jpn. J. Ind. Appl. Math. 27, 125, 2010). So the family is

    M = sum over kinds, copies p and q, and a:  c_a[p, q]  E_p C_a E_q^T,

where the columns of E_p are an orthonormal basis of copy p, all bases of a kind aligned, and C_a, with C_0 = 1, span
the matrices that commute with the representation: one for a real kind, two for a complex, four for a quaternionic
one. M is positive semidefinite if and only if, for each kind, the matrix of the blocks ``sum_a c_a[p, q] S^T C_a S``
is, with S a basis of what the C_a make of one vector. Nothing here is trusted, but everything is tried on another
random member.

Each copy is looked for among the words of one orbit of the group only, so that bases have few entries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from sdpbound.arrays import Floats, Ints

__all__ = ["Kind", "kinds_of"]

#: Parts of a random matrix below this, relative, are zero; they are either of order one or of rounding.
SMALL = 1e-7
ATTEMPTS = 3
#: Bases of no more words are dense arrays.
DENSE = 300


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """All copies of one irreducible representation.

    Attributes
    ----------
    words : (m, s) for each of m copies the basis words with which it is written, padded with 0
    frames : (m, s, d) orthonormal columns E_p on these words, zero where padded
    units : (t, d, d) the C_a, ``trace(C_a^T C_b) = d`` if a = b, else 0
    seeds : (d, t) the columns of S
    """

    words: Ints
    frames: Floats
    units: Floats
    seeds: Floats

    @property
    def copies(self) -> int:
        return len(self.words)

    @property
    def dimension(self) -> int:
        return int(self.frames.shape[2])

    @property
    def size(self) -> int:
        """Of the block."""
        return self.copies * len(self.units)

    @property
    def tables(self) -> Floats:
        """(t, t, t) the matrices S^T C_a S."""
        return np.asarray(np.einsum("ki,akl,lj->aij", self.seeds, self.units, self.seeds))

    def basis(self, n: int) -> Floats | sp.csr_array:
        """(n, m d): all copies side by side, sparse where n is large."""
        m, s, d = self.frames.shape
        columns = np.broadcast_to((np.arange(m)[:, None] * d + np.arange(d))[:, None, :], (m, s, d))
        rows = np.broadcast_to(self.words[:, :, None], (m, s, d))
        keep = self.frames != 0.0
        if n > DENSE:
            return sp.csr_array((self.frames[keep], (rows[keep], columns[keep])), shape=(n, m * d))
        out = np.zeros((n, m * d))
        out[rows[keep], columns[keep]] = self.frames[keep]
        return out

    def expanded(self, dual: Floats, n: int) -> Floats:
        """A dual of the block as a matrix (n, n) of basis words: the adjoint of taking the block from a matrix."""
        m, t, d = self.copies, len(self.units), self.dimension
        parts = np.einsum("pbqc,abc->apq", dual.reshape(m, t, m, t), self.tables) / d
        inner = np.einsum("apq,akl->pkql", parts, self.units).reshape(m * d, m * d)
        basis = self.basis(n)
        return np.asarray(basis @ (basis @ inner.T).T)


def kinds_of(member: Callable[[], Floats], orbits: Ints) -> tuple[list[Kind], bool]:
    """The kinds that a family of matrices consists of.

    Parameters
    ----------
    member : a random member (n, n) at each call
    orbits : (n,) numbers of the orbits of the words

    Returns
    -------
    The kinds, and whether each copy is written with the words of one orbit. If the decomposition fails on another
    member, the kinds are the parts between which all members are zero, whole, each word a copy.
    """
    for attempt in range(ATTEMPTS):
        # two copies of a quaternionic kind show one unit for each random matrix
        kinds = _attempt(member, orbits, 1 + 2 * attempt)
        if kinds is not None and _holds(kinds, member()):
            return kinds, True
    return _whole_parts(member()), False


def _attempt(member: Callable[[], Floats], orbits: Ints, more: int) -> list[Kind] | None:
    random = _polynomial(member(), member())
    copies = _copies(random, orbits)
    n = len(orbits)
    basis = np.zeros((n, n))
    starts = np.zeros(len(copies) + 1, dtype=np.int64)
    for k, (words, frame) in enumerate(copies):
        starts[k + 1] = starts[k] + frame.shape[1]
        basis[words, starts[k] : starts[k + 1]] = frame
    # of another one, since between copies of one orbit the first is zero
    first = basis.T @ _polynomial(member(), member()) @ basis
    others = [basis.T @ _polynomial(member(), member()) @ basis for _ in range(more)]
    scale = float(np.abs(random).max())
    left = np.ones(len(copies), dtype=bool)
    kinds = []
    while left.any():
        reference = int(np.flatnonzero(left)[0])
        own = slice(starts[reference], starts[reference + 1])
        size = np.sqrt(np.add.reduceat((first[:, own] ** 2).sum(axis=1), starts[:-1]))
        like = np.flatnonzero(left & (size > SMALL * scale))
        left[like] = False
        left[reference] = False
        kind = _aligned(copies, starts, like, reference, first, others)
        if kind is None:
            return None
        kinds.append(kind)
    return kinds


def _polynomial(one: Floats, other: Floats) -> Floats:
    """A symmetric polynomial of two members, of a degree that couples what is coupled in two steps."""
    one, other = (m / (float(np.sqrt((m * m).sum() / len(m))) or 1.0) for m in (one, other))
    mixed = one @ other
    out = one + 0.7 * other + 0.5 * (mixed + mixed.T) + one @ one + 0.3 * other @ other
    return np.asarray(0.5 * (out + out.T))


def _copies(random: Floats, orbits: Ints) -> list[tuple[Ints, Floats]]:
    """The eigenspaces on the words of each orbit: words (s,) and an orthonormal basis (s, d)."""
    order = np.argsort(orbits, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(orbits[order])) + 1)
    out: list[tuple[Ints, Floats]] = []
    for words in parts:
        if words.size == 1:
            out.append((words, np.ones((1, 1))))
            continue
        values, vectors = np.linalg.eigh(random[np.ix_(words, words)])
        width = max(1.0, float(np.abs(values).max()))
        cuts = np.flatnonzero(np.diff(values) > 1e-9 * width) + 1
        vectors[np.abs(vectors) < 1e-13] = 0.0
        out += [(words, frame) for frame in np.split(vectors, cuts, axis=1)]
    return out


def _aligned(
    copies: list[tuple[Ints, Floats]],
    starts: Ints,
    like: Ints,
    reference: int,
    first: Floats,
    others: list[Floats],
) -> Kind | None:
    """The kind of these copies, their bases turned so that the random matrix is a multiple of one between them."""
    d = copies[reference][1].shape[1]
    own = slice(starts[reference], starts[reference + 1])
    members = [reference, *(int(q) for q in like if q != reference)]
    if any(copies[q][1].shape[1] != d for q in members):
        return None
    frames, turns = [], []
    for q in members:
        between = first[starts[q] : starts[q + 1], own]
        u, size, vt = np.linalg.svd(between)
        if q == reference:
            u = vt.T  # its own block is a multiple of one
        elif size[-1] < (1.0 - 1e-5) * size[0]:
            return None
        turns.append(u @ vt)
        frames.append(copies[q][1] @ turns[-1])
    units = np.eye(d)[None]
    if d > 1 and len(members) > 1:
        found = _units(others, starts, members, turns, d)
        if found is None:
            return None
        units = found
    if d == 1:
        frames = _sparse([copies[q][0] for q in members], frames)
    seeds = np.stack([unit[:, 0] for unit in units], axis=1)
    s = max(len(copies[q][0]) for q in members)
    words = np.zeros((len(members), s), dtype=np.int64)
    padded = np.zeros((len(members), s, d))
    for k, (q, frame) in enumerate(zip(members, frames, strict=True)):
        words[k, : len(frame)] = copies[q][0]
        padded[k, : len(frame)] = frame
    return Kind(words, padded, units, seeds)


def _sparse(words: list[Ints], frames: list[Floats]) -> list[Floats]:
    """Other orthonormal vectors, with few entries, for copies of dimension one that are written with the same words.

    Each combination of such copies is a copy as well. The columns of a factor of their projection are orthonormal, and
    as sparse as it is.
    """
    out = list(frames)
    places: dict[bytes, list[int]] = {}
    for k, own in enumerate(words):
        places.setdefault(own.tobytes(), []).append(k)
    for same in places.values():
        span = np.hstack([frames[k] for k in same])
        left = span @ span.T
        for k in same:
            pivot = int(np.argmax(np.diagonal(left)))
            column = left[:, pivot] / np.sqrt(left[pivot, pivot])
            column[np.abs(column) < 1e-12] = 0.0
            out[k] = column[:, None]
            left = left - np.outer(column, column)
    return out


def _units(others: list[Floats], starts: Ints, members: list[int], turns: list[Floats], d: int) -> Floats | None:
    """The C_a: an orthonormal basis of the blocks of other random matrices between aligned copies; None if it fails."""
    blocks = []
    for i, q in enumerate(members):
        for j in range(min(i, 3)):  # a few are enough to span at most four dimensions
            r = members[j]
            for other in others:
                block = turns[i].T @ other[starts[q] : starts[q + 1], starts[r] : starts[r + 1]] @ turns[j]
                blocks.append((block - np.eye(d) * (np.trace(block) / d)).reshape(-1))
    rest = np.array(blocks)
    size = max(float(np.abs(other).max()) for other in others) or 1.0
    _, values, vt = np.linalg.svd(rest, full_matrices=False)
    count = int((values > 1e-6 * size).sum())
    if count not in (0, 1, 3):
        return None
    units = np.concatenate([np.eye(d)[None], vt[:count].reshape(count, d, d) * np.sqrt(d)])
    gram = np.einsum("aij,bij->ab", units, units) / d
    squares = np.einsum("aji,ajk->aik", units, units)
    if np.abs(gram - np.eye(len(units))).max() > 1e-6 or np.abs(squares - np.eye(d)).max() > 1e-6:
        return None
    return units


def _holds(kinds: list[Kind], member: Floats) -> bool:
    """Whether a member is what the kinds say: all of it, in blocks."""
    n = len(member)
    if sum(kind.copies * kind.dimension for kind in kinds) != n:
        return False
    rest = member.copy()
    for kind in kinds:
        m, d = kind.copies, kind.dimension
        basis = kind.basis(n)
        inner = np.asarray(basis.T @ np.asarray(basis.T @ member).T).T.reshape(m, d, m, d)
        parts = np.einsum("pkql,akl->apq", inner, kind.units) / d
        back = np.einsum("apq,akl->pkql", parts, kind.units).reshape(m * d, m * d)
        rest -= np.asarray(basis @ (basis @ back.T).T)
    return bool(np.abs(rest).max() <= 1e-8 * max(1.0, float(np.abs(member).max())))


def _whole_parts(member: Floats) -> list[Kind]:
    """One kind for each part of the words between which a member is zero, not decomposed further."""
    n = len(member)
    count, label = sp.csgraph.connected_components(sp.csr_array(np.abs(member) > 0.0), directed=False)
    kinds = []
    for part in range(count):
        words = np.flatnonzero(label == part)
        one = np.ones((words.size, 1, 1))
        kinds.append(Kind(words[:, None].astype(np.int64), one, np.ones((1, 1, 1)), np.ones((1, 1))))
    assert sum(kind.copies for kind in kinds) == n
    return kinds
