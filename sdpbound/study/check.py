"""What a study will be, before it runs: how many numbers, about how long, and the first of them."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sdpbound.errors import InvalidInput
from sdpbound.study.evaluate import evaluate
from sdpbound.study.study import Study
from sdpbound.study.tasks import COLUMNS, Row, Task

__all__ = ["Estimate", "estimate"]

#: Points that samples are drawn from.
_CANDIDATES = 64


@dataclass(frozen=True, slots=True)
class Estimate:
    """The time of a study from some timed samples.

    Attributes
    ----------
    samples : tasks timed
    seconds : of solving in all, on one core: the mean of each kind of task times its number
    error : the standard error of that, by the scatter of the samples; 0 where there are too few to tell
    left : the part of ``seconds`` that the store does not have yet
    rows : the first rows
    """

    samples: int
    seconds: float
    error: float
    left: float
    rows: list[Row]


def estimate(study: Study, budget: float = 10.0, rows: int = 8) -> Estimate:
    """Time samples of each kind of task (data tested, adversary), spread over the points, for about ``budget`` seconds.

    Every kind is sampled at least once; the first sample of a kind builds what later ones share and is solved again.
    Nothing is stored.
    """
    if not budget > 0.0:
        raise InvalidInput(f"budget = {budget!r} must be a positive number of seconds.")
    plan = study.plan
    kinds: dict[tuple[object, ...], list[Task]] = {}
    first: list[Task] = []
    step = max(1, plan.points // _CANDIDATES)
    for number, group in enumerate(plan):
        if number == 0:
            first = group
        if number % step == 0:
            for task in group:
                kinds.setdefault(_kind(task), []).append(task)
    shown = _first_rows(study, first, rows)
    generator = random.Random(1)
    times: dict[tuple[object, ...], list[float]] = {}
    end = time.perf_counter() + budget
    queue = {kind: generator.sample(tasks, len(tasks)) for kind, tasks in kinds.items()}
    for tasks in queue.values():
        evaluate(tasks[0])
    number = 0
    while queue and (number == 0 or time.perf_counter() < end):
        for kind, tasks in list(queue.items()):
            start = time.perf_counter()
            evaluate(tasks[number])
            times.setdefault(kind, []).append(time.perf_counter() - start)
            if number + 1 == len(tasks):
                del queue[kind]
            if number and time.perf_counter() > end:
                break
        number += 1
    return _estimate(study, times, {kind: _number(study, tasks[0]) for kind, tasks in kinds.items()}, shown)


def _kind(task: Task) -> tuple[object, ...]:
    return task.observed, task.adversary, task.needs_solver


def _number(study: Study, task: Task) -> int:
    """The tasks of a kind in the study."""
    return study.plan.points * (1 if task.visibility is None else len(study.spec.visibilities))


def _estimate(
    study: Study, times: dict[tuple[object, ...], list[float]], numbers: dict[tuple[object, ...], int], shown: list[Row]
) -> Estimate:
    seconds = sum(numbers[kind] * statistics.fmean(found) for kind, found in times.items())
    variance = sum(
        (numbers[kind] * statistics.stdev(found)) ** 2 / len(found) for kind, found in times.items() if len(found) > 1
    )
    status = study.status()
    left = seconds * (1.0 - status.done / status.cells) if status.cells else 0.0
    return Estimate(sum(map(len, times.values())), seconds, variance**0.5, left, shown)


def _first_rows(study: Study, tasks: Sequence[Task], count: int) -> list[Row]:
    """The first rows that the study would have."""
    shown: list[Row] = []
    for task in tasks:
        for cell in evaluate(task).cells:
            for row in cell:
                name = task.point.name if row["place"] is None else f"{task.point.name}/{row['place']}"
                where = task.point.where if row["place"] is None else "best"
                named = {"study": study.name, "point": name, "where": where} | row
                shown.append({column: named[column] for column in COLUMNS})
        if len(shown) >= count:
            break
    return shown[:count]
