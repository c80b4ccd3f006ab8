"""The noise that the best strategies survive: followed from strategy to strategy as the noise grows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Unpack

from sdpbound.arguments import instance, numbered, with_changes
from sdpbound.bell.families.family import Family
from sdpbound.bell.noise.noise import Noise
from sdpbound.errors import InvalidParameter, SolverFailure
from sdpbound.rates.postprocessing.postprocessing import PostProcessing
from sdpbound.rates.rate import Rate
from sdpbound.rates.thresholds import Threshold
from sdpbound.strategies.best import BestStrategy, Found, attack_of, found_near, landscapes_of, numbers_of, proven
from sdpbound.strategies.options import CriticalStrategyChanges, CriticalStrategyOptions

__all__ = ["Walk", "critical_strategy", "walked"]

#: The first step as a part of the interval; steps grow by this factor where the rate stays above the target.
_FIRST, _GROWTH = 0.125, 1.5
#: A rate counts as above the target if it is so by this many bits, of which a proof can lose most.
_CLEAR = 1e-6
#: Most noises at which an attack on the last strategy is tried, from one width beyond it outwards.
_MOST_ATTACKS = 12


@dataclass(eq=False)
class Walk:
    """The noises at which strategies were found, in order, with what was found there.

    Attributes
    ----------
    noise_of, families, key, how, target : what :func:`critical_strategy` was asked
    steps : a noise and what was found there, in order
    nowhere : a noise at which no start found a rate above the target; None if the walk came to its end
    """

    noise_of: Callable[[float], Noise]
    families: Family | Sequence[Family] | None
    key: tuple[int, int | None]
    how: CriticalStrategyOptions
    target: float
    steps: list[tuple[float, Found]] = field(default_factory=list)
    nowhere: float | None = None

    def search(self, value: float, near: tuple[Mapping[str, float], ...], starts: int) -> Found | None:
        """The best end at a noise, if its rate is above the target; it joins the walk."""
        families = self.steps[-1][1].landscape.family if self.steps and starts <= len(near) else self.families
        how = replace(self.how, near=near)
        noise = _noise_at(self.noise_of, value)
        try:
            found = found_near(landscapes_of(noise, families, self.key, how), how, starts)
        except SolverFailure:
            return None
        if found.summit.rate <= self.target + _CLEAR:
            return None
        self.steps.append((value, found))
        return found

    def ahead(self, value: float) -> tuple[dict[str, float], ...]:
        """Points to start from at the next noise: the last one, moved on as it moved before, and as it was."""
        points = [_point(found) for _, found in self.steps[-2:]]
        last = points[-1]
        if len(points) < 2 or points[0].keys() != last.keys():
            return (last,)
        part = (value - self.steps[-1][0]) / (self.steps[-1][0] - self.steps[-2][0])
        moved = {name: _moved(points[0][name], last[name], part) for name in last}
        return moved, last


def critical_strategy(
    noise_of: Callable[[float], Noise],
    between: tuple[float, float],
    family: Family | Sequence[Family] | None = None,
    x: int = 0,
    y: int | None = None,
    options: CriticalStrategyOptions | None = None,
    **changes: Unpack[CriticalStrategyChanges],
) -> BestStrategy:
    """The strategy whose certified rate survives most noise, as far as a search finds, and how much that is.

    The search goes from one noise towards another: each strategy starts from those before, and before it ends all
    starts are tried once more, one ``width`` beyond the last strategy with a rate above the target.

    Parameters
    ----------
    noise_of : the noise at a value, such as ``sb.DetectionInefficiency`` or ``sb.WhiteNoise``
    between : two values: where the rate is above the target for some strategy, and where for none
    family, x, y : as in :func:`sdpbound.best_strategy`
    options : what is searched for and how, default CriticalStrategyOptions()
    changes : single options by their names: those of :func:`sdpbound.best_strategy`, and target, width, quantity

    Returns
    -------
    BestStrategy at the last noise with a rate proven above the target. Its ``critical`` is a Threshold: ``alive`` that
    noise, and ``dead`` one at which an attack on this very strategy leaves no more than the target, both proven. Its
    ``nowhere`` is a noise at which no start found a rate above the target by 1e-6 bits: that is searched, and no proof
    that there is none

    Raises
    ------
    InvalidParameter, SolverFailure
        The two values are no such numbers; there is no rate above the target at the first.

    >>> import sdpbound as sb
    >>> near = ({"theta": 0.785, "a0": 0.0, "a1": 1.57, "b0": 0.785, "b1": -0.785},)
    >>> how = sb.CriticalStrategyOptions(rate="local randomness", tested="correlators", quantity="visibility",
    ...                                  target=0.5, width=0.02, starts=1, near=near)
    >>> best = sb.critical_strategy(sb.WhiteNoise, (0.92, 0.86), sb.family_named("two_qubit"), options=how)
    >>> best.critical.dead < best.critical.alive < 0.91, best.rate.value > 0.5
    (True, True)
    """
    how = with_changes(options, CriticalStrategyOptions(), changes, "critical_strategy")
    good, bad = _ends(between)
    if not callable(noise_of):
        raise InvalidParameter(
            f"noise_of = {noise_of!r:.60} must be a function from a number to a Noise, such as "
            "sb.DetectionInefficiency without arguments, or lambda v: sb.WhiteNoise(v)."
        )
    for end in (good, bad):
        _noise_at(noise_of, end)
    target, width = float(how.target), float(how.width)
    walk = walked(noise_of, (good, bad), family, (x, y), how)
    while True:
        value, found = walk.steps.pop()
        best = proven(found, walk.noise_of(value), how)
        if best.rate.value > target or not walk.steps:
            break
    if not best.rate.value > target:
        raise SolverFailure(f"the rate at {value:g} is not proven to be above {target:g}; give a smaller tolerance.")
    dead, attack = _dead(walk, found, (value, bad, math.copysign(width, bad - good)), best.rate.postprocessing)
    numbers = tuple(best.point.items())
    line = Threshold(how.quantity, value, dead, best.rate, attack, target, best.evaluations, numbers)
    return replace(best, critical=line, nowhere=walk.nowhere)


def walked(
    noise_of: Callable[[float], Noise],
    between: tuple[float, float],
    family: Family | Sequence[Family] | None,
    key: tuple[int, int | None],
    how: CriticalStrategyOptions,
) -> Walk:
    """The search of :func:`critical_strategy` by estimates: nothing is proven of its steps.

    Raises InvalidParameter if the width is no part of the way, and SolverFailure if no start has a rate above the
    target at the first noise.
    """
    (good, bad), target, width = between, float(how.target), float(how.width)
    if not width < abs(good - bad):
        raise InvalidParameter(f"width = {width:g} must be below the distance from {good:g} to {bad:g}; take a tenth.")
    walk = Walk(noise_of, family, key, how, target)
    if walk.search(good, how.near, how.starts) is None:
        raise SolverFailure(
            f"no start has a rate above {target:g} at {good:g}; begin with less noise, or try more starts."
        )
    walk.nowhere = _followed(walk, bad, width)
    return walk


def _noise_at(noise_of: Callable[[float], Noise], value: float) -> Noise:
    return instance(noise_of(value), Noise, "noise_of(value)", "DetectionInefficiency(value)")


def _ends(between: object) -> tuple[float, float]:
    if not isinstance(between, Sequence) or isinstance(between, str) or len(between) != 2:
        raise InvalidParameter(f"between = {between!r:.60} must be two numbers, such as (0.9, 0.7).")
    good, bad = (numbered(end, "between") for end in between)
    if not (math.isfinite(good) and math.isfinite(bad)) or good == bad:
        raise InvalidParameter(f"between = {between!r:.60} must be two different finite numbers, such as (0.9, 0.7).")
    return good, bad


def _followed(walk: Walk, bad: float, width: float) -> float | None:
    """Walk as far as rates stay above the target; the noise at which no start had one, None if ``bad`` was reached."""
    good = walk.steps[0][0]
    direction = math.copysign(1.0, bad - good)
    step = max(_FIRST * abs(bad - good), width)
    while True:
        at = walk.steps[-1][0]
        left = abs(bad - at)
        if left < 0.5 * width:
            return None
        value = at + direction * min(step, left)
        near = walk.ahead(value)
        if walk.search(value, near, len(near)) is not None:
            step *= _GROWTH
        elif step > width:
            step = max(0.5 * step, width)
        elif walk.search(value, near, max(walk.how.starts, len(near) + 1)) is None:
            return value


def _dead(
    walk: Walk, found: Found, line: tuple[float, float, float], by: PostProcessing | None
) -> tuple[float | None, Rate | None]:
    """A noise past ``alive`` at which an attack leaves no more than the target of this strategy, with the attack.

    ``line`` is the noise at which it is alive, the end of the search, and the first step towards that.
    """
    alive, bad, direction = line
    landscape, point = found.landscape, found.summit.point
    strategy, flips = landscape.strategy(point), landscape.preprocessing_at(point)
    distance = direction
    for _ in range(_MOST_ATTACKS):
        value = alive + distance
        if (value - bad) * direction > 0.0:
            value = bad
        use = replace(landscape.use, noise=walk.noise_of(value))
        behaviour = use.behaviour(strategy)
        attack = attack_of(use, behaviour, use.observed(behaviour), flips, walk.how, by)
        if attack is not None and attack.exact and attack.value <= walk.target:
            return value, attack
        if value == bad:
            break
        distance *= 1.5
    return None, None


def _point(found: Found) -> dict[str, float]:
    landscape, point = found.landscape, found.summit.point
    return {**landscape.values(point), **numbers_of(landscape.preprocessing_at(point))}


def _moved(before: float, last: float, part: float) -> float:
    """A number moved on as it moved before, but by no more than a third of itself."""
    most = abs(last) / 3.0
    return last + max(min(part * (last - before), most), -most)
