"""The operators of a routed test, their words, and the tests as polynomials in them.

Alice's operators commute with all others, the far device's with Eve's as well. Those of the near device commute with
Alice's only: what Eve and the far device hold together is made of what the near device would have measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bell.observations import Observations
from sdpbound.bell.scenario import Scenario
from sdpbound.errors import InvalidLevel
from sdpbound.problems.algebra import Algebra
from sdpbound.problems.expressions import Operator, Polynomial, polynomial, sum_of
from sdpbound.problems.rules import Word
from sdpbound.problems.solving import Problem

__all__ = ["Interval", "Letters", "Test", "intervals_of", "letters_of"]

#: A polynomial whose mean lies within a tolerance of a value.
Test = tuple[Polynomial, float, float]
#: A polynomial whose mean lies between two numbers.
Interval = tuple[Polynomial, Fraction, Fraction]


@dataclass(frozen=True, eq=False)
class Letters:
    """The operators of a routed test.

    Attributes
    ----------
    near_scenario, far_scenario : of Alice and each device
    alice, near, far : the coordinates of the scenarios but the first, which is 1
    """

    near_scenario: Scenario
    far_scenario: Scenario
    alice: tuple[Operator, ...]
    near: tuple[Operator, ...]
    far: tuple[Operator, ...]

    @cached_property
    def commuting(self) -> list[tuple[Operator, Operator]]:
        """Pairs that commute beside those of different parties: the near device's party has no name."""
        return [(a, n) for a in self.alice for n in self.near]

    def problem(
        self,
        intervals: Sequence[Interval],
        eve: Sequence[Operator] = (),
        positive: Sequence[Polynomial] = (),
        short_range: bool = False,
    ) -> Problem:
        """The operator problem of all devices with these means.

        Parameters
        ----------
        intervals : polynomials and between what their means are
        eve : Eve's effects, projectors of a party "E"
        positive : sums of these that are stated to be positive
        short_range : whether the far device's settings are jointly measurable, and so commute
        """
        commuting = list(self.commuting)
        if short_range:
            far = list(zip(self.far, (letter.setting for letter in self.far_scenario.letters[1]), strict=True))
            commuting += [(f, g) for f, s in far for g, t in far if s < t]
        letters = [*self.alice, *self.far, *eve, *self.near]
        return Problem(letters, commuting=commuting, inequalities=positive, moments=intervals)

    def effect(self, setting: int, outcome: int) -> Polynomial:
        """The effect of Alice's outcome."""
        return _affine(self.near_scenario.effect(0, setting, outcome), self.alice)

    def told_apart(self, x: int, given: int | None = None) -> list[tuple[Polynomial, Polynomial]]:
        """What Eve tells apart of Alice's outcome of x: for each outcome a the pair (1, A_a).

        With the far device's outcomes of setting ``given`` in her hands (F_b, A_a F_b) for each b and a, a fastest.
        """
        outcomes = self.near_scenario.outcomes[0][x]
        wholes = [polynomial(1)]
        if given is not None:
            far = self.far_scenario
            wholes = [_affine(far.effect(1, given, b), self.far) for b in range(far.outcomes[1][given])]
        return [(whole, self.effect(x, a) * whole) for whole in wholes for a in range(outcomes)]

    def value(self, coefficients: Floats, near: bool) -> Polynomial:
        """A table of coefficients, in the coordinates of Alice and the near (or far) device, as a polynomial."""
        terms: dict[tuple[Operator, ...], Fraction] = {}
        for i, j in np.argwhere(coefficients):
            other = self.near if near else self.far
            word = (*(() if not i else (self.alice[i - 1],)), *(() if not j else (other[j - 1],)))
            terms[word] = Fraction(float(coefficients[i, j]))
        return Polynomial(terms)

    def tests(self, near: Observations, far: Observations) -> list[Test]:
        """The tested data, the near device's first."""
        return [
            (self.value(c, own), float(v), float(t))
            for data, own in ((near, True), (far, False))
            for c, v, t in zip(data.coefficients, data.values, data.tolerances, strict=True)
        ]

    def words(self, algebra: Algebra, level: str) -> tuple[Word, ...]:
        """The words of a level: products of letters of A, N and F, such as "1+AN+AF+AA", those of "1" alone.

        Raises
        ------
        InvalidLevel
        """
        groups = {
            name: [algebra.numbers[letter] for letter in letters]
            for name, letters in (("A", self.alice), ("N", self.near), ("F", self.far))
        }
        terms = level.replace(" ", "").split("+")
        if terms[0] != "1" or not all(term and set(term) <= set(groups) for term in terms[1:]):
            raise InvalidLevel(
                f"level = {level!r:.60} of a routed test must be like '1+AN+AF+AA': 1 for single operators, then "
                "products of A (Alice), N (near) and F (far)."
            )
        found: dict[Word, None] = {(): None}
        for letters in groups.values():
            found.update(dict.fromkeys((letter,) for letter in letters))
        for term in terms[1:]:
            found.update(dict.fromkeys(_products(algebra, [groups[name] for name in term])))
        return tuple(found)


def intervals_of(tests: Sequence[Test]) -> list[Interval]:
    """The intervals that tests stand for, exactly."""
    return [(e, Fraction(v) - Fraction(t), Fraction(v) + Fraction(t)) for e, v, t in tests]


def letters_of(near: Scenario, far: Scenario) -> Letters:
    """The operators of the coordinates of two scenarios with the same Alice."""
    alice = _coordinates(near, 0, "A", "A")
    return Letters(near, far, alice, _coordinates(near, 1, "N", None), _coordinates(far, 1, "F", "F"))


def _affine(row: Floats, letters: Sequence[Operator]) -> Polynomial:
    return sum_of([polynomial(float(row[0])), *(float(v) * letter for v, letter in zip(row[1:], letters, strict=True))])


def _coordinates(scenario: Scenario, party: int, name: str, own: str | None) -> tuple[Operator, ...]:
    found = []
    for letter in scenario.letters[party]:
        setting = f"{name}{letter.setting}"
        if letter.outcome is None:
            found.append(Operator(setting, "observable", own))
        else:
            found.append(Operator(f"{setting}|{letter.outcome}", "projector", own, setting))
    return tuple(found)


def _products(algebra: Algebra, choices: Sequence[Sequence[int]]) -> list[Word]:
    """Normal words with one letter of each choice, without those that are shorter."""
    rest: dict[Word, None] = {(): None}
    for choice in choices:
        following: dict[Word, None] = {}
        for word in rest:
            for letter in choice:
                form = algebra.rewriting.reduce((*word, letter))
                following.update(dict.fromkeys(w for w in form if len(form) == 1 and len(w) == len(word) + 1))
        rest = following
    return list(rest)
