"""Strategies of a mixture turned by next to nothing, so that the mixture has the data to all digits."""

from __future__ import annotations

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bounds.intervals import reach
from sdpbound.entropies.qubits.columns import Columns, columns_of
from sdpbound.entropies.qubits.engine import moments_of
from sdpbound.entropies.qubits.problem import Key, QubitProblem

__all__ = ["turned_if_nearer"]

#: A mixture misses the data if it is farther off than this, per size of a test; half of the usual tolerance.
_MET = 5e-13
#: Farther off than this, turns may cost an entropy that is seen.
_NEARLY = 1e-8
_STEPS, _STEP = 12, 1e-6


def turned_if_nearer(
    problem: QubitProblem, columns: Columns, weights: Floats, missed: float
) -> tuple[Columns, Floats, float]:
    """The columns, weights and deviation of a mixture, or of one whose strategies are turned, if that is nearer.

    The linear program finds weights up to a tolerance of its own. With no more strategies than tests, weights alone
    cannot come closer. Newton's method moves weights, angles and states together, by as little as the data need.
    """
    if not _MET < missed <= _NEARLY or problem.key is Key.NONE or reach(problem.tolerances).any():
        return columns, weights, missed
    for _ in range(_STEPS):
        other, shares = _moved(problem, columns, weights)
        off = _deviation(problem, other, shares)
        if not off < missed:
            break
        columns, weights, missed = other, shares, off
        if missed <= _MET:
            break
    return columns, weights, missed


def _deviation(problem: QubitProblem, columns: Columns, weights: Floats) -> float:
    off = (weights @ columns.tests - problem.values) / np.maximum(problem.sizes, 1e-300)
    return float(np.abs(off).max(initial=0.0))


def _moved(problem: QubitProblem, columns: Columns, weights: Floats) -> tuple[Columns, Floats]:
    """One step of Newton's method: the smallest one, in parts of weights and in angles."""
    n = len(weights)
    sizes = np.maximum(problem.sizes, 1e-300)
    turns = _turns()
    slopes = turns @ columns.states[:, None] - columns.states[:, None] @ turns  # (n, 6, 4, 4)
    rows = [columns.tests[:, None], _slopes_of_angles(problem, columns), _tests(problem, columns, slopes)]
    parts = np.concatenate(rows, axis=1) / sizes  # (n, 1 + 2 + 6, J)
    kept = np.zeros(parts.shape[:2])
    kept[:, 0] = 1.0  # only weights move their sum
    system = np.concatenate([parts, kept[..., None]], axis=2) * weights[:, None, None]
    missing = np.append((problem.values - weights @ columns.tests) / sizes, 1.0 - weights.sum())
    step = np.linalg.lstsq(system.reshape(9 * n, -1).T, missing, rcond=1e-12)[0].reshape(n, 9)
    shares = weights * np.maximum(1.0 + step[:, 0], 0.0)
    turn = np.eye(4) + np.einsum("nk,kij->nij", step[:, 3:], turns)
    states = turn @ columns.states @ turn.transpose(0, 2, 1)
    states /= np.trace(states, axis1=1, axis2=2)[:, None, None]
    return columns_of(problem, columns.a + step[:, 1], columns.b + step[:, 2], states), shares / shares.sum()


def _turns() -> Floats:
    """The six generators (6, 4, 4) of rotations."""
    turns = np.zeros((6, 4, 4))
    for turn, (i, j) in zip(turns, zip(*np.triu_indices(4, 1), strict=True), strict=True):
        turn[i, j], turn[j, i] = -1.0, 1.0
    return turns


def _tests(problem: QubitProblem, columns: Columns, matrices: Floats) -> Floats:
    """Tested values (n, m, J) of matrices (n, m, 4, 4) at the angles of the columns."""
    # here, as numba takes a moment to load
    from sdpbound.entropies.qubits.compiled_search import tested_values

    n, m = matrices.shape[:2]
    out = np.empty((n * m, len(problem.tests)))
    moments = moments_of(matrices.reshape(-1, 4, 4)).reshape(-1, 9)
    tested_values(problem.tests, np.repeat(columns.a, m), np.repeat(columns.b, m), moments, out)
    return out.reshape(n, m, -1)


def _slopes_of_angles(problem: QubitProblem, columns: Columns) -> Floats:
    """Slopes (n, 2, J) of the tested values in both angles."""
    ends = []
    for a, b in ((_STEP, 0.0), (-_STEP, 0.0), (0.0, _STEP), (0.0, -_STEP)):
        near = Columns(columns.a + a, columns.b + b, columns.states, columns.tests, columns.entropies)
        ends.append(_tests(problem, near, columns.states[:, None])[:, 0])
    return np.stack([ends[0] - ends[1], ends[2] - ends[3]], axis=1) / (2.0 * _STEP)
