"""Values from the texts of a command line.

A text that is no value gets an error of one sentence.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sdpbound.errors import InvalidInput, InvalidParameter

if TYPE_CHECKING:
    from sdpbound.bell.channel import Preprocessing
    from sdpbound.rates.postprocessing.postprocessing import PostProcessing

__all__ = [
    "angle",
    "choice",
    "choices",
    "flips",
    "integer",
    "merged_values",
    "number",
    "of_parties",
    "processing",
    "settings_of_all",
]

#: The units that may follow an angle.
UNITS = ("deg", "rad")

#: What stands between the numbers of the parties, and between the numbers of one party's settings.
BETWEEN_PARTIES, BETWEEN_SETTINGS = ",", ":"


def number(text: str, name: str) -> float:
    """Read a number, or an arithmetic expression such as "pi/2 - 0.02"."""
    try:
        return float(text)
    except ValueError:
        pass
    from sdpbound.study.file.expressions import ALLOWED, evaluate

    try:
        return evaluate(text)
    except ValueError as error:
        raise InvalidParameter(f"{name} = {text!r}: {error}; write {ALLOWED}.") from None


def angle(text: str, name: str) -> float:
    """Read an angle in radians.

    As in study files, a bare number that looks like degrees is refused. "45 deg", "45 rad" and expressions such as
    "45*deg" name their unit and are read. A bare number is the float that it is in Python. Any other sum of rational
    numbers and multiples of pi is an exact angle.

    >>> angle("pi/4", "theta") == angle("45 deg", "theta"), angle("45 rad", "theta")
    (True, Angle('45'))
    """
    # imported here and not at the start, because they import numpy
    from sdpbound.bell.exact import Angle
    from sdpbound.bell.families.family import require_radians

    words = text.split()
    if len(words) > 1 and words[-1] in UNITS:
        text = f"({' '.join(words[:-1])})*{words[-1]}"
    else:
        try:
            bare = float(text)
        except ValueError:
            pass
        else:
            return require_radians(bare, name)  # the float, as in Python
    try:
        return Angle.of(text, name)
    except InvalidParameter:
        return number(text, name)


def integer(text: str | None, name: str) -> int | None:
    """Read an integer.

    The library checks its range.
    """
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        raise InvalidParameter(f"{name} = {text!r} must be an integer from 0.") from None


def settings_of_all(text: str | None, x: str | None, y: str | None) -> tuple[int | None, ...] | None:
    """Read a setting for each party, "-" for none; None where none are given. The library checks their range.

    >>> settings_of_all("0,-,1", None, None)
    (0, None, 1)
    """
    if text is None:
        return None
    if x is not None or y is not None:
        raise InvalidInput(f"--settings {text} say of all parties what --x and --y do; leave --x and --y out.")
    return tuple(None if part.strip() == "-" else integer(part, "settings") for part in text.split(BETWEEN_PARTIES))


def merged_values(text: str | None) -> tuple[int, ...] | None:
    """Read the key's value for each outcome: digits, or numbers with commas between. The library checks them.

    >>> merged_values("0011"), merged_values("0, 10, 1")
    ((0, 0, 1, 1), (0, 10, 1))
    """
    if text is None:
        return None
    parts = text.split(BETWEEN_PARTIES) if BETWEEN_PARTIES in text else list(text)
    return tuple(integer(part, "merge") or 0 for part in parts)


def choice(value: str, allowed: Sequence[str], name: str) -> str:
    """Return the value if it is one of the allowed words, and raise InvalidParameter otherwise."""
    if value in allowed:
        return value
    near = difflib.get_close_matches(value.lower(), allowed, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise InvalidParameter(f"{name} = {value!r} must be {', '.join(allowed[:-1])} or {allowed[-1]}{hint}")


def processing(text: str | None) -> PostProcessing | None:
    """Return a post-processing from its kind and parameters; None if there is none."""
    from sdpbound.rates.postprocessing.table import postprocessing_named

    return None if text is None else postprocessing_named(text)


def flips(text: str) -> Preprocessing | str:
    """Read a probability of preprocessing, two of a channel with a comma between, "best", or "best channel".

    >>> flips("0.1"), flips("0.01,0.2"), flips("best channel")
    (0.1, BinaryChannel(p0=0.01, p1=0.2), 'best channel')
    """
    from sdpbound.bell.channel import BEST, BEST_CHANNEL, BinaryChannel

    if text in (BEST, BEST_CHANNEL):
        return text
    if text.strip().isalpha() and text.strip() != "pi":
        raise InvalidParameter(
            f"preprocessing = {text!r:.60} must be a probability of flips from 0 to 1/2, P,R of a channel, 'best', or "
            "'best channel'."
        )
    given = [number(part, "preprocessing") for part in text.split(",")]
    return BinaryChannel(*given) if len(given) == 2 else number(text, "preprocessing")


def of_parties(text: str, name: str, read: Callable[[str, str], float] = number) -> list[float | tuple[float, ...]]:
    """Read Alice's numbers and, after a comma, Bob's.

    Each has one number, or one for each setting with colons between.

    >>> of_parties("0.9", "efficiency"), of_parties("0.01:-0.02, 0", "misalignment")
    ([0.9], [(0.01, -0.02), 0.0])
    """
    parts = text.split(BETWEEN_PARTIES)
    if len(parts) > 2:
        raise InvalidParameter(f"{name} = {text!r} must be one number, or two with a comma between: Alice's and Bob's.")
    return [_of_settings(part, name, read) for part in parts]


def choices(text: str, name: str) -> list[bool | list[bool]]:
    """Read true or false for each party, with a slash between; a party has one, or one for each setting with colons.

    >>> choices("true/true:true:false", "binning")
    [True, [True, True, False]]
    """
    words = {"true": True, "false": False}
    found: list[bool | list[bool]] = []
    for part in text.split("/"):
        own = [words.get(word.strip()) for word in part.split(BETWEEN_SETTINGS)]
        if any(word is None for word in own):
            raise InvalidParameter(
                f"{name} = {text!r:.60} must be true or false, or Alice's and Bob's with a slash between, each with "
                "colons where it has one for each setting: true/true:true:false."
            )
        flags = [bool(word) for word in own]
        found.append(flags[0] if len(flags) == 1 else flags)
    return found


def _of_settings(text: str, name: str, read: Callable[[str, str], float]) -> float | tuple[float, ...]:
    values = tuple(read(part.strip(), name) for part in text.split(BETWEEN_SETTINGS))
    return values if len(values) > 1 else values[0]
