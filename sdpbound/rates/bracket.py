"""The last value of a noise at which a rate is proven to exceed a target: a search along a line."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from scipy.optimize import brentq

from sdpbound.errors import Infeasible, SolverFailure, TimeIsUp
from sdpbound.limiting import doing, go_on
from sdpbound.rates.rate import Rate

__all__ = ["MOST_SOLVES", "Along", "Bracket"]

#: Largest number of solves for one threshold. Newton's method needs three or four, halving the interval this many.
MOST_SOLVES = 40
#: A point next to the zero of the bound is taken inside the positive side, by this part of the tolerance.
MARGIN = 0.1
#: A functional is taken to its own zero where that is this close to the point it was found at, in tolerances.
WITHIN = 3.0
#: The search ends where the zero of the last bound is this close to the last point alive, in tolerances.
ENOUGH = 0.5
#: Where the search begins, as a part of the way from the noisy end: the noiseless end is ill-conditioned.
BEGIN = 0.9
#: The first step on the way to the zero of a bound, as a part of the interval.
FIRST_STEP = 2e-3
#: A search that comes this close to the noiseless end asks for the rate at the end itself.
NEAR = 0.02


@dataclass(frozen=True, slots=True)
class Along:
    """A rate along a line of noise.

    Parameters
    ----------
    rate_of, predict : as in :func:`critical_noise`
    moved : the certified rate at another value near by, from the proof of a rate, or None; saves solves
    """

    rate_of: Callable[[float], Rate]
    predict: Callable[[Rate, float], float] | None = None
    moved: Callable[[Rate, float], Rate | None] | None = None


class Bracket:
    """Values of the noise known alive and not known alive; positions run from 0 at the dead end to 1."""

    def __init__(self, along: Along, alive: float, dead: float, target: float, tolerance: float) -> None:
        self.along = along
        self.alive, self.dead, self.target = alive, dead, target
        self.tolerance = tolerance / abs(alive - dead)
        self.high = 1.0  # the least position known alive, or the end
        self.low = 0.0  # the greatest position tried in vain, or the end
        self.best: tuple[float, Rate] | None = None
        self.greatest = -math.inf  # of the rates met
        self.late = False  # whether the time was over before the search was
        self.noiseless = False  # whether the noiseless end was asked, to no avail
        self.solves = 0

    def value(self, position: float) -> float:
        return self.dead + position * (self.alive - self.dead)

    def solve(self, position: float) -> Rate | None:
        """Solve for the rate at a point, and move one end of the bracket there."""
        self.solves += 1
        try:
            rate = self.along.rate_of(self.value(position))
        except TimeIsUp:
            self.late = True  # which says nothing of the place
            return None
        except (Infeasible, SolverFailure):
            rate = None
        if rate is not None and rate.value > self.target:
            self.high, self.best = position, (self.value(position), rate)
        elif position < 1.0:
            self.low = max(self.low, position)
        else:
            self.noiseless = True
            if rate is not None and rate.value >= self.greatest:
                self.low = 1.0  # dead there too; a rate below those before it is the program's trouble at that end
        self.greatest = max(self.greatest, -math.inf if rate is None else rate.value)
        return rate

    def run(self, start: float | None) -> None:
        position = BEGIN if start is None else (start - self.dead) / (self.alive - self.dead)
        position = min(max(position, 0.0), 1.0)
        while self.solves < MOST_SOLVES:
            self.late = bool(self.solves) and not go_on()
            with doing(f"rate {self.solves + 1}"):
                rate = None if self.late else self.solve(position)
            if self.late:
                return
            if self.best is not None and self.high - self.low <= self.tolerance:
                return
            if self.best is None and 1.0 - self.low <= (self.tolerance if self.noiseless else 0.0):
                return  # dead at the noiseless end
            root = self.root(rate)
            if root is not None and abs(root - position) <= WITHIN * self.tolerance and self.move(rate, root):
                return
            if root is not None and self.best is not None and self.high - root <= ENOUGH * self.tolerance:
                return
            position = self.next(root)

    def move(self, rate: Rate | None, root: float) -> bool:
        """Whether the proof of a rate proves one above the target next to its root, the last point alive from then."""
        position = min(root + 0.02 * self.tolerance, self.high)
        value = self.value(position)
        other = None if self.along.moved is None or rate is None else self.along.moved(rate, value)
        if other is None or not other.value > self.target:
            return False
        self.high, self.best = position, (value, other)
        return True

    def next(self, root: float | None) -> float:
        """The next point to solve at: just inside the bound's zero if the bracket holds it, else halfway.

        The noiseless end itself comes last."""
        if root is not None:
            inside = root + MARGIN * self.tolerance
            if self.low < inside < self.high:
                return inside
        if self.best is None:
            return 1.0 if not self.noiseless and 1.0 - self.low <= NEAR else 0.5 * (self.low + 1.0)
        return 0.5 * (self.low + self.high)

    def root(self, rate: Rate | None) -> float | None:
        """Where a rate's functional falls to the target, going from the noiseless end; None where it never exceeds."""
        if rate is None or self.along.predict is None:
            return None
        predict = self.along.predict

        def excess(position: float) -> float:
            return predict(rate, self.value(position)) - self.target

        high, step = self.high, FIRST_STEP
        above = excess(high)
        if above <= 0.0:
            return None
        while True:
            if high <= 0.0:
                return 0.0
            low = max(high - step, 0.0)
            below = excess(low)
            if below <= 0.0:
                break
            # as far as the slope says, for the functional is nearly straight
            slope = (above - below) / (high - low)
            high, above = low, below
            step = min(max(1.2 * above / slope, step), 8.0 * step) if slope > 0.0 else 4.0 * step
        found = float(brentq(excess, low, high, xtol=0.02 * self.tolerance, rtol=1e-14))
        return min(found + 0.02 * self.tolerance, high)
