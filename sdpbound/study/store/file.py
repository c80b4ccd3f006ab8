"""The file of a store.

The file is made in one step, examined before it is used, and moved aside if it is damaged.
"""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from sdpbound.errors import DamagedStore, InvalidInput, InvalidStudy
from sdpbound.study.store.failures import PATIENCE, RECOVER, damaged, guard, line, system
from sdpbound.study.store.form import APPLICATION, FORMAT, LARGEST, TABLES, Seal, column, definition
from sdpbound.study.store.lock import Lock, now
from sdpbound.tables.columns import STORED

__all__ = [
    "PAGE",
    "beside",
    "columns_of",
    "create",
    "definitions",
    "digests_due",
    "move_aside",
    "open_to_read",
    "open_to_write",
    "prepare",
    "read_seal",
    "refuse_place",
    "suspect",
    "write_seal",
]

PAGE = 4096
#: KiB of pages kept in memory: the index of a million cells fits. The file is not mapped into memory, since a failing
#: disk would then kill the process.
CACHE = 64 * 1024
#: Pages in the log before they are written to their places: 64 MB.
LOG = 16_384
#: Bytes of the largest file of which every opening checks pages and indices, and every opening to write also the
#: digests; and bytes of the largest file of which every opening checks the pages alone. Measured for a million rows,
#: 300 MB: 2.3 s for pages and indices, 5 s with the digests, and 0.5 s for the pages alone.
CHECKED, PAGES_CHECKED = 2**24, 2**30

_MAGIC = b"SQLite format 3\0"
#: The beginnings of the names that SQLite itself gives: indices of constraints, and statistics of tables. No statement
#: can give such a name.
_OF_SQLITE = ("sqlite_autoindex_", "sqlite_stat")
#: An index of plain columns, without expressions or conditions.
_PLAIN_INDEX = re.compile(r'CREATE (UNIQUE )?INDEX "?\w+"? ON "?\w+"? ?\("?\w+"?(?: *, *"?\w+"?)*\)')
#: The files that SQLite and the store keep beside the file.
_BESIDE = ("-wal", "-shm", "-journal", ".lock", ".suspect")
#: Bytes of the header that are the same in every store: page size, fractions, schema format, encoding, zeros.
_CONSTANT = (
    (16, PAGE.to_bytes(2, "big")),
    (20, bytes((0, 64, 32, 32))),
    (44, bytes((0, 0, 0, 4))),
    (52, bytes((0, 0, 0, 0, 0, 0, 0, 1))),
    (64, APPLICATION.to_bytes(8, "big")),
    (72, bytes(20)),
)


def beside(path: Path, suffix: str) -> Path:
    """Return the file of this name with something appended, such as SQLite's "-wal"."""
    return path.with_name(path.name + suffix)


# -- opening ------------------------------------------------------------------------------------------------------


def open_to_read(path: Path) -> sqlite3.Connection:
    """Return a connection that reads a store.

    The store was examined.
    """
    db = None
    try:
        with system(path, "read"), guard(path):
            if not path.exists():
                raise InvalidStudy(f"there are no results in '{path}'; run the study first.")
            _examine_start(path)
            db = _reader(path)
            _examine(db, path)
            db.execute(f"PRAGMA cache_size = -{CACHE}")
            _examine_pages(db, path, unclean=False)
            return db
    except BaseException:
        if db is not None:
            db.close()
        raise


def _reader(path: Path) -> sqlite3.Connection:
    """Return a read-only connection.

    Where SQLite cannot keep its files beside a closed store, it works without them.
    """
    db = _connect(path, "ro")
    try:
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            db.close()
            if _unclean(path):
                raise InvalidInput(
                    f"'{path}' was not closed by its last run, and its folder cannot be written; copy it, together "
                    f"with '{path.name}-wal', to a folder that can."
                ) from None
            return _connect(path, "ro&immutable=1")
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        pass  # The file is damaged, or another program's. The next examination finds out which.
    return db


def open_to_write(path: Path) -> sqlite3.Connection:
    """Return a connection to a store that was examined or made.

    The caller holds the lock and calls :func:`prepare` next.
    """
    unclean = _unclean(path)
    if not path.exists():
        if unclean:
            raise damaged(path, "it is gone, while its log is still there")
        with guard(path):
            create(path)
    _examine_start(path)
    db = _connect(path, "rw")
    try:
        _examine(db, path)
        with guard(path):
            db.execute(f"PRAGMA cache_size = -{CACHE}")
            _examine_pages(db, path, unclean)
        return db
    except BaseException:
        db.close()
        raise


def prepare(db: sqlite3.Connection, path: Path) -> None:
    """Make a sound store ready to be written: set up the log, add missing columns, and note who writes it."""
    with guard(path):
        columns = columns_of(db)
        db.execute("PRAGMA journal_mode = WAL")
        # Measured: a batch takes 0.1 ms more than with NORMAL. With NORMAL a power cut could lose the last batches.
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA wal_autocheckpoint = {LOG}")
        db.execute("BEGIN IMMEDIATE")
        if columns < len(STORED):
            _upgrade(db, columns)
        if read_seal(db) is None:
            _seal_first(db)
        db.execute("INSERT OR REPLACE INTO meta VALUES ('holder', ?)", (Lock.facts(),))
        db.execute("COMMIT")


