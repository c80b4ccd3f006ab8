"""The blocks of the Brown-Fawzi-Fawzi program: their rows beside Z, and where each moment stands.

See :mod:`sdpbound.entropies.radau.assemble` for what they are.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from sdpbound.arrays import Floats
from sdpbound.bell.key import Merge
from sdpbound.bell.scenario import Scenario
from sdpbound.limiting import require_time
from sdpbound.npa.words import PartyAlgebra, PartyWord, Word

__all__ = ["Entries", "KeyOutcome", "KeyValue", "Polynomial", "key_values", "rows_beside"]

Polynomial = dict[Word, float]


@dataclass(frozen=True, eq=False)
class KeyOutcome:
    """An outcome of the key: a projector of each party whose outcome is in the key."""

    outcomes: tuple[int, int]
    tensor: Floats
    polynomial: Polynomial


@dataclass(frozen=True, eq=False)
class KeyValue:
    """A value of the key: an outcome, or several that are merged; the tensor and the polynomial are sums over them."""

    settings: tuple[int | None, int | None]
    members: tuple[KeyOutcome, ...]
    tensor: Floats
    polynomial: Polynomial

    @classmethod
    def of(cls, settings: tuple[int | None, int | None], members: Sequence[KeyOutcome]) -> KeyValue:
        tensor = np.asarray(sum(m.tensor for m in members), dtype=np.float64)
        return cls(settings, tuple(members), tensor, _polynomial(tensor))


def key_values(scenario: Scenario, x: int, y: int | None, merge: Merge | None) -> list[KeyValue]:
    one = np.eye(scenario.shape[1])[0]
    outcomes = []
    for a in range(scenario.outcomes[0][x]):
        alice = scenario.effect(0, x, a)
        for b in range(1 if y is None else scenario.outcomes[1][y]):
            tensor = np.outer(alice, one if y is None else scenario.effect(1, y, b))
            outcomes.append(KeyOutcome((a, b), tensor, _polynomial(tensor)))
    own = range(len(outcomes)) if merge is None else merge
    groups: list[list[KeyOutcome]] = [[] for _ in range(max(own) + 1)]
    for value, outcome in zip(own, outcomes, strict=True):
        groups[value].append(outcome)
    return [KeyValue.of((x, y), members) for members in groups]


def _polynomial(tensor: Floats) -> Polynomial:
    return {((int(i),) if i else (), (int(j),) if j else ()): float(tensor[i, j]) for i, j in np.argwhere(tensor)}


def rows_beside(key: KeyValue, left: Sequence[Word], flipped: bool) -> list[tuple[Word, KeyOutcome | None]]:
    """The rows u E Z of a block, for each projector E of the key's value; with flips the rows u Z."""
    if flipped:
        return [(u, None) for u in left]
    return [(u, outcome) for outcome in key.members for u in left]


class _Classes:
    """Words numbered in the order of their appearance, and the matrix entries where each word stands.

    Words between two projectors of the key stand with their outcomes.
    """

    def __init__(self) -> None:
        self.numbers: dict[Any, int] = {}
        self.entries: list[tuple[int, int, int, float]] = []

    def add(self, i: int, j: int, word: Hashable, weight: float) -> None:
        number = self.numbers.setdefault(word, len(self.numbers))
        self.entries.append((number, i, j, weight))
        if i != j:
            self.entries.append((number, j, i, weight))

    def matrix(self, size: int) -> sp.csr_array:
        if not self.entries:
            return sp.csr_array((0, size * size))
        number, i, j, weight = (np.array(v) for v in zip(*self.entries, strict=True))
        return sp.csr_array((weight, (number, i * size + j)), shape=(len(self.numbers), size * size))

    def vector(self, polynomial: Mapping[Any, float]) -> Floats:
        out = np.zeros(len(self.numbers))
        for word, value in polynomial.items():
            out[self.numbers[word]] += value
        return out


