"""The tasks of a study, generated lazily, and the keys under which their results are stored.

A task is everything asked at one point, with one noise, one kind of tested data and one adversary. Each quantity of a
task is a cell. The key of a cell is a hash of all that gives the cell's number its meaning. The name of the study and
the place of the point in a grid are not in the hash. So a changed study finds the results that it shares with the old
one.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice, product
from typing import Annotated, Any, get_args

from pydantic import PlainSerializer, PlainValidator

from sdpbound.adversaries import Adversary, adversary_named
from sdpbound.bell.families.correlators import correlators_self_test
from sdpbound.bell.families.family import Family, Member
from sdpbound.bell.families.singlet import SingletSelfTest
from sdpbound.bell.families.singlet_family import Singlet
from sdpbound.bell.families.table import family_from
from sdpbound.errors import InvalidInput, InvalidStudy, NotSelfTesting
from sdpbound.study.file.fit import require_fit
from sdpbound.study.file.members import Members
from sdpbound.study.file.numbers import Entry
from sdpbound.study.file.product import SINGLET
from sdpbound.study.file.spec import AdversarySettings, Curve, Grid, Imperfections, Quantity, SolverSettings, StudySpec
from sdpbound.study.file.strategy import StrategySearch
from sdpbound.study.file.validators import SECONDS
from sdpbound.study.quantities.kind import Group
from sdpbound.version import NUMERICS

__all__ = ["BEST_NAME", "QUANTUM", "Plan", "Point", "Search", "Task", "cell_keys"]


#: The adversary of von Neumann entropies: quantum devices, at any level of the hierarchy.
QUANTUM = AdversarySettings(model="quantum")
_AGAINST: dict[Group, AdversarySettings] = {"entropy": QUANTUM, "no-signaling": AdversarySettings(model="no-signaling")}
#: Where a point is whose values are searched, and one that such a search found; the end of the name of the latter.
OPEN, FOUND, BEST_NAME = "search", "strategy", "best"
#: Letters of a hexadecimal float, at most.
LETTERS = 32
#: Most tasks of one group.
GROUP = 4096


def _as_family(value: Family | dict[str, Any]) -> Family:
    """Return a family.

    The value may be the plain data in which a task is sent to another process.
    """
    return value if isinstance(value, Family) else family_from(value)


@dataclass(frozen=True, slots=True)
class Point:
    """A member of a family, by a value for each of its axes.

    ``where`` is "curve" or "grid" for points of the singlet family, "best" for a point that a search in this family
    found, and "family" for points of another family. It is "search" for a point whose values are searched for each
    task, and "strategy" for what such a search found.
    """

    name: str
    where: str
    at: tuple[float, ...]
    family: Annotated[Family, PlainValidator(_as_family), PlainSerializer(lambda family: family.to_dict())] = SINGLET

    @property
    def values(self) -> dict[str, float]:
        """The value of each axis."""
        return dict(zip((axis.name for axis in self.family.axes), self.at, strict=True))

    @property
    def is_open(self) -> bool:
        """Whether its values are searched, and those that it has only stand for them."""
        return self.where == OPEN

    @property
    def place(self) -> str:
        """The value of each axis as a hexadecimal float, exactly, as a store keeps a point that a search found."""
        return " ".join((value + 0.0).hex() for value in self.at)

    def found(self, place: object) -> Point:
        """Return the point at a place, found from this one.

        Raises InvalidInput if the text is no place of this family.
        """
        words = str(place)[: LETTERS * (len(self.at) + 1)].split(" ")
        try:
            numbers = [float.fromhex(word) for word in words]
            values = dict(zip((axis.name for axis in self.family.axes), numbers, strict=True))
            self.family.member(**values)
        except (ValueError, OverflowError) as error:
            raise self._no_place(place, f"{error}") from None
        point = Point(f"{self.name}/{BEST_NAME}", FOUND, tuple(numbers), self.family)
        if not all(map(math.isfinite, numbers)) or point.place != place:
            raise self._no_place(place, "it is not the shortest exact form")
        return point

    def _no_place(self, place: object, why: str) -> InvalidInput:
        names = ", ".join(axis.name for axis in self.family.axes)
        return InvalidInput(
            f"its place is {str(place)!r:.60}, and must be the values of {names} as hexadecimal floats: {why}"
        )

    @property
    def member(self) -> Member:
        return _member(self.family, self.at)

    @property
    def singlet(self) -> SingletSelfTest | None:
        """The member if it is of the singlet family, else None."""
        member = self.member
        return member if isinstance(member, SingletSelfTest) else None


@lru_cache(maxsize=256)
def _member(family: Family, at: tuple[float, ...]) -> Member:
    return family.at(dict(zip((axis.name for axis in family.axes), at, strict=True)))


@dataclass(frozen=True, slots=True)
class Search:
    """The members among which a search looks: all have one CHSH value, with ``contour`` points for each phi."""

    chsh: float
    phi: tuple[float, ...]
    contour: int


@dataclass(frozen=True, slots=True)
class Task:
    """One point with a noise, a kind of tested data and an adversary.

    A task is plain data, to be sent to another process. The visibility, the tested data or the adversary is None if the
    quantities do not depend on it. ``noise`` is None if there is white noise alone. All quantities are of one group.
    With ``strategy`` the point is searched, and all quantities are of the strategy that is best for one rate.
    """

    point: Point
    visibility: float | None
    observed: str | None
    adversary: AdversarySettings | None
    quantities: tuple[Quantity, ...]
    solver: SolverSettings
    search: Search | None = None
    certificates: bool = True
    noise: Imperfections | None = None
    strategy: StrategySearch | None = None

    @property
    def group(self) -> Group:
        """The group of its quantities, which says what they depend on."""
        return self.quantities[0].group

    @property
    def needs_solver(self) -> bool:
        return self.adversary is not None

    @property
    def model(self) -> Adversary:
        """The adversary with its set of correlations."""
        assert self.adversary is not None
        return _model(self.adversary)

    def with_solver(self, name: str | None) -> Task:
        """Return the same task for another solver."""
        return replace(self, solver=self.solver.model_copy(update={"name": name}))

    def of(self, quantities: Sequence[Quantity]) -> Task:
        """Return the same task for some of its quantities."""
        return replace(self, quantities=tuple(quantities))

    def shown(self, place: str | None, names: Sequence[str]) -> tuple[str, str, tuple[float | None, ...]]:
        """Return what a table says of the point of a row.

        Parameters
        ----------
        place : the place that the row has in the store
        names : the columns that the study adds to the columns of every table

        Returns
        -------
        the name of the point, how it was chosen, and the numbers in the added columns

        Raises
        ------
        InvalidInput
            The place is none of a strategy.
        """
        point = self.point
        if place is not None and self.strategy is not None:
            point = point.found(place)
        elif place is not None:
            return f"{point.name}/{place}", "best", self._numbers(point, names)
        return point.name, point.where, self._numbers(point, names)

    def _numbers(self, point: Point, names: Sequence[str]) -> tuple[float | None, ...]:
        own = {} if point.is_open else point.values
        values = own if self.noise is None else self.noise.numbers() | own
        return tuple(values.get(name) for name in names)


@lru_cache(maxsize=64)
def _model(adversary: AdversarySettings) -> Adversary:
    return adversary_named(adversary.model, adversary.level)


# -- keys ---------------------------------------------------------------------------------------------------------


def cell_keys(task: Task) -> list[bytes]:
    """Return the keys of a task's cells, 16 bytes each, in the order of its quantities."""
    point, noise = task.point, task.noise
    visibility = math.nan if task.visibility is None else task.visibility
    if isinstance(point.family, Singlet):
        theta, phi, omega = point.at
        own = _NUMBERS(theta + 0.0, phi + 0.0, omega + 0.0, visibility + 0.0)  # adding 0.0 turns -0.0 into 0.0
    else:
        facts = json.dumps(
            point.family.identity({} if point.is_open else point.values), sort_keys=True, separators=(",", ":")
        )
        own = facts.encode() + struct.pack("<d", visibility + 0.0)
    keys = []
    about = (task.observed, task.adversary, task.quantities, task.solver, task.search, noise, task.strategy)
    for context in _contexts(point.family.name, *about):
        state = context.copy()
        state.update(own)
        keys.append(state.digest())
    return keys


