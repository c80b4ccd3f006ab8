"""The records of an SQLite file, read from its pages one by one, so that damaged pages do not hide the others.

The file format is that of https://sqlite.org/fileformat2.html, with 4096-byte pages. Only the leaves of tables are
read. The records of a leaf show to which table it belongs.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from sdpbound.study.store.file import PAGE, beside
from sdpbound.study.store.form import LARGEST, Value

__all__ = ["Record", "records"]

#: The number of a record's row, and the values of the record.
Record = tuple[int, tuple[Value, ...]]

_LEAF = 0x0D
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
#: The most and the least bytes of a record that stay on its leaf if the record is too long for the leaf.
_MOST, _LEAST = PAGE - 35, (PAGE - 12) * 32 // 255 - 23
#: How often the pages of a file may be read as parts of long records, on average.
_REPEATS = 16


class _Broken(Exception):
    """A record cannot be read."""


def records(path: Path) -> Iterator[Record | None]:
    """Yield the records on all leaves of tables.

    A record that is broken comes as None. Pages of the log are read in the place of older pages of the file.
    """
    log = beside(path, "-wal")
    with path.open("rb") as file:
        if log.is_file():
            with log.open("rb") as frames:
                yield from _Pages(file, frames).records()
        else:
            yield from _Pages(file, None).records()


class _Pages:
    """The pages of a file, and of the log beside it."""

    def __init__(self, file: BinaryIO, log: BinaryIO | None) -> None:
        self._file, self._log = file, log
        self._logged = {} if log is None else _committed(log)
        self.count = max([file.seek(0, 2) // PAGE, *self._logged])
        # In a sound file each page is of one record. Pages that were freed may name it once more.
        self._left = _REPEATS * (self.count + 1)

    def page(self, number: int) -> bytes:
        """Return a page by its number, from 1."""
        if number in self._logged:
            assert self._log is not None
            self._log.seek(self._logged[number])
            return self._log.read(PAGE)
        self._file.seek((number - 1) * PAGE)
        return self._file.read(PAGE)

    def records(self) -> Iterator[Record | None]:
        for number in range(1, self.count + 1):
            page = self.page(number)
            start = 100 if number == 1 else 0
            if len(page) < PAGE or page[start] != _LEAF:
                continue
            (cells,) = struct.unpack_from(">H", page, start + 3)
            for place in range(start + 8, min(start + 8 + 2 * cells, PAGE - 1), 2):
                try:
                    yield self._record(page, *struct.unpack_from(">H", page, place))
                except (_Broken, IndexError, struct.error, UnicodeDecodeError):
                    yield None

    def _record(self, page: bytes, at: int) -> Record:
        size, at = _varint(page, at)
        row, at = _varint(page, at)
        if size <= _MOST:
            payload = page[at : at + size]
        else:
            here = _LEAST + (size - _LEAST) % (PAGE - 4)
            if here > _MOST:
                here = _LEAST
            payload = page[at : at + here] + self._overflow(page, at + here, size - here)
        if len(payload) != size:
            raise _Broken
        return row if row < 2**63 else row - 2**64, tuple(_values(payload))

    def _overflow(self, page: bytes, at: int, size: int) -> bytes:
        """Return the rest of a record from other pages.

        Each of these pages begins with the number of the next one.
        """
        if size > min(self.count * PAGE, LARGEST + PAGE):
            raise _Broken
        found: list[bytes] = []
        (number,) = struct.unpack_from(">I", page, at)
        while size > 0:
            if not 1 <= number <= self.count:
                raise _Broken
            self._left -= 1
            if self._left < 0:  # records that all name the same pages would take hours
                raise _Broken
            page = self.page(number)
            found.append(page[4 : 4 + min(size, PAGE - 4)])
            size -= PAGE - 4
            (number,) = struct.unpack_from(">I", page, 0)
        return b"".join(found)


def _values(payload: bytes) -> Iterator[Value]:
    end, at = _varint(payload, 0)
    body = end
    while at < end:
        kind, at = _varint(payload, at)
        if kind in _INTEGERS:
            size = _INTEGERS[kind]
            yield int.from_bytes(payload[body : body + size], "big", signed=True)
        elif kind == 7:
            size = 8
            yield struct.unpack_from(">d", payload, body)[0]
        elif kind >= 12:
            size = (kind - 12) // 2
            if body + size > len(payload):
                raise _Broken
            content = payload[body : body + size]
            yield content.decode() if kind % 2 else content
        elif kind in (0, 8, 9):
            size = 0
            yield (None, 0, 1)[max(kind - 7, 0)]
        else:
            raise _Broken
        body += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return an integer of SQLite's variable length, and the place where it ends."""
    value = 0
    for i in range(8):
        byte = data[at + i]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + i + 1
    return value << 8 | data[at + 8], at + 9


def _committed(log: BinaryIO) -> dict[int, int]:
    """Return, for each page, where its latest committed content is in a log."""
    header = log.read(32)
    committed: dict[int, int] = {}
    pending: dict[int, int] = {}
    at = 32
    # other frames are left from the last use of the log
    while len(frame := log.read(24)) == 24 and frame[8:16] == header[16:24]:
        number, size = struct.unpack_from(">II", frame)
        pending[number] = at + 24
        at += 24 + PAGE
        if log.seek(0, 1) + PAGE > log.seek(0, 2):
            break
        log.seek(at)
        if size:  # the size is set in the last frame of a transaction
            committed |= pending
            pending = {}
    return committed
