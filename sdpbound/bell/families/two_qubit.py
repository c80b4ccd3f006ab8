"""General strategies of two qubits: any pure state, any projective measurements."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sdpbound.arguments import whole
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.families.expressions import expression_named
from sdpbound.bell.families.family import Axis, Family
from sdpbound.bell.families.qubits import direction
from sdpbound.bell.strategy import Strategy
from sdpbound.errors import InvalidInput, InvalidShape

__all__ = ["TwoQubit", "settings_of_two"]

#: Most settings of a party.
MOST_SETTINGS = 32


def settings_of_two(given: Any, least: int = 1) -> tuple[int, int]:
    """The numbers of settings of Alice and Bob, each at least ``least``; InvalidInput or InvalidParameter if not."""
    try:
        numbers: tuple[Any, ...] = tuple(given)
    except TypeError:
        numbers = ()
    if len(numbers) != 2:
        raise InvalidInput(f"settings = {given!r:.60} must be two numbers, of Alice and Bob: [2, 3].")
    alice, bob = (whole(number, "settings", least, MOST_SETTINGS) for number in numbers)
    return alice, bob


@dataclass(frozen=True)
class TwoQubit(Family):
    """``cos(theta) |00> + sin(theta) |11>``, and for each setting one angle from Z in the X-Z plane, or two.

    Every pure state of two qubits has this form in the right bases, and every measurement with two outcomes that is
    not trivial is ``cos(a) Z + sin(a) (cos(u) X + sin(u) Y)`` with the polar angle a and the azimuth u. Axes are theta,
    then a0, a1, .. of Alice and b0, b1, .. of Bob; if ``complex``, also their azimuths a0_azimuth, .., b0_azimuth, ..,
    which are 0 where not given.

    Attributes
    ----------
    settings : numbers of settings of Alice and Bob, from 1 to 32
    complex : whether measurements may leave the X-Z plane
    expression_name : the Bell expression that belongs to the members, such as "chsh" or "chained(3)"; None for none

    >>> from math import pi
    >>> m = TwoQubit().member(theta=pi / 4, a0=0, a1=pi / 2, b0=pi / 4, b1=-pi / 4)
    >>> round(m.chsh, 9)
    2.828427125
    >>> [axis.name for axis in TwoQubit(settings=(1, 2), complex=True).axes]
    ['theta', 'a0', 'b0', 'b1', 'a0_azimuth', 'b0_azimuth', 'b1_azimuth']
    """

    settings: tuple[int, int] = (2, 2)
    complex: bool = False
    expression_name: str | None = None
    name = "two_qubit"
    text = "a pure state of two qubits, and one angle for each setting; azimuths too if complex"
    source = "Schmidt decomposition"

    def __post_init__(self) -> None:
        checked = settings_of_two(self.settings)
        object.__setattr__(self, "settings", checked)
        if not isinstance(self.complex, bool):
            raise InvalidInput(f"complex = {self.complex!r:.60} must be true or false.")
        if self.expression_name is not None:
            found = expression_named(self.expression_name)
            if found.scenario.outcomes != tuple((2,) * number for number in checked):
                raise InvalidShape(
                    f"the expression {self.expression_name} is of {found.scenario}, and the family has settings "
                    f"{list(checked)} with two outcomes; choose an expression that fits, or other settings."
                )

    @cached_property
    def axes(self) -> tuple[Axis, ...]:  # type: ignore[override]
        places = [f"{party}{x}" for party, number in zip("ab", self.settings, strict=True) for x in range(number)]
        found = [Axis("theta", "rad", 0.0, math.pi / 2, "angle of the state", symbol=r"\theta")]
        for place in places:
            symbol = f"{place[0]}_{{{place[1:]}}}"
            found.append(Axis(place, "rad", -math.inf, math.inf, f"angle of {place.upper()} from Z", symbol=symbol))
        for place in places if self.complex else ():
            symbol = rf"\varphi_{{{place}}}"
            text = f"azimuth of {place.upper()} from X towards Y"
            found.append(Axis(f"{place}_azimuth", "rad", -math.inf, math.inf, text, default=0.0, symbol=symbol))
        return tuple(found)

    def expression(self, values: Mapping[str, float]) -> BellExpression | None:
        return None if self.expression_name is None else expression_named(self.expression_name)

    def strategy(self, values: Mapping[str, float]) -> Strategy:
        alice, bob = (
            [direction(values[f"{party}{x}"], values.get(f"{party}{x}_azimuth", 0.0)) for x in range(number)]
            for party, number in zip("ab", self.settings, strict=True)
        )
        state = [math.cos(values["theta"]), 0.0, 0.0, math.sin(values["theta"])]
        return Strategy.from_observables(state, alice, bob)

    def local_bound(self, values: Mapping[str, float]) -> float | None:
        found = self.expression(values)
        return None if found is None else found.local_bound
