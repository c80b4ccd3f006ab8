"""Exact data on the boundary of the quantum set: bounds from the strategy that the data come from."""

from __future__ import annotations

import math

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.bounds.assemble import assemble
from sdpbound.bounds.exact_data import known_strategy, strategy_moments
from sdpbound.bounds.guessing import guessing_question
from sdpbound.checker import verify
from sdpbound.recheck import recheck

MEMBERS = [(1.0, math.pi / 2 - 0.1, 1.0 + math.pi / 2), (0.4, math.pi / 2 - 0.05, 2.3), (0.057131, 1.550796, 1.627927)]


@pytest.mark.parametrize("angles", MEMBERS)
def test_moments_of_the_strategy(angles: tuple[float, float, float]) -> None:
    member = sb.SingletSelfTest(*angles)
    matrix = sb.Quantum("2").relax(member.scenario).matrix
    assert matrix is not None
    moments = strategy_moments(matrix, member.exact)
    for x in (1, 2):
        for y in (1, 2):
            found = moments[matrix.find(((x,), (y,)))]
            assert found == pytest.approx(float(member.correlators[x - 1, y - 1]), abs=1e-14)
    assert moments[matrix.find(((1,), ()))] == pytest.approx(0.0, abs=1e-15)
    gram = moments[matrix.index]
    assert np.linalg.eigvalsh(gram)[0] > -1e-14
    assert np.linalg.matrix_rank(gram, tol=1e-9) == 4  # a pure state of two qubits


@pytest.mark.parametrize("angles", MEMBERS)
@pytest.mark.parametrize("tested", ["correlators", "bell"])
@pytest.mark.parametrize("y", [None, 1])
def test_bounds_are_near_the_closed_form(angles: tuple[float, float, float], tested: str, y: int | None) -> None:
    member = sb.SingletSelfTest(*angles)
    behaviour = member.behaviour()
    data = (
        sb.Observations.correlators(behaviour)
        if tested == "correlators"
        else sb.Observations.bell_value(member.expression, behaviour)
    )
    exact = 0.5 if y is None else (1.0 + abs(float(member.correlators[0, y]))) / 4.0
    bound = sb.guessing_probability(data, sb.Quantum("2"), 0, y)
    if angles is MEMBERS[2] and not sb.Qics.installed():
        pytest.skip("the other solvers come less close here")
    # the tolerance of the data costs more, the nearer the member is to a trivial one
    assert -1e-12 < bound.value - exact < (6e-3 if angles is MEMBERS[2] else 2e-4)
    certificate = bound.certificate
    assert verify(certificate.data).claimed == bound.value
    assert recheck(certificate.data).claimed == bound.value
    # the same floats as measured data prove about the same at best: nothing exact enters the proof
    measured = sb.Observations(data.scenario, data.coefficients, data.values, data.tolerances)
    assert sb.guessing_probability(measured, sb.Quantum("2"), 0, y).value > exact - 1e-12


def test_where_no_strategy_is_known() -> None:
    member = sb.SingletSelfTest(*MEMBERS[0])
    model = sb.Quantum("2")

    def known(data: sb.Observations) -> bool:
        question = guessing_question(data, 0, None)
        return known_strategy(question, assemble(question, model)) is not None

    assert known(sb.Observations.correlators(member.behaviour()))
    assert not known(sb.Observations.correlators(member.behaviour(0.99)))
    assert not known(sb.Observations.correlators(member.correlators))  # floats, measured
    local = sb.SingletSelfTest(0.3, 0.2, 0.4)  # does not self-test
    assert not local.is_self_test
    assert not known(sb.Observations.correlators(local.behaviour()))


def test_another_expression_than_the_own_one() -> None:
    """CHSH of a member that does not maximise it is no boundary value: the bound is that of a float."""
    member = sb.SingletSelfTest(*MEMBERS[0])
    value = sb.chsh().value(member.behaviour())
    exact = sb.guessing_probability(sb.Observations.bell_value(sb.chsh(), member.behaviour()), sb.Quantum("2"))
    plain = sb.guessing_probability(sb.Observations.bell_value(sb.chsh(), value), sb.Quantum("2"))
    assert exact.value == pytest.approx(plain.value, abs=1e-7)
    assert exact.value == pytest.approx(0.5 + 0.5 * math.sqrt(2.0 - value**2 / 4.0), abs=1e-6)
