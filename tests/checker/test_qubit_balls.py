"""The balls of the qubit proofs contain what they should, whatever floats choose."""

from __future__ import annotations

from fractions import Fraction

import flint
import numpy as np
import pytest

from sdpbound.checker import qubit_cells, qubit_states
from sdpbound.checker.channel import Channel
from sdpbound.checker.qubit_floats import StateFloats

PRECISION = 128


def symmetric(rng: np.random.Generator, n: int) -> np.ndarray:
    m = rng.normal(size=(n, n))
    return np.asarray(m + m.T)


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("apart", [1.0, 1e-9, 0.0])
def test_logarithms_of_small_matrices(n: int, apart: float) -> None:
    rng = np.random.default_rng(n)
    for _ in range(10):
        exponent = apart * symmetric(rng, n) + rng.normal() * np.eye(n)
        with flint.ctx.workprec(PRECISION):
            ball = flint.arb_mat(exponent.tolist())
            found = qubit_states.small_logarithm(ball.exp().tolist())
            for i in range(n):
                for j in range(n):
                    assert found[i, j].overlaps(ball[i, j]) and (found[i, j].rad() < 1e-15 or not apart)


def test_larger_logarithms_are_above_the_logarithm() -> None:
    """Also with vectors that are far from the eigenvectors."""
    rng = np.random.default_rng(4)
    for spread in (0.0, 1e-9, 0.1):
        exponent = symmetric(rng, 4)
        near = np.linalg.eigh(exponent)[1] + spread * rng.normal(size=(4, 4))
        with flint.ctx.workprec(PRECISION):
            found = qubit_states.logarithm_above(flint.arb_mat(exponent.tolist()).exp(), near.tolist())
        above = np.array([[float(found[i, j].mid()) for j in range(4)] for i in range(4)]) - exponent
        assert np.linalg.eigvalsh(above)[0] >= -1e-14
        assert spread > 0.0 or np.abs(above).max() <= 1e-9


def test_largest_eigenvalues_are_bounded() -> None:
    rng = np.random.default_rng(6)
    for shift in (-30.0, 0.0, 30.0):
        for spread in (0.0, 1e-6, 0.02, 3.0):
            matrix = symmetric(rng, 4) + shift * np.eye(4)
            e, v = np.linalg.eigh(matrix)
            with flint.ctx.workprec(PRECISION):
                found = qubit_states.largest_eigenvalue(
                    flint.arb_mat(matrix.tolist()), (v + spread * rng.normal(size=(4, 4))).tolist()
                )
            assert found.upper() >= flint.arb(float(e[-1]) - 1e-12)
            assert spread > 0.0 or float(found.mid()) <= e[-1] + 1e-12


PRODUCTS = [np.eye(2), np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])]


def test_operators_of_tables() -> None:
    rng = np.random.default_rng(8)
    for _ in range(10):
        table = rng.integers(-99, 100, size=(3, 3))
        known = sum(table[i, j] * np.kron(a, b) for i, a in enumerate(PRODUCTS) for j, b in enumerate(PRODUCTS))
        assert (np.array(qubit_states.operator_of(table.tolist())) == known).all()


TENTH = Fraction(1, 10)


