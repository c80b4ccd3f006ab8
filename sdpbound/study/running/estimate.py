"""The estimate of a study before it runs: how many numbers it has, about how long it takes, and its first numbers.

Samples are solved in a process of their own, so that a long task can be stopped when the time is over.
"""

from __future__ import annotations

import random
import statistics
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace

from sdpbound.adversaries import ADVERSARIES
from sdpbound.errors import InvalidInput, SolverFailure
from sdpbound.study.at_hand import Study
from sdpbound.study.file.questions import AdversarySettings
from sdpbound.study.plan import Task
from sdpbound.study.quantities.kind import Group
from sdpbound.study.running.ahead import compile_ahead
from sdpbound.study.running.solver_process import NotStarted, SolverProcess, Stopped
from sdpbound.study.store import Store
from sdpbound.study.store.answer import Answer
from sdpbound.tables.columns import COLUMNS, Row

__all__ = ["Estimate", "Slow", "Unreached", "estimate"]

#: Points from which samples are drawn, and most samples of a kind.
_CANDIDATES = 64
#: Least seconds for samples, even if fewer are asked for: the first task of a process imports its solver.
LEAST = 5.0
#: How much more a task of a group costs than one bound, and how much more a level of the hierarchy costs than the level
#: below. The numbers are rough guesses, only for the order in which kinds are tried.
_GROUP_COST = {"entropy": 10.0, "threshold": 100.0}
_LEVEL_COST = 4.0
#: How much more a search for a strategy from one start, or a length by Renyi entropies, costs than the entropy there.
_SEARCH_COST, _RENYI_COST = 10.0, 30.0


@dataclass(frozen=True, slots=True)
class Unreached:
    """A kind of tasks of which none was answered in time.

    Attributes
    ----------
    text : the kind of tasks: adversary, tested data and quantities
    tasks : number of tasks of this kind in the study
    seconds : seconds after which one task was stopped; 0 if none was tried
    """

    text: str
    tasks: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Slow:
    """A kind of tasks of one quantity each that takes seconds.

    Attributes
    ----------
    text : the kind of tasks: adversary, tested data and quantities
    tasks : number of tasks of this kind in the study
    seconds : mean time of one, of those that were timed
    """

    text: str
    tasks: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """The time of a study from some timed samples.

    Attributes
    ----------
    samples : number of tasks timed
    seconds : seconds of solving on one core: for each kind of task, the mean time times the number of tasks; a lower
        bound where some kinds were not reached
    error : standard error of ``seconds``, from the scatter of the samples; 0 where there are too few samples
    left : part of ``seconds`` for tasks that the store does not have yet
    rows : those of the first rows that were reached
    unreached : kinds of tasks without an answer
    slow : kinds of tasks of one quantity that takes seconds, lengths by Renyi entropies
    """

    samples: int
    seconds: float
    error: float
    left: float
    rows: list[Row]
    unreached: tuple[Unreached, ...] = ()
    slow: tuple[Slow, ...] = ()


