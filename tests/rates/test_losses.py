"""Keys from a setting that is not tested and keeps its no clicks, against tests and costs put together by hand."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.rates import rates

PUBLISHED = Path(__file__).parents[1] / "reference" / "lossy_key_rates.csv"
KEPT = (True, (True, True, False))
TESTED = (None, (0, 1))


def row(eta: str) -> dict[str, float]:
    with PUBLISHED.open(encoding="utf-8") as file:
        found = next(row for row in csv.DictReader(file) if row["eta"].startswith(eta))
    return {name: float(value) for name, value in found.items() if value}


def devices(published: dict[str, float]) -> Any:
    angles = {name: published[name] for name in ("theta", "a0", "a1", "b0", "b1", "b2")}
    return sb.family_named("two_qubit", settings=(2, 3)).member(**angles)


def entropy_of(p: np.ndarray) -> float:
    return float(-sum(v * math.log2(v) for v in p.reshape(-1) if v > 0))


def by_hand(published: dict[str, float], flips: float) -> tuple[sb.Observations, float]:
    """The tests of two settings each, binned, and H(A|B2), of the state and projectors of the published strategy."""
    state = np.array([math.cos(published["theta"]), 0.0, 0.0, math.sin(published["theta"])])
    eta = published["eta"]

    def effects(angle: float, kept: bool) -> list[np.ndarray]:
        o = np.array([[math.cos(angle), math.sin(angle)], [math.sin(angle), -math.cos(angle)]])
        first, second, lost = (np.eye(2) + o) / 2, (np.eye(2) - o) / 2, (1 - eta) * np.eye(2)
        return [eta * first, eta * second, lost] if kept else [eta * first + lost, eta * second]

    alice = [effects(published[name], False) for name in ("a0", "a1")]
    bob = [effects(published[name], False) for name in ("b0", "b1")]
    tests = sb.Observations.full(
        sb.Strategy(state, (tuple(map(np.array, alice)), tuple(map(np.array, bob)))).behaviour()
    )
    joint = np.array([[state @ np.kron(a, b) @ state for b in effects(published["b2"], True)] for a in alice[0]])
    joint = (1 - flips) * joint + flips * joint[::-1]
    return tests, entropy_of(joint) - entropy_of(joint.sum(axis=0))


def test_the_set_up_of_experiments_in_one_call() -> None:
    published = row("0.9026")
    b = devices(published).behaviour(noise=sb.DetectionInefficiency(published["eta"], binning=KEPT))
    rate = sb.key_rate(b, "full", x=0, y=2, tested=TESTED)
    tests, cost = by_hand(published, 0.0)
    assert rate.error_correction == pytest.approx(cost, abs=1e-12)
    entropy = sb.conditional_entropy(tests, x=0, method=sb.VonNeumann("qubit", tolerance=3e-4))
    assert rate.entropy.method == "qubit"  # the third setting does not stop the fast method  # type: ignore
    assert rate.value == pytest.approx(entropy.value - cost, abs=1e-9)
    assert rate.value > published["published_rate"]
    above = sb.key_rate_upper_bound(b, "full", x=0, y=2, tested=TESTED)
    assert 0.0 <= above.value - rate.value < 3e-4
    named = sb.key_rate(b, "full without B2", x=0, y=2)
    assert named.value == rate.value and named.entropy.given == rate.entropy.given
    # the same tests, named by their pairs; and an entropy of the same tests is one randomness rate
    pairs = sb.Observations.full(b, settings=[(0, 0), (0, 1), (1, 0), (1, 1)])
    assert pairs.kind == "custom" and sb.key_rate(b, pairs, x=0, y=2).value == rate.value
    local = sb.randomness_rate(b, "full", True, x=0, tested=TESTED)
    assert local.value == pytest.approx(rate.entropy.value, abs=1e-3)


def test_what_decides_between_key_and_no_key() -> None:
    """At one efficiency: no clicks binned in the key setting cost most of the key, and the singlet has none."""
    published = row("0.9026")
    eta, member = published["eta"], devices(published)
    binned = member.behaviour(noise=sb.DetectionInefficiency(eta))
    right = member.behaviour(noise=sb.DetectionInefficiency(eta, binning=KEPT))
    rates_of = [sb.key_rate(b, "full", x=0, y=2, tested=TESTED).value for b in (binned, right)]
    assert rates_of[0] < rates_of[1] - 0.05
    chsh = {"theta": math.pi / 4, "a0": 0.0, "a1": math.pi / 2, "b0": math.pi / 4, "b1": -math.pi / 4, "b2": 0.0}
    for binning in (True, KEPT):
        singlet = devices(chsh).behaviour(noise=sb.DetectionInefficiency(eta, binning=binning))
        assert sb.key_rate(singlet, "full", x=0, y=2, tested=TESTED).value < 0.0
        if binning is True:  # nor with any flips that are found
            best = sb.key_rate(singlet, "full", x=0, y=2, tested=TESTED, preprocessing="best")
            assert best.value <= 0.0 and best.preprocessing == 0.5


def test_best_flips_cost_one_or_two_proofs(monkeypatch: pytest.MonkeyPatch) -> None:
    published = row("0.8210")
    b = devices(published).behaviour(noise=sb.DetectionInefficiency(published["eta"], binning=KEPT))
    proven: list[float] = []
    own = rates.key_rate

    def counted(*given: Any, **named: Any) -> sb.Rate:
        found = own(*given, **named)
        proven.append(found.preprocessing)
        return found

    monkeypatch.setattr(rates, "key_rate", counted)
    best = sb.best_preprocessing(b, "full", x=0, y=2, tested=TESTED)
    assert len(proven) <= 2 and best.preprocessing in proven
    assert best.value > 2.0 * published["published_rate"]


@pytest.mark.slow
def test_best_flips_are_better_than_others() -> None:
    published = row("0.8210")
    b = devices(published).behaviour(noise=sb.DetectionInefficiency(published["eta"], binning=KEPT))
    best = sb.best_preprocessing(b, "full", x=0, y=2, tested=TESTED)
    for flips in (published["flip"], 0.5 * best.preprocessing, 1.6 * best.preprocessing):
        other = sb.key_rate(b, "full", 0, 2, preprocessing=flips, entropy=sb.SweptEntropy(), tested=TESTED)
        assert best.value > other.value
    above = sb.key_rate_upper_bound(b, "full", 0, 2, best.preprocessing, tested=TESTED)
    assert 0.0 <= above.value - best.value < 3e-4


def test_best_flips_are_none_where_there_is_no_noise() -> None:
    published = row("0.944")
    b = devices(published).behaviour(noise=sb.DetectionInefficiency(published["eta"], binning=KEPT))
    best = sb.key_rate(b, "full", x=0, y=2, tested=TESTED, preprocessing="best")
    assert best.preprocessing == 0.0
    assert best.value == sb.key_rate(b, "full", x=0, y=2, entropy=sb.SweptEntropy(), tested=TESTED).value


def test_critical_efficiency_with_the_no_click_kept() -> None:
    member = devices(row("0.9026"))
    kept = sb.critical_efficiency(member.strategy, "full", 0, 2, tested=TESTED, binning=KEPT, tolerance=1e-3)
    binned = sb.critical_efficiency(member.strategy, "full without B2", 0, 2, tolerance=1e-3)
    assert kept.alive is not None and kept.dead is not None and binned.alive is not None
    assert kept.alive - kept.dead == pytest.approx(1e-3, abs=1e-6)
    assert kept.alive < binned.alive - 0.01
    at = member.behaviour(noise=sb.DetectionInefficiency(kept.alive, binning=KEPT))
    assert sb.key_rate(at, "full", 0, 2, tested=TESTED, entropy=sb.SweptEntropy()).value > 0.0


def test_correlators_of_settings_with_two_outcomes() -> None:
    ideal = devices(row("0.9026")).behaviour()
    b = ideal.detection_efficiency(1.0, 1.0, KEPT)
    four = sb.Observations.correlators(b, [(0, 0), (0, 1), (1, 0), (1, 1)])
    assert four.values == pytest.approx(ideal.correlators[:, :2].reshape(-1))
    assert four.drop_untested().scenario == sb.Scenario.bipartite(2, 2)
    with pytest.raises(sb.InvalidShape, match="setting 2 of party B has 3; leave it out"):
        sb.Observations.correlators(b, [(0, 2)])
    with pytest.raises(sb.InvalidShape, match="correlators need binary outcomes"):
        sb.Observations.correlators(b)
    every = [(x, y) for x in range(2) for y in range(3)]
    assert sb.Observations.full(b, settings=every) == sb.Observations.full(b)
    assert sb.Observations.full(b, settings=every).kind == "full"
    one = sb.Observations.full(b, settings=[(1, 2)])
    assert len(one) == 5  # of A1: 1; of B2: 2; of both: 2
    assert one.values == pytest.approx(b.moments[np.ix_([0, 2], [0, 3, 4])].reshape(-1)[1:])


BOX = devices(row("0.9026")).behaviour()


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: sb.key_rate(BOX, "full", x=0, y=2, tested=(0, 1)), sb.InvalidSettings, "one entry for each of the 2"),
        (lambda: sb.key_rate(BOX, "full", x=0, y=2, tested=3), sb.InvalidSettings, "one entry for each of the 2"),
        (lambda: sb.key_rate(BOX, "full", x=0, y=2, tested=(None, (0, 3))), sb.InvalidSettings, r"tested\[1\] = 3"),
        (lambda: sb.key_rate(BOX, "full", x=0, y=2, tested=(None, ())), sb.InvalidSettings, "at least one"),
        (lambda: sb.key_rate(BOX, "full", x=0, y=2, tested=(None, (0, 0))), sb.InvalidSettings, "each once"),
        (lambda: sb.key_rate(BOX, sb.Observations.full(BOX), 0, 2, tested=TESTED), sb.InvalidInput, "leave tested out"),
        (lambda: sb.key_rate(BOX, "full without B3", 0, 2), sb.InvalidSettings, "leaves out B3"),
        (lambda: sb.key_rate(BOX, "full without C0", 0, 2), sb.InvalidSettings, "leaves out C0"),
        (lambda: sb.key_rate(BOX, "full without A0, A1", 0, 2), sb.InvalidSettings, "without a tested setting"),
        (lambda: sb.key_rate(BOX, "full but B2", 0, 2), sb.InvalidParameter, "'full without B2'"),
        (lambda: sb.key_rate(BOX, "full without B2", 0, 2, tested=TESTED), sb.InvalidInput, "leave tested out"),
        (lambda: sb.critical_efficiency(BOX, "some", 0, 2), sb.InvalidParameter, "'full without B2'"),
        (lambda: sb.Observations.full(BOX, settings=[(0, 5)]), sb.InvalidSettings, "y = 5"),
        (lambda: sb.Observations.full(BOX, settings=[0]), sb.InvalidSettings, "a list of pairs"),
        (lambda: sb.critical_efficiency(BOX, lambda b: None, tested=TESTED), sb.InvalidInput, "leave tested out"),  # type: ignore
    ],
)
def test_wrong_tests(call: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("eta", ["0.8026", "0.8052", "0.8105"])
def test_small_rates_are_proven_finely_without_being_asked(eta: str) -> None:
    """Where the published key is below the default tolerance, ours is above it, and close to an attack."""
    published = row(eta)
    b = devices(published).behaviour(noise=sb.DetectionInefficiency(published["eta"], binning=KEPT))
    flips = published["flip"]
    rate = sb.key_rate(b, "full without B2", x=0, y=2, preprocessing=flips)
    above = sb.key_rate_upper_bound(b, "full without B2", x=0, y=2, preprocessing=flips)
    assert above.exact and published["published_rate"] < rate.value <= above.value < rate.value + 3e-5
    assert rate.entropy.certificate.verify().holds
    best = sb.key_rate(b, "full without B2", x=0, y=2, preprocessing="best")
    assert best.value > rate.value
    as_asked = sb.key_rate(b, "full without B2", x=0, y=2, preprocessing=flips, entropy=sb.VonNeumann())
    assert as_asked.value < rate.value  # an entropy that is given is taken as it is


def test_rates_that_are_clear_are_proven_once(monkeypatch: pytest.MonkeyPatch) -> None:
    published = row("0.9026")
    b = devices(published).behaviour(noise=sb.DetectionInefficiency(published["eta"], binning=KEPT))
    asked: list[float] = []
    own = sb.VonNeumann.lower_bound

    def counted(self: sb.VonNeumann, question: Any) -> Any:
        asked.append(self.tolerance)
        return own(self, question)

    monkeypatch.setattr(sb.VonNeumann, "lower_bound", counted)
    assert sb.key_rate(b, "full without B2", x=0, y=2).value > 0.2
    assert asked == [1e-3]


def test_critical_efficiency_before_dark_counts() -> None:
    """Losses come before dark counts, times the efficiency given; without dark counts nothing else changes."""
    member = devices(row("0.9026"))
    how: Any = {"tested": TESTED, "tolerance": 1e-3}
    plain = sb.critical_efficiency(member.strategy, "full", 0, 2, binning=KEPT, **how)
    found = []
    for dark in (0.0, 1e-3):
        noise = sb.DetectionInefficiency(0.98, binning=False) + sb.DarkCounts(dark, binning=KEPT)
        found.append(sb.critical_efficiency(member.strategy, "full", 0, 2, noise=noise, **how))
    assert plain.alive is not None and found[0].alive is not None and found[1].alive is not None
    assert 0.98 * found[0].alive == pytest.approx(plain.alive, abs=1e-3)
    assert found[1].alive > found[0].alive + 1e-3
    at = sb.DetectionInefficiency(0.98 * found[1].alive, binning=False) + sb.DarkCounts(1e-3, binning=KEPT)
    assert sb.key_rate(member.behaviour(noise=at), "full", 0, 2, tested=TESTED).value > 0.0
