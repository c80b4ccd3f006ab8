"""Symmetries of a question: flips of outcomes, exchange of the parties, permutations of Eve's guesses."""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdpbound.adversaries.adversary import Relaxation
from sdpbound.arrays import Floats
from sdpbound.bell.observations import DATA_TOLERANCE
from sdpbound.bell.scenario import Scenario
from sdpbound.conic.program import Symmetry

__all__ = ["coordinate_parity", "null_space_mod2", "program_symmetries", "symmetry_key"]


# -- symmetries ---------------------------------------------------------------------------------------------------

_SIGN_LIMIT = 6


@lru_cache(maxsize=256)
def coordinate_parity(scenario: Scenario) -> NDArray[np.int8]:
    """Array (coordinates, observables): which observables of all parties occur in each coordinate."""
    parts = []
    for letters in scenario.letters:
        observables = [i for i, letter in enumerate(letters, start=1) if letter.outcome is None]
        table = np.zeros((1 + len(letters), len(observables)), dtype=np.int8)
        for j, i in enumerate(observables):
            table[i, j] = 1
        parts.append(table)
    out = np.zeros((1, 0), dtype=np.int8)
    for part in parts:
        out = np.hstack([np.repeat(out, len(part), axis=0), np.tile(part, (len(out), 1))])
    return out


def null_space_mod2(rows: NDArray[np.int8]) -> list[NDArray[np.int8]]:
    """Basis of all vectors with even overlap with every row."""
    n = rows.shape[1]
    work = [row.copy() % 2 for row in rows]
    pivots: dict[int, NDArray[np.int8]] = {}
    for row in work:
        for p, pivot in pivots.items():
            if row[p]:
                row ^= pivot
        if row.any():
            p = int(np.flatnonzero(row)[0])
            for q in pivots:
                if pivots[q][p]:
                    pivots[q] ^= row
            pivots[p] = row
    basis = []
    for free in range(n):
        if free in pivots:
            continue
        v = np.zeros(n, dtype=np.int8)
        v[free] = 1
        for p, row in pivots.items():
            v[p] = row[free]
        basis.append(v)
    return basis


def _match_copies(objective: Floats, moved: Floats) -> tuple[int, ...] | None:
    """For each copy the copy whose objective equals the moved one; None if there is none."""
    scale = 1e-13 * max(1.0, float(np.abs(objective).max(initial=0.0)))
    image: list[int] = []
    for row in moved:
        hits = [e for e in range(len(objective)) if e not in image and np.abs(objective[e] - row).max() <= scale]
        if not hits:
            return None
        image.append(hits[0])
    return tuple(image)


def symmetry_key(relaxation: Relaxation, objective: Floats, rows: Floats, values: Floats) -> tuple[Any, ...]:
    """Generators of the symmetries used, as hashable data: ("sign", observables flipped, copies) and ("swap", copies).

    A tested row that is zero by value may change sign; every other row must stay as it is.
    """
    single = (np.count_nonzero(rows, axis=1) == 1) & (np.abs(values) <= DATA_TOLERANCE)
    support = (rows[~single] != 0).any(axis=0)
    if len(objective) == 1:
        generators = _fixing_flips(relaxation.scenario, (support | (objective[0] != 0)).tobytes())
    else:
        generators = _flips_of_copies(relaxation.scenario, support.tobytes(), objective)
    swap = _swap_copies(relaxation, objective, rows)
    trivial = tuple(range(len(objective)))
    if swap is not None and all(_commutes_with_swap(g[1]) for g in generators if g[2] == trivial):
        return (*generators, ("swap", swap))
    return generators


@lru_cache(maxsize=256)
def _flips(scenario: Scenario, support: bytes) -> tuple[NDArray[np.int8], ...]:
    """Independent choices of observables to flip that leave every coordinate of the support unchanged."""
    parity = coordinate_parity(scenario)
    return tuple(null_space_mod2(parity[np.frombuffer(support, dtype=np.bool_)])[:_SIGN_LIMIT])


@lru_cache(maxsize=256)
def _fixing_flips(scenario: Scenario, support: bytes) -> tuple[tuple[Any, ...], ...]:
    return tuple(("sign", tuple(int(f) for f in flip), (0,)) for flip in _flips(scenario, support))


def _flips_of_copies(scenario: Scenario, support: bytes, objective: Floats) -> tuple[tuple[Any, ...], ...]:
    """Flips that leave the data unchanged and permute the copies' objectives, those that fix the copies first."""
    parity = coordinate_parity(scenario)
    basis = _flips(scenario, support)
    trivial = tuple(range(len(objective)))
    keep: list[tuple[NDArray[np.int8], tuple[int, ...]]] = []
    for choice in itertools.product((0, 1), repeat=len(basis)):
        if any(choice):
            flip = np.bitwise_xor.reduce([b for b, c in zip(basis, choice, strict=True) if c])
            image = _match_copies(objective, objective * (1.0 - 2.0 * ((parity @ flip) & 1)))
            if image is not None:
                keep.append((flip, image))
    keep.sort(key=lambda item: item[1] != trivial)
    generators: list[tuple[Any, ...]] = []
    span: list[NDArray[np.int8]] = []
    for flip, image in keep:
        if len(null_space_mod2(np.array([*span, flip]))) == flip.size - len(span) - 1:
            span.append(flip)
            generators.append(("sign", tuple(int(f) for f in flip), image))
    return tuple(generators)


def _commutes_with_swap(flip: tuple[int, ...]) -> bool:
    half = len(flip) // 2
    return flip[:half] == flip[half:]


def _swap_copies(relaxation: Relaxation, objective: Floats, rows: Floats) -> tuple[int, ...] | None:
    shape = relaxation.scenario.shape
    if len(shape) != 2 or shape[0] != shape[1] or relaxation.matrix is None:
        return None
    transposed = rows.reshape(-1, *shape).transpose(0, 2, 1).reshape(rows.shape)
    if not np.array_equal(transposed, rows) or relaxation.matrix.swap_image is None:
        return None
    return _match_copies(objective, objective.reshape(-1, *shape).transpose(0, 2, 1).reshape(objective.shape))


def program_symmetries(relaxation: Relaxation, key: tuple[Any, ...]) -> list[Symmetry]:
    """Signed permutations of the program's moments and words from their description."""
    matrix = relaxation.matrix
    if matrix is None:
        return []
    m = relaxation.variables
    out = []
    for generator in key:
        if generator[0] == "sign":
            flip = np.array(generator[1], dtype=np.int8)
            image, words = np.arange(m), np.arange(len(matrix.words))
            sign = np.asarray(1.0 - 2.0 * ((matrix.parity @ flip) & 1), dtype=np.float64)
            word_sign = np.asarray(1.0 - 2.0 * ((matrix.word_parity @ flip) & 1), dtype=np.float64)
            copies = generator[2]
        else:
            images = matrix.swap_image
            assert images is not None
            image, words = images
            sign = np.ones(m)
            word_sign = np.ones(len(words))
            copies = generator[1]
        out.append(
            Symmetry(
                image=np.concatenate([image + copies[e] * m for e in range(len(copies))]),
                sign=np.tile(sign, len(copies)),
                block_image=tuple(copies),
                word_image=(words,) * len(copies),
                word_sign=(word_sign,) * len(copies),
            )
        )
    return out
