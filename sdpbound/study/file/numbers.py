"""The numbers of a study file: plain numbers, expressions, lists and ranges, and messages about wrong ones.

A validator's message completes "<path> = <value> ...".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from keyword import iskeyword
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from sdpbound.bell.families.family import looks_like_degrees
from sdpbound.errors import InvalidStudy
from sdpbound.study.file.expressions import (
    ALLOWED,
    KNOWN,
    LIMIT,
    Expression,
    dependency_order,
    parse,
    unknown,
)
from sdpbound.study.file.validators import ANY, Domain, fail, nearest, quote

__all__ = [
    "GRID_LIMIT",
    "Entry",
    "ExpressionText",
    "FileContext",
    "distinct",
    "evaluated",
    "number",
    "numbers",
    "said",
    "said_one",
]

#: Most numbers of one axis.
GRID_LIMIT = 1_000_000
#: Most expressions in one list, and most constants of a file. Each expression takes some 30 microseconds to read.
EXPRESSIONS, CONSTANTS = 100_000, 1000
#: Names of values that differ from point to point. No constant has these names.
OF_A_POINT = ("theta", "phi", "omega", "s")

_ELSEWHERE = {name: f"{name!r} is an angle of a point, and not known here" for name in OF_A_POINT} | {
    "s": "'s' is the CHSH value of a point of at_chsh, and not known here",
    "at_chsh": "the CHSH value of a point of at_chsh is called 's'",
}


class FileContext(dict[str, float]):
    """The constants of a study file, once they are read, and its folder.

    Files that it names are relative to this folder, and inside ``root``. This is the folder itself, or the folder above
    for a study in a folder called ``studies``. For a study that is read from a store it is the folder of the store, or
    the folder that has ``results``.
    """

    def __init__(self, folder: Path, stored: bool = False) -> None:
        super().__init__()
        self.folder = folder
        self.stored = stored
        own = folder.resolve()
        levels = 1 if own.name == "studies" else 2 if stored and own.parent.name == "results" else 0
        above = own.parents[levels - 1] if levels else own
        self.root = above if above != above.parent else own  # never all files of the machine
        #: Numbers of settings of Alice and Bob at all points, once the family is read. None if the numbers differ
        #: between points.
        self.settings: tuple[int, ...] | None = None


#: A number, or an expression of values that differ from point to point.
Entry = float | Expression


# -- numbers ------------------------------------------------------------------------------------------------------

_WITH_UNIT = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(%|°|[A-Za-z_]+)\s*")


def _unit(text: str, domain: Domain, names: Collection[str]) -> None:
    """Refuse a number that is followed by a unit, and say what to write."""
    # a longer text is refused later, and takes this pattern a time that grows with the square of the length
    match = _WITH_UNIT.fullmatch(text) if len(text) <= LIMIT else None
    if not match:
        return
    value, word = match[1], match[2]
    if word == "°" or word.lower() in ("deg", "degs", "degree", "degrees"):
        raise fail(f"is in degrees, and angles are in radians; write {value}*deg")
    if word == "%" or word.lower() == "percent":
        raise fail(f"is in per cent; write {float(value) / 100.0:.12g}")
    if domain.unit == "seconds" or word.lower() in ("rad", "radian", "radians"):
        raise fail(f"has the unit {word!r}; write the number alone, in {domain.unit or 'radians'}")
    if word in names:
        raise fail(f"lacks a sign between {value} and {word}; write {value}*{word}")


def _entry(value: object, domain: Domain, known: Mapping[str, float], open_: Collection[str] = ()) -> Entry:
    """Read a number or an expression of constants as a number.

    An expression that mentions open names stays an expression.
    """
    shown = ""
    if isinstance(value, str):
        _unit(value, domain, {*KNOWN, *known, *open_})
        try:
            expression = parse(value, known)
            for name in sorted(expression.names.difference(open_)):
                raise ValueError(_ELSEWHERE.get(name) or unknown(name, [*known, *open_]))
            if expression.names:
                return expression
            result = expression({})
        except ValueError as error:
            names = f", and the names {', '.join([*open_, *known][:12])}" if open_ or known else ""
            allowed = "" if "write" in str(error) else f"; allowed are {ALLOWED}{names}"
            raise fail(f"cannot be read as a number: {error}{allowed}") from None
        shown = f"is {result:.12g} and "
    elif isinstance(value, bool) or not isinstance(value, (int, float)):
        raise fail('must be a number, or an expression such as "pi/2 - 0.02"')
    else:
        try:
            result = float(value)
        except OverflowError:
            result = math.inf
        if not math.isfinite(result):
            raise fail("must be finite; write a real number")
        if domain.unit == "radians" and looks_like_degrees(result) and not domain.wrong(result):
            raise fail(
                f"looks like degrees, and angles are in radians; write '{value}*deg' if it is in degrees, or "
                f"'{value}*rad' if it is not"
            )
    wrong = domain.wrong(result)
    if wrong:
        raise fail(shown + wrong)
    return result


def number(domain: Domain) -> Callable[[object, ValidationInfo], float]:
    """Return a validator that reads one number, which may be an expression of constants."""

    def check(value: object, info: ValidationInfo) -> float:
        result = _entry(value, domain, info.context or {})
        assert isinstance(result, float)
        return result

    return check


def numbers(
    domain: Domain, open_: Collection[str] = (), empty: bool = False
) -> Callable[[object, ValidationInfo], tuple[Entry, ...]]:
    """Return a validator that reads a number, a list of numbers or a range.

    Numbers may be expressions of constants and of the open names.
    """

    def check(value: object, info: ValidationInfo) -> tuple[Entry, ...]:
        known = info.context or {}
        if isinstance(value, dict):
            return _range(value, domain, known)
        if not isinstance(value, (list, tuple)):
            return (_entry(value, domain, known, open_),)
        if not value and not empty:
            raise fail("is empty; give at least one number, or {start = .., stop = .., count = ..}")
        if len(value) > GRID_LIMIT:
            raise fail(f"has {len(value)} numbers; at most {GRID_LIMIT} are allowed")
        texts = sum(isinstance(entry, str) for entry in value)
        if texts > EXPRESSIONS:
            raise fail(f"has {texts} expressions; at most {EXPRESSIONS} are allowed: write numbers, or a range")
        entries = []
        for position, entry in enumerate(value):
            try:
                entries.append(_entry(entry, domain, known, open_))
            except PydanticCustomError as error:
                raise fail(f"has entry {position} = {quote(entry)}, which {error.message()}") from None
        return distinct(tuple(entries))

    return check


def distinct(entries: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the entries, and refuse them if two are equal."""
    again = _again([_identity(entry) for entry in entries])
    if again:
        i, j = again
        raise fail(f"has the same entry at positions {i} and {j}: {_shown(entries[j])}; leave one out")
    return entries


