"""What the page and its process tell each other, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field

from sdpbound.explore.state import State
from sdpbound.explore.values import Map, MapPlan, Number

__all__ = ["Asked", "File", "MapDone", "Message", "Move", "Reply", "Screen", "Stop"]


@dataclass(frozen=True, slots=True)
class Move:
    """Show this state. A move ends what is being proven of the one before.

    Attributes
    ----------
    serial : counts moves; replies have it
    """

    serial: int
    state: State


@dataclass(frozen=True, slots=True)
class Asked:
    """Make a file of the last state: "python", "study", or a figure as "pdf", "svg" or "png"."""

    kind: str


@dataclass(frozen=True, slots=True)
class Stop:
    """End what is at work, a map for example."""


Message = Move | Asked | Stop | MapPlan


@dataclass(frozen=True, slots=True)
class Screen:
    """What the page shows of a state.

    Attributes
    ----------
    serial : of the move
    stage : "quick" has what is known at once, "estimates" what takes some milliseconds more, "proving" one or more
        proven numbers, "done" all of them, "wrong" a sentence about a bad value
    numbers : those that are new, by name
    slice_svg, rates_svg : pictures; empty where they are as before, or where there is none
    sentence : what is wrong, or what the member is
    small : whether there are two settings of two outcomes a party
    """

    serial: int
    stage: str
    numbers: dict[str, Number] = field(default_factory=dict)
    slice_svg: str = ""
    rates_svg: str = ""
    sentence: str = ""
    small: bool = True


@dataclass(frozen=True, slots=True)
class File:
    """A file that was asked for: its name and content; ``sentence`` says what is wrong, if something is."""

    kind: str
    name: str
    content: bytes
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class MapDone:
    """A map as far as it is computed.

    Attributes
    ----------
    found : None where nothing is
    picture : SVG
    ended : whether nothing more comes
    sentence : what is wrong, if something is
    """

    found: Map | None
    picture: str
    ended: bool
    sentence: str = ""


Reply = Screen | File | MapDone
