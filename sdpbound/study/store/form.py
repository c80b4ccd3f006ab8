"""The form of a store: its tables, how a row is kept in SQLite, and the digest that shows whether a row was changed.

A row is kept under the key of its cell and its part of the cell: part 0 is the row of the point, and part 1 the row of
the better point of a search. The digest of a row covers the key, the part, the number of parts of the cell, the run and
the values. So the digest shows a changed value, and also a lost half of a cell. Values that are left out at the end
count as None. So columns that a later version appends to ``STORED`` do not change the digests of older rows. Therefore
``STORED`` may grow at its end only.

The seal of a store counts its rows by status and adds up a hash of each row. So it shows a row that was removed, added
or changed, even if all other rows are as they were. Neither digests nor the seal have a key. Digests and seal find
damage and edits by hand, but anyone who knows this program can recompute them.
"""

from __future__ import annotations

import json
import math
import operator
import struct
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from sdpbound.errors import InvalidInput
from sdpbound.tables.columns import STORED, Row

__all__ = [
    "APPLICATION",
    "FORMAT",
    "KEY_BYTES",
    "LARGEST",
    "TABLES",
    "Seal",
    "Value",
    "certificate_name",
    "column",
    "definition",
    "digest",
    "expand",
    "fitting",
    "json_object",
    "loads",
    "pack",
    "row_digest",
    "unpack",
]

#: "sdpb" in the file's header, by which a store is told from any other SQLite file.
APPLICATION = 0x73647062
#: The number of the format. The number grows with any change, also when a table is added, except when columns are
#: appended to ``STORED``. Format 1 has no seal.
FORMAT = 2
KEY_BYTES = 16
#: Bytes of the largest entry of a store, and of the largest certificate when it is expanded. Certificates of this
#: package have some kB.
LARGEST = 2**26
#: Most entries of a JSON text. An entry takes up to 0.1 kB in memory.
ENTRIES = 2**22
#: Most levels of lists and objects in each other, in a study or in the facts of a run.
DEPTH = 40

Value = float | int | str | bytes | None

_AFFINITY = {float: "REAL", int: "INTEGER", str: "TEXT"}


def column(name: str) -> str:
    """Return the definition of a column of ``STORED``."""
    return f'"{name}" {_AFFINITY[STORED[name]]}'


def definition(columns: int) -> str:
    """Return the statement that makes the table of results with the first columns of ``STORED``."""
    own = "key BLOB NOT NULL", "part INTEGER NOT NULL", "run INTEGER NOT NULL", "digest BLOB NOT NULL"
    return f"CREATE TABLE result ({', '.join([*own, *map(column, list(STORED)[:columns])])})"


#: The tables and indices, and the statements that make them.
TABLES = {
    "result": definition(len(STORED)),
    "result_cell": "CREATE UNIQUE INDEX result_cell ON result (key, part)",
    "run": "CREATE TABLE run (id INTEGER PRIMARY KEY, facts TEXT NOT NULL, digest BLOB NOT NULL)",
    "spec": "CREATE TABLE spec (id INTEGER PRIMARY KEY, time TEXT NOT NULL, content TEXT NOT NULL, "
    "toml TEXT NOT NULL, digest BLOB NOT NULL)",
    "certificate": "CREATE TABLE certificate (name TEXT PRIMARY KEY NOT NULL, data BLOB NOT NULL, "
    "digest BLOB NOT NULL)",
    "meta": "CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL)",
}

# -- values -------------------------------------------------------------------------------------------------------

#: SQLite turns NaN into NULL and -0.0 into 0.0. In a column of floats these texts stand for them.
_NAN, _MINUS_ZERO = "nan", "minus zero"
_SPECIAL = {_NAN: math.nan, _MINUS_ZERO: -0.0}
_FLOATS = tuple(i for i, kind in enumerate(STORED.values()) if kind is float)
_floats = operator.itemgetter(*_FLOATS)
_COLUMNS = tuple(STORED.items())


def pack(row: Row) -> tuple[Value, ...]:
    """Return the values of a row as SQLite keeps them, in the order of ``STORED``.

    Raises InvalidInput for a value that SQLite cannot keep.
    """
    if row.keys() != STORED.keys():
        wrong = ", ".join(sorted(row.keys() ^ STORED.keys()))
        raise InvalidInput(
            f"a row has the wrong columns ({wrong}); give it exactly those of sdpbound.tables.columns.STORED."
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
    """Convert a value of another type, such as NumPy's, if it has the same meaning in the type of the column."""
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
    """Return the values of a row from what SQLite kept.

    Columns that the file does not have yet are None.
    """
    if len(values) < len(_COLUMNS):
        values = (*values, *[None] * (len(_COLUMNS) - len(values)))
    if str in map(type, _floats(values)):
        return tuple(
            _SPECIAL.get(value, value) if kind is float and isinstance(value, str) else value
            for value, kind in zip(values, STORED.values(), strict=True)
        )
    return tuple(values)


@lru_cache(maxsize=1024)
def _fitting(kinds: tuple[type, ...]) -> bool:
    return len(kinds) == len(_COLUMNS) and all(
        found in (type(None), kind) for found, (_, kind) in zip(kinds, _COLUMNS, strict=True)
    )


def fitting(values: Sequence[object]) -> bool:
    """Whether the values of a row have the types of their columns."""
    return _fitting(tuple(map(type, values)))


# -- what is read -------------------------------------------------------------------------------------------------


def loads(text: str | bytes, hook: Callable[[list[tuple[str, Any]]], Any] | None = None, entries: int = ENTRIES) -> Any:
    """Return the content of a JSON text that has at most ``entries`` entries.

    ``hook`` makes an object from its pairs.

    Raises
    ------
    ValueError
        The text is no JSON in UTF-8, is nested too deeply, or is too long or has too many entries.
    """
    data = text.encode() if isinstance(text, str) else text
    if len(data) > LARGEST:
        raise ValueError(f"has more than {LARGEST} bytes")
    if sum(map(data.count, (b",", b"[", b"{"))) > entries:
        raise ValueError(f"has more than {entries} entries")
    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=hook)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"is not JSON in UTF-8: {error}") from None
    if _is_deep(found):
        raise ValueError("is nested too deeply")
    return found


