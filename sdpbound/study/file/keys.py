"""The key of a quantity in a study file: settings of parties, and what is merged of their outcomes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo

from sdpbound.study.file.validators import fail, integer, quote

__all__ = ["KeySetting", "SaidKey", "SaidMerge", "read_key", "read_merge"]

#: The largest setting that a file may name.
LAST = 63
#: The most parties of a scenario.
MOST_PARTIES = 8
#: The most entries of a key's function.
MOST_VALUES = 4096


def _setting(value: object, info: ValidationInfo) -> int:
    """Read a setting.

    The setting is checked against the points' settings if all points have the same number of settings.
    """
    settings = getattr(info.context, "settings", None)
    last = LAST if settings is None else settings[0 if info.field_name == "x" else 1] - 1
    return integer(0, last)(value)


KeySetting = Annotated[int, BeforeValidator(_setting, json_schema_input_type=Annotated[int, Field(ge=0, le=LAST)])]


def read_key(value: object) -> tuple[int | None, ...]:
    """Read a setting for each party, "-" for none."""
    if not isinstance(value, (list, tuple)) or not 2 <= len(value) <= MOST_PARTIES:
        raise fail(f"must have a setting for each party, '-' for none, such as [0, '-', 1], not {quote(value)}")
    found = tuple(None if entry in ("-", None) else integer(0, LAST)(entry) for entry in value)
    if all(entry is None for entry in found):
        raise fail("has no setting of any party; give at least one")
    return found


def read_merge(value: object) -> tuple[int, ...]:
    """Read the key's value for each outcome: digits, a list, or rows of lists for the outcomes of several parties."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = [int(digit) for digit in value]
    such = "a list of the key's value, 0, 1, .., for each outcome, such as [0, 0, 1, 1], or its digits"
    entries: list[object] = [value]
    while any(isinstance(entry, (list, tuple)) for entry in entries):
        entries = [part for entry in entries for part in (entry if isinstance(entry, (list, tuple)) else [entry])]
        if len(entries) > MOST_VALUES:
            raise fail(f"must be {such}, of at most {MOST_VALUES} entries")
    if not isinstance(value, (list, tuple)) or any(type(entry) is not int for entry in entries):
        raise fail(f"must be {such}, not {quote(value)}")
    found = tuple(int(entry) for entry in entries)  # type: ignore[call-overload]
    if sorted(set(found)) != list(range(len(set(found)))) or len(found) < 2:
        raise fail(f"must be {such}, without a gap, not {quote(value)}")
    return found


SaidMerge = Annotated[str, Field(pattern=r"^[0-9]{2,}$")] | list[Any]

SaidKey = Annotated[
    list[Annotated[int, Field(ge=0, le=LAST)] | Literal["-"]], Field(min_length=2, max_length=MOST_PARTIES)
]
