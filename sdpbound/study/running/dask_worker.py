"""The side of a Dask worker: batches of tasks, answered by solver processes that stay for the next batch.

A solver process ends by itself when its Dask worker does, however that ends (:mod:`sdpbound.study.running.worker`).
"""

from __future__ import annotations

import pickle
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from sdpbound.errors import InvalidInput, SolverFailure
from sdpbound.study.plan import Task
from sdpbound.study.running.solver_process import NotStarted, SolverProcess, Stopped
from sdpbound.study.store.answer import Answer
from sdpbound.version import NUMERICS, __version__

__all__ = ["ANSWERS", "TASKS", "Answers", "SolverProcesses", "answer", "call", "end", "same_version", "versions"]


@dataclass(frozen=True)
class Answers:
    """The answers to a batch, and the seconds that they took."""

    seconds: float
    answers: list[Answer]


#: Batches as JSON.
TASKS = TypeAdapter(list[Task])
ANSWERS = TypeAdapter(Answers)

# -- what is called ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Call:
    """A function and its arguments: unpickled, this is what the function returns."""

    function: Callable[..., Any]
    args: tuple[Any, ...]

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.function, self.args


def call(function: Callable[..., Any], *args: object) -> bytes:
    """A call, to be made by ``pickle.loads``.

    To a scheduler it is bytes: that unpickles what it passes on, and may be without this package.
    """
    return pickle.dumps(_Call(function, args), protocol=4)


def versions() -> tuple[str, int]:
    """The versions of the package and of its numbers here."""
    return __version__, NUMERICS


def same_version(worker: str, there: tuple[str, int], study: tuple[str, int]) -> None:
    """Refuse a worker of another version."""
    if there != study:
        raise InvalidInput(
            f"the Dask worker {worker} has sdpbound {there[0]} (numerics {there[1]}), and the study is run with "
            f"{study[0]} (numerics {study[1]}): install the same version everywhere."
        )


def answer(run: str, study: tuple[str, int], tasks: bytes) -> bytes:
    """The answers to a batch of tasks of a run; nothing if the run ends meanwhile."""
    from distributed import get_worker

    worker = get_worker().address
    same_version(worker, versions(), study)
    process = _HERE.take(run)
    try:
        process.start()
        start = time.perf_counter()
        answers = [process.answer(task) for task in TASKS.validate_json(tasks)]
        return ANSWERS.dump_json(Answers(time.perf_counter() - start, answers))
    except NotStarted as failure:
        raise SolverFailure(
            f"the Dask worker {worker} cannot start a solver process ({failure}); look at its log."
        ) from None
    except Stopped:
        return b""
    finally:
        _HERE.give_back(process)


def end(run: str) -> None:
    """End what this worker does for a run, and the solver processes that no other run uses."""
    _HERE.end(run)


# -- what a worker keeps ----------------------------------------------------------------------------------------------


@dataclass
class SolverProcesses:
    """The solver processes of this worker, in work or idle, with the run that each works for."""

    _busy: dict[SolverProcess, str] = field(default_factory=dict)
    _idle: list[tuple[SolverProcess, str]] = field(default_factory=list)
    _ended: deque[str] = field(default_factory=lambda: deque(maxlen=1000))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, run: str) -> SolverProcess:
        with self._lock:
            process = self._idle.pop()[0] if self._idle else SolverProcess()
            if run in self._ended:
                process.stop()  # a batch that was on its way
            self._busy[process] = run
            return process

    def give_back(self, process: SolverProcess) -> None:
        with self._lock:
            run = self._busy.pop(process)
            if not process.stopped:
                self._idle.append((process, run))
                return
        process.close()

    def end(self, run: str) -> None:
        with self._lock:
            self._ended.append(run)
            for process, its_run in self._busy.items():
                if its_run == run:
                    process.stop()  # closed by its own thread
            others = set(self._busy.values()) - {run}
            # also processes of a run that was killed
            over = [process for process, its_run in self._idle if its_run not in others]
            self._idle = [(process, its_run) for process, its_run in self._idle if its_run in others]
        for process in over:
            process.close()


#: One for each worker, that is for each interpreter: batches come as calls, and processes outlive them.
_HERE = SolverProcesses()
