"""Guesses of the outcomes of any of the parties, of any number of them: three sets, closed forms, and both checkers."""

from __future__ import annotations

import copy
import itertools
import math
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

import sdpbound as sb
from sdpbound.bell.key import key_effects, key_settings, named_key
from sdpbound.bounds.figures import ConditionalEntropy, GuessingProbability
from sdpbound.recheck import recheck

PAIRS = "1+AB+AC+BC"
GHZ = np.array([1.0, 0, 0, 0, 0, 0, 0, 1.0]) / math.sqrt(2)


def mermin_data(value: float) -> sb.Observations:
    return sb.Observations.bell_value(sb.mermin(), value)


def both_hold(bound: sb.Bound) -> bool:
    """Whether both checkers prove the bound again, and read the same figure in it."""
    first, second = bound.certificate.verify(), recheck(bound.certificate.data)
    assert second.holds, second.reason
    return bool(first.holds and float(second.proven or 0) == pytest.approx(first.value, abs=1e-11))


@pytest.mark.parametrize("value", [3.95, 3.8, 3.6, 3.5])
def test_a_guess_of_one_party_from_mermins_value(value: float) -> None:
    """P_guess = (1 + sqrt(M (1 - M/4)))/2, the CHSH formula for Alice against the two others together."""
    for settings in ((0, None, None), (None, 1, None), (None, None, 0)):
        bound = sb.guessing_probability(mermin_data(value), sb.Quantum(PAIRS), settings=settings)
        assert bound.value == pytest.approx(0.5 + 0.5 * math.sqrt(value * (1 - value / 4)), abs=1e-8)
        assert both_hold(bound)


def test_settings_say_what_x_and_y_say() -> None:
    data, model = mermin_data(3.7), sb.Quantum(PAIRS)
    for (x, y), settings in (((1, None), (1, None, None)), ((0, 1), (0, 1, None))):
        named, said = (
            sb.guessing_probability(data, model, x, y),
            sb.guessing_probability(data, model, settings=settings),
        )
        assert (named.merit, named.value) == (said.merit, said.value)
        assert said.certificate.data["question"]["figure"] == {"kind": "guessing_probability", "x": x, "y": y}
    chsh = sb.Observations.bell_value(sb.chsh(), 2.6)
    bob = sb.guessing_probability(chsh, sb.Quantum("1+AB"), settings=(None, 1))
    assert bob.figure == "P_guess(B|y=1,E)" and both_hold(bob)
    assert bob.value == pytest.approx(sb.guessing_probability(chsh, sb.Quantum("1+AB"), 1).value, abs=1e-7)


def _noisy(seed: int, weight: float) -> sb.Behaviour:
    """GHZ states measured at random in the plane, with white noise."""
    rng = np.random.default_rng(seed)
    parties = []
    for _ in range(3):
        own = []
        for angle in rng.uniform(0, 2 * math.pi, size=2):
            o = np.array([[0, np.exp(-1j * angle)], [np.exp(1j * angle), 0]])
            own.append(np.array([(np.eye(2) + o) / 2, (np.eye(2) - o) / 2]))
        parties.append(tuple(own))
    return sb.Strategy(GHZ, tuple(parties)).behaviour().white_noise(weight)


@pytest.mark.parametrize("settings", [(0, None, None), (None, 1, 0), (1, 0, 1)])
def test_local_and_no_signaling_guesses_are_linear_programs(settings: tuple[int | None, ...]) -> None:
    """The same numbers from a program written here: local weights by guess, or conditional boxes by guess."""
    behaviour = _noisy(3, 0.35)
    data = sb.Observations.full(behaviour)
    free = sb.guessing_probability(data, sb.NoSignaling(), settings=settings)
    assert free.value == pytest.approx(_free(behaviour, settings), abs=1e-8) and both_hold(free)
    local = sb.guessing_probability(data, sb.Local(), settings=settings)
    assert local.value == pytest.approx(_local(behaviour), abs=1e-8) and both_hold(local)
    quantum = sb.guessing_probability(data, sb.Quantum(PAIRS + "+ABC"), settings=settings)
    assert quantum.value <= free.value + 1e-9


def _local(behaviour: sb.Behaviour) -> float:
    """Weights of deterministic strategies are Eve's; each key is known: the guess is always right where data are local.

    So the program is one of feasibility, and its value is the sum of all weights.
    """
    answers = list(itertools.product(range(2), repeat=2))
    columns = []
    for chosen in itertools.product(answers, repeat=3):
        p = np.zeros((2,) * 6)
        for x in itertools.product(range(2), repeat=3):
            p[(*(own[s] for own, s in zip(chosen, x, strict=True)), *x)] = 1.0
        columns.append(p.reshape(-1))
    table = np.array(columns).T
    found = linprog(-np.ones(table.shape[1]), A_eq=table, b_eq=behaviour.p.reshape(-1))
    assert found.status == 0
    return -float(found.fun)


