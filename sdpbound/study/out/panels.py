"""What the default chart shows where: the panels of a table, their axes and their rows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdpbound.study.out.labels import SIDES, adversary, options_label, plain, quantity_label, tests_label
from sdpbound.study.quantities.table import QUANTITIES
from sdpbound.tables.columns import ANGLES, LIST, OF_NOISE, Column, Row
from sdpbound.tables.table import Table

__all__ = [
    "DOTS",
    "DRAWN",
    "UNANSWERED",
    "Group",
    "Layout",
    "Panel",
    "Survey",
    "axes_in",
    "complete",
    "group_of",
    "panels_of",
]

#: Two axes with at least this many values each make a map.
MAP = 10
#: The most colours in one panel.
LINES = 9
#: The most curves of different adversaries in one panel, the most numbers of a quantity at a single point, and the most
#: places of a map: a map of derived angles may have many times more places than points.
DASHED, DOTS, PIXELS = 10, 40, 4_000_000
#: The most points whose names stand on an axis.
NAMES = 12
#: Statuses of rows without a value, which a chart marks.
UNANSWERED = ("failed", "infeasible")
#: The columns of every table that may be axes.
AXES = {column.name: column for column in LIST if column.axis}
#: Axes that do not belong to the point.
OTHERS = tuple(name for name in AXES if name not in (*ANGLES, "chsh_ideal", "preprocessing"))

#: The columns from which charts are drawn. The axes that a study adds come after them.
DRAWN = (
    *(
        "study",
        "point",
        "where",
        "observed",
        "model",
        "level",
        "quantity",
        "x",
        "y",
        "value",
        "side",
        "method",
        "status",
        "options",
        "noise",
    ),
    *AXES,
)
#: The numbers of devices whose only noise is that of the state, for which rows have no entries.
PERFECT = {
    f"{kind}{of}": number
    for kind, number in (("efficiency", 1.0), ("dephasing", 0.0), ("misalignment", 0.0))
    for of in ("", "_a", "_b")
}

#: Quantity, its settings and options, and what is tested.
Group = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """Rows of one quantity and one kind of data, and the columns that are its axes.

    Attributes
    ----------
    table : the rows that are drawn
    x, y, colour : the axes; ``y`` is set only for a map
    words : the title in parts
    rows, statuses : number of rows of the study in the panel, and of these with each status
    marked : the rows without a value that get a mark
    attack : rows of the attacks on what is bounded, drawn beside the bound; None if there are none
    """

    table: Table
    x: str | None
    y: str | None
    colour: str | None
    words: tuple[str, ...]
    rows: int
    statuses: Mapping[str, int]
    marked: tuple[Row, ...]
    attack: Table | None = None

    @property
    def label(self) -> str:
        row = self.table.rows[0]
        name = row["quantity"] if QUANTITIES.find(row["quantity"]) else plain(row["quantity"])
        options = row["options"] and options_label(plain(row["options"]))
        return quantity_label(row | {"quantity": name, "options": options})

    @property
    def every(self) -> tuple[Row, ...]:
        """The rows of both sides."""
        return (*self.table, *(self.attack or ()))

    def names(self, axis: str) -> dict[Any, str]:
        """The names of points along an axis that does no more than number them; empty for other axes."""
        names: dict[Any, str] = {}
        for row in self.every:
            name = str(row["point"] or "")
            if row["where"] in ("best", "strategy"):  # what a search found at a point has more behind its name
                name = name.rpartition("/")[0]
            if not name or name.isdigit() or names.setdefault(row[axis], name) != name:
                return {}
        return names if len(set(names.values())) == len(names) <= NAMES else {}

    @property
    def side(self) -> str:
        return str(self.table.rows[0]["side"])

    @property
    def aggregated(self) -> bool:
        """Whether a row of the table stands for several rows of the study."""
        return self.rows > len(self.table)

    @property
    def best(self) -> Table:
        """The rows of the better points that a search found."""
        return self.table.where(where="best")

    @property
    def own(self) -> Table:
        """The rows of the study's own points."""
        return Table(tuple(row for row in self.table if row["where"] != "best"), self.table.metadata, self.table.name)


def axes_in(table: Table) -> dict[str, Column]:
    """Return the columns that may be axes: those of every table, and those that the study adds."""
    return AXES | {column.name: column for column in table.axes}


def complete(rows: Iterable[Row]) -> Iterable[Row]:
    """Give rows without noise of the devices its numbers, so that efficiency 1 is on an axis with the others."""
    for row in rows:
        if row["noise"] is None and row["visibility"] is not None:
            yield row | {name: number for name, number in PERFECT.items() if name in row}
        else:
            yield row


