"""What a study will be, before it runs: how many numbers, about how long, and the first of them."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from sdpbound.errors import InvalidInput
from sdpbound.study.answers.evaluate import evaluate
from sdpbound.study.at_hand import Study
from sdpbound.study.file.questions import AdversarySettings
from sdpbound.study.plan import Task, added_columns
from sdpbound.study.quantities.kind import Group
from sdpbound.study.store import Store
from sdpbound.tables.columns import COLUMNS, Row

__all__ = ["Estimate", "estimate"]

#: Points that samples are drawn from, and most samples of a kind.
_CANDIDATES = 64


@dataclass(frozen=True, slots=True)
class Estimate:
    """The time of a study from some timed samples.

    Attributes
    ----------
    samples : tasks timed
    seconds : of solving in all, on one core: the mean of each kind of task times its number
    error : the standard error of that, by the scatter of the samples; 0 where there are too few to tell
    left : the part of ``seconds`` of tasks that the store does not have yet
    rows : the first rows
    """

    samples: int
    seconds: float
    error: float
    left: float
    rows: list[Row]


def estimate(study: Study, budget: float = 10.0, rows: int = 8) -> Estimate:
    """Time samples of each kind of task (group, data tested, adversary), over all points, for about ``budget`` s.

    Every kind is sampled at least once; the first sample of a kind builds what later ones share and is solved again.
    Nothing is stored.
    """
    if not budget > 0.0:
        raise InvalidInput(f"budget = {budget!r} must be a positive number of seconds.")
    kinds: dict[_Kind, _Sample] = {}
    first: list[Task] = []
    step = max(1, study.plan.points // _CANDIDATES)
    point, number = "", -1
    for batch, missing in _missing(study):
        for task, left in zip(batch, missing, strict=True):
            if task.point.name != point:
                point, number = task.point.name, number + 1
            if len(first) < rows:
                first.append(task)
            kind = kinds.setdefault((task.observed, task.adversary, task.group), _Sample())
            kind.number += 1
            kind.left += left
            if number % step == 0 and len(kind.tasks) < _CANDIDATES:
                kind.tasks.append(task)
    shown = _first_rows(study, first, rows)
    _time(list(kinds.values()), budget)
    return Estimate(
        sum(len(kind.times) for kind in kinds.values()),
        sum(kind.number * kind.mean for kind in kinds.values()),
        sum((kind.number * kind.error) ** 2 for kind in kinds.values()) ** 0.5,
        sum(kind.left * kind.mean for kind in kinds.values()),
        shown,
    )


_Kind = tuple[str | None, AdversarySettings | None, Group]


@dataclass
class _Sample:
    """The tasks of one kind: some of them with their seconds, how many there are, and how many of them are left."""

    tasks: list[Task] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    number: int = 0
    left: int = 0

    @property
    def mean(self) -> float:
        return statistics.fmean(self.times)

    @property
    def error(self) -> float:
        """Standard error of the mean."""
        return statistics.stdev(self.times) / len(self.times) ** 0.5 if len(self.times) > 1 else 0.0


def _missing(study: Study) -> Iterator[tuple[list[Task], list[bool]]]:
    """All tasks in batches, and whether the store lacks some of their cells."""
    with ExitStack() as stack:
        store = stack.enter_context(Store.read(study.store_path)) if study.store_path.is_file() else None
        for batch in study.batches():
            present = {} if store is None else store.present([key for _, keys in batch for key in keys])
            yield [task for task, _ in batch], [not all(key in present for key in keys) for _, keys in batch]


def _time(kinds: list[_Sample], budget: float) -> None:
    """Time tasks of all kinds in turns, each at least once; the first of a kind is solved twice, to warm it up."""
    generator = random.Random(1)
    for kind in kinds:
        generator.shuffle(kind.tasks)
        evaluate(kind.tasks[0])
    end = time.perf_counter() + budget
    for turn in range(_CANDIDATES):
        for kind in kinds:
            if turn < len(kind.tasks) and (turn == 0 or time.perf_counter() < end):
                start = time.perf_counter()
                evaluate(kind.tasks[turn])
                kind.times.append(time.perf_counter() - start)


def _first_rows(study: Study, tasks: Sequence[Task], count: int) -> list[Row]:
    """The first rows that the study would have."""
    shown: list[Row] = []
    added = [column.name for column in study.spec.columns]
    for task in tasks:
        for cell in evaluate(task).cells:
            for row in cell:
                name = task.point.name if row["place"] is None else f"{task.point.name}/{row['place']}"
                where = task.point.where if row["place"] is None else "best"
                named = {"study": study.name, "point": name, "where": where, "family": task.point.family.name} | row
                named |= zip(added, added_columns(task, added), strict=True)
                shown.append({column: named[column] for column in (*COLUMNS, *added)})
        if len(shown) >= count:
            break
    return shown[:count]
