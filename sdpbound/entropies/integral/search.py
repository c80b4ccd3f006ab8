"""Search for the level and the nodes of the projective method, from few words and nodes to as many as needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bell.key import outcomes_of_key
from sdpbound.conic.program import StartingPoint, Status
from sdpbound.conic.solvers.choose import SolverChoice
from sdpbound.entropies.entropy import EntropyBound
from sdpbound.entropies.integral.assemble import (
    IntegralProgram,
    assemble_entropy,
    entropy_shape,
    forms,
    order_of_symmetry,
)
from sdpbound.entropies.quadrature import Chords
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.entropies.search import Attempt, EntropySearch
from sdpbound.entropies.words import key_level, levels_of_key, nested_level
from sdpbound.npa.levels import Level

__all__ = ["LEVELS", "LEVELS_OF_BOTH", "MOST_NODES", "Effort", "projective_cost", "projective_entropy"]

#: The levels to try where the user gives none, for a key of Alice's outcome and for a key of both outcomes; the words
#: of KEY are those of the next level less products of two of Alice's letters that begin with a letter of the key. The
#: last level is tried only for a tolerance below 1e-3 bits, or of 1e-3 if the key is not Alice's outcome alone.
#: Measured losses in bits, for Alice's outcome: "1+AB" is exact for CHSH, and loses 4e-4 for three chained settings,
#: 9e-3 for those of I3322 and more than 4e-2 for CGLMP with three outcomes, all at visibility 0.98; KEY loses nothing
#: that is seen of the first three. For both outcomes and CHSH the first level loses up to 3e-2 and the second up to
#: 1e-3.
KEY = "key"
LEVELS = ("1+AB", KEY, "1+AB+AA+AAB", "1+AB+AA+AAB+AAA+AAAB")
#: The same for more outcomes than two of Alice, where a step of few words is worth its time. With two settings of
#: Alice, and a symmetry of all outcomes, KEY are the products that do begin with the key: of CGLMP's settings with six
#: nodes 1.3530 bits and half the time, where those that do not have 1.3501, none 1.3249, and both together 1.3670.
LEVELS_OF_MANY = ("1+AB", "1+AB+AA", *LEVELS[1:])
LEVELS_OF_BOTH = ("1+AB", "2+AAB+ABB", "2+AAB+ABB+AABB")
#: The search tries a level by itself only if it has at most so many words; more where a symmetry of at least this order
#: makes the blocks small.
MOST_WORDS = 90
MOST_SYMMETRIC_WORDS, SYMMETRIC = 160, 6
#: A level has as many nodes as the tolerance needs, placed by a rough solution of few, if it costs more than HEAVY
#: times the level below, and if that one gained more than CLEAR times the tolerance: its own gain is not in doubt.
HEAVY, CLEAR = 2.5, 4.0
#: A gap of nodes this close to what is allowed is not worth another program of as many nodes.
CLOSE = 1.25
#: From few nodes so many times more are placed at most.
MORE = 3.0
#: Steps of a solver, and products and sums that it makes in a second; seconds that a matrix takes beside in each step.
STEPS, RATE, BESIDE = 24, 7e9, 2e-4
#: Nodes with which others are placed for a costly level.
TO_PLACE = 12
#: A program that begins at the solution of fewer nodes takes this part of the time of one that does not, at most.
BEGUN = 0.5
#: The numbers of nodes that the search uses. The list is short so that points of a sweep share programs.
_COUNTS = (6, 8, 10, 12, 14, 16, 18, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 256, 320, 384, 512)
MOST_NODES = _COUNTS[-1]


@dataclass(frozen=True)
class Effort:
    """``limit``, ``known`` and ``glance`` of a :class:`~sdpbound.entropies.method.ProgramMethod`."""

    limit: float = math.inf
    known: dict[object, Any] | None = None
    glance: bool = False


def projective_entropy(
    question: EntropyQuestion,
    level: Level | None,
    nodes: int | tuple[float, ...] | None,
    tolerance: float,
    solver: SolverChoice,
    effort: Effort,
) -> EntropyBound:
    """Bound the entropy of a question from below.

    The arguments are those of :class:`sdpbound.VonNeumann`.
    """
    search = _Search(question, tolerance, level, nodes, solver, effort.limit, effort.known)
    search.glance = effort.glance
    return search.run()


def projective_cost(question: EntropyQuestion, level: Level | None) -> float:
    """Rough CPU seconds of the first program at a level, or at the lowest one."""
    search = _Search(question, 1e-3, level, None, None)
    return search.cost(search.tried()[0], _COUNTS[0])


@dataclass(frozen=True, eq=False)
class _Attempt(Attempt[IntegralProgram]):
    """An attempt that also reads from the solver's point how much the nodes lose."""

    @cached_property
    def values_and_slopes(self) -> tuple[Floats, Floats] | None:
        """f and a subgradient of f at each node; None if the solver gave no usable point."""
        if self.result.solution is None or self.result.status is Status.INFEASIBLE:
            return None
        values, slopes = (np.maximum(v, 0.0) for v in self.program.values_and_slopes(self.result.solution))
        return values, slopes

    @property
    def gap(self) -> float:
        """Bits by which more nodes could raise the bound, at most; infinite if the solver gave no usable point."""
        if self.values_and_slopes is None:
            return math.inf
        return float(self.program.chords.gap(self.program.nodes, *self.values_and_slopes).sum())


