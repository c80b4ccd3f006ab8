"""Signals that end a run.

Only the first counts, and no signal interrupts storing.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["Stops", "Terminated"]


class Terminated(KeyboardInterrupt):
    """SIGTERM asked the process to end, or its terminal ended (SIGHUP).

    >>> issubclass(Terminated, KeyboardInterrupt)  # what ends a run on Ctrl-C ends it on SIGTERM, too
    True
    """


class Stops:
    """A context in which SIGINT raises KeyboardInterrupt, and SIGTERM and SIGHUP raise Terminated, in the main thread.

    Only the first signal counts, so that no second one interrupts the clean-up. No signal raises within :meth:`held`;
    it raises at the end of that block. A signal that was ignored before, as under nohup, is still ignored. In other
    threads than the main one this does nothing.
    """

    def __init__(self) -> None:
        self._holders = 0
        self._waiting: type[KeyboardInterrupt] | None = None
        self._over = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Stops:
        if threading.current_thread() is threading.main_thread():
            for name in ("SIGINT", "SIGTERM", "SIGHUP"):
                number = getattr(signal, name, None)
                if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._stop)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self._over:
            return
        self._over = True
        kind = KeyboardInterrupt if number == signal.SIGINT else Terminated
        if self._holders:
            self._waiting = kind
        else:
            raise kind

    @contextmanager
    def held(self) -> Iterator[None]:
        """Run a block that no signal interrupts.

        A signal that came during the block raises at its end.
        """
        self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1
            if self._waiting is not None and not self._holders:
                kind, self._waiting = self._waiting, None
                raise kind