_NUMBERS = struct.Struct("<4d").pack


@lru_cache(maxsize=4096)
def _contexts(
    family: str,
    observed: str | None,
    adversary: AdversarySettings | None,
    quantities: tuple[Quantity, ...],
    solver: SolverSettings,
    search: Search | None,
    noise: Imperfections | None,
    strategy: StrategySearch | None,
) -> list[Any]:
    """Return a hash for each quantity, of all that gives its number a meaning, except the point and the visibility."""
    found = []
    for quantity in quantities:
        meaning: dict[str, Any] = {"numerics": NUMERICS, "family": family, "quantity": quantity.meaning}
        if noise is not None:
            meaning["noise"] = noise.meaning
        if strategy is not None:
            meaning["strategy"] = strategy.meaning
        if quantity.group in ("entropy", "threshold"):
            meaning |= {"observed": observed, "model": "quantum", "solver": solver.name}
        elif adversary is not None:
            model = _model(adversary)
            meaning |= {"observed": observed, "model": model.name, "level": model.meaning}
            meaning |= {"solver": solver.name, "tolerance": solver.tolerance.hex()}
        if search is not None:
            # A search begins at points where the programs of other quantities with the same settings were solved.
            beside = sorted(q.identity for q in quantities if q != quantity and q.program == quantity.program)
            contours = [float(p).hex() for p in search.phi]
            meaning["search"] = [float(search.chsh).hex(), contours, search.contour, beside]
        text = json.dumps(meaning, sort_keys=True, separators=(",", ":"))
        found.append(hashlib.blake2b(text.encode(), digest_size=16))
    return found


