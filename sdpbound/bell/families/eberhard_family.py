"""Partially entangled qubits of which one pair of outcomes never occurs: Eberhard's devices for lossy detectors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from sdpbound.bell.expression import BellExpression
from sdpbound.bell.families.family import Axis, Family
from sdpbound.bell.families.qubits import schmidt_strategy
from sdpbound.bell.families.two_qubit import settings_of_two
from sdpbound.bell.strategy import Strategy

__all__ = ["Eberhard"]


@dataclass(frozen=True)
class Eberhard(Family):
    """``cos(theta) |00> + sin(theta) |11>``, one angle for each setting but B0, and p(11|10) = 0 without noise.

    Angles are from Z in the X-Z plane, as in the family "two_qubit", of which these are the members with
    ``tan(a1/2) tan(b0/2) = -tan(theta)``: outcome 1 of B0 steers Alice's qubit to where A1 has outcome 0. With lossy
    detectors the rates of the family "two_qubit" have a ridge there, where their slopes jump: near the face
    p(11|10) = 0 of the set of behaviours entropies change like the square root of the distance from it.

    Attributes
    ----------
    settings : numbers of settings of Alice and Bob, from 2 to 32

    >>> m = Eberhard((2, 3)).member(theta=0.3, a0=0, a1=1.3, b1=0.3, b2=0)
    >>> bool(m.behaviour().joint(1, 0)[1, 1] < 1e-15)
    True
    """

    settings: tuple[int, int] = (2, 2)
    name = "eberhard"
    text = "a pure state of two qubits whose settings A1 and B0 never both have outcome 1, and the other angles"
    source = "Eberhard, PRA 47, R747 (1993)"

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", settings_of_two(self.settings, 2))

    @cached_property
    def axes(self) -> tuple[Axis, ...]:  # type: ignore[override]
        found = [Axis("theta", "rad", 0.0, math.pi / 2, "angle of the state", symbol=r"\theta")]
        for party, number in zip("ab", self.settings, strict=True):
            for x in range(number):
                name = f"{party}{x}"
                if name != "b0":
                    symbol = f"{party}_{{{x}}}"
                    text = f"angle of {name.upper()} from Z"
                    found.append(Axis(name, "rad", -math.inf, math.inf, text, symbol=symbol))
        return tuple(found)

    def expression(self, values: Mapping[str, float]) -> BellExpression | None:
        return None

    def strategy(self, values: Mapping[str, float]) -> Strategy:
        theta, half = values["theta"], values["a1"] / 2.0
        first = -2.0 * math.atan2(math.sin(theta) * math.cos(half), math.cos(theta) * math.sin(half))
        alice = [values[f"a{x}"] for x in range(self.settings[0])]
        bob = [first, *(values[f"b{y}"] for y in range(1, self.settings[1]))]
        return schmidt_strategy(theta, alice, bob)