@dataclass(eq=False)
class _Search(EntropySearch[IntegralProgram, _Attempt]):
    attempt_type = _Attempt
    worth: ClassVar[float] = 0.25
    few_nodes: ClassVar[int] = 8

    chords: Chords = field(init=False)  # the form of the programs
    glance: bool = field(default=False, init=False)  # whether few nodes are enough
    leapt: bool = field(default=False, init=False)  # whether the nodes of the last level were placed below it

    def __post_init__(self) -> None:
        self.chords = forms(self.question)[0]

    def cost(self, level: Level, nodes: int) -> float:
        shape = entropy_shape(self.question, level, self.chords)
        shared = shape.invariants.shape[1]
        work = seconds = 0.0
        for orbit in shape.orbits:
            m = orbit.numbers
            work += m**3 / 3.0 + m * m * shared + m * shared**2
            for n in orbit.block.sizes:
                work += 2.0 * min(4.0 * n**3 * m + 0.5 * n * n * m * m, 6.0 * n**4)
                seconds += 2.0 * BESIDE
        return STEPS * nodes * (work / RATE + seconds)

    def improve(self) -> None:
        if isinstance(self.nodes, tuple):
            fit = [form for form in forms(self.question) if (form.end == 0.5) == (self.nodes[-1] == 0.5)]
            self.chords = fit[0] if fit else self.chords
            self.solve(self.tried()[-1], np.array(self.nodes))
            return
        own = forms(self.question)
        for some in [own] if self.nodes is None else [(form,) for form in own]:  # with nodes given, all are tried out
            level, best = self._coarse(some)
            if self.glance and self.nodes is None:
                continue
            self._refine(level, best)
            self._go_on(level)

    def _go_on(self, level: Level) -> None:
        """Take higher levels while the best attempt is known to be far below an attack."""
        levels = self.tried()
        for higher in levels[levels.index(level) + 1 :]:
            best = max(self.attempts, key=lambda attempt: attempt.bound)
            if not self.is_far(best) or self.cost(higher, len(best.program.nodes)) > self.limit:
                break
            self._with_nodes(higher, self.solve(higher, best.program.nodes))

    def program(self, level: Level, nodes: Floats) -> IntegralProgram:
        return assemble_entropy(self.question, level, nodes, self.chords)

    def start(self, program: IntegralProgram) -> StartingPoint | None:
        for attempt in reversed(self.attempts):
            found = program.start_from(attempt.program, attempt.result)
            if found is not None:
                return found
        return None

    def is_cheap(self, level: Level) -> bool:
        # of so many words even the symmetry, of which the cost is made, takes minutes where outcomes are three or more
        return self.words(level) <= MOST_WORDS and super().is_cheap(level)

    def name(self, level: Level, nodes: Any) -> tuple[object, ...]:
        return *super().name(level, nodes), self.chords

    def tried(self) -> list[Level]:
        """The levels to try, lowest first."""
        question = self.question
        told = outcomes_of_key(question.scenario, question.key)
        one_party = LEVELS if told == (2,) else LEVELS_OF_MANY
        names: list[Level] = [*(one_party if question.y is None else LEVELS_OF_BOTH)]
        if not question.names_a_pair:
            names = [*levels_of_key(question.scenario.parties, question.key)]
        alone = question.names_a_pair and question.y is None
        if KEY in names:
            chosen = nested_level if told != (2,) and self._is_nested() else key_level
            names[names.index(KEY)] = chosen(question.scenario, question.alice, self.needed)
        levels = self.levels(names, self._most_words(names[0]))
        coarse = self.tolerance > 1e-3 or (alone and self.tolerance == 1e-3)
        return levels[:-1] if coarse and levels[-1] == names[-1] and not self.is_cheap(levels[-1]) else levels

    def _is_nested(self) -> bool:
        """Whether Alice has two settings, and relabellings take each outcome of the key to each other one."""
        question = self.question
        if len(question.scenario.outcomes[0]) != 2 or self.chords.is_of_bits:
            return False
        return len(entropy_shape(question, LEVELS[0], self.chords).orbits) == 1

    def _most_words(self, level: Level) -> int:
        order = order_of_symmetry(self.question, level, self.chords) if self.level is None else 1
        return MOST_SYMMETRIC_WORDS if order >= SYMMETRIC else MOST_WORDS

    def _coarse(self, some: Sequence[Chords]) -> tuple[Level, _Attempt]:
        """Choose a form, then the first level after which a higher one gains little, by solving with few nodes."""
        levels = self.tried()
        count = self.nodes if isinstance(self.nodes, int) else self.few_nodes
        first = self._first(levels[0], min(_COUNTS[0], count), some)
        if self.nodes is None and self.cost(levels[0], self.few_nodes) > self.limit:
            return levels[0], first
        best = self.solve(levels[0], self._placed(first, min(self.few_nodes, count)))
        return self._climbed_by_leaps(levels, best)

    def _climbed_by_leaps(self, levels: Sequence[Level], best: _Attempt) -> tuple[Level, _Attempt]:
        """Go up the levels as in ``climbed``; a costly one whose gain is not in doubt has all of its nodes at once."""
        below = levels[0]

        def higher(level: Level, attempt: _Attempt) -> _Attempt:
            nonlocal below
            few = self.few_nodes
            heavy = self.cost(level, few) > HEAVY * self.cost(below, few)
            self.leapt = self.nodes is None and heavy and self.words_gain > CLEAR * self.tolerance
            nodes = self._placed_roughly(level, attempt) if self.leapt else attempt.program.nodes
            below = level
            return self.solve(level, nodes)

        return self.climbed(levels, best, higher)

    def _first(self, level: Level, count: int, some: Sequence[Chords]) -> _Attempt:
        """The better of the first attempts in some forms, which is the form of all that follow."""
        found = []
        for form in some:
            self.chords = form
            found.append(self.solve(level, form.graded(count)))
        best = max(found, key=lambda attempt: attempt.bound + (attempt.gap if math.isfinite(attempt.gap) else 0.0))
        self.chords = best.program.chords
        return best

    def _refine(self, level: Level, best: _Attempt) -> None:
        """Solve with the number of nodes asked for, or with as many as the tolerance needs.

        The loss falls as one over the square of the number of nodes.
        """
        asked = self.nodes
        if isinstance(asked, int):
            if asked > self.few_nodes:
                self.solve(level, self._placed(best, asked))
            return
        if not self.leapt or best.gap > self.tolerance:
            self._with_nodes(level, best)

    def _with_nodes(self, level: Level, best: _Attempt) -> None:
        """Make attempts at a level with as many nodes as the tolerance needs, and as are to be had."""
        allowed = 0.5 * self.tolerance
        for _ in range(4):
            if best.gap <= allowed or not math.isfinite(best.gap):
                break
            now = len(best.program.nodes)
            wanted = now * math.sqrt(best.gap / allowed)
            allowed_counts = [c for c in _COUNTS if c <= now or BEGUN * self.cost(level, c) <= self.limit]
            count = next((c for c in allowed_counts if c >= min(wanted, MORE * now)), allowed_counts[-1])
            if count <= now:
                count = next((c for c in allowed_counts if c > now), now)
            if count == now and (best.gap <= CLOSE * allowed or self.leapt):
                break
            other = self.solve(level, self._placed(best, count))
            best = other if other.gap < best.gap else best
            if count == now:  # no more nodes can be had, and these are placed as well as they can be
                break

    def _placed_roughly(self, level: Level, attempt: _Attempt) -> Floats:
        """As many nodes as the tolerance needs and a level can have, placed by a rough solution of few nodes there."""
        self.rough = True
        try:
            few = self.solve(level, self._placed(attempt, TO_PLACE))
        finally:
            self.rough = False
        wanted = TO_PLACE * math.sqrt(few.gap / (0.5 * self.tolerance)) if math.isfinite(few.gap) else 0.0
        possible = [c for c in _COUNTS if c <= TO_PLACE or BEGUN * self.cost(level, c) <= self.limit]
        count = next((c for c in possible if c >= wanted), possible[-1])
        found = few.values_and_slopes
        if found is None or not math.isfinite(few.gap):
            return few.program.nodes
        return self.chords.inserted(few.program.nodes, *found, count)

    def _placed(self, attempt: _Attempt, count: int) -> Floats:
        found = attempt.values_and_slopes
        if found is None or not math.isfinite(attempt.gap):
            return self.chords.graded(count)
        return self.chords.refined(attempt.program.nodes, *found, count)
