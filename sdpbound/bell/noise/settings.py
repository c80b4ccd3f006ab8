"""Numbers of a noise for a party: one for all of its settings, or one for each; and how they are written."""

from __future__ import annotations

from sdpbound.bell.noise.noise import noise_number
from sdpbound.errors import InvalidShape

__all__ = ["both_labelled", "labelled", "named", "of_settings"]

Numbers = float | tuple[float, ...]


def named(value: Numbers) -> str:
    """The numbers as they stand in the stable name of a noise, such as ``0.9`` or ``[0.9,0.8]``."""
    return noise_number(value) if isinstance(value, float) else f"[{','.join(map(noise_number, value))}]"


def labelled(value: Numbers) -> str:
    """The numbers as they stand in the label of a chart, such as ``0.9`` or ``(0.9,0.8)``."""
    return noise_number(value) if isinstance(value, float) else f"({','.join(map(noise_number, value))})"


def both_labelled(letter: str, a: Numbers, b: Numbers) -> str:
    """The numbers of Alice and Bob under one letter, without the parties if they have the same."""
    return f"{letter}={labelled(a)}" if a == b else rf"{letter}_A={labelled(a)},\ {letter}_B={labelled(b)}"


def of_settings(given: Numbers, settings: int, what: str, who: str) -> tuple[float, ...]:
    """One number for each setting of a party; :class:`InvalidShape` if they do not fit."""
    found = (given,) * settings if isinstance(given, float) else given
    if len(found) != settings:
        raise InvalidShape(
            f"{len(found)} {what} of {who} do not fit {settings} settings; give one for each setting, or one number "
            "for all."
        )
    return found
