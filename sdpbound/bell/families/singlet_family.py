"""The self-tests of the singlet as a family with three angles."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sdpbound.bell.expression import BellExpression
from sdpbound.bell.families.family import Axis, Family
from sdpbound.bell.families.singlet import SingletSelfTest
from sdpbound.bell.scenario import Scenario
from sdpbound.bell.strategy import Strategy

__all__ = ["Singlet"]


@dataclass(frozen=True)
class Singlet(Family):
    """The members :class:`~sdpbound.bell.families.singlet.SingletSelfTest` of arXiv:2309.09650.

    >>> Singlet().member(theta=0.8, phi=1.2, omega=2.5) == SingletSelfTest(0.8, 1.2, 2.5)
    True
    """

    name = "singlet"
    text = "self-tests of the singlet by one Bell expression, with their strategies"
    source = "arXiv:2309.09650, Eqs. (2) to (6)"
    axes = (
        Axis("theta", "rad", -math.inf, math.inf, "angle of A1", symbol=r"\theta"),
        Axis("phi", "rad", -math.inf, math.inf, "angle of B0", symbol=r"\varphi"),
        Axis("omega", "rad", -math.inf, math.inf, "angle of B1", symbol=r"\omega"),
    )

    def at(self, values: Mapping[str, float]) -> SingletSelfTest:
        return SingletSelfTest(values["theta"], values["phi"], values["omega"])

    def scenario(self, values: Mapping[str, float]) -> Scenario:
        return self.at(values).scenario

    def expression(self, values: Mapping[str, float]) -> BellExpression:
        return self.at(values).expression

    def strategy(self, values: Mapping[str, float]) -> Strategy:
        return self.at(values).strategy

    def local_bound(self, values: Mapping[str, float]) -> float:
        return self.at(values).local_bound

    def quantum_bound(self, values: Mapping[str, float]) -> float:
        return self.at(values).quantum_bound
