"""How much noise a rate survives: a noise where it is proven positive, and one where an attack proves it is not.

Every certified entropy comes with an affine functional that bounds the entropy of all other behaviours, so that one
solved point bounds the rate along the whole line of noise: affine bound less error correction. Newton's method on that
bound converges from the side where the rate is positive, in three or four solves; what it returns as alive was solved
for itself and has its own certificate.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Unpack

from sdpbound.arguments import floats, with_changes
from sdpbound.bounds.rounding import rounded
from sdpbound.errors import Infeasible, InvalidParameter, SolverFailure
from sdpbound.rates.options import LineChanges, LineOptions
from sdpbound.rates.rates import Rate

__all__ = ["Threshold", "critical_noise", "with_dead_end"]

#: Largest number of solves for one threshold. Newton's method needs three or four, halving the interval this many.
MOST_SOLVES = 40
#: A point next to the zero of the bound is taken inside the positive side, by this part of the tolerance.
MARGIN = 0.1
#: Where the search begins, as a part of the way from the noisy end: the noiseless end is ill-conditioned.
BEGIN = 0.9
#: A search that comes this close to the noiseless end asks for the rate at the end itself.
NEAR = 0.02
#: Past the last point alive, attacks are tried first at a distance of one tolerance; distances grow by this factor.
STRIDE = 3.0
#: An attack's proven rate may be above the target by so many bits: an entropy of zero is proven up to rounding.
ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Threshold:
    """Where a rate ends, from both sides.

    ``dead`` is about the protocol with the parameters in ``found`` (flips of the key, the expression tested), if any
    were searched for: others may survive more noise.

    Proven: the rate exceeds ``target`` at ``alive``, and no analysis of these tested data of this protocol gives more
    than ``target`` at ``dead``. Between the two nothing is proven. Beyond them: where the behaviour is affine in what
    is varied, as in visibilities and error rates, the best provable rate is convex in it (the least entropy is convex
    in the data, error correction concave), and it is at most the target where all is noise; so it exceeds the target
    everywhere from ``alive`` to the noiseless end, and nowhere from ``dead`` to the other. Of other noises, such as
    detection efficiency, nothing is claimed beyond the two points: rates need not be monotone.

    Attributes
    ----------
    quantity : what is varied, such as "visibility"
    alive : a value with a certified rate above ``target``, the last found; None: none was found
    dead : a value with a proven rate of at most ``target`` (within 1e-12 bits), the first tried past ``alive``; None:
        unresolved
    alive_rate, dead_rate : the two proofs: a Rate of side "lower" and one of side "upper"
    target : bits a round
    solves : rates that were computed on the way
    found : parameters of the protocol that were searched for, by name
    """

    quantity: str
    alive: float | None
    dead: float | None
    alive_rate: Rate | None
    dead_rate: Rate | None
    target: float
    solves: int
    found: tuple[tuple[str, float], ...] = ()

    def __float__(self) -> float:
        """``alive``; nan where there is none."""
        return math.nan if self.alive is None else self.alive

    @property
    def width(self) -> float | None:
        """Distance between alive and dead; None where either is unknown."""
        return None if self.alive is None or self.dead is None else abs(self.alive - self.dead)

    def __repr__(self) -> str:
        parts = []
        for value, rate, says in (
            (self.alive, self.alive_rate, "proven above"),
            (self.dead, self.dead_rate, "proven not above"),
        ):
            if value is None or rate is None:
                parts.append(f"{says} {self.target:g}: nowhere")
                continue
            sign = ">=" if rate.side == "lower" else "<="
            proof = f"{rate.kind} rate {sign} {rounded(rate.value, rate.side, 6)}"
            parts.append(f"{says} {self.target:g} at {value:.8g} ({proof})")
        extra = "".join(f", {name} {value:.6g}" for name, value in self.found)
        return f"Threshold({self.quantity}{extra}: {'; '.join(parts)})"


def critical_noise(
    rate_of: Callable[[float], Rate],
    alive: float,
    dead: float,
    *,
    upper_of: Callable[[float], Rate | None] | None = None,
    predict: Callable[[Rate, float], float] | None = None,
    quantity: str = "noise",
    options: LineOptions | None = None,
    **changes: Unpack[LineChanges],
) -> Threshold:
    """The noise at which a certified rate falls to a target.

    Parameters
    ----------
    rate_of : the certified rate (side "lower") at a value of the noise; Infeasible or SolverFailure count as no rate
    alive, dead : ends of the interval searched: where the rate is expected above the target and where not
    upper_of : the rate of an explicit attack (side "upper"), or None; without it nothing is proven dead
    predict : a lower bound on the rate at another value from the proof of a rate, say by its functional; steers only.
        Without it the interval is halved
    quantity : what the noise is called
    options : how to search, default LineOptions(); without a start a tenth of the interval from ``alive``
    changes : single options by their names: target, tolerance, start

    Returns
    -------
    Threshold

    >>> import numpy as np, sdpbound as sb
    >>> p = sb.SingletSelfTest(np.pi / 3, 1.45, 2.6)
    >>> t = critical_noise(lambda v: sb.key_rate(p.behaviour(v), x=0, y=0), 1.0, 0.9, tolerance=0.01)
    >>> t.alive is not None and t.alive_rate.value > 0, t.dead
    (True, None)
    """
    how = with_changes(options, LineOptions(), changes, "critical_noise")
    target, tolerance = float(how.target), how.tolerance
    ends = floats([alive, dead], "the ends of the interval of noise")
    if ends[0] == ends[1]:
        raise InvalidParameter(f"the ends of the interval of noise, {alive} and {dead}, must differ.")
    span = abs(float(ends[1] - ends[0]))
    if not 1e-9 <= tolerance / span <= 0.5:
        raise InvalidParameter(
            f"tolerance = {tolerance!r:.60} of a threshold must be from 1e-9 to 1/2 of the interval."
        )
    search = _Bracket(rate_of, predict, float(ends[0]), float(ends[1]), target, float(tolerance))
    search.run(how.start)
    value, rate = search.best if search.best is not None else (None, None)
    found = Threshold(quantity, value, None, rate, None, target, search.solves)
    return found if upper_of is None else with_dead_end(found, upper_of, (float(ends[0]), float(ends[1])), tolerance)


class _Bracket:
    """Values of the noise known alive and not known alive; positions run from 0 at the dead end to 1."""

    def __init__(
        self,
        rate_of: Callable[[float], Rate],
        predict: Callable[[Rate, float], float] | None,
        alive: float,
        dead: float,
        target: float,
        tolerance: float,
    ) -> None:
        self.rate_of, self.predict = rate_of, predict
        self.alive, self.dead, self.target = alive, dead, target
        self.tolerance = tolerance / abs(alive - dead)
        self.high = 1.0  # the least position known alive, or the end
        self.low = 0.0  # the greatest position tried in vain, or the end
        self.best: tuple[float, Rate] | None = None
        self.greatest = -math.inf  # of the rates met
        self.noiseless = False  # whether the noiseless end was asked, to no avail
        self.solves = 0

    def value(self, position: float) -> float:
        return self.dead + position * (self.alive - self.dead)

    def solve(self, position: float) -> Rate | None:
        """Solve for the rate at a point, and move one end of the bracket there."""
        self.solves += 1
        try:
            rate = self.rate_of(self.value(position))
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
            rate = self.solve(position)
            if self.best is not None and self.high - self.low <= self.tolerance:
                return
            if self.best is None and 1.0 - self.low <= (self.tolerance if self.noiseless else 0.0):
                return  # dead at the noiseless end
            root = self.root(rate)
            if root is not None and self.best is not None and self.high - root <= self.tolerance:
                return
            position = self.next(root)

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
        if rate is None or self.predict is None:
            return None
        predict = self.predict

        def excess(position: float) -> float:
            return predict(rate, self.value(position)) - self.target

        high = self.high
        if excess(high) <= 0.0:
            return None
        step, low = 1.0 / 64.0, high
        while excess(low) > 0.0:
            if low <= 0.0:
                return 0.0
            high, low = low, max(low - step, 0.0)
            step *= 1.5
        while high - low > 0.02 * self.tolerance:
            middle = 0.5 * (low + high)
            low, high = (low, middle) if excess(middle) > 0.0 else (middle, high)
        return high


def with_dead_end(
    found: Threshold, upper_of: Callable[[float], Rate | None], ends: tuple[float, float], tolerance: float
) -> Threshold:
    """The threshold, with the first place past ``alive`` where an attack proves that the rate is not above the target.

    ``ends``: of the interval, where alive and where dead is expected.
    """
    places = [ends[0]]
    if found.alive is not None:
        rest = abs(ends[1] - found.alive)
        strides = itertools.takewhile(lambda step: step < rest, (tolerance * STRIDE**k for k in itertools.count()))
        places = [found.alive + math.copysign(step, ends[1] - ends[0]) for step in strides]
    for place in dict.fromkeys([*places, ends[1]]):
        try:
            rate = upper_of(place)
        except (Infeasible, SolverFailure):
            continue
        if rate is not None and rate.value <= found.target + ROUNDING:
            return replace(found, dead=place, dead_rate=rate)
    return found
