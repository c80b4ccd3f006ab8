"""The table of a study: its columns, its rows in memory, and reading it back from a file."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas
from numpy.typing import NDArray

from sdpbound.errors import InvalidStudy
from sdpbound.tables.columns import Column, Row, axes_of, check_format, require_column, table_columns

__all__ = ["Table", "read_table"]


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of a study with their metadata.

    ``table["value"]`` is a column, as floats (NaN where empty) or texts. ``table.where(model="quantum")`` has the rows
    with these entries.
    """

    rows: tuple[Row, ...]
    metadata: dict[str, Any]
    name: str = ""

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    @cached_property
    def columns(self) -> dict[str, type]:
        """The columns and their types: the columns of every table, and behind them the columns that the study adds."""
        return table_columns(self.metadata)

    @property
    def axes(self) -> tuple[Column, ...]:
        """The columns that the study adds."""
        return axes_of(self.metadata)

    def __getitem__(self, column: str) -> NDArray[Any]:
        require_column(column, self.columns)
        values = [row[column] for row in self.rows]
        if self.columns[column] is not str:
            return np.array([np.nan if v is None else v for v in values], dtype=np.float64)
        return np.array(["" if v is None else v for v in values], dtype=np.str_)

    def where(self, **entries: Any) -> Table:
        """Return the rows whose columns have these values."""
        for column in entries:
            require_column(column, self.columns)
        kept = tuple(row for row in self.rows if all(row[c] == v for c, v in entries.items()))
        return Table(kept, self.metadata, self.name)

    def distinct(self, column: str) -> list[Any]:
        """Return the values of a column, each once, in order of appearance."""
        require_column(column, self.columns)
        return list(dict.fromkeys(row[column] for row in self.rows))

    def to_pandas(self) -> pandas.DataFrame:
        """Return the rows as a data frame.

        ``attrs["provenance"]`` of the frame has the provenance of the rows.
        """
        # imported here, because a table needs data frames for nothing else
        from sdpbound.tables.frames import to_pandas

        return to_pandas([[tuple(row[c] for c in self.columns) for row in self.rows]], self.metadata)


# -- reading ------------------------------------------------------------------------------------------------------


def read_table(path: str | os.PathLike[str]) -> Table:
    """Read a table and check it against the hash in its provenance.

    Parameters
    ----------
    path : a ``.csv`` file with its ``.json`` file beside it, or a ``.parquet`` file

    Returns
    -------
    Table

    Raises
    ------
    InvalidStudy
        A file cannot be read, is damaged, was edited, or has another version; the message names the file.
    """
    table = Path(path)
    if table.suffix == ".parquet":
        from sdpbound.tables.parquet import read_parquet  # imported here, because it imports the notes of this module

        return Table(*read_parquet(table), table.name)
    if table.suffix != ".csv":
        raise InvalidStudy(f"'{table}' is no table that can be read back; give a .csv or .parquet file.")
    description = table.with_suffix(".json")
    text = _read(description)
    content: Any = None
    with suppress(ValueError):
        content = json.loads(text)
    expected, columns = check_format(content, str(description))
    digest = hashlib.sha256()
    try:
        with table.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
            if digest.hexdigest() != expected:
                raise InvalidStudy(
                    f"'{table}' is damaged or was edited: its SHA-256 is not the one in '{description.name}'; "
                    "export it again."
                )
        with table.open(encoding="utf-8", newline="") as lines:
            return Table(_rows(lines, columns, content), content, table.name)
    except OSError as error:
        raise _unreadable(table, error) from None
    except (ValueError, csv.Error) as error:
        if isinstance(error, InvalidStudy):
            raise
        raise InvalidStudy(f"'{table}' is damaged: {error}; export it again.") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> InvalidStudy:
    return InvalidStudy(f"'{path}' cannot be read: {error.strerror}; run the study first.")


def _rows(lines: Iterator[str], own: Mapping[str, type], facts: Mapping[str, Any]) -> tuple[Row, ...]:
    """Read the rows of a file with its ``own`` columns.

    A column that an older file lacks is None.
    """
    blank: Row = dict.fromkeys(table_columns(facts))
    reader = csv.reader(lines)
    if next(reader, None) != list(own):
        raise ValueError("its header is not that of a table")
    texts: dict[str, str] = {}  # each text is once in memory
    parse: dict[type, Callable[[str], Any]] = {float: float, int: int, str: lambda text: texts.setdefault(text, text)}
    parsers = [parse[kind] for kind in own.values()]
    rows: list[Row] = []
    while fields := list(islice(reader, 10_000)):
        columns = zip(parsers, zip(*fields, strict=True), strict=True)
        values = [[parser(text) if text else None for text in column] for parser, column in columns]
        rows += (blank | dict(zip(own, row, strict=True)) for row in zip(*values, strict=True))
    return tuple(rows)
