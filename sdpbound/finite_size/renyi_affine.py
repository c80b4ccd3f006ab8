"""A round whose test is an affine bound on Q, the power of a Renyi entropy: docs/finite_size_renyi.md, theorem 4.

With L = c + sum T p above Q, in a form in which the least T of each pair of settings is 0, and D = gamma d,

    v = 1 - d T / pi     (both outcomes: v^alpha),     D (1 + R) = (1 - gamma) w + gamma pi_x,

where pi_x is the probability of tests with the key's setting and R the sum of the ranges of T there (both are 0 for
flips, and for both outcomes), the bound on the weighted Q of a round is the same for all behaviours,
``M = (1 - gamma) w + gamma + D (c - 1)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import flint
import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.scenario import Scenario
from sdpbound.entropies.renyi.entropy import RenyiEntropyBound
from sdpbound.entropies.renyi_chsh import expm1, log1p
from sdpbound.finite_size.arithmetic import Number, exp, log, number_type
from sdpbound.finite_size.renyi import RenyiChoice, RenyiGame, RenyiScores
from sdpbound.finite_size.scores import conditional_form, settings_of_tests

__all__ = ["AffineGame", "AffineTest", "affine_test"]

Place = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class AffineTest:
    """A test made of an affine bound on Q.

    Attributes
    ----------
    bound : the proven bound, of the kind "sandwiched down", with 2^(-beta H) below its ``power``
    distribution : (X, Y) probabilities of the settings of a test
    places : the results (a, b, x, y) that are drawn
    parts : T of these divided by pi, not negative
    excess : c - 1
    spread : the largest of the parts
    own, range : pi_x and R
    """

    bound: RenyiEntropyBound
    distribution: Floats
    places: list[Place]
    parts: list[float]
    excess: float
    own: float
    range: float

    @property
    def beta(self) -> float:
        return self.bound.exponent

    @property
    def both(self) -> bool:
        return self.bound.merit.entry()["y"] is not None

    @property
    def spread(self) -> float:
        return max(self.parts)


def affine_test(bound: RenyiEntropyBound, distribution: Floats | None) -> AffineTest | None:
    """The test of a bound; None if it has none: nothing is proven, or settings are drawn that it does not depend on."""
    power, figure = bound.power, bound.merit.entry()
    if not power.multipliers.any():
        return None
    table = conditional_form(power.expression.coefficients, power.expression)
    lowest = table.min(axis=(0, 1))
    table = table - lowest
    spread = table.max(axis=(0, 1))
    drawn = settings_of_tests(spread, distribution)
    if ((drawn > 0.0) & (spread == 0.0)).any():
        return None
    pairs = [(int(x), int(y)) for x, y in zip(*np.nonzero(drawn), strict=True)]
    places = [(a, b, x, y) for x, y in pairs for a, b in product(range(2), repeat=2)]
    parts = [float(table[i] / drawn[i[2:]]) for i in places]
    # c is what the bound is where all T are 0
    excess = float(power.expression.coefficients[0, 0]) - 1.0 + float(lowest.sum())
    counted = figure["y"] is None and not figure["preprocessing"]
    own, width = (float(a[figure["x"]].sum()) if counted else 0.0 for a in (drawn, spread))
    return AffineTest(bound, drawn, places, parts, excess, own, width)


@dataclass(frozen=True, eq=False, kw_only=True)
class AffineGame(RenyiGame):
    """One round of the protocol with the test of a bound on Q; scores of tests are those of its places.

    Attributes
    ----------
    test : the test
    lengths, plain, tested, security, behaviour, figure, net : as in :class:`RenyiGame`
    """

    test: AffineTest

    @property
    def distribution(self) -> Floats:
        return self.test.distribution

    @cached_property
    def _honest(self) -> list[float]:
        p = np.maximum(self.behaviour.p, 0.0)
        p = p / np.maximum(p.sum(axis=(0, 1)), 1e-300)
        return [float(p[i] * self.distribution[i[2:]]) for i in self.test.places]

    def chances(self, like: Number) -> list[Number]:
        number = number_type(like)
        whole = sum((number(p) for p in self._honest), 0 * like)
        return [number(p) / whole for p in self._honest]

    def drawn(self) -> list[float]:
        return [float(self.distribution[i[2:]]) for i in self.test.places]

    def scores(self, choice: RenyiChoice, like: Number) -> RenyiScores[Number] | None:
        number, ln2, test = number_type(like), log(number_type(like)(2.0)), self.test
        v = choice.as_numbers(like)
        gamma, beta = v["gamma"], v["beta"]
        # log of the weight of an untested round
        exponent = -v["place"] * number(test.spread) / gamma
        drop = ((1 - gamma) * exp(exponent) + gamma * number(test.own)) / (1 + number(test.range))  # D
        whole = log1p((1 - gamma) * expm1(exponent) + drop * number(test.excess))
        shift = -whole / (beta * ln2)
        each = drop / gamma
        if not isinstance(each, np.ndarray) and not each * number(test.spread) < 1:
            return None
        theta = beta if test.both else beta / (1 + beta)
        known: dict[float, Number] = {}
        for part in test.parts:
            if part not in known:
                known[part] = shift + log1p(-each * number(part)) / (theta * ln2)
        return RenyiScores(shift + exponent / (beta * ln2), [known[part] for part in test.parts])

    def deficit(self, choice: RenyiChoice, scores: RenyiScores[flint.arb]) -> flint.arb:
        gamma, beta = flint.arb(choice.gamma), flint.arb(choice.beta)
        ln2, test = flint.arb(2).log(), self.test
        theta = beta / (1 + beta) * ln2
        of_line = (1 - gamma) * (beta * ln2 * scores.rest).exp()
        own, counted = test.bound.merit.entry()["x"], test.own > 0.0
        whole = sum((flint.arb(p) for p in self.distribution.ravel().tolist()), flint.arb(0))
        terms: dict[tuple[int, int], flint.arb] = {}
        for x, y in {place[2:]: None for place in test.places}:
            mine = [(i, f) for i, f in zip(test.places, scores.tests, strict=True) if i[2:] == (x, y)]
            weight = gamma * flint.arb(float(self.distribution[x, y])) / whole
            low = flint.arb(0)
            if test.both:
                factors = [weight * (beta * ln2 * f).exp() for _, f in mine]
            else:
                high = max((float(f), f) for _, f in mine)[1]
                weight *= (theta * beta * high).exp()
                factors = [weight * (theta * f).exp() for _, f in mine]
                if x == own and counted:
                    low = min((float(f), f) for f in factors)[1]
                    of_line += low
            rows = _moments(self.behaviour.scenario, (x, y))
            for (i, _), factor in zip(mine, factors, strict=True):
                left, right = (1 - 2 * i[0]), (1 - 2 * i[1])
                for row, sign in zip(rows, (1, left, right, left * right), strict=True):
                    terms[row] = terms.get(row, flint.arb(0)) + (factor - low) * sign / 4
        for row, value in _line(test.bound).items():
            terms[row] = terms.get(row, flint.arb(0)) + of_line * value
        constant = terms.pop((0, 0))
        return (constant + sum((abs(t) for t in terms.values()), flint.arb(0))).log() / (beta * ln2)

    def table(self, scores: RenyiScores[flint.arb]) -> Floats:
        table = np.zeros(self.behaviour.p.shape)
        for place, score in zip(self.test.places, scores.tests, strict=True):
            table[place] = float(score)
        return table

    def functional(self, choice: RenyiChoice) -> BellExpression:
        unit = float(choice.beta) * math.log(2.0)
        return (-1.0 / unit) * self.test.bound.power.expression + 1.0 / unit

    def proof(self, choice: RenyiChoice) -> dict[str, Any]:
        return {"renyi_accumulation": choice.entries(), "power": self.test.bound.certificate.data}

    @property
    def entropy(self) -> float:
        return -math.log2(self.test.bound.power(self.behaviour)) / self.test.beta


def _moments(scenario: Scenario, pair: tuple[int, int]) -> list[tuple[int, int]]:
    """Coordinates of 1, of Alice's and of Bob's observable, and of their product."""
    i, j = (
        1 + next(k for k, letter in enumerate(scenario.letters[party]) if letter.setting == setting)
        for party, setting in enumerate(pair)
    )
    return [(0, 0), (i, 0), (0, j), (i, j)]


def _line(bound: RenyiEntropyBound) -> dict[tuple[int, int], flint.arb]:
    """The bound on Q in moments, as its certificate has it."""
    proof = bound.certificate.data["proof"]
    found = {(0, 0): flint.arb(proof["constant"])}
    tests = [entry["coefficients"] for entry in bound.certificate.data["question"]["observed"]]
    for m, table in zip(proof["multipliers"], tests, strict=True):
        for place, value in np.ndenumerate(np.array(table)):
            if value:
                row = (int(place[0]), int(place[1]))
                found[row] = found.get(row, flint.arb(0)) + flint.arb(m) * flint.arb(float(value))
    return found
