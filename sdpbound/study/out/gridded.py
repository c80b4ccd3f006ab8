"""Studies as labelled grids: an xarray data set, and NetCDF files."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sdpbound.errors import InvalidInput
from sdpbound.study.file.spec import Curve, Quantity, StudySpec
from sdpbound.study.out.dimensions import Layout, integers
from sdpbound.study.out.labels import SIDES, quantity_label
from sdpbound.tables.columns import ANGLES, COLUMN_NOTES, by_column, numbers_of, table_columns
from sdpbound.tables.files import as_json, needed, replacing
from sdpbound.tables.provenance import Summary, described

if TYPE_CHECKING:
    import xarray

__all__ = ["to_xarray", "write_netcdf"]

#: Most numbers in a data set, which are some gigabytes.
LIMIT = 200_000_000

Chunks = Iterable[Sequence[tuple[Any, ...]]]
_NOTES = {name: (note.unit, note.text) for name, note in COLUMN_NOTES.items()} | {
    "s": ("1", "CHSH value of the noiseless correlations"),
    "branch": ("1", "number of the point among those derived from the same free values"),
    "adversary": ("", "model of the adversary, with the level of the hierarchy"),
}


def to_xarray(chunks: Chunks, facts: Mapping[str, Any], spec: StudySpec) -> xarray.Dataset:
    """Return rows on the grid of their study.

    Dimensions are the free axes of the family (theta, phi, omega; or phi and the CHSH value s), then visibility,
    observed and adversary. Derived angles and visibilities are coordinates over the dimensions along which they vary.
    Where derived lists give several points for the same free values, the dimension ``branch`` numbers these points.
    With derived visibilities, the dimension of the visibilities is ``visibility_index``.

    Each quantity is a variable named with its settings, such as ``key_rate_x0_y0``, over the dimensions it depends on.
    The variables ``_margin``, ``_sdp_value``, ``_seconds`` and ``_status`` stand beside it. A value that a search found
    is in ``_best`` where it is better than the value at the point itself. ``_best_theta``, ``_best_phi`` and
    ``_best_omega`` are its place. Where strategies are searched, the values of all axes stand beside each quantity,
    such as ``_theta`` and ``_a0``. A number that is not computed or does not exist is NaN; its status is empty,
    "infeasible" or "failed".
    """
    as_json(facts)  # a provenance that cannot be written is refused before the work
    needed("xarray")
    names = table_columns(facts)
    grid, summary = _Grid(spec, tuple(names)), Summary()
    for chunk in filter(None, chunks):
        columns = by_column(chunk, names)
        summary.add(columns)
        grid.take(columns)
    return grid.dataset(described(facts, summary))


def write_netcdf(path: str | os.PathLike[str], chunks: Chunks, facts: Mapping[str, Any], spec: StudySpec) -> Path:
    """Write the data set of :func:`to_xarray` as a compressed NetCDF-4 file."""
    target = Path(path)
    for package in ("h5py", "h5netcdf"):
        needed(package)
    with replacing(target) as (output,):
        data = to_xarray(chunks, facts, spec)
        encoding: dict[Any, dict[str, Any]] = {}
        for name, variable in data.variables.items():
            if name in data.coords:
                encoding[name] = {} if variable.dtype.kind == "U" else {"_FillValue": None}
            else:
                # texts are stored as characters, because texts of variable length are not compressed
                kind = {"dtype": "S1"} if variable.dtype.kind == "U" else {"fletcher32": True}
                encoding[name] = {"zlib": True, "complevel": 4, "shuffle": True, **kind}
        output.write(data.to_netcdf(engine="h5netcdf", encoding=encoding))
    return target


# -- variables ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Variable:
    """A quantity, at its point or at the best one, and the dimensions that it depends on.

    ``alone`` says that the study has the quantity with one choice of options only. ``place`` are the columns of the
    values that a search found.
    """

    quantity: Quantity
    best: bool
    dims: tuple[str, ...]
    size: int
    alone: bool
    place: tuple[str, ...]

    @property
    def name(self) -> str:
        settings = (("x", self.quantity.x), ("y", self.quantity.y))
        text = "".join(f"_{name}{value}" for name, value in settings if value is not None)
        if self.quantity.rounds is not None:
            text += f"_n{self.quantity.rounds:.15g}"
        if self.quantity.options and not self.alone:
            text += "_" + re.sub(r"[^A-Za-z0-9.]+", "_", self.quantity.options)
        return self.quantity.name + text + ("_best" if self.best else "")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns with numbers."""
        return (*numbers_of(self.quantity.group), *self.place)


