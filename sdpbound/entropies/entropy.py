"""The interface of Eve's conditional entropies, and the bound that the von Neumann ones return."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import flint
import numpy as np

from sdpbound.adversaries.adversary import Adversary
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import AffineProof, Bound, Functional, Proof
from sdpbound.bounds.certificate import certificate_head
from sdpbound.bounds.rounding import lower_float
from sdpbound.entropies.question import EntropyQuestion

__all__ = ["Entropy", "EntropyBound", "TrivialProof", "least_entropy", "no_less_than_trivial"]

#: Bits with which the entropy of the flips is enclosed.
PRECISION = 256


class Entropy(ABC):
    """A way to bound Eve's conditional entropy from below."""

    @property
    @abstractmethod
    def adversary(self) -> Adversary:
        """The adversary's set of correlations."""

    @abstractmethod
    def lower_bound(
        self,
        observed: Observations,
        x: int,
        y: int | None,
        blind: bool,
        preprocessing: float = 0.0,
        closed_forms: bool = True,
    ) -> Bound:
        """Certified lower bound in bits on H(A|x,E), with y on H(AB|x,y,E), or if blind on H(A|x,y,B,E).

        ``preprocessing``: probability with which Alice flips her bit before the entropy is asked for;
        ``closed_forms``: whether a formula may stand for a program.
        """


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
class TrivialProof(AffineProof):
    """A conditional entropy of outcomes is not negative, and not below the entropy of the flips made after them."""

    question: EntropyQuestion
    model: Adversary

    @property
    def given(self) -> Observations:
        return self.question.given or self.question.observed

    @property
    def value(self) -> float:
        return least_entropy(self.question.preprocessing)

    def functional(self) -> Functional:
        observed = self.question.observed
        return Functional.of_tests("lower", self.value, np.zeros(len(observed)), observed)

    def certificate(self, value: float) -> dict[str, Any]:
        observed = self.question.observed
        zeros = [0.0] * len(observed)
        return certificate_head(observed, self.question.figure, "lower", self.model.describe()) | {
            "proof": {"method": "trivial", "multipliers": zeros},
            "claim": {"value": value, "functional": {"constant": self.value, "multipliers": zeros}},
        }


def no_less_than_trivial(
    value: float, proof: Proof, question: EntropyQuestion, model: Adversary
) -> tuple[float, Proof]:
    """A proven value in bits with its proof, or the trivial ones where they are better."""
    trivial = TrivialProof(question, model)
    return (value, proof) if value >= trivial.value else (trivial.value, trivial)
