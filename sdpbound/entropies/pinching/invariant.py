"""How a group of relabellings acts on words of two parties and on their moments, and what it leaves unchanged.

Relabellings replace letters by letters or by combinations of them, ``P_last = 1 - (the others)``. All is done with
dense arrays and with the elements of the group one by one: programs of these words have a few hundred invariant
moments, of which nearly every entry of a matrix has many.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from sdpbound.arrays import Floats, Ints
from sdpbound.bell.relabelling import Relabelling
from sdpbound.bell.scenario import Scenario
from sdpbound.conic.commutant import Kind, kinds_of
from sdpbound.entropies.pinching.noise import white_noise
from sdpbound.limiting import require_time
from sdpbound.npa.words import MomentMatrix, PartyAlgebra, PartyWord, Word

__all__ = ["Invariant", "action_on_words", "elements_of"]

#: Groups with more elements than this are not used.
MOST_ELEMENTS = 256
SEED = 20100610
#: Moments whose matrices are made at once.
STEP = 32


def action_on_words(relabelling: Relabelling, words: Sequence[Word]) -> sp.csr_array | None:
    """Sparse (n, n): column u is the image of word u; None if words go to others than these."""
    scenario = relabelling.scenario
    where = {word: i for i, word in enumerate(words)}
    algebras = [PartyAlgebra(own) for own in scenario.letters]
    letters = [_letter_images(relabelling, p) for p in range(scenario.parties)]
    to = [relabelling.party_image(p) for p in range(scenario.parties)]
    known: list[dict[PartyWord, dict[PartyWord, float]]] = [{(): {(): 1.0}} for _ in algebras]
    rows, columns, values = [], [], []
    for j, word in enumerate(words):
        parts = []
        for p, part in enumerate(word):
            for end in range(1, len(part) + 1):
                if part[:end] not in known[p]:
                    known[p][part[:end]] = _times(known[p][part[: end - 1]], letters[p][part[end - 1]], algebras[to[p]])
            parts.append(known[p][part])
        for choice in itertools.product(*(part.items() for part in parts)):
            moved: list[PartyWord] = [()] * len(word)
            value = 1.0
            for p, (part, factor) in enumerate(choice):
                moved[to[p]], value = part, value * factor
            place = where.get(tuple(moved))
            if place is None:
                return None
            rows.append(place)
            columns.append(j)
            values.append(value)
    out = sp.csr_array((values, (rows, columns)), shape=(len(words), len(words)))
    out.eliminate_zeros()
    return out


def _letter_images(relabelling: Relabelling, party: int) -> dict[int, dict[PartyWord, float]]:
    """What each letter of a party goes to, as a polynomial in letters of the party's image."""
    scenario, names = relabelling.scenario, relabelling.names(party)
    found: dict[int, dict[PartyWord, float]] = {}
    for i, letter in enumerate(scenario.letters[party], start=1):
        q, x, a = names[letter.setting, letter.outcome or 0]
        own = {(one.setting, one.outcome): j for j, one in enumerate(scenario.letters[q], start=1)}
        if letter.outcome is None:
            found[i] = {(own[x, None],): 1.0 - 2.0 * a}
        elif (x, a) in own:
            found[i] = {(own[x, a],): 1.0}
        else:
            others = range(scenario.outcomes[q][x] - 1)
            found[i] = {(): 1.0} | {(own[x, b],): -1.0 for b in others}
    return found


def _times(
    left: dict[PartyWord, float], right: dict[PartyWord, float], algebra: PartyAlgebra
) -> dict[PartyWord, float]:
    out: dict[PartyWord, float] = {}
    for (word, value), (more, factor) in itertools.product(left.items(), right.items()):
        reduced = algebra.reduce(word + more)
        if reduced is not None:
            out[reduced] = out.get(reduced, 0.0) + value * factor
    return {word: value for word, value in out.items() if value}


def elements_of(generators: Sequence[sp.csr_array], size: int) -> list[sp.csr_array]:
    """All products of generators, the identity first; the identity alone where they are too many."""
    probe = np.random.default_rng(SEED).standard_normal(size)
    one = sp.csr_array(sp.eye_array(size))
    found = {_name(probe): one}
    queue = [one]
    while queue:
        element = queue.pop()
        for generator in generators:
            product = sp.csr_array(generator @ element)
            name = _name(product @ probe)
            if name not in found:
                if len(found) >= MOST_ELEMENTS:
                    return [one]
                found[name] = product
                queue.append(product)
    return list(found.values())


def _name(vector: Floats) -> bytes:
    return bytes((np.round(vector, 6) + 0.0).tobytes())


