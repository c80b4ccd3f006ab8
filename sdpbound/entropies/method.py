"""The base class of the methods for von Neumann entropies; each method is a class whose fields are its options."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from sdpbound.adversaries import Quantum
from sdpbound.bell.observations import Observations
from sdpbound.entropies.closed import closed_entropy
from sdpbound.entropies.entropy import Entropy, EntropyBound
from sdpbound.entropies.question import EntropyQuestion, KeyQuestion
from sdpbound.errors import InvalidInput, InvalidParameter

__all__ = ["VonNeumannMethod"]


@dataclass(frozen=True)
class VonNeumannMethod(Entropy):
    """A method for von Neumann entropies against quantum adversaries; a closed form comes first if the data have one.

    Parameters
    ----------
    tolerance : the accuracy to aim at, in bits, from 1e-7 to 1
    """

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

    def tested(self, observed: Observations) -> Observations:
        return observed.drop_untested()

    def lower_bound(self, question: KeyQuestion) -> EntropyBound:
        if question.blind:
            raise InvalidInput("blind randomness has a bound by min-entropy only: use MinEntropy(Quantum('2')).")
        asked = question.of_entropy()
        closed = closed_entropy(asked, self.adversary) if question.closed_forms else None
        return self.solved(asked) if closed is None else closed
