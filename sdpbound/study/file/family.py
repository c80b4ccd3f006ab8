"""The points of a study: a curve or a grid of the singlet family, or members of another family."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BeforeValidator,
    Discriminator,
    FailFast,
    Field,
    PlainValidator,
    StrictBool,
    Tag,
    model_validator,
)

from sdpbound.adversaries import ADVERSARIES
from sdpbound.bell.families.contours import theta_at_chsh
from sdpbound.study.file.members import Members
from sdpbound.study.file.numbers import Entry, numbers, said
from sdpbound.study.file.product import SINGLET, Distinct, Part, Product, Texts
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
    registered,
    several,
)
from sdpbound.tables.columns import ANGLES

__all__ = ["MODELS", "BestOf", "Curve", "Family", "Grid", "Model"]

MODELS = tuple(ADVERSARIES)
#: The names of adversaries. The schema lists those of this package; a file may also name those of entry points.
Model = Annotated[str, Field(json_schema_extra={"enum": list(MODELS)})]


# -- families of points -------------------------------------------------------------------------------------------

_Singlet = Annotated[
    Literal["singlet"],
    BeforeValidator(choice(("singlet",))),
    Field(description="the family of points: the self-tests of the singlet, expression (2) of arXiv:2309.09650"),
]
_RequireSelfTest = Annotated[StrictBool, Field(description="whether a point where condition (4) fails is an error")]
_OnlySelfTests = Annotated[StrictBool, Field(description="leave out the points where condition (4) fails")]


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
        FailFast(),
        BeforeValidator(several, json_schema_input_type=listed(Model)),
        Distinct,
    ] = Field(default=MODELS, description="the adversaries for which the search is made")


class Curve(Product):
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

    @property
    def settings(self) -> tuple[int, ...]:
        return (2, 2)

    @property
    def names(self) -> tuple[str, ...]:
        return ("s", *ANGLES)

    def at(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the values with theta and omega of the curve.

        Raises InvalidInput if this phi does not reach the CHSH value.
        """
        theta = theta_at_chsh(values["s"], values["phi"])
        return {**values, "theta": theta, "omega": theta + math.pi / 2}


class Grid(Product):
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
    if isinstance(value, Members):
        return "<members>"
    if isinstance(value, dict) and isinstance(value.get("kind"), str) and value["kind"] != SINGLET.name:
        return "<members>"
    return "<curve>" if isinstance(value, (Curve, dict)) and _has(value, "at_chsh") else "<grid>"


def _has(value: Any, key: str) -> bool:
    if isinstance(value, dict):
        return any(difflib.get_close_matches(k, [key], 1, 0.7) for k in value if isinstance(k, str))
    return hasattr(value, key)


Family = Annotated[
    Annotated[Curve, Tag("<curve>")] | Annotated[Grid, Tag("<grid>")] | Annotated[Members, Tag("<members>")],
    Discriminator(_family_tag),
]
