"""The operators T_k = E_k T that stand beside the key's projections E_k, and what they are in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from sdpbound.arrays import Floats
from sdpbound.conic.programs.quadratic import CopyMaps
from sdpbound.entropies.pinching.invariant import Invariant
from sdpbound.entropies.radau.entries import KeyOutcome, KeyValue
from sdpbound.npa.words import PartyAlgebra, PartyWord, Word

__all__ = ["ONE", "KeyOperators", "KeySquares", "key_operators", "maps_of"]

ONE: Word = ((), ())


@dataclass(frozen=True, eq=False)
class KeyOperators:
    """The operators T of span E_a u that the group keeps, r of them, in n words.

    Attributes
    ----------
    keys : the values of the key
    effects : for each value (n,) E_k
    left : for each value (n, r) the T_k = E_k T
    right : for each value (n, r) the T_k*
    """

    keys: tuple[KeyValue, ...]
    effects: tuple[Floats, ...]
    left: tuple[Floats, ...]
    right: tuple[Floats, ...]

    @property
    def count(self) -> int:
        return int(self.left[0].shape[1])

    def orbits(self, images: Sequence[tuple[int, ...]]) -> list[tuple[int, int]]:
        """A value of each orbit of the key's values under generators with these images, and the size of the orbit."""
        label = list(range(len(self.keys)))
        for _ in label:
            for image in images:
                for k, to in enumerate(image):
                    label[k] = label[to] = min(label[k], label[to])
        return [(k, label.count(k)) for k in sorted(set(label))]


class _Products:
    """Products of words with projections of the key, as vectors of words."""

    def __init__(self, invariant: Invariant) -> None:
        self.words = invariant.matrix.words
        self.places = {word: i for i, word in enumerate(self.words)}
        self._algebras = [PartyAlgebra(own) for own in invariant.scenario.letters]

    def joined(self, *parts: Word) -> Word | None:
        """The product of words in its normal form; None if it is zero."""
        out: list[PartyWord] = []
        for p, algebra in enumerate(self._algebras):
            reduced = algebra.reduce(tuple(letter for part in parts for letter in part[p]))
            if reduced is None:
                return None
            out.append(reduced)
        return tuple(out)

    def vector(self, outcome: KeyOutcome, word: Word, adjoint: bool) -> dict[int, float] | None:
        """E u, or its adjoint u* E, by places of words; None if a word is missing."""
        out: dict[int, float] = {}
        for letters, value in outcome.polynomial.items():
            product = self.joined(_turned(word), letters) if adjoint else self.joined(letters, word)
            if product is not None:
                if product not in self.places:
                    return None
                place = self.places[product]
                out[place] = out.get(place, 0.0) + value
        return out

    def begins_with_key(self, word: Word, key: KeyValue) -> bool:
        """Whether the projections of the key absorb the first letter of a party."""
        return any(
            setting is not None and part and algebra.letters[part[0] - 1].setting == setting
            for algebra, part, setting in zip(self._algebras, word, key.settings, strict=True)
        )


def key_operators(invariant: Invariant, keys: Sequence[KeyValue]) -> KeyOperators:
    """All T that fit into the words: E_a u and u* E_a are combinations of them."""
    products, n = _Products(invariant), len(invariant.index)
    members = [(k, member) for k, key in enumerate(keys) for member in key.members]
    found: list[tuple[int, dict[int, float], dict[int, float]]] = []
    for word in products.words:
        if products.begins_with_key(word, keys[0]):
            continue
        both = [[products.vector(m, word, adjoint) for adjoint in (False, True)] for _, m in members]
        if all(one is not None and other is not None for one, other in both):
            found += [(k, one or {}, other or {}) for (k, _), (one, other) in zip(members, both, strict=True)]
    left, right = (np.zeros((n, len(found))) for _ in range(2))
    for j, (_, one, other) in enumerate(found):
        for side, vector in ((left, one), (right, other)):
            for place, value in vector.items():
                side[place, j] = value
    value_of = np.array([k for k, *_ in found])
    mixed = _kept(invariant, left)
    effects = []
    for key in keys:
        effect = np.zeros(n)
        for word, value in key.polynomial.items():
            effect[products.places[word]] = value
        effects.append(effect)
    parts = [value_of == k for k in range(len(keys))]
    return KeyOperators(
        tuple(keys),
        tuple(effects),
        tuple(left[:, own] @ mixed[own] for own in parts),
        tuple(right[:, own] @ mixed[own] for own in parts),
    )


