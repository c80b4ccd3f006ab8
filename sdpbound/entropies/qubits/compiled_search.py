"""The loops of the search over the strategies of an operator K, compiled; no proof uses them.

The formulas are explained where the loops are called: in :mod:`sdpbound.entropies.qubits.columns`,
:mod:`sdpbound.entropies.qubits.mixture` and :mod:`sdpbound.entropies.qubits.newton`. A frame has the rows 1, Z and
``cos t Z + sin t X``. So the operator of an expression E (3, 3) at angles a, b has the table ``alice^T E bob``, and its
mean at moments M is the sum of the products of their entries.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sdpbound.compiling import compiled_loop

__all__ = ["angle_part", "best_angles", "derivatives", "distinct", "model", "tables_at", "tested_values"]

#: Angles whose cosines differ by less than this are one strategy; a strategy at cosines beyond this is classical.
_APART, _CLASSICAL = 0.03, 0.9998


@compiled_loop
def _table(e: Any, c: float, s: float, d: float, t: float, first: float, second: float, out: Any) -> None:
    """Write ``alice^T e bob``, (9,), for the rows (first, first, (c, s)) of alice and (second, second, (d, t)) of bob.

    With the parts zero of a frame's first rows its derivative by the angle is written.
    """
    out[0] = first * second * e[0, 0]
    out[1] = first * (second * e[0, 1] + d * e[0, 2])
    out[2] = first * t * e[0, 2]
    left1, left2 = first * e[1, 0] + c * e[2, 0], s * e[2, 0]
    out[3], out[6] = second * left1, second * left2
    left1, left2 = first * e[1, 1] + c * e[2, 1], s * e[2, 1]
    right1, right2 = first * e[1, 2] + c * e[2, 2], s * e[2, 2]
    out[4], out[5] = second * left1 + d * right1, t * right1
    out[7], out[8] = second * left2 + d * right2, t * right2


@compiled_loop
def tables_at(expression: Any, a: Any, b: Any, scale: float, out: Any) -> None:
    """The tables (n, 9) of the operator of an expression (3, 3) at angles (n,), times ``scale``."""
    for i in range(len(a)):
        _table(expression, math.cos(a[i]), math.sin(a[i]), math.cos(b[i]), math.sin(b[i]), 1.0, 1.0, out[i])
        for k in range(9):
            out[i, k] *= scale


@compiled_loop
def tested_values(tests: Any, a: Any, b: Any, moments: Any, out: Any) -> None:
    """The tested values (n, J) of strategies with moments (n, 9), for tests (J, 3, 3)."""
    table = np.empty(9)
    for i in range(len(a)):
        c, s, d, t = math.cos(a[i]), math.sin(a[i]), math.cos(b[i]), math.sin(b[i])
        for j in range(len(tests)):
            _table(tests[j], c, s, d, t, 1.0, 1.0, table)
            out[i, j] = 0.0
            for k in range(9):
                out[i, j] += table[k] * moments[i, k]


@compiled_loop
def best_angles(e: Any, moments: Any, a: Any, b: Any) -> None:
    """Replace b by the best angles for a's frames, after a by the best for b's: a step of the see-saw."""
    for i in range(len(a)):
        m, d, t = moments[i], math.cos(b[i]), math.sin(b[i])
        z = e[2, 0] * m[3] + e[2, 1] * m[4] + e[2, 2] * (d * m[4] + t * m[5])
        x = e[2, 0] * m[6] + e[2, 1] * m[7] + e[2, 2] * (d * m[7] + t * m[8])
        a[i] = math.atan2(x, z)
        c, s = math.cos(a[i]), math.sin(a[i])
        z = e[0, 2] * m[1] + e[1, 2] * m[4] + e[2, 2] * (c * m[4] + s * m[7])
        x = e[0, 2] * m[2] + e[1, 2] * m[5] + e[2, 2] * (c * m[5] + s * m[8])
        b[i] = math.atan2(x, z)


@compiled_loop
def distinct(a: Any, b: Any, kept: Any) -> int:
    """Write the numbers of the strategies that are not classical and differ; return how many they are."""
    count = 0
    for i in range(len(a)):
        c, d = math.cos(a[i]), math.cos(b[i])
        new = abs(c) < _CLASSICAL and abs(d) < _CLASSICAL
        for m in kept[:count]:
            if abs(c - math.cos(a[m])) <= _APART and abs(d - math.cos(b[m])) <= _APART:
                new = False
        if new:
            kept[count] = i
            count += 1
    return count


@compiled_loop
def angle_part(xx: float, xy: float, yy: float, curved: float, inverse: Any, uphill: Any) -> None:
    """Functions (2, 2) of the symmetric matrix of minus the second derivatives by the angles.

    ``inverse`` is that of its part with eigenvalues above ``curved``. ``uphill`` has in the place of each other
    eigenvalue its size, but at least 0.1, so that a step in its direction goes uphill and not far.
    """
    angle = 0.5 * math.atan2(2.0 * xy, xx - yy)
    c, s = math.cos(angle), math.sin(angle)
    middle, radius = 0.5 * (xx + yy), math.hypot(0.5 * (xx - yy), xy)
    inverse[:], uphill[:] = 0.0, 0.0
    for sign in (1.0, -1.0):
        e = middle + sign * radius
        u, v = (c, s) if sign > 0.0 else (-s, c)
        one = 1.0 / e if e > curved else 0.0
        other = one if e > curved else 1.0 / max(abs(e), 0.1)
        for matrix, factor in ((inverse, one), (uphill, other)):
            matrix[0, 0] += factor * u * u
            matrix[0, 1] += factor * u * v
            matrix[1, 0] += factor * u * v
            matrix[1, 1] += factor * v * v


@compiled_loop
def derivatives(
    e: Any, tests: Any, a: float, b: float, m: Any, second: Any, rates: Any, gradient: Any, hessian: Any
) -> None:
    """Write the gradient (J + 2,) and Hessian (J + 2, J + 2) of G by the multipliers and the two angles.

    ``rates`` (J + 2, 9) is for the derivatives of K; ``second`` (9, 9) is the Hessian of G by the table of K.
    """
    c, s, d, t = math.cos(a), math.sin(a), math.cos(b), math.sin(b)
    j, count = len(tests), len(gradient)
    mixed = np.empty(9)
    for k in range(j):
        _table(tests[k], c, s, d, t, 1.0, 1.0, rates[k])
    _table(e, -s, c, d, t, 0.0, 1.0, rates[j])
    _table(e, c, s, -t, d, 1.0, 0.0, rates[j + 1])
    for k in range(count):
        gradient[k] = 0.0
        for i in range(9):
            gradient[k] += rates[k, i] * m[i]
        for n in range(k + 1):
            total = 0.0
            for p in range(9):
                row = 0.0
                for q in range(9):
                    row += second[p, q] * rates[n, q]
                total += rates[k, p] * row
            hessian[k, n] = total
    # the second derivatives of K: the angle's vector turned twice is its negative
    x, y = c * m[3] + s * m[6], c * m[4] + s * m[7]
    xy = c * m[5] + s * m[8]
    hessian[j, j] -= e[2, 0] * x + e[2, 1] * y + e[2, 2] * (d * y + t * xy)
    x, y = d * m[1] + t * m[2], d * m[4] + t * m[5]
    xy = d * m[7] + t * m[8]
    hessian[j + 1, j + 1] -= e[0, 2] * x + e[1, 2] * y + e[2, 2] * (c * y + s * xy)
    _table(e, -s, c, -t, d, 0.0, 0.0, mixed)
    for i in range(9):
        hessian[j + 1, j] += mixed[i] * m[i]
    for k in range(j):
        _table(tests[k], -s, c, d, t, 0.0, 1.0, mixed)
        for i in range(9):
            hessian[j, k] += mixed[i] * m[i]
        _table(tests[k], c, s, -t, d, 1.0, 0.0, mixed)
        for i in range(9):
            hessian[j + 1, k] += mixed[i] * m[i]
    for k in range(count):
        for n in range(k):
            hessian[n, k] = hessian[k, n]


@compiled_loop
def model(
    e: Any,
    tests: Any,
    a: Any,
    b: Any,
    moments: Any,
    second: Any,
    curved: float,
    values: Any,
    gradients: Any,
    hessians: Any,
    turns: Any,
    following: Any,
) -> None:
    """Write the model of each maximum; see :class:`sdpbound.entropies.qubits.newton.Model`.

    Parameters
    ----------
    e, tests : (3, 3), (J, 3, 3)
    a, b, moments, second : (n,), (n,), (n, 9), (n, 9, 9)
    curved : the least curvature by the angles of a maximum
    values : (n,) of G, to which what the next step of the angles gains is added
    gradients, hessians, turns, following : (n, J), (n, J, J), (n, 2), (n, 2, J) to write to
    """
    j = len(tests)
    rates, gradient, hessian = np.empty((j + 2, 9)), np.empty(j + 2), np.empty((j + 2, j + 2))
    inverse, uphill = np.empty((2, 2)), np.empty((2, 2))
    for n in range(len(a)):
        derivatives(e, tests, a[n], b[n], moments[n], second[n], rates, gradient, hessian)
        angle_part(-hessian[j, j], -hessian[j, j + 1], -hessian[j + 1, j + 1], curved, inverse, uphill)
        for p in range(2):
            turns[n, p] = uphill[p, 0] * gradient[j] + uphill[p, 1] * gradient[j + 1]
            for q in range(2):
                values[n] += 0.5 * gradient[j + p] * inverse[p, q] * gradient[j + q]
            for k in range(j):
                following[n, p, k] = inverse[p, 0] * hessian[j, k] + inverse[p, 1] * hessian[j + 1, k]
        for k in range(j):
            gradients[n, k] = gradient[k]
            for p in range(2):
                gradients[n, k] += following[n, p, k] * gradient[j + p]
            for i in range(j):
                hessians[n, k, i] = hessian[k, i]
                for p in range(2):
                    hessians[n, k, i] += hessian[j + p, k] * following[n, p, i]