def columns_of(db: sqlite3.Connection) -> int:
    """Return the number of columns of ``STORED`` in an open store."""
    return len(db.execute("PRAGMA table_info(result)").fetchall()) - 4


def suspect(path: Path) -> Path:
    """Return the file that tells the next writer that changed rows were found."""
    return beside(path, ".suspect")


def digests_due(path: Path) -> bool:
    """Whether to check every digest before the store is written."""
    return path.stat().st_size <= CHECKED or suspect(path).exists()


def refuse_place(path: Path) -> None:
    """Raise InvalidInput if the name of the store is not that of a file of its folder.

    A folder of results may come from a stranger. Links in it would lead reading and writing to other files.
    """
    if path.is_dir():
        raise InvalidInput(f"'{path}' is a folder, and a store is a file; give another --output.")
    if path.is_symlink() and path.resolve().parent != path.parent.resolve():
        raise InvalidInput(f"'{path}' is a link to '{path.resolve()}'; name that file, or its folder with --output.")
    for suffix in _BESIDE:
        side = beside(path.resolve(), suffix)
        if side.is_symlink():
            raise InvalidInput(f"'{side}' is a link, and would be written as a part of the store; remove it.")


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    """Return a connection that neither creates a file nor begins transactions by itself."""
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    db = sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None, cached_statements=32)
    db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST + PAGE)  # the limit is for one row
    db.execute("PRAGMA cell_size_check = ON")  # a damaged page is then an error
    # definitions in a stranger's file then call no function with side effects
    db.execute("PRAGMA trusted_schema = OFF")
    return db


def create(path: Path) -> None:
    """Make an empty store under another name, and rename it when it is whole."""
    partial = beside(path, ".partial")
    for suffix in ("", "-journal", "-wal", "-shm"):
        beside(partial, suffix).unlink(missing_ok=True)
    partial.touch()
    with closing(_connect(partial, "rw")) as db:
        db.execute(f"PRAGMA page_size = {PAGE}")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("BEGIN")
        db.execute(f"PRAGMA application_id = {APPLICATION}")
        db.execute(f"PRAGMA user_version = {FORMAT}")
        for statement in TABLES.values():
            db.execute(statement)
        facts = {"format": str(FORMAT), "created": now(), "schema": definitions(db), "seal": Seal().to_json()}
        db.executemany("INSERT INTO meta VALUES (?, ?)", facts.items())
        db.execute("COMMIT")
        db.execute("PRAGMA journal_mode = WAL")
    os.replace(partial, path)
    _flush(path.parent)


