"""HiGHS, through scipy, for linear programs with equations, both of whose solutions are wanted.

:func:`both_solutions` is the door through which every such answer comes in. The standard form here is

    minimise cost . x  subject to  matrix x = target, x >= 0    (dual: maximise target . y, matrix^T y <= cost)

The interior point method is the fast one for the programs of many boxes (thousands of columns on hundreds of rows, all
entries small integers); its crossover ends at a vertex, so that both answers are sparse or exactly on their faces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sdpbound.conic.solvers.solver import numbers
from sdpbound.errors import SolverFailure

__all__ = ["StandardAnswer", "both_solutions", "minimise_standard", "mixture_solutions"]


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


def both_solutions(answer: Any, columns: int, rows: int) -> StandardAnswer | None:
    """The answer of scipy's ``linprog`` for so many columns and equations; None if it cannot be used.

    Fit is what is called optimal, and has finite entries that are not absurdly large.
    """
    equations = answer.get("eqlin")
    if answer.status != 0 or equations is None:
        return None
    x, y = numbers(answer.x, (columns,)), numbers(equations.get("marginals"), (rows,))
    return None if x is None or y is None else StandardAnswer(x, y)


def mixture_solutions(answer: Any, weights: int, columns: int, rows: int, price: float) -> StandardAnswer | None:
    """The same of a program for weights, the first columns, that add up to one by the last equation.

    Deviations from the other equations have this price, which their multipliers cannot exceed; None where they do, or
    where the weights add up to something else than about one.
    """
    found = both_solutions(answer, columns, rows)
    if found is None or float(np.abs(found.multipliers[:-1]).max(initial=0.0)) > 1.01 * price:
        return None
    return found if 0.5 < float(np.maximum(found.solution[:weights], 0.0).sum()) < 2.0 else None


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
        found = both_solutions(answer, cost.size, target.size)
        if found is not None:
            return StandardAnswer(found.solution * target_unit, found.multipliers * cost_unit)
        if answer.status == 1:
            break
    raise SolverFailure(
        f"highs did not solve a linear program of {matrix.shape[0]} rows and {matrix.shape[1]} columns ({message}); "
        "try fewer boxes, or allow more time."
    )
