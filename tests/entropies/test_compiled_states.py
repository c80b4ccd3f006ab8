"""The compiled steps of the general engine against the same formulas in arrays, and against differences."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sdpbound.entropies.qubits import compiled_states
from sdpbound.entropies.qubits.engine import PAULI, Batch, StateEngine, entropies, moments_of, pieces
from sdpbound.entropies.qubits.problem import Key

KEYS = [(Key.ONE, 0.0), (Key.ONE, 0.07), (Key.BOTH, 0.0), (Key.NONE, 0.2)]
NOISE, FLOOR = 1e-6, 4e-15


def nasty(size: float, count: int = 40) -> np.ndarray:
    """Tables of a size, with exact zeros, ties and operators of low rank among them."""
    rng = np.random.default_rng(round(10 * size))
    tables = size * rng.normal(size=(count, 3, 3)) * rng.choice([0.0, 1e-9, 1.0, 1.0], (count, 3, 3))
    tables[:4] = 0.0
    tables[4:8] = size * np.eye(3)
    tables[8:12, 1:] = 0.0
    return tables


def function_of(matrix: np.ndarray, f: np.ufunc, least: float = -np.inf) -> np.ndarray:
    e, v = np.linalg.eigh(matrix)
    return np.asarray((v * f(np.maximum(e, least))) @ v.T)


def by_formula(table: np.ndarray, hint: np.ndarray, key: Key, flips: float) -> tuple[float, float, float]:
    """The value, the bound and the height at a hint, from the formulas alone."""
    operator = np.einsum("ij,ijkl->kl", table, PAULI)
    e, v = np.linalg.eigh(operator + hint)
    weights = np.exp(e - e[-1])
    weights = (1.0 - NOISE) * weights / weights.sum() + 0.25 * NOISE
    state, logarithm = (v * weights) @ v.T, (v * np.log(weights)) @ v.T
    pinched = np.zeros((4, 4))
    for support, diagonal in pieces(key, flips):
        n = np.zeros((len(support), 4))
        n[np.arange(len(support)), support] = diagonal
        inner = function_of(n @ state @ n.T + FLOOR * np.eye(len(support)), np.log, FLOOR)
        pinched += n.T @ inner @ n
    tangent = operator + pinched - logarithm
    raised = np.linalg.eigvalsh(operator + pinched)
    value = raised[-1] + math.log(np.exp(raised - raised[-1]).sum())
    return float(value), float(np.linalg.eigvalsh(tangent)[-1]), float((state * tangent).sum())


@pytest.mark.parametrize(("key", "flips"), KEYS)
@pytest.mark.parametrize("size", [0.0, 1.0, 30.0, 1e4])
def test_values_and_bounds_are_those_of_the_formulas(size: float, key: Key, flips: float) -> None:
    engine, tables = StateEngine(key, flips, NOISE), nasty(size)
    batch = Batch(engine, tables, engine.cold(tables))
    for _ in range(3):
        hints = batch.hints.copy()
        batch.values[:], batch.uppers[:] = -np.inf, np.inf
        batch.step(np.arange(len(tables)))
        for k, table in enumerate(tables):
            value, upper, height = by_formula(table, hints[k], key, flips)
            close = engine.rounding(size)
            assert batch.values[k] == pytest.approx(value, abs=close)
            assert batch.uppers[k] == pytest.approx(upper, abs=close)
            if np.array_equal(batch.bases[k], hints[k]):
                assert batch.heights[k] == pytest.approx(height, abs=close)


@pytest.mark.parametrize(("key", "flips"), KEYS)
def test_the_step_solves_for_the_fixed_point(key: Key, flips: float) -> None:
    """States at the end attain the values, and the dual's bound is above every state."""
    rng = np.random.default_rng(2)
    engine, tables = StateEngine(key, flips, 1e-7), rng.normal(size=(30, 3, 3))
    batch = Batch(engine, tables, engine.cold(tables))
    batch.solve(1e-6, 60)
    assert (batch.uppers - batch.values <= 1e-6).all()
    states = engine.states(tables, batch.hints)
    attained = (tables * moments_of(states)).sum(axis=(1, 2)) - math.log(2.0) * entropies(states, key, flips)
    assert attained == pytest.approx(batch.values, abs=2e-6) and (attained <= batch.uppers + 1e-9).all()
    moments = np.einsum("nkl,ijkl->nij", states, PAULI)
    assert moments_of(states) == pytest.approx(moments, abs=1e-15)
    # G is convex, and its gradient is the moments: those at other tables are subgradients
    for k in range(1, 30):
        assert batch.uppers[0] >= batch.values[k] + float(((tables[0] - tables[k]) * moments[k]).sum()) - 1e-5
    e = np.linalg.eigvalsh(engine.curvature(tables, batch.hints))
    assert e.min() > -1e-6 * e.max()


