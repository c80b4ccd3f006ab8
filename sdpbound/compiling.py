"""Compilation of loops over numbers, by numba: for programs so small that arrays are mostly overhead.

What imports this module loads numba. So it is imported where a compiled loop is first run, and not before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

__all__ = ["compiled_loop"]


def compiled_loop(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function compiled; what is compiled is kept on disk, if there is a folder for it.

    A division by zero gives an infinity or a nan, as it does in arrays. Sums are not reordered (no "fastmath").
    """
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # there is no folder that can be written to
        return numba.njit(nogil=True, error_model="numpy")(function)
