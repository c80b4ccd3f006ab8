"""Where no self-test is found: data that a local behaviour fits, within what floats resolve."""

from __future__ import annotations

import math

import numpy as np
import pytest

import sdpbound as sb

LOCAL_POINT = sb.Behaviour.from_correlators(np.ones((2, 2)))


def deterministic_at_the_local_bound(t: sb.SingletSelfTest) -> sb.Behaviour:
    scenario = t.expression.scenario
    points = [np.multiply.outer(a, b) for a in scenario.deterministic(0) for b in scenario.deterministic(1)]
    best = max(points, key=lambda m: float((m * t.expression.coefficients).sum()))
    return sb.Behaviour.from_moments(scenario, best)


@pytest.mark.parametrize(
    "t",
    [
        sb.SingletSelfTest(1e-4, math.pi / 2 - 5e-5, math.pi - 0.3),
        sb.SingletSelfTest(1e-4, math.pi / 2 - 5e-5, math.pi),
    ],
)
def test_no_closed_form_where_a_local_behaviour_fits_the_data(t: sb.SingletSelfTest) -> None:
    """Quantum minus local is below what floats resolve: then nothing is self-tested."""
    d = deterministic_at_the_local_bound(t)
    rate = sb.key_rate(d, sb.Observations.bell_value(t.expression, t.expression(d)), x=0, y=0)
    assert not rate.is_closed_form and rate.value <= 1e-6


def test_no_closed_form_for_tiny_expressions_or_near_local_correlators() -> None:
    tiny = 1e-13 * sb.chsh()
    assert sb.find_self_test(sb.Observations.bell_value(tiny, tiny(LOCAL_POINT))) is None
    a = 1.5e-6
    c = np.array([[1, math.cos(a)], [math.cos(a), math.cos(2 * a)]])
    assert sb.find_self_test(sb.Observations.correlators(c)) is None
