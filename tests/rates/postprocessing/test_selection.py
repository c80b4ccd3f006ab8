"""Random post-selection: its entropy against those of states and of other methods, its rates against attacks."""

from __future__ import annotations

import math

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.bell.strategy import Strategy
from sdpbound.rates.postprocessing.eve import key_data
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
