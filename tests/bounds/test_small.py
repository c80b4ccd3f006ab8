"""Small programs by compiled loops: the same bounds as those of general solvers, proven, and others where they end."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse as sp

import sdpbound as sb
from sdpbound.bounds.guessing import guessing_question
from sdpbound.bounds.small import small_program
from sdpbound.conic.program import LinearMatrixInequality
from sdpbound.errors import SolverFailure

MEMBER = sb.SingletSelfTest(0.9, math.pi / 2 - 0.2, 0.9 + math.pi / 2)
DATA = {
    "correlators": lambda v: sb.Observations.correlators(MEMBER.behaviour(v)),
    "full": lambda v: sb.Observations.full(MEMBER.behaviour(v)),
    "bell": lambda v: sb.Observations.bell_value(MEMBER.expression, MEMBER.behaviour(v)),
}


@pytest.mark.parametrize("visibility", [0.999, 0.9])
@pytest.mark.parametrize("y", [None, 1])
@pytest.mark.parametrize("tested", sorted(DATA))
def test_guesses_are_those_of_other_solvers(tested: str, y: int | None, visibility: float) -> None:
    data = DATA[tested](visibility)
    found = sb.guessing_probability(data, sb.Quantum("2"), 0, y, solver="moments")
    other = sb.guessing_probability(data, sb.Quantum("2"), 0, y, solver="sdpa")
    assert found.value == pytest.approx(other.value, abs=3e-7)
    assert found.value >= found.solver_value - 1e-8  # the moments are a point of the program
    assert found.certificate.verify().holds


@pytest.mark.parametrize("expression", [sb.chsh(), sb.i3322(), sb.tilted_chsh(0.5)])
def test_bell_values(expression: sb.BellExpression) -> None:
    found = sb.maximize(expression, sb.Quantum("1+AB"), solver="moments")
    assert found.solver == "moments"
    assert found.value == pytest.approx(sb.maximize(expression, sb.Quantum("1+AB"), solver="sdpa").value, abs=1e-6)
    assert found.certificate.verify().holds


def test_duals_of_twins() -> None:
    """The guess that is not solved has the dual of the other one: both meet the equations with the same multipliers."""
    data = DATA["correlators"](0.97)
    objective = guessing_question(data, 0, 1).objective
    program = small_program(data.scenario, sb.Quantum("2"), objective)
    assert program is not None
    answer = program.maximise(data.coefficients, data.values, 1e-10)
    assert answer is not None
    assert answer.accuracy < 1e-8
    left = program.objective.copy()
    for own, dual in zip(left, answer.duals, strict=True):
        np.add.at(own, program.index.reshape(-1), dual.reshape(-1))
        assert np.linalg.eigvalsh(dual)[0] > -1e-9
    assert np.abs(left - left[0]).max() < 1e-8
    total = answer.moments.sum(axis=0)
    assert total[program.unit] == pytest.approx(1.0, abs=1e-9)
    rows = data.coefficients.reshape(len(data), -1) @ program.coordinates.T
    assert rows @ total == pytest.approx(data.values, abs=1e-8)
    value = float((program.objective * answer.moments).sum())
    assert value == pytest.approx(answer.value, abs=1e-9)


def test_where_the_loops_end_others_are_asked() -> None:
    three = sb.Observations.bell_value(sb.cglmp(3), 2.5)
    found = sb.guessing_probability(three, sb.Quantum("1+AB"), solver="moments")
    assert found.solver != "moments"
    assert found.value == pytest.approx(sb.guessing_probability(three, sb.Quantum("1+AB")).value, abs=1e-6)
    blind = sb.blind_guessing_probability(DATA["correlators"](0.97), sb.Quantum("2"), solver="moments")
    assert blind.solver != "moments"
    with pytest.raises(sb.Infeasible):
        sb.guessing_probability(sb.Observations.bell_value(sb.chsh(), 2.9), sb.Quantum("2"), solver="moments")
    entropy = sb.conditional_entropy(
        DATA["correlators"](0.9), method=sb.VonNeumann("projective", tolerance=1e-2, solver="moments")
    )
    assert entropy.value > 0.1


def test_as_a_solver_of_reduced_programs() -> None:
    nothing = LinearMatrixInequality(np.zeros(0), 0.0, sp.csc_array((0, 0)), np.zeros(0), 0, ())
    with pytest.raises(SolverFailure, match="no program of one small moment matrix"):
        sb.Moments().solve(nothing)
