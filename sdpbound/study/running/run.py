"""Run a study: cells that the store lacks are computed, stored in batches, and written as a table."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Unpack

from sdpbound.arguments import with_changes
from sdpbound.errors import InvalidInput, InvalidParameter, InvalidStudy, StorageFailure
from sdpbound.shown import Shown
from sdpbound.study.at_hand import Study
from sdpbound.study.out import export as exports
from sdpbound.study.plan import Task, cell_keys
from sdpbound.study.running.dask_ import run_on_dask
from sdpbound.study.running.executors import cores, run_here, run_in_processes
from sdpbound.study.running.options import RunChanges, RunOptions
from sdpbound.study.running.progress import Report, Tally, announce, reporter
from sdpbound.study.running.signals import Stops, Terminated
from sdpbound.study.store import Store
from sdpbound.study.store.answer import Answer
from sdpbound.tables.columns import COLUMNS
from sdpbound.tables.provenance import environment

__all__ = ["StudyResult", "Terminated", "run_study"]

#: A batch is stored after this many seconds, or when it has this many cells.
BATCH_SECONDS = 0.5
BATCH_CELLS = 2048
#: Seconds between reports.
REPORT_SECONDS = 0.2
#: If more cells than this are looked up, it takes so long that a line announces it.
MANY = 200_000


@dataclass(frozen=True, slots=True)
class StudyResult(Shown):
    """The result of a run.

    Attributes
    ----------
    store : path of the SQLite file with all results
    table, metadata : paths of the CSV file and of its JSON file
    rows : number of rows of the table, those of earlier runs included
    computed : number of cells computed by this run
    failed, infeasible : numbers of rows of the table without a value: where no solver answered, and where the data are
        outside the set
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
    options: RunOptions | None = None,
    **changes: Unpack[RunChanges],
) -> StudyResult:
    """Run a study file, or continue it: a cell that its store has already is not computed again.

    Parameters
    ----------
    path : the study, a TOML file
    output : folder for results, default ``results/NAME`` beside the study file, or beside its folder ``studies``
    workers : number of worker processes, default one for each core; 0 runs in this process, without isolation from
        solvers
    progress : whether to report on standard error: bars on a terminal, else a line a minute
    options : a cluster to compute on, a retry, or one part of the study; default RunOptions()
    changes : single options by their names: scheduler, scheduler_file, tls, retry, shard

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
        The run was interrupted, or ended by SIGTERM or SIGHUP (``Terminated``). The message says what is stored.
    """
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 0):
        raise InvalidParameter(f"workers = {workers!r} must be an integer of at least 0; 0 runs in this process.")
    how = with_changes(options, RunOptions(), changes, "run_study")
    if how.distributed and workers is not None:
        raise InvalidInput("a Dask cluster has workers of its own: give workers or a scheduler, not both.")
    study = Study.load(path, output)
    if how.shard is not None:
        study = replace(study, shard=how.shard, store=None)
    if how.retry and not study.store_path.is_file():
        raise InvalidStudy(f"there is no store '{study.store_path}' to try again: run the study first.")
    study.plan.check()
    study.prepare_folder()
    start = time.monotonic()
    with Stops() as stops, Store.write(study.store_path) as store:
        run = _Run(study, store, stops, how.retry)
        try:
            store.save_spec(study.spec.to_store(), study.text)
            run.survey(progress)
            if run.tally.total.left:
                count = cores() if workers is None else workers
                where = {"scheduler": True} if how.distributed else {"workers": count}
                run.identity = store.begin(environment() | where | {"started": _now()})
                with reporter(study.name, run.tally, progress) as run.report:
                    if run.closed_left:
                        run.take(run_here(run.groups(needs_solver=False)))
                    run.tally.solving_since = time.monotonic()
                    if run.solver_left:
                        groups = run.groups(needs_solver=True)
                        if how.distributed:
                            note = run.report.note
                            run.take(run_on_dask(groups, how.scheduler, how.file, how.tls, note, run.idle))
                        elif count:
                            run.take(run_in_processes(groups, min(count, run.solver_left), idle=run.idle))
                        else:
                            run.take(run_here(groups))
                run.finish("complete")
            result = _written(study, run, start)
            # a retry does not compute missing cells
            if not result.failed and (not how.retry or study.status().complete):
                store.complete(study.identity)
            return result
        except BaseException as stop:
            run.finish("interrupted" if isinstance(stop, KeyboardInterrupt) else "stopped")
            if isinstance(stop, KeyboardInterrupt):
                raise type(stop)(run.stopped()) from None
            stop.add_note(run.stopped())
            raise


def _written(study: Study, run: _Run, start: float) -> StudyResult:
    """Write the table, unless the file has it already."""
    table, facts = study.table_path, study.facts()
    counts = None if run.saved else _current(table, facts)
    if counts is None:
        counts = Counter()
        status = list(COLUMNS).index("status")

        def counted() -> Iterator[list[tuple[Any, ...]]]:
            for chunk in study.chunks():
                counts.update(row[status] for row in chunk)
                yield chunk

        table = exports.export(table, counted(), facts, study.spec)
    return StudyResult(
        study.store_path,
        table,
        table.with_suffix(".json"),
        counts.total(),
        run.saved,
        counts["failed"],
        counts["infeasible"],
        time.monotonic() - start,
    )


