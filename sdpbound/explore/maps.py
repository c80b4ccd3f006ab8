"""Maps of a number over two fields, computed row by row so that they can be shown and stopped on the way."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdpbound.attacks.options import AttackOptions
from sdpbound.bell.observations import Observations
from sdpbound.bounds.estimates import estimated_guess
from sdpbound.entropies.swept import SweptEntropy
from sdpbound.errors import InvalidInput, InvalidParameter, SdpboundError, TimeIsUp
from sdpbound.explore.numbers import ACCURACY, ATTACK
from sdpbound.explore.state import Point, State, read, sliders
from sdpbound.limiting import go_on
from sdpbound.rates.rates import key_rate, randomness_rate
from sdpbound.rates.upper import key_rate_upper_bound, randomness_rate_upper_bound
from sdpbound.registry import unknown

__all__ = ["MOST", "QUANTITIES", "Axis", "Map", "MapPlan", "map_rows", "plan_map"]

#: The most cells along one axis.
MOST = 61
#: What can be mapped: its name in words.
QUANTITIES = {
    "key_low": "key rate, proven (bits a round)",
    "key_high": "key rate, attack (bits a round)",
    "random_low": "randomness of both, proven (bits a round)",
    "random_high": "randomness of both, attack (bits a round)",
    "guess": "P_guess(A|x,E), estimate",
    "chsh": "CHSH value S",
}


@dataclass(frozen=True, slots=True)
class Axis:
    """A field, and the numbers that it takes."""

    name: str
    low: float
    high: float
    count: int

    def values(self) -> NDArray[np.float64]:
        """The numbers, ascending."""
        return np.linspace(self.low, self.high, self.count)


@dataclass(frozen=True, slots=True)
class MapPlan:
    """A map that is asked for: a quantity over two fields, the other fields as they are."""

    state: State
    quantity: str
    x: Axis
    y: Axis

    @property
    def text(self) -> str:
        """The quantity in words."""
        return QUANTITIES[self.quantity]


@dataclass(frozen=True, eq=False)
class Map:
    """A map as far as it is computed.

    Attributes
    ----------
    plan : what was asked
    values : (y, x); NaN where there is no number, or none yet
    rows : how many rows are done
    """

    plan: MapPlan
    values: NDArray[np.float64]
    rows: int

    def csv(self) -> str:
        """The table, one line for each cell that is computed."""
        lines = [f"{self.plan.x.name},{self.plan.y.name},{self.plan.quantity}"]
        for j, y in enumerate(self.plan.y.values()):
            for i, x in enumerate(self.plan.x.values()):
                if math.isfinite(self.values[j, i]):
                    lines.append(f"{float(x)!r},{float(y)!r},{float(self.values[j, i])!r}")
        return "\n".join(lines) + "\n"


def plan_map(state: State, quantity: str, x: Axis, y: Axis) -> MapPlan:
    """A map that can be computed.

    Raises
    ------
    InvalidInput
        A quantity or field is unknown, a range is empty, or there are too many cells; one sentence.
    """
    if quantity not in QUANTITIES:
        raise InvalidParameter(unknown(quantity, QUANTITIES, "quantity"))
    names = [slider.name for slider in sliders(state.family)]
    for axis in (x, y):
        if axis.name not in names:
            raise InvalidParameter(unknown(axis.name, names, "the field of a map"))
        if not (math.isfinite(axis.low) and math.isfinite(axis.high) and axis.low < axis.high):
            raise InvalidParameter(f"{axis.name} runs from {axis.low} to {axis.high}; give two numbers, the lower first.")
        if not 2 <= axis.count <= MOST:
            raise InvalidParameter(f"{axis.name} has {axis.count} cells; a map has 2 to {MOST} along each axis.")
    if x.name == y.name:
        raise InvalidInput(f"both axes of the map are {x.name}; choose two fields.")
    if not read(state).is_small:
        raise InvalidInput("maps are of two settings with two outcomes; for others write a study file with the button.")
    return MapPlan(state, quantity, x, y)


def map_rows(plan: MapPlan) -> Iterator[Map]:
    """The map after each row, the last one complete; ends early where the limits around say so."""
    values = np.full((plan.y.count, plan.x.count), np.nan)
    measure = _measure(plan.quantity)
    for j, y in enumerate(plan.y.values()):
        state = plan.state.changed(plan.y.name, repr(float(y)))
        for i, x in enumerate(plan.x.values()):
            if not go_on():
                return
            try:
                values[j, i] = measure(read(state.changed(plan.x.name, repr(float(x)))))
            except TimeIsUp:
                return
            except SdpboundError:
                continue  # a member that does not exist stays empty
        yield Map(plan, values.copy(), j + 1)


def _measure(quantity: str) -> Callable[[Point], float]:
    entropy, attack = SweptEntropy(tolerance=ACCURACY), AttackOptions(tolerance=ATTACK)

    def guess(point: Point) -> float:
        tests: Observations = point.data
        found = estimated_guess(tests.scenario, point.level, point.key[0], None, tests.coefficients, tests.values)
        return math.nan if found is None else found

    measures: dict[str, Callable[[Point], float]] = {
        "key_low": lambda p: key_rate(p.behaviour, p.data, *p.key, entropy, p.flips).value,
        "key_high": lambda p: (
            key_rate_upper_bound(p.behaviour, p.data, *p.key, preprocessing=p.flips, options=attack).value
        ),
        "random_low": lambda p: randomness_rate(p.behaviour, p.data, False, *p.random, entropy).value,
        "random_high": lambda p: (
            randomness_rate_upper_bound(p.behaviour, p.data, False, *p.random, options=attack).value
        ),
        "guess": guess,
        "chsh": lambda p: p.behaviour.chsh,
    }
    return measures[quantity]
