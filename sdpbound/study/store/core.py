"""The store of a study: one SQLite file with every result, its provenance and its certificates.

One process writes, any number read meanwhile. Each batch of results is one transaction: what :meth:`Store.add` has
returned from is on the disk, and of a batch that was cut short there is nothing. Every row carries a digest, checked
whenever it is read, and a seal counts them all. The tables may be queried by any program that reads SQLite; in a column
of numbers the texts "nan" and "minus zero" stand for what SQLite cannot hold. A file may come from a stranger: what is
read from it is limited in size, and its tables must be defined as ours are.
"""

from __future__ import annotations

import itertools
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from sdpbound.errors import DamagedStore, InvalidInput
from sdpbound.study.store.failures import damaged, guard, line, system
from sdpbound.study.store.file import (
    columns_of,
    digests_due,
    move_aside,
    open_to_read,
    open_to_write,
    prepare,
    read_seal,
    refuse_folder,
    suspect,
    write_seal,
)
from sdpbound.study.store.form import (
    KEY_BYTES,
    LARGEST,
    Seal,
    Value,
    digest,
    expand,
    json_object,
    pack,
    row_digest,
    unpack,
)
from sdpbound.study.store.lock import Lock, now
from sdpbound.tables.columns import STORED

if TYPE_CHECKING:
    from sdpbound.study.store.answer import Answer

__all__ = ["Cell", "Store"]

#: Keys looked up at once.
_CHUNK = 1000
#: Certificates read at once, of some kB each, and up to 64 MiB in a store that was made to fill the memory.
_CERTIFICATES = 4
_STATUS = list(STORED).index("status")


class Cell(NamedTuple):
    """What is stored under one key: the run it comes from, and for each part the values as SQLite keeps them."""

    key: bytes
    run: int
    parts: tuple[tuple[Value, ...], ...]