def _again(keys: Sequence[Any]) -> tuple[int, int] | None:
    """Return the two positions of the first key that occurs twice; None if none does."""
    if len(set(keys)) == len(keys):
        return None
    first: dict[Any, int] = {}
    for position, key in enumerate(keys):
        if first.setdefault(key, position) != position:
            return first[key], position
    return None


def _identity(entry: Any) -> Any:
    if isinstance(entry, Expression):
        return "".join(entry.text.split())
    return getattr(entry, "identity", entry)


def _shown(entry: Any) -> str:
    if isinstance(entry, Expression):
        return repr(entry.text)
    return f"{entry:.12g}" if isinstance(entry, float) else repr(getattr(entry, "identity", entry))


# -- ranges -------------------------------------------------------------------------------------------------------


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")


ExpressionText = Annotated[
    str,
    Field(description='an expression such as "pi/2 - 0.02" or "45*deg"', pattern=r"^[A-Za-z0-9_.+*/(), \t-]+$"),
]
_Said = float | ExpressionText


class CountRange(_Table):
    """Numbers from start to stop, both included."""

    start: _Said = Field(description="the first number")
    stop: _Said = Field(description="the last number")
    count: int = Field(description="how many numbers", ge=1, le=GRID_LIMIT)
    spacing: Literal["linear", "geometric"] = Field(default="linear", description="equal steps, or equal ratios")


