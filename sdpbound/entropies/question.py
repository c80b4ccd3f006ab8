"""Questions about a conditional entropy: the data, the settings of the key, and its flips."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from sdpbound.arguments import instance
from sdpbound.arrays import Floats
from sdpbound.bell.observations import Observations
from sdpbound.bell.scenario import Scenario
from sdpbound.bounds.boundary import widened
from sdpbound.bounds.figures import ConditionalEntropy
from sdpbound.errors import InvalidInput, InvalidParameter, InvalidShape

__all__ = ["EntropyQuestion", "KeyQuestion", "require_preprocessing", "sum_of"]


def require_preprocessing(value: object) -> float:
    """Check the probability of a flip, from 0 to 1/2, and return it as a float."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.floating)) or not 0.0 <= value <= 0.5:
        raise InvalidParameter(
            f"preprocessing = {value!r:.60} must be the probability of a flip, a number from 0 to 1/2; a higher one "
            "is a lower one with the outcomes renamed."
        )
    return float(value)


@dataclass(frozen=True, eq=False)
class KeyQuestion:
    """The question of a key rate, in bits: H(A|X=x,E), with y H(AB|X=x,Y=y,E), or if blind H(A|X=x,Y=y,B,E).

    Parameters
    ----------
    observed : the tested data
    x, y : settings of the key, from 0; y None for Alice's outcome alone
    blind : whether Eve also holds Bob's device and outcome
    preprocessing : probability in [0, 1/2] with which Alice flips her bit before the entropy is taken
    closed_forms : whether a closed form may replace a program
    """

    observed: Observations
    x: int = 0
    y: int | None = None
    blind: bool = False
    preprocessing: float = 0.0
    closed_forms: bool = True

    def __post_init__(self) -> None:
        observed = instance(self.observed, Observations, "observed", "Observations.correlators(behaviour)")
        object.__setattr__(self, "x", observed.scenario.require_setting(0, self.x, "x"))
        if self.y is not None:
            object.__setattr__(self, "y", observed.scenario.require_setting(1, self.y, "y"))
        object.__setattr__(self, "preprocessing", require_preprocessing(self.preprocessing))

    def of_entropy(self) -> EntropyQuestion:
        """The question about a von Neumann entropy; an error if the key or the parties do not fit."""
        if self.observed.scenario.parties != 2:
            raise InvalidShape(f"conditional entropies need two parties besides Eve, not {self.observed.scenario}.")
        question = EntropyQuestion(self.observed, self.x, self.y, self.preprocessing)
        if self.preprocessing and (self.y is not None or question.outcomes != 2):
            raise InvalidParameter(
                f"preprocessing = {self.preprocessing!r} flips a key of one bit: leave y out and take a setting x with "
                "two outcomes, or leave it 0."
            )
        if question.outcomes == 1:
            raise InvalidInput(
                f"the key of x={self.x}, y={self.y} has one outcome only and no entropy; choose settings with two "
                "outcomes or more."
            )
        return question


@dataclass(frozen=True, eq=False)
class EntropyQuestion:
    """The question for the least H(A|X=x,E), or with y H(AB|X=x,Y=y,E), of the observed data.

    Attributes
    ----------
    observed : the tested data
    x, y : settings; y None for Alice's outcome alone
    preprocessing : probability with which Alice flips her bit; 0 if the key is not one bit
    given : the original data, if the tolerances of ``observed`` had to be widened
    """

    observed: Observations
    x: int
    y: int | None
    preprocessing: float = 0.0
    given: Observations | None = None

    @property
    def scenario(self) -> Scenario:
        return self.observed.scenario

    @property
    def figure(self) -> ConditionalEntropy:
        """The figure of merit of this question."""
        return ConditionalEntropy(self.x, self.y, self.preprocessing)

    def widened(self) -> EntropyQuestion:
        """The question with tolerances that reach into the set; see :func:`sdpbound.bounds.boundary.widened`."""
        return replace(self, observed=widened(self.observed), given=self.given or self.observed)

    @property
    def outcomes(self) -> int:
        """The number of outcomes of the key."""
        a, b = self.scenario.outcomes
        return a[self.x] * (1 if self.y is None else b[self.y])

    @cached_property
    def bits(self) -> tuple[tuple[Floats, Floats, Floats], ...]:
        """The effects (M, M_0, M_1) of each bit of the key, in moment coordinates."""
        scenario = self.scenario
        one = np.eye(scenario.shape[1])[0]
        alice = [scenario.effect(0, self.x, a) for a in range(scenario.outcomes[0][self.x])]
        found = _tree([np.outer(e, one) for e in alice])
        if self.y is not None:
            bob = [scenario.effect(1, self.y, b) for b in range(scenario.outcomes[1][self.y])]
            for e in alice:
                found += _tree([np.outer(e, f) for f in bob])
        return tuple(found)


def _tree(effects: list[Floats]) -> list[tuple[Floats, Floats, Floats]]:
    """The bits that tell the effects apart.

    The first bit compares the first half (with the middle one if their number is odd) with the rest. The next bits do
    the same inside each part.
    """
    if len(effects) < 2:
        return []
    half = (len(effects) + 1) // 2
    first, rest = effects[:half], effects[half:]
    return [(sum_of(effects), sum_of(first), sum_of(rest)), *_tree(first), *_tree(rest)]


def sum_of(tensors: list[Floats]) -> Floats:
    return np.asarray(np.sum(tensors, axis=0), dtype=np.float64)
