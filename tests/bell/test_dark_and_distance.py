"""Dark counts, fibres and heralds: against all patterns of clicks one by one, in any order, and what is refused."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sdpbound as sb
from sdpbound.bell.noise.dark import click_channel

MEMBER = sb.SingletSelfTest(0.8, 1.2, 2.5)
KEPT = sb.DetectionInefficiency(0.8, (0.7, 0.9), binning=False)


def patterns(eta: float, dark: float, lit: int, double: str) -> np.ndarray:
    """The distribution of a party's outcome, 2 for no click, where light is on its way to one of two detectors."""
    found = np.zeros(3)
    for arrives, *darks in itertools.product((False, True), repeat=3):
        weight = (eta if arrives else 1 - eta) * math.prod(dark if d else 1 - dark for d in darks)
        clicks = {d for d in (0, 1) if darks[d] or (arrives and d == lit)}
        if len(clicks) == 1:
            found[clicks.pop()] += weight
        elif clicks and double == "random":
            found[:2] += 0.5 * weight
        else:
            found[2] += weight
    return found


@pytest.mark.parametrize("double", ["random", "no_click"])
@pytest.mark.parametrize("binning", [False, True, (True, (False, True))])
def test_all_patterns_of_clicks(double: str, binning: Any) -> None:
    darks = ((0.05, 0.2), 0.1)
    noise = KEPT + sb.DarkCounts(*darks, binning=binning, double=double)
    ideal, table = MEMBER.behaviour().p, np.zeros((3, 3, 2, 2))
    for x, y, a, b in np.ndindex(2, 2, 2, 2):
        alice = patterns(0.8, darks[0][x], a, double)
        bob = patterns((0.7, 0.9)[y], darks[1], b, double)
        table[:, :, x, y] += ideal[a, b, x, y] * np.outer(alice, bob)
    flags = [
        (own,) * 2 if isinstance(own, bool) else own
        for own in ((binning,) * 2 if isinstance(binning, bool) else binning)
    ]
    for axis, own in enumerate(flags):
        for s, binned in enumerate(own):
            if binned:
                part = np.moveaxis(table[:, :, s] if axis == 0 else table[:, :, :, s], axis, 0)
                part[0] += part[2]
                part[2] = 0.0
    for found in (
        MEMBER.behaviour(noise=noise),
        noise.on_behaviour(MEMBER.behaviour()),
        MEMBER.strategy.behaviour(noise),
    ):
        assert found.scenario.outcomes == tuple(tuple(3 - own for own in party) for party in flags)
        size = found.p.shape[:2]
        assert np.allclose(found.p, table[: size[0], : size[1]], atol=1e-14)
    assert sb.noise_from(json.loads(json.dumps(noise.to_dict()))) == noise
    assert sb.noise_from(noise.to_dict()).name == noise.name


@given(st.integers(2, 5), st.floats(0, 1), st.sampled_from(["random", "no_click"]))
def test_the_channel_is_that_of_all_patterns(detectors: int, dark: float, double: str) -> None:
    counted = np.zeros((detectors + 1, detectors + 1))
    for darks in itertools.product((False, True), repeat=detectors):
        weight = math.prod(dark if d else 1 - dark for d in darks)
        for lit in range(detectors + 1):
            clicks = [d for d in range(detectors) if darks[d] or d == lit]
            if not clicks or (len(clicks) > 1 and double == "no_click"):
                counted[-1, lit] += weight
            else:
                counted[clicks, lit] += weight / len(clicks)
    assert np.allclose(click_channel(detectors, dark, double), counted, atol=1e-13)


def test_limits_of_dark_counts() -> None:
    lossy = sb.DetectionInefficiency(0.8, (0.7, 0.9))
    assert np.allclose(MEMBER.behaviour(noise=KEPT + sb.DarkCounts(0.0)).p, MEMBER.behaviour(noise=lossy).p, atol=1e-15)
    always = MEMBER.behaviour(noise=KEPT + sb.DarkCounts(1.0))  # all detectors click in every round
    assert np.allclose(always.p, 0.25)
    none = MEMBER.behaviour(noise=KEPT + sb.DarkCounts(1.0, double="no_click", binning=False))
    assert np.allclose(none.p[2, 2], 1.0)
    # what darkness adds with no light at all: one of two detectors, or both and a coin
    blind = sb.DetectionInefficiency(0.0, binning=False) + sb.DarkCounts(0.1, binning=False)
    assert MEMBER.behaviour(noise=blind).p[2, 2] == pytest.approx(0.81**2 * np.ones((2, 2)))
    noise = sb.WhiteNoise(0.99) + KEPT + sb.DarkCounts(1e-3, 2e-3)
    assert noise.stage == "detector" and not noise.needs_strategy
    assert noise.parts[-1].label == r"$d_A=0.001,\ d_B=0.002$"


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0.1, 1), st.floats(0, 1), st.booleans())
def test_fibres_and_detectors_are_one_loss(km_a: float, km_b: float, db: float, eta: float, binned: bool) -> None:
    noise = sb.FibreLoss(km_a, km_b, db) + sb.DetectionInefficiency(eta, 0.9, binned)
    arrive = [10 ** (-db * km / 10) for km in (km_a, km_b)]
    one = MEMBER.behaviour().detection_efficiency(arrive[0] * eta, arrive[1] * 0.9, binned)
    for found in (noise.on_behaviour(MEMBER.behaviour()), MEMBER.strategy.behaviour(noise)):
        assert np.allclose(found.p, one.p, atol=1e-14)
    assert sb.noise_from(json.loads(json.dumps(noise.to_dict()))) == noise