class _Products:
    """Products of words with each other and with the effect E of an outcome of the key."""

    def __init__(self, scenario: Scenario, key: KeyValue) -> None:
        self.key = key
        self._algebras = [PartyAlgebra(scenario.letters[p]) for p in (0, 1)]

    def joined(self, *parts: Word) -> Word | None:
        out: list[PartyWord] = []
        for p in (0, 1):
            reduced = self._algebras[p].reduce(tuple(letter for part in parts for letter in part[p]))
            if reduced is None:
                return None
            out.append(reduced)
        return out[0], out[1]

    def between(self, u: Word, v: Word) -> Word | None:
        """The word u* v; None if it is zero."""
        return self.joined(_adjoint(u), v)

    def stripped(self, word: Word | None, first: KeyOutcome, last: KeyOutcome | None) -> tuple[Hashable, float]:
        """Strip the letters of the key's settings that projectors E of its outcomes absorb, with the factor they leave.

        ``E word = factor E stripped``, with E that of ``first``; with ``last`` also at the other end, E' that of it:
        ``E word E' = factor E stripped E'``. The name of this, or None if it is zero; it is that of its adjoint too.
        """
        if word is None:
            return None, 0.0
        out, factor = [], 1.0
        for p, setting in enumerate(self.key.settings):
            part, letters = word[p], self._algebras[p].letters
            for end, outcome in ((0, first), (-1, last)):
                while outcome and part and setting is not None and letters[part[end] - 1].setting == setting:
                    own = letters[part[end] - 1].outcome
                    a = outcome.outcomes[p]
                    factor *= (1.0 - 2.0 * a) if own is None else float(a == own)
                    part = part[1:] if end == 0 else part[:-1]
            if not part and last is not None and first.outcomes[p] != last.outcomes[p]:
                return None, 0.0
            out.append(part)
        found = (out[0], out[1])
        if last is None:
            return (first.outcomes, found), factor
        return min((first.outcomes, found, last.outcomes), (last.outcomes, _adjoint(found), first.outcomes)), factor

    def times(self, u: Word, outcome: KeyOutcome) -> Polynomial:
        """The polynomial u E."""
        out: Polynomial = {}
        for word, value in outcome.polynomial.items():
            product = self.joined(u, word)
            if product is not None:
                out[product] = out.get(product, 0.0) + value
        return out


class Entries:
    """The places of the moments in a block, by kind.

    ``devices`` has the moments of the devices, ``linear`` those with Z, ``square`` those with Z* Z, ``other`` those
    with Z Z*, and ``twice`` those with Z* Z*.
    """

    def __init__(
        self,
        scenario: Scenario,
        key: KeyValue,
        words: Sequence[Word],
        left: Sequence[Word],
        right: Sequence[Word],
        flipped: bool,
    ) -> None:
        products = _Products(scenario, key)
        self.devices, self.linear, self.square, self.other, self.twice = (_Classes() for _ in range(5))
        beside = rows_beside(products.key, left, flipped)
        n, k = len(words), len(beside)
        self._words(products, words)
        rows: list[Polynomial] = [{u: 1.0} if e is None else products.times(u, e) for u, e in beside]
        for i, w in enumerate(words):
            require_time()
            for j, row in enumerate(rows):
                for u, value in row.items():
                    if (word := products.between(w, u)) is not None:
                        self.linear.add(i, n + j, word, value)
            for j, v in enumerate(right):
                if (word := products.between(v, w)) is not None:  # <w* v Z*> is <v* w Z>, real
                    self.linear.add(i, n + k + j, word, 1.0)
        for i, (u, e) in enumerate(beside):
            require_time()
            for j, (u2, e2) in enumerate(beside[i:], i):
                word = products.between(u, u2)
                name, factor = (
                    (word and min(word, _adjoint(word)), 1.0) if e is None else products.stripped(word, e, e2)
                )
                if name is not None and factor:
                    self.square.add(n + i, n + j, name, factor)
            for j, v in enumerate(right):
                word = products.between(u, v)
                name, factor = (word, 1.0) if e is None else products.stripped(word, e, None)
                if name is not None and factor:
                    self.twice.add(n + i, n + k + j, name, factor)
        for i, v in enumerate(right):
            require_time()
            for j, v2 in enumerate(right[i:], i):
                if (word := products.between(v, v2)) is not None:
                    self.other.add(n + k + i, n + k + j, min(word, _adjoint(word)), 1.0)

    def _words(self, products: _Products, words: Sequence[Word]) -> None:
        for i, w in enumerate(words):
            require_time()
            for j, w2 in enumerate(words[i:], i):
                if (word := products.between(w, w2)) is not None:
                    self.devices.add(i, j, min(word, _adjoint(word)), 1.0)


def _adjoint(word: Word) -> Word:
    return tuple(part[::-1] for part in word)
