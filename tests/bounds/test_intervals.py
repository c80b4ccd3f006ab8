"""Tests that are intervals are inequalities: what they say is used, and what says nothing costs nothing."""

from __future__ import annotations

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.recheck import recheck

SCENARIO = sb.Scenario.bipartite(2, 2)
MODELS = (sb.Quantum("1"), sb.NoSignaling(), sb.Local())


def expression(entries: dict[tuple[int, int], float]) -> sb.BellExpression:
    table = np.zeros((3, 3))
    for place, value in entries.items():
        table[place] = value
    return sb.BellExpression(SCENARIO, table)


def probability(x: int, y: int, a: int = 1, b: int = 1) -> sb.BellExpression:
    """p(ab|xy) with outcomes 1 and -1."""
    return expression({(0, 0): 0.25, (1 + x, 0): 0.25 * a, (0, 1 + y): 0.25 * b, (1 + x, 1 + y): 0.25 * a * b})


MARGINALS = [expression({place: 1.0}) for place in ((1, 0), (2, 0), (0, 1), (0, 2))]
FIRST = [probability(x, y) for x in (0, 1) for y in (0, 1)]
ALL = [probability(x, y, a, b) for x in (0, 1) for y in (0, 1) for a in (1, -1) for b in (1, -1)]


def checked(bound: sb.Bound) -> sb.Bound:
    found = sb.verify(bound.certificate.data)
    assert found.holds and abs(found.value - bound.value) < 1e-9
    assert recheck(bound.certificate.data).holds
    return bound


@pytest.mark.parametrize("marginal", [0.0, 0.3, 0.5])
def test_marginals_and_positive_probabilities(marginal: float) -> None:
    """Against the same question as a problem of operators, which has moment conditions of its own."""
    fixed = sb.Observations.bell_values([(m, marginal) for m in MARGINALS])
    bound = checked(sb.maximize(sb.chsh(), sb.Quantum("1"), fixed.joined(sb.Observations.between(FIRST, 0, 1))))
    a, b = (sb.Operator.observables(f"{p}0 {p}1", party=p) for p in "AB")
    moments = [(o * 1, marginal, marginal) for o in (*a, *b)]
    moments += [((1 + s) * (1 + t) / 4, 0, 1) for s in a for t in b]
    other = sb.Problem([*a, *b], moments=moments).maximize(a[0] * (b[0] + b[1]) + a[1] * (b[0] - b[1]), "1")
    assert abs(bound.value - other.value) < 1e-7
    if marginal == 0.5:
        assert abs(bound.value - 2.6213203) < 1e-6


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_what_says_nothing_costs_nothing(model: sb.Adversary) -> None:
    known = sb.maximize(sb.chsh(), model).value
    for tests in (FIRST, ALL):
        assert abs(checked(sb.maximize(sb.chsh(), model, sb.Observations.between(tests, 0, 1))).value - known) < 1e-7


@pytest.mark.parametrize("model", MODELS[:2], ids=repr)
def test_guesses_within_intervals(model: sb.Adversary) -> None:
    """An interval is as good as its worse end, and a further one that says nothing changes nothing."""
    alone = sb.guessing_probability(sb.Observations.bell_value(sb.chsh(), 2.5), model)
    interval = sb.Observations.between(sb.chsh(), 2.5, np.inf)
    within = checked(sb.guessing_probability(interval, model))
    more = checked(sb.guessing_probability(interval.joined(sb.Observations.between(FIRST, 0, 1)), model))
    assert abs(within.value - alone.value) < 1e-6 and abs(more.value - alone.value) < 1e-6


def test_ends() -> None:
    interval = sb.Observations.between(sb.chsh(), 2.2, 2.5)
    for model in MODELS[:2]:
        assert abs(checked(sb.maximize(sb.chsh(), model, interval)).value - 2.5) < 1e-7
        assert abs(checked(sb.minimize(sb.chsh(), model, interval)).value - 2.2) < 1e-7
    with pytest.raises(sb.Infeasible) as found:
        sb.maximize(sb.chsh(), sb.Local(), interval)
    assert found.value.separation == pytest.approx(0.2, abs=1e-6)
    assert sb.verify(found.value.certificate.data).holds
    rng = np.random.default_rng(0)
    for low, high in rng.normal(size=(200, 2)):
        own = sb.Observations.between(sb.chsh(), min(low, high), max(low, high))
        assert own.values[0] - own.tolerances[0] <= min(low, high) and own.values[0] + own.tolerances[0] >= max(
            low, high
        )


def test_what_cannot_be_read() -> None:
    wrong = ((1, 0, "empty"), (5, 6, "outside"), (np.nan, 1, "must be numbers"), ([0, 1, 2], 3, "one for"))
    for low, high, sentence in wrong:
        with pytest.raises(sb.InvalidInput, match=sentence):
            sb.Observations.between(sb.chsh(), low, high)
    with pytest.raises(sb.InvalidInput, match="same scenario"):
        sb.Observations.between([sb.chsh(), sb.cglmp(3)], 0, 1)
    with pytest.raises(sb.InvalidInput, match="same scenario"):
        sb.Observations.between(sb.chsh(), 0, 1).joined(sb.Observations.between(sb.cglmp(3), 0, 1))
