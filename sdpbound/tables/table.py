"""The table of a study: its columns, its rows in memory, and reading it back from a file."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from io import TextIOWrapper
from itertools import islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sdpbound.arguments import counted
from sdpbound.errors import InvalidStudy
from sdpbound.shown import Drawn
from sdpbound.tables.columns import Column, Row, axes_of, check_format, require_column, table_columns, wanted_columns

if TYPE_CHECKING:
    import pandas

__all__ = ["Table", "read_chunks", "read_table"]

#: Rows of one part of a table, some 20 MB.
CHUNK = 10_000
#: Most texts that are kept to be shared among rows.
TEXTS = 50_000


@dataclass(frozen=True, eq=False)
class Table(Drawn):
    """The rows of a study with their metadata.

    ``table["value"]`` is a column, as floats (NaN where empty) or texts. ``table.where(model="quantum")`` has the rows
    with these entries.

    ``name`` is for messages: of what file or study it is.
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
        All rows, which take some 2 kB each in memory; :func:`read_chunks` gives out a part after the other.

    Raises
    ------
    InvalidStudy
        A file cannot be read, is damaged, was edited, or has another version; the message names the file.
    """
    rows: list[Row] = []
    metadata: dict[str, Any] = {}
    for chunk in read_chunks(path):
        rows += chunk.rows
        metadata = chunk.metadata
    return Table(tuple(rows), metadata, Path(path).name)


def read_chunks(
    path: str | os.PathLike[str], rows: int = CHUNK, columns: Iterable[str] | None = None
) -> Iterator[Table]:
    """Yield the rows of a table in parts, so that a table of any length is read in bounded memory.

    The whole file is checked against the hash in its provenance before the first part is given out.

    Parameters
    ----------
    path : a ``.csv`` file with its ``.json`` file beside it, or a ``.parquet`` file
    rows : the most rows of a part, at least 1
    columns : the columns that are read, which takes less time; the others are None in each row; None for all columns

    Yields
    ------
    Table
        The parts in the order of the file, each with the metadata of the whole table. A table without rows is one part
        without rows.

    Raises
    ------
    InvalidParameter
        ``rows`` is no whole number of at least 1.
    InvalidStudy
        A file cannot be read, is damaged, was edited, or has another version; the message names the file. Or the table
        has no such column.
    """
    size, table = counted(rows, "rows", 1), Path(path)
    wanted = None if columns is None else tuple(columns)
    if table.suffix == ".parquet":
        from sdpbound.tables.parquet import read_parquet  # imported here, because few tables are Parquet files

        parts = read_parquet(table, size, wanted)
    elif table.suffix == ".csv":
        parts = _read_csv(table, size, wanted)
    else:
        raise InvalidStudy(f"'{table}' is no table that can be read back; give a .csv or .parquet file.")
    return (Table(some, metadata, table.name) for some, metadata in parts)


def _read_csv(
    table: Path, size: int, wanted: tuple[str, ...] | None
) -> Iterator[tuple[tuple[Row, ...], dict[str, Any]]]:
    """Yield the rows of a CSV file, ``size`` at a time, each time with its provenance; no rows if there are none."""
    description = table.with_suffix(".json")
    text = _read(description)
    content: Any = None
    with suppress(ValueError, RecursionError):
        content = json.loads(text)
    expected, columns = check_format(content, str(description))
    try:
        # what is read is the file that was checked, even if another takes its place
        with table.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != expected:
                raise InvalidStudy(
                    f"'{table}' is damaged or was edited: its SHA-256 is not the one in '{description.name}'; "
                    "export it again."
                )
            file.seek(0)
            with TextIOWrapper(file, encoding="utf-8", newline="") as lines:
                found = False
                for rows in _rows(lines, columns, content, size, wanted):
                    yield rows, content
                    found = True
                if not found:
                    yield (), content
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


def _rows(
    lines: Iterator[str], own: Mapping[str, type], facts: Mapping[str, Any], size: int, wanted: tuple[str, ...] | None
) -> Iterator[tuple[Row, ...]]:
    """Yield the rows of a file with its ``own`` columns, ``size`` at a time.

    A column that an older file lacks, or that is not wanted, is None.
    """
    names = wanted_columns(table_columns(facts), wanted)
    reader = csv.reader(lines)
    if next(reader, None) != list(own):
        raise ValueError("its header is not that of a table")
    texts: dict[str, str | None] = {}  # each text is once in memory
    while fields := list(islice(reader, size)):
        if len(texts) > TEXTS or not texts:
            # names of points and certificates never come again, and would fill the memory
            texts = {"": None}
        columns = dict(zip(own, zip(*fields, strict=True), strict=True))
        values: list[Iterable[Any]] = []
        for name, read in names.items():
            column = columns.get(name, ())
            if not read or not any(column):
                values.append(repeat(None, len(fields)))
            elif own[name] is str:
                values.append(map(texts.setdefault, column, column))
            else:
                values.append([own[name](text) if text else None for text in column])
        yield tuple(dict(zip(names, row, strict=True)) for row in zip(*values, strict=True))
