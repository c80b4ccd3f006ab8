"""``sdpbound doctor``: a sound installation, and each fault that it must see."""

from __future__ import annotations

import json
import os
from importlib import metadata
from typing import Any

import pytest

import sdpbound as sb
from sdpbound.cli import examining, main
from sdpbound.cli.examining import Finding, examined, solver_finding, tried_apart
from sdpbound.cli.program import COMPLETE
from sdpbound.conic.solvers.clarabel_ import Clarabel


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few solvers, tried in this process."""
    monkeypatch.setattr(examining, "tried_apart", lambda names: map(solver_finding, ("clarabel", "highs", "sdpa")))


def faults() -> dict[str, str]:
    found = {f.part: f.text for f in examined(lambda names: map(solver_finding, ("clarabel",))) if not f.sound}
    assert all(text.endswith(".") and "\n" not in text for text in found.values())
    return found


@pytest.mark.usefixtures("here")
def test_a_sound_installation(call: Any) -> None:
    done = call("doctor", "--json")
    found = json.loads(done.out)
    assert (done.status, found["sound"]) == (0, True)
    parts = {entry["part"]: entry["text"] for entry in found["findings"]}
    assert {"versions", "packages", "BLAS", "compiled loops", "first checker", "second checker"} <= parts.keys()
    assert "2.828427" in parts["solver clarabel"] and "CHSH <= 4" in parts["solver highs"]
    assert "extra study" in parts


@pytest.mark.usefixtures("here")
def test_a_fault_is_one_sentence_and_status_1(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examining, "recheck", lambda entry: sb.verify(entry))  # would accept; of a false one it raises
    done = call("doctor")
    assert done.status == 1 and "FAULT  second checker" in done.out
    assert done.err.count("\n") == 1 and "1 of" in done.err


def test_what_it_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults() == {}
    real = metadata.version

    def version(name: str) -> str:
        if name == "scipy":
            raise metadata.PackageNotFoundError(name)
        return "1.0" if name == "numba" else real(name)

    def broken(*arguments: object) -> None:
        raise OSError("libblas.so: cannot open")

    with monkeypatch.context() as patch:
        patch.setattr(metadata, "version", version)
        patch.setattr(Clarabel, "solve", broken)
        found = faults()
    assert "scipy is missing" in found["packages"]
    assert "libblas.so" in found["solver clarabel"] and "reinstall clarabel" in found["solver clarabel"]
    with monkeypatch.context() as patch:
        patch.setattr(examining, "QUANTUM", 2.9)  # as if the bound were below the truth
        assert "bounds CHSH by 2.828427" in faults()["solver clarabel"]
    assert not solver_finding("no such solver").sound
    absent = type("Absent", (Clarabel,), {"installed": classmethod(lambda cls: False)})
    with monkeypatch.context() as patch:
        patch.setattr(examining.SOLVERS, "find", lambda name: absent)
        assert solver_finding("clarabel") == Finding("solver clarabel", True, "not installed (pip install clarabel)")


class Crash:
    """A name that ends the process that reads it."""

    def __reduce__(self) -> Any:
        return os._exit, (1,)

    def __str__(self) -> str:
        return "crash"


@pytest.mark.slow
def test_a_solver_that_crashes_takes_nothing_down() -> None:
    names: Any = (Crash(), "highs")
    first, second = tried_apart(names)
    assert not first.sound and "crashes its process" in first.text and second.sound


def test_shells_complete(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What the shell's script asks: names of commands, of those below them, and options."""
    for words, wanted in (("sdpbound do", "doctor"), ("sdpbound rate ke", "key"), ("sdpbound doctor --js", "--json")):
        monkeypatch.setenv(COMPLETE, "complete_bash")
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == 0 and capsys.readouterr().out.split() == [wanted]
