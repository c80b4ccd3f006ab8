"""The report of a study: one HTML file that needs no network and no other file."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sdpbound.bounds.rounding import rounded
from sdpbound.errors import InvalidInput
from sdpbound.study.out.labels import SIDES, adversary, quantity_label, tests_label
from sdpbound.tables.columns import Row
from sdpbound.tables.files import replacing
from sdpbound.tables.table import Table
from sdpbound.version import __version__

__all__ = ["failures_of", "rounded_bound", "runs_of", "summary_of", "write_report"]

#: The most rows in the page, and the most bytes of CSV that it carries.
ROWS, CSV_BYTES = 2000, 5_000_000
#: The most messages of failures, and the most places of each.
MESSAGES, PLACES = 50, 3
DIGITS = 8
#: Pixels for an inch of a figure. Figures are enlarged, because paper is read from nearer than a screen.
SCREEN = 150
#: Columns of bounds, and the side to which they are rounded. None means the side of the row.
_BOUNDS = {"value": None, "sdp_value": None, "entropy": "lower", "margin": "upper"}
#: Columns that the page shows first.
_FIRST = ("point", "quantity", "x", "y", "model", "level", "observed", "visibility", "value", "side")
#: Facts that have a place of their own in the page, or that are about the files beside it.
_NOT_FACTS = ("study", "text", "runs", "columns", "units", "descriptions", "format", "version")
#: The first facts in a line about a run.
_OF_A_RUN = ("id", "started", "finished", "seconds", "ended", "cells", "failed", "workers")
_PICTURES = {".png": "image/png", ".svg": "image/svg+xml"}


def write_report(
    path: str | os.PathLike[str], table: Table, spec_text: str, facts: Mapping[str, Any], figures: Sequence[Path]
) -> Path:
    """Write the report of a study; returns its path.

    Parameters
    ----------
    path : the HTML file
    table : the study's rows so far, perhaps none
    spec_text : its TOML file
    facts : provenance of the numbers: ``study`` (its specification), versions, ``runs``
    figures : PNG or SVG files, which become part of the page; of several files with one name only the PNG is used;
        files of other formats are left out

    Raises
    ------
    InvalidInput if a figure cannot be read or the page cannot be written
    """
    study = facts.get("study") or {}
    name = str(study.get("name") or (table.rows[0]["study"] if len(table) else Path(path).stem))
    page = _template().render(
        title=study.get("title") or name,
        name=name,
        spec=spec_text,
        facts=[(key, _text(value)) for key, value in facts.items() if key not in _NOT_FACTS and value is not None],
        runs=runs_of(facts.get("runs") or [], facts),
        counts=_counts(table),
        summary=summary_of(table),
        figures=_pictures(figures),
        margins=_margins(table),
        failures=failures_of(table),
        rows=_rows(table),
        csv=_csv(table),
        version=__version__,
    )
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as (output,):
            # halves of characters, as in names of files that are not UTF-8, are written as their escapes
            output.write(page.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise InvalidInput(f"the report '{path}' cannot be written: {error.strerror}; choose another file.") from None
    return target


def _template() -> Any:
    import jinja2

    loader = jinja2.PackageLoader("sdpbound.study.out", ".")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["sha256"] = lambda text: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return environment.get_template("report.html.j2")


# -- numbers --------------------------------------------------------------------------------------------------------


def rounded_bound(value: float | None, side: str, digits: int = DIGITS) -> str:
    """Return a bound, rounded to its side.

    Other numbers are rounded to the nearest.
    """
    if value is None or math.isnan(value):
        return ""
    return f"{value:.{digits}g}" if side not in ("upper", "lower") else rounded(value, side, digits)


def _seconds(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _counts(table: Table) -> dict[str, int]:
    """Count the rows by their results."""
    return {
        "rows": len(table),
        "certified": sum(1 for r in table if r["method"] == "certified"),
        "closed form": sum(1 for r in table if r["method"] == "closed form"),
        "infeasible": sum(1 for r in table if r["status"] == "infeasible"),
        "failed": sum(1 for r in table if r["status"] == "failed"),
    }


def summary_of(table: Table) -> list[dict[str, Any]]:
    """Return one line for each quantity, adversary, kind of tested data and side."""
    groups: dict[tuple[str, str, str, str], list[Row]] = {}
    for row in table:
        key = (quantity_label(row), adversary(row), tests_label(row["observed"]), row["side"])
        groups.setdefault(key, []).append(row)
    lines = []
    for (quantity, model, tested, side), rows in groups.items():
        values = [row["value"] for row in rows if row["value"] is not None]
        margins = [row["margin"] for row in rows if row["margin"] is not None]
        lines.append(
            {
                "quantity": quantity,
                "adversary": model,
                "tested": tested,
                "side": SIDES.get(side, side),
                "counts": _counts(Table(tuple(rows), {})),
                "least": rounded_bound(min(values), side) if values else "",
                "most": rounded_bound(max(values), side) if values else "",
                "margin": rounded_bound(max(margins), "upper", 2) if margins else "",
                "seconds": _seconds(sum(row["seconds"] or 0.0 for row in rows)),
            }
        )
    return lines


def failures_of(table: Table) -> dict[str, Any]:
    """Return the rows that failed or are infeasible, by message without its numbers, the most frequent first."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in table:
        if row["status"] in ("failed", "infeasible"):
            kind = re.sub(r"[-+]? ?\d[\d.]*(?:e[-+]?\d+)?", "#", row["error"] or "")
            groups.setdefault((row["status"], kind), []).append(row)
    found = []
    for (status, _), rows in sorted(groups.items(), key=lambda item: (item[0][0], -len(item[1])))[:MESSAGES]:
        different = len({row["error"] for row in rows})
        places = [_place(row) for row in rows[:PLACES]]
        found.append(
            {
                "status": status,
                "message": rows[0]["error"] or "no message",
                "others": different - 1,
                "count": len(rows),
                "places": places,
            }
        )
    return {"shown": found, "left_out": len(groups) - len(found)}


