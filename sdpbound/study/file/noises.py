"""The noise of a study besides visibilities: detectors, dephasing, misalignment, and products of their values.

Noises by their kind are in :mod:`sdpbound.study.file.noise_kinds`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    model_serializer,
)

from sdpbound.bell.binning import Binning, binning_name, binning_of
from sdpbound.bell.noise.dark import DarkCounts, with_losses
from sdpbound.bell.noise.kinds import noise_from
from sdpbound.bell.noise.measurements import DetectionInefficiency, Misalignment
from sdpbound.bell.noise.noise import Noise, NoiseSequence
from sdpbound.bell.noise.state import Dephasing, WhiteNoise
from sdpbound.errors import InvalidInput
from sdpbound.study.file.numbers import Entry, distinct, number, numbers, said, said_one
from sdpbound.study.file.product import Part, Texts
from sdpbound.study.file.validators import EFFICIENCY, FLIP, TURN, VISIBILITY, Domain, choice, fail
from sdpbound.tables.columns import NOISES

__all__ = [
    "NOISE_COLUMNS",
    "Condition",
    "Imperfections",
    "NoiseEntry",
    "noise_columns",
    "without",
]

Axis = Literal["x", "y", "z"]
_AXES: tuple[Axis, ...] = ("x", "y", "z")


def _as_noise(value: Noise | dict[str, Any] | None) -> Noise | None:
    """Return a noise.

    The value may be the plain data in which a task is sent to another process.
    """
    return value if value is None or isinstance(value, Noise) else noise_from(value)


def _as_binning(value: object) -> Binning:
    """Return choices of binning, from lists or tuples of them."""
    try:
        return binning_of(value)
    except InvalidInput as error:
        raise fail(str(error).removeprefix(f"binning = {value!r:.60} ").rstrip(".")) from None


OfSettings = float | tuple[float, ...]
Binned = Annotated[
    Binning,
    PlainSerializer(lambda found: found, Any),
    PlainValidator(_as_binning, json_schema_input_type=bool | list[bool | list[bool]]),
]
Other = Annotated[
    Noise | None, PlainValidator(_as_noise), PlainSerializer(lambda noise: None if noise is None else noise.to_dict())
]


@dataclass(frozen=True, slots=True)
class Imperfections:
    """The noise of the devices besides white noise, as plain data.

    Attributes
    ----------
    efficiency : efficiency of all detectors, 0 to 1; no click is outcome 0
    dephasing : probability of a phase flip of each qubit, 0 to 1/2
    axis : axis of the dephasing; "z" is perpendicular to the plane of the measurements
    misalignment : angle by which Alice's measurements are turned in their plane, in radians
    efficiency_a, efficiency_b : efficiencies of Alice's and of Bob's detectors, where they or their settings differ;
        each is a number, or one for each setting
    dephasing_a, dephasing_b : probabilities of a phase flip of Alice's and of Bob's qubit, where they differ
    misalignment_a, misalignment_b : angles of Alice's and of Bob's measurements, where Bob's are turned too, or where
        the settings of a party differ; each is a number, or one for each setting
    other : a further noise
    binning : of no clicks, as of DetectionInefficiency
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
    binning: Binned = True

    def noise(self, visibility: float) -> Noise:
        """Return the noise of these devices on a state of some visibility."""
        return _noise(self, visibility)

    def name(self, visibility: float | None) -> str | None:
        """Return the stable name of the noise; None for white noise alone."""
        if self == _NONE:
            return None
        return _noise(self, 1.0 if visibility is None else visibility).name

    @property
    def meaning(self) -> dict[str, Any]:
        """All that gives the noise its meaning, as plain data.

        A party's own number is left out if it is not there.
        """
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
        if self.binning is not True:
            found["binning"] = binning_name(self.binning)
        return found

    def numbers(self) -> dict[str, float]:
        """Return the numbers of the noise, by name, for which not every table has a column."""
        found = {name: getattr(self, name) for name in PARTIES}
        for kind in ("efficiency", "dephasing"):
            if found[f"{kind}_a"] is None:
                found[f"{kind}_a"] = found[f"{kind}_b"] = getattr(self, kind)
        if found["misalignment_a"] is None:
            found["misalignment_a"], found["misalignment_b"] = self.misalignment, 0.0
        found |= self._others()
        return {name: float(value) for name, value in found.items() if isinstance(value, (int, float))}

    def _others(self) -> dict[str, Any]:
        """Return the numbers of the further noise, named with its kind."""
        found: dict[str, Any] = {}
        for part in () if self.other is None else self.other.parts:
            own = {k: v for k, v in part.to_dict().items() if k != "kind" and not isinstance(v, bool)}
            found |= {f"{part.kind}_{name}": value for name, value in own.items()}
        return found

    @property
    def added(self) -> tuple[str, ...]:
        """The names of the numbers for which a table needs columns of its own."""
        kinds = [kind for kind in ("efficiency", "dephasing", "misalignment") if self.shared(kind) is None]
        own = self._others()
        return tuple(name for name in self.numbers() if name in own or name.rpartition("_")[0] in kinds)

    def shared(self, kind: str) -> float | None:
        """Return an imperfection that both parties have; None if they differ.

        A misalignment counts as shared if it turns Alice's measurements alone, by one angle for all settings.
        """
        return None if getattr(self, f"{kind}_a") is not None else float(getattr(self, kind))


