"""Clocks, caches, fresh processes and versions."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import Any

from sdpbound.adversaries import local, nosignaling, quantum
from sdpbound.bounds import assemble

__all__ = ["clear_caches", "in_fresh_process", "median_seconds", "paired_seconds", "quiet", "versions"]

PACKAGES = (
    "sdpbound numpy scipy clarabel sdpa-python qics scs cvxopt cvxpy ncpol2sdpa sympy toqito highspy numba python-flint"
)


def clear_caches() -> None:
    """Forget every relaxation and every structure, as in a new process."""
    for module in (quantum, nosignaling, local, assemble):
        for value in vars(module).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()


def median_seconds(call: Callable[[], Any], repeats: int, before: Callable[[], None] | None = None) -> float:
    """Median wall time; ``before`` runs untimed before each repetition."""
    times = []
    for _ in range(repeats):
        if before is not None:
            before()
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return statistics.median(times)


def paired_seconds(one: Callable[[], Any], other: Callable[[], Any], repeats: int) -> tuple[float, float]:
    """Median wall times of two calls that take turns, so that both see the same machine."""
    times = [(median_seconds(one, 1), median_seconds(other, 1)) for _ in range(repeats)]
    return statistics.median(t for t, _ in times), statistics.median(t for _, t in times)


@contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings of third parties."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


_CHILD = """
import json, time
from benchmarks.memory import peak_mb
{setup}
start = time.perf_counter()
value = {expression}
seconds = time.perf_counter() - start
print(json.dumps({{"value": value, "seconds": seconds, "peak_mb": peak_mb()}}))
"""


def in_fresh_process(setup: str, expression: str) -> dict[str, float]:
    """Value, seconds (imports apart, everything else included) and peak memory of an expression in a new process."""
    root = str(Path(__file__).resolve().parent.parent)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))}
    script = _CHILD.format(setup=setup, expression=expression)
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    return json.loads(run.stdout.splitlines()[-1])


def versions() -> dict[str, str]:
    """Versions of everything that took part; no host names."""
    found = {"python": platform.python_version(), "machine": f"{platform.machine()}, one thread"}
    for name in PACKAGES.split():
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
