"""Local bounds by enumeration in integers, against all strategies one by one."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest

from sdpbound.arrays import Floats
from sdpbound.bell import enumeration
from sdpbound.bell.deterministic import exact_deterministic_maximum, maximize_deterministic
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.families.bipartite import inn22
from sdpbound.bell.scenario import Scenario
from sdpbound.errors import TooLarge

SCENARIOS = [
    Scenario(((2, 2), (2, 2))),
    Scenario(((2, 3), (4, 2, 1))),
    Scenario(((1, 1), (3,))),
    Scenario(((2, 2, 2), (2, 2, 2))),
    Scenario(((2, 2), (2, 2), (2, 3))),
    Scenario(((3, 2), (2, 2), (2,), (2, 1))),
    Scenario(((4, 2, 3),)),
    Scenario(((1,), (1,))),
]


def brute_force(scenario: Scenario, coefficients: Floats) -> Fraction:
    """The largest value of all strategies, each evaluated on its own with rational numbers."""
    exact = [[Fraction(float(c)) for c in row] for row in coefficients.reshape(scenario.shape[0], -1)]
    best: Fraction | None = None
    for choice in itertools.product(*(scenario.deterministic(party) for party in range(scenario.parties))):
        rest = np.ones(1)
        for vector in choice[1:]:
            rest = np.kron(rest, vector)
        value = sum(
            (int(a * b) * exact[i][j] for i, a in enumerate(choice[0]) for j, b in enumerate(rest)), Fraction(0)
        )
        best = value if best is None else max(best, value)
    assert best is not None
    return best


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
@pytest.mark.parametrize("few, block, bases", [(1 << 18, 1 << 18, 1 << 22), (0, 1 << 18, 1 << 22), (0, 4, 30)])
def test_against_brute_force(
    scenario: Scenario, few: int, block: int, bases: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As arrays, by the compiled loop, and in blocks that are much too small."""
    for name, value in (("FEW", few), ("BLOCK", block), ("BASES", bases)):
        monkeypatch.setattr(enumeration, name, value)
    rng = np.random.default_rng(3)
    for scale in (1.0, 0.375, 2.0**-70, 2.0**50):
        table = rng.integers(-9, 10, size=scenario.shape) * scale
        expected = brute_force(scenario, table)
        assert exact_deterministic_maximum(scenario, table) == expected
        assert maximize_deterministic(scenario, table) == float(expected)


@pytest.mark.parametrize("scenario", SCENARIOS[:-1], ids=str)
def test_coefficients_that_do_not_fit_into_64_bits(scenario: Scenario) -> None:
    table = np.random.default_rng(5).standard_normal(scenario.shape)
    table.flat[0], table.flat[-1] = 1e-30, 0.7
    assert enumeration.as_integers(table) is None
    expected = brute_force(scenario, table)
    assert exact_deterministic_maximum(scenario, table) == expected
    assert maximize_deterministic(scenario, table) == pytest.approx(float(expected), abs=1e-13)


@pytest.mark.parametrize("values", [[0.0, 0.0], [1.0, 3.0], [0.1, -0.2], [2.0**40, 1.0], [-0.75, 1e-2]])
def test_integers_are_exact(values: list[float]) -> None:
    found = enumeration.as_integers(np.array(values))
    assert found is not None
    table, k = found
    assert [Fraction(int(n)) / Fraction(2) ** k for n in table] == [Fraction(v) for v in values]


@pytest.mark.parametrize("values", [[1.0, 2.0**-62], [2.0**61, 1.0], [1.0, 0.1, 1e-5]])
def test_too_many_bits_are_no_integers(values: list[float]) -> None:
    assert enumeration.as_integers(np.array(values)) is None


@pytest.mark.slow
def test_twenty_four_settings_a_side() -> None:
    assert inn22(24).local_bound == 0.0


def test_twenty_one_settings_a_side() -> None:
    """Two blocks on the diagonal that share no setting: the local bound is the sum of theirs."""
    rng = np.random.default_rng(8)
    blocks = [rng.integers(-5, 6, size=(n, n)) for n in (10, 11)]
    table = np.zeros((21, 21))
    table[:10, :10], table[10:, 10:] = blocks
    whole = BellExpression.from_correlators(table).local_bound
    assert whole == sum(BellExpression.from_correlators(b).local_bound for b in blocks)
    # the same table with a digit too many is rounded to 60 bits
    table[0, 0] += 1e-17
    table[0, 1] = 1e-25
    assert BellExpression.from_correlators(table).local_bound == pytest.approx(
        BellExpression.from_correlators(np.round(table)).local_bound, abs=1e-12
    )
    with pytest.raises(TooLarge, match="no multiples of one power of two"):
        exact_deterministic_maximum(Scenario.bipartite(24, 24), np.full((25, 25), 1e-25) + np.eye(25) / 3.0)
    with pytest.raises(TooLarge, match="too many to enumerate"):
        exact_deterministic_maximum(Scenario.bipartite(40, 40), np.eye(41))
