"""Level 1 with positive probabilities: between level 1 and 1+AB, with certificates of the usual form."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.npa.levels import generating_words, normalise_level
from sdpbound.recheck import recheck


def ffl() -> sb.BellExpression:
    """The game of Fortnow, Feige and Lovasz: questions 00, 01, 10, won if (x or a) differs from (y or b)."""
    table = np.zeros((2, 2, 2, 2))
    for a, b, x, y in itertools.product((0, 1), repeat=4):
        if (x | a) != (y | b) and not x & y:
            table[a, b, x, y] = 1 / 3
    return sb.BellExpression.from_probabilities(table)


def values(expression: sb.BellExpression) -> list[float]:
    found = []
    for level in ("1", "1+positive", "1+AB"):
        bound = sb.maximize(expression, sb.Quantum(level))
        assert sb.verify(bound.certificate.data).holds and recheck(bound.certificate.data).holds
        found.append(bound.value)
    return found


def test_ffl() -> None:
    """2/3 at level 1 with positive probabilities, 3/4 without."""
    assert values(ffl()) == pytest.approx([0.75, 2 / 3, 2 / 3], abs=1e-8)


@pytest.mark.parametrize("expression", [sb.cglmp(3), sb.i3322(), sb.tilted_chsh(1.5)], ids=repr)
def test_between(expression: sb.BellExpression) -> None:
    """Against a problem of operators with a moment condition for each probability."""
    plain, positive, products = values(expression)
    assert products - 1e-7 <= positive <= plain + 1e-7
    effects = [
        [
            sb.Operator.measured(f"{party}{x}", outcomes, party)
            for x, outcomes in enumerate(expression.scenario.outcomes[p])
        ]
        for p, party in enumerate("AB")
    ]
    rows = expression.scenario.probability_rows()
    weights, *_ = np.linalg.lstsq(rows.T, expression.coefficients.reshape(-1), rcond=None)
    pairs = [a * b for one in effects[0] for a in one for other in effects[1] for b in other]
    objective = sum((float(w) * pair for w, pair in zip(weights, pairs, strict=True)), start=0 * pairs[0])
    problem = sb.Problem(
        [effect for party in effects for one in party for effect in one], moments=[(pair, 0, None) for pair in pairs]
    )
    assert abs(problem.maximize(objective, "1").value - positive) < 1e-6


def test_guessing() -> None:
    data = sb.Observations.bell_value(sb.chsh(), 2.5)
    found = [sb.guessing_probability(data, sb.Quantum(level), 0, 0) for level in ("1", "1+positive", "1+AB")]
    assert found[0].value > found[1].value + 0.1 and found[1].value > found[2].value + 0.05
    assert recheck(found[1].certificate.data).holds
    with pytest.raises(sb.Infeasible):
        sb.maximize(sb.chsh(), sb.Quantum("1+positive"), sb.Observations.bell_value(sb.chsh(), 3.5))


def test_reading() -> None:
    assert normalise_level(" 1 + Positive ") == "1+positive" and sb.Quantum("1+positive").label == "1+positive"
    with pytest.raises(sb.InvalidLevel, match="for two parties"):
        sb.maximize(sb.mermin(), sb.Quantum("1+positive"))
    with pytest.raises(sb.InvalidLevel, match="cannot be read"):
        sb.Quantum("positive")
    with pytest.raises(sb.InvalidLevel, match="here give '1'"):
        generating_words(sb.Scenario.bipartite(2, 2), "1+positive")
