"""The member of a family from what is typed, and the facts of a member that are printed."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sdpbound as sb
from sdpbound.cli.texts import angle, number
from sdpbound.errors import InvalidInput
from sdpbound.registry import near

if TYPE_CHECKING:
    from sdpbound.bell.families.family import Axis, Family, Member

__all__ = ["assignments", "heading", "member_facts", "named_member", "singlet_member"]

#: The brackets that open and close. A comma between them separates nothing.
OPEN, CLOSED = "([", ")]"
#: The most points of a family that a message names.
MOST_POINTS = 8


def singlet_member(angles: Mapping[str, str | None], at: Sequence[str] | None) -> tuple[Family, Member]:
    """Return the singlet family and its member at three angles."""
    if at:
        raise InvalidInput(f"--at {at[0]} is of a family: give --family NAME too; 'sdpbound families' lists them.")
    missing = [f"--{name}" for name, text in angles.items() if text is None]
    path = _command_path()
    if len(missing) == len(angles):
        raise InvalidInput(
            f"missing options: give --family NAME with --at AXIS=VALUE, or {', '.join(missing)} of the singlet family, "
            f"or --behaviour FILE; see '{path} --help'."
        )
    if missing:
        raise InvalidInput(f"missing option '{missing[0]}' of the singlet family; see '{path} --help'.")
    from sdpbound.bell.families import family_named

    family = family_named("singlet")
    return family, family.member(**{name: angle(text, name) for name, text in angles.items() if text is not None})


def named_member(name: str | None, file: Path | None, at: Sequence[str]) -> tuple[Family, Member]:
    """Return a family and its member.

    The family has a name, or it is the table of behaviours in a file.

    Raises
    ------
    InvalidInput, InvalidParameter
        The family, one of its axes or a value is unknown.
    """
    from sdpbound.bell.families.table import FAMILIES, family_named, structure_names

    given = assignments(at, "--at", "AXIS=VALUE")
    if name is None:
        family = family_named("table", file=str(file))
    else:
        words = structure_names(FAMILIES.named(name, "--family", InvalidInput))
        family = family_named(name, **{word: _structure(given.pop(word)) for word in words if word in given})
    return family, family.member(**{axis: _axis_value(family, family.axis(axis), text) for axis, text in given.items()})


def _axis_value(family: Family, axis: Axis, text: str) -> float:
    """Read a value of an axis: an angle, the name of a point, or a number."""
    if axis.unit == "rad":
        return angle(text, axis.name)
    points = family.point_names()
    if points is None:
        return number(text, axis.name)
    if text in points:
        return float(points.index(text))
    try:
        return number(text, axis.name)
    except InvalidInput:
        shown = ", ".join(points[:MOST_POINTS]) + (", ..." if len(points) > MOST_POINTS else "")
        raise InvalidInput(
            f"{axis.name} = {text!r:.60} must be a name, {shown}, or {axis.range}{near(text, points)}"
        ) from None


def _structure(text: str) -> Any:
    """Read a value in the form of a study file, such as true, 3, [2, 3] or "chsh".

    Anything else is read as a word.
    """
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def assignments(texts: Iterable[str], option: str, form: str) -> dict[str, str]:
    """Read names and their values, such as "beta=0.5, alpha=1".

    A comma inside brackets separates nothing.
    """
    found: dict[str, str] = {}
    for text in texts:
        for part in _parts(text):
            name, equals, value = (word.strip() for word in part.partition("="))
            if not (name and equals and value):
                raise InvalidInput(f"{option} {text!r} must be {form}, such as beta=0.5.")
            if name in found:
                raise InvalidInput(f"{option} sets {name} twice: to {found[name]} and to {value}; leave one out.")
            found[name] = value
    return found


def _parts(text: str) -> Iterator[str]:
    """Split the text at the commas that are outside all brackets."""
    start = depth = 0
    for place, character in enumerate(text):
        depth += (character in OPEN) - (character in CLOSED)
        if character == "," and depth == 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]


def member_facts(family: Family, member: Member) -> dict[str, Any]:
    """Return the devices for JSON.

    A member of the singlet family also has its angles under their older keys.
    """
    angles = member.values if isinstance(member, sb.SingletSelfTest) else {}
    structure = {name: value for name, value in family.structure.items() if value is not None}
    return {**angles, "family": family.name, "structure": structure, "parameters": member.values}


def heading(member: Member) -> str:
    """Return the devices as one line of text."""
    if not isinstance(member, sb.SingletSelfTest):
        return f"{member.title}   ({member.source})"
    theta, phi, omega = member.parameters
    word = "fulfilled: self-tests the singlet" if member.is_self_test else "not fulfilled"
    return f"theta = {theta:.12g}, phi = {phi:.12g}, omega = {omega:.12g}   (condition (4) {word})"


def _command_path() -> str:
    """Return the command that runs, such as "sdpbound rate key"."""
    from sdpbound.cli.clicks import current_context

    return current_context().command_path
