"""Random post-selection: its entropy against those of states and of other methods, its rates against attacks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.bell.strategy import Strategy
from sdpbound.rates.postprocessing.eve import key_data
from sdpbound.rates.postprocessing.round_attacks import round_attacks
from sdpbound.rates.postprocessing.selected_entropy import entropy_of_states, kept_entropy, nodes_and_weights
from tests.rates.postprocessing.test_repetition import devices, entropy, eves_states, pair

ALL = (np.ones(2), np.ones(2))


def least_error(first: np.ndarray, second: np.ndarray) -> float:
    return float((np.trace(first + second).real - np.linalg.norm(first - second, "nuc")) / 2.0)


@pytest.mark.parametrize("seed", range(4))
def test_the_integral_is_the_entropy(seed: int) -> None:
    """Of explicit states: the polygon is below the entropy, and reaches it as nodes become more."""
    states = eves_states(devices(np.random.default_rng(seed)), 0, 0)
    kept = 0.7 * states[0, 0] + 0.4 * states[0, 1], states[1, 0] + states[1, 1]
    exact = entropy(kept[0]) + entropy(kept[1]) - entropy(kept[0] + kept[1])
    found = []
    for count in (3, 15, 200):
        nodes, weights = nodes_and_weights(count)
        found.append(sum(w * least_error((1 - t) * kept[0], t * kept[1]) for t, w in zip(nodes, weights, strict=True)))
    assert found == sorted(found) and found[-1] <= exact + 1e-9
    assert found[-1] == pytest.approx(exact, abs=1e-4)


def test_without_selection_it_is_below_the_entropy_by_pairs_of_qubits() -> None:
    data = sb.Observations.full(pair(0.04))
    exact = sb.conditional_entropy(data).value
    found = [kept_entropy(key_data(pair(0.04), data, 0, 0), ALL, (0, 1), "1+AB", n).value for n in (3, 5)]
    assert found[0] < found[1] <= exact + 1e-6
    assert found[1] > 0.9 * exact


@pytest.mark.parametrize("seed", range(3))
def test_certified_entropies_are_below_those_of_the_devices(seed: int) -> None:
    strategy = devices(np.random.default_rng(seed))
    behaviour = strategy.behaviour()
    key = key_data(behaviour, sb.Observations.full(behaviour), 0, 0)
    kept = np.array([1.0, 0.4]), np.array([0.6, 1.0])
    states = eves_states(strategy, 0, 0)
    own = [sum(kept[0][a] * kept[1][b] * states[a, b] for b in (0, 1)) for a in (0, 1)]
    exact = entropy(own[0]) + entropy(own[1]) - entropy(own[0] + own[1])
    assert entropy_of_states([strategy], np.ones(1), key, kept) == pytest.approx(exact, abs=1e-9)
    assert kept_entropy(key, kept, (0, 1), "1+AB", 4).value <= exact + 1e-7


@pytest.mark.slow
def test_rates_are_bracketed() -> None:
    selection = sb.PostSelection((1, 0.6), (1, 0.6), nodes=3)
    below = sb.key_rate(pair(0.02), "full", postprocessing=selection)
    above = sb.key_rate_upper_bound(pair(0.02), "full", postprocessing=selection)
    assert 0.0 < below.value <= above.value < below.value + 0.06
    assert above.exact and below.entropy.figure == "P(kept) H(A|E,kept)"
    assert below.entropy.certificate.verify().holds
    kept = pair(0.02).joint(0, 0) * np.outer((1, 0.6), (1, 0.6))
    cost = -sum(p * math.log2(p / column.sum()) for column in kept.T for p in column)
    assert below.error_correction == pytest.approx(cost)


@pytest.mark.slow
def test_an_outcome_that_is_never_kept() -> None:
    """Bob's no click, a third outcome of his key setting that the tests leave out, is dropped."""
    state = np.array([1.0, 0.0, 0.0, 1.0]) / math.sqrt(2.0)
    z, x = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])
    ideal = Strategy.from_observables(state, [z, x], [(z + x) / math.sqrt(2), (z - x) / math.sqrt(2), z])
    lossy = sb.DetectionInefficiency(0.97, 0.97, (True, (True, True, False))).apply_to(ideal).behaviour()
    rate = sb.key_rate(lossy, "full", postprocessing=sb.PostSelection((1, 1), (1, 1, 0), 0, 2, nodes=3))
    assert rate.value > 0.0 and rate.settings == (0, 2)
    assert rate.error_correction < sb.error_correction(lossy, 0, 2)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda: sb.PostSelection((1, 1.5), (1, 1)), "must be probabilities from 0 to 1"),
        (lambda: sb.PostSelection((1, 1), (0, 0)), "must be probabilities from 0 to 1"),
        (lambda: sb.PostSelection((1, 0), (1, 1)), "keeps 1 outcomes; the key is a bit"),
        (lambda: sb.PostSelection(0.5, (1, 1)), "must be a list of probabilities"),  # type: ignore[arg-type]
        (
            lambda: sb.key_rate(pair(0.02), "full", postprocessing=sb.PostSelection((1, 1), (1, 1, 0))),
            "has 3 probabilities, and the key setting has 2 outcomes",
        ),
        (
            lambda: sb.key_rate(
                pair(0.02), "full", entropy=sb.MinEntropy(sb.Local()), postprocessing=sb.PostSelection((1, 1), (1, 1))
            ),
            "no theorem covers this adversary",
        ),
    ],
)
def test_bad_input_is_one_clear_sentence(ask: object, says: str) -> None:
    assert callable(ask)
    with pytest.raises(sb.InvalidInput, match=says):
        ask()