@dataclass(frozen=True, eq=False)
class Invariant:
    """A moment matrix, and what a group of relabellings leaves unchanged.

    Attributes
    ----------
    matrix : of n words, with m moments
    elements : of the group, sparse (n, n), by :func:`elements_of`
    scenario : of the words
    """

    scenario: Scenario
    matrix: MomentMatrix
    elements: tuple[sp.csr_array, ...]

    @property
    def index(self) -> Ints:
        return self.matrix.index

    @cached_property
    def mean(self) -> sp.csr_array:
        """Sparse (n, n): the projection of polynomials on those that the group leaves unchanged."""
        total = self.elements[0]
        for element in self.elements[1:]:
            total = sp.csr_array(total + element)
        return total * (1.0 / len(self.elements))

    @cached_property
    def moments(self) -> Floats:
        """(m, k) a basis of the invariant moments, orthonormal columns."""
        m = self.matrix.moments
        if len(self.elements) == 1:
            return np.eye(m)
        flat = self.index.reshape(-1)
        numbers, first = np.unique(flat, return_index=True)
        first = first[numbers >= 0]
        total = sp.csr_array((m, m))
        for element in self.elements:
            total = sp.csr_array(total + self._on_moments(sp.csc_array(element), *np.divmod(first, len(self.index))))
        mean = total * (1.0 / len(self.elements))
        count = round(float(mean.diagonal().sum()))
        require_time(8.0 * m * count**2 / 1e10)
        drawn = np.random.default_rng(SEED).standard_normal((m, count))
        return np.asarray(np.linalg.qr(mean @ drawn)[0])

    def _on_moments(self, columns: sp.csc_array, left: Ints, right: Ints) -> sp.csr_array:
        """Sparse (m, m): the moments of the images of words, from the places (left, right) where moments stand."""
        counts = np.diff(columns.indptr)
        sizes = counts[left] * counts[right]
        row = np.repeat(np.arange(left.size), sizes)
        inner = np.arange(row.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        i, j = np.divmod(inner, counts[right][row])
        i, j = i + columns.indptr[left[row]], j + columns.indptr[right[row]]
        entry = self.index[columns.indices[i], columns.indices[j]]
        weight = columns.data[i] * columns.data[j]
        keep = entry >= 0
        return sp.csr_array((weight[keep], (row[keep], entry[keep])), shape=(left.size, self.matrix.moments))

    @cached_property
    def noise(self) -> Floats:
        """(m,) the moments at white noise."""
        return white_noise(self.scenario, self.matrix)

    @cached_property
    def kinds(self) -> tuple[Floats, tuple[Kind, ...]]:
        """Words (n, n) that are orthonormal at white noise, and the kinds of an invariant matrix in these.

        Relabellings are orthogonal in these words, and so is what 1 - 2 E makes of words from the left, with E a
        projection: white noise is symmetric under them, as <(E u)* v> is <u* E v>. A moment matrix commutes with these
        reflections if they lead to words again. So it has no entries between two projections of the key, and of
        those that relabellings take to each other one has blocks of its own.
        """
        n = len(self.index)
        words = np.linalg.inv(np.linalg.cholesky(self.at(self.noise))).T
        random = np.random.default_rng(SEED)

        def member() -> Floats:
            return np.asarray(words.T @ self.at(self.moments @ random.standard_normal(self.moments.shape[1])) @ words)

        return words, tuple(kinds_of(member, np.zeros(n, dtype=np.int64))[0])

    @cached_property
    def frames(self) -> list[Floats]:
        """For each block Q (n, s): it is Q^T M Q for an invariant M, positive if and only if M is."""
        words, kinds = self.kinds
        out = []
        for kind in kinds:
            own = kind.basis(len(self.index)) @ np.kron(np.eye(kind.copies), kind.seeds)
            out.append(np.asarray(words @ own))
        return out

    def lift(self, duals: Sequence[Floats]) -> Floats:
        """The dual (n, n) of the whole matrix from those of the blocks."""
        words, kinds = self.kinds
        n = len(self.index)
        total = np.zeros((n, n))
        for kind, dual in zip(kinds, duals, strict=True):
            total += kind.expanded(dual, n)
        return np.asarray(words @ total @ words.T)

    def at(self, moments: Floats) -> Floats:
        """(n, n) the matrix of these moments (m,)."""
        return np.where(self.index >= 0, moments[np.maximum(self.index, 0)], 0.0)

    def forms(self, pairs: Sequence[Sequence[tuple[Floats, float]]]) -> list[Floats]:
        """For each list of (Q, weight) the sums ``weight Q^T M Q``, as upper triangles (rows, k) of invariant moments.

        Column by column, of all invariant moments of the basis.
        """
        k, n = self.moments.shape[1], len(self.index)
        shapes = [np.tril_indices(group[0][0].shape[1]) for group in pairs]
        out = [np.empty((row.size, k)) for row, _ in shapes]
        safe, known = np.maximum(self.index, 0), self.index >= 0
        used = [[np.flatnonzero(np.abs(frame).max(axis=1) > 1e-14) for frame, _ in group] for group in pairs]
        blocks = [[frame[own] for (frame, _), own in zip(*both, strict=True)] for both in zip(pairs, used, strict=True)]
        for begin in range(0, k, STEP):
            require_time()
            some = self.moments[:, begin : begin + STEP].T
            stack = np.take(np.ascontiguousarray(some), safe, axis=1)
            stack[:, ~known] = 0.0
            flat = stack.reshape(len(some), -1)
            for (column, row), rows, group, places, frames in zip(shapes, out, pairs, used, blocks, strict=True):
                total = np.zeros((len(some), *(frames[0].shape[1],) * 2))
                for (_, weight), own, frame in zip(group, places, frames, strict=True):
                    part = flat if own.size == n else np.take(flat, (own[:, None] * n + own).reshape(-1), axis=1)
                    half = (part.reshape(-1, own.size) @ frame).reshape(len(some), own.size, -1)
                    total += weight * np.matmul(frame.T, half)
                both = 0.5 * (total + total.transpose(0, 2, 1))
                rows[:, begin : begin + STEP] = both[:, row, column].T
        return out

    def means(self, one: int, vectors: Floats) -> Floats:
        """(r, k) the means of polynomials (n, r), of the basis; word ``one`` is the identity."""
        row = self.index[one]
        known = np.flatnonzero(row >= 0)
        return np.asarray(vectors[known].T @ self.moments[row[known]])
