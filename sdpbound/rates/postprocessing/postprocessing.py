"""The interface of post-processings: what a key rate asks of them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.key import Settings
from sdpbound.bell.observations import Observations
from sdpbound.bell.scenario import Scenario
from sdpbound.bell.strategy import Strategy
from sdpbound.bounds.bound import Bound
from sdpbound.bounds.figures import Figure
from sdpbound.entropies.conditional import VonNeumann
from sdpbound.entropies.entropy import Entropy
from sdpbound.errors import InvalidInput
from sdpbound.rates.postprocessing.attacked import ProcessedAttack

__all__ = ["Claim", "Estimated", "PostProcessing", "Processed", "require_none"]


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
    attack : of an attack, what it leaves of the rate, with its certificate; None where it has none
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
    attack: ProcessedAttack | None = None


@dataclass(frozen=True, eq=False)
class Estimated:
    """A rate that steers a search over devices, with what is known of it near by. Nothing is proven of it.

    Attributes
    ----------
    rate : bits a round
    at : about the rate of another behaviour and its tested data, from the best functional: its slopes are the rate's
    by_flips : the slope in the probability of flips
    memory : what the estimate for the next devices may begin with
    """

    rate: float
    at: Callable[[Behaviour, Observations], float]
    by_flips: float = 0.0
    memory: object = None


#: What a certificate is about: its figure, and the tested data that it names.
Claim = tuple[Figure, Observations]


class PostProcessing(ABC):
    """What is done with outcomes before a key is made of them; ``key_rate(..., postprocessing=...)`` takes it.

    A subclass is a frozen dataclass. Its parameters are numbers, texts, and lists of these, so that study files and
    the command line can name it by its kind.

    Attributes
    ----------
    kind : its name in study files, such as "random_basis"
    theorem : what makes the number of :meth:`below` a rate
    statement : what the number of :meth:`above` bounds
    of_entropy : whether the accuracy of an entropy is of effect
    """

    kind: ClassVar[str]
    theorem: ClassVar[str]
    statement: ClassVar[str]
    of_entropy: ClassVar[bool] = False

    @property
    def entry(self) -> dict[str, Any]:
        """The kind and all parameters, as plain data."""
        return {"kind": self.kind} | {f.name: _plain(getattr(self, f.name)) for f in fields(self)}  # type: ignore[arg-type]

    @property
    def label(self) -> str:
        """The kind and the parameters that are not the default, as a text."""
        own = {f.name: f.default for f in fields(self)}  # type: ignore[arg-type]
        words = [f"{k} = {v}" for k, v in self.entry.items() if k != "kind" and v != own[k]]
        return " ".join([self.kind, *words]).replace("'", "")

    @property
    def is_open(self) -> bool:
        """Whether a parameter is "best", and so is searched."""
        return "best" in self.entry.values()

    def came_from(self, asked: PostProcessing) -> bool:
        """Whether it is what was asked for, with numbers in place of what is "best" there."""
        own, theirs = self.entry, asked.entry
        return not self.is_open and all(theirs[k] in (v, "best") for k, v in own.items() if k in theirs)

    @abstractmethod
    def below(self, behaviour: Behaviour, data: Observations, entropy: Entropy) -> Processed:
        """A proven lower bound on the key rate."""

    @abstractmethod
    def claim(self, behaviour: Behaviour, data: Observations) -> Claim:
        """What the certificate of :meth:`below` proves a lower bound on."""

    @abstractmethod
    def rate_from(self, behaviour: Behaviour, data: Observations, proven: float) -> tuple[float, float]:
        """The rate that follows from the proven number, rounded down, and the cost of the errors of the key."""

    @property
    @abstractmethod
    def own_settings(self) -> tuple[int, ...]:
        """Alice's settings that make key, in the order of Bob's that fit."""

    def require_fit(self, scenario: Scenario) -> None:
        """Raise InvalidInput where a key's setting, or an outcome that is named, is not there."""
        try:
            pairs = self.key_pairs
        except InvalidInput:  # one of another package, which says it itself
            return
        for x, y in pairs:
            scenario.require_setting(0, x, "x")
            scenario.require_setting(1, y, "y")

    @property
    def key_pairs(self) -> tuple[tuple[int, int], ...]:
        """Alice's settings that make key, each with the setting of Bob that fits."""
        raise InvalidInput(f"{self.label} does not say which settings make its key, so that no devices are searched.")

    @property
    def searches_flips(self) -> bool:
        """Whether it has one probability of flips, which is to be searched."""
        return False

    def with_flips(self, flips: float) -> PostProcessing:
        """The post-processing with this probability of flips, where it is searched."""
        return self

    def estimated(self, behaviour: Behaviour, data: Observations, memory: object = None) -> Estimated:
        """The rate for a search over devices; ``memory`` is that of the estimate before.

        This one is the proven rate, and changes as :meth:`at` says.
        """
        found = self.below(behaviour, data, VonNeumann(tolerance=1e-4))
        return Estimated(found.value, lambda other, own: found.by.at(found.entropy, other, own))

    def at(self, entropy: Bound, behaviour: Behaviour, data: Observations) -> float:
        """What the functional of a bound gives at another behaviour, as a rate; steers a search, and proves nothing.

        Minus infinity where it gives nothing: a search then halves its interval.
        """
        return -math.inf

    @abstractmethod
    def above(self, behaviour: Behaviour, data: Observations) -> Processed:
        """An upper bound on what any analysis of these data certifies, by an explicit attack."""

    def attack_claim(self, behaviour: Behaviour, data: Observations) -> Claim | None:
        """What the certificate of :meth:`above` proves an upper bound on: the rate itself.

        None where it has none; :meth:`rate_under` then says in floats what its strategies leave.
        """
        return None

    @abstractmethod
    def attacked(self, behaviour: Behaviour, data: Observations) -> Sequence[Claim]:
        """What a certificate of the strategies of :meth:`above` may be about; it proves that they have the data."""

    @abstractmethod
    def rate_under(
        self, behaviour: Behaviour, data: Observations, strategies: Sequence[Strategy], weights: Floats
    ) -> tuple[float, float]:
        """The rate that a mixture of strategies leaves, in floats, and the cost of the errors of the key."""


def _plain(value: object) -> Any:
    return [_plain(part) for part in value] if isinstance(value, tuple | list) else value


def require_none(by: object, given: tuple[object, ...]) -> None:
    """Refuse whose outcomes are used beside an object that says so itself."""
    if any(value is not None for value in given):
        raise InvalidInput(
            f"{by!r:.80} says itself which settings are used and with which flips; leave x, y, settings, merge, "
            "preprocessing, local and blind out."
        )
