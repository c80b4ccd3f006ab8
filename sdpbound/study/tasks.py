"""From a study to tasks, and from a task to rows.

A task is everything asked at one point, visibility, kind of tested data and adversary. One program is solved for each
choice of settings; guessing probability, min-entropy and rate all come from its bound.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from sdpbound.behaviour import Behaviour, Observations
from sdpbound.bounds import Bound, as_min_entropy
from sdpbound.errors import Infeasible, InvalidInput, InvalidStudy, NotSelfTesting, SdpboundError
from sdpbound.families import (
    SingletSelfTest,
    contour_at_chsh,
    correlators_self_test,
    singlet_chsh_maximum,
    theta_at_chsh,
)
from sdpbound.merits.guessing_probability import guessing_probability
from sdpbound.models import Local, NoSignaling, Quantum
from sdpbound.rates import KnownEntropy, Rate, key_rate, randomness_rate
from sdpbound.relaxation import CorrelationModel
from sdpbound.self_tests import SelfTest, find_self_test
from sdpbound.study.spec import Adversary, Curve, Quantity, SolverSettings, Study

__all__ = ["BETTER", "COLUMNS", "Point", "Row", "Search", "Task", "evaluate", "failed_rows", "tasks_of"]

#: A point replaces the curve's only if it is better by this much.
BETTER = 1e-6

COLUMNS = (
    "study",
    "point",
    "where",
    "theta",
    "phi",
    "omega",
    "chsh_ideal",
    "visibility",
    "chsh_observed",
    "observed",
    "model",
    "level",
    "quantity",
    "x",
    "y",
    "value",
    "side",
    "method",
    "sdp_value",
    "margin",
    "error_correction",
    "security",
    "solver",
    "status",
    "seconds",
    "error",
)

Row = dict[str, Any]
#: A candidate of a search: the number of its contour, and its place along it.
_Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Point:
    """A member of the singlet family; ``where`` is "curve", "grid" or, of a search, "best"."""

    name: str
    where: str
    theta: float
    phi: float
    omega: float

    @property
    def member(self) -> SingletSelfTest:
        return SingletSelfTest(self.theta, self.phi, self.omega)


@dataclass(frozen=True, slots=True)
class Search:
    """Members of the same ideal CHSH value: ``contour`` points on the contour of each phi."""

    chsh: float
    phi: tuple[float, ...]
    contour: int


@dataclass(frozen=True, slots=True)
class Task:
    """One point, visibility, kind of tested data and adversary; plain data, to be sent to another process."""

    study: str
    point: Point
    visibility: float
    observed: str
    adversary: Adversary
    quantities: tuple[Quantity, ...]
    solver: SolverSettings
    search: Search | None = None

    def with_solver(self, name: str | None) -> Task:
        """The same task for another solver."""
        return replace(self, solver=self.solver.model_copy(update={"name": name}))


# -- study -> tasks -----------------------------------------------------------------------------------------------


def tasks_of(study: Study) -> list[list[Task]]:
    """The tasks, grouped by point: a group shares program structures. Raises InvalidStudy, NotSelfTesting."""
    points = list(_points(study))
    if study.family.require_self_test:
        for point, _ in points:
            _require_self_test(point, study)
    best_of = study.family.best_of if isinstance(study.family, Curve) else None
    searched = () if best_of is None else best_of.models
    return [
        [
            Task(
                study.name,
                point,
                visibility,
                observed,
                adversary,
                study.quantities,
                study.solver,
                search if adversary.model in searched else None,
            )
            for observed in study.observed
            for adversary in study.adversaries
            for visibility in study.visibilities
        ]
        for point, search in points
    ]


def _points(study: Study) -> Iterator[tuple[Point, Search | None]]:
    family = study.family
    if not isinstance(family, Curve):
        product = [(t, p, w) for t in family.theta for p in family.phi for w in family.omega]
        width = len(str(len(product) - 1))
        for i, (theta, phi, omega) in enumerate(product):
            yield Point(f"{i:0{width}}", "grid", theta, phi, omega), None
        return
    width = len(str(len(family.at_chsh) - 1))
    for i, s in enumerate(family.at_chsh):
        try:
            theta = theta_at_chsh(s, family.phi)
        except InvalidInput as error:
            raise InvalidStudy(f"study '{study.name}': family.at_chsh, family.phi: {error}") from None
        search = None
        if family.best_of is not None:
            contours = tuple(dict.fromkeys((family.phi, *family.best_of.phi)))
            search = Search(s, contours, family.best_of.contour)
        yield Point(f"{i:0{width}}", "curve", theta, family.phi, theta + math.pi / 2), search


def _require_self_test(point: Point, study: Study) -> None:
    member = point.member
    if member.is_self_test:
        return
    if "bell" not in study.observed and correlators_self_test(member.correlators):
        return
    raise NotSelfTesting(
        f"study '{study.name}': condition (4) fails at point {point.name}, theta = {point.theta:.9g}, "
        f"phi = {point.phi:.9g}, omega = {point.omega:.9g} (its left side is {member.condition:.3g}, and must be "
        "negative); change family, or set family.require_self_test = false."
    )


# -- task -> rows -------------------------------------------------------------------------------------------------


def evaluate(task: Task) -> list[Row]:
    """Solve a task: one row for each quantity at its point, and one for each quantity that is better elsewhere."""
    evaluation = _Evaluation(task)
    rows = [evaluation.row(task.point, quantity) for quantity in task.quantities]
    if task.search is not None:
        found: dict[Quantity, Point | None] = {}
        # the key rate first: it varies, by its error correction, where the guessing probability is a plateau
        for quantity, row in sorted(zip(task.quantities, rows, strict=True), key=lambda p: p[0].name != "key_rate"):
            found[quantity] = _search(evaluation, quantity, row)
        rows += [evaluation.row(best, q) for q in task.quantities if (best := found[q]) is not None]
    return rows


def failed_rows(task: Task, message: str) -> list[Row]:
    """The rows of a task that no solver answered."""
    return [_blank(task, task.point, q) | {"status": "failed", "error": message} for q in task.quantities]


@dataclass(frozen=True)
class _Solved:
    """A bound on a guessing probability, or why there is none."""

    bound: Bound | None
    seconds: float
    status: str = ""
    error: str = ""


@dataclass
class _Evaluation:
    """What a task has solved so far."""

    task: Task
    _solved: dict[tuple[Point, int, int | None], _Solved] = field(default_factory=dict)
    _data: dict[Point, tuple[Behaviour, Observations, SelfTest | None]] = field(default_factory=dict)

    @cached_property
    def model(self) -> CorrelationModel:
        adversary = self.task.adversary
        if adversary.model == "quantum":
            return Quantum() if adversary.level is None else Quantum(adversary.level)
        return NoSignaling() if adversary.model == "no-signaling" else Local()

    def data(self, point: Point) -> tuple[Behaviour, Observations, SelfTest | None]:
        """The behaviour, what is tested of it, and the self-test that this is, if any."""
        if point not in self._data:
            member = point.member
            behaviour = member.behaviour(self.task.visibility)
            if self.task.observed == "bell":
                observed = Observations.bell_value(member.expression, member.expression.value(behaviour))
            elif self.task.observed == "correlators":
                observed = Observations.correlators(behaviour)
            else:
                observed = Observations.full(behaviour)
            test = find_self_test(observed) if isinstance(self.model, Quantum) else None
            self._data[point] = behaviour, observed, test
        return self._data[point]

    def solved_points(self, quantity: Quantity) -> list[Point]:
        """Where the program behind the quantity is solved already."""
        return [point for point, *settings in self._solved if tuple(settings) == _settings(quantity)]

    def solve(self, point: Point, quantity: Quantity) -> _Solved:
        key = (point, *_settings(quantity))
        if key not in self._solved:
            self._solved[key] = self._solve(*key)
        return self._solved[key]

    def _solve(self, point: Point, x: int, y: int | None) -> _Solved:
        settings = self.task.solver
        start = time.perf_counter()
        try:
            _, observed, _ = self.data(point)
            bound = guessing_probability(observed, self.model, x, y, settings.name, settings.tolerance)
        except Infeasible as answer:
            return _Solved(None, time.perf_counter() - start, "infeasible", str(answer))
        except (SdpboundError, ArithmeticError, MemoryError) as error:
            return _Solved(None, time.perf_counter() - start, "failed", f"{type(error).__name__}: {error}")
        return _Solved(bound, time.perf_counter() - start)

    def score(self, point: Point, quantity: Quantity) -> float:
        """The quantity, larger is better; by its closed form where there is one, -inf where it failed."""
        behaviour, observed, test = self.data(point)
        if test is None:
            bound = self.solve(point, quantity).bound
            if bound is None:
                return -math.inf
            if quantity.name.startswith("guess"):
                return -bound.value
            return self._rate(quantity, behaviour, observed, bound).value
        if quantity.name.startswith("guess"):
            return -_ideal_guess(test, quantity)
        if quantity.name == "key_rate":
            return test.entropy(quantity.x).value - point.member.key_leak(quantity.x, quantity.y or 0)
        return test.entropy(quantity.x, quantity.y).value

    def _rate(self, quantity: Quantity, behaviour: Behaviour, observed: Observations, bound: Bound) -> Rate:
        entropy, x, y = as_min_entropy(bound), quantity.x, quantity.y
        if quantity.name == "key_rate":
            return key_rate(behaviour, observed, x=x, y=y, entropy=KnownEntropy(entropy, x))
        local = quantity.name == "randomness_local"
        return randomness_rate(behaviour, observed, local=local, x=x, y=y, entropy=KnownEntropy(entropy, x, y))

    def row(self, point: Point, quantity: Quantity) -> Row:
        """The row of a quantity at a point; with an error and no value where it failed."""
        solved = self.solve(point, quantity)
        row = _blank(self.task, point, quantity) | {"seconds": solved.seconds}
        if solved.bound is None:
            return row | {"status": solved.status, "error": solved.error}
        bound = solved.bound
        behaviour, observed, test = self.data(point)
        row |= {"solver": bound.solver, "status": bound.status, "method": "certified"}
        if quantity.name.startswith("guess"):
            row |= {"value": bound.value, "margin": bound.correction}
            if test is not None:
                row |= {"value": _ideal_guess(test, quantity), "method": "closed form", "sdp_value": bound.value}
            return row
        rate = self._rate(quantity, behaviour, observed, bound)
        row |= {"value": rate.value, "margin": as_min_entropy(bound).correction, "security": rate.security}
        if quantity.name == "key_rate":
            row["error_correction"] = rate.error_correction
        if rate.sdp is not None:
            row |= {"method": "closed form", "sdp_value": rate.sdp.value}
        return row


def _settings(quantity: Quantity) -> tuple[int, int | None]:
    """The settings whose outcomes Eve guesses; y is None where she guesses Alice's alone."""
    return quantity.x, quantity.y if quantity.name in ("guess_global", "randomness_global") else None


