"""The search for the longest key or randomness of finitely many rounds: its stand-in, slopes, and what it proves."""

from __future__ import annotations

import pytest

import sdpbound as sb
from sdpbound.errors import InvalidParameter
from sdpbound.strategies.best import landscapes_of
from sdpbound.strategies.landscape import Landscape

PAIR = sb.family_named("two_qubit", settings=(2, 3))
#: The devices that are best at an efficiency of 0.860526 for many rounds (docs/loss_and_noise.md).
MANY = {"theta": 0.359270, "a0": -0.060944, "a1": 1.396102, "b0": -0.841762, "b1": 0.405685, "b2": -0.064488}
#: Those found for 1e8 rounds.
LONGEST = {"theta": 0.367168, "a0": -0.056263, "a1": 1.339140, "b0": -0.811892, "b1": 0.396935, "b2": -0.064462}
LOSSY = sb.DetectionInefficiency(0.860526)
KEPT = (True, (True, True, False))
RENYI = sb.FiniteKeyOptions(method="renyi")


def landscape(rounds: float, preprocessing: float | str = "best", noise: sb.Noise = LOSSY) -> Landscape:
    how = sb.StrategyOptions(rounds=rounds, preprocessing=preprocessing)
    return landscapes_of(noise, PAIR, (0, None), how)[0]


def lossy(values: dict[str, float]) -> sb.Behaviour:
    return PAIR.member(**values).behaviour(noise=sb.DetectionInefficiency(0.860526, binning=KEPT))


@pytest.mark.parametrize(
    ("rounds", "preprocessing", "places"),
    [(1e10, "best", (6,)), pytest.param(1e8, 0.0, (0, 2, 5), marks=pytest.mark.slow)],
)
def test_slopes_are_those_of_the_stand_in(rounds: float, preprocessing: float | str, places: tuple[int, ...]) -> None:
    """Differences of values whose functional and probability of a test are each found from nothing."""
    own = landscape(rounds, preprocessing)
    point = own.point_of(MANY | {"theta": 0.4}, 0.05)
    own.rate(point)
    _, gradient = own.rate(point)
    for i in places:
        ends = []
        for sign in (1.0, -1.0):
            other, there = point.copy(), landscape(rounds, preprocessing)
            other[i] += sign * 1e-3
            there.rate(other)
            ends.append(there.rate(other)[0])
        assert (ends[0] - ends[1]) / 2e-3 == pytest.approx(gradient[i], abs=2e-4, rel=2e-3)


def test_many_rounds_have_the_rate() -> None:
    """The stand-in tends to the rate, from below, and grows with the number of rounds."""
    point = landscape(1e8, 0.0).point_of(MANY, 0.0)
    (rate, _), *lengths = [landscapes_of(LOSSY, PAIR, (0, None), how)[0].rate(point) for how in _options()]
    found = [length for length, _ in lengths]
    assert found == sorted(found) and found[0] < 0.0 < found[-1] < rate
    assert found[-1] == pytest.approx(rate, abs=2e-3)


def _options() -> list[sb.StrategyOptions]:
    return [sb.StrategyOptions(preprocessing=0.0, rounds=n) for n in (None, 1e7, 1e15)]


@pytest.mark.slow
def test_devices_for_few_rounds_have_a_longer_key() -> None:
    """Twice the key of the devices that are best for many rounds; the certificate is that of the length."""
    best = sb.best_strategy(
        LOSSY, PAIR, rounds=1e8, protocol=RENYI, near=(MANY,), starts=1, preprocessing=0.0, attack=False
    )
    many = sb.finite_key_length(lossy(MANY), 1e8, 0, 2, "full without B2", RENYI)
    assert best.length is not None and float(best) == best.length.length > 1.5 * many.length > 0.0
    assert best.rate.value < 0.0661 and best.length.rounds == 1e8 and 0.01 < best.length.test_probability < 0.1
    assert best.length.certificate.verify().value <= best.length.length + 1e-3 * best.length.length
    assert "bits of 1e+08 rounds" in repr(best)


@pytest.mark.slow
def test_the_stored_devices_have_the_length_of_the_table() -> None:
    length = sb.finite_key_length(lossy(LONGEST), 1e8, 0, 2, "full without B2", RENYI)
    assert length.length == pytest.approx(839_000, rel=5e-3)


