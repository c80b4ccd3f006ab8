"""The interface of post-processings: what a key rate asks of them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.key import Settings
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import Bound
from sdpbound.entropies.entropy import Entropy
from sdpbound.errors import InvalidInput

__all__ = ["PostProcessing", "Processed", "require_none"]


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

    @property
    @abstractmethod
    def own_settings(self) -> tuple[int, ...]:
        """Alice's settings that make key, in the order of Bob's that fit."""

    def at(self, entropy: Bound, behaviour: Behaviour, data: Observations) -> float:
        """What the functional of a bound gives at another behaviour, as a rate; steers a search, and proves nothing.

        Minus infinity where it gives nothing: a search then halves its interval.
        """
        return -math.inf

    @abstractmethod
    def above(self, behaviour: Behaviour, data: Observations) -> Processed:
        """An upper bound on what any analysis of these data certifies, by an explicit attack."""


def require_none(by: object, given: tuple[object, ...]) -> None:
    """Refuse whose outcomes are used beside an object that says so itself."""
    if any(value is not None for value in given):
        raise InvalidInput(
            f"{by!r:.80} says itself which settings are used and with which flips; leave x, y, settings, merge, "
            "preprocessing, local and blind out."
        )
