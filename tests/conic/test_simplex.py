"""The compiled simplex method against HiGHS, on programs of column generation of all kinds."""

from __future__ import annotations

import numpy as np
import pytest

from sdpbound.conic.solvers.linear_ import COMPILED, Way, cheapest_weights
from sdpbound.conic.solvers.simplex import weights_by_simplex
from sdpbound.errors import SolverFailure


@pytest.mark.parametrize("price", [10.0, 3e3, 3e5])
@pytest.mark.parametrize("kind", ["normal", "integers", "copies", "few", "outside"])
def test_both_solutions_are_optimal(kind: str, price: float) -> None:
    rng = np.random.default_rng([len(kind), round(price)])
    for _ in range(25):
        j, count = int(rng.integers(1, 9)), int(rng.integers(1, 4 if kind == "few" else 120))
        tested = rng.normal(size=(j, count))
        if kind == "integers":  # degenerate: many columns and rows tie
            tested = np.round(tested)
        if kind == "copies":
            tested = tested[:, rng.integers(0, count, count)] + 1e-13 * rng.normal(size=(j, count))
        figures = rng.random(count) * (rng.random(count) < 0.7)
        weights = rng.random(count) * (rng.random(count) < 0.3) + 1e-9
        values = tested @ (weights / weights.sum()) if kind != "outside" else 3.0 * rng.normal(size=j)
        mine, other = (cheapest_weights(figures, tested, values, price, (Way(w),)) for w in (COMPILED, "simplex"))
        paid = [float(figures @ w + price * np.abs(values - tested @ w).sum()) for w in (mine.weights, other.weights)]
        assert paid[0] <= paid[1] + 1e-9 * price
        # a dual that is feasible and has the same value: no mixture is cheaper
        assert (figures - mine.multipliers @ tested - mine.level >= -1e-9 * price).all()
        assert np.abs(mine.multipliers).max() <= price * (1.0 + 1e-9)
        assert mine.multipliers @ values + mine.level == pytest.approx(paid[0], abs=1e-9 * price)
        assert (mine.weights >= 0.0).all() and mine.weights.sum() == pytest.approx(1.0, abs=1e-9)


def test_free_deviations_are_left_to_the_other_ways() -> None:
    figures, tested, values = np.array([0.0, 1.0]), np.array([[0.0, 1.0]]), np.array([0.5])
    with pytest.raises(SolverFailure):
        cheapest_weights(figures, tested, values, 10.0, (Way(COMPILED),), np.array([0.1]))
    free = cheapest_weights(figures, tested, values, 10.0, (Way(COMPILED), Way("simplex")), np.array([0.1]))
    assert free.weights == pytest.approx([0.6, 0.4])
    bound = cheapest_weights(figures, tested, values, 10.0, (Way(COMPILED),), np.zeros(1))
    assert bound.weights == pytest.approx([0.5, 0.5]) and bound.multipliers == pytest.approx([1.0])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_none_are_no_answer(bad: float) -> None:
    figures, tested = np.array([0.0, 1.0]), np.array([[0.0, 1.0]])
    for case in ((np.array([bad, 1.0]), tested, 0.5), (figures, np.array([[bad, 1.0]]), 0.5), (figures, tested, bad)):
        with pytest.raises(SolverFailure):
            cheapest_weights(case[0], case[1], np.array([case[2]]), 10.0, (Way(COMPILED),))


def test_compiling_changes_nothing() -> None:
    rng = np.random.default_rng(5)
    columns = np.concatenate([rng.normal(size=(20, 4)), np.eye(4)[:3], -np.eye(4)[:3]])
    columns[:20, 3] = 1.0
    cost = np.append(rng.random(20), np.full(6, 30.0))
    target = np.append(columns[:5, :3].mean(axis=0), 1.0)
    answers = []
    for function in (weights_by_simplex, weights_by_simplex.py_func):
        x, y = np.zeros(26), np.zeros(4)
        assert function(columns, cost, target, x, y)
        answers.append(np.append(x, y))
    assert answers[0] == pytest.approx(answers[1], abs=1e-12)
