"""Run tasks on a Dask cluster: batches are sent and their answers come back, while workers may join and leave.

A batch is about half a second of work. On a Dask worker a solver process answers it, as on this machine
(:mod:`sdpbound.study.running.solver_process`), so that time limits, crashes and warm program structures are the same.
Only the workers need this package: for the scheduler a batch is bytes.
"""

from __future__ import annotations

import pickle
import queue
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sdpbound.errors import InvalidInput, SolverFailure
from sdpbound.study.answers.evaluate import failed
from sdpbound.study.plan import Task
from sdpbound.study.running.dask_connect import (
    Tls,
    connect,
    disconnect,
    open_to_others,
    scheduler_address,
    silence,
)
from sdpbound.study.running.dask_worker import ANSWERS, TASKS, Answers, answer, call, end, same_version, versions
from sdpbound.study.running.executors import Done, nothing
from sdpbound.version import __version__

__all__ = ["Batch", "Lost", "Tls", "Work", "run_on_dask"]

#: Seconds of work in a batch, and the most tasks in one.
BATCH_SECONDS = 0.5
BATCH_TASKS = 500
#: Batches in flight for each thread of the workers: one is in work, the others wait for it.
PER_THREAD = 3
#: Most tasks that are read in advance, so that the last batches can be small.
AHEAD = 20_000
#: The number of times that a batch is sent if it finds no solver process.
TRIES = 3
#: Seconds between counts of the workers, for a call to all workers, and for the last call.
LOOK_SECONDS = 1.0
WORD_SECONDS = 10.0
LAST_WORD_SECONDS = 3.0


def run_on_dask(
    groups: Iterable[Sequence[Task]],
    scheduler: str | None = None,
    scheduler_file: Path | None = None,
    tls: Tls | None = None,
    note: Callable[[str], None] | None = None,
    idle: Callable[[], None] = nothing,
) -> Generator[Done, None, None]:
    """Evaluate all tasks on a Dask cluster: connect at once, and then yield each task with its answer when it is done.

    The work of a lost worker is done again on another one. Closing the generator ends the tasks that run.

    Parameters
    ----------
    groups : the tasks; the thread that asks for the results takes them, and no more than keep the cluster busy
    scheduler, scheduler_file : the scheduler's address, such as ``tcp://host:8786``, or the file that the scheduler
        wrote; without either, the address in Dask's configuration
    tls : certificates
    note : called with a sentence when the cluster has no worker and the study waits for one
    idle : called several times a second while there is nothing to yield

    Raises
    ------
    InvalidInput
        The scheduler cannot be reached, or a worker has another version of this package.
    SolverFailure
        The scheduler was lost, or no worker can start a solver process.
    """
    address = scheduler_address(scheduler, scheduler_file)
    if open_to_others(address) and note is not None:
        note(
            f"the scheduler '{address}' is trusted, and so are its workers and the network between: Dask exchanges "
            "pickles, which are programs, and this address is neither tls:// nor of this machine."
        )
    with silence():
        cluster = _Cluster(address, connect(address, tls), note or (lambda _: None))
        try:
            cluster.check_versions()
        except BaseException:
            cluster.close()
            raise
    return _stream(groups, cluster, idle)


def _stream(
    groups: Iterable[Sequence[Task]], cluster: _Cluster, idle: Callable[[], None]
) -> Generator[Done, None, None]:
    work = Work(iter(groups))
    with silence():
        try:
            while True:
                threads = cluster.threads()
                while cluster.in_flight < PER_THREAD * threads:
                    batch = work.batch(threads, cluster.in_flight)
                    if batch is None:
                        break
                    cluster.send(batch)
                if threads and not cluster.in_flight:
                    return
                for batch, outcome in cluster.outcomes():
                    if isinstance(outcome, Answers):
                        work.measured(len(batch.tasks), outcome.seconds)
                        yield from zip(batch.tasks, outcome.answers, strict=True)
                    else:
                        yield from work.again(batch, outcome)
                idle()
        finally:
            cluster.close()


# -- the work -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Batch:
    """Tasks that are sent together.

    ``asked`` counts how often they are sent; ``alone`` says that no other batch is in flight.
    """

    tasks: list[Task]
    asked: int = 1
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """Why a batch has no answers: its workers died one after another, or no solver process could be started."""

    reason: str
    died: bool