def vector(matrix: np.ndarray) -> np.ndarray:
    k = np.triu_indices(len(matrix))
    return np.asarray(matrix[k] * np.where(k[0] == k[1], 1.0, math.sqrt(2.0)))


@pytest.mark.parametrize("close", [False, True])
@pytest.mark.parametrize("k", [1, 2, 4])
def test_slopes_are_those_of_differences(k: int, close: bool) -> None:
    rng, h = np.random.default_rng(k), 1e-6
    x = rng.normal(size=(k, k))
    matrix = np.eye(k) + 1e-9 * (x + x.T) if close else x @ x.T + 0.1 * np.eye(k)
    weights = rng.uniform(0.2, 1.0, k)
    e, v = np.linalg.eigh(matrix)
    d = k * (k + 1) // 2
    found = {"exponential": np.empty((d, d)), "logarithm": np.empty((d, d))}
    compiled_states.exponential_slope(e - e[-1], v, found["exponential"])
    compiled_states.logarithm_slope(e, v, weights, found["logarithm"])

    def exponential(m: np.ndarray) -> np.ndarray:
        out = function_of(m, np.exp)
        return out / np.trace(out)

    def logarithm(m: np.ndarray) -> np.ndarray:  # of N m N, as a function of m
        return np.asarray(np.diag(weights) @ function_of(m, np.log) @ np.diag(weights))

    for i in range(k):
        for j in range(i, k):
            unit = np.zeros((k, k))
            unit[i, j] = unit[j, i] = 1.0 if i == j else 1.0 / math.sqrt(2.0)
            place = int(np.flatnonzero(vector(unit))[0])
            n = np.outer(weights, weights)
            for name, f, change in (("exponential", exponential, unit), ("logarithm", logarithm, n * unit)):
                wanted = vector(f(matrix + h * change) - f(matrix - h * change)) / (2.0 * h)
                assert found[name][:, place] == pytest.approx(wanted, abs=1e-7 * (1.0 + np.abs(wanted).max()))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_operators_that_are_none_prove_nothing(bad: float) -> None:
    engine, tables = StateEngine(Key.ONE, 0.0), np.zeros((2, 3, 3))
    tables[0, 1, 1] = bad
    batch = Batch(engine, tables, engine.cold(tables))
    batch.solve(1e-6, 5)
    assert batch.uppers[0] == np.inf and np.isfinite(batch.uppers[1])


def test_compiling_changes_no_number_by_more_than_its_last_digits() -> None:
    rng = np.random.default_rng(9)
    x = rng.normal(size=(4, 4))
    e, v = np.linalg.eigh(x @ x.T)
    for function in (compiled_states.logarithm_slope, compiled_states.logarithm_slope.py_func):
        out = np.empty((10, 10))
        function(e, v, np.ones(4), out)
        if function is compiled_states.logarithm_slope:
            first = out
    assert first == pytest.approx(out, rel=1e-12, abs=1e-12)


def test_each_loop_is_compiled_once() -> None:
    """Whatever asks for it: arrays of another layout would be compiled again."""
    for key, flips in KEYS:
        engine, tables = StateEngine(key, flips), nasty(1.0)
        batch = Batch(engine, tables, engine.cold(tables))
        batch.step(np.flatnonzero(tables[:, 0, 0] > 0.0))
        engine.curvature(tables[::2].copy(), batch.hints[::2].copy())
        moments_of(engine.states(tables, batch.hints)[::2])
    for name in ("advance", "states", "moments", "curvature"):
        assert len(getattr(compiled_states, name).signatures) == 1, name


@pytest.mark.parametrize(("key", "flips"), KEYS)
def test_entropies_are_those_of_the_spectra(key: Key, flips: float) -> None:
    rng = np.random.default_rng(11)
    x = rng.normal(size=(20, 4, 4))
    x[:5, 1:] = 0.0  # pure states
    states = x.transpose(0, 2, 1) @ x
    states /= np.trace(states, axis1=1, axis2=2)[:, None, None]
    for state, found in zip(states, entropies(states, key, flips), strict=True):
        total = -shannon(np.linalg.eigvalsh(state))
        for support, diagonal in pieces(key, flips):
            total += shannon(np.linalg.eigvalsh(state[np.ix_(support, support)] * np.outer(diagonal, diagonal)))
        assert found == pytest.approx(max(total, 0.0), abs=1e-13)


def shannon(p: np.ndarray) -> float:
    return -sum(float(x) * math.log2(float(x)) for x in p if x > 0.0)
