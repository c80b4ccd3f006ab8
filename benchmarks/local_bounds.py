"""Local bounds of I_nn22, and of random correlators: ``python -m benchmarks.local_bounds [LARGEST]``.

Beside each stands a plain enumeration: blocks of sign vectors times the table, as a matrix product of floats, with the
other party's best answers. Both must agree.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

import sdpbound as sb

__all__ = ["main", "plain"]

#: Sign vectors of one block of the plain enumeration, and most settings that it is asked for.
BLOCK, MOST_PLAIN = 1 << 14, 22


def plain(expression: sb.BellExpression) -> float:
    """The local bound of two parties with binary outcomes by matrix products in blocks."""
    c = expression.coefficients
    n = c.shape[0] - 1
    best = -np.inf
    for first in range(0, 1 << n, BLOCK):
        number = np.arange(first, min(first + BLOCK, 1 << n))
        signs = 1.0 - 2.0 * ((number[:, None] >> np.arange(n)) & 1)
        t = c[0] + signs @ c[1:]
        best = max(best, float((t[:, 0] + np.abs(t[:, 1:]).sum(axis=1)).max()))
    return best


def timed(call: Callable[[], float]) -> tuple[float, float]:
    """What a call gives, and its CPU seconds."""
    start = time.process_time()
    value = call()
    return value, time.process_time() - start


def main(largest: int = 24) -> None:
    rng = np.random.default_rng(1)
    sb.inn22(15).local_bound  # noqa: B018  # the compiled loop is loaded, and compiled once on a machine
    print("| expression | strategies | CPU s | plain, CPU s |\n|---|---|---|---|", flush=True)
    for n in range(12, largest + 1, 3):
        random = sb.BellExpression.from_correlators(rng.integers(-9, 10, (n, n)), name="random")
        for expression in (sb.inn22(n), random):
            value, seconds = timed(lambda e=expression: e.local_bound)  # type: ignore[misc]
            beside = "-"
            if n <= MOST_PLAIN:
                again, other = timed(lambda e=expression: plain(e))  # type: ignore[misc]
                assert again == value
                beside = f"{other:.2f}"
            print(f"| {expression.name}, n = {n} | 2^{n} | {seconds:.3f} | {beside} |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
