"""The base class of the methods for von Neumann entropies; each method is a class whose fields are its options."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

from sdpbound.adversaries import Quantum
from sdpbound.bell.observations import Observations
from sdpbound.entropies.closed import closed_entropy
from sdpbound.entropies.entropy import Entropy, EntropyBound
from sdpbound.entropies.question import EntropyQuestion, KeyQuestion
from sdpbound.errors import InvalidInput, InvalidParameter

__all__ = ["PROGRAMS", "VonNeumannMethod"]

#: A search over levels and nodes takes about as long as so many programs with few nodes.
PROGRAMS = 3.0


@dataclass(frozen=True)
class VonNeumannMethod(Entropy):
    """A method for von Neumann entropies against quantum adversaries; a closed form comes first if the data have one.

    Parameters
    ----------
    tolerance : the accuracy to aim at, in bits, from 1e-7 to 1

    Attributes
    ----------
    name : class attribute, the name of the method
    """

    name: ClassVar[str]

    tolerance: float = 1e-3

    def __post_init__(self) -> None:
        t = self.tolerance
        if isinstance(t, bool) or not isinstance(t, (int, float)) or not 1e-7 <= t <= 1.0:
            raise InvalidParameter(f"tolerance = {t!r:.60} of an entropy must be a number of bits from 1e-7 to 1.")

    @property
    @abstractmethod
    def adversary(self) -> Quantum: ...

    @abstractmethod
    def solved(self, question: EntropyQuestion) -> EntropyBound:
        """Bound the entropy of a checked question, without closed forms."""

    def applies(self, question: KeyQuestion) -> str | None:
        try:
            self.require(question)
        except InvalidInput as error:
            return str(error)
        return None

    def require(self, question: KeyQuestion) -> EntropyQuestion:
        """The question about a von Neumann entropy; InvalidInput if the method cannot answer it."""
        if question.blind:
            raise InvalidInput("blind randomness has a bound by min-entropy only: use MinEntropy(Quantum('2')).")
        return question.of_entropy()

    def tested(self, observed: Observations) -> Observations:
        return observed.drop_untested()

    def lower_bound(self, question: KeyQuestion) -> EntropyBound:
        asked = VonNeumannMethod.require(self, question)
        closed = closed_entropy(asked, self.adversary) if question.closed_forms else None
        if closed is not None:
            return closed
        bound = self.solved(asked)
        return replace(bound, method=bound.method or self.name, tolerance=self.tolerance)
