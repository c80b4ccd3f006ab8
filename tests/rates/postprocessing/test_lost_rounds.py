"""Attacks on repetition codes whose rounds may be lost: Bob's key setting keeps the no click as an outcome."""

from __future__ import annotations

import copy
import itertools
import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.attacks.landscape import Landscape
from sdpbound.attacks.mixtures import Mixture
from sdpbound.attacks.proof import EntropyAttack, build_attack
from sdpbound.bell.strategy import Strategy
from sdpbound.bell.tested import observations_named
from sdpbound.bounds.figures import ConditionalEntropy
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.errors import CertificateError
from sdpbound.rates.postprocessing.attacked import BlockKey, ProcessedAttack, attack_on_key, rows_of
from sdpbound.rates.postprocessing.block_attack import block_entropies, key_grams
from sdpbound.rates.postprocessing.eve import KeyData, key_data
from sdpbound.recheck import recheck
from tests.rates.postprocessing.test_attack_certificates import left_of_pairs

ETA, TEST = 0.96, "full without B2"
DEVICES = sb.family_named("two_qubit", settings=(2, 3)).member(
    theta=np.pi / 4, a0=0.0, a1=np.pi / 2, b0=-np.pi / 4, b1=np.pi / 4, b2=0.1
)
BEHAVIOUR = DEVICES.behaviour(noise=sb.DetectionInefficiency(ETA, binning=(True, (True, True, False))))


def honest() -> tuple[list[Strategy], list[float]]:
    """The devices themselves, of which Eve knows in which rounds a detector sees nothing."""
    ideal = DEVICES.strategy
    assert ideal is not None
    one, none = np.eye(2), np.zeros((2, 2))
    alice = [np.array(own) for own in ideal.measurements[0]]
    bob = [np.array(own) for own in ideal.measurements[1]]
    bob[2] = np.array([*bob[2], none])
    blind_alice = [np.array([one, none])] * 2
    blind_bob = [np.array([one, none])] * 2 + [np.array([none, none, one])]
    chances = itertools.product((ETA, 1.0 - ETA), repeat=2)
    parties = itertools.product((alice, blind_alice), (bob, blind_bob))
    strategies = [Strategy(ideal.state, (tuple(a), tuple(b))) for a, b in parties]
    return strategies, [math.prod(pair) for pair in chances]


def key() -> KeyData:
    return key_data(BEHAVIOUR, observations_named(BEHAVIOUR, TEST), 0, 2)


@pytest.fixture(scope="module")
def made() -> tuple[EntropyAttack, ProcessedAttack]:
    own, (strategies, weights) = key(), honest()
    tested = np.array([np.tensordot(own.observed.coefficients, s.behaviour().moments, axes=2) for s in strategies])
    mixture = Mixture(tuple(strategies), np.array(weights), tested, np.zeros(len(strategies)))
    attack = build_attack(own.observed, ConditionalEntropy(own.x, None, 0.0), mixture, 0.0)
    assert attack.exact
    return attack, attack_on_key(own.observed, BlockKey(own.x, own.y, 2, rows_of(own.joint)), attack)


def test_blocks_of_kept_rounds_are_those_of_density_matrices(made: tuple[EntropyAttack, ProcessedAttack]) -> None:
    attack, left = made
    assert left.value == pytest.approx(left_of_pairs(attack, BEHAVIOUR.joint(0, 2)[:2, :2], 2), abs=1e-10)
    assert left.certificate.verify().holds
    assert recheck(left.certificate.data).holds


def second(data: dict[str, Any]) -> bool:
    """Whether the second checker accepts a certificate."""
    try:
        return recheck(data).holds
    except CertificateError:
        return False


def test_forged_losses_are_refused(made: tuple[EntropyAttack, ProcessedAttack]) -> None:
    data = json.loads(json.dumps(made[1].certificate.data))

    def change(name: str) -> dict[str, Any]:
        own = copy.deepcopy(data)
        strategies = own["proof"]["processed"]["strategies"]
        if name == "the lost round is kept":
            bob = strategies[1]["measurements"][1][2]
            bob[0], bob[2] = bob[2], bob[0]
        elif name == "all rounds are lost":
            for s in strategies:
                none = np.zeros((0, 2))
                entry = {"real": none.tolist(), "imaginary": None}
                s["measurements"][1][2] = [entry, entry, strategies[1]["measurements"][1][2][2]]
        elif name == "less":
            own["claim"]["value"] *= 0.99
        elif name == "no losses in the question":
            own["question"]["figure"]["outcomes"] = [[0.5, 0.0, 0.0], [0.0, 0.5, 0.0]]
        own["proof"]["processed"]["adjusted"] = []
        return own

    assert sb.verify(change("nothing")).holds and second(change("nothing"))
    for name in ("the lost round is kept", "all rounds are lost", "less", "no losses in the question"):
        with pytest.raises(CertificateError):
            sb.verify(change(name))
        assert not second(change(name)), name


def test_dropped_and_known_rounds_leave_nothing() -> None:
    strategies, weights = honest()
    grams = key_grams(strategies, 0, 2)
    assert grams[0].any() and not grams[1:].any()
    alone = block_entropies(grams[:1], np.array(weights[:1]), 3)
    assert block_entropies(grams, np.array(weights), 3) == pytest.approx(alone, abs=1e-12)


def test_slopes_of_kept_rounds() -> None:
    """The figure of rounds that are kept has the slopes of differences, and is an entropy where all are kept."""
    rng = np.random.default_rng(0)
    scenario = sb.Scenario(((2, 2), (2, 2, 3)))
    own = key()
    pairs = EntropyQuestion(own.observed, 0, 2).effects.reshape(2, 3, *scenario.shape)
    columns = ((0, 1), (0, 0), (1, 1)), ((0, 1), (2, 2))
    landscape = Landscape(
        scenario, pairs[:, :2].sum(axis=1), own.observed.coefficients, figure_kind="kept", rank=2,
        key_settings=(0, 2), columns=columns,
    )  # fmt: skip
    points = landscape.random(6, rng)
    assert {tuple(row) for row in points.labels[1][:, 2].tolist()} <= {(0, 1), (2, 2)}
    multipliers = rng.normal(size=len(own.observed))
    value, gradient = landscape.evaluate(points, multipliers)
    step = 1e-6
    for i in range(landscape.parameters):
        moved = [
            replace(points, parameters=points.parameters + s * step * np.eye(landscape.parameters)[i]) for s in (1, -1)
        ]
        up, down = (landscape.evaluate(p, multipliers)[0] for p in moved)
        assert (up - down) / (2 * step) == pytest.approx(gradient[:, i], abs=1e-5)
    whole = replace(landscape, key=pairs.sum(axis=1))
    plain = replace(whole, figure_kind="entropy")
    assert whole.evaluate(points, multipliers)[0] == pytest.approx(plain.evaluate(points, multipliers)[0], abs=1e-9)
    assert np.isfinite(value).all()


@pytest.mark.slow
def test_an_attack_on_lost_rounds_beats_the_devices_own(made: tuple[EntropyAttack, ProcessedAttack]) -> None:
    above = sb.key_rate_upper_bound(BEHAVIOUR, TEST, postprocessing=sb.RepetitionCode(2, 0, 2))
    assert above.exact and isinstance(above.attack, ProcessedAttack)
    assert above.attack.certificate.verify().holds
    assert recheck(above.attack.certificate.data).holds
    assert above.value < made[1].value - 0.05
