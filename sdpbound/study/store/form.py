"""The form of a store: its tables, how a row is kept in SQLite, and the digest by which it is known again.

A row is kept under the key of its cell and its part in it: 0 is the point's, 1 the better point's of a search. Its
digest covers the key, the part, how many parts the cell has, the run and the values; so neither a changed value nor a
lost half of a cell passes unseen. Values left out at the end count as None: columns that a later version appends to
``STORED`` leave the digests of older rows as they are. ``STORED`` may therefore grow at its end only.
"""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from sdpbound.errors import InvalidInput
from sdpbound.study.tasks import STORED, Row

__all__ = ["APPLICATION", "FORMAT", "KEY_BYTES", "TABLES", "Value", "column", "digest", "pack", "row_digest", "unpack"]

#: "sdpb" in the file's header: what tells a store from any other SQLite file.
APPLICATION = 0x73647062
#: Raised with any change but columns appended to ``STORED``, also when a table is added.
FORMAT = 1
KEY_BYTES = 16

Value = float | int | str | bytes | None

_AFFINITY = {float: "REAL", int: "INTEGER", str: "TEXT"}


def column(name: str) -> str:
    """The definition of a column of ``STORED``."""
    return f'"{name}" {_AFFINITY[STORED[name]]}'


_RESULT = ", ".join(
    ["key BLOB NOT NULL", "part INTEGER NOT NULL", "run INTEGER NOT NULL", "digest BLOB NOT NULL", *map(column, STORED)]
)
#: The tables and indices, and the statements that make them.
TABLES = {
    "result": f"CREATE TABLE result ({_RESULT})",
    "result_cell": "CREATE UNIQUE INDEX result_cell ON result (key, part)",
    "run": "CREATE TABLE run (id INTEGER PRIMARY KEY, facts TEXT NOT NULL, digest BLOB NOT NULL)",
    "spec": "CREATE TABLE spec (id INTEGER PRIMARY KEY, time TEXT NOT NULL, content TEXT NOT NULL, "
    "toml TEXT NOT NULL, digest BLOB NOT NULL)",
    "certificate": "CREATE TABLE certificate (name TEXT PRIMARY KEY NOT NULL, data BLOB NOT NULL, "
    "digest BLOB NOT NULL)",
    "meta": "CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL)",
}

# -- values -------------------------------------------------------------------------------------------------------

#: SQLite makes NaN NULL and -0.0 0.0: in a column of floats these texts stand for them.
_NAN, _MINUS_ZERO = "nan", "minus zero"
_SPECIAL = {_NAN: math.nan, _MINUS_ZERO: -0.0}
_FLOATS = tuple(i for i, kind in enumerate(STORED.values()) if kind is float)
_floats = operator.itemgetter(*_FLOATS)
_COLUMNS = tuple(STORED.items())


def pack(row: Row) -> tuple[Value, ...]:
    """The values of a row as SQLite keeps them, in the order of ``STORED``; raises InvalidInput for what it cannot."""
    if row.keys() != STORED.keys():
        wrong = ", ".join(sorted(row.keys() ^ STORED.keys()))
        raise InvalidInput(
            f"a row has the wrong columns ({wrong}); give it exactly those of sdpbound.study.tasks.STORED."
        )
    values: list[Value] = []
    for name, kind in _COLUMNS:
        value = row[name]
        if value is not None:
            if type(value) is not kind:
                value = _converted(name, kind, value)
            if kind is float:
                if value != value:
                    value = _NAN
                elif value == 0.0 and math.copysign(1.0, value) < 0.0:
                    value = _MINUS_ZERO
            elif kind is int and not -(2**63) <= value < 2**63:
                raise InvalidInput(f"column {name!r} of a row is {value}, and must be within 64 bits.")
        values.append(value)
    return tuple(values)


def _converted(name: str, kind: type, value: Any) -> Any:
    """A value of another type, such as NumPy's, where it means the same."""
    if not isinstance(value, bool):
        if kind is str and isinstance(value, str):
            return str(value)
        if kind is float and isinstance(value, float):
            return float(value)
        if kind is not str:
            try:
                return kind(operator.index(value))
            except (TypeError, OverflowError):
                pass
    raise InvalidInput(f"column {name!r} of a row is {value!r}, and must be of type {kind.__name__} or None.")


def unpack(values: Sequence[Value]) -> tuple[Any, ...]:
    """The values of a row from what SQLite kept; None for columns that the file does not have yet."""
    if len(values) < len(_COLUMNS):
        values = (*values, *[None] * (len(_COLUMNS) - len(values)))
    if str in map(type, _floats(values)):
        return tuple(
            _SPECIAL[value] if kind is float and isinstance(value, str) else value
            for value, kind in zip(values, STORED.values(), strict=True)
        )
    return tuple(values)


# -- digests ------------------------------------------------------------------------------------------------------


def row_digest(key: bytes, part: int, parts: int, run: int, values: Sequence[Value]) -> bytes:
    """The digest of a row from its values as SQLite keeps them."""
    n = len(values)
    while n and values[n - 1] is None:
        n -= 1
    return digest(("result", key, part, parts, run, *values[:n]))


def digest(values: tuple[Value, ...]) -> bytes:
    """The 8-byte BLAKE2b hash of the types, the numbers, the lengths of the texts and the texts.

    Raises
    ------
    UnicodeEncodeError
        A text has a lone surrogate, which UTF-8 cannot hold.
    """
    form, numbers, texts, blobs, write = _layout(tuple(map(type, values)))
    words = [values[i] for i in texts]
    content = [values[i] for i in blobs]
    lengths: Iterable[int] = map(len, words + content)  # type: ignore[arg-type]
    head = write(*[values[i] for i in numbers], *lengths)
    text = "".join(words).encode()  # type: ignore[arg-type]
    return blake2b(b"".join((form, head, text, *content)), digest_size=8).digest()  # type: ignore[arg-type]


@lru_cache(maxsize=1024)
def _layout(kinds: tuple[type, ...]) -> tuple[bytes, list[int], list[int], list[int], Any]:
    """For values of these types: the types in letters, the places of each sort, and what writes numbers and lengths."""
    letters = {float: "d", int: "q", str: "s", bytes: "b", type(None): "-"}
    form = "".join(letters[kind] for kind in kinds)
    numbers = [i for i, letter in enumerate(form) if letter in "dq"]
    texts = [i for i, letter in enumerate(form) if letter == "s"]
    blobs = [i for i, letter in enumerate(form) if letter == "b"]
    code = "<" + "".join(form[i] for i in numbers) + "Q" * (len(texts) + len(blobs))
    return form.encode() + b"\0", numbers, texts, blobs, struct.Struct(code).pack