class _Grid:
    """The arrays of a study, filled row by row."""

    def __init__(self, spec: StudySpec, names: tuple[str, ...]) -> None:
        self._spec = spec
        self._names = names
        self._layout = Layout(spec)
        self._variables = {
            (v.quantity.name, v.quantity.x, v.quantity.y, v.quantity.rounds, v.quantity.options, v.best): v
            for v in self._all()
        }
        needs = sum(v.size * (len(v.columns) + 1) for v in self._variables.values())
        if needs > LIMIT:
            raise InvalidInput(
                f"study '{spec.name}' has {needs} numbers on its grid, and at most {LIMIT} are put in one: "
                "export it as .parquet or .csv."
            )
        self._layout.derive()
        self._numbers = {k: {c: np.full(v.size, np.nan) for c in v.columns} for k, v in self._variables.items()}
        self._status = {k: np.zeros(v.size, np.int16) for k, v in self._variables.items()}
        self._statuses: dict[str | None, int] = {None: 0}

    def _all(self) -> Iterator[_Variable]:
        searched = isinstance(self._spec.family, Curve) and self._spec.family.best_of is not None
        axes = tuple(axis.name for axis in self._spec.family.of.axes)
        place = () if self._spec.strategies is None else axes
        same = Counter((q.name, q.x, q.y, q.rounds) for q in self._spec.quantities)
        for quantity in self._spec.quantities:
            alone = same[quantity.name, quantity.x, quantity.y, quantity.rounds] == 1
            dims = self._layout.dims(quantity)
            size = prod(self._layout.sizes[name] for name in dims)
            yield _Variable(quantity, False, dims, size, alone, place)
            if searched and quantity.group == "data":
                yield _Variable(quantity, True, dims, size, alone, ANGLES)

    def take(self, columns: Sequence[tuple[Any, ...]]) -> None:
        """Put rows in their places.

        Raises InvalidInput if the study has no place for a row.
        """
        row = dict(zip(self._names, columns, strict=True))
        places = self._layout.places(row)
        numbers: dict[str, NDArray[np.float64]] = {}
        statuses = integers(self._statuses.setdefault(s, len(self._statuses)) for s in row["status"])
        members: dict[tuple[Any, ...], list[int]] = {}
        keys = zip(*(row[name] for name in ("quantity", "x", "y", "rounds", "options", "where")), strict=True)
        for i, (*key, where) in enumerate(keys):
            members.setdefault((*key, where == "best"), []).append(i)
        for variable_key, rows in members.items():
            at = np.array(rows)
            variable = self._variables.get(variable_key)
            if variable is None:
                raise self._misplaced(row, rows[0])
            place = lost = places["point"][at]
            for name in variable.dims[len(self._layout.free) :]:
                place = place * self._layout.sizes[name] + places[name][at]
                lost = np.minimum(lost, places[name][at])
            if lost.min() < 0:
                raise self._misplaced(row, rows[int(lost.argmin())])
            for column, array in self._numbers[variable_key].items():
                if column not in numbers:
                    numbers[column] = np.array(row[column], np.float64)  # None becomes NaN
                array[place] = numbers[column][at]
            self._status[variable_key][place] = statuses[at]

    def _misplaced(self, row: Mapping[str, tuple[Any, ...]], i: int) -> InvalidInput:
        names = ("point", "visibility", "noise", "observed", "model", "level", "quantity", "x", "y", "options")
        shown = ", ".join(f"{name} {row[name][i]}" for name in names if row[name][i] is not None)
        return InvalidInput(f"study '{self._spec.name}' has no place for the row of {shown}; give its own study.")

    def dataset(self, content: Mapping[str, Any]) -> xarray.Dataset:
        """Return the data set of all rows, with its labels."""
        notes = _notes(self._spec)
        texts = np.array(["" if s is None else s for s in self._statuses])
        variables: dict[str, Any] = {}
        for key, variable in self._variables.items():
            shape = [self._layout.sizes[name] for name in variable.dims]
            beside = {c: _beside(variable, c) for c in (*variable.columns, "status")}
            for column, numbers in self._numbers[key].items():
                attributes = _attributes(variable, column, notes[column])
                if column == "value":
                    attributes["ancillary_variables"] = " ".join(n for c, n in beside.items() if c != "value")
                variables[beside[column]] = (variable.dims, numbers.reshape(shape), attributes)
            status = texts[self._status[key]].reshape(shape)
            variables[beside["status"]] = (variable.dims, status, _attributes(variable, "status", notes["status"]))
        coordinates = {name: (*values, _about(*notes[name])) for name, values in self._layout.coordinates.items()}
        runs = [run for run in content.get("runs", ()) if run.get("started")]
        attributes = {
            "Conventions": "CF-1.8",
            "title": self._spec.title or self._spec.name,
            "source": f"study {self._spec.name}, sdpbound {content['sdpbound']}",
            "history": "\n".join(f"{run['started']} computed by sdpbound {run.get('sdpbound')}" for run in runs),
            "sdpbound": as_json(content),
        }
        dataset: xarray.Dataset = needed("xarray").Dataset(variables, coordinates, attributes)
        return dataset


def _beside(variable: _Variable, column: str) -> str:
    return variable.name if column == "value" else f"{variable.name}_{column}"


def _notes(spec: StudySpec) -> dict[str, tuple[str, str]]:
    return _NOTES | {axis.name: (axis.unit, axis.text) for axis in spec.family.of.axes}


def _attributes(variable: _Variable, column: str, note: tuple[str, str]) -> dict[str, Any]:
    quantity = variable.quantity
    label = quantity_label({"quantity": quantity.name, "x": quantity.x, "y": quantity.y, "options": quantity.options})
    label += " at the best point found with the same CHSH value" if variable.best else ""
    unit, text = note
    if column == "value":
        text = label
    elif column not in variable.place:
        text = f"{text} ({label})"
    if " or " in unit:  # the unit then depends on the quantity
        unit = quantity.kind.unit
    side = {"side": SIDES[quantity.side]} if column in ("value", "sdp_value") else {}
    return _about(unit, text) | side


def _about(unit: str, text: str) -> dict[str, str]:
    return {"long_name": text} | ({"units": unit} if unit else {})
