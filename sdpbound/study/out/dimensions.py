"""The dimensions of a study's grid: its free axes, visibility, tested data and adversary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdpbound.adversaries import adversary_named
from sdpbound.errors import InvalidInput
from sdpbound.study.file.noises import NOISE_COLUMNS, Imperfections, noise_columns, without
from sdpbound.study.file.spec import AdversarySettings, Curve, Quantity, StudySpec

__all__ = ["Layout", "integers"]

#: The names of dimensions, and values over them.
Labelled = tuple[tuple[str, ...], NDArray[Any]]


class Layout:
    """The dimensions of a study with their coordinates, and the place along them of each row."""

    def __init__(self, spec: StudySpec) -> None:
        axes = spec.axes()
        self.free = {name: len(values) for name, values in axes.items()}
        branches = spec.family.count // prod(self.free.values())
        if branches > 1:
            self.free["branch"] = branches
        labels = [_label(adversary) for adversary in spec.adversaries]
        fixed = all(isinstance(v, float) for v in spec.visibilities)
        if spec.noises and not fixed:
            raise InvalidInput(
                f"study '{spec.name}' has both noises and derived visibilities, which one grid cannot hold: export it "
                "as .parquet or .csv."
            )
        self.visibility = "noise" if spec.noises else "visibility" if fixed else "visibility_index"
        self.sizes = self.free | {
            self.visibility: len(spec.conditions),
            "observed": len(spec.observed),
            "adversary": len(labels),
        }
        self._noises: dict[tuple[Any, ...], int] = {}
        for i, (v, what) in enumerate(spec.conditions):
            for driven in ("", "visibility", "efficiency"):
                self._noises.setdefault(_noise_of(v, what, driven), i)
        self._observed = {o: i for i, o in enumerate(spec.observed)}
        self._adversaries = {a: i for i, a in enumerate(labels)}
        self._points = spec.family.count
        every = spec.family.of.point_names()
        self._names: dict[str, int] | None = None
        if every is not None:
            self._names = {every[int(next(iter(v.values())))]: i for i, v in enumerate(spec.family.points())}
        self._spec = spec
        self._derived_visibilities: NDArray[np.float64] | None = None
        self.coordinates: dict[str, Labelled] = {name: ((name,), np.array(v)) for name, v in axes.items()}
        self.coordinates |= {"observed": (("observed",), np.array(spec.observed))}
        self.coordinates |= {"adversary": (("adversary",), np.array(labels))}
        if spec.noises:
            self.coordinates |= {name: (("noise",), numbers) for name, numbers in _coordinates(spec).items()}
        elif fixed:
            self.coordinates["visibility"] = (("visibility",), np.array(spec.visibilities))

    def dims(self, quantity: Quantity) -> tuple[str, ...]:
        """Return the dimensions that a quantity depends on."""
        group = quantity.group
        if group == "point":
            return tuple(self.free)
        if group == "expression":
            return (*self.free, "adversary")
        return tuple(self.sizes) if group == "data" else (*self.free, self.visibility, "observed")

    def derive(self) -> None:
        """Add the coordinates that are derived from others."""
        family = self._spec.family
        every = [axis.name for axis in family.of.axes]
        names = [name for name in (*every, *(["s"] if isinstance(family, Curve) else [])) if name not in self.free]
        if self._spec.strategies is not None:
            names = []  # the search of each row finds its own
        if not names and "visibility_index" not in self.sizes:
            return
        found = np.empty((self._points, len(names)))
        visibilities = np.empty((self._points, len(self._spec.visibilities)))
        for i, free in enumerate(family.points()):
            values = family.at(free)
            found[i] = [values[name] for name in names]
            if "visibility_index" in self.sizes:
                visibilities[i] = self._spec.visibilities_at(values)
        for name, numbers in zip(names, found.T, strict=True):
            self.coordinates[name] = self._where_it_varies(numbers)
        if "visibility_index" in self.sizes:
            self._derived_visibilities = visibilities
            self.coordinates["visibility"] = self._where_it_varies(visibilities, "visibility_index")

    def _where_it_varies(self, numbers: NDArray[np.float64], *last: str) -> Labelled:
        """Return numbers at all points, without the free dimensions along which they are constant."""
        numbers = numbers.reshape(*self.free.values(), *(self.sizes[name] for name in last))
        dims: list[str] = []
        for name in self.free:
            first = numbers.take([0], axis=len(dims))
            if (numbers == first).all():
                numbers = first.squeeze(axis=len(dims))
            else:
                dims.append(name)
        return (*dims, *last), numbers

    def places(self, row: Mapping[str, tuple[Any, ...]]) -> dict[str, NDArray[np.int64]]:
        """Return for each row the number of its point, and its places along the other dimensions; -1 for none."""
        if self._names is not None:  # which nothing was added to, and which may have any characters
            point = integers(self._names.get(name, -1) for name in row["point"])
        else:
            try:
                point = integers(int(name.partition("/")[0]) for name in row["point"])
            except ValueError:
                point = np.full(len(row["point"]), -1)
        point[point >= self._points] = -1
        if self._derived_visibilities is None:
            noises = zip(row["visibility"], *(row[name] for name in NOISE_COLUMNS), strict=True)
            visibility = integers(self._noises.get(noise, -1) for noise in noises)
        else:
            match = self._derived_visibilities[point] == np.array(row["visibility"], np.float64)[:, None]
            lost = [v is not None for v in row["visibility"]]  # a row of a critical visibility is at the first place
            visibility = np.where(match.any(axis=1), match.argmax(axis=1), -np.array(lost, np.int64))
        adversaries = zip(row["model"], row["level"], strict=True)
        return {
            "point": point,
            self.visibility: visibility,
            "observed": integers(self._observed.get(o, -1) for o in row["observed"]),
            "adversary": integers(self._adversaries.get(f"{m} {n or ''}".strip(), -1) for m, n in adversaries),
        }


def _noise_of(visibility: Any, what: Any, driven: str = "") -> tuple[Any, ...]:
    """Return the columns of a row that describe its noise.

    For a critical value, its own noise is left out.
    """
    if driven == "visibility":
        visibility = None
    elif driven and what is not None:
        what = without(what, driven)
    return (visibility, *noise_columns(visibility, what, driven).values())


def _coordinates(spec: StudySpec) -> dict[str, NDArray[Any]]:
    """Return the noise along its dimension: its name, and its numbers."""
    rows = [(v, what or Imperfections()) for v, what in spec.conditions if isinstance(v, float)]
    found: dict[str, NDArray[Any]] = {"noise": np.array([what.noise(v).name for v, what in rows])}
    found["visibility"] = np.array([v for v, _ in rows])
    columns = [noise_columns(v, what) for v, what in rows]
    return found | {name: np.array([c[name] for c in columns], np.float64) for name in NOISE_COLUMNS[1:]}


def integers(values: Iterable[int]) -> NDArray[np.int64]:
    return np.fromiter(values, np.int64)


def _label(adversary: AdversarySettings) -> str:
    return f"{adversary.model} {adversary_named(adversary.model, adversary.level).label}".strip()
