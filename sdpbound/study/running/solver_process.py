"""A solver process and the one thread that drives it: time limits, crashes, and the next solver.

The process is a fresh interpreter with one thread for BLAS and the solvers. The process does not import the caller's
main module, and it answers one task at a time. It is replaced before it grows large. A process may die, or it is killed
when it takes longer than the task's time limit. Then a new process asks the next solver for this task; other tasks are
not touched. If no solver answers, the rows of the task record the failure.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from sdpbound.conic.solvers.choose import ranked
from sdpbound.study.answers.evaluate import failed
from sdpbound.study.plan import Task
from sdpbound.study.running.worker import TASK
from sdpbound.study.store.answer import ANSWER, Answer

__all__ = ["COMMAND", "NotStarted", "SolverProcess", "Stopped"]

#: The command of a solver process. With -P, no file of the current folder is imported as a module.
COMMAND = (sys.executable, "-P", "-m", "sdpbound.study.running.worker")
#: Attempts to start a process, and the seconds that each may take.
START_ATTEMPTS = 3
START_SECONDS = 120.0
#: A process that has given so many answers, or has grown by so many bytes since its first one, is replaced before the
#: next task: solvers may keep memory. A new one takes about two seconds to start.
MOST_ANSWERS, MOST_GROWTH = 20_000, 2**29
#: Seconds between checks whether a process is late.
_WATCH = 0.2
#: Blocks of a small semidefinite program. The order of solvers is chosen by this size before there is a program.
_SMALL = (2,)

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS")


class NotStarted(Exception):
    """A solver process cannot be started.

    The text is the reason.
    """


class Stopped(Exception):
    """The process was stopped while it worked on a task."""


class SolverProcess:
    """A solver process.

    The process is started when it is needed, and replaced when it has ended. Only the thread that owns the object may
    call its methods, except :meth:`stop`.
    """

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._process: _Process | None = None
        self._starting = threading.Lock()
        self._stopped = threading.Event()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    @property
    def ready(self) -> bool:
        """Whether there is a process that waits for a task."""
        return self._process is not None and self._process.ready

    def start(self) -> None:
        """Start a process unless one is ready.

        Raises NotStarted if none can be started, and Stopped.
        """
        if self.ready:
            return
        for attempt in range(START_ATTEMPTS):
            if self._process is not None:
                self._process.close()
            with self._starting:  # so that stop() misses no process
                if self.stopped:
                    raise Stopped
                self._process = _Process(self._command)
            reason = self._process.wait_until_ready()
            if not reason:
                return
            last = attempt == START_ATTEMPTS - 1
            if self._stopped.wait(0.0 if last else 0.1 * 4.0**attempt):  # there may be no memory now, and some soon
                raise Stopped
        raise NotStarted(reason)

    def answer(self, task: Task) -> Answer:
        """Ask the process, then other solvers in new processes, until one answers.

        Raises NotStarted and Stopped.
        """
        reasons: list[str] = []
        for name in _solvers(task):
            self.start()
            assert self._process is not None
            answer, reason = self._process.ask(task.with_solver(name))
            if answer is not None:
                return answer
            if self.stopped:
                raise Stopped
            reasons.append(f"{name or 'automatic'}: {reason}")
        return failed(task, f"no solver answered ({'; '.join(reasons)})")

    def stop(self) -> None:
        """Kill the process and start no other one.

        Any thread may call this. A task in work ends with Stopped.
        """
        with self._starting:
            self._stopped.set()
            process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """Stop, and close the files of the process."""
        self.stop()
        if self._process is not None:
            self._process.close()


def _solvers(task: Task) -> Iterator[str | None]:
    """Yield the names of the solvers to ask, in order.

    The first is the study's solver. If the study names none, it is None, for the automatic choice, and others follow.
    """
    yield task.solver.name
    if task.solver.name is None:
        linear = task.adversary is not None and task.model.linear
        yield from ranked(() if linear else _SMALL)  # this is slow, so it is done only where it is needed


def _environment() -> dict[str, str]:
    """Return the environment of a process: one thread for each library, and this package on the path."""
    environment = os.environ | dict.fromkeys(_THREADS, "1")
    root = str(Path(__file__).resolve().parents[2])
    if root not in map(os.path.realpath, sysconfig.get_paths().values()):
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
    return environment


def _resident(pid: int) -> float:
    """Bytes of memory that a process has in use; 0 where the system does not tell."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return float(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0


