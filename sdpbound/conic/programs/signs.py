"""Symmetries that give moments and words signs, and permute the copies of a program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sdpbound.arrays import Floats

__all__ = ["Orbit", "SignSymmetry", "orbits_of", "sign_generators"]


@dataclass(frozen=True, slots=True, eq=False)
class SignSymmetry:
    """A symmetry of a program: signs of moments and words, and a permutation of the copies.

    ``y[i] -> sign[i] y[i]``, ``z_k[i] -> sign[i] z_{image[k]}[i]``; the word u takes ``word_sign[u]``.
    """

    sign: Floats
    word_sign: Floats
    image: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Orbit:
    """Copies of one group that symmetries exchange: the first, and the others with what leads there."""

    first: int
    others: tuple[tuple[int, SignSymmetry], ...]

    def __len__(self) -> int:
        return 1 + len(self.others)


def orbits_of(copies: int, symmetries: Sequence[SignSymmetry]) -> tuple[Orbit, ...]:
    """The orbits of the copies of one group."""
    orbits, done = [], set()
    for first in range(copies):
        if first in done:
            continue
        done.add(first)
        others = []
        for g in symmetries:
            if g.image[first] not in done:
                done.add(g.image[first])
                others.append((g.image[first], g))
        orbits.append(Orbit(first, tuple(others)))
    return tuple(orbits)


def sign_generators(elements: Sequence[SignSymmetry]) -> list[SignSymmetry]:
    """A smallest subset of a group of commuting involutions that generates it, by their signs on words."""
    chosen: list[SignSymmetry] = []
    span: set[bytes] = {np.ones(len(elements[0].word_sign)).tobytes()}
    for g in elements:
        if g.word_sign.tobytes() in span:
            continue
        chosen.append(g)
        products = [np.ones(len(g.word_sign))]
        for c in chosen:
            products += [p * c.word_sign for p in products]
        span = {p.tobytes() for p in products}
    return chosen