def _place(row: Row) -> str:
    visibility = "" if row["visibility"] is None else f"v = {row['visibility']:.10g}"
    words = (f"point {row['point']}", visibility, tests_label(row["observed"]), adversary(row), quantity_label(row))
    return ", ".join(filter(None, words))


# -- provenance -----------------------------------------------------------------------------------------------------


def _text(value: Any) -> str:
    """Return a fact on one line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(part)}" for key, part in value.items())
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(map(_text, value))
    return "" if value is None else str(value)


def runs_of(runs: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the runs, one line each, without entries that are the same in all of them and in the facts."""
    keys = dict.fromkeys((*_OF_A_RUN, *(key for run in runs for key in sorted(run))))
    told = [key for key in keys if key in facts and all(run.get(key) == facts[key] for run in runs)]
    columns = [key for key in keys if key not in told and any(run.get(key) is not None for run in runs)]
    return {"columns": columns, "rows": [[_text(run.get(key)) for key in columns] for run in runs]}


# -- pictures -------------------------------------------------------------------------------------------------------


def _pictures(figures: Sequence[Path]) -> list[dict[str, Any]]:
    """Return one picture for each figure that a browser can show.

    A caption that several figures have is shown once.
    """
    shown = [Path(file) for file in figures if Path(file).suffix.lower() in _PICTURES]
    chosen = [min(files, key=lambda f: f.suffix) for _, files in groupby(shown, key=lambda f: f.with_suffix(""))]
    pictures = [_picture(file) for file in chosen]
    for before, picture in pairwise(pictures):
        picture["again"] = picture["caption"] == before["caption"]
    return pictures


def _picture(file: Path) -> dict[str, Any]:
    """Return a figure as a data URI, with the title and the caption from its metadata."""
    try:
        content = file.read_bytes()
        text: Mapping[str, str] = {}
        width = None
        if file.suffix.lower() == ".png":
            with Image.open(io.BytesIO(content)) as image:
                text = dict(getattr(image, "text", {}))
                width = round(SCREEN * image.width / image.info.get("dpi", (300.0, 300.0))[0])
    except OSError as error:
        reason = error.strerror or "it is no picture"
        raise InvalidInput(f"the figure '{file}' cannot be read: {reason}; draw it again.") from None
    return {
        "again": False,
        "width": width,
        "uri": _uri(_PICTURES[file.suffix.lower()], content),
        "title": text.get("Title", file.stem),
        "caption": text.get("Description", ""),
        "source": text.get("Source", ""),
    }


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _margins(table: Table) -> dict[str, Any] | None:
    """Return the certified margins: their number, the largest, and a histogram of their orders of magnitude."""
    margins = table["margin"]
    margins = margins[np.isfinite(margins)]
    if not margins.size:
        return None
    positive = margins[margins > 0.0]
    facts = {
        "count": margins.size,
        "rest": margins.size - positive.size,
        "largest": rounded_bound(margins.max(), "upper", 2),
    }
    return facts | {"uri": _histogram(positive) if positive.size else ""}


def _histogram(margins: Any) -> str:
    from matplotlib.ticker import MaxNLocator

    from sdpbound.plotting.look import BLUE, figure, style

    margins = np.clip(margins, 1e-300, 1e300)  # a stranger's margin may be next to the ends of floats
    exponents = np.log10(margins)
    low, high = math.floor(exponents.min()), math.ceil(exponents.max())
    edges = np.linspace(low, max(high, low + 1), 4 * max(high - low, 1) + 1)
    with style(svg__hashsalt="sdpbound"):
        fig = figure(12.0, 5.0)
        axes = fig.add_subplot()
        axes.hist(margins, bins=list(10.0**edges), color=BLUE, edgecolor="white", linewidth=0.4)
        axes.set_xscale("log")
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.set_xlabel("certified margin (unit of the value)")
        axes.set_ylabel("rows")
        axes.minorticks_off()
        stream = io.BytesIO()
        fig.savefig(stream, format="svg", metadata={"Date": None})
    return _uri("image/svg+xml", stream.getvalue())


# -- the table ------------------------------------------------------------------------------------------------------


def _rows(table: Table) -> dict[str, Any]:
    """Return the first rows as text.

    Columns that are the same in all rows are given apart.
    """
    columns, same = [], []
    for column in sorted(table.columns, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST)):
        values = table.distinct(column)
        if len(values) > 1:
            columns.append(column)
        elif values and values[0] is not None:
            same.append((column, _cell(table.rows[0], column)))
    shown = [[_cell(row, column) for column in columns] for row in table.rows[:ROWS]]
    numeric = [table.columns[column] is not str for column in columns]
    return {"columns": list(zip(columns, numeric, strict=True)), "same": same, "shown": shown, "total": len(table)}


def _cell(row: Row, column: str) -> str:
    value = row[column]
    if value is None:
        return ""
    if column in _BOUNDS:
        return rounded_bound(value, _BOUNDS[column] or row["side"], 3 if column == "margin" else DIGITS)
    if column == "seconds":
        return f"{value:.3g}"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _csv(table: Table) -> dict[str, Any] | None:
    """Return the whole table for download; None if it is too large."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(table.columns)
    for row in table:
        # a float has the shortest form that reads back exactly
        writer.writerow([repr(float(v)) if isinstance(v, float) else v for v in map(row.get, table.columns)])
        if stream.tell() > CSV_BYTES:
            return None
    return {"uri": _uri("text/csv", stream.getvalue().encode()), "kilobytes": round(stream.tell() / 1000)}
