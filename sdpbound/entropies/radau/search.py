"""Search for the level and the number of Gauss-Radau nodes of the Brown-Fawzi-Fawzi method."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from sdpbound.conic.program import Status
from sdpbound.conic.solvers.choose import SolverChoice
from sdpbound.entropies.entropy import EntropyBound
from sdpbound.entropies.quadrature import power_radau
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.entropies.radau.assemble import RadauProgram, assemble_radau
from sdpbound.entropies.search import Attempt, EntropySearch
from sdpbound.npa.levels import Level

__all__ = ["MOST_RADAU_NODES", "MOST_WORDS", "RadauSearch", "gauss_radau_cost", "gauss_radau_entropy"]

#: The levels to try where the user gives none. Measured in bits: the first level is exact for CHSH within 1e-8. On
#: noisy points of the singlet family the first level loses up to 3e-3 and the second up to 5e-4.
LEVELS = ("1+AB+AA+AAB", "1+AB+AA+AAB+AAA+AAAB")
LEVELS_OF_BOTH = ("1+AB", "2+AAB+ABB")
#: The search tries a level of more words than this only if the user asks for it.
MOST_WORDS = 40
#: Bits that a proof may lose of what the solver says, where it says that it is done.
_LOST = 1e-7
_COUNTS = (4, 6, 8, 12, 16, 24, 32)
MOST_RADAU_NODES = 64


def gauss_radau_entropy(
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
    return RadauSearch(question, tolerance, level, nodes, solver, limit, known).run()


def gauss_radau_cost(question: EntropyQuestion, level: Level | None) -> float:
    """Rough CPU seconds of the program with few nodes at a level, or at the lowest one."""
    search = RadauSearch(question, 1e-3, level, None, None)
    return search.cost(search.levels(search.names, MOST_WORDS)[0], search.few_nodes)


@dataclass(eq=False)
class RadauSearch(EntropySearch[RadauProgram, Attempt[RadauProgram]]):
    """A search over levels and numbers of nodes.

    Attributes
    ----------
    exponent : 0 for entropies in bits; else the r in (0, 1) of powers q = 2^(-r H), and what is bounded is (1 - q)/r
    """

    worth: ClassVar[float] = 0.05
    few_nodes: ClassVar[int] = _COUNTS[0]
    exponent: float = 0.0
    nodes_gain: float = field(default=math.nan, init=False)  # bits that the last nodes gained

    @property
    def names(self) -> tuple[str, ...]:
        """The levels to try where the user gives none."""
        return LEVELS if self.question.y is None else LEVELS_OF_BOTH

    def cost(self, level: Level, nodes: int) -> float:
        n, size = self.words(level), math.prod(self.question.scenario.shape)
        return nodes / 4.0 * self.question.outcomes * (0.05 + 2.5e-5 * n**3 * (size / 9.0) ** 3)

    @cached_property
    def attained(self) -> float:
        return math.inf if self.exponent else super().attained  # of powers none is looked for

    def estimated_gap(self, best: Attempt[RadauProgram]) -> float:
        return self.nodes_gain + self.words_gain

    def improve(self) -> None:
        """Choose the level with few nodes, starting at the lowest one; then add nodes; go on while an attack is far."""
        levels = self.levels(self.names, MOST_WORDS)
        few = self.nodes or _COUNTS[0]
        level, best = self.climbed(levels, self.solve(levels[0], few), lambda higher, _: self.solve(higher, few))
        if self.nodes is not None:
            self._with_fewer(level, best)
            return
        best = self._refine(level, best)
        for higher in levels[levels.index(level) + 1 :]:
            if not self.is_far(best) or self.cost(higher, len(best.program.nodes)) > self.limit:
                break
            best = self._refine(higher, self.solve(higher, len(best.program.nodes)))

    def _with_fewer(self, level: Level, best: Attempt[RadauProgram]) -> None:
        """Try fewer nodes than asked for, as long as solvers end far from their own value: then fewer prove more."""
        for count in reversed([count for count in _COUNTS if count < len(best.program.nodes)]):
            if best.result.status is Status.SOLVED and best.claimed - best.bound <= _LOST:
                return
            best = self.solve(level, count)

    def program(self, level: Level, nodes: int) -> RadauProgram:
        return assemble_radau(self.question, level, nodes, power_radau(nodes, self.exponent) if self.exponent else None)

    @property
    def most(self) -> float:
        r, bits = self.exponent, super().most
        return -math.expm1(-r * bits * math.log(2.0)) / r if r else bits

    def _refine(self, level: Level, best: Attempt[RadauProgram]) -> Attempt[RadauProgram]:
        """Add nodes until the last step gains at most half of the tolerance, and return the best attempt.

        A small last gain does not prove that more nodes would gain little.
        """
        for count in _COUNTS:
            if count <= len(best.program.nodes):
                continue
            if self.cost(level, count) > self.limit:
                break
            other = self.solve(level, count)
            self.nodes_gain = max(other.bound - best.bound, 0.0)
            best = max(best, other, key=lambda attempt: attempt.bound)
            if self.nodes_gain <= 0.5 * self.tolerance:
                break
        return best
