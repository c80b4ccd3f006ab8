"""Blind randomness: closed forms at self-tests, min-entropy below, and attacks above."""

from __future__ import annotations

import math

import numpy as np
import pytest

import sdpbound as sb
from sdpbound import routed
from sdpbound.routed.blind import alone
from sdpbound.routed.strategies import RoutedStrategy, Shape

SIGNS = np.array([[1, 1], [1, -1]]) / 2**0.5


def binary_entropy(q: float) -> float:
    return -q * math.log2(q) - (1 - q) * math.log2(1 - q)


@pytest.mark.slow
def test_at_the_quantum_maximum() -> None:
    """Outcomes of the singlet with correlator 2^-1/2 are all that Eve has: H(A|B) = h((1 + 2^-1/2)/2)."""
    bound = routed.blind_entropy(sb.Behaviour.from_correlators(SIGNS))
    exact = binary_entropy((1 + 0.5**0.5) / 2)
    assert exact - 1e-4 < bound.value <= exact


def test_between_min_entropy_and_what_eve_has_without_being_told() -> None:
    noisy = sb.Behaviour.from_correlators(0.97 * SIGNS)
    bound = routed.blind_entropy(noisy, level="1+AF", nodes=2)
    assert 0.0 < bound.value < routed.entropy(alone(noisy), level="1+AF", nodes=2).value
    assert bound.certificate.verify().holds


@pytest.mark.slow
def test_an_attack_is_above() -> None:
    noisy = sb.Behaviour.from_correlators(0.98 * SIGNS)
    bound = routed.blind_entropy(noisy, level="1+AF+AA+AAF", nodes=8)
    least = sb.min_entropy(sb.Observations.full(noisy), sb.Quantum("1+AB"), 0, 0, blind=True)
    attack = routed.entropy_upper_bound(alone(noisy), bound=bound, rounds=16, given=0)
    assert least.value < bound.value < attack.value < bound.value + 2e-2 and attack.missed < 1e-9


def test_an_attack_where_no_protocol_has_a_name() -> None:
    """Devices of protocols by name are among the first strategies; of other shapes there are none."""
    attack = routed.entropy_upper_bound(alone(sb.Behaviour.from_correlators(0.98 * SIGNS)), rounds=2, given=0)
    assert attack.value <= 1.0 and attack.missed < 1e-6


def test_strategies_with_outcomes_that_eve_is_told() -> None:
    """H(A|F,E) of a random strategy: pinched states of Alice and F, as Eve holds the purification."""
    data = alone(sb.Behaviour.from_correlators(SIGNS)).data
    shape = Shape(data[0].scenario, data[1].scenario)
    own = RoutedStrategy(shape, np.random.default_rng(5).normal(size=shape.parameters), np.array([-1, -1, -1, -1, -1]))
    sent = (own.state.reshape(2, 4) @ own.isometry.reshape(4, 4).T).reshape(2, 2, 2)
    pair = np.einsum("afg,bhg->afbh", sent, sent).reshape(4, 4)

    def pinched(*projectors: np.ndarray) -> np.ndarray:
        return sum(p @ pair @ p for p in projectors)

    def bits(matrix: np.ndarray) -> float:
        p = np.linalg.eigvalsh(matrix)
        return float(-(p[p > 1e-15] * np.log2(p[p > 1e-15])).sum())

    a, f = own.parameters[0], own.parameters[3]
    effects = [
        [(np.eye(2) + s * np.array([[np.cos(t), np.sin(t)], [np.sin(t), -np.cos(t)]])) / 2 for s in (1, -1)]
        for t in (a, f)
    ]
    both = pinched(*(np.kron(p, q) for p in effects[0] for q in effects[1]))
    bob = pinched(*(np.kron(np.eye(2), q) for q in effects[1]))
    assert own.entropy(0, given=0) == pytest.approx(bits(both) - bits(bob), abs=1e-9)
    fixed = RoutedStrategy(shape, own.parameters, np.array([-1, -1, -1, 1, -1]))
    assert fixed.entropy(0, given=0) == pytest.approx(fixed.entropy(0), abs=1e-12)
    known = RoutedStrategy(shape, own.parameters, np.array([0, -1, -1, 1, -1]))
    assert known.entropy(0) == 0.0 and known.entropy(0, 0.5) == 1.0
    assert known.moments()[1][1] == pytest.approx(known.moments()[1][0])


def test_what_is_told_must_be_there() -> None:
    with pytest.raises(sb.InvalidSettings, match="given = 2 does not exist"):
        routed.blind_entropy(sb.Behaviour.from_correlators(SIGNS), y=2)
    with pytest.raises(sb.InvalidParameter, match="all of the far device's settings"):
        routed.entropy(routed.protocol("chsh"), given=2)
    with pytest.raises(sb.InvalidShape, match="two parties"):
        routed.blind_entropy(sb.Behaviour.uniform(sb.Scenario(((2,), (2,), (2,)))))
