"""The Brown-Fawzi-Fawzi method with Gauss-Radau nodes, certified without norm limits on Eve's operators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sdpbound.conic.solvers.choose import SolverChoice
from sdpbound.entropies.entropy import EntropyBound
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.entropies.radau.assemble import RadauProgram, assemble_radau
from sdpbound.entropies.search import Attempt, EntropySearch
from sdpbound.npa.levels import Level

__all__ = ["MOST_RADAU_NODES", "gauss_radau_entropy"]

#: Levels tried where none is given. Measured: with the first CHSH is within 1e-8 and the noisy points of the singlet
#: family lose up to 3e-3, with the second up to 5e-4.
LEVELS = ("1+AB+AA+AAB", "1+AB+AA+AAB+AAA+AAAB")
LEVELS_OF_BOTH = ("1+AB", "2+AAB+ABB")
#: A level of more words than this is not tried unless asked for.
MOST_WORDS = 40
_COUNTS = (4, 6, 8, 12, 16, 24, 32)
MOST_RADAU_NODES = 64


def gauss_radau_entropy(
    question: EntropyQuestion, level: Level | None, nodes: int | None, tolerance: float, solver: SolverChoice
) -> EntropyBound:
    """Bound a question; arguments as in :class:`sdpbound.VonNeumann`."""
    return _Search(question, tolerance, level, nodes, solver).run()


@dataclass(eq=False)
class _Search(EntropySearch[RadauProgram, Attempt[RadauProgram]]):
    worth: ClassVar[float] = 0.05

    def improve(self) -> None:
        """From few nodes at the lowest level on."""
        levels = self.levels(LEVELS if self.question.y is None else LEVELS_OF_BOTH, MOST_WORDS)
        few = self.nodes or _COUNTS[0]
        level, best = self.climbed(levels, self.solve(levels[0], few), lambda higher, _: self.solve(higher, few))
        if self.nodes is None:
            self._refine(level, best)

    def program(self, level: Level, nodes: int) -> RadauProgram:
        return assemble_radau(self.question, level, nodes)

    def _refine(self, level: Level, best: Attempt[RadauProgram]) -> None:
        """More nodes until the last ones gained less than half of the tolerance: no proof that more would not."""
        for count in _COUNTS[1:]:
            other = self.solve(level, count)
            if other.bound - best.bound <= 0.5 * self.tolerance:
                break
            best = other
