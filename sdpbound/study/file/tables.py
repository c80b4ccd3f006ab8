"""The table of behaviours that a study names: a file of its own folder, or the content that a store keeps of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sdpbound.bell.families.behaviour_table import BehaviourTable
from sdpbound.study.file.numbers import FileContext
from sdpbound.study.file.validators import fail, fail_at, quote

__all__ = ["TABLE_KEYS", "confined", "content_of", "table_from"]

#: The keys of a table besides its axis: the file, the hash of what it says, and what a store keeps of it.
TABLE_KEYS = ("file", "sha256", "content")
#: Most probabilities that a store keeps of a table. Of a larger table it keeps the path and the hash.
KEPT = 2**20


def table_from(given: Mapping[str, Any], context: FileContext) -> tuple[dict[str, Any], BehaviourTable]:
    """Return what a study keeps of a table (its relative path and its hash), and the behaviours.

    With ``content``, no file is read.

    Raises InvalidInput for a table that cannot be used, and the error of a validator for a path that leads out.
    """
    file = given.get("file")
    if not isinstance(file, str):
        raise fail("lacks the key 'file', a .csv or .parquet file of behaviours")
    if "content" in given:
        shown, table = file, BehaviourTable.from_content(file, given["content"])
    else:
        path = confined(file, context)
        shown = _relative(file, path, context)
        read = BehaviourTable(str(path))
        table = BehaviourTable(shown, read.names, read.behaviours)
    if given.get("sha256", table.digest) != table.digest:
        raise fail_at("sha256", f"is not the hash of the table {quote(shown)}, which is {table.digest}")
    return {"file": shown, "sha256": table.digest}, table


def content_of(table: BehaviourTable) -> dict[str, Any] | None:
    """Return a table as plain data, for a store; None if it is too large."""
    return table.content if sum(b.p.size for b in table.behaviours) <= KEPT else None


def confined(text: str, context: FileContext) -> Path:
    """Return the path of a file that a study names.

    The error of a validator is raised if the file is not inside the study's own folder, symbolic links followed. A
    study from somebody else could otherwise read any file.
    """
    root = context.root
    try:
        # on Windows the path of another computer is contacted by looking at it
        if Path(text).is_absolute() and Path(text).anchor != root.anchor:
            raise _outside(root)
        named, *others = map(Path.resolve, _places(text, context))
        found = [path for path in others if path.is_relative_to(root) and path.is_file()]
    except (OSError, ValueError, RuntimeError):
        raise fail_at("file", "is no path of a file") from None
    if named.is_relative_to(root) and (named.is_file() or not found):
        return named
    if not found:
        raise _outside(root)
    return found[0]


def _places(text: str, context: FileContext) -> Iterator[Path]:
    """Yield the places where a file may be.

    A study file and its store are in different folders, and older stores name the absolute path.
    """
    yield context.folder / text
    if context.stored:
        yield context.root / text
        yield context.root / "studies" / text
        yield context.folder / Path(text).name


def _relative(text: str, path: Path, context: FileContext) -> str:
    """Return the path of a file as its study should name it, so that it holds after both were moved."""
    shown = text if not Path(text).is_absolute() else os.path.relpath(path, context.folder.resolve())
    return Path(shown).as_posix()


def _outside(root: Path) -> Exception:
    return fail_at("file", f"is outside the folder '{root}' of the study; copy the file into it")
