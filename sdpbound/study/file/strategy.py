"""The search for the best strategies of a family, as a study file asks for it: ``best_of = "strategy"``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationInfo
from pydantic_core import PydanticCustomError

from sdpbound.bell.families.family import Family
from sdpbound.study.file.numbers import number
from sdpbound.study.file.validators import FLIP, PROBABILITY, Domain, domain_of, fail, fail_at, integer, nearest, quote

__all__ = ["KEY", "SCHEMA", "WORD", "StrategySearch", "read_strategy_search", "some_values"]

#: The key of a family, and the word that asks for the search with its defaults.
KEY, WORD = "best_of", "strategy"
#: Most starts of a search, and most points to start from.
STARTS = 10_000
#: The steps of the search of a critical value take no longer than this many starts.
STEPS = 40
#: What a point has besides its axes, if it has it: flips, or the two probabilities of a channel.
AHEAD = {"flips": FLIP, "p0": PROBABILITY, "p1": PROBABILITY}
#: Where the search of a critical value may begin.
BEGIN = Domain(0.2, 1.0, "[0.2, 1]", "fraction")
#: What the JSON schema says of the key.
SCHEMA: dict[str, Any] = {
    "description": "search the strategy that is best for each quantity and noise; the axes then take no numbers",
    "anyOf": [
        {"enum": [WORD]},
        {
            "type": "object",
            "properties": {
                "starts": {"description": "starts of a search", "type": "integer", "minimum": 1, "maximum": STARTS},
                "seed": {"description": "of the random starts", "type": "integer", "minimum": 0},
                "near": {
                    "description": "points to start from: a value for each axis, and flips",
                    "type": "array",
                    "items": {"type": "object"},
                    "maxItems": STARTS,
                },
                "begin": {
                    "description": "of critical values: where the search begins, and some strategy has a key",
                    "type": "number",
                    "minimum": BEGIN.low,
                    "maximum": BEGIN.high,
                },
            },
            "additionalProperties": False,
        },
    ],
}


@dataclass(frozen=True, slots=True)
class StrategySearch:
    """How the best strategies are searched, as plain data; see :class:`~sdpbound.strategies.StrategyOptions`.

    Attributes
    ----------
    starts : how many starts a search has
    seed : of the random starts
    near : points to start from, each with its names and values
    begin : the visibility or efficiency at which the search of a critical value begins
    """

    starts: int = 40
    seed: int = 0
    near: tuple[tuple[tuple[str, float], ...], ...] = ()
    begin: float = 1.0

    def most_starts(self, critical: bool) -> int:
        """How many starts take as long as the search; that of a critical value tries all twice, and makes steps."""
        return 2 * self.starts + STEPS if critical else self.starts

    @property
    def entry(self) -> dict[str, Any]:
        """The search as a study file says it."""
        near = [dict(point) for point in self.near]
        own = {} if self.begin == 1.0 else {"begin": self.begin}
        return {"starts": self.starts, "seed": self.seed, "near": near, **own}

    @property
    def meaning(self) -> dict[str, Any]:
        """All that gives the search its meaning, as plain data."""
        near = [{name: value.hex() for name, value in point} for point in self.near]
        own = {} if self.begin == 1.0 else {"begin": self.begin.hex()}
        return {"starts": self.starts, "seed": self.seed, "near": near, **own}


def some_values(family: Family) -> dict[str, float]:
    """Values in the range of each axis, for what all members of a family share; an axis that counts has its default."""
    return {a.name: float(a.default or 0.0) if a.whole else min(max(0.3, a.low), a.high) for a in family.axes}


def read_strategy_search(value: object, family: Family, info: ValidationInfo) -> StrategySearch:
    """Read the key ``best_of`` of a family, and check that the family has strategies to search."""
    if value != WORD and not isinstance(value, Mapping):
        raise fail_at(KEY, f"must be {WORD!r}, or a table of starts, seed, near and begin")
    given: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
    keys = ("starts", "seed", "near", "begin")
    for key in given:
        if key not in keys:
            raise fail(
                f"has an unknown key {quote(key)} in best_of{nearest(key, keys) or ';'} allowed: {', '.join(keys)}"
            )
    _require_searchable(family)
    try:
        starts = integer(1, STARTS)(given.get("starts", 40))
        seed = integer(0, 2**63 - 1)(given.get("seed", 0))
    except PydanticCustomError as error:
        raise fail(f"has best_of whose starts and seed are integers, and one {error.message()}") from None
    near = given.get("near", [])
    if not isinstance(near, (list, tuple)) or len(near) > STARTS:
        raise fail(f"has best_of whose near must be a list of at most {STARTS} tables, such as [{{theta = 0.3, ..}}]")
    points = tuple(_point(i, entry, family, info) for i, entry in enumerate(near))
    begin = _number("has best_of.begin", given.get("begin", 1.0), BEGIN, info)
    return StrategySearch(starts, seed, points, begin)


def _require_searchable(family: Family) -> None:
    """Refuse a family without strategies of two parties, or without an axis to search."""
    for axis in family.axes:
        if axis.whole and axis.default is None:
            raise fail(f"has best_of, and the axis {axis.name} of {family.name!r} counts and has no default")
    if all(axis.whole for axis in family.axes):
        raise fail(f"has best_of, and the family {family.name!r} has no axis to search; take 'eberhard' or 'two_qubit'")
    values = some_values(family)
    if not family.has_strategy(values):
        raise fail(f"has best_of, and the family {family.name!r} has no strategies; take 'eberhard' or 'two_qubit'")
    if family.scenario(values).parties != 2:
        raise fail(f"has best_of, which is of two parties, not of {family.scenario(values)}; take another family")


def _point(index: int, entry: object, family: Family, info: ValidationInfo) -> tuple[tuple[str, float], ...]:
    """Read a point to start from."""
    at = f"has best_of.near[{index}]"
    axes = {axis.name: axis for axis in family.axes if not axis.whole}
    if not isinstance(entry, Mapping):
        raise fail(
            f"{at} = {quote(entry)}, which must be a table of {', '.join(axes)} and flips, or p0 and p1 of a channel"
        )
    for name in entry:
        if name not in AHEAD and name not in axes:
            raise fail(
                f"{at} with {quote(name)}, which is no axis{nearest(name, axes) or ';'} allowed: "
                f"{', '.join((*axes, *AHEAD))}"
            )
    found = []
    for name, axis in axes.items():
        if name not in entry and axis.default is None:
            raise fail(f"{at} without {name}, {axis.text}; a point to start from has a value for each axis")
        if name in entry:
            found.append((name, _number(f"{at}.{name}", entry[name], domain_of(axis), info)))
    for name, domain in AHEAD.items():
        if name in entry:
            found.append((name, _number(f"{at}.{name}", entry[name], domain, info)))
    own = dict(found)
    if own.get("p0", 0.0) + own.get("p1", 0.0) > 1.0:
        raise fail(f"{at} with p0 + p1 above 1; the same channel with the outcomes renamed has less")
    return tuple(found)


def _number(at: str, value: object, domain: Any, info: ValidationInfo) -> float:
    try:
        return number(domain)(value, info)
    except PydanticCustomError as error:
        raise fail(f"{at} = {quote(value)}, which {error.message()}") from None
