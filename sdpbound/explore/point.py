"""What the texts of a state mean: devices, their noise, and what is asked of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from sdpbound.adversaries.quantum import Quantum
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.exact import Angle
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.families.family import Axis, Member, require_radians
from sdpbound.bell.families.singlet import SingletSelfTest
from sdpbound.bell.families.table import family_named
from sdpbound.bell.noise.measurements import DetectionInefficiency
from sdpbound.bell.noise.noise import Noise, NoiseSequence
from sdpbound.bell.noise.state import WhiteNoise
from sdpbound.bell.observations import Observations
from sdpbound.bell.strategy import Strategy
from sdpbound.bell.tested import observations_named
from sdpbound.errors import InvalidInput, InvalidParameter
from sdpbound.explore.offered import FAMILIES, OWN, TABLE
from sdpbound.explore.own import read_table
from sdpbound.explore.state import LEVELS, OBSERVED, State, number_of
from sdpbound.registry import unknown

__all__ = ["Point", "read"]

#: A longer text of a field is refused; a table may be longer.
_LONGEST, _LONGEST_TABLE = 100, 1000
_PAIR = re.compile(r"\s*(\d{1,2})\s*,\s*(\d{1,2})\s*")


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


def read(state: State) -> Point:
    """What the texts of a state mean.

    Raises
    ------
    InvalidInput
        A text is no value, or values do not go together; the message is one sentence.
    """
    for name, text in state.texts.items():
        most = _LONGEST_TABLE if name == TABLE else _LONGEST
        if len(text) > most:
            raise InvalidParameter(f"{name} has {len(text)} characters; write at most {most}.")
    member = _member(state)
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


def _member(state: State) -> Member:
    if state.family == OWN:
        return read_table(dict(state.at)[TABLE])
    if state.family not in FAMILIES:
        raise InvalidParameter(unknown(state.family, FAMILIES, "family"))
    family = family_named(state.family)
    return family.member(**{name: _value(family.axis(name), text) for name, text in state.at})


def _value(axis: Axis, text: str) -> float:
    if axis.unit != "rad":
        return number_of(text, axis.name)
    try:
        bare = float(text)
    except ValueError:
        pass
    else:
        return require_radians(bare, axis.name)
    try:
        return Angle.of(text, axis.name)
    except InvalidParameter:
        return number_of(text, axis.name)


def _between(text: str, name: str, high: float) -> float:
    number = number_of(text, name)
    if not 0.0 <= number <= high:
        raise InvalidParameter(f"{name} = {text} must be a number from 0 to {high:g}.")
    return number


def _pair(text: str, name: str) -> tuple[int, int]:
    found = _PAIR.fullmatch(text)
    if found is None:
        raise InvalidParameter(f"{name} = {text!r:.60} must be two settings from 0 with a comma between, such as 0,1.")
    return int(found[1]), int(found[2])
