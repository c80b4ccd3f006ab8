"""The process that computes for one page: it reads messages, and answers the newest move first.

A thread of it reads. When a message comes, what is being proven is asked to end, as at Ctrl-C: nothing waits for a
state that is no longer shown. The process ends when its input does, as when the page is closed or the server ends.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from sdpbound.errors import SdpboundError
from sdpbound.explore.drawing import map_svg, rates_svg, slice_svg
from sdpbound.explore.maps import map_rows
from sdpbound.explore.messages import Asked, File, MapDone, Message, Move, Reply, Screen
from sdpbound.explore.numbers import Estimates, certified, exact
from sdpbound.explore.point import Point, read
from sdpbound.explore.slices import slice_of
from sdpbound.explore.state import State
from sdpbound.explore.values import MapPlan, Number
from sdpbound.limiting import Limits, limits

__all__ = ["Inbox", "Work", "main"]

#: Seconds without a move after which numbers are proven.
REST = 0.12


class Inbox:
    """The messages that wait. Moves that came before the newest one are dropped."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._waiting: list[Message] = []
        self._limits: Limits | None = None

    def put(self, message: Message) -> None:
        """Add a message, and ask what is at work to end; any thread may call this."""
        with self._change:
            if isinstance(message, Move):
                self._waiting = [other for other in self._waiting if not isinstance(other, Move)]
            self._waiting.append(message)
            if self._limits is not None and not isinstance(message, Asked):
                self._limits.interrupt()
            self._change.notify()

    def take(self, seconds: float | None = None) -> Message | None:
        """The next message; None where none came in so many seconds."""
        with self._change:
            self._change.wait_for(lambda: bool(self._waiting), seconds)
            return self._waiting.pop(0) if self._waiting else None

    def at_work(self, limit: Limits | None) -> None:
        """Say which limits a message interrupts; one that waits already does so at once."""
        with self._change:
            self._limits = limit
            if limit is not None and any(not isinstance(m, Asked) for m in self._waiting):
                limit.interrupt()

    @property
    def first(self) -> Message | None:
        """The message that waits longest, which stays there; None where none waits."""
        with self._change:
            return self._waiting[0] if self._waiting else None


@dataclass(eq=False)
class Work:
    """What a process does with messages.

    Parameters
    ----------
    inbox : where they come from
    tell : takes the replies
    """

    inbox: Inbox
    tell: Callable[[Reply], None]
    _estimates: Estimates = field(default_factory=Estimates)
    _point: Point | None = None
    _numbers: dict[str, Number] = field(default_factory=dict)
    _serial: int = -1
    _proofs: bool = False  # whether the last state waits for its proofs

    def step(self) -> None:
        """Answer one message, or, where none came for a while, prove the numbers of the last state."""
        message = self.inbox.take(REST if self._proofs else None)
        if isinstance(message, Move):
            self._move(message)
        elif isinstance(message, Asked):
            self.tell(self._file(message.kind))
        elif isinstance(message, MapPlan):
            self._map(message)
        elif message is None and self._proofs:
            self._prove()

    def _move(self, move: Move) -> None:
        self._serial, self._numbers, self._point, self._proofs = move.serial, {}, None, False
        try:
            point = read(move.state)
            quick = exact(point)
            picture = ""
            if point.is_small:
                picture = slice_svg(slice_of(point.behaviour, point.member.behaviour(), point.member.expression), point)
        except SdpboundError as error:
            self.tell(Screen(move.serial, "wrong", sentence=str(error)))
            return
        self._point, self._numbers, self._proofs = point, dict(quick), True
        sentence = f"{point.member.title}; {point.state.observed} tested"
        self.tell(Screen(move.serial, "quick", quick, picture, "", sentence, point.is_small))
        if isinstance(self.inbox.first, Move):
            return
        more = self._estimates.of(point, quick)
        self._numbers |= more
        self.tell(Screen(move.serial, "estimates", more, "", rates_svg(self._numbers), sentence, point.is_small))

    def _prove(self) -> None:
        point, serial = self._point, self._serial
        if point is None:
            return
        with limits() as limit:
            self.inbox.at_work(limit)
            try:
                for name, number in certified(point):
                    if limit.interrupted:
                        return
                    self._numbers[name] = number
                    self.tell(
                        Screen(serial, "proving", {name: number}, "", rates_svg(self._numbers), small=point.is_small)
                    )
                    while isinstance(self.inbox.first, Asked):
                        self.step()
            finally:
                self.inbox.at_work(None)
        self._proofs = False
        self.tell(Screen(serial, "done", small=point.is_small))

    def _map(self, plan: MapPlan) -> None:
        last, why = MapDone(None, "", False), "the map was stopped."
        with limits() as limit:
            self.inbox.at_work(limit)
            try:
                for found in map_rows(plan):
                    last = MapDone(found, map_svg(found), found.rows == plan.y.count)
                    self.tell(last)
            except SdpboundError as error:
                why = str(error)
            finally:
                self.inbox.at_work(None)
        if not last.ended:
            self.tell(replace(last, ended=True, sentence=why))

    def _file(self, kind: str) -> File:
        point = self._point
        if point is None:
            return File(kind, "", b"", "there is nothing to give: a field has a bad value; mend it first.")
        from sdpbound.explore.giving import figure_bytes, python_code, study_file  # loads Matplotlib: not before a move

        try:
            if kind == "python":
                return File(kind, "explored.py", python_code(point).encode())
            if kind == "study":
                return File(kind, "explored.toml", study_file(point).encode())
            return File(kind, f"explored.{kind}", figure_bytes(point, self._numbers, kind))
        except SdpboundError as error:
            return File(kind, "", b"", str(error))


def warm() -> None:
    """Load what the first move needs: compiled loops above all."""
    point = read(State())
    Estimates().of(point, exact(point))
    next(certified(point))


def main() -> None:
    """Serve one page: messages on standard input, replies on standard output, both pickled."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server ends this process by closing its input
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a solver may print
    inbox = Inbox()

    def tell(reply: Reply) -> None:
        pickle.dump(reply, replies)
        replies.flush()

    threading.Thread(target=_read_all, args=(sys.stdin.buffer, inbox), daemon=True).start()
    work = Work(inbox, tell)
    warm()
    with suppress(BrokenPipeError):
        while True:
            work.step()


def _read_all(stream: BinaryIO, inbox: Inbox) -> None:
    try:
        while True:
            inbox.put(pickle.load(stream))
    except (EOFError, OSError, pickle.UnpicklingError):
        if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
            os.killpg(os.getpid(), signal.SIGKILL)  # with solvers that run in processes of their own
        os._exit(0)  # in the middle of a solver, too


if __name__ == "__main__":
    main()
