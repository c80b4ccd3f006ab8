from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sdpbound as sb
from sdpbound.bell.deterministic import maximize_deterministic

outcomes = st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=3), min_size=1, max_size=3)


def local_behaviour(scenario: sb.Scenario, rng: np.random.Generator, terms: int = 5) -> sb.Behaviour:
    """A random mixture of deterministic strategies."""
    weights = rng.dirichlet(np.ones(terms))
    moments = np.zeros(scenario.shape)
    for w in weights:
        t = np.array(w)
        for party in range(scenario.parties):
            table = scenario.deterministic(party)
            t = np.multiply.outer(t, table[rng.integers(len(table))])
        moments += t
    return sb.Behaviour.from_moments(scenario, moments)


@given(outcomes, st.integers(0, 2**32 - 1))
def test_coordinates_and_probabilities_round_trip(shape: list[list[int]], seed: int) -> None:
    scenario = sb.Scenario(tuple(tuple(p) for p in shape))
    behaviour = local_behaviour(scenario, np.random.default_rng(seed))
    again = sb.Behaviour(behaviour.p, scenario)
    assert np.allclose(again.moments, behaviour.moments, atol=1e-12)
    assert np.allclose(sb.Behaviour.from_moments(scenario, again.moments).p, behaviour.p, atol=1e-12)


@given(outcomes, st.integers(0, 2**32 - 1))
def test_probability_and_collins_gisin_coefficients_agree(shape: list[list[int]], seed: int) -> None:
    scenario = sb.Scenario(tuple(tuple(p) for p in shape))
    rng = np.random.default_rng(seed)
    behaviour = local_behaviour(scenario, rng)
    table = rng.normal(size=scenario.table_shape)
    expression = sb.BellExpression.from_probabilities(table, scenario)
    assert expression.value(behaviour) == pytest.approx(float((table * behaviour.p).sum()), abs=1e-9)
    again = sb.BellExpression.from_collins_gisin(expression.collins_gisin, scenario)
    assert np.allclose(again.coefficients, expression.coefficients, atol=1e-9)


def test_collins_gisin_of_chsh() -> None:
    # <A_x B_y> = 4 P(00|xy) - 2 P(0|x) - 2 P(0|y) + 1
    assert sb.chsh().collins_gisin.tolist() == [[2, -4, 0], [-4, 4, 4], [0, 4, -4]]


@given(st.lists(st.lists(st.integers(2, 3), min_size=1, max_size=3), min_size=2, max_size=2), st.integers(0, 2**32 - 1))
def test_deterministic_maximum_by_brute_force(shape: list[list[int]], seed: int) -> None:
    scenario = sb.Scenario(tuple(tuple(p) for p in shape))
    c = np.random.default_rng(seed).normal(size=scenario.shape)
    best = max(float(a @ c @ b) for a, b in itertools.product(scenario.deterministic(0), scenario.deterministic(1)))
    assert maximize_deterministic(scenario, c) == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("bad", [((),), (), ((0, 2), (2, 2)), "ab"])
def test_bad_scenarios(bad: object) -> None:
    with pytest.raises(sb.InvalidShape):
        sb.Scenario(bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("setting", [-1, 2, 1.0, True, "0"])
def test_bad_settings(setting: object) -> None:
    with pytest.raises(sb.InvalidSettings, match="x = "):
        sb.Scenario.bipartite(2, 2).require_setting(0, setting, "x")  # type: ignore[arg-type]
