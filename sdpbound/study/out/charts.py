"""The default chart of a study: a panel for each quantity, along its longest axis, or a map over two long axes."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from sdpbound.bounds.rounding import rounded
from sdpbound.errors import InvalidStudy, SdpboundError
from sdpbound.plotting.look import (
    BLACK,
    COLUMN,
    PAGE,
    VERMILLION,
    FigureSpec,
    figure,
    gridded,
    light_viridis,
    save,
    sequence,
    stripes,
    style,
)
from sdpbound.study.out.labels import SIDES, TESTED, adversary, plain, quantity_label
from sdpbound.study.quantities.table import QUANTITIES
from sdpbound.tables.columns import ANGLES, LIST, Column, Row
from sdpbound.tables.table import Table

__all__ = ["caption_of", "draw_default"]

#: Two axes with at least this many values each make a map.
MAP = 10
#: The most letters on a line of a label.
LINE = 44
#: The most colours in one panel, the most panels on one page, and the most pages.
LINES, PANELS, PAGES = 9, 9, 4
#: The most curves of different adversaries in one panel, the most numbers of a quantity at a single point, and the most
#: places of a map: a map of derived angles may have many times more places than points.
DASHED, DOTS, PIXELS = 10, 40, 4_000_000
#: The columns of every table that may be axes.
AXES = {column.name: column for column in LIST if column.axis}
#: Axes that do not belong to the point.
OTHERS = tuple(name for name in AXES if name not in (*ANGLES, "chsh_ideal", "preprocessing"))
DASHES: tuple[Any, ...] = ("solid", (0, (4.5, 1.6)), (0, (1, 1.1)), (0, (6, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
FAILED: dict[str, Any] = {"marker": "x", "color": VERMILLION, "markersize": 4.0, "linestyle": "none", "zorder": 7}
INFEASIBLE: dict[str, Any] = {"marker": "1", "color": BLACK, "markersize": 5.0, "linestyle": "none", "zorder": 7}
MARKS = {"failed": FAILED, "infeasible": INFEASIBLE}


def draw_default(table: Table, output: Path, name: str, title: str = "") -> list[Path]:
    """Draw the chart of a table into ``output/NAME.pdf`` and ``.png``, ``NAME_2`` and so on; returns the files.

    Colours show visibilities, or the second axis. Dashes show adversaries. Failed and infeasible points are marked and
    counted. A table without rows gives an empty list.
    """
    every = _panels(table)
    shown = every[: PANELS * PAGES]
    pages = [shown[i : i + PANELS] for i in range(0, len(shown), PANELS)]
    files: list[Path] = []
    for number, panels in enumerate(pages):
        caption = caption_of(table, panels, len(every) - len(shown))
        about = FigureSpec(name, title or name, (name,), caption)
        with style(), warnings.catch_warnings():
            # texts of a stranger's rows may leave no room for a panel; the figure is drawn all the same
            warnings.filterwarnings("ignore", "constrained_layout not applied")
            try:
                fig = _page(panels, table)
                files += save(fig, Path(output) / (f"{name}_{number + 1}" if number else name), about, [table])
            except (ArithmeticError, RecursionError, ValueError) as error:
                if isinstance(error, SdpboundError):
                    raise
                # of an axis that ends nowhere, or a label that is no formula
                raise InvalidStudy(
                    f"the rows of '{name}' cannot be drawn ({type(error).__name__}); export them as a table."
                ) from None
    return files


# -- what is drawn where --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Panel:
    """Rows of one quantity and one kind of data, and the columns that are its axes.

    ``y`` is set only for a map.
    """

    table: Table
    x: str | None
    y: str | None
    colour: str | None
    words: tuple[str, ...]

    @property
    def label(self) -> str:
        row = self.table.rows[0]
        name = row["quantity"] if QUANTITIES.find(row["quantity"]) else plain(row["quantity"])
        return quantity_label(row | {"quantity": name, "options": row["options"] and plain(row["options"])})

    @property
    def best(self) -> Table:
        """The rows of the better points that a search found."""
        return self.table.where(where="best")

    @property
    def own(self) -> Table:
        """The rows of the study's own points."""
        return Table(tuple(row for row in self.table if row["where"] != "best"), self.table.metadata, self.table.name)


