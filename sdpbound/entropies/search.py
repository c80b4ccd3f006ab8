"""The search that all methods share which bound an entropy by programs.

A method is a subclass of :class:`EntropySearch`. The subclass writes programs (:class:`EntropyProgram`), and its
``improve`` chooses the levels and nodes to try. The base class solves, certifies, moves data off the boundary of the
set, and makes a bound of the best proof.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from sdpbound.adversaries import Quantum
from sdpbound.arrays import Floats
from sdpbound.bounds.boundary import towards_noise
from sdpbound.bounds.rounding import rounded
from sdpbound.bounds.separation import CERTIFIED_SEPARATION, raise_if_separated
from sdpbound.bounds.solving import TARGET_CORRECTION
from sdpbound.bounds.used_symmetry import UsedSymmetry
from sdpbound.conic.program import SolverResult, StartingPoint, Status
from sdpbound.conic.programs.shared import SharedData, SharedDual, SharedProgram
from sdpbound.conic.solvers.choose import SolverChoice, first_answer
from sdpbound.conic.solvers.solver import DEFAULT_TOLERANCE
from sdpbound.entropies.entropy import INACCURATE, EntropyBound, no_less_than_trivial
from sdpbound.entropies.proof import ProgramProof
from sdpbound.entropies.qubits.entropy import attained
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.entropies.words import words_of_level
from sdpbound.errors import InvalidLevel, SolverFailure, TimeIsUp
from sdpbound.limiting import doing, note, proven, require_time
from sdpbound.npa.levels import Level, normalise_level

__all__ = ["Attempt", "EntropyProgram", "EntropySearch"]

#: Distances towards white noise to try where the data are on the boundary of the set.
ENTROPY_RETREATS = (1e-8, 1e-7, 1e-6, 1e-5)
#: The accuracy of a program where another one begins, and what may be lost of what the solver says. With 1e-2 the other
#: one takes three or four steps more, and with 1e-3 as many if it comes out badly.
ROUGHLY, ALLOWED_ROUGHLY = 3e-4, 0.03
#: CPU seconds, by a rough estimate, of a level that is tried though the one before gained little.
CHEAP = 1.0


class EntropyProgram(Protocol):
    """A program that a method writes for given nodes; its duals bound minus the entropy of a question from above."""

    @property
    def nodes(self) -> Floats:
        """The nodes (N,) of the program."""

    @property
    def reduced(self) -> SharedProgram[Any, Any, Any]:
        """The structure of the program; points with other tested values share it."""

    def data(self, values: Floats, tolerances: Floats) -> SharedData:
        """The program's data for these tested values."""

    def claimed(self, result: SolverResult) -> float:
        """The entropy in bits that the solver reports; it is not proven."""

    @property
    def symmetry(self) -> UsedSymmetry | None:
        """The symmetry that the program is reduced by; None where none but flips was looked for."""

    def entries(self, dual: Any) -> dict[str, Any]:
        """The entries of a certificate that describe this dual, without its multipliers."""


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
        """The proven lower bound, in bits."""
        return -self.dual.value

    @property
    def claimed(self) -> float:
        """The entropy in bits that the solver reports; it is not proven."""
        return self.program.claimed(self.result)

    @property
    def gap(self) -> float:
        """The most, in bits, by which more nodes could raise the bound; nan if unknown."""
        return math.nan


