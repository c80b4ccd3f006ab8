"""Climb the landscape of a rate from many starts."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize

from sdpbound.arrays import Floats
from sdpbound.limiting import go_on
from sdpbound.strategies.landscape import Landscape

__all__ = ["Summit", "climbed", "summits"]

#: Steps from every start, and from the best ends, of which so many are taken up again.
_FIRST_STEPS, _LAST_STEPS, _TAKEN_UP = 30, 30, 2
#: The scale of a parameter is its own size, at least this.
_LEAST_SCALE = 0.02
#: Rates that differ by less than this part are the same.
SAME = 1e-2
#: What L-BFGS is told where nothing is known of a rate, in units of the rate at the start.
_NOTHING = 1e3


@dataclass(frozen=True, eq=False)
class Summit:
    """Where a climb ended: the estimated rate in bits, and the point."""

    rate: float
    point: Floats


def climbed(landscape: Landscape, start: Floats, steps: int) -> Summit:
    """The best point that L-BFGS meets on its way from a start, each parameter in units of its own size.

    Where the time is over, it is the best one so far.
    """
    landscape.best = -math.inf, None
    scale = np.maximum(np.abs(start), _LEAST_SCALE)
    first, _ = landscape.rate(start)
    if not math.isfinite(first):
        return Summit(-math.inf, start)
    unit = max(abs(first), 1e-7)

    def loss(point: Floats) -> tuple[float, Floats]:
        rate, gradient = landscape.rate(point * scale)
        if not math.isfinite(rate):
            return _NOTHING, np.zeros(len(point))
        return -rate / unit, -gradient * scale / unit

    def stop(_: Floats) -> None:
        if not go_on():
            raise StopIteration

    bounds = [(low / s, high / s) for (low, high), s in zip(landscape.bounds, scale, strict=True)]
    how = {"maxiter": steps, "ftol": 1e-9, "gtol": 1e-7, "maxls": 12}
    if go_on():
        minimize(loss, start / scale, jac=True, method="L-BFGS-B", bounds=bounds, options=how, callback=stop)
    rate, point = landscape.best
    return Summit(rate, start if point is None else point)


def summits(landscape: Landscape, starts: list[Floats]) -> tuple[list[Summit], int]:
    """The ends of the climbs from all starts, and how many rates were estimated.

    The best ends are climbed on with finer estimates, and stand where these led. Where the time is over, starts are
    left out, but not before one has a rate.
    """
    landscape = replace(landscape, evaluations=0)
    ends: list[Summit] = []
    for start in starts:
        if ends and not go_on() and math.isfinite(max(end.rate for end in ends)):
            break
        ends.append(climbed(landscape, start, _FIRST_STEPS))
    ends.sort(key=lambda end: -end.rate)
    fine = landscape.finer(ends[0].rate) if ends else landscape
    met: list[float] = []
    for i, end in enumerate(ends):
        if (
            len(met) < _TAKEN_UP
            and go_on()
            and not any(same_rate(end.rate, rate) for rate in met)
            and math.isfinite(end.rate)
        ):
            met.append(end.rate)
            ends[i] = max(end, climbed(fine, end.point, _LAST_STEPS), key=lambda end: end.rate)
    return ends, landscape.evaluations + (fine.evaluations if ends else 0)


def same_rate(one: float, other: float) -> bool:
    """Whether two estimates are the same rate, as far as a climb tells."""
    return abs(one - other) <= SAME * max(abs(one), abs(other)) + 1e-9
