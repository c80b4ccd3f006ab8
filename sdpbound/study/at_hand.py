"""A study at hand: its file, its store, and the numbers in the store."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdpbound.errors import InvalidInput, InvalidStudy
from sdpbound.shown import Drawn, Shown
from sdpbound.study.file.spec import StudySpec, parse_spec, read_spec_and_text
from sdpbound.study.out import export as exports
from sdpbound.study.out.gridded import to_xarray
from sdpbound.study.plan import Plan, Task, cell_keys
from sdpbound.study.store import Store
from sdpbound.study.store.failures import damaged
from sdpbound.study.store.form import fitting
from sdpbound.tables.columns import Row, entries_of_axes, table_columns
from sdpbound.tables.frames import to_pandas
from sdpbound.tables.parquet import to_arrow
from sdpbound.tables.provenance import environment
from sdpbound.tables.table import Table
from sdpbound.version import NUMERICS

if TYPE_CHECKING:
    import pandas
    import pyarrow
    import xarray

__all__ = ["Status", "Study", "results_of", "shard_name"]

#: Number of cells that are looked up at once, and number of rows in one chunk.
CHUNK = 8192
#: Most cells of a store. Going through so many takes some six minutes.
MOST = 20_000_000
#: Most rows of a table in memory, some gigabytes.
ROWS = 2_000_000


@dataclass(frozen=True, slots=True)
class Status(Shown):
    """How much of a study is computed, counted in cells.

    A cell is one number: a quantity at a point.

    Attributes
    ----------
    cells, done, failed, infeasible : cells of the study as its file describes it now; ``done`` counts cells with an
        answer, infeasible ones included, and does not count cells that failed
    by_quantity : the same four counts for each quantity
    stored : rows in the store, including those of other versions of the study
    """

    cells: int
    done: int
    failed: int
    infeasible: int
    by_quantity: dict[str, tuple[int, int, int, int]]
    stored: int

    @property
    def complete(self) -> bool:
        """Whether every cell has an answer or has failed."""
        return self.done == self.cells


@dataclass(frozen=True)
class Study(Drawn):
    """A study file with its results.

    Attributes
    ----------
    spec : content of the file, checked
    text : text of the file
    folder : folder of the results
    shard : (k, n) for the k-th of n parts; None for the whole study
    store : store from which the study was read; None for the store of this name in the folder

    >>> Study.load("missing.toml")
    Traceback (most recent call last):
    ...
    sdpbound.errors.InvalidStudy: study file 'missing.toml' does not exist; give the path of a TOML file.
    """

    spec: StudySpec
    text: str
    folder: Path
    shard: tuple[int, int] | None = None
    store: Path | None = None

    @classmethod
    def load(cls, path: str | os.PathLike[str], output: str | os.PathLike[str] | None = None) -> Study:
        """Load a study from its TOML file, from its store (``NAME.sqlite``), or from the folder of its results.

        Parameters
        ----------
        path : the file or folder
        output : for a TOML file, the folder of results; the default is given by :func:`results_of`

        Raises
        ------
        InvalidStudy if the file cannot be read or has a wrong entry, DamagedStore if a store is damaged
        """
        file = Path(path)
        if file.is_dir():
            stores = sorted(file.glob("*.sqlite"))
            if len(stores) != 1:
                found = ", ".join(f"'{s.name}'" for s in stores) or "none"
                raise InvalidStudy(f"folder '{file}' must have one store, NAME.sqlite; found {found}: name the file.")
            file = stores[0]
        if file.suffix != ".sqlite":
            spec, text = read_spec_and_text(file)
            return cls(spec, text, Path(output) if output is not None else _own(results_of(file, spec.name)))
        with Store.read(file) as store:
            saved = store.spec()
        if saved is None:
            raise InvalidStudy(f"store '{file}' has no study in it yet; run its study first.")
        spec = parse_spec(saved[0], f"store '{file}'", file.parent, stored=True)
        return cls(spec, saved[1], file.parent, _shard_of(file, spec.name), file)

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def store_path(self) -> Path:
        """The SQLite file of the results."""
        return self.store or self.folder / f"{shard_name(self.name, self.shard)}.sqlite"

    @property
    def table_path(self) -> Path:
        """The CSV file that a finished run writes."""
        return self.store_path.with_suffix(".csv")

    def prepare_folder(self) -> None:
        """Make the folder, and check that files can be written there.

        Raises InvalidInput if files cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            probe = self.folder / f".{self.name}.{os.getpid()}.probe"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise InvalidInput(
                f"results cannot be written to '{self.folder}': {error.strerror}; choose another output folder."
            ) from None

    @property
    def identity(self) -> str:
        """A hash of all that determines the cells of the study.

        The seal of a store has this name if all cells are stored.
        """
        facts = [self.spec.model_dump(mode="json"), self.shard, NUMERICS]
        return hashlib.blake2b(json.dumps(facts, sort_keys=True).encode(), digest_size=16).hexdigest()

    @cached_property
    def plan(self) -> Plan:
        """The tasks of the study, or of its part.

        Raises InvalidStudy if they are more than a command can go through.
        """
        parts = 1 if self.shard is None else self.shard[1]
        if self.spec.cells > MOST * parts:
            raise InvalidStudy(
                f"study '{self.name}' has {self.spec.family.count} points and {self.spec.cells} numbers"
                + (f", {-(-self.spec.cells // parts)} of them in its part" if self.shard else "")
                + f"; a store has at most {MOST}: use coarser grids, or run at least {-(-self.spec.cells // MOST)} "
                "parts with --shard K/N."
            )
        return Plan(self.spec, self.shard)

    def status(self) -> Status:
        """Return how many cells of the study are done, and how many have failed."""
        if not self.store_path.is_file():
            self.plan.check()
            return Status(self.plan.cells, 0, 0, 0, {}, 0)
        counts: dict[str, list[int]] = {}
        with Store.read(self.store_path) as store:
            for batch in self.batches():
                present = store.present([key for _, keys in batch for key in keys])
                for task, keys in batch:
                    for quantity, key in zip(task.quantities, keys, strict=True):
                        count = counts.setdefault(quantity.identity, [0, 0, 0, 0])
                        status = present.get(key)
                        count[0] += 1
                        count[1] += status not in (None, "failed")
                        count[2] += status == "failed"
                        count[3] += status == "infeasible"
            stored = sum(store.counts().values())
        cells, done, failed, infeasible = (sum(count[i] for count in counts.values()) for i in range(4))
        by_quantity = {name: (c[0], c[1], c[2], c[3]) for name, c in counts.items()}
        return Status(cells, done, failed, infeasible, by_quantity, stored)

    def batches(self) -> Iterator[list[tuple[Task, list[bytes]]]]:
        """Yield the tasks with the keys of their cells, about ``CHUNK`` cells at once."""
        batch: list[tuple[Task, list[bytes]]] = []
        size = 0
        for group in self.plan:
            for task in group:
                keys = cell_keys(task)
                batch.append((task, keys))
                size += len(keys)
            if size >= CHUNK:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def chunks(self) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the stored rows as tuples in the order of the columns.

        The rows come in the order of the study.
        """
        if not self.store_path.is_file():
            raise InvalidStudy(f"there is no store '{self.store_path}': run the study first, or name its folder.")
        name, family = self.name, self.spec.family.of.name
        added = [column.name for column in self.spec.columns]
        with Store.read(self.store_path) as store:
            for batch in self.batches():
                cells = [(task, key) for task, keys in batch for key in keys]
                rows = []
                for index, values in store.rows([key for _, key in cells]):
                    if not fitting(values):
                        raise damaged(
                            self.store_path, f"the row of key {cells[index][1].hex()} has values of wrong types"
                        )
                    try:
                        point, where, numbers = cells[index][0].shown(values[0], added)
                    except InvalidInput as error:
                        about = f"the row of key {cells[index][1].hex()} has no point: {error}"
                        raise damaged(self.store_path, about) from None
                    rows.append((name, point, where, *values[1:], family, *numbers))
                if rows:
                    yield rows

    def facts(self) -> dict[str, Any]:
        """Return the provenance of the numbers.

        The provenance has the study, the runs that computed the numbers, and the versions that write the numbers out.
        """
        with Store.read(self.store_path) as store:
            runs, stored = store.runs(), sum(store.counts().values())
        own: dict[str, Any] = {"study": self.spec.model_dump(mode="json"), "text": self.text}
        if self.spec.columns:
            own["axes"] = entries_of_axes(self.spec.columns)
        return own | environment() | {"runs": runs, "stored": stored}

    def tables(self) -> Iterator[Table]:
        """Yield the stored rows as tables of some thousands, so that a store of any size is read in bounded memory.

        The rows come in the order of the study, each table with the provenance of all. A store without rows gives one
        table without rows.

        Raises InvalidStudy if there is no store, and DamagedStore if it is damaged.
        """
        facts = self.facts()
        columns = table_columns(facts)
        empty = True
        for chunk in self.chunks():
            yield Table(tuple(dict(zip(columns, row, strict=True)) for row in chunk), facts, self.store_path.name)
            empty = False
        if empty:
            yield Table((), facts, self.store_path.name)

    def table(self) -> Table:
        """Return all rows as a table.

        Raises InvalidStudy if the rows do not fit in memory.
        """
        rows: list[Row] = []
        part = Table((), {})
        for part in self.tables():
            rows += part.rows
            if len(rows) > ROWS:
                raise InvalidStudy(
                    f"the table of '{self.store_path}' has more than {ROWS} rows, and no more are held in memory: "
                    "export it as .parquet or .csv, or go through Study.tables()."
                )
        return Table(tuple(rows), part.metadata, part.name)

    def to_pandas(self) -> pandas.DataFrame:
        """Return all rows as a data frame.

        ``attrs["provenance"]`` of the frame has the provenance of the rows.
        """
        return to_pandas(self.chunks(), self.facts())

    def to_arrow(self) -> pyarrow.Table:
        """Return all rows as an Arrow table."""
        return to_arrow(self.chunks(), self.facts())

    def to_xarray(self) -> xarray.Dataset:
        """Return the numbers on the grid of the study, with one variable for each quantity."""
        return to_xarray(self.chunks(), self.facts(), self.spec)

    def export(self, path: str | os.PathLike[str]) -> Path:
        """Write the stored rows as ``.csv`` (with a JSON file beside it), ``.parquet`` or ``.nc``; returns the path."""
        return exports.export(Path(path), self.chunks(), self.facts(), self.spec)


def results_of(file: Path, name: str) -> Path:
    """Return the folder of a study's results: ``results/NAME`` beside its file, whatever the current folder is.

    For a file in a folder called ``studies``, ``results`` is beside that folder. Earlier versions used ``results/NAME``
    of the current folder. That folder is returned if it has a store of this name and the folder beside the file has
    none.
    """
    folder = file.parent
    if folder.resolve().name == "studies":
        folder = folder.parent if folder.name == "studies" else folder / ".."
    beside, here = folder / "results" / name, Path("results") / name
    own = f"{name}*.sqlite"
    return here if any(here.glob(own)) and not any(beside.glob(own)) else beside


def _own(folder: Path) -> Path:
    """Return a default folder of results, after refusing it if a link leads out of the folder that has ``results``.

    The study and this link may come from a stranger, and files of the study's name would be replaced elsewhere.
    """
    base, found = folder.parent.parent.resolve(), folder.resolve()
    if not found.is_relative_to(base):
        raise InvalidInput(
            f"the folder of the results '{folder}' is a link to '{found}', outside of '{base}'; if it is yours, "
            f"name it: --output '{found}'."
        )
    return folder


def shard_name(name: str, shard: tuple[int, int] | None) -> str:
    """Return the name of a part of a study: ``NAME.shard-3-of-64``."""
    return name if shard is None else f"{name}.shard-{shard[0]}-of-{shard[1]}"


def _shard_of(file: Path, name: str) -> tuple[int, int] | None:
    """Return the part of a study that the name of a store tells.

    None means the whole study, or a name the user chose.
    """
    found = re.fullmatch(rf"{re.escape(name)}\.shard-(\d{{1,9}})-of-(\d{{1,9}})", file.stem, re.ASCII)
    if found is None:
        return None
    k, n = int(found[1]), int(found[2])
    return (k, n) if 1 <= k <= n else None
