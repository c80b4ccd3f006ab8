"""Noise as objects: what devices do to a state, to measurements and in detectors.

    white = WhiteNoise(0.99)                              # of the state
    turned = Misalignment(0.01, (0.0, -0.02))             # of the measurements
    lossy = DetectionInefficiency(0.95)                   # of the detectors
    strategy.behaviour(noise=white + turned + lossy)      # in the order in which they happen

A noise changes a :class:`~sdpbound.bell.strategy.Strategy` (:meth:`Noise.apply_to`); those that do not depend on the
state also change a bare :class:`~sdpbound.bell.behaviour.Behaviour` (:meth:`Noise.on_behaviour`), with the same result.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from functools import reduce
from typing import Any, ClassVar

from sdpbound.arguments import instance
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.binning import Binning
from sdpbound.bell.strategy import Strategy
from sdpbound.errors import InvalidInput

__all__ = ["Noise", "NoiseSequence", "noise_number", "require_behaviour", "require_strategy"]


STAGES = ("state", "measurement", "detector")
EXAMPLE = "WhiteNoise(0.99)"


class Noise(ABC):
    """What devices do to an ideal strategy. Frozen, comparable, composed with ``+`` in the order of happening.

    ``kind`` names it in plain data (:meth:`to_dict`).
    """

    kind: ClassVar[str]
    own_stage: ClassVar[str]
    reads_state: ClassVar[bool]
    #: Whether nothing can happen to the outcomes after it.
    last: ClassVar[bool] = False

    @property
    @abstractmethod
    def name(self) -> str:
        """The noise with its parameters, as tables have it. The text stays the same between versions."""

    @property
    @abstractmethod
    def label(self) -> str:
        """For figures, in mathtext."""

    @property
    def parts(self) -> tuple[Noise, ...]:
        """The noises it is made of, in order."""
        return (self,)

    @property
    def stage(self) -> str:
        """Where the noise happens: "state", "measurement" or "detector". A sequence has the stage of its last noise."""
        return self.parts[-1].own_stage

    @property
    def needs_strategy(self) -> bool:
        """Whether the noise depends on the state, so that a behaviour alone does not determine the result."""
        return any(part.reads_state for part in self.parts)

    @property
    def success_probability(self) -> float:
        """The probability that an attempt is heralded, and a round takes place: rates are of rounds, and the product of
        a rate and this is one of attempts. 1 for a noise without a herald."""
        return math.prod(part.own_success for part in self.parts)

    @property
    def own_success(self) -> float:
        """:attr:`success_probability` of a single noise."""
        return 1.0

    @property
    def no_clicks(self) -> Binning | None:
        """What becomes of no clicks, as in :class:`DetectionInefficiency`; None for a noise that loses nothing."""
        return None

    def require_after(self, earlier: tuple[Noise, ...]) -> None:  # noqa: B027 -- most noises have nothing to refuse
        """Raise InvalidInput if the noise cannot follow these in a sequence."""

    def merged(self, later: Noise) -> Noise | None:
        """This and a later noise as one, where one must know of the other; None where each acts by itself."""
        return None

    @abstractmethod
    def apply_to(self, strategy: Strategy) -> Strategy:
        """The strategy of the noisy devices."""

    @abstractmethod
    def on_behaviour(self, behaviour: Behaviour) -> Behaviour:
        """The behaviour of the noisy devices; InvalidInput for a noise that needs the state."""

    def then(self, later: Noise) -> Noise:
        """This noise followed by another one. ``noise + later`` means the same.

        State, measurement, detector is the order in which noises happen; a state cannot suffer after it was measured.

        Raises
        ------
        InvalidInput
            The later one belongs to an earlier stage.
        """
        return NoiseSequence((*self.parts, *instance(later, Noise, "a noise", EXAMPLE).parts))

    def __add__(self, later: object) -> Noise:
        return self.then(later) if isinstance(later, Noise) else NotImplemented

    def to_dict(self) -> dict[str, Any]:
        """As plain data that TOML and JSON hold; :func:`noise_from` reads it."""
        own = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        return {"kind": self.kind, **{name: _plain(value) for name, value in own.items()}}


def _plain(value: Any) -> Any:
    """Lists for tuples, also within tuples."""
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


@dataclass(frozen=True)
class NoiseSequence(Noise):
    """Several noises in the order in which they happen: of the state, of the measurements, of the detectors.

    ``members`` are the noises in the order in which they happen; ``+`` makes a sequence, and flattens it.

    >>> from sdpbound.bell.noise import DetectionInefficiency, WhiteNoise, noise_from
    >>> noise = WhiteNoise(0.99) + DetectionInefficiency(0.95)
    >>> noise.name
    'white_noise(0.99)+detection(0.95,0.95,binned)'
    >>> noise_from(noise.to_dict()) == noise
    True
    """

    members: tuple[Noise, ...]
    kind: ClassVar[str] = "sequence"

    def __post_init__(self) -> None:
        if not isinstance(self.members, (tuple, list)) or not self.members:
            raise InvalidInput(f"a sequence of noises must name at least one, not {self.members!r:.60}.")
        flat = tuple(p for member in self.members for p in instance(member, Noise, "a noise", EXAMPLE).parts)
        for first, later in itertools.pairwise(flat):
            if STAGES.index(later.stage) < STAGES.index(first.stage):
                raise InvalidInput(
                    f"{later.name} of the {later.stage} cannot come after {first.name} of the {first.stage}: noises "
                    f"happen in the order state, measurement, detector; write {later.name} first."
                )
            if first.last:
                raise InvalidInput(
                    f"{later.name} cannot come after {first.name}, which says what the outcomes are; write it first."
                )
        for i, part in enumerate(flat):
            part.require_after(flat[:i])
        object.__setattr__(self, "members", flat)

    @property
    def parts(self) -> tuple[Noise, ...]:
        return self.members

    @property
    def acting(self) -> tuple[Noise, ...]:
        """The noises as they act, one after the other: losses of fibres are part of those of detectors."""
        left = list(self.members)
        for i in range(len(left) - 1, -1, -1):
            for j in range(i + 1, len(left)):
                one = left[i].merged(left[j])
                if one is not None:
                    left[j] = one
                    del left[i]
                    break
        return tuple(left)

    @property
    def name(self) -> str:
        return "+".join(part.name for part in self.members)

    @property
    def label(self) -> str:
        return ", ".join(part.label for part in self.members)

    def apply_to(self, strategy: Strategy) -> Strategy:
        return reduce(lambda done, part: part.apply_to(done), self.acting, require_strategy(strategy))

    def on_behaviour(self, behaviour: Behaviour) -> Behaviour:
        return reduce(lambda done, part: part.on_behaviour(done), self.acting, require_behaviour(behaviour))

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "members": [part.to_dict() for part in self.members]}


# -- arguments ------------------------------------------------------------------------------------------------------


def noise_number(value: float) -> str:
    """The shortest decimals that give the float back."""
    return repr(value).removesuffix(".0")


def require_strategy(strategy: object) -> Strategy:
    return instance(strategy, Strategy, "strategy", "SingletSelfTest(...).strategy")


def require_behaviour(behaviour: object) -> Behaviour:
    return instance(behaviour, Behaviour, "behaviour", "SingletSelfTest(...).behaviour()")
