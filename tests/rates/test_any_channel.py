"""The best channel before a key, from both sides: attacks on all channels, their certificates, and forgeries."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.attacks.all_flips import spectral_entropy, states_of_key
from sdpbound.cli.texts import flips
from sdpbound.errors import CertificateError, InvalidParameter, SdpboundError
from sdpbound.rates.any_flips import with_key_tested
from sdpbound.recheck import recheck
from sdpbound.study.quantities.kind import ahead_columns, ahead_of

KEPT = (True, (True, True, False))
TEST = "full without B2"
SINGLET = {"theta": math.pi / 4, "a0": 0.0, "a1": math.pi / 2, "b0": math.pi / 4, "b1": -math.pi / 4, "b2": 0.0}
TILTED = {"theta": 0.33098, "a0": -0.069394, "a1": 1.304453, "b0": -0.844815, "b1": 0.338907, "b2": -0.054236}


def strategy(angles: dict[str, float]) -> sb.Strategy:
    found = sb.family_named("two_qubit", settings=(2, 3)).member(**angles).strategy
    assert found is not None
    return found


def lossy(angles: dict[str, float], efficiency: float) -> sb.Behaviour:
    return strategy(angles).behaviour(sb.DetectionInefficiency(efficiency, binning=KEPT))


def above(behaviour: sb.Behaviour, preprocessing: Any = "best channel") -> sb.Rate:
    return sb.key_rate_upper_bound(behaviour, TEST, 0, 2, preprocessing)


@pytest.fixture(scope="module")
def alive() -> sb.Rate:
    return above(lossy(TILTED, 0.83))


@pytest.fixture(scope="module")
def dead() -> sb.Rate:
    return above(lossy(SINGLET, 0.89))


def left(rate: sb.Rate, channel: np.ndarray) -> float:
    """Bits that the attack leaves behind a channel P(k|a) [k][a], by Eve's states and the table of the certificate."""
    attack: Any = rate.attack
    table = attack.merit.weights
    total = 0.0
    for share, part in zip(attack.shares, attack.attacks, strict=True):
        for weight, own in zip(part.weights, part.strategies, strict=True):
            first, second = states_of_key(own, attack.merit)
            after = np.array([c[0] * first + c[1] * second for c in channel])
            total += share * weight * (spectral_entropy(after).sum() - spectral_entropy((first + second)[None])[0])
    after = channel @ table
    whole = table.sum(axis=0)
    return float(total + (after * np.log2(np.maximum(after, 1e-300) / whole)).sum())


# -- the theorem ----------------------------------------------------------------------------------------------------


def most_left(rate: sb.Rate) -> float:
    """Of some channels to a bit, and to three and four values: the concave envelope says that two are enough."""
    rng = np.random.default_rng(7)
    channels = [rng.dirichlet(np.full(values, 0.5), size=2).T for values in (2, 2, 3, 4) for _ in range(10)]
    return max(left(rate, channel) for channel in channels)


def test_no_channel_leaves_more(alive: sb.Rate) -> None:
    assert alive.exact and 0.008 < alive.value < 0.0086 and most_left(alive) <= alive.value + 1e-12
    assert isinstance(alive.preprocessing, sb.BinaryChannel)
    up, down = alive.preprocessing.p0, alive.preprocessing.p1
    assert left(alive, np.array([[1 - up, down], [up, 1 - down]])) == pytest.approx(alive.value, abs=3e-6)


@pytest.mark.slow
def test_where_nothing_is_left(dead: sb.Rate) -> None:
    assert dead.exact and dead.attack is not None and dead.value <= 1e-12 and most_left(dead) <= 1e-12
    certificate = copy.deepcopy(dead.attack.certificate.data)
    assert holds(certificate) == (True, True)
    certificate["claim"]["value"] = -1e-9
    assert holds(certificate) == (False, False)


@pytest.mark.slow
def test_both_sides_meet() -> None:
    """At an efficiency where no flips leave a key."""
    behaviour = lossy(SINGLET, 0.895)
    rate = sb.key_rate(behaviour, TEST, 0, 2, sb.VonNeumann(tolerance=1e-4), "best channel")
    high = above(behaviour)
    assert high.value - 1.1e-4 < rate.value <= high.value and rate.value > 0.004
    assert above(behaviour, "best").value <= 1e-12
    assert isinstance(rate.preprocessing, sb.BinaryChannel) and rate.entropy.certificate.verify().holds


@pytest.mark.slow
def test_of_flips_nothing_is_lost() -> None:
    """A depolarised singlet treats both outcomes alike, and flips are its best channel: both sides say so."""
    behaviour = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.93)
    flipped = sb.key_rate_upper_bound(behaviour, "full", 0, 0, "best")
    any_channel = sb.key_rate_upper_bound(behaviour, "full", 0, 0, "best channel")
    assert any_channel.value == pytest.approx(flipped.value, abs=3e-6)


def test_a_key_that_is_not_tested_is_kept_by_the_attack() -> None:
    behaviour = lossy(TILTED, 0.9)
    data = sb.Observations.full(behaviour).drop_untested()
    data = sb.Observations(data.scenario, data.coefficients[:0], data.values[:0], data.tolerances[:0])
    more = with_key_tested(behaviour, data, [(0, 2)])
    assert len(more) == 1 and more.values[0] == pytest.approx(behaviour.moments[1, 0])
    assert len(with_key_tested(behaviour, more, [(0, 2)])) == 1  # known once
    full = sb.Observations.full(behaviour)
    assert with_key_tested(behaviour, full, [(0, 2), (1, 2)]) is full


