"""The tables of noise of a study: numbers of imperfections, or any noise by its kind, and sequences of these."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import (
    ConfigDict,
    Discriminator,
    GetJsonSchemaHandler,
    Tag,
    ValidationInfo,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError, core_schema

from sdpbound.bell.noise.kinds import KINDS, noise_from
from sdpbound.bell.noise.noise import Noise, NoiseSequence
from sdpbound.errors import InvalidInput
from sdpbound.registry import listed as listed_names
from sdpbound.registry import near
from sdpbound.study.file.expressions import Expression
from sdpbound.study.file.noises import Condition, Imperfections, NoiseEntry
from sdpbound.study.file.numbers import Entry, numbers
from sdpbound.study.file.product import Part
from sdpbound.study.file.validators import VISIBILITY, fail, fail_at

__all__ = ["AnyNoise", "few"]

#: Most conditions of one table of noise. All of them are in memory at once.
CONDITIONS = 100_000


class KindEntry(Part):
    """A noise by its kind, such as one of another package.

    A parameter is a number, or several for the product of all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    kind: str
    visibility: tuple[Entry, ...]
    parameters: dict[str, Any]

    @model_validator(mode="before")
    @classmethod
    def _read(cls, data: Any, info: ValidationInfo) -> Any:
        if not isinstance(data, dict) or "parameters" in data:
            return data
        if not isinstance(data["kind"], str) or KINDS.find(data["kind"]) is None:
            names = tuple(KINDS.names())
            raise fail_at("kind", f"must be {listed_names(names)}{near(data['kind'], names)}".rstrip("."))
        try:
            visibility = numbers(VISIBILITY)(data.get("visibility", 1.0), info)
        except PydanticCustomError as error:
            raise fail_at("visibility", error.message()) from None
        given = {key: value for key, value in data.items() if key not in ("kind", "visibility")}
        found = {"kind": data["kind"], "visibility": visibility, "parameters": given}
        try:
            _limited(_size(data["kind"], visibility, given))
            for _ in noises_of(data["kind"], given):
                pass
        except InvalidInput as error:
            says = str(error).rstrip(".")
            if says.startswith("binning = "):
                says += "; a list is several noises here, and one choice for parties is a list in it: [[true, false]]"
            raise fail(f"cannot be used: {says}") from None
        return found

    @model_serializer
    def _flat(self) -> dict[str, Any]:
        visibility = [v.text if isinstance(v, Expression) else v for v in self.visibility]
        return {"kind": self.kind, "visibility": visibility, **self.parameters}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        names = list(KINDS)
        return {
            "description": "A noise by its kind; its parameters are numbers, or lists for the product of all. The "
            "members of a sequence are tables of noises by their kind, in the order in which they happen.",
            "type": "object",
            "properties": {
                "kind": {"description": "the noise; other packages may add more", "type": "string", "enum": names},
                "visibility": {"description": "visibilities of white noise besides"},
            },
            "required": ["kind"],
            "additionalProperties": True,
        }

    @property
    def size(self) -> int:
        """The number of its conditions."""
        return _size(self.kind, self.visibility, self.parameters)

    def conditions(self) -> Iterator[Condition]:
        """Yield the product of all numbers, the last key fastest."""
        for v, noise in itertools.product(self.visibility, noises_of(self.kind, self.parameters)):
            yield v, Imperfections(other=noise)

    @property
    def identity(self) -> str:
        """A text that is the same for two entries with the same meaning."""
        return ", ".join(f"{key} = {value}" for key, value in self.model_dump().items())


def _limited(conditions: int) -> None:
    """Refuse a table of noise with more conditions than are kept in memory."""
    if conditions > CONDITIONS:
        raise fail(f"has the product of its numbers, {conditions}; at most {CONDITIONS} are allowed: use coarser lists")


def _size(kind: str, visibility: tuple[Entry, ...], parameters: Mapping[str, Any]) -> int:
    if kind == NoiseSequence.kind:
        sizes: list[int] = [_size(own, (1.0,), rest) for own, rest in _members(parameters)]
        return len(visibility) * math.prod(sizes)
    return len(visibility) * math.prod(len(v) for v in parameters.values() if isinstance(v, (list, tuple)))


def _members(parameters: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The kind and the parameters of each member of a sequence of noises."""
    members = parameters.get("members")
    if set(parameters) != {"members"} or not isinstance(members, (list, tuple)):
        raise InvalidInput("a sequence has members, a list of tables of noises, and nothing else.")
    found = []
    for member in members:
        if not isinstance(member, Mapping) or not isinstance(member.get("kind"), str):
            raise InvalidInput(
                f"each member of a sequence must be a table of a noise with its kind, not {member!r:.60}."
            )
        if member["kind"] == NoiseSequence.kind:
            raise InvalidInput("a member of a sequence must be a single noise; write its members instead.")
        found.append((member["kind"], {str(key): value for key, value in member.items() if key != "kind"}))
    return found


def few(entries: tuple[AnyNoise, ...]) -> tuple[AnyNoise, ...]:
    """Return tables of noise, after refusing them if they have too many conditions together."""
    _limited(sum(entry.size for entry in entries))
    return entries


def noises_of(kind: str, parameters: Mapping[str, Any]) -> Iterator[Noise]:
    """Yield a noise for each member of the product of its parameters.

    A list in a list has one number for each setting. Of a sequence it is the product over its members.
    """
    if kind == NoiseSequence.kind:
        for members in itertools.product(*(list(noises_of(own, rest)) for own, rest in _members(parameters))):
            yield NoiseSequence(members)
        return
    lists = [value if isinstance(value, (list, tuple)) else [value] for value in parameters.values()]
    for values in itertools.product(*lists):
        own = {key: tuple(v) if isinstance(v, list) else v for key, v in zip(parameters, values, strict=True)}
        yield noise_from({"kind": kind, **own})


def _entry_tag(value: object) -> str:
    by_kind = isinstance(value, KindEntry) or (isinstance(value, dict) and "kind" in value)
    return "<kind>" if by_kind else "<imperfections>"


AnyNoise = Annotated[
    Annotated[NoiseEntry, Tag("<imperfections>")] | Annotated[KindEntry, Tag("<kind>")], Discriminator(_entry_tag)
]
