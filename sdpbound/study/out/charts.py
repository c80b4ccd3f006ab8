"""The default chart of a study: a panel for each quantity, along its longest axis, or a map over two long axes."""

from __future__ import annotations

import itertools
import math
import os
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
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
from sdpbound.study.out.aggregate import MOST_COUNTED, Aggregate, aggregated
from sdpbound.study.out.labels import SIDES, adversary, plain
from sdpbound.study.out.panels import DRAWN, Panel, axes_in, complete, panels_of
from sdpbound.tables.columns import Row
from sdpbound.tables.table import Table, read_chunks

__all__ = ["caption_of", "draw_default", "draw_file", "draw_panel"]

#: The most letters on a line of a label, and on a title's first line, which the narrowest panels have room for.
LINE, TITLE = 44, 34
#: The most letters of a point's name on an axis.
SHORT = 18
#: The most panels on one page, and the most pages.
PANELS, PAGES = 9, 4
#: A table with more rows than this is drawn from an aggregated grid.
MANY = 50_000
#: Rows that are read at once: few enough to stay in the fast memory of a processor.
PART = 1000
DASHES: tuple[Any, ...] = ("solid", (0, (4.5, 1.6)), (0, (1, 1.1)), (0, (6, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
FAILED: dict[str, Any] = {"marker": "x", "color": VERMILLION, "markersize": 4.0, "linestyle": "none", "zorder": 7}
INFEASIBLE: dict[str, Any] = {"marker": "1", "color": BLACK, "markersize": 5.0, "linestyle": "none", "zorder": 7}
ATTACK: dict[str, Any] = {"marker": "x", "markersize": 3.2, "markeredgewidth": 0.7, "linestyle": "none", "zorder": 5}
MARKS = {"failed": FAILED, "infeasible": INFEASIBLE}
#: What a place of several rows shows: the worst number of its side, where the numbers have sides.
WORST = {"lower": "the least of its lower bounds", "upper": "the greatest of its upper bounds"}
NEAREST = "the number of the point nearest to its middle"


def draw_default(
    table: Table, output: Path, name: str, title: str = "", formats: Sequence[str] | None = None
) -> list[Path]:
    """Draw the chart of a table into ``output/NAME.pdf`` and ``.png``, ``NAME_2`` and so on; returns the files.

    Colours show visibilities, or the second axis. Dashes show adversaries. Failed and infeasible points are marked and
    counted. A table without rows gives an empty list.

    Of a table with more than :data:`MANY` rows, each place of the picture shows one number, the worst of its side, see
    :func:`~sdpbound.study.out.aggregate.aggregated`. The caption says so.
    """
    if len(table) > MANY:
        parts = [Table(table.rows[i : i + MANY], table.metadata, table.name) for i in range(0, len(table), MANY)]
        return _draw(aggregated(lambda: parts, PANELS * PAGES), Path(output), name, title, formats)
    every = panels_of(table)
    shown = every[: PANELS * PAGES]
    return _draw(Aggregate(table, tuple(shown), len(every) - len(shown)), Path(output), name, title, formats)


def draw_file(
    path: str | os.PathLike[str], output: Path, name: str, title: str = "", formats: Sequence[str] | None = None
) -> list[Path]:
    """Draw the chart of a table in a file as :func:`draw_default` does, however many rows it has.

    Raises InvalidStudy if the file cannot be read or is damaged.
    """
    head = next(iter(read_chunks(path, 1)))
    columns = (*DRAWN, *(column.name for column in head.axes))
    rows: list[Row] = []
    for part in read_chunks(path, PART, columns):
        rows += part.rows
        if len(rows) > MANY:
            rows.clear()
            found = aggregated(lambda: read_chunks(path, PART, columns), PANELS * PAGES)
            return _draw(found, Path(output), name, title, formats)
    return draw_default(Table(tuple(rows), head.metadata, head.name), output, name, title, formats)


def _draw(what: Aggregate, output: Path, name: str, title: str, formats: Sequence[str] | None) -> list[Path]:
    pages = [what.panels[i : i + PANELS] for i in range(0, len(what.panels), PANELS)]
    files: list[Path] = []
    for number, panels in enumerate(pages):
        caption = caption_of(what.table, panels, what.left_out)
        about = FigureSpec(name, title or name, (name,), caption)
        with style(), warnings.catch_warnings():
            # texts of a stranger's rows may leave no room for a panel; the figure is drawn all the same
            warnings.filterwarnings("ignore", "constrained_layout not applied")
            try:
                fig = _page(panels, what.table)
                files += save(fig, output / (f"{name}_{number + 1}" if number else name), about, [what.table], formats)
            except (ArithmeticError, RecursionError, ValueError) as error:
                if isinstance(error, SdpboundError):
                    raise
                # of an axis that ends nowhere, or a label that is no formula
                raise InvalidStudy(
                    f"the rows of '{name}' cannot be drawn ({type(error).__name__}); export them as a table."
                ) from None
    return files


def caption_of(table: Table, panels: Sequence[Panel], left_out: int) -> str:
    """Describe a page in plain text.

    Where places stand for several rows, the caption says how many rows and places there are, and what a place shows.
    """
    sides = {f"{p.label}: {SIDES.get(p.side, '')}{'; crosses are attacks' if p.attack else ''}" for p in panels}
    text = f"Study {table.rows[0]['study']}. {'; '.join(sorted(sides))}."
    divided = [panel for panel in panels if panel.aggregated]
    if divided:
        rows, places = sum(panel.rows for panel in panels), sum(len(panel.table) for panel in panels)
        shown = dict.fromkeys(WORST.get(panel.side, NEAREST) for panel in divided)
        text += f" The {rows} rows are drawn in {places} places, each of which shows {' or '.join(shown)}."
        counts = sum((Counter(panel.statuses) for panel in panels), Counter[str]())
        if counts:
            without = " and ".join(f"{count} {status}" for status, count in sorted(counts.items()))
            text += f" Without a value are {without} rows; one mark may stand for several of them."
    if left_out:
        text += f" {'At least ' if left_out >= MOST_COUNTED else ''}{left_out} further panels are left out."
    return text


# -- drawing --------------------------------------------------------------------------------------------------------


def _page(panels: Sequence[Panel], table: Table) -> Figure:
    dashes, colours = _dashes(table), _colours(panels, table)
    columns = 2 if len(panels) == 4 else min(len(panels), 3)
    rows = math.ceil(len(panels) / columns)
    wide = PAGE if columns > 1 else COLUMN
    tall = {1: 6.4, 2: 6.4, 3: 5.2}[columns]
    if all(panel.x is None for panel in panels):  # a line for each number needs no more
        tall = min(tall, 1.8 + 0.9 * max(len(panel.every) for panel in panels))
    fig = figure(wide, rows * tall + 1.6)
    grid = fig.subplots(rows, columns, squeeze=False).flat
    legend: dict[str, Line2D] = {}
    marked: set[str] = set()
    for index, (axes, panel) in enumerate(itertools.zip_longest(grid, panels)):
        if panel is None:
            axes.set_axis_off()
            continue
        legend |= _panel(axes, panel, colours, dashes)
        marked |= _unanswered(axes, panel)
        letter = f"({chr(ord('a') + index)}) " if len(panels) > 1 else ""
        _title(axes, panel, letter)
    for status in sorted(marked):
        count = sum(panel.statuses.get(status, 0) for panel in panels)
        legend[status] = Line2D([], [], label=f"{status} ({count})", **MARKS[status])
    if legend:
        fig.legend(handles=list(legend.values()), loc="outside lower center", ncols=2 if columns == 1 else 5)
    return fig


def draw_panel(axes: Axes, panel: Panel) -> None:
    """Draw one panel into axes of the caller's, with a legend of its own."""
    legend = _panel(axes, panel, _colours([panel], panel.table), _dashes(panel.table))
    for status in sorted(_unanswered(axes, panel)):
        legend[status] = Line2D([], [], label=f"{status} ({panel.statuses.get(status, 0)})", **MARKS[status])
    _title(axes, panel, "")
    if legend:
        axes.legend(handles=list(legend.values()))


def _dashes(table: Table) -> dict[str, Any]:
    """A dash for each adversary."""
    adversaries = list(dict.fromkeys(map(adversary, table)))
    return {a: DASHES[i % len(DASHES)] for i, a in enumerate(a for a in adversaries if a)} | {"": "solid"}


def _colours(panels: Sequence[Panel], table: Table) -> dict[str, dict[float, str]]:
    """For each axis that is shown by colours, the colour of each of its values."""
    colours: dict[str, dict[float, str]] = {}
    for axis in {panel.colour for panel in panels if panel.colour is not None}:
        values = sorted({row[axis] for row in complete(table)} - {None}, reverse=axis == "visibility")
        shades = sequence(len(values)) if axis == "visibility" else _other_sequence(len(values))
        colours[axis] = dict(zip(values, shades, strict=True))
    return colours


def _panel(
    axes: Axes, panel: Panel, colours: Mapping[str, Mapping[float, str]], dashes: Mapping[str, Any]
) -> dict[str, Line2D]:
    """Draw a panel; returns the entries of the legend."""
    if panel.y is not None:
        _map(axes, panel, panel.y)
    elif panel.x is not None:
        return _lines(axes, panel, panel.x, colours.get(panel.colour or "", {}), dashes)
    else:
        _dots(axes, panel)
    return {}


def _title(axes: Axes, panel: Panel, letter: str) -> None:
    # more than two parts, or two long ones, do not fit on one line
    first = 1 if len(panel.words) > 2 or len(letter + ", ".join(panel.words)) > TITLE else 2
    parts = [", ".join(panel.words[:first]), ", ".join(panel.words[first:])]
    axes.set_title(letter + "\n".join(part for part in parts if part), loc="left", pad=3, linespacing=1.05)


def _other_sequence(count: int) -> list[str]:
    """Return colours for ordered values that are not visibilities.

    The colours differ from those of visibilities.
    """
    places = np.linspace(0.25, 0.8, count) if count > 1 else [0.25]
    return [to_hex(mpl.colormaps["magma"](place)) for place in places]


def _lines(
    axes: Axes, panel: Panel, x: str, colours: Mapping[float, str], dashes: Mapping[str, Any]
) -> dict[str, Line2D]:
    """Draw curves: a colour for each value of an axis, a dash for each adversary, circles for better points.

    Returns the entries of the legend.
    """
    legend: dict[str, Line2D] = {}
    own = panel.own
    values = own["value"]
    finite = values[np.isfinite(values)]
    height = float(np.ptp(finite)) if finite.size else 0.0
    names = panel.names(x)
    shades = {c: s for c, s in colours.items() if c in own.distinct(panel.colour)} if panel.colour else {None: BLACK}
    for name in dict.fromkeys(map(adversary, own)):
        rows = [row for row in own if adversary(row) == name]
        places = np.array(sorted({row[x] for row in rows}), dtype=np.float64)
        curves = []
        for entry in shades:
            found = {r[x]: r["value"] for r in rows if panel.colour is None or r[panel.colour] == entry}
            curves.append(np.array([_number(found.get(p)) for p in places], dtype=np.float64))
        # markers show where the points are if there are few; attacks mark them too
        mark: dict[str, Any] = {"marker": "o", "markersize": 2.4} if places.size <= 25 and not panel.attack else {}
        dash = dashes[name]
        if names:  # nothing is between two names; adversaries differ by their marks
            dash = "none"
            mark = {"marker": "os^Dv"[list(dashes).index(name) % 5], "markersize": 3.6, "markerfacecolor": "none"}
        for curve, shade in zip(curves, shades.values(), strict=True):
            axes.plot(places, curve, color=shade, linestyle="none", **mark)
        if dash == "solid":
            stripes(axes, places, curves, list(shades.values()), 0.004 * height)
        else:
            for curve, shade in zip(curves, shades.values(), strict=True):
                axes.plot(places, curve, color=shade, linestyle=dash)
        if name:
            legend[name] = Line2D([], [], color=BLACK, linestyle=dash, label=plain(name), **(mark if names else {}))
    best = [row for row in panel.best if row["value"] is not None]
    look: dict[str, Any] = {"marker": "o", "markersize": 2.8, "markerfacecolor": "white", "markeredgewidth": 0.6}
    for row in best:
        shade = shades.get(row[panel.colour], BLACK) if panel.colour else BLACK
        axes.plot(row[x], row["value"], color=shade, linestyle="none", zorder=5, **look)
    if panel.attack is not None:
        for row in panel.attack:
            shade = shades.get(row[panel.colour], BLACK) if panel.colour else BLACK
            axes.plot(row[x], _number(row["value"]), color=shade, **ATTACK)
        legend["attack"] = Line2D([], [], label="attack (upper bound)", color=BLACK, **ATTACK)
    if best:
        legend["best"] = Line2D([], [], color=BLACK, linestyle="none", label="best point found", **look)
    if panel.colour:
        legend = _colour_keys(panel, panel.colour, shades) | legend
    axes.set_xlabel("" if names else axes_in(own)[x].axis)
    axes.set_ylabel(_on_lines(panel.label))
    if names:
        _name_places(axes, names)
    _room(axes, finite, bool(panel.marked) or any(row["value"] is None for row in panel.table))
    return legend


def _colour_keys(panel: Panel, axis: str, shades: Mapping[Any, str]) -> dict[str, Line2D]:
    """The entries of the legend that say what the colours are."""
    name, named, own = axes_in(panel.table)[axis].short, panel.names(axis), panel.own
    keys: dict[str, Line2D] = {}
    for value, shade in shades.items():
        exact = ", exact data" if _is_exact([row for row in own if row[axis] == value]) else ""
        label = plain(named[value]) if named else f"${name}={value:.5g}$"
        keys[f"{name}{value}"] = Line2D([], [], color=shade, linewidth=1.8, label=label + exact)
    return keys


def _name_places(axes: Axes, names: Mapping[float, str]) -> None:
    """Write names on the x axis, aslant where they have no room side by side."""
    shown = [name if len(name) <= SHORT else f"{name[: SHORT - 3]}..." for name in names.values()]
    aslant = sum(map(len, shown)) > TITLE
    look: dict[str, Any] = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if aslant else {}
    axes.set_xticks(list(names), [plain(name) for name in shown], **look)
    axes.set_xlim(min(names) - 0.5, max(names) + 0.5)
    axes.tick_params(axis="x", which="minor", bottom=False, top=False)


def _map(axes: Axes, panel: Panel, y: str) -> None:
    """Draw a map over two axes.

    Points without a value stay grey.
    """
    assert panel.x is not None
    xs, ys, values = gridded(panel.own, panel.x, y)
    axes.set_facecolor("#dddddd")
    shown = axes.pcolormesh(
        xs, ys, np.ma.masked_invalid(values), cmap=light_viridis(), shading="nearest", rasterized=True
    )
    bar = axes.figure.colorbar(shown, ax=axes, pad=0.02)
    bar.set_label(_on_lines(panel.label))
    bar.ax.minorticks_off()
    axes.set_xlabel(axes_in(panel.table)[panel.x].axis)
    axes.set_ylabel(axes_in(panel.table)[y].axis)


def _dots(axes: Axes, panel: Panel) -> None:
    """Draw a quantity at a single point: a line for each adversary, with its number."""
    rows, bounds = panel.every, len(panel.table)
    for place, row in enumerate(rows):
        if row["value"] is None:
            continue
        look: dict[str, Any] = ATTACK if place >= bounds else {"marker": "o", "linestyle": "none"}
        axes.plot(row["value"], place, color=BLACK, **look | {"markersize": 4.0})
        text = rounded(float(row["value"]), str(row["side"]), 6)
        axes.annotate(text, (row["value"], place), (0, 5), textcoords="offset points", ha="center", fontsize=7.5)
    axes.set_yticks(range(len(rows)), [_name(row) + ("\nattack" if i >= bounds else "") for i, row in enumerate(rows)])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", which="both", length=0)
    axes.minorticks_off()
    axes.margins(x=0.35)
    axes.locator_params(axis="x", nbins=4)
    axes.grid(axis="y", color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_xlabel(_on_lines(panel.label))


def _name(row: Row) -> str:
    words = [plain(adversary(row)) or "value", "best point" if row["where"] == "best" else ""]
    return "\n".join(word for word in words if word)


def _unanswered(axes: Axes, panel: Panel) -> set[str]:
    """Mark the points without a value: in a map at the point, otherwise at the edge of the panel.

    Returns the statuses that were marked.
    """
    found = set()
    for status, look in MARKS.items():
        rows = [row for row in panel.marked if row["status"] == status]
        if not rows:
            continue
        if panel.x is not None and panel.y is not None:
            # marks of an aggregated grid stand close, and are small so as not to hide it
            size = look["markersize"] * (0.6 if panel.aggregated else 1.0)
            axes.plot([r[panel.x] for r in rows], [r[panel.y] for r in rows], **look | {"markersize": size})
        else:
            foot = axes.get_xaxis_transform() if panel.x else axes.get_yaxis_transform()
            every = panel.every
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
