"""The length of a key from n rounds, term by term: entropy accumulation with the second order of arXiv:1805.11652.

For any choice of parameters, each term is ``rate * n + constant``. So the best length divided by n never falls with n.
The same code runs in floats and in balls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

from sdpbound.arrays import Floats
from sdpbound.bounds.bound import Bound
from sdpbound.finite_size.arithmetic import Number, between, exp, log, log2, log_sum, number_type, sqrt, upper_tail
from sdpbound.finite_size.honest import Round, Term, leak_term
from sdpbound.finite_size.scores import ScoredTest

__all__ = [
    "Choice",
    "Game",
    "MinTradeoff",
    "epsilons",
    "information_deviation",
    "min_tradeoff",
    "terms",
    "third_order",
]


@dataclass(frozen=True, eq=False, kw_only=True)
class Game(Round):
    """One round of the protocol: the test, the honest devices, and the outcomes that become key.

    Attributes
    ----------
    test : the settings and scores of a tested round
    results : pairs (score, probability) of a tested round of the honest devices
    own : probability that a tested round has the key's settings, so that its entropy counts as well
    outcomes : number d of values of the outcomes whose entropy a round adds
    other : number of outcomes of Bob's tested rounds, whose entropy is given away; 1 if they belong to the output
    entropy : the bound that proves the functional; None if the functional is trusted
    plain, tested, security, behaviour, figure, net : as in :class:`Round`
    """

    test: ScoredTest
    results: Sequence[tuple[float, float]]
    own: float
    outcomes: int
    other: int
    entropy: Bound | None = None

    @property
    def distribution(self) -> Floats:
        return self.test.distribution


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The free parameters of a length; all values within their ranges give a valid length. A search has arrays of them.

    Attributes
    ----------
    gamma : probability of a test, in (0, 1]
    beta : Renyi parameter less one, in (0, 1)
    place : position, in [0, 1], of the score of an untested round between the least and the largest score
    score_tail, count_tail, leak_tail : Chernoff parameters, positive
    wrong, smoothing : parts of the soundness, for unequal keys and for smoothing
    count, leak, hashing : parts of the completeness, for too many tests, too long messages, and decoding errors
    """

    gamma: float
    beta: float
    place: float
    score_tail: float
    count_tail: float
    leak_tail: float
    wrong: float
    smoothing: float
    count: float
    leak: float
    hashing: float

    def as_numbers(self, like: Number) -> dict[str, Number]:
        number = number_type(like)
        return {name: number(value) for name, value in vars(self).items()}


def epsilons(game: Game, choice: Choice, like: Number) -> dict[str, Number]:
    """All parts of the soundness and of the completeness.

    ``soundness = unequal keys + max(accumulation, 2 * smoothing + privacy amplification)``. If the test is passed with
    a probability below ``accumulation``, the other parts do not matter.
    """
    v, number = choice.as_numbers(like), number_type(like)
    sound, complete = number(game.security.soundness), number(game.security.completeness)
    rest = sound - v["wrong"]
    return {
        "unequal keys": v["wrong"],
        "smoothing": v["smoothing"],
        "privacy amplification": rest - 2 * v["smoothing"],
        "accumulation": rest,
        "abort by score": complete - v["count"] - v["leak"] - v["hashing"],
        "abort by number of tests": v["count"],
        "abort by message": v["leak"],
        "abort by decoding": v["hashing"],
    }


@dataclass(frozen=True)
class MinTradeoff(Generic[Number]):
    """The min-tradeoff function of a round with its test (Dupuis and Fawzi, Lemma V.5).

    ``f(untested) = rest`` and ``f(c) = rest + (weight * score(c) - rest) / gamma``. The lemma fixes the value of an
    untested round; here ``rest`` is free.
    """

    rest: Number
    weight: Number
    gamma: Number
    variance: Number
    spread: Number

    def __call__(self, score: Number) -> Number:
        return self.rest + (self.weight * score - self.rest) / self.gamma


