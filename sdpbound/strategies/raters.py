"""What estimates the rate of devices, with its slopes: for one key, for entropies, and for post-processings."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.channel import passed
from sdpbound.errors import Infeasible, SolverFailure
from sdpbound.rates.postprocessing.postprocessing import PostProcessing
from sdpbound.strategies.estimates import Estimator, Numbers, nudged, preprocessing_of
from sdpbound.strategies.use import Use

__all__ = ["Near", "OfPostProcessing", "OneKey", "Rater", "leakage_in_floats", "leakage_slopes"]

#: The step of slopes of the cost of errors, relative to the numbers of the preprocessing.
_STEP = 1e-3


@dataclass(frozen=True, eq=False)
class Near:
    """An estimated rate in bits, and how it changes.

    Attributes
    ----------
    rate : bits a round
    elsewhere : about the rate of another behaviour, but for a constant; finite
    by_ahead : the slope in each number of the preprocessing
    """

    rate: float
    elsewhere: Callable[[Behaviour], float]
    by_ahead: Numbers


class Rater(ABC):
    """What estimates the rate of devices."""

    @abstractmethod
    def near(self, use: Use, behaviour: Behaviour, ahead: Numbers, slope: bool) -> Near | None:
        """The rate of a behaviour; ``slope``: whether those by the numbers ahead are wanted. None: nothing is known."""

    @abstractmethod
    def finer(self, rate: float) -> Rater:
        """The one for the last steps of a search, near a rate in bits."""


@dataclass(eq=False)
class OneKey(Rater):
    """One key's rate, or an entropy: where ``is_key`` errors are corrected."""

    estimator: Estimator
    is_key: bool

    def near(self, use: Use, behaviour: Behaviour, ahead: Numbers, slope: bool) -> Near | None:
        data = use.observed(behaviour)
        found = self.estimator.estimate(data, (use.x, None if self.is_key else use.y), ahead, slope)
        rate = found.value - self._cost(use, behaviour, ahead)
        if not math.isfinite(rate):
            return None
        expression = np.tensordot(found.multipliers, data.coefficients, axes=1).reshape(-1)

        def elsewhere(there: Behaviour) -> float:
            return float(expression @ there.moments.reshape(-1)) - self._cost(use, there, ahead)

        by_ahead = found.by_ahead
        if slope and self.is_key:
            costs = leakage_slopes(behaviour.joint(use.x, use.y or 0), ahead)
            by_ahead = tuple(gain - cost for gain, cost in zip(by_ahead, costs, strict=True))
        return Near(rate, elsewhere, by_ahead)

    def finer(self, rate: float) -> Rater:
        return OneKey(self.estimator.finer(rate), self.is_key)

    def _cost(self, use: Use, behaviour: Behaviour, ahead: Numbers) -> float:
        return leakage_in_floats(behaviour.joint(use.x, use.y or 0), ahead) if self.is_key else 0.0


@dataclass(eq=False)
class OfPostProcessing(Rater):
    """The rate of a key with a post-processing; the number ahead is that of its flips, where these are searched."""

    by: PostProcessing
    memory: object = None

    def near(self, use: Use, behaviour: Behaviour, ahead: Numbers, slope: bool) -> Near | None:
        by = self.by.with_flips(ahead[0])
        try:
            found = by.estimated(behaviour, use.observed(behaviour), self.memory)
        except (Infeasible, SolverFailure):
            return None
        self.memory = found.memory

        def elsewhere(there: Behaviour) -> float:
            value = found.at(there, use.observed(there))
            return value if math.isfinite(value) else found.rate

        return Near(found.rate, elsewhere, (found.by_flips,))

    def finer(self, rate: float) -> Rater:
        return self


def leakage_in_floats(joint: Floats, ahead: Numbers) -> float:
    """H(A|B) in bits of a table p[a, b], Alice's bit flipped with a probability, or behind a channel of two."""
    table = np.array(passed(preprocessing_of(ahead), joint)) if any(ahead) else joint

    def shannon(p: Floats) -> float:
        positive = p[p > 0.0]
        return float(-(positive * np.log2(positive)).sum())

    return shannon(table) - shannon(table.sum(axis=0))


def leakage_slopes(joint: Floats, ahead: Numbers) -> Numbers:
    """How H(A|B) of a table changes with each number of the preprocessing; 0 for those that are 0."""

    def slope(n: int) -> float:
        h = _STEP * ahead[n]
        up, down = (leakage_in_floats(joint, nudged(ahead, n, d)) for d in (h, -h))
        return (up - down) / (2.0 * h) if h else 0.0

    return tuple(map(slope, range(len(ahead))))
