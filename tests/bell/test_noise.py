"""Noise against explicit Kraus operators and density matrices, its limits, its names, and what it refuses."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sdpbound as sb

MEMBER = sb.SingletSelfTest(0.8, 1.2, 2.5)
X, Y, Z = (
    np.array([[0, 1], [1, 0]], dtype=complex),
    np.array([[0, -1j], [1j, 0]]),
    np.diag([1.0 + 0j, -1.0]),
)
PAULI = {"x": X, "y": Y, "z": Z}

probability = st.floats(0, 1)
noises = st.one_of(
    st.builds(sb.WhiteNoise, probability),
    st.builds(sb.Dephasing, st.floats(0, 0.5), st.floats(0, 0.5), st.sampled_from("xyz")),
    st.builds(sb.Misalignment, st.floats(-7, 7), st.tuples(st.floats(-7, 7), st.floats(-7, 7)), st.sampled_from("xyz")),
    st.builds(sb.DetectionInefficiency, probability, probability, st.booleans()),
)


def by_hand(rho: np.ndarray, effects_a: list[Any], effects_b: list[Any]) -> np.ndarray:
    """p[a, b, x, y] = Tr[rho A_a|x (x) B_b|y], by explicit Kronecker products."""
    table = np.zeros((len(effects_a[0]), len(effects_b[0]), len(effects_a), len(effects_b)))
    for x, first in enumerate(effects_a):
        for y, second in enumerate(effects_b):
            for a, m in enumerate(first):
                for b, n in enumerate(second):
                    table[a, b, x, y] = np.trace(rho @ np.kron(m, n)).real
    return table


def projectors(angle: float) -> list[np.ndarray]:
    o = math.cos(angle) * X + math.sin(angle) * Y
    return [(np.eye(2) + o) / 2, (np.eye(2) - o) / 2]


SINGLET = np.outer([1, 0, 0, 1j], np.conj([1, 0, 0, 1j])) / 2
ALICE = [projectors(0.0), projectors(0.8)]
BOB = [projectors(1.2), projectors(2.5)]


def test_white_noise_is_a_depolarised_state() -> None:
    table = by_hand(0.9 * SINGLET + 0.1 * np.eye(4) / 4, ALICE, BOB)
    noise = sb.WhiteNoise(0.9)
    for b in (
        noise.on_behaviour(MEMBER.behaviour()),
        noise.apply_to(MEMBER.strategy).behaviour(),
        MEMBER.strategy.behaviour(noise),
        MEMBER.behaviour(noise=noise),
        MEMBER.behaviour(0.9),
    ):
        assert np.allclose(b.p, table, atol=1e-14)


@pytest.mark.parametrize("axis", "xyz")
def test_dephasing_by_kraus_operators(axis: str) -> None:
    a, b = 0.07, 0.21
    kraus = [
        [math.sqrt(1 - p) * np.eye(2), math.sqrt(p) * PAULI[axis]]  # sum of K* K is the identity
        for p in (a, b)
    ]
    rho = sum(np.kron(k, m) @ SINGLET @ np.kron(k, m).conj().T for k in kraus[0] for m in kraus[1])
    noisy = MEMBER.behaviour(noise=sb.Dephasing(a, b, axis))
    assert np.allclose(noisy.p, by_hand(rho, ALICE, BOB), atol=1e-14)
    shrink = (1 - 2 * a) * (1 - 2 * b)
    if axis == "z":  # perpendicular to the plane of the measurements: all correlators shrink alike
        assert np.allclose(noisy.correlators, shrink * MEMBER.correlators, atol=1e-14)
    else:  # in the plane, two axes: <X Y> and <Y X> of the state shrink by one party's factor each
        along = {"x": (1 - 2 * b, 1 - 2 * a), "y": (1 - 2 * a, 1 - 2 * b)}[axis]
        for x, t in enumerate((0.0, 0.8)):
            for y, u in enumerate((1.2, 2.5)):
                expected = along[0] * math.cos(t) * math.sin(u) + along[1] * math.sin(t) * math.cos(u)
                assert noisy.correlators[x, y] == pytest.approx(expected, abs=1e-14)


def test_misalignment_adds_to_the_angles() -> None:
    noisy = MEMBER.behaviour(noise=sb.Misalignment(0.1, (0.2, -0.3)))
    assert np.allclose(
        noisy.p, by_hand(SINGLET, [projectors(0.1), projectors(0.9)], [projectors(1.4), projectors(2.2)])
    )
    # out of the plane: the component along Z sees a state without <Z X>, <Z Y>
    tilted = MEMBER.behaviour(noise=sb.Misalignment(0.4, 0.0, "x"))
    expected = [[math.sin(u) for u in (1.2, 2.5)]]  # A0 is the axis
    expected.append([math.cos(0.8) * math.sin(u) + math.sin(0.8) * math.cos(0.4) * math.cos(u) for u in (1.2, 2.5)])
    assert np.allclose(tilted.correlators, expected, atol=1e-14)


@pytest.mark.parametrize("binning", [True, False])
def test_detection_inefficiency_by_effects(binning: bool) -> None:
    def lossy(effects: list[np.ndarray], eta: float) -> list[np.ndarray]:
        lost = (1 - eta) * np.eye(2)
        return [eta * effects[0] + lost, eta * effects[1]] if binning else [eta * effects[0], eta * effects[1], lost]

    table = by_hand(SINGLET, [lossy(m, 0.9) for m in ALICE], [lossy(m, 0.7) for m in BOB])
    noise = sb.DetectionInefficiency(0.9, 0.7, binning)
    for b in (
        noise.on_behaviour(MEMBER.behaviour()),
        MEMBER.strategy.behaviour(noise),
        MEMBER.behaviour(noise=noise),
        MEMBER.behaviour().detection_efficiency(0.9, 0.7, binning),
    ):
        assert np.allclose(b.p, table, atol=1e-14)


@pytest.mark.parametrize("binning", [True, False])
def test_efficiencies_of_settings(binning: bool) -> None:
    def lossy(effects: list[np.ndarray], eta: float) -> list[np.ndarray]:
        lost = (1 - eta) * np.eye(2)
        return [eta * effects[0] + lost, eta * effects[1]] if binning else [eta * effects[0], eta * effects[1], lost]

    alice, bob = (0.9, 0.8), (0.7, 0.95)
    table = by_hand(
        SINGLET,
        [lossy(m, eta) for m, eta in zip(ALICE, alice, strict=True)],
        [lossy(m, eta) for m, eta in zip(BOB, bob, strict=True)],
    )
    noise = sb.DetectionInefficiency(alice, bob, binning)
    assert noise.name == f"detection([0.9,0.8],[0.7,0.95],{'binned' if binning else 'no_click'})"
    assert noise.label.startswith(r"$\eta_A=(0.9,0.8),\ \eta_B=(0.7,0.95)$")
    assert sb.noise_from(noise.to_dict()) == noise
    for b in (
        noise.on_behaviour(MEMBER.behaviour()),
        MEMBER.strategy.behaviour(noise),
        MEMBER.behaviour().detection_efficiency(np.array(alice), list(bob), binning),
    ):
        assert np.allclose(b.p, table, atol=1e-14)
    ideal = MEMBER.behaviour()
    same = sb.DetectionInefficiency((0.9, 0.9), 0.7, binning).on_behaviour(ideal)
    assert np.allclose(same.p, ideal.detection_efficiency(0.9, 0.7, binning).p)


def test_efficiencies_of_settings_are_checked() -> None:
    with pytest.raises(sb.InvalidParameter, match=r"eta_a\[1\] = 1.2 must lie between 0 and 1; write 90 per cent"):
        sb.DetectionInefficiency((0.9, 1.2))
    with pytest.raises(sb.InvalidParameter, match="eta_b needs an efficiency, or one for each setting"):
        sb.DetectionInefficiency(0.9, ())
    three = sb.DetectionInefficiency((0.9, 0.8, 0.7))
    with pytest.raises(sb.InvalidShape, match="3 efficiencies of Alice do not fit 2 settings"):
        MEMBER.strategy.behaviour(three)
    with pytest.raises(sb.InvalidShape, match="3 efficiencies of party A do not fit 2 settings"):
        three.on_behaviour(MEMBER.behaviour())


@given(st.lists(noises, min_size=1, max_size=5))
def test_noisy_behaviours_are_valid_and_quantum(parts: list[sb.Noise]) -> None:
    order = {"state": 0, "measurement": 1, "detector": 2}
    chain = sorted(parts, key=lambda n: order[n.stage])
    detectors = [n for n in chain if n.stage == "detector"]
    if len(detectors) > 1:  # a second detector sees the outcomes of the first
        chain = [n for n in chain if n.stage != "detector"] + detectors[:1]
    noise = sb.NoiseSequence(tuple(chain))
    b = MEMBER.behaviour(noise=noise)  # Behaviour itself refuses what is negative, unnormalised or signals
    assert b == MEMBER.strategy.behaviour(noise) or np.allclose(b.p, MEMBER.strategy.behaviour(noise).p, atol=1e-12)
    assert b.p.min() >= -1e-15
    if b.scenario.is_binary:
        assert b.chsh <= 2 * math.sqrt(2) + 1e-12
    assert sb.noise_from(json.loads(json.dumps(noise.to_dict()))) == noise


@given(st.floats(0, 1), st.floats(0, 0.5), st.floats(-3, 3), st.floats(0, 1))
def test_state_and_measurement_noises_commute_in_effect(v: float, p: float, d: float, eta: float) -> None:
    white, phase = sb.WhiteNoise(v), sb.Dephasing(p, 0.1, "x")
    one, other = (MEMBER.behaviour(noise=n).p for n in (white + phase, phase + white))
    assert np.allclose(one, other, atol=1e-14)
    turned, lossy = sb.Misalignment(d, 0.0), sb.DetectionInefficiency(eta, 0.9)
    step = lossy.apply_to(turned.apply_to(phase.apply_to(MEMBER.strategy)))
    assert np.allclose(step.behaviour().p, MEMBER.behaviour(noise=phase + turned + lossy).p, atol=1e-14)
    # equal angles on both sides of the plane's axis and dephasing about that axis change nothing but their sum
    same = MEMBER.behaviour(noise=sb.Misalignment(d, -d)).correlators
    assert np.allclose(same, MEMBER.correlators, atol=1e-13)


def test_limits() -> None:
    ideal = MEMBER.behaviour()
    nothing = [
        sb.WhiteNoise(1.0),
        sb.Dephasing(0.0),
        sb.Misalignment(0.0, 0.0),
        sb.Misalignment(2 * math.pi, 0.0, "y"),
        sb.DetectionInefficiency(1.0),
    ]
    for noise in nothing:
        assert np.allclose(MEMBER.behaviour(noise=noise).p, ideal.p, atol=1e-14), noise
    assert np.allclose(MEMBER.behaviour(noise=sb.WhiteNoise(0.0)).p, 0.25)
    assert np.allclose(MEMBER.behaviour(noise=sb.Dephasing(0.5, 0.0)).correlators, 0.0, atol=1e-14)
    blind = MEMBER.behaviour(noise=sb.DetectionInefficiency(0.0))
    assert np.allclose(blind.p[0, 0], 1.0)
    assert np.allclose(MEMBER.behaviour(noise=sb.DetectionInefficiency(0.0, binning=False)).p[2, 2], 1.0)
    assert MEMBER.behaviour(0.9, sb.WhiteNoise(0.8)).correlators == pytest.approx(0.72 * MEMBER.correlators)


def test_names_equality_and_order() -> None:
    noise = sb.WhiteNoise(0.99) + sb.Misalignment(0.01, (0, 0.5)) + sb.DetectionInefficiency(0.9, 0.95, False)
    assert noise.name == "white_noise(0.99)+misalignment(0.01,[0,0.5],z)+detection(0.9,0.95,no_click)"
    assert noise == sb.WhiteNoise(0.99).then(sb.Misalignment(0.01, [0.0, 0.5])).then(noise.parts[2])
    assert hash(noise) == hash(sb.noise_from([part.to_dict() for part in noise.parts]))
    assert noise != sb.WhiteNoise(0.99) + sb.DetectionInefficiency(0.9, 0.95, False)
    assert sb.Dephasing(0.1) == sb.Dephasing(0.1, 0.1) != sb.Dephasing(0.1, 0.1, "x")
    assert noise.stage == "detector" and noise.needs_strategy
    assert not (sb.WhiteNoise(0.5) + sb.DetectionInefficiency(0.5)).needs_strategy
    assert sb.WhiteNoise(1).name == "white_noise(1)" and "0.99" in repr(noise)
    from matplotlib.mathtext import MathTextParser

    every = [*noise.parts, sb.Dephasing(0.1, 0.2, "x"), sb.Dephasing(0.1), sb.DetectionInefficiency(0.9), noise]
    for part in every:
        MathTextParser("path").parse(part.label)  # raises if figures could not print it


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: sb.WhiteNoise(1.1), sb.InvalidParameter, "visibility = 1.1"),
        (lambda: sb.WhiteNoise(math.nan), sb.InvalidParameter, "nan"),
        (lambda: sb.WhiteNoise("much"), sb.InvalidParameter, "not a number"),
        (lambda: sb.DetectionInefficiency(True), sb.InvalidParameter, "not a number"),
        (lambda: sb.Dephasing(0.6), sb.InvalidParameter, "from 0 to 1/2"),
        (lambda: sb.Dephasing(0.1, axis="w"), sb.InvalidParameter, "'x', 'y' or 'z'"),
        (lambda: sb.Misalignment(math.inf, 0.0), sb.InvalidParameter, "finite number of radians"),
        (lambda: sb.Misalignment("north", 0.0), sb.InvalidParameter, "radians"),
        (lambda: sb.Misalignment((), 0.0), sb.InvalidParameter, "each setting"),
        (lambda: sb.DetectionInefficiency(-0.1), sb.InvalidParameter, "eta_a = -0.1"),
        (lambda: sb.DetectionInefficiency(0.9, binning="yes"), sb.InvalidParameter, "binning"),
        (lambda: sb.DetectionInefficiency(0.9) + sb.WhiteNoise(0.9), sb.InvalidInput, "order state, measurement"),
        (lambda: sb.Misalignment(0.1, 0.1) + sb.Dephasing(0.1), sb.InvalidInput, "cannot come after"),
        (lambda: sb.WhiteNoise(0.9).then(0.9), sb.InvalidInput, "a noise must be a Noise"),
        (lambda: sb.NoiseSequence(()), sb.InvalidInput, "at least one"),
        (lambda: sb.Dephasing(0.1).on_behaviour(MEMBER.behaviour()), sb.InvalidInput, "apply it to a Strategy"),
        (lambda: sb.Misalignment(0.1, 0.0).on_behaviour(MEMBER.behaviour()), sb.InvalidInput, "strategy.behaviour"),
        (lambda: MEMBER.behaviour(noise=sb.Misalignment((0.1, 0.2, 0.3), 0.0)), sb.InvalidShape, "3 angles of Alice"),
        (lambda: MEMBER.behaviour(noise=0.9), sb.InvalidInput, "WhiteNoise"),
        (lambda: MEMBER.strategy.behaviour(0.9), sb.InvalidInput, "WhiteNoise"),
        (lambda: sb.WhiteNoise(0.9).apply_to(MEMBER.behaviour()), sb.InvalidInput, "strategy must be"),
        (lambda: sb.WhiteNoise(0.9).on_behaviour(MEMBER.strategy), sb.InvalidInput, "behaviour must be"),
        (lambda: sb.noise_from({"kind": "gravity"}), sb.InvalidInput, "white_noise"),
        (lambda: sb.noise_from({"kind": "white_noise", "v": 0.9}), sb.InvalidInput, "no parameter 'v'"),
        (lambda: sb.noise_from({"kind": "white_noise"}), sb.InvalidInput, "visibility"),
        (lambda: sb.noise_from("white_noise"), sb.InvalidInput, "a table with a kind"),
        (lambda: sb.noise_from([]), sb.InvalidInput, "at least one"),
    ],
)
def test_bad_input(make: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_what_a_strategy_must_have() -> None:
    big = sb.random_strategy(sb.Scenario.bipartite(2, 2), 3, rng=1)
    for noise in (sb.Dephasing(0.1), sb.Misalignment(0.1, 0.1)):
        with pytest.raises(sb.InvalidShape, match="two qubits"):
            noise.apply_to(big)
    with pytest.raises(sb.InvalidInput, match="equal traces"):  # rank one against rank two
        sb.WhiteNoise(0.9).apply_to(big)
    assert sb.WhiteNoise(0.9).on_behaviour(big.behaviour()) == big.behaviour().white_noise(0.9)
    three = sb.random_strategy(sb.Scenario(((2, 2),) * 3), 2, rng=1)
    with pytest.raises(sb.InvalidShape, match="two parties"):
        sb.DetectionInefficiency(0.9).apply_to(three)
