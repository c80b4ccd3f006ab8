"""The interface that every solver implements."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from sdpbound.conic.program import LinearMatrixInequality, SolverResult
from sdpbound.errors import InvalidParameter

__all__ = ["Solver"]


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
