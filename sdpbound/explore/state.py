"""What the fields of the page say, as texts, and what the texts mean."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import parse_qsl, urlencode

from sdpbound.adversaries.quantum import Quantum
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.exact import Angle
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.families.family import Axis, Family, Member, require_radians
from sdpbound.bell.families.singlet import SingletSelfTest
from sdpbound.bell.families.table import family_named
from sdpbound.bell.noise.measurements import DetectionInefficiency
from sdpbound.bell.noise.noise import Noise, NoiseSequence
from sdpbound.bell.noise.state import WhiteNoise
from sdpbound.bell.observations import Observations
from sdpbound.bell.strategy import Strategy
from sdpbound.bell.tested import observations_named
from sdpbound.errors import InvalidInput, InvalidParameter
from sdpbound.registry import unknown
from sdpbound.study.file.expressions import ALLOWED, evaluate

__all__ = ["FAMILIES", "LEVELS", "NOISES", "OBSERVED", "Point", "Slider", "State", "read", "sliders", "value_of"]

#: The families of two parties that the page offers, each with the texts that it begins with.
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
}
OBSERVED = ("correlators", "full", "bell")
#: Higher levels may take minutes, which a page has not.
LEVELS = ("1", "1+AB", "2", "3")
#: What all devices suffer, with the ends of its slider.
NOISES = {"visibility": (0.7, 1.0, 0.001), "efficiency": (0.7, 1.0, 0.001), "flips": (0.0, 0.5, 0.005)}
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
#: A longer text of a field, or of a whole link, is refused.
_LONGEST, _LONGEST_LINK = 100, 4000
_PAIR = re.compile(r"\s*(\d{1,2})\s*,\s*(\d{1,2})\s*")


@dataclass(frozen=True, slots=True)
class State:
    """The fields of the page, each as the text that stands in it.

    Attributes
    ----------
    family : a name of ``FAMILIES``
    at : a text for each axis of the family, in its order
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
        defaults = {axis.name: f"{axis.default:g}" for axis in _family(name).axes if axis.default is not None}
        texts = defaults | FAMILIES[name]
        at = tuple((axis.name, texts[axis.name]) for axis in _family(name).axes)
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
            return replace(self, **{name: text})
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


# -- what the texts mean --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Point:
    """The devices that a state stands for, and what is asked of them.

    Attributes
    ----------
    state : the texts
    member : the ideal devices
    visibility, efficiency : 0 to 1
    flips : 0 to 1/2, or "best"
    level : the quantum adversary
    key, random : settings (x, y)
    """

    state: State
    member: Member
    visibility: float
    efficiency: float
    flips: float | str
    level: Quantum
    key: tuple[int, int]
    random: tuple[int, int]

    @cached_property
    def behaviour(self) -> Behaviour:
        """What the noisy devices do."""
        if self.noise is None:
            return self.member.behaviour()
        if isinstance(self.noise, WhiteNoise):
            return self.member.behaviour(self.visibility)
        return self.member.behaviour(noise=self.noise)

    @property
    def lossy(self) -> DetectionInefficiency | None:
        """The detectors, if they lose something."""
        return None if self.efficiency == 1.0 else DetectionInefficiency(self.efficiency, self.efficiency)

    @property
    def noise(self) -> Noise | None:
        """White noise and then losses; None if there is neither."""
        white = None if self.visibility == 1.0 else WhiteNoise(self.visibility)
        if white is not None and self.lossy is not None:
            return NoiseSequence((white, self.lossy))
        return white or self.lossy

    @cached_property
    def data(self) -> Observations:
        """What is tested of the behaviour."""
        if self.state.observed == "bell":
            assert self.member.expression is not None  # read() has looked
            return Observations.bell_value(self.member.expression, self.behaviour)
        return observations_named(self.behaviour, self.state.observed)

    @property
    def ideal(self) -> SingletSelfTest | Strategy | Behaviour:
        """The noiseless devices, as searches for thresholds take them."""
        if isinstance(self.member, SingletSelfTest):
            return self.member
        return self.member.behaviour() if self.member.strategy is None else self.member.strategy

    @property
    def tested(self) -> str | BellExpression:
        """What is tested, as these searches take it."""
        if self.state.observed == "bell" and self.member.expression is not None:
            return "bell" if self.ideal is self.member else self.member.expression
        return self.state.observed

    @property
    def is_small(self) -> bool:
        """Whether it has two settings of two outcomes a party."""
        return self.behaviour.scenario.outcomes == ((2, 2), (2, 2))


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
    own = [Slider(axis.name, axis.text, *_reach(family, axis)) for axis in _family(family).axes]
    return (*own, *(Slider(name, words[name], *reach) for name, reach in NOISES.items()))