def _flush(folder: Path) -> None:
    """Make a new name in a folder survive a power cut, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def definitions(db: sqlite3.Connection) -> str:
    """Return the definitions of our tables as one text.

    A store keeps this text, so that a changed definition can be told from a damaged one.
    """
    found = dict(db.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall())
    return "\n".join(str(found.get(name)) for name in TABLES)


def _unclean(path: Path) -> bool:
    """Whether the last writer did not close the store.

    A log that is not empty is then beside it.
    """
    try:
        return beside(path, "-wal").stat().st_size > 0
    except OSError:
        return False


def _examine_start(path: Path) -> None:
    """Raise DamagedStore if the file is no SQLite database at all."""
    with path.open("rb") as file:
        header = file.read(100)
    if not header:
        raise damaged(path, "it is empty")
    if not header.startswith(_MAGIC):
        raise damaged(path, "it does not begin as an SQLite file does")
    if len(header) < 100:
        raise damaged(path, "it is cut off within its header")


def _examine(db: sqlite3.Connection, path: Path) -> None:
    """Check that an open file is a store and that its definitions are whole.

    Raises
    ------
    DamagedStore
        The file was a store and is damaged.
    InvalidStudy
        The file is the database of another program, or of a later sdpbound.
    """
    with path.open("rb") as file:
        named = file.read(72)[68:] == APPLICATION.to_bytes(4, "big")
    if not named:
        with suppress(sqlite3.Error, UnicodeDecodeError):
            if set(TABLES) <= _names(db):
                raise damaged(path, "its header is not a store's")
        raise InvalidStudy(f"'{path}' is another program's database, and is left alone; give another --output.")
    with guard(path):
        _examine_definitions(db, path)


def _examine_definitions(db: sqlite3.Connection, path: Path) -> None:
    tables = _names(db)
    facts = dict(db.execute("SELECT name, value FROM meta").fetchall()) if "meta" in tables else {}
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if facts.get("format") != str(version):
        raise damaged(path, "it does not say clearly which version it has")
    newer = f"'{path}' was written by a newer sdpbound: {{}}; update sdpbound, or give another --output."
    if version > FORMAT:
        raise InvalidStudy(newer.format(f"its format is {version}, and this version reads {FORMAT}"))
    if facts.get("schema") != definitions(db) or not set(TABLES) <= tables:
        raise damaged(path, "the definitions of its tables were changed")
    names = [row[1] for row in db.execute("PRAGMA table_info(result)")][4:]
    for name, known in zip(names, [*STORED, *[None] * len(names)], strict=False):
        if name != known:
            raise InvalidStudy(newer.format(f"its column {name!r} is unknown here"))
    own = "\n".join((TABLES | {"result": definition(len(names))}).values())
    if facts["schema"] != own or db.execute("SELECT 1 FROM sqlite_master WHERE type = 'trigger'").fetchone():
        raise damaged(path, "the definitions of its tables are not a store's")
    _examine_additions(db, path)
    if version > 1:
        try:
            sealed = read_seal(db) is not None
        except ValueError:
            sealed = False
        if not sealed:
            raise damaged(path, "its seal is not there or cannot be read")


def _examine_additions(db: sqlite3.Connection, path: Path) -> None:
    """Raise InvalidStudy for what was added and may compute something when the file is checked or written.

    Views are only computed when they are asked for, and indices of plain columns compute nothing.
    """
    for kind, name, statement in db.execute("SELECT type, name, sql FROM sqlite_master"):
        harmless = kind == "view" or (kind == "index" and _PLAIN_INDEX.fullmatch(str(statement)))
        if name not in TABLES and not harmless and not str(name).startswith(_OF_SQLITE):
            raise InvalidStudy(
                f"'{path}' has the {kind} {str(name)[:60]!r}, which no store has and which may hold a program; drop "
                "it, or copy the rows with `sdpbound recover STUDY FILE`."
            )


def _names(db: sqlite3.Connection) -> set[str]:
    return {row[0] for row in db.execute("SELECT name FROM sqlite_master")}


def _examine_header(path: Path) -> None:
    """Raise DamagedStore if the bytes of the header that all stores share differ.

    The store must have no log beside it.
    """
    with path.open("rb") as file:
        header = file.read(100)
    alike = all(header[at : at + len(content)] == content for at, content in _CONSTANT)
    if not alike or not set(header[18:20]) <= {1, 2}:  # 1 stands for a rollback journal and 2 for a log
        raise damaged(path, "its header is not a store's")
    if path.stat().st_size % PAGE:
        raise damaged(path, "it is cut off within a page")


def _examine_pages(db: sqlite3.Connection, path: Path, unclean: bool) -> None:
    """Raise DamagedStore if the pages do not fit together.

    The indices are checked too if the store is small, or if its last writer did not close it.
    """
    if not _unclean(path):
        _examine_header(path)
    size = path.stat().st_size
    if unclean or size <= PAGES_CHECKED:
        check = "integrity_check" if unclean or size <= CHECKED else "quick_check"
        problem = str(db.execute(f"PRAGMA {check}(1)").fetchone()[0])
        if problem != "ok":
            raise damaged(path, line(problem))


def _upgrade(db: sqlite3.Connection, columns: int) -> None:
    """Append the columns that this version has and the file lacks.

    Call this within a transaction.
    """
    for name in list(STORED)[columns:]:
        db.execute(f"ALTER TABLE result ADD COLUMN {column(name)}")
    db.execute("UPDATE meta SET value = ? WHERE name = 'schema'", (definitions(db),))


# -- the seal -----------------------------------------------------------------------------------------------------


def read_seal(db: sqlite3.Connection) -> Seal | None:
    """Return the seal of an open store; None if it has none.

    Raises ValueError if the text is no seal.
    """
    found = db.execute("SELECT value FROM meta WHERE name = 'seal'").fetchone()
    return None if found is None else Seal.from_json(found[0])


def write_seal(db: sqlite3.Connection, seal: Seal) -> None:
    """Replace the seal of the store.

    Call this within a transaction.
    """
    db.execute("INSERT OR REPLACE INTO meta VALUES ('seal', ?)", (seal.to_json(),))


def _seal_first(db: sqlite3.Connection) -> None:
    """Seal the rows of a store of format 1 as they are.

    Call this within a transaction.
    """
    seal = Seal()
    for key, part, status, own in db.execute("SELECT key, part, status, digest FROM result"):
        seal.count(key, part, status, own)
    write_seal(db, seal)
    db.execute("UPDATE meta SET value = ? WHERE name = 'format'", (str(FORMAT),))
    db.execute(f"PRAGMA user_version = {FORMAT}")


# -- moving aside -------------------------------------------------------------------------------------------------


def move_aside(path: Path, reason: str) -> DamagedStore:
    """Rename a damaged file and the files that SQLite keeps beside it; returns the error to raise.

    No file that has the new name already is replaced.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    aside, count = beside(path, f".damaged-{stamp}"), 1
    while any(beside(aside, suffix).exists() for suffix in ("", "-wal", "-shm")):
        count += 1
        aside = beside(path, f".damaged-{stamp}-{count}")
    # The log is moved first. If it were left behind, the next store would use it as its own.
    for suffix in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            os.rename(beside(path, suffix), beside(aside, suffix))
    suspect(path).unlink(missing_ok=True)
    _flush(path.parent)
    return DamagedStore(
        f"'{path}' was damaged ({reason}) and is now '{aside}': run again to start afresh, or {RECOVER}, where FILE "
        f"is '{aside}'.",
        reason,
    )
