"""A round of the protocol with honest devices: what is drawn, and what is sent to correct errors."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

import flint
from scipy.special import entr

from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.finite_size.arithmetic import Number, between, log, log2, number_type, upper_tail
from sdpbound.finite_size.figures import FiniteFigure, FiniteSecurity

__all__ = ["Round", "Some", "Term", "leak_term", "total"]

#: A float or an array of them.
Some = TypeVar("Some", float, Floats)


@dataclass(frozen=True)
class Term(Generic[Number]):
    """A term of ``rate * n + constant`` bits."""

    rate: Number
    constant: Number


@dataclass(frozen=True, eq=False, kw_only=True)
class Round:
    """One round of the protocol, whatever theorem makes a length of it.

    Attributes
    ----------
    plain, tested : pairs (p(a, b), p(b)) of Alice's and Bob's outcomes, in a key round and in a tested round; empty if
        no error correction is sent
    security : the allowed failures
    behaviour : the behaviour of the honest devices
    figure : the figure of merit, without the number of rounds
    net : whether the search counts the entropy of tests and settings as a loss; lengths never do
    """

    plain: Sequence[tuple[float, float]]
    tested: Sequence[tuple[float, float]]
    security: FiniteSecurity
    behaviour: Behaviour
    figure: FiniteFigure
    net: bool = False

    @property
    @abstractmethod
    def distribution(self) -> Floats:
        """(X, Y) probabilities of the settings of a tested round."""

    def drawing(self, gamma: Some) -> Some:
        """The entropy in bits of the choices of one round: ``h(gamma) + gamma H(settings)``."""
        weights = [1.0 - gamma, *(gamma * float(p) for p in self.distribution.ravel())]
        return sum(map(entr, weights), 0.0 * gamma) / math.log(2.0)

    @cached_property
    def float_surprises(self) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        """The same in floats, with equal surprises taken together: a search asks for them again and again."""
        plain, tested = self.surprises(1.0)
        return _together(plain), _together(tested)

    @cached_property
    def _moments(self) -> list[tuple[float, float]]:
        """Mean and mean square of the surprises in a key round, and in a tested round; zeros where nothing is sent."""
        return [(sum(z * p for z, p in pairs), sum(z * z * p for z, p in pairs)) for pairs in self.float_surprises]

    def sent_variance(self, gamma: Some) -> Some:
        """The variance, in one round, of the bits to be sent; 0 where nothing is sent."""
        (plain, square), (tested_mean, tested_square) = self._moments
        mean = plain + gamma * (tested_mean - plain)
        return between(square + gamma * (tested_square - square) - mean * mean, 0.0 * gamma, math.inf + 0.0 * gamma)

    def surprises(self, like: Number) -> tuple[list[tuple[Number, Number]], list[tuple[Number, Number]]]:
        """The pairs (-log2 p(a|b), probability) in a key round, and those in a tested round."""
        number = number_type(like)
        lists = []
        for pairs in (self.plain, self.tested):
            total = sum((number(p) for p, _ in pairs), 0 * like)
            lists.append([(log2(number(q) / number(p)) if q > p else 0 * like, number(p) / total) for p, q in pairs])
        return lists[0], lists[1]


def leak_term(round_: Round, v: dict[str, Number], eps: dict[str, Number], like: Number) -> Term[Number]:
    """The loss by the hash of Alice's outcomes from which Bob finds them with honest devices, fluctuations included."""
    parts: Any = round_.surprises(like) if isinstance(like, flint.arb) else round_.float_surprises
    plain, tested = parts
    gamma, s = v["gamma"], v["leak_tail"]
    values = [z for z, _ in plain] + [z for z, _ in tested]
    chances = [(1 - gamma) * p for _, p in plain] + [gamma * p for _, p in tested]
    mean = sum((p * z for p, z in zip(chances, values, strict=True)), 0 * like)
    excess = (number_type(like)(round_.security.efficiency) - 1) * mean
    constant = log(eps["abort by message"]) / s + log2(eps["abort by decoding"])
    return Term(-(upper_tail(values, chances, s) + excess), constant)


def _together(pairs: list[tuple[float, float]]) -> list[tuple[float, float]]:
    found: dict[float, float] = {}
    for value, chance in pairs:
        found[value] = found.get(value, 0.0) + chance
    return list(found.items())


def total(found: dict[str, Term[Number]]) -> Term[Number]:
    """The sum of all terms; minus infinity where floats overflow. Arrays are not finite there."""
    first, *others = found.values()
    rate, constant = first.rate, first.constant
    for term in others:
        rate, constant = rate + term.rate, constant + term.constant
    if isinstance(rate, float) and not (math.isfinite(rate) and math.isfinite(constant)):
        return Term(-math.inf, -math.inf)
    return Term(rate, constant)
