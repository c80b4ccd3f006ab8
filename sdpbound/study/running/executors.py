"""Run tasks in this process, or in processes of this machine.

Groups of tasks come from an iterable that may be endless. No more groups are taken than keep the processes busy. The
thread that asks for the results takes them, so that they may come from a database connection.
"""

from __future__ import annotations

import itertools
import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress

from sdpbound.errors import SolverFailure
from sdpbound.study.answers.evaluate import evaluate
from sdpbound.study.plan import Task
from sdpbound.study.running.ahead import compile_ahead
from sdpbound.study.running.solver_process import COMMAND, NotStarted, SolverProcess, Stopped
from sdpbound.study.store.answer import Answer

__all__ = ["Done", "cores", "nothing", "run_here", "run_in_processes"]

#: Tasks that wait for a process. These tasks keep the processes at work while the caller stores results.
WAITING = 64

Done = tuple[Task, Answer]


def cores() -> int:
    """Return the number of processor cores that this process may use."""
    with suppress(AttributeError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def nothing() -> None:
    """Do nothing.

    This function is the default of what is done while waiting.
    """


def run_here(groups: Iterable[Sequence[Task]]) -> Generator[Done, None, None]:
    """Evaluate all tasks in this process, in order; yields each task with its answer."""
    for group in groups:
        for task in group:
            yield task, evaluate(task)


def run_in_processes(
    groups: Iterable[Sequence[Task]],
    workers: int | None = None,
    command: Sequence[str] = COMMAND,
    idle: Callable[[], None] = nothing,
) -> Generator[Done, None, None]:
    """Evaluate all tasks in processes; yields each task with its answer when it is done.

    A group stays with one process until another process has nothing else to do. Closing the generator ends all
    processes.

    Parameters
    ----------
    groups : the tasks, in groups that share program structures
    workers : number of processes, default :func:`cores`
    command : command that a process runs
    idle : called several times a second while there is nothing to yield

    Raises
    ------
    SolverFailure
        No process can be started.
    """
    left = iter(groups)
    first = next(left, None)
    if first is None:
        return
    compile_ahead()
    left = itertools.chain([first], left)
    pool = _Pool(max(1, cores() if workers is None else workers), command)
    try:
        while True:
            pool.fill(left)
            done = pool.next(idle)
            if done is None:
                return
            yield done
    finally:
        pool.stop()


class _Pool:
    """The tasks that wait, the results, and one thread for each process."""

    def __init__(self, workers: int, command: Sequence[str]) -> None:
        self._change = threading.Condition()
        self._waiting: deque[Sequence[Task]] = deque()
        self._results: queue.Queue[Done | NotStarted | Exception] = queue.Queue()
        self._unstarted = 0
        self._unanswered = 0
        self._all_given = False
        self._stopping = False
        self._processes = [SolverProcess(command) for _ in range(workers)]
        self._rests: list[deque[Task]] = [deque() for _ in self._processes]
        self._able = workers
        self._threads = [
            threading.Thread(target=self._serve, args=pair, daemon=True)
            for pair in zip(self._processes, self._rests, strict=True)
        ]
        for thread in self._threads:
            thread.start()

    # -- the caller's thread --------------------------------------------------------------------------------------

    def fill(self, left: Iterator[Sequence[Task]]) -> None:
        """Take groups until enough tasks wait.

        If a result is ready, take one group only.
        """
        while not self._all_given and self._unstarted < WAITING:
            group = next(left, None)
            with self._change:
                if group is None:
                    self._all_given = True
                    return
                self._waiting.append(group)
                self._unstarted += len(group)
                self._unanswered += len(group)
                self._change.notify_all()
            if not self._results.empty():
                return

    def next(self, idle: Callable[[], None]) -> Done | None:
        """Return the next result, or None at the end.

        The method waits in short steps, so that an interrupt is seen at once.
        """
        while self._unanswered:
            try:
                result = self._results.get(timeout=0.2)
            except queue.Empty:
                idle()
                continue
            if isinstance(result, NotStarted):
                self._able -= 1
                if not self._able:
                    raise SolverFailure(
                        f"worker processes cannot be started ({result}); run the study with workers=0 (--workers 0)."
                    )
            elif isinstance(result, Exception):
                raise result
            else:
                self._unanswered -= 1
                return result
        return None

    def stop(self) -> None:
        """End all processes and threads."""
        with self._change:
            self._stopping = True
            self._change.notify_all()
        for process in self._processes:
            process.stop()
        for thread in self._threads:
            thread.join(timeout=5.0)

    # -- the threads of the processes -----------------------------------------------------------------------------

    def _serve(self, process: SolverProcess, mine: deque[Task]) -> None:
        """Answer tasks until the pool is stopped.

        If the process cannot be started, the other processes get its tasks.
        """
        task = None
        try:
            while (task := self._take(mine)) is not None:
                self._results.put((task, process.answer(task)))
        except Stopped:
            pass
        except NotStarted as failure:
            assert task is not None
            with self._change:
                self._waiting.appendleft([task, *mine])
                self._unstarted += 1
                mine.clear()
                self._change.notify_all()
            self._results.put(failure)
        except Exception as error:  # the caller's thread raises it
            self._results.put(error)
        finally:
            process.close()

    def _take(self, mine: deque[Task]) -> Task | None:
        """Return the next task: of this process's group, of a new group, or the last one of another process's group.

        The task is None when the pool is stopped.
        """
        with self._change:
            while not self._stopping:
                if not mine and self._waiting:
                    mine.extend(self._waiting.popleft())
                rest = mine or max(self._rests, key=len)
                if rest:
                    self._unstarted -= 1
                    return mine.popleft() if mine else rest.pop()
                if not self._waiting:
                    self._change.wait()
        return None
