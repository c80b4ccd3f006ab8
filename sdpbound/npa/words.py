"""Words of measurement operators, their reduction, and moment matrices as integer tables.

A party's letters are the non-identity coordinates of its scenario: observables with ``O O = 1`` and projectors with
``P P = P`` and ``P P' = 0`` for two outcomes of one setting. Letters of different parties commute; letters of one
party do not, except for pairs of settings declared commuting. A word is one tuple of letters (coordinate numbers, from
1) for each party. Every word is identified with its adjoint: replacing each moment by the mean of the two keeps a
feasible point feasible, so moments may be taken real, and leaving the identification out only loosens a bound.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sdpbound.bell.scenario import Letter, Scenario
from sdpbound.limiting import require_time

__all__ = [
    "MomentLookup",
    "MomentMatrix",
    "PartyAlgebra",
    "PartyWord",
    "Word",
    "moment_matrix",
    "moment_matrix_of",
]

PartyWord = tuple[int, ...]
Word = tuple[PartyWord, ...]


@dataclass(frozen=True)
class PartyAlgebra:
    """The algebra of one party.

    Attributes
    ----------
    letters : the party's letters; letter i of a word (from 1) is ``letters[i - 1]``
    commuting : pairs of settings whose letters commute
    """

    letters: tuple[Letter, ...]
    commuting: frozenset[tuple[int, int]] = frozenset()

    def reduce(self, word: Sequence[int]) -> PartyWord | None:
        """Normal form of a word; None if it is zero. Idempotent, and equal words have equal normal forms.

        >>> a = PartyAlgebra((Letter(0, None), Letter(1, None)))
        >>> a.reduce((1, 2, 2, 1, 2))
        (2,)
        """
        letters = self.letters
        out: list[int] = []
        for letter in word:
            new = letters[letter - 1]
            place = len(out) - 1
            # a letter moves left through letters that commute with it, until it meets its own setting or is blocked
            while place >= 0 and self._commute(letters[out[place] - 1].setting, new.setting):
                place -= 1
            if place >= 0 and letters[out[place] - 1].setting == new.setting:
                if new.outcome is None:
                    del out[place]
                elif out[place] != letter:
                    return None
            else:
                out.append(letter)
        return tuple(out) if not self.commuting else self._lexicographic(out)

    def _commute(self, s: int, t: int) -> bool:
        return bool(self.commuting) and ((s, t) in self.commuting or (t, s) in self.commuting)

    def _lexicographic(self, word: list[int]) -> PartyWord:
        """Smallest of the words that commutations turn a reduced word into."""
        rest, out = list(word), []
        while rest:
            best = 0
            for i in range(1, len(rest)):
                if rest[i] < rest[best] and all(
                    self._commute(self.letters[rest[i] - 1].setting, self.letters[r - 1].setting) for r in rest[:i]
                ):
                    best = i
            out.append(rest.pop(best))
        return tuple(out)

    def product(self, left: PartyWord, right: PartyWord) -> PartyWord | None:
        """Normal form of ``left^dagger right`` for reduced words; None if zero."""
        if self.commuting:
            return self.reduce(left[::-1] + right)
        letters = self.letters
        i, j, n, k = 0, 0, len(left), len(right)
        while i < n and j < k:
            a, b = left[i], right[j]
            if a == b:
                if letters[a - 1].outcome is not None:
                    return left[:i:-1] + right[j:]  # P P = P: one of the two stays, nothing further meets
                i, j = i + 1, j + 1
            elif letters[a - 1].setting == letters[b - 1].setting:
                return None
            else:
                break
        return (left[i:][::-1] + right[j:]) if i else (left[::-1] + right[j:])

    def words(self, length: int) -> list[PartyWord]:
        """All products of ``length`` letters, reduced, without zero and repetition, in order of first appearance."""
        seen: dict[PartyWord, None] = {(): None}
        for _ in range(length):
            grown: dict[PartyWord, None] = {}
            for word in seen:
                for letter in range(1, len(self.letters) + 1):
                    reduced = self.reduce((*word, letter))
                    if reduced is not None:
                        grown[reduced] = None
            seen = grown
        return list(seen)


class MomentLookup(Protocol):
    """What a generator knows of its words."""

    def find(self, word: Word) -> int: ...


@dataclass(frozen=True, eq=False)
class MomentMatrix:
    """Which moment stands where.

    Attributes
    ----------
    words : the generating words u
    index : (n, n) symmetric; ``index[u, v]`` numbers the moment of ``u^dagger v`` up to adjoint, -1 if it is zero
    moments : number of different moments
    parity : (moments, letters) how often, modulo 2, each observable of all parties occurs in each moment's word
    word_parity : (n, letters) the same for the generating words
    """

    words: tuple[Word, ...]
    index: NDArray[np.int64]
    moments: int
    parity: NDArray[np.int8]
    word_parity: NDArray[np.int8]
    _lookup: MomentLookup

    def find(self, word: Word) -> int:
        """Number of the moment of a word; -1 if it does not occur in the matrix, -2 if the word is zero."""
        return self._lookup.find(word)


@dataclass(frozen=True, eq=False)
class _Lookup:
    algebras: tuple[PartyAlgebra, ...]
    numbers: tuple[dict[PartyWord, int], ...]
    products: tuple[list[PartyWord], ...]
    adjoints: tuple[NDArray[np.int64], ...]
    strides: tuple[int, ...]
    keys: NDArray[np.int64]

    def find(self, word: Word) -> int:
        key = adjoint = 0
        for algebra, numbers, adjoints, stride, part in zip(
            self.algebras, self.numbers, self.adjoints, self.strides, word, strict=True
        ):
            reduced = algebra.reduce(part)
            if reduced is None:
                return -2
            number = numbers.get(reduced)
            if number is None:
                return -1
            key += stride * number
            adjoint += stride * int(adjoints[number])
        key = min(key, adjoint)
        place = int(np.searchsorted(self.keys, key))
        return place if place < self.keys.size and self.keys[place] == key else -1


def moment_matrix(
    scenario: Scenario, words: Sequence[Word], commuting: Sequence[frozenset[tuple[int, int]]] | None = None
) -> MomentMatrix:
    """Build the moment matrix of the generating words, with integer tables instead of symbolic algebra.

    ``commuting[party]`` lists pairs of settings of that party whose operators commute.
    """
    algebras = tuple(
        PartyAlgebra(scenario.letters[p], commuting[p] if commuting else frozenset()) for p in range(scenario.parties)
    )
    return moment_matrix_of(algebras, words)


def moment_matrix_of(algebras: tuple[PartyAlgebra, ...], words: Sequence[Word]) -> MomentMatrix:
    """The moment matrix of generating words of these algebras, one for each party."""
    parties = len(algebras)
    n = len(words)
    key = np.zeros((n, n), dtype=np.int64)
    adjoint_key = np.zeros((n, n), dtype=np.int64)
    zero = np.zeros((n, n), dtype=bool)
    all_numbers, all_products, all_adjoints, strides, parities, word_parities = [], [], [], [], [], []
    stride = 1
    for party, algebra in enumerate(algebras):
        own: dict[PartyWord, int] = {}
        position = np.array([own.setdefault(word[party], len(own)) for word in words], dtype=np.int64)
        numbers: dict[PartyWord, int] = {(): 0}
        table = np.empty((len(own), len(own)), dtype=np.int64)
        own_words = list(own)
        product = algebra.product
        for i, left in enumerate(own_words):
            require_time()
            row = []
            for right in own_words:
                p = product(left, right)
                row.append(-1 if p is None else numbers.setdefault(p, len(numbers)))
            table[i] = row
        products = list(numbers)
        adjoints = np.array([numbers.get(_adjoint(algebra, p), -1) for p in products], dtype=np.int64)
        entry = table[np.ix_(position, position)]
        zero |= entry < 0
        key += stride * entry
        adjoint_key += stride * adjoints[entry]
        strides.append(stride)
        stride *= len(products) + 1
        all_numbers.append(numbers)
        all_products.append(products)
        all_adjoints.append(adjoints)
        observables = [i + 1 for i, letter in enumerate(algebra.letters) if letter.outcome is None]
        counts = np.array([[p.count(o) & 1 for o in observables] for p in products], dtype=np.int8)
        parities.append(counts.reshape(len(products), len(observables)))
        counts = np.array([[w.count(o) & 1 for o in observables] for w in own_words], dtype=np.int8)
        word_parities.append(counts.reshape(len(own_words), len(observables))[position])
    if stride > 2**62:
        raise OverflowError("the words of this level are too many to be numbered in 64 bits.")
    smaller = np.minimum(key, adjoint_key)
    keys, inverse = np.unique(smaller[~zero], return_inverse=True)
    index = np.full((n, n), -1, dtype=np.int64)
    index[~zero] = inverse.reshape(-1)
    parity = np.hstack([parities[p][(keys // strides[p]) % (len(all_products[p]) + 1)] for p in range(parties)])
    index.flags.writeable = False
    lookup = _Lookup(algebras, tuple(all_numbers), tuple(all_products), tuple(all_adjoints), tuple(strides), keys)
    return MomentMatrix(tuple(words), index, int(keys.size), parity, np.hstack(word_parities), lookup)


def _adjoint(algebra: PartyAlgebra, word: PartyWord) -> PartyWord:
    if len(word) < 2:
        return word
    reverse = word[::-1]
    return reverse if not algebra.commuting else (algebra.reduce(reverse) or ())


def join_words(parts: Sequence[Sequence[PartyWord]]) -> list[Word]:
    """All words with one of the given words for each party, the first party slowest."""
    return [tuple(choice) for choice in itertools.product(*parts)]
