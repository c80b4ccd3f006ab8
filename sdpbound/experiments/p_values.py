"""p-values against local models, valid for devices with memory, and intervals of Bell values."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from fractions import Fraction

import flint
import numpy as np

from sdpbound.arrays import Floats, Ints
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.scenario import Scenario
from sdpbound.bounds.rounding import lower_float, rounded
from sdpbound.errors import InvalidParameter, InvalidShape, TooLarge
from sdpbound.experiments.projection import entries
from sdpbound.experiments.tails import PRECISION, binomial_excess, binomial_tail, upper_float

__all__ = ["ConfidenceInterval", "Inputs", "PValue", "bell_interval", "game_p_value", "largest_mean", "responses"]

#: The most pairs of deterministic strategies that are gone through.
MOST_STRATEGIES = 1 << 14
#: Rounding of a float, with room for a sum of products of it.
ROUNDING = 2.0**-50


@dataclass(frozen=True, slots=True)
class PValue:
    """An upper bound on the probability that local devices give counts at least as extreme.

    Attributes
    ----------
    value : the bound, rounded up; 5e-324 where a float is no smaller
    log2 : its binary logarithm, rounded up
    side : "upper"
    method : how it was found
    rounds : the rounds that it is about
    """

    value: float
    log2: float
    method: str
    rounds: int
    side: str = "upper"

    @classmethod
    def from_ball(cls, ball: flint.arb, method: str, rounds: int) -> PValue:
        """The upper end of a ball of a probability."""
        top = flint.arb(ball.upper())
        if not 0 < top < 1:
            return cls(1.0, 0.0, method, rounds) if top > 0 else cls(5e-324, -math.inf, method, rounds)
        log2 = upper_float(top.log() / flint.arb(2).log())
        return cls(min(1.0, max(upper_float(top), 5e-324)), min(0.0, log2), method, rounds)

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        shown = rounded(self.value, "upper", 4) if self.log2 > -1000.0 else f"2^{rounded(self.log2, 'upper', 6)}"
        return f"p <= {shown} (upper bound against local models; {self.method}; {self.rounds} rounds)"


@dataclass(frozen=True, slots=True)
class ConfidenceInterval:
    """An interval of the mean Bell value of the rounds.

    Attributes
    ----------
    low, high : its ends, rounded outwards
    estimate : the mean of the scores, unbiased
    confidence : the probability, at least, with which such intervals have the value
    rounds : the number of rounds
    """

    low: float
    high: float
    estimate: float
    confidence: float
    rounds: int

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __repr__(self) -> str:
        return (
            f"[{rounded(self.low, 'lower', 7)}, {rounded(self.high, 'upper', 7)}] at confidence {self.confidence:g} "
            f"(estimate {self.estimate:.7g}, {self.rounds} rounds, memory allowed)"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """How settings are drawn: each probability, given all that came before, is within ``bias`` of this one.

    Parameters
    ----------
    distribution : (X, Y) probabilities
    bias : the largest deviation of one of them, at least 0
    """

    distribution: Floats
    bias: float

    def __post_init__(self) -> None:
        if not isinstance(self.bias, (int, float)) or isinstance(self.bias, bool) or not 0.0 <= self.bias <= 1.0:
            raise InvalidParameter(f"bias = {self.bias!r:.60} must be a number from 0 to 1, such as 1e-5.")


# -- local models -------------------------------------------------------------------------------------------------


def responses(scenario: Scenario) -> tuple[Ints, Ints]:
    """The outcomes of all deterministic strategies of Alice (K, X) and of Bob (L, Y)."""
    counts = [math.prod(party) for party in scenario.outcomes]
    if math.prod(counts) > MOST_STRATEGIES:
        raise TooLarge(
            f"{math.prod(counts)} pairs of deterministic strategies are too many to go through (limit "
            f"{MOST_STRATEGIES}); use fewer settings or merge outcomes."
        )
    alice, bob = (
        np.array(list(itertools.product(*(range(d) for d in party))), dtype=np.int64) for party in scenario.outcomes
    )
    return alice, bob


def largest_mean(scores: Floats, scenario: Scenario, inputs: Inputs) -> float:
    """The largest mean score of local devices in a round, rounded up; scores (A, B, X, Y).

    For a deterministic strategy with score v(x, y) it is ``sum pi v + bias sum |v - median of v|``: inputs that differ
    by at most the bias, and still add up to 1, move the mean of v by no more, and that of v less a constant as much.
    """
    alice, bob = responses(scenario)
    x, y = np.arange(alice.shape[1]), np.arange(bob.shape[1])
    best = -math.inf
    for own in alice:
        v = scores[own[None, :, None], bob[:, None, :], x[None, :, None], y[None, None, :]].reshape(len(bob), -1)
        mean = v @ inputs.distribution.ravel()
        if inputs.bias:
            mean = mean + inputs.bias * np.abs(v - np.median(v, axis=1, keepdims=True)).sum(axis=1)
        best = max(best, float(mean.max()))
    pairs = inputs.distribution.size
    return best + ROUNDING * pairs * float(np.abs(scores).max()) * (1.0 + 2.0 * inputs.bias * pairs)


# -- the binomial bound -------------------------------------------------------------------------------------------


def round_scores(expression: BellExpression, scenario: Scenario, inputs: Inputs) -> Floats:
    """Scores (A, B, X, Y) of a round whose mean is the expression's value: its coefficients over probabilities."""
    if expression.scenario != scenario:
        raise InvalidShape(f"an expression of {expression.scenario} does not fit counts of {scenario}.")
    table, chances = expression.probabilities, inputs.distribution
    undrawn = np.argwhere((chances == 0.0) & (table != 0.0).any(axis=(0, 1)))
    if undrawn.size:
        x, y = undrawn[0].tolist()
        raise InvalidParameter(
            f"the settings ({x}, {y}) are never drawn, and the expression needs them; give an expression without them."
        )
    return np.divide(table, chances, out=np.zeros_like(table), where=chances > 0.0)


