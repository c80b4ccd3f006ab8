"""The compiled loops of the search against the same quantities from arrays and from differences."""

from __future__ import annotations

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.entropies.qubits import compiled_search
from sdpbound.entropies.qubits.columns import columns_of, operator_tables
from sdpbound.entropies.qubits.engine import Batch, Engine, StateEngine, moments_of
from sdpbound.entropies.qubits.mixture import engine_of
from sdpbound.entropies.qubits.newton import LN2
from sdpbound.entropies.qubits.problem import QubitProblem, frame, qubit_problem
from sdpbound.entropies.question import EntropyQuestion


def problems() -> dict[str, QubitProblem]:
    devices = sb.SingletSelfTest(1.0, 1.5, 2.6)
    correlators = sb.Observations.correlators(devices.behaviour(0.98))
    full = sb.Observations.full(devices.behaviour().detection_efficiency(0.95, 0.9))
    return {
        "correlators": qubit_problem(EntropyQuestion(correlators, 0, None)),
        "both outcomes": qubit_problem(EntropyQuestion(correlators, 0, 1)),
        "flips": qubit_problem(EntropyQuestion(correlators, 0, None, 0.05)),
        "full": qubit_problem(EntropyQuestion(full, 0, None)),
    }


PROBLEMS = problems()


def exact(engine: Engine, tables: np.ndarray) -> Batch:
    batch = Batch(engine, tables, engine.cold(tables))
    batch.solve(1e-10, 100)
    return batch


@pytest.mark.parametrize("name", PROBLEMS)
def test_tables_and_tested_values(name: str) -> None:
    problem, rng = PROBLEMS[name], np.random.default_rng(3)
    a, b, m = rng.uniform(-4, 4, 30), rng.uniform(-4, 4, 30), rng.normal(size=len(problem.tests))
    expression = np.tensordot(m, problem.tests, axes=1)
    tables = operator_tables(expression, a, b)
    assert tables == pytest.approx(LN2 * frame(a).transpose(0, 2, 1) @ expression @ frame(b), abs=1e-14)
    x = rng.normal(size=(30, 4, 4))
    states = x @ x.transpose(0, 2, 1)
    states /= np.trace(states, axis1=1, axis2=2)[:, None, None]
    moments = frame(a) @ moments_of(states) @ frame(b).transpose(0, 2, 1)
    found = columns_of(problem, a, b, states).tests
    assert found == pytest.approx(np.einsum("nij,kij->nk", moments, problem.tests), abs=1e-13)


def test_a_step_of_the_see_saw_is_best_for_each_party_in_turn() -> None:
    rng = np.random.default_rng(4)
    expression, moments = rng.normal(size=(3, 3)), rng.normal(size=(20, 3, 3))
    a, b = rng.uniform(-3, 3, (2, 20))
    before = b.copy()

    def mean(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.einsum("ij,nij->n", expression, frame(a) @ moments @ frame(b).transpose(0, 2, 1))

    compiled_search.best_angles(expression, moments.reshape(-1, 9), a, b)
    for angle in np.linspace(0.0, 2.0 * np.pi, 60):
        other = np.full(20, angle)
        assert (mean(a, before) >= mean(other, before) - 1e-12).all()
        assert (mean(a, b) >= mean(a, other) - 1e-12).all()


def test_distinct_strategies() -> None:
    a = np.array([0.0, 1.0, 1.0, -1.0, 2.0, np.pi, 0.001])
    b = np.array([np.pi, 0.5, 0.501, -0.5, 0.5, 1.5, 0.0])
    kept = np.empty(7, dtype=np.int64)
    assert kept[: compiled_search.distinct(a, b, kept)].tolist() == [1, 4]  # neither party has one direction only


@pytest.mark.parametrize("name", PROBLEMS)
def test_derivatives_are_those_of_differences(name: str) -> None:
    """Of G at angles and multipliers, whose second derivatives take those of the engine by the operator's table."""
    problem, rng, h = PROBLEMS[name], np.random.default_rng(6), 2e-3
    engine, j = engine_of(problem, 1e-10), len(problem.tests)
    for _ in range(3):
        point = np.concatenate([rng.normal(size=j), rng.uniform(0.4, 2.7, 2)])

        def gradient_at(x: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
            e, a, b = np.tensordot(x[:j], problem.tests, axes=1), x[j : j + 1], x[j + 1 :]
            batch = exact(engine, operator_tables(e, a, b))
            second = LN2 * engine.curvature(batch.tables, batch.hints)
            rates, gradient, hessian = np.empty((j + 2, 9)), np.empty(j + 2), np.empty((j + 2, j + 2))
            m = engine.moments(batch.tables, batch.hints).reshape(9)
            compiled_search.derivatives(e, problem.tests, a[0], b[0], m, second[0], rates, gradient, hessian)
            return float(batch.values[0]) / LN2, gradient, hessian

        value, gradient, hessian = gradient_at(point)
        assert np.isfinite(value)
        for k, step in enumerate(h * np.eye(j + 2)):
            up, down = gradient_at(point + step), gradient_at(point - step)
            assert gradient[k] == pytest.approx((up[0] - down[0]) / (2 * h), abs=1e-4)
            most = 1.0 + float(np.abs(hessian).max())
            assert hessian[:, k] == pytest.approx((up[1] - down[1]) / (2 * h), abs=2e-3 * most)


@pytest.mark.parametrize(
    "matrix", [(2.0, 0.3, 1.0), (1.0, 0.0, 1.0), (-1.0, 0.2, 3.0), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)]
)
def test_the_parts_of_a_maximum(matrix: tuple[float, float, float]) -> None:
    inverse, uphill = np.empty((2, 2)), np.empty((2, 2))
    compiled_search.angle_part(*matrix, 1e-4, inverse, uphill)
    e, v = np.linalg.eigh(np.array([[matrix[0], matrix[1]], [matrix[1], matrix[2]]]))
    kept = np.where(e > 1e-4, 1.0 / np.where(e > 1e-4, e, 1.0), 0.0)
    assert inverse == pytest.approx((v * kept) @ v.T, abs=1e-12)
    sizes = np.where(e > 1e-4, e, np.maximum(np.abs(e), 0.1))
    assert uphill == pytest.approx((v / sizes) @ v.T, abs=1e-12)


def test_the_engines_agree_on_curvature() -> None:
    """The closed form's, by differences, and that of the general engine, by formulas."""
    rng = np.random.default_rng(8)
    tables = np.zeros((10, 3, 3))
    tables[:, 1:, 1:] = rng.normal(size=(10, 2, 2))
    problem = PROBLEMS["correlators"]
    closed, general = engine_of(problem, 1e-10), StateEngine(problem.key, 0.0, 1e-10)
    one, other = (e.curvature(tables, exact(e, tables).hints) for e in (closed, general))
    inner = np.array([4, 5, 7, 8])
    assert one[:, inner[:, None], inner] == pytest.approx(other[:, inner[:, None], inner], abs=1e-4)
