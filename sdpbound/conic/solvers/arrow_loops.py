"""The loops of the arrow solver's equations, compiled: traces of products of sparse matrices with two full ones."""

from __future__ import annotations

from sdpbound.arrays import Floats, Ints
from sdpbound.compiling import compiled_loop

__all__ = ["add_traces", "traces"]


@compiled_loop
def traces(
    x: Floats, z: Floats, starts: Ints, rows: Ints, columns: Ints, values: Floats, work: Floats, out: Floats
) -> None:
    """``out[a, b] = trace(A_a X A_b Z)`` for symmetric X, Z (n, n) and A given by entries of upper triangles."""
    n = x.shape[0]
    for b in range(starts.size - 1):
        work[:, :] = 0.0  # X A_b Z
        for e in range(starts[b], starts[b + 1]):
            k, m, v = rows[e], columns[e], values[e]
            if k == m:
                for i in range(n):
                    left = v * x[i, k]
                    for j in range(n):
                        work[i, j] += left * z[k, j]
            else:
                for i in range(n):
                    left, right = v * x[i, k], v * x[i, m]
                    for j in range(n):
                        work[i, j] += left * z[m, j] + right * z[k, j]
        for a in range(b, starts.size - 1):
            total = 0.0
            for e in range(starts[a], starts[a + 1]):
                i, j = rows[e], columns[e]
                total += values[e] * (work[i, i] if i == j else work[i, j] + work[j, i])
            out[a, b] = total
            out[b, a] = total


@compiled_loop
def add_traces(
    found: Floats,
    mixed: Floats,
    own: Ints,
    basis: Ints,
    factor: Floats,
    of_shared: Ints,
    square: Floats,
    beside: Floats,
) -> None:
    """Add a block's traces to the equations of its group: to the lower triangle of ``square``, and to ``beside``.

    ``found`` (K, K) are the traces of the bases, ``mixed`` (d, K) those of the shared columns with bases.
    """
    for i in range(own.size):
        a, f, row = basis[i], factor[i], square[own[i]]
        for j in range(i + 1):
            row[own[j]] += f * factor[j] * found[a, basis[j]]
        right = beside[own[i]]
        for c in range(of_shared.size):
            right[of_shared[c]] += f * mixed[c, a]
