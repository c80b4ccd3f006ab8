"""The interface that every solver implements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from sdpbound.conic.program import LinearMatrixInequality, SolverResult

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
