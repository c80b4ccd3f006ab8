"""The manual page, from the same words as ``sdpbound --help``.

python -m tests.manual FOLDER
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from sdpbound.cli.program import app
from sdpbound.version import __version__

__all__ = ["page"]


def page() -> str:
    """The page in the language of man."""
    program: Any = typer.main.get_command(app)
    context = program.make_context("sdpbound", [], resilient_parsing=True)
    lines = [
        f'.TH SDPBOUND 1 "" "sdpbound {__version__}" "User Commands"',
        ".SH NAME",
        r"sdpbound \- certified bounds on quantum, no\-signaling and local correlations",
        ".SH SYNOPSIS",
        ".B sdpbound",
        r"[\-\-version] \fICOMMAND\fR [\fIOPTIONS\fR]",
        ".SH DESCRIPTION",
        _text(program.help),
        ".SH COMMANDS",
        *_commands(program, context, ""),
        ".SH EXIT STATUS",
        _text(program.epilog.removeprefix("Exit status: ")),
    ]
    return "\n".join(line for line in lines if line) + "\n"


def _commands(group: Any, context: Any, path: str) -> Iterator[str]:
    for name in group.list_commands(context):
        command, words = group.get_command(context, name), f"{path} {name}".strip()
        if hasattr(command, "list_commands"):
            yield from _commands(command, context, words)
            continue
        names = " ".join(p.metavar or p.name.upper() for p in command.params if p.param_type_name == "argument")
        yield f".SS {_text(f'{words} {names}'.strip())}"
        yield _text(command.help or "")
        for option in command.params:
            if option.param_type_name == "option":
                yield ".TP"
                yield rf"\fB{_text(', '.join(option.opts))}\fR"
                yield _text(option.help or "")


def _text(text: str) -> str:
    """A text of one paragraph with what man would obey taken literally; without marks of Python's docstrings."""
    lines = " ".join(text.replace("``", "").split()).replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{lines}" if lines.startswith((".", "'")) else lines


if __name__ == "__main__":
    target = Path(sys.argv[1]) / "sdpbound.1"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page(), encoding="utf-8")
    print(target)