def test_fibres_in_pieces_and_with_all_else() -> None:
    alone = sb.FibreLoss(15, 5)
    pieces = sb.FibreLoss(10, 2) + sb.FibreLoss(5, 3)
    assert np.allclose(MEMBER.behaviour(noise=pieces).p, MEMBER.behaviour(noise=alone).p, atol=1e-14)
    assert alone.efficiencies == pytest.approx((10**-0.3, 10**-0.1))
    turned = sb.Misalignment(0.1, 0.0)
    every = sb.WhiteNoise(0.98) + sb.FibreLoss(1, 2) + turned + KEPT + sb.DarkCounts(1e-3, binning=False)
    etas = sb.DetectionInefficiency(0.8 * 10**-0.02, (0.7 * 10**-0.04, 0.9 * 10**-0.04), False)
    same = sb.WhiteNoise(0.98) + turned + etas + sb.DarkCounts(1e-3, binning=False)
    assert np.allclose(MEMBER.behaviour(noise=every).p, MEMBER.behaviour(noise=same).p, atol=1e-14)
    assert every.name.startswith("white_noise(0.98)+fibre(1,2,0.2,binned)+misalignment")
    assert sb.FibreLoss(3).label == "$L=3$ km"
    dark = sb.FibreLoss(1, binning=False) + sb.DarkCounts(0.01)
    assert MEMBER.behaviour(noise=dark).scenario.is_binary


def test_heralded_losses_cost_attempts_alone() -> None:
    noise = sb.Heralded(50, 0, success=0.25) + sb.WhiteNoise(0.97) + sb.DetectionInefficiency(0.95)
    assert noise.success_probability == pytest.approx(0.25 * 0.1)
    plain = sb.WhiteNoise(0.97) + sb.DetectionInefficiency(0.95)
    assert plain.success_probability == 1.0
    assert MEMBER.behaviour(noise=noise) == MEMBER.behaviour(noise=plain)
    rate = sb.key_rate(MEMBER.behaviour(noise=noise), "full", x=0, y=0)
    assert rate.value == sb.key_rate(MEMBER.behaviour(noise=plain), "full", x=0, y=0).value
    assert sb.noise_from(noise.to_dict()) == noise
    assert noise.parts[0].name == "heralded(50,0,0.2,0.25)"
    assert noise.parts[0].label == r"heralded, $L_A=50,\ L_B=0$ km"


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: sb.DarkCounts(1.5), sb.InvalidParameter, "a = 1.5 must lie between 0 and 1"),
        (lambda: sb.DarkCounts(()), sb.InvalidParameter, "a needs a probability, or one for each setting"),
        (lambda: sb.DarkCounts(0.1, double="both"), sb.InvalidParameter, "'random', 'no_click'"),
        (lambda: sb.DarkCounts(0.1, binning=3), sb.InvalidParameter, "binning = 3"),
        (lambda: sb.DarkCounts(0.1).on_behaviour(MEMBER.behaviour()), sb.InvalidShape, "keep the no click"),
        (lambda: sb.DarkCounts(0.1).apply_to(MEMBER.strategy), sb.InvalidShape, "keep the no click"),
        (lambda: sb.DetectionInefficiency(0.9) + sb.DarkCounts(0.1), sb.InvalidInput, "keep the no click"),
        (lambda: sb.WhiteNoise(0.9) + sb.DarkCounts(0.1), sb.InvalidInput, "nothing that loses light"),
        (lambda: KEPT + sb.DarkCounts(0.1) + KEPT, sb.InvalidInput, "says what the outcomes are; write it first"),
        (lambda: MEMBER.behaviour(noise=KEPT + sb.DarkCounts((0.1,) * 3)), sb.InvalidShape, "3 probabilities of Alice"),
        (lambda: sb.FibreLoss(-1), sb.InvalidParameter, "km_a = -1 must be a length in km of at least 0"),
        (lambda: sb.FibreLoss(1, math.inf), sb.InvalidParameter, "km_b = inf must be a length in km"),
        (lambda: sb.FibreLoss(1, 1, -0.2), sb.InvalidParameter, "db_per_km = -0.2 must be a loss in dB per km"),
        (lambda: sb.FibreLoss(1, binning="no"), sb.InvalidParameter, "binning"),
        (lambda: sb.Heralded(1, success=1.5), sb.InvalidParameter, "success = 1.5"),
        (lambda: sb.DetectionInefficiency(0.9) + sb.FibreLoss(1), sb.InvalidInput, "write fibre"),
    ],
)
def test_bad_input(make: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        make()
    assert "\n" not in str(caught.value)
