"""Exact angles: what texts and floats stand for, and which correlations they self-test."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import sdpbound as sb
from sdpbound.bell.exact import Angle, ExactSinglet
from sdpbound.bell.families.correlators import correlators_self_test


@pytest.mark.parametrize(
    "text, radians, pis",
    [
        ("pi/2 - 0.02", Fraction(-1, 50), Fraction(1, 2)),
        ("-(1/3 + 2*pi)/4", Fraction(-1, 12), Fraction(-1, 2)),
        ("45*deg", Fraction(0), Fraction(1, 4)),
        ("pi", Fraction(0), Fraction(1)),
        ("1e-3*rad", Fraction(1, 1000), Fraction(0)),
        ("0.1", Fraction(1, 10), Fraction(0)),  # and not the float 0.1, which is another number
    ],
)
def test_texts_are_read_as_they_are_written(text, radians, pis):
    angle = Angle.of(text)
    assert (angle.radians, angle.pis) == (radians, pis)
    assert float(angle) == pytest.approx(float(radians) + float(pis) * math.pi, abs=1e-15)


@pytest.mark.parametrize(
    "text", ["pi**2", "pi*pi", "1/pi", "sin(1)", "__import__('os')", "1e400", "1e-300000", "0x", "", "theta", "1 if 1"]
)
def test_other_texts_are_refused_with_their_name(text):
    with pytest.raises(sb.InvalidParameter, match=r"theta = .* exact angle"):
        Angle.of(text, "theta")
    with pytest.raises(sb.InvalidParameter):
        sb.SingletSelfTest(text, 1.0, 2.0)


def test_angles_that_no_certificate_could_hold_are_refused():
    with pytest.raises(sb.InvalidParameter, match="too large"):
        Angle.of("1e60*1e60")
    with pytest.raises(sb.InvalidParameter, match="digits"):
        Angle(Fraction(1, 3**2000))
    assert Angle.of(5e-324).radians == Fraction(5e-324)


@given(st.integers(-2000, 2000), st.sampled_from([1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 24, 36, 360]))
def test_a_float_that_is_a_multiple_of_pi_stands_for_it(top, bottom):
    assume(abs(top) * math.pi <= 99 * bottom)
    for value in (top * math.pi / bottom, math.pi / bottom * top, float(np.float64(top) / bottom * np.pi)):
        assert Angle.of(value).parts == (0, Fraction(top, bottom))


@given(st.floats(-100, 100))
def test_any_other_float_is_the_number_that_it_stores(value):
    angle = Angle.of(value)
    assert angle.parts == (Fraction(value), 0) or abs(value * 360 / math.pi - round(value * 360 / math.pi)) < 1e-10
    assert abs(float(angle) - value) <= 2**-51 * abs(value)


@given(st.fractions(-9, 9, max_denominator=999), st.fractions(-3, 3, max_denominator=99))
def test_texts_and_pickles_give_the_angle_back(radians, pis):
    angle = Angle(radians, pis)
    assert Angle.of(str(angle)).parts == pickle.loads(pickle.dumps(angle)).parts == angle.parts
    assert eval(repr(angle).replace("Angle(", "Angle.of(")).parts == angle.parts  # its own text


EXACT = st.builds(Angle, st.just(0), st.fractions(-2, 2, max_denominator=6)) | st.builds(
    Angle, st.fractions(-3, 3, max_denominator=50), st.fractions(-1, 1, max_denominator=4)
)


@given(EXACT, EXACT, EXACT)
def test_the_exact_criterion_is_that_of_floats(theta, phi, omega):
    """Signs of exact cosines against arcsines of floats; on the edge the float criterion has a tolerance."""
    exact = ExactSinglet(theta, phi, omega)
    t = sb.SingletSelfTest(theta, phi, omega)
    assert exact == t.exact and np.allclose(exact.correlators, t.correlators, atol=1e-14)
    assert np.allclose(exact.coefficients, t.expression.coefficients[1:, 1:], atol=1e-14)
    clear = abs(t.condition) > 1e-9
    if clear:
        assert exact.condition_holds == t.is_self_test == (t.condition < 0)
    ones = np.sort(np.abs(t.correlators).ravel())[-2]
    if ones < 1 - 1e-9:  # floats do not tell two correlators of almost 1 from two of 1
        assert exact.correlators_self_test == correlators_self_test(t.correlators)


def test_the_float_below_half_pi_stands_for_the_edge_and_the_next_ones_do_not():
    """Four floats further the cosine is 9e-16: no rounding hides its sign."""
    edge = sb.SingletSelfTest(math.pi / 3, math.pi / 2, 5 * math.pi / 6)
    assert not edge.exact.condition_holds and edge.exact.correlators_self_test and not edge.is_self_test
    below, above = (math.pi / 2 + k * math.ulp(1.0) for k in (-4, 4))
    assert sb.SingletSelfTest(math.pi / 3, below, 5 * math.pi / 6).is_self_test
    outside = sb.SingletSelfTest(math.pi / 3, above, 5 * math.pi / 6)
    assert not outside.is_self_test and not outside.exact.correlators_self_test
    assert sb.find_self_test(sb.Observations.correlators(outside.behaviour())) is None


def test_only_ideal_behaviours_are_exact():
    t = sb.SingletSelfTest("pi/3", "pi/2 - 0.02", "5*pi/6")
    ideal = t.behaviour()
    assert ideal.exact == t.exact
    noisy = [
        t.behaviour(0.99),
        ideal.white_noise(0.99),
        ideal.mix(ideal, 0.5),
        ideal.flip_outcomes(0.01, 0.0),
        ideal.detection_efficiency(0.9, 0.9),
        t.behaviour(noise=sb.WhiteNoise(0.99)),
        sb.Behaviour(ideal.p),
    ]
    assert all(b.exact is None for b in noisy)
    with pytest.raises(sb.InvalidBehaviour, match="not that of the singlet"):
        sb.Behaviour(noisy[0].p, exact=t.exact)


def test_data_are_exact_as_their_behaviour_is():
    t = sb.SingletSelfTest("pi/3", "pi/2 - 0.02", "5*pi/6")
    b = t.behaviour()
    exact = [
        sb.Observations.correlators(b),
        sb.Observations.full(b),
        sb.Observations.bell_value(t.expression, b),
        sb.Observations.correlators(b, [(0, 0), (1, 1)]),
    ]
    assert all(data.exact == t.exact and "exact values" in repr(data) for data in exact)
    measured = [
        sb.Observations.correlators(b.correlators),
        sb.Observations.correlators(b, tolerance=1e-9),
        sb.Observations.bell_value(t.expression, t.quantum_bound),
        sb.Observations.full(t.behaviour(0.99)),
    ]
    assert all(data.exact is None and "tested values" in repr(data) for data in measured)
    assert exact[0] != measured[0]  # the same floats, and not the same data


def test_axes_of_a_family_keep_exact_angles():
    member = sb.family_named("singlet").member(theta=Angle.of("pi/3"), phi=Angle.of("pi/2 - 0.02"), omega=2.5)
    assert member.exact.title == "theta = 1/3*pi, phi = -1/50 + 1/2*pi, omega = 5/2"


def test_angles_are_equal_where_they_are_exactly():
    edge, near = (sb.SingletSelfTest("pi/3", phi, "5*pi/6") for phi in ("pi/2", "pi/2 - 1e-20"))
    assert float(edge.phi) == float(near.phi) and hash(edge.phi) == hash(near.phi)
    assert edge != near and near.is_self_test and not edge.is_self_test
    assert sb.Observations.full(edge.behaviour()) != sb.Observations.full(near.behaviour())
    assert "pi/2" not in near.exact.title and "1/100000000000000000000" in near.exact.title
    assert Angle.of("pi/2") == math.pi / 2 and Angle.of("1/2") == 0.5


@given(st.floats(101, 1e15))
def test_a_large_float_is_no_multiple_of_pi(value):
    """Near 1e14 every float is a multiple of pi/360 to its last digits."""
    assert Angle.of(value).parts == (Fraction(value), 0) and Angle.of(-value).parts == (Fraction(-value), 0)


def test_large_angles_have_exact_behaviours():
    t = sb.SingletSelfTest(1e9, 1.5, 2.6)
    assert np.abs(t.behaviour().correlators - t.exact.correlators).max() < 1e-15


def test_floats_that_are_a_little_off_are_not_the_exact_behaviour():
    t = sb.SingletSelfTest(1.0, 1.5, 2.6)
    with pytest.raises(sb.InvalidBehaviour, match="not that of the singlet"):
        replace(t.behaviour(), p=t.behaviour(1.0 - 1e-12).p)
