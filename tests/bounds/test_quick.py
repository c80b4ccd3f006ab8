"""Guessing probabilities that studies prove from the dual of the compiled method."""

from __future__ import annotations

import math

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.bounds.estimates import form_of
from sdpbound.bounds.quick import COMPILED, quick_guess

LEVEL = sb.Quantum("2")


def data_of(tested: str, visibility: float = 0.97) -> sb.Observations:
    member = sb.SingletSelfTest(0.9, math.pi / 2 - 0.2, 0.9 + math.pi / 2)
    behaviour = member.behaviour(visibility)
    if tested == "bell":
        return sb.Observations.bell_value(member.expression, behaviour)
    if tested == "full":  # with marginals: no guess is the twin of another one
        p = np.array(behaviour.p)
        local = np.zeros_like(p)
        local[0, 0] = 1.0
        return sb.Observations.full(sb.Behaviour(0.95 * p + 0.05 * local))
    return sb.Observations.correlators(behaviour)


@pytest.mark.parametrize("value", [2.02, 2.4, 2.8])
def test_chsh(value: float) -> None:
    """P_guess(A|x,E) = (1 + sqrt(2 - S^2/4))/2, arXiv:0911.4171, which Eve attains: no bound is below."""
    bound = quick_guess(sb.Observations.bell_value(sb.chsh(), value), LEVEL, 0, None, 1e-9)
    exact = 0.5 + 0.5 * math.sqrt(2.0 - value**2 / 4.0)
    assert bound is not None and bound.solver == COMPILED
    assert exact - 1e-12 <= bound.value <= exact + 1e-9 + 1e-11


@pytest.mark.parametrize("y", [None, 0, 1])
@pytest.mark.parametrize("tested", ["correlators", "full", "bell"])
def test_it_is_the_bound_of_the_solvers_and_is_proven(tested: str, y: int | None) -> None:
    data = data_of(tested)
    bound, other = quick_guess(data, LEVEL, 0, y, 1e-9), sb.guessing_probability(data, LEVEL, 0, y)
    assert bound is not None
    assert abs(bound.value - other.value) < 2e-9
    data_of_proof = bound.certificate.data
    assert sb.verify(data_of_proof).claimed == bound.value
    forged = data_of_proof | {"claim": data_of_proof["claim"] | {"value": bound.value - 1e-6}}
    with pytest.raises(sb.CertificateError):
        sb.verify(forged)


def test_there_is_no_proof_beyond_the_tolerance() -> None:
    """A dual of few digits is not issued, and neither is one of data outside the set, on its boundary or of nothing."""
    assert quick_guess(data_of("bell"), LEVEL, 0, None, 1e-16) is None
    assert quick_guess(sb.Observations.bell_value(sb.chsh(), 2.9), LEVEL, 0, None, 1e-9) is None
    assert quick_guess(data_of("correlators", 1.0), LEVEL, 0, None, 1e-9) is None
    assert quick_guess(data_of("correlators"), sb.NoSignaling(), 0, None, 1e-9) is None
    assert quick_guess(data_of("correlators"), sb.Quantum("4"), 0, None, 1e-9) is None


def test_the_moments_enclose_the_bound() -> None:
    """The value of the method is that of moments that meet their conditions: the best bound lies between."""
    data = data_of("correlators", 0.995)
    form = form_of(data.scenario, LEVEL, 0, 1)
    assert form is not None
    found = form.solved(data.coefficients, data.values, 1e-11)
    bound = quick_guess(data, LEVEL, 0, 1, 1e-9)
    assert found is not None and bound is not None
    assert found.value - 1e-10 <= bound.value <= found.value + 1e-9