def json_object(text: str) -> dict[str, Any]:
    """Return the content of a JSON text that is an object, as :func:`loads` does."""
    found = loads(text)
    if not isinstance(found, dict):
        raise ValueError("is no JSON object")
    return found


def _is_deep(content: Any) -> bool:
    """Whether lists and objects are in each other more often than :data:`DEPTH`."""
    level = [content] if isinstance(content, (dict, list)) else []
    for _ in range(DEPTH):
        level = [
            part
            for whole in level
            for part in (whole.values() if isinstance(whole, dict) else whole)
            if isinstance(part, (dict, list))
        ]
        if not level:
            return False
    return True


# -- certificates -------------------------------------------------------------------------------------------------


def certificate_name(text: bytes) -> str:
    """Return the name of a certificate, a hash of its text."""
    return blake2b(text, digest_size=16).hexdigest()


def expand(data: bytes) -> bytes:
    """Return the text of a compressed certificate.

    Raises
    ------
    ValueError
        The data are no compressed text, are cut off, or have a text longer than ``LARGEST`` bytes. No more than these
        bytes are expanded.
    """
    engine = zlib.decompressobj()
    try:
        text = engine.decompress(data, LARGEST + 1)
    except (zlib.error, TypeError):
        raise ValueError("cannot be decompressed") from None
    if len(text) > LARGEST:
        raise ValueError(f"expands from {len(data)} to more than {LARGEST} bytes, and none may be larger")
    if not engine.eof:
        raise ValueError("cannot be decompressed: it is cut off")
    return text


# -- the seal -----------------------------------------------------------------------------------------------------

_MODULUS = 2**256


@dataclass
class Seal:
    """The number of rows of each status in a store, the sum of a hash of each row, and the studies that are complete.

    Attributes
    ----------
    rows : number of rows of each status
    total : sum of the hashes modulo 2^256, which does not depend on their order
    complete : names of the studies all of whose cells were stored with an answer
    """

    rows: Counter[str] = field(default_factory=Counter)
    total: int = 0
    complete: list[str] = field(default_factory=list)

    def count(self, key: bytes, part: int, status: object, own: bytes, sign: int = 1) -> None:
        """Count a row with its digest ``own``.

        With ``sign`` -1 the row is taken away.
        """
        name = str(status)
        self.rows[name] += sign
        if not self.rows[name]:
            del self.rows[name]
        entry = blake2b(struct.pack("<q", part) + key + own, digest_size=32).digest()
        self.total = (self.total + sign * int.from_bytes(entry, "big")) % _MODULUS

    def to_json(self) -> str:
        facts = {"rows": dict(self.rows), "total": f"{self.total:064x}", "complete": self.complete}
        return json.dumps(facts, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Seal:
        """Read a seal from its text.

        Raises ValueError if the text is no seal.
        """
        try:
            facts = loads(text)
            rows = Counter({str(name): int(count) for name, count in facts["rows"].items()})
            return cls(rows, int(facts["total"], 16), [str(name) for name in facts["complete"]])
        except (ValueError, TypeError, KeyError, AttributeError):
            raise ValueError("its seal cannot be read") from None


# -- digests ------------------------------------------------------------------------------------------------------


def row_digest(key: bytes, part: int, parts: int, run: int, values: Sequence[Value]) -> bytes:
    """Return the digest of a row from its values as SQLite keeps them."""
    n = len(values)
    while n and values[n - 1] is None:
        n -= 1
    return digest(("result", key, part, parts, run, *values[:n]))


def digest(values: tuple[Value, ...]) -> bytes:
    """Return the 8-byte BLAKE2b hash of the types, the numbers, the lengths of the texts and the texts.

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
    """Return the layout of values of these types.

    A layout has a letter for each type, the places of the values of each sort, and a function that writes numbers and
    lengths.
    """
    letters = {float: "d", int: "q", str: "s", bytes: "b", type(None): "-"}
    form = "".join(letters[kind] for kind in kinds)
    numbers = [i for i, letter in enumerate(form) if letter in "dq"]
    texts = [i for i, letter in enumerate(form) if letter == "s"]
    blobs = [i for i, letter in enumerate(form) if letter == "b"]
    code = "<" + "".join(form[i] for i in numbers) + "Q" * (len(texts) + len(blobs))
    return form.encode() + b"\0", numbers, texts, blobs, struct.Struct(code).pack
