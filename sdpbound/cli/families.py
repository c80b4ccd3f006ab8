"""The command that lists the families of devices."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdpbound.cli.options import AsJson
from sdpbound.cli.output import emit, finite
from sdpbound.errors import InvalidInput

if TYPE_CHECKING:
    from sdpbound.bell.families import Axis, Family

__all__ = ["families_command"]


def families_command(
    names: Annotated[
        list[str] | None, typer.Argument(help="Only these families. Default: all.", metavar="NAME...")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The families of devices: what they are, their axes with unit and range, and where they are from.

    Choose a member with --family NAME --at AXIS=VALUE. Further arguments of a family, such as settings=[2,3] of
    two_qubit, are given with --at as well, and may change its axes.
    """
    from sdpbound.bell.families import FAMILIES

    chosen = [FAMILIES.named(name, "family", InvalidInput) for name in names or FAMILIES.names()]
    emit(
        {"command": "families", "families": [_facts(family) for family in chosen]},
        [line for family in chosen for line in _lines(family)],
        as_json,
    )


def _facts(family: type[Family]) -> dict[str, Any]:
    """Return the facts of a family for JSON.

    The axes are null where they depend on arguments that must be given.
    """
    axes = _axes(family)
    return {
        "name": family.name,
        "text": family.text,
        "source": family.source,
        "arguments": [
            {"name": name, "needed": default is MISSING, "default": None if default is MISSING else default}
            for name, default in _arguments(family).items()
        ],
        "axes": None if axes is None else [_axis_facts(axis) for axis in axes],
    }


def _axis_facts(axis: Axis) -> dict[str, Any]:
    """Return the facts of an axis for JSON.

    An infinite end of its range is null.
    """
    return {
        "name": axis.name,
        "unit": axis.unit,
        "low": finite(axis.low),
        "high": finite(axis.high),
        "whole": axis.whole,
        "default": axis.default,
        "text": axis.text,
    }


def _lines(family: type[Family]) -> list[str]:
    """Return the lines of text about a family."""
    lines = [f"{family.name}: {family.text}   ({family.source})"]
    axes, arguments = _axes(family), _arguments(family)
    width = max((len(name) for name in (*arguments, *(axis.name for axis in axes or ()))), default=0)
    for name, default in arguments.items():
        lines.append(f"  {name:{width}}  an argument; {'needed' if default is MISSING else f'default {default}'}")
    if axes is None:
        lines.append("  its axes depend on its arguments")
    for axis in axes or ():
        default = "" if axis.default is None else f"; default {axis.default:g}"
        lines.append(f"  {axis.name:{width}}  {axis.text}: {axis.range}{default}")
    return lines


def _arguments(family: type[Family]) -> dict[str, Any]:
    """Return the arguments that a family takes, each with its default; an argument that must be given has MISSING.

    Arguments that are empty by default hold what a family has read, for other processes. A user does not give these
    arguments, so they are left out.
    """
    return {
        field.name: field.default
        for field in fields(family)  # type: ignore[arg-type]
        if field.init and field.default != ()
    }


def _axes(family: type[Family]) -> tuple[Axis, ...] | None:
    """Return the axes of the family with its default arguments; None if an argument must be given."""
    if isinstance(family.axes, tuple):
        return family.axes
    try:
        return family().axes
    except (InvalidInput, TypeError):
        return None
