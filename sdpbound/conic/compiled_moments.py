"""A primal-dual interior-point method for one small moment matrix for each guess, compiled.

With y_e (E, m) the moments and M(y) the matrix that has moment ``index[u, v]`` at (u, v),

    maximise  sum_e b_e . y_e   with  M(y_e) >= 0,  T sum_e y_e = t;    the dual:  minimise  t . l
    with  X_e >= 0,  b_e - T^T l + M*(X_e) = 0,   M*(X)_i the sum of the entries of X where moment i stands.

The direction is that of Helmberg, Kojima and Monteiro, ``dX = s S^-1 - X - sym(X dS S^-1)`` with S = M(y), with a
predictor and a corrector as Mehrotra's. The guesses share only the few rows of T, so that the equations are one matrix
(m, m) for each guess and a small one for the rows.
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
        row, found = low[i], x[i] / low[i, i]
        x[i] = found
        for k in range(i):
            x[k] -= found * row[k]


@compiled_loop
def _dot(a: Any, b: Any) -> float:
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@compiled_loop
def _inverse(low: Any, of_low: Any, out: Any) -> None:
    """The inverse of ``L L^T``, and that of L in the place of ``of_low``."""
    n = len(low)
    for i in range(n):
        for j in range(n):
            of_low[i, j] = 0.0
            out[i, j] = 0.0
        for k in range(i):
            share = low[i, k]
            for j in range(k + 1):
                of_low[i, j] -= share * of_low[k, j]
        of_low[i, i] = 1.0
        for j in range(i + 1):
            of_low[i, j] /= low[i, i]
        for j in range(i + 1):
            share = of_low[i, j]
            for k in range(i + 1):
                out[j, k] += share * of_low[i, k]


@compiled_loop
def _matrix(index: Any, y: Any, out: Any) -> None:
    for u in range(len(index)):
        for v in range(len(index)):
            out[u, v] = y[index[u, v]]


@compiled_loop
def _collect(index: Any, x: Any, sign: float, out: Any) -> None:
    """Add M*(X), times a sign."""
    for u in range(len(index)):
        for v in range(len(index)):
            out[index[u, v]] += sign * x[u, v]


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
def _places(index: Any, moments: int) -> tuple[Any, Any]:
    """The places of each moment, as numbers of entries, one moment after another; and where those of a moment begin."""
    n = len(index)
    starts, order = np.zeros(moments + 1, dtype=np.int64), np.zeros(n * n, dtype=np.int64)
    for u in range(n):
        for v in range(n):
            starts[index[u, v] + 1] += 1
    for i in range(moments):
        starts[i + 1] += starts[i]
    filled = starts.copy()
    for u in range(n):
        for v in range(n):
            order[filled[index[u, v]]] = u * n + v
            filled[index[u, v]] += 1
    return order, starts


@compiled_loop
def _hessian(places: Any, order: Any, starts: Any, x: Any, inverse: Any, entries: Any, out: Any) -> None:
    """``H_ij = tr(A_i X A_j S^-1)``, A_i the matrix of ones where moment i stands: M* of X A_j S^-1 for each j.

    ``places`` (n^2,) is which moment stands where, and ``entries`` (n^2,) is for those of the product.
    """
    n = len(x)
    for j in range(len(out)):
        row = out[j]
        row[:] = 0.0
        entries[:] = 0.0
        for place in range(starts[j], starts[j + 1]):
            c = order[place] // n
            d = order[place] - n * c
            for a in range(n):
                share = x[c, a]
                for b in range(n):
                    entries[a * n + b] += share * inverse[d, b]
        for q in range(n * n):
            row[places[q]] += entries[q]


@compiled_loop
def _step(a: Any, da: Any, halvings: int, trial: Any, low: Any) -> float:
    """The longest step that keeps a matrix positive definite, at most 1, to 2^-halvings."""
    step, least, most, n = 1.0, 0.0, 1.0, len(a)
    for _ in range(halvings + 1):
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
def _eliminate(tests: Any, low: Any, solved: Any, total: Any, small: Any) -> bool:
    """``H^-1 T^T`` of each guess (E, R, m), and the factor of the equations that are left for the multipliers."""
    guesses, count, m = solved.shape
    for q in range(count):
        for r in range(count):
            total[r, q] = 0.0
    for e in range(guesses):
        for q in range(count):
            for i in range(m):
                solved[e, q, i] = tests[q, i]
            _solve(low[e], solved[e, q])
            for r in range(q, count):
                total[r, q] += _dot(tests[r], solved[e, q])
    return bool(_factor(total, small))


@compiled_loop
def _multipliers(tests: Any, low: Any, solved: Any, small: Any, gather: Any, rows: Any, dl: Any, dy: Any) -> None:
    """The steps of the multipliers (R,) and of y; right sides ``gather`` (E, m) and ``rows`` (R,)."""
    guesses, m = gather.shape
    count = len(rows)
    for r in range(count):
        dl[r] = -rows[r]
    for e in range(guesses):
        for i in range(m):
            dy[e, i] = gather[e, i]
        _solve(low[e], dy[e])
        for r in range(count):
            dl[r] += _dot(tests[r], dy[e])
    _solve(small, dl)
    for e in range(guesses):
        for r in range(count):
            share = dl[r]
            for i in range(m):
                dy[e, i] -= share * solved[e, r, i]


@compiled_loop
def _direction(
    index: Any, dy: Any, x: Any, inverse: Any, aim: float, second: Any, one: Any, two: Any, ds: Any, dx: Any
) -> None:
    """dS and dX (E, n, n) in their places; ``aim`` of X S, and ``second`` (E, n, n) is taken away from dX."""
    n = len(index)
    for e in range(len(dy)):
        _matrix(index, dy[e], ds[e])
        _product(x[e], ds[e], one)
        _product(one, inverse[e], two)
        for i in range(n):
            for j in range(n):
                twice = two[i, j] + two[j, i] + second[e, i, j] + second[e, j, i]
                dx[e, i, j] = aim * inverse[e, i, j] - x[e, i, j] - 0.5 * twice


@compiled_loop
def _remainders(
    index: Any, objective: Any, tests: Any, multipliers: Any, y: Any, x: Any, s: Any, rows: Any, dual: Any
) -> tuple[float, float, float]:
    """S, what is missing in the rows and in the dual's equations; tr X S, the worst of the latter, and the value."""
    guesses, m = objective.shape
    product, slack, value = 0.0, 0.0, 0.0
    for e in range(guesses):
        for i in range(m):
            dual[e, i] = objective[e, i]
            for r in range(len(rows)):
                dual[e, i] -= tests[r, i] * multipliers[r]
                rows[r] -= tests[r, i] * y[e, i]
            value += objective[e, i] * y[e, i]
        _matrix(index, y[e], s[e])
        _collect(index, x[e], 1.0, dual[e])
        for i in range(m):
            slack = max(slack, abs(dual[e, i]))
        product += _inner(x[e], s[e])
    return product, slack, value


