"""The largest memory that this process has taken."""

from __future__ import annotations

import sys

__all__ = ["peak_mb"]


def peak_mb() -> float:
    """In MB. VmHWM where there is one: ``ru_maxrss`` of a new process begins at the size of its parent."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)
