"""The rate of the members of a family as a function of their parameters, estimated, with its gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.channel import Preprocessing, channel_of
from sdpbound.bell.families.family import Family
from sdpbound.bell.strategy import Strategy
from sdpbound.errors import InvalidInput
from sdpbound.strategies.estimates import Numbers, ends_of
from sdpbound.strategies.raters import Rater
from sdpbound.strategies.use import Use

__all__ = ["LEAST_FLIPS", "Landscape"]

#: Slopes of data and of the cost of errors: differences of fourth order with this step, per unit of a parameter.
_STEP = 1e-3
_STENCIL = ((-2.0, 1.0 / 12.0), (-1.0, -2.0 / 3.0), (1.0, 2.0 / 3.0), (2.0, -1.0 / 12.0))
#: Parameters smaller than this are not taken as their own scale.
_LEAST_SCALE = 0.01
#: Flips are searched between these probabilities; none are a case of their own.
LEAST_FLIPS, MOST_FLIPS = 1e-4, 0.495
#: The probabilities of a channel go as far as their sum is below this.
MOST_CHANGES = 0.99


@dataclass(eq=False)
class Landscape:
    """The estimated rate at a point: the free axes of the family, and what is free of the preprocessing.

    Attributes
    ----------
    family, use : which devices, and what for
    fixed : values of axes that are not searched, those that count among them
    ahead : what the key bit passes: one number, the probability of a flip, or the two of a channel. Those that are
        None are searched, and are the last numbers of a point
    rater : what estimates the rate of devices
    evaluations : how many points were asked for
    best : the best point so far with its rate
    """

    family: Family
    use: Use
    fixed: dict[str, float]
    ahead: tuple[float | None, ...]
    rater: Rater
    evaluations: int = 0
    best: tuple[float, Floats | None] = (-math.inf, None)

    @property
    def names(self) -> list[str]:
        """The axes that are searched."""
        return [axis.name for axis in self.family.axes if axis.name not in self.fixed]

    @property
    def searched(self) -> int:
        """How many numbers of the preprocessing are searched."""
        return sum(number is None for number in self.ahead)

    @property
    def bounds(self) -> list[tuple[float, float]]:
        """The range of each number of a point, kept away from ends of ranges by the steps of the slopes."""
        margin = 2.0 * _STEP * _LEAST_SCALE
        found = [(axis.low + margin, axis.high - margin) for axis in self.family.axes if axis.name not in self.fixed]
        most = MOST_FLIPS if len(self.ahead) == 1 else MOST_CHANGES - LEAST_FLIPS
        return found + self.searched * [(LEAST_FLIPS, most)]

    def values(self, point: Floats) -> dict[str, float]:
        """The value of each axis."""
        own = dict(zip(self.names, map(float, point), strict=False))
        return {axis.name: self.fixed.get(axis.name, own.get(axis.name, 0.0)) for axis in self.family.axes}

    def numbers_at(self, point: Sequence[float] | Floats) -> Numbers:
        """The numbers of the preprocessing: one of flips, two of a channel."""
        free = iter(point[len(point) - self.searched :])
        return tuple(float(next(free)) if number is None else number for number in self.ahead)

    def preprocessing_at(self, point: Floats) -> Preprocessing:
        return channel_of(*ends_of(self.numbers_at(point)))

    def strategy(self, point: Floats) -> Strategy:
        member = self.family.at(self.values(point))
        if member.strategy is None:
            raise InvalidInput(f"{member.title} is a bare behaviour; best_strategy needs a family with strategies.")
        return member.strategy

    def point_of(self, values: dict[str, float], flips: float, other: float | None = None) -> Floats:
        """The point with these values of the axes and these flips, or with a channel of these probabilities."""
        given = (flips, flips if other is None else other)
        free = [p for p, number in zip(given, self.ahead, strict=False) if number is None]
        return np.array([float(values[name]) for name in self.names] + free)

    def rate(self, point: Floats) -> tuple[float, Floats]:
        """The estimated rate in bits, and its gradient; (-inf, 0) where nothing is known."""
        self.evaluations += 1
        ahead, gradient = self.numbers_at(point), np.zeros(len(point))
        if sum(ends_of(ahead)) > MOST_CHANGES:
            return -math.inf, gradient
        found = self.rater.near(self.use, self._behaviour(point), ahead, self.searched > 0)
        if found is None or not math.isfinite(found.rate):
            return -math.inf, gradient
        for i in range(len(self.names)):
            step = _STEP * max(abs(point[i]), _LEAST_SCALE)
            for times, weight in _STENCIL:
                other = point.copy()
                other[i] += times * step
                gradient[i] += weight * found.elsewhere(self._behaviour(other)) / step
        free = [n for n, number in enumerate(self.ahead) if number is None]
        for place, n in enumerate(free, start=len(self.names)):
            gradient[place] = found.by_ahead[n]
        if found.rate > self.best[0]:
            self.best = found.rate, point.copy()
        return found.rate, gradient

    def finer(self, rate: float) -> Landscape:
        """The landscape for the last steps of a search, near a rate in bits."""
        return replace(self, rater=self.rater.finer(rate), evaluations=0)

    def _behaviour(self, point: Floats) -> Behaviour:
        return self.use.behaviour(self.strategy(point))
