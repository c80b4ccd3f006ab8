"""The store of a study: one SQLite file with every result, its provenance and its certificates.

One process writes, and any number of processes read meanwhile. Each batch of results is one transaction: when
:meth:`Store.add` has returned, the batch is on the disk, and a batch that was cut short leaves nothing. Every row has a
digest, which is checked whenever the row is read. A seal counts all rows. Any program that reads SQLite may query the
tables. In a column of numbers the texts "nan" and "minus zero" stand for the two numbers that SQLite cannot hold. A
file may come from a stranger. So the size of what is read from it is limited, and its tables must have the definitions
of this module.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sdpbound.errors import DamagedStore, InvalidInput
from sdpbound.study.store.contents import STATUS, Cell, Contents, key_text
from sdpbound.study.store.failures import guard, system
from sdpbound.study.store.file import (
    digests_due,
    move_aside,
    open_to_read,
    open_to_write,
    prepare,
    refuse_place,
    suspect,
    write_seal,
)
from sdpbound.study.store.form import (
    KEY_BYTES,
    LARGEST,
    digest,
    pack,
    row_digest,
)
from sdpbound.study.store.lock import Lock, now

if TYPE_CHECKING:
    from sdpbound.study.store.answer import Answer

__all__ = ["Store"]


class Store(Contents):
    """The results of a study in one file.

    A store is a context manager, made by :meth:`read` or :meth:`write`.
    """

    def __init__(self, path: Path, db: sqlite3.Connection, lock: Lock | None) -> None:
        super().__init__(path, db)
        self._lock = lock
        places = ", ".join("?" * (4 + self._columns))
        self._insert = f"INSERT INTO result (key, part, run, digest, {self._names}) VALUES ({places})"

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Store:
        """Open a store to read it.

        Another process may write it meanwhile, and its folder may be read-only.

        Raises
        ------
        InvalidStudy
            There is no store, the file is no store, or a newer sdpbound wrote it.
        DamagedStore
            The store is damaged; the file stays where it is.
        InvalidInput
            The file cannot be read.
        """
        file = Path(path)
        with system(file, "read"):
            refuse_place(file)
            return cls(file, open_to_read(file), None)

    @classmethod
    def write(cls, path: str | os.PathLike[str]) -> Store:
        """Open a store to write it, or make it.

        No other process can write it until it is closed.

        Raises
        ------
        InvalidInput
            Another process writes the store, or its place cannot be written.
        DamagedStore
            The store is damaged; its file was moved aside and the message names both files.
        InvalidStudy
            The file is another program's database, or a newer sdpbound wrote it.
        StorageFailure
            The disk is full or fails.
        """
        file = Path(path)
        with system(file, "written"), ExitStack() as undo:
            refuse_place(file)
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
        """Write everything into the one file, and let other processes write."""
        try:
            if self._lock is not None:
                # If the disk is full or a reader blocks, the log stays. The next process that opens the store uses it.
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
        """Store the provenance of a new run; returns the number of the run."""
        with self._transaction():
            (last,) = self._db.execute("SELECT coalesce(max(id), 0) FROM run").fetchone()
            self._put_run(last + 1, facts)
        return int(last + 1)

    def finish(self, run: int, facts: dict[str, Any]) -> None:
        """Add facts to the provenance of a run."""
        with self._transaction():
            self._put_run(run, self._facts(run) | facts)

    def _put_run(self, run: int, facts: dict[str, Any]) -> None:
        text = _json(facts)
        self._db.execute("INSERT OR REPLACE INTO run VALUES (?, ?, ?)", (run, text, digest(("run", run, text))))

    def save_spec(self, spec: dict[str, Any], text: str) -> None:
        """Store the study as it is run now, and the text of its file.

        Nothing is stored if they are the latest already.
        """
        if self.spec() == (json.loads(_json(spec)), text):
            return
        values = (now(), _json(spec), text)
        with self._transaction():
            self._db.execute("INSERT INTO spec VALUES (NULL, ?, ?, ?, ?)", (*values, digest(("spec", *values))))

    # -- results ------------------------------------------------------------------------------------------------------

    def add(self, run: int, answers: Iterable[tuple[Sequence[bytes], Answer]], replace: bool = False) -> None:
        """Store a batch of answers, all or nothing.

        When this returns, they are on the disk.

        Parameters
        ----------
        run : the number of the run that computed them
        answers : for each task the keys of its cells, and its answer
        replace : whether the answers replace those that are stored under their keys; if not, a key that is stored is an
            error

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
        """Store cells as :meth:`add` does, with values as SQLite keeps them and certificates as they are compressed."""
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
            # The name of a certificate is a hash of its text. So a certificate that is stored already is the same.
            self._db.executemany("INSERT OR IGNORE INTO certificate VALUES (?, ?, ?)", proofs)

    def _reseal(self, rows: Sequence[tuple[Any, ...]], replaced: Iterable[bytes]) -> None:
        """Count new rows in the seal, and take away the rows that they replace.

        Call this within a transaction.
        """
        seal = self._seal()
        if seal is None:
            raise self._damaged("it has lost its seal")
        for key in dict.fromkeys(replaced):
            for part, status, own in self._db.execute("SELECT part, status, digest FROM result WHERE key = ?", (key,)):
                seal.count(key, part, status, own, -1)
        for row in rows:
            seal.count(row[0], row[1], row[4 + STATUS], row[3])
        write_seal(self._db, seal)

    def _conflict(self, keys: list[bytes]) -> InvalidInput:
        twice = {key for key in keys if keys.count(key) > 1} if len(set(keys)) < len(keys) else set()
        if twice:
            return InvalidInput(f"the key {key_text(min(twice))} is in one batch twice; nothing of it was stored.")
        return InvalidInput(
            f"a key of this batch is in '{self.path}' already; nothing of it was stored: replace=True replaces rows."
        )

    # -- the seal -----------------------------------------------------------------------------------------------------

    def complete(self, name: str) -> None:
        """Note in the seal that all cells of the study of this name are stored with an answer."""
        with self._transaction():
            seal = self._seal()
            if seal is not None and name not in seal.complete:
                seal.complete.append(name)
                write_seal(self._db, seal)

    # -- checks -------------------------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Run the block as a transaction: everything in it is stored, or nothing."""
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


def _json(facts: dict[str, Any]) -> str:
    return json.dumps(facts, sort_keys=True, separators=(",", ":"))
