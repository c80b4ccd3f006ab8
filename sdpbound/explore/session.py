"""The page's end of its processes: one for moves, and one for maps when the first is asked for.

Sessions share nothing but the spare process, which is at work for nobody and is handed to the next one.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from sdpbound.explore.messages import Asked, MapDone, Message, Move, Reply, Screen, Stop
from sdpbound.explore.state import State
from sdpbound.explore.values import MapPlan

__all__ = ["Process", "Processes", "Session"]

Tell = Callable[[Reply], object]

#: Seconds that a process has to end by itself.
_PATIENCE = 0.5
#: Seconds after which the next process is started, so that it does not slow a page that is being shown.
_LATER = 4.0


class Process:
    """A process that computes, and the thread that takes its replies."""

    def __init__(self) -> None:
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(folder for folder in sys.path if folder),
            # one thread for each: processes of several pages would otherwise wait for each other
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        command = [sys.executable, "-P", "-m", "sdpbound.explore.worker"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        self._lock = threading.Lock()
        self._closed = False

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def listen(self, tell: Tell, ended: Callable[[], object]) -> None:
        """Hand on its replies from now on, and say when it has ended without being closed."""
        threading.Thread(target=self._listen, args=(tell, ended), daemon=True).start()

    def _listen(self, tell: Tell, ended: Callable[[], object]) -> None:
        assert self._process.stdout is not None
        with suppress(EOFError, OSError, ValueError, pickle.UnpicklingError):
            while True:
                tell(pickle.load(self._process.stdout))
        if not self._closed:
            ended()

    def send(self, message: Message) -> None:
        """Give it a message; one that has ended takes none."""
        assert self._process.stdin is not None
        with self._lock, suppress(OSError, ValueError):
            pickle.dump(message, self._process.stdin)
            self._process.stdin.flush()

    def close(self) -> None:
        """End it, whatever it does."""
        self._closed = True
        assert self._process.stdin is not None
        with self._lock, suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Processes:
    """Starts processes, one ahead: loading takes seconds that a new page need not wait for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spare: Process | None = Process()
        self._closed = False

    def take(self) -> Process:
        """A process for a session, which closes it; another one is started."""
        with self._lock:
            taken, self._spare = self._spare, None
            if taken is None or not taken.is_alive:
                taken = Process()
            later = threading.Timer(_LATER, self._refill)
            later.daemon = True
            later.start()
            return taken

    def _refill(self) -> None:
        with self._lock:
            if not self._closed and self._spare is None:
                self._spare = Process()

    def close(self) -> None:
        """End the spare process."""
        with self._lock:
            self._closed = True
            if self._spare is not None:
                self._spare.close()
                self._spare = None


class Session:
    """One page: what it shows, and its processes.

    Parameters
    ----------
    processes : where processes come from
    state : what is shown first
    tell : takes replies, called by threads
    """

    def __init__(self, processes: Processes, state: State, tell: Tell) -> None:
        self._processes = processes
        self._tell = tell
        self._lock = threading.Lock()
        self._mapper: Process | None = None
        self._closed = False
        self.state = state
        self.serial = 0
        self._mover = self._started()
        self._mover.send(Move(0, state))

    def move(self, state: State) -> int:
        """Show a state, and return the serial number that its replies have."""
        self.state, self.serial = state, self.serial + 1
        self._mover.send(Move(self.serial, state))
        return self.serial

    def ask(self, kind: str) -> None:
        """Ask for a file of what is shown."""
        self._mover.send(Asked(kind))

    def map(self, plan: MapPlan) -> None:
        """Compute a map in the background, in place of the one before."""
        with self._lock:
            if self._mapper is None or not self._mapper.is_alive:
                self._mapper = self._processes.take()
                self._mapper.listen(self._tell, self._map_lost)
            self._mapper.send(plan)

    def stop_map(self) -> None:
        """End the map that is computed."""
        if self._mapper is not None:
            self._mapper.send(Stop())

    def close(self) -> None:
        """End all work of the session."""
        with self._lock:
            self._closed = True
            for process in (self._mover, self._mapper):
                if process is not None:
                    process.close()

    def _started(self) -> Process:
        process = self._processes.take()
        process.listen(self._tell, self._lost)
        return process

    def _lost(self) -> None:
        """Go on in another process where one has ended, as for want of memory."""
        with self._lock:
            if self._closed:
                return
            self._mover = self._started()
        self._tell(
            Screen(self.serial, "wrong", sentence="the process that computes has ended; move a slider to go on.")
        )

    def _map_lost(self) -> None:
        if not self._closed:
            self._tell(MapDone(None, "", True, "the process of the map has ended; try fewer cells."))
