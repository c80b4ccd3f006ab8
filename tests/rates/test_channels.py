"""Keys behind binary channels that are not symmetric: both sides, closed forms, certificates, and what they gain."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.recheck import recheck

PUBLISHED = Path(__file__).parents[1] / "reference" / "lossy_key_rates.csv"
KEPT = (True, (True, True, False))
NOISY = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.97)
FULL = sb.Observations.full(NOISY)
FINE = sb.VonNeumann(tolerance=1e-4)


def h(p: float) -> float:
    return -sum(q * math.log2(q) for q in (p, 1 - p) if q > 0)


def spectral(matrix: np.ndarray) -> float:
    return -sum(v * math.log2(v) for v in np.linalg.eigvalsh(matrix) if v > 1e-15)


def root_of(matrix: np.ndarray) -> np.ndarray:
    e, v = np.linalg.eigh(matrix)
    return (v * np.sqrt(np.maximum(e, 0.0))) @ v.conj().T


def by_purification(strategy: sb.Strategy, p0: float, p1: float) -> float:
    """H(A'|E) of a strategy, from Eve's own states: those of a purification, mixed by the channel."""
    root = root_of(strategy.state)
    bob = strategy.dimensions[1]
    own = [root @ np.kron(effect, np.eye(bob)) @ root for effect in strategy.measurements[0][0]]
    after = [(1 - p0) * own[0] + p1 * own[1], p0 * own[0] + (1 - p1) * own[1]]
    return sum(map(spectral, after)) - spectral(strategy.state)


@pytest.mark.parametrize(("p0", "p1"), [(0.1, 0.0), pytest.param(0.02, 0.1, marks=pytest.mark.slow)])
def test_both_sides_meet_and_the_attack_is_what_it_says(p0: float, p1: float) -> None:
    channel = sb.BinaryChannel(p0, p1)
    bound = sb.conditional_entropy(FULL, method=FINE, preprocessing=channel)
    attack = sb.conditional_entropy_upper_bound(FULL, preprocessing=channel)
    assert attack.exact and bound.value <= attack.value < bound.value + 1e-4
    pairs = zip(attack.weights, attack.strategies, strict=True)
    assert sum(w * by_purification(s, p0, p1) for w, s in pairs) == pytest.approx(attack.value, abs=1e-6)
    # a channel is a mixture of a constant bit and of flips, and an Eve who is told which one it is knows no less
    q, least = min(p0, p1), max(p0, p1)
    told = (least - q) / (1 - q)
    flips = q / (1 - told)
    assert attack.value >= (1 - told) * sb.conditional_entropy(FULL, method=FINE, preprocessing=flips).value
    assert "after a channel" in str(bound) and bound.certificate.verify().holds
    assert recheck(attack.certificate.data).holds and attack.certificate.verify().holds


def test_names_of_outcomes_and_probabilities_change_together() -> None:
    """A CHSH value says nothing of which outcome is which."""
    data = sb.Observations.bell_value(sb.chsh(), 2.6)
    one, other = (sb.conditional_entropy(data, preprocessing=sb.BinaryChannel(*p)).value for p in ((0, 0.1), (0.1, 0)))
    assert one == pytest.approx(other, abs=1e-6) and 0.6410 < one < 0.6414
    ideal = sb.Observations.bell_value(sb.chsh(), 8**0.5 - 1e-9)
    bound = sb.conditional_entropy(ideal, preprocessing=sb.BinaryChannel(0.3, 0.1))
    assert 0 <= h(0.4) - bound.value < 1e-3  # Alice's bit is even, and Eve has nothing
    assert sb.conditional_entropy(data, preprocessing=sb.BinaryChannel(0.1, 0.1)).value == (
        sb.conditional_entropy(data, preprocessing=0.1).value
    )


@pytest.fixture(scope="module")
def by_program() -> dict[str, Any]:
    """A certificate by projections of both outcomes at once."""
    data = sb.Observations.bell_value(sb.chsh(), 2.6)
    method = sb.VonNeumann("projective", level="1+AB", nodes=3)
    bound = sb.conditional_entropy(data, method=method, preprocessing=sb.BinaryChannel(0.02, 0.1), closed_forms=False)
    attack = sb.conditional_entropy_upper_bound(data, preprocessing=sb.BinaryChannel(0.02, 0.1))
    assert 0 <= attack.value - bound.value < 0.1
    return json.loads(bound.certificate.to_json())


def test_programs_prove_it_and_no_other_channel_is_accepted(by_program: dict[str, Any]) -> None:
    figure = by_program["question"]["figure"]
    assert figure["preprocessing"] == [0.02, 0.1] and "places" in by_program["proof"]
    assert sb.verify(by_program).holds and recheck(by_program).holds
    with_functional = by_program["claim"]["functional"]["constant"]
    for other in ([0.02, 0.0999], [0.0, 0.1], [0.02, 0.0], [1, 1], [0.0, 0.0], 0, 0.02, [0.02, 1.1], [0.02], "no"):
        forged = json.loads(json.dumps(by_program))
        forged["question"]["figure"]["preprocessing"] = other
        with pytest.raises(sb.CertificateError):
            sb.verify(forged)
        assert not recheck(forged).holds, other
    forged = json.loads(json.dumps(by_program))
    forged["claim"]["functional"]["constant"] = with_functional + 1e-6
    forged["claim"]["value"] += 1e-6
    assert not recheck(forged).holds
    with pytest.raises(sb.CertificateError):
        sb.verify(forged)


def test_forged_attacks_and_forged_ways_of_proof(by_program: dict[str, Any]) -> None:
    attack = sb.conditional_entropy_upper_bound(
        sb.Observations.bell_value(sb.chsh(), 2.6), preprocessing=sb.BinaryChannel(0.02, 0.1)
    )
    for other in ([0.1, 0.1], [0.05, 0.12], 0.1):  # with more entropy
        forged = json.loads(attack.certificate.to_json())
        forged["question"]["figure"]["preprocessing"] = other
        assert not recheck(forged).holds
        with pytest.raises(sb.CertificateError):
            sb.verify(forged)
    observed = by_program["question"]["observed"]
    trivial = json.loads(json.dumps(by_program))
    for claim, holds in ((h(0.02) - 1e-9, True), (h(0.1) - 1e-9, False)):  # what is surer decides
        trivial["proof"] = {"method": "trivial", "multipliers": [0.0] * len(observed)}
        trivial["claim"] = {"value": claim, "functional": {"constant": claim, "multipliers": [0.0] * len(observed)}}
        assert recheck(trivial).holds is holds and sb.verify(trivial, strict=False).holds is holds
    # proofs that know no channel: by bits, of coarser data, by Gauss-Radau nodes
    renamed = {
        "multipliers": [0.0],
        "coarse": {"outcomes": [[[1, 0], [0, 1]], [[0, 1], [0, 1]]], "tests": [], "proof": trivial["proof"]},
    }
    renamed["coarse"]["proof"] = {"method": "trivial", "multipliers": []}  # type: ignore[index]
    bits = {key if key != "places" else "nodes": value for key, value in by_program["proof"].items()} | {"nodes": [0.5]}
    for proof in (renamed, bits):
        forged = json.loads(json.dumps(by_program)) | {"proof": proof}
        assert "channel" in recheck(forged).reason
        with pytest.raises(sb.CertificateError, match=r"channel|both values alike"):
            sb.verify(forged)


@pytest.mark.slow
@pytest.mark.parametrize("p", [(0.1, 0.0), (0.02, 0.1)])
def test_qubit_certificates_by_both_checkers(p: tuple[float, float]) -> None:
    data = sb.Observations.bell_value(sb.chsh(), 2.6)
    bound = sb.conditional_entropy(data, preprocessing=sb.BinaryChannel(*p), method="qubit")
    root = json.loads(bound.certificate.to_json())
    assert recheck(root).holds and sb.verify(root).holds
    attack = sb.conditional_entropy_upper_bound(data, preprocessing=sb.BinaryChannel(*p))
    root["claim"]["functional"]["constant"] += attack.value - bound.value + 1e-4
    root["claim"]["value"] = attack.value + 1e-4
    assert not recheck(root, time_limit=60).holds
    with pytest.raises(sb.CertificateError):
        sb.verify(root)


def lossy(eta: str) -> tuple[sb.Behaviour, float]:
    with PUBLISHED.open(encoding="utf-8") as file:
        row = next(row for row in csv.DictReader(file) if row["eta"].startswith(eta))
    angles = {name: float(row[name]) for name in ("theta", "a0", "a1", "b0", "b1", "b2")}
    noise = sb.DetectionInefficiency(float(row["eta"]), binning=KEPT)
    member = sb.family_named("two_qubit", settings=(2, 3)).member(**angles)
    return member.behaviour(noise=noise), float(row["published_rate"])


def test_a_channel_leaves_more_than_any_flips() -> None:
    """At 86 % efficiency the certified rate behind a channel is above what is proven to be the most with flips."""
    behaviour, published = lossy("0.8605")
    channel = sb.BinaryChannel(0.0007, 0.0126)  # what best_channel finds
    best = sb.key_rate(behaviour, "full without B2", 0, 2, FINE, channel)
    flips = sb.key_rate_upper_bound(behaviour, "full without B2", 0, 2, preprocessing="best")
    assert flips.exact and flips.value + 4e-4 < best.value and best.value > 1.6 * published
    above = sb.key_rate_upper_bound(behaviour, "full without B2", 0, 2, preprocessing=channel)
    assert best.value <= above.value < best.value + 1e-4
    # error correction by hand
    joint = np.array(behaviour.joint(0, 2))
    p0, p1 = channel.p0, channel.p1
    joint = np.array([[1 - p0, p1], [p0, 1 - p1]]) @ joint
    cost = -sum(v * math.log2(v / c) for row in joint for v, c in zip(row, joint.sum(axis=0), strict=True) if v > 0)
    assert best.error_correction == pytest.approx(cost, abs=1e-12)
    assert "preprocessing (" in repr(best)


@pytest.mark.slow
@pytest.mark.parametrize("eta", ["0.8157", "0.8289", "0.8421", "0.8763", "0.9026"])
def test_the_table_of_channels(eta: str) -> None:
    behaviour, _ = lossy(eta)
    best = sb.best_channel(behaviour, "full without B2", 0, 2, entropy=FINE)
    assert best.value > sb.key_rate_upper_bound(behaviour, "full without B2", 0, 2, preprocessing="best").value


def test_what_is_refused() -> None:
    for p0, p1 in ((0.7, 0.6), (-0.1, 0.0), (0.1, 1e-9), (True, 0.1), ("x", 0.1)):
        with pytest.raises(sb.InvalidInput, match=r"p0|p1"):
            sb.BinaryChannel(p0, p1)  # type: ignore[arg-type]
    channel = sb.BinaryChannel(0.1, 0.0)
    with pytest.raises(sb.InvalidInput, match="preprocessing"):
        sb.Average((0, 1), preprocessing=channel)  # type: ignore[arg-type]
    with pytest.raises(sb.InvalidInput, match="projective"):
        sb.conditional_entropy(FULL, method="gauss-radau", preprocessing=channel)
    with pytest.raises(sb.InvalidInput, match="min-entropy"):
        sb.key_rate(NOISY, x=0, y=0, entropy=sb.MinEntropy(), preprocessing=channel)
    with pytest.raises(sb.InvalidInput, match="one bit"):
        sb.conditional_entropy(FULL, y=0, preprocessing=channel)


@pytest.mark.parametrize(("p0", "p1"), [(1.0, 0.0), (0.0, 1.0), (0.3, 0.7)])
def test_channels_that_forget_the_bit(p0: float, p1: float) -> None:
    """What they give is a constant, or noise that Eve does not know and Bob does not either: no key."""
    channel = sb.BinaryChannel(p0, p1)
    below = sb.key_rate(NOISY, "full", 0, 0, preprocessing=channel)
    above = sb.key_rate_upper_bound(NOISY, "full", 0, 0, preprocessing=channel)
    assert -1e-12 < below.value <= 0.0 <= above.value < 1e-12
    bound = sb.conditional_entropy(FULL, preprocessing=channel)
    assert bound.value == pytest.approx(h(p0), abs=1e-12)
    assert bound.certificate.verify().holds and recheck(bound.certificate.data).holds
