"""Certificates of attacks on routed tests: closed forms, both checkers, forgeries."""

from __future__ import annotations

import copy
import json
import math
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound import routed
from sdpbound.recheck import recheck
from sdpbound.routed.attack_proof import entry_of, prove_attack
from sdpbound.routed.figures import RoutedEntropy
from sdpbound.routed.strategies import RoutedStrategy, Shape


def losses(efficiency: float) -> sb.DetectionInefficiency:
    return sb.DetectionInefficiency(1.0, efficiency, binning=(True, False))


def plain(attack: Any) -> dict[str, Any]:
    return json.loads(attack.certificate.to_json())  # type: ignore[no-any-return]


def refused(root: dict[str, Any]) -> bool:
    """Whether both checkers refuse a file."""
    try:
        first = sb.verify(root, strict=False).holds
    except sb.CertificateError:
        first = False
    return not first and not recheck(root).holds


@pytest.fixture(scope="module")
def attack() -> Any:
    return routed.entropy_upper_bound(routed.protocol("bb84", far=losses(0.6)), rounds=1)


def test_eve_keeps_what_is_lost(attack: Any) -> None:
    """With a perfect near device the least entropy is the far efficiency, and the attack has it, with a certificate."""
    assert attack.exact and 0.0 <= attack.value - 0.6 < 1e-11 and "tested values met" in repr(attack)
    root = plain(attack)
    assert root["kind"] == "routed attack" and sb.verify(root).holds and recheck(root).holds
    assert sb.verify(root).value == attack.value and abs(recheck(root).proven - attack.value) < 1e-15
    rate = routed.key_rate_upper_bound(routed.protocol("bb84", far=losses(0.6)), rounds=1)
    assert rate.exact and 0.0 <= rate.value - 0.2 < 1e-11
    flipped = routed.entropy_upper_bound(routed.protocol("bb84", far=losses(0.6)), preprocessing=0.1, rounds=1)
    h = -0.1 * math.log2(0.1) - 0.9 * math.log2(0.9)
    assert flipped.exact and flipped.value == pytest.approx(0.6 + 0.4 * h, abs=1e-9)
    assert recheck(flipped.certificate.data).holds and flipped.certificate.verify().holds


def test_forged_attacks(attack: Any) -> None:
    root = plain(attack)
    forgeries = []

    def forged(change: Any) -> None:
        other = copy.deepcopy(root)
        change(other)
        forgeries.append(other)

    heavy = int(np.argmax(root["proof"]["weights"]))
    forged(lambda r: r["claim"].update(value=r["claim"]["value"] - 1e-9))
    forged(lambda r: r["claim"].update(value=-0.1))
    forged(lambda r: r["question"].update(side="lower"))
    forged(lambda r: r["question"]["figure"].update(preprocessing=0.1))  # with more entropy
    forged(lambda r: r["question"]["figure"].update(x=1, preprocessing=0.3))
    forged(lambda r: r["question"]["figure"].update(given=0))
    forged(lambda r: r["question"]["far"]["observed"][0].update(value=0.29))
    forged(lambda r: r["question"]["near"]["observed"][0].update(value=0.1))
    forged(lambda r: r["question"]["near"].update(outcomes=[[2, 3], [2, 2]]))
    forged(lambda r: r["proof"]["weights"].__setitem__(heavy, 0.0))
    forged(lambda r: r["proof"]["weights"].__setitem__(heavy, -0.5))
    forged(lambda r: r["proof"].update(solved=[0]))
    forged(lambda r: r["proof"].update(adjusted=[0, 1], solved=[0]))
    # another state and another channel, with other data; columns that are only longer are the same one
    forged(lambda r: r["proof"]["routed_strategies"][heavy]["state"]["real"].__setitem__(0, [0.3]))
    forged(lambda r: r["proof"]["routed_strategies"][heavy]["channel"]["real"].__setitem__(2, [0.5, 0.0, 1.0, 0.0]))
    forged(lambda r: r["proof"]["routed_strategies"][heavy].update(dimensions=[2, 4, 2, 1]))
    forged(lambda r: r["proof"]["routed_strategies"][heavy].update(dimensions=[2, 4, 4, 1]))
    forged(lambda r: r["proof"]["routed_strategies"][heavy]["channel"].update(real=[[0.0] * 4] * 4))
    forged(lambda r: r["proof"]["routed_strategies"][heavy]["far"][0].__setitem__(0, {"real": [], "imaginary": None}))
    forged(lambda r: r.update(kind="attack"))
    forged(lambda r: r.update(kind="routed entropy"))
    for number, forgery in enumerate(forgeries):
        assert refused(forgery), number


def test_any_numbers_are_a_strategy_whose_numbers_are_right() -> None:
    """A random strategy: what both checkers make of it is what its own formulas say, also with flips."""
    test = routed.protocol("bb84", far=losses(0.7))
    shape = Shape(*(data.scenario for data in test.data))
    rng = np.random.default_rng(7)
    strategy = RoutedStrategy(shape, rng.normal(size=shape.parameters), np.array([-1, -1, -1, 0, -1, 2]))
    for flips in (0.0, 0.2):
        proof = prove_attack(test, RoutedEntropy(0, flips), [entry_of(strategy)], np.ones(1), False)
        assert proof.value == pytest.approx(strategy.entropy(0, flips), abs=1e-12)
        near, far = strategy.moments()
        values = [np.tensordot(d.coefficients, m, axes=2) for d, m in zip(test.data, (near, far), strict=True)]
        missed = np.abs(np.concatenate(values) - np.concatenate([d.values for d in test.data]))
        np.testing.assert_allclose(proof.misses, missed, atol=1e-12)
    with pytest.raises(sb.CertificateError, match="misses tested values"):
        proof.certificate(proof.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bb84", "chsh"])
def test_noise_and_adjusted_weights(name: str) -> None:
    test = routed.protocol(name, sb.WhiteNoise(0.98), sb.WhiteNoise(0.98) + losses(0.9))
    found = routed.entropy_upper_bound(test, rounds=6)
    root = plain(found)
    assert found.exact and recheck(root).holds and sb.verify(root).holds
    p = 0.01
    ends = 0.9 * (1 + p * math.log2(p) + (1 - p) * math.log2(1 - p))  # Eve may clone, too
    assert 0.6 < found.value < ends


@pytest.mark.slow
def test_the_end_of_the_key_from_both_sides() -> None:
    found = routed.critical_efficiency("bb84", tolerance=2e-3, level="1+AN+AF+AA+AAF", nodes=2)
    assert found.alive is not None and found.dead is not None and found.dead_rate is not None
    assert found.dead < 0.5 < found.alive < found.dead + 4e-3
    assert found.dead_rate.exact and found.dead_rate.entropy.certificate.verify().holds
