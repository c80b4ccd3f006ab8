"""Estimates of guessing probabilities against proven bounds and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.bounds.estimates import estimated_guess

SCENARIO = sb.Scenario.bipartite(2, 2)


@pytest.mark.parametrize("value", [2.05, 2.3, 2.6, 2.8])
@pytest.mark.parametrize("level", ["1+AB", "2"])
def test_chsh(value: float, level: str) -> None:
    """P_guess(A|x,E) = (1 + sqrt(2 - S^2/4))/2, arXiv:0911.4171."""
    found = estimated_guess(SCENARIO, sb.Quantum(level), 0, None, sb.chsh().coefficients[None], np.array([value]))
    assert found == pytest.approx(0.5 + 0.5 * math.sqrt(2.0 - value**2 / 4.0), abs=1e-7)


@pytest.mark.parametrize("visibility", [0.999, 0.97])
@pytest.mark.parametrize("y", [None, 0, 1])
@pytest.mark.parametrize("tested", ["correlators", "full", "bell"])
def test_against_proven_bounds(visibility: float, y: int | None, tested: str) -> None:
    member = sb.SingletSelfTest(0.9, math.pi / 2 - 0.2, 0.9 + math.pi / 2)
    behaviour = member.behaviour(visibility)
    data = {
        "correlators": lambda: sb.Observations.correlators(behaviour),
        "full": lambda: sb.Observations.full(behaviour),
        "bell": lambda: sb.Observations.bell_value(member.expression, behaviour),
    }[tested]()
    found = estimated_guess(SCENARIO, sb.Quantum("2"), 0, y, data.coefficients, data.values)
    bound = sb.guessing_probability(data, sb.Quantum("2"), 0, y)
    assert found == pytest.approx(bound.value, abs=1e-6)


def test_data_with_marginals() -> None:
    """Guesses with all outcomes flipped are no twins where marginals are tested."""
    rng = np.random.default_rng(4)
    behaviour = sb.SingletSelfTest(0.9, 1.3, 2.4).behaviour(0.95)
    table = np.array(behaviour.p) * 0.9
    table[0, 0] += 0.1 * rng.uniform(0.5, 1.0)
    table[1, 1] += 0.1 - (table[0, 0] + table[0, 1] + table[1, 0] + table[1, 1] - 0.9)
    data = sb.Observations.full(sb.Behaviour(table))
    for y in (None, 1):
        found = estimated_guess(SCENARIO, sb.Quantum("1+AB"), 0, y, data.coefficients, data.values)
        assert found == pytest.approx(sb.guessing_probability(data, sb.Quantum("1+AB"), 0, y).value, abs=1e-6)


def test_where_there_is_none() -> None:
    chsh = sb.chsh().coefficients[None]
    three = sb.Scenario.bipartite(2, 2, 3, 3)
    assert estimated_guess(three, sb.Quantum("1"), 0, None, np.zeros((0, *three.shape)), np.zeros(0)) is None
    for model in (sb.Local(), sb.NoSignaling(), sb.Quantum("4")):
        assert estimated_guess(SCENARIO, model, 0, None, chsh, np.array([2.3])) is None
    assert estimated_guess(SCENARIO, sb.Quantum("2"), 0, None, chsh, np.array([3.0])) is None  # outside the set
    assert estimated_guess(SCENARIO, sb.Quantum("2"), 0, None, 0.0 * chsh, np.array([0.0])) is None
