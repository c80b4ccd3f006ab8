"""The contents of a store's file: rows, certificates, studies, runs and the seal, read and checked."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sdpbound.errors import DamagedStore, InvalidInput
from sdpbound.study.store.failures import damaged, guard, line
from sdpbound.study.store.file import (
    columns_of,
    read_seal,
    suspect,
)
from sdpbound.study.store.form import (
    Seal,
    Value,
    digest,
    expand,
    json_object,
    row_digest,
    unpack,
)
from sdpbound.tables.columns import STORED

if TYPE_CHECKING:
    pass

__all__ = ["CHUNK", "STATUS", "Cell", "Contents", "key_text"]

#: Keys looked up at once.
CHUNK = 1000
#: Certificates read at once. A certificate has some kB, and up to 64 MiB in a store that was made to fill the memory.
_CERTIFICATES = 4
STATUS = list(STORED).index("status")


class Cell(NamedTuple):
    """The rows under one key: the run that computed them, and the values of each row as SQLite keeps them."""

    key: bytes
    run: int
    parts: tuple[tuple[Value, ...], ...]


class Contents:
    """The open file of a store, to read.

    This class is the part of :class:`~sdpbound.study.store.core.Store` that changes nothing.
    """

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self.path = path
        self._db = db
        self._columns = columns_of(db)
        names = ", ".join(f'"{name}"' for name in list(STORED)[: self._columns])
        self._names = names
        self._row = f"SELECT key, part, run, digest, {names} FROM result"

    def _facts(self, run: int) -> dict[str, Any]:
        for facts in self.runs(run):
            return {name: value for name, value in facts.items() if name != "id"}
        raise InvalidInput(f"'{self.path}' has no run {run}; begin one first.")

    def runs(self, run: int | None = None) -> list[dict[str, Any]]:
        """Return the provenance of all runs, or of one run, oldest first.

        Each has the number of the run as "id".
        """
        with guard(self.path):
            rows = self._db.execute("SELECT id, facts, digest FROM run WHERE ? IN (id, 0) ORDER BY id", (run or 0,))
            found = rows.fetchall()
        for number, text, seen in found:
            self._require(seen == digest(("run", number, text)), f"run {number} was changed")
        return [{"id": number, **self._object(text, f"run {number}")} for number, text, _ in found]

    def spec(self) -> tuple[dict[str, Any], str] | None:
        """Return the latest study and its text; None if there is none."""
        latest = None
        for _, content, text in self.specs():
            latest = self._object(content, "its study"), text
        return latest

    def _object(self, text: str, name: str) -> dict[str, Any]:
        """Read a JSON object of the store."""
        try:
            return json_object(text)
        except ValueError as error:
            raise self._damaged(f"{name} {error}") from None

    def specs(self) -> list[tuple[str, str, str]]:
        """Return all studies that were run on this store, oldest first: the time, the JSON and the text of each."""
        with guard(self.path):
            found = self._db.execute("SELECT id, time, content, toml, digest FROM spec ORDER BY id").fetchall()
        for number, *values, seen in found:
            self._require(seen == digest(("spec", *values)), f"study {number} of its history was changed")
        return [(time, content, text) for _, time, content, text, _ in found]

    def present(self, keys: Sequence[bytes]) -> dict[bytes, str]:
        """Return those of the keys that are stored, with the status of the first row of each."""
        found: dict[bytes, str] = {}
        for chunk in _chunks(keys):
            found |= self._look_up("SELECT key, status FROM result WHERE part = 0 AND", chunk, "")
        return found

    def uncertified(self, keys: Sequence[bytes]) -> set[bytes]:
        """Return those of the keys that are stored with a bound and without the certificate of the bound."""
        wanted = "SELECT key FROM result WHERE certificate IS NULL AND value IS NOT NULL AND side <> 'exact' AND"
        return {key for chunk in _chunks(keys) for (key,) in self._look_up(wanted, chunk, "")}

    def rows(self, keys: Iterable[bytes]) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """Yield the rows of those keys that are stored, in the order given.

        Yields
        ------
        the place of the key among ``keys``, and the values in the order of ``STORED``

        Raises
        ------
        DamagedStore
            A row is not as it was stored.
        """
        place = 0
        for chunk in _chunks(keys):
            raw = self._look_up(f"{self._row} WHERE", chunk, "ORDER BY key, part")
            cells = {cell.key: cell.parts for cell in self._cells(raw)}
            self._require(cells.keys() <= set(chunk), "its index points to other rows")
            for key in chunk:
                for values in cells.get(key, ()):
                    yield place, unpack(values)
                place += 1

    def _look_up(self, select: str, keys: Sequence[bytes], order: str) -> list[Any]:
        # every lookup has the same length, so one prepared statement serves all
        padded = [*keys, *[keys[-1]] * (CHUNK - len(keys))]
        with guard(self.path):
            return self._db.execute(f"{select} key IN ({_places(CHUNK)}) {order}", padded).fetchall()

    def _cells(self, raw: Iterable[tuple[Any, ...]]) -> Iterator[Cell]:
        """Yield the cells, with every digest checked.

        The rows of a cell must follow each other.
        """
        for key, group in itertools.groupby(raw, key=lambda row: row[0]):
            rows = list(group)
            for part, row in enumerate(rows):
                if row[3] != row_digest(key, part, len(rows), row[2], row[4:]):
                    raise self._damaged(f"the row of key {key_text(key)}, part {part}, was changed")
            yield Cell(key, rows[0][2], tuple(row[4:] for row in rows))

    def cells(self) -> Iterator[Cell]:
        """Yield every cell, in the order in which they were stored, with every digest checked."""
        return self._cells(self._scan(self._row, "result"))

    def _scan(self, select: str, table: str, size: int = 4 * CHUNK) -> Iterator[tuple[Any, ...]]:
        """Yield all rows of a table.

        The rows are read in pieces, so that no long read makes the writer wait.
        """
        last = -(2**63)
        while True:
            with guard(self.path):
                top = self._db.execute(
                    f"SELECT max(rowid) FROM (SELECT rowid FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT {size})",
                    (last,),
                ).fetchone()[0]
                if top is None:
                    return
                piece = f"{select} WHERE rowid > ? AND rowid <= ? ORDER BY rowid"
                found = self._db.execute(piece, (last, top)).fetchall()
            yield from found
            last = top

    def counts(self) -> dict[str, int]:
        """Return the number of rows of each status."""
        with guard(self.path):
            return dict(self._db.execute("SELECT status, count(*) FROM result GROUP BY status").fetchall())

    def _seal(self) -> Seal | None:
        try:
            return read_seal(self._db)
        except ValueError as error:
            raise self._damaged(f"{error}") from None

    def seal(self) -> Seal | None:
        """Return the stored seal.

        None means that only versions without seals have written the store.
        """
        with guard(self.path):
            return self._seal()

    def resealed(self) -> tuple[Seal | None, Seal]:
        """Return the stored seal, and a seal of the rows that are in the store at the same moment.

        Every digest is checked. The second seal names no complete study.
        """
        with guard(self.path):
            self._db.execute("BEGIN")  # within the transaction, changes by another process are not seen
        try:
            return self.seal(), self._own_seal()
        finally:
            with suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")

    @property
    def connection(self) -> sqlite3.Connection:
        """The open file, for limits and pragmas.

        Only the methods of the store change its tables.
        """
        return self._db

    def _own_seal(self) -> Seal:
        seal = Seal()

        def counted() -> Iterator[tuple[Any, ...]]:
            for row in self._scan(self._row, "result"):
                key, part, _, own = row[:4]
                sound = isinstance(key, bytes) and isinstance(part, int) and isinstance(own, bytes)
                self._require(sound, f"the row of key {key_text(key)} has no key, part or digest")
                seal.count(key, part, row[4 + STATUS], own)
                yield row

        for _ in self._cells(counted()):
            pass
        return seal

    def certificates(self) -> Iterator[tuple[str, bytes]]:
        """Yield the names of all certificates, and their JSON texts."""
        for name, _, text in self._proofs():
            yield name, text

    def certificate(self, name: str) -> bytes | None:
        """Return the JSON text of one certificate; None if no certificate has this name."""
        with guard(self.path):
            row = self._db.execute("SELECT data, digest FROM certificate WHERE name = ?", (name,)).fetchone()
        if row is None:
            return None
        self._require(row[1] == digest(("certificate", name, row[0])), f"certificate {name!r:.60} was changed")
        return self._text(name, row[0])

    def compressed(self) -> Iterator[tuple[str, bytes]]:
        """Yield the names of all certificates, and their compressed texts.

        Each text was expanded as a check.
        """
        for name, data, _ in self._proofs():
            yield name, data

    def _proofs(self) -> Iterator[tuple[str, bytes, bytes]]:
        for name, data, seen in self._scan("SELECT name, data, digest FROM certificate", "certificate", _CERTIFICATES):
            self._require(seen == digest(("certificate", name, data)), f"certificate {name!r:.60} was changed")
            yield name, data, self._text(name, data)

    def _text(self, name: str, data: bytes) -> bytes:
        try:
            return expand(data)
        except ValueError as error:
            raise self._damaged(f"certificate {name!r:.60} {error}") from None

    def check(self) -> int:
        """Check the structure of the file, its indices and every digest; returns the number of rows.

        Raises
        ------
        DamagedStore
            Something is not as it was stored.
        """
        with guard(self.path):
            problem = str(self._db.execute("PRAGMA integrity_check(1)").fetchone()[0])
        self._require(problem == "ok", line(problem))
        return self._check_digests()

    def _check_digests(self) -> int:
        self.runs()
        self.specs()
        for _ in self.certificates():
            pass
        return sum(len(cell.parts) for cell in self.cells())

    def _require(self, holds: bool, reason: str) -> None:
        if not holds:
            raise self._damaged(reason)

    def _damaged(self, reason: str) -> DamagedStore:
        """Return the error for damage that only a digest shows, and note it.

        The note makes the next writer check all digests.
        """
        with suppress(OSError):
            suspect(self.path).touch()  # no link: that is refused when the store is opened
        return damaged(self.path, reason)


def _places(count: int) -> str:
    return ", ".join("?" * count)


def _chunks(keys: Iterable[bytes]) -> Iterator[list[bytes]]:
    left = iter(keys)
    while chunk := list(itertools.islice(left, CHUNK)):
        yield chunk


def key_text(key: object) -> str:
    """Return a key in the form that messages show."""
    return key.hex() if isinstance(key, bytes) else repr(key)
