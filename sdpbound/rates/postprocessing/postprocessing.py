"""The interface of post-processings: what a key rate asks of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.key import Settings
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import Bound
from sdpbound.entropies.entropy import Entropy

__all__ = ["PostProcessing", "Processed"]


@dataclass(frozen=True, eq=False)
class Processed:
    """The parts of a rate with a post-processing.

    Attributes
    ----------
    value : bits a round, rounded to the safe side
    entropy, error_correction : of the key that is made, in bits for each round of it
    settings : one of its choices of settings
    security : the theorem that makes the number a rate
    assumptions : what else is assumed
    preprocessing : probability of flips
    exact : of an attack, whether it has the tested data
    by : the post-processing, with all that was chosen
    """

    value: float
    entropy: Bound
    error_correction: float
    settings: Settings
    security: str
    assumptions: tuple[str, ...]
    preprocessing: float
    exact: bool
    by: PostProcessing


class PostProcessing(ABC):
    """What is done with outcomes before a key is made of them; ``key_rate(..., postprocessing=...)`` takes it."""

    @abstractmethod
    def below(self, behaviour: Behaviour, data: Observations, entropy: Entropy) -> Processed:
        """A proven lower bound on the key rate."""

    @abstractmethod
    def above(self, behaviour: Behaviour, data: Observations) -> Processed:
        """An upper bound on what any analysis of these data certifies, by an explicit attack."""
