"""The steps of :class:`sdpbound.entropies.qubits.engine.StateEngine` for one operator K after another, compiled.

The formulas and the analysis of rounding are in the docstring of :mod:`sdpbound.entropies.qubits.engine`. The
eigendecompositions are those of LAPACK, whose result belongs to a matrix a few roundings away. All that a bound depends
on is these, sums of a few products, and logarithms and exponentials that are right to a few units in the last place.

**Derivatives.** A symmetric k x k matrix is written as a vector of its d = k (k + 1) / 2 entries on and above the
diagonal. The entries above the diagonal are multiplied by root two. The product of two such vectors is then the trace
of the product of the matrices. With ``m = v diag(e) v^T`` the derivative of f(m) along x is ``v (q * (v^T x v)) v^T``
with q_ij = (f(e_i) - f(e_j)) / (e_i - e_j).

The pieces N_i of the key are given as ``spans`` (P, 2), the first place and the number of places of the diagonal that
are not zero, and ``diagonals`` (P, 4).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sdpbound.compiling import compiled_loop

__all__ = [
    "LONGEST",
    "NUMBER",
    "advance",
    "curvature",
    "end_of_step",
    "entropies",
    "exponential_slope",
    "hint_jacobian",
    "logarithm_slope",
    "logarithms",
    "moments",
    "operator_of",
    "populations",
    "rebuilt",
    "shifted_exponential",
    "solved",
    "start_of_step",
    "states",
    "uncertainty",
]

_ROOT = math.sqrt(2.0)
#: Two eigenvalues that differ, or relatively differ, by less than this count as equal; the error is its square.
_CLOSE = 1e-5
#: The longest step of an entry of a hint.
LONGEST = 8.0
#: The number of each entry of a 4 x 4 matrix in its vector.
NUMBER = np.array([[0, 1, 2, 3], [1, 4, 5, 6], [2, 5, 7, 8], [3, 6, 8, 9]])


@compiled_loop
def operator_of(table: Any, out: Any) -> None:
    """The operator (4, 4) of a table of the products of 1, Z, X with 1, Z, X."""
    for p in range(2):
        for q in range(2):
            r0, r1, r2 = table[2, 0], table[2, 1], table[2, 2]
            if p == q:
                sign = 1.0 - 2.0 * p
                r0, r1, r2 = table[0, 0] + sign * table[1, 0], table[0, 1] + sign * table[1, 1], 0.0
                r2 = table[0, 2] + sign * table[1, 2]
            out[2 * p, 2 * q], out[2 * p + 1, 2 * q + 1] = r0 + r1, r0 - r1
            out[2 * p, 2 * q + 1] = out[2 * p + 1, 2 * q] = r2


@compiled_loop
def moments(states: Any, out: Any) -> None:
    """The expectations (n, 3, 3) of the products of 1, Z, X with 1, Z, X in states (n, 4, 4)."""
    for i in range(len(states)):
        r = states[i]
        for j in range(3):
            first, last, across = 0.0, 0.0, 0.0
            if j < 2:
                sign = 1.0 - 2.0 * j
                first, last = r[0, 0] + sign * r[1, 1], r[2, 2] + sign * r[3, 3]
                across = 2.0 * (r[0, 2] + sign * r[1, 3])
            else:
                first, last, across = 2.0 * r[0, 1], 2.0 * r[2, 3], 2.0 * (r[0, 3] + r[1, 2])
            out[i, 0, j], out[i, 1, j], out[i, 2, j] = first + last, first - last, across


@compiled_loop
def rebuilt(e: Any, v: Any, out: Any) -> None:
    """The symmetric matrix with these eigenvalues and eigenvectors."""
    k = len(e)
    for i in range(k):
        for j in range(i + 1):
            total = 0.0
            for m in range(k):
                total += v[i, m] * e[m] * v[j, m]
            out[i, j] = out[j, i] = total


@compiled_loop
def shifted_exponential(one: Any, other: Any) -> Any:
    """Of the sum of two matrices the eigenvalues less the largest one, the eigenvectors, and the largest eigenvalue."""
    matrix = np.empty((4, 4))
    for i in range(4):
        for j in range(4):
            matrix[i, j] = one[i, j] + other[i, j]
    e, v = np.linalg.eigh(matrix)
    top = e[3]
    for i in range(4):
        e[i] -= top
    return e, v, top


@compiled_loop
def populations(e: Any, noise: float) -> Any:
    """The exponentials (k,) over their sum, with a part of white noise, and their sum."""
    weights, total = np.empty(len(e)), 0.0
    for i in range(len(e)):
        weights[i] = math.exp(e[i])
        total += weights[i]
    for i in range(len(e)):
        weights[i] = (1.0 - noise) / total * weights[i] + noise / len(e)
    return weights, total


@compiled_loop
def logarithms(e: Any) -> Any:
    """The logarithms (k,)."""
    out = np.empty(len(e))
    for i in range(len(e)):
        out[i] = math.log(e[i])
    return out


@compiled_loop
def _slope(v: Any, quotients: Any, weights: Any, out: Any) -> None:
    """Write ``W v q v^T W`` as a map (d, d) of vectors, for quotients (k, k) and W = diag(weights)."""
    k = len(v)
    d = k * (k + 1) // 2
    turn, scaled = np.empty((d, d)), np.empty((d, d))
    row = 0
    for a in range(k):
        for b in range(a, k):
            factor = weights[a] * weights[b] * (0.5 if a == b else 0.5 * _ROOT)
            column = 0
            for i in range(k):
                for j in range(i, k):
                    scale = factor if i == j else factor * _ROOT
                    turn[row, column] = scale * (v[a, i] * v[b, j] + v[a, j] * v[b, i])
                    scaled[row, column] = turn[row, column] * quotients[i, j]
                    column += 1
            row += 1
    for i in range(d):
        for j in range(i + 1):
            total = 0.0
            for m in range(d):
                total += scaled[i, m] * turn[j, m]
            out[i, j] = out[j, i] = total


@compiled_loop
def exponential_slope(e: Any, v: Any, out: Any) -> None:
    """The derivative (d, d) of exp(m) / trace by m, from eigenvalues whose largest is zero, and eigenvectors."""
    k = len(e)
    powers, _ = populations(e, 0.0)
    quotients, state, ones, vector = np.empty((k, k)), np.empty((k, k)), np.empty(k), np.empty(len(out))
    for i in range(k):
        ones[i] = 1.0
        for j in range(k):
            gap = e[i] - e[j]
            near = abs(gap) < _CLOSE
            quotients[i, j] = 0.5 * (powers[i] + powers[j]) if near else (powers[i] - powers[j]) / gap
    _slope(v, quotients, ones, out)
    rebuilt(powers, v, state)
    place = 0
    for i in range(k):
        for j in range(i, k):
            vector[place] = state[i, j] if i == j else _ROOT * state[i, j]
            place += 1
    for i in range(len(out)):
        for j in range(len(out)):
            out[i, j] -= vector[i] * vector[j]


@compiled_loop
def logarithm_slope(e: Any, v: Any, weights: Any, out: Any) -> None:
    """The derivative (d, d) of N log(N r N) N by r, N = diag(weights), from the eigenvalues and vectors of N r N."""
    k = len(e)
    quotients = np.empty((k, k))
    for i in range(k):
        for j in range(k):
            ratio = e[j] / e[i]
            near = abs(ratio - 1.0) < _CLOSE
            quotients[i, j] = 2.0 / (e[i] + e[j]) if near else math.log(ratio) / (e[j] - e[i])
    _slope(v, quotients, weights, out)


@compiled_loop
def _pinched(state: Any, spans: Any, diagonals: Any, floor: float, total: Any, slope: Any) -> None:
    """The pinched logarithm L (4, 4), and its derivative (10, 10)."""
    total[:], slope[:] = 0.0, 0.0
    for p in range(len(spans)):
        start, k = spans[p, 0], spans[p, 1]
        weight, block, part = diagonals[p, start : start + k], np.empty((k, k)), np.empty((k, k))
        for i in range(k):
            for j in range(k):
                block[i, j] = state[start + i, start + j] * (weight[i] * weight[j])
        e, v = np.linalg.eigh(block)
        for i in range(k):
            e[i] = max(e[i], 0.0) + floor
        rebuilt(logarithms(e), v, part)
        d = k * (k + 1) // 2
        inner, places = np.empty((d, d)), np.empty(d, dtype=np.int64)
        logarithm_slope(e, v, weight, inner)
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
def solved(matrix: Any, right: Any) -> bool:
    """Solve for the columns of ``right`` in place, by elimination; both are overwritten. Whether there is an answer."""
    n = len(matrix)
    for k in range(n):
        p = k
        for i in range(k + 1, n):
            if abs(matrix[i, k]) > abs(matrix[p, k]):
                p = i
        if not abs(matrix[p, k]) > 0.0:
            return False
        if p != k:
            for j in range(k, n):
                matrix[k, j], matrix[p, j] = matrix[p, j], matrix[k, j]
            for j in range(right.shape[1]):
                right[k, j], right[p, j] = right[p, j], right[k, j]
        for i in range(k + 1, n):
            factor = matrix[i, k] / matrix[k, k]
            for j in range(k + 1, n):
                matrix[i, j] -= factor * matrix[k, j]
            for j in range(right.shape[1]):
                right[i, j] -= factor * right[k, j]
    for k in range(n - 1, -1, -1):
        for j in range(right.shape[1]):
            total = right[k, j]
            for m in range(k + 1, n):
                total -= matrix[k, m] * right[m, j]
            right[k, j] = total / matrix[k, k]
    return True


@compiled_loop
def hint_jacobian(slope: Any, follows: Any, noise: float, out: Any) -> None:
    """The derivative of ``hint - L`` by the hint: one minus the slope of L after that of the state."""
    for i in range(10):
        for j in range(10):
            total = 0.0
            for m in range(10):
                total += slope[i, m] * follows[m, j]
            out[i, j] = (1.0 if i == j else 0.0) - (1.0 - noise) * total


@compiled_loop
def start_of_step(table: Any, hint: Any, noise: float, operator: Any, state: Any, logarithm: Any) -> Any:
    """Write K, a hint's state and its logarithm. Whether all is finite, and the state's exponents and vectors."""
    operator_of(table, operator)
    total = 0.0
    for i in range(4):
        for j in range(4):
            total += operator[i, j] + hint[i, j]
    if not math.isfinite(total):
        return False, (np.zeros(4), np.zeros((4, 4)))
    e, v, _ = shifted_exponential(operator, hint)
    weights, _ = populations(e, noise)
    rebuilt(weights, v, state)
    rebuilt(logarithms(weights), v, logarithm)
    return True, (e, v)


@compiled_loop
def end_of_step(
    hint: Any, operator: Any, state: Any, logarithm: Any, pinched: Any, slope: Any, basis: Any, noise: float, move: Any
) -> Any:
    """A lower value and an upper bound on G in nats, and the hint's height; writes the change to a better hint.

    ``pinched`` (4, 4) is L at the state of the hint, ``slope`` (10, 10) its derivative, ``basis`` what
    :func:`start_of_step` returned. ``move`` (4, 4) is left alone where the equations have no answer.
    """
    tangent, follows, jacobian = np.empty((4, 4)), np.empty((10, 10)), np.empty((10, 10))
    right = np.empty((10, 1))
    height = 0.0
    for i in range(4):
        for j in range(4):
            tangent[i, j] = operator[i, j] + pinched[i, j] - logarithm[i, j]
            height += state[i, j] * tangent[i, j]
    upper = np.linalg.eigh(tangent)[0][3]
    others, _, top = shifted_exponential(operator, pinched)
    value = top + math.log(populations(others, 0.0)[1])
    # Newton's method for L = hint, up to a multiple of 1
    exponential_slope(basis[0], basis[1], follows)
    hint_jacobian(slope, follows, noise, jacobian)
    for i in range(4):
        for j in range(i, 4):
            right[NUMBER[i, j], 0] = (pinched[i, j] - hint[i, j]) * (1.0 if i == j else _ROOT)
    if not solved(jacobian, right):
        return value, upper, height
    most, middle = 0.0, 0.25 * (right[0, 0] + right[4, 0] + right[7, 0] + right[9, 0])
    for i in range(4):
        for j in range(4):
            move[i, j] = right[NUMBER[i, j], 0] - middle if i == j else right[NUMBER[i, j], 0] / _ROOT
            most = max(most, abs(move[i, j]))
    for i in range(4):
        for j in range(4):
            move[i, j] /= max(1.0, most / LONGEST)
    return value, upper, height


@compiled_loop
def _step(table: Any, hint: Any, spans: Any, diagonals: Any, noise: float, floor: float, move: Any) -> Any:
    """A lower value and an upper bound on G in nats, and the hint's height; writes the change to a better hint."""
    operator, state, logarithm = np.empty((4, 4)), np.empty((4, 4)), np.empty((4, 4))
    pinched, slope = np.empty((4, 4)), np.empty((10, 10))
    move[:] = 0.0
    finite, basis = start_of_step(table, hint, noise, operator, state, logarithm)
    if not finite:
        return math.nan, math.nan, math.nan
    _pinched(state, spans, diagonals, floor, pinched, slope)
    return end_of_step(hint, operator, state, logarithm, pinched, slope, basis, noise, move)


