"""What the fields of the page say, as texts, and what the texts mean."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from sdpbound.errors import InvalidParameter
from sdpbound.explore.offered import FAMILIES, NOISES, OWN, TABLE, Slider
from sdpbound.registry import unknown
from sdpbound.study.file.expressions import ALLOWED, evaluate

__all__ = [
    "LEVELS",
    "OBSERVED",
    "State",
    "number_of",
    "sliders",
    "value_of",
]

OBSERVED = ("correlators", "full", "bell")
#: Higher levels may take minutes, which a page has not.
LEVELS = ("1", "1+AB", "2", "3")
#: The table that own data begin with.
_TABLE = "0.68 0.68\n0.68 -0.68"
#: A longer link is refused.
_LONGEST_LINK = 4000


@dataclass(frozen=True, slots=True)
class State:
    """The fields of the page, each as the text that stands in it.

    Attributes
    ----------
    family : a name of ``FAMILIES``
    at : a text for each axis of the family, in its order; of own data the table
    visibility, efficiency : 0 to 1; of detectors no click is outcome 0
    flips : probability with which Alice flips her key bit, 0 to 1/2, or "best"
    observed : "correlators", "full" or "bell"
    level : of the quantum hierarchy, one of ``LEVELS``
    key, random : two settings "x,y", of the key and of randomness
    """

    family: str = "singlet"
    at: tuple[tuple[str, str], ...] = tuple((axis.name, axis.start) for axis in FAMILIES["singlet"])
    visibility: str = "0.99"
    efficiency: str = "1"
    flips: str = "0"
    observed: str = "correlators"
    level: str = "2"
    key: str = "0,0"
    random: str = "0,1"

    @classmethod
    def of_family(cls, name: str) -> State:
        """The state with which a family begins.

        Raises
        ------
        InvalidParameter
            The page does not offer the family.
        """
        if name not in FAMILIES:
            raise InvalidParameter(unknown(name, FAMILIES, "family"))
        if name == OWN:
            return cls(family=name, at=((TABLE, _TABLE),), visibility="1", observed="full")
        at = tuple((axis.name, axis.start) for axis in FAMILIES[name])
        observed = {"singlet": "correlators", "chsh": "correlators", "chained": "correlators"}.get(name, "full")
        return cls(family=name, at=at, observed=observed)

    @property
    def texts(self) -> dict[str, str]:
        """Every field but the family by its name, axes first."""
        return dict(self.at) | {name: getattr(self, name) for name in _FIELDS}

    def changed(self, name: str, text: str) -> State:
        """The state with another text in one field; ``name`` is an axis or another field."""
        if name == "family":
            return State.of_family(text)
        if name in _FIELDS:
            changes: dict[str, Any] = {name: text}
            return replace(self, **changes)
        if name not in dict(self.at):
            raise InvalidParameter(unknown(name, ["family", *self.texts], "field"))
        return replace(self, at=tuple((own, text if own == name else old) for own, old in self.at))

    # -- links ----------------------------------------------------------------------------------------------------

    def to_query(self) -> str:
        """The state as the end of a web address; :meth:`from_query` reads it.

        >>> State.of_family("chsh").to_query()
        'family=chsh&visibility=0.99&efficiency=1&flips=0&observed=correlators&level=2&key=0%2C0&random=0%2C1'
        """
        return urlencode({"family": self.family} | self.texts)

    @classmethod
    def from_query(cls, query: str | Mapping[str, str]) -> State:
        """The state of a link: a whole address, what follows its question mark, or what that says by name.

        Raises
        ------
        InvalidParameter
            The link is too long, or has a name that is no field.
        """
        if isinstance(query, str):
            if len(query) > _LONGEST_LINK:
                raise InvalidParameter(f"the link has {len(query)} characters; links of the explorer are shorter.")
            query = dict(parse_qsl(query.rpartition("?")[2], keep_blank_values=True))
        given = {name: text for name, text in query.items() if name != "token"}
        state = cls.of_family(given.pop("family", "singlet"))
        for name, text in given.items():
            state = state.changed(name, text)
        return state


_FIELDS = ("visibility", "efficiency", "flips", "observed", "level", "key", "random")


def sliders(family: str) -> tuple[Slider, ...]:
    """The sliders of a family, those of its axes first."""
    return (*FAMILIES[family], *NOISES)


def value_of(name: str, text: str) -> float | None:
    """The number of a text for a slider; None for a word or where the text is no number."""
    try:
        return float(number_of(text, name))
    except InvalidParameter:
        return None


def number_of(text: str, name: str) -> float:
    """The finite number of a text, as study files read it; raises InvalidParameter."""
    try:
        number = evaluate(text.strip())
    except ValueError as error:
        raise InvalidParameter(f"{name} = {text!r:.60}: {error}; write {ALLOWED}.") from None
    if not math.isfinite(number):
        raise InvalidParameter(f"{name} = {text!r:.60} must be a finite number.")
    return number
