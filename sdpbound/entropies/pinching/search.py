"""Search for the words of the method by pinching."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

from sdpbound.conic.program import SolverResult
from sdpbound.conic.programs.quadratic import QuadraticData
from sdpbound.conic.solvers.choose import SolverChoice
from sdpbound.entropies.entropy import EntropyBound
from sdpbound.entropies.pinching.assemble import PinchingProgram, assemble_pinching, size_of_program
from sdpbound.entropies.pinching.levels import word_sets
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.entropies.search import Attempt, EntropySearch
from sdpbound.npa.levels import Level

__all__ = ["MOST_NODES", "NODES", "PinchingSearch", "pinching_cost", "pinching_entropy"]

#: Nodes where the user gives none. Of CGLMP's settings, three outcomes, visibility 0.98: 8 have 1.3863 bits, 12 have
#: 1.38714 and 16 have 1.38726; they cost nearly nothing, but a certificate grows with them.
NODES = 12
MOST_NODES = 64
#: Twice as many nodes are taken where more of the tolerance than this is lost by nodes.
LOST = 0.5
#: How many times what the longest words add further ones are taken to add.
AHEAD = 4.0
#: Words of a level that the search tries by itself.
MOST_WORDS = 400
#: Accuracy of the steps, relative to an objective of a few bits.
ACCURACY = 1e-5
#: Steps, and products and sums in a second.
STEPS, RATE = 22, 1.5e10


def pinching_entropy(
    question: EntropyQuestion,
    level: Level | None,
    nodes: int | None,
    tolerance: float,
    solver: SolverChoice,
    limit: float = math.inf,
    known: dict[object, Any] | None = None,
) -> EntropyBound:
    """Bound the entropy of a question from below.

    The arguments are those of :class:`sdpbound.VonNeumann`, and ``limit`` and ``known`` those of a
    :class:`~sdpbound.entropies.method.ProgramMethod`.
    """
    return PinchingSearch(question, tolerance, level, nodes, solver, limit, known).run()


def pinching_cost(question: EntropyQuestion, level: Level | None) -> float:
    """Rough CPU seconds of the program at a level, or at the lowest one."""
    search = PinchingSearch(question, 1e-3, level, None, None)
    return search.cost(search.tried[0], NODES)


@dataclass(eq=False)
class PinchingSearch(EntropySearch[PinchingProgram, Attempt[PinchingProgram]]):
    """A search over sets of words; the number of nodes is fixed."""

    worth: ClassVar[float] = 0.05
    few_nodes: ClassVar[int] = NODES
    allowed: ClassVar[float] = 1.0

    @cached_property
    def tried(self) -> list[Level]:
        """The words to try, the fewest first."""
        if self.level is not None:
            return [self.level]
        question = self.question
        needed = self.needed.reshape(question.scenario.shape)
        return self.levels(word_sets(question.scenario, question.alice, question.y, needed), MOST_WORDS)

    def cost(self, level: Level, nodes: int) -> float:
        words, invariant, order = size_of_program(self.question, level)
        size = words / max(order, self.question.outcomes)  # of one of two large blocks
        step = invariant**2 * size**2 + 8.0 * invariant * size**3 + invariant**3 / 3.0
        written = 2.0 * invariant * words**2 * size + 4e7 * words * order**0.5
        return float((STEPS * step + written) / RATE + 0.1)

    def estimated_gap(self, best: Attempt[PinchingProgram]) -> float:
        """What the last set of words gained, or a multiple of what its longest ones add, and what nodes lose.

        The best T of the devices found need few of the longest words where no others are missing. Of eight random data
        sets of three settings attacks were 0.2 to 4 times as far away as these words add.
        """
        if best.result.solution is None or math.isnan(self.words_gain):
            return self.words_gain
        words, nodes = best.program.shortfall(best.result.solution)
        return min(self.words_gain, AHEAD * words) + nodes

    def improve(self) -> None:
        """Go up the sets of words as long as they gain, and then take as many nodes as the tolerance needs."""
        nodes: Any = self.nodes or NODES
        level, best = self.climbed(
            self.tried, self.solve(self.tried[0], nodes), lambda higher, _: self.solve(higher, nodes)
        )
        while self.nodes is None and 2 * nodes <= MOST_NODES and best.result.solution is not None:
            if best.program.shortfall(best.result.solution)[1] <= LOST * self.tolerance:
                break
            nodes *= 2
            best = self.solve(level, nodes)

    def program(self, level: Level, nodes: int) -> PinchingProgram:
        return assemble_pinching(self.question, level, nodes)

    def answer(self, program: PinchingProgram, data: QuadraticData) -> SolverResult | None:
        return program.reduced.solved(data, min(ACCURACY, 1e-2 * self.tolerance), math.inf)

    def solver_answer(self, program: PinchingProgram, data: QuadraticData) -> SolverResult:
        """The answer of a solver, its solution as invariant moments, as steps give them."""
        found = super().solver_answer(program, data)
        if found.solution is None:
            return found
        return replace(found, solution=program.reduced.invariant_numbers(found.solution, data))
