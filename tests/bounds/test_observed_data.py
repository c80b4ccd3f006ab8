"""Data at the edge of the set, contradictory and repeated data, and wide intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest

import sdpbound as sb

C = sb.chsh()
ONE = sb.BellExpression.from_correlators([[1, 0], [0, 0]])
TWO = sb.BellExpression.from_correlators([[0, 1], [0, 0]])


@pytest.mark.parametrize(
    "value",
    [
        2.828427125,
        *(pytest.param(s, marks=pytest.mark.slow) for s in (2.8284271248, 2.82842712475)),
        8**0.5,
        8**0.5 - 1e-10,
    ],
)
@pytest.mark.parametrize("level", ["1+AB", pytest.param("2", marks=pytest.mark.slow)])
def test_rounded_tsirelson_bound(value: float, level: str) -> None:
    """2 sqrt(2) typed to nine digits is outside the set by 2.5e-10: neither infeasible nor a guess below 1/2."""
    data = sb.Observations.bell_value(sb.chsh(), value)
    guess = sb.guessing_probability(data, sb.Quantum(level))
    assert 0.5 <= guess.value <= 0.5 + 1e-3
    assert guess.certificate.verify().holds
    entropy = sb.min_entropy(data, sb.Quantum(level))
    assert 0.99 <= entropy.value <= 1.0


def test_small_expressions_are_compared_in_their_own_units() -> None:
    with pytest.raises(sb.Infeasible):
        sb.guessing_probability(sb.Observations.bell_value(1e-9 * sb.chsh(), 4.2e-9, 1e-20), sb.Quantum("2"))


@pytest.mark.parametrize("model", [sb.Quantum("1+AB"), sb.NoSignaling(), sb.Local()], ids=repr)
@pytest.mark.parametrize(
    "pairs",
    [
        [(C, 1.5), (C, 1.6)],
        [(C, -2.0), (C, 2.0)],
        [(ONE, 0.5), (TWO, 0.5), (ONE + TWO, 1.5)],
        [(0 * C, 0.5)],
        [(0 * C + 1, 2.0)],
        [(C + 0.5, 2.0), (2 * C, 3.1)],
    ],
)
def test_contradictory_data_are_infeasible(model: sb.Quantum, pairs: list[tuple[sb.BellExpression, float]]) -> None:
    with pytest.raises(sb.Infeasible) as caught:
        sb.maximize(ONE, model, sb.Observations.bell_values(pairs))
    assert caught.value.certificate.verify().holds


@pytest.mark.parametrize("model", [sb.Quantum("1+AB"), sb.NoSignaling()], ids=repr)
def test_repeated_data_are_fine(model: sb.Quantum) -> None:
    once = sb.guessing_probability(sb.Observations.bell_value(C, 2.5), model).value
    pairs = [(C, 2.5), (2 * C, 5.0), (C + 0.5, 3.0)]
    assert sb.guessing_probability(sb.Observations.bell_values(pairs), model).value == pytest.approx(once, abs=1e-7)


def test_separation_is_a_distance_whatever_the_solver_scales() -> None:
    with pytest.raises(sb.Infeasible) as caught:
        sb.guessing_probability(sb.Observations.bell_value(C, 2.9), sb.Quantum("1+AB"))
    assert np.abs(caught.value.bound.functional.multipliers).sum() <= 1.0 + 1e-12


@pytest.mark.parametrize("model", [sb.Quantum("1+AB"), sb.NoSignaling()], ids=repr)
@pytest.mark.parametrize(("value", "tolerance"), [(2.6, 1e-3), (2.7, 0.1), (2.75, 0.2), (2.9, 0.2)])
def test_wide_tolerances_cost_what_the_worse_end_costs(model: sb.Quantum, value: float, tolerance: float) -> None:
    wide = sb.guessing_probability(sb.Observations.bell_value(C, value, tolerance), model)
    end = sb.guessing_probability(sb.Observations.bell_value(C, value - tolerance), model)
    assert end.value - 1e-7 <= wide.value <= end.value + 1e-5
    assert wide.certificate.verify().holds


@pytest.mark.parametrize("theta", [0.3, 1.0])
def test_on_the_boundary_a_higher_level_proves_no_less(theta: float) -> None:
    """Programs have no interior there, and solvers of large ones stop earlier; level 3 was 1e-5 above level 2."""
    ideal = sb.SingletSelfTest(theta, 1.5, math.pi - theta / 2).behaviour()
    data = sb.Observations.full(sb.Behaviour(ideal.p))  # floats, not the exact data of a self-test
    bounds = [sb.guessing_probability(data, sb.Quantum(level), 0) for level in ("1+AB", "2", "3")]
    values = [bound.value for bound in bounds]
    assert values == sorted(values, reverse=True) and 0.5 <= values[2] < 0.50003
    assert all(bound.certificate.verify().holds for bound in bounds)
