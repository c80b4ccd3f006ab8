"""The interface of Eve's conditional entropies, and the bound that the von Neumann ones return."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import flint
import numpy as np

from sdpbound.adversaries.adversary import Adversary
from sdpbound.arrays import Floats
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import Bound, Proof
from sdpbound.bounds.rounding import lower_float
from sdpbound.entropies.proof import EntropyProof
from sdpbound.entropies.question import EntropyQuestion, KeyQuestion

__all__ = ["Entropy", "EntropyBound", "TrivialProof", "least_entropy", "no_less_than_trivial"]

#: Bits with which the entropy of the flips is enclosed.
PRECISION = 256


class Entropy(ABC):
    """A way to bound Eve's conditional entropy from below, of which rates are made.

    A further one is a class with these methods. It works as an object at once, in ``key_rate(..., entropy=...)``; with
    a line in ``METHODS``, or an entry point of the group "sdpbound.entropies", also by its name, as the ``method`` of
    :class:`sdpbound.VonNeumann`, of the command line and of study files. By name it is called with those of the options
    ``level``, ``nodes``, ``tolerance`` and ``solver`` that its constructor takes.
    """

    @property
    @abstractmethod
    def adversary(self) -> Adversary:
        """The adversary's set of correlations."""

    @abstractmethod
    def lower_bound(self, question: KeyQuestion) -> Bound:
        """Certified lower bound, in bits, on the entropy asked for; InvalidInput for a question it does not know."""

    def tested(self, observed: Observations) -> Observations:
        """The data that it needs for Alice's outcome alone: all, or without what limits Eve in nothing."""
        return observed

    def swept(self) -> Entropy:
        """The same for the points of a sweep, where one point may begin at the one before."""
        return self


@dataclass(frozen=True, eq=False, repr=False)
class EntropyBound(Bound):
    """A proven lower bound on a von Neumann entropy.

    Attributes
    ----------
    nodes : the nodes used; none for a closed form
    quadrature_gap : bits by which more nodes could raise the bound at this level, at most; as accurate as the solver's
        point. What is left between the bound and the value of an attack is due to the level
    """

    nodes: tuple[float, ...] = ()
    quadrature_gap: float = math.nan


def least_entropy(flips: float) -> float:
    """The entropy in bits of a flip with this probability, rounded down. Eve knows nothing about the flip.

    >>> least_entropy(0.0), round(least_entropy(0.11), 6)
    (0.0, 0.499916)
    """
    if not flips:
        return 0.0
    with flint.ctx.workprec(PRECISION):
        q = flint.arb(flips)
        return max(lower_float(-(q * q.log() + (1 - q) * (1 - q).log()) / flint.arb(2).log()), 0.0)


@dataclass(frozen=True, eq=False)
class TrivialProof(EntropyProof):
    """A conditional entropy of outcomes is not negative, and not below the entropy of the flips made after them."""

    @property
    def value(self) -> float:
        return least_entropy(self.question.preprocessing)

    @property
    def line(self) -> tuple[float, Floats]:
        return self.value, np.zeros(len(self.question.observed))

    def entries(self) -> dict[str, Any]:
        return {"method": "trivial", "multipliers": [0.0] * len(self.question.observed)}


def no_less_than_trivial(
    value: float, proof: Proof, question: EntropyQuestion, model: Adversary
) -> tuple[float, Proof]:
    """A proven value in bits with its proof, or the trivial ones where they are better."""
    trivial = TrivialProof(question, model)
    return (value, proof) if value >= trivial.value else (trivial.value, trivial)