def _axes(table: Table) -> dict[str, Column]:
    """Return the columns that may be axes: those of every table, and those that the study adds."""
    return AXES | {column.name: column for column in table.axes}


def _panels(table: Table) -> list[_Panel]:
    """Return the panels: one for each quantity, kind of tested data, and value of the axes that are not drawn."""
    known = _axes(table)
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in table:
        groups.setdefault((row["quantity"], row["x"], row["y"], row["options"], row["observed"]), []).append(row)
    panels: list[_Panel] = []
    for (*_, observed), rows in groups.items():
        every = _free(rows, tuple(column.name for column in table.axes))
        free = [axis for axis in every if all(row[axis] is not None for row in rows)]
        partly = [axis for axis in every if axis not in free]  # these are numbers of one kind of noise among several
        x, rest = (free[0], free[1:]) if free else (None, [])
        mapped = x is not None and rest and MAP <= _count(rows, rest[0]) <= PIXELS / _count(rows, x)
        y = rest.pop(0) if mapped else None
        colour = None
        if y is None and rest:
            # visibilities come first, because they are few and ordered
            usable = [axis for axis in rest if _count(rows, axis) <= LINES]
            colour = "visibility" if "visibility" in usable else usable[0] if usable else None
        slices = [*(axis for axis in rest if axis != colour), *partly]
        by_adversary = len({adversary(row) for row in rows}) > (1 if y is not None else DASHED)
        split: dict[tuple[Any, ...], list[Row]] = {}
        for row in rows:
            place = (*(row[axis] for axis in slices), *([adversary(row)] if by_adversary else []))
            split.setdefault(place, []).append(row)
        for place, part in split.items():
            words = [SIDES.get(part[0]["side"], plain(part[0]["side"]))]
            words += [TESTED.get(observed, plain(observed))] if observed else []
            places = zip(slices, place, strict=False)
            words += [f"${known[axis].short}={value:.5g}$" for axis, value in places if value is not None]
            if by_adversary:
                words.append(plain(place[-1]))
            part = part if x is not None else part[:DOTS]
            panels.append(_Panel(Table(tuple(part), table.metadata, table.name), x, y, colour, tuple(words)))
    return panels


def _free(rows: Sequence[Row], added: Sequence[str]) -> list[str]:
    """Return the axes that vary, the longest first.

    On a curve the CHSH value stands for the angles.
    """
    curve = any(row["where"] == "curve" for row in rows)
    of_a_point = ("chsh_ideal",) if curve else (*ANGLES, *added)
    varying = [axis for axis in (*of_a_point, *OTHERS) if _count(rows, axis) > 1]
    return sorted(varying, key=lambda axis: -_count(rows, axis))


def _count(rows: Sequence[Row], column: str) -> int:
    return len({row[column] for row in rows if row["where"] != "best" and row[column] is not None})


def caption_of(table: Table, panels: Sequence[_Panel], left_out: int) -> str:
    sides = {f"{panel.label}: {SIDES.get(panel.table.rows[0]['side'], '')}" for panel in panels}
    text = f"Study {table.rows[0]['study']}. {'; '.join(sorted(sides))}."
    if left_out:
        text += f" {left_out} further panels are left out."
    return text


# -- drawing --------------------------------------------------------------------------------------------------------