@dataclass
class Work:
    """The tasks that were not sent yet, cut into batches by the seconds that earlier batches took."""

    left: Iterator[Sequence[Task]]
    _ahead: deque[Task] = field(default_factory=deque)
    _again: deque[Batch] = field(default_factory=deque)
    _suspects: deque[Task] = field(default_factory=deque)
    _each: float | None = None
    _all_taken: bool = False

    def batch(self, threads: int, in_flight: int) -> Batch | None:
        """Return the next batch, or None if there is none now.

        Batches are smaller at the end, so that all threads have work.
        """
        if self._again:
            return self._again.popleft()
        size = 1 if self._each is None else max(1, min(BATCH_TASKS, round(BATCH_SECONDS / self._each)))
        while not self._all_taken and len(self._ahead) < min(AHEAD, 2 * size * threads):
            group = next(self.left, None)
            if group is None:
                self._all_taken = True
            else:
                self._ahead.extend(group)
        size = min(size, -(-len(self._ahead) // (2 * threads)))
        if size:
            return Batch([self._ahead.popleft() for _ in range(size)])
        if self._suspects and not in_flight:
            return Batch([self._suspects.popleft()], alone=True)
        return None

    def measured(self, tasks: int, seconds: float) -> None:
        """Learn from a batch how long a task takes."""
        each = max(seconds / tasks, 1e-6)
        self._each = each if self._each is None else (self._each + each) / 2.0

    def again(self, batch: Batch, lost: Lost) -> Iterator[Done]:
        """Send a batch without answers again, or yield its tasks as failed if it killed its workers.

        Dask counts the death of a worker against every batch that was with the worker. So these tasks are sent again at
        the end, each alone. A task that kills its workers even then is the cause, and its rows record the failure.
        """
        if not lost.died:
            if batch.asked == TRIES:
                raise SolverFailure(lost.reason)
            self._again.append(replace(batch, asked=batch.asked + 1))
        elif not batch.alone:
            self._suspects.extend(batch.tasks)
        else:
            for task in batch.tasks:
                yield task, failed(task, lost.reason)


# -- the cluster --------------------------------------------------------------------------------------------------


class _Cluster:
    """A client of the scheduler, and the batches in flight."""

    def __init__(self, address: str, client: Any, note: Callable[[str], None]) -> None:
        self._address = address
        self._client = client
        self._note = note
        self._run = uuid.uuid4().hex[:12]
        self._flying: dict[str, tuple[Any, Batch]] = {}
        self._back: queue.Queue[str] = queue.Queue()
        self._sent = 0
        self._threads = 1  # the first count of no workers is noted as a change from this one
        self._looked = -LOOK_SECONDS

    @property
    def in_flight(self) -> int:
        return len(self._flying)

    def check_versions(self) -> None:
        """Refuse workers that cannot import this package or that have another version of it."""
        for worker, found in self._tell(WORD_SECONDS, versions).items():
            if isinstance(found, Exception):
                raise self._not_installed(worker, found)
            same_version(worker, found, versions())

    def threads(self) -> int:
        """Return the number of threads of all workers, as counted a moment ago at most."""
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            before = self._threads
            try:
                self._threads = sum(self._client.nthreads().values())
            except Exception as error:  # the connection may break at any point, with errors of many types
                raise self._gone() from error
            self._looked = time.monotonic()
            if before and not self._threads:
                self._note(f"the Dask cluster {self._address} has no worker; waiting for one to join.")
        return self._threads

    def send(self, batch: Batch) -> None:
        self._sent += 1
        key = f"sdpbound-{self._run}-{self._sent}"
        payload = call(answer, self._run, versions(), TASKS.dump_json(batch.tasks))
        future = self._client.submit(pickle.loads, payload, key=key, pure=False)
        self._flying[key] = future, batch
        self._await(future)

    def _await(self, future: Any) -> None:
        key = future.key
        future.add_done_callback(lambda _: self._back.put(key))

    def outcomes(self) -> Iterator[tuple[Batch, Answers | Lost]]:
        """Yield the batches that have come back.

        The method waits a moment for a batch, and not longer, so that interrupts are seen.
        """
        if self._client.status != "running":
            raise self._gone()
        with suppress(queue.Empty):
            key = self._back.get(timeout=0.2)
            while True:
                future, batch = self._flying[key]
                outcome = self._outcome(future)
                if outcome is not None:
                    del self._flying[key]
                    yield batch, outcome
                key = self._back.get_nowait()

    def _outcome(self, future: Any) -> Answers | Lost | None:
        """Return what became of a batch; None if it must be awaited again."""
        if future.status == "finished":
            try:
                return ANSWERS.validate_json(future.result(timeout=WORD_SECONDS))
            except TimeoutError:  # the worker was lost with the result, and another worker computes it again
                pass
            except Exception as error:
                if future.status != "error":
                    raise self._gone() from error
        if future.status == "error":
            return self._failure(future.exception())
        if future.status not in ("pending", "finished"):
            raise self._gone()
        self._await(future)
        return None

    def _failure(self, error: Exception) -> Lost:
        from distributed import KilledWorker

        if isinstance(error, KilledWorker):
            deaths = error.allowed_failures + 1
            return Lost(f"{deaths} Dask workers, one after the other, were lost while they did this task alone", True)
        if isinstance(error, SolverFailure):
            return Lost(str(error), False)
        if isinstance(error, ImportError):
            raise self._not_installed("that joined", error)
        if isinstance(error, InvalidInput):
            raise error from None
        raise SolverFailure(f"a Dask worker failed with {type(error).__name__}: {error}.")

    def _not_installed(self, worker: str, error: Exception) -> InvalidInput:
        return InvalidInput(
            f"the Dask worker {worker} cannot use sdpbound ({type(error).__name__}: {error}): install sdpbound[dask] "
            f"{__version__} on all workers."
        )

    def _gone(self) -> SolverFailure:
        return SolverFailure(
            f"the connection to the Dask scheduler {self._address} was lost: start it again, and then the study, which "
            "goes on from what is done."
        )

    def _tell(self, seconds: float, function: Callable[..., Any], *args: object) -> dict[str, Any]:
        """Call a function on all workers; returns the results of those workers that answer in time."""
        replies: dict[str, Any] = {}

        def tell() -> None:
            with suppress(Exception):  # the connection may be gone
                replies.update(self._client.run(pickle.loads, call(function, *args), on_error="return"))

        thread = threading.Thread(target=tell, daemon=True)
        thread.start()
        thread.join(seconds)
        return dict(replies)

    def close(self) -> None:
        """End all work for this study on the cluster, and close the connection."""
        with suppress(Exception):  # the connection may be gone
            if self._client.status == "running":
                self._client.cancel([future for future, _ in self._flying.values()], force=True)
                self._tell(LAST_WORD_SECONDS, end, self._run)
        disconnect(self._client)
