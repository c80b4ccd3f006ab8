"""What a family of devices is: named axes, and for each of its points a member.

A new family is a frozen dataclass that inherits from :class:`Family`. Its fields say which family it is (its
structure, such as the number of settings). Its axes say which numbers choose a member. It gives what it has of each
member: an expression, a strategy, a behaviour, closed forms.

    @dataclass(frozen=True)
    class Werner(Family):
        name = "werner"
        text = "CHSH devices with a Werner state"
        source = "Werner, PRA 40, 4277 (1989)"
        axes = (Axis("weight", "1", 0.0, 1.0, "weight of the singlet"),)

        def expression(self, values):
            return chsh()

        def strategy(self, values):
            ...
"""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, ClassVar, Literal

from sdpbound.arguments import instance, numbered
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.exact import Angle
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.noise.noise import Noise
from sdpbound.bell.noise.state import WhiteNoise
from sdpbound.bell.scenario import Scenario
from sdpbound.bell.strategy import Strategy
from sdpbound.errors import InvalidInput, InvalidParameter
from sdpbound.registry import near

__all__ = ["Axis", "Family", "FamilyMember", "Member", "looks_like_degrees", "require_radians"]

#: Larger numbers of an axis that counts would not be exact as floats.
MOST = 2.0**53


# -- angles that may be degrees -------------------------------------------------------------------------------------


def looks_like_degrees(value: float) -> bool:
    """Whether a number of radians was more likely meant in degrees.

    It is beyond a full turn and a multiple of 5/2, or beyond two turns and a multiple of 1/2.

    >>> [looks_like_degrees(v) for v in (45, 22.5, 33, 10, 8.0, 6.0, 7.3)]
    [True, True, True, True, False, False, False]
    """
    if not math.isfinite(value) or abs(value) <= 2.0 * math.pi:
        return False
    return float(value / 2.5).is_integer() or (abs(value) > 4.0 * math.pi and float(2.0 * value).is_integer())


def require_radians(value: float, name: str) -> float:
    """The angle as it is; raises InvalidParameter if it was more likely meant in degrees.

    For numbers that people write, in study files and on the command line. Functions take any angle.
    """
    if looks_like_degrees(value):
        raise InvalidParameter(
            f"{name} = {value:g} looks like degrees, and angles are in radians; write '{value:g} deg' if it is in "
            f"degrees, or '{value:g} rad' if it is not."
        )
    return value


# -- axes -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Axis:
    """A number that chooses a member of a family.

    Attributes
    ----------
    name : an identifier, as in study files and in ``--at name=value``
    unit : "rad" of an angle, else "1"
    low, high : the range, both ends included; high may be infinite
    text : what it is, for people
    whole : whether only integers are values
    default : its value where none is given; None: one must be given
    symbol : for figures, in mathtext, such as r"\\theta"; empty: its name
    """

    name: str
    unit: Literal["rad", "1"]
    low: float
    high: float
    text: str
    whole: bool = False
    default: float | None = None
    symbol: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isidentifier() or self.name.startswith("_"):
            raise InvalidParameter(f"an axis must be named by an identifier, such as 'beta', not {self.name!r:.60}.")
        if self.unit not in ("rad", "1"):
            raise InvalidParameter(f"unit = {self.unit!r:.60} of axis '{self.name}' must be 'rad' or '1'.")
        if not self.low <= self.high:
            raise InvalidParameter(f"axis '{self.name}' runs from {self.low} to {self.high}; low must not exceed high.")
        if self.default is not None:
            self.read(self.default)

    @property
    def range(self) -> str:
        """Which values it takes, for people.

        >>> Axis("beta", "1", 0.0, math.inf, "weight").range, Axis("d", "1", 2, 16, "outcomes", whole=True).range
        ('a number of at least 0', 'an integer from 2 to 16')
        """
        kind = "an integer" if self.whole else "an angle in radians" if self.unit == "rad" else "a number"
        if math.isinf(self.low) and math.isinf(self.high):
            return kind
        if math.isinf(self.high):
            return f"{kind} of at least {self.low:g}"
        if math.isinf(self.low):
            return f"{kind} of at most {self.high:g}"
        return f"{kind} from {self.low:.12g} to {self.high:.12g}"

    @property
    def label(self) -> str:
        """For figures: symbol and unit."""
        symbol = f"${self.symbol}$" if self.symbol else self.name.replace("_", " ")
        return f"{symbol} (rad)" if self.unit == "rad" else symbol

    def read(self, value: object) -> float:
        """A value of the axis as a float; raises InvalidParameter outside its range."""
        if self.whole and isinstance(value, float) and value.is_integer():
            value = int(value)
        number = numbered(value, self.name)
        if not self.low <= number <= self.high or (self.whole and (not number.is_integer() or abs(number) > MOST)):
            raise InvalidParameter(f"{self.name} = {value} must be {self.range}.")
        return value if isinstance(value, Angle) else number + 0.0  # no -0.0


