"""The search of the methods that bound an entropy by programs: levels, nodes, solvers, and data on the boundary.

A method is a subclass of :class:`EntropySearch` that writes programs (:class:`EntropyProgram`) and says in
``improve`` which levels and nodes to try; solving, certifying, moving data off the boundary of the set, and making a
bound of the best proof are the same for all.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from sdpbound.adversaries import Quantum
from sdpbound.arrays import Floats
from sdpbound.bounds.boundary import towards_noise
from sdpbound.bounds.separation import CERTIFIED_SEPARATION, raise_if_separated
from sdpbound.bounds.solving import TARGET_CORRECTION
from sdpbound.conic.program import SolverResult, Status
from sdpbound.conic.programs.shared import SharedData, SharedDual, SharedProgram
from sdpbound.conic.solvers.choose import SolverChoice, first_answer
from sdpbound.conic.solvers.solver import DEFAULT_TOLERANCE
from sdpbound.entropies.entropy import EntropyBound, no_less_than_trivial
from sdpbound.entropies.proof import ProgramProof
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.entropies.words import words_of_level
from sdpbound.errors import SolverFailure
from sdpbound.npa.levels import Level

__all__ = ["Attempt", "EntropyProgram", "EntropySearch"]

#: Distances towards white noise tried where the data are on the boundary of the set.
ENTROPY_RETREATS = (1e-8, 1e-7, 1e-6, 1e-5)


class EntropyProgram(Protocol):
    """What a method writes: a program whose duals bound minus the entropy of a question, for some nodes."""

    @property
    def nodes(self) -> Floats:
        """(N,)"""

    @property
    def reduced(self) -> SharedProgram[Any, Any, Any]:
        """Of the program's structure, shared between points."""

    def data(self, values: Floats, tolerances: Floats) -> SharedData:
        """The program's data for these tested values."""

    def claimed(self, result: SolverResult) -> float:
        """The entropy in bits that a solver says."""

    def entries(self, dual: Any) -> dict[str, Any]:
        """What a certificate says of a dual, beside its multipliers."""


P = TypeVar("P", bound=EntropyProgram)
A = TypeVar("A", bound="Attempt[Any]")


@dataclass(frozen=True, eq=False)
class Attempt(Generic[P]):
    """One solved program and its proof."""

    question: EntropyQuestion
    program: P
    level: Level
    result: SolverResult
    dual: SharedDual

    @property
    def bound(self) -> float:
        """What is proven, in bits."""
        return -self.dual.value

    @property
    def claimed(self) -> float:
        """What the solver says."""
        return self.program.claimed(self.result)

    @property
    def gap(self) -> float:
        """Bits by which more nodes could raise the bound, at most; nan if unknown."""
        return math.nan


