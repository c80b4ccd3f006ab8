"""p-values against local models: exact tails, published counts, and simulations of local devices with memory."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import flint
import numpy as np
import pytest
from scipy.stats import binom

import sdpbound as sb
from sdpbound.errors import InvalidInput, InvalidParameter, InvalidShape, TooLarge
from sdpbound.experiments.p_values import Inputs, largest_mean
from sdpbound.experiments.ratios import best_factors, ratio_p_value
from sdpbound.experiments.tails import binomial_excess, binomial_tail
from tests.experiments.samples import HONEST, LOCAL, UNIFORM, drawn

CHSH = sb.chsh()


def won(rounds: int, wins: int) -> sb.Counts:
    """Counts of so many rounds of CHSH at uniform settings, won so often."""
    table = np.zeros((2, 2, 2, 2), dtype=int)
    for i in range(rounds):  # settings in turn
        x, y = i % 2, i // 2 % 2
        table[0, (x * y) ^ (i >= wins), x, y] += 1
    return sb.Counts.from_table(table)


@pytest.mark.parametrize(("n", "k", "q"), [(20, 17, 0.75), (20, 3, 0.75), (50, 38, 0.75), (30, 1, 0.125), (9, 9, 0.5)])
def test_tails_against_rational_numbers(n: int, k: int, q: float) -> None:
    p = Fraction(q)
    terms = [comb(n, j) * p**j * (1 - p) ** (n - j) for j in range(n + 1)]
    ball = binomial_tail(n, k, q)
    with flint.ctx.workprec(400):
        assert ball.overlaps(flint.arb(flint.fmpq(*sum(terms[k:]).as_integer_ratio())))
    assert float(ball.rad()) < 1e-18
    t = max(k, int(n * q) + 1)
    excess = sum((j - t) * terms[j] for j in range(t, n + 1))
    assert float(binomial_excess(n, t, q)) == pytest.approx(float(excess), abs=1e-15)


def test_long_tails_against_another_program() -> None:
    for n, k in ((10**7, 7_505_000), (10**9, 750_050_000), (3000, 2300)):
        assert float(binomial_tail(n, k, 0.75)) == pytest.approx(binom.sf(k - 1, n, 0.75), rel=1e-6)


def test_published_counts() -> None:
    """arXiv:1508.05949: 196 of 245 rounds won, P = 0.039. arXiv:0911.3427: 3016 events with S = 2.414."""
    assert won(245, 196).local_p_value(CHSH).value == pytest.approx(0.0390776, abs=1e-6)
    assert 0.039 < won(245, 196).local_p_value(CHSH, bias=1.08e-5).value < 0.0392
    ions = won(3016, round(3016 * (0.5 + 2.414 / 8)))
    assert float(ions.local_p_value(CHSH)) == pytest.approx(1.018e-11, rel=1e-3)
    assert ions.confidence_interval(CHSH, 0.99).low == pytest.approx(2.414 - 8 * np.sqrt(np.log(200) / 6032), abs=2e-3)


def test_p_values_of_local_devices_are_conservative_and_nearly_uniform() -> None:
    rng = np.random.default_rng(2)
    found = np.array([float(drawn(LOCAL, 200, rng).local_p_value(CHSH)) for _ in range(300)])
    for alpha in (0.01, 0.05, 0.2, 0.5):
        expected = 300 * alpha
        assert (found <= alpha).sum() <= expected + 3.5 * np.sqrt(expected)
    assert (found <= 0.5).mean() > 0.35  # nearly uniform: the devices are on the facet


def test_local_devices_with_memory_gain_nothing() -> None:
    """A device that is behind changes to the strategy that wins more often at the settings it saw least: no gain."""
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(150):
        x, y = rng.integers(0, 2, 60), rng.integers(0, 2, 60)
        loses = np.zeros(60, dtype=int)
        seen = np.zeros((2, 2), dtype=int)
        for i in range(60):
            worst = np.unravel_index(int(seen.argmin()), (2, 2))
            loses[i] = (x[i], y[i]) == tuple(int(v) for v in worst)
            seen[x[i], y[i]] += 1
        table = np.zeros((2, 2, 2, 2), dtype=int)
        np.add.at(table, (0, (x * y) ^ loses, x, y), 1)
        hits += float(sb.Counts.from_table(table).local_p_value(CHSH)) <= 0.05
    assert hits <= 7.5 + 3.5 * np.sqrt(7.5)


def test_scores_of_many_values_use_convex_order() -> None:
    """Inputs that are not uniform: the bound is valid for local devices, and better than Hoeffding's."""
    inputs = np.array([[0.4, 0.3], [0.2, 0.1]])
    rng = np.random.default_rng(6)
    found = [float(drawn(LOCAL, 300, rng, inputs).local_p_value(CHSH, inputs=inputs)) for _ in range(100)]
    assert sum(p <= 0.2 for p in found) <= 33
    real = drawn(HONEST, 4000, rng, inputs)
    mean = float((real.table * CHSH.probabilities / inputs).sum()) / 4000
    hoeffding = np.exp(-2 * 4000 * ((mean - 2) / 20) ** 2)  # scores from -10 to 10
    assert 1e-3 * hoeffding < real.local_p_value(CHSH, inputs=inputs).value < 0.9 * hoeffding


