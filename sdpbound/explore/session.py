"""The page's end of its processes: one for moves, and one for maps when the first is asked for.

Sessions share nothing but the spare process, which is at work for nobody and is handed to the next one.
"""

from __future__ import annotations

import threading

from sdpbound.explore.messages import Asked, MapDone, Move, Screen, Stop
from sdpbound.explore.process import Process, Processes, Tell
from sdpbound.explore.state import State
from sdpbound.explore.values import MapPlan

__all__ = ["Session"]


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

    @property
    def own(self) -> tuple[Process, ...]:
        """Its processes: that for moves, and that for maps if there is one."""
        return (self._mover,) if self._mapper is None else (self._mover, self._mapper)

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
            for process in self.own:
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
