"""The allowed entries of a study file: domains of numbers, choices, names, levels, solvers, and lists of them.

A validator's message completes "<path> = <value> ...".
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field
from pydantic_core import PydanticCustomError

from sdpbound.bell.families.family import Axis
from sdpbound.conic.solvers.choose import by_name, names
from sdpbound.errors import InvalidInput
from sdpbound.npa.levels import LIMIT as WORDS
from sdpbound.npa.levels import normalise_level
from sdpbound.registry import Registry

__all__ = [
    "ANGLE",
    "ANY",
    "BITS",
    "CHSH",
    "CURVE_PHI",
    "EFFICIENCY",
    "FLIP",
    "PHI",
    "PROBABILITY",
    "RESOLUTION",
    "ROUNDS",
    "SECONDS",
    "TOLERANCE",
    "TURN",
    "VISIBILITY",
    "Domain",
    "SaidLevel",
    "SaidSolver",
    "choice",
    "domain_of",
    "fail",
    "fail_at",
    "integer",
    "listed",
    "named",
    "nearest",
    "pattern",
    "quote",
    "registered",
    "several",
]

#: If there are more names than this, only the nearest one is named.
MANY = 12
#: Most entries of a list of adversaries, of quantities, or of tables of noise.
ENTRIES = 1000
#: Longer texts are no level and no solver.
LONGEST = 200
#: The forms of a level and of a solver in a file, for the JSON schema.
SaidLevel = (
    Annotated[str, Field(pattern=r"^ *[1-9][0-9]*( *\+ *([0-9]+|[A-Ha-h]+))* *$", examples=["2", "1+AB"])]
    | Annotated[int, Field(ge=1)]
    | Annotated[list[str], Field(min_length=1, examples=[["A0", "B0", "A0 B0"]])]
)
SaidSolver = (
    Annotated[str, Field(json_schema_extra=lambda schema: schema.update(enum=list(names())))]
    | Annotated[str, Field(pattern="^cvxpy:.+$", examples=["cvxpy:MOSEK"])]
)


def fail(message: str) -> PydanticCustomError:
    """Return the error of a validator."""
    return PydanticCustomError("study", "{message}", {"message": message})


def fail_at(key: str, message: str) -> PydanticCustomError:
    """Return the error of a validator of a whole table, about one of its keys."""
    return PydanticCustomError("at", "{message}", {"message": message, "key": key})


def nearest(word: str, allowed: Iterable[str], cutoff: float = 0.5) -> str:
    """Return a hint at the word that was probably meant; "" if none is near."""
    near = difflib.get_close_matches(word, list(allowed), n=1, cutoff=cutoff)
    return f"; did you mean {near[0]!r}?" if near else ""


@dataclass(frozen=True, slots=True)
class Domain:
    """The range in which a number must lie, and its unit."""

    low: float
    high: float
    text: str
    unit: str = ""
    whole: bool = False

    def wrong(self, value: float) -> str | None:
        """Say what is wrong with a number; None if nothing is."""
        if self.low <= value <= self.high and (not self.whole or value.is_integer()):
            return None
        hint = ""
        if self.unit == "radians" and 4.0 * math.pi < abs(value) <= 1440.0:
            hint = f"; it looks like degrees: write {value:.12g}*deg"
        if self.unit == "fraction" and 2.0 <= value <= 100.0:
            hint = f"; it looks like per cent: write {value / 100.0:.12g}"
        return f"must lie in {self.text}{hint}"


ANY = Domain(-math.inf, math.inf, "the real numbers")
ANGLE = Domain(-4.0 * math.pi, 4.0 * math.pi, "[-4 pi, 4 pi], in radians", "radians")
PHI = Domain(0.0, math.pi / 2, "[0, pi/2], in radians", "radians")
CURVE_PHI = Domain(math.pi / 6, math.pi / 2, "[pi/6, pi/2], in radians", "radians")
CHSH = Domain(math.nextafter(2.0, 3.0), 2.0 * math.sqrt(2.0), "(2, 2 sqrt(2)]")
VISIBILITY = Domain(0.0, 1.0, "[0, 1]", "fraction")
EFFICIENCY = Domain(0.0, 1.0, "[0, 1]", "fraction")
TURN = Domain(-math.pi, math.pi, "[-pi, pi], in radians", "radians")
FLIP = Domain(0.0, 0.5, "[0, 1/2]", "fraction")
PROBABILITY = Domain(0.0, 1.0, "[0, 1]", "fraction")
BITS = Domain(1e-7, 1.0, "[1e-7, 1] bits")
ROUNDS = Domain(1.0, 1e18, "[1, 1e18]")
RESOLUTION = Domain(1e-6, 0.1, "[1e-6, 0.1]")
TOLERANCE = Domain(1e-14, 1e-2, "[1e-14, 1e-2]")
SECONDS = Domain(0.1, 1e6, "[0.1, 1e6] seconds", "seconds")


def domain_of(axis: Axis) -> Domain:
    """Return the domain of an axis of a family.

    Angles without limits get those of the singlet family.
    """
    unit = "radians" if axis.unit == "rad" else ""
    if math.isinf(axis.low) and math.isinf(axis.high):
        return ANGLE if unit else ANY
    text = f"[{axis.low:.12g}, {axis.high:.12g}]" if math.isfinite(axis.high) else f"[{axis.low:.12g}, infinity)"
    text = f"{text}, in radians" if unit else f"{text}, and be whole" if axis.whole else text
    return Domain(axis.low, axis.high, text, unit, axis.whole)


def quote(value: object) -> str:
    """Return a value as it was found, shortened."""
    try:
        text = repr(list(value) if isinstance(value, tuple) else value)
    except ValueError:
        return "a number of too many digits"
    return text if len(text) <= 60 else text[:57] + "..."


# -- what is no number --------------------------------------------------------------------------------------------


def integer(low: int, high: int) -> Callable[[object], int]:
    """Return a validator of integers in a range."""

    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise fail(f"must be an integer from {low} to {high}")
        return value

    return check


def choice(allowed: tuple[str, ...]) -> Callable[[object], str]:
    """Return a validator of words."""

    def check(value: object) -> str:
        if not isinstance(value, str) or value not in allowed:
            hint = nearest(value, allowed) if isinstance(value, str) else ""
            if hint and len(allowed) > MANY:
                raise fail(f"is none of the {len(allowed)} names that may stand here{hint}")
            raise fail(f"must be one of {', '.join(repr(a) for a in allowed)}{hint}")
        return value

    return check


def registered(table: Registry[Any], elsewhere: Mapping[str, str] | None = None) -> Callable[[object], str]:
    """Return a validator of names in a table, including those that other packages add to it by entry points.

    ``elsewhere`` has what is meant by names of the library's functions.
    """

    def check(value: object) -> str:
        if isinstance(value, str) and table.find(value) is not None:
            return value
        if isinstance(value, str) and elsewhere and value in elsewhere:
            raise fail(f"is a function of Python; in a study it is {elsewhere[value]!r}")
        return choice(tuple(name for name in table.names() if name != value))(value)

    return check


def several(value: object) -> object:
    """Return a list as it is, and any other entry as a list of one."""
    entries = value if isinstance(value, (list, tuple)) else [value]
    if not entries:
        raise fail("is empty; give at least one entry")
    if len(entries) > ENTRIES:
        raise fail(f"has {len(entries)} entries; at most {ENTRIES} are allowed")
    return tuple(entries)


def listed(one: Any) -> Any:
    """Return the type of one entry or a list of different entries, for the JSON schema."""
    return one | Annotated[list[one], Field(min_length=1, json_schema_extra={"uniqueItems": True})]


def named(key: str) -> Callable[[object], object]:
    """Return a validator that turns a bare value into a table with one key."""
    return lambda value: value if isinstance(value, dict) else {key: value}


def pattern(expression: str, meaning: str) -> Callable[[object], str]:
    """Return a validator of texts that match a regular expression."""

    def check(value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(expression, value):
            raise fail(f"must be {meaning}")
        return value

    return check


def read_level(value: object) -> str | tuple[str, ...]:
    """Read a level of the hierarchy."""
    words = value if isinstance(value, (list, tuple)) else [value]
    if not isinstance(value, (str, int, list, tuple)) or any(isinstance(w, str) and len(w) > LONGEST for w in words):
        raise fail("must be like '1+AB' or '2', or a list of words")
    if len(words) > WORDS:
        raise fail(f"has {len(words)} words; at most {WORDS} are allowed")
    try:
        return normalise_level(value)
    except InvalidInput as error:
        raise fail(f"is no level: {str(error).rstrip('.')}") from None


def read_solver(value: object) -> str:
    """Read the name of a solver that is installed."""
    if not isinstance(value, str) or len(value) > LONGEST:
        raise fail("must be the name of a solver")
    try:
        return by_name(value).name
    except InvalidInput as error:
        raise fail(f"cannot be used: {str(error).rstrip('.')}") from None
