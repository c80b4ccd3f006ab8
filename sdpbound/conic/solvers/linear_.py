"""HiGHS, through its own interface, for linear programs with equations, both of whose solutions are wanted.

:func:`both_solutions` is the door through which every such answer comes in. The standard form here is

    minimise cost . x  subject to  matrix x = target, x >= 0    (dual: maximise target . y, matrix^T y <= cost)

The interior point method is the fast one for the programs of many boxes (thousands of columns on hundreds of rows, all
entries small integers); its crossover ends at a vertex, so that both answers are sparse or exactly on their faces.

:func:`cheapest_weights` is the linear program of column generation: its multipliers price new strategies.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sdpbound.conic.solvers.solver import numbers
from sdpbound.errors import SolverFailure
from sdpbound.limiting import require_time, time_left

__all__ = [
    "Answer",
    "StandardAnswer",
    "Way",
    "WeightsAnswer",
    "both_solutions",
    "cheapest_weights",
    "equations",
    "minimise_standard",
]

#: One solver for each thread: to make one takes as long as a small program. A new program clears the old one.
_HERE = threading.local()
#: HiGHS's own values of the options that callers set.
_PLAIN: dict[str, float | str] = {
    "presolve": "choose",
    "primal_feasibility_tolerance": 1e-7,
    "dual_feasibility_tolerance": 1e-7,
    "time_limit": math.inf,
}
#: The least that HiGHS takes.
PRECISE = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


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


@dataclass(slots=True, eq=False)
class Answer:
    """What HiGHS says, whatever it is.

    Attributes
    ----------
    x, y : the columns' values and the rows' multipliers
    optimal, late : whether it calls them optimal, or its time was over
    message : its status in words
    """

    x: Any
    y: Any
    optimal: bool
    late: bool
    message: str


def both_solutions(answer: Answer, columns: int, rows: int) -> StandardAnswer | None:
    """The answer for so many columns and equations; None if it cannot be used.

    Fit is what is called optimal, and has finite entries that are not absurdly large.
    """
    if not answer.optimal:
        return None
    x, y = numbers(answer.x, (columns,)), numbers(answer.y, (rows,))
    return None if x is None or y is None else StandardAnswer(x, y)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to ask HiGHS for weights.

    Attributes
    ----------
    method : HiGHS's name of the algorithm: "simplex", "ipm" or "choose"
    scale : rows of the data are multiplied by this, for HiGHS's tolerances are absolute
    precise : whether tolerances of 1e-10 are asked for, or HiGHS's own, 1e-7
    """

    method: str
    scale: float = 1.0
    precise: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class WeightsAnswer:
    """A mixture and the functional that touches it, untrusted.

    Attributes
    ----------
    weights : (K,) not negative, that add up to about one
    missed : largest deviation from a tested value that had to be paid for
    multipliers : (J,) of the tested values
    level : multiplier of the sum of the weights
    """

    weights: NDArray[np.float64]
    missed: float
    multipliers: NDArray[np.float64]
    level: float


def cheapest_weights(
    figures: NDArray[np.float64],
    tested: NDArray[np.float64],
    values: NDArray[np.float64],
    price: float,
    ways: Sequence[Way],
    free: NDArray[np.float64] | None = None,
    advice: str = "try another solver",
) -> WeightsAnswer:
    """The weights of least figure with the tested values: the linear program of column generation.

    ::

        minimise  sum_k w_k f_k + price sum_j (up_j + down_j)
        subject to  sum_k w_k d_jk + up_j - down_j + slack_j = v_j,  sum_k w_k = 1,  w, up, down >= 0,
                    |slack_j| <= free_j

    Parameters
    ----------
    figures, tested, values : f of shape (K,), d of shape (J, K), v of shape (J,)
    price : what a deviation by one costs; no multiplier exceeds it
    ways : tried in this order, until one gives an answer that is fit to be used
    free : (J,) deviations that cost nothing; none if None
    advice : how the sentence of the error goes on

    Raises
    ------
    SolverFailure
        Where no way gives weights that add up to about one, and multipliers within the price.
    """
    j, count = tested.shape
    message = "no method ran"
    for way in ways:
        identity = [np.eye(j), -np.eye(j)] + ([] if free is None else [np.eye(j)])
        cost = np.concatenate([figures, np.full(2 * j, price / way.scale), np.zeros(0 if free is None else j)])
        sums = (np.arange(cost.size) < count).astype(float)
        answer = equations(
            cost,
            np.concatenate([np.concatenate([way.scale * tested, *identity], axis=1), sums[None]]),
            np.concatenate([way.scale * values, [1.0]]),
            way.method,
            # what presolving saves is less than what it takes in a program of so few rows
            {"presolve": "off", **(PRECISE if way.precise else {})},
            [] if free is None else way.scale * free,
        )
        message = answer.message
        found = both_solutions(answer, cost.size, j + 1)
        if found is None or float(np.abs(found.multipliers[:-1]).max(initial=0.0)) > 1.01 * price / way.scale:
            continue  # hard to solve on the boundary of the set, where multipliers are huge
        x = np.maximum(found.solution[: count + 2 * j], 0.0)
        if not 0.5 < float(x[:count].sum()) < 2.0:
            continue
        missed = float(x[count:].max(initial=0.0)) / way.scale
        return WeightsAnswer(x[:count], missed, way.scale * found.multipliers[:-1], float(found.multipliers[-1]))
    raise SolverFailure(f"the linear program for the weights of {count} strategies failed ({message}); {advice}.")


