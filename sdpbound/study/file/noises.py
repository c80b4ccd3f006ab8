"""The noise of a study beyond visibilities: detectors, dephasing, misalignment, and products of their values."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainValidator

from sdpbound.bell.noise.measurements import DetectionInefficiency, Misalignment
from sdpbound.bell.noise.noise import Noise, NoiseSequence
from sdpbound.bell.noise.state import Dephasing, WhiteNoise
from sdpbound.study.file.numbers import Entry, numbers, said
from sdpbound.study.file.product import Part, Texts
from sdpbound.study.file.validators import EFFICIENCY, FLIP, TURN, VISIBILITY, choice
from sdpbound.tables.columns import NOISES

__all__ = ["NOISE_COLUMNS", "Condition", "Imperfections", "NoiseEntry", "noise_columns", "without"]

Axis = Literal["x", "y", "z"]
_AXES: tuple[Axis, ...] = ("x", "y", "z")


@dataclass(frozen=True, slots=True)
class Imperfections:
    """What else than white noise the devices have; plain data.

    Attributes
    ----------
    efficiency : of all detectors; no click is outcome 0
    dephasing : probability of a phase flip of each qubit
    axis : about which it dephases: "z" is perpendicular to the plane of the measurements
    misalignment : angle by which Alice's measurements are turned in their plane, in radians
    """

    efficiency: float = 1.0
    dephasing: float = 0.0
    axis: str = "z"
    misalignment: float = 0.0

    def noise(self, visibility: float) -> Noise:
        """The noise of these devices on a state of some visibility."""
        return _noise(self, visibility)

    def name(self, visibility: float | None) -> str | None:
        """Its stable name; None for white noise alone."""
        if self == _NONE:
            return None
        return _noise(self, 1.0 if visibility is None else visibility).name


_NONE = Imperfections()
#: A visibility, or an expression for it, and what else there is.
Condition = tuple[Entry, Imperfections | None]


@lru_cache(maxsize=4096)
def _noise(what: Imperfections, visibility: float) -> Noise:
    parts: list[Noise] = [] if visibility == 1.0 and what != _NONE else [WhiteNoise(visibility)]
    if what.dephasing:
        parts.append(Dephasing(what.dephasing, axis=what.axis))
    if what.misalignment:
        parts.append(Misalignment(what.misalignment, 0.0))
    if what.efficiency != 1.0:
        parts.append(DetectionInefficiency(what.efficiency))
    return parts[0] if len(parts) == 1 else NoiseSequence(tuple(parts))


#: The columns of a table that say what the noise is, besides the visibility.
NOISE_COLUMNS = NOISES


def noise_columns(visibility: float | None, what: Imperfections | None, driven: str = "") -> dict[str, Any]:
    """Of a row the columns of its noise: all empty for white noise alone; empty also where a critical value stands."""
    if what is None:
        return dict.fromkeys(NOISE_COLUMNS)
    own = {"noise": what.name(visibility)} | {name: getattr(what, name) for name in NOISE_COLUMNS[1:]}
    return own | ({driven: None} if driven in own else {})


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

    def conditions(self) -> Iterator[Condition]:
        """The product, the last key fastest."""
        for v, efficiency, p, turn in itertools.product(
            self.visibility, self.efficiency, self.dephasing, self.misalignment
        ):
            what = Imperfections(float(efficiency), float(p), self.axis if p else "z", float(turn))  # type: ignore[arg-type]
            yield v, None if what == _NONE else what

    @property
    def identity(self) -> str:
        """The same for two entries that mean the same."""
        return ", ".join(f"{key} = {value}" for key, value in self.model_dump().items())


def without(what: Imperfections | None, key: str) -> Imperfections | None:
    """The same without one imperfection."""
    if what is None:
        return None
    rest = replace(what, **{key: getattr(_NONE, key)})
    return None if rest == _NONE else rest
