"""What the methods of bounding an entropy by programs share: solvers, data on the boundary, and the search's frame."""

from __future__ import annotations

import math
import time
from abc import ABC
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from sdpbound.adversaries import Quantum
from sdpbound.arrays import Floats
from sdpbound.bounds.separation import CERTIFIED_SEPARATION, raise_if_separated
from sdpbound.bounds.solving import TARGET_CORRECTION
from sdpbound.conic.program import LinearMatrixInequality, SolverResult, Status
from sdpbound.conic.solvers.choose import SolverChoice, first_answer
from sdpbound.conic.solvers.solver import DEFAULT_TOLERANCE
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.errors import SolverFailure
from sdpbound.npa.levels import Level

__all__ = ["EntropySearch", "rows_of", "solved"]

#: Distances towards white noise tried where the data are on the boundary of the set.
RETREATS = (1e-8, 1e-7, 1e-6, 1e-5)


class Attempt(Protocol):
    """A solved program and its proof."""

    @property
    def result(self) -> SolverResult: ...

    @property
    def bound(self) -> float:
        """What is proven, in bits."""

    @property
    def claimed(self) -> float:
        """What the solver says."""


A = TypeVar("A", bound=Attempt)


@dataclass(eq=False)
class EntropySearch(ABC, Generic[A]):
    """From few nodes and words to as many as the tolerance asks for: what has been tried."""

    question: EntropyQuestion
    tolerance: float
    seconds: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("assemble", "solve", "certify"), 0.0), kw_only=True
    )
    retreat: float = field(default=0.0, init=False)  # distance towards white noise at which the data are solved for
    attempts: list[A] = field(default_factory=list, init=False)
    inside: bool = field(default=False, init=False)  # whether no functional was found that separates the data

    @property
    def most(self) -> float:
        """What no entropy of the key exceeds, in bits."""
        return math.log2(self.question.outcomes)

    def accuracy(self, nodes_given: bool) -> float:
        """What is asked of the solver: less than nodes cost, for the last digits take long."""
        return DEFAULT_TOLERANCE if nodes_given else min(max(3e-4 * self.tolerance, DEFAULT_TOLERANCE), 1e-6)

    def keep_best(self, attempt: Callable[[float], A], level: Level) -> A:
        """The attempt at the data; where that proves little, the best of those at data a little closer to white noise.

        On the boundary of the set the program has no interior and every solver stalls. A functional that is optimal
        slightly inside is proven as well, and at the true data is off by little.
        """
        best = attempt(self.retreat)
        observed = self.question.observed
        doubtful = best.result.status is Status.INFEASIBLE or best.bound > self.most + CERTIFIED_SEPARATION
        if doubtful and len(observed) and not self.inside:
            raise_if_separated(observed, Quantum(level))
            self.inside = True
        allowed = max(TARGET_CORRECTION, 0.02 * self.tolerance)
        if len(observed) and not self.retreat and (doubtful or not abs(best.bound - best.claimed) <= allowed):
            for step in RETREATS:
                try:
                    other = attempt(step)
                except SolverFailure:  # what is proven already stands
                    break
                if other.bound > best.bound:
                    best, self.retreat = other, step
        self.attempts.append(best)
        return best


def solved(
    inequality: LinearMatrixInequality, choice: SolverChoice, accuracy: float, seconds: dict[str, float]
) -> SolverResult:
    """The first answer there is, of a solver whose time is linear in the number of nodes if there is one."""
    begun = time.perf_counter()
    try:
        return first_answer(choice, inequality, accuracy, lambda solver: solver.forms_schur_complement)
    finally:
        seconds["solve"] += time.perf_counter() - begun


def rows_of(factor: Floats) -> list[list[float]]:
    return [row[: i + 1].tolist() for i, row in enumerate(factor)]
