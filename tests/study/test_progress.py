"""Progress tells the truth, and the estimate of a study's time comes from timed samples."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from sdpbound.errors import InvalidInput
from sdpbound.study import Study, run_study
from sdpbound.study.answers.evaluate import evaluate
from sdpbound.study.plan import Task
from sdpbound.study.running import estimate as check_module
from sdpbound.study.running import progress
from sdpbound.study.running.estimate import estimate
from sdpbound.study.running.progress import Counter, Tally, duration, reporter
from sdpbound.study.store.answer import Answer

STUDY = """
name = "small"
visibilities = [0.99, 0.98]
adversaries = ["no-signaling", "local"]
quantities = ["guess_local", "chsh"]
[family]
kind = "singlet"
theta = { start = 0.5, stop = 1.0, count = 5 }
phi = 1.4
omega = 2.6
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(STUDY, encoding="utf-8")
    return path


def tally(monkeypatch: pytest.MonkeyPatch, elapsed: float) -> Tally:
    """Two quantities after ``elapsed`` seconds: a cheap one nearly done, a dear one hardly begun."""
    found = Tally(
        {"cheap": Counter(100, 10, 80, 0, 8.0), "dear": Counter(100, 0, 2, 1, 12.0)}, started=100.0, solving_since=100.0
    )
    monkeypatch.setattr(progress.time, "monotonic", lambda: 100.0 + elapsed)
    return found


def test_time_left_weighs_each_quantity_by_its_own_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    found = tally(monkeypatch, elapsed=10.0)  # two workers: 20 s of solving in 10 s
    assert found.rate == 8.2
    assert found.time_left("cheap") == pytest.approx(10 * 0.1 / 2)
    assert found.time_left("dear") == pytest.approx(98 * 6.0 / 2)
    assert found.time_left() == pytest.approx(10 * 0.1 / 2 + 98 * 6.0 / 2)
    total = found.total
    assert (total.total, total.before, total.done, total.failed, total.left) == (200, 10, 82, 1, 108)


def test_time_left_is_unknown_before_anything_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress.time, "monotonic", lambda: 101.0)
    found = Tally({"form": Counter(10, needs_solver=False)}, started=100.0)
    assert found.time_left() is None and duration(None) == "unknown"
    found["form"].done = 5
    assert found.time_left() == pytest.approx(1.0)
    found["form"].done = 10
    assert found.time_left() == 0.0


def test_closed_forms_do_not_promise_that_programs_are_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress.time, "monotonic", lambda: 102.0)
    found = Tally({"form": Counter(5000, 0, 5000, needs_solver=False), "program": Counter(1000)}, started=100.0)
    found.solving_since = 101.0
    assert found.time_left() is None
    found["program"].done, found["program"].seconds = 2, 1.0
    assert found.time_left() == found.time_left("program") == pytest.approx(998 * 0.5)


def test_a_line_a_minute(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found = tally(monkeypatch, elapsed=10.0)
    with reporter("study", found, True) as report:
        report()
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(progress.time, "monotonic", lambda: 100.0 + 71.0)
        report()
        line = capsys.readouterr().err
        assert line.startswith("study: 92 of 200 cells done, 1 failed, ") and "left" in line and line.count("\n") == 1
        assert "cheap 90/100; dear 2/100" in line
        report()
        assert capsys.readouterr().err == ""
        report.note("waiting")
        assert capsys.readouterr().err == "waiting\n"
    with reporter("study", found, False) as report:
        report()
        report.note("nothing")
    assert capsys.readouterr().err == ""


def test_bars_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120, color_system=None)
    monkeypatch.setattr(progress, "Console", lambda stderr: console)
    found = Tally({"cheap": Counter(100, 10, 80, 0, 8.0), "dear": Counter(100, 0, 2, 1, 12.0)})
    with reporter("study", found, True) as report:
        report()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    last = text.splitlines()[-3:]
    assert "study" in last[0] and "92/200" in last[0] and "1 failed" in last[0] and "left" in last[0]
    assert "cheap" in last[1] and "90/100" in last[1] and "failed" not in last[1]
    assert "dear" in last[2] and "2/100" in last[2] and "1 failed" in last[2]


def test_a_line_written_over_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})()
    monkeypatch.setattr(progress.sys, "stderr", screen)
    found = Tally({"cheap": Counter(10)})
    with reporter("study", found, True) as report:
        found["cheap"].done = 5
        report()
        report.note("waiting")
        found["cheap"].done = 10
        report()
    first, *_, last = screen.getvalue().rstrip("\n").split("\r")[1:]
    assert "█" not in first and "0 of 10" in first
    assert last.count("█") == progress.BAR and "10 of 10 cells" in last
    assert "waiting" in screen.getvalue() and screen.getvalue().endswith("\n")


def test_a_lost_terminal_is_no_reason_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(progress.sys, "stderr", Gone())
    with reporter("study", Tally({"a": Counter(1, 1)}), True) as report:
        report()
        report.note("waiting")
    progress.announce("looking up")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.25, "0.2 s"), (59, "59 s"), (90, "1.5 min"), (7200, "2.0 h"), (3e5, "3.5 d")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


# -- the estimate -------------------------------------------------------------------------------------------------


def test_the_estimate_counts_each_kind_of_task(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With tasks of known length the estimate is their sum: 10 of no-signaling, 10 of local, 5 closed forms."""
    clock = 0.0

    class Timed(check_module.SolverProcess):
        """Answers in this process, and takes as long as it is said to."""

        def start(self) -> None: ...

        def answer(self, task: Task) -> Answer:
            nonlocal clock
            clock += 0.0 if task.adversary is None else {"no-signaling": 2.0, "local": 5.0}[task.adversary.model]
            return evaluate(task)

    monkeypatch.setattr(check_module, "SolverProcess", Timed)
    monkeypatch.setattr(check_module.time, "perf_counter", lambda: clock)
    found = estimate(Study.load(study), budget=30.0)
    assert found.seconds == pytest.approx(10 * 2.0 + 10 * 5.0) and found.error == 0.0
    assert found.left == pytest.approx(found.seconds) and found.samples >= 3


@pytest.mark.slow
def test_the_estimate_s_rows_are_the_study_s(study: Path, tmp_path: Path) -> None:
    found = estimate(Study.load(study, tmp_path), budget=30.0, rows=4)
    assert not list(tmp_path.glob("*.sqlite"))
    run_study(study, tmp_path, workers=0, progress=False)
    table = Study.load(study, tmp_path).table()
    assert [row | {"seconds": None} for row in found.rows] == [row | {"seconds": None} for row in table.rows[:4]]
    again = estimate(Study.load(study, tmp_path), budget=30.0)
    assert again.left == 0.0 and again.seconds > 0.0
    study.write_text(STUDY.replace("0.98]", "0.98, 0.97]"), encoding="utf-8")  # a third more to solve
    more = estimate(Study.load(study, tmp_path), budget=30.0)
    assert more.left == pytest.approx(more.seconds / 3.0, rel=0.05)
    with pytest.raises(InvalidInput, match=r"budget = 0"):
        estimate(Study.load(study), budget=0.0)
