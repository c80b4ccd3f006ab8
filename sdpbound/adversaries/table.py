"""The table of adversaries, and the one of a name."""

from __future__ import annotations

from sdpbound.adversaries.adversary import Adversary
from sdpbound.adversaries.local import Local
from sdpbound.adversaries.nosignaling import NoSignaling
from sdpbound.adversaries.quantum import Quantum
from sdpbound.errors import InvalidInput, InvalidParameter
from sdpbound.npa.levels import Level
from sdpbound.registry import Registry, concrete

__all__ = ["ADVERSARIES", "adversary_named"]

#: The adversaries by name; other packages add theirs by an entry point of this group.
ADVERSARIES: Registry[type[Adversary]] = Registry(
    "an adversary",
    "sdpbound.adversaries",
    {"quantum": Quantum, "no-signaling": NoSignaling, "local": Local},
    concrete(Adversary),
    "a subclass of sdpbound.Adversary with all its methods",
)


def adversary_named(
    name: object, level: Level | None = None, argument: str = "model", error: type[InvalidInput] = InvalidParameter
) -> Adversary:
    """The adversary of a name, at a level of its hierarchy; None for its own choice of level.

    Parameters
    ----------
    name : "quantum", "no-signaling", "local", or that of another package's entry point
    level : as in :class:`Quantum`; None where the adversary has no levels
    argument, error : what the caller calls the name, and the error raised if there is none

    >>> adversary_named("quantum", "1+AB"), adversary_named("local")
    (Quantum(level='1+AB'), Local())
    """
    found = ADVERSARIES.named(name, argument, error).at_level(level)
    if found.name != name:
        raise InvalidInput(
            f"{argument} = {name!r} gives {found!r}, called {found.name!r}; the entry point must have that name."
        )
    return found
