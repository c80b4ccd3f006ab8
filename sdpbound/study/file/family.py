"""The points of a study: products of axes of numbers, and of what is derived from them."""

from __future__ import annotations

import difflib
import itertools
import math
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    PlainValidator,
    StrictBool,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

from sdpbound.adversaries import ADVERSARIES
from sdpbound.study.file.expressions import Expression, dependency_order
from sdpbound.study.file.numbers import Entry, distinct, evaluated, numbers, said
from sdpbound.study.file.validators import (
    ANGLE,
    CHSH,
    CURVE_PHI,
    PHI,
    Domain,
    choice,
    fail,
    integer,
    listed,
    named,
    nearest,
    quote,
    registered,
    several,
)

__all__ = ["ANGLES", "MODELS", "BestOf", "Curve", "Distinct", "Family", "Grid", "Model", "Part", "Texts"]

MODELS = tuple(ADVERSARIES)
#: The names of adversaries: the schema lists those of this package, a file may name those of entry points too.
Model = Annotated[str, Field(json_schema_extra={"enum": list(MODELS)})]
ANGLES = ("theta", "phi", "omega")
#: No two equal entries; expressions are written as their text.
Distinct = AfterValidator(distinct)
Texts = PlainSerializer(lambda found: [v.text if isinstance(v, Expression) else v for v in found], list[float | str])


class Part(BaseModel):
    """A table of the file; a key it does not know is an error that names the nearest one."""

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


# -- families of points -------------------------------------------------------------------------------------------

_Singlet = Annotated[
    Literal["singlet"],
    BeforeValidator(choice(("singlet",))),
    Field(description="the family of points: the self-tests of the singlet, expression (2) of arXiv:2309.09650"),
]
_RequireSelfTest = Annotated[StrictBool, Field(description="whether a point where condition (4) fails is an error")]
_OnlySelfTests = Annotated[StrictBool, Field(description="leave out the points where condition (4) fails")]


class _Family(Part):
    """Axes whose product, with what is derived from them, are the points."""

    #: The key and the domain of each axis, by the name it has in expressions; the slowest axis first.
    _AXES: ClassVar[dict[str, tuple[str, Domain]]]

    def _entries(self) -> dict[str, tuple[Entry, ...]]:
        return {name: getattr(self, key) for name, (key, _) in self._AXES.items()}

    @model_validator(mode="after")
    def _no_cycle(self) -> _Family:
        try:
            dependency_order(self._entries())
        except ValueError as error:
            raise fail(f"has {error}; give at least one of its axes as numbers") from None
        return self

    @property
    def count(self) -> int:
        """Number of points."""
        return math.prod(map(len, self._entries().values()))

    def axes(self) -> dict[str, tuple[float, ...]]:
        """The free axes and their numbers, the slowest first: those that no expression derives from others."""
        return {
            name: tuple(v for v in entries if not isinstance(v, Expression))
            for name, entries in self._entries().items()
            if not any(isinstance(v, Expression) for v in entries)
        }

    def points(self) -> Iterator[dict[str, float]]:
        """The values of each point by name: the product of the free axes, and at each of its points the derived ones.

        Raises
        ------
        InvalidStudy
            Where a derived value does not exist or leaves its range.
        """
        free, entries = self.axes(), self._entries()
        derived = [
            (name, entries[name], f"family.{self._AXES[name][0]}", self._AXES[name][1])
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


_Contour = Annotated[int, Field(ge=1, le=10_000)]


class BestOf(Part):
    """Which further members of a CHSH value are searched for the best one."""

    contour: Annotated[
        int,
        BeforeValidator(integer(1, 10_000), json_schema_input_type=_Contour),
    ] = Field(description="points along each contour of equal CHSH value")
    phi: Annotated[
        tuple[float, ...],
        BeforeValidator(numbers(PHI, empty=True), json_schema_input_type=said(PHI)),
    ] = Field(default=(), description="the contours, by their phi in radians, besides that of the point's phi")
    models: Annotated[
        tuple[Annotated[Model, BeforeValidator(registered(ADVERSARIES))], ...],
        BeforeValidator(several, json_schema_input_type=listed(Model)),
        Distinct,
    ] = Field(default=MODELS, description="the adversaries for which the search is made")


class Curve(_Family):
    """Members of the singlet family on the curve omega = theta + pi/2, by phi and their ideal CHSH value."""

    _AXES: ClassVar[dict[str, tuple[str, Domain]]] = {"phi": ("phi", CURVE_PHI), "s": ("at_chsh", CHSH)}

    kind: _Singlet
    at_chsh: Annotated[
        tuple[Entry, ...],
        PlainValidator(numbers(CHSH, ("s", "phi")), json_schema_input_type=said(CHSH)),
        Texts,
    ] = Field(description="ideal CHSH values, called s in expressions; may be derived from phi")
    phi: Annotated[
        tuple[Entry, ...],
        PlainValidator(numbers(CURVE_PHI, ("s", "phi")), json_schema_input_type=said(CURVE_PHI)),
        Texts,
    ] = Field(description="angles phi in radians; may be derived from the CHSH value s")
    best_of: (
        Annotated[
            BestOf, BeforeValidator(named("contour"), json_schema_input_type=BestOf | Annotated[int, Field(ge=1)])
        ]
        | None
    ) = Field(default=None, description="search other members of the same CHSH value for better ones")
    require_self_test: _RequireSelfTest = False

    @model_validator(mode="before")
    @classmethod
    def _one_kind(cls, data: Any) -> Any:
        if isinstance(data, dict) and "at_chsh" in data:
            for key in ("theta", "omega"):
                if key in data:
                    raise fail(f"has both at_chsh and {key}; give at_chsh and phi, or theta, phi and omega")
        return data


class Grid(_Family):
    """Members of the singlet family on the product of three axes; omega varies fastest."""

    _AXES: ClassVar[dict[str, tuple[str, Domain]]] = {name: (name, ANGLE) for name in ANGLES}

    kind: _Singlet
    theta: Annotated[
        tuple[Entry, ...], PlainValidator(numbers(ANGLE, ANGLES), json_schema_input_type=said(ANGLE)), Texts
    ] = Field(description="angles theta in radians; may be derived from the others")
    phi: Annotated[
        tuple[Entry, ...], PlainValidator(numbers(ANGLE, ANGLES), json_schema_input_type=said(ANGLE)), Texts
    ] = Field(description="angles phi in radians; may be derived from the others")
    omega: Annotated[
        tuple[Entry, ...], PlainValidator(numbers(ANGLE, ANGLES), json_schema_input_type=said(ANGLE)), Texts
    ] = Field(description='angles omega in radians; may be derived from the others, as in "theta + pi/2"')
    require_self_test: _RequireSelfTest = False
    only_self_tests: _OnlySelfTests = False

    @model_validator(mode="after")
    def _one_wish(self) -> Grid:
        if self.require_self_test and self.only_self_tests:
            raise fail("has both require_self_test and only_self_tests; say which: an error, or left out")
        return self


def _family_tag(value: object) -> str:
    return "<curve>" if isinstance(value, (Curve, dict)) and _has(value, "at_chsh") else "<grid>"


def _has(value: Any, key: str) -> bool:
    if isinstance(value, dict):
        return any(difflib.get_close_matches(k, [key], 1, 0.7) for k in value if isinstance(k, str))
    return hasattr(value, key)


Family = Annotated[Annotated[Curve, Tag("<curve>")] | Annotated[Grid, Tag("<grid>")], Discriminator(_family_tag)]
