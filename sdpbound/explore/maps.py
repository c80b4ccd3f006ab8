"""Maps of a number over two fields, computed row by row so that they can be shown and stopped on the way."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from sdpbound.attacks.options import AttackOptions
from sdpbound.bell.observations import Observations
from sdpbound.bounds.estimates import estimated_guess
from sdpbound.entropies.swept import SweptEntropy
from sdpbound.errors import InvalidInput, SdpboundError, TimeIsUp
from sdpbound.explore.numbers import ACCURACY, ATTACK
from sdpbound.explore.point import Point, read
from sdpbound.explore.values import Map, MapPlan
from sdpbound.limiting import go_on
from sdpbound.rates.rates import key_rate, randomness_rate
from sdpbound.rates.upper import key_rate_upper_bound, randomness_rate_upper_bound

__all__ = ["map_rows"]


def map_rows(plan: MapPlan) -> Iterator[Map]:
    """The map after each row, the last one complete; ends early where the limits around say so.

    Raises
    ------
    InvalidInput
        The devices have not two settings of two outcomes a party.
    """
    if not read(plan.state).is_small:
        raise InvalidInput("maps are of two settings with two outcomes; for others write a study file with the button.")
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