@pytest.mark.slow
def test_attacks_are_best_for_kept_rounds() -> None:
    """Eve's mixture for rounds of which few zeros are kept leaves less than those for all rounds (docs, 0.85)."""
    two = sb.family_named("two_qubit", settings=(2, 2))
    eberhard = two.member(theta=0.35, a0=-0.2213, a1=1.0022, b0=0.2213, b1=-1.0022)
    lossy = eberhard.behaviour(noise=sb.DetectionInefficiency(0.85))
    selection = sb.PostSelection((0.12, 1), (0.12, 1))
    above = sb.key_rate_upper_bound(lossy, "full", postprocessing=selection)
    data = sb.Observations.full(lossy)
    before = min(
        selection.rate_under(lossy, data, own.strategies, own.weights)[0]
        for own in round_attacks(key_data(lossy, data, 0, 0))
    )
    assert above.exact and above.value < before - 0.007 and -0.0212 < above.value < -0.0198
    assert isinstance(above.attack, sb.ProcessedAttack) and above.attack.certificate.verify().holds


def two_outcomes_and_no_click(effects: np.ndarray, kept: Sequence[float]) -> np.ndarray:
    """A measurement that says nothing in place of the outcomes that are not kept."""
    clicks = effects * np.array(kept)[:, None, None]
    return np.concatenate([clicks, (np.eye(effects.shape[1]) - clicks.sum(axis=0))[None]])


def spy_of_clicks(ideal: Strategy, efficiency: float) -> tuple[list[Strategy], np.ndarray]:
    """Strategies with the data of lossy devices in which Eve knows Alice's or Bob's outcome where both click.

    Of the docs, for the key settings 0 and 0: the first kind hides one of a party's outcomes in the key setting,
    the other hides all outcomes of the other settings.
    """
    found, weights = [], []
    both, all_ = efficiency**2, (1.0, 1.0)
    alone = efficiency * (1.0 - efficiency) - both / 4.0
    sides = [[two_outcomes_and_no_click(e, all_) for e in party] for party in ideal.measurements]
    for party in (0, 1):
        own, others = ideal.measurements[party], list(sides[1 - party])
        d, e = ideal.dimensions[party], ideal.dimensions[1 - party]
        for outcome in (0, 1):
            hidden = [two_outcomes_and_no_click(own[0], np.eye(2)[outcome]), *sides[party][1:]]
            pair = (hidden, others) if party == 0 else (others, hidden)
            found.append(Strategy(ideal.state, tuple(map(tuple, pair))))
            weights.append(both * 0.75 * (2.0 / 3.0) * 0.5)
            measured = np.kron(own[0][outcome], np.eye(e)) if party == 0 else np.kron(np.eye(e), own[0][outcome])
            table = (measured @ ideal.state).reshape((d, e, d, e) if party == 0 else (e, d, e, d))
            left = np.einsum("iaib->ab" if party == 0 else "aibi->ab", table)
            chance = float(np.trace(left).real)
            says = [np.eye(3)[outcome].reshape(3, 1, 1), *[np.eye(3)[2].reshape(3, 1, 1)] * (len(own) - 1)]
            pair = (says, others) if party == 0 else (others, says)
            found.append(Strategy((left + left.conj().T) / (2.0 * chance), tuple(map(tuple, pair))))
            weights.append(both * 0.75 / 3.0 * chance)
        silent = [two_outcomes_and_no_click(m, (0.0, 0.0)) for m in own]
        pair = (silent, others) if party == 0 else (others, silent)
        found.append(Strategy(ideal.state, tuple(map(tuple, pair))))
        weights.append(alone)
    nothing = tuple(tuple(two_outcomes_and_no_click(m, (0.0, 0.0)) for m in party) for party in ideal.measurements)
    return [*found, Strategy(ideal.state, nothing)], np.array([*weights, (1.0 - efficiency) ** 2])


@pytest.mark.parametrize("efficiency", [0.8, 0.685])
def test_no_key_is_left_of_clicks(efficiency: float) -> None:
    """Whatever the devices and the selection are, at an efficiency of 4/5 and below: Eve knows either outcome."""
    ideal = devices(np.random.default_rng(7))
    lossy = ideal.behaviour(sb.DetectionInefficiency(efficiency, binning=False))
    strategies, weights = spy_of_clicks(ideal, efficiency)
    assert weights.min() >= -1e-15 and weights.sum() == pytest.approx(1.0)
    mixed = sum(w * s.behaviour().p for w, s in zip(weights, strategies, strict=True))
    np.testing.assert_allclose(mixed, lossy.p, atol=1e-14)
    data = sb.Observations.full(lossy)
    for alice, bob in (((1, 1, 0), (1, 1, 0)), ((1, 0.2, 0), (0.4, 1, 0))):
        left, _ = sb.PostSelection(alice, bob).rate_under(lossy, data, strategies, weights)
        assert left <= 1e-10


@pytest.mark.slow
def test_an_attack_knows_nearly_all_at_the_claimed_threshold() -> None:
    """The devices and the selection with most left of those searched at 0.685 (docs): both sides, 1.8 % of the cost."""
    two = sb.family_named("two_qubit", settings=(2, 2))
    found = two.member(theta=0.0757, a0=-0.0241, a1=0.5552, b0=0.0279, b1=-0.5243)
    lossy = found.behaviour(noise=sb.DetectionInefficiency(0.685))
    selection = sb.PostSelection((0.19, 1), (0.138, 1), nodes=5)
    below = sb.key_rate(lossy, "full", postprocessing=selection)
    above = sb.key_rate_upper_bound(lossy, "full", postprocessing=selection)
    assert below.value <= above.value < 0.0 and above.value - below.value < 3e-5
    assert above.exact and 1.0 + above.value / below.error_correction < 0.02