def minimise_standard(
    cost: NDArray[np.float64],
    matrix: sp.csc_array,
    target: NDArray[np.float64],
    time_limit: float | None = None,
) -> StandardAnswer:
    """Solve, by simplex where interior points fail; raises SolverFailure unless HiGHS calls its answer optimal.

    ``time_limit``, in seconds, is one beside those of :func:`sdpbound.limits`; TimeIsUp where these come first.
    """
    message = "no method ran"
    # HiGHS's tolerances are absolute: cost and target are scaled to size 1
    cost_unit, target_unit = float(np.abs(cost).max(initial=0.0)) or 1.0, float(np.abs(target).max(initial=0.0)) or 1.0
    for method in ("ipm", "simplex"):
        try:
            limit = min(math.inf if time_limit is None else float(time_limit), time_left())
            options = {**PRECISE} if limit == math.inf else {"time_limit": limit, **PRECISE}
            answer = equations(cost / cost_unit, matrix, target / target_unit, method, options)
        except (ValueError, RuntimeError, MemoryError) as error:
            message = str(error)
            continue
        message = answer.message
        found = both_solutions(answer, cost.size, target.size)
        if found is not None:
            return StandardAnswer(found.solution * target_unit, found.multipliers * cost_unit)
        if answer.late:
            require_time()
            break
    raise SolverFailure(
        f"highs did not solve a linear program of {matrix.shape[0]} rows and {matrix.shape[1]} columns ({message}); "
        "try fewer boxes, or allow more time."
    )


def equations(
    cost: NDArray[np.float64],
    matrix: Any,
    target: NDArray[np.float64],
    method: str,
    options: Mapping[str, float | str],
    free: Sequence[float] | NDArray[np.float64] = (),
) -> Answer:
    """HiGHS's answer for the standard form, the last columns bounded by ``free`` from both sides instead.

    HiGHS's own interface is asked. scipy's takes ten times as long as HiGHS itself for a program of a few rows.
    """
    import highspy  # here, for it takes a moment to load

    program = highspy.HighsLp()
    program.num_row_, program.num_col_ = matrix.shape
    program.col_cost_ = cost
    lower, upper = np.zeros(cost.size), np.full(cost.size, np.inf)
    if len(free):
        lower[-len(free) :], upper[-len(free) :] = -np.asarray(free), free
    program.col_lower_, program.col_upper_ = lower, upper
    program.row_lower_ = program.row_upper_ = target
    program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    if sp.issparse(matrix):
        columns = sp.csc_array(matrix)
        start, index, entries = columns.indptr, columns.indices, columns.data
    else:
        rows, count = matrix.shape
        start, index = np.arange(0, rows * count + 1, rows), np.tile(np.arange(rows), count)
        entries = np.ascontiguousarray(matrix.T).reshape(-1)
    program.a_matrix_.start_, program.a_matrix_.index_, program.a_matrix_.value_ = start, index, entries
    solver = getattr(_HERE, "solver", None)
    if solver is None:
        solver = _HERE.solver = highspy.Highs()
        solver.setOptionValue("output_flag", False)
        solver.setOptionValue("threads", 1)
    for name, value in {**_PLAIN, "solver": method, **options}.items():
        solver.setOptionValue(name, value)
    solver.passModel(program)
    solver.run()
    status, found = solver.getModelStatus(), solver.getSolution()
    return Answer(
        found.col_value,
        found.row_dual,
        status == highspy.HighsModelStatus.kOptimal,
        status == highspy.HighsModelStatus.kTimeLimit,
        solver.modelStatusToString(status),
    )
