"""Behaviours from a file, one point for each: of an experiment, or of another program."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.families.family import Axis, Family
from sdpbound.bell.scenario import Scenario
from sdpbound.errors import InvalidBehaviour, InvalidInput, InvalidShape

__all__ = ["BehaviourTable", "read_behaviours"]

#: Columns of the long format, in which a line is one probability; ``name`` may be left out of a single behaviour.
INDICES = ("a", "b", "x", "y")
LONG = (*INDICES, "p")
#: Most lines, settings and outcomes.
MOST_LINES, MOST_INDEX = 5_000_000, 64

Rows = list[tuple[int, list[str]]]  # the number of a line, and its entries


@dataclass(frozen=True)
class BehaviourTable(Family):
    """Behaviours of a CSV or Parquet file, by their number from 0 or by name.

    Two layouts, known by the header. Long: columns a, b, x, y, p, and ``name`` where there are several behaviours; a
    line is one probability p(ab|xy), and those left out are zero. Wide: a line is a behaviour, with the columns
    ``p(ab|xy)`` for all outcomes and settings, written such as ``p(00|01)``, and ``name`` if wanted; numbers above 9
    are separated by commas: ``p(0,10|1,0)``. Every behaviour is checked as :class:`~sdpbound.Behaviour` checks it.

    Attributes
    ----------
    file : path of a ``.csv`` or ``.parquet`` file
    """

    file: str
    names: tuple[str, ...] = ()
    behaviours: tuple[Behaviour, ...] = ()
    name = "table"
    text = "behaviours from a CSV or Parquet file"
    source = "a file"

    def __post_init__(self) -> None:
        if not self.behaviours:
            found = read_behaviours(self.file)
            object.__setattr__(self, "names", tuple(found))
            object.__setattr__(self, "behaviours", tuple(found.values()))

    @property
    def axes(self) -> tuple[Axis, ...]:  # type: ignore[override]
        last = len(self.behaviours) - 1
        default = 0 if last == 0 else None
        return (Axis("row", "1", 0, last, "number of the behaviour in the file", whole=True, default=default),)

    @property
    def structure(self) -> dict[str, Any]:
        return {"file": Path(self.file).name}

    def expression(self, values: Mapping[str, float]) -> None:
        return None

    def strategy(self, values: Mapping[str, float]) -> None:
        return None

    def behaviour(self, values: Mapping[str, float]) -> Behaviour:
        return self.behaviours[self._place(values)]

    def _place(self, values: Mapping[str, float]) -> int:
        return int(values["row"]) if len(self.behaviours) > 1 else 0

    def title(self, values: Mapping[str, float]) -> str:
        return f"table({Path(self.file).name}, {self.names[self._place(values)]})"

    def identity(self, values: Mapping[str, float]) -> dict[str, Any]:
        """Of the probabilities, whatever file and line they are from."""
        own = self.behaviour(values)
        return {"outcomes": own.scenario.outcomes, "p": hashlib.sha256(own.p.astype("<f8").tobytes()).hexdigest()}

    def to_dict(self) -> dict[str, Any]:
        own = [{"outcomes": b.scenario.outcomes, "p": b.p.tolist()} for b in self.behaviours]
        return {"kind": self.name, "file": self.file, "names": list(self.names), "behaviours": own}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> BehaviourTable:
        own = (Behaviour(entry["p"], Scenario(entry["outcomes"])) for entry in data.get("behaviours", ()))
        return cls(data["file"], tuple(data.get("names", ())), tuple(own))

    def point_names(self) -> tuple[str, ...]:
        return self.names

    def narrowed(self, values: Mapping[str, float]) -> BehaviourTable:
        place = self._place(values)
        return replace(self, names=(self.names[place],), behaviours=(self.behaviours[place],))


# -- reading --------------------------------------------------------------------------------------------------------


def read_behaviours(path: str | os.PathLike[str]) -> dict[str, Behaviour]:
    """The behaviours of a file by name, in the layouts of :class:`BehaviourTable`.

    Raises
    ------
    InvalidInput
        The file cannot be read, or an entry is no number; the message names line and column.
    InvalidBehaviour
        Probabilities are negative, are not normalised, or signal; the message names the behaviour.
    """
    file = Path(path)
    if file.suffix == ".csv":
        header, rows = _csv(file)
    elif file.suffix == ".parquet":
        header, rows = _parquet(file)
    else:
        raise InvalidInput(f"'{file}' is no table of behaviours: give a .csv or .parquet file.")
    if len(set(header)) != len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise InvalidInput(f"'{file}' has the column '{twice}' twice; leave one of them out.")
    if not rows:
        raise InvalidInput(f"'{file}' has no rows below its header; give at least one behaviour.")
    if len(rows) > MOST_LINES:
        raise InvalidInput(f"'{file}' has {len(rows)} lines, and at most {MOST_LINES} are read; split it.")
    cells = _long(file, header, rows) if set(LONG) <= set(header) else _wide(file, header, rows)
    return {name: _behaviour(file, name, entries) for name, entries in cells.items()}


def _csv(file: Path) -> tuple[list[str], Rows]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            header = [name.strip() for name in next(reader, [])]
            rows: Rows = []
            for entries in reader:
                if any(entry.strip() for entry in entries):
                    rows.append((reader.line_num, entries))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidInput(f"'{file}' cannot be read: {reason}; give a CSV file in UTF-8.") from None
    for line, entries in rows:
        if len(entries) != len(header):
            raise InvalidInput(
                f"'{file}', line {line}: it has {len(entries)} entries, and the header names {len(header)} columns."
            )
    return header, rows


def _parquet(file: Path) -> tuple[list[str], Rows]:
    try:
        from pyarrow import ArrowInvalid  # only here: other formats do not need it
        from pyarrow.parquet import read_table
    except ImportError:
        raise InvalidInput(f"'{file}' needs the package pyarrow; install it, or give a .csv file.") from None
    try:
        table = read_table(file)
    except (OSError, ArrowInvalid) as error:
        raise InvalidInput(f"'{file}' cannot be read: {str(error).splitlines()[0]}; give a Parquet file.") from None
    columns = [column.to_pylist() for column in table.columns]
    rows = [
        (number + 1, ["" if entry is None else str(entry) for entry in entries])
        for number, entries in enumerate(zip(*columns, strict=True))
    ]
    return list(table.column_names), rows


Cells = dict[str, dict[tuple[int, int, int, int], float]]


def _long(file: Path, header: list[str], rows: Rows) -> Cells:
    extra = [name for name in header if name not in (*LONG, "name")]
    if extra:
        raise InvalidInput(f"'{file}' has the column '{extra[0]}'; allowed are name, {', '.join(LONG)}.")
    at = {name: header.index(name) for name in header}
    found: Cells = {}
    for line, entries in rows:
        index = [_index(file, line, name, entries[at[name]]) for name in INDICES]
        own = found.setdefault(entries[at["name"]].strip() if "name" in at else "0", {})
        place = (index[0], index[1], index[2], index[3])
        if place in own:
            raise InvalidInput(f"'{file}', line {line}: p({place[0]}{place[1]}|{place[2]}{place[3]}) is there twice.")
        own[place] = _number(file, line, "p", entries[at["p"]])
    return found


def _wide(file: Path, header: list[str], rows: Rows) -> Cells:
    places = {name: _place_of(file, name) for name in header if name != "name"}
    if not places:
        raise InvalidInput(f"'{file}' has no probabilities: give columns {', '.join(LONG)}, or p(00|00), p(01|00), ...")
    found: Cells = {}
    for number, (line, entries) in enumerate(rows):
        own = dict(zip(header, entries, strict=True))
        name = own.pop("name", str(number)).strip()
        if name in found:
            raise InvalidInput(f"'{file}', line {line}, column name: '{name}' is there twice; names must differ.")
        found[name] = {places[column]: _number(file, line, column, entry) for column, entry in own.items()}
    return found


def _place_of(file: Path, name: str) -> tuple[int, int, int, int]:
    """The outcomes and settings of a column such as p(00|01) or p(0,10|1,0)."""
    inner = name.removeprefix("p(").removesuffix(")")
    halves = [half.split(",") if "," in half else list(half) for half in inner.split("|")]
    parts = [part.strip() for half in halves for part in half]
    if not name.startswith("p(") or [len(half) for half in halves] != [2, 2] or not all(p.isdecimal() for p in parts):
        raise InvalidInput(
            f"'{file}' has the column '{name}'; give name, {', '.join(LONG)}, or name and p(00|00), p(01|00), ..."
        )
    a, b, x, y = (_index(file, 1, name, part) for part in parts)
    return a, b, x, y


def _index(file: Path, line: int, column: str, text: str) -> int:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not number.is_integer() or not 0 <= number < MOST_INDEX:
        raise InvalidInput(
            f"'{file}', line {line}, column {column}: {text.strip()[:40]!r} must be an integer from 0 to "
            f"{MOST_INDEX - 1}."
        )
    return int(number)


def _number(file: Path, line: int, column: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not np.isfinite(number):
        raise InvalidInput(f"'{file}', line {line}, column {column}: {text.strip()[:40]!r} must be a finite number.")
    return number


def _behaviour(file: Path, name: str, cells: Mapping[tuple[int, int, int, int], float]) -> Behaviour:
    """The behaviour of its entries; a setting has the outcomes that are named for it."""
    settings = [max(place[i] for place in cells) + 1 for i in (2, 3)]
    outcomes = tuple(
        tuple(_outcomes(file, name, party, x, cells) for x in range(number)) for party, number in enumerate(settings)
    )
    p = np.zeros((max(outcomes[0]), max(outcomes[1]), *settings))
    for place, value in cells.items():
        p[place] = value
    try:
        return Behaviour(p, Scenario(outcomes))
    except (InvalidBehaviour, InvalidShape) as error:
        raise InvalidBehaviour(f"'{file}', behaviour '{name}': {error}") from None


def _outcomes(file: Path, name: str, party: int, setting: int, cells: Mapping[tuple[int, int, int, int], float]) -> int:
    named: Sequence[int] = [place[party] for place in cells if place[2 + party] == setting]
    if not named:
        column = "xy"[party]
        raise InvalidInput(f"'{file}', behaviour '{name}': no probability has {column} = {setting}; number from 0.")
    return max(named) + 1
