"""Probabilities, correlators and Collins-Gisin form, for any number of parties."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose

import sdpbound as sb

SCENARIOS = [
    sb.Scenario(((2, 2), (2, 2))),
    sb.Scenario(((2, 2, 2), (2, 2))),
    sb.Scenario(((2, 3), (4, 2))),
    sb.Scenario(((2, 2), (2, 2), (2, 2))),
    sb.Scenario(((2, 3), (2,), (3, 2))),
    sb.Scenario(((2, 2),) * 4),
    sb.Scenario(((3, 2),)),
]


def behaviour_of(scenario: sb.Scenario, seed: int = 0) -> sb.Behaviour:
    return sb.random_strategy(scenario, 2, rng=seed, projective=False).behaviour()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_collins_gisin_of_a_behaviour_entry_by_entry(scenario: sb.Scenario) -> None:
    """Each entry is a sum of probabilities: of one outcome for the parties named, of all for the others."""
    behaviour = behaviour_of(scenario)
    labels = [[None, *((x, a) for x, d in enumerate(party) for a in range(d - 1))] for party in scenario.outcomes]
    n = scenario.parties
    for index in itertools.product(*(range(len(row)) for row in labels)):
        named = [labels[i][k] for i, k in enumerate(index)]
        outcomes = [slice(None) if pair is None else pair[1] for pair in named]
        settings = [0 if pair is None else pair[0] for pair in named]
        expected = float(np.sum(behaviour.p[(*outcomes, *settings)]))
        assert behaviour.collins_gisin[index] == pytest.approx(expected, abs=1e-12)
    again = sb.Behaviour.from_collins_gisin(behaviour.collins_gisin, scenario)
    assert_allclose(again.p, behaviour.p, atol=1e-12)
    assert again.p.ndim == 2 * n


@pytest.mark.parametrize("scenario", [s for s in SCENARIOS if s.is_binary], ids=str)
def test_correlators_entry_by_entry(scenario: sb.Scenario) -> None:
    """Means of products of signs (-1)^outcome."""
    behaviour = behaviour_of(scenario, 1)
    n = scenario.parties
    for index in itertools.product(*(range(1 + k) for k in scenario.settings)):
        sign = np.ones(())
        for i in index:
            sign = np.multiply.outer(sign, [1.0, -1.0 if i else 1.0])
        settings = tuple(max(i - 1, 0) for i in index)
        expected = float(np.sum(sign * behaviour.p[(slice(None),) * n + settings]))
        assert behaviour.correlator_tensor[index] == pytest.approx(expected, abs=1e-12)
    assert_allclose(sb.Behaviour.from_correlator_tensor(behaviour.correlator_tensor).p, behaviour.p, atol=1e-12)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_three_forms_of_an_expression_have_one_value(scenario: sb.Scenario) -> None:
    rng = np.random.default_rng(2)
    expression = sb.BellExpression(scenario, rng.standard_normal(scenario.shape))
    behaviour = behaviour_of(scenario, 3)
    value = expression.value(behaviour)
    assert np.sum(expression.probabilities * behaviour.p) == pytest.approx(value, abs=1e-11)
    assert np.sum(expression.collins_gisin * behaviour.collins_gisin) == pytest.approx(value, abs=1e-11)
    for again in (
        sb.BellExpression.from_probabilities(expression.probabilities, scenario),
        sb.BellExpression.from_collins_gisin(expression.collins_gisin, scenario),
    ):
        assert_allclose(again.coefficients, expression.coefficients, atol=1e-12)
    if scenario.is_binary:
        assert np.sum(expression.correlator_tensor * behaviour.correlator_tensor) == pytest.approx(value, abs=1e-11)
        assert sb.BellExpression.from_correlator_tensor(expression.correlator_tensor) == expression


def test_bad_tables() -> None:
    with pytest.raises(sb.InvalidShape, match="two outcomes for every setting"):
        behaviour_of(SCENARIOS[2]).correlator_tensor  # noqa: B018
    with pytest.raises(sb.InvalidShape, match="one axis for each party"):
        sb.BellExpression.from_correlator_tensor([[1.0], [0.0]])
    with pytest.raises(sb.InvalidShape, match="does not fit"):
        sb.Behaviour.from_collins_gisin(np.ones((3, 3)), SCENARIOS[2])
    with pytest.raises(sb.InvalidBehaviour, match="must begin with 1"):
        sb.Behaviour.from_correlator_tensor(np.zeros((3, 3, 3)))
    with pytest.raises(sb.InvalidBehaviour, match="must begin with 1"):
        sb.Behaviour.from_collins_gisin(np.zeros((3, 3)))
    with pytest.raises(sb.InvalidBehaviour, match="negative"):
        sb.Behaviour.from_correlator_tensor([[1.0, 0.9], [0.9, -0.9]])