def game_p_value(table: Ints, expression: BellExpression, inputs: Inputs) -> flint.arb:
    """A ball whose upper end bounds P[sum of scores >= the one seen] for local devices with memory.

    Scores are scaled to [0, 1], so that each has a conditional mean of at most q. If there are only two, their sum is
    stochastically below a binomial variable X. Else E f(sum) <= E f(X) for convex increasing f, and Markov's inequality
    for ``max(X - t, 0)`` gives ``E max(X - t, 0) / (k - t)`` for every t < k.
    """
    n, scenario = int(table.sum()), expression.scenario
    scores = round_scores(expression, scenario, inputs)
    places = entries(scenario)
    drawn = inputs.distribution[places[2:]] > 0.0
    seen, values = table[places], scores[places]
    if seen[~drawn].any():
        raise InvalidParameter("the counts have settings that are never drawn; give the distribution that was used.")
    low, high = float(values[drawn].min()), float(values[drawn].max())
    if n == 0 or low == high:
        return flint.arb(1)
    with flint.ctx.workprec(PRECISION):
        q = upper_float((flint.arb(largest_mean(scores, scenario, inputs)) - low) / (flint.arb(high) - low))
    if q >= 1.0:
        return flint.arb(1)
    if np.isin(values[drawn], (low, high)).all():
        return binomial_tail(n, int(seen[values == high].sum()), q)
    total = sum((Fraction(float(v)) * int(c) for v, c in zip(values, seen, strict=True)), Fraction(0))
    k = (total - n * Fraction(low)) / (Fraction(high) - Fraction(low))
    return _convex(n, k, q)


def _convex(n: int, k: Fraction, q: float) -> flint.arb:
    """``E max(X - t, 0) / (k - t)`` at a good whole t, which Chernoff's exponent r suggests: k - 1 / r."""
    share = float(k / n)
    if share <= q:
        return flint.arb(1)
    rate = math.log(share * (1.0 - q) / (q * max(1.0 - share, 0.5 / n)))
    start = math.ceil(k - Fraction(1.0 / rate)) - 1
    best = flint.arb(1)
    for t in {max(start, math.ceil(n * q)), max(start + 1, math.ceil(n * q))}:
        if t < k:
            gap = k - t
            bound = binomial_excess(n, t, q) / (flint.arb(gap.numerator) / flint.arb(gap.denominator))
            best = min(best, bound, key=lambda ball: float(ball.upper()))
    return best


# -- the interval -------------------------------------------------------------------------------------------------


def bell_interval(table: Ints, expression: BellExpression, inputs: Inputs, confidence: float) -> ConfidenceInterval:
    """An interval of the mean over rounds of the conditional Bell value, by the inequality of Azuma and Hoeffding.

    With probability at least ``confidence`` the mean score, in a range of width w, is within
    ``w sqrt(ln(2 / (1 - confidence)) / (2 n))`` of the mean of its conditional means. These differ from Bell values by
    at most ``bias X Y w / 2``.
    """
    if not isinstance(confidence, (int, float)) or isinstance(confidence, bool) or not 0.0 < confidence < 1.0:
        raise InvalidParameter(f"confidence = {confidence!r:.60} must be a number between 0 and 1, such as 0.99.")
    n = int(table.sum())
    if n == 0:
        raise InvalidParameter("there are no tested rounds, so that nothing is known of the Bell value.")
    scores = round_scores(expression, expression.scenario, inputs)
    places = entries(expression.scenario)
    values = scores[places]
    total = sum((Fraction(float(v)) * int(c) for v, c in zip(values, table[places], strict=True)), Fraction(0)) / n
    with flint.ctx.workprec(PRECISION):
        width = flint.arb(float(values.max())) - flint.arb(float(values.min()))
        half = width * ((2 / (1 - flint.arb(confidence))).log() / (2 * n)).sqrt()
        half += flint.arb(inputs.bias) * inputs.distribution.size * width / 2
        half += ROUNDING * (1 + abs(width))  # the floats of the scores
        centre = flint.arb(total.numerator) / flint.arb(total.denominator)
        low, high = lower_float(centre - half), upper_float(centre + half)
    return ConfidenceInterval(low, high, float(total), float(confidence), n)
