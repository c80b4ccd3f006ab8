"""The compiled loops over cells against the same numbers from arrays."""

from __future__ import annotations

import numpy as np
import pytest

from sdpbound.entropies.qubits import compiled_cells


def all_means(at: np.ndarray, corners: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The means (n, 4, 4), from weights (n, 2, 4, 3) of the three corners of a side."""
    sides = np.zeros((*weights.shape, 4, 3))
    sides[..., 0, 0] = sides[..., 3, 2] = 1.0
    sides[..., 1, 0] = sides[..., 2, 2] = 1.0 - weights
    sides[..., 1, 1] = sides[..., 2, 1] = weights
    with np.errstate(invalid="ignore"):
        found = sides[:, 0] @ at[corners] @ sides[:, 1].transpose(0, 2, 1)
    return np.where(np.isnan(found) | np.isinf(at[corners].sum(axis=(1, 2)))[:, None, None], np.inf, found)


@pytest.fixture
def cells() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Upper and lower bounds at corners, cells of these, and weights."""
    rng = np.random.default_rng(3)
    uppers = rng.normal(size=60)
    values = uppers - rng.random(60) * rng.choice([0.0, 1e-9, 1.0], 60)
    return uppers, values, rng.integers(0, 60, (40, 3, 3)), rng.uniform(0.0, 0.5, (40, 2))


@pytest.mark.parametrize("bad", [None, np.inf, -np.inf, np.nan])
def test_means(cells: tuple[np.ndarray, ...], bad: float | None) -> None:
    uppers, _, corners, weights = cells
    if bad is not None:
        uppers[[3, 17]] = bad
    found = np.empty((len(corners), 3))
    compiled_cells.means(uppers, corners, weights, found)
    means = all_means(uppers, corners, weights)
    assert found[:, 0] == pytest.approx(means.max(axis=(1, 2)), abs=1e-14)
    assert found[:, 1] == pytest.approx(means[:, ::3].max(axis=(1, 2)), abs=1e-14)
    assert found[:, 2] == pytest.approx(means[:, :, ::3].max(axis=(1, 2)), abs=1e-14)
    assert bad is None or np.isinf(found[:, 0]).any()


@pytest.mark.parametrize("goal", [-0.5, 0.0, 0.5, 1.0])
def test_corners_whose_bounds_may_settle_a_cell(cells: tuple[np.ndarray, ...], goal: float) -> None:
    uppers, values, corners, weights = cells
    marked, out = np.zeros(60, dtype=bool), np.empty(60, dtype=np.int64)
    count = compiled_cells.unsettled(uppers, values, corners, weights, goal, 1e-6, marked, out)
    upper, lower = (all_means(at, corners, weights).max(axis=(1, 2)) for at in (uppers, values))
    wanted = np.unique(corners[(upper > goal) & (lower <= goal)])
    wanted = wanted[uppers[wanted] - values[wanted] > 1e-6]
    assert sorted(out[:count].tolist()) == wanted.tolist() and not marked.any()


def test_tables_of_corners() -> None:
    rng = np.random.default_rng(4)
    expression, n = rng.normal(size=(3, 3)), 50
    levels, turned = rng.integers(1, 9, (n, 2)), rng.random(n) < 0.5
    codes = rng.integers(0, 2 ** (levels + 1))
    angles, tables = np.empty((n, 2)), np.empty((n, 3, 3))
    compiled_cells.corner_tables(expression, codes, levels, turned, 2.0, angles, tables)
    half = np.pi / 2.0 ** (levels + 1)
    assert angles == pytest.approx(codes * half)
    for k in range(n):
        frames = np.zeros((2, 3, 3))
        frames[:, 0, 0] = frames[:, 1, 1] = 1.0
        for side in (0, 1):
            # the tangents at the ends of an arc meet on the ray through its middle
            longer = 1.0 / np.cos(half[k, side]) if codes[k, side] % 2 else 1.0
            frames[side, 2, 1:] = longer * np.cos(angles[k, side]), longer * np.sin(angles[k, side])
        bob = frames[1][[0, 2, 1]] if turned[k] else frames[1]
        assert tables[k] == pytest.approx(2.0 * frames[0].T @ expression @ bob, abs=1e-13)


def test_compiling_changes_nothing(cells: tuple[np.ndarray, ...]) -> None:
    uppers, _, corners, weights = cells
    found = []
    for function in (compiled_cells.means, compiled_cells.means.py_func):
        out = np.empty((len(corners), 3))
        function(uppers, corners, weights, out)
        found.append(out)
    assert found[0] == pytest.approx(found[1], abs=1e-15)
