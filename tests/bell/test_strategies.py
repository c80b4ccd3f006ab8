"""Explicit strategies: validation, random ones, see-saw."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sdpbound.adversaries import NoSignaling
from sdpbound.bell import families
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.scenario import Scenario
from sdpbound.bell.search import random_strategy, see_saw
from sdpbound.bell.strategy import Strategy
from sdpbound.bounds.bell_value import maximize
from sdpbound.errors import InvalidParameter, InvalidShape, TooLarge

Z, X = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])
PHI = np.array([1.0, 0.0, 0.0, 1.0]) / math.sqrt(2.0)
SCENARIOS = [
    Scenario.bipartite(2, 2),
    Scenario(((2, 3), (2, 2, 4))),
    Scenario(((1, 3), (2,))),
    Scenario(((2, 2),) * 3),
]


def best_chsh() -> Strategy:
    return Strategy.from_observables(PHI, [Z, X], [(Z + X) / math.sqrt(2.0), (Z - X) / math.sqrt(2.0)])


def test_born_rule_by_kronecker_products() -> None:
    s = random_strategy(Scenario(((2, 3), (4, 2))), 3, rng=5, projective=False)
    p = s.behaviour().p
    for x, y in np.ndindex(2, 2):
        for a, m in enumerate(s.measurements[0][x]):
            for b, n in enumerate(s.measurements[1][y]):
                assert p[a, b, x, y] == pytest.approx(np.trace(s.state @ np.kron(m, n)).real, abs=1e-14)
    three = random_strategy(Scenario(((2, 2),) * 3), 2, rng=6)
    m = [three.measurements[i][x][a] for i, (x, a) in enumerate([(0, 1), (1, 0), (1, 1)])]
    expected = np.trace(three.state @ np.kron(np.kron(m[0], m[1]), m[2])).real
    assert three.behaviour().p[1, 0, 1, 0, 1, 1] == pytest.approx(expected, abs=1e-14)


def test_unequal_dimensions() -> None:
    state = np.zeros((2, 3))
    state[0, 0], state[1, 2] = 0.6, 0.8
    alice = (np.array([np.diag([1, 0]), np.diag([0, 1])]),)
    bob = (np.array([np.diag(row) for row in np.eye(3)]),)
    s = Strategy(state, (alice, bob))
    assert s.dimensions == (2, 3) and s.scenario == Scenario(((2,), (3,)))
    assert_allclose(s.behaviour().p[:, :, 0, 0], [[0.36, 0, 0], [0, 0, 0.64]], atol=1e-15)


def test_observables_and_correlators() -> None:
    s = best_chsh()
    assert_allclose(s.correlators, np.array([[1, 1], [1, -1]]) / math.sqrt(2.0), atol=1e-15)
    assert_allclose(s.observables(0), [Z, X], atol=1e-15)
    assert not s.state.flags.writeable and not s.measurements[0][0].flags.writeable
    mixed = Strategy(0.5 * np.outer(PHI, PHI) + 0.125 * np.eye(4), s.measurements)
    assert_allclose(mixed.behaviour().p, s.behaviour().white_noise(0.5).p, atol=1e-15)
    with pytest.raises(InvalidShape, match="binary"):
        random_strategy(Scenario(((3,), (2,))), 2, rng=0).observables(0)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
@pytest.mark.parametrize("projective", [True, False])
@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_random_strategies_are_valid(scenario: Scenario, projective: bool, dimension: int) -> None:
    for seed in range(5):
        s = random_strategy(scenario, dimension, np.random.default_rng(seed), projective)
        assert s.dimensions == (dimension,) * scenario.parties
        assert s.behaviour().scenario == scenario
        if projective:
            for party in s.measurements:
                for effects in party:
                    assert_allclose(effects @ effects, effects, atol=1e-12)
    pair = [random_strategy(scenario, dimension, seed, projective) for seed in (4, np.random.default_rng(4))]
    assert pair[0].behaviour() == pair[1].behaviour()  # the same seed gives the same strategy


def test_random_strategies_respect_tsirelson() -> None:
    rng = np.random.default_rng(2)
    values = [random_strategy(Scenario.bipartite(2, 2), 2, rng).behaviour().chsh for _ in range(300)]
    assert max(values) <= 2 * math.sqrt(2) + 1e-12
    assert max(values) > 2.0


@pytest.mark.parametrize(
    "expression, dimension, expected",
    [
        (families.chsh(), 2, 2 * math.sqrt(2)),
        (families.i3322(), 2, 0.25),
        (families.cglmp(3), 3, 1 + math.sqrt(11 / 3)),
        (families.chained(3), 2, 6 * math.cos(math.pi / 6)),
        (families.tilted_chsh(0.5, 1.2), 2, 2 * math.sqrt((1 + 1.44) * (1 + 0.0625))),
        (families.asymmetric_chsh(0.6), 2, 2 * math.sqrt(1.36)),
        (families.chsh(), 1, 2.0),
    ],
    ids=lambda v: getattr(v, "name", str(v)[:6]),
)
def test_see_saw_reaches_known_maxima(expression: BellExpression, dimension: int, expected: float) -> None:
    value, strategy = see_saw(expression, dimension, restarts=12, rng=0)
    assert value == pytest.approx(expected, abs=1e-8)
    assert value == expression(strategy.behaviour())
    assert strategy.dimensions == (dimension, dimension)


@pytest.mark.parametrize("parties, expected", [(3, 4.0 * math.sqrt(2.0)), (4, 8.0 * math.sqrt(2.0))])
def test_see_saw_of_more_parties(parties: int, expected: float) -> None:
    """Svetlichny's expression, whose maximum a GHZ state reaches; signs (-1)^(k(k-1)/2) with k settings 1."""
    table = np.zeros((3,) * parties)
    for settings in np.ndindex(*(2,) * parties):
        k = sum(settings)
        table[tuple(x + 1 for x in settings)] = (-1.0) ** (k * (k - 1) // 2)
    expression = BellExpression(Scenario(((2, 2),) * parties), table)
    value, strategy = see_saw(expression, 2, restarts=10, rng=0)
    assert value == pytest.approx(expected, abs=1e-8)
    assert strategy.dimensions == (2,) * parties
    assert expression.value(strategy.behaviour()) == pytest.approx(value, abs=1e-12)


def test_see_saw_of_three_unequal_parties_is_above_the_local_bound_and_below_no_signaling() -> None:
    scenario = Scenario(((2, 3), (2, 2), (3,)))
    expression = BellExpression(scenario, np.random.default_rng(4).standard_normal(scenario.shape))
    value, strategy = see_saw(expression, 2, restarts=30, rng=1)
    assert strategy.scenario == scenario
    assert expression.local_bound - 1e-9 <= value <= maximize(expression, NoSignaling()).value + 1e-9


def test_see_saw_on_the_singlet_family() -> None:
    rng = np.random.default_rng(3)
    for theta, phi, omega in rng.uniform(0, 2 * math.pi, (10, 3)):
        t = families.SingletSelfTest(theta, phi, omega)
        value, _ = see_saw(t.expression, 2, restarts=6, rng=rng)
        assert value <= t.quantum_bound + 1e-12
        assert value == pytest.approx(t.quantum_bound, abs=1e-7)


def test_see_saw_with_mixed_numbers_of_outcomes() -> None:
    table = np.random.default_rng(4).normal(size=(3, 4, 2, 3))
    scenario = Scenario(((3, 1), (4, 2, 2)))
    table[1:, :, 1], table[:, 2:, :, 1:] = 0.0, 0.0
    expression = BellExpression.from_probabilities(table, scenario)
    value, strategy = see_saw(expression, 2, restarts=5, rng=1)
    assert strategy.scenario == scenario
    assert value >= expression.local_bound - 1e-9


def test_bad_strategies() -> None:
    good = best_chsh()
    m = good.measurements
    with pytest.raises(InvalidParameter, match="trace 2"):
        Strategy(math.sqrt(2.0) * PHI, m)
    with pytest.raises(InvalidParameter, match=r"eigenvalue is -0\.5"):
        Strategy(np.diag([1.5, 0, 0, -0.5]), m)
    with pytest.raises(InvalidParameter, match="Hermitian"):
        Strategy(np.diag([1.0, 0, 0, 0]) + 0.1 * np.eye(4, k=1), m)
    with pytest.raises(InvalidParameter, match="NaN"):
        Strategy(np.full(4, np.nan), m)
    with pytest.raises(InvalidShape, match=r"\(3,\) does not fit .*\(2, 2\)"):
        Strategy(np.ones(3), m)
    with pytest.raises(InvalidParameter, match="measurement 0 of party A"):
        Strategy.from_observables(PHI, [2 * Z], [Z])
    with pytest.raises(InvalidParameter, match=r"party B must add up to the identity; .* 0\.5"):
        Strategy(PHI, ((m[0][0],), (np.array([np.eye(2) / 2]),)))
    with pytest.raises(InvalidShape, match="same dimension"):
        Strategy(PHI, ((m[0][0], np.eye(3)[None]), m[1]))
    with pytest.raises(InvalidShape, match="square"):
        Strategy.from_observables(PHI, [np.ones((2, 3))], [Z])
    bad: Any = ([],)
    with pytest.raises(InvalidShape, match="at least one"):
        Strategy(PHI, bad)
    bad = [[["x", "y"]]]
    with pytest.raises(InvalidShape, match="square matrices"):
        Strategy(PHI, bad)


def test_bad_arguments() -> None:
    with pytest.raises(InvalidParameter, match="dimension = 0"):
        random_strategy(Scenario.bipartite(2, 2), 0)
    with pytest.raises(InvalidParameter, match="restarts = 0"):
        see_saw(families.chsh(), restarts=0)
    with pytest.raises(TooLarge, match="at most 4096"):
        see_saw(families.mermin(), 17)
