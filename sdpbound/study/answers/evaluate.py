"""The evaluation of a task: each quantity evaluates itself, and a program that several of them share is solved once."""

from __future__ import annotations

import time
import zlib
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_json

from sdpbound.bell.channel import BEST_CHANNEL, Preprocessing
from sdpbound.errors import Infeasible, InvalidInput
from sdpbound.limiting import unlimited
from sdpbound.rates.rates import best_channel, best_preprocessing
from sdpbound.study.answers.best_member import better_point, exceeds
from sdpbound.study.answers.best_strategy import best_strategy_of, critical_strategy_of
from sdpbound.study.answers.blank import at_point, blank
from sdpbound.study.file.spec import Quantity
from sdpbound.study.plan import Point, Task
from sdpbound.study.quantities.at_point import AtPoint
from sdpbound.study.quantities.kind import Asked, Certified, ProgramKind, Solved, Walked
from sdpbound.study.quantities.whose import key_settings_of, merge_of
from sdpbound.study.store.answer import Answer
from sdpbound.study.store.form import LARGEST, certificate_name
from sdpbound.tables.columns import Row

__all__ = ["evaluate", "failed"]


def evaluate(task: Task) -> Answer:
    """Solve a task, in full whatever limits of time are around: its answer is kept.

    The answer has a row for each quantity at its point, and one for each quantity that is better elsewhere.
    """
    with unlimited():
        return _evaluated(task)


def _evaluated(task: Task) -> Answer:
    evaluation = _Evaluation(task)
    if task.strategy is not None:
        return _at_the_best(task, evaluation)
    # The order is not the study's, so that the file's order changes no number: a search begins at points where earlier
    # quantities were solved. The key rate comes first. The key rate varies with its error correction even where the
    # guessing probability is constant, and so its search does not stop on a plateau.
    order = sorted(task.quantities, key=lambda quantity: (not quantity.kind.first, quantity.identity))
    cells = {quantity: [evaluation.row(task.point, quantity)] for quantity in order}
    if task.search is not None:
        for quantity in order:
            best = better_point(evaluation, quantity, cells[quantity][0])
            if best is not None:
                row = evaluation.row(best, quantity) | {"place": best.name}
                if exceeds(row, cells[quantity][0]):  # the search knows estimates only
                    cells[quantity].append(row)
    return Answer([cells[quantity] for quantity in task.quantities], evaluation.certificates)


def _at_the_best(task: Task, evaluation: _Evaluation) -> Answer:
    """Return the rows of the strategy that is best for the rate of a task.

    The first row has the time of the search besides its own.
    """
    start = time.perf_counter()
    try:
        found = best_strategy_of(task) if task.group != "threshold" else critical_strategy_of(task)
    # Solvers and linear algebra raise errors of many types. These rows have failed, and the study goes on.
    except Exception as error:
        return failed(task, _said(error))
    searched = time.perf_counter() - start
    cells = []
    for quantity in task.quantities:
        here = evaluation.here(found.point)
        here.once(("flips", quantity.program), lambda: found.preprocessing)
        here.once(("walked", quantity.program), lambda: found.walked)
        row = evaluation.row(found.point, quantity) | {"place": found.point.place}
        row["seconds"] = (row["seconds"] or 0.0) + searched
        cells.append([row])
        searched = 0.0
    return Answer(cells, evaluation.certificates)


def failed(task: Task, message: str) -> Answer:
    """Return the answer for a task that no solver answered."""
    return Answer([[blank(task, task.point, q) | {"status": "failed", "error": message}] for q in task.quantities])


class _TooLargeToStore(InvalidInput):
    """A certificate is larger than a store accepts."""


