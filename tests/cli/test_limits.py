"""Limits of time on the command line, and Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

import sdpbound as sb
from sdpbound.cli import options
from tests.cli.conftest import Call

#: Chained settings: at a visibility of 0.98 and with full statistics, a search of some seconds.
DEVICES = ("--family", "chained", "--visibility", "0.98", "--observed", "full")


@pytest.mark.slow
def test_a_limit(call: Call) -> None:
    # compiled loops are compiled at their first use, which no limit cuts short
    assert call("rate", "key", *DEVICES, "--at", "settings=3", "--tolerance", "1e-2").status == 0
    done = call("rate", "key", *DEVICES, "--at", "settings=3", "--time-limit", "4", "--tolerance", "1e-6")
    assert done.status == 0 and "(lower bound; " in done.out and "; stopped before it was as tight as" in done.out


@pytest.mark.slow
def test_the_side_that_is_proven(call: Call) -> None:
    """The lower side is printed, and the attack or that none was found in time: a machine decides which."""
    done = call("entropy", *DEVICES, "--at", "settings=3", "--time-limit", "3", "--tolerance", "1e-6")
    assert done.status == 0 and "H(A|x=0,E) >= " in done.out and "stopped before" in done.out
    assert ("H(A|x=0,E) <= " in done.out) != ("no attack was found in time" in done.out)
    assert ("before a mixture of strategies had the tested values" in done.err) != ("H(A|x=0,E) <= " in done.out)


def test_enough_time(call: Call) -> None:
    line = ("guess", "--theta", "1", "--phi", "1.5", "--omega", "2.6", "--level", "1+AB")
    plain, limited = call(*line), call(*line, "--time-limit", "100")
    assert limited.status == 0 and limited.out.splitlines()[:3] == plain.out.splitlines()[:3]


@pytest.mark.parametrize("text", ["0", "-3", "nan", "soon"])
def test_no_limit(call: Call, text: str) -> None:
    done = call("value", "--family", "chsh", "--time-limit", text)
    assert done.status == 2 and "time-limit" in done.err and done.err.count("\n") == 1


def test_nothing_proven(call: Call) -> None:
    done = call("value", "--family", "chsh", "--level", "1", "--time-limit", "1e-9")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("sdpbound: the time limit of 1e-09 s came before anything was proven; allow more time")


def test_progress_where_there_is_no_terminal(call: Call) -> None:
    """Texts go to standard error, and the answer is the same."""
    line = ("guess", "--theta", "1", "--phi", "1.5", "--omega", "2.6", "--level", "1+AB")
    plain, told = call(*line), call(*line, "--progress")
    assert told.status == 0 and told.out.splitlines()[:3] == plain.out.splitlines()[:3]
    assert not plain.err and "level 1+AB" in told.err


def test_an_interrupt(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first Ctrl-C: what is proven is printed, and the exit status is 130."""
    found = sb.maximize

    def maximize(*arguments: Any, **others: Any) -> sb.Bound:
        signal.raise_signal(signal.SIGINT)  # in the middle of a call, which asks whether to go on
        with pytest.raises(sb.TimeIsUp):
            found(*arguments, **others)
        from sdpbound.limiting import unlimited

        with unlimited():
            return found(*arguments, **others)

    monkeypatch.setattr(sb, "maximize", maximize)
    monkeypatch.setattr(sb, "minimize", lambda *a, **o: maximize_of(found, *a, **o))
    done = call("value", "--family", "chsh", "--level", "1")
    assert done.status == options.INTERRUPTED == 130
    assert "maximum: Bell value <= 2.8284271" in done.out and "upper bound" in done.out


def maximize_of(found: Any, *arguments: Any, **others: Any) -> sb.Bound:
    """As a call that has its proof when it is interrupted."""
    from sdpbound.limiting import unlimited

    with unlimited():
        return found(*arguments, **others)


def test_an_interrupt_before_a_proof(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    found = sb.maximize

    def maximize(*arguments: Any, **others: Any) -> sb.Bound:
        signal.raise_signal(signal.SIGINT)
        return found(*arguments, **others)

    monkeypatch.setattr(sb, "maximize", maximize)
    done = call("value", "--family", "chsh", "--level", "1")
    assert (done.status, done.out) == (130, "")
    assert "sdpbound: interrupted: the interrupt came before anything was proven" in done.err


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2])
def test_a_terminal_interrupt(times: int) -> None:
    """A process that is at work: one Ctrl-C ends it with its bound, two at once."""
    line = ("rate", "key", *DEVICES, "--at", "settings=4", "--tolerance", "1e-7", "--method", "projective")
    with subprocess.Popen(
        [sys.executable, "-m", "sdpbound", *line], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        time.sleep(12.0)
        for _ in range(times):
            os.kill(process.pid, signal.SIGINT)
            time.sleep(0.05)
        begun = time.monotonic()
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and time.monotonic() - begun < 20.0
    if times == 1:
        assert "key rate >= " in out and "stopped" in out
        assert "stopping with what is proven so far" in err
    else:
        assert "interrupted" in err
