"""The entropy that a rate of a study is made of, and how it is bounded."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field, model_validator

from sdpbound.adversaries import Quantum
from sdpbound.entropies.conditional import VonNeumann
from sdpbound.entropies.methods import METHODS, options_of
from sdpbound.errors import InvalidInput
from sdpbound.study.file.numbers import number, said_one
from sdpbound.study.file.product import Part
from sdpbound.study.file.validators import BITS, SaidLevel, choice, fail, named, read_level, registered

__all__ = ["DEFAULT_BITS", "MIN", "VON_NEUMANN", "EntropySettings", "NamedEntropy"]

#: The names of methods. The schema lists those of this package; a file may also name those of entry points.
Method = Annotated[str, Field(json_schema_extra={"enum": list(METHODS)})]
EntropyKind = Literal["min", "von Neumann"]
ENTROPIES: tuple[EntropyKind, ...] = get_args(EntropyKind)
#: Accuracy of a von Neumann entropy in bits, if a study gives none.
DEFAULT_BITS = 1e-3
_Level = str | tuple[str, ...]


class EntropySettings(Part):
    """The entropy that a rate is made of, and how it is bounded."""

    kind: Annotated[EntropyKind, BeforeValidator(choice(ENTROPIES))] = Field(
        default="von Neumann", description='"min", or "von Neumann", which is against quantum adversaries only'
    )
    method: Annotated[Method, BeforeValidator(registered(METHODS))] | None = Field(
        default=None, description="how a von Neumann entropy is bounded; absent: the library's choice"
    )
    level: Annotated[_Level, BeforeValidator(read_level, json_schema_input_type=SaidLevel)] | None = Field(
        default=None, description="words of a von Neumann entropy's program; absent: as many as pay"
    )
    tolerance: Annotated[float, BeforeValidator(number(BITS), json_schema_input_type=said_one(BITS))] | None = Field(
        default=None, description="accuracy aimed at, in bits; absent: 1e-3"
    )

    @model_validator(mode="after")
    def _consistent(self) -> EntropySettings:
        given = [key for key in ("method", "level", "tolerance") if getattr(self, key) is not None]
        if self.kind == "min" and given:
            raise fail(f"has {given[0]}, and min-entropy takes none; leave it out, or say kind = 'von Neumann'")
        if self.kind != "min":
            try:
                self.bound(None)
            except InvalidInput as error:
                raise fail(f"cannot be used: {str(error).rstrip('.')}") from None
        return self

    def bound(self, solver: str | None) -> VonNeumann:
        """Return what bounds the entropy from below.

        Raises InvalidInput for a method that does not exist.
        """
        name = self.method or VonNeumann.method
        asks_solver = "solver" in options_of(METHODS.named(name, "method"))
        return VonNeumann(name, self.level, tolerance=self.accuracy, solver=solver if asks_solver else None)

    @property
    def accuracy(self) -> float:
        """The tolerance, in bits."""
        return DEFAULT_BITS if self.tolerance is None else self.tolerance

    @property
    def identity(self) -> str:
        """A text that is the same for two entries with the same meaning."""
        if self.kind == "min":
            return self.kind
        level = "" if self.level is None else f"level {Quantum(self.level).label}"
        return " ".join(word for word in (self.kind, self.method, level, f"{self.accuracy:g}") if word)


MIN, VON_NEUMANN = EntropySettings(kind="min"), EntropySettings()
#: An entropy as a file gives it: its kind, or a table.
NamedEntropy = Annotated[
    EntropySettings, BeforeValidator(named("kind"), json_schema_input_type=EntropySettings | EntropyKind)
]
