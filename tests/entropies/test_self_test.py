"""Where a self-test is found, what its closed forms are about, and where none is found."""

from __future__ import annotations

import math

import mpmath
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


@pytest.mark.parametrize(("a", "left"), [(1.45e-6, 0.1777), (3e-6, 0.4021), (1e-4, 0.9721), (1e-2, 0.9997)])
def test_correlators_within_the_tolerance_of_a_self_test_have_a_local_part(a: float, left: float) -> None:
    """Why closed forms are about exact data: a mixture of a singlet and a local behaviour is within 1e-12 of these.

    Alice's angles are 0 and pi/2 and Bob's d and -b, so that the correlators are (cos d, cos b; sin d, -sin b). The
    local part has (1, 1; l, l).
    """
    with mpmath.workdps(40):
        t, angle = mpmath.mpf("1e-12"), mpmath.mpf(a)
        x = (angle / (mpmath.sqrt(2 * t) + mpmath.sqrt(2 * t + angle**2))) ** 2
        for _ in range(60):
            d, b = mpmath.acos(1 - t / x), mpmath.acos(1 - (1 - mpmath.cos(angle) + t) / x)
            x = mpmath.sin(angle) / (mpmath.sin(d) + mpmath.sin(b))
        local = -x * mpmath.sin(d) / (1 - x)
        assert 0 < x < 1 and abs(local) <= 1  # a mixture, with Eve's certainty on one part and one bit on the other
        quantum = (mpmath.cos(d), mpmath.cos(b), mpmath.sin(d), -mpmath.sin(b))
        data = (1, mpmath.cos(angle), 0, -mpmath.sin(angle))
        mixed = [x * q + (1 - x) * m for q, m in zip(quantum, (1, 1, local, local), strict=True)]
        assert max(abs(m - value) for m, value in zip(mixed, data, strict=True)) <= t * (1 + mpmath.mpf("1e-9"))
        assert float(x) == pytest.approx(left, abs=1e-4)
        closed = (angle / (mpmath.sqrt(2 * t) + mpmath.sqrt(2 * t + angle**2))) ** 2
        assert float(x) == pytest.approx(float(closed), rel=1e-4)


def test_no_closed_form_for_tiny_expressions_or_near_local_correlators() -> None:
    tiny = 1e-13 * sb.chsh()
    assert sb.find_self_test(sb.Observations.bell_value(tiny, tiny(LOCAL_POINT))) is None
    a = 1.5e-6
    c = np.array([[1, math.cos(a)], [math.cos(a), math.cos(2 * a)]])
    assert sb.find_self_test(sb.Observations.correlators(c)) is None