def _page(panels: Sequence[_Panel], table: Table) -> Figure:
    adversaries = list(dict.fromkeys(map(adversary, table)))
    dashes = {a: DASHES[i % len(DASHES)] for i, a in enumerate(a for a in adversaries if a)} | {"": "solid"}
    colours: dict[str, dict[float, str]] = {}
    for axis in {panel.colour for panel in panels} - {None}:
        values = sorted({v for v in table.distinct(str(axis)) if v is not None}, reverse=axis == "visibility")
        shades = sequence(len(values)) if axis == "visibility" else _other_sequence(len(values))
        colours[str(axis)] = dict(zip(values, shades, strict=True))
    columns = min(len(panels), 3)
    rows = math.ceil(len(panels) / columns)
    wide = PAGE if columns > 1 else COLUMN
    tall = {1: 6.4, 2: 6.4, 3: 5.2}[columns]
    fig = figure(wide, rows * tall + 1.6)
    grid = fig.subplots(rows, columns, squeeze=False).flat
    legend: dict[str, Line2D] = {}
    marked: set[str] = set()
    for index, (axes, panel) in enumerate(itertools.zip_longest(grid, panels)):
        if panel is None:
            axes.set_axis_off()
            continue
        if panel.y is not None:
            _map(fig, axes, panel, panel.y)
        elif panel.x is not None:
            legend |= _lines(axes, panel, panel.x, colours.get(panel.colour or "", {}), dashes)
        else:
            _dots(axes, panel)
        marked |= _unanswered(axes, panel)
        letter = f"({chr(ord('a') + index)}) " if len(panels) > 1 else ""
        first = 1 if len(panel.words) > 2 else 2  # more than two words do not fit on one line
        parts = [", ".join(panel.words[:first]), ", ".join(panel.words[first:])]
        axes.set_title(letter + "\n".join(part for part in parts if part), loc="left", pad=3, linespacing=1.05)
    for status in sorted(marked):
        count = sum(row["status"] == status for panel in panels for row in panel.table)
        legend[status] = Line2D([], [], label=f"{status} ({count})", **MARKS[status])
    if legend:
        fig.legend(handles=list(legend.values()), loc="outside lower center", ncols=2 if columns == 1 else 5)
    return fig


def _other_sequence(count: int) -> list[str]:
    """Return colours for ordered values that are not visibilities.

    The colours differ from those of visibilities.
    """
    places = np.linspace(0.25, 0.8, count) if count > 1 else [0.25]
    return [to_hex(mpl.colormaps["magma"](place)) for place in places]


def _lines(
    axes: Axes, panel: _Panel, x: str, colours: Mapping[float, str], dashes: Mapping[str, Any]
) -> dict[str, Line2D]:
    """Draw curves: a colour for each value of an axis, a dash for each adversary, circles for better points.

    Returns the entries of the legend.
    """
    legend: dict[str, Line2D] = {}
    own = panel.own
    values = own["value"]
    finite = values[np.isfinite(values)]
    height = float(np.ptp(finite)) if finite.size else 0.0
    shades = {c: s for c, s in colours.items() if c in own.distinct(panel.colour)} if panel.colour else {None: BLACK}
    for name in dict.fromkeys(map(adversary, own)):
        rows = [row for row in own if adversary(row) == name]
        places = np.array(sorted({row[x] for row in rows}), dtype=np.float64)
        curves = []
        for entry in shades:
            found = {r[x]: r["value"] for r in rows if panel.colour is None or r[panel.colour] == entry}
            curves.append(np.array([_number(found.get(p)) for p in places], dtype=np.float64))
        # markers show where the points are if there are few
        mark: dict[str, Any] = {"marker": "o", "markersize": 2.4} if places.size <= 25 else {}
        for curve, shade in zip(curves, shades.values(), strict=True):
            axes.plot(places, curve, color=shade, linestyle="none", **mark)
        if dashes[name] == "solid":
            stripes(axes, places, curves, list(shades.values()), 0.004 * height)
        else:
            for curve, shade in zip(curves, shades.values(), strict=True):
                axes.plot(places, curve, color=shade, linestyle=dashes[name])
        if name:
            legend[name] = Line2D([], [], color=BLACK, linestyle=dashes[name], label=plain(name))
    best = [row for row in panel.best if row["value"] is not None]
    look: dict[str, Any] = {"marker": "o", "markersize": 2.8, "markerfacecolor": "white", "markeredgewidth": 0.6}
    for row in best:
        shade = shades.get(row[panel.colour], BLACK) if panel.colour else BLACK
        axes.plot(row[x], row["value"], color=shade, linestyle="none", zorder=5, **look)
    if best:
        legend["best"] = Line2D([], [], color=BLACK, linestyle="none", label="best point found", **look)
    if panel.colour:
        name = _axes(own)[panel.colour].short
        exact = {v: ", exact data" if _is_exact([r for r in own if r[panel.colour] == v]) else "" for v in shades}
        keys = {
            f"{name}{v}": Line2D([], [], color=c, linewidth=1.8, label=f"${name}={v:.5g}${exact[v]}")
            for v, c in shades.items()
        }
        legend = keys | legend
    axes.set_xlabel(_axes(own)[x].axis)
    axes.set_ylabel(_on_lines(panel.label))
    _room(axes, finite, any(row["value"] is None for row in panel.table))
    return legend