def _blank(task: Task, point: Point, quantity: Quantity) -> Row:
    member = point.member
    level: Any = None
    if task.adversary.model == "quantum":
        level = Quantum().label if task.adversary.level is None else Quantum(task.adversary.level).label
    empty: Row = dict.fromkeys(COLUMNS)  # type: ignore[assignment]
    return empty | {
        "study": task.study,
        "point": point.name,
        "where": point.where,
        "theta": point.theta,
        "phi": point.phi,
        "omega": point.omega,
        "chsh_ideal": member.chsh,
        "visibility": task.visibility,
        "chsh_observed": task.visibility * member.chsh,
        "observed": task.observed,
        "model": task.adversary.model,
        "level": level,
        "quantity": quantity.name,
        "x": quantity.x,
        "y": quantity.y,
        "side": "upper" if quantity.name.startswith("guess") else "lower",
    }


def _ideal_guess(test: SelfTest, quantity: Quantity) -> float:
    """The guessing probability at a self-test, where Eve is uncorrelated: the most likely outcome, rounded up."""
    if quantity.name == "guess_local":
        return 0.5
    assert quantity.y is not None
    correlator = abs(float(test.correlators[quantity.x, quantity.y]))
    return math.nextafter((1.0 + correlator) / 4.0, math.inf)