@pytest.mark.slow
def test_flips_are_searched_with_the_devices() -> None:
    """At 0.8421 twice as many flips as for many rounds, and a quarter more key of 1e11 rounds, by accumulation."""
    many = {"theta": 0.291488, "a0": -0.054090, "a1": 1.273784, "b0": -0.770605, "b1": 0.300221, "b2": -0.043429}
    noise = sb.DetectionInefficiency(0.842105)
    best = sb.best_strategy(noise, PAIR, rounds=1e11, near=(many | {"flips": 0.00527},), starts=1, attack=False)
    behaviour = PAIR.member(**many).behaviour(noise=sb.DetectionInefficiency(0.842105, binning=KEPT))
    how = sb.FiniteKeyOptions(method="accumulation", preprocessing=0.00527)
    before = sb.finite_key_length(behaviour, 1e11, 0, 2, "full without B2", how)
    assert best.length is not None and best.length.method == "accumulation" and 0.008 < float(best.flips) < 0.013  # type: ignore[arg-type]
    assert best.length.length > 1.25 * before.length > 8e8


@pytest.mark.slow
def test_randomness_that_expands() -> None:
    """Of net randomness the seed is paid for; ideal CHSH devices are nearly the best under little white noise."""
    two = sb.family_named("two_qubit", settings=(2, 2))
    near = {"theta": 0.7, "a0": 0.1, "a1": 1.5, "b0": 0.8, "b1": -0.7}
    net = sb.FiniteRandomnessOptions(net=True, method="renyi")
    best = sb.best_strategy(
        sb.WhiteNoise(0.99),
        two,
        rate="local randomness",
        rounds=1e8,
        protocol=net,
        near=(near,),
        starts=1,
        attack=False,
    )
    singlet = two.member(theta=0.785398, a0=0.0, a1=1.570796, b0=0.785398, b1=-0.785398)
    ideal = sb.finite_randomness_length(
        singlet.behaviour(noise=sb.WhiteNoise(0.99)), 1e8, 0, None, "full", sb.FiniteRandomnessOptions(net=True)
    )
    assert best.length is not None and best.length.kind == "randomness"
    assert best.length.net_length > 0.998 * ideal.net_length > 0.0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"rounds": 0.5}, "rounds = 0.5 must be a number of rounds from 1 to 1e"),
        ({"rounds": 1e8, "postprocessing": sb.RepetitionCode(2)}, "no theorem for finitely many rounds"),
        ({"rounds": 1e8, "preprocessing": "best channel"}, "a channel, and finite lengths know flips only"),
        ({"rounds": 1e8, "protocol": sb.FiniteRandomnessOptions()}, "of key must be FiniteKeyOptions"),
        ({"rounds": 1e8, "protocol": sb.FiniteKeyOptions(preprocessing=0.1)}, "give flips as preprocessing"),
        ({"rounds": 1e8, "protocol": sb.FiniteKeyOptions(entropies=sb.VonNeumann())}, "protocol has entropies"),
        ({"protocol": RENYI}, "give rounds, such as 1e8"),
    ],
)
def test_bad_questions_are_one_sentence(changes: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidParameter, match=says) as error:
        sb.StrategyOptions(**changes)  # type: ignore[arg-type]
    assert str(error.value).count(". ") == 0
    with pytest.raises(InvalidParameter, match="critical_strategy is about many rounds"):
        sb.CriticalStrategyOptions(rounds=1e8)


def test_points_without_a_key_have_a_stand_in() -> None:
    """Of flipped bits no entropy of tests counts: where all rounds were tests, there was no slope, and an error."""
    two = sb.family_named("two_qubit", settings=(2, 2))
    how = sb.StrategyOptions(rounds=1e2, tested="correlators", tested_settings=(0, 1), keep_no_click=False)
    own = landscapes_of(sb.WhiteNoise(0.8), two, (0, 1), how)[0]
    point = own.point_of({"theta": 0.7, "a0": 0.1, "a1": 1.5, "b0": 0.7, "b1": -0.8}, 0.45)
    value, gradient = own.rate(point)
    assert -3.0 < value < 0.0 and bool(gradient.any())
