"""What a study asks at each point: the data tested, the adversaries, the quantities and how they are solved."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field, model_validator

from sdpbound.models import Quantum
from sdpbound.study.entries import number, said_one
from sdpbound.study.family import MODELS, Model, Part
from sdpbound.study.fields import (
    SECONDS,
    TOLERANCE,
    SaidLevel,
    SaidSolver,
    choice,
    fail,
    integer,
    read_level,
    read_solver,
)

__all__ = [
    "CLOSED",
    "OBSERVED",
    "OF_THE_DATA",
    "OF_THE_EXPRESSION",
    "Adversary",
    "Observed",
    "Quantity",
    "QuantityName",
    "SolverSettings",
]

Observed = Literal["bell", "correlators", "full"]
OBSERVED: tuple[Observed, ...] = ("bell", "correlators", "full")
OfTheData = Literal[
    "guess_local",
    "guess_global",
    "guess_blind",
    "key_rate",
    "randomness_local",
    "randomness_global",
    "randomness_blind",
]
OfTheExpression = Literal["bell_maximum", "bell_minimum"]
Closed = Literal["chsh", "condition", "local_bound", "quantum_bound", "strategy_value"]
QuantityName = Literal[OfTheData, OfTheExpression, Closed]
#: Quantities of the behaviour under noise, what is tested of it, and an adversary.
OF_THE_DATA: tuple[str, ...] = get_args(OfTheData)
#: Quantities of the Bell expression and an adversary, without any data.
OF_THE_EXPRESSION: tuple[str, ...] = get_args(OfTheExpression)
#: Closed forms of the point alone: attributes of the family's member.
CLOSED: tuple[str, ...] = get_args(Closed)
QUANTITIES = (*OF_THE_DATA, *OF_THE_EXPRESSION, *CLOSED)
#: Quantities of a pair of settings, and Bob's setting where none is given (WBC Props. 2 and 3).
_DEFAULT_Y = {"guess_global": 1, "guess_blind": 1, "key_rate": 0, "randomness_global": 1, "randomness_blind": 1}


_Setting = Annotated[int, BeforeValidator(integer(0, 1), json_schema_input_type=Annotated[int, Field(ge=0, le=1)])]


_Level = str | tuple[str, ...]


class Adversary(Part):
    """A model of the adversary, and for the quantum one the level of the hierarchy."""

    model: Annotated[Model, BeforeValidator(choice(MODELS))] = Field(
        description="the set of correlations that the adversary may use"
    )
    level: Annotated[_Level, BeforeValidator(read_level, json_schema_input_type=SaidLevel)] | None = Field(
        default=None, description='the level of the NPA hierarchy, such as "2" or "1+AB"; for the quantum model only'
    )

    @model_validator(mode="after")
    def _consistent(self) -> Adversary:
        if self.model != "quantum" and self.level is not None:
            raise fail(f"has a level, and the {self.model} set has none; leave the key level out")
        return self

    @property
    def identity(self) -> str:
        """The same for two entries that mean the same."""
        if self.model != "quantum":
            return self.model
        level = Quantum().level if self.level is None else self.level
        return f"quantum {level}"


class Quantity(Part):
    """A quantity and its key settings; y is Bob's, for quantities of a pair."""

    name: Annotated[
        QuantityName,
        BeforeValidator(choice(QUANTITIES)),
    ] = Field(description="what is computed")
    x: _Setting | None = Field(default=None, description="Alice's setting; 0 if absent")
    y: _Setting | None = Field(default=None, description="Bob's setting, for quantities of a pair")

    @model_validator(mode="after")
    def _settings(self) -> Quantity:
        if self.name not in OF_THE_DATA:
            if self.x is not None or self.y is not None:
                raise fail(f"has settings, and {self.name} is of the expression or the point; leave x and y out")
            return self
        if self.x is None:
            object.__setattr__(self, "x", 0)
        if self.name in _DEFAULT_Y:
            if self.y is None:
                object.__setattr__(self, "y", _DEFAULT_Y[self.name])
        elif self.y is not None:
            raise fail(f"has y = {self.y}, and {self.name} is of Alice's outcome alone; leave y out")
        return self

    @property
    def identity(self) -> str:
        """The same for two entries that mean the same."""
        return self.name + "".join(f", {k} = {v}" for k, v in (("x", self.x), ("y", self.y)) if v is not None)

    @property
    def settings(self) -> tuple[int, int | None]:
        """Alice's and Bob's settings, of a quantity of the data."""
        assert self.x is not None
        return self.x, self.y

    @property
    def program(self) -> tuple[str, int | None, int | None]:
        """The program behind the quantity: quantities with the same one are solved together."""
        if self.name not in OF_THE_DATA:
            return self.name, None, None
        if self.name.endswith("blind"):
            return "blind", self.x, self.y
        return "guess", self.x, self.y if self.name.endswith("global") else None

    @property
    def side(self) -> str:
        """Of what is proven, the side: "upper", "lower", or "exact" for a closed form evaluated in floating point."""
        if self.name in CLOSED:
            return "exact"
        return "upper" if self.name.startswith("guess") or self.name == "bell_maximum" else "lower"


class SolverSettings(Part):
    """The solver, its tolerance, and the time that a task may take."""

    name: Annotated[str, BeforeValidator(read_solver, json_schema_input_type=SaidSolver)] | None = Field(
        default=None, description="the solver; absent: the best installed for the size, and the next where it fails"
    )
    tolerance: Annotated[float, BeforeValidator(number(TOLERANCE), json_schema_input_type=said_one(TOLERANCE))] = Field(
        default=1e-9, description="relative tolerance asked of the solver"
    )
    time_limit: Annotated[float, BeforeValidator(number(SECONDS), json_schema_input_type=said_one(SECONDS))] = Field(
        default=120.0, description="seconds for one task"
    )