# -- the best of equal CHSH value ---------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _contours(name: str, search: Search) -> tuple[list[list[Point]], dict[Point, _Place]]:
    """The candidates, one list for each phi that reaches the CHSH value, and where each of them stands."""
    contours: list[list[Point]] = []
    for i, phi in enumerate(search.phi):
        if not 2.0 < search.chsh <= singlet_chsh_maximum(phi):
            continue
        found = contour_at_chsh(search.chsh, phi, search.contour)
        points = [Point(f"{name}/{i}.{k}", "best", float(t), phi, float(w)) for k, (t, w) in enumerate(found)]
        if points:
            contours.append(points)
    return contours, {p: (i, k) for i, points in enumerate(contours) for k, p in enumerate(points)}


def _search(evaluation: _Evaluation, quantity: Quantity, row: Row) -> Point | None:
    """A better point than the row's, if any: a coarse grid over the contours, then steps to better neighbours.

    A local optimum may be missed: the point is the best one found. Every value is a bound of its own.
    """
    task = evaluation.task
    assert task.search is not None
    if row["value"] is None or float(row["chsh_observed"]) <= 2.0:
        return None  # local data: Eve knows every outcome, wherever on the contour
    contours, places = _contours(task.point.name, task.search)
    if not contours:
        return None
    sizes = [len(points) for points in contours]

    def at(place: _Place) -> Point:
        return contours[place[0]][place[1] % sizes[place[0]]]

    def score(place: _Place) -> float:
        return evaluation.score(at(place), quantity)

    # seen: the best point is opposite to the curve point (place 0), for global randomness there or at 4/5
    opposite = [(i, round(0.53 * n)) for i, n in enumerate(sizes)]
    known = [place for place in map(places.get, evaluation.solved_points(quantity)) if place is not None]
    starts = [max(opposite + known, key=score)]
    if "global" in quantity.name:
        starts.append(max(((i, round(0.8 * sizes[i])) for i in range(0, len(sizes), 2)), key=score))
    floor = (1.0 if row["side"] == "lower" else -1.0) * float(row["value"]) + BETTER
    if max(map(score, starts)) <= floor and np.ptp([score(place) for place in opposite]) <= BETTER:
        return None  # a plateau
    best = max((_climb(score, start, sizes) for start in starts), key=score)
    return at(best) if score(best) > floor else None


def _climb(score: Callable[[_Place], float], best: _Place, sizes: list[int]) -> _Place:
    """Move to the best of eight neighbours while that helps, then halve the step along the contours."""
    step = max(1, max(sizes) // 12)
    while step:
        i, k = best
        rows = [j for j in (i - 1, i, i + 1) if 0 <= j < len(sizes)]
        near = [(j, round(k * sizes[j] / sizes[i]) + shift) for j in rows for shift in (-step, 0, step)]
        better = max(near, key=score)
        if score(better) > score(best) + BETTER / 10:
            best = better
        else:
            step //= 2
    return best
