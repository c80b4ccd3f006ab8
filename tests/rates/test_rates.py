from __future__ import annotations

import math

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.entropies.known import KnownEntropy
from tests.support import h


def curve(s: float, phi: float = math.pi / 2 - 0.02) -> sb.SingletSelfTest:
    theta = sb.theta_at_chsh(s, phi)
    return sb.SingletSelfTest(theta, phi, theta + math.pi / 2)


def test_error_correction_is_the_conditional_entropy() -> None:
    t = curve(2.3)
    for v in (1.0, 0.97):
        b = t.behaviour(v)
        for x in (0, 1):
            for y in (0, 1):
                e = b.correlators[x, y]
                assert sb.error_correction(b, x, y) == pytest.approx(h((1 + e) / 2), abs=1e-12)
    # not h(error rate) where Bob's outcome is biased: losses binned on Bob's side only
    lossy = t.behaviour().detection_efficiency(1.0, 0.9)
    joint = lossy.joint(0, 0)
    expected = sum(joint[:, b].sum() * h(joint[0, b] / joint[:, b].sum()) for b in (0, 1))
    assert sb.error_correction(lossy, 0, 0) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("s", [pytest.param(2.002, marks=pytest.mark.slow), 2.05, 2.3, 2.5])
@pytest.mark.parametrize("observed", ["bell", "correlators", "full"])
def test_key_at_the_self_test_is_a_closed_form(s: float, observed: str) -> None:
    """Proposition 3: the key rate is 1 - h((1 + sin phi)/2) however small the CHSH violation."""
    t = curve(s)
    data: object = t.expression if observed == "bell" else observed
    rate = sb.key_rate(t.behaviour(), data, x=0, y=0)  # type: ignore[arg-type]
    assert rate.is_closed_form and rate.side == "lower" and rate.data == rate.entropy.data == "exact"
    assert "exact data" in repr(rate) and rate.sdp is not None and rate.sdp.data == "measured"
    assert rate.value == pytest.approx(1 - h((1 + math.sin(t.phi)) / 2), abs=1e-12)
    assert "arXiv" in rate.entropy.source and "self-test" in " ".join(rate.assumptions)
    assert "Devetak-Winter" in rate.security
    assert rate.sdp is not None and not rate.sdp.is_closed_form
    assert rate.sdp.value <= rate.value + 1e-12
    if observed != "bell" or s > 2.01:  # the tolerance of a single Bell value is large beside its gap closer to 2
        assert rate.value - rate.sdp.value <= 2e-5
    assert rate.entropy.certificate.verify().holds


@pytest.mark.slow
def test_limit_points_of_propositions_4_and_6() -> None:
    """phi = pi/2: no single Bell value self-tests, all four correlators do: perfect key; with omega = pi two bits."""
    four = sb.SingletSelfTest(math.pi / 3, math.pi / 2, 5 * math.pi / 6)
    assert not four.is_self_test
    rate = sb.key_rate(four.behaviour())
    assert rate.is_closed_form and rate.settings == (0, 0)
    assert rate.value == pytest.approx(1.0, abs=1e-9)
    bell = sb.Observations.bell_value(four.expression, four.behaviour())
    assert sb.find_self_test(bell) is None
    six = sb.SingletSelfTest(math.pi / 4, math.pi / 2, math.pi)
    assert sb.key_rate(six.behaviour(), x=0, y=0).value == pytest.approx(1.0, abs=1e-9)
    assert sb.randomness_rate(six.behaviour(), x=0, y=1).value == pytest.approx(2.0, abs=1e-9)


def test_proposition_2_and_blind_randomness() -> None:
    t = sb.SingletSelfTest(math.pi / 3, math.pi / 3, math.pi)
    rate = sb.randomness_rate(t.behaviour(), t.expression)
    assert rate.settings == (0, 1) and rate.value == pytest.approx(2.0, abs=1e-12)
    assert rate.sdp is not None and rate.sdp.value == pytest.approx(2.0, abs=1e-2)
    blind = sb.randomness_rate(t.behaviour(), "full", x=0, y=1, blind=True)
    assert blind.value == pytest.approx(1.0, abs=1e-12)
    assert blind.sdp is not None and 0.98 <= blind.sdp.value <= 1.0
    local = sb.randomness_rate(t.behaviour(), local=True)
    assert local.settings[1] is None and local.value == 1.0


def test_no_self_test_away_from_it() -> None:
    t = curve(2.3)
    assert sb.find_self_test(sb.Observations.bell_value(t.expression, 0.999 * t.strategy_value)) is None
    assert sb.find_self_test(sb.Observations.correlators(t.behaviour(0.9999))) is None
    assert sb.find_self_test(sb.Observations.correlators(np.ones((2, 2)))) is None
    assert sb.find_self_test(sb.Observations.bell_value(sb.i3322(), 0.25)) is None
    # floats are no exact data, however near
    assert sb.find_self_test(sb.Observations.bell_value(t.expression, t.strategy_value)) is None
    assert sb.find_self_test(sb.Observations.correlators(t.correlators)) is None
    assert sb.find_self_test(sb.Observations.correlators(t.behaviour(), tolerance=1e-9)) is None
    assert sb.find_self_test(sb.Observations.bell_value(sb.chsh(), t.behaviour())) is None
    assert not sb.key_rate(t.behaviour(0.999)).is_closed_form
    assert not sb.key_rate(t.behaviour(), closed_forms=False).is_closed_form