# -- members --------------------------------------------------------------------------------------------------------


class Member(ABC):
    """A point of a family: what is tested there, and what the devices do.

    ``expression``, ``strategy`` and the closed forms are None where the family has none.

    >>> import sdpbound as sb
    >>> member = sb.family_named("tilted_chsh").member(beta=0.5)
    >>> round(float(member.quantum_bound), 9) == round((8 + 2 * 0.5**2) ** 0.5, 9)
    True
    """

    @property
    @abstractmethod
    def values(self) -> dict[str, float]:
        """The value of each axis."""

    @property
    @abstractmethod
    def title(self) -> str:
        """Its family and values in one line, for people."""

    @property
    @abstractmethod
    def expression(self) -> BellExpression | None:
        """The Bell expression that belongs to the member."""

    @property
    @abstractmethod
    def strategy(self) -> Strategy | None:
        """The state and measurements of ideal devices."""

    @abstractmethod
    def behaviour(self, visibility: float = 1.0, noise: Noise | None = None) -> Behaviour:
        """What the devices do: the ideal behaviour, with white noise of a visibility and with ``noise`` besides."""

    @property
    def scenario(self) -> Scenario:
        """The numbers of settings and outcomes."""
        return self.behaviour().scenario

    @property
    def local_bound(self) -> float | None:
        """The local maximum of the expression in closed form."""
        return None

    @property
    def quantum_bound(self) -> float | None:
        """The quantum maximum of the expression in closed form."""
        return None

    @property
    def source(self) -> str:
        """Where expression, strategy and closed forms are from."""
        return ""

    @property
    def strategy_value(self) -> float | None:
        """The value of the expression on the ideal behaviour."""
        return None if self.expression is None else float(self.expression.value(self.behaviour()))

    @property
    def chsh(self) -> float | None:
        """The largest of the eight CHSH values of the ideal behaviour; None but for two settings, binary outcomes."""
        ideal = self.behaviour()
        return ideal.chsh if ideal.scenario.outcomes == ((2, 2), (2, 2)) else None


@dataclass(frozen=True, eq=False)
class FamilyMember(Member):
    """A member that asks its family for all it is: made by :meth:`Family.member`."""

    family: Family
    at: tuple[float, ...]

    @property
    def values(self) -> dict[str, float]:
        return dict(zip((axis.name for axis in self.family.axes), self.at, strict=True))

    @property
    def title(self) -> str:
        return self.family.title(self.values)

    @cached_property
    def expression(self) -> BellExpression | None:
        return self.family.expression(self.values)

    @cached_property
    def strategy(self) -> Strategy | None:
        return self.family.strategy(self.values)

    @cached_property
    def _ideal(self) -> Behaviour:
        found = self.family.behaviour(self.values)
        if found is not None:
            return found
        if self.strategy is None:
            raise InvalidInput(f"{self.title} has neither a strategy nor a behaviour: its family must give one.")
        return self.strategy.behaviour()

    def behaviour(self, visibility: float = 1.0, noise: Noise | None = None) -> Behaviour:
        if noise is None:
            return self._ideal if visibility == 1.0 else self._ideal.white_noise(visibility)
        instance(noise, Noise, "noise", "WhiteNoise(0.99)")
        if visibility != 1.0:
            noise = WhiteNoise(visibility) + noise
        if not noise.needs_strategy:
            return noise.on_behaviour(self._ideal)
        if self.strategy is None:
            raise InvalidInput(
                f"{noise.name} acts on a state, and {self.title} is a bare behaviour; use white noise or detectors."
            )
        return self.strategy.behaviour(noise)

    @cached_property
    def local_bound(self) -> float | None:
        return self.family.local_bound(self.values)

    @cached_property
    def quantum_bound(self) -> float | None:
        return self.family.quantum_bound(self.values)

    @property
    def source(self) -> str:
        return self.family.source

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FamilyMember) and (self.family, self.at) == (other.family, other.at)

    def __hash__(self) -> int:
        return hash((self.family, self.at))


# -- families -------------------------------------------------------------------------------------------------------


