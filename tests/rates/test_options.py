"""Objects of options: the same answers as by single keywords, and what they refuse."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import sdpbound as sb
from sdpbound.rates.upper import key_rate_upper_bound

T = sb.SingletSelfTest(1.0, 1.5, 2.6)
BEHAVIOUR = T.behaviour(0.97)
DATA = sb.Observations.correlators(BEHAVIOUR)


def test_no_public_call_has_more_than_seven_parameters() -> None:
    """But for the keywords that stand for options."""
    for name in sb.__all__:
        thing = getattr(sb, name)
        if inspect.isfunction(thing):
            own = [p for p in inspect.signature(thing).parameters.values() if p.kind is not p.VAR_KEYWORD]
            assert len(own) <= 7, name


def test_objects_and_keywords_mean_the_same() -> None:
    exact = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour()
    plain = sb.key_rate(exact, x=0, y=0, closed_forms=False)
    assert plain.value == sb.key_rate(exact, x=0, y=0, options=sb.RateOptions(closed_forms=False)).value
    assert not plain.is_closed_form and sb.key_rate(exact, x=0, y=0).is_closed_form
    blind = sb.randomness_rate(BEHAVIOUR, x=0, y=1, blind=True)
    assert blind.value == sb.randomness_rate(BEHAVIOUR, x=0, y=1, options=sb.RandomnessOptions(blind=True)).value
    assert blind.value < sb.randomness_rate(BEHAVIOUR, x=0, y=1).value
    how = sb.AttackOptions(tolerance=1e-4, seed=3)
    attack = sb.conditional_entropy_upper_bound(DATA, options=how)
    assert attack.value == sb.conditional_entropy_upper_bound(DATA, tolerance=1e-4, seed=3).value
    assert key_rate_upper_bound(BEHAVIOUR, x=0, y=0, options=how).entropy.value == attack.value


def test_a_keyword_changes_an_object() -> None:
    rough = sb.SearchOptions(tolerance=0.05, attack=False)
    found = sb.critical_visibility(T, x=0, y=0, options=rough)
    finer = sb.critical_visibility(T, x=0, y=0, options=rough, target=0.3)
    assert found.alive is not None and finer.alive is not None and finer.alive > found.alive
    assert (rough.target, finer.target) == (0.0, 0.3)
    by_keywords = sb.critical_visibility(T, x=0, y=0, tolerance=0.05, attack=False)
    assert by_keywords.alive == found.alive


def test_finite_lengths_take_their_options() -> None:
    bounds = [sb.conditional_entropy(DATA, method=sb.VonNeumann("qubit"))]
    plain = sb.finite_key_length(BEHAVIOUR, 1e9, entropies=bounds, test_probability=0.01)
    options = sb.FiniteKeyOptions(entropies=bounds, test_probability=0.01)
    assert plain.length == sb.finite_key_length(BEHAVIOUR, 1e9, options=options).length
    strict = sb.FiniteSecurity(soundness=1e-15)
    assert sb.finite_key_length(BEHAVIOUR, 1e9, options=options, security=strict).length < plain.length
    assert sb.minimum_rounds(BEHAVIOUR, options=options) < 1e9
    net = sb.FiniteRandomnessOptions(entropies=bounds, net=True)
    own = sb.finite_randomness_length(BEHAVIOUR, 1e9, options=net)
    assert own.net_length >= sb.finite_randomness_length(BEHAVIOUR, 1e9, entropies=bounds).net_length - 1e-3


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sb.key_rate(BEHAVIOUR, closed_form=False), "did you mean 'closed_forms'"),
        (lambda: sb.randomness_rate(BEHAVIOUR, blnd=True), "did you mean 'blind'"),
        (lambda: sb.critical_visibility(T, tolerence=1e-3), "did you mean 'tolerance'"),
        (lambda: sb.critical_efficiency(T, entropi=None), "did you mean 'entropy'"),
        (lambda: sb.critical_error_rate(noise=sb.WhiteNoise(0.9)), "leave rate and noise out"),
        (lambda: sb.critical_error_rate(sb.chsh(), options=sb.SearchOptions(rate="local randomness")), "of keys"),
        (lambda: sb.conditional_entropy_upper_bound(DATA, dimensions=2), "did you mean 'dimension'"),
        (lambda: sb.finite_key_length(BEHAVIOUR, 1e9, net=True), "an option of finite_key_length = 'net' must be"),
        (lambda: sb.key_rate(BEHAVIOUR, options=sb.RandomnessOptions), "the class RandomnessOptions itself"),
        (lambda: sb.key_rate(BEHAVIOUR, options=sb.AttackOptions()), "options must be a RateOptions, such as"),
        (lambda: sb.SearchOptions(rate="keys"), "rate = 'keys' must be one of 'key'"),
        (lambda: sb.SearchOptions(preprocessing="most"), "or 'best'"),
        (lambda: sb.SearchOptions(rate="local randomness", preprocessing=0.1), "of keys only"),
        (lambda: sb.SearchOptions(target=float("nan")), "a finite number of bits"),
        (lambda: sb.AttackOptions(dimension=7), "dimension = 7 must be an integer from 2 to 6"),
        (lambda: sb.AttackOptions(tolerance=0.0), "tolerance = 0.0 of an attack"),
        (lambda: sb.AttackOptions(strategies=[3]), "a strategy must be a Strategy"),  # type: ignore[list-item]
        (lambda: sb.FiniteKeyOptions(preprocessing=0.6), "the probability of a flip"),
        (lambda: sb.FiniteKeyOptions(test_probability=0.0), "from 1e-12 to 1"),
        (lambda: sb.FiniteRandomnessOptions(security=1e-9), "security must be a FiniteSecurity"),  # type: ignore
    ],
)
def test_what_they_refuse(call: Any, words: str) -> None:
    with pytest.raises(sb.InvalidInput) as caught:
        call()
    assert words in str(caught.value)


def test_what_is_no_behaviour_is_told_the_next_step() -> None:
    """Devices have a behaviour, tested data an entropy, and outcomes that are three are tested in full."""
    kept = T.behaviour(noise=sb.DetectionInefficiency(0.9, binning=False))
    devices: Any = T
    data: Any = DATA
    for call, parts in (
        (lambda: sb.key_rate(devices), ["not SingletSelfTest(", "its .behaviour() is one"]),
        (lambda: sb.randomness_rate(data), ["Observations alone", "conditional_entropy(observed)"]),
        (lambda: sb.key_rate(kept), ["binary outcomes", "observed='full'"]),
    ):
        with pytest.raises(sb.SdpboundError) as caught:
            call()
        assert all(part in str(caught.value) for part in parts), caught.value
        assert "SingletSelfTest SingletSelfTest" not in str(caught.value)


def test_an_adversary_that_is_not_named_is_quantum() -> None:
    data = sb.Observations.bell_value(sb.chsh(), 2.4)
    named = sb.guessing_probability(data, sb.Quantum("2"))
    assert sb.guessing_probability(data).value == named.value
    assert sb.min_entropy(data).value == sb.min_entropy(data, sb.Quantum("2")).value
