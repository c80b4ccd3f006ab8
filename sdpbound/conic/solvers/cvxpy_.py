"""Any solver that cvxpy knows, named explicitly: cvxpy's own choice can be an installed but unlicensed one."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, ClassVar

import numpy as np

from sdpbound.conic.program import LinearMatrixInequality, SolverResult, Status
from sdpbound.conic.solvers import vectors
from sdpbound.conic.solvers.solver import Solver
from sdpbound.errors import InvalidSolver, SolverFailure

__all__ = ["Cvxpy"]

_STATUS = {
    "optimal": Status.SOLVED,
    "optimal_inaccurate": Status.ALMOST_SOLVED,
    "infeasible": Status.INFEASIBLE,
    "infeasible_inaccurate": Status.INFEASIBLE,
    "infeasible_or_unbounded": Status.INFEASIBLE,
    "unbounded": Status.UNBOUNDED,
    "unbounded_inaccurate": Status.UNBOUNDED,
    "user_limit": Status.STOPPED,
}


@dataclass(frozen=True, slots=True)
class Cvxpy(Solver):
    """A solver installed with cvxpy.

    Attributes
    ----------
    backend : str
        cvxpy's name of it, in capitals, for example "MOSEK" or "CVXOPT".

    >>> Cvxpy.package  # for maximize(..., solver=Cvxpy(backend="MOSEK")), or solver="cvxpy:MOSEK"
    'cvxpy'
    """

    package: ClassVar[str] = "cvxpy"
    module: ClassVar[str] = "cvxpy"
    license: ClassVar[str] = "Apache-2.0"
    stops: ClassVar[bool] = False
    example: ClassVar[str] = "CVXOPT"

    backend: str = "CLARABEL"

    def __post_init__(self) -> None:
        Solver.__post_init__(self)
        try:
            import cvxpy
        except ImportError as error:
            raise InvalidSolver("cvxpy is not installed: pip install cvxpy.") from error
        if not self.has(self.backend):
            installed = cvxpy.installed_solvers()
            raise InvalidSolver(
                f"cvxpy has no installed solver {self.backend!r}, it has {', '.join(sorted(installed))}; "
                f'try pip install "cvxpy[{self.backend}]".'
            )

    @staticmethod
    def has(backend: str) -> bool:
        """Whether cvxpy has this backend installed."""
        import cvxpy

        return backend in cvxpy.installed_solvers()

    @property
    def name(self) -> str:
        return f"cvxpy:{self.backend}"

    @classmethod
    def named(cls, backend: str, settings: Mapping[str, float]) -> Solver:
        return cls(**settings, backend=backend)

    def solve(self, program: LinearMatrixInequality) -> SolverResult:
        import cvxpy
        from cvxpy.error import DCPError, SolverError

        vectors.require_finite(program, self.name)
        start = perf_counter()
        z = cvxpy.Variable(program.variables)
        slack = program.matrix @ z + program.constant
        constraints: list[Any] = [slack[: program.linear] >= 0] if program.linear else []
        row = program.linear
        for n in program.sizes:
            size = vectors.triangle(n)[0].size
            full = vectors.expansion(0, (n,)) @ slack[row : row + size]
            constraints.append(cvxpy.reshape(full, (n, n), order="F") >> 0)
            row += size
        # Minimised, so that every dual has the sign of its cone.
        problem = cvxpy.Problem(cvxpy.Minimize(-program.cost @ z), constraints)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # "solution may be inaccurate": the status says so
                problem.solve(solver=self.backend, verbose=False, **_options(self.backend, self.tolerance))
        except (SolverError, DCPError, ValueError, ArithmeticError, RuntimeError) as error:
            raise SolverFailure(
                f"{self.name} failed ({error}); try solver clarabel or sdpa, or a larger tolerance."
            ) from error
        status = _STATUS.get(problem.status, Status.FAILED)
        values = [constraint.dual_value for constraint in constraints]
        linear_dual = np.full(program.linear, np.nan)
        if program.linear and values[0] is not None:
            linear_dual = np.asarray(values[0], dtype=np.float64).reshape(program.linear)
        duals = []
        for n, value in zip(program.sizes, values[len(values) - len(program.sizes) :], strict=True):
            block = np.full((n, n), np.nan) if value is None else np.asarray(value, dtype=np.float64).reshape(n, n)
            duals.append((block + block.T) / 2)
        return vectors.result(
            program,
            self.name,
            status,
            tuple(duals),
            linear_dual,
            seconds=perf_counter() - start,
            iterations=int(getattr(problem.solver_stats, "num_iters", None) or 0),
            message=str(problem.status),
            solution=None if z.value is None else np.asarray(z.value, dtype=np.float64),
        )


def _options(backend: str, tolerance: float) -> dict[str, Any]:
    """The tolerance in the backend's own words; a backend not listed keeps its defaults."""
    match backend:
        case "CLARABEL":
            return {"tol_gap_abs": tolerance, "tol_gap_rel": tolerance, "tol_feas": tolerance}
        case "CVXOPT":
            # Below 1e-8 its Cholesky factorisation fails on well-posed problems, and nothing is returned.
            return dict.fromkeys(("abstol", "reltol", "feastol"), max(tolerance, 1e-8))
        case "SCS":
            return {"eps_abs": max(tolerance, 1e-7), "eps_rel": max(tolerance, 1e-7), "max_iters": 50_000}
        case "MOSEK":
            names = ("PFEAS", "DFEAS", "REL_GAP")
            return {"mosek_params": {f"MSK_DPAR_INTPNT_CO_TOL_{name}": tolerance for name in names}}
        case _:
            return {}
