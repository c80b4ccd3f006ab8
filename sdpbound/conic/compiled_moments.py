"""A primal-dual interior-point method for one small moment matrix for each guess, compiled.

With y_e (E, m) the moments and M(y) the matrix that has moment ``index[u, v]`` at (u, v),

    maximise  sum_e b_e . y_e   with  M(y_e) >= 0,  T sum_e y_e = t;    the dual:  minimise  t . l
    with  X_e >= 0,  b_e - T^T l + M*(X_e) = 0,    M*(X)_i = the sum of the entries of X where moment i stands.

The direction is that of Helmberg, Kojima and Monteiro, ``dX = s S^-1 - X - sym(X dS S^-1)`` with S = M(y), with Mehrotra's
predictor and corrector. The guesses share only the few rows of T, so that the equations are one matrix (m, m) for
each guess and a small one for the rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sdpbound.compiling import compiled_loop

__all__ = ["maximise"]


@compiled_loop
def _factor(a: Any, low: Any) -> bool:
    """The Cholesky factor of a matrix; False where it is not positive definite."""
    n = len(a)
    for j in range(n):
        total = a[j, j]
        for k in range(j):
            total -= low[j, k] * low[j, k]
        if not total > 0.0:
            return False
        root = np.sqrt(total)
        low[j, j] = root
        for i in range(j + 1, n):
            total = a[i, j]
            for k in range(j):
                total -= low[i, k] * low[j, k]
            low[i, j] = total / root
    return True


@compiled_loop
def _solve(low: Any, x: Any) -> None:
    """The solution of ``L L^T x = b`` in the place of b."""
    n = len(x)
    for i in range(n):
        total = x[i]
        for k in range(i):
            total -= low[i, k] * x[k]
        x[i] = total / low[i, i]
    for i in range(n - 1, -1, -1):
        total = x[i]
        for k in range(i + 1, n):
            total -= low[k, i] * x[k]
        x[i] = total / low[i, i]


@compiled_loop
def _inverse(low: Any, out: Any) -> None:
    """The inverse of ``L L^T``."""
    n = len(low)
    column = np.zeros(n)
    for j in range(n):
        column[:] = 0.0
        column[j] = 1.0
        _solve(low, column)
        out[:, j] = column


@compiled_loop
def _matrix(index: Any, y: Any, out: Any) -> None:
    for u in range(len(index)):
        for v in range(len(index)):
            out[u, v] = y[index[u, v]]


@compiled_loop
def _collect(index: Any, x: Any, out: Any) -> None:
    """Add M*(X)."""
    for u in range(len(index)):
        for v in range(len(index)):
            out[index[u, v]] += x[u, v]


@compiled_loop
def _product(a: Any, b: Any, out: Any) -> None:
    n = len(a)
    for i in range(n):
        for j in range(n):
            out[i, j] = 0.0
        for k in range(n):
            factor = a[i, k]
            for j in range(n):
                out[i, j] += factor * b[k, j]


@compiled_loop
def _hessian(index: Any, x: Any, inverse: Any, out: Any) -> None:
    """``H_ij = tr(A_i X A_j S^-1)``, A_i the matrix of ones where moment i stands; made symmetric."""
    n, m = len(index), len(out)
    out[:, :] = 0.0
    for a in range(n):
        for b in range(n):
            i = index[a, b]
            for c in range(n):
                factor = x[b, c]
                for d in range(n):
                    out[i, index[c, d]] += factor * inverse[d, a]
    for i in range(m):
        for j in range(i):
            out[i, j] = out[j, i] = 0.5 * (out[i, j] + out[j, i])


@compiled_loop
def _step(a: Any, da: Any, trial: Any, low: Any) -> float:
    """The longest step that keeps a matrix positive definite, at most 1, to one part in 128."""
    step, least, most, n = 1.0, 0.0, 1.0, len(a)
    for _ in range(8):
        for i in range(n):
            for j in range(n):
                trial[i, j] = a[i, j] + step * da[i, j]
        if _factor(trial, low):
            if step == 1.0:
                return step
            least = step
        else:
            most = step
        step = 0.5 * (least + most)
    return least


@compiled_loop
def _direction(
    index: Any,
    tests: Any,
    low: Any,
    gather: Any,
    rows: Any,
    x: Any,
    inverse: Any,
    pull: Any,
    second: Any,
    y: Any,
    dy: Any,
    ds: Any,
    dx: Any,
    dl: Any,
) -> None:
    """The direction for right sides ``gather`` (E, m) and ``rows`` (R,); ``pull`` times S^-1 is the aim of X S.

    ``low`` are the factors of the matrices H, and ``second`` (E, n, n) is taken away from dX.
    """
    guesses, m = gather.shape
    total = np.zeros((len(rows), len(rows)))
    right = -rows.copy()
    for e in range(guesses):
        column = gather[e].copy()
        _solve(low[e], column)
        for r in range(len(rows)):
            for i in range(m):
                right[r] += tests[r, i] * column[i]
        for q in range(len(rows)):
            column = tests[q].copy()
            _solve(low[e], column)
            for r in range(len(rows)):
                for i in range(m):
                    total[r, q] += tests[r, i] * column[i]
    small = np.zeros_like(total)
    if _factor(total, small):
        _solve(small, right)
    dl[:] = right
    n = len(index)
    one, two = np.empty((n, n)), np.empty((n, n))
    for e in range(guesses):
        for i in range(m):
            dy[e, i] = gather[e, i]
            for r in range(len(rows)):
                dy[e, i] -= tests[r, i] * dl[r]
        _solve(low[e], dy[e])
        _matrix(index, dy[e], ds[e])
        _product(x[e], ds[e], one)
        _product(one, inverse[e], two)
        for i in range(n):
            for j in range(n):
                twice = two[i, j] + two[j, i] + second[e, i, j] + second[e, j, i]
                dx[e, i, j] = pull * inverse[e, i, j] - x[e, i, j] - 0.5 * twice


@compiled_loop
def maximise(index: Any, objective: Any, tests: Any, values: Any, unit: int, tolerance: float) -> Any:
    """The value of the program, and the accuracy reached.

    The value is that of the moments, which meet their conditions; the equations of the dual hold only up to rounding
    that grows as the gap shrinks, and enter the value to second order.

    Parameters
    ----------
    index : (n, n) which moment stands where; every diagonal entry is ``unit``, and M of the unit alone is the identity
    objective : (E, m) b of each guess
    tests : (R, m) T, the first row takes the units
    values : (R,) t
    tolerance : of the gap and of the equations
    """
    guesses, m = objective.shape
    n, r = len(index), len(values)
    y, x = np.zeros((guesses, m)), np.zeros((guesses, n, n))
    s, inverse, trial = np.zeros((guesses, n, n)), np.zeros((guesses, n, n)), np.zeros((n, n))
    ds, dx, second = np.zeros((guesses, n, n)), np.zeros((guesses, n, n)), np.zeros((guesses, n, n))
    dy, gather, dual = np.zeros((guesses, m)), np.zeros((guesses, m)), np.zeros((guesses, m))
    low, hessian = np.zeros((guesses, m, m)), np.zeros((m, m))
    root, one = np.zeros((n, n)), np.zeros((n, n))
    multipliers, dl = np.zeros(r), np.zeros(r)
    y[:, unit] = values[0] / (guesses * tests[0, unit])
    for e in range(guesses):
        for i in range(n):
            x[e, i, i] = 1.0
    multipliers[0] = (n + objective[:, unit].max()) / tests[0, unit]
    accuracy, value = np.inf, 0.0
    for _ in range(40):
        rows = values.copy()
        for e in range(guesses):
            for q in range(r):
                for i in range(m):
                    rows[q] -= tests[q, i] * y[e, i]
        worst, product, slack, value = np.abs(rows).max(), 0.0, 0.0, 0.0
        for e in range(guesses):
            for i in range(m):
                dual[e, i] = objective[e, i]
                for q in range(r):
                    dual[e, i] -= tests[q, i] * multipliers[q]
                value += objective[e, i] * y[e, i]
            _matrix(index, y[e], s[e])
            _collect(index, x[e], dual[e])
            slack = max(slack, np.abs(dual[e]).max())
            product += (x[e] * s[e]).sum()
        accuracy = max(worst, product, 0.01 * slack)
        if accuracy <= tolerance:
            break
        mu = product / (guesses * n)
        for e in range(guesses):
            if not _factor(s[e], root):
                return value, np.inf
            _inverse(root, inverse[e])
            _hessian(index, x[e], inverse[e], hessian)
            for i in range(m):
                hessian[i, i] *= 1.0 + 1e-14
            if not _factor(hessian, low[e]):
                return value, accuracy
            second[e] = 0.0
            gather[e] = dual[e]
            _collect(index, -x[e], gather[e])
        _direction(index, tests, low, gather, rows, x, inverse, 0.0, second, y, dy, ds, dx, dl)
        primal, other = 1.0, 1.0
        for e in range(guesses):
            primal = min(primal, _step(s[e], ds[e], trial, root))
            other = min(other, _step(x[e], dx[e], trial, root))
        ahead = 0.0
        for e in range(guesses):
            ahead += ((x[e] + other * dx[e]) * (s[e] + primal * ds[e])).sum()
        centre = min(1.0, max(ahead / product, 0.0)) ** 2 * max(ahead / product, 1e-6)
        aim = centre * mu
        for e in range(guesses):
            _product(dx[e], ds[e], one)
            _product(one, inverse[e], second[e])
            gather[e] = dual[e]
            _collect(index, aim * inverse[e] - x[e] - second[e], gather[e])
        _direction(index, tests, low, gather, rows, x, inverse, aim, second, y, dy, ds, dx, dl)
        primal, other = 1.0, 1.0
        for e in range(guesses):
            primal = min(primal, _step(s[e], ds[e], trial, root))
            other = min(other, _step(x[e], dx[e], trial, root))
        primal, other = 0.98 * primal if primal < 1.0 else 1.0, 0.98 * other if other < 1.0 else 1.0
        if max(primal, other) < 1e-3:
            break
        y += primal * dy
        x += other * dx
        multipliers += other * dl
    return value, accuracy
