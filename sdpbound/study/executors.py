"""Run tasks here or in worker processes.

Workers are fresh interpreters with one thread for BLAS and the solvers, as under multiprocessing's ``spawn``, but they
do not import the caller's main module. Each answers one task at a time. One that dies, or takes longer than the task's
time limit and is killed, costs that task alone: it is asked again of the next solver, in a new process; if none
answers, its rows record the failure and the study goes on.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from sdpbound.conic.choose import available
from sdpbound.errors import SolverFailure
from sdpbound.study.tasks import Row, Task, evaluate, failed_rows
from sdpbound.study.worker import TASK

__all__ = ["cores", "run_here", "run_in_processes"]

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS")
_COMMAND = (sys.executable, "-m", "sdpbound.study.worker")
#: Seconds a worker may take to start.
_START = 120.0

Done = tuple[int, list[Row]]


def cores() -> int:
    """The processor cores this process may use."""
    with suppress(AttributeError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_here(groups: Sequence[Sequence[Task]]) -> Generator[Done, None, None]:
    """Evaluate all tasks in this process, in order; yields (index of the task, its rows)."""
    yield from enumerate(evaluate(task) for group in groups for task in group)


def run_in_processes(
    groups: Sequence[Sequence[Task]], workers: int, command: Sequence[str] = _COMMAND
) -> Generator[Done, None, None]:
    """Evaluate all tasks in worker processes; yields (index of the task, its rows) as they are done.

    A group stays with one worker, which keeps the program structures its tasks share. Closing the iterator ends all
    workers. Raises SolverFailure if workers cannot be started.
    """
    pool = _Pool(groups, command)
    threads = [threading.Thread(target=pool.serve, daemon=True) for _ in range(max(1, min(workers, len(groups))))]
    try:
        for thread in threads:
            thread.start()
        for _ in range(sum(len(group) for group in groups)):
            yield pool.next()
    finally:
        pool.stop()
        for thread in threads:
            thread.join(timeout=5.0)


#: How often a worker process is started anew before its task goes on without it.
START_ATTEMPTS = 3


class _Pool:
    """The work that is left, the results, and the processes."""

    def __init__(self, groups: Sequence[Sequence[Task]], command: Sequence[str]) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._left: deque[list[tuple[int, Task]]] = deque()
        self._results: queue.Queue[Done | Exception] = queue.Queue()
        self._workers: list[_Worker] = []
        self._stopping = False
        self._some_started = False
        start = 0
        for group in groups:
            self._left.append(list(enumerate(group, start)))
            start += len(group)

    def next(self) -> Done:
        """The next result; waits in short steps, so that an interrupt is seen at once."""
        while True:
            with suppress(queue.Empty):
                result = self._results.get(timeout=0.2)
                if isinstance(result, Exception):
                    raise result
                return result

    def stop(self) -> None:
        with self._lock:
            self._stopping = True
            self._left.clear()
            workers = list(self._workers)
        for worker in workers:
            worker.kill()

    def serve(self) -> None:
        """One thread: a worker process, and the tasks it is given."""
        with _Seat(self) as seat:
            try:
                while True:
                    with self._lock:
                        if not self._left:
                            return
                        group = self._left.popleft()
                    for index, task in group:
                        rows = self._answer(task, seat)
                        if self._stopping:
                            return
                        self._results.put((index, rows))
            except Exception as error:  # handed to the caller's thread, which raises it
                self._results.put(error)

    def _answer(self, task: Task, seat: _Seat) -> list[Row]:
        """Ask a worker, then other solvers in new workers, until there are rows."""
        reasons: list[str] = []
        for name in (task.solver.name, *_others(task)):
            if self._stopping:
                return []
            try:
                rows, reason = seat.worker().ask(task.with_solver(name))
            except SolverFailure as failure:  # a worker that did not start counts as one that did not answer
                if not self._some_started:
                    raise
                rows, reason = None, str(failure)
            if rows is not None:
                return rows
            reasons.append(f"{name or 'automatic'}: {reason}")
        return failed_rows(task, f"no solver answered ({'; '.join(reasons)})")

    def start(self) -> _Worker:
        """A new worker, known to :meth:`stop`."""
        for attempt in range(START_ATTEMPTS):
            worker = _Worker(self._command)
            with self._lock:
                self._workers.append(worker)
                stopping = self._stopping
            if stopping:
                worker.kill()
            try:
                worker.wait_until_ready()
            except SolverFailure:
                if stopping or attempt == START_ATTEMPTS - 1:
                    raise
            else:
                self._some_started = True
                return worker
        raise AssertionError("unreachable")


class _Seat:
    """The worker of one thread: started when needed, replaced when it has ended, closed at the end."""

    def __init__(self, pool: _Pool) -> None:
        self._pool = pool
        self._worker: _Worker | None = None

    def __enter__(self) -> _Seat:
        return self

    def __exit__(self, *_: object) -> None:
        if self._worker is not None:
            self._worker.close()

    def worker(self) -> _Worker:
        if self._worker is None or self._worker.ended:
            self._worker = self._pool.start()
        return self._worker


def _others(task: Task) -> list[str]:
    """The solvers to ask if the first answer never comes; none if the study names its solver."""
    if task.solver.name is not None:
        return []
    linear = task.adversary.model != "quantum"
    order = ("highs", "clarabel", "scs") if linear else ("clarabel", "sdpa", "qics", "scs")
    installed = available()
    return [name for name in order if name in installed]


class _Worker:
    """One worker process."""

    def __init__(self, command: Sequence[str]) -> None:
        root = str(Path(__file__).resolve().parents[2])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | dict.fromkeys(_THREADS, "1") | {"PYTHONPATH": os.pathsep.join(paths)}
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # an interrupt at the terminal reaches the parent alone
        )
        self.ended = False

    def wait_until_ready(self) -> None:
        line, late = self._read(_START)
        if line != "ready\n":
            reason = self._end(late, _START)
            raise SolverFailure(
                f"worker processes cannot be started ({reason}); run the study with workers=0 (--workers 0)."
            )

    def ask(self, task: Task) -> tuple[list[Row] | None, str]:
        """The rows of a task, or None and the reason."""
        limit = task.solver.time_limit
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(TASK.dump_json(task).decode() + "\n")
            self._process.stdin.flush()
            line, late = self._read(limit)
        except OSError:
            line, late = "", False
        if line.endswith("\n"):
            return json.loads(line), ""
        return None, self._end(late, limit)

    def _read(self, limit: float) -> tuple[str, bool]:
        """One line, or what there is when the process ends; whether it was killed for being late."""
        assert self._process.stdout is not None
        late = threading.Event()

        def kill() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(limit, kill)
        timer.daemon = True
        timer.start()
        try:
            return self._process.stdout.readline(), late.is_set()
        finally:
            timer.cancel()

    def _end(self, late: bool, limit: float) -> str:
        """Why the process ended; ends it."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5.0)
        code = self._process.returncode
        last = self._last_error()
        self.close()
        if late:
            return f"stopped after {limit:g} s"
        if code is not None and code < 0:
            return f"killed by signal {-code}"
        return f"ended with status {code}" + (f", {last}" if last else "")

    def _last_error(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else ""

    def kill(self) -> None:
        """End the process, from any thread; the thread that owns the worker then sees the end of its output."""
        self._process.kill()

    def close(self) -> None:
        """End the process and give back its files; by the thread that owns the worker."""
        self.ended = True
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                with suppress(OSError):  # what was not sent any more
                    stream.close()
