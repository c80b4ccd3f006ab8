"""The table of a study: its columns, its rows in memory, and reading it back from a file."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdpbound.errors import InvalidInput, InvalidStudy
from sdpbound.study.provenance import Summary, environment
from sdpbound.study.tasks import COLUMNS, Row

if TYPE_CHECKING:
    import pandas

__all__ = ["COLUMN_NOTES", "Note", "Table", "by_column", "check_format", "described", "read_table"]

FORMAT, VERSION = "sdpbound study table", 2


class Note(NamedTuple):
    """What a column is; ``unit`` is empty for texts."""

    unit: str
    text: str


COLUMN_NOTES: dict[str, Note] = {
    "study": Note("", "name of the study"),
    "point": Note("", "number of the point in the study; behind a slash the place of a better point found by a search"),
    "where": Note("", "how the point was chosen: grid, curve, or best for a better point of the same CHSH value"),
    "theta": Note("rad", "angle theta of the Bell expression"),
    "phi": Note("rad", "angle phi of the Bell expression"),
    "omega": Note("rad", "angle omega of the Bell expression"),
    "chsh_ideal": Note("1", "CHSH value of the noiseless correlations"),
    "visibility": Note("1", "visibility: the weight of the noiseless correlations against white noise"),
    "chsh_observed": Note("1", "CHSH value of the correlations with noise"),
    "observed": Note("", "what is tested: bell (the Bell value), correlators (all of them) or full (the behaviour)"),
    "model": Note("", "adversary: quantum, no-signaling or local"),
    "level": Note("", "level of the hierarchy, for a quantum adversary"),
    "quantity": Note("", "name of the quantity"),
    "x": Note("1", "Alice's key setting"),
    "y": Note("1", "Bob's key setting"),
    "value": Note("1 or bit", "the quantity: rates in bits per round, entropies in bits, all else without unit"),
    "side": Note("", "what the value is to the quantity: upper or lower bound, or exact up to floating point"),
    "method": Note("", "certified (a proven bound of a program), closed form, attack or approximate attack"),
    "sdp_value": Note("1 or bit", "where the value is a closed form: the certified value of the program beside it"),
    "margin": Note("1 or bit", "how far certifying moved the solver's value"),
    "entropy": Note(
        "bit", "conditional entropy per round that a rate is made of; min-entropy if options names no other"
    ),
    "error_correction": Note("bit", "cost of error correction per round, of a key rate"),
    "security": Note("", "attacks against which a rate holds"),
    "solver": Note("", "solver whose dual solution is certified"),
    "status": Note("", "status of the solver; closed form; infeasible (the data are outside the set); or failed"),
    "seconds": Note("s", "time to solve and certify; quantities of one program have the same"),
    "error": Note("", "why there is no value"),
    "certificate": Note("", "name of the stored certificate of the value"),
    "sdp_certificate": Note("", "name of the stored certificate of sdp_value"),
    "noise": Note("", "name of the noise where it is more than white noise of the visibility"),
    "efficiency": Note("1", "efficiency of all detectors; no click is outcome 0"),
    "dephasing": Note("1", "probability of a phase flip of each qubit"),
    "misalignment": Note("rad", "angle by which Alice's measurements are turned"),
    "options": Note("", "what the quantity was asked with: kind, method and accuracy of the entropy, preprocessing"),
    "preprocessing": Note("1", "probability with which Alice flips her key bit"),
    "rounds": Note("1", "number of rounds of a length from finitely many"),
    "gap": Note("bit", "how far a bound on an entropy may be from the entropy itself, as far as the solver tells"),
    "dead": Note("1", "of a critical value: where an explicit attack leaves no key"),
    "dead_certificate": Note("", "name of the stored certificate of that attack"),
}


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
        _known(column)
        values = [row[column] for row in self.rows]
        if COLUMNS[column] is not str:
            return np.array([np.nan if v is None else v for v in values], dtype=np.float64)
        return np.array(["" if v is None else v for v in values], dtype=np.str_)

    def where(self, **entries: Any) -> Table:
        """The rows whose columns have these values."""
        for column in entries:
            _known(column)
        kept = tuple(row for row in self.rows if all(row[c] == v for c, v in entries.items()))
        return Table(kept, self.metadata, self.name)

    def distinct(self, column: str) -> list[Any]:
        """The values of a column, each once, in order of appearance."""
        _known(column)
        return list(dict.fromkeys(row[column] for row in self.rows))

    def to_pandas(self) -> pandas.DataFrame:
        """The rows as a data frame; its ``attrs["provenance"]`` says where they come from."""
        from sdpbound.study.export import to_pandas  # only here: a table needs no data frames otherwise

        return to_pandas([[tuple(row[c] for c in COLUMNS) for row in self.rows]], self.metadata)


def _known(column: str) -> None:
    if column not in COLUMNS:
        raise InvalidStudy(f"a table has no column {column!r}; its columns are {', '.join(COLUMNS)}.")


# -- what every format shares -------------------------------------------------------------------------------------


def by_column(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The columns of some rows."""
    try:
        columns = list(zip(*rows, strict=True))
    except ValueError:
        columns = []
    if len(columns) != len(COLUMNS):
        raise InvalidInput(f"a row of a table must have {len(COLUMNS)} entries, one for each of {', '.join(COLUMNS)}.")
    return columns


