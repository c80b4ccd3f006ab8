"""Clarabel: an interior-point solver in Rust, the fastest here for blocks up to about 16.

It minimises ``q @ x`` with ``A x + s = b``, ``s`` in the cone. ``PSDTriangleConeT`` is the upper triangle column by
column, off-diagonal entries times sqrt(2): the order of the program itself. So ``q = -cost``, ``A = -D matrix``,
``b = D constant`` with D that scaling, and the dual is ``X = D^-1 z``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from time import perf_counter
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from sdpbound.conic.program import LinearMatrixInequality, SolverResult, Status
from sdpbound.conic.solvers import vectors
from sdpbound.conic.solvers.silence import silent
from sdpbound.conic.solvers.solver import Solver
from sdpbound.errors import InvalidSolver, SolverFailure
from sdpbound.limiting import go_on, interrupts_wait, is_limited, note

__all__ = ["Clarabel"]

_STATUS = {
    "Solved": Status.SOLVED,
    "AlmostSolved": Status.ALMOST_SOLVED,
    "PrimalInfeasible": Status.INFEASIBLE,
    "AlmostPrimalInfeasible": Status.INFEASIBLE,
    "DualInfeasible": Status.UNBOUNDED,
    "AlmostDualInfeasible": Status.UNBOUNDED,
    "MaxIterations": Status.STOPPED,
    "MaxTime": Status.STOPPED,
    "CallbackTerminated": Status.STOPPED,
    "InsufficientProgress": Status.STOPPED,
    "NumericalError": Status.FAILED,
}

#: Bytes; with more the system has ended the process, at a block of 244 rows.
_MOST_MEMORY = 4e9


@dataclass(frozen=True, slots=True)
class Clarabel(Solver):
    """Clarabel, called without a modelling layer.

    >>> import sdpbound as sb
    >>> bound = sb.maximize(sb.chsh(), sb.Quantum("1"), solver=sb.Clarabel(tolerance=1e-8))
    >>> round(bound.value, 6), bound.solver
    (2.828427, 'clarabel')
    """

    package: ClassVar[str] = "clarabel"
    module: ClassVar[str] = "clarabel"
    license: ClassVar[str] = "Apache-2.0"

    @property
    def name(self) -> str:
        return "clarabel"

    @classmethod
    def rank(cls, sizes: tuple[int, ...]) -> float | None:
        # Measured on moment matrices (one thread): fastest up to 12, then its time grows like n^6.
        if not sizes:
            return 1.0
        if _memory(sizes) > _MOST_MEMORY:
            return None
        return 0.0 if max(sizes) <= 12 else 3.0

    def solve(self, program: LinearMatrixInequality) -> SolverResult:
        try:
            clarabel = import_module("clarabel")  # its stubs do not list the compiled classes
        except ImportError as error:
            raise InvalidSolver("clarabel is not installed: pip install clarabel.") from error

        vectors.require_finite(program, self.name)
        if _memory(program.sizes) > _MOST_MEMORY:
            raise SolverFailure(
                f"clarabel would take about {_memory(program.sizes) / 1e9:.1f} GB for blocks of up to "
                f"{max(program.sizes)} rows, and may take {_MOST_MEMORY / 1e9:.0f}; try solver qics or sdpa."
            )
        start = perf_counter()
        settings = clarabel.DefaultSettings()
        settings.verbose = False
        settings.max_threads = 1
        settings.time_limit = self.time_limit
        settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = self.tolerance
        # Moment matrices have no sparsity to decompose, and a decomposed dual would have to be completed.
        settings.chordal_decomposition_enable = False
        # Presolve drops rows with huge constants only; there are none.
        settings.presolve_enable = False
        # Default 1e-8. Measured on degenerate moment matrices (CHSH, guessing): 5 to 100 times better residuals, and
        # the solver says Solved where it stalled before; iterative refinement makes up for the perturbation.
        settings.static_regularization_constant = 1e-6

        # A small objective is lost against the regularisation, and the solver stops early with a loose dual: normalise
        # it. Measured on 18000 points of the singlet family, certified minus exact: at most 6e-8, 2e-5 if it is not
        # normalised, 5e-6 if it is and tol_feas is a tenth of the tolerance.
        unit = 1.0 / (float(np.abs(program.cost).max(initial=0.0)) or 1.0)
        scale = vectors.scale(program.linear, program.sizes)
        cones = [clarabel.NonnegativeConeT(program.linear)] if program.linear else []
        cones += [clarabel.PSDTriangleConeT(n) for n in program.sizes]
        try:
            with silent(2):  # a panic in Rust says more there than is of use
                engine = clarabel.DefaultSolver(
                    _no_quadratic_term(program.variables),
                    -unit * program.cost,
                    vectors.scaled_matrix(program, -1.0),
                    program.constant * scale,
                    cones,
                    settings,
                )
                answer = _watched(engine, program.offset, unit) if is_limited() else engine.solve()
        except BaseException as error:  # a panic in Rust derives from BaseException
            if isinstance(error, Exception) or type(error).__name__ == "PanicException":
                reason = " ".join(str(error).split())[:200]
                raise SolverFailure(f"clarabel failed ({reason}); try solver sdpa or qics.") from error
            raise
        dual = np.asarray(answer.z) / (unit * scale)
        message = str(answer.status)
        return vectors.result(
            program,
            self.name,
            _STATUS.get(message, Status.FAILED),
            vectors.unfold(dual, program.linear, program.sizes),
            dual[: program.linear],
            seconds=perf_counter() - start,
            iterations=answer.iterations,
            message=message,
            solution=np.asarray(answer.x),
        )


def _watched(engine: Any, offset: float, unit: float) -> Any:
    """Solve, and ask after each iteration whether to go on. An exception would be lost on its way through Rust."""
    if not hasattr(engine, "set_termination_callback"):  # Clarabel before 0.11: its time limit alone
        return engine.solve()
    with interrupts_wait() as came:

        def is_over(info: Any) -> bool:
            note(f"iteration {info.iterations}", offset - info.cost_dual / unit)
            return bool(came) or not go_on()

        engine.set_termination_callback(is_over)
        return engine.solve()


def _memory(sizes: tuple[int, ...]) -> float:
    """Bytes of what each block adds to the equations that Clarabel factorises: a full matrix of its entries' pairs."""
    return float(sum(12.0 * (n * (n + 1) / 2) ** 2 for n in sizes))


@lru_cache(maxsize=64)
def _no_quadratic_term(variables: int) -> sp.csc_matrix:
    return sp.csc_matrix((variables, variables))
