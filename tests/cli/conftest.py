"""Calls of the command line, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from sdpbound import cli

Call = Callable[..., SimpleNamespace]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """A command line by its words: status, out and err."""

    def call(*arguments: str) -> SimpleNamespace:
        status = cli.run(arguments)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return SimpleNamespace(status=status, out=out, err=err)

    return call


@pytest.fixture
def answer(call: Call) -> Callable[..., dict[str, Any]]:
    """The JSON object of a command that succeeds."""

    def answer(*arguments: str) -> dict[str, Any]:
        done = call(*arguments, "--json")
        assert (done.status, done.err) == (0, "")
        return json.loads(done.out)

    return answer


@pytest.fixture
def refused(call: Call) -> Callable[..., None]:
    """Asserts that a command line is refused by one sentence with all the words, and prints nothing else."""

    def refused(arguments: list[str], *words: str) -> None:
        done = call(*arguments)
        assert (done.status, done.out) == (2, "")
        assert done.err.startswith("sdpbound: ") and done.err.count("\n") == 1 and done.err.endswith("\n")
        assert not set("╭│╰") & set(done.err)
        for word in words:
            assert word in done.err, done.err

    return refused
