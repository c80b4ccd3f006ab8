"""HiGHS, through scipy: linear programs only.

It minimises ``-cost @ z`` with ``-matrix @ z <= constant``, z free. ``marginals`` are the derivatives of that minimum
with respect to the right-hand side, so they are not positive, and the multipliers are ``x = -marginals``.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import ClassVar

import numpy as np

from sdpbound.conic.program import LinearMatrixInequality, SolverResult, Status
from sdpbound.conic.solvers import vectors
from sdpbound.conic.solvers.silence import silent
from sdpbound.conic.solvers.solver import Solver
from sdpbound.errors import SolverFailure

__all__ = ["Highs"]

_STATUS = {
    0: Status.SOLVED,
    1: Status.STOPPED,
    2: Status.INFEASIBLE,
    3: Status.UNBOUNDED,
    4: Status.FAILED,
}


@dataclass(frozen=True, slots=True)
class Highs(Solver):
    """HiGHS for programs without semidefinite blocks. ``tolerance`` below 1e-10 is read as 1e-10.

    >>> import sdpbound as sb
    >>> sb.maximize(sb.chsh(), sb.NoSignaling(), solver=sb.Highs()).value
    4.0
    """

    package: ClassVar[str] = "scipy"
    module: ClassVar[str] = "scipy"
    license: ClassVar[str] = "BSD-3-Clause"
    linear_only: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return "highs"

    @classmethod
    def rank(cls, sizes: tuple[int, ...]) -> float | None:
        return None if sizes else 0.0

    def solve(self, program: LinearMatrixInequality) -> SolverResult:
        if program.sizes:
            raise SolverFailure(
                f"highs solves linear programs, and this program has semidefinite blocks of sizes {program.sizes}; "
                "use solver clarabel, sdpa or qics."
            )
        from scipy.optimize import linprog

        vectors.require_finite(program, self.name)
        start = perf_counter()
        tolerance = min(max(self.tolerance, 1e-10), 1e-6)
        try:
            with silent(1, 2):
                answer = linprog(
                    -program.cost,
                    A_ub=-program.matrix,
                    b_ub=program.constant,
                    bounds=(None, None),
                    method="highs",
                    options={
                        "time_limit": self.time_limit,
                        "primal_feasibility_tolerance": tolerance,
                        "dual_feasibility_tolerance": tolerance,
                    },
                )
        except (ValueError, RuntimeError, MemoryError) as error:
            raise SolverFailure(f"highs failed ({error}); check the program, or try solver clarabel.") from error
        status = _STATUS.get(answer.status, Status.FAILED)
        marginals = answer.ineqlin.marginals if answer.get("ineqlin") is not None else None
        if marginals is None or status in (Status.INFEASIBLE, Status.UNBOUNDED):
            multipliers = np.full(program.linear, np.nan)  # no ray: zeros if infeasible or unbounded, else a failure
        else:
            multipliers = -np.asarray(marginals, dtype=np.float64)
        return vectors.result(
            program,
            self.name,
            status,
            (),
            multipliers,
            seconds=perf_counter() - start,
            iterations=int(answer.nit),
            message=str(answer.message),
            solution=None if answer.x is None else np.asarray(answer.x),
        )
