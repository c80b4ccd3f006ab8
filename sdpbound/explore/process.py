"""Processes that compute, and one that is started ahead.

This module imports nothing that loads long, so that a process can load while the rest of the server does.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sdpbound.explore.messages import Message, Reply

__all__ = ["Process", "Processes", "Tell"]

Tell = Callable[["Reply"], object]

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
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
        )
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
            self.close()
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
        with self._lock, suppress(OSError, ValueError):
            self._process.stdin.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


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
