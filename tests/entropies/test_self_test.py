"""Where a self-test is found, what its closed forms are about, and where none is found."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import mpmath
import numpy as np
import pytest

import sdpbound as sb
from sdpbound.recheck import recheck

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


LOCAL_TABLES = [[[1, 1e-14], [0, 0]], [[1, 0], [0, 0]]]


@pytest.mark.parametrize("table", LOCAL_TABLES)
def test_an_expression_named_by_its_largest_coefficient_alone_self_tests_nothing(table: list[list[float]]) -> None:
    """Beside cos(1e-13) the other coefficients of expression (2) are below 1e-12: one correlator is no self-test."""
    t = sb.SingletSelfTest("pi/3", "pi/2 - 1e-13", "5*pi/6")
    expression = sb.BellExpression.from_correlators(table)
    assert sb.find_self_test(sb.Observations.bell_value(expression, t.behaviour())) is None
    assert not sb.key_rate(t.behaviour(), expression, x=0, y=0).is_closed_form
    refused_by_both(t, sb.Observations.bell_value(expression, t.behaviour()))


def refused_by_both(t: sb.SingletSelfTest, data: sb.Observations) -> None:
    """A closed form claimed for a tested value that local devices reach, or nearly."""
    given = sb.Observations.correlators(sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour())
    root = json.loads(sb.find_self_test(given).entropy().certificate.to_json())  # type: ignore[union-attr]
    root["question"]["exact"] = t.exact.entry()
    root["question"]["observed"] = [
        {"coefficients": c.tolist(), "value": float(v), "tolerance": 1e-12}
        for c, v in zip(data.coefficients, data.values, strict=True)
    ]
    with pytest.raises(sb.CertificateError, match="prove no entropy"):
        sb.verify(root)
    assert not recheck(root).holds


@pytest.mark.parametrize("e", ["3e-3", "1e-4", "1e-6", "1e-9"])
def test_an_expression_whose_two_maxima_its_digits_do_not_tell_apart_self_tests_nothing(e: str) -> None:
    """Four small angles: the maxima are apart by a part of e^4, and rounded coefficients may be local ones."""
    t = sb.SingletSelfTest(f"2*{e}", f"pi/2 - {e}", f"pi/2 + {e}")
    assert t.is_self_test
    data = sb.Observations.bell_value(t.expression, t.behaviour())
    assert sb.find_self_test(data) is None
    refused_by_both(t, data)
    assert sb.find_self_test(sb.Observations.correlators(t.behaviour())) is not None  # these need no expression


def test_an_expression_just_inside_the_edge_is_no_test() -> None:
    t = sb.SingletSelfTest("-pi/3", "pi/2 + 1e-20", "pi/6")
    assert t.is_self_test and sb.find_self_test(sb.Observations.bell_value(t.expression, t.behaviour())) is None


def test_a_value_must_be_right_in_units_of_its_expression() -> None:
    t = sb.SingletSelfTest(1.0, 1.5, 2.6)
    tiny = 2.0**-60 * t.expression
    assert sb.find_self_test(sb.Observations.bell_value(tiny, t.behaviour())) is not None
    data = sb.Observations.bell_value(tiny, t.behaviour())
    refused_by_both(t, replace(data, values=np.zeros(1)))


def test_data_of_other_devices_are_measured() -> None:
    """Exact data belong to the behaviour whose errors are corrected; what is within 1e-9 of them is measured."""
    b = sb.SingletSelfTest("0.05", "pi/2 - 0.02", "pi/2 + 0.05").behaviour()
    exact = sb.Observations.correlators(b)
    noisy = b.white_noise(1.0 - 1e-9)
    assert sb.key_rate(b, exact, x=0, y=0).data == "exact"
    rate = sb.key_rate(noisy, exact, x=0, y=0)
    assert rate.data == "measured" and rate.value < 0.998527
    other = sb.SingletSelfTest("0.05", "pi/2 - 0.0200000003", "pi/2 + 0.05").behaviour()
    assert sb.key_rate(b, sb.Observations.correlators(other), x=0, y=0).data == "measured"


def test_a_constant_beside_the_expression_does_not_matter() -> None:
    t = sb.SingletSelfTest(1.0, 1.5, 2.6)
    certificate = sb.find_self_test(sb.Observations.bell_value(t.expression, t.behaviour()))
    root = json.loads(certificate.entropy().certificate.to_json())  # type: ignore[union-attr]
    constant = {"coefficients": [[1, 0, 0], [0, 0, 0], [0, 0, 0]], "value": 1, "tolerance": 0}
    root["question"]["observed"].insert(0, constant)
    assert sb.verify(root).holds and recheck(root).holds
