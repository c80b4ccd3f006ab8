"""Solvers say what they have to say in their answer: what they print goes nowhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock

__all__ = ["silent"]

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