def described(facts: Mapping[str, Any], summary: Summary) -> dict[str, Any]:
    """The provenance that goes with a table: facts of the study and its runs, and a summary of the rows."""
    here = {} if "sdpbound" in facts else environment()
    counted = summary.facts(facts.get("cells"))
    return {"format": FORMAT, "version": VERSION, **here, **facts, **counted, "columns": list(COLUMNS)}


def check_format(content: Any, file: str) -> str:
    """The hash that the provenance of a table promises; raises InvalidStudy if this version cannot read the table."""
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InvalidStudy(f"'{file}' is damaged: it does not describe the table of a study; run the study again.")
    version = content.get("version")
    if version != VERSION:
        next_step = "upgrade sdpbound" if isinstance(version, int) and version > VERSION else "run the study again"
        raise InvalidStudy(f"'{file}' is of a table of version {version}, and {VERSION} is read here; {next_step}.")
    if content.get("columns") != list(COLUMNS):
        raise InvalidStudy(f"'{file}' is of a table with other columns, written by another sdpbound; export it again.")
    expected = content.get("sha256")
    if not isinstance(expected, str):
        raise InvalidStudy(f"'{file}' is damaged: it lacks the hash of its table; export it again.")
    return expected


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
        A file cannot be read, is damaged, was edited, or is of another version; the message names it.
    """
    table = Path(path)
    if table.suffix == ".parquet":
        from sdpbound.study.parquet import read_parquet  # which reads the notes of this module

        return Table(*read_parquet(table), table.name)
    if table.suffix != ".csv":
        raise InvalidStudy(f"'{table}' is no table that can be read back; give a .csv or .parquet file.")
    description = table.with_suffix(".json")
    text = _read(description)
    content: Any = None
    with suppress(ValueError):
        content = json.loads(text)
    expected = check_format(content, str(description))
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
            return Table(_rows(lines), content, table.name)
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


def _rows(lines: Iterator[str]) -> tuple[Row, ...]:
    reader = csv.reader(lines)
    if next(reader, None) != list(COLUMNS):
        raise ValueError("its header is not that of a table")
    texts: dict[str, str] = {}  # each text once in memory
    parse: dict[type, Callable[[str], Any]] = {float: float, int: int, str: lambda text: texts.setdefault(text, text)}
    parsers = [parse[kind] for kind in COLUMNS.values()]
    rows: list[Row] = []
    while fields := list(islice(reader, 10_000)):
        columns = zip(parsers, zip(*fields, strict=True), strict=True)
        values = [[parser(text) if text else None for text in column] for parser, column in columns]
        rows += (dict(zip(COLUMNS, row, strict=True)) for row in zip(*values, strict=True))
    return tuple(rows)
