"""Channels that a bit passes before it is used: flips, and those that flip a 0 and a 1 with different probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sdpbound.arguments import real
from sdpbound.errors import InvalidParameter

__all__ = [
    "BEST",
    "BEST_CHANNEL",
    "LEAST",
    "BinaryChannel",
    "Preprocessing",
    "channel_of",
    "passed",
    "require_best",
    "up_and_down",
]

#: Probabilities between zero and this are refused: floats do not resolve what they do to an entropy.
LEAST = 1e-6
#: What stands for a preprocessing that is searched: the best flips, and the best channel.
BEST, BEST_CHANNEL = "best", "best channel"


@dataclass(frozen=True, slots=True)
class BinaryChannel:
    """A channel that takes a bit to a bit: a 0 becomes 1 with probability p0, and a 1 becomes 0 with probability p1.

    Effects M_0, M_1 of the bit become ``(1 - p0) M_0 + p1 M_1`` and ``p0 M_0 + (1 - p1) M_1``. Where both
    probabilities are equal the bit is flipped. Channels with p0 + p1 > 1 are others with the outcomes renamed.

    Parameters
    ----------
    p0, p1 : P(1|0) and P(0|1), each 0 or at least 1e-6, of a sum of at most 1

    >>> BinaryChannel(0.1, 0.0)
    BinaryChannel(p0=0.1, p1=0.0)
    """

    p0: float
    p1: float

    def __post_init__(self) -> None:
        for name in ("p0", "p1"):
            given = getattr(self, name)
            value = real(given, name, "a probability, a number from 0 to 1")
            if not (value == 0.0 or LEAST <= value <= 1.0):
                raise InvalidParameter(
                    f"{name} = {given!r:.60} must be 0 or a probability from {LEAST:g} to 1; "
                    "give 0 for an outcome that stays as it is."
                )
            object.__setattr__(self, name, value + 0.0)
        if self.p0 + self.p1 > 1.0:
            raise InvalidParameter(
                f"p0 + p1 = {self.p0 + self.p1:.9g} must be at most 1; take BinaryChannel({1.0 - self.p0:.6g}, "
                f"{1.0 - self.p1:.6g}), the same with the outcomes renamed."
            )

    def __bool__(self) -> bool:
        return bool(self.p0 or self.p1)

    def __format__(self, spec: str) -> str:
        return f"({self.p0:{spec}}, {self.p1:{spec}})"


#: The probability of a flip, or a channel that is not symmetric.
Preprocessing = float | BinaryChannel


def up_and_down(preprocessing: Preprocessing) -> tuple[float, float]:
    """The probabilities with which a 0 becomes 1, and a 1 becomes 0."""
    if isinstance(preprocessing, BinaryChannel):
        return preprocessing.p0, preprocessing.p1
    return preprocessing, preprocessing


def channel_of(p0: float, p1: float) -> Preprocessing:
    """The channel with these probabilities: a number where they are equal. Those that are too small are 0."""
    up, down = (0.0 if p < LEAST else float(p) for p in (p0, p1))
    return up if up == down else BinaryChannel(up, down)


def require_best(value: str) -> bool:
    """Whether a preprocessing that is searched is a channel; raises InvalidParameter where the word is no known one."""
    if value not in (BEST, BEST_CHANNEL):
        raise InvalidParameter(
            f"preprocessing = {value!r:.60} must be a number from 0 to 1/2 or a BinaryChannel, or '{BEST}' for the "
            f"best flips, or '{BEST_CHANNEL}'."
        )
    return value == BEST_CHANNEL


def passed(preprocessing: Preprocessing, values: Any, one: Any = 1.0) -> list[Any]:
    """What becomes of probabilities, effects or states of a bit's two values; ``one`` is the 1 of their numbers."""
    up, down = (one * p for p in up_and_down(preprocessing))
    zero, first = values
    return [(one - up) * zero + down * first, up * zero + (one - down) * first]
