"""Reading what a stranger wrote: exact numbers, tables of a known size, objects with known entries, nothing else."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from sdpbound.recheck.answer import refuse

__all__ = ["choice", "decoded", "integer", "items", "load", "number", "numbers", "record", "tensor"]

LARGEST_FILE = 1 << 26
#: Digits of a number written as a fraction, and binary digits of any number.
LONGEST_TEXT = 2500
MOST_BITS = 8192
LARGEST = 1 << 256


def load(source: object) -> dict[str, Any]:
    """The certificate of a path or of a dictionary; duplicate names, NaN and infinities are refused."""
    if isinstance(source, dict):
        return source
    if not isinstance(source, str | os.PathLike):
        raise refuse(f"a certificate is a dictionary or a path, not {type(source).__name__}.")
    try:
        if os.path.getsize(source) > LARGEST_FILE:
            raise refuse(f"the file is larger than {LARGEST_FILE >> 20} MB.")
        with open(source, encoding="utf-8") as file:
            text = file.read(LARGEST_FILE)
    except (OSError, ValueError) as error:
        raise refuse(f"the file cannot be read: {error}.") from None
    return decoded(text)


def decoded(text: str) -> dict[str, Any]:
    """The object of a JSON text."""
    try:
        root = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise refuse(f"the file cannot be read as JSON: {error}.") from None
    if not isinstance(root, dict):
        raise refuse("the file holds no JSON object.")
    return root


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice in one object")
    return found


def _constant(text: str) -> float:
    raise ValueError(f"{text} is no number")


def shown(value: object) -> str:
    """Something of a file in a message: short, whatever it is."""
    if type(value) is int:
        return str(value) if value.bit_length() <= 64 else f"about {'-' * (value < 0)}2^{value.bit_length()}"
    return f"{value!r:.60}" if type(value) in (float, str, bool, type(None)) else f"a {type(value).__name__}"


def record(value: object, name: str, needed: str, allowed: str = "") -> dict[str, Any]:
    """An object with all of the entries in ``needed``, and no others but those in ``allowed``."""
    must, may = set(needed.split()), set(allowed.split())
    if type(value) is not dict:
        raise refuse(f"{name} must be an object.")
    keys = set(value)
    if not must <= keys or not keys <= must | may:
        raise refuse(f"{name} has the entries {sorted(map(shown, keys))!r:.120}; it needs {sorted(must)}.")
    return value


def items(value: object, name: str, most: int, least: int = 0) -> list[Any]:
    """A list of so many things."""
    if type(value) is not list:
        raise refuse(f"{name} must be a list.")
    if not least <= len(value) <= most:
        raise refuse(f"{name} has {len(value)} entries; it may have {least} to {most}.")
    return value


def choice(value: object, name: str, allowed: Sequence[str]) -> str:
    """One of some words."""
    if type(value) is not str or value not in allowed:
        raise refuse(f"{name} = {shown(value)} must be one of {', '.join(allowed)}.")
    return value


def integer(value: object, name: str, least: int, most: int) -> int:
    """A whole number in a range."""
    if type(value) is not int or not least <= value <= most:
        raise refuse(f"{name} = {shown(value)} must be an integer from {shown(least)} to {shown(most)}.")
    return value


def number(value: object, name: str) -> Fraction:
    """A number or a fraction "p/q", exactly."""
    found: Fraction | None = None
    if type(value) is float and math.isfinite(value):
        found = Fraction(value)
    elif type(value) is int:
        found = Fraction(value) if value.bit_length() <= MOST_BITS else None
    elif type(value) is str and 0 < len(value) <= LONGEST_TEXT:
        above, slash, below = value.partition("/")
        digits = above.removeprefix("-")
        if digits.isascii() and digits.isdigit() and (not slash or (below.isascii() and below.isdigit())):
            bottom = int(below) if slash else 1
            found = Fraction(int(above), bottom) if bottom else None
    if found is not None and abs(found) >= LARGEST:
        raise refuse(f"{name} = {shown(value)} is beyond 2^256.")
    if found is None or max(found.numerator.bit_length(), found.denominator.bit_length()) > MOST_BITS:
        raise refuse(f"{name} = {shown(value)} must be a finite number or a fraction such as '1/3'.")
    return found


def numbers(value: object, name: str, count: int) -> list[Fraction]:
    """So many numbers."""
    return [number(entry, name) for entry in items(value, name, count, count)]


def tensor(value: object, name: str, shape: Sequence[int]) -> dict[tuple[int, ...], Fraction]:
    """A nested list of a shape: its entries that are not zero, by their indices."""
    found = {}
    for index, entry in _entries(value, name, tuple(shape)):
        exact = number(entry, name)
        if exact:
            found[index] = exact
    return found


def _entries(value: object, name: str, shape: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], object]]:
    if not shape:
        yield (), value
        return
    for i, part in enumerate(items(value, name, shape[0], shape[0])):
        for index, entry in _entries(part, name, shape[1:]):
            yield (i, *index), entry
