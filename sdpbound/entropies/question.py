"""Questions about a conditional entropy: the data, the settings of the key, and its flips."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import log2, prod

import numpy as np

from sdpbound.arguments import instance
from sdpbound.arrays import Floats
from sdpbound.bell.channel import BinaryChannel, Preprocessing
from sdpbound.bell.key import (
    Merge,
    Settings,
    key_effects,
    key_merge,
    key_settings,
    merged,
    named_key,
    outcomes_of_key,
)
from sdpbound.bell.observations import Observations
from sdpbound.bell.scenario import Scenario
from sdpbound.bounds.boundary import widened
from sdpbound.bounds.figures import ConditionalEntropy
from sdpbound.errors import InvalidInput, InvalidParameter, InvalidShape

__all__ = ["EntropyQuestion", "KeyQuestion", "require_channel", "require_preprocessing"]


def require_preprocessing(value: object) -> float:
    """Check the probability of a flip, from 0 to 1/2, and return it as a float."""
    if isinstance(value, str):
        raise InvalidParameter(
            f"preprocessing = {value!r:.60} must be a probability from 0 to 1/2 of flips, or a BinaryChannel; "
            "those that are best for a rate are found by best_preprocessing and best_channel, or by key_rate itself."
        )
    if isinstance(value, bool) or not isinstance(value, (int, float, np.floating)) or not 0.0 <= value <= 0.5:
        raise InvalidParameter(
            f"preprocessing = {value!r:.60} must be the probability of a flip, a number from 0 to 1/2; a higher one "
            "is a lower one with the outcomes renamed."
        )
    return float(value)


def require_channel(value: object) -> Preprocessing:
    """Check the probability of a flip, or a channel; one with equal probabilities is returned as the probability."""
    if not isinstance(value, BinaryChannel):
        return require_preprocessing(value)
    return value.p0 if value.p0 == value.p1 else value


@dataclass(frozen=True, eq=False)
class KeyQuestion:
    """The question of a key rate, in bits: H(A|X=x,E), with y H(AB|X=x,Y=y,E), or if blind H(A|X=x,Y=y,B,E).

    With ``settings`` it is about the outcomes of any parties.

    Parameters
    ----------
    observed : the tested data
    x, y : settings of the key, from 0; y None for Alice's outcome alone
    blind : whether Eve also holds Bob's device and outcome
    preprocessing : probability in [0, 1/2] with which the key of one bit is flipped before the entropy is taken, or the
        channel that it passes
    closed_forms : whether a closed form may replace a program
    settings : in place of x and y, one entry for each party, None where its outcome is not in the key. Where x and y
        say all, they are read from here and this is None; else they are the first two entries
    merge : the key's value for each outcome, if the key is a function of the outcomes; see :mod:`sdpbound.bell.key`
    """

    observed: Observations
    x: int | None = 0
    y: int | None = None
    blind: bool = False
    preprocessing: Preprocessing = 0.0
    closed_forms: bool = True
    settings: Settings | None = None
    merge: Merge | None = None

    def __post_init__(self) -> None:
        observed = instance(self.observed, Observations, "observed", "Observations.correlators(behaviour)")
        named = named_key(key_settings(observed.scenario, self.x, self.y, self.settings))
        for name, value in zip(("x", "y", "settings"), named, strict=True):
            object.__setattr__(self, name, value)
        if self.blind and self.settings is not None:
            raise InvalidInput(f"settings = {self.settings} of blind randomness: give x and y instead.")
        if self.blind and self.merge is not None:
            raise InvalidInput(f"merge = {self.merge!r:.60} of blind randomness: leave it out, or ask without Bob.")
        key = self.settings or key_settings(observed.scenario, self.x, self.y)
        object.__setattr__(self, "merge", key_merge(observed.scenario, key, self.merge))
        object.__setattr__(self, "preprocessing", require_channel(self.preprocessing))

    def of_entropy(self) -> EntropyQuestion:
        """The question about a von Neumann entropy; an error if the key or the parties do not fit."""
        if self.observed.scenario.parties < 2:
            raise InvalidShape(
                f"conditional entropies need two parties or more besides Eve, not {self.observed.scenario}."
            )
        question = EntropyQuestion(
            self.observed, self.x, self.y, self.preprocessing, settings=self.settings, merge=self.merge
        )
        if self.preprocessing and (len(question.sizes) > 1 or question.outcomes != 2):
            raise InvalidParameter(
                f"preprocessing = {self.preprocessing!r} flips a key of one bit: ask for the outcome of one party "
                "(leave y out) and take a setting with two outcomes, or merge outcomes to two values, or leave it 0."
            )
        if question.outcomes == 1 and self.merge is None:
            raise InvalidInput(
                f"the key of {question.figure} has one outcome only and no entropy; choose settings with two "
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
    preprocessing : probability with which a key of one bit is flipped, or its channel; 0 for any other key
    given : the original data, if the tolerances of ``observed`` had to be widened
    settings : of all parties, None where x and y say all; see :mod:`sdpbound.bell.key`
    merge : the key's value for each outcome; None where each has its own
    """

    observed: Observations
    x: int | None
    y: int | None
    preprocessing: Preprocessing = 0.0
    given: Observations | None = None
    settings: Settings | None = None
    merge: Merge | None = None

    @property
    def scenario(self) -> Scenario:
        return self.observed.scenario

    @property
    def figure(self) -> ConditionalEntropy:
        """The figure of merit of this question."""
        return ConditionalEntropy(self.x, self.y, self.preprocessing, self.settings, self.merge)

    @property
    def key(self) -> Settings:
        """One entry for each party: its setting, or None where its outcome is not in the key."""
        return self.settings or key_settings(self.scenario, self.x, self.y)

    @property
    def names_a_pair(self) -> bool:
        """Whether there are two parties, and the key is of Alice's outcome or of both, or a function of that."""
        return self.scenario.parties == 2 and self.settings is None

    @property
    def is_of_a_pair(self) -> bool:
        """Whether there are two parties, and the key is Alice's outcome or both as they are: what x and y say."""
        return self.names_a_pair and self.merge is None

    @property
    def alice(self) -> int:
        """The first party's setting; InvalidInput where its outcome is not in the key."""
        if self.x is None:
            raise InvalidInput(f"{self.figure} is not about the first party's outcome.")
        return self.x

    @property
    def sizes(self) -> tuple[int, ...]:
        """The numbers of outcomes of the key's parties, or of values of the function of them that is the key."""
        return outcomes_of_key(self.scenario, self.key) if self.merge is None else (max(self.merge) + 1,)

    def widened(self) -> EntropyQuestion:
        """The question with tolerances that reach into the set; see :func:`sdpbound.bounds.boundary.widened`."""
        return replace(self, observed=widened(self.observed), given=self.given or self.observed)

    @property
    def outcomes(self) -> int:
        """The number of values of the key."""
        return prod(self.sizes)

    @property
    def most(self) -> float:
        """The entropy in bits of uniform values of the key, which none exceeds."""
        return log2(self.outcomes)

    @cached_property
    def effects(self) -> Floats:
        """(outcomes, *shape) the effects of the key's values, the last party's fastest, in moment coordinates."""
        return merged(key_effects(self.scenario, self.key), self.merge)

    @cached_property
    def bits(self) -> tuple[tuple[Floats, Floats, Floats], ...]:
        """The effects (M, M_0, M_1) of each bit of the key, in moment coordinates.

        The bits of the first party's outcome come first, then for each of its outcomes those of the next party, and so
        on.
        """
        shape, sizes = self.scenario.shape, self.sizes
        effects = self.effects
        found: list[tuple[Floats, Floats, Floats]] = []
        for depth, size in enumerate(sizes):
            # one row for each outcome of the parties before, the outcomes of the parties after added up
            table = effects.reshape(prod(sizes[:depth]), size, -1, *shape)
            for row in table:
                found += _tree([_sum_of(list(part)) for part in row])
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
    return [(_sum_of(effects), _sum_of(first), _sum_of(rest)), *_tree(first), *_tree(rest)]


def _sum_of(tensors: list[Floats]) -> Floats:
    return np.asarray(np.sum(tensors, axis=0), dtype=np.float64)