def _current(table: Path, facts: dict[str, Any]) -> Counter[str] | None:
    """Count the rows by status, from the metadata of the table.

    None means that the table must be written again. The table need not be written if it comes from the same runs of the
    same study, and has its hash.
    """
    try:
        content = json.loads(table.with_suffix(".json").read_bytes())
        if any(content.get(name) != facts[name] for name in ("study", "text", "runs", "stored")):
            return None
        with table.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != content["sha256"]:
                return None
        found = Counter({name: content[name] for name in ("failed", "infeasible")})
        found["other"] = content["rows"] - found.total()
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return found


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


@dataclass
class _Run:
    """The state of a run: the cells left to do, those handed out and not stored yet, and those stored."""

    study: Study
    store: Store
    stops: Stops
    retry: bool
    report: Report = field(default_factory=Report)
    identity: int = 0
    tally: Tally = field(default_factory=Tally)
    closed_left: int = 0
    solver_left: int = 0
    saved: int = 0
    _surveyed: bool = False
    _finished: bool = False
    _flying: set[bytes] = field(default_factory=set)
    _recent: set[bytes] = field(default_factory=set)
    _buffer: list[tuple[list[bytes], Answer]] = field(default_factory=list)
    _cells: int = 0
    _stored: float = field(default_factory=time.monotonic)
    _reported: float = field(default_factory=time.monotonic)

    def survey(self, progress: bool) -> None:
        """Count the cells that are done and those that are left, by quantity."""
        if progress and self.study.plan.cells > MANY:
            announce(f"{self.study.name}: looking up {self.study.plan.cells} cells")
        for batch in self.study.batches():
            settled = self._settled(batch)
            for task, keys in batch:
                for quantity, key in zip(task.quantities, keys, strict=True):
                    counter = self.tally[quantity.identity]
                    counter.needs_solver = task.needs_solver
                    if self.retry and key in settled:
                        continue  # a retry does not compute this cell
                    counter.total += 1
                    if key in settled:
                        counter.before += 1
                    elif task.needs_solver:
                        self.solver_left += 1
                    else:
                        self.closed_left += 1
        self._surveyed = True
        self.tally.started = time.monotonic()

    def _settled(self, batch: list[tuple[Task, list[bytes]]]) -> set[bytes]:
        """Return the cells that this run does not compute.

        A first run or a continued run does not compute the cells that are stored. A retry computes only the cells that
        failed and, if the study keeps certificates, cells that lack one.
        """
        keys = [key for _, keys in batch for key in keys]
        present = self.store.present(keys)
        if not self.retry:
            return set(present)
        wanted = {key for key, status in present.items() if status == "failed"}
        if self.study.spec.certificates:
            wanted |= self.store.uncertified(keys)
        return set(keys) - wanted

    def groups(self, needs_solver: bool) -> Iterator[list[Task]]:
        """Yield the tasks that are left, each with the quantities that its store lacks.

        Equal cells are given out once.
        """
        for batch in self.study.batches():
            self._recent.clear()
            settled = self._settled(batch)
            group: list[Task] = []
            for task, keys in batch:
                if task.needs_solver != needs_solver:
                    continue
                wanted = set()
                for quantity, key in zip(task.quantities, keys, strict=True):
                    if key in settled:
                        continue
                    if key in self._flying or key in self._recent:
                        self.tally[quantity.identity].before += 1  # another cell has the same key, and gets the answer
                        continue
                    self._flying.add(key)
                    wanted.add(quantity if task.search is None else quantity.program)
                if not wanted:
                    continue
                # A search depends on the quantities that have the same program. So these quantities are solved too, and
                # not stored.
                part = [q for q in task.quantities if (q if task.search is None else q.program) in wanted]
                if group and group[0].point.name != task.point.name:
                    yield group
                    group = []
                group.append(task.of(part))
            if group:
                yield group

    def take(self, results: Generator[tuple[Task, Answer], None, None]) -> None:
        """Store the answers of an executor, in batches.

        On an interrupt, the answers that have arrived are stored.
        """
        with closing(results):
            try:
                for task, answer in results:
                    with self.stops.held():
                        self._add(task, answer)
                    self.idle()
            finally:
                self._store()
                self.report()

    def idle(self) -> None:
        """Store the answers that have waited long enough, and report."""
        now = time.monotonic()
        if self._buffer and (now - self._stored > BATCH_SECONDS or self._cells >= BATCH_CELLS):
            self._store()
        if now - self._reported > REPORT_SECONDS:
            self._reported = now
            self.report()

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
        if not self._buffer:
            return
        with self.stops.held():
            self.store.add(self.identity, self._buffer, replace=self.retry)
            stored = {key for keys, _ in self._buffer for key in keys}
            self._buffer, self._cells, self._stored = [], 0, time.monotonic()
            self.saved += len(stored)
            self._recent |= stored
            self._flying -= stored

    def finish(self, how: str) -> None:
        """Store the end of the run, if the run has begun."""
        if not self.identity or self._finished:
            return
        self._finished = True
        ended = {"ended": how, "finished": _now(), "seconds": round(self.tally.elapsed, 3), "cells": self.saved}
        with suppress(StorageFailure):  # the user already gets the error of a full disk
            self.store.finish(self.identity, ended | {"failed": self.tally.total.failed})

    def stopped(self) -> str:
        """Say how far a run was when it was stopped."""
        name, total, path = self.study.name, self.tally.total, self.study.store_path
        if not self._surveyed:
            return f"study '{name}' stopped before anything was computed."
        done = total.before + self.saved
        if self.retry:
            return f"study '{name}' stopped after {self.saved} cells were tried again; they are in '{path}'."
        if done == total.total:
            return f"study '{name}' has all its {done} cells in '{path}'; its table was not written: run it again."
        return (
            f"study '{name}' stopped after {done} of {total.total} cells; they are in '{path}': run it again to go on."
        )