# -- certificates ---------------------------------------------------------------------------------------------------


def holds(certificate: dict[str, Any]) -> tuple[bool, bool]:
    try:
        first = sb.verify(certificate).holds
    except CertificateError:
        first = False
    return first, recheck(certificate).holds


def test_both_checkers_know_it(alive: sb.Rate) -> None:
    assert alive.attack is not None
    certificate = alive.attack.certificate.data
    assert certificate["kind"] == "attacks on all channels" and json.loads(json.dumps(certificate)) == certificate
    assert holds(certificate) == (True, True)


def test_a_certificate_that_was_kept_holds() -> None:
    """Of SingletSelfTest(1.0, 1.5, 2.6) at a visibility of 0.9, as it was first written."""
    certificate = json.loads((Path(__file__).parent / "golden" / "all_channels.json").read_text(encoding="utf-8"))
    assert sb.verify(certificate).value == pytest.approx(0.013057992969656875, rel=1e-12) and recheck(certificate).holds
    certificate["claim"]["value"] -= 1e-5
    assert holds(certificate) == (False, False)


def test_forgeries_are_refused(alive: sb.Rate) -> None:
    def forged(change: Any) -> dict[str, Any]:
        assert alive.attack is not None
        own = copy.deepcopy(alive.attack.certificate.data)
        change(own)
        return own

    def table(own: dict[str, Any], rows: Any) -> None:
        own["question"]["figure"]["outcomes"] = rows

    rows = copy.deepcopy(alive.attack.certificate.data["question"]["figure"]["outcomes"])  # type: ignore[union-attr]
    clear = [[sum(rows[0]), 0.0, 0.0], [0.0, sum(rows[1]), 0.0]]  # a receiver who knows the key
    turned = [[0.5 * p for p in rows[0]], [2.0 * p for p in rows[1]]]  # another key than the attack's
    changes: list[Any] = [
        lambda own: own["claim"].update(value=alive.value - 1e-5),
        lambda own: own["claim"].update(value=1e-13),
        lambda own: own["proof"].update(line=[x + 1e-4 for x in own["proof"]["line"]]),
        lambda own: own["proof"].update(line=[own["proof"]["line"][0] - 1e-3, own["proof"]["line"][1]]),
        lambda own: own["proof"].update(shares=[-1.0, *own["proof"]["shares"][1:]]),
        lambda own: own["proof"].update(shares=[0.0] * len(own["proof"]["shares"])),
        lambda own: table(own, clear),
        lambda own: table(own, turned),
        lambda own: own["question"].update(side="lower"),
        lambda own: own["question"]["figure"].update(kind="key_rate"),
        lambda own: own["question"]["observed"][0].update(value=own["question"]["observed"][0]["value"] + 1e-3),
        lambda own: own["proof"].pop("line"),
        lambda own: own.update(kind="attacks on all flips"),
    ]
    for number, change in enumerate(changes):
        assert holds(forged(change)) == (False, False), number
    shares = list(alive.attack.shares)  # type: ignore[union-attr]
    moved = forged(lambda own: own["proof"].update(shares=[1.0] + [1e-3] * (len(shares) - 1)))
    first, second = holds(moved)  # another mixture is an attack, too, but leaves more
    assert first == second


# -- where it is asked for ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_thresholds_are_of_all_channels() -> None:
    """Flips end at 0.8991; see docs/loss_and_noise.md."""
    how: dict[str, Any] = {"binning": KEPT, "tolerance": 1e-3}
    found = sb.critical_efficiency(strategy(SINGLET), TEST, 0, 2, preprocessing="best channel", **how)
    assert found.alive is not None and found.dead is not None and not found.open
    assert 0.8905 < found.dead < found.alive < 0.893 and found.alive - found.dead <= 1.01e-3
    assert [name for name, _ in found.found] == ["p0", "p1"]
    fixed = sb.critical_efficiency(
        strategy(SINGLET), TEST, 0, 2, preprocessing=sb.BinaryChannel(0.0, 0.5), attack=False, **how
    )
    assert fixed.alive is not None and found.alive - 2e-3 < fixed.alive < 0.898


def test_words_and_columns() -> None:
    channel = sb.BinaryChannel(0.1, 0.3)
    assert flips("0.1,0.3") == channel and flips("best channel") == "best channel" and flips("0.2") == 0.2
    row = ahead_columns(channel)
    assert ahead_of({**row}) == channel and ahead_of({"preprocessing": None}) == 0.0
    assert ahead_of({**ahead_columns(0.2), "channel_0": None, "channel_1": None}) == 0.2
    for wrong in ({**row, "preprocessing": 0.1}, {**row, "channel_1": None}, {**row, "channel_0": 0.9}):
        with pytest.raises(CertificateError):
            ahead_of(wrong)
    wrong_words: list[Any] = [
        lambda: sb.key_rate_upper_bound(lossy(SINGLET, 0.9), TEST, 0, 2, "best flips"),
        lambda: sb.key_rate(lossy(SINGLET, 0.9), TEST, 0, 2, preprocessing="channel"),
        lambda: sb.SearchOptions(preprocessing="best channels"),
        lambda: sb.StrategyOptions(preprocessing="a channel"),
    ]
    for call in wrong_words:
        with pytest.raises(InvalidParameter, match="'best channel'"):
            call()
    with pytest.raises(SdpboundError, match="leave it 0"):
        sb.SearchOptions(preprocessing="best channel", rate="global randomness")