@dataclass
class _Evaluation:
    """What is solved so far for one task."""

    task: Task
    certificates: dict[str, bytes] = field(default_factory=dict)
    _here: dict[Point, _Here] = field(default_factory=dict)

    def here(self, point: Point) -> _Here:
        """Return what is known at a point."""
        if point not in self._here:
            self._here[point] = _Here(at_point(self.task, point), self)
        return self._here[point]

    def seen_points(self, quantity: Quantity) -> list[Point]:
        """Return the points at which the program behind the quantity was solved or estimated before."""
        program = quantity.program
        return [point for point, here in self._here.items() if here.has_seen(program)]

    def score(self, point: Point, quantity: Quantity) -> float:
        """Return the quantity with a sign such that larger is better.

        The number is a closed form where there is one, may be an estimate, and is -inf where the quantity failed.
        """
        here = self.here(point)
        return quantity.kind.score(here.at, quantity, here)

    def row(self, point: Point, quantity: Quantity) -> Row:
        """Return the row of a quantity at a point.

        Where the quantity failed, the row has an error and no value.
        """
        here, start = self.here(point), time.perf_counter()
        try:
            own = quantity.kind.row(here.at, quantity, here)
        except _TooLargeToStore:
            raise  # the user must change the study
        # Solvers and linear algebra raise errors of many types. This row has failed, and the study goes on.
        except Exception as error:
            own = {"status": "failed", "error": _said(error), "seconds": time.perf_counter() - start}
        return blank(self.task, point, quantity) | own


@dataclass
class _Here:
    """What is known at one point: a :class:`~sdpbound.study.quantities.kind.Run`."""

    at: AtPoint
    _evaluation: _Evaluation
    _solved: dict[tuple[Any, ...], Solved] = field(default_factory=dict)
    _made: dict[Hashable, Any] = field(default_factory=dict)

    def is_solved(self, asked: Asked) -> bool:
        """Whether the program behind a quantity is solved already."""
        return asked.program in self._solved

    def has_seen(self, program: tuple[Any, ...]) -> bool:
        """Whether a program is solved, or its value estimated."""
        return program in self._solved or ("estimate", program) in self._made

    def solved(self, asked: Asked) -> Solved:
        """Solve the program behind a quantity, once for all quantities that share it."""
        key = asked.program
        if key not in self._solved:
            self._solved[key] = self._solve(asked)
        return self._solved[key]

    def _solve(self, asked: Asked) -> Solved:
        start = time.perf_counter()
        kind = asked.kind
        assert isinstance(kind, ProgramKind)
        try:
            bound = kind.solve(self.at, asked, self.flips(asked))
        except Infeasible as answer:
            return Solved(None, time.perf_counter() - start, "infeasible", str(answer), answer.bound)
        # Solvers and linear algebra raise errors of many types. This row has failed, and the study goes on.
        except Exception as error:
            return Solved(None, time.perf_counter() - start, "failed", _said(error))
        return Solved(bound, time.perf_counter() - start)

    def flips(self, asked: Asked) -> Preprocessing:
        """Return the preprocessing of a quantity.

        If the best one is asked for, it is searched.
        """
        if not isinstance(asked.preprocessing, str):
            return asked.preprocessing or 0.0
        found: Preprocessing = self.once(("flips", asked.program), lambda: self._best_flips(asked))
        return found

    def _best_flips(self, asked: Asked) -> Preprocessing:
        assert asked.how is not None
        method = asked.how.bound(self.at.solver)
        key: Any = {"settings": key_settings_of(asked), "merge": merge_of(asked.kind, self.at, asked)}
        search = best_channel if asked.preprocessing == BEST_CHANNEL else best_preprocessing
        rate = search(self.at.behaviour, self.at.observed, entropy=method, closed_forms=False, **key)
        return rate.preprocessing

    def walked(self, asked: Asked) -> Walked | None:
        """Return where the search for the strategy of a critical value ended; None if none was searched."""
        found: Walked | None = self.once(("walked", asked.program), lambda: None)
        return found

    def once(self, key: Hashable, make: Any) -> Any:
        """Return what ``make()`` gave for a key.

        ``make`` is called once for each key.
        """
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def certificate(self, bound: Certified) -> str | None:
        """Keep a bound's certificate and return its name; None if the study keeps no certificates."""
        if not self._evaluation.task.certificates:
            return None
        # ``to_json`` is three times as fast as json.dumps. A number that is not finite stays visible, and the checker
        # refuses it.
        text = to_json(bound.certificate.data, inf_nan_mode="constants")
        if len(text) > LARGEST:
            raise _TooLargeToStore(
                f"a certificate has {len(text)} bytes, and at most {LARGEST} are stored; set certificates = false."
            )
        name, certificates = certificate_name(text), self._evaluation.certificates
        if name not in certificates:
            certificates[name] = zlib.compress(text, 3)  # higher levels take more time and save little space
        return name


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