class _Process:
    """One solver process."""

    def __init__(self, command: Sequence[str]) -> None:
        self._errors: IO[bytes] | None = None
        self._process: subprocess.Popen[str] | None = None
        self._reason = ""
        self._timing = threading.Lock()
        self._deadline = math.inf
        self._late = False
        self._answers, self._size = 0, math.inf
        self._over = threading.Event()
        try:
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=_environment(),
                text=True,
                encoding="utf-8",
                start_new_session=True,  # an interrupt at the terminal then reaches only the parent
            )
        except OSError as error:  # there is no memory, no process or no file
            self._reason = error.strerror or str(error)
        else:
            threading.Thread(target=self._watch, daemon=True).start()

    @property
    def ready(self) -> bool:
        """Whether it waits for a task: it was not killed meanwhile, and its last answer was not late."""
        return not self._over.is_set() and self._process is not None and self._process.poll() is None

    def wait_until_ready(self) -> str:
        """Return "" when the process has started, or the reason why it did not start."""
        if self._process is None:
            return self._reason
        line = self._read(START_SECONDS)
        return "" if line == "ready\n" else self._end(START_SECONDS)

    def ask(self, task: Task) -> tuple[Answer | None, str]:
        """Return the answer to a task and "", or None and the reason."""
        assert self._process is not None and self._process.stdin is not None
        limit = task.solver.time_limit
        try:
            self._process.stdin.write(TASK.dump_json(task).decode() + "\n")
            self._process.stdin.flush()
            line = self._read(limit)
        except OSError:
            line = ""
        if not line.endswith("\n"):
            return None, self._end(limit)
        # the answer came at the last moment, and the process is being killed; or its memory is to be given back
        if self._late or self._is_used_up():
            self.close()
        return ANSWER.validate_json(line), ""

    def _is_used_up(self) -> bool:
        """Whether the process has worked so long, or grown so much, that a new one takes its place."""
        assert self._process is not None
        self._answers += 1
        size = _resident(self._process.pid)
        self._size = min(self._size, size)
        return self._answers >= MOST_ANSWERS or size - self._size > MOST_GROWTH

    def _read(self, limit: float) -> str:
        """Return one line, or less if the process ends.

        The process is killed when it is late.
        """
        assert self._process is not None and self._process.stdout is not None
        with self._timing:
            self._deadline = time.monotonic() + limit
        try:
            return self._process.stdout.readline()
        finally:
            with self._timing:
                self._deadline = math.inf

    def _watch(self) -> None:
        """Kill the process when it is late.

        One thread serves all tasks, because starting a timer for each task takes longer than sending a task and its
        answer.
        """
        while not self._over.wait(_WATCH):
            with self._timing:
                if time.monotonic() > self._deadline:
                    self._late = True
                    self.kill()
                    return

    def _end(self, limit: float) -> str:
        """End the process, and return the reason why it ended."""
        assert self._process is not None
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5.0)
        code = self._process.returncode
        last = self._last_error()
        self.close()
        if self._late:
            return f"stopped after {limit:g} s"
        if code is not None and code < 0:
            return f"killed by signal {-code}"
        return f"ended with status {code}" + (f", {last}" if last else "")

    def _last_error(self) -> str:
        assert self._errors is not None
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else ""

    def kill(self) -> None:
        """Kill the process.

        Any thread may call this. The thread that reads then sees the end of the output.
        """
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """End the process and close its files."""
        self._over.set()
        streams: list[IO[str] | IO[bytes] | None] = [self._errors]
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            streams += [self._process.stdin, self._process.stdout]
        for stream in streams:
            if stream is not None:
                with suppress(OSError):  # some input may still be unsent
                    stream.close()
