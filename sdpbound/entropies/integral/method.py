"""The method "projective": Eve has a projection for each node of an integral."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from sdpbound.adversaries import Quantum
from sdpbound.arguments import floats, whole
from sdpbound.conic.solvers.choose import SolverChoice
from sdpbound.entropies.entropy import Entropy, EntropyBound
from sdpbound.entropies.integral.search import LEVELS, MOST_NODES, projective_cost, projective_entropy
from sdpbound.entropies.method import PROGRAMS, VonNeumannMethod
from sdpbound.entropies.question import EntropyQuestion, KeyQuestion
from sdpbound.errors import InvalidParameter
from sdpbound.npa.levels import Level, normalise_level

__all__ = ["Projective"]


@dataclass(frozen=True)
class Projective(VonNeumannMethod):
    """Bound an entropy by the nodes of an integral, all in one program.

    The options are those of :class:`sdpbound.VonNeumann`, and ``limit`` is the rough CPU seconds that one program may
    take: a larger one is not tried, but the first is.
    """

    name: ClassVar[str] = "projective"

    level: Level | None = None
    nodes: int | tuple[float, ...] | None = None
    solver: SolverChoice = None
    limit: float = math.inf

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.level is not None:
            object.__setattr__(self, "level", normalise_level(self.level))
        if isinstance(self.nodes, (int, np.integer)):
            object.__setattr__(self, "nodes", whole(self.nodes, "nodes", 2, MOST_NODES))
        elif self.nodes is not None:
            object.__setattr__(self, "nodes", _nodes(self.nodes))

    @property
    def adversary(self) -> Quantum:
        return Quantum(LEVELS[0] if self.level is None else self.level)

    def cost(self, question: KeyQuestion) -> float:
        return PROGRAMS * projective_cost(question.of_entropy(), self.level)

    def within(self, question: KeyQuestion, seconds: float) -> Entropy | None:
        return replace(self, limit=seconds / PROGRAMS) if self.cost(question) <= seconds else None

    def solved(self, question: EntropyQuestion) -> EntropyBound:
        return projective_entropy(question, self.level, self.nodes, self.tolerance, self.solver, self.limit)


def _nodes(given: tuple[float, ...]) -> tuple[float, ...]:
    array = floats(given, "nodes").reshape(-1)
    rising = bool((np.diff(np.concatenate([[0.0], array])) > 0).all())
    if not 2 <= array.size <= MOST_NODES or not rising or array[-1] != 0.5:
        raise InvalidParameter(
            f"nodes = {given!r:.60} must be a number of nodes from 2 to {MOST_NODES}, or as many rising "
            "numbers above 0 of which the last is 1/2."
        )
    return tuple(float(v) for v in array)
