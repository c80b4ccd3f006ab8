"""The loops over cells of :mod:`sdpbound.entropies.qubits.branch`, compiled.

The 9 pairs of corners of a cell are numbered like the entries of a 3 x 3 matrix, Alice's first. On a side the weights
of its three corners are (1, 0, 0), (1 - t, t, 0), (0, t, 1 - t) or (0, 0, 1), where t belongs to the half-width of the
arc. The means of a cell are those with weights of this kind on either side. A mean is infinite if a bound in it is
infinite or none, also where its weight is zero.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sdpbound.compiling import compiled_loop

__all__ = ["corner_tables", "means", "unsettled"]


@compiled_loop
def _cell(at: Any, corners: Any, s: float, t: float, out: Any) -> None:
    """Write the 16 means (4, 4) of the numbers ``at`` the corners of a cell, with the weights s and t of its sides."""
    total, sides = 0.0, np.empty((3, 4))
    for i in range(3):
        a, b, c = at[corners[i, 0]], at[corners[i, 1]], at[corners[i, 2]]
        total += a + b + c
        sides[i, 0], sides[i, 3] = a, c
        sides[i, 1], sides[i, 2] = (1.0 - t) * a + t * b, t * b + (1.0 - t) * c
    for j in range(4):
        out[0, j], out[3, j] = sides[0, j], sides[2, j]
        out[1, j] = (1.0 - s) * sides[0, j] + s * sides[1, j]
        out[2, j] = s * sides[1, j] + (1.0 - s) * sides[2, j]
    if not math.isfinite(total):
        for i in range(4):
            for j in range(4):
                out[i, j] = math.inf


@compiled_loop
def means(at: Any, corners: Any, weights: Any, out: Any) -> None:
    """For each cell the largest mean, and the largest of those that do without Alice's and Bob's middle corners.

    Parameters
    ----------
    at : (m,) bounds at the corners
    corners, weights : (n, 3, 3) numbers of the cells' corners, (n, 2) weights of the middle corners
    out : (n, 3) to write to
    """
    found = np.empty((4, 4))
    for k in range(len(corners)):
        _cell(at, corners[k], weights[k, 0], weights[k, 1], found)
        for j in range(3):
            out[k, j] = -math.inf
        for i in range(4):
            for j in range(4):
                out[k, 0] = max(out[k, 0], found[i, j])
                if i % 3 == 0:
                    out[k, 1] = max(out[k, 1], found[i, j])
                if j % 3 == 0:
                    out[k, 2] = max(out[k, 2], found[i, j])


@compiled_loop
def unsettled(
    uppers: Any, values: Any, corners: Any, weights: Any, goal: float, precision: float, marked: Any, out: Any
) -> int:
    """Write the numbers of the corners at which better bounds may settle a cell, each once; return how many they are.

    These are corners of cells whose upper bound is above the goal, but whose bound by the lower values is not. At them
    the two kinds of bounds differ by more than ``precision``. ``marked`` (m,) is False everywhere, and so again after.
    """
    found, count = np.empty((4, 4)), 0
    for k in range(len(corners)):
        _cell(uppers, corners[k], weights[k, 0], weights[k, 1], found)
        if not found.max() > goal:
            continue
        _cell(values, corners[k], weights[k, 0], weights[k, 1], found)
        if not found.max() <= goal:
            continue
        for i in range(3):
            for j in range(3):
                c = corners[k, i, j]
                if not marked[c] and uppers[c] - values[c] > precision:
                    marked[c] = True
                    out[count] = c
                    count += 1
    for i in range(count):
        marked[out[i]] = False
    return count


@compiled_loop
def corner_tables(
    expression: Any, codes: Any, levels: Any, turned: Any, scale: float, angles: Any, tables: Any
) -> None:
    """Write the angles (n, 2) of corners, and the tables (n, 3, 3) of the expression there, times ``scale``.

    An even code is an end of an arc, and an odd one the meeting point of its tangents, whose vector is longer. Where
    ``turned``, the frame of Bob is that of B', and B is at the angle.
    """
    alice, bob = np.zeros((3, 3)), np.zeros((3, 3))
    alice[0, 0] = bob[0, 0] = alice[1, 1] = 1.0
    for n in range(len(codes)):
        for side in range(2):
            half = math.pi / 2.0 ** (levels[n, side] + 1)
            angle = codes[n, side] * half
            radius = 1.0 / math.cos(half) if codes[n, side] % 2 == 1 else 1.0
            c, s = radius * math.cos(angle), radius * math.sin(angle)
            angles[n, side] = angle
            if side == 0:
                alice[2, 1], alice[2, 2] = c, s
            else:
                moves, stays = (1, 2) if turned[n] else (2, 1)
                bob[moves, 1], bob[moves, 2], bob[stays, 1], bob[stays, 2] = c, s, 1.0, 0.0
        for k in range(3):
            for m in range(3):
                total = 0.0
                for i in range(3):
                    for j in range(3):
                        total += alice[i, k] * expression[i, j] * bob[j, m]
                tables[n, k, m] = scale * total
