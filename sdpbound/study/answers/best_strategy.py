"""The search for the strategy of a family that is best for a rate under the noise of a task."""

from __future__ import annotations

from sdpbound.bell.channel import Preprocessing
from sdpbound.bell.tested import require_left_out
from sdpbound.strategies.best import found_near, landscapes_of
from sdpbound.strategies.options import StrategyOptions
from sdpbound.study.answers.blank import at_point
from sdpbound.study.plan import Point, Task

__all__ = ["best_strategy_of"]


def best_strategy_of(task: Task) -> tuple[Point, Preprocessing]:
    """Return the point at which a rate is largest, as far as a search finds, and the flips or the channel there.

    It is the search of :func:`sdpbound.best_strategy`, for the tests of the task and the rate that its quantities
    share. The noise says which lost outcomes are kept. The search depends on nothing else: not on the methods by which
    rows are proven, on other tasks, or on other quantities. Nothing is proven here.

    Raises SolverFailure if no start has a rate that can be estimated.
    """
    search, asked, family = task.strategy, task.quantities[0], task.point.family
    assert search is not None and task.observed is not None
    scenario = task.point.member.scenario
    tests, tested = require_left_out(scenario, task.observed)
    bobs = None if tested is None else tested[1]
    rate, by = asked.kind.searched, asked.postprocessing
    how = StrategyOptions(
        rate=rate,
        tested=tests,
        tested_settings=tuple(range(scenario.settings[1])) if bobs is None else tuple(bobs),
        keep_no_click=False,
        preprocessing=(asked.preprocessing or 0.0) if asked.kind.key else None,
        postprocessing=by,
        starts=search.starts,
        seed=search.seed,
        near=tuple(dict(point) for point in search.near),
        attack=False,
    )
    noise = at_point(task, task.point).noise
    settings = asked.settings if by is None else (0, None)
    found = found_near(landscapes_of(noise, family, settings, how), how, how.starts)
    values = found.landscape.values(found.summit.point)
    at = tuple(values[axis.name] + 0.0 for axis in family.axes)
    place = Point(task.point.name, task.point.where, at, family).place
    return task.point.found(place), found.landscape.preprocessing_at(found.summit.point)
