"""Parts of a study file, and products of axes of numbers with values that expressions derive from them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer, model_validator
from pydantic_core import PydanticCustomError

from sdpbound.bell.families.family import Family
from sdpbound.bell.families.singlet_family import Singlet
from sdpbound.study.file.expressions import Expression, dependency_order
from sdpbound.study.file.numbers import Entry, distinct, evaluated
from sdpbound.study.file.validators import Domain, fail, nearest, quote

__all__ = ["SINGLET", "Distinct", "Part", "Product", "Texts"]

#: The family of grids and curves of angles.
SINGLET = Singlet()
#: Refuses two equal entries.
Distinct = AfterValidator(distinct)
Texts = PlainSerializer(lambda found: [v.text if isinstance(v, Expression) else v for v in found], list[float | str])


class Part(BaseModel):
    """A table of the file.

    A key that it does not know is an error, which names the nearest known key.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if isinstance(data, dict):
            for key in data:
                if key not in cls.model_fields:
                    allowed = ", ".join(cls.model_fields)
                    hint = nearest(key, cls.model_fields) or ";"
                    raise PydanticCustomError(
                        "unknown_key",
                        "unknown key {key}{hint} allowed here: {allowed}",
                        {"key": quote(key), "hint": hint, "allowed": allowed},
                    )
        return data


# -- points ---------------------------------------------------------------------------------------------------------


class Product(Part):
    """Axes whose product gives the points, together with the values that expressions derive."""

    #: The key and the domain of each axis, by its name in expressions. The slowest axis is first.
    _AXES: ClassVar[dict[str, tuple[str, Domain]]] = {}

    def own_axes(self) -> dict[str, tuple[str, Domain]]:
        """Return the key and the domain of each axis, by its name in expressions.

        The slowest axis is first.
        """
        return self._AXES

    def own_entries(self) -> dict[str, tuple[Entry, ...]]:
        """Return the entries that the file has for each axis."""
        return {name: getattr(self, key) for name, (key, _) in self._AXES.items()}

    @property
    def of(self) -> Family:
        """The family whose members the points are."""
        return SINGLET

    @property
    def settings(self) -> tuple[int, ...] | None:
        """The numbers of settings of the parties; None if they differ from point to point."""
        entries = self.own_entries()
        if any(axis.whole and len(entries[axis.name]) > 1 for axis in self.of.axes if axis.name in entries):
            return None
        return self.of.scenario(self.at(next(self.points()))).settings

    @property
    def names(self) -> tuple[str, ...]:
        """The names that expressions of a point may mention."""
        return tuple(self.own_axes())

    def at(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the values of a point for all axes of its family, from the values of the product."""
        return dict(values)

    @model_validator(mode="after")
    def _no_cycle(self) -> Product:
        try:
            dependency_order(self.own_entries())
        except ValueError as error:
            raise fail(f"has {error}; give at least one of its axes as numbers") from None
        return self

    @property
    def count(self) -> int:
        """Number of points."""
        return math.prod(map(len, self.own_entries().values()))

    def axes(self) -> dict[str, tuple[float, ...]]:
        """Return the free axes and their numbers, the slowest first.

        No expression derives a free axis from others.
        """
        return {
            name: tuple(v for v in entries if not isinstance(v, Expression))
            for name, entries in self.own_entries().items()
            if not any(isinstance(v, Expression) for v in entries)
        }

    def points(self) -> Iterator[dict[str, float]]:
        """Yield the values of each point by name: those of the product of the free axes, and the derived ones.

        Raises
        ------
        InvalidStudy
            A derived value does not exist or leaves its range.
        """
        free, entries, own = self.axes(), self.own_entries(), self.own_axes()
        derived = [
            (name, entries[name], f"family.{own[name][0]}", own[name][1])
            for name in dependency_order(entries)
            if name not in free
        ]
        names = tuple(free)
        for combination in itertools.product(*free.values()):
            point = dict(zip(names, combination, strict=True))
            if not derived:
                yield point
                continue
            points = [point]
            for name, values, key, domain in derived:
                points = [p | {name: value} for p in points for value in evaluated(key, values, domain, p)]
            yield from points