def test_ratios_have_mean_one_at_most_for_every_strategy() -> None:
    rng = np.random.default_rng(9)
    for scenario in (sb.Scenario.bipartite(2, 2), sb.Scenario.bipartite(3, 2, 2, 3)):
        inputs = Inputs(np.full(scenario.settings, 1.0 / np.prod(scenario.settings)), 0.0)
        training = rng.integers(0, 30, scenario.table_shape)
        factors = best_factors(training, scenario, inputs)
        means = []
        for choice in np.ndindex(*scenario.outcomes[0], *scenario.outcomes[1]):
            own, other = choice[: scenario.settings[0]], choice[scenario.settings[0] :]
            cells = [Fraction(float(factors[a, b, x, y])) for x, a in enumerate(own) for y, b in enumerate(other)]
            means.append(sum(cells) / len(cells))
        assert Fraction(999, 1000) < max(means) <= 1


def test_ratios_gain_as_much_as_relative_entropy_allows() -> None:
    """With white noise the mean of log R is the relative entropy to the nearest point of the facet, in closed form."""
    big = sb.Counts.from_table(np.rint(HONEST.p * 10**7).astype(int))
    factors = best_factors(big.table, big.scenario, Inputs(UNIFORM, 0.0))
    gain = float(np.sum(HONEST.p * UNIFORM * np.log2(factors)))
    w = 0.83
    assert gain == pytest.approx(w * np.log2(w / 0.75) + (1 - w) * np.log2((1 - w) / 0.25), abs=1e-5)


def test_ratios_of_local_devices_are_conservative() -> None:
    rng = np.random.default_rng(10)
    training = drawn(HONEST, 500, rng)
    scenario = training.scenario
    factors = best_factors(training.table, scenario, Inputs(UNIFORM, 0.0))
    found = np.array([float(ratio_p_value(drawn(LOCAL, 100, rng).table, factors, scenario)) for _ in range(300)])
    assert (found <= 0.2).sum() <= 60
    assert drawn(HONEST, 1000, rng).local_p_value(training=training).log2 < -20.0


def test_bias_of_inputs_against_all_corners() -> None:
    """The largest mean of local devices over all inputs within the bias, by the corners of that set."""
    scores = np.random.default_rng(3).normal(size=(2, 2, 2, 2))
    bias = 0.01
    signs = [s for s in np.ndindex(2, 2, 2, 2) if sum(s) == 2]
    corners = [UNIFORM + bias * (2 * np.array(s).reshape(2, 2) - 1) for s in signs]
    best = max(
        sum(scores[own[x], other[y], x, y] * pi[x, y] for x in (0, 1) for y in (0, 1))
        for pi in corners
        for own in np.ndindex(2, 2)
        for other in np.ndindex(2, 2)
    )
    found = largest_mean(scores, sb.Scenario.bipartite(2, 2), Inputs(UNIFORM, bias))
    assert best <= found <= best + 1e-12