@pytest.mark.parametrize(
    ("key", "up", "down"), [("both", 0, 0), ("one", 0, 0), ("one", TENTH, TENTH), ("one", 2 * TENTH, 0)]
)
def test_no_state_is_above_a_bound(key: str, up: Fraction, down: Fraction) -> None:
    """Of the expectation of K less the entropy: no random state, and the one that floats choose is just below."""

    def entropy(matrix: np.ndarray) -> float:
        e = np.linalg.eigvalsh(matrix)
        return -float(sum(v * np.log(v) for v in e if v > 1e-300))

    rng = np.random.default_rng(9)
    with flint.ctx.workprec(PRECISION):
        dual = qubit_states.StateDual(key, Channel(Fraction(up), Fraction(down)))
    if key == "both":
        effects = [np.diag(np.eye(4)[i]) for i in range(4)]
    else:
        flipped = ((1 - up, 1 - up, down, down), (up, up, 1 - down, 1 - down))
        effects = [np.diag(np.sqrt(np.array(row, dtype=float))) for row in flipped]
    for _ in range(5):
        table = rng.normal(size=(3, 3))
        operator = np.array(qubit_states.operator_of(table.tolist()))
        tables, hints = table[None], np.zeros((1, 16))
        for _ in range(40):
            hints = hints + dual.floats.step(tables, hints, 1e-9)[2]
        with flint.ctx.workprec(PRECISION):
            balls = [[flint.arb(v) for v in row] for row in table.tolist()]
            bound = float(dual.bound(balls, dual.choices(tables, hints, 1e-9)[0]).upper())
        weights, v, _ = dual.floats.point(tables, hints, 1e-9)
        roots = rng.normal(size=(30, 4, 4))
        states = [r @ r.T / np.trace(r @ r.T) for r in roots] + [v[0] @ np.diag(weights[0]) @ v[0].T]
        values = [
            np.trace(operator @ rho) - sum(entropy(n @ rho @ n) for n in effects) + entropy(rho) for rho in states
        ]
        assert max(values) <= bound + 1e-12
        assert values[-1] > bound - 1e-6


def test_ends_of_arcs_have_one_name() -> None:
    """At every level; meeting points have one of their own."""
    assert qubit_cells.end_named(0, 7) == qubit_cells.end_named(0, 3)
    assert qubit_cells.end_named(2, 0) == qubit_cells.end_named(8, 2)  # pi
    assert qubit_cells.end_named(4, 3) == qubit_cells.end_named(2, 2)
    assert qubit_cells.end_named(3, 3) != qubit_cells.end_named(3, 2)
    for level in range(2, 6):
        for code in range(0, 2 ** (level + 1) + 1):
            short, low = qubit_cells.end_named(code, level)
            assert code == 0 or short / 2 ** (low + 1) == code / 2 ** (level + 1)
            assert short % 2 == code % 2


def test_climbs_end_where_noise_keeps_value_and_bound_apart() -> None:
    """A functional that touches the entropy along lines of angles: at an efficiency of 0.79, docs/loss_and_noise.md."""
    table = np.array([[0.0, 8.67839, 0.01323], [-0.01323, 0.76965, 0.78289], [8.67839, -9.44805, 0.76965]])
    goal = 9.8454 * np.log(2.0)
    roots = [(list(range(4)), np.sqrt(np.repeat([p, 1.0 - p], 2)).tolist()) for p in (0.92466, 0.07534)]
    corners = qubit_cells.Corners(np.log(2.0) * table, StateFloats(roots), True, False, goal, 10**6, 0)
    places = np.stack(np.unravel_index(np.arange(64), (8, 8)), axis=1)
    cells = corners.cells(places, np.full((64, 2), 3), np.zeros(64, dtype=bool), None, None)
    corners.climb(cells)
    assert corners.steps < 7 * len(corners.values)  # ten where all go on to the end
    allowed = np.maximum(4e-6, 0.12 * np.abs(goal - corners.values))  # forty times the noise
    assert (corners.uppers - corners.values <= allowed).all()


@pytest.mark.parametrize("spread", [0.0, 1e-12, 1e-5, 1e-2, 0.3, 3.0])
def test_columns_are_orthonormal_in_balls(spread: float) -> None:
    """Of near and of far ones: the balls hold the exact ones, and are narrow."""
    rng = np.random.default_rng(5)
    for n in (1, 2, 4):
        near = np.linalg.qr(rng.normal(size=(n, n)))[0] + spread * rng.normal(size=(n, n))
        with flint.ctx.workprec(PRECISION):
            u = qubit_states.orthonormal(flint.arb_mat(near.tolist()))
            product = u.transpose() * u
        for i in range(n):
            for j in range(n):
                assert product[i, j].contains(int(i == j)) and float(product[i, j].rad()) < 1e-25
                assert abs(float(u[i, j].mid()) - near[i, j]) <= 10.0 * spread + 1e-14
        if spread <= 1e-2:  # of near ones they are u (u^T u)^(-1/2)
            left, _, right = np.linalg.svd(near)
            assert np.array([[float(u[i, j].mid()) for j in range(n)] for i in range(n)]) == pytest.approx(
                left @ right, abs=1e-13
            )
