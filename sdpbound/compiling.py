"""Compilation of loops over numbers, by numba: for programs so small that arrays are mostly overhead.

What imports this module loads numba. So it is imported where a compiled loop is first run, and not before. The first
compilation of a process is told; what is found on disk is silent.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any

import numba
from numba.core import event

from sdpbound.limiting import announce

__all__ = ["COMPILING", "Announcer", "compiled_loop"]

COMPILING = "sdpbound compiles loops for this machine, once: up to a minute in all"


def compiled_loop(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function compiled; what is compiled is kept on disk, if there is a folder for it.

    A division by zero gives an infinity or a nan, as it does in arrays. Sums are not reordered (no "fastmath").
    """
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # there is no folder that can be written to
        return numba.njit(nogil=True, error_model="numpy")(function)


class Announcer(event.Listener):
    """Says once that loops of this package are compiled; numba tells of those that are not on disk."""

    def __init__(self) -> None:
        self.told = multiprocessing.parent_process() is not None  # who started this process shows its progress

    def on_start(self, event: Any) -> None:
        loop = getattr(event.data.get("dispatcher"), "py_func", None)
        if not self.told and str(getattr(loop, "__module__", "")).startswith("sdpbound."):
            self.told = True
            announce(COMPILING)

    def on_end(self, event: Any) -> None:
        """Nothing is said of ends."""


event.register("numba:compile", Announcer())  # type: ignore[no-untyped-call]
