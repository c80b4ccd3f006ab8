"""The study file: what a TOML file may say, and one sentence for everything it may not."""

from __future__ import annotations

import difflib
import math
import os
import re
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    StrictBool,
    Tag,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from sdpbound.conic.choose import by_name
from sdpbound.errors import InvalidInput, InvalidStudy
from sdpbound.levels import normalise_level
from sdpbound.study.expressions import ALLOWED, evaluate

__all__ = ["Adversary", "BestOf", "Curve", "Grid", "Quantity", "SolverSettings", "Study", "load_study"]

#: Most numbers in one grid, and most points in one study.
GRID_LIMIT = 100_000
POINT_LIMIT = 1_000_000

OBSERVED = ("bell", "correlators", "full")
MODELS: tuple[Literal["quantum", "no-signaling", "local"], ...] = ("quantum", "no-signaling", "local")
QUANTITIES = ("guess_local", "guess_global", "key_rate", "randomness_local", "randomness_global")
#: Quantities of a pair of settings, and Bob's setting where none is given (WBC Props. 2 and 3).
_DEFAULT_Y = {"guess_global": 1, "key_rate": 0, "randomness_global": 1}


# -- values -------------------------------------------------------------------------------------------------------
# A validator's message completes "<path> = <value> ...".


def _fail(message: str) -> PydanticCustomError:
    return PydanticCustomError("study", "{message}", {"message": message})


