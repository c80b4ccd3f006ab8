"""One strategy that has the data: on the boundary of the quantum set no mixture of several may."""

from __future__ import annotations

import numpy as np
from scipy.optimize import least_squares

from sdpbound.arrays import Floats
from sdpbound.entropies.qubits.columns import Columns, columns_of
from sdpbound.entropies.qubits.problem import Key, QubitProblem

__all__ = ["alone_if_nearer"]

#: A mixture misses the data if it is farther off than this, per size of a test; half of the usual tolerance.
_MET = 5e-13
#: The weight of a strategy that may have the data alone, and the bits that this may cost.
_HEAVY, _COST = 0.99, 1e-6

#: Eigenvalues of the state that it starts with below this belong to no purification.
_EMPTY = 1e-12
_STEP = 1e-7


def alone_if_nearer(
    problem: QubitProblem, columns: Columns, weights: Floats, missed: float
) -> tuple[Columns, Floats, float]:
    """The columns, weights and deviation of a mixture, or of its heaviest strategy alone where that has the data.

    It replaces a mixture that misses them, if next to all weight is its own, and if its entropy is about the same.
    """
    if missed <= _MET or problem.key is Key.NONE or weights.max(initial=0.0) < _HEAVY:
        return columns, weights, missed
    one = _strategy_near(problem, columns, int(weights.argmax()))
    off = float(np.abs((one.tests[0] - problem.values) / np.maximum(problem.sizes, 1e-300)).max(initial=0.0))
    if off < missed and one.entropies[0] <= float(weights @ columns.entropies) + _COST:
        return one, np.ones(1), off
    return columns, weights, missed


def _strategy_near(problem: QubitProblem, columns: Columns, k: int) -> Columns:
    """The strategy next to column k whose tested values are closest to the data, as one column.

    Its state has the rank of that column's.
    """
    sizes, axes = np.linalg.eigh(columns.states[k])
    kept = sizes > _EMPTY
    factor = axes[:, kept] * np.sqrt(sizes[kept])
    scale = np.maximum(problem.sizes, 1e-300)

    def strategies(points: Floats) -> Columns:
        factors = points[:, 2:].reshape(len(points), *factor.shape)
        states = factors @ factors.transpose(0, 2, 1)
        states /= np.trace(states, axis1=1, axis2=2)[:, None, None]
        return columns_of(problem, points[:, 0].copy(), points[:, 1].copy(), states)

    def misses(x: Floats) -> Floats:
        return np.asarray((strategies(x[None]).tests[0] - problem.values) / scale)

    def slopes(x: Floats) -> Floats:
        steps = _STEP * np.eye(len(x))
        ends = strategies(np.concatenate([x + steps, x - steps])).tests / scale
        return np.asarray((ends[: len(x)] - ends[len(x) :]).T / (2.0 * _STEP))

    start = np.concatenate([[columns.a[k], columns.b[k]], factor.ravel()])
    found = least_squares(misses, start, slopes, xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=40)
    return strategies(found.x[None])
