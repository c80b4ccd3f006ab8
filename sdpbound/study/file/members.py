"""The points of a study in any family other than the singlet family: a product of the family's axes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, GetJsonSchemaHandler, ValidationInfo, model_serializer, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError, core_schema

from sdpbound.bell.families.behaviour_table import BehaviourTable
from sdpbound.bell.families.family import Family
from sdpbound.bell.families.table import FAMILIES, family_named, structure_names
from sdpbound.errors import InvalidInput
from sdpbound.registry import listed, near
from sdpbound.study.file.expressions import KNOWN, Expression
from sdpbound.study.file.numbers import Entry, FileContext, numbers
from sdpbound.study.file.product import Product
from sdpbound.study.file.strategy import KEY, SCHEMA, StrategySearch, read_strategy_search, some_values
from sdpbound.study.file.tables import TABLE_KEYS, confined, table_from
from sdpbound.study.file.validators import Domain, domain_of, fail, fail_at, nearest, quote
from sdpbound.tables.columns import ANGLES, COLUMNS

__all__ = ["Members"]


#: The names that dimensions of grids have.
TAKEN = ("adversary", "branch", "s", "visibility_index")


class Members(Product):
    """Members of a family: the product of its axes, the first slowest.

    Further keys set the structure of the family. With ``best_of`` there is one point, whose values a search finds for
    each noise and quantity.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    kind: str
    structure: dict[str, Any]
    entries: dict[str, tuple[Entry, ...]]
    family: Family
    best_of: StrategySearch | None = None

    @model_validator(mode="before")
    @classmethod
    def _read(cls, data: Any, info: ValidationInfo) -> Any:
        if not isinstance(data, dict) or isinstance(data.get("family"), Family):
            return data
        name = data["kind"]
        if FAMILIES.find(name) is None:
            names = FAMILIES.names()
            raise fail_at("kind", f"must be {listed(names)}{near(name, names)}".rstrip("."))
        try:
            structure, family, own = _family(name, data, info)
        except InvalidInput as error:
            raise fail(f"cannot be used: {str(error).rstrip('.')}") from None
        said = {key: value for key, value in data.items() if key not in ("kind", KEY) and key not in own}
        found = {"kind": name, "structure": structure, "family": family}
        if KEY not in data:
            return found | {"entries": _entries(family, said, own, info)}
        search = read_strategy_search(data[KEY], family, info)
        for key in said:
            raise fail(
                f"has {quote(key)} and best_of, which searches the axes of the family; leave it out, or give points to "
                "start from: best_of = {near = [..]}"
            )
        return found | {"entries": {}, KEY: search}

    @model_serializer
    def _flat(self) -> dict[str, Any]:
        texts = {
            name: [v.text if isinstance(v, Expression) else v for v in values] for name, values in self.entries.items()
        }
        search = {} if self.best_of is None else {KEY: self.best_of.entry}
        return {"kind": self.kind, **self.structure, **texts, **search}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            "description": "Members of another family, by numbers for its axes; further keys say its structure.",
            "type": "object",
            "properties": {
                "kind": {
                    "description": "the family of points; other packages may add more",
                    "enum": [name for name in FAMILIES if name != "singlet"],
                },
                KEY: SCHEMA,
            },
            "required": ["kind"],
            "additionalProperties": True,
        }

    def own_axes(self) -> dict[str, tuple[str, Domain]]:
        return {axis.name: (axis.name, domain_of(axis)) for axis in self.family.axes if axis.name in self.entries}

    def own_entries(self) -> dict[str, tuple[Entry, ...]]:
        return self.entries

    def at(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the values of a point; where they are searched, some values that say what all members share."""
        return dict(values) if self.best_of is None else some_values(self.family)

    @property
    def of(self) -> Family:
        return self.family


def _family(name: str, data: Mapping[str, Any], info: ValidationInfo) -> tuple[dict[str, Any], Family, tuple[str, ...]]:
    """Return what the file says of a family's structure, the family, and the keys of such structure."""
    kind = FAMILIES.named(name, "kind", InvalidInput)
    context = info.context if isinstance(info.context, FileContext) else FileContext(Path())
    if kind is BehaviourTable:
        return *table_from({key: value for key, value in data.items() if key in TABLE_KEYS}, context), TABLE_KEYS
    known = structure_names(kind)
    given = {key: value for key, value in data.items() if key in known}
    if isinstance(given.get("file"), str):
        given["file"] = str(confined(given["file"], context))
    try:
        return given, family_named(name, **{key: _frozen(value) for key, value in given.items()}), known
    except InvalidInput:
        raise
    except (
        TypeError,
        ValueError,
        AttributeError,
        OverflowError,
    ) as error:  # of a value that the family does not expect
        raise fail(f"cannot be used: {type(error).__name__} {quote(str(error))}") from None


def _frozen(value: Any) -> Any:
    """Return lists as tuples, which the fields of families are."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _entries(
    family: Family, said: Mapping[str, Any], own: tuple[str, ...], info: ValidationInfo
) -> dict[str, tuple[Entry, ...]]:
    """Return the numbers of each axis.

    An axis without numbers has its default.
    """
    names = tuple(axis.name for axis in family.axes)
    for name in names:
        if name in (info.context or {}):
            raise fail(f"has the axis {name!r}, and a constant has this name too; rename the constant")
        if name in KNOWN or name in TAKEN or (name in COLUMNS and name not in ANGLES):
            raise fail(f"has the axis {name!r}, which means something else in studies; rename it in the family")
    for key in said:
        if key not in names:
            allowed = ", ".join(("kind", *own, *names))
            raise fail(
                f"has an unknown key {quote(key)}{nearest(key, names) or ';'} allowed in the family {family.name!r}: "
                f"{allowed}"
            )
    every = family.point_names()
    found: dict[str, tuple[Entry, ...]] = {}
    for axis in family.axes:
        if axis.name in said:
            try:
                found[axis.name] = numbers(domain_of(axis), names)(said[axis.name], info)
            except PydanticCustomError as error:
                raise fail_at(axis.name, error.message()) from None
        elif every is not None:
            found[axis.name] = tuple(map(float, range(len(every))))
        elif axis.default is not None:
            found[axis.name] = (float(axis.default),)
    lacking = [axis for axis in family.axes if axis.name not in found]
    if lacking:
        others = f"; it lacks {', '.join(repr(axis.name) for axis in lacking[1:])} too" if lacking[1:] else ""
        raise fail(f"lacks the key {lacking[0].name!r}, {lacking[0].text}: {lacking[0].range}{others}")
    return found
