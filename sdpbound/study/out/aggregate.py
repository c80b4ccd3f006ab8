"""Long tables for charts: read in parts, and reduced to the rows that the places of a picture can show.

The axes of a panel are divided into places, and each place keeps one number that holds for all rows in it: the least of
lower bounds, the greatest of upper bounds. Numbers that are no bounds, such as closed forms, have no worst one: there a
place keeps the number of the point nearest to its middle.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdpbound.study.out.labels import adversary
from sdpbound.study.out.panels import DOTS, UNANSWERED, Group, Layout, Panel, Survey, axes_in, complete, group_of
from sdpbound.tables.columns import Column, Row
from sdpbound.tables.table import Table

__all__ = ["MOST_COUNTED", "Aggregate", "aggregated"]

#: The most places along an axis of a map and along a curve, and the most rows of all panels together.
MAP_PLACES, CURVE_PLACES, ROWS = 400, 2000, 160_000
#: Marks of rows without a value along an axis of a map, and along a curve. More marks would hide the picture.
MAP_MARKS, CURVE_MARKS = 24, 100
#: What is said in the title of a panel whose places stand for several rows.
SHOWN = {"lower": "least of each place", "upper": "greatest of each place"}
NEAREST = "middle of each place"
#: Panels that are not shown are counted up to this number.
MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Aggregate:
    """The panels of a long table.

    Attributes
    ----------
    table : the rows of all panels together
    panels : the panels that are shown
    left_out : number of panels that are not shown, counted up to a limit
    """

    table: Table
    panels: tuple[Panel, ...]
    left_out: int


def aggregated(read: Callable[[], Iterable[Table]], most: int) -> Aggregate:
    """Reduce a long table to its panels, in memory that does not grow with its rows.

    Parameters
    ----------
    read : returns the table in parts; it is called twice
    most : the most panels that are shown, those that come first

    Returns
    -------
    Aggregate
        Along an axis that has no more values than places, rows keep their values. Otherwise a place is a run of as many
        neighbouring values as any other place, and its rows have the value in the middle of the run. The place keeps
        the least finite value of rows of side lower, the greatest of side upper, else the one nearest to the middle;
        of equal ones the first. The entry ``method`` of its row is None if rows with values have different methods.
        A place without a value keeps its first row.
    """
    survey: Survey | None = None
    head = Table((), {})
    for part in read():
        if survey is None:
            head, survey = Table((), part.metadata, part.name), Survey(part, most)
        survey.add(part)
    layouts = {} if survey is None else survey.layouts(divided=True)
    reduction = _Reduction(layouts, most)
    for part in read():
        reduction.add(part)
    panels = tuple(part.panel(head, axes_in(head)) for part in reduction.shown())
    rows = tuple(row for panel in panels for row in panel.table)
    return Aggregate(Table(rows, head.metadata, head.name), panels, len(reduction.others))


class _Axis:
    """An axis that is divided into places, each of as many neighbouring values but perhaps the last."""

    def __init__(self, name: str, values: NDArray[np.float64], most: int) -> None:
        self.name = name
        step = max(1, -(-values.size // max(1, most)))
        starts = np.arange(0, values.size, step)
        ends = np.minimum(starts + step, values.size) - 1
        self._first = values[starts]
        self._middle = values[(starts + ends) // 2]
        width = values[ends] - self._first
        self._width = np.where(width > 0.0, width, 1.0)
        #: The value that stands for each place.
        self.middles: list[float] = self._middle.tolist()

    def places(self, rows: list[Row]) -> tuple[list[int], NDArray[np.float64]]:
        """Return the place of each row, and its distance from the middle in widths of a place, squared."""
        values = np.array([row[self.name] for row in rows], dtype=np.float64)
        found = np.maximum(np.searchsorted(self._first, values, side="right") - 1, 0)
        return found.tolist(), ((values - self._middle[found]) / self._width[found]) ** 2


@dataclass(slots=True)
class _Kept:
    """The row of a place, its value and its distance from the middle."""

    row: Row
    value: float | None
    distance: float
    mixed: bool = False

    def meet(self, row: Row, value: float | None, distance: float, side: str) -> None:
        """Keep another row of the place if its value is worse."""
        if value is None:
            return
        if self.value is None:
            self.row, self.value, self.distance = row, value, distance
            return
        self.mixed = self.mixed or row["method"] != self.row["method"]
        if side == "lower":
            worse = value < self.value
        elif side == "upper":
            worse = value > self.value
        else:
            worse = distance < self.distance
        if worse:
            self.row, self.value, self.distance = row, value, distance


@dataclass
class _Part:
    """A panel while it is made."""

    layout: Layout
    axes: tuple[_Axis, ...]
    first: Row
    rows: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    kept: dict[tuple[Any, ...], _Kept] = field(default_factory=dict)
    marked: dict[tuple[Any, ...], tuple[float, Row]] = field(default_factory=dict)

    def take(self, row: Row, place: tuple[int, ...], distance: float) -> None:
        self.rows += 1
        if row["status"] in UNANSWERED:
            self.statuses[row["status"]] += 1
            self._mark(row, place)
        value = row["value"]
        if value is not None and not math.isfinite(value):
            value = None
        key = self._key(row, place)
        if key is None:
            return
        if key in self.kept:
            self.kept[key].meet(row, value, distance, self.first["side"])
        else:
            self.kept[key] = _Kept(row, value, distance)

    def _key(self, row: Row, place: tuple[int, ...]) -> tuple[Any, ...] | None:
        """What tells the numbers of a panel apart; None for a row that it does not draw."""
        if not self.axes:
            return (self.rows,) if self.rows <= DOTS else None
        best = row["where"] == "best"
        if self.layout.y is not None:
            return None if best else place
        colour = None if self.layout.colour is None else row[self.layout.colour]
        return (place, colour, adversary(row), best)

    def _mark(self, row: Row, place: tuple[int, ...]) -> None:
        """Mark a row unless a neighbour has the mark."""
        most = MAP_MARKS if len(self.axes) > 1 else CURVE_MARKS
        key: list[Any] = [row["status"]]
        off = 0.0
        for p, axis in zip(place, self.axes, strict=True):
            scale = min(1.0, most / len(axis.middles))
            key.append(int(p * scale))
            off += ((p + 0.5) * scale - key[-1] - 0.5) ** 2
        # the one nearest to the middle of its surroundings: the marks of an area stand in rows
        if self.axes and (tuple(key) not in self.marked or off < self.marked[tuple(key)][0]):
            mark = {"status": row["status"], "value": None} | {axis.name: row[axis.name] for axis in self.axes}
            self.marked[tuple(key)] = (off, mark)

    def panel(self, head: Table, known: Mapping[str, Column]) -> Panel:
        rows = tuple(self._row(key, kept) for key, kept in self.kept.items()) or (self.first,)
        marked: Iterable[Row] = (row for row in rows if row["status"] in UNANSWERED)
        if self.axes:
            marked = (mark for _, mark in self.marked.values())
        of, words = self.layout, self.layout.words(self.first, known)
        if self.axes and self.rows > len(rows):
            words += (SHOWN.get(self.first["side"], NEAREST),)
        table = Table(rows, head.metadata, head.name)
        return Panel(table, of.x, of.y, of.colour, words, self.rows, self.statuses, tuple(marked))

    def _row(self, key: tuple[Any, ...], kept: _Kept) -> Row:
        if not self.axes:
            return kept.row
        place = key if self.layout.y is not None else key[0]
        at = {axis.name: axis.middles[i] for axis, i in zip(self.axes, place, strict=True)}
        return kept.row | at | ({"method": None} if kept.mixed else {})


class _Reduction:
    """The panels that are shown, while rows come."""

    def __init__(self, layouts: Mapping[Group, Layout], most: int) -> None:
        self._most = most
        share = ROWS // max(1, min(most, sum(layout.panels for layout in layouts.values())))
        self._layouts = {
            group: (rank, layout, _divided(layout, share)) for rank, (group, layout) in enumerate(layouts.items())
        }
        self._shown: dict[tuple[int, tuple[Any, ...]], _Part] = {}
        #: What tells the panels apart that are not shown, by hash.
        self.others: set[int] = set()

    def shown(self) -> list[_Part]:
        """Return the panels in the order of their groups, and within a group in the order in which they came."""
        return [part for _, part in sorted(self._shown.items(), key=lambda item: item[0][0])]

    def add(self, rows: Iterable[Row]) -> None:
        parts: dict[Group, list[Row]] = {}
        for row in complete(rows):
            parts.setdefault(group_of(row), []).append(row)
        for group, part in parts.items():
            if group not in self._layouts:
                self._leave_out(group)
                continue
            rank, layout, axes = self._layouts[group]
            found = [axis.places(part) for axis in axes]
            places = zip(*(place for place, _ in found), strict=True) if axes else [()] * len(part)
            distances = sum((distance for _, distance in found), np.zeros(len(part))).tolist()
            for row, place, distance in zip(part, places, distances, strict=True):
                own = self._part(rank, layout, axes, row)
                if own is not None:
                    own.take(row, place, distance)

    def _part(self, rank: int, layout: Layout, axes: tuple[_Axis, ...], row: Row) -> _Part | None:
        """Return the panel of a row; None if others that come before it fill the pages."""
        key = (rank, layout.place(row))
        part = self._shown.get(key)
        if part is not None:
            return part
        if len(self._shown) >= self._most:
            # panels of earlier groups come first, however late their first row is read
            last = max(enumerate(self._shown), key=lambda item: (item[1][0], item[0]))[1]
            if last[0] <= rank:
                self._leave_out(key)
                return None
            self._leave_out(last)
            del self._shown[last]
        self._shown[key] = _Part(layout, axes, row)
        return self._shown[key]

    def _leave_out(self, key: tuple[Any, ...]) -> None:
        if len(self.others) < MOST_COUNTED:
            self.others.add(hash(key))


def _divided(layout: Layout, share: int) -> tuple[_Axis, ...]:
    """Return the axes of a panel that has room for ``share`` rows."""
    if layout.x is None:
        return ()
    values = layout.values
    if layout.y is None:
        return (_Axis(layout.x, values[layout.x], min(CURVE_PLACES, share // layout.lines)),)
    short = _Axis(layout.y, values[layout.y], min(MAP_PLACES, math.isqrt(share)))  # y has at most as many values as x
    return (_Axis(layout.x, values[layout.x], min(MAP_PLACES, share // len(short.middles))), short)
