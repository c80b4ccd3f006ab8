"""A program seen from a point inside it has the same optimum, and its dual belongs to the program as it was."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from sdpbound.conic.program import LinearMatrixInequality, triangle_size
from sdpbound.conic.rescaled import seen_from
from sdpbound.conic.solvers.choose import by_name
from sdpbound.conic.solvers.solver import ask
from sdpbound.conic.solvers.vectors import scale, triangle, unfold


def _program(seed: int, sizes: tuple[int, ...], variables: int, width: float) -> LinearMatrixInequality:
    """A bounded program with zero inside, whose matrices at zero have eigenvalues from ``width`` to 1."""
    rng = np.random.default_rng(seed)
    rows = sum(map(triangle_size, sizes))
    constant = []
    for n in sizes:
        turn, _ = np.linalg.qr(rng.normal(size=(n, n)))
        constant.append(((turn * np.geomspace(width, 1.0, n)) @ turn.T)[triangle(n)])
    matrix = rng.normal(size=(rows, variables))
    start = 0
    for n in sizes:  # without trace, so that no variable can grow without end
        diagonal = start + np.flatnonzero(np.equal(*triangle(n)))
        matrix[diagonal] -= matrix[diagonal].mean(axis=0)
        start += triangle_size(n)
    return LinearMatrixInequality(
        rng.normal(size=variables), 0.5, sp.csc_array(matrix), np.concatenate(constant), 0, sizes
    )


@pytest.mark.parametrize("sizes", [(4,), (3, 5)])
@pytest.mark.parametrize("width", [0.3, 1e-6])
def test_same_optimum_and_a_dual_of_the_program(sizes: tuple[int, ...], width: float) -> None:
    program = _program(3, sizes, 6, width)
    rescaled = seen_from(program, np.zeros(6))
    assert rescaled is not None
    for matrix in unfold(rescaled.inequality.constant, 0, sizes):
        np.testing.assert_allclose(matrix, np.eye(len(matrix)), atol=1e-9)
    scaled = rescaled.inequality.matrix.toarray() * scale(0, sizes)[:, None]
    np.testing.assert_allclose(scaled.T @ scaled, np.eye(6), atol=1e-12)

    pytest.importorskip("qics")  # not on every Python
    result = ask(by_name("qics", 1e-9), rescaled.inequality)
    duals = rescaled.duals(result.duals)
    vector = np.concatenate([x[triangle(len(x))] for x in duals]) * scale(0, sizes) ** 2
    left = program.cost + program.matrix.T @ vector
    assert np.abs(left).max() < 1e-9 * np.abs(vector).max()
    bound = program.offset + float(vector @ program.constant)
    assert bound == pytest.approx(result.objective, abs=1e-7)
    if width > 0.1:
        assert bound == pytest.approx(ask(by_name("qics", 1e-9), program).objective, abs=1e-6)
    assert min(np.linalg.eigvalsh(x)[0] for x in duals) > -1e-11 / width


def test_a_wrong_dual_is_corrected() -> None:
    program = _program(5, (4,), 6, 1e-4)
    rescaled = seen_from(program, np.zeros(6))
    assert rescaled is not None
    (dual,) = rescaled.duals((np.eye(4),))  # meets no equality
    vector = dual[triangle(4)] * scale(0, (4,)) ** 2
    assert np.abs(program.cost + program.matrix.T @ vector).max() < 1e-9 * np.abs(vector).max()


def test_only_from_inside() -> None:
    program = _program(1, (4,), 6, 0.1)
    assert seen_from(program, 1e3 * np.ones(6)) is None
    still = LinearMatrixInequality(
        program.cost, 0.0, sp.csc_array(program.matrix.toarray() * [1, 1, 1, 1, 1, 0]), program.constant, 0, (4,)
    )
    assert seen_from(still, np.zeros(6)) is None  # a variable moves nothing
