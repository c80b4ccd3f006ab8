"""SCS: a first-order solver. Its dual is inaccurate, so this is the last resort: certified, it still gives a bound.

It minimises ``c @ x`` with ``A x + s = b``, ``s`` in the cone: linear rows first, then the lower triangle column by
column, off-diagonal entries times sqrt(2). With D the scaling and P the reordering, ``A = -P D matrix``,
``b = P D constant`` and ``X = D^-1 P^T y``.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from time import perf_counter
from typing import ClassVar

import numpy as np
import scipy.sparse as sp

from sdpbound.conic.program import LinearMatrixInequality, SolverResult, Status
from sdpbound.conic.solvers import vectors
from sdpbound.conic.solvers.silence import silent
from sdpbound.conic.solvers.solver import Solver
from sdpbound.errors import InvalidSolver, SolverFailure

__all__ = ["Scs"]

_BEST_TOLERANCE = 1e-7  # below this a first-order method spends its iterations in vain
_MAX_ITERATIONS = 50_000

_STATUS = {
    1: Status.SOLVED,
    2: Status.ALMOST_SOLVED,  # stopped by a limit, close to a solution
    -1: Status.UNBOUNDED,
    -2: Status.INFEASIBLE,
    -6: Status.UNBOUNDED,
    -7: Status.INFEASIBLE,
    -5: Status.STOPPED,
}
_INTERRUPTED = -5


@dataclass(frozen=True, slots=True)
class Scs(Solver):
    """SCS with a direct linear solver. ``tolerance`` below 1e-7 is read as 1e-7."""

    package: ClassVar[str] = "scs"
    module: ClassVar[str] = "scs"
    license: ClassVar[str] = "MIT"
    first_order: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return "scs"

    @classmethod
    def rank(cls, sizes: tuple[int, ...]) -> float | None:
        return 9.0

    def solve(self, program: LinearMatrixInequality) -> SolverResult:
        try:
            import scs
        except ImportError as error:
            raise InvalidSolver("scs is not installed: pip install scs.") from error

        vectors.require_finite(program, self.name)
        start = perf_counter()
        order = vectors.lower_order(program.linear, program.sizes)
        scale = vectors.scale(program.linear, program.sizes)
        place = np.empty_like(order)
        place[order] = np.arange(order.size)
        matrix = vectors.scaled_matrix(program, -1.0)
        matrix = sp.csc_matrix((matrix.data, place[matrix.indices], matrix.indptr), shape=matrix.shape)
        matrix.sort_indices()
        data = {"A": matrix, "b": (program.constant * scale)[order], "c": -program.cost}
        cone = {"l": program.linear, "s": list(program.sizes)}
        tolerance = max(self.tolerance, _BEST_TOLERANCE)
        try:
            with silent(1, 2):
                answer = scs.SCS(
                    data,
                    cone,
                    eps_abs=tolerance,
                    eps_rel=tolerance,
                    eps_infeas=tolerance,
                    max_iters=_MAX_ITERATIONS,
                    time_limit_secs=self.time_limit,
                    verbose=False,
                ).solve()
        except (ValueError, RuntimeError, MemoryError, ArithmeticError) as error:
            raise SolverFailure(f"scs failed ({error}); try solver clarabel or sdpa.") from error
        info = answer["info"]
        if info["status_val"] == _INTERRUPTED:  # SCS catches it while it works, and nobody else hears of it
            signal.raise_signal(signal.SIGINT)
        dual = np.empty(order.size)
        dual[order] = answer["y"]
        dual /= scale
        return vectors.result(
            program,
            self.name,
            _STATUS.get(info["status_val"], Status.FAILED),
            vectors.unfold(dual, program.linear, program.sizes),
            dual[: program.linear],
            seconds=perf_counter() - start,
            iterations=info["iter"],
            message=info["status"],
            solution=np.asarray(answer["x"]),
        )
