"""Belief propagation on a graph of parity checks, check after check, for several blocks side by side, compiled.

With r_e the message of edge e to its bit and L_v = prior_v + sum of r over the edges of v, each check takes t_e = L_v
- r_e and sends what the parity of its other edges says, the sum ``a + b = log cosh((a + b)/2) - log cosh((a - b)/2)``
of their t, one after the other, forwards and backwards; then L_v = t_e + r_e at once. A check sees what those before
it have said, so half as many iterations are enough as where all speak together.

The innermost loops are over blocks, which have the same checks: no branches and no tables, so that a processor does
eight at once. ``log(2 cosh(x/2)) = x/2 + log(1 + e^-x)`` has a polynomial for its logarithm, within 4e-4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sdpbound.compiling import compiled_loop

__all__ = ["propagate"]

#: log(1 + e^-x) on [0, END], by interpolation at Chebyshev's points; beyond it is taken to be constant.
END = np.float32(8.0)
C0, C1, C2, C3 = (
    np.float32(c) for c in (0.6934390385856302, -0.5045186269226593, 0.1357927395542519, -0.00838989302905)
)
C4, C5, C6, C7 = (
    np.float32(c) for c in (-0.0035971009061308, 0.0008989004383218, -8.254335623122786e-05, 2.796631925403912e-06)
)
#: The largest size of a message.
LARGEST = np.float32(30.0)


@compiled_loop
def _log_cosh(x: Any) -> Any:
    """log(2 cosh(x/2)) for x >= 0."""
    z = min(x, END)
    square = z * z  # few steps that wait for each other
    low = (C0 + z * C1) + square * (C2 + z * C3)
    high = (C4 + z * C5) + square * (C6 + z * C7)
    return np.float32(0.5) * x + (low + square * square * high)


@compiled_loop
def _join(a: Any, b: Any) -> Any:
    """What is known of the sum of two bits of which a and b are known."""
    return _log_cosh(abs(a + b)) - _log_cosh(abs(a - b))


@compiled_loop
def _unfulfilled(ends: Any, variable: Any, wanted: Any, total: Any, wrong: Any) -> None:
    lanes = total.shape[1]
    odd = np.empty(lanes, dtype=np.uint8)
    wrong[:] = 0
    for check in range(ends.size - 1):
        for lane in range(lanes):
            odd[lane] = wanted[check, lane]
        for edge in range(ends[check], ends[check + 1]):
            v = variable[edge]
            for lane in range(lanes):
                odd[lane] ^= np.uint8(total[v, lane] < np.float32(0.0))
        for lane in range(lanes):
            wrong[lane] += odd[lane]


@compiled_loop
def propagate(ends: Any, variable: Any, wanted: Any, total: Any, iterations: int, patience: int, damping: Any) -> Any:
    """Iterate in place on ``total``, the priors (n, blocks) at first; how many checks are unfulfilled at the end,
    (blocks,).

    Parameters
    ----------
    ends : (checks + 1,) where the edges of each check begin
    variable : (edges,) the bit of each edge, ordered by check
    wanted : (checks, blocks) the parities
    patience : it ends after so many iterations in which no unfinished block has come nearer
    damping : weight of the old message in the new one
    """
    lanes, most = total.shape[1], 0
    for check in range(ends.size - 1):
        most = max(most, ends[check + 1] - ends[check])
    message = np.zeros((variable.size, lanes), dtype=np.float32)
    before = np.empty((most, lanes), dtype=np.float32)
    first = np.empty((most, lanes), dtype=np.float32)
    last = np.empty(lanes, dtype=np.float32)
    sign = np.empty(lanes, dtype=np.float32)
    wrong, fewest = np.zeros(lanes, dtype=np.int64), np.full(lanes, ends.size)
    since = 0
    for _ in range(iterations):
        for check in range(ends.size - 1):
            start, degree = ends[check], ends[check + 1] - ends[check]
            for i in range(degree):
                v = variable[start + i]
                for lane in range(lanes):
                    before[i, lane] = total[v, lane] - message[start + i, lane]
            for lane in range(lanes):
                sign[lane] = np.float32(1.0) - np.float32(2.0) * wanted[check, lane]
                first[0, lane] = LARGEST
                last[lane] = LARGEST
            for i in range(1, degree):
                for lane in range(lanes):
                    first[i, lane] = _join(first[i - 1, lane], before[i - 1, lane])
            for i in range(degree - 1, -1, -1):
                v = variable[start + i]
                for lane in range(lanes):
                    fresh = sign[lane] * _join(first[i, lane], last[lane])
                    fresh += damping * (message[start + i, lane] - fresh)
                    message[start + i, lane] = fresh
                    total[v, lane] = before[i, lane] + fresh
                    last[lane] = _join(last[lane], before[i, lane])
        _unfulfilled(ends, variable, wanted, total, wrong)
        since += 1
        for lane in range(lanes):
            if 0 < wrong[lane] < fewest[lane]:
                fewest[lane], since = wrong[lane], 0
        if not wrong.any() or since >= patience:
            break
    return wrong