class StepRange(_Table):
    """Numbers from start in equal steps, up to stop."""

    start: _Said = Field(description="the first number")
    stop: _Said = Field(description="the end, included if a step leads to it")
    step: _Said = Field(description="the step, negative if stop is below start")


_KEYS = list(dict.fromkeys([*CountRange.model_fields, *StepRange.model_fields]))
_RANGE = (
    "a range has the keys start, stop and count (with spacing = 'geometric' for equal ratios), or start, stop and step"
)


def said_one(domain: Domain) -> Any:
    """Return the type of a number in a domain as files may write it, for the JSON schema."""
    return Annotated[float, Field(ge=domain.low, le=domain.high)] | ExpressionText


def said(domain: Domain) -> Any:
    """Return the type of numbers in a domain as files may write them, for the JSON schema."""
    one = said_one(domain)
    many = Annotated[list[one], Field(min_length=1, max_length=GRID_LIMIT, json_schema_extra={"uniqueItems": True})]  # type: ignore[valid-type]
    return one | many | CountRange | StepRange


def _range(value: dict[str, Any], domain: Domain, known: Mapping[str, float]) -> tuple[float, ...]:
    for key in value:
        if key not in _KEYS:
            hint = nearest(key, _KEYS, 0.75) if key != "steps" else ""
            raise fail(f"has an unknown key {quote(key)}{hint or '; ' + _RANGE}")
    if "count" in value and "step" in value:
        raise fail(f"has both count and step; {_RANGE}")
    for key in ("start", "stop", "step" if "step" in value else "count"):
        if key not in value:
            raise fail(f"lacks the key {key!r}; {_RANGE}")
    ends = []
    for key in ("start", "stop", "step"):
        if key in value:
            try:
                ends.append(_entry(value[key], ANY if key == "step" else domain, known))
            except PydanticCustomError as error:
                raise fail(f"has {key} = {quote(value[key])}, which {error.message()}") from None
    start, stop = float(ends[0]), float(ends[1])  # type: ignore[arg-type]
    if "step" in value:
        if "spacing" in value:
            raise fail("has both step and spacing; leave spacing out, or give count in place of step")
        return _stepped(start, stop, float(ends[2]))  # type: ignore[arg-type]
    count, spacing = value["count"], value.get("spacing", "linear")
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= GRID_LIMIT:
        raise fail(f"has count = {quote(count)}, which must be an integer from 1 to {GRID_LIMIT}")
    if spacing not in ("linear", "geometric"):
        hint = nearest(spacing, ("linear", "geometric")) if isinstance(spacing, str) else ""
        raise fail(f"has spacing = {quote(spacing)}, which must be 'linear' or 'geometric'{hint}")
    if (count == 1) != (start == stop):
        raise fail(f"has start = {start:.12g}, stop = {stop:.12g} and count = {count}; one number is written as such")
    return _counted(start, stop, count, spacing == "geometric")


