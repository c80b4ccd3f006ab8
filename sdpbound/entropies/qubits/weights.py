"""The linear program over known qubit strategies: the mixture of least entropy with the tested values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bounds.intervals import reach
from sdpbound.conic.solvers.linear_ import Way, cheapest_weights
from sdpbound.entropies.qubits.columns import Columns
from sdpbound.entropies.qubits.problem import QubitProblem

__all__ = ["Weighted", "adjusted", "cheapest"]

#: Ways to solve the linear program; the first two ask for all digits, the others follow if they fail.
_WAYS = (Way("simplex"), Way("choose", precise=False), Way("ipm", precise=False))


@dataclass(frozen=True, eq=False)
class Weighted:
    """A solution of the linear program over columns.

    Attributes
    ----------
    weights : (n,) the weights of the columns
    value : the mixture's entropy, in bits
    objective : ``value`` plus the price of the deviations, in bits
    missed : largest deviation of the mixture's tested values from the data, beyond the tolerances, in units of the size
        of the test
    multipliers : (J,) the multipliers of the affine functional that touches the columns
    """

    weights: Floats
    value: float
    objective: float
    missed: float
    multipliers: Floats


def cheapest(problem: QubitProblem, columns: Columns, steepest: float) -> Weighted:
    """The mixture of columns of least entropy; a deviation from the data costs ``steepest`` per size of its test."""
    sizes = np.maximum(problem.sizes, 1e-300)
    wide = reach(problem.tolerances) / sizes
    found = cheapest_weights(
        columns.entropies,
        columns.tests.T / sizes[:, None],
        problem.values / sizes,
        steepest,
        _WAYS,
        wide,
        "test fewer values, or use another method",
    )
    # compute the values from the weights, as the solver's own values may differ
    weights = found.weights / found.weights.sum()
    slack = np.maximum(np.abs(weights @ columns.tests - problem.values) / sizes - wide, 0.0)
    value = float(weights @ columns.entropies)
    return Weighted(
        weights=weights,
        value=value,
        objective=value + steepest * float(slack.sum()),
        missed=float(slack.max(initial=0.0)),
        multipliers=np.asarray(found.multipliers / sizes, dtype=np.float64),
    )


def adjusted(problem: QubitProblem, columns: Columns, weights: Floats) -> tuple[Floats, float]:
    """Weights (n,) moved by as little as the data need, and the largest deviation left, per size of a test.

    The linear program has a tolerance of its own, 1e-10. Weights that would become negative stay as they are.
    """
    sizes = np.maximum(problem.sizes, 1e-300)
    wide = reach(problem.tolerances) / sizes
    tests = columns.tests / sizes

    def missing(w: Floats) -> Floats:
        off = problem.values / sizes - w @ tests
        return np.asarray(np.sign(off) * np.maximum(np.abs(off) - wide, 0.0), dtype=np.float64)

    rows = np.vstack([tests.T, np.ones(len(weights))])
    off = missing(weights)
    moved = weights + np.linalg.lstsq(rows, np.append(off, 0.0), rcond=1e-9)[0]
    if (moved >= 0.0).all() and np.abs(missing(moved)).max(initial=0.0) < np.abs(off).max(initial=0.0):
        weights = moved / moved.sum()
    return weights, float(np.abs(missing(weights)).max(initial=0.0))
