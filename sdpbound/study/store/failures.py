"""The errors of SQLite and of the system, as errors of this package with one sentence each."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sdpbound.errors import DamagedStore, InvalidInput, SdpboundError, StorageFailure

__all__ = ["PATIENCE", "RECOVER", "damaged", "guard", "line", "system"]

#: Seconds to wait for another program that has locked the file for a moment.
PATIENCE = 30.0
RECOVER = "recover its sound rows with `sdpbound recover STUDY FILE`"


def damaged(path: Path, reason: str) -> DamagedStore:
    """Return the error for a damaged file that stays where it is."""
    return DamagedStore(
        f"'{path}' is damaged: {reason}; run the study again, which moves the file aside and starts afresh, or "
        f"{RECOVER}.",
        reason,
    )


@contextmanager
def guard(path: Path) -> Iterator[None]:
    """Turn errors of SQLite into errors of this package."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise  # a mistake of the caller, such as a store that is closed
    except sqlite3.Error as error:
        raise _failure(error, path) from None
    except UnicodeDecodeError:  # SQLite's message quotes the damaged text
        raise damaged(path, "its text is not UTF-8") from None


def _failure(error: sqlite3.Error, path: Path) -> SdpboundError:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # raised by Python's own module for a text that is not UTF-8
        return damaged(path, f"{error}")
    primary = code & 0xFF
    if primary == sqlite3.SQLITE_FULL:
        return StorageFailure(
            f"'{path}' cannot grow: the disk is full; what was stored before is safe: free some space and run again."
        )
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StorageFailure(
            f"'{path}' has been locked by another program for {PATIENCE:g} s; close that program and run again."
        )
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return InvalidInput(
            f"'{path}' cannot be opened or written ({error}); allow that for the file and its folder, or give another "
            "--output."
        )
    if primary == sqlite3.SQLITE_IOERR:
        return StorageFailure(
            f"'{path}' cannot be read or written ({error}); what was stored before is safe: check the disk and run "
            "again."
        )
    return damaged(path, f"{error}")


@contextmanager
def system(path: Path, verb: str) -> Iterator[None]:
    """Turn the system's errors into errors of this package.

    ``verb`` says what cannot be done: "read" or "written".
    """
    try:
        yield
    except OSError as error:
        raise InvalidInput(
            f"'{path}' cannot be {verb}: {error.strerror or error}; allow that, or give another --output."
        ) from None


def line(problem: str) -> str:
    """Return SQLite's report as a part of a sentence."""
    return " ".join(problem.replace("*", " ").split()).rstrip(".")