def _counted(start: float, stop: float, count: int, geometric: bool) -> tuple[float, ...]:
    inner = np.arange(1, count - 1)
    if geometric:
        if start == 0.0 or stop == 0.0 or (start > 0.0) != (stop > 0.0):
            raise fail(f"has start = {start:.12g} and stop = {stop:.12g}, and geometric spacing needs both of one sign")
        values = [float(f"{v:.15g}") for v in np.geomspace(start, stop, count)[1:-1]]
    else:
        # the fraction is in lowest terms, so that 3/4 of the way from 0 to 2 pi is 3 pi/2 to the last digit
        divisor = np.gcd(inner, count - 1)
        values = _tidy(start + (stop - start) * (inner // divisor) / ((count - 1) // divisor), start, stop)
    return distinct((start, *values, stop)) if count > 1 else (start,)


def _stepped(start: float, stop: float, step: float) -> tuple[float, ...]:
    steps = (stop - start) / step if step else math.nan
    if not steps >= 0.0:
        raise fail(f"has step = {step:.12g}, which does not lead from {start:.12g} to {stop:.12g}")
    steps += 1e-9  # the end belongs to the range if a step leads to it up to rounding
    if steps + 1.0 > GRID_LIMIT:
        raise fail(f"has {steps + 1.0:.3g} numbers; at most {GRID_LIMIT} are allowed: use a larger step")
    values = [start, *_tidy(start + step * np.arange(1, int(steps) + 1), start, step)]
    if abs(values[-1] - stop) <= 1e-9 * abs(step):
        values[-1] = stop
    return distinct(tuple(values))


def _tidy(values: Any, *given: float) -> list[float]:
    """Return short decimals if short decimals were given: 2.012, not 2.0119999999999996."""
    if not all(float(f"{v:.12g}") == v for v in given):
        return [float(v) for v in values]
    scale = max(map(abs, [*values, *given]))
    digits = 15 - math.ceil(math.log10(scale)) if scale > 0.0 else 15
    return [round(float(v), digits) for v in values]


# -- values at a point --------------------------------------------------------------------------------------------


def evaluated(key: str, entries: Sequence[Entry], domain: Domain, values: Mapping[str, float]) -> tuple[float, ...]:
    """Return the numbers of the entries at a point.

    Raises InvalidStudy for a number outside the domain. Two numbers may agree at a point: equal points are computed
    once.
    """
    found = []
    for entry in entries:
        if isinstance(entry, Expression):
            try:
                result = entry(values)
                if domain.wrong(result):
                    raise ValueError(f"it is {result:.12g} and must lie in {domain.text}")
            except ValueError as error:
                raise InvalidStudy(
                    f"{key} = {entry.text!r} cannot be used at {_point(values)}: {error}; change it, or the points."
                ) from None
            found.append(result)
        else:
            found.append(entry)
    return tuple(found)


def _point(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} = {value:.9g}" for name, value in values.items())


def read_constants(value: object, info: ValidationInfo) -> dict[str, float]:
    """Return the constants of a file, evaluated.

    Everything that is read later may use them.
    """
    if not isinstance(value, dict):
        raise fail("must be a table of names and numbers")
    if len(value) > CONSTANTS:
        raise fail(f"has {len(value)} names; at most {CONSTANTS} are allowed")
    entries: dict[str, tuple[Entry, ...]] = {}
    for name, said_ in value.items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise fail(f"has the name {quote(name)}; write letters, digits and '_', not a digit first")
        if name in KNOWN or name in OF_A_POINT or iskeyword(name):
            raise fail(f"has the name {quote(name)}, which has a meaning already; choose another name")
        try:
            entry = _entry(said_, ANY, {}, value)
        except PydanticCustomError as error:
            raise fail(f"has {name} = {quote(said_)}, which {error.message()}") from None
        entries[name] = (entry,)
    try:
        order = dependency_order(entries)
    except ValueError as error:
        raise fail(f"has {error}; give a number") from None
    found: dict[str, float] = {}
    for name in order:
        (entry,) = entries[name]
        try:
            found[name] = entry(found) if isinstance(entry, Expression) else entry
        except ValueError as error:
            raise fail(f"has {name} = {quote(value[name])}, which cannot be read as a number: {error}") from None
    found = {name: found[name] for name in entries}
    if info.context is not None:
        info.context.update(found)
    return found