def value_of(name: str, text: str) -> float | None:
    """The number of a text for a slider; None for a word or where the text is no number."""
    try:
        return float(_number(text, name))
    except InvalidParameter:
        return None


def read(state: State) -> Point:
    """What the texts of a state mean.

    Raises
    ------
    InvalidInput
        A text is no value, or values do not go together; the message is one sentence.
    """
    for name, text in state.texts.items():
        if len(text) > _LONGEST:
            raise InvalidParameter(f"{name} has {len(text)} characters; write at most {_LONGEST}.")
    family = _family(state.family)
    member = family.member(**{name: _value(family.axis(name), text) for name, text in state.at})
    flips = "best" if state.flips.strip() == "best" else _between(state.flips, "flips", 0.5)
    if state.observed not in OBSERVED:
        raise InvalidParameter(unknown(state.observed, OBSERVED, "observed"))
    if state.level not in LEVELS:
        raise InvalidParameter(unknown(state.level, LEVELS, "level"))
    if state.observed == "bell" and member.expression is None:
        raise InvalidInput(f"observed = bell tests a Bell expression, and {member.title} has none: use full.")
    point = Point(
        state,
        member,
        _between(state.visibility, "visibility", 1.0),
        _between(state.efficiency, "efficiency", 1.0),
        flips,
        Quantum(state.level),
        _pair(state.key, "key"),
        _pair(state.random, "random"),
    )
    scenario = point.behaviour.scenario
    for name, pair in (("key", point.key), ("random", point.random)):
        for party, setting in enumerate(pair):
            scenario.require_setting(party, setting, name)
    _ = point.data
    return point


def _family(name: str) -> Family:
    if name not in FAMILIES:
        raise InvalidParameter(unknown(name, FAMILIES, "family"))
    return family_named(name)


def _reach(family: str, axis: Axis) -> tuple[float, float, float]:
    found = _REACH.get(f"{family} {axis.name}")
    if found is not None:
        return found
    low, high = max(axis.low, -math.pi), min(axis.high, math.pi)
    return low, high, 0.01 if high - low > 1.0 else 0.001


def _value(axis: Axis, text: str) -> float:
    if axis.unit != "rad":
        return _number(text, axis.name)
    try:
        bare = float(text)
    except ValueError:
        pass
    else:
        return require_radians(bare, axis.name)
    try:
        return Angle.of(text, axis.name)
    except InvalidParameter:
        return _number(text, axis.name)


def _number(text: str, name: str) -> float:
    try:
        number = evaluate(text.strip())
    except ValueError as error:
        raise InvalidParameter(f"{name} = {text!r:.60}: {error}; write {ALLOWED}.") from None
    if not math.isfinite(number):
        raise InvalidParameter(f"{name} = {text!r:.60} must be a finite number.")
    return number


def _between(text: str, name: str, high: float) -> float:
    number = _number(text, name)
    if not 0.0 <= number <= high:
        raise InvalidParameter(f"{name} = {text} must be a number from 0 to {high:g}.")
    return number


def _pair(text: str, name: str) -> tuple[int, int]:
    found = _PAIR.fullmatch(text)
    if found is None:
        raise InvalidParameter(f"{name} = {text!r:.60} must be two settings from 0 with a comma between, such as 0,1.")
    return int(found[1]), int(found[2])
