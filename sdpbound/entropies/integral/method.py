"""The method "projective": Eve has a projection for each node of an integral."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sdpbound.arguments import floats, whole
from sdpbound.entropies.entropy import EntropyBound
from sdpbound.entropies.integral.assemble import forms
from sdpbound.entropies.integral.search import MOST_NODES, Effort, projective_cost, projective_entropy
from sdpbound.entropies.method import ProgramMethod
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.errors import InvalidParameter

__all__ = ["Projective"]


@dataclass(frozen=True)
class Projective(ProgramMethod):
    """Bound an entropy by the nodes of an integral, all in one program.

    The options are those of :class:`sdpbound.VonNeumann`; ``nodes`` is their number, or the nodes themselves.
    """

    name: ClassVar[str] = "projective"
    any_key: ClassVar[bool] = True

    @classmethod
    def checked_nodes(cls, nodes: Any) -> int | tuple[float, ...]:
        if isinstance(nodes, (int, np.integer)):
            return whole(nodes, "nodes", 2, MOST_NODES)
        array = floats(nodes, "nodes").reshape(-1)
        rising = bool((np.diff(np.concatenate([[0.0], array])) > 0).all())
        if not 2 <= array.size <= MOST_NODES or not rising or array[-1] >= 1.0:
            raise InvalidParameter(
                f"nodes = {nodes!r:.60} must be a number of nodes from 2 to {MOST_NODES}, or as many rising "
                "numbers above 0, of which the last is 1/2 for bits, and below 1 for a key of more outcomes."
            )
        return tuple(float(v) for v in array)

    def first_cost(self, question: EntropyQuestion) -> float:
        return projective_cost(question, self.level)

    def solved(self, question: EntropyQuestion) -> EntropyBound:
        bits = all(form.is_of_bits for form in forms(question))
        if isinstance(self.nodes, tuple) and bits and self.nodes[-1] != 0.5:
            raise InvalidParameter(
                f"the last of the nodes is {self.nodes[-1]!r}; for a key of two outcomes it must be 1/2."
            )
        given = self.level, self.nodes, self.tolerance, self.solver
        return projective_entropy(question, *given, Effort(self.limit, self.known, self.glance))
