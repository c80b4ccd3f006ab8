"""The steps of :mod:`sdpbound.entropies.averages.points` for one pair of angles after another, compiled.

As in :mod:`sdpbound.entropies.qubits.compiled_states`, but the key's pieces turn with the angles. Piece p has columns
``C_p = (R(a) x R(b)) D_p``, where R(t) turns Z into ``cos t Z + sin t X``, and turns only the parties of ``turned[p]``.
``bases`` (P, 4, 4) has the D_p, of which ``ranks`` (P,) columns count, and ``shares`` (P,) their weights.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sdpbound.compiling import compiled_loop
from sdpbound.entropies.qubits.compiled_states import (
    end_of_step,
    logarithms,
    start_of_step,
    uncertainty,
)

__all__ = ["advance", "entropies"]

_ROOT = math.sqrt(2.0)
#: Two eigenvalues whose ratio differs from one by less than this count as equal; the error is its square.
_CLOSE = 1e-5


@compiled_loop
def _columns(a: float, b: float, base: Any, rank: int, turned: Any, out: Any) -> None:
    """The columns (4, rank) of a piece at two angles."""
    c, s, d, t = 1.0, 0.0, 1.0, 0.0
    if turned[0]:
        c, s = math.cos(0.5 * a), math.sin(0.5 * a)
    if turned[1]:
        d, t = math.cos(0.5 * b), math.sin(0.5 * b)
    for k in range(rank):
        for j in range(2):  # Alice's qubit, for each vector of Bob's
            x, y = base[j, k], base[2 + j, k]
            out[j, k], out[2 + j, k] = c * x - s * y, s * x + c * y
        for i in range(0, 4, 2):
            x, y = out[i, k], out[i + 1, k]
            out[i, k], out[i + 1, k] = d * x - t * y, t * x + d * y


@compiled_loop
def _inside(state: Any, columns: Any, rank: int) -> Any:
    """``C^T state C``, (rank, rank)."""
    half, out = np.empty((4, rank)), np.empty((rank, rank))
    for i in range(4):
        for k in range(rank):
            total = 0.0
            for j in range(4):
                total += state[i, j] * columns[j, k]
            half[i, k] = total
    for k in range(rank):
        for m in range(k + 1):
            total = 0.0
            for i in range(4):
                total += columns[i, m] * half[i, k]
            out[k, m] = out[m, k] = total
    return out


@compiled_loop
def _add_slope(frame: Any, quotients: Any, share: float, out: Any) -> None:
    """Add ``share F (q * (F^T x F)) F^T`` as a map (10, 10) of vectors x, for frame F (4, k) and quotients q (k, k)."""
    k = len(quotients)
    count = k * (k + 1) // 2
    turn, scaled = np.empty((10, count)), np.empty((10, count))
    row = 0
    for a in range(4):
        for b in range(a, 4):
            factor = 0.5 if a == b else 0.5 * _ROOT
            column = 0
            for i in range(k):
                for j in range(i, k):
                    scale = factor if i == j else factor * _ROOT
                    turn[row, column] = scale * (frame[a, i] * frame[b, j] + frame[a, j] * frame[b, i])
                    scaled[row, column] = share * turn[row, column] * quotients[i, j]
                    column += 1
            row += 1
    for i in range(10):
        for j in range(10):
            total = 0.0
            for m in range(count):
                total += scaled[i, m] * turn[j, m]
            out[i, j] += total


@compiled_loop
def _pinched(
    state: Any,
    angles: Any,
    bases: Any,
    ranks: Any,
    turned: Any,
    shares: Any,
    floor: float,
    total: Any,
    slope: Any,
) -> None:
    """L = sum_p w_p C_p log(C_p^T r C_p) C_p^T, (4, 4), and its derivative (10, 10)."""
    total[:], slope[:] = 0.0, 0.0
    columns = np.empty((4, 4))
    for p in range(len(ranks)):
        rank = ranks[p]
        _columns(angles[0], angles[1], bases[p], rank, turned[p], columns)
        e, v = np.linalg.eigh(_inside(state, columns, rank))
        frame, quotients = np.empty((4, rank)), np.empty((rank, rank))
        for i in range(rank):
            e[i] = max(e[i], 0.0) + floor
        logs = logarithms(e)
        for a in range(4):
            for i in range(rank):
                frame[a, i] = 0.0
                for m in range(rank):
                    frame[a, i] += columns[a, m] * v[m, i]
        for a in range(4):
            for b in range(4):
                part = 0.0
                for i in range(rank):
                    part += frame[a, i] * logs[i] * frame[b, i]
                total[a, b] += shares[p] * part
        for i in range(rank):
            for j in range(rank):
                ratio = e[j] / e[i]
                near = abs(ratio - 1.0) < _CLOSE
                quotients[i, j] = 2.0 / (e[i] + e[j]) if near else math.log(ratio) / (e[j] - e[i])
        _add_slope(frame, quotients, shares[p], slope)


@compiled_loop
def _step(
    table: Any,
    angles: Any,
    hint: Any,
    bases: Any,
    ranks: Any,
    turned: Any,
    shares: Any,
    noise: float,
    floor: float,
    move: Any,
) -> Any:
    """A lower value and an upper bound on G in nats, and the hint's height; writes the change to a better hint."""
    operator, state, logarithm = np.empty((4, 4)), np.empty((4, 4)), np.empty((4, 4))
    pinched, slope = np.empty((4, 4)), np.empty((10, 10))
    move[:] = 0.0
    finite, basis = start_of_step(table, hint, noise, operator, state, logarithm)
    if not finite:
        return math.nan, math.nan, math.nan
    _pinched(state, angles, bases, ranks, turned, shares, floor, pinched, slope)
    return end_of_step(hint, operator, state, logarithm, pinched, slope, basis, noise, move)


@compiled_loop
def advance(
    tables: Any,
    angles: Any,
    index: Any,
    bases: Any,
    ranks: Any,
    turned: Any,
    shares: Any,
    noise: float,
    floor: float,
    precisions: Any,
    steps: int,
    hints: Any,
    values: Any,
    uppers: Any,
) -> None:
    """Improve hints, values and upper bounds of some points, each until the last two differ by at most its precision.

    A step that lowers the height of a hint, which is G at the optimum, is undone and shortened.
    """
    move, base, way = np.empty((4, 4)), np.empty((4, 4)), np.zeros((4, 4))
    for i in index:
        best, length = -np.inf, 1.0
        base[:] = hints[i]
        way[:] = 0.0
        for _ in range(steps):
            if uppers[i] - values[i] <= precisions[i]:
                break
            value, upper, height = _step(
                tables[i], angles[i], hints[i], bases, ranks, turned, shares, noise, floor, move
            )
            if value > values[i]:
                values[i] = value
            if upper < uppers[i]:
                uppers[i] = upper
            good = height >= best - 2.0 * noise
            length = min(length * (4.0 if good else 0.25), 1.0)
            if good:
                best = max(best, height)
                base[:] = hints[i]
                way[:] = move
            hints[i] = base + length * way


@compiled_loop
def entropies(rho: Any, angles: Any, bases: Any, ranks: Any, turned: Any, shares: Any, out: Any) -> None:
    """The average entropy (n,) in bits given the holder of a purification of each state (n, 4, 4)."""
    columns = np.empty((4, 4))
    for n in range(len(rho)):
        total = -uncertainty(rho[n].copy())
        for p in range(len(ranks)):
            _columns(angles[n, 0], angles[n, 1], bases[p], ranks[p], turned[p], columns)
            total += shares[p] * uncertainty(_inside(rho[n], columns, ranks[p]))
        out[n] = max(total, 0.0)
