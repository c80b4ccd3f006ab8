"""The interface that every solver implements, and the door through which every answer comes in.

**The door.** A certificate holds whatever the numbers of a dual are, but they must be numbers that can be computed
with. :func:`ask` refuses an answer whose dual is not finite, has other shapes than the program, or has an entry above
``LARGEST`` times the program's cost (or 1). Rounding alone is charged 2^-53 of a dual's size. So a dual 2^53 times as
large as the cost proves no more than the zero dual, and another 2^47 are left for the units of the data. Below this
limit, and below 2^900, the sums and products of a certificate do not overflow.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.conic.program import LinearMatrixInequality, SolverResult, Status
from sdpbound.errors import InvalidParameter, InvalidSolver, SolverFailure

__all__ = ["BROKEN", "DEFAULT_TOLERANCE", "LARGEST", "Solver", "ask", "numbers"]

DEFAULT_TOLERANCE = 1e-9

#: What a solver's package that is installed but broken raises when it is imported; the next solver is then asked.
BROKEN = (InvalidSolver, ImportError, OSError, RuntimeError, AttributeError)

#: See the module docstring.
LARGEST = 2.0**100


@dataclass(frozen=True, slots=True)
class Solver(ABC):
    """A solver and its settings, a value.

    Attributes
    ----------
    tolerance : float
        Relative accuracy asked of the solver. It decides how tight a bound is, never whether it holds.
    time_limit : float
        Seconds after which the solver is told to stop with what it has.
    """

    tolerance: float = 1e-9
    time_limit: float = 3600.0

    def __post_init__(self) -> None:
        for name, value, most in (("tolerance", self.tolerance, 0.1), ("time_limit", self.time_limit, math.inf)):
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 < value <= most:
                limit = f" and at most {most}" if most < math.inf else ""
                raise InvalidParameter(f"{name} = {value!r:.60} of a solver must be a number above 0{limit}.")

    @property
    @abstractmethod
    def name(self) -> str:
        """The solver's name, as the user writes it."""

    @classmethod
    @abstractmethod
    def installed(cls) -> bool:
        """Whether the package is importable here."""

    @abstractmethod
    def solve(self, program: LinearMatrixInequality) -> SolverResult:
        """Solve; raise :class:`sdpbound.errors.SolverFailure` if there is no dual at all to return."""


def ask(solver: Solver, program: LinearMatrixInequality) -> SolverResult:
    """Ask a solver, and return its answer if one can compute with it; raise SolverFailure if not.

    Matrices are made symmetric. A solution, which is only a hint, is left out where it is unfit.
    """
    result = solver.solve(program)
    largest = min(LARGEST * max(1.0, float(np.abs(program.cost).max(initial=0.0))), 2.0**900)
    linear, blocks = numbers(result.linear_dual, (program.linear,), largest), list(result.duals)
    duals = [
        (matrix + matrix.T) / 2.0
        for n, block in zip(program.sizes, blocks, strict=False)
        if (matrix := numbers(block, (n, n), largest)) is not None
    ]
    if linear is None or not len(duals) == len(blocks) == len(program.sizes):
        raise SolverFailure(
            f"{solver.name} returned a dual that is not finite, is absurdly large or has a wrong shape; "
            "try another solver or a larger tolerance."
        )
    no_optimum = result.status in (Status.INFEASIBLE, Status.UNBOUNDED)
    if math.isnan(result.objective) or (math.isinf(result.objective) and not no_optimum):
        raise SolverFailure(f"{solver.name} returned the objective {result.objective}; try another solver.")
    solution = numbers(result.solution, (program.variables,), largest)
    return replace(result, duals=tuple(duals), linear_dual=linear, solution=solution)


def numbers(array: Any, shape: tuple[int, ...], largest: float = LARGEST) -> Floats | None:
    """An array as floats; None if it is none of this shape with finite real entries of at most this size."""
    try:
        plain = np.asarray(array)
    except ValueError:  # rows of different lengths
        return None
    if plain.shape != shape or plain.dtype.kind not in "fiu":
        return None
    found = np.asarray(plain, dtype=np.float64)
    return found if bool((np.abs(found) <= largest).all()) else None  # a NaN is not