#: The keys for one party's numbers, in the order of their columns.
PARTIES = ("efficiency_a", "efficiency_b", "dephasing_a", "dephasing_b", "misalignment_a", "misalignment_b")
_FIELDS = ("efficiency", "dephasing", "axis", "misalignment", *PARTIES)
_NONE = Imperfections()
#: A visibility, or an expression for it, and the noise besides white noise.
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
    other = what.other
    if what.efficiency_a is not None:
        of_stage["detector"].append(DetectionInefficiency(what.efficiency_a, what.efficiency_b, what.binning))
    elif other is not None and what.efficiency != 1.0 and any(isinstance(p, DarkCounts) for p in other.parts):
        other = with_losses(other, DetectionInefficiency(what.efficiency))
    elif what.efficiency != 1.0 or what.binning is not True:
        of_stage["detector"].append(DetectionInefficiency(what.efficiency, binning=what.binning))
    for part in () if other is None else other.parts:
        of_stage[part.stage].append(part)
    for stage in of_stage.values():
        parts += stage
    return parts[0] if len(parts) == 1 else NoiseSequence(tuple(parts))


#: The columns of a table that describe the noise besides the visibility.
NOISE_COLUMNS = NOISES


def noise_columns(visibility: float | None, what: Imperfections | None, driven: str = "") -> dict[str, Any]:
    """Return the columns of a row that describe its noise.

    All are empty for white noise alone. The column of a critical value is empty too.
    """
    if what is None:
        return dict.fromkeys(NOISE_COLUMNS)
    own = {"noise": what.name(visibility)} | {name: what.shared(name) for name in NOISE_COLUMNS[1:]}
    return own | ({driven: None} if driven in own else {})


def imperfect(
    efficiency: float, dephasing: float, axis: str, misalignment: float, own: dict[str, Any]
) -> Imperfections:
    """Return imperfections of both parties, and of each party where the parties differ.

    Numbers with the same meaning give equal results, in whatever way they are written.
    """
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
    """Return a validator of numbers.

    Each may be a list with one number for each setting.
    """

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


#: Numbers of one party; empty where both parties have the same numbers.
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
    binning: Binned = Field(
        default=True,
        description="whether no click is outcome 0: of all, or a list of Alice's choice and Bob's; a list in the list "
        "has one for each setting",
    )

    @property
    def size(self) -> int:
        """The number of its conditions."""
        keys = ("visibility", "efficiency", "dephasing", "misalignment", *PARTIES)
        return math.prod(max(1, len(getattr(self, key))) for key in keys)

    def conditions(self) -> Iterator[Condition]:
        """Yield the product of all numbers, the last key fastest."""
        parties = [getattr(self, name) or (None,) for name in PARTIES]
        for v, efficiency, p, turn, *own in itertools.product(
            self.visibility, self.efficiency, self.dephasing, self.misalignment, *parties
        ):
            what = imperfect(float(efficiency), float(p), self.axis, float(turn), dict(zip(PARTIES, own, strict=True)))
            what = replace(what, binning=self.binning)
            yield v, None if what == _NONE else what

    @model_serializer(mode="wrap")
    def _given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Return the entry as plain data, without those keys for one party's numbers that are empty."""
        own: dict[str, Any] = handler(self)
        if self.binning is True:
            del own["binning"]
        return {key: value for key, value in own.items() if key not in PARTIES or value}

    @property
    def identity(self) -> str:
        """A text that is the same for two entries with the same meaning."""
        given = {key: value for key, value in self.model_dump().items() if value != () and value != []}
        return ", ".join(f"{key} = {value}" for key, value in given.items())


def without(what: Imperfections | None, key: str) -> Imperfections | None:
    """Return the noise without one imperfection, for both parties."""
    if what is None:
        return None
    rest = replace(what, **{key: getattr(_NONE, key), f"{key}_a": None, f"{key}_b": None})
    return None if rest == _NONE else rest
