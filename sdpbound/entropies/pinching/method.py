"""The method "pinching": Gauss-Radau nodes, with operators of Alice and Bob in place of Eve's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sdpbound.arguments import whole
from sdpbound.entropies.entropy import EntropyBound
from sdpbound.entropies.method import ProgramMethod
from sdpbound.entropies.pinching.search import MOST_NODES, pinching_cost, pinching_entropy
from sdpbound.entropies.question import EntropyQuestion, KeyQuestion
from sdpbound.errors import InvalidInput, InvalidParameter

__all__ = ["Pinching"]


@dataclass(frozen=True)
class Pinching(ProgramMethod):
    """Bound an entropy by operators of Alice and Bob that tell their state from its pinched version.

    The options are those of :class:`sdpbound.VonNeumann`; ``nodes`` is their number.
    """

    name: ClassVar[str] = "pinching"
    merges: ClassVar[bool] = True
    settles: ClassVar[bool] = True

    @classmethod
    def checked_nodes(cls, nodes: Any) -> int:
        if not isinstance(nodes, (int, np.integer)):
            raise InvalidParameter(f"nodes = {nodes!r:.60} of 'pinching' must be their number, from 2 to {MOST_NODES}.")
        return whole(nodes, "nodes", 2, MOST_NODES)

    def require(self, question: KeyQuestion) -> EntropyQuestion:
        _require_no_flips(question)
        return super().require(question)

    def first_cost(self, question: EntropyQuestion) -> float:
        return pinching_cost(question, self.level)

    def solved(self, question: EntropyQuestion) -> EntropyBound:
        _require_no_flips(question)
        given = self.level, self.nodes, self.tolerance, self.solver
        return pinching_entropy(question, *given, self.limit, self.known)


def _require_no_flips(question: KeyQuestion | EntropyQuestion) -> None:
    if question.preprocessing:
        raise InvalidInput(
            f"method 'pinching' knows no flips, and preprocessing = {question.preprocessing!r}; use "
            "method='projective', or leave method out."
        )
