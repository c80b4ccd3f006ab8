"""No clicks of each party and setting: binned or kept, against effects by hand, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sdpbound as sb

KEY = (True, (True, True, False))
DEVICES = sb.family_named("two_qubit", settings=(2, 3)).member(theta=0.6, a0=0.1, a1=1.5, b0=0.7, b1=-0.6, b2=0.2)


def table_by_hand(ideal: np.ndarray, etas: tuple[float, float], kept: tuple[list[bool], list[bool]]) -> np.ndarray:
    """Each event of two clicks, one and none, one after the other."""
    table = np.zeros((3, 3, *ideal.shape[2:]))
    for x, y in np.ndindex(*ideal.shape[2:]):
        none_a, none_b = (2 if kept[0][x] else 0), (2 if kept[1][y] else 0)
        for a, b in np.ndindex(2, 2):
            p = ideal[a, b, x, y]
            table[a, b, x, y] += etas[0] * etas[1] * p
            table[none_a, b, x, y] += (1 - etas[0]) * etas[1] * p
            table[a, none_b, x, y] += etas[0] * (1 - etas[1]) * p
            table[none_a, none_b, x, y] += (1 - etas[0]) * (1 - etas[1]) * p
    return table


@pytest.mark.parametrize(
    ("binning", "kept"),
    [
        (KEY, ([False, False], [False, False, True])),
        ((False, True), ([True, True], [False] * 3)),
        (((False, True), (False, True, False)), ([True, False], [True, False, True])),
    ],
)
def test_each_setting_by_hand(binning: Any, kept: tuple[list[bool], list[bool]]) -> None:
    noise = sb.DetectionInefficiency(0.9, 0.7, binning)
    table = table_by_hand(DEVICES.behaviour().p, (0.9, 0.7), kept)
    strategy = DEVICES.strategy
    assert strategy is not None
    for b in (
        noise.on_behaviour(DEVICES.behaviour()),
        strategy.behaviour(noise),
        DEVICES.behaviour().detection_efficiency(0.9, 0.7, binning),
    ):
        assert b.scenario.outcomes == tuple(tuple(2 + k for k in own) for own in kept)
        assert np.allclose(b.p, table[: b.p.shape[0], : b.p.shape[1]], atol=1e-14)
    assert sb.noise_from(json.loads(json.dumps(noise.to_dict()))) == noise
    assert sb.noise_from(noise.to_dict()).name == noise.name


choices = st.one_of(st.booleans(), st.tuples(st.booleans(), st.booleans()))


@given(st.tuples(choices, choices), st.floats(0, 1), st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_binning_later_is_binning_at_once(binning: Any, eta_a: float, eta_b: Any) -> None:
    """What is kept can be merged with outcome 0 afterwards: all ways to bin are one behaviour seen more coarsely."""
    ideal = sb.SingletSelfTest(0.8, 1.2, 2.5).behaviour(0.95)
    all_kept = ideal.detection_efficiency(eta_a, eta_b, False).p
    p = all_kept.copy()
    for axis, own in enumerate(binning):
        for x, binned in enumerate((own, own) if isinstance(own, bool) else own):
            if binned:
                at: list[Any] = [slice(None)] * 4
                at[2 + axis] = x
                part = np.moveaxis(p[tuple(at)], axis, 0)  # views of p
                part[0] += part[2]
                part[2] = 0.0
    b = ideal.detection_efficiency(eta_a, eta_b, binning)
    assert np.allclose(b.p, p[: b.p.shape[0], : b.p.shape[1]], atol=1e-14)


def test_names_and_labels() -> None:
    assert sb.DetectionInefficiency(0.9, binning=(True, True)) == sb.DetectionInefficiency(0.9)
    assert sb.DetectionInefficiency(0.9, binning=[False, False]).name == "detection(0.9,0.9,no_click)"
    noise = sb.DetectionInefficiency(0.9, binning=KEY)
    assert noise.name == "detection(0.9,0.9,[binned,[binned,binned,no_click]])"
    assert noise.label == r"$\eta=0.9$ (no click kept of B2)"
    assert sb.DetectionInefficiency(0.9, binning=(False, True)).label == r"$\eta=0.9$ (no click kept of A)"
    assert sb.DetectionInefficiency(0.9, binning=np.array([True, False])).binning == (True, False)
    assert hash(noise) == hash(sb.noise_from(noise.to_dict()))


def test_settings_with_different_outcomes_keep_their_no_click() -> None:
    """The no click comes after a setting's own outcomes: third of two, fourth of three."""
    first = sb.DetectionInefficiency(0.9, binning=KEY).on_behaviour(DEVICES.behaviour())
    second = first.detection_efficiency(1.0, 0.5, False)
    assert second.scenario.outcomes == ((3, 3), (3, 3, 4))
    assert np.allclose(second.p[:2, 2, :, 0].sum(axis=0), 0.5) and np.allclose(second.p[:2, 3, :, 2].sum(axis=0), 0.5)
    assert np.allclose(second.p[:2, :3, :, 2], 0.5 * first.p[:, :, :, 2])


@pytest.mark.parametrize(
    "wrong", ["yes", 1, (True,), (True, True, True), (True, ()), (True, (1, 0)), (True, "no"), None]
)
def test_what_is_no_binning(wrong: Any) -> None:
    for make in (
        lambda: sb.DetectionInefficiency(0.9, binning=wrong),
        lambda: DEVICES.behaviour().detection_efficiency(0.9, 0.9, wrong),
    ):
        with pytest.raises(sb.InvalidParameter, match=r"must be True .no click is outcome 0., False") as caught:
            make()
        assert "\n" not in str(caught.value)


def test_choices_of_settings_that_are_not_there() -> None:
    noise = sb.DetectionInefficiency(0.9, binning=KEY)
    ideal = sb.SingletSelfTest(0.8, 1.2, 2.5)
    for make in (lambda: noise.on_behaviour(ideal.behaviour()), lambda: ideal.strategy.behaviour(noise)):
        with pytest.raises(sb.InvalidShape, match=r"3 choices of binning for Bob do not fit 2 settings; give one for"):
            make()
