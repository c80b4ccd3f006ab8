"""The simplex method for the linear programs of column generation in few tested values, compiled.

These have up to ten rows and some hundred columns, and thousands of them are solved for a chart. A general solver takes
a millisecond for what surrounds each of them; the method itself takes some ten microseconds. See
:func:`sdpbound.conic.solvers.linear_.cheapest_weights` for the program.

**Method.** It is the revised simplex method with the inverse of the basis. A mixture of one column and the deviations
that are then left are the first basis. The column of the most negative reduced cost enters, and after many steps the
first one that has a negative reduced cost (Bland), which ends any cycle. The inverse is updated by each step. It is
computed again from the columns at the end, and the steps go on if the basis is then seen not to be optimal. The answer
is untrusted, as that of any solver is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sdpbound.compiling import compiled_loop

__all__ = ["weights_by_simplex"]

#: Steps, and those after which Bland's rule holds.
_STEPS, _BLAND = 2000, 400
#: Reduced costs above minus this part of the largest multiplier are not negative; the least pivot.
_OPTIMAL, _PIVOT = 1e-13, 1e-11
#: How often the inverse is computed again.
_AGAIN = 4


@compiled_loop
def _inverse(matrix: Any, out: Any) -> bool:
    """Write the inverse of a matrix (m, m), which is destroyed, by elimination; whether there is one."""
    m = len(matrix)
    for i in range(m):
        for j in range(m):
            out[i, j] = 1.0 if i == j else 0.0
    for k in range(m):
        p = k
        for i in range(k + 1, m):
            if abs(matrix[i, k]) > abs(matrix[p, k]):
                p = i
        if not abs(matrix[p, k]) > 1e-300:
            return False
        for j in range(m):
            matrix[k, j], matrix[p, j] = matrix[p, j], matrix[k, j]
            out[k, j], out[p, j] = out[p, j], out[k, j]
        scale = 1.0 / matrix[k, k]
        for j in range(m):
            matrix[k, j] *= scale
            out[k, j] *= scale
        for i in range(m):
            factor = matrix[i, k]
            if i != k and factor != 0.0:
                for j in range(m):
                    matrix[i, j] -= factor * matrix[k, j]
                    out[i, j] -= factor * out[k, j]
    return True


@compiled_loop
def _refactor(columns: Any, target: Any, basis: Any, inverse: Any, x: Any) -> bool:
    """Compute the inverse of the basis and the solution ``x`` from the columns; whether there is one."""
    m = len(basis)
    matrix = np.empty((m, m))
    for i in range(m):
        for j in range(m):
            matrix[j, i] = columns[basis[i], j]
    if not _inverse(matrix, inverse):
        return False
    for i in range(m):
        x[i] = 0.0
        for j in range(m):
            x[i] += inverse[i, j] * target[j]
        x[i] = max(x[i], 0.0)
    return True


@compiled_loop
def _entering(columns: Any, cost: Any, y: Any, bland: bool) -> int:
    """The column that enters the basis; -1 if the basis is optimal."""
    most = 1.0
    for v in y:
        most = max(most, abs(v))
    least, found = -_OPTIMAL * most, -1
    for k in range(len(columns)):
        reduced = cost[k]
        for j in range(len(y)):
            reduced -= y[j] * columns[k, j]
        if reduced < least:
            if bland:
                return k
            least, found = reduced, k
    return found


@compiled_loop
def _leaving(x: Any, direction: Any, basis: Any, bland: bool) -> int:
    """The place that is left in the basis, of several that of the largest pivot, or the first; -1 if there is none."""
    place, best = -1, np.inf
    for i in range(len(x)):
        if direction[i] > _PIVOT:
            ratio = x[i] / direction[i]
            if ratio < best - 1e-12:
                place, best = i, ratio
            elif ratio <= best + 1e-12 and (basis[i] < basis[place] if bland else direction[i] > direction[place]):
                place, best = i, min(ratio, best)
    return place


@compiled_loop
def weights_by_simplex(columns: Any, cost: Any, target: Any, x: Any, y: Any) -> bool:
    """Minimise ``cost . x`` for x >= 0 and columns^T x = target: write both solutions; whether they are optimal.

    Parameters
    ----------
    columns : (K + 2J, J + 1) the columns of the mixture, whose last entry is 1, then a unit vector for each row but the
        last, then the same negative
    cost, target : (K + 2J,) and (J + 1,), the last entry 1
    x, y : (K + 2J,) and (J + 1,) to write to
    """
    count, m = columns.shape
    j, first = m - 1, 0
    mixed, least = count - 2 * (m - 1), np.inf
    for k in range(mixed):  # begin with the column that alone costs the least
        alone = cost[k]
        for i in range(j):
            alone += cost[mixed] * abs(target[i] - columns[k, i])
        if alone < least:
            first, least = k, alone
    basis, inverse = np.empty(m, dtype=np.int64), np.empty((m, m))
    inside, direction = np.empty(m), np.empty(m)
    for i in range(j):
        basis[i] = mixed + i if target[i] >= columns[first, i] else mixed + j + i
    basis[j] = first
    if not _refactor(columns, target, basis, inverse, inside):
        return False
    computed, fresh = 0, True  # how often the inverse was computed again, and whether it is as computed
    for step in range(_STEPS):
        for i in range(m):
            y[i] = 0.0
            for k in range(m):
                y[i] += cost[basis[k]] * inverse[k, i]
        entering = _entering(columns, cost, y, step > _BLAND)
        if entering < 0:
            if fresh or computed == _AGAIN:
                break
            computed, fresh = computed + 1, True
            if not _refactor(columns, target, basis, inverse, inside):
                return False
            continue
        fresh = False
        for i in range(m):
            direction[i] = 0.0
            for k in range(m):
                direction[i] += inverse[i, k] * columns[entering, k]
        place = _leaving(inside, direction, basis, step > _BLAND)
        if place < 0:
            return False
        length = inside[place] / direction[place]
        for i in range(m):
            inside[i] = max(inside[i] - length * direction[i], 0.0)
        inside[place], basis[place] = length, entering
        scale = 1.0 / direction[place]
        for k in range(m):
            inverse[place, k] *= scale
        for i in range(m):
            if i != place:
                for k in range(m):
                    inverse[i, k] -= direction[i] * inverse[place, k]
    else:
        return False
    x[:] = 0.0
    for i in range(m):
        x[basis[i]] += inside[i]
    return True
