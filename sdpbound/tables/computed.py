"""The table of a figure that computes its own numbers: free columns, with hash and provenance beside it.

A study's table has fixed columns and a store behind it. Closed forms of protocols need neither. The script of such a
figure has ``compute(output)``, which writes the table, and it draws from the table's file alone.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdpbound.errors import InvalidInput, InvalidStudy
from sdpbound.tables.provenance import environment

__all__ = ["ComputedTable", "read_computed", "write_computed"]

FORMAT, VERSION = "sdpbound computed table", 1


@dataclass(frozen=True, eq=False)
class ComputedTable:
    """A table of columns of equal length.

    A column is floats (NaN where empty) or texts. ``facts`` is their provenance.
    """

    columns: Mapping[str, NDArray[Any]]
    metadata: dict[str, Any]
    name: str = ""

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, column: str) -> NDArray[Any]:
        if column not in self.columns:
            raise InvalidStudy(f"the table '{self.name}' has no column {column!r}; it has {', '.join(self.columns)}.")
        return self.columns[column]

    def where(self, **entries: Any) -> ComputedTable:
        """Return the rows whose columns have these values."""
        keep = np.ones(len(self), dtype=bool)
        for column, value in entries.items():
            keep &= self[column] == value
        return ComputedTable({name: values[keep] for name, values in self.columns.items()}, self.metadata, self.name)


def write_computed(
    path: str | os.PathLike[str], columns: Mapping[str, Sequence[Any] | NDArray[Any]], about: str
) -> Path:
    """Write a CSV file, and beside it a JSON file with its SHA-256, description, versions and commit; returns the path.

    Parameters
    ----------
    path : the CSV file; its name ends in ``.csv``
    columns : columns of equal length, numbers or texts; numbers are written with all their digits
    about : description in one line
    """
    file = Path(path)
    lengths = {name: len(values) for name, values in columns.items()}
    if file.suffix != ".csv" or len(set(lengths.values())) != 1:
        raise InvalidInput(f"a computed table needs a .csv path and columns of equal length, not '{file}', {lengths}.")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(_texts(values) for values in columns.values()), strict=True))
    data = text.getvalue().encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    facts = {"format": FORMAT, "version": VERSION, "about": about, **environment()}
    facts |= {"sha256": hashlib.sha256(data).hexdigest(), "columns": list(columns), "rows": lengths.popitem()[1]}
    file.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return file


def read_computed(path: str | os.PathLike[str]) -> ComputedTable:
    """Read a table of :func:`write_computed` and check its hash.

    Raises InvalidStudy if the table was edited or is damaged.
    """
    file = Path(path)
    try:
        data = file.read_bytes()
        facts = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidStudy(f"'{file}' cannot be read: {error.strerror}; run the figure's script first.") from None
    except (ValueError, RecursionError):
        facts = None
    if not isinstance(facts, dict) or (facts.get("format"), facts.get("version")) != (FORMAT, VERSION):
        raise InvalidStudy(f"'{file}' is no table that this version reads; run the figure's script again.")
    if hashlib.sha256(data).hexdigest() != facts.get("sha256"):
        raise InvalidStudy(
            f"'{file}' is damaged or was edited: its SHA-256 is not the one beside it; run the figure's script again."
        )
    header, *rows = csv.reader(io.StringIO(data.decode()))
    columns = zip(*rows, strict=True) if rows else ([] for _ in header)
    return ComputedTable(
        {name: _array(list(texts)) for name, texts in zip(header, columns, strict=True)}, facts, file.name
    )


def _texts(values: Sequence[Any] | NDArray[Any]) -> list[str]:
    return [v if isinstance(v, str) else "" if np.isnan(v) else repr(float(v)) for v in values]


def _array(texts: list[str]) -> NDArray[Any]:
    try:
        return np.array([float(t) if t else np.nan for t in texts], dtype=np.float64)
    except ValueError:
        return np.array(texts, dtype=np.str_)
