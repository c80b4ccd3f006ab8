"""What the methods of bounding an entropy by programs share: solvers, data on the boundary, and the search's frame."""

from __future__ import annotations

import math
import time
from abc import ABC
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, TypeVar

import numpy as np

from sdpbound.adversaries import Quantum
from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.observations import Observations
from sdpbound.bounds.separation import CERTIFIED_SEPARATION, raise_if_separated, threshold_scale
from sdpbound.bounds.solving import TARGET_CORRECTION, SolverChoice
from sdpbound.conic.program import LinearMatrixInequality, SolverResult, Status
from sdpbound.conic.solvers.choose import by_name, candidates
from sdpbound.conic.solvers.solver import BROKEN, DEFAULT_TOLERANCE, Solver, ask
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.errors import InvalidSolver, SolverFailure
from sdpbound.npa.levels import Level

__all__ = ["EntropySearch", "first_answer", "rows_of", "towards_noise", "widened"]

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
        """The largest entropy that the key can have, in bits."""
        return math.log2(self.question.outcomes)

    def accuracy(self, nodes_given: bool) -> float:
        """The accuracy asked of the solver: less than nodes cost, since the last digits take long."""
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


def first_answer(
    inequality: LinearMatrixInequality, choice: SolverChoice, accuracy: float, seconds: dict[str, float]
) -> SolverResult:
    """The answer of the solver asked for, or of the first solver that has one."""
    failures = []
    for solver in solvers_for(choice, inequality, accuracy):
        begun = time.perf_counter()
        try:
            return ask(solver, inequality)
        except SolverFailure as failure:
            failures.append(str(failure))
        except BROKEN as failure:
            if choice is not None:
                raise
            failures.append(f"{solver.name}: {type(failure).__name__} {failure}")
        finally:
            seconds["solve"] += time.perf_counter() - begun
    raise SolverFailure(
        f"no solver gave a usable dual ({'; '.join(failures)}); try another one with solver=..., or a lower level."
    )


def solvers_for(choice: SolverChoice, inequality: LinearMatrixInequality, tolerance: float) -> Sequence[Solver]:
    """The solver asked for, or those worth trying: SDPA first, for its time is linear in the number of nodes."""
    if choice is None:
        return sorted(candidates(inequality, tolerance), key=lambda s: s.name != "sdpa")
    if isinstance(choice, str):
        return (by_name(choice, tolerance),)
    if isinstance(choice, Solver):
        return (choice,)
    raise InvalidSolver(f"solver = {choice!r} must be a name such as 'sdpa', a Solver, or None for the best installed.")


def widened(question: EntropyQuestion) -> EntropyQuestion:
    """Data that are outside the set by too little to be called infeasible, with tolerances that reach into the set."""
    observed = question.observed
    wider = np.maximum(4.0 * observed.tolerances, CERTIFIED_SEPARATION * threshold_scale(observed))
    if not len(observed) or float(wider.max()) > 1e-6 * max(1.0, float(np.abs(observed.values).max())):
        raise SolverFailure(
            "the tested data are outside the set by an amount that no solver resolves; move them inside, or test "
            "fewer values."
        )
    wide = replace(observed, tolerances=wider)
    return replace(question, observed=wide, given=question.given or observed)


def towards_noise(observed: Observations, distance: float) -> Floats:
    """Tested values a little closer to those of white noise."""
    noise = Behaviour.uniform(observed.scenario).moments
    centre = np.tensordot(observed.coefficients, noise, axes=noise.ndim)
    return np.asarray((1.0 - distance) * observed.values + distance * centre)


def rows_of(factor: Floats) -> list[list[float]]:
    return [row[: i + 1].tolist() for i, row in enumerate(factor)]