@compiled_loop
def _inner(a: Any, b: Any) -> float:
    total = 0.0
    for i in range(len(a)):
        for j in range(len(a)):
            total += a[i, j] * b[i, j]
    return total


@compiled_loop
def _equations(
    places: Any,
    order: Any,
    starts: Any,
    x: Any,
    s: Any,
    inverse: Any,
    low: Any,
    hessian: Any,
    root: Any,
    one: Any,
    entries: Any,
) -> bool:
    """S^-1 and the factor of H for each guess, H made a little larger where rounding spoils it; False if that fails."""
    for e in range(len(x)):
        if not _factor(s[e], root):
            return False
        _inverse(root, one, inverse[e])
        _hessian(places, order, starts, x[e], inverse[e], entries, hessian)
        sure, more = False, 1e-14
        while not sure and more < 1e-6:
            for i in range(len(hessian)):
                hessian[i, i] *= 1.0 + more
            sure, more = _factor(hessian, low[e]), 30.0 * more
        if not sure:
            return False
    return True


@compiled_loop
def _lengths(s: Any, ds: Any, x: Any, dx: Any, halvings: int, trial: Any, root: Any) -> tuple[float, float]:
    primal, other = 1.0, 1.0
    for e in range(len(s)):
        primal = min(primal, _step(s[e], ds[e], halvings, trial, root))
        other = min(other, _step(x[e], dx[e], halvings, trial, root))
    return primal, other


@compiled_loop
def _start(objective: Any, tests: Any, values: Any, unit: int, y: Any, x: Any, multipliers: Any) -> None:
    """S and X multiples of the identity."""
    guesses, n = len(y), x.shape[1]
    largest = objective[0, unit]
    for e in range(guesses):
        y[e, unit] = values[0] / (guesses * tests[0, unit])
        largest = max(largest, objective[e, unit])
        for i in range(n):
            x[e, i, i] = 1.0
    multipliers[0] = (n + largest) / tests[0, unit]