@compiled_loop
def advance(
    tables: Any,
    index: Any,
    spans: Any,
    diagonals: Any,
    noise: float,
    floor: float,
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
) -> None:
    """Take steps for some of the K of a batch, as :meth:`sdpbound.entropies.qubits.engine.Engine.advance` does."""
    move = np.empty((4, 4))
    for i in index:
        for _ in range(steps):
            if uppers[i] - values[i] <= precision:
                break
            value, upper, height = _step(tables[i], hints[i], spans, diagonals, noise, floor, move)
            gaps[i] = upper - value
            if value > values[i]:
                values[i] = value
            if upper < uppers[i]:
                uppers[i] = upper
            good = height >= heights[i] - resolution
            if good:
                heights[i] = height
            lengths[i] = min(lengths[i] * (4.0 if good else 0.25), 1.0)
            for p in range(4):
                for q in range(4):
                    if good:
                        bases[i, p, q], moves[i, p, q] = hints[i, p, q], move[p, q]
                    hints[i, p, q] = bases[i, p, q] + lengths[i] * moves[i, p, q]


@compiled_loop
def states(tables: Any, hints: Any, out: Any) -> None:
    """The states (n, 4, 4) of hints, without white noise."""
    operator = np.empty((4, 4))
    for i in range(len(tables)):
        operator_of(tables[i], operator)
        e, v, _ = shifted_exponential(operator, hints[i])
        rebuilt(populations(e, 0.0)[0], v, out[i])