def estimate(study: Study, budget: float = 10.0, rows: int = 8) -> Estimate:
    """Time samples of each kind of task (group, tested data, adversary), over all points, for ``budget`` seconds.

    The time begins when loops are compiled and the process that solves is ready, and is at least :data:`LEAST` seconds.
    A task that runs at its end is stopped. Cheap kinds come first, as far as the cost can be guessed, so that a kind
    that takes too long takes no time from the others. The first task of a kind builds structures that later tasks
    share, and is not timed. Lengths by Renyi entropies are kinds of their own, one length a task; none is asked twice,
    since a process keeps its bound. Of a search for strategies one start is timed, and counted as often as it has
    starts; such rows are not shown.
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
            if task.strategy is None and sum(len(earlier.quantities) for earlier in first) < rows:
                first.append(task)
            kind = kinds.setdefault(_kind(task), _Sample())
            kind.number += 1
            kind.left += left
            if number % step == 0 and len(kind.tasks) < _CANDIDATES:
                kind.tasks.append(_of_one_start(task))
                kind.starts = 1 if task.strategy is None else task.strategy.starts
    samples = list(kinds.values())
    generator = random.Random(1)
    for sample in samples:
        generator.shuffle(sample.tasks)
    samples.sort(key=lambda sample: sample.cost)
    answers: dict[int, Answer] = {}
    compile_ahead()
    with closing(_Bench(budget)) as bench:
        for sample in samples:
            own = {place: task for place, task in enumerate(first) if kinds[_kind(task)] is sample}
            answers |= _try(bench, sample, own)
        _time(bench, samples)
    return Estimate(
        sum(len(sample.times) for sample in samples),
        sum(sample.number * sample.starts * sample.mean for sample in samples),
        sum((sample.number * sample.starts * sample.error) ** 2 for sample in samples) ** 0.5,
        sum(sample.left * sample.starts * sample.mean for sample in samples),
        [row for place in sorted(answers) for row in _rows(study, first[place], answers[place])][:rows],
        tuple(Unreached(s.text, s.number, s.given) for s in samples if not s.reached),
        tuple(Slow(s.text, s.number, s.starts * s.mean) for s in samples if s.reached and s.alone),
    )


_Kind = tuple[str | None, AdversarySettings | None, Group, str]


def _kind(task: Task) -> _Kind:
    return task.observed, task.adversary, task.group, _titles(task) if _is_alone(task) else ""


def _titles(task: Task) -> str:
    return ", ".join(dict.fromkeys(quantity.title for quantity in task.quantities))


def _is_alone(task: Task) -> bool:
    """Whether a task has a quantity that takes seconds, whose bound a process keeps for the second time."""
    return any(quantity.alone for quantity in task.quantities)


@dataclass
class _Sample:
    """The tasks of one kind: some of them with their seconds, the number of all, and the number of those that are left.

    ``first`` is the seconds of the first task. ``given`` is the seconds after which the first task was stopped, if it
    was. ``starts`` is how many starts each has, of which the samples have one.
    """

    tasks: list[Task] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    number: int = 0
    left: int = 0
    starts: int = 1
    given: float = 0.0
    first: float | None = None
    asked: list[Task] = field(default_factory=list)

    @property
    def alone(self) -> bool:
        return _is_alone(self.tasks[0])

    def next(self, turn: int) -> Task | None:
        """Return the task to be timed in a turn, if there is one; a quantity that is kept is not asked twice."""
        own = self.tasks[turn] if turn < len(self.tasks) else None
        if not self.alone:
            return own
        return next((task for task in self.tasks if task not in self.asked), None) if own is not None else None

    @property
    def reached(self) -> bool:
        return self.first is not None

    @property
    def mean(self) -> float:
        if self.times:
            return statistics.fmean(self.times)
        return self.given if self.first is None else self.first

    @property
    def error(self) -> float:
        """Standard error of the mean."""
        return statistics.stdev(self.times) / len(self.times) ** 0.5 if len(self.times) > 1 else 0.0

    @property
    def cost(self) -> float:
        """A guess of the cost of one task, to compare kinds."""
        task = self.tasks[0]
        level: str | Sequence[str] = "1"
        if task.adversary is not None and ADVERSARIES.named(task.adversary.model, "model").takes_level:
            level = task.adversary.level or "2"
        terms = level.split("+") if isinstance(level, str) else level
        degree = max(int(term) if term.isdigit() else len(term) for term in terms)
        more = (1.0 if task.strategy is None else _SEARCH_COST) * (_RENYI_COST if _is_alone(task) else 1.0)
        return _GROUP_COST.get(task.group, 1.0) * _LEVEL_COST**degree * more

    @property
    def text(self) -> str:
        """The kind of the tasks, in words."""
        task = self.tasks[0]
        parts: list[str] = [] if task.adversary is None else [task.adversary.model]
        if task.adversary is not None and task.adversary.level is not None:
            parts.append(f"level {task.adversary.level}")
        if task.observed is not None:
            parts.append(f"{task.observed} tested")
        names = _titles(task)
        return f"{names} ({', '.join(parts)})" if parts else names


def _of_one_start(task: Task) -> Task:
    """Return a task that searches a strategy from one start, and any other task as it is."""
    return task if task.strategy is None else replace(task, strategy=replace(task.strategy, starts=1))


def _missing(study: Study) -> Iterator[tuple[list[Task], list[bool]]]:
    """Yield all tasks in batches, each with whether the store lacks some of its cells."""
    with ExitStack() as stack:
        store = stack.enter_context(Store.read(study.store_path)) if study.store_path.is_file() else None
        for batch in study.batches():
            present = {} if store is None else store.present([key for _, keys in batch for key in keys])
            yield [task for task, _ in batch], [not all(key in present for key in keys) for _, keys in batch]


class _Bench:
    """A solver process that is stopped when its time is over."""

    def __init__(self, budget: float) -> None:
        self._solver = SolverProcess()
        try:
            self._solver.start()
        except NotStarted as error:
            raise _not_started(error) from None
        now = time.perf_counter()
        self._end, self._stop = now + budget, now + max(budget, LEAST)
        self._timer = threading.Timer(max(budget, LEAST), self._solver.stop)
        self._timer.daemon = True
        self._timer.start()

    @property
    def left(self) -> float:
        """Seconds until the process is stopped."""
        return max(0.0, self._stop - time.perf_counter())

    @property
    def over(self) -> bool:
        """Whether the time that the caller asked for is over."""
        return time.perf_counter() >= self._end

    def ask(self, task: Task) -> tuple[Answer | None, float]:
        """Return the answer to a task and its seconds.

        The answer is None if the process was stopped before.
        """
        if self._solver.stopped:
            return None, 0.0
        start = time.perf_counter()
        answer = None
        try:
            answer = self._solver.answer(task)
        except Stopped:
            pass
        except NotStarted as error:
            raise _not_started(error) from None
        return answer, time.perf_counter() - start

    def close(self) -> None:
        self._timer.cancel()
        self._solver.close()


def _not_started(error: NotStarted) -> SolverFailure:
    return SolverFailure(f"no process can be started to time samples in: {error}.")


def _try(bench: _Bench, sample: _Sample, shown: Mapping[int, Task]) -> dict[int, Answer]:
    """Solve one task of a kind and time another one.

    Then solve the tasks whose rows are shown, in half of the time left.
    """
    places = iter(shown)
    place = next(places, None)
    task = sample.tasks[0] if place is None else shown[place]
    answer, seconds = bench.ask(task)
    if answer is None:
        sample.given = seconds
        return {}
    sample.first, sample.asked = seconds, [task]
    answers = {} if place is None else {place: answer}
    _time_one(bench, sample, 0)
    stop = bench.left / 2.0
    for place in places:
        answer, _ = bench.ask(shown[place]) if bench.left > stop else (None, 0.0)
        if answer is None:
            break
        answers[place] = answer
        sample.asked.append(shown[place])
    return answers


def _time_one(bench: _Bench, sample: _Sample, turn: int) -> None:
    """Time a task of a kind."""
    task = sample.next(turn)
    if task is None:
        return
    answer, seconds = bench.ask(task)
    if answer is not None:
        sample.times.append(seconds)
        sample.asked.append(task)


def _time(bench: _Bench, samples: Sequence[_Sample]) -> None:
    """Time further tasks of all kinds that were reached, in turns, until the time is over."""
    for turn in range(1, _CANDIDATES):
        for sample in samples:
            if sample.reached and not bench.over:
                _time_one(bench, sample, turn)


def _rows(study: Study, task: Task, answer: Answer) -> list[Row]:
    """Return the rows of an answer, with the columns of the study."""
    shown: list[Row] = []
    added = [column.name for column in study.spec.columns]
    for cell in answer.cells:
        for row in cell:
            name, where, numbers = task.shown(row["place"], added)
            named = {"study": study.name, "point": name, "where": where, "family": task.point.family.name} | row
            named |= zip(added, numbers, strict=True)
            shown.append({column: named[column] for column in (*COLUMNS, *added)})
    return shown
