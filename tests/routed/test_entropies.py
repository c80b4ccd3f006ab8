"""Routed tests against closed forms, ordinary tests, explicit attacks, and what was published."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import sdpbound as sb
from sdpbound import routed
from sdpbound.recheck import recheck
from sdpbound.routed.attack_proof import deterministic_entry, prove_attack
from sdpbound.routed.figures import RoutedEntropy

#: Words and nodes of quick tests; with a perfect near device these words are enough.
QUICK = {"level": "1+AN+AF+AA+AAF", "nodes": 2}
#: Words of the numbers in docs/routed_tests.md.
WORDS = "1+AN+AF+AA+AAF+AAN"


def losses(efficiency: float) -> sb.Noise:
    return sb.DetectionInefficiency(1.0, efficiency, binning=(True, False))


def binary_entropy(q: float) -> float:
    return 0.0 if q in (0.0, 1.0) else -q * math.log2(q) - (1 - q) * math.log2(1 - q)


def test_a_key_at_an_efficiency_of_51_percent() -> None:
    """arXiv:2404.01202, abstract: down to 50 %; 2 eta - 1 by the uncertainty relation, for Z and X are self-tested."""
    rate = routed.key_rate(routed.protocol("bb84", far=losses(0.51)), **QUICK)
    assert 0.0199 < rate.value <= 0.02 and rate.side == "lower" and rate.settings == (0, 0)
    assert rate.entropy.certificate.verify().holds


@pytest.mark.slow
@pytest.mark.parametrize(("efficiency", "visibility"), [(0.6, 0.98), (0.9, 0.98), (0.9, 0.95)])
def test_perfect_near_device(efficiency: float, visibility: float) -> None:
    """H(Z|E) >= 1 - H(X|far), met by Eve who keeps what is lost and clones the rest: eta (1 - h(Q))."""
    bound = routed.entropy(routed.protocol("bb84", far=sb.WhiteNoise(visibility) + losses(efficiency)))
    exact = efficiency * (1.0 - binary_entropy((1.0 - visibility) / 2.0))
    assert exact - 3e-3 < bound.value <= exact
    assert exact - bound.value < bound.quadrature_gap + 2e-5


@pytest.mark.slow
def test_thresholds() -> None:
    """The far efficiency down to which there is a key; arXiv:2404.01202 has 50 % for BB84, near device perfect."""
    found = routed.critical_efficiency("bb84", tolerance=2e-3, **QUICK)
    assert found.alive is not None and 0.5 < found.alive < 0.503
    noise = sb.WhiteNoise(0.99)
    noisy = routed.critical_efficiency("bb84", noise, noise, tolerance=1e-2, level=QUICK["level"], nodes=8)
    assert noisy.alive is not None and noisy.alive > found.alive


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "visibility", "near", "far", "published"),
    [
        ("bb84", 1.0, 1.0, 0.51, 0.0175),
        ("bb84", 1.0, 0.99, 0.8, 0.405),
        ("bb84", 1.0, 0.98, 0.8, 0.2503),
        ("bb84", 1.0, 0.97, 0.8, 0.1107),
        ("bb84", 1.0, 0.96, 0.9, 0.1801),
        ("bb84", 1.0, 0.95, 0.9, 0.0598),
        ("bb84", 1.0, 0.94, 0.96, 0.0716),
        ("bb84", 0.99, 1.0, 0.8, 0.4365),
        ("bb84", 0.99, 0.98, 0.9, 0.2826),
        ("bb84", 0.99, 0.96, 0.96, 0.1221),
        ("chsh", 1.0, 1.0, 0.8, 0.5826),
        ("chsh", 1.0, 0.98, 0.875, 0.2824),
        ("chsh", 1.0, 0.96, 0.905, 0.2670),
    ],
)
def test_published_rates(name: str, visibility: float, near: float, far: float, published: float) -> None:
    """At least the rates of arXiv:2404.01202 without binning of the far device's no click.

    Read off the vector graphics of its figures (plot_key_rate_*_bobL_nobin*.pdf beside the paper's code), to about
    3e-4; "near" is the efficiency of Alice and the near device, whose lost outcomes are binned. The paper's rates
    are solver values of programs node by node.
    """
    noise = sb.WhiteNoise(visibility)
    test = routed.protocol(
        name,
        noise + sb.DetectionInefficiency(near),
        noise + sb.DetectionInefficiency(near, far, binning=(True, False)),
    )
    rate = routed.key_rate(test, 0, 2 if name == "chsh" else 0, level=WORDS)
    assert published - 3e-4 < rate.value < published + 0.1


def test_without_a_near_device_it_is_an_ordinary_test() -> None:
    """A near device whose outcomes are coins says nothing: the entropy is that of Alice and the far device alone."""
    signs = np.array([[1, 1], [1, -1]])
    far = sb.Behaviour.from_correlators(0.97 * signs / 2**0.5)
    coins = sb.Behaviour.uniform(sb.Scenario.bipartite(2, 1))
    bound = routed.entropy(routed.RoutedTest(coins, far, far_tested=sb.chsh()), level="1+AF+AA+AAF", nodes=8)
    exact = sb.conditional_entropy(sb.Observations.bell_value(sb.chsh(), far)).value  # by formula
    assert exact - 5e-3 < bound.value <= exact


def test_without_a_far_device_eve_has_it_all() -> None:
    dead = routed.protocol("bb84", far=losses(0.0))
    assert -1e-9 <= routed.entropy(dead, level="1+AN+AF+AA", nodes=2).value <= 1e-5


@pytest.mark.slow
def test_flips() -> None:
    """What Eve keeps has its flips as entropy, what she does not know has one bit."""
    test = routed.protocol("bb84", far=losses(0.6))
    bound = routed.entropy(test, preprocessing=0.1, **QUICK)
    exact = 0.6 + 0.4 * binary_entropy(0.1)
    assert exact - 1e-4 < bound.value <= exact
    assert bound.certificate.verify().holds


def test_guesses() -> None:
    """Eve guesses what is lost, and half of the rest."""
    bound = routed.guessing_probability(routed.protocol("bb84", far=losses(0.6)), level="1+AN+AF+AA+AAF")
    assert 0.7 <= bound.value < 0.7 + 1e-4
    assert bound.certificate.verify().holds


@pytest.mark.slow
def test_outcomes_of_alice_that_are_no_click() -> None:
    near = sb.DetectionInefficiency(0.98, 0.98, binning=(False, True))
    far = sb.DetectionInefficiency(0.98, 0.9, binning=(False, False))
    test = routed.protocol("bb84", near, far)
    assert test.near.scenario.outcomes[0] == (3, 3)
    bound = routed.entropy(test, level="1+AN+AF", nodes=3)
    guess = routed.guessing_probability(test, level="1+AN+AF")
    assert bound.certificate.verify().holds and guess.certificate.verify().holds
    assert 0.5 < bound.value < math.log2(3) and 1 / 3 < guess.value < 1


def test_a_proof_is_about_other_data_too() -> None:
    tests = [routed.protocol("bb84", sb.WhiteNoise(v), sb.WhiteNoise(v) + losses(0.9)) for v in (0.98, 0.97)]
    bound = routed.entropy(tests[0], level="1+AN+AF", nodes=2)
    there = routed.entropy(tests[1], level="1+AN+AF", nodes=2)
    assert bound.about(tests[0]) == pytest.approx(bound.value, abs=1e-12)
    assert there.value - 2e-2 < bound.about(tests[1]) <= there.value + 1e-6
    with pytest.raises(sb.InvalidParameter, match="other tests"):
        bound.about(routed.protocol("bb84"))


def test_an_attack_on_local_data() -> None:
    """Noise that deterministic devices explain: Eve knows all; weights can be adjusted to all independent tests."""
    test = routed.protocol("bb84", sb.WhiteNoise(0.6), sb.WhiteNoise(0.6))
    attack = routed.entropy_upper_bound(test, rounds=1)
    assert attack.value < 1e-9 and attack.missed < 1e-9 and attack.local_weight > 0.5
    assert attack.exact and attack.certificate.verify().holds
    own = attack.certificate.data["proof"]
    fixed = [deterministic_entry(test, o[:2], o[2:4], o[4:]) for o in itertools.product((0, 1), repeat=6)]
    weights = np.concatenate([(1 - 1e-6) * np.array(own["weights"]), np.full(64, 1e-6 / 64)])
    proof = prove_attack(test, RoutedEntropy(0, 0.0), [*own["routed_strategies"], *fixed], weights, True)
    assert len(proof.solved) == 14 and len(proof.adjusted) == 15 and proof.excess <= 0.0  # Alice's marginals are twice
    root = proof.certificate(proof.value)
    assert sb.verify(root).holds and recheck(root).holds
    for name in ("adjusted", "solved"):
        forged = root | {"proof": root["proof"] | {name: root["proof"][name][:-1]}}
        assert not recheck(forged).holds
        with pytest.raises(sb.CertificateError):
            sb.verify(forged)


@pytest.mark.slow
def test_an_attack_is_above() -> None:
    """Explicit strategies with the tested data leave little more than is proven."""
    test = routed.protocol("bb84", sb.WhiteNoise(0.98), sb.WhiteNoise(0.98) + losses(0.9))
    bound = routed.entropy(test, level=WORDS)
    attack = routed.entropy_upper_bound(test, bound=bound, rounds=10)
    assert bound.value < attack.value < bound.value + 0.025 and attack.missed < 1e-9
    near, far = ([w * s.moments()[k] for w, s in zip(attack.weights, attack.strategies, strict=True)] for k in (0, 1))
    assert attack.local_weight < 1e-2
    np.testing.assert_allclose(sum(near), test.near.moments, atol=1e-2)
    np.testing.assert_allclose(sum(far), test.far.moments, atol=1e-2)
    upper = routed.key_rate_upper_bound(test, bound=bound, rounds=10)
    lower = routed.key_rate(test, level=WORDS)
    assert lower.value < upper.value < lower.value + 0.03 and upper.side == "upper"


def test_strategies_are_what_they_say() -> None:
    """Moments and entropy of a random strategy, once more with density matrices."""
    from sdpbound.routed.strategies import RoutedStrategy, Shape

    test = routed.protocol("bb84", far=losses(0.9))
    shape = Shape(test.near.scenario, test.far.scenario, held=3)
    rng = np.random.default_rng(3)
    own = RoutedStrategy(shape, rng.normal(size=shape.parameters), np.array([-1, -1, -1, 1, -1, 2]))
    angles = own.parameters[:6]
    observables = [np.array([[np.cos(t), np.sin(t)], [np.sin(t), -np.cos(t)]]) for t in angles]
    effects = [[(np.eye(2) + o) / 2, (np.eye(2) - o) / 2] for o in observables]
    nothing = np.zeros((2, 2))
    state, isometry = own.state, own.isometry.reshape(6, 4)
    np.testing.assert_allclose(isometry.T @ isometry, np.eye(4), atol=1e-12)
    pair = np.einsum("abs,cds->abcd", state, state).reshape(4, 4)
    near = sb.Strategy(
        pair, (tuple(map(np.array, effects[:2])), (np.array(effects[2]), np.array([nothing, np.eye(2)])))
    )
    sent = (state.reshape(2, 4) @ isometry.T).reshape(2, 2, 3)
    there = np.einsum("afg,bhg->afbh", sent, sent).reshape(4, 4)
    far = sb.Strategy(
        there,
        (
            tuple(map(np.array, effects[:2])),
            (np.array([*effects[4], nothing]), np.array([nothing, nothing, np.eye(2)])),
        ),
    )
    moments = own.moments()
    np.testing.assert_allclose(moments[0], near.behaviour().moments, atol=1e-12)
    np.testing.assert_allclose(moments[1], far.behaviour().moments, atol=1e-12)

    def bits(matrix: np.ndarray) -> float:
        p = np.linalg.eigvalsh(matrix)
        return float(-(p[p > 1e-15] * np.log2(p[p > 1e-15])).sum())

    whole = np.einsum("afg,bfh->agbh", sent, sent)
    parts = [np.einsum("ab,agbh->gh", e, whole) for e in effects[1]]
    assert own.entropy(1) == pytest.approx(sum(map(bits, parts)) - bits(parts[0] + parts[1]), abs=1e-9)
