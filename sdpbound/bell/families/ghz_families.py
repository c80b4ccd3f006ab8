"""Devices of three and more parties: GHZ states at the maximum of an expression, and W states."""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdpbound.arguments import whole
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.families.expressions import mermin
from sdpbound.bell.families.family import Axis, Family
from sdpbound.bell.families.multipartite import FEWEST, MOST, holz, mabk, parity_chsh, svetlichny
from sdpbound.bell.scenario import Scenario
from sdpbound.bell.strategy import Strategy
from sdpbound.errors import InvalidInput
from sdpbound.registry import near

__all__ = ["Ghz", "W"]

_Z = np.diag([1.0, -1.0])
_X = np.array([[0.0, 1.0], [1.0, 0.0]])
_Y = np.array([[0.0, -1.0j], [1.0j, 0.0]])

#: The expressions that have their devices here.
_NAMES = ("mabk", "mermin", "svetlichny", "holz", "parity_chsh")


@dataclass(frozen=True)
class Ghz(Family):
    """GHZ states ``cos(angle) |0..0> + sin(angle) |1..1>`` with the measurements that are best at the angle pi/4.

    Attributes
    ----------
    of : the expression, "mabk", "mermin", "svetlichny", "holz" or "parity_chsh"
    parties : their number, from 3 to 8; 3 for "mermin" and "holz"
    key : whether every party without a measurement of Z has one after its other settings, which is not tested: the
        settings of a conference key. Of "holz" and "parity_chsh" Alice's setting 0 is Z already

    >>> m = Ghz("holz", key=True).member()
    >>> m.scenario.settings, round(m.strategy_value, 9), m.quantum_bound
    ((2, 3, 3), 1.5, 1.5)
    """

    of: str = "mabk"
    parties: int = 3
    key: bool = False
    name = "ghz"
    text = "a GHZ state with the measurements that are best for an expression of several parties"
    source = "Greenberger, Horne and Zeilinger (1989); PRL 65, 1838; arXiv:1910.11360; arXiv:1708.00798"
    axes = (Axis("angle", "rad", 0.0, math.pi / 2, "angle of the state", default=math.pi / 4, symbol=r"\theta"),)

    def __post_init__(self) -> None:
        if self.of not in _NAMES:
            raise InvalidInput(f"of = {self.of!r:.60} must be one of {', '.join(_NAMES)}{near(str(self.of), _NAMES)}")
        most = FEWEST if self.of in ("mermin", "holz") else MOST
        object.__setattr__(self, "parties", whole(self.parties, "parties", FEWEST, most))
        if not isinstance(self.key, bool):
            raise InvalidInput(f"key = {self.key!r:.60} must be true or false.")

    @cached_property
    def _plain(self) -> BellExpression:
        makers = {"mermin": mermin, "holz": holz}
        if self.of in makers:
            return makers[self.of]()
        return {"mabk": mabk, "svetlichny": svetlichny, "parity_chsh": parity_chsh}[self.of](self.parties)

    @cached_property
    def _observables(self) -> list[list[NDArray[Any]]]:
        """The tested observables of each party, then Z for a key where there is none."""
        if self.of == "holz":
            bob = [math.cos(math.pi / 6) * _X + sign * math.sin(math.pi / 6) * _Z for sign in (-1.0, 1.0)]
            own = [[_Z, _X], bob, bob]
        elif self.of == "parity_chsh":
            bob = [(_Z + sign * _X) / math.sqrt(2.0) for sign in (1.0, -1.0)]
            own = [[_Z, _X], bob, *([_X] for _ in range(self.parties - 2))]
        else:
            angles = _angles(self._plain)
            own = [[math.cos(a) * _X + math.sin(a) * _Y for a in angles] for _ in range(self.parties)]
        if not self.key:
            return own
        return [party if any(o is _Z for o in party) else [*party, _Z] for party in own]

    def expression(self, values: Mapping[str, float]) -> BellExpression:
        return _widened(self._plain, tuple(len(party) for party in self._observables))

    def strategy(self, values: Mapping[str, float]) -> Strategy:
        vector = np.zeros(2**self.parties)
        vector[0], vector[-1] = math.cos(values["angle"]), math.sin(values["angle"])
        return _of_observables(vector, self._observables)

    def local_bound(self, values: Mapping[str, float]) -> float:
        return self._plain.local_bound

    def quantum_bound(self, values: Mapping[str, float]) -> float:
        n = self.parties
        if self.of == "mabk":
            return math.sqrt(2.0) ** (n - 1)
        if self.of == "svetlichny":
            return math.sqrt(2.0) ** (2 * n - 1)
        return {"mermin": 4.0, "holz": 1.5, "parity_chsh": 2.0 * math.sqrt(2.0)}[self.of]


