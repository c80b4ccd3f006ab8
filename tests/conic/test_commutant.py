"""Families of symmetric matrices are block-diagonalised: groups whose representations are known, and what fails."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from sdpbound.conic.commutant import Kind, kinds_of

Matrix = NDArray[np.float64]


def regular(product: Callable[[int, int], int], order: int, copies: int) -> list[Matrix]:
    """The matrices of several copies of the regular representation."""
    out = []
    for g in range(order):
        matrix = np.zeros((order, order))
        for h in range(order):
            matrix[product(g, h), h] = 1.0
        out.append(np.kron(np.eye(copies), matrix))
    return out


def family(matrices: Sequence[Matrix], seed: int = 0) -> Callable[[], Matrix]:
    """Random symmetric matrices, averaged over a group: all symmetric matrices that commute with it."""
    rng = np.random.default_rng(seed)

    def member() -> Matrix:
        x = rng.standard_normal(matrices[0].shape)
        return np.asarray(sum(g @ (x + x.T) @ g.T for g in matrices) / len(matrices))

    return member


def found(matrices: Sequence[Matrix], orbits: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """(copies, dimension, units) of each kind, sorted."""
    kinds, by_orbits = kinds_of(family(matrices), orbits)
    assert by_orbits
    check(kinds, family(matrices, 5)())
    return sorted((kind.copies, kind.dimension, len(kind.units)) for kind in kinds)


def blocks(kinds: Sequence[Kind], matrix: Matrix) -> list[Matrix]:
    """The block of each kind, by its definition."""
    out = []
    for kind in kinds:
        m, d, t = kind.copies, kind.dimension, len(kind.units)
        frames = np.zeros((m, len(matrix), d))
        for p in range(m):
            for s, word in enumerate(kind.words[p]):
                frames[p, word] += kind.frames[p, s]
        block = np.zeros((m, t, m, t))
        for p, q in itertools.product(range(m), repeat=2):
            inner = frames[p].T @ matrix @ frames[q]
            for unit in kind.units:
                part = np.trace(unit.T @ inner) / d
                block[p, :, q, :] += part * (kind.seeds.T @ unit @ kind.seeds)
        out.append(block.reshape(m * t, m * t))
    return out


def check(kinds: Sequence[Kind], matrix: Matrix) -> None:
    """The blocks have the eigenvalues of the matrix, and the adjoint map leads back."""
    n = len(matrix)
    values: list[float] = []
    for kind, block in zip(kinds, blocks(kinds, matrix), strict=True):
        times, rest = divmod(kind.dimension, len(kind.units))
        assert rest == 0
        values += list(np.repeat(np.linalg.eigvalsh(block), times))
    np.testing.assert_allclose(sorted(values), np.linalg.eigvalsh(matrix), atol=1e-8 * n)
    rng = np.random.default_rng(1)
    duals = [(x := rng.standard_normal((kind.size, kind.size))) + x.T for kind in kinds]
    whole = sum(kind.expanded(dual, n) for kind, dual in zip(kinds, duals, strict=True))
    inner = sum(float((dual * block).sum()) for dual, block in zip(duals, blocks(kinds, matrix), strict=True))
    assert float((whole * matrix).sum()) == pytest.approx(inner, abs=1e-8 * n)


def test_cyclic_groups_have_complex_kinds() -> None:
    """Z_5, two copies: 1 and two pairs of complex conjugates; each of dimension 2 with units 1 and i."""
    five = regular(lambda g, h: (g + h) % 5, 5, 2)
    assert found(five, np.repeat(np.arange(2), 5)) == [(2, 1, 1), (2, 2, 2), (2, 2, 2)]
    # one copy: a Hermitian matrix of size one is real
    assert found(regular(lambda g, h: (g + h) % 5, 5, 1), np.zeros(5, dtype=np.int64)) == [
        (1, 1, 1),
        (1, 2, 1),
        (1, 2, 1),
    ]


def test_the_symmetric_group_of_three() -> None:
    """S_3, three copies of the regular representation: two of dimension one, and one of dimension two, twice each."""
    elements = list(itertools.permutations(range(3)))
    place = {e: i for i, e in enumerate(elements)}

    def product(g: int, h: int) -> int:
        return place[tuple(elements[g][elements[h][i]] for i in range(3))]

    assert found(regular(product, 6, 3), np.repeat(np.arange(3), 6)) == [(3, 1, 1), (3, 1, 1), (6, 2, 1)]


def test_quaternions() -> None:
    """The group of the eight quaternion units: its kind of dimension four has four units."""
    table = {("1", u): (1, u) for u in "1ijk"} | {(u, "1"): (1, u) for u in "1ijk"}
    table |= {(u, u): (-1, "1") for u in "ijk"}
    for a, b, c in ("ijk", "jki", "kij"):
        table |= {(a, b): (1, c), (b, a): (-1, c)}
    names = [(s, u) for s in (1, -1) for u in "1ijk"]

    def product(g: int, h: int) -> int:
        (s, u), (t, v) = names[g], names[h]
        sign, w = table[u, v]
        return names.index((s * t * sign, w))

    for copies in (2, 3):
        assert found(regular(product, 8, copies), np.repeat(np.arange(copies), 8)) == [
            *[(copies, 1, 1)] * 4,
            (copies, 4, 4),
        ]


def test_flips_alone_split_into_parts() -> None:
    """Signs of words: no eigenvalues are needed, and the kinds are the words of equal sign."""
    signs = [np.diag([1.0] * 4), np.diag([1.0, 1.0, 1.0, -1.0])]
    kinds, by_orbits = kinds_of(family(signs), np.arange(4))
    assert by_orbits
    assert sorted(kind.words[:, 0].tolist() for kind in kinds) == [[0, 1, 2], [3]]
    assert all(np.array_equal(np.abs(kind.frames[:, 0, 0]), np.ones(kind.copies)) for kind in kinds)


def test_a_family_without_structure_is_left_whole() -> None:
    """Orbits that are wrong, or a family that is no algebra's: parts that are never coupled, whole; nothing is lost."""
    rng = np.random.default_rng(3)

    def member() -> Matrix:
        out = np.zeros((5, 5))
        x = rng.standard_normal((3, 3))
        out[:3, :3] = x + x.T
        out[3:, 3:] = np.diag(rng.standard_normal(2))
        return out

    kinds, _ = kinds_of(member, np.array([0, 0, 1, 1, 2]))
    check(kinds, member())
    assert sum(kind.copies * kind.dimension for kind in kinds) == 5


def test_copies_of_dimension_one_have_few_entries() -> None:
    """Two exchanges of four words each: sums and differences of two words, and no arbitrary combination."""
    flip = np.kron(np.eye(4), np.array([[0.0, 1.0], [1.0, 0.0]]))
    kinds, by_orbits = kinds_of(family([np.eye(8), flip]), np.zeros(8, dtype=np.int64))
    assert by_orbits and sorted(kind.copies for kind in kinds) == [4, 4]
    for kind in kinds:
        basis = np.asarray(kind.basis(8))
        assert (np.count_nonzero(basis, axis=0) == 2).all()
        np.testing.assert_allclose(basis.T @ basis, np.eye(4), atol=1e-12)
