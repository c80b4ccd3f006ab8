"""What the fields of the page say, as texts, and what the texts mean."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from sdpbound.bell.families.family import Axis, Family
from sdpbound.bell.families.table import family_named
from sdpbound.errors import InvalidParameter
from sdpbound.registry import unknown
from sdpbound.study.file.expressions import ALLOWED, evaluate

__all__ = [
    "FAMILIES",
    "LEVELS",
    "OBSERVED",
    "OWN",
    "TABLE",
    "Slider",
    "State",
    "family_of",
    "number_of",
    "sliders",
    "value_of",
]

#: What stands for data of one's own in place of a family, and its field.
OWN, TABLE = "own data", "table"
#: The families of two parties that the page offers, each with the texts that it begins with; own data are the last.
FAMILIES: dict[str, dict[str, str]] = {
    "singlet": {"theta": "1.0", "phi": "pi/2 - 0.1", "omega": "1.0 + pi/2"},
    "chsh": {},
    "tilted_chsh": {"beta": "0.5", "alpha": "1"},
    "asymmetric_chsh": {"alpha": "1.2"},
    "two_qubit": {"theta": "pi/4", "a0": "0", "a1": "pi/2", "b0": "pi/4", "b1": "-pi/4"},
    "eberhard": {"theta": "0.49", "a0": "0.28", "a1": "-1.35", "b1": "-0.38"},
    "spdc": {"pairs": "0.2", "theta": "pi/4", "a0": "0", "a1": "pi/2", "b0": "pi/4", "b1": "-pi/4"},
    "chained": {"settings": "3"},
    "cglmp": {"d": "3"},
    OWN: {TABLE: "0.68 0.68\n0.68 -0.68"},
}
OBSERVED = ("correlators", "full", "bell")
#: Higher levels may take minutes, which a page has not.
LEVELS = ("1", "1+AB", "2", "3")
#: What all devices suffer, with the ends of its slider.
_NOISES = {"visibility": (0.7, 1.0, 0.001), "efficiency": (0.7, 1.0, 0.001), "flips": (0.0, 0.5, 0.005)}
#: Ends and step of the sliders of axes whose range is infinite or too long, by family and axis.
_REACH = {
    "tilted_chsh beta": (0.0, 1.9, 0.01),
    "tilted_chsh alpha": (1.0, 3.0, 0.01),
    "asymmetric_chsh alpha": (-3.0, 3.0, 0.01),
    "spdc pairs": (0.0, 2.0, 0.01),
    "spdc dark_a": (0.0, 0.05, 0.0005),
    "spdc dark_b": (0.0, 0.05, 0.0005),
    "chained settings": (2, 6, 1),
    "cglmp d": (2, 4, 1),
}
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
    at: tuple[tuple[str, str], ...] = tuple(FAMILIES["singlet"].items())
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
            return cls(family=name, at=tuple(FAMILIES[name].items()), visibility="1", observed="full")
        defaults = {axis.name: f"{axis.default:g}" for axis in family_of(name).axes if axis.default is not None}
        texts = defaults | FAMILIES[name]
        at = tuple((axis.name, texts[axis.name]) for axis in family_of(name).axes)
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


@dataclass(frozen=True, slots=True)
class Slider:
    """A field with a slider.

    Attributes
    ----------
    name, text : the field, and what it is in words
    low, high, step : of the slider; the field takes numbers beyond its ends as far as ``axis`` allows
    """

    name: str
    text: str
    low: float
    high: float
    step: float


def sliders(family: str) -> tuple[Slider, ...]:
    """The sliders of a family, those of its axes first."""
    words = {
        "visibility": "visibility of white noise",
        "efficiency": "efficiency of all detectors",
        "flips": "flips of Alice's key bit",
    }
    axes = () if family == OWN else family_of(family).axes
    own = [Slider(axis.name, axis.text, *_reach(family, axis)) for axis in axes]
    return (*own, *(Slider(name, words[name], *reach) for name, reach in _NOISES.items()))


def value_of(name: str, text: str) -> float | None:
    """The number of a text for a slider; None for a word or where the text is no number."""
    try:
        return float(number_of(text, name))
    except InvalidParameter:
        return None


def family_of(name: str) -> Family:
    """A family that the page offers; raises InvalidParameter for others, and for own data, which are of none."""
    if name not in FAMILIES or name == OWN:
        raise InvalidParameter(unknown(name, FAMILIES, "family"))
    return family_named(name)


def _reach(family: str, axis: Axis) -> tuple[float, float, float]:
    found = _REACH.get(f"{family} {axis.name}")
    if found is not None:
        return found
    low, high = max(axis.low, -math.pi), min(axis.high, math.pi)
    return low, high, 0.01 if high - low > 1.0 else 0.001


def number_of(text: str, name: str) -> float:
    """The finite number of a text, as study files read it; raises InvalidParameter."""
    try:
        number = evaluate(text.strip())
    except ValueError as error:
        raise InvalidParameter(f"{name} = {text!r:.60}: {error}; write {ALLOWED}.") from None
    if not math.isfinite(number):
        raise InvalidParameter(f"{name} = {text!r:.60} must be a finite number.")
    return number
