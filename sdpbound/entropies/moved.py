"""A bound near by: the functional of one proof at other data."""

from __future__ import annotations

from dataclasses import dataclass

from sdpbound.adversaries.adversary import Adversary
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import Bound
from sdpbound.entropies.entropy import Entropy, EntropyBound
from sdpbound.entropies.question import KeyQuestion
from sdpbound.errors import InvalidInput

__all__ = ["MovedProof"]


@dataclass(frozen=True, eq=False)
class MovedProof(Entropy):
    """The method that solves nothing: it takes the functional that a bound has proven, for other values of its tests.

    Parameters
    ----------
    bound : of the same figure and tests
    method : the method that proved it
    """

    bound: EntropyBound
    method: Entropy

    @property
    def adversary(self) -> Adversary:
        return self.method.adversary

    def tested(self, observed: Observations) -> Observations:
        return self.method.tested(observed)

    def lower_bound(self, question: KeyQuestion) -> Bound:
        bound = self.bound.about(question.of_entropy())
        if bound is None:
            raise InvalidInput(f"{self.bound!r:.60} is about other tests than {question.observed!r:.60}.")
        return bound
