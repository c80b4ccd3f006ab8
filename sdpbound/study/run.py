"""Run a study: what its store lacks is computed, stored batch by batch, and written out as a table."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any

from sdpbound.errors import InvalidInput, InvalidParameter
from sdpbound.study import export as exports
from sdpbound.study.dask_ import Tls, run_on_dask
from sdpbound.study.evaluate import Answer
from sdpbound.study.executors import cores, run_here, run_in_processes
from sdpbound.study.progress import Report, Tally, reporter
from sdpbound.study.provenance import environment
from sdpbound.study.store import Store
from sdpbound.study.study import Study
from sdpbound.study.tasks import COLUMNS, Task, cell_keys

__all__ = ["StudyResult", "Terminated", "run_study"]

#: A batch is stored after this many seconds, or with this many cells.
BATCH_SECONDS = 0.5
BATCH_CELLS = 2048


class Terminated(KeyboardInterrupt):
    """The process was asked to end by SIGTERM."""


@dataclass(frozen=True, slots=True)
class StudyResult:
    """What a run did.

    Attributes
    ----------
    store : path of the SQLite file with all results
    table, metadata : paths of the CSV file and of its JSON file
    rows : rows of the table, those of earlier runs among them
    computed : cells computed by this run
    failed, infeasible : rows of the table without a value: no solver answered; the data are outside the set
    seconds : wall time
    """

    store: Path
    table: Path
    metadata: Path
    rows: int
    computed: int
    failed: int
    infeasible: int
    seconds: float


def run_study(
    path: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    progress: bool = True,
    *,
    scheduler: str | None = None,
    scheduler_file: str | os.PathLike[str] | None = None,
    tls: Tls | None = None,
    retry: bool = False,
    shard: tuple[int, int] | None = None,
) -> StudyResult:
    """Run a study file, or go on with it: what its store has already is not computed again.

    Parameters
    ----------
    path : the study, a TOML file
    output : folder for results, default ``results/NAME`` in the current folder
    workers : worker processes, default one for each core; 0 runs in this process, without isolation from solvers
    progress : report on standard error: bars on a terminal, else a line a minute
    scheduler, scheduler_file : run on the Dask cluster with this scheduler address, or of this scheduler file
    tls : certificates for a scheduler at a ``tls://`` address
    retry : compute failed cells again, and only these and missing ones
    shard : (k, n), the k-th of n parts of the study, with a store of its own

    Returns
    -------
    StudyResult

    Raises
    ------
    InvalidStudy
        The file cannot be read or has a wrong entry.
    DamagedStore
        The store is damaged; it was moved aside.
    InvalidInput
        The store is in use by another run, the folder cannot be written, or the scheduler does not answer.
    NotSelfTesting
        The study requires self-testing points and has one where condition (4) fails.
    KeyboardInterrupt
        Interrupted, or ended by SIGTERM (``Terminated``): what is done is stored, and the message says so.
    """
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 0):
        raise InvalidParameter(f"workers = {workers!r} must be an integer of at least 0; 0 runs in this process.")
    distributed = scheduler is not None or scheduler_file is not None
    if distributed and workers is not None:
        raise InvalidInput("a Dask cluster has workers of its own: give workers or a scheduler, not both.")
    study = replace(Study.load(path, output), shard=_checked(shard))
    study.plan.check()
    _writable(study)
    count = cores() if workers is None else workers
    start = time.monotonic()
    with _terminable(), Store.write(study.store_path) as store:
        store.save_spec(study.spec.model_dump(mode="json"), study.text)
        run = _Run(study, store, retry)
        run.survey()
        if run.tally.total.left:
            how = {"scheduler": True} if distributed else {"workers": count}
            run.identity = store.begin(environment() | how | {"started": _now()})
            with reporter(study.name, run.tally, progress) as report:
                try:
                    if run.closed_left:
                        run.take(run_here(run.groups(needs_solver=False)), report)
                    if run.solver_left:
                        groups = run.groups(needs_solver=True)
                        file = None if scheduler_file is None else Path(scheduler_file)
                        if distributed:
                            run.take(run_on_dask(groups, scheduler, file, tls, note=report.note), report)
                        elif count:
                            run.take(run_in_processes(groups, min(count, run.solver_left)), report)
                        else:
                            run.take(run_here(groups), report)
                except BaseException as stop:
                    run.finish("interrupted" if isinstance(stop, KeyboardInterrupt) else "stopped")
                    message = (
                        f"study '{study.name}' stopped after {run.tally.total.before + run.tally.total.done} of "
                        f"{run.tally.total.total} cells; they are in '{study.store_path}': the same command goes on."
                    )
                    if isinstance(stop, KeyboardInterrupt):
                        raise type(stop)(message) from None
                    stop.add_note(message)
                    raise
            run.finish("complete")
        return _written(study, run, start)


def _written(study: Study, run: _Run, start: float) -> StudyResult:
    """Write the table."""
    counts: Counter[str] = Counter()
    status = list(COLUMNS).index("status")

    def counted() -> Iterator[list[tuple[Any, ...]]]:
        for chunk in study.chunks():
            counts.update(row[status] for row in chunk)
            yield chunk

    table = exports.export(study.table_path, counted(), study.facts(), study.spec)
    return StudyResult(
        study.store_path,
        table,
        table.with_suffix(".json"),
        counts.total(),
        run.tally.total.done,
        counts["failed"],
        counts["infeasible"],
        time.monotonic() - start,
    )


def _checked(shard: tuple[int, int] | None) -> tuple[int, int] | None:
    if shard is not None and not 1 <= shard[0] <= shard[1]:
        raise InvalidParameter(f"shard = {shard[0]}/{shard[1]} must be K/N with 1 <= K <= N, such as 3/64.")
    return shard


def _writable(study: Study) -> None:
    """Better now than after the run."""
    folder = study.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{study.name}.{os.getpid()}.probe"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise InvalidInput(
            f"results cannot be written to '{folder}': {error.strerror}; choose another output folder."
        ) from None


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends the block like an interrupt, if this is the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@dataclass
class _Run:
    """What is left to do, and what was handed out and is not stored yet."""

    study: Study
    store: Store
    retry: bool
    identity: int = 0
    tally: Tally = field(default_factory=Tally)
    closed_left: int = 0
    solver_left: int = 0
    _flying: set[bytes] = field(default_factory=set)
    _buffer: list[tuple[list[bytes], Answer]] = field(default_factory=list)
    _cells: int = 0
    _stored: float = field(default_factory=time.monotonic)

    def survey(self) -> None:
        """Count what is done and what is left, by quantity."""
        for batch in self.study.batches():
            present = self.store.present([key for _, keys in batch for key in keys])
            for task, keys in batch:
                left = 0
                for quantity, key in zip(task.quantities, keys, strict=True):
                    counter = self.tally[quantity.identity]
                    counter.total += 1
                    if self._has(present, key):
                        counter.before += 1
                    else:
                        left += 1
                if left:
                    if task.needs_solver:
                        self.solver_left += left
                    else:
                        self.closed_left += left
        self.tally.started = time.monotonic()

    def _has(self, present: dict[bytes, str], key: bytes) -> bool:
        status = present.get(key)
        return status is not None and not (self.retry and status == "failed")

    def groups(self, needs_solver: bool) -> Iterator[list[Task]]:
        """What is left, each task with the quantities that its store lacks; equal cells are handed out once."""
        for batch in self.study.batches():
            present = self.store.present([key for _, keys in batch for key in keys])
            handed: set[bytes] = set()
            group: list[Task] = []
            for task, keys in batch:
                if task.needs_solver != needs_solver:
                    continue
                wanted = set()
                for quantity, key in zip(task.quantities, keys, strict=True):
                    if not self._has(present, key) and key not in handed and key not in self._flying:
                        handed.add(key)
                        self._flying.add(key)
                        wanted.add(quantity if task.search is None else quantity.program)
                if not wanted:
                    continue
                # a search depends on the quantities with the same program: these come along, and are not stored
                part = [q for q in task.quantities if (q if task.search is None else q.program) in wanted]
                if group and group[0].point.name != task.point.name:
                    yield group
                    group = []
                group.append(task.of(part))
            if group:
                yield group

    def take(self, results: Generator[tuple[Task, Answer], None, None], report: Report) -> None:
        """Store what an executor gives, in batches; on an interrupt what has arrived."""
        with closing(results):
            try:
                for task, answer in results:
                    self._add(task, answer)
                    if time.monotonic() - self._stored > BATCH_SECONDS or self._cells >= BATCH_CELLS:
                        self._store()
                        report()
            finally:
                self._store()
                report()

    def _add(self, task: Task, answer: Answer) -> None:
        wanted = [
            (key, quantity, rows)
            for key, quantity, rows in zip(cell_keys(task), task.quantities, answer.cells, strict=True)
            if key in self._flying
        ]
        self._buffer.append(
            ([key for key, _, _ in wanted], Answer([rows for _, _, rows in wanted], answer.certificates))
        )
        self._cells += len(wanted)
        for _, quantity, rows in wanted:
            counter = self.tally[quantity.identity]
            counter.done += 1
            counter.failed += rows[0]["status"] == "failed"
            counter.seconds += sum(row["seconds"] or 0.0 for row in rows)

    def _store(self) -> None:
        batch, self._buffer, self._cells = self._buffer, [], 0
        if batch:
            self.store.add(self.identity, batch, replace=self.retry)
            for keys, _ in batch:
                self._flying.difference_update(keys)
        self._stored = time.monotonic()

    def finish(self, how: str) -> None:
        """Note the end of the run."""
        total = self.tally.total
        self.store.finish(
            self.identity,
            {
                "ended": how,
                "finished": _now(),
                "seconds": round(self.tally.elapsed, 3),
                "cells": total.done,
                "failed": total.failed,
            },
        )
