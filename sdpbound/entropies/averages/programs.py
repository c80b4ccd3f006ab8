"""Average entropies by programs of the hierarchy: any settings, outcomes and parties.

The entropy of a bit with effects M = M_0 + M_1 is a sum of relative entropies of Eve's states for M_b to the one for M,
and so homogeneous: for w M, w M_0, w M_1 it is w times as large. So the bits of all keys, each times the weight of its
key, are bits of one program (:mod:`sdpbound.entropies.integral.assemble`), whose blocks share the moments of Alice and
Bob.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bell.average import Average
from sdpbound.bell.key import named_key
from sdpbound.bounds.figures import AverageEntropy
from sdpbound.entropies.averages.problem import AverageQuestion
from sdpbound.entropies.entropy import EntropyBound
from sdpbound.entropies.integral.method import Projective
from sdpbound.entropies.proof import ProgramProof
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.errors import InvalidInput

__all__ = ["ROUNDING", "average_by_programs"]

#: The sums of the weights of bits are rounded; bits that this may cost.
ROUNDING = 1e-14
#: Words where none are asked for, of two parties. All settings of the key need long words: at a CHSH value of 2.5 the
#: average of both settings of Alice is bounded by 0.502 at level "1+AB", 0.564 and 0.590 with "AA+AAB" and "AAA+AAAB"
#: more, where 0.5954 is true.
LEVEL, LEVEL_OF_BOTH = "1+AB+AA+AAB", "2+AAB+ABB"


@dataclass(frozen=True, eq=False)
class _BitsOfKeys(EntropyQuestion):
    """The bits of all keys, each with the weight of its key; x, y and settings are those of the first one."""

    average: Average = field(default_factory=lambda: Average((0,)))

    @property
    def figure(self) -> Any:
        return AverageEntropy(self.average)

    @property
    def outcomes(self) -> int:
        """They are told apart by bits."""
        return 2

    @property
    def most(self) -> float:
        return AverageQuestion(self.observed, self.average).most

    @cached_property
    def _keys(self) -> list[tuple[float, EntropyQuestion]]:
        keys = zip(self.average.keys, self.average.weights, strict=True)
        return [
            (w, EntropyQuestion(self.observed, x, y, settings=s)) for key, w in keys for x, y, s in [named_key(key)]
        ]

    @cached_property
    def effects(self) -> Floats:
        return np.concatenate([weight * own.effects for weight, own in self._keys])

    @cached_property
    def bits(self) -> tuple[tuple[Floats, Floats, Floats], ...]:
        return tuple((w * m, w * first, w * rest) for w, own in self._keys for m, first, rest in own.bits)


def average_by_programs(question: AverageQuestion, how: Projective) -> tuple[EntropyBound, dict[str, Any] | None]:
    """The bound of one program for all keys, and the entries of its proof; None where the flips alone prove as much.

    Raises
    ------
    InvalidInput : keys are flipped with different probabilities, or one that is no bit is
    """
    average, scenario = question.average, question.observed.scenario
    flips = average.preprocessing[0]
    sizes = [[own[s] for own, s in zip(scenario.outcomes, key, strict=True) if s is not None] for key in average.keys]
    if any(q != flips for q in average.preprocessing) or (flips and any(size != [2] for size in sizes)):
        raise InvalidInput(
            f"preprocessing = {average.preprocessing} of keys with {sizes} outcomes: programs flip all keys with the "
            "same probability, and bits only; test two settings of two outcomes at most for other flips."
        )
    x, y, settings = named_key(average.keys[0])
    asked = _BitsOfKeys(question.observed, x, y, flips, settings=settings, average=average)
    if how.level is None and scenario.parties == 2:
        both = any(None not in key for key in average.keys)
        how = replace(how, level=LEVEL_OF_BOTH if both else LEVEL)
    bound = how.solved(asked)
    proof = bound._proof
    if not isinstance(proof, ProgramProof):
        return bound, None
    return replace(bound, value=math.nextafter(bound.value - ROUNDING, -math.inf)), proof.entries()
