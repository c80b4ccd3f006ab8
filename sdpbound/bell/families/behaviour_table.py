"""Behaviours from a file, one point for each: of an experiment, or of another program."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import math
import os
import stat
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
#: Most bytes of a file, most probabilities of all its behaviours, and most characters of a behaviour's name.
MOST_BYTES, MOST_NUMBERS, MOST_LETTERS = 2**28, 2**23, 200

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

    @property
    def content(self) -> dict[str, Any]:
        """The behaviours as plain data: their names, outcomes, and probabilities in base64, 8 bytes each."""
        own = [
            {"outcomes": b.scenario.outcomes, "p": base64.b64encode(b.p.astype("<f8").tobytes()).decode()}
            for b in self.behaviours
        ]
        return {"names": list(self.names), "behaviours": own}

    @property
    def digest(self) -> str:
        """The SHA-256 of the behaviours and their names."""
        text = json.dumps([self.names, [b.scenario.outcomes for b in self.behaviours]])
        found = hashlib.sha256(text.encode())
        for behaviour in self.behaviours:
            found.update(behaviour.p.astype("<f8").tobytes())
        return found.hexdigest()

    @classmethod
    def from_content(cls, file: str, content: object) -> BehaviourTable:
        """A table from the plain data that :attr:`content` gives; no file is read.

        Raises InvalidInput for anything else.
        """
        try:
            names = [str(name) for name in content["names"]]  # type: ignore[index]
            own = [_from_base64(entry["outcomes"], entry["p"]) for entry in content["behaviours"]]  # type: ignore[index]
        except (TypeError, ValueError, KeyError, AttributeError, RecursionError):
            raise InvalidInput(f"the content of the table '{file}' cannot be read; give its file.") from None
        if not own or len(names) != len(own) or len(set(names)) != len(names):
            raise InvalidInput(f"the content of the table '{file}' must have one name for each behaviour.")
        for name in names:
            _require_name(file, name)
        return cls(file, tuple(names), tuple(own))

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
    _require_size(file)
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
    cells = _long(file, header, rows) if set(LONG) <= set(header) else _wide(file, header, rows)
    found, numbers = {}, 0
    for name, entries in cells.items():
        _require_name(file, name)
        found[name] = _behaviour(file, name, entries)
        numbers += found[name].p.size
        if numbers > MOST_NUMBERS:
            raise InvalidInput(f"'{file}' has more than {MOST_NUMBERS} probabilities; split it.")
    return found


def _require_size(file: Path) -> None:
    """Raise InvalidInput for what is no file, such as a pipe, and for a file that is too large."""
    try:
        about = file.stat()
    except (OSError, ValueError):
        return  # the reader says why
    if stat.S_ISDIR(about.st_mode) or not stat.S_ISREG(about.st_mode):
        raise InvalidInput(f"'{file}' cannot be read: it is no file; give a .csv or .parquet file.")
    if about.st_size > MOST_BYTES:
        raise InvalidInput(f"'{file}' has {about.st_size} bytes, and at most {MOST_BYTES} are read; split it.")


def _require_lines(file: Path, lines: int) -> None:
    if lines > MOST_LINES:
        raise InvalidInput(f"'{file}' has {lines} lines or more, and at most {MOST_LINES} are read; split it.")


def _require_name(file: str | Path, name: str) -> None:
    """Raise InvalidInput for a name that does not fit on a line, or that changes how the line is shown."""
    if len(name) > MOST_LETTERS or not name.isprintable():
        raise InvalidInput(
            f"'{file}' has the name {name[:40]!r}; write at most {MOST_LETTERS} printable characters, on one line."
        )


def _from_base64(outcomes: Any, text: Any) -> Behaviour:
    scenario = Scenario(outcomes)
    shape = scenario.table_shape
    data = base64.b64decode(text, validate=True)
    if len(data) != 8 * math.prod(shape):
        raise ValueError("the probabilities do not fit the scenario")
    return Behaviour(np.frombuffer(data, "<f8").reshape(shape), scenario)


def _csv(file: Path) -> tuple[list[str], Rows]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            header = [name.strip() for name in next(reader, [])]
            rows: Rows = []
            for entries in reader:
                if any(entry.strip() for entry in entries):
                    rows.append((reader.line_num, entries))
                    _require_lines(file, len(rows))
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
        from pyarrow import ArrowException  # only here: other formats do not need it
    except ImportError:
        raise InvalidInput(f"'{file}' needs the package pyarrow; install it, or give a .csv file.") from None
    try:
        names, columns = _parquet_columns(file)
    except (OSError, ArrowException) as error:
        raise InvalidInput(f"'{file}' cannot be read: {str(error).splitlines()[0]}; give a Parquet file.") from None
    rows = [
        (number + 1, ["" if entry is None else str(entry) for entry in entries])
        for number, entries in enumerate(zip(*columns, strict=True))
    ]
    return names, rows


def _parquet_columns(file: Path) -> tuple[list[str], list[list[Any]]]:
    """Names and entries of the columns, after checks of their size: a short file may stand for very many entries."""
    from pyarrow import types
    from pyarrow.parquet import ParquetFile

    with ParquetFile(file) as source:
        about, schema = source.metadata, source.schema_arrow
        _require_lines(file, about.num_rows)
        entries = about.num_rows * about.num_columns
        if entries > (len(LONG) + 1) * MOST_LINES:
            raise InvalidInput(f"'{file}' has {entries} entries; split it.")
        size = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
        if size > MOST_BYTES:
            raise InvalidInput(f"'{file}' has {size} bytes when it is read, and at most {MOST_BYTES} are; split it.")
        wrong = [field.name for field in schema if types.is_nested(field.type)]
        if wrong:
            raise InvalidInput(f"'{file}' has lists in the column '{wrong[0]}'; give numbers and texts.")
        texts = [field.name for field in schema if types.is_string(field.type) or types.is_binary(field.type)]
    # a text that is repeated is then once in memory
    with ParquetFile(file, read_dictionary=texts) as source:
        table = source.read()
    for name, column in zip(table.column_names, table.columns, strict=True):
        for chunk in column.chunks if types.is_dictionary(column.type) else ():
            if any(len(str(entry)) > MOST_LETTERS for entry in chunk.dictionary.to_pylist()):
                raise InvalidInput(
                    f"'{file}' has a text of more than {MOST_LETTERS} characters in '{name}'; shorten it."
                )
    return list(table.column_names), [column.to_pylist() for column in table.columns]


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
