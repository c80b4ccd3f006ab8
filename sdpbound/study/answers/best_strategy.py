"""The search for the strategy of a family that is best for a rate under the noise of a task, or survives most of it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from sdpbound.bell.channel import Preprocessing
from sdpbound.bell.noise.noise import Noise
from sdpbound.bell.tested import require_left_out
from sdpbound.strategies.best import Found, found_near, landscapes_of
from sdpbound.strategies.critical import walked
from sdpbound.strategies.options import CriticalStrategyOptions, StrategyOptions
from sdpbound.study.answers.blank import at_point
from sdpbound.study.plan import Point, Task
from sdpbound.study.quantities.kind import Walked

__all__ = ["Searched", "best_strategy_of", "critical_strategy_of"]


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search found: the point, what its key passes, and of a critical value where the search ended."""

    point: Point
    preprocessing: Preprocessing
    walked: Walked | None = None


def best_strategy_of(task: Task) -> Searched:
    """Return the point at which a rate is largest, as far as a search finds, and the flips or the channel there.

    It is the search of :func:`sdpbound.best_strategy`, for the tests of the task and the rate that its quantities
    share; for a finite length it is the length of so many rounds, with the library's default security. The noise says
    which lost outcomes are kept. The search depends on nothing else: not on the methods by which rows are proven, on
    other tasks, or on other quantities. Nothing is proven here.

    Raises SolverFailure if no start has a rate that can be estimated.
    """
    how = _options(task)
    noise = at_point(task, task.point).noise
    return _searched(task, found_near(landscapes_of(noise, task.point.family, _key(task), how), how, how.starts))


def critical_strategy_of(task: Task) -> Searched:
    """Return the strategy that survives most of the noise whose critical value is asked for, as far as a search finds.

    It is the search of :func:`sdpbound.critical_strategy`, from the search's ``begin`` towards all noise, with steps as
    narrow as the resolution of the quantity. Nothing is proven here.

    Raises SolverFailure if no start has a rate above zero where it begins.
    """
    asked, search = task.quantities[0], task.strategy
    assert search is not None
    own = _options(task)
    how = CriticalStrategyOptions(
        width=asked.width, **{field.name: getattr(own, field.name) for field in fields(StrategyOptions)}
    )
    here = at_point(task, task.point)

    def noise_of(value: float) -> Noise:
        noise = here.at_noise(asked.kind.driven, value).noise
        assert noise is not None
        return noise

    walk = walked(noise_of, (search.begin, 0.0), task.point.family, _key(task), how)
    value, found = walk.steps[-1]
    return _searched(task, found, Walked(value, walk.nowhere))


def _options(task: Task) -> StrategyOptions:
    """Return the options of the search of a task."""
    search, asked = task.strategy, task.quantities[0]
    assert search is not None and task.observed is not None
    scenario = task.point.member.scenario
    tests, tested = require_left_out(scenario, task.observed)
    bobs = None if tested is None else tested[1]
    rate = asked.kind.searched
    return StrategyOptions(
        rate=rate,
        tested=tests,
        tested_settings=tuple(range(scenario.settings[1])) if bobs is None else tuple(bobs),
        keep_no_click=False,
        preprocessing=(asked.preprocessing or 0.0) if rate == "key" else None,
        postprocessing=asked.postprocessing,
        starts=search.starts,
        seed=search.seed,
        near=tuple(dict(point) for point in search.near),
        attack=False,
        rounds=asked.rounds,
    )


def _key(task: Task) -> tuple[int, int | None]:
    asked = task.quantities[0]
    return asked.settings if asked.postprocessing is None else (0, None)


def _searched(task: Task, found: Found, ended: Walked | None = None) -> Searched:
    values: dict[str, Any] = found.landscape.values(found.summit.point)
    family = task.point.family
    at = tuple(values[axis.name] + 0.0 for axis in family.axes)
    place = Point(task.point.name, task.point.where, at, family).place
    return Searched(task.point.found(place), found.landscape.preprocessing_at(found.summit.point), ended)
