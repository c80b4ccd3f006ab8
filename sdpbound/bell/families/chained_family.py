"""The chained expression with its optimal strategy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sdpbound.bell.expression import BellExpression
from sdpbound.bell.families.expressions import chained
from sdpbound.bell.families.family import Axis, Family
from sdpbound.bell.families.qubits import schmidt_strategy
from sdpbound.bell.strategy import Strategy

__all__ = ["Chained"]


@dataclass(frozen=True)
class Chained(Family):
    """The chained expression at its quantum maximum: a maximally entangled state, A_i at 2i and B_i at 2i + 1 steps of
    pi/(2N) in one plane, so that neighbours have the correlator cos(pi/(2N)), and A_0, B_{N-1} its negative.

    >>> m = Chained().member(settings=3)
    >>> round(m.strategy_value - m.quantum_bound, 12) == 0.0
    True
    """

    name = "chained"
    text = "the chained expression with its optimal strategy"
    source = "Braunstein and Caves (1990); Wehner, quant-ph/0510076"
    axes = (Axis("settings", "1", 2, 64, "settings of each party", whole=True, symbol="N"),)

    def expression(self, values: Mapping[str, float]) -> BellExpression:
        return chained(int(values["settings"]))

    def strategy(self, values: Mapping[str, float]) -> Strategy:
        n = int(values["settings"])
        step = math.pi / (2 * n)
        return schmidt_strategy(math.pi / 4, [2 * i * step for i in range(n)], [(2 * i + 1) * step for i in range(n)])

    def local_bound(self, values: Mapping[str, float]) -> float:
        return 2.0 * values["settings"] - 2.0

    def quantum_bound(self, values: Mapping[str, float]) -> float:
        n = values["settings"]
        return 2.0 * n * math.cos(math.pi / (2.0 * n))