def test_the_interval_has_the_value() -> None:
    rng = np.random.default_rng(12)
    hits = [2.64 in drawn(HONEST, 400, rng).confidence_interval(CHSH, 0.9) for _ in range(100)]
    assert sum(hits) >= 90
    wide = drawn(HONEST, 400, rng)
    one, other = wide.confidence_interval(CHSH), wide.confidence_interval(CHSH, bias=1e-3)
    assert other.low < one.low <= one.estimate <= one.high < other.high
    assert other.high - one.high == pytest.approx(1e-3 * 4 * 8 / 2)


def test_settings_that_were_not_drawn_as_stated_say_nothing() -> None:
    """Local devices, by how their settings came: no p-value, and no Bell value beyond what local devices have."""
    table = np.zeros((2, 2, 2, 2), int)  # A0 = B0 = B1 and A1 = -B1; the pair (1, 0) is never tested
    for place in ((0, 0, 0, 0), (1, 1, 0, 0), (0, 0, 0, 1), (1, 1, 0, 1), (0, 1, 1, 1), (1, 0, 1, 1)):
        table[place] = 500
    never = sb.Counts.from_table(table)
    for ask in (
        lambda c: c.local_p_value(),
        lambda c: c.local_p_value(CHSH),
        lambda c: c.confidence_interval(CHSH, 0.99),
        lambda c: c.local_p_value(CHSH, bias=0.01),
        lambda c: sb.Counts.from_table(np.full((2, 2, 2, 2), 9)).local_p_value(training=c),
    ):
        with pytest.raises(InvalidInput, match=r"settings \(1, 0\) came 0 times in 3000 tests, where 750 are expected"):
            ask(never)
    inputs = np.array([[0.3, 0.3], [0.1, 0.3]])
    counts = drawn(LOCAL, 10_000, np.random.default_rng(3), inputs)
    with pytest.raises(InvalidInput, match="give inputs, the probabilities"):
        counts.local_p_value(CHSH)
    assert counts.local_p_value(CHSH, inputs=inputs).value > 1e-3
    assert counts.local_p_value(CHSH, bias=0.16).value == 1.0  # settings may be that far from uniform


def test_what_is_refused() -> None:
    counts = drawn(HONEST, 400, np.random.default_rng(1))
    with pytest.raises(InvalidInput, match="has rounds that are tested"):
        counts.local_p_value(training=sb.Counts.from_table(counts.table))
    with pytest.raises(InvalidInput, match="not both"):
        counts.local_p_value(CHSH, counts)
    with pytest.raises(InvalidShape, match="does not fit counts"):
        counts.local_p_value(sb.i3322())
    with pytest.raises(InvalidShape, match="does not fit counts"):
        counts.confidence_interval(sb.i3322())
    with pytest.raises(InvalidParameter, match="confidence = 1"):
        counts.confidence_interval(CHSH, 1)
    with pytest.raises(InvalidParameter, match=r"bias = -0\.1"):
        counts.local_p_value(CHSH, bias=-0.1)
    with pytest.raises(InvalidParameter, match="never drawn"):
        sb.Counts.from_table(counts.table * [[1, 1], [0, 0]]).local_p_value(CHSH, inputs=[[0.5, 0.5], [0.0, 0.0]])
    wide = sb.Counts.from_table(np.ones((2, 2, 8, 8), dtype=int))
    with pytest.raises(InvalidInput, match="need an expression"):
        wide.local_p_value()
    with pytest.raises(TooLarge, match="65536 pairs"):
        wide.local_p_value(training=sb.Counts.from_table(np.full((2, 2, 8, 8), 2)))
    assert "upper bound" in repr(counts.local_p_value()) and counts.local_p_value(-CHSH).value == 1.0