class Store:
    """The results of a study in one file; a context manager, made by :meth:`read` or :meth:`write`."""

    def __init__(self, path: Path, db: sqlite3.Connection, lock: Lock | None) -> None:
        self.path = path
        self._db = db
        self._lock = lock
        columns = columns_of(db)
        names = ", ".join(f'"{name}"' for name in list(STORED)[:columns])
        self._row = f"SELECT key, part, run, digest, {names} FROM result"
        self._insert = f"INSERT INTO result (key, part, run, digest, {names}) VALUES ({_places(4 + columns)})"

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Store:
        """Open a store to read it, also while another process writes it and in a folder that cannot be written.

        Raises
        ------
        InvalidStudy
            There is none, it is not a store, or a newer sdpbound wrote it.
        DamagedStore
            It is damaged; the file stays where it is.
        InvalidInput
            It cannot be read.
        """
        file = Path(path)
        with system(file, "read"):
            refuse_folder(file)
            return cls(file, open_to_read(file), None)

    @classmethod
    def write(cls, path: str | os.PathLike[str]) -> Store:
        """Open a store to write it, or make it; no other process can until it is closed.

        Raises
        ------
        InvalidInput
            Another process writes it, or the place cannot be written.
        DamagedStore
            It is damaged; the file was moved aside and the message names both.
        InvalidStudy
            The file is another program's database, or a newer sdpbound wrote it.
        StorageFailure
            The disk is full or fails.
        """
        file = Path(path)
        with system(file, "written"), ExitStack() as undo:
            refuse_folder(file)
            lock = Lock(file)
            undo.callback(lock.release)
            try:
                store = cls._open(file, lock)
            except DamagedStore as error:
                raise move_aside(file, error.reason) from None
            undo.pop_all()
            return store

    @classmethod
    def _open(cls, path: Path, lock: Lock) -> Store:
        db = open_to_write(path)
        try:
            if digests_due(path):
                cls(path, db, None)._check_digests()
                suspect(path).unlink(missing_ok=True)
            prepare(db, path)
            return cls(path, db, lock)
        except BaseException:
            db.close()
            raise

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Put everything into the one file, and let others write."""
        try:
            if self._lock is not None:
                # a full disk, or a reader in the way: the log stays, and the next one to open the store uses it
                with suppress(sqlite3.Error):
                    self._db.execute("PRAGMA busy_timeout = 1000")
                    self._db.execute("DELETE FROM meta WHERE name = 'holder'")
                    self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._db.close()
        finally:
            if self._lock is not None:
                self._lock.release()

    # -- provenance ---------------------------------------------------------------------------------------------------

    def begin(self, facts: dict[str, Any]) -> int:
        """Note a new run with its provenance; its number."""
        with self._transaction():
            (last,) = self._db.execute("SELECT coalesce(max(id), 0) FROM run").fetchone()
            self._put_run(last + 1, facts)
        return int(last + 1)

    def finish(self, run: int, facts: dict[str, Any]) -> None:
        """Add to the provenance of a run."""
        with self._transaction():
            self._put_run(run, self._facts(run) | facts)

    def _put_run(self, run: int, facts: dict[str, Any]) -> None:
        text = _json(facts)
        self._db.execute("INSERT OR REPLACE INTO run VALUES (?, ?, ?)", (run, text, digest(("run", run, text))))

    def _facts(self, run: int) -> dict[str, Any]:
        for facts in self.runs(run):
            return {name: value for name, value in facts.items() if name != "id"}
        raise InvalidInput(f"'{self.path}' has no run {run}; begin one first.")

    def runs(self, run: int | None = None) -> list[dict[str, Any]]:
        """The provenance of all runs, or of one, oldest first; each with its number as "id"."""
        with guard(self.path):
            rows = self._db.execute("SELECT id, facts, digest FROM run WHERE ? IN (id, 0) ORDER BY id", (run or 0,))
            found = rows.fetchall()
        for number, text, seen in found:
            self._require(seen == digest(("run", number, text)), f"run {number} was changed")
        return [{"id": number, **self._object(text, f"run {number}")} for number, text, _ in found]

    def save_spec(self, spec: dict[str, Any], text: str) -> None:
        """Keep the study as it is run now, and the text of its file; nothing if they are the latest already."""
        if self.spec() == (json.loads(_json(spec)), text):
            return
        values = (now(), _json(spec), text)
        with self._transaction():
            self._db.execute("INSERT INTO spec VALUES (NULL, ?, ?, ?, ?)", (*values, digest(("spec", *values))))

    def spec(self) -> tuple[dict[str, Any], str] | None:
        """The latest study and its text."""
        latest = None
        for _, content, text in self.specs():
            latest = self._object(content, "its study"), text
        return latest

    def _object(self, text: str, name: str) -> dict[str, Any]:
        """A JSON object of the store."""
        try:
            return json_object(text)
        except ValueError as error:
            raise self._damaged(f"{name} {error}") from None

    def specs(self) -> list[tuple[str, str, str]]:
        """All studies that were run on this store, oldest first: the time, the JSON and the text."""
        with guard(self.path):
            found = self._db.execute("SELECT id, time, content, toml, digest FROM spec ORDER BY id").fetchall()
        for number, *values, seen in found:
            self._require(seen == digest(("spec", *values)), f"study {number} of its history was changed")
        return [(time, content, text) for _, time, content, text, _ in found]

    # -- results ------------------------------------------------------------------------------------------------------

    def present(self, keys: Sequence[bytes]) -> dict[bytes, str]:
        """Those of the keys that are stored, with the status of their first row."""
        found: dict[bytes, str] = {}
        for chunk in _chunks(keys):
            found |= self._look_up("SELECT key, status FROM result WHERE part = 0 AND", chunk, "")
        return found

    def uncertified(self, keys: Sequence[bytes]) -> set[bytes]:
        """Those of the keys that are stored with a bound and without its certificate."""
        wanted = "SELECT key FROM result WHERE certificate IS NULL AND value IS NOT NULL AND side <> 'exact' AND"
        return {key for chunk in _chunks(keys) for (key,) in self._look_up(wanted, chunk, "")}

    def rows(self, keys: Iterable[bytes]) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """The rows of those keys that are stored, in the order given.

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
        padded = [*keys, *[keys[-1]] * (_CHUNK - len(keys))]  # one statement for all lengths
        with guard(self.path):
            return self._db.execute(f"{select} key IN ({_places(_CHUNK)}) {order}", padded).fetchall()

    def _cells(self, raw: Iterable[tuple[Any, ...]]) -> Iterator[Cell]:
        """The cells of rows in which those of a cell follow each other, every digest checked."""
        for key, group in itertools.groupby(raw, key=lambda row: row[0]):
            rows = list(group)
            for part, row in enumerate(rows):
                if row[3] != row_digest(key, part, len(rows), row[2], row[4:]):
                    raise self._damaged(f"the row of key {_hex(key)}, part {part}, was changed")
            yield Cell(key, rows[0][2], tuple(row[4:] for row in rows))

    def cells(self) -> Iterator[Cell]:
        """Every cell, in the order in which they were stored, every digest checked."""
        return self._cells(self._scan(self._row, "result"))

    def _scan(self, select: str, table: str, size: int = 4 * _CHUNK) -> Iterator[tuple[Any, ...]]:
        """All rows of a table, in pieces, so that no long read holds up the writer."""
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

    def add(self, run: int, answers: Iterable[tuple[Sequence[bytes], Answer]], replace: bool = False) -> None:
        """Store a batch of answers, all or nothing; when this returns they are on the disk.

        Parameters
        ----------
        run : the number of the run that computed them
        answers : for each task the keys of its cells, and its answer
        replace : put them in the place of what is stored under their keys; else a key that is stored is an error

        Raises
        ------
        InvalidInput
            A key is stored already, or a row cannot be stored.
        StorageFailure
            The disk is full or fails.
        """
        cells: list[Cell] = []
        certificates: dict[str, bytes] = {}
        for keys, answer in answers:
            if len(keys) != len(answer.cells):
                raise InvalidInput(f"{len(keys)} keys are for {len(answer.cells)} cells; give one key for each.")
            for key, rows in zip(keys, answer.cells, strict=True):
                cells.append(Cell(key, run, tuple(map(pack, rows))))
            certificates |= answer.certificates
        self.put(cells, certificates, replace)

    def put(self, cells: Sequence[Cell], certificates: dict[str, bytes], replace: bool = False) -> None:
        """As :meth:`add`, for cells with their values as SQLite keeps them, and certificates as they are compressed."""
        rows = []
        for key, run, parts in cells:
            if not isinstance(key, bytes) or len(key) != KEY_BYTES or not parts:
                raise InvalidInput(f"the cell {key!r} must have a key of {KEY_BYTES} bytes, and at least one row.")
            for part, values in enumerate(parts):
                try:
                    seal = row_digest(key, part, len(parts), run, values)
                except UnicodeEncodeError as error:
                    raise InvalidInput(f"a text of a row, {error.object!r:.60}, is not valid Unicode.") from None
                rows.append((key, part, run, seal, *values))
        for name, data in certificates.items():
            if len(data) > LARGEST:
                raise InvalidInput(
                    f"certificate {name!r:.60} has {len(data)} bytes, and at most {LARGEST} are stored; set "
                    "certificates = false."
                )
        proofs = [(name, data, digest(("certificate", name, data))) for name, data in certificates.items()]
        with self._transaction():
            if cells:
                self._reseal(rows, [cell.key for cell in cells] if replace else [])
            if replace:
                self._db.executemany("DELETE FROM result WHERE key = ?", [(cell.key,) for cell in cells])
            try:
                self._db.executemany(self._insert, rows)
            except sqlite3.IntegrityError:
                raise self._conflict([cell.key for cell in cells]) from None
            # a certificate is named after what it says
            self._db.executemany("INSERT OR IGNORE INTO certificate VALUES (?, ?, ?)", proofs)

    def _reseal(self, rows: Sequence[tuple[Any, ...]], replaced: Iterable[bytes]) -> None:
        """Count rows that are stored, and take away those under the keys that they replace; within a transaction."""
        seal = self._seal()
        if seal is None:
            raise self._damaged("it has lost its seal")
        for key in dict.fromkeys(replaced):
            for part, status, own in self._db.execute("SELECT part, status, digest FROM result WHERE key = ?", (key,)):
                seal.count(key, part, status, own, -1)
        for row in rows:
            seal.count(row[0], row[1], row[4 + _STATUS], row[3])
        write_seal(self._db, seal)

    def _conflict(self, keys: list[bytes]) -> InvalidInput:
        twice = {key for key in keys if keys.count(key) > 1} if len(set(keys)) < len(keys) else set()
        if twice:
            return InvalidInput(f"the key {_hex(min(twice))} is in one batch twice; nothing of it was stored.")
        return InvalidInput(
            f"a key of this batch is in '{self.path}' already; nothing of it was stored: replace=True replaces rows."
        )

    def counts(self) -> dict[str, int]:
        """Rows of each status."""
        with guard(self.path):
            return dict(self._db.execute("SELECT status, count(*) FROM result GROUP BY status").fetchall())

    # -- the seal -----------------------------------------------------------------------------------------------------

    def _seal(self) -> Seal | None:
        try:
            return read_seal(self._db)
        except ValueError as error:
            raise self._damaged(f"{error}") from None

    def seal(self) -> Seal | None:
        """The seal as it was stored; None for a store that no version with seals has written."""
        with guard(self.path):
            return self._seal()

    def resealed(self) -> tuple[Seal | None, Seal]:
        """The seal as it is stored, and that of the rows there are at the same moment, every digest checked; the latter
        names no complete study."""
        with guard(self.path):
            self._db.execute("BEGIN")  # what another process writes meanwhile is not seen
        try:
            return self.seal(), self._own_seal()
        finally:
            with suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")

    def _own_seal(self) -> Seal:
        seal = Seal()

        def counted() -> Iterator[tuple[Any, ...]]:
            for row in self._scan(self._row, "result"):
                key, part, _, own = row[:4]
                sound = isinstance(key, bytes) and isinstance(part, int) and isinstance(own, bytes)
                self._require(sound, f"the row of key {_hex(key)} has no key, part or digest")
                seal.count(key, part, row[4 + _STATUS], own)
                yield row

        for _ in self._cells(counted()):
            pass
        return seal

    def complete(self, name: str) -> None:
        """Seal that all cells of the study of this name are stored with an answer."""
        with self._transaction():
            seal = self._seal()
            if seal is not None and name not in seal.complete:
                seal.complete.append(name)
                write_seal(self._db, seal)

    # -- certificates -------------------------------------------------------------------------------------------------

    def certificates(self) -> Iterator[tuple[str, bytes]]:
        """The names of all certificates, and their JSON text."""
        for name, _, text in self._proofs():
            yield name, text

    def certificate(self, name: str) -> bytes | None:
        """The JSON text of one certificate, or None if there is none of this name."""
        with guard(self.path):
            row = self._db.execute("SELECT data, digest FROM certificate WHERE name = ?", (name,)).fetchone()
        if row is None:
            return None
        self._require(row[1] == digest(("certificate", name, row[0])), f"certificate {name!r:.60} was changed")
        return self._text(name, row[0])

    def compressed(self) -> Iterator[tuple[str, bytes]]:
        """The names of all certificates, and what is stored of them, which can be expanded."""
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

    # -- checks -------------------------------------------------------------------------------------------------------

    def check(self) -> int:
        """Check the file's structure, its indices and every digest; the number of rows.

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
        """The error for what only a digest shows; noted, so that the next writer looks at all of them."""
        with suppress(OSError):
            suspect(self.path).touch()
        return damaged(self.path, reason)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All that is done within, or nothing."""
        if self._lock is None:
            raise InvalidInput(f"'{self.path}' was opened to read it; open it with Store.write.")
        with guard(self.path):
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise


# -- helpers ------------------------------------------------------------------------------------------------------


def _places(count: int) -> str:
    return ", ".join("?" * count)


def _chunks(keys: Iterable[bytes]) -> Iterator[list[bytes]]:
    left = iter(keys)
    while chunk := list(itertools.islice(left, _CHUNK)):
        yield chunk


def _json(facts: dict[str, Any]) -> str:
    return json.dumps(facts, sort_keys=True, separators=(",", ":"))


def _hex(key: object) -> str:
    return key.hex() if isinstance(key, bytes) else repr(key)
