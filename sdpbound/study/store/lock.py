"""The lock that lets only one process write a store."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from sdpbound.errors import InvalidInput

__all__ = ["Lock", "holder", "now"]


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class Lock:
    """The right to write a store, kept on a file beside it.

    The system releases it when the process ends.
    """

    def __init__(self, path: Path) -> None:
        self._lock = FileLock(path.with_name(path.name + ".lock"), thread_local=False)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout:
            raise InvalidInput(
                f"'{path}' is in use by {holder(path)}: wait for that run, or give another --output."
            ) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InvalidInput(
                f"'{path}' cannot be written: {reason}; give another --output, where files can be written."
            ) from None

    def release(self) -> None:
        self._lock.release()

    @staticmethod
    def facts() -> str:
        """Return the facts of this process, which another process reads when it finds the store in use."""
        return json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "started": now()})


def holder(path: Path) -> str:
    """Say which process uses a locked store, as far as it can be known."""
    with suppress(sqlite3.Error, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            facts = json.loads(db.execute("SELECT value FROM meta WHERE name = 'holder'").fetchone()[0])
        here = facts["host"] == socket.gethostname()
        # If the process that the file names has ended, it was killed, and the real holder has only just begun.
        if not (here and _ended(facts["pid"])):
            return f"process {facts['pid']} on {'this host' if here else facts['host']} since {facts['started']}"
    return "another process"


def _ended(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False