def group_of(row: Row) -> Group:
    return (row["quantity"], row["x"], row["y"], row["options"], row["observed"])


# -- which axes a panel has -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Layout:
    """The axes of the panels of one group of rows, and the columns that tell its panels apart.

    Attributes
    ----------
    x, y, colour : the axes of each panel
    slices, by_adversary : the columns that tell panels apart, and whether adversaries do
    values : the values of the axes ``x`` and ``y``, ascending
    panels, lines : at most so many panels, counted up to some tens, and so many lines in each
    """

    x: str | None
    y: str | None
    colour: str | None
    slices: tuple[str, ...]
    by_adversary: bool
    values: Mapping[str, NDArray[np.float64]]
    panels: int
    lines: int

    def place(self, row: Row) -> tuple[Any, ...]:
        """Return what tells the panel of a row from others of the group."""
        return (*(row[axis] for axis in self.slices), *([adversary(row)] if self.by_adversary else []))

    def words(self, row: Row, known: Mapping[str, Column]) -> tuple[str, ...]:
        """Return the title of the panel that begins with a row, in parts."""
        words = [SIDES.get(row["side"], plain(row["side"]))]
        words += [tests_label(row["observed"]) or plain(row["observed"])] if row["observed"] else []
        place = self.place(row)
        places = zip(self.slices, place, strict=False)
        words += [f"${known[axis].short}={value:.5g}$" for axis, value in places if value is not None]
        if self.by_adversary:
            words.append(plain(place[-1]))
        return tuple(words)


class _Distinct:
    """The different numbers of a column, gathered from chunks in memory for each number once or twice."""

    def __init__(self) -> None:
        self._sorted = np.empty(0)
        self._new: list[NDArray[np.float64]] = []
        self._waiting = 0

    def add(self, values: Iterable[float]) -> None:
        self._new.append(np.unique(np.fromiter(values, np.float64)))
        self._waiting += self._new[-1].size
        if self._waiting > self._sorted.size + 10_000:
            self.values()

    def values(self) -> NDArray[np.float64]:
        """Return the numbers, ascending."""
        if self._new:
            self._sorted, self._new, self._waiting = np.unique(np.concatenate([self._sorted, *self._new])), [], 0
        return self._sorted


@dataclass
class _Seen:
    """What the rows of one group have in their columns."""

    values: dict[str, _Distinct] = field(default_factory=dict)
    lacking: set[str] = field(default_factory=set)
    adversaries: set[str] = field(default_factory=set)
    curve: bool = False


