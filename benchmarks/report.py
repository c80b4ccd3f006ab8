"""Measured numbers as targets, tables and files."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Report", "Table", "print_rows"]


def print_rows(rows: Iterable[Sequence[Any]], table: Path, columns: Sequence[str]) -> None:
    """Print rows as they come; with ``--write`` on the command line, write them to a CSV table at the end."""
    found = []
    for row in rows:
        found.append(row)
        print(*row, flush=True)
    if "--write" in sys.argv[1:]:
        with table.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(found)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return "0" if value == 0 else f"{value:.3g}" if not 1000 <= abs(value) < 1e6 else f"{value:.0f}"
    return str(value)


@dataclass(slots=True)
class Table:
    """One table of a report."""

    title: str
    columns: Sequence[str]
    note: str = ""
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    def add(self, *row: Any) -> None:
        self.rows.append(row)

    def markdown(self) -> str:
        lines = [f"### {self.title}", ""]
        if self.note:
            lines += [self.note, ""]
        lines += ["| " + " | ".join(self.columns) + " |", "|" + "---|" * len(self.columns)]
        lines += ["| " + " | ".join(_text(v) for v in row) + " |" for row in self.rows]
        return "\n".join(lines) + "\n"


@dataclass(slots=True)
class Report:
    """Everything measured in one run. A target is met or not; nothing is rounded in its favour."""

    versions: dict[str, str]
    quick: bool
    tables: list[Table] = field(default_factory=list)
    targets: list[dict[str, Any]] = field(default_factory=list)

    def table(self, title: str, columns: Sequence[str], note: str = "") -> Table:
        self.tables.append(Table(title, columns, note))
        return self.tables[-1]

    def target(self, what: str, value: float, limit: float, at_least: bool = False) -> None:
        met = value >= limit if at_least else value <= limit
        sign = ">=" if at_least else "<="
        self.targets.append({"target": what, "value": float(value), "limit": f"{sign} {limit:g}", "met": bool(met)})

    def target_table(self) -> Table:
        table = Table("Targets", ("target", "measured", "limit", ""))
        for t in self.targets:
            table.add(t["target"], t["value"], t["limit"], "met" if t["met"] else "**not met**")
        return table

    def markdown(self) -> str:
        head = [
            "# Benchmarks",
            "",
            "Written by `python -m benchmarks" + (" --quick" if self.quick else "") + "`. Everything in one run on one "
            "thread; times in ms are medians unless a table says otherwise. No closed form is used.",
            "",
            ", ".join(f"{name} {v}" for name, v in self.versions.items()) + ".",
            "",
        ]
        return "\n".join(head) + "\n" + "\n".join(t.markdown() for t in (self.target_table(), *self.tables))

    def write(self, folder: Path) -> None:
        data = {
            "versions": self.versions,
            "quick": self.quick,
            "targets": self.targets,
            "tables": [{"title": t.title, "columns": list(t.columns), "rows": t.rows} for t in self.tables],
        }
        (folder / "results.json").write_text(json.dumps(data, indent=1, default=float) + "\n", encoding="utf-8")
        (folder / "RESULTS.md").write_text(self.markdown(), encoding="utf-8")