def test_bell_self_tests_agree_with_condition_4() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        t = sb.SingletSelfTest(*rng.uniform(0, 2 * math.pi, 3))
        data = sb.Observations.bell_value(t.expression, t.behaviour())
        found = sb.find_self_test(data)
        assert (found is not None) == t.is_self_test
        if found is not None:
            assert np.allclose(found.correlators, t.correlators, atol=1e-6)


def test_noisy_rates_against_two_adversaries() -> None:
    t = curve(2.5)
    b = t.behaviour(0.99)
    quantum = sb.key_rate(b)
    free = sb.key_rate(b, entropy=sb.MinEntropy(sb.NoSignaling()))
    assert free.security == "individual attacks" and "Devetak" not in repr(free)
    assert free.value < quantum.value < 1
    # all correlators tested: P_guess = 3/2 - S/4
    exact = -math.log2(1.5 - b.chsh / 4) - sb.error_correction(b, *free.settings)
    assert free.value == pytest.approx(exact, abs=1e-9)
    assert quantum.value == pytest.approx(quantum.entropy.value - quantum.error_correction, abs=1e-12)
    assert quantum.settings == (0, 0)
    with pytest.raises(sb.Infeasible):
        sb.key_rate(b, entropy=sb.MinEntropy(sb.Local()))


def test_rates_are_not_clipped_and_settings_are_respected() -> None:
    b = curve(2.1).behaviour(0.9)
    assert sb.key_rate(b).value < 0
    assert sb.key_rate(b, x=1, y=0).settings == (1, 0)
    best = sb.key_rate(b)
    for x in (0, 1):
        for y in (0, 1):
            assert sb.key_rate(b, x=x, y=y).value <= best.value + 1e-9


def test_known_entropy_saves_a_solve() -> None:
    b = curve(2.4).behaviour(0.98)
    bound = sb.min_entropy(sb.Observations.correlators(b), sb.Quantum("2"))
    rate = sb.key_rate(b, x=0, y=0, entropy=KnownEntropy(bound, 0))
    assert rate.entropy is bound
    with pytest.raises(sb.InvalidInput, match="x=0"):
        sb.key_rate(b, x=1, y=0, entropy=KnownEntropy(bound, 0))


def test_bad_input() -> None:
    b = curve(2.4).behaviour(0.98)
    with pytest.raises(sb.InvalidParameter, match="preprocessing"):
        sb.key_rate(b, entropy=sb.MinEntropy(), preprocessing=0.1)
    with pytest.raises(sb.InvalidParameter, match="correlations"):
        sb.key_rate(b, "correlations")
    with pytest.raises(sb.InvalidSettings, match="y = 3"):
        sb.key_rate(b, y=3)
    with pytest.raises(sb.InvalidInput):
        sb.randomness_rate(b, local=True, y=1)
    with pytest.raises(sb.InvalidInput):
        sb.key_rate(b, sb.Observations.bell_value(sb.i3322(), 0.1))


def test_known_entropy_must_be_the_one_needed() -> None:
    t = sb.SingletSelfTest(1.0, 1.5, 2.6)
    b = t.behaviour(0.97)
    data = sb.Observations.correlators(b)
    guess = sb.guessing_probability(data, sb.Quantum("1+AB"))
    other = sb.min_entropy(sb.Observations.correlators(t.behaviour(0.99)), sb.Quantum("1+AB"))
    everything = sb.min_entropy(data, sb.Quantum("1+AB"), 0, 1)
    for bound, y in ((guess, None), (other, None)):
        with pytest.raises(sb.InvalidInput, match="min-entropy"):
            sb.key_rate(b, x=0, y=0, entropy=KnownEntropy(bound, 0, y))
    with pytest.raises(sb.InvalidInput, match="min-entropy"):
        sb.randomness_rate(b, x=0, y=1, blind=True, entropy=KnownEntropy(everything, 0, 1))
    assert sb.randomness_rate(b, x=0, y=1, entropy=KnownEntropy(everything, 0, 1)).value == everything.value


def test_a_rate_needs_the_data_of_its_devices() -> None:
    t = sb.SingletSelfTest(1.0, 1.5, 2.6)
    with pytest.raises(sb.InvalidInput, match="behaviour has"):
        sb.key_rate(t.behaviour(0.9), sb.Observations.bell_value(t.expression, t.strategy_value))


def test_required_self_tests() -> None:
    t = sb.SingletSelfTest(1.0, 1.5, 2.6)
    assert sb.key_rate(t.behaviour(), require_self_test=True).is_closed_form
    with pytest.raises(sb.NotSelfTesting):
        sb.key_rate(t.behaviour(0.99), require_self_test=True)
    with pytest.raises(sb.NotSelfTesting):
        sb.randomness_rate(
            t.behaviour(), x=0, y=1, entropy=sb.MinEntropy(model=sb.NoSignaling()), require_self_test=True
        )


def test_a_printed_rate_is_rounded_down() -> None:
    rate = sb.key_rate(sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.97), x=0, y=0)
    assert float(repr(rate).split(">= ")[1].split(" ")[0]) <= rate.value