@compiled_loop
def _ahead(s: Any, ds: Any, primal: float, x: Any, dx: Any, other: float) -> float:
    """tr X S after steps of these lengths."""
    total = 0.0
    for e in range(len(s)):
        total += _inner(x[e], s[e]) + other * primal * _inner(dx[e], ds[e])
        total += other * _inner(dx[e], s[e]) + primal * _inner(x[e], ds[e])
    return total


@compiled_loop
def _aims(index: Any, dual: Any, x: Any, inverse: Any, aim: float, second: Any, gather: Any) -> None:
    """The right sides of the equations of each guess."""
    for e in range(len(x)):
        for i in range(dual.shape[1]):
            gather[e, i] = dual[e, i]
        _collect(index, inverse[e], aim, gather[e])
        _collect(index, x[e], -1.0, gather[e])
        _collect(index, second[e], -1.0, gather[e])


@compiled_loop
def maximise(
    index: Any, objective: Any, tests: Any, values: Any, unit: int, tolerance: float
) -> tuple[float, float, Any]:
    """The value of the program, the accuracy reached, and X of each guess (E, n, n).

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
    n, count = len(index), len(values)
    order, starts = _places(index, m)
    places, entries = index.reshape(n * n), np.zeros(n * n)
    y, x, s = np.zeros((guesses, m)), np.zeros((guesses, n, n)), np.zeros((guesses, n, n))
    inverse, trial, root = np.zeros((guesses, n, n)), np.zeros((n, n)), np.zeros((n, n))
    one, two, ds, dx = np.zeros((n, n)), np.zeros((n, n)), np.zeros((guesses, n, n)), np.zeros((guesses, n, n))
    dy, gather, dual = np.zeros((guesses, m)), np.zeros((guesses, m)), np.zeros((guesses, m))
    low, hessian, solved = np.zeros((guesses, m, m)), np.zeros((m, m)), np.zeros((guesses, count, m))
    total, small = np.zeros((count, count)), np.zeros((count, count))
    multipliers, dl, rows = np.zeros(count), np.zeros(count), np.zeros(count)
    second = np.zeros((guesses, n, n))
    _start(objective, tests, values, unit, y, x, multipliers)
    accuracy, value = np.inf, 0.0
    for _ in range(40):
        for r in range(count):
            rows[r] = values[r]
        product, slack, value = _remainders(index, objective, tests, multipliers, y, x, s, rows, dual)
        accuracy = max(product, 0.01 * slack)
        for r in range(count):
            accuracy = max(accuracy, abs(rows[r]))
        if accuracy <= tolerance or not _equations(
            places, order, starts, x, s, inverse, low, hessian, root, one, entries
        ):
            break
        if not _eliminate(tests, low, solved, total, small):
            break
        second[:] = 0.0
        _aims(index, dual, x, inverse, 0.0, second, gather)
        _multipliers(tests, low, solved, small, gather, rows, dl, dy)
        _direction(index, dy, x, inverse, 0.0, second, one, two, ds, dx)
        primal, other = _lengths(s, ds, x, dx, 4, trial, root)
        share = max(min(1.0, _ahead(s, ds, primal, x, dx, other) / product), 0.0)
        share = max(share, min(1.0, 0.01 * slack / product))  # the gap waits for the equations of the dual
        aim = share**2 * max(share, 1e-6) * product / (guesses * n)
        for e in range(guesses):
            _product(dx[e], ds[e], one)
            _product(one, inverse[e], second[e])
        _aims(index, dual, x, inverse, aim, second, gather)
        _multipliers(tests, low, solved, small, gather, rows, dl, dy)
        _direction(index, dy, x, inverse, aim, second, one, two, ds, dx)
        primal, other = _lengths(s, ds, x, dx, 7, trial, root)
        primal, other = primal if primal == 1.0 else 0.96 * primal, other if other == 1.0 else 0.96 * other
        if max(primal, other) < 1e-3:
            break
        for r in range(count):
            multipliers[r] += other * dl[r]
        for e in range(guesses):
            for i in range(m):
                y[e, i] += primal * dy[e, i]
            for i in range(n):
                for j in range(n):
                    x[e, i, j] += other * dx[e, i, j]
    return value, accuracy, x
