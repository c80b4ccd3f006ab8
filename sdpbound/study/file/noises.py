"""The noise of a study beyond visibilities: detectors, dephasing, misalignment, and products of their values."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    PlainValidator,
    SerializerFunctionWrapHandler,
    Tag,
    ValidationInfo,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError, core_schema

from sdpbound.bell.noise.kinds import KINDS, noise_from
from sdpbound.bell.noise.measurements import DetectionInefficiency, Misalignment
from sdpbound.bell.noise.noise import Noise, NoiseSequence
from sdpbound.bell.noise.state import Dephasing, WhiteNoise
from sdpbound.errors import InvalidInput
from sdpbound.registry import listed as listed_names
from sdpbound.registry import near
from sdpbound.study.file.expressions import Expression
from sdpbound.study.file.numbers import Entry, distinct, number, numbers, said, said_one
from sdpbound.study.file.product import Part, Texts
from sdpbound.study.file.validators import EFFICIENCY, FLIP, TURN, VISIBILITY, Domain, choice, fail, fail_at
from sdpbound.tables.columns import NOISES

__all__ = [
    "NOISE_COLUMNS",
    "AnyNoise",
    "Condition",
    "Imperfections",
    "NoiseEntry",
    "noise_columns",
    "without",
]

Axis = Literal["x", "y", "z"]
_AXES: tuple[Axis, ...] = ("x", "y", "z")


def _as_noise(value: Noise | dict[str, Any] | None) -> Noise | None:
    """A noise, also from the plain data in which a task is sent to another process."""
    return value if value is None or isinstance(value, Noise) else noise_from(value)


OfSettings = float | tuple[float, ...]
Other = Annotated[
    Noise | None, PlainValidator(_as_noise), PlainSerializer(lambda noise: None if noise is None else noise.to_dict())
]


@dataclass(frozen=True, slots=True)
class Imperfections:
    """What else than white noise the devices have; plain data.

    Attributes
    ----------
    efficiency : of all detectors; no click is outcome 0
    dephasing : probability of a phase flip of each qubit
    axis : about which it dephases: "z" is perpendicular to the plane of the measurements
    misalignment : angle by which Alice's measurements are turned in their plane, in radians
    efficiency_a, efficiency_b : of Alice's and Bob's detectors, where they or their settings differ: a number, or one
        for each setting
    dephasing_a, dephasing_b : of Alice's and Bob's qubit, where they differ
    misalignment_a, misalignment_b : of Alice's and Bob's measurements, where Bob's are turned too or the settings
        differ: a number, or one for each setting
    other : a further noise
    """

    efficiency: float = 1.0
    dephasing: float = 0.0
    axis: str = "z"
    misalignment: float = 0.0
    efficiency_a: OfSettings | None = None
    efficiency_b: OfSettings | None = None
    dephasing_a: float | None = None
    dephasing_b: float | None = None
    misalignment_a: OfSettings | None = None
    misalignment_b: OfSettings | None = None
    other: Other = None

    def noise(self, visibility: float) -> Noise:
        """The noise of these devices on a state of some visibility."""
        return _noise(self, visibility)

    def name(self, visibility: float | None) -> str | None:
        """Its stable name; None for white noise alone."""
        if self == _NONE:
            return None
        return _noise(self, 1.0 if visibility is None else visibility).name

    @property
    def meaning(self) -> dict[str, Any]:
        """All that gives it its meaning, as plain data; without what is not there, but for what every noise has."""
        found: dict[str, Any] = {}
        for name in _FIELDS:
            value = getattr(self, name)
            if name in PARTIES and value is None:
                continue
            found[name] = [float(v).hex() for v in value] if isinstance(value, tuple) else value
            if isinstance(value, (int, float)):
                found[name] = float(value).hex()
        if self.other is not None:
            found["other"] = self.other.to_dict()
        return found

    def numbers(self) -> dict[str, float]:
        """Its numbers that no column of every table has, by name."""
        found = {name: getattr(self, name) for name in PARTIES}
        for kind in ("efficiency", "dephasing"):
            if found[f"{kind}_a"] is None:
                found[f"{kind}_a"] = found[f"{kind}_b"] = getattr(self, kind)
        if found["misalignment_a"] is None:
            found["misalignment_a"], found["misalignment_b"] = self.misalignment, 0.0
        found |= self._others()
        return {name: float(value) for name, value in found.items() if isinstance(value, (int, float))}

    def _others(self) -> dict[str, Any]:
        """The numbers of the further noise, named with its kind."""
        found: dict[str, Any] = {}
        for part in () if self.other is None else self.other.parts:
            own = {k: v for k, v in part.to_dict().items() if k != "kind" and not isinstance(v, bool)}
            found |= {f"{part.kind}_{name}": value for name, value in own.items()}
        return found

    @property
    def added(self) -> tuple[str, ...]:
        """The names of its numbers for which a table needs columns of their own."""
        kinds = [kind for kind in ("efficiency", "dephasing", "misalignment") if self.shared(kind) is None]
        own = self._others()
        return tuple(name for name in self.numbers() if name in own or name.rpartition("_")[0] in kinds)

    def shared(self, kind: str) -> float | None:
        """An imperfection that both parties have, or of misalignment that Alice has in all settings; None for none."""
        return None if getattr(self, f"{kind}_a") is not None else float(getattr(self, kind))


#: The numbers of one party, in the order of the columns that they get.
PARTIES = ("efficiency_a", "efficiency_b", "dephasing_a", "dephasing_b", "misalignment_a", "misalignment_b")
_FIELDS = ("efficiency", "dephasing", "axis", "misalignment", *PARTIES)
_NONE = Imperfections()
#: A visibility, or an expression for it, and what else there is.
Condition = tuple[Entry, Imperfections | None]


@lru_cache(maxsize=4096)
def _noise(what: Imperfections, visibility: float) -> Noise:
    parts: list[Noise] = [] if visibility == 1.0 and what != _NONE else [WhiteNoise(visibility)]
    of_stage: dict[str, list[Noise]] = {"state": [], "measurement": [], "detector": []}
    if what.dephasing_a is not None:
        of_stage["state"].append(Dephasing(what.dephasing_a, what.dephasing_b, axis=what.axis))
    elif what.dephasing:
        of_stage["state"].append(Dephasing(what.dephasing, axis=what.axis))
    if what.misalignment_a is not None:
        of_stage["measurement"].append(Misalignment(what.misalignment_a, what.misalignment_b or 0.0))
    elif what.misalignment:
        of_stage["measurement"].append(Misalignment(what.misalignment, 0.0))
    if what.efficiency_a is not None:
        of_stage["detector"].append(DetectionInefficiency(what.efficiency_a, what.efficiency_b))
    elif what.efficiency != 1.0:
        of_stage["detector"].append(DetectionInefficiency(what.efficiency))
    for part in () if what.other is None else what.other.parts:
        of_stage[part.stage].append(part)
    for stage in of_stage.values():
        parts += stage
    return parts[0] if len(parts) == 1 else NoiseSequence(tuple(parts))


#: The columns of a table that say what the noise is, besides the visibility.
NOISE_COLUMNS = NOISES


def noise_columns(visibility: float | None, what: Imperfections | None, driven: str = "") -> dict[str, Any]:
    """Of a row the columns of its noise: all empty for white noise alone; empty also where a critical value stands."""
    if what is None:
        return dict.fromkeys(NOISE_COLUMNS)
    own = {"noise": what.name(visibility)} | {name: what.shared(name) for name in NOISE_COLUMNS[1:]}
    return own | ({driven: None} if driven in own else {})


def imperfect(
    efficiency: float, dephasing: float, axis: str, misalignment: float, own: dict[str, Any]
) -> Imperfections:
    """Imperfections of both parties, and of each where they differ; what means the same is the same."""
    found: dict[str, Any] = {"efficiency": efficiency, "dephasing": dephasing, "misalignment": misalignment}
    for kind, rest in (("efficiency", efficiency), ("dephasing", dephasing), ("misalignment", 0.0)):
        a, b = own[f"{kind}_a"], own[f"{kind}_b"]
        if a is None and b is None:
            continue
        a = found[kind] if a is None else a
        b = rest if b is None else b
        same = b == 0.0 if kind == "misalignment" else a == b
        if same and isinstance(a, float):
            found[kind] = a
        else:
            found |= {kind: getattr(_NONE, kind), f"{kind}_a": a, f"{kind}_b": b}
    dephased = found["dephasing"] or found.get("dephasing_a") or found.get("dephasing_b")
    return Imperfections(**found, axis=axis if dephased else "z")


def _per_setting(domain: Domain) -> Callable[[object, ValidationInfo], tuple[OfSettings, ...]]:
    """A reader of numbers, each of which may be a list with one for each setting."""

    def read(value: object, info: ValidationInfo) -> tuple[OfSettings, ...]:
        if isinstance(value, (list, tuple)) and any(isinstance(entry, (list, tuple)) for entry in value):
            one = number(domain)
            rows: list[OfSettings] = []
            for entry in value:
                many = isinstance(entry, (list, tuple))
                rows.append(tuple(one(of_setting, info) for of_setting in entry) if many else one(entry, info))
            return distinct(tuple(rows))
        found = numbers(domain, empty=True)(value, info)
        return tuple(float(entry) for entry in found)  # type: ignore[arg-type]

    return read


#: Numbers of one party, none where both have the same.
_Flips = Annotated[
    tuple[Entry, ...], PlainValidator(numbers(FLIP, empty=True), json_schema_input_type=said(FLIP)), Texts
]
_Lists = PlainSerializer(lambda found: [list(v) if isinstance(v, tuple) else v for v in found], list[Any])
_Turns = Annotated[
    tuple[OfSettings, ...],
    _Lists,
    PlainValidator(_per_setting(TURN), json_schema_input_type=said(TURN) | list[said_one(TURN) | list[said_one(TURN)]]),  # type: ignore[misc]
]
_Efficiencies = Annotated[
    tuple[OfSettings, ...],
    _Lists,
    PlainValidator(
        _per_setting(EFFICIENCY),
        json_schema_input_type=said(EFFICIENCY) | list[said_one(EFFICIENCY) | list[said_one(EFFICIENCY)]],  # type: ignore[misc]
    ),
]


class NoiseEntry(Part):
    """A kind of noise; where a key has several numbers, the product of all of them."""

    visibility: Annotated[
        tuple[Entry, ...], PlainValidator(numbers(VISIBILITY), json_schema_input_type=said(VISIBILITY)), Texts
    ] = Field(default=(1.0,), description="visibilities under white noise")
    efficiency: Annotated[
        tuple[Entry, ...], PlainValidator(numbers(EFFICIENCY), json_schema_input_type=said(EFFICIENCY)), Texts
    ] = Field(default=(1.0,), description="efficiencies of all detectors; no click is outcome 0")
    dephasing: Annotated[tuple[Entry, ...], PlainValidator(numbers(FLIP), json_schema_input_type=said(FLIP)), Texts] = (
        Field(default=(0.0,), description="probabilities of a phase flip of each qubit")
    )
    axis: Annotated[Axis, BeforeValidator(choice(_AXES))] = Field(
        default="z", description='axis of the dephasing: "z" is perpendicular to the plane of the measurements'
    )
    misalignment: Annotated[
        tuple[Entry, ...], PlainValidator(numbers(TURN), json_schema_input_type=said(TURN)), Texts
    ] = Field(default=(0.0,), description="angles in radians by which Alice's measurements are turned")

    efficiency_a: _Efficiencies = Field(
        default=(), description="of Alice's detectors, where Bob's differ; a list in the list has one for each setting"
    )
    efficiency_b: _Efficiencies = Field(
        default=(), description="of Bob's detectors, where Alice's differ; a list in the list has one for each setting"
    )
    dephasing_a: _Flips = Field(default=(), description="of Alice's qubit, where Bob's differs")
    dephasing_b: _Flips = Field(default=(), description="of Bob's qubit, where Alice's differs")
    misalignment_a: _Turns = Field(
        default=(), description="angles of Alice's measurements; a list in the list has one for each setting"
    )
    misalignment_b: _Turns = Field(
        default=(), description="angles of Bob's measurements; a list in the list has one for each setting"
    )

    def conditions(self) -> Iterator[Condition]:
        """The product, the last key fastest."""
        parties = [getattr(self, name) or (None,) for name in PARTIES]
        for v, efficiency, p, turn, *own in itertools.product(
            self.visibility, self.efficiency, self.dephasing, self.misalignment, *parties
        ):
            what = imperfect(float(efficiency), float(p), self.axis, float(turn), dict(zip(PARTIES, own, strict=True)))
            yield v, None if what == _NONE else what

    @model_serializer(mode="wrap")
    def _given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without the parties' own numbers where there are none."""
        own: dict[str, Any] = handler(self)
        return {key: value for key, value in own.items() if key not in PARTIES or value}

    @property
    def identity(self) -> str:
        """The same for two entries that mean the same."""
        given = {key: value for key, value in self.model_dump().items() if value != () and value != []}
        return ", ".join(f"{key} = {value}" for key, value in given.items())


