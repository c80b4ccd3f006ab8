"""The compiled steps for Renyi entropies against the formulas with forty digits, and where Newton's method must end."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

from sdpbound.bell.channel import BinaryChannel, Preprocessing
from sdpbound.checker.qubit_renyi_floats import RenyiFloats
from sdpbound.entropies.qubits.engine import PAULI, Batch, StateEngine, moments_of, pieces
from sdpbound.entropies.qubits.problem import Key
from sdpbound.entropies.renyi.engine import RenyiEngine
from sdpbound.entropies.renyi.powers import powers

KEYS: list[tuple[Key, Preprocessing]] = [
    (Key.ONE, 0.0),
    (Key.ONE, 0.1),
    (Key.ONE, 0.4),
    (Key.ONE, BinaryChannel(0.3, 0.0)),
    (Key.BOTH, 0.0),
]


def tables_of(size: float, count: int) -> np.ndarray:
    """Tables of a size, a half of them without marginals."""
    tables = size * np.random.default_rng(round(10 * size)).normal(size=(count, 3, 3))
    tables[::2, 1:, 0] = tables[::2, 0, 1:] = 0.0
    return tables


def function_of(matrix: Any, f: Any) -> Any:
    e, v = mpmath.eigsy(matrix)
    return v * mpmath.diag([f(value) for value in e]) * v.T


def exact_bound(table: np.ndarray, hint: np.ndarray, engine: RenyiEngine) -> float:
    """The largest eigenvalue of K + (M(R) - 1)/s for the R of a hint, from the formulas alone."""
    s = mpmath.mpf(engine.exponent)
    operator = mpmath.matrix(np.einsum("ij,ijkl->kl", table, PAULI).tolist())
    r = function_of(operator + mpmath.matrix(hint.tolist()), mpmath.exp)
    noise = mpmath.mpf(engine.noise)
    r = (1 - noise) * r / sum(r[i, i] for i in range(4)) + noise / 4 * mpmath.eye(4)
    total = mpmath.zeros(4)
    for support, diagonal in pieces(engine.key, engine.flips):
        n = mpmath.zeros(len(support), 4)
        for row, (place, weight) in enumerate(zip(support.tolist(), diagonal.tolist(), strict=True)):
            n[row, place] = weight
        total += n.T * function_of(n * r * n.T, lambda t: t ** (s / (1 - s))) * n
    half = function_of(total, mpmath.sqrt)
    mean = half * function_of(half * r * half, lambda t: t**-s) * half
    return float(max(mpmath.eigsy(operator + (mean - mpmath.eye(4)) / s, eigvals_only=True)))


@pytest.mark.parametrize(("key", "flips"), KEYS)
@pytest.mark.parametrize("exponent", [2.0**-19, 1e-3, 0.2])
def test_bounds_are_off_by_no_more_than_they_say(exponent: float, key: Key, flips: Preprocessing) -> None:
    engine, tables = RenyiEngine(key, flips, exponent, 3e-7), tables_of(2.0, 6)
    batch = Batch(engine, tables, engine.cold(tables))
    batch.solve(1e-6, 12)
    with mpmath.workdps(40):
        for k, table in enumerate(tables):
            hint = batch.hints[k].copy()
            batch.uppers[k] = np.inf
            batch.step(np.array([k]))
            exact = exact_bound(table, hint, engine)  # far from the optimum it is large, and off by as much of itself
            assert abs(batch.uppers[k] - exact) <= engine.rounding(np.abs(table).sum() + exact)


@pytest.mark.parametrize(("key", "flips"), KEYS)
@pytest.mark.parametrize("size", [0.3, 3.0])
@pytest.mark.parametrize("exponent", [2.0**-19, 1e-4, 1e-2, 0.2])
def test_steps_end_at_the_optimum(exponent: float, size: float, key: Key, flips: Preprocessing) -> None:
    """Some of these had bounds 0.1 away from their values, after any number of steps, with another Newton's method."""
    engine, tables = RenyiEngine(key, flips, exponent, 1e-7), tables_of(size, 60)
    batch = Batch(engine, tables, engine.cold(tables))
    batch.solve(0.0, 40)
    gaps = batch.uppers - batch.values
    assert (gaps > -1e-9).all() and gaps.max() < 4e-6
    states = engine.states(tables, batch.hints)
    roots = np.zeros((len(pieces(key, flips)), 4, 4))
    for root, (support, weight) in zip(roots, pieces(key, flips), strict=True):
        root[support, support] = weight
    attained = (tables * moments_of(states)).sum(axis=(1, 2)) + (powers(states, roots, exponent) - 1.0) / exponent
    assert (attained <= batch.uppers + engine.rounding(9.0 * size)).all()


@pytest.mark.parametrize(("key", "flips"), KEYS)
def test_most_steps_end_at_the_optimum_at_the_largest_order(key: Key, flips: Preprocessing) -> None:
    engine, tables = RenyiEngine(key, flips, 0.5, 1e-7), tables_of(1.0, 200)
    batch = Batch(engine, tables, engine.cold(tables))
    batch.solve(0.0, 60)
    assert np.quantile(batch.uppers - batch.values, 0.95) < 1e-6


@pytest.mark.parametrize(("key", "flips"), KEYS)
def test_small_orders_are_von_neumanns(key: Key, flips: Preprocessing) -> None:
    tables = tables_of(1.0, 30)
    found = []
    for engine in (RenyiEngine(key, flips, 1e-5, 1e-7), StateEngine(key, flips, 1e-7)):
        batch = Batch(engine, tables, engine.cold(tables))
        batch.solve(0.0, 40)
        found.append((batch.values, batch.uppers))
    (below, above), (least, most) = found
    assert (below <= most + 2e-4).all() and (least <= above + 2e-4).all()
    assert np.abs(above - most).max() < 2e-4


@pytest.mark.parametrize(("key", "flips"), KEYS)
def test_the_checker_s_floats_take_the_same_steps(key: Key, flips: Preprocessing) -> None:
    engine, tables = RenyiEngine(key, flips, 0.01, 1e-7), tables_of(1.0, 30)
    floats = RenyiFloats([(s.tolist(), d.tolist()) for s, d in pieces(key, flips)], 0.01)
    batch = Batch(engine, tables, engine.cold(tables))
    hints = floats.cold(tables)
    for _ in range(3):
        values, uppers, moves = floats.step(tables, hints, 1e-7)
        batch.uppers[:], batch.values[:] = np.inf, -np.inf
        batch.hints[:], batch.lengths[:], batch.heights[:] = hints.reshape(-1, 4, 4), 1.0, -np.inf
        batch.step(np.arange(len(tables)))
        assert batch.values == pytest.approx(values, abs=1e-8) and batch.uppers == pytest.approx(uppers, abs=1e-6)
        assert batch.moves.reshape(-1, 16) == pytest.approx(moves, abs=1e-4)
        hints = hints + moves
