"""HiGHS, through scipy, for linear programs in standard form, both of whose solutions are wanted.

    minimise cost . x  subject to  matrix x = target, x >= 0    (dual: maximise target . y, matrix^T y <= cost)

The interior point method is the fast one for the programs of many boxes (thousands of columns on hundreds of rows, all
entries small integers); its crossover ends at a vertex, so that both answers are sparse or exactly on their faces.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sdpbound.errors import SolverFailure

__all__ = ["StandardAnswer", "minimise_standard"]


@dataclass(frozen=True, slots=True, eq=False)
class StandardAnswer:
    """Both solutions, untrusted.

    Attributes
    ----------
    solution : (columns,) x
    multipliers : (rows,) y
    """

    solution: NDArray[np.float64]
    multipliers: NDArray[np.float64]


def minimise_standard(
    cost: NDArray[np.float64],
    matrix: sp.csc_array,
    target: NDArray[np.float64],
    time_limit: float | None = None,
) -> StandardAnswer:
    """Solve, by simplex where interior points fail; raises SolverFailure unless HiGHS calls its answer optimal."""
    from scipy.optimize import linprog

    message = "no method ran"
    # HiGHS's tolerances are absolute: cost and target are scaled to size 1
    cost_unit, target_unit = float(np.abs(cost).max(initial=0.0)) or 1.0, float(np.abs(target).max(initial=0.0)) or 1.0
    for method in ("highs-ipm", "highs-ds"):
        try:
            answer = linprog(
                cost / cost_unit,
                A_eq=matrix,
                b_eq=target / target_unit,
                bounds=(0, None),
                method=method,
                options={
                    "time_limit": time_limit,
                    "primal_feasibility_tolerance": 1e-10,
                    "dual_feasibility_tolerance": 1e-10,
                },
            )
        except (ValueError, RuntimeError, MemoryError) as error:
            message = str(error)
            continue
        message = str(answer.message)
        if answer.status == 0 and np.isfinite(answer.x).all():
            return StandardAnswer(
                np.asarray(answer.x, dtype=np.float64) * target_unit,
                np.asarray(answer.eqlin.marginals, dtype=np.float64) * cost_unit,
            )
        if answer.status == 1:
            break
    raise SolverFailure(
        f"highs did not solve a linear program of {matrix.shape[0]} rows and {matrix.shape[1]} columns ({message}); "
        "try fewer boxes, or allow more time."
    )
