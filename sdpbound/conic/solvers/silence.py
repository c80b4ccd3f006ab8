"""Solvers say what they have to say in their answer: what they print goes nowhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock, get_ident
from typing import Any

__all__ = ["muted", "silent"]

_lock = Lock()
#: Of each descriptor that is turned away: how many calls want that, and where it went before.
_turned: dict[int, tuple[int, int]] = {}


@contextmanager
def silent(*descriptors: int) -> Iterator[None]:
    """Send file descriptors to the null device: solvers write warnings and panics there whatever their options say.

    Of several threads the last one that leaves restores a descriptor. One that is closed is left alone.
    """
    turned = [number for number in descriptors if _turn_away(number)]
    try:
        yield
    finally:
        for number in turned:
            _turn_back(number)


def _turn_away(number: int) -> bool:
    with _lock:
        if number in _turned:
            count, saved = _turned[number]
            _turned[number] = count + 1, saved
            return True
        try:
            saved = os.dup(number)
        except OSError:  # it is closed: nothing to silence
            return False
        try:
            null = os.open(os.devnull, os.O_WRONLY)
        except OSError:  # no more files can be open
            os.close(saved)
            return False
        os.dup2(null, number)
        os.close(null)
        _turned[number] = 1, saved
        return True


def _turn_back(number: int) -> None:
    with _lock:
        count, saved = _turned.pop(number)
        if count > 1:
            _turned[number] = count - 1, saved
            return
        with suppress(OSError):
            os.dup2(saved, number)
        os.close(saved)


@contextmanager
def muted() -> Iterator[None]:
    """Drop what this thread prints to Python's standard output, where SCS writes errors; other threads may print."""
    before = sys.stdout
    mute = _Mute(before, get_ident())
    sys.stdout = mute
    try:
        yield
    finally:
        mute.thread = None  # where another thread has put its own in front, this one stays, and drops nothing
        if sys.stdout is mute:
            sys.stdout = before


class _Mute:
    """Standard output without what one thread writes."""

    def __init__(self, stream: Any, thread: int | None) -> None:
        self.stream, self.thread = stream, thread

    def write(self, text: str) -> int:
        if get_ident() == self.thread or self.stream is None:
            return len(text)
        return int(self.stream.write(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)