@dataclass(eq=False)
class EntropySearch(ABC, Generic[P, A]):
    """A search from few nodes and words to as many as the tolerance needs, with its attempts.

    Attributes
    ----------
    question, tolerance : the question, and how many bits the answer may be off
    level, nodes, solver : as in :class:`sdpbound.VonNeumann`
    limit : the rough CPU seconds that one program may take; a larger program is not tried, but the first is
    known : attempts of earlier searches of the same question, by what they are; None to keep none
    attempt_type : class attribute, the type of the attempts
    few_nodes : class attribute, the number of nodes with which levels are compared
    allowed : class attribute; the part of the tolerance that a proof may lose of what a solver says
    worth : class attribute; a higher level is kept if, with few nodes, it gains more than this part of the tolerance
    """

    attempt_type: ClassVar[type[Attempt[Any]]] = Attempt
    worth: ClassVar[float]
    few_nodes: ClassVar[int]
    allowed: ClassVar[float] = 0.02

    question: EntropyQuestion
    tolerance: float
    level: Level | None
    nodes: int | tuple[float, ...] | None
    solver: SolverChoice
    limit: float = math.inf
    known: dict[object, Any] | None = None
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("assemble", "solve", "certify"), 0.0))
    retreat: float = field(default=0.0, init=False)  # distance towards white noise of the data that are solved
    attempts: list[A] = field(default_factory=list, init=False)
    inside: bool = field(default=False, init=False)  # whether a test found no functional that separates the data

    words_gain: float = field(default=math.nan, init=False)  # bits that the last level gained at few nodes
    cut: bool = field(default=False, init=False)  # whether the time was over before the search was
    rough: bool = field(default=False, init=False)  # whether the next program is only where another one begins

    @abstractmethod
    def improve(self) -> None:
        """Make attempts until the tolerance is met or further attempts gain nothing."""

    @abstractmethod
    def cost(self, level: Level, nodes: int) -> float:
        """Rough CPU seconds of one program."""

    @abstractmethod
    def program(self, level: Level, nodes: Any) -> P:
        """Write the program of a level, for given nodes or for a number of nodes."""

    def run(self) -> EntropyBound:
        """Search, and return the best bound of all attempts."""
        search, best = self.searched()
        return search.as_bound(best)

    def searched(self) -> tuple[Self, A]:
        """The best of all attempts, and the search that made it: this one, or that of data with wider tolerances."""
        with doing(self.question.figure.words):
            try:
                self.improve()
            except SolverFailure as failure:  # the earlier attempts are still proven
                if not self.attempts:
                    raise
                self.cut |= isinstance(failure, TimeIsUp)
        best = max(self.attempts, key=lambda attempt: attempt.bound)  # the last is not always the best
        if best.bound > self.most and not self.cut:
            return replace(self, question=self.question.widened()).searched()
        return self, best

    def words(self, level: Level) -> int:
        """How many words a program of a level has."""
        return len(words_of_level(self.question.scenario, normalise_level(level), self.needed))

    @property
    def needed(self) -> NDArray[np.bool_]:
        """The coordinates that the tests and the key need."""
        used = np.any([*np.abs(self.question.observed.coefficients), *np.abs(self.question.effects)], axis=0)
        return np.asarray(used, dtype=np.bool_)

    @property
    def most(self) -> float:
        """The largest entropy that the key can have, in bits."""
        return self.question.most

    def levels(self, names: Sequence[Level], most_words: int) -> list[Level]:
        """The levels to try: the user's level, else those of at most ``most_words`` words, but at least the first."""
        if self.level is not None:
            return [self.level]
        return [n for n in names if self._fits(n, most_words)] or [names[0]]

    def _fits(self, level: Level, most_words: int) -> bool:
        try:
            return self.words(level) <= most_words
        except InvalidLevel:  # it has more words than are ever written
            return False

    def climbed(self, levels: Sequence[Level], best: A, higher: Callable[[Level, A], A]) -> tuple[Level, A]:
        """Go up the levels until two gain little or one costs too much; return the last one worth it and its attempt.

        ``best`` is the attempt at the first level. ``higher`` makes the attempt at a further level. One level that
        gains little does not show that the next one does; it is tried as well where it is cheap.
        """
        level, stalled = levels[0], False
        for next_one in levels[1:]:
            if stalled and not self.is_cheap(next_one):
                break
            if self.limit < math.inf and self.cost(next_one, self.few_nodes) > self.limit:
                self.words_gain = self.words_gain if stalled else math.nan
                break
            other = higher(next_one, best)
            self.words_gain = max(other.bound - best.bound, 0.0)
            if self.words_gain > self.worth * self.tolerance:
                level, best, stalled = next_one, other, False
            elif stalled:
                break
            else:
                stalled = True
        return level, best

    def is_cheap(self, level: Level) -> bool:
        """Whether a level is so cheap with few nodes that it is tried though it may gain little."""
        return self.cost(level, self.few_nodes) <= CHEAP

    def solve(self, level: Level, nodes: Any) -> A:
        """Solve and certify at the data and, if that proves little, also at data closer to white noise; keep the best.

        On the boundary of the set the program has no interior, and every solver stalls. A functional that is optimal
        slightly inside the set is a proof as well, and it loses little at the true data.
        """
        name, known = self.name(level, nodes), {} if self.known is None else self.known
        if name not in known:
            known[name] = self._solved(level, nodes), self.retreat
        best: A
        best, self.retreat = known[name]
        self.attempts.append(best)
        top = max(attempt.bound for attempt in self.attempts)
        proven(lambda: rounded(top, "lower", 6))
        return best

    def name(self, level: Level, nodes: Any) -> tuple[object, ...]:
        """What tells an attempt from others of the question."""
        return level, np.asarray(nodes).tobytes(), self.retreat, self.question.given is None, self.rough

    def _solved(self, level: Level, nodes: Any) -> A:
        """The better of the attempts at the data and at data closer to white noise."""
        require_time()
        begun = time.perf_counter()
        with doing(f"level {Quantum(level).label}"):
            note("writing the program")
            program = self.program(level, nodes)
            self.seconds["assemble"] += time.perf_counter() - begun
            best = self._attempt(program, level, self.retreat)
        observed = self.question.observed
        doubtful = best.result.status is Status.INFEASIBLE or best.bound > self.most + CERTIFIED_SEPARATION
        if doubtful and len(observed) and not self.inside:
            raise_if_separated(observed, Quantum(level))
            self.inside = True
        allowed = max(TARGET_CORRECTION, self.allowed * self.tolerance, ALLOWED_ROUGHLY * self.rough)
        if len(observed) and not self.retreat and (doubtful or not abs(best.bound - best.claimed) <= allowed):
            for step in ENTROPY_RETREATS:
                try:
                    other = self._attempt(program, level, step)
                except TimeIsUp:
                    self.cut = True
                    break
                except SolverFailure:  # the best attempt so far is still proven
                    break
                if other.bound > best.bound:
                    best, self.retreat = other, step
        return best

    def _attempt(self, program: P, level: Level, retreat: float) -> A:
        """Solve at data moved towards white noise, and certify at the data themselves."""
        observed = self.question.observed
        begun = time.perf_counter()
        moved = towards_noise(observed, retreat)
        data = program.data(moved, observed.tolerances)
        shape = f"{len(program.nodes)} nodes" if len(program.nodes) else ""

        def claimed(value: float) -> float:
            return program.claimed(SolverResult("", Status.STOPPED, (), np.zeros(0), value, 0.0))

        with doing(shape, claimed):
            result = self.answer(program, data) if self.solver is None else None
            if result is None:
                result = self.solver_answer(program, data)
        solved = time.perf_counter()
        self.seconds["solve"] += solved - begun
        own = program.data(observed.values, observed.tolerances)
        dual = program.reduced.certify(own, result.duals, result.linear_dual)
        self.seconds["certify"] += time.perf_counter() - solved
        return self.attempt_type(self.question, program, level, result, dual)  # type: ignore[return-value]

    def solver_answer(self, program: P, data: Any) -> SolverResult:
        """The answer of a solver of cone programs."""
        begun = time.perf_counter()
        inequality = replace(program.reduced.inequality(data), start=self.start(program))
        self.seconds["assemble"] += (written := time.perf_counter() - begun)
        self.seconds["solve"] -= written
        # a solver that eliminates one node after the other takes a time linear in their number
        return first_answer(self.solver, inequality, self._accuracy(), lambda s: s.eliminates_groups)

    def answer(self, program: P, data: Any) -> SolverResult | None:
        """The answer of a method's own steps, where no solver is asked for; None for that of solvers."""
        return None

    def start(self, program: P) -> StartingPoint | None:
        """Where a solver may begin, from what is solved; None for nowhere."""
        return None

    def _accuracy(self) -> float:
        """The accuracy asked of the solver: a little finer than the loss by nodes, as the last digits take long."""
        if self.rough:
            return ROUGHLY
        if self.nodes is not None:
            return DEFAULT_TOLERANCE
        return min(max(3e-4 * self.tolerance, DEFAULT_TOLERANCE), 1e-6)

    @cached_property
    def attained(self) -> float:
        """The entropy in bits of an explicit mixture of qubit strategies with the data; infinite if none is known."""
        chosen = self.level is not None or self.nodes is not None
        return math.inf if chosen else attained(self.question, 0.1 * self.tolerance)

    def is_far(self, best: A) -> bool:
        """Whether an attempt is known to be further below the entropy than the tolerance."""
        return self.tolerance < self.attained - best.bound < math.inf

    def gap_of(self, best: A) -> float:
        """Bits that the entropy may be above an attempt: up to an attack if one is known, else estimated."""
        if self.attained < math.inf:
            return max(self.attained - best.bound, 0.0)
        return self.estimated_gap(best)

    def estimated_gap(self, best: A) -> float:
        """Bits that the entropy may be above an attempt, as far as nodes and words tell; nan if they tell nothing."""
        return best.gap + self.words_gain

    def as_bound(self, best: A) -> EntropyBound:
        """The bound of an attempt, or the trivial one where it is not less."""
        model = Quantum(best.level)
        proof = ProgramProof(self.question, model, best.program, best.dual)
        value, shown = no_less_than_trivial(best.bound + 0.0, proof, self.question, model)
        cut = best.result.status is Status.OUT_OF_TIME
        gap = math.nan if cut else self.gap_of(best)  # what it says of a dual that is not the best one is not true
        if gap > self.most - value:  # no entropy is larger; a first level may have proven nothing
            gap = max(self.most - value, 0.0)
        status = best.result.status.value
        chosen = self.level is not None or self.nodes is not None  # a program was asked for, not an accuracy
        if best.result.status is Status.SOLVED and not chosen and not gap <= self.tolerance:
            status = INACCURATE
        if self.cut or any(attempt.result.status is Status.OUT_OF_TIME for attempt in self.attempts):
            status = Status.OUT_OF_TIME.value
        return EntropyBound(
            value=value,
            side="lower",
            merit=self.question.figure,
            model=model,
            solver_value=best.claimed,
            solver=best.result.solver,
            status=status,
            seconds=self.seconds,
            _proof=shown,
            nodes=tuple(float(t) for t in best.program.nodes),
            quadrature_gap=best.gap,
            gap=gap if math.isfinite(gap) else math.nan,
        )
