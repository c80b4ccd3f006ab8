"""The method "gauss-radau" of Brown, Fawzi and Fawzi: Eve has any operator for each node and outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sdpbound.arguments import whole
from sdpbound.bell.channel import BinaryChannel, Preprocessing
from sdpbound.entropies.entropy import EntropyBound
from sdpbound.entropies.method import ProgramMethod
from sdpbound.entropies.question import EntropyQuestion, KeyQuestion
from sdpbound.entropies.radau.search import MOST_RADAU_NODES, gauss_radau_cost, gauss_radau_entropy
from sdpbound.errors import InvalidInput, InvalidParameter

__all__ = ["GaussRadau"]


@dataclass(frozen=True)
class GaussRadau(ProgramMethod):
    """Bound an entropy by Gauss-Radau nodes.

    The options are those of :class:`sdpbound.VonNeumann`; ``nodes`` is their number.
    """

    name: ClassVar[str] = "gauss-radau"
    merges: ClassVar[bool] = True

    @classmethod
    def checked_nodes(cls, nodes: Any) -> int:
        if not isinstance(nodes, (int, np.integer)):
            raise InvalidParameter(
                f"nodes = {nodes!r:.60} of 'gauss-radau' must be their number, from 2 to {MOST_RADAU_NODES}."
            )
        return whole(nodes, "nodes", 2, MOST_RADAU_NODES)

    def require(self, question: KeyQuestion) -> EntropyQuestion:
        _require_flips(question.preprocessing)
        return super().require(question)

    def first_cost(self, question: EntropyQuestion) -> float:
        return gauss_radau_cost(question, self.level)

    def solved(self, question: EntropyQuestion) -> EntropyBound:
        _require_flips(question.preprocessing)
        given = self.level, self.nodes, self.tolerance, self.solver
        return gauss_radau_entropy(question, *given, self.limit, self.known)


def _require_flips(preprocessing: Preprocessing) -> None:
    if isinstance(preprocessing, BinaryChannel):
        raise InvalidInput(
            f"method 'gauss-radau' knows flips, and no {preprocessing!r}; use method='projective', or leave method out."
        )
