"""The compiled loops of :mod:`sdpbound.conic.compiled_moments` as a solver that one can name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sdpbound.conic.program import LinearMatrixInequality, SolverResult
from sdpbound.conic.solvers.solver import Solver
from sdpbound.errors import SolverFailure

__all__ = ["Moments"]


@dataclass(frozen=True, slots=True)
class Moments(Solver):
    """For many small programs: moment matrices of two outcomes with up to 30 rows, in a millisecond or two each.

    Where a program is none of these, or the loops do not reach 1e-8, the best installed solver has the next word. So
    any program may be given to it. Loading takes half a second; compiling, once on a machine, some ten.
    """

    package: ClassVar[str] = "numba"
    module: ClassVar[str] = "numba"
    license: ClassVar[str] = "BSD-2-Clause"
    of_moments: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return "moments"

    def solve(self, program: LinearMatrixInequality) -> SolverResult:
        raise SolverFailure("moments: this is no program of one small moment matrix for each guess")
