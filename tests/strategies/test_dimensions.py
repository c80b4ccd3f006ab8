"""Two qubits are enough for the best devices: the mixture of the proof in docs/loss_and_noise.md, built for qutrits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.bell.strategy import Strategy

Matrix = np.ndarray


def reflections(rng: np.random.Generator, count: int) -> list[Matrix]:
    """Observables of three dimensions, with one eigenvalue -1."""
    vectors = rng.normal(size=(count, 3))
    return [np.eye(3) - 2.0 * np.outer(v, v) / (v @ v) for v in vectors]


def parts_of(effect: Matrix) -> list[tuple[float, Matrix]]:
    """An effect on a qubit, or on one dimension, as a mixture of projectors, 0 and 1."""
    values, vectors = np.linalg.eigh(effect)
    steps = np.append(values, 1.0) - np.append(0.0, values)
    return [(float(w), vectors[:, k:] @ vectors[:, k:].T) for k, w in enumerate(steps)]


def qubit_parts(state: Matrix, alice: list[Matrix], bob: list[Matrix]) -> tuple[list[float], list[Strategy]]:
    """Pure two-qubit strategies with projective or constant measurements, and weights, of a state (3, 3)."""
    plane = np.linalg.svd(np.array([np.linalg.eigh(a)[1][:, 0] for a in alice]))[2].T
    weights, strategies = [], []
    for block in (plane[:, :2], plane[:, 2:]):  # Jordan's lemma: all of Alice's observables keep these
        u, s, w = np.linalg.svd(block.T @ state, full_matrices=False)
        weight = float(s @ s)
        own = np.diag(s).reshape(-1) / np.sqrt(weight)
        effects = [(np.eye(len(s)) + u.T @ block.T @ a @ block @ u) / 2.0 for a in alice]
        split = [parts_of((np.eye(len(s)) + w @ b @ w.T) / 2.0) for b in bob]
        for choice in itertools.product(*split):
            own_weight = weight * float(np.prod([part for part, _ in choice]))
            measured = [[(e, np.eye(len(s)) - e) for e in party] for party in (effects, [e for _, e in choice])]
            weights.append(own_weight)
            strategies.append(
                Strategy(np.outer(own, own), tuple(tuple(np.array(m) for m in party) for party in measured))
            )
    return weights, strategies


@pytest.mark.parametrize("seed", range(3))
def test_qutrits_are_mixtures_of_qubits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    alice, bob, state = reflections(rng, 2), reflections(rng, 3), rng.normal(size=(3, 3))
    state /= np.linalg.norm(state)
    weights, strategies = qubit_parts(state, alice, bob)
    whole = Strategy.from_observables(state.reshape(-1), alice, bob).behaviour()
    mixed = sum(w * s.behaviour().p for w, s in zip(weights, strategies, strict=True))
    np.testing.assert_allclose(mixed, whole.p, atol=1e-12)
    assert min(weights) > -1e-12 and sum(weights) == pytest.approx(1.0)
    assert {dimension for s in strategies for dimension in s.dimensions} <= {1, 2}
    for strategy in strategies:
        projectors = [m @ m - m for party in strategy.measurements for effects in party for m in effects]
        assert max(float(np.abs(p).max()) for p in projectors) < 1e-9


@pytest.mark.slow
def test_the_rate_of_a_mixture_is_at_most_the_mean() -> None:
    """Of two devices that are each best for another efficiency, mixed half and half, at 0.92."""
    family = sb.family_named("two_qubit", settings=(2, 3))
    noise = sb.DetectionInefficiency(0.92, binning=(True, (True, True, False)))
    one = {"theta": 0.482025, "a0": -0.077218, "a1": 1.529594, "b0": -0.926353, "b1": 0.577976, "b2": -0.090400}
    two = {"theta": 0.579401, "a0": -0.093038, "a1": 1.589869, "b0": -0.979070, "b1": 0.686618, "b2": -0.105608}
    first, second = (family.member(**values).behaviour(noise=noise) for values in (one, two))

    def rate(behaviour: sb.Behaviour) -> float:
        return sb.key_rate(behaviour, "full without B2", 0, 2, sb.VonNeumann(tolerance=1e-4)).value

    assert 0.2 < rate(first.mix(second, 0.5)) < (rate(first) + rate(second)) / 2.0