class Family(ABC):
    """Devices that differ in some numbers, its axes. Subclasses are frozen dataclasses; their fields are the structure.

    Attributes
    ----------
    name : as in study files, and in ``--family NAME``
    text : one line for people
    source : where it is from, such as an arXiv number
    axes : the numbers that choose a member, in order; names of fields and axes differ
    """

    name: ClassVar[str]
    text: ClassVar[str]
    source: ClassVar[str]
    axes: tuple[Axis, ...] = ()

    # what a subclass gives

    @abstractmethod
    def expression(self, values: Mapping[str, float]) -> BellExpression | None:
        """The Bell expression of a member; None for none."""

    @abstractmethod
    def strategy(self, values: Mapping[str, float]) -> Strategy | None:
        """The strategy of a member; None for none, and then :meth:`behaviour` is given."""

    def has_strategy(self, values: Mapping[str, float]) -> bool:
        """Whether a member has a strategy; a family that searches for strategies says so without searching."""
        return self.strategy(values) is not None

    def behaviour(self, values: Mapping[str, float]) -> Behaviour | None:
        """The ideal behaviour of a member; None: that of its strategy."""
        return None

    def local_bound(self, values: Mapping[str, float]) -> float | None:
        """The local maximum of the expression in closed form; None for none."""
        return None

    def quantum_bound(self, values: Mapping[str, float]) -> float | None:
        """The quantum maximum of the expression in closed form; None for none."""
        return None

    def require(self, values: Mapping[str, float]) -> None:  # noqa: B027 -- most families have nothing to refuse
        """Raise InvalidParameter if axes, each in its range, do not go together."""

    def identity(self, values: Mapping[str, float]) -> dict[str, Any]:
        """All that the numbers of a member depend on, as plain data; studies store results under a hash of it."""
        at = {name: float(value).hex() for name, value in values.items()}
        return {"structure": {name: repr(value) for name, value in self.structure.items()}, "at": at}

    def point_names(self) -> tuple[str, ...] | None:
        """Names of all members, where the family is a list of them with one axis that counts; else None."""
        return None

    def narrowed(self, values: Mapping[str, float]) -> Family:
        """A family with the same member at these values, to be sent to another process: without other data."""
        return self

    def scenario(self, values: Mapping[str, float]) -> Scenario:
        """The numbers of settings and outcomes of a member; they may depend on axes that count, on no others."""
        found = self.expression(values)
        return self.at(values).scenario if found is None else found.scenario

    def to_dict(self) -> dict[str, Any]:
        """As plain data that TOML and JSON hold; :func:`~sdpbound.bell.families.table.family_from` reads it."""
        return {"kind": self.name} | {name: _thawed(value) for name, value in self.structure.items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Family:
        """The family of what :meth:`to_dict` gave, without its kind."""
        return cls(**{name: _frozen(value) for name, value in data.items()})

    # what it is asked

    @property
    def structure(self) -> dict[str, Any]:
        """What distinguishes it from other families of its name: its dataclass fields."""
        return {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]

    def axis(self, name: str) -> Axis:
        """The axis of this name; raises InvalidParameter with the nearest name."""
        for axis in self.axes:
            if axis.name == name:
                return axis
        names = tuple(axis.name for axis in self.axes)
        which = f"its axes are {', '.join(names)}" if names else "it has none"
        raise InvalidParameter(f"the family '{self.name}' has no axis '{name}', {which}{near(name, names)}")

    def member(self, **values: float) -> Member:
        """The member at a value for each axis that has no default.

        Raises
        ------
        InvalidParameter
            An axis is unknown, missing, or out of its range; the message names the nearest axis or the range.
        """
        for name in values:
            self.axis(name)
        found = {}
        for axis in self.axes:
            value = values.get(axis.name, axis.default)
            if value is None:
                raise InvalidParameter(
                    f"the family '{self.name}' needs a value of {axis.name}, {axis.text}: {axis.range}."
                )
            found[axis.name] = axis.read(value)
        self.require(found)
        return self.at(found)

    def at(self, values: Mapping[str, float]) -> Member:
        """The member at valid values."""
        return FamilyMember(self, tuple(values[axis.name] for axis in self.axes))

    def title(self, values: Mapping[str, float]) -> str:
        """A member in one line, for people."""
        own = [f"{name}={_shown(value)}" for name, value in self.structure.items() if value is not None]
        return f"{self.name}({', '.join([*own, *(f'{k}={v:.6g}' for k, v in values.items())])})"


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _thawed(value: Any) -> Any:
    return list(map(_thawed, value)) if isinstance(value, tuple) else value


def _shown(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 40 else f"{text[:24]}...#{hashlib.blake2b(text.encode(), digest_size=4).hexdigest()}"
