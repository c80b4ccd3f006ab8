"""Attacks that average over relabellings of the data."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.attacks import entropy_attack, symmetric
from sdpbound.attacks.bundle import curvature
from sdpbound.attacks.landscape import Landscape
from sdpbound.attacks.mixtures import Mixture
from sdpbound.attacks.symmetric import relabelled, symmetric_question
from sdpbound.entropies.question import EntropyQuestion, KeyQuestion
from sdpbound.recheck import recheck


def chained(visibility: float = 0.98) -> sb.Observations:
    return sb.Observations.full(sb.family_named("chained").member(settings=3).behaviour(visibility))


def a_strategy(seed: int) -> sb.Strategy:
    """Three settings a party, random qubit projections, a random pure state."""
    rng = np.random.default_rng(seed)
    g = rng.normal(size=4) + 1j * rng.normal(size=4)

    def effects() -> tuple[np.ndarray, np.ndarray]:
        u = np.linalg.qr(rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2)))[0]
        first = np.outer(u[:, 0], u[:, 0].conj())
        return first, np.eye(2) - first

    parties = tuple(tuple(effects() for _ in range(3)) for _ in range(2))
    return sb.Strategy(g / np.linalg.norm(g), parties)


def test_relabelled_devices_have_the_relabelled_values() -> None:
    scenario, rng = sb.Scenario.bipartite(3, 3), np.random.default_rng(0)
    moves = [
        sb.Relabelling.of(scenario, parties=(1, 0)),
        sb.Relabelling.of(scenario, settings={(0, 0): 1, (0, 1): 2, (0, 2): 0}, outcomes={(1, 2): (1, 0)}),
        sb.Relabelling.of(scenario, parties=(1, 0), settings={(0, 0): 2, (0, 2): 0}, outcomes={(0, 1): (1, 0)}),
    ]
    for move, seed in itertools.product(moves, range(2)):
        strategy, expression = a_strategy(seed), sb.BellExpression(scenario, rng.normal(size=scenario.shape))
        moved = move.expression(expression).value(relabelled(strategy, move).behaviour())
        assert moved == pytest.approx(expression.value(strategy.behaviour()), abs=1e-12)


def test_the_average_has_all_data_where_the_means_are_right() -> None:
    """The devices themselves have the means; so has a mixture of three others, whose average then has all tests."""
    question = KeyQuestion(chained(), 0).of_entropy()
    found = symmetric_question(question)
    assert found is not None and len(found.elements) == 4
    assert 1 <= len(found.means.observed) < len(question.observed) == 15
    means = found.means.observed
    table = means.coefficients.reshape(len(means), -1)
    strategies = [a_strategy(seed) for seed in range(3)]
    weights = np.array([0.2, 0.5, 0.3])
    mixture = Mixture(tuple(strategies), weights, np.zeros((3, 0)), np.array([1.0, 2.0, 3.0]))
    average = found.average(mixture)
    assert average.weights.sum() == pytest.approx(1.0) and average.value == pytest.approx(mixture.value)
    mean = sum(w * table @ s.behaviour().moments.reshape(-1) for w, s in zip(weights, strategies, strict=True))
    behaviour = sum(
        w * s.behaviour().moments for w, s in zip(average.weights, average.strategies, strict=True)
    ).reshape(-1)
    assert table @ behaviour == pytest.approx(mean, abs=1e-12)  # the means are those of the mixture
    rows = question.observed.coefficients.reshape(len(question.observed), -1)
    assert average.weights @ average.tested == pytest.approx(rows @ behaviour, abs=1e-12)
    # and the average is invariant: each test has the value of its mean
    for element in found.elements:
        moved = element.apply(question.observed.coefficients).reshape(rows.shape)
        assert moved @ behaviour == pytest.approx(rows @ behaviour, abs=1e-12)


@pytest.mark.slow
def test_an_attack_on_three_settings() -> None:
    """As good as one that meets all fifteen values by itself, which has 0.8710582."""
    attack = sb.conditional_entropy_upper_bound(chained(), 0, symmetry=True, tolerance=1e-4)
    assert attack.exact and 0.87075 < attack.value < 0.8715  # a certified bound from below, and a bit more
    assert attack.certificate.verify().holds and recheck(attack.certificate.data).holds


def test_where_it_changes_nothing() -> None:
    """Pairs of qubits are enough, or no relabelling keeps the data."""
    data = sb.Observations.bell_value(sb.asymmetric_chsh(1.3), 2.9)
    plain, asked = (sb.conditional_entropy_upper_bound(data, 0, symmetry=flag) for flag in (False, True))
    assert asked.exact and asked.value == plain.value
    expression = sb.BellExpression(sb.Scenario.bipartite(3, 3), np.arange(16.0).reshape(4, 4) ** 2)
    assert symmetric_question(KeyQuestion(sb.Observations.bell_value(expression, 1.0), 0).of_entropy()) is None


def test_what_is_averaged_unasked() -> None:
    """More than flips, and few enough; an average of too many strategies is one of none, unless it was asked for."""

    def orders(data: sb.Observations) -> tuple[int, ...]:
        question = KeyQuestion(data, 0).of_entropy()
        found = [symmetric_question(question, always) for always in (True, False)]
        return tuple(0 if one is None else len(one.elements) for one in found)

    scenario = sb.Scenario.bipartite(3, 3)
    marginals = np.zeros((4, 4))
    marginals[1, 1:] = [3.0, 4.0, 5.0]  # correlators of different sizes
    marginals[2, 1:], marginals[3, 1:] = [1.0, -2.0, 0.5], [0.25, 0.75, -6.0]
    flips = sb.Observations.bell_value(sb.BellExpression(scenario, marginals), 1.0)
    assert orders(flips) == (2, 0)  # of all outcomes
    assert orders(chained()) == (4, 4)
    three = sb.family_named("cglmp").member(d=3).behaviour(visibility=0.98)
    assert orders(sb.Observations.full(three)) == (6, 0)  # whose means qubits have as well, for a worse attack


def test_too_many_to_average(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unasked, the search meets all values where the average would have too many strategies; asked for, it says so."""
    question = KeyQuestion(chained(), 0).of_entropy()
    mixture = Mixture((a_strategy(0), a_strategy(1)), np.array([0.5, 0.5]), np.zeros((2, 0)), np.zeros(2))
    met: list[int] = []

    def found(question: EntropyQuestion, *_: object, **__: object) -> Mixture:
        met.append(len(question.observed))
        return mixture

    monkeypatch.setattr(entropy_attack, "search", found)
    assert len(entropy_attack.best_attack(question, sb.AttackOptions()).strategies) > 2
    monkeypatch.setattr(symmetric, "MOST_STRATEGIES", 5)
    assert entropy_attack.best_attack(question, sb.AttackOptions()) is mixture
    assert entropy_attack.best_attack(question, sb.AttackOptions(symmetry=False)) is mixture
    assert met[0] == met[1] < 15 and met[2:] == [15, 15]
    with pytest.raises(sb.InvalidParameter, match="at most 5 are proven; leave symmetry out"):
        entropy_attack.best_attack(question, sb.AttackOptions(symmetry=True))


def test_ranks() -> None:
    with pytest.raises(sb.InvalidParameter, match="rank"):
        sb.AttackOptions(rank=0)
    attack = sb.conditional_entropy_upper_bound(chained(0.9), 0, symmetry=True, rank=1, dimension=2, tolerance=1e-2)
    assert all(np.linalg.matrix_rank(s.state, tol=1e-9) == 1 for s in attack.strategies)


def test_given_strategies_alone_have_no_curvature() -> None:
    scenario = sb.Scenario.bipartite(3, 3)
    landscape = Landscape(scenario, np.zeros((2, *scenario.shape)), np.zeros((4, *scenario.shape)))
    nothing = landscape.random(0, np.random.default_rng(0))
    assert curvature(landscape, nothing, np.zeros(0), np.zeros(4)).tolist() == np.zeros((4, 4)).tolist()