def _parts(task: Task, search: StrategySearch | None) -> Iterator[Task]:
    """Yield a task for each search that the quantities of a task need, or without one for each that is a task alone.

    The limit of time of a search is that of the study for each start, and once more for the proofs.
    """
    groups: dict[Any, list[Quantity]] = {}
    for quantity in task.quantities:
        apart = quantity.identity if quantity.alone else ""
        groups.setdefault(apart if search is None else quantity.shared, []).append(quantity)
    if search is not None:
        limit = min((search.most_starts(task.group == "threshold") + 1) * task.solver.time_limit, SECONDS.high)
        solver = task.solver.model_copy(update={"time_limit": limit})
        task = replace(task, solver=solver, strategy=search)
    yield from map(task.of, groups.values())


def _self_tests(point: Point) -> bool:
    """Whether condition (4) holds at a point of the singlet family."""
    return point.singlet is not None and point.singlet.is_self_test


# -- study -> tasks -----------------------------------------------------------------------------------------------


class Plan:
    """The tasks of a study, generated when they are needed.

    A group of tasks shares a point and program structures. Raises InvalidStudy if a phi does not reach its CHSH value.
    Raises NotSelfTesting if condition (4) fails at a point of a study that requires it. Both are raised before anything
    is solved if :meth:`check` is called.

    Parameters
    ----------
    spec : the study
    shard : (k, n), 1 <= k <= n, for one of n parts: every n-th point from the k-th on; None for all points

    Attributes
    ----------
    points : number of points
    cells : number of cells; a search may add a row to a cell
    """

    def __init__(self, spec: StudySpec, shard: tuple[int, int] | None = None) -> None:
        self.spec = spec
        self._shard = (1, 1) if shard is None else shard
        self._groups: dict[Group, tuple[Quantity, ...]] = {}
        for group in get_args(Group):
            self._groups[group] = tuple(q for q in spec.quantities if q.group == group)
        start, step = self._shard
        self.points = max(0, -(-(spec.family.count - start + 1) // step))
        if self._only:
            self.points = sum(_self_tests(point) for point, _, _ in self._own_points())
        self.cells = self.points * sum(map(spec.cells_of, spec.quantities))

    @property
    def _only(self) -> bool:
        """Whether points where condition (4) fails are left out."""
        return isinstance(self.spec.family, Grid) and self.spec.family.only_self_tests

    def _own_points(self) -> Iterator[tuple[Point, dict[str, float], Search | None]]:
        """Yield the points of this part of the study."""
        start, step = self._shard
        return islice(self._points(), start - 1, None, step)

    def check(self) -> None:
        """Go through all points once, and raise the errors that they have."""
        seen: set[tuple[float, ...]] = set()
        counts = [i for i, axis in enumerate(self.spec.family.of.axes) if axis.whole]
        for point, values, _ in self._points():
            self.spec.visibilities_at(values)
            # settings and outcomes depend only on axes of whole numbers
            scenario = tuple(point.at[i] for i in counts)
            if scenario not in seen:
                seen.add(scenario)
                require_fit(self.spec, point.name, point.family, point.values)

    def __iter__(self) -> Iterator[list[Task]]:
        for point, values, search in self._own_points():
            if self._only and not _self_tests(point):
                continue
            tasks = self._tasks(point, self.spec.visibilities_at(values) if self._noisy else (), search)
            group = list(islice(tasks, GROUP))
            while group:
                yield group
                group = list(islice(tasks, GROUP))

    @property
    def _noisy(self) -> bool:
        """Whether any quantity depends on the noise."""
        return any(self._groups[group] for group in ("data", "entropy", "no-signaling", "threshold"))

    def _tasks(self, point: Point, visibilities: Sequence[float], search: Search | None) -> Iterator[Task]:
        """Yield the tasks of a point."""
        spec, groups, keep = self.spec, self._groups, self.spec.certificates
        best_of = spec.family.best_of if isinstance(spec.family, Curve) else None
        searched = () if best_of is None else best_of.models
        if groups["point"]:
            yield Task(point, None, None, None, groups["point"], spec.solver)
        if groups["expression"]:
            for adversary in spec.adversaries:
                yield Task(point, None, None, adversary, groups["expression"], spec.solver, certificates=keep)
        values = dict(zip(spec.visibilities, visibilities, strict=True)) if visibilities else {}

        def known(visibility: Entry) -> float:
            return visibility if isinstance(visibility, float) else values[visibility]

        conditions = [(known(v), what) for v, what in spec.conditions] if self._noisy else []
        for observed in spec.observed:
            if groups["data"]:
                for adversary, (visibility, what) in product(spec.adversaries, conditions):
                    own = search if adversary.model in searched else None
                    asked = tuple(q for q in groups["data"] if q.is_against(adversary.model))
                    if asked:
                        yield Task(point, visibility, observed, adversary, asked, spec.solver, own, keep, what)
            for group, against in _AGAINST.items():
                for visibility, what in conditions if groups[group] else ():
                    task = self._against(against, point, visibility, observed, groups[group], what)
                    yield from _parts(task, spec.strategies)
            for driven in dict.fromkeys(q.kind.driven for q in groups["threshold"]):
                some = tuple(q for q in groups["threshold"] if q.kind.driven == driven)
                for v, what in spec.lines(driven):
                    task = self._against(QUANTUM, point, None if v is None else known(v), observed, some, what)
                    yield from _parts(task, spec.strategies)

    def _against(
        self,
        adversary: AdversarySettings,
        point: Point,
        visibility: float | None,
        observed: str,
        quantities: tuple[Quantity, ...],
        what: Imperfections | None,
    ) -> Task:
        """Return a task against an adversary that the quantities fix, and not the study."""
        return Task(
            point, visibility, observed, adversary, quantities, self.spec.solver, None, self.spec.certificates, what
        )

    def _points(self) -> Iterator[tuple[Point, dict[str, float], Search | None]]:
        family, of = self.spec.family, self.spec.family.of
        width = len(str(max(family.count - 1, 0)))
        where = "curve" if isinstance(family, Curve) else "grid" if isinstance(family, Grid) else "family"
        where = where if self.spec.strategies is None else OPEN
        names, axes = of.point_names(), tuple(axis.name for axis in of.axes)
        for i, free in enumerate(family.points()):
            search = None
            try:
                values = family.at(free)
            except InvalidInput as error:
                raise InvalidStudy(f"study '{self.spec.name}': family.at_chsh, family.phi: {error}") from None
            at = tuple(values[name] for name in axes)
            name = f"{i:0{width}}" if names is None else names[int(at[0])]
            point = Point(name, where, at, of.narrowed(values))
            if isinstance(family, Curve) and family.best_of is not None:
                contours = tuple(dict.fromkeys((values["phi"], *family.best_of.phi)))
                search = Search(values["s"], contours, family.best_of.contour)
            if not isinstance(family, Members) and family.require_self_test:
                self._require_self_test(point)
            yield point, values, search

    def _require_self_test(self, point: Point) -> None:
        member = point.singlet
        assert member is not None
        if member.is_self_test:
            return
        if "bell" not in self.spec.observed and correlators_self_test(member.correlators):
            return
        raise NotSelfTesting(
            f"study '{self.spec.name}': condition (4) fails at point {point.name}, theta = {member.theta:.9g}, "
            f"phi = {member.phi:.9g}, omega = {member.omega:.9g} (its left side is {member.condition:.3g}, and must be "
            "negative); change family, or set family.require_self_test = false."
        )
