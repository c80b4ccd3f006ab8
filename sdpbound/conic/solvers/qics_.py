"""QICS: an interior-point solver in Python and numba, the most accurate here for large blocks.

It minimises ``c^T x`` with ``h - G x`` in the cone, every block a full matrix row by row (which is column by column,
the matrices being symmetric): ``c = -cost``, ``G = -matrix``, ``h = constant``; its dual ``z`` is X.

Importing it compiles with numba once per machine and starts numba's threads at the first solve: use ``spawn``, not
``fork``, for processes started afterwards.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from time import perf_counter
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from sdpbound.conic.program import LinearMatrixInequality, SolverResult, Status
from sdpbound.conic.solvers import vectors
from sdpbound.conic.solvers.solver import Solver
from sdpbound.errors import InvalidSolver, SolverFailure
from sdpbound.limiting import go_on, is_limited, note

__all__ = ["Qics"]

_STATUS = {
    "optimal": Status.SOLVED,
    "near_optimal": Status.ALMOST_SOLVED,
    "pinfeas": Status.INFEASIBLE,
    "near_pinfeas": Status.INFEASIBLE,
    "dinfeas": Status.UNBOUNDED,
    "near_dinfeas": Status.UNBOUNDED,
    "illposed": Status.FAILED,
    "unknown": Status.STOPPED,
}


@dataclass(frozen=True, slots=True)
class Qics(Solver):
    """QICS, LMI form.

    >>> Qics(tolerance=1e-8).name, Qics.license  # for maximize(..., solver=Qics(tolerance=1e-8))
    ('qics', 'MIT')
    """

    package: ClassVar[str] = "qics"
    module: ClassVar[str] = "qics"
    license: ClassVar[str] = "MIT"
    good_on_boundary: ClassVar[bool] = True
    precise: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return "qics"

    @classmethod
    def wanted(cls) -> str:
        # for Python 3.13 its release asks for a numba before 0.61, and runs with later ones
        return "--no-deps qics" if sys.version_info[:2] == (3, 13) else "qics"

    @classmethod
    def rank(cls, sizes: tuple[int, ...]) -> float | None:
        # Measured on moment matrices (one thread): 2 to 4 times as fast as SDPA on a few large blocks.
        if not sizes:
            return None
        return 0.0 if max(sizes) >= 40 and len(sizes) <= 8 else 2.0

    def solve(self, program: LinearMatrixInequality) -> SolverResult:
        try:
            import qics
            from qics.cones import NonNegOrthant, PosSemidefinite
        except ImportError as error:
            raise InvalidSolver(f"qics is not installed: pip install {self.wanted()}.") from error
        if program.variables == 0:
            raise SolverFailure("qics needs at least one variable and this program has none; try solver clarabel.")

        vectors.require_finite(program, self.name)
        start = perf_counter()
        expansion = vectors.expansion(program.linear, program.sizes)
        cones = [NonNegOrthant(program.linear)] if program.linear else []
        cones += [PosSemidefinite(n) for n in program.sizes]
        try:
            # QICS retries a Cholesky factorisation for ever when the matrix holds a NaN: stop where one is made.
            with np.errstate(invalid="raise", divide="ignore", over="ignore", under="ignore"):
                model = qics.Model(
                    -program.cost[:, None],
                    G=sp.csr_matrix(-(expansion @ program.matrix)),
                    h=(expansion @ program.constant)[:, None],
                    cones=cones,
                )
                engine = qics.Solver(
                    model,
                    verbose=0,
                    max_iter=100,
                    max_time=self.time_limit,  # pyright: ignore[reportArgumentType]
                    tol_gap=self.tolerance,
                    tol_feas=0.1 * self.tolerance,
                    tol_infeas=1e-10,  # default 1e-12, not reached when the program is infeasible by 1e-3 only
                )
                _watch(engine, program.offset)
                answer = engine.solve()
        except (ArithmeticError, ValueError, RuntimeError, MemoryError, AssertionError, AttributeError) as error:
            # ValueError includes numpy's LinAlgError; RuntimeError includes scipy's ArpackError; a block without any
            # variable is an AttributeError of QICS.
            raise SolverFailure(f"qics failed ({error}); try solver sdpa or clarabel.") from error
        dual = answer["z_opt"].vec.ravel()
        return vectors.result(
            program,
            self.name,
            _STATUS.get(answer["sol_status"], Status.FAILED),
            vectors.fold(dual, program.linear, program.sizes),
            dual[: program.linear].copy(),
            seconds=perf_counter() - start,
            iterations=int(answer["num_iter"]),
            message=f"{answer['sol_status']}, {answer['exit_status']}",
            solution=answer["x_opt"].ravel(),
        )


def _watch(engine: Any, offset: float) -> None:
    """Let a solver ask after each of its steps whether to go on; its own test of the time is between steps too."""
    step = getattr(engine, "step_and_check", None)
    if step is None or not is_limited():
        return

    def watched() -> bool:
        if step():
            return True
        note(f"iteration {engine.iter}", offset - float(engine.d_obj))
        if go_on():
            return False
        engine.exit_status = "max_time"
        return True

    engine.step_and_check = watched
