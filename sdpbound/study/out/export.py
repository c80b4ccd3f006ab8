"""Files of tables: CSV, Parquet and NetCDF."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from sdpbound.errors import InvalidInput
from sdpbound.study.file.spec import StudySpec
from sdpbound.study.out.gridded import write_netcdf
from sdpbound.study.plan import Plan
from sdpbound.tables.columns import by_column, entries_of_axes, table_columns, table_notes
from sdpbound.tables.files import as_json, replacing
from sdpbound.tables.frames import Chunks
from sdpbound.tables.parquet import write_parquet
from sdpbound.tables.provenance import Summary, described

__all__ = ["export", "write_csv"]


def export(path: str | os.PathLike[str], chunks: Chunks, facts: Mapping[str, Any], spec: StudySpec) -> Path:
    """Write rows in the format that the file's name asks for, with their provenance.

    An older file is replaced.

    Parameters
    ----------
    path : the file: ``.csv`` (with a ``.json`` file beside it), ``.parquet`` or ``.nc``
    chunks : the rows, as tuples in the order of the columns, in lists of some thousands
    facts : the provenance, plain data
    spec : the study

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InvalidInput
        The format is another one, the file cannot be written there, or a package is missing.
    StorageFailure
        The disk is full. No error leaves a half-written file.
    """
    target = Path(path)
    writers: dict[str, Callable[[Mapping[str, Any]], Path]] = {
        ".csv": lambda known: write_csv(target, chunks, known),
        ".parquet": lambda known: write_parquet(target, chunks, known),
        ".nc": lambda known: write_netcdf(target, chunks, known, spec),
    }
    if target.suffix not in writers:
        ending = f"the ending '{target.suffix}' of '{target}'" if target.suffix else f"'{target}' without an ending"
        raise InvalidInput(f"{ending} is no format that tables are written in; use .csv, .parquet or .nc.")
    known = {"study": spec.model_dump(mode="json"), "tolerance": spec.solver.tolerance, "cells": Plan(spec).cells}
    if spec.columns:
        known["axes"] = entries_of_axes(spec.columns)
    return writers[target.suffix](known | dict(facts))


def write_csv(path: str | os.PathLike[str], chunks: Chunks, facts: Mapping[str, Any]) -> Path:
    """Write rows as CSV, and beside it a JSON file with their provenance and the SHA-256 of the CSV file.

    A float has the shortest form that reads back exactly. NaN is written as nan, and None as an empty field.
    """
    table = Path(path)
    as_json(facts)  # a provenance that cannot be written is refused before the work
    summary, digest = Summary(), hashlib.sha256()
    columns, notes = table_columns(facts), table_notes(facts)
    with replacing(table, table.with_suffix(".json")) as (rows, description):

        def put(lines: Sequence[tuple[Any, ...]]) -> None:
            text = _csv(lines).encode()
            digest.update(text)
            rows.write(text)

        put([tuple(columns)])
        for chunk in filter(None, chunks):
            summary.add(by_column(chunk, columns))
            put(chunk)
        content = described(facts, summary) | {
            "units": {name: note.unit for name, note in notes.items() if note.unit},
            "descriptions": {name: note.text for name, note in notes.items()},
            "sha256": digest.hexdigest(),
        }
        description.write((as_json(content, indent=1) + "\n").encode())
    return table


def _csv(rows: Sequence[tuple[Any, ...]]) -> str:
    def text(quoting: Literal[0, 1]) -> str:
        stream = io.StringIO(newline="")
        csv.writer(stream, lineterminator="\n", quoting=quoting).writerows(rows)
        return stream.getvalue()

    found = text(csv.QUOTE_MINIMAL)
    # readers take a bare carriage return for the end of a line, and writers before Python 3.13 do not quote it
    return text(csv.QUOTE_ALL) if "\r" in found else found
