"""What the programs of entropies share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sdpbound.arrays import Floats, Ints
from sdpbound.conic.sectors import Sector

__all__ = ["SignSymmetry", "expanded", "sector_size", "sign_generators"]


@dataclass(frozen=True, slots=True, eq=False)
class SignSymmetry:
    """A symmetry of an interval program: signs of moments and words, and a permutation of the copies.

    ``y[i] -> sign[i] y[i]``, ``z_k[i] -> sign[i] z_{image[k]}[i]``; the word u takes ``word_sign[u]``.
    """

    sign: Floats
    word_sign: Floats
    image: tuple[int, ...]


def sector_size(index: Ints, sector: Sector | None) -> int:
    return len(index) if sector is None else len(sector.words)


def expanded(sector: Sector | None, dual: Floats) -> Floats:
    if sector is None:
        return dual
    basis = sector.basis
    return np.asarray(basis @ (basis @ dual.T).T)


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