def _map(fig: Figure, axes: Axes, panel: _Panel, y: str) -> None:
    """Draw a map over two axes.

    Points without a value stay grey.
    """
    assert panel.x is not None
    xs, ys, values = gridded(panel.own, panel.x, y)
    axes.set_facecolor("#dddddd")
    shown = axes.pcolormesh(
        xs, ys, np.ma.masked_invalid(values), cmap=light_viridis(), shading="nearest", rasterized=True
    )
    bar = fig.colorbar(shown, ax=axes, pad=0.02)
    bar.set_label(panel.label)
    bar.ax.minorticks_off()
    axes.set_xlabel(_axes(panel.table)[panel.x].axis)
    axes.set_ylabel(_axes(panel.table)[y].axis)


def _dots(axes: Axes, panel: _Panel) -> None:
    """Draw a quantity at a single point: a line for each adversary, with its number."""
    rows = list(panel.table)
    for place, row in enumerate(rows):
        if row["value"] is None:
            continue
        axes.plot(row["value"], place, marker="o", markersize=4.0, color=BLACK, linestyle="none")
        text = rounded(float(row["value"]), str(row["side"]), 6)
        axes.annotate(text, (row["value"], place), (0, 5), textcoords="offset points", ha="center", fontsize=7.5)
    axes.set_yticks(range(len(rows)), [_name(row) for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", which="both", length=0)
    axes.minorticks_off()
    axes.margins(x=0.35)
    axes.locator_params(axis="x", nbins=4)
    axes.grid(axis="y", color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_xlabel(panel.label)


def _name(row: Row) -> str:
    words = [plain(adversary(row)) or "value", "best point" if row["where"] == "best" else ""]
    return "\n".join(word for word in words if word)


def _unanswered(axes: Axes, panel: _Panel) -> set[str]:
    """Mark the points without a value: in a map at the point, otherwise at the edge of the panel.

    Returns the statuses that were marked.
    """
    found = set()
    for status, look in MARKS.items():
        rows = [row for row in panel.table if row["status"] == status]
        if not rows:
            continue
        if panel.x is not None and panel.y is not None:
            axes.plot([r[panel.x] for r in rows], [r[panel.y] for r in rows], **look)
        else:
            foot = axes.get_xaxis_transform() if panel.x else axes.get_yaxis_transform()
            every = list(panel.table)
            x = [r[panel.x] for r in rows] if panel.x is not None else [0.04] * len(rows)
            y = [0.04] * len(rows) if panel.x else [next(i for i, e in enumerate(every) if e is r) for r in rows]
            axes.plot(x, y, transform=foot, **look)
        found.add(status)
    return found


def _on_lines(label: str) -> str:
    """A label on lines that a panel of a page has room for, broken at commas."""
    lines = [""]
    for part in label.split(", "):
        longer = f"{lines[-1]}, {part}" if lines[-1] else part
        lines = [*lines[:-1], longer] if len(longer) <= LINE or not lines[-1] else [*lines[:-1], f"{lines[-1]},", part]
    return "\n".join(lines)


def _is_exact(rows: Sequence[Row]) -> bool:
    """Whether all values are bounds from closed forms, which are about exact data."""
    values = [row for row in rows if row["value"] is not None]
    return bool(values) and all(row["method"] == "closed form" and row["side"] != "exact" for row in values)


def _room(axes: Axes, finite: NDArray[np.float64], marks: bool) -> None:
    """Set limits that leave room for marks, and that do not magnify the rounding of values that are all equal."""
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    least = max(0.1, 0.2 * abs(low))
    if high - low < 1e-6:
        low, high = (low + high - least) / 2, (low + high + least) / 2
    height = high - low
    axes.set_ylim(low - (0.15 if marks else 0.05) * height, high + 0.05 * height)


def _number(value: float | None) -> float:
    return math.nan if value is None else value
