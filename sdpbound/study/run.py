"""Run a study: tasks, progress, table."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from sdpbound.errors import InvalidInput, InvalidParameter
from sdpbound.study.executors import cores, run_here, run_in_processes
from sdpbound.study.spec import Study, load_study
from sdpbound.study.table import write_table
from sdpbound.study.tasks import Row, Task, tasks_of

__all__ = ["StudyResult", "run_study"]

#: Seconds between the lines that report progress where there is no terminal.
LINE_EVERY = 30.0


@dataclass(frozen=True, slots=True)
class StudyResult:
    """What a run wrote.

    Attributes
    ----------
    table, metadata : paths of the CSV file and of its JSON file
    rows, failed : rows written, and those of them without a value because no solver answered
    seconds : wall time
    """

    table: Path
    metadata: Path
    rows: int
    failed: int
    seconds: float


def run_study(
    path: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> StudyResult:
    """Run a study file and write its table.

    Parameters
    ----------
    path : the study, a TOML file
    output : folder for the table, default ``results/NAME`` in the current folder
    workers : worker processes, default one for each core; 0 runs in this process, without isolation from solvers
    progress : report on standard error: a bar on a terminal, else a line every 30 s

    Returns
    -------
    StudyResult

    Raises
    ------
    InvalidStudy
        The file cannot be read or has a wrong entry.
    NotSelfTesting
        It requires self-testing points and has one where condition (4) fails.
    KeyboardInterrupt
        Interrupted: the finished rows are in ``NAME.partial.csv``, and the message says so.
    """
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 0):
        raise InvalidParameter(f"workers = {workers!r} must be an integer of at least 0; 0 runs in this process.")
    study = load_study(path)
    groups = tasks_of(study)
    folder = Path(output) if output is not None else Path("results") / study.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{study.name}.probe"  # better now than after the run
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise InvalidInput(
            f"results cannot be written to '{folder}': {error.strerror}; choose another output folder."
        ) from None
    count = cores() if workers is None else workers
    run = _Run(study, [task for group in groups for task in group], folder, min(count, len(groups)), time.time())
    start = time.perf_counter()
    done: dict[int, list[Row]] = {}
    results = run_in_processes(groups, count) if count else run_here(groups)
    try:
        with closing(results), _reporter(study.name, len(run.tasks), progress) as report:
            for index, rows in results:
                done[index] = rows
                report(len(done), sum(1 for r in rows if r["status"] == "failed"))
    except BaseException as stop:
        if not done:
            raise
        saved = run.save(done, time.perf_counter() - start, complete=False)
        message = (
            f"study '{study.name}' stopped after {len(done)} of {len(run.tasks)} tasks; the {saved.rows} rows so far "
            f"are in '{saved.table}'."
        )
        if isinstance(stop, KeyboardInterrupt):
            raise KeyboardInterrupt(message) from None
        stop.add_note(message)
        raise
    return run.save(done, time.perf_counter() - start, complete=True)


@dataclass(frozen=True)
class _Run:
    study: Study
    tasks: list[Task]
    folder: Path
    workers: int
    started: float

    def save(self, done: dict[int, list[Row]], seconds: float, complete: bool) -> StudyResult:
        """Write the rows of the finished tasks, in the order of the study."""
        rows = [row for index in sorted(done) for row in done[index]]
        name = self.study.name
        facts = {
            "complete": complete,
            "tasks": len(self.tasks),
            "tasks_done": len(done),
            "workers": self.workers,
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.started)),
            "seconds": round(seconds, 3),
        }
        stem = name if complete else f"{name}.partial"
        table, description = write_table(self.folder, stem, rows, self.study, facts)
        if complete:
            for suffix in ("csv", "json"):
                (self.folder / f"{name}.partial.{suffix}").unlink(missing_ok=True)
        failed = sum(1 for row in rows if row["status"] == "failed")
        return StudyResult(table, description, len(rows), failed, seconds)


# -- progress -----------------------------------------------------------------------------------------------------


class _Report(Protocol):
    def __call__(self, done: int, failed: int) -> None:
        """``done`` tasks in all; ``failed`` further rows."""


def _reporter(name: str, total: int, progress: bool) -> AbstractContextManager[_Report]:
    console = Console(stderr=True)
    if not progress:
        return _silent()
    return _bar(name, total, console) if console.is_terminal else _lines(name, total)


@contextmanager
def _silent() -> Iterator[_Report]:
    yield lambda done, failed: None


@contextmanager
def _bar(name: str, total: int, console: Console) -> Iterator[_Report]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("tasks{task.fields[failures]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    failures = 0
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(name, total=total, failures="")

        def report(done: int, failed: int) -> None:
            nonlocal failures
            failures += failed
            bar.update(task, completed=done, failures=f", {failures} rows failed" if failures else "")

        yield report


@contextmanager
def _lines(name: str, total: int) -> Iterator[_Report]:
    start = last = time.monotonic()
    failures = 0

    def report(done: int, failed: int) -> None:
        nonlocal last, failures
        failures += failed
        now = time.monotonic()
        if now - last >= LINE_EVERY or done == total:
            last = now
            left = (now - start) * (total - done) / done
            print(
                f"{name}: {done} of {total} tasks, {failures} rows failed, {now - start:.0f} s, "
                f"about {left:.0f} s left",
                file=sys.stderr,
                flush=True,
            )

    yield report
