"""The table of a study: a CSV file, and beside it a JSON file that says where the numbers come from."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdpbound.errors import InvalidStudy
from sdpbound.study.spec import Study
from sdpbound.study.tasks import COLUMNS, Row
from sdpbound.version import __version__

__all__ = ["Table", "git_commit", "read_table", "versions", "write_table"]

_TEXTS = {"study", "point", "where", "observed", "model", "level", "quantity", "side"}
_TEXTS |= {"method", "security", "solver", "status", "error"}
_NUMBERS = frozenset(COLUMNS) - _TEXTS
_PACKAGES = ("numpy", "scipy", "clarabel", "sdpa-python", "qics", "scs", "cvxpy", "python-flint", "pydantic")


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of a study with their metadata.

    ``table["value"]`` is a column, as floats (NaN where empty) or texts; ``table.where(model="quantum")`` the rows with
    these entries.
    """

    rows: tuple[Row, ...]
    metadata: dict[str, Any]
    name: str = ""

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __getitem__(self, column: str) -> NDArray[Any]:
        if column not in COLUMNS:
            raise InvalidStudy(f"a table has no column {column!r}; its columns are {', '.join(COLUMNS)}.")
        values = [row[column] for row in self.rows]
        if column in _NUMBERS:
            return np.array([np.nan if v is None else v for v in values], dtype=np.float64)
        return np.array(["" if v is None else v for v in values], dtype=np.str_)

    def where(self, **entries: Any) -> Table:
        """The rows whose columns have these values."""
        for column in entries:
            if column not in COLUMNS:
                raise InvalidStudy(f"a table has no column {column!r}; its columns are {', '.join(COLUMNS)}.")
        kept = tuple(row for row in self.rows if all(row[c] == v for c, v in entries.items()))
        return Table(kept, self.metadata, self.name)

    def distinct(self, column: str) -> list[Any]:
        """The values of a column, each once, in order of appearance."""
        return list(dict.fromkeys(row[column] for row in self.rows))


def csv_text(rows: Iterable[Row]) -> str:
    """The rows as CSV; floats in the shortest form that reads back exactly, None as an empty field."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({c: _text(row[c]) for c in COLUMNS})
    return stream.getvalue()


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    return repr(float(value)) if isinstance(value, float) else str(value)


def write_table(folder: Path, stem: str, rows: list[Row], study: Study, facts: dict[str, Any]) -> tuple[Path, Path]:
    """Write ``stem.csv`` and ``stem.json``, each at once; returns their paths."""
    text = csv_text(rows).encode()
    table, description = folder / f"{stem}.csv", folder / f"{stem}.json"
    margins = [row["margin"] for row in rows if row["margin"] is not None and np.isfinite(row["margin"])]
    content = {
        "format": "sdpbound study table",
        "version": 1,
        "study": study.model_dump(mode="json"),
        "sdpbound": __version__,
        "git_commit": git_commit(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": versions(),
        "models": sorted({f"{r['model']} {r['level'] or ''}".strip() for r in rows}),
        "solvers": sorted({r["solver"] for r in rows if r["solver"]}),
        "tolerance": study.solver.tolerance,
        "worst_margin": max(margins, default=None),
        "rows": len(rows),
        "failed": sum(1 for r in rows if r["status"] == "failed"),
        "infeasible": sum(1 for r in rows if r["status"] == "infeasible"),
        **facts,
        "columns": list(COLUMNS),
        "sha256": hashlib.sha256(text).hexdigest(),
    }
    _write(table, text)
    _write(description, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode())
    return table, description


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(content)
    os.replace(partial, path)


def read_table(path: str | os.PathLike[str]) -> Table:
    """Read a table and check it against its JSON file; raises InvalidStudy naming the file that is damaged."""
    table = Path(path)
    description = table.with_suffix(".json")
    text, facts = _read(table), _read(description)
    try:
        content = json.loads(facts)
        expected = content["sha256"]
    except (ValueError, KeyError, TypeError):
        raise InvalidStudy(
            f"'{description}' is damaged: it is not the JSON file of a study; run the study again."
        ) from None
    if hashlib.sha256(text).hexdigest() != expected:
        raise InvalidStudy(
            f"'{table}' is damaged or was edited: its SHA-256 is not the one in '{description.name}'; run the study "
            "again."
        )
    try:
        reader = csv.DictReader(io.StringIO(text.decode("utf-8"), newline=""))
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ValueError
        rows = tuple({c: _parse(c, row[c]) for c in COLUMNS} for row in reader)
    except (ValueError, TypeError, csv.Error):
        raise InvalidStudy(
            f"'{table}' is damaged: it is not a table of sdpbound {__version__}; run the study again."
        ) from None
    return Table(rows, content, table.name)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidStudy(f"'{path}' cannot be read: {error.strerror}; run the study first.") from None


def _parse(column: str, text: str) -> Any:
    if not text:
        return None
    if column in ("x", "y"):
        return int(text)
    return float(text) if column in _NUMBERS else text


# -- provenance ---------------------------------------------------------------------------------------------------


def versions() -> dict[str, str]:
    """The versions of the packages that numbers may depend on, as far as installed."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def git_commit() -> str | None:
    """The commit of the source tree this package runs from, "-dirty" if files differ; None outside a repository."""
    here = Path(__file__).resolve().parent

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "--no-optional-locks", *arguments], cwd=here, capture_output=True, text=True, timeout=10
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    if git("ls-files", "--error-unmatch", Path(__file__).name) is None:
        return None  # another project's repository around an installed copy
    commit = git("rev-parse", "HEAD")
    if commit is None:
        return None
    return commit + ("-dirty" if git("status", "--porcelain", "--untracked-files=no") else "")
