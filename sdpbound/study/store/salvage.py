"""Copies from one store to another: all results of a sound store, or the sound results of a damaged one."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from sdpbound.errors import InvalidInput, InvalidStudy
from sdpbound.study.store.contents import Cell
from sdpbound.study.store.core import Store
from sdpbound.study.store.failures import system
from sdpbound.study.store.form import KEY_BYTES, LARGEST, Value, digest, expand, json_object, row_digest
from sdpbound.study.store.pages import records
from sdpbound.tables.columns import STORED

__all__ = ["merge", "recover"]

#: Cells, and certificates, of one transaction. A transaction is shorter if its certificates are large.
_BATCH, _CERTIFICATES = 5000, 64
_T = TypeVar("_T")
_KINDS = tuple(STORED.values())


def merge(sources: Sequence[Path], target: Path) -> int:
    """Add the results of other stores to one store, which is made if there is none.

    Results that the store has already stay as they are. An interrupted merge can be repeated.

    ``sources`` are paths of stores; ``target`` is the path of the store that gets their rows.

    Returns
    -------
    the number of rows added

    Raises
    ------
    DamagedStore
        A source is damaged; the results that were read before are kept.
    InvalidStudy, InvalidInput
        A source is no store or the target itself, or the target is in use.
    """
    for source in sources:
        _distinct(source, target)
        Store.read(source).close()  # a wrong name is found before anything is written
    with Store.write(target) as store:
        return sum(_merge(source, store) for source in sources)


def _merge(path: Path, store: Store) -> int:
    with Store.read(path) as source:
        _put_certificates(store, source.compressed())
        runs = _Runs(store, {run["id"]: run for run in source.runs()}, {"merged_from": str(path)})
        return sum(_add(store, cells, runs) for cells in _batches(source.cells(), _BATCH))


def _add(store: Store, cells: Sequence[Cell], runs: _Runs) -> int:
    """Add the cells that a store does not have, or has as failed; returns the number of rows added."""
    known = store.present([cell.key for cell in cells])
    new = [cell._replace(run=runs.number(cell.run)) for cell in cells if _better(cell, known.get(cell.key))]
    store.put(new, {}, replace=True)
    return sum(len(cell.parts) for cell in new)


_STATUS = list(STORED).index("status")


def _better(cell: Cell, known: str | None) -> bool:
    """Whether a cell should be copied: its key is not known, or the known cell failed and this one is an answer."""
    return known is None or (known == "failed" and cell.parts[0][_STATUS] != "failed")


class _Runs:
    """The runs of another store.

    A run is copied to this store when the first row of it is copied.
    """

    def __init__(self, store: Store, facts: dict[int, dict[str, Any]], origin: dict[str, Any]) -> None:
        self._store, self._facts, self._origin = store, facts, origin
        self._numbers: dict[int, int] = {}

    def number(self, run: int) -> int:
        """Return the number in this store of a run of the other store."""
        if run not in self._numbers:
            facts = {name: value for name, value in self._facts.get(run, {}).items() if name != "id"}
            self._numbers[run] = self._store.begin(facts | self._origin)
        return self._numbers[run]


# -- damaged stores -----------------------------------------------------------------------------------------------


def recover(damaged: Path, target: Path) -> tuple[int, int]:
    """Copy the sound results of a damaged store into another store, which is made if there is none.

    The pages of the file are read one by one, without SQLite, and so is the log beside it. A row is sound if its digest
    holds and its cell is whole. Results that the target has already stay as they are. The memory needed grows with the
    number of rows; it is some 200 MB for a million.

    Returns
    -------
    the number of rows copied, and the number of rows found that are not sound; neither counts rows on a page that
    cannot be recognised as a page of a table

    Raises
    ------
    InvalidStudy
        There is no such file.
    InvalidInput
        The file cannot be read, or is the target itself; or the target cannot be written.
    """
    damaged, target = Path(damaged), Path(target)
    if not damaged.is_file():
        raise InvalidStudy(f"there is no file '{damaged}'; give the damaged store.")
    _distinct(damaged, target)
    with system(damaged, "read"):
        with damaged.open("rb"):
            pass
        with Store.write(target) as store:
            return _Salvage(damaged, store).copy()


class _Salvage:
    """A damaged file, and the store to which its content is copied."""

    def __init__(self, path: Path, store: Store) -> None:
        self._path, self._store = path, store
        self._unsound = self._rows = 0
        self._runs: dict[int, dict[str, Any]] = {}
        self._specs: dict[int, tuple[dict[str, Any], str]] = {}
        #: For each key that was copied from here: the number of its first row and the number of its rows. A later row
        #: replaces an earlier one.
        self._copied: dict[bytes, tuple[int, int]] = {}

    def copy(self) -> tuple[int, int]:
        """Copy the certificates, studies and runs first, since the results refer to them, and then the results."""
        _put_certificates(self._store, self._others())
        if self._store.spec() is None:
            for _, (spec, text) in sorted(self._specs.items()):
                self._store.save_spec(spec, text)
        runs = _Runs(self._store, self._runs, {"recovered_from": str(self._path)})
        for found in _batches(self._cells(), _BATCH):
            latest: dict[bytes, tuple[int, Cell]] = {}
            for row, cell in found:
                if cell.key not in latest or latest[cell.key][0] < row:
                    latest[cell.key] = row, cell
            self._add(latest, runs)
        return self._rows, self._unsound

    def _add(self, found: dict[bytes, tuple[int, Cell]], runs: _Runs) -> None:
        known = self._store.present(list(found))
        new = []
        for key, (row, cell) in found.items():
            before, parts = self._copied.get(key, (None, 0))
            if (before is None and not _better(cell, known.get(key))) or (before is not None and before > row):
                continue
            self._copied[key] = row, len(cell.parts)
            self._rows += len(cell.parts) - parts
            new.append(cell._replace(run=runs.number(cell.run)))
        self._store.put(new, {}, replace=True)

    def _others(self) -> Iterator[tuple[str, bytes]]:
        """Yield the certificates, and note the runs and studies among the records."""
        for record in records(self._path):
            if record is None:
                continue
            row, values = record
            with suppress(ValueError):  # a record that cannot be expanded or read is not sound
                match values:
                    case (str(name), bytes(data), bytes(seal)) if seal == digest(("certificate", name, data)):
                        expand(data)
                        yield name, data
                    case (None, str(text), bytes(seal)) if seal == digest(("run", row, text)):
                        self._runs[row] = json_object(text)
                    case (None, str(), str(content), str(text), bytes(seal)) if seal == digest(("spec", *values[1:4])):
                        self._specs[row] = json_object(content), text

    def _cells(self) -> Iterator[tuple[int, Cell]]:
        """Yield the whole cells, each with the number of its first row."""
        results = ((record[0], _result(record[1])) for record in self._counted() if _is_result(record[1]))
        halves: dict[bytes, list[tuple[int, tuple[Any, ...]]]] = {}
        for _, group in itertools.groupby(results, key=lambda result: result[1][0]):
            rows = list(group)
            while rows:
                size = self._whole(rows)
                if size:
                    yield _cell(rows[:size])
                else:  # the other half of the cell may be on another page
                    halves.setdefault(rows[0][1][0], []).append(rows[0])
                rows = rows[size or 1 :]
        for rows in halves.values():
            rows.sort(key=lambda result: result[1][1])
            if self._whole(rows):
                yield _cell(rows[:2])
            else:
                self._unsound += len(rows)

    def _whole(self, rows: Sequence[tuple[int, tuple[Any, ...]]]) -> int:
        """Return how many of the first rows are a whole cell; 0 if they are none."""
        for size in (1, 2):
            first = rows[:size]
            if len(first) == size and all(
                seal == row_digest(key, part, size, run, values) and seen == part
                for part, (_, (key, seen, run, seal, *values)) in enumerate(first)
            ):
                return size
        return 0

    def _counted(self) -> Iterator[tuple[int, tuple[Value, ...]]]:
        for record in records(self._path):
            if record is None:
                self._unsound += 1
            else:
                yield record


def _cell(rows: Sequence[tuple[int, tuple[Any, ...]]]) -> tuple[int, Cell]:
    key, _, run, *_ = rows[0][1]
    return rows[0][0], Cell(key, run, tuple(tuple(values[4:]) for _, values in rows))


def _is_result(values: tuple[Value, ...]) -> bool:
    if not 5 <= len(values) <= 4 + len(STORED):
        return False
    key, part, run, seal = values[:4]
    return (
        isinstance(key, bytes)
        and len(key) == KEY_BYTES
        and isinstance(part, int)
        and isinstance(run, int)
        and isinstance(seal, bytes)
    )


def _result(values: tuple[Value, ...]) -> tuple[Any, ...]:
    """Return the record of a row as SQLite would give it.

    In columns of floats SQLite keeps whole numbers as integers.
    """
    floats = [
        float(value) if kind is float and isinstance(value, int) else value
        for value, kind in zip(values[4:], _KINDS, strict=False)
    ]
    return (*values[:4], *floats)


# -- helpers ------------------------------------------------------------------------------------------------------


def _distinct(source: Path, target: Path) -> None:
    if Path(source).resolve() == Path(target).resolve():
        raise InvalidInput(f"'{source}' cannot be added to itself; give another file.")


def _put_certificates(store: Store, found: Iterable[tuple[str, bytes]]) -> None:
    """Store certificates, in batches that fit in memory."""
    batch: dict[str, bytes] = {}
    size = 0
    for name, data in found:
        batch[name] = data
        size += len(data)
        if len(batch) == _CERTIFICATES or size > LARGEST:
            store.put([], batch)
            batch, size = {}, 0
    store.put([], batch)


def _batches(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    left = iter(items)
    while batch := list(itertools.islice(left, size)):
        yield batch
