"""The interface that every solver implements, and the door through which every answer comes in.

**A solver's virtues** are attributes of its class: what to install, which programs it takes, where it is good. Callers
ask for these and for no solver's name, so a solver is its class and one line in :data:`sdpbound.conic.solvers.SOLVERS`;
one of another package is its class and an entry point of the group "sdpbound.solvers".

**The door.** A certificate holds whatever the numbers of a dual are, but they must be numbers that can be computed
with. :func:`ask` refuses an answer whose dual is not finite, has other shapes than the program, or has an entry above
``LARGEST`` times the program's cost (or 1). Rounding alone is charged 2^-53 of a dual's size. So a dual 2^53 times as
large as the cost proves no more than the zero dual, and another 2^47 are left for the units of the data. Below this
limit, and below 2^900, the sums and products of a certificate do not overflow.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.conic.program import LinearMatrixInequality, SolverResult, Status
from sdpbound.errors import InvalidParameter, InvalidSolver, SolverFailure
from sdpbound.limiting import doing, go_on, is_limited, require_time, time_left

__all__ = ["BROKEN", "DEFAULT_TOLERANCE", "LARGEST", "Solver", "ask", "interior_seconds", "numbers"]

DEFAULT_TOLERANCE = 1e-9

#: What a solver's package that is installed but broken raises when it is imported; the next solver is then asked.
BROKEN = (InvalidSolver, ImportError, OSError, RuntimeError, AttributeError)

#: See the module docstring.
LARGEST = 2.0**100
#: A solver that cannot stop with what it has is asked in a process of its own where a limit is set and it takes longer,
#: by its estimate; a process takes about a second to start.
ALONE = 2.0
#: Seconds of an answer, by a rough estimate, that are worth a line of progress of their own.
LONG = 1.0


@dataclass(frozen=True, slots=True)
class Solver(ABC):
    """A solver and its settings, a value. A subclass has a ``name``, a method ``solve``, and says its virtues.

    Attributes
    ----------
    package : str, of the class
        What brings the solver, as ``pip install`` knows it; "" if nothing has to be installed.
    module : str, of the class
        What is imported from it, by which :meth:`installed` tells whether it is there.
    license : str, of the class
        Of the package.
    linear_only : bool, of the class
        Whether it takes no programs with semidefinite blocks.
    first_order : bool, of the class
        Whether its duals are of few digits: the last resort, for it improves on no interior-point dual.
    good_on_boundary : bool, of the class
        Whether it gives many digits, fast, where the program has (nearly) no interior, as for data on the boundary.
    precise : bool, of the class
        Whether its dual meets the tolerance asked for in a well-scaled program, whatever the size of the data.
    eliminates_groups : bool, of the class
        Whether it uses that columns fall into groups (``LinearMatrixInequality.shared``): its time is then linear in
        the number of groups, and it is asked first where there are many.
    stops : bool, of the class
        Whether it ends at its ``time_limit`` with the last dual that it has.
    example : str, of the class
        An example of the solvers that stand behind it, each named "name:BACKEND"; "" if it is one solver.
    tolerance : float
        Relative accuracy asked of the solver. It decides how tight a bound is, never whether it holds.
    time_limit : float
        Seconds after which the solver is told to stop with what it has.

    >>> from dataclasses import dataclass
    >>> import sdpbound as sb
    >>> @dataclass(frozen=True)
    ... class Mine(sb.Clarabel):
    ...     @property
    ...     def name(self):
    ...         return "mine"
    >>> sb.maximize(sb.chsh(), sb.Quantum("1"), solver=Mine()).solver
    'mine'
    """

    package: ClassVar[str] = ""
    module: ClassVar[str] = ""
    license: ClassVar[str] = ""
    linear_only: ClassVar[bool] = False
    first_order: ClassVar[bool] = False
    good_on_boundary: ClassVar[bool] = False
    precise: ClassVar[bool] = False
    eliminates_groups: ClassVar[bool] = False
    stops: ClassVar[bool] = True
    example: ClassVar[str] = ""

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
    def installed(cls) -> bool:
        """Whether the package is importable here."""
        return not cls.module or find_spec(cls.module) is not None

    @classmethod
    def wanted(cls) -> str:
        """What ``pip install`` is to be told to bring the package to this Python."""
        return cls.package

    @classmethod
    def rank(cls, sizes: tuple[int, ...]) -> float | None:
        """Its place among the solvers that are tried where none is named, the lowest first; None: it is not tried.

        Parameters
        ----------
        sizes : rows of each semidefinite block of the program; none for a linear program
        """
        return None

    @classmethod
    def seconds(cls, program: LinearMatrixInequality) -> float:
        """Rough CPU seconds of an answer, asked of solvers that do not stop; nan if nothing is known."""
        return math.nan

    @classmethod
    def named(cls, backend: str, settings: Mapping[str, float]) -> Solver:
        """The solver with these settings; ``backend``, in capitals, for a class that has an ``example`` of it."""
        return cls(**settings)

    @abstractmethod
    def solve(self, program: LinearMatrixInequality) -> SolverResult:
        """Solve; raise :class:`sdpbound.errors.SolverFailure` if there is no dual at all to return."""


def interior_seconds(program: LinearMatrixInequality) -> float:
    """Rough CPU seconds of an interior-point method without regard for groups of columns.

    Measured with SDPA on moment matrices of up to 88 rows, with symmetry and without it (one thread): 0.5 to 3 times as
    long. In 20 steps the Schur complement is factorised, and formed from single entries or from products of whole
    blocks.
    """
    moments, entries = float(program.variables), float(program.matrix.nnz)
    whole = sum(moments * n**3 + moments**2 * n**2 for n in program.sizes)
    formed = min(1e-9 * entries**2, 1e-9 * whole)
    return 20.0 * (moments**3 / 9e9 + formed + 1e-8 * sum(n**3 for n in program.sizes))


def ask(solver: Solver, program: LinearMatrixInequality) -> SolverResult:
    """Ask a solver, and return its answer if one can compute with it; raise SolverFailure if not.

    Matrices are made symmetric. A solution, which is only a hint, is left out where it is unfit. Within limits
    (:func:`sdpbound.limits`) the solver gets the time that is left, and its answer says where that cut it short; raises
    TimeIsUp where none is left, and where a solver that cannot stop with what it has is not done in time.
    """
    require_time()
    if is_limited():
        blocks_of = f" in {len(program.sizes)} blocks of up to {max(program.sizes)} rows" if program.sizes else ""
        with doing(f"{solver.name}: {program.variables} moments{blocks_of}", long=interior_seconds(program) > LONG):
            result = _in_time(solver, program)
    else:
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


def _in_time(solver: Solver, program: LinearMatrixInequality) -> SolverResult:
    """The answer within the time that is left."""
    left = time_left()
    seconds = math.nan if solver.stops else solver.seconds(program)
    if not solver.stops and not seconds <= min(ALONE, 0.5 * left):
        from sdpbound.conic.solvers.apart import solve_apart  # here, as it asks this module in the other process

        return solve_apart(solver, program)
    try:
        result = (replace(solver, time_limit=max(left, 1e-3)) if left < solver.time_limit else solver).solve(program)
    except SolverFailure:
        require_time()  # what a solver that was cut short says is of no use
        raise
    # first-order solvers, and ours, call it almost solved where they were near
    if result.status in (Status.STOPPED, Status.ALMOST_SOLVED) and not go_on():
        return replace(result, status=Status.OUT_OF_TIME)
    return result


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
