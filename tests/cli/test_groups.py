"""Groups of options: one parameter of a command, many options of its command line."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from sdpbound.cli.groups import Options, Without, grouped


@dataclass(frozen=True, slots=True)
class Colours(Options):
    red: Annotated[str, typer.Option(help="How red.")]
    green: Annotated[str, typer.Option(help="How green.")] = "1"
    blue: Annotated[list[str] | None, typer.Option("--blue", "-b", help="How blue.")] = None


@grouped
def paint(
    name: Annotated[str, typer.Argument()],
    colours: Colours,
    gloss: Annotated[bool, typer.Option("--gloss")] = False,
) -> None:
    """Paint it."""
    typer.echo(f"{name} {colours.red} {colours.green} {colours.blue} {gloss}")


@grouped
def fade(colours: Annotated[Colours, Without("green", "blue")]) -> None:
    typer.echo(f"{colours!r}")


def run(command, *arguments):
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, arguments)


def test_fields_are_options():
    done = run(paint, "wall", "--gloss", "--red", "0.5", "-b", "2", "--blue", "3")
    assert (done.exit_code, done.output) == (0, "wall 0.5 1 ['2', '3'] True\n")
    assert run(paint, "wall", "--red", "0").output == "wall 0 1 None False\n"
    assert run(paint, "wall").exit_code == 2  # red has no default
    assert paint.__doc__ == "Paint it."
    assert list(inspect.signature(paint).parameters) == ["name", "red", "green", "blue", "gloss"]


def test_options_left_out_have_their_default():
    assert run(fade, "--red", "1").output == "Colours(red='1', green='1', blue=None)\n"
    assert run(fade, "--red", "1", "--green", "2").exit_code == 2


def test_wrong_groups_are_refused():
    def twice(colours: Colours, red: str) -> None: ...

    def unknown(colours: Annotated[Colours, Without("purple")]) -> None: ...

    twice.__annotations__ = {"colours": Colours, "red": str}
    unknown.__annotations__ = {"colours": Annotated[Colours, Without("purple")]}
    with pytest.raises(TypeError, match="an option twice"):
        grouped(twice)
    with pytest.raises(TypeError, match="no option purple"):
        grouped(unknown)