def _nearest(word: str, allowed: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(allowed), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def _number(value: object) -> float:
    if isinstance(value, str):
        try:
            return evaluate(value)
        except ValueError as error:
            raise _fail(f"cannot be read as a number: {error}; allowed are {ALLOWED}") from None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _fail('must be a number, or an expression such as "pi/2 - 0.02"')
    if not math.isfinite(value):
        raise _fail("must be finite; write a real number")
    return float(value)


def _integer(low: int, high: int) -> Callable[[object], int]:
    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _fail(f"must be an integer from {low} to {high}")
        return value

    return check


def _range(value: dict[str, Any]) -> tuple[float, ...]:
    keys = ("start", "stop", "count")
    for key in value:
        if key not in keys:
            hint = _nearest(key, keys) or "; a range has the keys start, stop and count"
            raise _fail(f"has an unknown key {key!r}{hint}")
    for key in keys:
        if key not in value:
            raise _fail(f"lacks the key {key!r}; a range has the keys start, stop and count")
    try:
        start, stop = _number(value["start"]), _number(value["stop"])
    except PydanticCustomError as error:
        raise _fail(f"has a start or stop that {error.message()}") from None
    count = value["count"]
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= GRID_LIMIT:
        raise _fail(f"has count = {count!r}, which must be an integer from 1 to {GRID_LIMIT}")
    # to 15 digits: 2.012, not 2.0119999999999996
    return tuple(float(f"{v:.15g}") for v in np.linspace(start, stop, count))


def _grid(value: object) -> tuple[float, ...]:
    """A number, a list of numbers, or {start, stop, count}."""
    if isinstance(value, dict):
        return _range(value)
    if not isinstance(value, (list, tuple)):
        return (_number(value),)
    if not value:
        raise _fail("is empty; give at least one number, or {start = .., stop = .., count = ..}")
    if len(value) > GRID_LIMIT:
        raise _fail(f"has {len(value)} numbers; at most {GRID_LIMIT} are allowed")
    numbers = []
    for position, entry in enumerate(value):
        try:
            numbers.append(_number(entry))
        except PydanticCustomError as error:
            raise _fail(f"has entry {position} = {entry!r}, which {error.message()}") from None
    return tuple(numbers)


def _within(check: Callable[[Any], Any], low: float, high: float, text: str) -> Callable[[object], Any]:
    def checked(value: object) -> Any:
        result = check(value)
        for number in result if isinstance(result, tuple) else (result,):
            if not low <= number <= high:
                raise _fail(f"contains {number:.12g}, which must lie in {text}")
        return result

    return checked


def _choice(allowed: tuple[str, ...]) -> Callable[[object], str]:
    def check(value: object) -> str:
        if not isinstance(value, str) or value not in allowed:
            hint = _nearest(value, allowed) if isinstance(value, str) else ""
            raise _fail(f"must be one of {', '.join(repr(a) for a in allowed)}{hint}")
        return value

    return check


def _several(value: object) -> object:
    """A list, with one entry standing for a list of it."""
    entries = value if isinstance(value, (list, tuple)) else [value]
    if not entries:
        raise _fail("is empty; give at least one entry")
    return tuple(entries)


def _named(key: str) -> Callable[[object], object]:
    """A bare value standing for a table with one key."""
    return lambda value: value if isinstance(value, dict) else {key: value}


def _pattern(pattern: str, meaning: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise _fail(f"must be {meaning}")
        return value

    return check


def _level(value: object) -> str | tuple[str, ...]:
    if not isinstance(value, (str, int, list, tuple)):
        raise _fail("must be like '1+AB' or '2', or a list of words")
    try:
        return normalise_level(value)
    except InvalidInput as error:
        raise _fail(f"is no level: {str(error).rstrip('.')}") from None


def _solver(value: object) -> str:
    if not isinstance(value, str):
        raise _fail("must be the name of a solver")
    try:
        return by_name(value).name
    except InvalidInput as error:
        raise _fail(f"cannot be used: {str(error).rstrip('.')}") from None


Number = Annotated[float, BeforeValidator(_number)]
Numbers = Annotated[tuple[float, ...], BeforeValidator(_grid)]
Setting = Annotated[int, BeforeValidator(_integer(0, 1))]


# -- tables -------------------------------------------------------------------------------------------------------


class _Part(BaseModel):
    """A table of the file; a key it does not know is an error that names the nearest one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if isinstance(data, dict):
            for key in data:
                if key not in cls.model_fields:
                    allowed = ", ".join(cls.model_fields)
                    hint = _nearest(key, cls.model_fields) or ";"
                    raise PydanticCustomError(
                        "unknown_key",
                        "unknown key {key}{hint} allowed here: {allowed}",
                        {"key": repr(key), "hint": hint, "allowed": allowed},
                    )
        return data


class BestOf(_Part):
    """Which further members of a CHSH value are searched for the best one.

    ``contour``: points along each contour of equal CHSH value; ``phi``: the contours, besides that of the curve's phi;
    ``models``: the adversaries for which the search is made.
    """

    contour: Annotated[int, BeforeValidator(_integer(1, 10_000))]
    phi: Annotated[tuple[float, ...], BeforeValidator(_within(_grid, 0.0, math.pi / 2, "[0, pi/2]"))] = ()
    models: Annotated[
        tuple[Annotated[Literal["quantum", "no-signaling", "local"], BeforeValidator(_choice(MODELS))], ...],
        BeforeValidator(_several),
    ] = MODELS


class Curve(_Part):
    """Members of the singlet family on the curve omega = theta + pi/2 at one phi, by their ideal CHSH value."""

    kind: Annotated[Literal["singlet"], BeforeValidator(_choice(("singlet",)))]
    at_chsh: Numbers
    phi: Number
    best_of: Annotated[BestOf, BeforeValidator(_named("contour"))] | None = None
    require_self_test: StrictBool = False


class Grid(_Part):
    """Members of the singlet family on the product of three grids."""

    kind: Annotated[Literal["singlet"], BeforeValidator(_choice(("singlet",)))]
    theta: Numbers
    phi: Numbers
    omega: Numbers
    require_self_test: StrictBool = False


class Adversary(_Part):
    """A model of the adversary, and for the quantum one the level of the hierarchy."""

    model: Annotated[Literal["quantum", "no-signaling", "local"], BeforeValidator(_choice(MODELS))]
    level: Annotated[str | tuple[str, ...], BeforeValidator(_level)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Adversary:
        if self.model != "quantum" and self.level is not None:
            raise _fail(f"has a level, and the {self.model} set has none; leave the key level out")
        return self


class Quantity(_Part):
    """A quantity and its key settings; y is Bob's, for quantities of a pair."""

    name: Annotated[
        Literal["guess_local", "guess_global", "key_rate", "randomness_local", "randomness_global"],
        BeforeValidator(_choice(QUANTITIES)),
    ]
    x: Setting = 0
    y: Setting | None = None

    @model_validator(mode="after")
    def _settings(self) -> Quantity:
        if self.name in _DEFAULT_Y:
            if self.y is None:
                object.__setattr__(self, "y", _DEFAULT_Y[self.name])
        elif self.y is not None:
            raise _fail(f"has y = {self.y}, and {self.name} is of Alice's outcome alone; leave y out")
        return self


class SolverSettings(_Part):
    """The solver (absent: the best installed, then the next), its tolerance, and the seconds a task may take."""

    name: Annotated[str, BeforeValidator(_solver)] | None = None
    tolerance: Annotated[float, BeforeValidator(_within(_number, 1e-14, 1e-2, "[1e-14, 1e-2]"))] = 1e-9
    time_limit: Annotated[float, BeforeValidator(_within(_number, 0.1, 1e6, "[0.1, 1e6] seconds"))] = 120.0


def _family_tag(value: object) -> str:
    return "<curve>" if isinstance(value, (Curve, dict)) and _has(value, "at_chsh") else "<grid>"


def _has(value: Any, key: str) -> bool:
    if isinstance(value, dict):
        return any(difflib.get_close_matches(k, [key], 1, 0.7) for k in value if isinstance(k, str))
    return hasattr(value, key)


class Study(_Part):
    """A study as it stands in its file, every number evaluated."""

    name: Annotated[str, BeforeValidator(_pattern(r"[A-Za-z0-9][A-Za-z0-9_-]*", "letters, digits, '_' and '-'"))]
    title: str = ""
    figure: Annotated[str, BeforeValidator(_pattern(r"[A-Za-z_][A-Za-z0-9_]*", "the name of a figure"))] | None = None
    family: Annotated[
        Annotated[Curve, Tag("<curve>")] | Annotated[Grid, Tag("<grid>")],
        Discriminator(_family_tag),
    ]
    visibilities: Annotated[tuple[float, ...], BeforeValidator(_within(_grid, 0.0, 1.0, "[0, 1]"))] = (1.0,)
    observed: Annotated[
        tuple[Annotated[Literal["bell", "correlators", "full"], BeforeValidator(_choice(OBSERVED))], ...],
        BeforeValidator(_several),
    ] = ("correlators",)
    adversaries: Annotated[
        tuple[Annotated[Adversary, BeforeValidator(_named("model"))], ...], BeforeValidator(_several)
    ] = (Adversary(model="quantum"),)
    quantities: Annotated[
        tuple[Annotated[Quantity, BeforeValidator(_named("name"))], ...], BeforeValidator(_several)
    ] = tuple(Quantity(name=name) for name in ("guess_local", "key_rate"))
    solver: SolverSettings = SolverSettings()

    @model_validator(mode="after")
    def _size(self) -> Study:
        f = self.family
        points = len(f.at_chsh) if isinstance(f, Curve) else len(f.theta) * len(f.phi) * len(f.omega)
        total = points * len(self.visibilities) * len(self.observed) * len(self.adversaries) * len(self.quantities)
        if total > POINT_LIMIT:
            raise _fail(f"asks for {total} numbers; at most {POINT_LIMIT} are allowed: use coarser grids")
        return self


# -- reading ------------------------------------------------------------------------------------------------------


def load_study(path: str | os.PathLike[str]) -> Study:
    """Read and check a study file; raises InvalidStudy with one sentence for anything wrong with it."""
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InvalidStudy(f"study file '{path}' does not exist{_other_file(file)}") from None
    except UnicodeDecodeError:
        raise InvalidStudy(f"study file '{path}' is not UTF-8 text; save it as UTF-8.") from None
    except OSError as error:
        raise InvalidStudy(f"study file '{path}' cannot be read: {error.strerror}; give a readable file.") from None
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidStudy(f"study file '{path}' is not valid TOML: {error}; correct that line.") from None
    data.setdefault("name", re.sub(r"[^A-Za-z0-9_-]+", "_", file.stem).strip("_-") or "study")
    return parse_study(data, str(path))


def parse_study(data: dict[str, Any], source: str = "study") -> Study:
    """A study from the content of a file."""
    try:
        return Study.model_validate(data)
    except ValidationError as error:
        raise InvalidStudy(f"{source}: {_sentence(error.errors()[0])}") from None


def _other_file(file: Path) -> str:
    try:
        names = sorted(p.name for p in file.parent.iterdir() if p.suffix == ".toml")
    except OSError:
        return "; give the path of a TOML file."
    near = difflib.get_close_matches(file.name, names, n=1, cutoff=0.5)
    return f"; did you mean '{file.parent / near[0]}'?" if near else "; give the path of a TOML file."


def _sentence(error: ErrorDetails) -> str:
    """One sentence: where, what was found, what is allowed."""
    where = ""
    for step in error["loc"]:
        if isinstance(step, int):
            where += f"[{step}]"
        elif not step.startswith("<"):
            where += f".{step}" if where else step
    kind, found = error["type"], error["input"]
    if kind == "unknown_key":
        return f"{error['msg']}" + (f" (in {where})." if where else ".")
    if kind == "missing":
        return f"the key '{where}' is missing; add it."
    expected = {
        "study": error["msg"],
        "bool_type": "must be true or false",
        "string_type": "must be a text in quotes",
        "model_type": "must be a table of keys",
        "model_attributes_type": "must be a table of keys",
    }.get(kind, f"cannot be used: {error['msg'][:1].lower()}{error['msg'][1:]}")
    if isinstance(found, (dict, BaseModel)) or not where:
        shown = ""
    else:
        text = repr(list(found)) if isinstance(found, tuple) else repr(found)
        shown = f" = {text if len(text) <= 60 else text[:57] + '...'}"
    end = "" if expected.endswith("?") else "."
    return f"{where or 'the study'}{shown} {expected}{end}"