@dataclass(frozen=True)
class W(Family):
    """W states ``(|10..0> + |01..0> + .. + |0..01>)/sqrt(n)``, every party with two settings ``cos(a) Z + sin(a) X``.

    The expression is Mermin's for three parties, MABK for more; W states do not reach its maximum (3.046 of 4).

    Attributes
    ----------
    parties : their number, from 3 to 8

    >>> round(W().member(first=2.72456, second=4.08462).strategy_value, 3)
    3.046
    """

    parties: int = 3
    name = "w"
    text = "a W state, with the same two measurements of every party"
    source = "Dur, Vidal and Cirac, quant-ph/0005115"
    axes = (
        Axis("first", "rad", -math.inf, math.inf, "angle of the first setting from Z", default=0.0, symbol="a_0"),
        Axis("second", "rad", -math.inf, math.inf, "angle of the other one", default=math.pi / 2, symbol="a_1"),
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "parties", whole(self.parties, "parties", FEWEST, MOST))

    def expression(self, values: Mapping[str, float]) -> BellExpression:
        return mermin() if self.parties == FEWEST else mabk(self.parties)

    def strategy(self, values: Mapping[str, float]) -> Strategy:
        vector = np.zeros(2**self.parties)
        vector[[2**k for k in range(self.parties)]] = self.parties**-0.5
        own = [math.cos(values[name]) * _Z + math.sin(values[name]) * _X for name in ("first", "second")]
        return _of_observables(vector, [own] * self.parties)


def _of_observables(vector: NDArray[np.float64], observables: Sequence[Sequence[NDArray[Any]]]) -> Strategy:
    one = np.eye(2)
    return Strategy(vector, tuple(tuple(np.array([(one + o) / 2, (one - o) / 2]) for o in own) for own in observables))


def _angles(expression: BellExpression) -> tuple[float, float]:
    """Angles of both settings in the X-Y plane, the same for all parties, at which a GHZ state is best.

    The correlator of settings x is the cosine of the sum of all angles. With a step of +-pi/2 between both settings the
    value is that of ``Re sum_x c_x exp(i (n a + step |x|))``, and is largest where a turns the sum to the real axis.
    """
    signs = expression.coefficients[(slice(1, 3),) * expression.scenario.parties]
    ones = np.indices(signs.shape).sum(axis=0)
    found = []
    for step in (math.pi / 2, -math.pi / 2):
        total = complex((signs * np.exp(1j * step * ones)).sum())
        found.append((abs(total), -cmath.phase(total) / signs.ndim, step))
    _, first, step = max(found)
    return first, first + step


def _widened(expression: BellExpression, settings: tuple[int, ...]) -> BellExpression:
    """The expression in the scenario with further settings of two outcomes, which it does not have."""
    if expression.scenario.settings == settings:
        return expression
    scenario = Scenario(tuple((2,) * count for count in settings))
    table = np.zeros(scenario.shape)
    table[tuple(slice(0, size) for size in expression.coefficients.shape)] = expression.coefficients
    return BellExpression(scenario, table, expression.name)
