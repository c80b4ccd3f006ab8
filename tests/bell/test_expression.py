from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sdpbound as sb

seeds = st.integers(0, 2**32 - 1)


def random_expression(seed: int, scenario: sb.Scenario) -> sb.BellExpression:
    return sb.BellExpression(scenario, np.random.default_rng(seed).normal(size=scenario.shape))


SCENARIO = sb.Scenario(((2, 3), (3, 2, 2)))


@given(seeds)
def test_relabellings_keep_the_local_bound(seed: int) -> None:
    e = random_expression(seed, SCENARIO)
    rng = np.random.default_rng(seed)
    for moved in (
        e.permute_parties((1, 0)),
        e.permute_settings(1, rng.permutation(3)),
        e.permute_outcomes(0, 1, rng.permutation(3)),
        e.permute_outcomes(1, 1, (1, 0)),
    ):
        assert moved.local_bound == pytest.approx(e.local_bound, abs=1e-9)


@given(seeds)
def test_relabelling_acts_as_on_probabilities(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(3, 3, 2, 2))
    e = sb.BellExpression.from_probabilities(table)
    order = tuple(int(i) for i in rng.permutation(3))
    moved = table.copy()
    moved[:, :, 1, :] = table[list(order)][:, :, 1, :]  # the new outcome a is the old outcome order[a]
    expected = sb.BellExpression.from_probabilities(moved)
    assert np.allclose(e.permute_outcomes(0, 1, order).coefficients, expected.coefficients, atol=1e-12)
    assert np.allclose(
        e.permute_settings(1, (1, 0)).coefficients,
        sb.BellExpression.from_probabilities(table[:, :, :, ::-1]).coefficients,
        atol=1e-12,
    )


@given(seeds, seeds)
def test_arithmetic_is_that_of_the_values(one: int, two: int) -> None:
    e, f = random_expression(one, SCENARIO), random_expression(two, SCENARIO)
    p = sb.Behaviour.uniform(SCENARIO)
    assert (2 * e - f / 4 + 3)(p) == pytest.approx(2 * e(p) - f(p) / 4 + 3, abs=1e-9)
    assert (1 - e)(p) == pytest.approx(1 - e(p), abs=1e-9)
    negative = -e
    assert -negative == e


def test_printing() -> None:
    e = sb.chsh()
    assert repr(e) == "CHSH: <A0 B0> + <A0 B1> + <A1 B0> - <A1 B1>"
    assert e._repr_latex_() == f"${e.to_latex()}$" and e.to_latex().startswith(r"\langle A_{0} B_{0}\rangle")
    assert repr(0 * e) == (0 * e).to_latex() == "0"
    assert r"-3\langle B_{0|1}\rangle" in sb.cglmp(3).to_latex()  # outcome 0 of setting 1
    assert (e - 2).to_latex().startswith("-2+")


def test_a_behaviour_prints_its_numbers() -> None:
    singlet = repr(sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.99))
    assert singlet.startswith("Behaviour(<A0> = 0, <A1> = 0, <B0> = 0, <B1> = 0, <A0 B0> = 0.9875, ")
    assert singlet.endswith("<A1 B1> = -0.4381)")
    three = sb.Behaviour.uniform(sb.Scenario(((3, 3), (3, 3))))
    assert "<A1|0> = 0.3333" in repr(three) and ", and 16 more moments of " in repr(three)


def test_an_expression_is_asked_for_its_bounds() -> None:
    e = sb.tilted_chsh(0.5)
    for model in (sb.Local(), sb.Quantum("1"), sb.NoSignaling()):
        assert e.bound(model).value == sb.maximize(e, model).value and e.bound(model).side == "upper"
    mixed = sb.Observations.correlators(sb.Behaviour.uniform(e.scenario))
    assert e.bound(sb.NoSignaling(), observed=mixed).value == pytest.approx(0.5, abs=1e-6)
    with pytest.raises(sb.InvalidInput, match="Adversary"):
        e.bound("quantum")


def test_errors_name_what_is_wrong() -> None:
    with pytest.raises(sb.InvalidShape, match=r"\(2, 2\)"):
        sb.BellExpression(sb.Scenario.bipartite(2, 2), np.zeros((2, 2)))
    with pytest.raises(sb.InvalidParameter, match="NaN"):
        sb.BellExpression.from_correlators([[np.nan, 1], [1, -1]])
    with pytest.raises(sb.InvalidShape):
        sb.chsh() + sb.i3322()
    with pytest.raises(sb.TooLarge, match="NoSignaling"):
        sb.chained(30).local_bound  # noqa: B018
