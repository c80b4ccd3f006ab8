"""An entropy bound that is known already, as the entropy in a key rate."""

from __future__ import annotations

from dataclasses import dataclass

from sdpbound.adversaries.adversary import Adversary
from sdpbound.bounds.bound import Bound, bounds_entropy
from sdpbound.entropies.entropy import Entropy
from sdpbound.entropies.question import KeyQuestion
from sdpbound.errors import InvalidInput

__all__ = ["KnownEntropy"]


@dataclass(frozen=True)
class KnownEntropy(Entropy):
    """The method that returns an entropy bound computed before, for one choice of settings."""

    bound: Bound
    x: int | None
    y: int | None = None

    @property
    def adversary(self) -> Adversary:
        if self.bound.model is None:
            raise InvalidInput("a closed form is found from the tested data; give a bound from a program here.")
        return self.bound.model

    def lower_bound(self, question: KeyQuestion) -> Bound:
        x, y, settings = question.x, question.y, question.settings
        if (x, y) != (self.x, self.y) and settings is None:
            raise InvalidInput(
                f"this entropy is known at x={self.x}, y={self.y}, not at x={x}, y={y}: give those settings."
            )
        flips, merge = question.preprocessing, question.merge
        if not bounds_entropy(self.bound, question.observed, x, y, question.blind, flips, settings, merge):
            raise InvalidInput(
                f"{self.bound.figure} with its tested data is not the min-entropy or entropy that this rate needs; "
                "bound that of the same data, key, preprocessing and kind."
            )
        return self.bound