def without(what: Imperfections | None, key: str) -> Imperfections | None:
    """The same without one imperfection, of either party."""
    if what is None:
        return None
    rest = replace(what, **{key: getattr(_NONE, key), f"{key}_a": None, f"{key}_b": None})
    return None if rest == _NONE else rest


class KindEntry(Part):
    """A noise by its kind, such as another package's: each parameter a number, or several for the product of all."""

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
            names = tuple(name for name in KINDS.names() if name != "sequence")
            raise fail_at("kind", f"must be {listed_names(names)}{near(data['kind'], names)}".rstrip("."))
        try:
            visibility = numbers(VISIBILITY)(data.get("visibility", 1.0), info)
        except PydanticCustomError as error:
            raise fail_at("visibility", error.message()) from None
        given = {key: value for key, value in data.items() if key not in ("kind", "visibility")}
        found = {"kind": data["kind"], "visibility": visibility, "parameters": given}
        try:
            for _ in noises_of(data["kind"], given):
                pass
        except InvalidInput as error:
            raise fail(f"cannot be used: {str(error).rstrip('.')}") from None
        return found

    @model_serializer
    def _flat(self) -> dict[str, Any]:
        visibility = [v.text if isinstance(v, Expression) else v for v in self.visibility]
        return {"kind": self.kind, "visibility": visibility, **self.parameters}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        names = [name for name in KINDS if name != "sequence"]
        return {
            "description": "A noise by its kind; its parameters are numbers, or lists for the product of all.",
            "type": "object",
            "properties": {
                "kind": {"description": "the noise; other packages may add more", "type": "string", "enum": names},
                "visibility": {"description": "visibilities of white noise besides"},
            },
            "required": ["kind"],
            "additionalProperties": True,
        }

    def conditions(self) -> Iterator[Condition]:
        """The product, the last key fastest."""
        for v, noise in itertools.product(self.visibility, noises_of(self.kind, self.parameters)):
            yield v, Imperfections(other=noise)

    @property
    def identity(self) -> str:
        """The same for two entries that mean the same."""
        return ", ".join(f"{key} = {value}" for key, value in self.model_dump().items())


def noises_of(kind: str, parameters: Mapping[str, Any]) -> Iterator[Noise]:
    """A noise for each member of the product of its parameters; a list in a list has one number for each setting."""
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
