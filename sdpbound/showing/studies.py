"""Cards and pictures of studies and their tables."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from sdpbound.bounds.rounding import rounded
from sdpbound.errors import InvalidInput
from sdpbound.showing.cards import Card, Grid
from sdpbound.study.at_hand import Status, Study
from sdpbound.study.running.run import StudyResult
from sdpbound.tables.columns import Row
from sdpbound.tables.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_study", "draw_table", "result_card", "status_card", "study_card", "table_card"]

#: Rows of a table on a card.
ROWS = 10
#: Columns that say what a row is, if any row has them, before its value.
KEPT = ("point", "where", "theta", "phi", "omega", "visibility", "observed", "model", "level", "quantity", "x", "y")


def study_card(study: Study) -> Card:
    """What the study asks, and how much of it is computed."""
    spec = study.spec
    facts = (
        ("title", spec.title),
        ("points", str(spec.family.count)),
        ("numbers", str(spec.cells)),
        ("store", str(study.store_path)),
        ("next", "" if study.store_path.is_file() else "run_study(path), or: sdpbound run FILE.toml"),
    )
    return Card(f"Study {study.name}", facts=facts)


def status_card(status: Status) -> Card:
    """Counts of numbers, for each quantity and for all."""
    rows = tuple((name, *map(str, counts)) for name, counts in status.by_quantity.items())
    every = ("all", str(status.cells), str(status.done), str(status.failed), str(status.infeasible))
    grid = Grid(("quantity", "numbers", "done", "failed", "infeasible"), (*rows, every))
    return Card("Status of a study", f"{status.done} of {status.cells} numbers are done", grids=(grid,))


def result_card(result: StudyResult) -> Card:
    """What a run computed, and where it is."""
    answered = result.rows - result.failed - result.infeasible
    facts = (
        ("computed now", f"{result.computed} in {result.seconds:.1f} s"),
        ("infeasible", str(result.infeasible)),
        ("failed", str(result.failed)),
        ("table", str(result.table)),
        ("store", str(result.store)),
    )
    return Card("Run of a study", f"{answered} of {result.rows} rows have a value", facts)


def table_card(table: Table) -> Card:
    """The first rows, each value with its side."""
    first = list(islice(table, ROWS))
    columns = [name for name in KEPT if any(row.get(name) not in (None, "") for row in first)]
    rows = tuple((*(_text(row[name]) for name in columns), _value(row), str(row["status"] or "")) for row in first)
    cut = "" if len(table) <= ROWS else f"the first {ROWS} of {len(table)} rows; .to_pandas() has all"
    return Card(
        f"Table {table.name}".strip(), f"{len(table)} rows", grids=(Grid((*columns, "value", "status"), rows, cut),)
    )


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else "" if value is None else str(value)


def _value(row: Row) -> str:
    value, side = row["value"], str(row["side"] or "")
    if value is None:
        return ""
    sign = {"lower": "≥ ", "upper": "≤ "}.get(side, "")
    return f"{sign}{rounded(float(value), side, 8)}"


def draw_study(study: Study, ax: Axes | None, look: dict[str, Any]) -> Axes:
    """The first panel of the study's default chart."""
    return draw_table(study.table(), ax, look)


def draw_table(table: Table, ax: Axes | None, look: dict[str, Any]) -> Axes:
    """The first panel of the table's default chart; ``sdpbound plot`` draws all of them."""
    from sdpbound.showing.pictures import axes_or_new
    from sdpbound.study.out.charts import draw_panel
    from sdpbound.study.out.panels import panels_of

    if look:
        raise InvalidInput(f"the chart of a study takes no keywords, not {', '.join(look)}; change the axes.")
    panels = panels_of(table)
    if not panels:
        raise InvalidInput(f"the table '{table.name}' has no rows to draw; run its study first.")
    axes = axes_or_new(ax)
    draw_panel(axes, panels[0])
    return axes
