"""The steps of :class:`sdpbound.entropies.renyi.engine.RenyiEngine` for one operator K after another, compiled.

The formulas and the analysis of rounding are in the docstring of :mod:`sdpbound.entropies.renyi.engine`. Matrices are
vectors of their entries, and the pieces of the key are ``spans`` and ``diagonals``, as in
:mod:`sdpbound.entropies.qubits.compiled_states`.

With R = exp(K + hint) over its trace, but for its white noise, the optimum has ``hint = F(R)`` up to a multiple of 1,
where ``F(R) = (M(R) - 1)/s + log R``. Newton's method is for that. As s goes to zero F is the L of von Neumann's
entropy, and so are the steps.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sdpbound.compiling import compiled_loop
from sdpbound.entropies.qubits.compiled_states import (
    LONGEST,
    NUMBER,
    exponential_slope,
    hint_jacobian,
    logarithm_slope,
    logarithms,
    operator_of,
    populations,
    rebuilt,
    shifted_exponential,
    solved,
)

__all__ = ["advance", "states"]

_ROOT = math.sqrt(2.0)
#: Logarithms of two eigenvalues that differ by less count as equal; the error is its square.
_CLOSE = 1e-5
_TINY = 1e-300
#: After so many steps hints are fresh, K times 3 and then K itself, if bounds are as far apart, in units of what steps
#: can reach. Newton's method needs some six steps; for orders near 3/2 it may end where R follows no hint any more.
_FIRST, _SECOND, _FAR = 30, 45, 1e3


@compiled_loop
def _powers(logs: Any, power: float) -> Any:
    """The exponentials (k,) of logarithms times a power."""
    out = np.empty(len(logs))
    for i in range(len(logs)):
        out[i] = math.exp(power * logs[i])
    return out


@compiled_loop
def _quotients(logs: Any, power: float) -> Any:
    """Divided differences (k, k) of t -> t^power at the exponentials of logarithms."""
    k = len(logs)
    out = np.empty((k, k))
    for i in range(k):
        for j in range(k):
            gap = logs[i] - logs[j]
            if abs(gap) < _CLOSE:
                out[i, j] = power * math.exp((power - 1.0) * 0.5 * (logs[i] + logs[j]))
            else:
                out[i, j] = math.exp((power - 1.0) * logs[j]) * math.expm1(power * gap) / math.expm1(gap)
    return out


@compiled_loop
def _turn(matrix: Any, out: Any) -> None:
    """Write ``x -> m x m^T`` as a map (d, d) of vectors, for a matrix m (k, k)."""
    k = len(matrix)
    row = 0
    for a in range(k):
        for b in range(a, k):
            factor = 0.5 if a == b else 0.5 * _ROOT
            column = 0
            for i in range(k):
                for j in range(i, k):
                    scale = factor if i == j else factor * _ROOT
                    out[row, column] = scale * (matrix[a, i] * matrix[b, j] + matrix[a, j] * matrix[b, i])
                    column += 1
            row += 1


@compiled_loop
def _multiplied(left: Any, right: Any, transposed: bool, out: Any) -> None:
    """Add the product of two matrices to ``out``, with the transpose of the right one where asked."""
    for i in range(len(left)):
        for m in range(left.shape[1]):
            for j in range(len(out[i])):
                out[i, j] += left[i, m] * (right[j, m] if transposed else right[m, j])


@compiled_loop
def _slope_of_power(logs: Any, power: float, turn: Any, other: Any, out: Any) -> None:
    """Add ``turn q other^T`` for the divided differences q (k, k) of a power, as a map of vectors."""
    k = len(logs)
    quotients, scaled = _quotients(logs, power), np.empty_like(turn)
    column = 0
    for i in range(k):
        for j in range(i, k):
            for row in range(len(turn)):
                scaled[row, column] = turn[row, column] * quotients[i, j]
            column += 1
    _multiplied(scaled, other, True, out)


@compiled_loop
def _total(matrix: Any, spans: Any, diagonals: Any, power: float, total: Any, slope: Any) -> None:
    """Write ``S = sum_i N_i (N_i R N_i)^power N_i`` (4, 4), and its derivative by R (10, 10)."""
    total[:], slope[:] = 0.0, 0.0
    for p in range(len(spans)):
        start, k = spans[p, 0], spans[p, 1]
        weight, block, part = diagonals[p, start : start + k], np.empty((k, k)), np.empty((k, k))
        for i in range(k):
            for j in range(k):
                block[i, j] = matrix[start + i, start + j] * (weight[i] * weight[j])
        e, v = np.linalg.eigh(block)
        for i in range(k):
            e[i] = math.log(max(e[i], _TINY))
        rebuilt(_powers(e, power), v, part)
        d = k * (k + 1) // 2
        inner, turn, places = np.zeros((d, d)), np.empty((d, d)), np.empty(d, dtype=np.int64)
        for i in range(k):
            for j in range(k):
                v[i, j] *= weight[i]
        _turn(v, turn)
        _slope_of_power(e, power, turn, turn, inner)
        number = 0
        for i in range(k):
            for j in range(k):
                total[start + i, start + j] += weight[i] * weight[j] * part[i, j]
                if j >= i:
                    places[number] = NUMBER[start + i, start + j]
                    number += 1
        for i in range(d):
            for j in range(d):
                slope[places[i], places[j]] += inner[i, j]


@compiled_loop
def _frame(matrix: Any, total: Any, frame: Any, back: Any) -> Any:
    """Write Z with ``M = Z t^-s Z^T`` and the inverse of Z^T; return the logarithms of the t of S^(1/2) R S^(1/2)."""
    half, inverse = np.empty((4, 4)), np.empty((4, 4))
    inner, middle = np.zeros((4, 4)), np.zeros((4, 4))
    e, v = np.linalg.eigh(total)
    for i in range(4):
        e[i] = math.sqrt(max(e[i], _TINY))
    rebuilt(e, v, half)
    rebuilt(1.0 / e, v, inverse)
    _multiplied(half, matrix, False, middle)
    _multiplied(middle, half, False, inner)
    for i in range(4):
        for j in range(i):
            inner[i, j] = inner[j, i] = 0.5 * (inner[i, j] + inner[j, i])
    t, w = np.linalg.eigh(inner)
    frame[:], back[:] = 0.0, 0.0
    _multiplied(half, w, False, frame)
    _multiplied(inverse, w, False, back)
    for i in range(4):
        t[i] = math.log(max(t[i], _TINY))
    return t


@compiled_loop
def _matrix_of(table: Any, hint: Any, noise: float, operator: Any, matrix: Any) -> Any:
    """Write K and R. Whether all is finite; the exponents of R without its noise, its vectors and its eigenvalues."""
    operator_of(table, operator)
    total = 0.0
    for i in range(4):
        for j in range(4):
            total += operator[i, j] + hint[i, j]
    if not math.isfinite(total):
        return False, (np.zeros(4), np.zeros((4, 4)), np.zeros(4))
    e, v, _ = shifted_exponential(operator, hint)
    weights, _ = populations(e, noise)
    rebuilt(weights, v, matrix)
    return True, (e, v, weights)


@compiled_loop
def _state(logs: Any, back: Any, exponent: float, state: Any) -> Any:
    """Write the state ``R (S R)^s`` over its trace, of which R is the optimum; return its Q."""
    rebuilt(_powers(logs, 1.0 + exponent), back, state)
    trace = state[0, 0] + state[1, 1] + state[2, 2] + state[3, 3]
    total = 0.0
    for i in range(4):
        total += math.exp(logs[i])
        for j in range(4):
            state[i, j] /= trace
    return total / trace


@compiled_loop
def _step(table: Any, hint: Any, spans: Any, diagonals: Any, exponent: float, noise: float, move: Any) -> Any:
    """A value below G and an upper bound on it, in nats; writes the change to a better hint."""
    operator, matrix, total, tangent = np.empty((4, 4)), np.empty((4, 4)), np.empty((4, 4)), np.empty((4, 4))
    frame, back, state, logarithm = np.empty((4, 4)), np.empty((4, 4)), np.empty((4, 4)), np.empty((4, 4))
    slope, follows, jacobian = np.empty((10, 10)), np.empty((10, 10)), np.empty((10, 10))
    by_matrix, by_total = np.zeros((10, 10)), np.zeros((10, 10))
    outer, inner, right = np.empty((10, 10)), np.empty((10, 10)), np.empty((10, 1))
    move[:] = 0.0
    finite, (e, v, weights) = _matrix_of(table, hint, noise, operator, matrix)
    if not finite:
        return math.nan, math.nan
    _total(matrix, spans, diagonals, exponent / (1.0 - exponent), total, slope)
    logs = _frame(matrix, total, frame, back)
    size = _state(logs, back, exponent, state)
    rebuilt(_powers(logs, -exponent), frame, tangent)
    value = (size - 1.0) / exponent
    for i in range(4):
        tangent[i, i] -= 1.0
        for j in range(4):
            tangent[i, j] = operator[i, j] + tangent[i, j] / exponent
            value += operator[i, j] * state[i, j]
    if not math.isfinite(tangent.sum()):
        return math.nan, math.nan
    upper = np.linalg.eigh(tangent)[0][3]
    # Newton's method for F = hint, up to a multiple of 1
    _turn(frame, outer)
    _turn(back, inner)
    _slope_of_power(logs, 1.0 - exponent, outer, inner, by_total)
    _multiplied(by_total, slope, False, by_matrix)
    _slope_of_power(logs, -exponent, outer, outer, by_matrix)
    logarithm_slope(weights, v, np.ones(4), slope)
    for i in range(10):
        for j in range(10):
            slope[i, j] += by_matrix[i, j] / exponent
    exponential_slope(e, v, follows)
    hint_jacobian(slope, follows, noise, jacobian)
    rebuilt(logarithms(weights), v, logarithm)
    for i in range(4):
        for j in range(i, 4):
            miss = tangent[i, j] - operator[i, j] + logarithm[i, j] - hint[i, j]
            right[NUMBER[i, j], 0] = miss * (1.0 if i == j else _ROOT)
    if solved(jacobian, right):
        _write(right, move)
    return value, upper


@compiled_loop
def _write(vector: Any, move: Any) -> None:
    """Write the matrix (4, 4) of a vector (10, 1) without its trace, shortened where long; zero where not finite."""
    most, middle = 0.0, 0.25 * (vector[0, 0] + vector[4, 0] + vector[7, 0] + vector[9, 0])
    for i in range(4):
        for j in range(4):
            entry = vector[NUMBER[i, j], 0]
            move[i, j] = entry - middle if i == j else entry / _ROOT
            if not math.isfinite(move[i, j]):
                move[:] = 0.0
                return
            most = max(most, abs(move[i, j]))
    for i in range(4):
        for j in range(4):
            move[i, j] /= max(1.0, most / LONGEST)


@compiled_loop
def advance(
    tables: Any,
    index: Any,
    spans: Any,
    diagonals: Any,
    exponent: float,
    noise: float,
    precision: float,
    steps: int,
    resolution: float,
    hints: Any,
    bases: Any,
    moves: Any,
    heights: Any,
    lengths: Any,
    values: Any,
    uppers: Any,
    gaps: Any,
    taken: Any,
) -> None:
    """Take steps for some of the K of a batch, as :meth:`sdpbound.entropies.qubits.engine.Engine.advance` does.

    Where so many steps have led nowhere near, hints are fresh; what was proven stays.
    """
    move, operator = np.empty((4, 4)), np.empty((4, 4))
    for i in index:
        for _ in range(steps):
            if uppers[i] - values[i] <= precision:
                break
            taken[i] += 1
            if (taken[i] == _FIRST or taken[i] == _SECOND) and not uppers[i] - values[i] <= _FAR * resolution:
                operator_of(tables[i], operator)
                for p in range(4):
                    for q in range(4):
                        hints[i, p, q] = bases[i, p, q] = (3.0 if taken[i] == _FIRST else 1.0) * operator[p, q]
                heights[i], lengths[i] = -math.inf, 1.0
            value, upper = _step(tables[i], hints[i], spans, diagonals, exponent, noise, move)
            gaps[i] = upper - value
            if value > values[i]:
                values[i] = value
            if upper < uppers[i]:
                uppers[i] = upper
            good = value >= heights[i] - resolution
            if good:
                heights[i] = value
            lengths[i] = min(lengths[i] * (4.0 if good else 0.25), 1.0)
            for p in range(4):
                for q in range(4):
                    if good:
                        bases[i, p, q], moves[i, p, q] = hints[i, p, q], move[p, q]
                    hints[i, p, q] = bases[i, p, q] + lengths[i] * moves[i, p, q]


@compiled_loop
def states(tables: Any, hints: Any, spans: Any, diagonals: Any, exponent: float, noise: float, out: Any) -> None:
    """The states (n, 4, 4) of hints, which attain G at the optimum."""
    operator, matrix, total, slope = np.empty((4, 4)), np.empty((4, 4)), np.empty((4, 4)), np.empty((10, 10))
    frame, back = np.empty((4, 4)), np.empty((4, 4))
    for n in range(len(tables)):
        finite, _ = _matrix_of(tables[n], hints[n], noise, operator, matrix)
        if not finite:
            out[n] = math.nan
            continue
        _total(matrix, spans, diagonals, exponent / (1.0 - exponent), total, slope)
        logs = _frame(matrix, total, frame, back)
        _state(logs, back, exponent, out[n])
