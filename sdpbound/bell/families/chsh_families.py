"""CHSH and its tilted and asymmetric relatives, with the strategies that attain their quantum maxima."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sdpbound.bell.expression import BellExpression
from sdpbound.bell.families.expressions import asymmetric_chsh, chsh, tilted_chsh
from sdpbound.bell.families.family import Axis, Family
from sdpbound.bell.families.qubits import schmidt_strategy
from sdpbound.bell.strategy import Strategy

__all__ = ["AsymmetricChsh", "Chsh", "TiltedChsh"]


@dataclass(frozen=True)
class Chsh(Family):
    """CHSH at its quantum maximum: a maximally entangled state, A0 = Z, A1 = X, B = (Z +- X)/sqrt(2).

    >>> round(Chsh().member().strategy_value, 9)
    2.828427125
    """

    name = "chsh"
    text = "CHSH with its optimal strategy; no axes"
    source = "Clauser, Horne, Shimony, Holt (1969); Tsirelson (1980)"

    def expression(self, values: Mapping[str, float]) -> BellExpression:
        return chsh()

    def strategy(self, values: Mapping[str, float]) -> Strategy:
        return schmidt_strategy(math.pi / 4, (0.0, math.pi / 2), (math.pi / 4, -math.pi / 4))

    def local_bound(self, values: Mapping[str, float]) -> float:
        return 2.0

    def quantum_bound(self, values: Mapping[str, float]) -> float:
        return 2.0 * math.sqrt(2.0)


@dataclass(frozen=True)
class TiltedChsh(Family):
    r"""``beta <A0> + alpha <A0 (B0 + B1)> + <A1 (B0 - B1)>`` at its quantum maximum (arXiv:1107.2754).

    With the state ``cos(t) |00> + sin(t) |11>``, A0 = Z, A1 = X and B = cos(m) Z +- sin(m) X the value is
    ``beta c + 2 alpha cos(m) + 2 sqrt(1 - c^2) sin(m)``, c = cos(2t). The best m has tan(m) = sin(2t)/alpha, and the
    best c is ``beta sqrt((1 + alpha^2)/(4 + beta^2))``, where the value is ``sqrt((1 + alpha^2)(4 + beta^2))``. For
    alpha beta >= 2 it would exceed 1: then the product state c = 1 is best, and the maximum is local.

    >>> m = TiltedChsh().member(beta=0.5)
    >>> round(m.strategy_value, 9) == round(m.quantum_bound, 9)
    True
    """

    name = "tilted_chsh"
    text = "tilted CHSH with its optimal strategy: partially entangled states"
    source = "Acin, Massar and Pironio, arXiv:1107.2754"
    axes = (
        Axis("beta", "1", 0.0, 1e6, "weight of <A0>", symbol=r"\beta"),
        Axis("alpha", "1", 1.0, 1e6, "weight of <A0 (B0 + B1)>", default=1.0, symbol=r"\alpha"),
    )

    def expression(self, values: Mapping[str, float]) -> BellExpression:
        return tilted_chsh(values["beta"], values["alpha"])

    def strategy(self, values: Mapping[str, float]) -> Strategy:
        beta, alpha = values["beta"], values["alpha"]
        c = min(1.0, beta * math.sqrt((1.0 + alpha**2) / (4.0 + beta**2)))
        m = math.atan2(math.sqrt(1.0 - c * c), alpha)
        return schmidt_strategy(math.acos(c) / 2.0, (0.0, math.pi / 2), (m, -m))

    def local_bound(self, values: Mapping[str, float]) -> float:
        return values["beta"] + 2.0 * values["alpha"]

    def quantum_bound(self, values: Mapping[str, float]) -> float:
        beta, alpha = values["beta"], values["alpha"]
        if alpha * beta >= 2.0:
            return self.local_bound(values)
        return math.sqrt((1.0 + alpha**2) * (4.0 + beta**2))


@dataclass(frozen=True)
class AsymmetricChsh(Family):
    """``alpha <A0 (B0 + B1)> + <A1 (B0 - B1)>`` at its quantum maximum (arXiv:2007.16146).

    A maximally entangled state, A0 = Z, A1 = X, B = cos(m) Z +- sin(m) X with tan(m) = 1/alpha.

    >>> round(AsymmetricChsh().member(alpha=1.5).strategy_value, 9)
    3.605551275
    """

    name = "asymmetric_chsh"
    text = "asymmetric CHSH with its optimal strategy"
    source = "arXiv:2007.16146"
    axes = (Axis("alpha", "1", -1e6, 1e6, "weight of <A0 (B0 + B1)>", symbol=r"\alpha"),)

    def expression(self, values: Mapping[str, float]) -> BellExpression:
        return asymmetric_chsh(values["alpha"])

    def strategy(self, values: Mapping[str, float]) -> Strategy:
        m = math.atan2(1.0, values["alpha"])
        return schmidt_strategy(math.pi / 4, (0.0, math.pi / 2), (m, -m))

    def local_bound(self, values: Mapping[str, float]) -> float:
        return 2.0 * max(1.0, abs(values["alpha"]))

    def quantum_bound(self, values: Mapping[str, float]) -> float:
        return 2.0 * math.hypot(1.0, values["alpha"])
