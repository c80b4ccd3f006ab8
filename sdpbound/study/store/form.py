"""The form of a store: its tables, how a row is kept in SQLite, and the digest by which it is known again.

A row is kept under the key of its cell and its part in it: 0 is the point's, 1 the better point's of a search. Its
digest covers the key, the part, how many parts the cell has, the run and the values; so neither a changed value nor a
lost half of a cell passes unseen. Values left out at the end count as None: columns that a later version appends to
``STORED`` leave the digests of older rows as they are. ``STORED`` may therefore grow at its end only.

The seal of a store counts its rows by status and adds up a hash of each, so that a row that is removed, added or
changed shows although the others are as they were. Neither digests nor the seal have a key: they find damage and edits
by hand, and whoever knows this program can make them anew.
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
    "json_object",
    "loads",
    "pack",
    "row_digest",
    "unpack",
]

#: "sdpb" in the file's header: what tells a store from any other SQLite file.
APPLICATION = 0x73647062
#: Raised with any change but columns appended to ``STORED``, also when a table is added. 1 is without a seal.
FORMAT = 2
KEY_BYTES = 16
#: Bytes of the largest entry of a store, and of the largest certificate when it is expanded: honest ones have some kB.
LARGEST = 2**26
#: Most entries of a JSON text, which take up to 0.1 kB each in memory.
ENTRIES = 2**22

Value = float | int | str | bytes | None

_AFFINITY = {float: "REAL", int: "INTEGER", str: "TEXT"}


def column(name: str) -> str:
    """The definition of a column of ``STORED``."""
    return f'"{name}" {_AFFINITY[STORED[name]]}'


def definition(columns: int) -> str:
    """The statement that makes the table of results with the first columns of ``STORED``."""
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


# -- what is read -------------------------------------------------------------------------------------------------


def loads(text: str | bytes, hook: Callable[[list[tuple[str, Any]]], Any] | None = None, entries: int = ENTRIES) -> Any:
    """The content of a JSON text of so many ``entries`` at most; ``hook`` makes an object of its pairs.

    Raises
    ------
    ValueError
        It is no JSON in UTF-8, is nested too deeply, or is longer or has more entries than memory is for.
    """
    data = text.encode() if isinstance(text, str) else text
    if len(data) > LARGEST:
        raise ValueError(f"has more than {LARGEST} bytes")
    if sum(map(data.count, (b",", b"[", b"{"))) > entries:
        raise ValueError(f"has more than {entries} entries")
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=hook)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"is not JSON in UTF-8: {error}") from None


def json_object(text: str) -> dict[str, Any]:
    """As :func:`loads`, for a JSON object."""
    found = loads(text)
    if not isinstance(found, dict):
        raise ValueError("is no JSON object")
    return found


# -- certificates -------------------------------------------------------------------------------------------------


def certificate_name(text: bytes) -> str:
    """The name of a certificate: a hash of its text."""
    return blake2b(text, digest_size=16).hexdigest()


def expand(data: bytes) -> bytes:
    """The text of a compressed certificate.

    Raises
    ------
    ValueError
        It is no such text, is cut off, or is longer than ``LARGEST`` bytes; no more than these are expanded.
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
    """How many rows of each status a store has, the sum of a hash of each, and the studies that it has all cells of.

    Attributes
    ----------
    rows : rows of each status
    total : the sum of the hashes modulo 2^256, whatever their order
    complete : names of the studies all of whose cells were stored with an answer
    """

    rows: Counter[str] = field(default_factory=Counter)
    total: int = 0
    complete: list[str] = field(default_factory=list)

    def count(self, key: bytes, part: int, status: object, own: bytes, sign: int = 1) -> None:
        """Count a row with its digest ``own``; with ``sign`` -1 one that is taken away."""
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
        """Raises ValueError if the text is no seal."""
        try:
            facts = loads(text)
            rows = Counter({str(name): int(count) for name, count in facts["rows"].items()})
            return cls(rows, int(facts["total"], 16), [str(name) for name in facts["complete"]])
        except (ValueError, TypeError, KeyError, AttributeError):
            raise ValueError("its seal cannot be read") from None


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
