"""The compiled steps against the same formulas written apart, and against the functions before compilation."""

from __future__ import annotations

import math
import subprocess
import sys

import mpmath
import numpy as np
import pytest

from sdpbound.checker.qubit_floats import CorrelatorFloats
from sdpbound.compiling import compiled_loop
from sdpbound.entropies.qubits import compiled
from sdpbound.entropies.qubits.correlators import CorrelatorEngine
from sdpbound.entropies.qubits.engine import Batch, entropies, moments_of
from sdpbound.entropies.qubits.problem import Key


def nasty(size: float, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Tables and hints of a size, with exact zeros, ties and aligned vectors among them."""
    rng = np.random.default_rng(round(100 * math.log10(size)) % 2**32)
    tables, hints = np.zeros((count, 3, 3)), rng.normal(size=(count, 2)) * rng.choice([1e-12, 1.0, 5.0], (count, 1))
    tables[:, 0, 0] = rng.normal(size=count)
    tables[:, 1:, 1:] = size * rng.normal(size=(count, 2, 2)) * rng.choice([0.0, 1e-9, 1.0], (count, 2, 2))
    tables[:20, 1:, 1:] = 0.0
    hints[:10] = 0.0
    tables[20:40, 2] = tables[20:40, 1]
    tables[40:60, 1:, 1:] = size * np.eye(2)
    return tables, hints


def with_forty_digits(table: np.ndarray, g: np.ndarray, both: bool) -> tuple[float, float]:
    """The value and the bound of the dual at g, from their formulas alone."""
    with mpmath.workdps(40):
        m = [[mpmath.mpf(float(v)) for v in row] for row in table[1:, 1:]]
        z, x = [m[0][k] + mpmath.mpf(float(g[k])) for k in (0, 1)], [m[1][1], -m[1][0]]
        points = [[z[k] + s * x[k] for k in (0, 1)] for s in (1, -1)]
        lengths = [mpmath.hypot(*v) for v in points]
        total = sum(mpmath.cosh(s) for s in lengths)
        k = [sum(mpmath.sinh(s) * v[i] / s for s, v in zip(lengths, points, strict=True) if s) / total for i in (0, 1)]
        if both:
            k[1] = mpmath.mpf(0)
        size = mpmath.hypot(*k)
        log_q = mpmath.log(total / 2) + mpmath.mpf(float(table[0, 0]))
        e = mpmath.atanh(size)
        away = mpmath.hypot(*(e * v / size - mpmath.mpf(float(w)) for v, w in zip(k, g, strict=True))) if size else None
        value = log_q - mpmath.log(mpmath.cosh(mpmath.hypot(*map(float, g))))
        upper = log_q - mpmath.log(mpmath.cosh(e)) + (mpmath.hypot(*map(float, g)) if away is None else away)
        return float(value), float(upper)


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("size", [1e-8, 1e-2, 1.0, 5.0])
def test_values_and_bounds_are_those_of_the_formulas(size: float, both: bool) -> None:
    tables, hints = nasty(size, 120)
    if both:
        hints[:, 1] = 0.0
    for table, g in zip(tables, hints, strict=True):
        m = table[1:, 1:]
        value, upper, better0, better1 = compiled.step(table[0, 0], *m.ravel(), *g, both)
        exact, above = with_forty_digits(table, g, both)
        assert value == pytest.approx(exact, abs=1e-13 * (16.0 + size))
        # where |k| is one but for 1e-14 the float bound is that of another g', which is a bound as well
        assert upper == pytest.approx(above, abs=1e-12 * (16.0 + size) + 1e-6 * (above - exact)) or upper > above
        assert math.hypot(better0, better1) <= compiled.LARGEST * (1 + 1e-12)


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("size", [1.0, 30.0, 1e4, 1e8])
def test_values_are_those_of_the_checker_s_floats(size: float, both: bool) -> None:
    tables, hints = nasty(size)
    if both:
        hints[:, 1] = 0.0
    values, _, _ = CorrelatorFloats(both).step(tables, hints, 0.0)
    for table, g, value in zip(tables, hints, values, strict=True):
        found = compiled.step(table[0, 0], *table[1:, 1:].ravel(), *g, both)
        assert found[0] == pytest.approx(value, abs=1e-13 * (16.0 + size)) and found[1] >= found[0] - 1e-13 * size


@pytest.mark.parametrize("both", [False, True])
def test_compiling_changes_no_number_by_more_than_its_last_digits(both: bool) -> None:
    tables, hints = nasty(3.0, 60)
    for table, g in zip(tables, hints, strict=True):
        numbers = (table[0, 0], *table[1:, 1:].ravel(), *g)
        own = compiled.step.py_func(*map(float, numbers), both)
        assert compiled.step(*numbers, both) == pytest.approx(own, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("key", [Key.ONE, Key.BOTH])
def test_bounds_stay_above_states_and_steps_go_uphill(key: Key) -> None:
    tables, _ = nasty(5.0)
    engine = CorrelatorEngine(key)
    batch = Batch(engine, tables, engine.cold(tables))
    before = batch.heights.copy()
    for _ in range(30):
        batch.step(np.arange(len(tables)))
        assert (batch.heights >= before - 1e-12).all()
        before = batch.heights.copy()
    states = engine.states(tables, batch.hints)
    assert np.allclose(moments_of(states), engine.moments(tables, batch.hints), atol=1e-13)
    attained = np.einsum("nij,nij->n", tables, moments_of(states)) - math.log(2.0) * entropies(states, key, 0.0)
    assert (attained <= batch.uppers + 1e-10).all() and (batch.values <= batch.uppers + 1e-12).all()
    assert np.quantile(batch.uppers - attained, 0.9) < 1e-6


def test_some_are_advanced_and_others_are_left() -> None:
    tables, _ = nasty(2.0, 50)
    engine = CorrelatorEngine(Key.ONE)
    batch, whole = (Batch(engine, tables, engine.cold(tables)) for _ in range(2))
    index = np.arange(0, 50, 2)
    left = {name: getattr(batch, name)[1::2].copy() for name in ("hints", "values", "uppers", "lengths")}
    engine.advance(batch, index, 1e-9, 40)
    whole.solve(1e-9, 40)
    assert (
        np.array_equal(batch.uppers[::2], whole.uppers[::2])
        and np.quantile((batch.uppers - batch.values)[::2], 0.9) <= 1e-9
    )
    assert all(np.array_equal(getattr(batch, name)[1::2], kept) for name, kept in left.items())


def test_a_function_without_a_file_is_compiled_and_not_kept() -> None:
    assert compiled_loop(eval("lambda x: x + 1.0"))(1.0) == 2.0


def test_numba_is_loaded_only_where_a_step_is_taken() -> None:
    code = "import sys, sdpbound.entropies.qubits.correlators, sdpbound as sb; sb.key_rate; "
    code += "assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
