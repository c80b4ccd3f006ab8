"""The method "gauss-radau" of Brown, Fawzi and Fawzi: Eve has any operator for each node and outcome."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from sdpbound.adversaries import Quantum
from sdpbound.arguments import whole
from sdpbound.conic.solvers.choose import SolverChoice
from sdpbound.entropies.entropy import Entropy, EntropyBound
from sdpbound.entropies.integral.search import LEVELS
from sdpbound.entropies.method import PROGRAMS, VonNeumannMethod
from sdpbound.entropies.question import EntropyQuestion, KeyQuestion
from sdpbound.entropies.radau.search import MOST_RADAU_NODES, gauss_radau_cost, gauss_radau_entropy
from sdpbound.errors import InvalidParameter
from sdpbound.npa.levels import Level, normalise_level

__all__ = ["GaussRadau"]


@dataclass(frozen=True)
class GaussRadau(VonNeumannMethod):
    """Bound an entropy by Gauss-Radau nodes.

    The options are those of :class:`sdpbound.VonNeumann`.
    """

    name: ClassVar[str] = "gauss-radau"

    level: Level | None = None
    nodes: int | None = None
    solver: SolverChoice = None
    limit: float = math.inf

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.level is not None:
            object.__setattr__(self, "level", normalise_level(self.level))
        if self.nodes is None:
            return
        if not isinstance(self.nodes, (int, np.integer)):
            raise InvalidParameter(
                f"nodes = {self.nodes!r:.60} of 'gauss-radau' must be their number, from 2 to {MOST_RADAU_NODES}."
            )
        object.__setattr__(self, "nodes", whole(self.nodes, "nodes", 2, MOST_RADAU_NODES))

    @property
    def adversary(self) -> Quantum:
        return Quantum(LEVELS[0] if self.level is None else self.level)

    def cost(self, question: KeyQuestion) -> float:
        return PROGRAMS * gauss_radau_cost(question.of_entropy(), self.level)

    def within(self, question: KeyQuestion, seconds: float) -> Entropy | None:
        return replace(self, limit=seconds / PROGRAMS) if self.cost(question) <= seconds else None

    def solved(self, question: EntropyQuestion) -> EntropyBound:
        return gauss_radau_entropy(question, self.level, self.nodes, self.tolerance, self.solver, self.limit)
