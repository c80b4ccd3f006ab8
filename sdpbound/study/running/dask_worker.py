"""The part that runs on a Dask worker: solver processes answer batches of tasks, and stay for the next batch.

A solver process ends by itself when its Dask worker ends, in whatever way (:mod:`sdpbound.study.running.worker`).
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


#: Reads and writes batches as JSON.
TASKS = TypeAdapter(list[Task])
ANSWERS = TypeAdapter(Answers)

# -- what is called ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Call:
    """A function and its arguments.

    Unpickling it calls the function, and gives the function's result.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.function, self.args


def call(function: Callable[..., Any], *args: object) -> bytes:
    """Return a call of a function, as bytes that ``pickle.loads`` turns into the result.

    A scheduler unpickles what it passes on, and may lack this package. To the scheduler this call is bytes.
    """
    return pickle.dumps(_Call(function, args), protocol=4)


def versions() -> tuple[str, int]:
    """Return the version of the package here, and the version of its numbers."""
    return __version__, NUMERICS


def same_version(worker: str, there: tuple[str, int], study: tuple[str, int]) -> None:
    """Raise InvalidInput if a worker has another version."""
    if there != study:
        raise InvalidInput(
            f"the Dask worker {worker} has sdpbound {there[0]} (numerics {there[1]}), and the study is run with "
            f"{study[0]} (numerics {study[1]}): install the same version everywhere."
        )


def answer(run: str, study: tuple[str, int], tasks: bytes) -> bytes:
    """Return the answers to a batch of tasks of a run.

    The answers are empty if the run ends meanwhile.
    """
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
    """End the work of this worker for a run, and the solver processes that no other run uses."""
    _HERE.end(run)


# -- what a worker keeps ----------------------------------------------------------------------------------------------


@dataclass
class SolverProcesses:
    """The solver processes of this worker, at work or idle, each with the run for which it works."""

    _busy: dict[SolverProcess, str] = field(default_factory=dict)
    _idle: list[tuple[SolverProcess, str]] = field(default_factory=list)
    _ended: deque[str] = field(default_factory=lambda: deque(maxlen=1000))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, run: str) -> SolverProcess:
        with self._lock:
            process = self._idle.pop()[0] if self._idle else SolverProcess()
            if run in self._ended:
                process.stop()  # a batch of a run that has ended was still on its way
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
                    process.stop()  # its own thread closes it
            others = set(self._busy.values()) - {run}
            # this also ends processes of a run that was killed
            over = [process for process, its_run in self._idle if its_run not in others]
            self._idle = [(process, its_run) for process, its_run in self._idle if its_run in others]
        for process in over:
            process.close()


#: One for each worker, that is for each interpreter. Batches come as calls, and the processes outlive them.
_HERE = SolverProcesses()
