"""The table of methods for von Neumann entropies, and the function that makes a method from its name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from sdpbound.entropies.auto import Auto
from sdpbound.entropies.candidates import CANDIDATES, GROUP, WANTED
from sdpbound.entropies.entropy import Entropy
from sdpbound.errors import InvalidParameter
from sdpbound.registry import Registry, concrete, unknown

__all__ = ["METHODS", "method_named", "options_of"]

#: Each method has a line here. Another package adds a method by an entry point. The class is called with those options
#: of :class:`sdpbound.VonNeumann` that its constructor takes by name.
METHODS: Registry[type[Entropy]] = Registry(
    "a method for entropies", GROUP, {Auto.name: Auto, **CANDIDATES}, concrete(Entropy), WANTED
)


def options_of(kind: type[Entropy]) -> tuple[str, ...]:
    """The names of the options that a method takes."""
    return tuple(inspect.signature(kind).parameters)


def method_named(name: object, options: Mapping[str, object]) -> Entropy:
    """Make the method of this name with the given options; an option that is None keeps the method's default."""
    kind = METHODS.find(name)
    if kind is None:
        text = unknown(name, METHODS.names(), "method").rstrip(".")
        raise InvalidParameter(f"{text}; words of the devices are level=..., after it.")
    taken = options_of(kind)
    given = {key: value for key, value in options.items() if value is not None}
    others = [key for key in given if key not in taken and key != "tolerance"]
    if others:
        own = " and ".join(key for key in options if key in taken) or "no option"
        raise InvalidParameter(
            f"method {name!r} takes {own} only: leave {' and '.join(others)} out, or take 'projective'."
        )
    return kind(**{key: value for key, value in given.items() if key in taken})