def _kept(invariant: Invariant, span: Floats) -> Floats:
    """(columns, r) the combinations of independent columns that the group keeps."""
    if len(invariant.elements) == 1:
        return np.eye(span.shape[1])
    mean = scipy.linalg.lstsq(span, invariant.mean @ span)[0]
    u, size, _ = np.linalg.svd(mean)
    return np.asarray(u[:, : int((size > 1e-7).sum())])


@dataclass(frozen=True, eq=False)
class KeySquares:
    """The squares ``|E_k Z + X_k|^2`` and ``|Z* + T_k*|^2`` of given T, node by node and value by value.

    Attributes
    ----------
    operators : the T
    nodes : (N,) the t_i of the inner nodes, of which X_k = (E_k - t T_k) / (1 - t)
    """

    operators: KeyOperators
    nodes: Floats

    def __call__(self, vectors: Floats) -> list[list[Floats]]:
        """Rows w, E_a Z, Z* of a block, a column for each square; at the last node t = 1 only ``|Z* + E_k|^2``."""
        own, out = self.operators, []
        for t, vector in zip(self.nodes, vectors, strict=True):
            group = []
            for key, effect, left, right in zip(own.keys, own.effects, own.left, own.right, strict=True):
                n, members = len(effect), len(key.members)
                columns = np.zeros((n + members + 1, 2))
                columns[:n, 0] = (effect - t * (left @ vector)) / (1.0 - t)
                columns[n : n + members, 0] = 1.0
                columns[:n, 1] = right @ vector
                columns[-1, 1] = 1.0
                group.append(columns)
            out.append(group)
        out.append([np.append(effect, 1.0)[:, None] for effect in own.effects])
        return out


def maps_of(invariant: Invariant, key: KeyValue, last: bool) -> CopyMaps:
    """Where the moments of a block with the rows w, E_a Z (not at the last node) and Z* stand."""
    products, n = _Products(invariant), len(invariant.index)
    members = () if last else key.members
    size = n + len(members) + 1
    star = size - 1
    numbers: dict[Word, int] = {}
    entries: list[tuple[int, int, float]] = []  # number, place in the block above its diagonal, weight
    for i, word in enumerate(products.words):
        entries.append((numbers.setdefault(word, len(numbers)), i * size + star, 1.0))  # <w* Z*> is <w Z>
        for j, member in enumerate(members):
            for letters, value in member.polynomial.items():
                product = products.joined(_turned(word), letters)
                if product is not None:
                    entries.append((numbers.setdefault(product, len(numbers)), i * size + n + j, value))
    linear = np.zeros(len(numbers))
    for word, value in key.polynomial.items():
        linear[numbers[word]] = 2.0 * value
    kinds = (len(numbers), len(members), 1, len(members))
    at = len(numbers)
    for j in range(len(members)):
        entries.append((at + j, (n + j) * (size + 1), 1.0))
    entries.append((at + len(members), star * (size + 1), 1.0))
    for j in range(len(members)):
        entries.append((at + len(members) + 1 + j, (n + j) * size + star, 1.0))
    number, place, weight = (np.array(v) for v in zip(*entries, strict=True))
    row, column = np.divmod(place, size)
    off = row != column
    own = sp.csr_array(
        (
            np.concatenate([weight, weight[off]]),
            (np.concatenate([number, number[off]]), np.concatenate([place, column[off] * size + row[off]])),
        ),
        shape=(sum(kinds), size * size),
    )
    index = invariant.index
    u, v = np.nonzero(index >= 0)
    devices = sp.csr_array((np.ones(u.size), (index[u, v], u * size + v)), shape=(invariant.matrix.moments, size**2))
    nothing = np.zeros(size)
    return CopyMaps(
        devices=devices,
        own=own,
        kinds=kinds,
        linear=linear,
        square=np.ones(len(members)),
        other=np.ones(1),
        size=size,
        words=n,
        squares=nothing[None],
        star=nothing,
    )


def _turned(word: Word) -> Word:
    return tuple(part[::-1] for part in word)
