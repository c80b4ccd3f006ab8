"""Search for the level and the nodes of the projective method, from few words and nodes to as many as needed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.conic.program import Status
from sdpbound.conic.solvers.choose import SolverChoice
from sdpbound.entropies.entropy import EntropyBound
from sdpbound.entropies.integral.assemble import IntegralProgram, assemble_entropy
from sdpbound.entropies.quadrature import graded_nodes, interpolation_gap, refined_nodes
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.entropies.search import Attempt, EntropySearch
from sdpbound.entropies.words import levels_of_key
from sdpbound.npa.levels import Level

__all__ = ["LEVELS", "LEVELS_OF_BOTH", "MOST_NODES", "projective_cost", "projective_entropy"]

#: The levels to try where the user gives none, for a key of Alice's outcome and for a key of both outcomes. The last
#: level is tried only for a tolerance below 1e-3 bits. Measured losses in bits, for Alice's outcome: "1+AB" is exact
#: for CHSH; on noisy points of the singlet family the second level loses up to 5e-4 and the last up to 1e-5. For both
#: outcomes and CHSH the first level loses up to 3e-2 and the second up to 1e-3.
LEVELS = ("1+AB", "1+AB+AA+AAB", "1+AB+AA+AAB+AAA+AAAB")
LEVELS_OF_BOTH = ("1+AB", "2+AAB+ABB", "2+AAB+ABB+AABB")
#: The search tries a level by itself only if it has at most MOST_WORDS words and if its words times the bits of the
#: key are at most MOST_WORDS_TIMES_BITS.
MOST_WORDS, MOST_WORDS_TIMES_BITS = 40, 100
#: The numbers of nodes that the search uses. The list is short so that points of a sweep share programs.
_COUNTS = (6, 8, 10, 12, 14, 16, 18, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 256, 320, 384, 512)
MOST_NODES = _COUNTS[-1]


def projective_entropy(
    question: EntropyQuestion,
    level: Level | None,
    nodes: int | tuple[float, ...] | None,
    tolerance: float,
    solver: SolverChoice,
    limit: float = math.inf,
) -> EntropyBound:
    """Bound the entropy of a question from below.

    The arguments are those of :class:`sdpbound.VonNeumann`, and ``limit`` is the rough CPU seconds of one program.
    """
    return _Search(question, tolerance, level, nodes, solver, limit).run()


def projective_cost(question: EntropyQuestion, level: Level | None) -> float:
    """Rough CPU seconds of the first program at a level, or at the lowest one."""
    search = _Search(question, 1e-3, level, None, None)
    return search.cost(search.levels(search.names, MOST_WORDS)[0], _COUNTS[0])


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
        return float(interpolation_gap(self.program.nodes, *self.values_and_slopes, self.question.preprocessing).sum())


@dataclass(eq=False)
class _Search(EntropySearch[IntegralProgram, _Attempt]):
    attempt_type = _Attempt
    worth: ClassVar[float] = 0.02
    few_nodes: ClassVar[int] = 12

    @property
    def names(self) -> tuple[str, ...]:
        """The levels to try where the user gives none."""
        if not self.question.is_of_a_pair:
            return levels_of_key(self.question.scenario.parties, self.question.key)
        return LEVELS if self.question.y is None else LEVELS_OF_BOTH

    def cost(self, level: Level, nodes: int) -> float:
        n = self.words(level)
        return nodes / 12.0 * max(len(self.question.bits), 1) * (0.1 + 1.2e-4 * n**3 + 1.5e-6 * n**4)

    def improve(self) -> None:
        if isinstance(self.nodes, tuple):
            self.solve(self._levels()[-1], np.array(self.nodes))
        else:
            self._refine(*self._coarse())

    def program(self, level: Level, nodes: Floats) -> IntegralProgram:
        return assemble_entropy(self.question, level, nodes)

    def _levels(self) -> list[Level]:
        """The levels to try, lowest first."""
        names = self.names
        if self.tolerance >= 1e-3:
            names = names[:2]
        bits = max(len(self.question.bits), 1) if self.level is None else 1
        return self.levels(names, min(MOST_WORDS, MOST_WORDS_TIMES_BITS // bits))

    def _coarse(self) -> tuple[Level, _Attempt]:
        """Choose a level by solving with few nodes: the first one after which a higher level gains little."""
        levels = self._levels()
        count = self.nodes if isinstance(self.nodes, int) else 12
        first = self.solve(levels[0], graded_nodes(min(_COUNTS[0], count)))
        if self.nodes is None and self.cost(levels[0], self.few_nodes) > self.limit:
            return levels[0], first
        best = self.solve(levels[0], self._placed(first, min(12, count)))
        return self.climbed(levels, best, lambda level, attempt: self.solve(level, attempt.program.nodes))

    def _refine(self, level: Level, best: _Attempt) -> None:
        """Solve with the number of nodes asked for, or with as many as the tolerance needs.

        The loss falls as one over the square of the number of nodes.
        """
        asked = self.nodes
        if isinstance(asked, int):
            if asked > 12:
                self.solve(level, self._placed(best, asked))
            return
        allowed = 0.5 * self.tolerance
        for _ in range(3):
            if best.gap <= allowed or not math.isfinite(best.gap):
                break
            now = len(best.program.nodes)
            wanted = now * math.sqrt(best.gap / (1.4 * allowed))  # 1.4: nodes placed better lose less than that
            allowed_counts = [c for c in _COUNTS if c <= now or self.cost(level, c) <= self.limit]
            count = next((c for c in allowed_counts if c >= min(wanted, 3.0 * now)), allowed_counts[-1])
            if count <= now:
                count = next((c for c in allowed_counts if c > now), now)
            other = self.solve(level, self._placed(best, count))
            if count == now and other.gap >= best.gap:
                break
            best = other

    def _placed(self, attempt: _Attempt, count: int) -> Floats:
        found = attempt.values_and_slopes
        if found is None or not math.isfinite(attempt.gap):
            return graded_nodes(count)
        return refined_nodes(attempt.program.nodes, *found, count, self.question.preprocessing)