@dataclass(eq=False)
class EntropySearch(ABC, Generic[P, A]):
    """From few nodes and words to as many as the tolerance asks for: what has been tried.

    Attributes
    ----------
    question, tolerance : what is asked, and how many bits it may be off
    level, nodes, solver : as in :class:`sdpbound.VonNeumann`
    attempt_type : of the class, how a solved program is read
    worth : of the class, part of the tolerance that a higher level must gain at few nodes to be worth its time
    """

    attempt_type: ClassVar[type[Attempt[Any]]] = Attempt
    worth: ClassVar[float]

    question: EntropyQuestion
    tolerance: float
    level: Level | None
    nodes: int | tuple[float, ...] | None
    solver: SolverChoice
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("assemble", "solve", "certify"), 0.0))
    retreat: float = field(default=0.0, init=False)  # distance towards white noise at which the data are solved for
    attempts: list[A] = field(default_factory=list, init=False)
    inside: bool = field(default=False, init=False)  # whether no functional was found that separates the data

    @abstractmethod
    def improve(self) -> None:
        """Make attempts until the tolerance is met, or nothing better is to be had."""

    @abstractmethod
    def program(self, level: Level, nodes: Any) -> P:
        """Write the program of a level, for some nodes or a number of them."""

    def run(self) -> EntropyBound:
        """The best bound of all attempts."""
        try:
            self.improve()
        except SolverFailure:  # what is proven already stands
            if not self.attempts:
                raise
        best = max(self.attempts, key=lambda attempt: attempt.bound)  # near the boundary not always the last
        if best.bound > self.most:
            return replace(self, question=self.question.widened()).run()
        return self._as_bound(best)

    @property
    def most(self) -> float:
        """The largest entropy that the key can have, in bits."""
        return math.log2(self.question.outcomes)

    def levels(self, names: Sequence[str], most_words: int) -> list[Level]:
        """The levels worth trying: the one asked for, else those with few words, but at least the first."""
        if self.level is not None:
            return [self.level]
        few = [n for n in names if len(words_of_level(self.question.scenario, n)) <= most_words]
        return list(few or names[:1])

    def climbed(self, levels: Sequence[Level], best: A, higher: Callable[[Level, A], A]) -> tuple[Level, A]:
        """A level that is good enough, as far as few nodes tell, and what it proves; ``best`` is of the first."""
        level = levels[0]
        for next_one in levels[1:]:
            other = higher(next_one, best)
            if other.bound - best.bound <= self.worth * self.tolerance:
                break
            level, best = next_one, other
        return level, best

    def solve(self, level: Level, nodes: Any) -> A:
        """Solve and certify; where that proves little, at data a little closer to white noise, and keep the best.

        On the boundary of the set the program has no interior and every solver stalls. A functional that is optimal
        slightly inside is proven as well, and at the true data is off by little.
        """
        begun = time.perf_counter()
        program = self.program(level, nodes)
        self.seconds["assemble"] += time.perf_counter() - begun
        best = self._attempt(program, level, self.retreat)
        observed = self.question.observed
        doubtful = best.result.status is Status.INFEASIBLE or best.bound > self.most + CERTIFIED_SEPARATION
        if doubtful and len(observed) and not self.inside:
            raise_if_separated(observed, Quantum(level))
            self.inside = True
        allowed = max(TARGET_CORRECTION, 0.02 * self.tolerance)
        if len(observed) and not self.retreat and (doubtful or not abs(best.bound - best.claimed) <= allowed):
            for step in ENTROPY_RETREATS:
                try:
                    other = self._attempt(program, level, step)
                except SolverFailure:  # what is proven already stands
                    break
                if other.bound > best.bound:
                    best, self.retreat = other, step
        self.attempts.append(best)
        return best

    def _attempt(self, program: P, level: Level, retreat: float) -> A:
        """Solve at data moved towards white noise, certify at the data."""
        observed = self.question.observed
        begun = time.perf_counter()
        moved = towards_noise(observed, retreat)
        inequality = program.reduced.inequality(program.data(moved, observed.tolerances))
        assembled = time.perf_counter()
        self.seconds["assemble"] += assembled - begun
        # time is linear in the number of nodes for a solver that forms the Schur complement
        try:
            result = first_answer(self.solver, inequality, self._accuracy(), lambda s: s.forms_schur_complement)
        finally:
            solved = time.perf_counter()
            self.seconds["solve"] += solved - assembled
        dual = program.reduced.certify(program.data(observed.values, observed.tolerances), result.duals)
        self.seconds["certify"] += time.perf_counter() - solved
        return self.attempt_type(self.question, program, level, result, dual)  # type: ignore[return-value]

    def _accuracy(self) -> float:
        """What is asked of the solver: less than nodes cost, for the last digits take long."""
        if self.nodes is not None:
            return DEFAULT_TOLERANCE
        return min(max(3e-4 * self.tolerance, DEFAULT_TOLERANCE), 1e-6)

    def _as_bound(self, best: A) -> EntropyBound:
        model = Quantum(best.level)
        proof = ProgramProof(self.question, model, best.program, best.dual)
        value, shown = no_less_than_trivial(best.bound + 0.0, proof, self.question, model)
        return EntropyBound(
            value=value,
            side="lower",
            merit=self.question.figure,
            model=model,
            solver_value=best.claimed,
            solver=best.result.solver,
            status=best.result.status.value,
            seconds=self.seconds,
            _proof=shown,
            nodes=tuple(float(t) for t in best.program.nodes),
            quadrature_gap=best.gap,
        )