def _free(behaviour: sb.Behaviour, settings: tuple[int | None, ...]) -> float:
    """Unnormalised tables p_e of probabilities that do not signal and add up to the behaviour's."""
    asked = [party for party, s in enumerate(settings) if s is not None]
    guesses = list(itertools.product(range(2), repeat=len(asked)))
    size, rows, right = 64, [], []
    places = np.arange(size).reshape((2,) * 6)
    for party in range(3):  # the marginal of the others does not depend on the setting
        table = np.moveaxis(places, (party, 3 + party), (0, 1)).reshape(2, 2, -1)
        for column in range(table.shape[2]):
            row = np.zeros(size)
            row[table[:, 0, column]] += 1.0
            row[table[:, 1, column]] -= 1.0
            rows.append(row)
    signaling = np.array(rows)
    equal = np.kron(np.eye(len(guesses)), signaling)
    sums = np.kron(np.ones((1, len(guesses))), np.eye(size))
    right = np.concatenate([np.zeros(len(equal)), behaviour.p.reshape(-1)])
    cost = np.zeros((len(guesses), size))
    at = tuple(s or 0 for s in settings)
    for k, guess in enumerate(guesses):
        index: list[Any] = [slice(None)] * 3
        for party, outcome in zip(asked, guess, strict=True):
            index[party] = outcome
        cost[k, places[(*index, *at)].reshape(-1)] = -1.0
    found = linprog(cost.reshape(-1), A_eq=np.vstack([equal, sums]), b_eq=right)
    assert found.status == 0
    return -float(found.fun)


def test_four_parties() -> None:
    """At the largest MABK value each party's outcome is uniform to Eve, and any two or three are independent."""
    data = sb.Observations.bell_value(sb.mabk(4), 2.0**1.5)
    level = sb.Quantum("1+AB+AC+AD+BC+BD+CD")
    bound = sb.guessing_probability(data, level, settings=(0, None, None, 1))
    assert 0.25 <= bound.value <= 0.2501 and both_hold(bound)


def test_min_entropy_of_three_outcomes() -> None:
    data = mermin_data(3.9)
    guess = sb.guessing_probability(data, sb.Quantum("1+AB+AC+BC+ABC"), settings=(0, 0, 0))
    entropy = sb.min_entropy(data, sb.Quantum("1+AB+AC+BC+ABC"), settings=(0, 0, 0))
    assert entropy.value == pytest.approx(-math.log2(guess.value)) and both_hold(entropy)
    assert entropy.figure == "H_min(ABC|x=0,y=0,z=0,E)"


CHANGES = {
    "another party": lambda f: f.update(settings=[None, 0, None]),
    "another setting": lambda f: f.update(settings=[None, 1, 1]),
    "nobody": lambda f: f.update(settings=[None, None, None]),
    "too few": lambda f: f.update(settings=[0, 0]),
    "too large": lambda f: f.update(settings=[None, 2, 0]),
    "both ways": lambda f: f.update(x=0, y=None),
    "no whole number": lambda f: f.update(settings=[None, 0.5, 0]),
    "true": lambda f: f.update(settings=[None, True, False]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_both_checkers_refuse_another_key(name: str) -> None:
    bound = sb.guessing_probability(mermin_data(3.9), sb.Quantum(PAIRS), settings=(None, 0, 0))
    data = copy.deepcopy(bound.certificate.data)
    CHANGES[name](data["question"]["figure"])
    with pytest.raises(sb.CertificateError):
        sb.verify(data)
    assert not recheck(data).holds


def test_keys_that_are_none() -> None:
    data, model = mermin_data(3.5), sb.Quantum(PAIRS)
    for settings, said in (
        ((0, 1), "one entry for each of the 3 parties"),
        ((None, None, None), "ask for no outcome at all"),
        ("010", "one entry for each of the 3 parties"),
        ((0, None, 2), r"settings\[2\] = 2"),
        ((0, None, 0.0), r"settings\[2\] = 0.0"),
    ):
        with pytest.raises(sb.InvalidSettings, match=said):
            sb.guessing_probability(data, model, settings=settings)  # type: ignore[arg-type]
    with pytest.raises(sb.InvalidSettings, match="leave x and y out"):
        sb.guessing_probability(data, model, 1, settings=(0, None, 0))
    with pytest.raises(sb.InvalidInput, match="blind"):
        sb.min_entropy(data, model, settings=(0, None, 0), blind=True)
    with pytest.raises(sb.InvalidParameter, match="at least one party"):
        GuessingProbability(settings=(None, None))
    with pytest.raises(sb.InvalidParameter, match="do not fit"):
        ConditionalEntropy(1, settings=(0, None, 0))


def test_figures_of_keys() -> None:
    assert GuessingProbability(settings=(0, 1, None)) == GuessingProbability(0, 1)
    assert ConditionalEntropy(settings=(0, None, 0)).words == "H(AC|x=0,z=0,E)"
    assert ConditionalEntropy(settings=(0, None, 0)).entry() == {
        "kind": "conditional_entropy",
        "settings": [0, None, 0],
        "preprocessing": 0.0,
    }


def test_effects_of_a_key_add_up() -> None:
    """They are those of the outcomes, the last party's fastest, and together the identity."""
    scenario = sb.Scenario(((2, 3), (2,), (3, 2)))
    key = key_settings(scenario, settings=(1, None, 0))
    effects = key_effects(scenario, key)
    assert effects.shape == (9, *scenario.shape)
    one = np.zeros(scenario.shape)
    one[0, 0, 0] = 1.0
    assert np.allclose(effects.sum(axis=0), one)
    alone = [np.outer(scenario.effect(0, 1, a), scenario.effect(2, 0, c)) for a in range(3) for c in range(3)]
    assert np.allclose(effects[:, :, 0, :], alone) and not effects[:, :, 1:, :].any()
    assert named_key(key) == (1, None, (1, None, 0))