class Survey:
    """The different values in the columns of a table, from which its layouts follow.

    Parameters
    ----------
    table : the table, or a part of it, for its metadata
    most : the most groups that are surveyed, those that come first, where not all of them are
    """

    def __init__(self, table: Table, most: int | None = None) -> None:
        self._most = most
        derived = _derived(table.metadata, table.axes)
        self._of_a_point = tuple(a for a in (*ANGLES, *(column.name for column in table.axes)) if a not in derived)
        self._groups: dict[Group, _Seen] = {}

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows into account."""
        parts: dict[Group, list[Row]] = {}
        for row in complete(rows):
            parts.setdefault(group_of(row), []).append(row)
        for group, part in parts.items():
            if group in self._groups or self._most is None or len(self._groups) < self._most:
                self._take(self._groups.setdefault(group, _Seen()), part)

    def _take(self, seen: _Seen, rows: list[Row]) -> None:
        seen.curve = seen.curve or any(row["where"] == "curve" for row in rows)
        own = [row for row in rows if row["where"] != "best"]
        # along a curve the CHSH value stands for the angles
        for name in (*(("chsh_ideal",) if seen.curve else self._of_a_point), *OTHERS):
            seen.values.setdefault(name, _Distinct()).add(row[name] for row in own if row[name] is not None)
            if name not in seen.lacking and any(row[name] is None for row in rows):
                seen.lacking.add(name)
        if len(seen.adversaries) <= DASHED:
            seen.adversaries |= set(map(adversary, rows))

    def layouts(self, divided: bool = False) -> dict[Group, Layout]:
        """Return the layout of each group, in the order in which the groups came.

        With ``divided`` axes, maps have no limit on the values of their axes.
        """
        return {group: self._layout(seen, math.inf if divided else PIXELS) for group, seen in self._groups.items()}

    def _layout(self, seen: _Seen, pixels: float) -> Layout:
        of_a_point = ("chsh_ideal",) if seen.curve else self._of_a_point
        count = {name: seen.values[name].values().size for name in (*of_a_point, *OTHERS)}
        every = sorted((axis for axis in count if count[axis] > 1), key=lambda axis: -count[axis])
        free = [axis for axis in every if axis not in seen.lacking]
        partly = [axis for axis in every if axis not in free]  # these are numbers of one kind of noise among several
        x, rest = (free[0], free[1:]) if free else (None, [])
        mapped = x is not None and rest and MAP <= count[rest[0]] <= pixels / count[x]
        y = rest.pop(0) if mapped else None
        colour = None
        if y is None and rest:
            # visibilities come first, because they are few and ordered
            usable = [axis for axis in rest if count[axis] <= LINES]
            colour = "visibility" if "visibility" in usable else usable[0] if usable else None
        slices = (*(axis for axis in rest if axis != colour), *partly)
        adversaries = len(seen.adversaries)
        by_adversary = adversaries > (1 if y is not None else DASHED)
        return Layout(
            x,
            y,
            colour,
            slices,
            by_adversary,
            values={axis: seen.values[axis].values() for axis in (x, y) if axis is not None},
            panels=math.prod(count[axis] + (axis in partly) for axis in slices) * (adversaries if by_adversary else 1),
            lines=(1 if colour is None else count[colour]) * min(adversaries, DASHED),
        )


def _derived(metadata: Mapping[str, Any], axes: Iterable[Column]) -> set[str]:
    """Return the axes of a study's family that follow from others by a formula or a search, and add no points."""
    study = metadata.get("study")
    family = study.get("family") if isinstance(study, Mapping) else None
    entries = family.items() if isinstance(family, Mapping) else ()
    if isinstance(family, Mapping) and isinstance(family.get("best_of"), Mapping) and "starts" in family["best_of"]:
        return {*ANGLES, *(axis.name for axis in axes if not axis.text.endswith(OF_NOISE))}
    return {
        name for name, entry in entries if isinstance(entry, list) and len(entry) == 1 and isinstance(entry[0], str)
    }


# -- the panels of a table in memory --------------------------------------------------------------------------------


def panels_of(table: Table) -> list[Panel]:
    """Return the panels: one for each quantity, kind of tested data, and value of the axes that are not drawn.

    Attacks are in the panel of the bound that they are on the other side of.
    """
    survey, known = Survey(table), axes_in(table)
    survey.add(table)
    groups: dict[Group, list[Row]] = {}
    for row in complete(table):
        groups.setdefault(group_of(row), []).append(row)
    panels: list[Panel] = []
    for group, layout in survey.layouts().items():
        split: dict[tuple[Any, ...], list[Row]] = {}
        for row in groups[group]:
            split.setdefault(layout.place(row), []).append(row)
        for part in split.values():
            rows = tuple(part if layout.x is not None else part[:DOTS])
            marked = tuple(row for row in rows if row["status"] in UNANSWERED)
            panels.append(
                Panel(
                    Table(rows, table.metadata, table.name),
                    layout.x,
                    layout.y,
                    layout.colour,
                    layout.words(rows[0], known),
                    len(rows),
                    Counter(row["status"] for row in marked),
                    marked,
                )
            )
    return _both_sides(panels)


def _both_sides(panels: Sequence[Panel]) -> list[Panel]:
    """Put the attacks on what is bounded into the panels of the bounds."""
    joined = list(panels)
    for panel in panels:
        name, attack, _ = panel.table.rows[0]["quantity"].partition("_attack")
        of = [i for i, other in enumerate(joined) if attack and other.y is None and _alike(panel, other, name)]
        for i in of:
            bound = joined[i]
            joined[i] = replace(
                bound,
                words=("bound and attack", *bound.words[1:]),
                rows=bound.rows + panel.rows,
                statuses=Counter(bound.statuses) + Counter(panel.statuses),
                marked=bound.marked + panel.marked,
                attack=panel.table,
            )
        if of:
            joined.remove(panel)
    return joined


def _alike(attack: Panel, bound: Panel, name: str) -> bool:
    """Whether a panel is of the bound on what the other one attacks, along the same axes."""
    ours, theirs = attack.table.rows[0], bound.table.rows[0]
    options = [word for word in (theirs["options"] or "").split(", ") if not word.startswith("von Neumann")]
    return (
        theirs["quantity"] == name
        and (ours["x"], ours["y"], ours["options"] or "") == (theirs["x"], theirs["y"], ", ".join(options))
        and (attack.x, attack.y, attack.colour) == (bound.x, bound.y, bound.colour)
        and attack.words[1:] == bound.words[1:]
    )
