"""SDPA: an interior-point solver that forms the Schur complement over the moments; C++, called without sdpap.solve.

SeDuMi form: maximise ``b @ y`` with ``c - A^T y`` in the cone, so ``b = cost``, ``A^T = -matrix`` and
``c = constant`` with every block written as a full matrix. The primal ``x`` of that form is the dual X asked for.

SDPA stops where mu is about 1e-8 whatever the units, so the program is put in large units first: ``constant`` of
size 1e3 and ``cost`` of size 1. At the same number of iterations the dual is then three digits better.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from time import perf_counter
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp

from sdpbound.conic.program import LinearMatrixInequality, SolverResult, Status
from sdpbound.conic.solvers import vectors
from sdpbound.conic.solvers.silence import silent
from sdpbound.conic.solvers.solver import Solver, interior_seconds
from sdpbound.errors import InvalidSolver, SolverFailure

__all__ = ["Sdpa"]

_UNITS = 1e3

# "p" is X, the primal of the SeDuMi form, and "d" are the moments.
_STATUS = {
    "pdOPT": Status.SOLVED,
    "pdFEAS": Status.ALMOST_SOLVED,
    "pFEAS": Status.STOPPED,
    "dFEAS": Status.STOPPED,
    "noINFO": Status.STOPPED,
    "pFEAS_dINF": Status.INFEASIBLE,
    "pUNBD": Status.INFEASIBLE,
    "pINF_dFEAS": Status.UNBOUNDED,
    "dUNBD": Status.UNBOUNDED,
    "pdINF": Status.FAILED,  # one of the two is infeasible: see below which
}


@dataclass(frozen=True, slots=True)
class Sdpa(Solver):
    """SDPA. It has no time limit of its own: ``time_limit`` is not used, iterations are limited to 100.

    >>> Sdpa(tolerance=1e-8).name, Sdpa.license  # for maximize(..., solver=Sdpa(tolerance=1e-8))
    ('sdpa', 'GPL-2.0')
    """

    package: ClassVar[str] = "sdpa-python"
    module: ClassVar[str] = "sdpap"
    license: ClassVar[str] = "GPL-2.0"
    good_on_boundary: ClassVar[bool] = True
    stops: ClassVar[bool] = False

    @property
    def name(self) -> str:
        return "sdpa"

    @classmethod
    def rank(cls, sizes: tuple[int, ...]) -> float | None:
        # Measured on moment matrices (one thread): as fast as QICS up to 40, without the second that numba compiles,
        # and 2 to 4 times as fast with many blocks.
        return 1.0 if sizes else None

    @classmethod
    def seconds(cls, program: LinearMatrixInequality) -> float:
        return interior_seconds(program)

    def solve(self, program: LinearMatrixInequality) -> SolverResult:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # invalid escape sequences in its docstrings
                from sdpap.sdpacall.sdpa import sedumiwrap
        except ImportError as error:
            raise InvalidSolver("sdpa is not installed: pip install sdpa-python.") from error
        if program.variables == 0:
            raise SolverFailure("sdpa needs at least one variable and this program has none; try solver clarabel.")

        vectors.require_finite(program, self.name)
        start = perf_counter()
        expansion = vectors.expansion(program.linear, program.sizes)
        cost_unit = 1.0 / (float(np.abs(program.cost).max()) or 1.0)
        constant_unit = _UNITS / (float(np.abs(program.constant).max(initial=0.0)) or 1.0)
        tables = [
            _Lists(-(expansion @ program.matrix)),
            _Lists(cost_unit * program.cost[:, None]),
            _Lists(constant_unit * (expansion @ program.constant)[:, None]),
        ]
        cone = {"f": 0, "l": program.linear, "q": (), "s": tuple(int(n) for n in program.sizes)}
        try:
            with silent(1):
                found = sedumiwrap(*tables, cone, _options(self.tolerance))
            full, moments = (np.array(found[k], dtype=np.float64) for k in (0, 1))
            info = dict(found[3])
            for entry in found:
                entry.clear()
        except (ValueError, RuntimeError, TypeError, MemoryError, ArithmeticError) as error:
            raise SolverFailure(f"sdpa failed ({error}); try solver qics or clarabel.") from error
        finally:
            for table in tables:
                table.clear()
        dual = full / cost_unit
        phase = str(info["phasevalue"])
        status = _STATUS.get(phase, Status.FAILED)
        if phase == "pdINF" and dual @ (expansion @ program.constant) < -1e3 * float(np.abs(program.cost).max()):
            status = Status.INFEASIBLE  # X is a ray along which the bound falls without end
        return vectors.result(
            program,
            self.name,
            status,
            vectors.fold(dual, program.linear, program.sizes),
            dual[: program.linear],
            seconds=perf_counter() - start,
            iterations=int(info["iteration"]),
            message=phase,
            solution=moments / constant_unit,
        )


class _Lists:
    """A sparse matrix as the binding reads it: lists of its columns' entries.

    The binding (0.2.3) keeps a reference to each list that it reads or makes, for ever. So the lists are emptied after
    a call: else a process grows by up to a megabyte with every call.
    """

    def __init__(self, matrix: Any) -> None:
        columns = sp.csc_array(matrix)
        columns.sort_indices()
        self.size_row, self.size_col = columns.shape
        self.values, self.rowind, self.colptr = (a.tolist() for a in (columns.data, columns.indices, columns.indptr))

    def clear(self) -> None:
        for entries in (self.values, self.rowind, self.colptr):
            entries.clear()


def _options(tolerance: float) -> dict[str, float | int | str | bool]:
    return {
        "maxIteration": 100,
        # Feasibility in SDPA's units, and relative gap. Ten times less of either, and it stalls on degenerate moment
        # matrices (CHSH at high levels) in up to 45 iterations, with a dual ten times worse.
        "epsilonStar": max(10 * tolerance, 1e-8),
        "epsilonDash": max(tolerance, 1e-9),
        "lambdaStar": _UNITS,  # start from X = S = lambdaStar times the identity
        "omegaStar": 2.0,
        "lowerBound": -1e5 * _UNITS,
        "upperBound": 1e5 * _UNITS,
        "betaStar": 0.1,
        "betaBar": 0.2,
        "gammaStar": 0.95,
        "mpfPrecision": 200,
        "isSymmetric": False,
        "isDimacs": False,
        "xPrint": "NOPRINT",
        "yPrint": "NOPRINT",
        "sPrint": "NOPRINT",
        "infPrint": "NOPRINT",
        "print": "no",
        "resultFile": "",
        "sdpaResult": "",
        "numThreads": 1,
    }