def min_tradeoff(game: Game, choice: Choice, like: Number) -> MinTradeoff[Number]:
    """The function f, its largest variance, and Max f - Min f, over all quantum devices.

    Let h = weight * score - rest be in [a, b] with mean m. Then E[h^2] <= (a + b) m - a b. The variance is at most
    ((a + b) m - a b) / gamma - m^2. This is concave in m, and m lies between the functional's quantum extremes.
    """
    v, number, test = choice.as_numbers(like), number_type(like), game.test
    gamma = v["gamma"]
    weight = 1 - gamma + gamma * number(game.own)
    small, large = number(test.smallest), number(test.largest)
    rest = weight * (small + v["place"] * (large - small))
    a, b = weight * small - rest, weight * large - rest
    low, high = weight * number(test.least) - rest, weight * number(test.most) - rest
    m = between((a + b) / (2 * gamma), low, high)
    variance = ((a + b) * m - a * b) / gamma - m * m
    return MinTradeoff(rest, weight, gamma, variance, rest + b / gamma - weight * number(test.least))


def terms(game: Game, choice: Choice, like: Number) -> dict[str, Term[Number]]:
    """The terms of a length in bits; losses are negative, and the sum is the length."""
    v, number = choice.as_numbers(like), number_type(like)
    eps, f = epsilons(game, choice, like), min_tradeoff(game, choice, like)
    beta, gamma, nothing = v["beta"], v["gamma"], 0 * like
    ln2 = log(number(2.0))
    found = {"entropy of the score accepted": _accepted(game, v, eps, f, like)}
    # V and K of Dupuis and Fawzi, Theorem V.2 with the free alpha of its proof
    root = information_deviation(game, like) + sqrt(2 + f.variance)
    found["second order"] = Term(-beta * ln2 / 2 * root * root, nothing)
    found["third order"] = Term(-beta * beta * third_order(game, beta, f, like), nothing)
    smooth = eps["smoothing"]
    # not as one quotient: squares of small errors are below all floats
    found["smoothing"] = Term(nothing, (2 * log2(smooth) - log2(1 + sqrt(1 - smooth * smooth))) / beta)
    found["conditioning on acceptance"] = Term(nothing, (1 + beta) / beta * log2(eps["accumulation"]))
    found["privacy amplification"] = Term(nothing, 2 * log2(2 * eps["privacy amplification"]))
    if game.other > 1:
        width, s = log2(number(float(game.other))), v["count_tail"]
        tail = upper_tail([1 + nothing, nothing], [gamma, 1 - gamma], s)
        found["test outcomes of the other party"] = Term(
            -width * tail, width * log(eps["abort by number of tests"]) / s
        )
    if game.plain:
        found["error correction"] = leak_term(game, v, eps, like)
        found["verification"] = Term(nothing, log2(eps["unequal keys"]) - 2)  # two bits: lengths are whole
    return found


def information_deviation(game: Game, like: Number) -> Number:
    """An upper bound, in bits, on the root of the conditional information variance of a round's outcomes."""
    d = number_type(like)(float(game.outcomes))
    if game.security.registers == "sharp":
        return log2(sqrt(d) + sqrt(d - 1))
    return log2(2 * d + 1 if game.security.registers == "classical" else 2 * d * d + 1)


def _accepted(
    game: Game, v: dict[str, Number], eps: dict[str, Number], f: MinTradeoff[Number], like: Number
) -> Term[Number]:
    """The score below which the protocol aborts; honest devices fall below it at most with the allowed probability."""
    number = number_type(like)
    whole = sum((number(p) for _, p in game.results), 0 * like)
    values = [-f.rest] + [-f(number(score)) for score, _ in game.results]
    chances = [1 - f.gamma] + [f.gamma * number(p) / whole for _, p in game.results]
    s = v["score_tail"]
    # one margin is for the scores, one for the probabilities and the threshold, which are floats as well
    rate = -upper_tail(values, chances, s) - 2 * f.weight * number(game.test.margin)
    return Term(rate, log(eps["abort by score"]) / s)


def third_order(game: Game, beta: Number, f: MinTradeoff[Number], like: Number) -> Number:
    """The number K_alpha of Dupuis and Fawzi, with alpha = 1 + beta."""
    number = number_type(like)
    ln2 = log(number(2.0))
    width = log2(number(float(game.outcomes))) * (2 if game.security.registers == "quantum" else 1)
    exponent = (width + f.spread) * ln2
    logarithm, left = log_sum(exponent, 2.0), 1 - beta
    return exp(beta * exponent) * logarithm**3 / (6 * left * left * left * ln2)
