"""The page on the command line: its commands run."""

from __future__ import annotations

import itertools
import shlex
from pathlib import Path

import pytest

from sdpbound.bell.families import family_named

PAGE = Path(__file__).parents[2] / "docs" / "command_line.md"
COMMANDS = [line.strip() for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("    sdpbound ")]


@pytest.fixture
def data(tmp_path, monkeypatch):
    """The files that the page names, in the current folder."""
    monkeypatch.chdir(tmp_path)
    p = family_named("chsh").member().behaviour(0.95).p
    lines = [f"{a},{b},{x},{y},{float(p[a, b, x, y])!r}" for a, b, x, y in itertools.product(range(2), repeat=4)]
    Path("data.csv").write_text("\n".join(["a,b,x,y,p", *lines]))
    Path("many.csv").write_text("\n".join(["name,a,b,x,y,p", *(f"noisy,{line}" for line in lines)]))


def test_the_page_has_commands():
    assert len(COMMANDS) >= 10


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("line", COMMANDS)
def test_commands_of_the_page_run(call, line):
    done = call(*shlex.split(line)[1:])
    assert (done.status, done.err) == (0, "") and done.out