@compiled_loop
def curvature(
    tables: Any, hints: Any, spans: Any, diagonals: Any, noise: float, floor: float, paulis: Any, out: Any
) -> None:
    """The Hessian (n, 9, 9) of G by the entries of the tables, for the vectors (9, 10) of the products of 1, Z, X.

    The state changes by ``follows (dK + dhint)``, and the hint by the slope of L times the change of the state.
    """
    operator, state, pinched = np.empty((4, 4)), np.empty((4, 4)), np.empty((4, 4))
    slope, follows, jacobian = np.empty((10, 10)), np.empty((10, 10)), np.empty((10, 10))
    turned, change = np.empty((10, 9)), np.empty((10, 9))
    for n in range(len(tables)):
        operator_of(tables[n], operator)
        e, v, _ = shifted_exponential(operator, hints[n])
        rebuilt(populations(e, noise)[0], v, state)
        _pinched(state, spans, diagonals, floor, pinched, slope)
        exponential_slope(e, v, follows)
        hint_jacobian(slope, follows, noise, jacobian)
        for i in range(10):
            for j in range(9):
                turned[i, j] = paulis[j, i]
        if not solved(jacobian, turned):
            turned[:] = 0.0
        for i in range(10):
            for j in range(9):
                total = 0.0
                for m in range(10):
                    total += follows[i, m] * turned[m, j]
                change[i, j] = total
        for i in range(9):
            for j in range(9):
                total = 0.0
                for m in range(10):
                    total += paulis[i, m] * change[m, j] + paulis[j, m] * change[m, i]
                out[n, i, j] = 0.5 * total


@compiled_loop
def uncertainty(matrix: Any) -> float:
    """The entropy in bits of a matrix: minus the sum of p log p of its eigenvalues that are positive."""
    total = 0.0
    for p in np.linalg.eigh(matrix)[0]:
        if p > 0.0:
            total -= p * math.log2(p)
    return total


@compiled_loop
def entropies(states: Any, spans: Any, diagonals: Any, out: Any) -> None:
    """The entropy (n,) of the key, in bits, given the holder of a purification of each state (n, 4, 4)."""
    for n in range(len(states)):
        total = -uncertainty(states[n].copy())
        for p in range(len(spans)):
            start, k = spans[p, 0], spans[p, 1]
            block = np.empty((k, k))
            for i in range(k):
                for j in range(k):
                    block[i, j] = states[n, start + i, start + j] * (diagonals[p, start + i] * diagonals[p, start + j])
            total += uncertainty(block)
        out[n] = max(total, 0.0)
