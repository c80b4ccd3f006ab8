"""How much noise a rate survives: a noise where it is proven positive, and one where an attack proves it is not.

Every certified entropy comes with an affine functional that bounds the entropy of all other behaviours, so that one
solved point bounds the rate along the whole line of noise: affine bound less error correction. Newton's method on that
bound converges from the side where the rate is positive, in three or four solves; what it returns as alive was solved
for itself and has its own certificate.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Unpack

from sdpbound.arguments import floats, with_changes
from sdpbound.bounds.rounding import rounded
from sdpbound.errors import Infeasible, InvalidParameter, SolverFailure, TimeIsUp
from sdpbound.limiting import go_on
from sdpbound.rates.bracket import MOST_SOLVES, Along, Bracket
from sdpbound.rates.options import LineChanges, LineOptions
from sdpbound.rates.rate import Rate
from sdpbound.shown import Drawn

__all__ = ["LATE", "ROUNDING", "Threshold", "critical_noise", "end_along", "with_dead_end"]

#: Why alive and dead are far apart where a limit of time ended the search.
LATE = "the time was over before the search was."
#: Places between alive and dead, as parts of the way, that are tried one after another: one may be hard by accident.
PARTS = (0.5, 0.35, 0.65, 0.2, 0.8)
#: A point alive is looked for at this part of the tolerance from the point that is dead.
CLOSE = 0.95
#: Past the last point alive, attacks are tried first at a distance of one tolerance; distances grow by this factor.
STRIDE = 3.0
#: An attack's proven rate may be above the target by so many bits: an entropy of zero is proven up to rounding.
ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Threshold(Drawn):
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
    dead : a value with a proven rate of at most ``target`` (within 1e-12 bits), past ``alive``; None: unresolved
    alive_rate, dead_rate : the two proofs: a Rate of side "lower" and one of side "upper"
    target : bits a round
    solves : rates that were computed on the way
    found : parameters of the protocol that were searched for, by name
    open : why alive and dead are farther apart than asked for; empty if they are not, or if no attack was asked for
    """

    quantity: str
    alive: float | None
    dead: float | None
    alive_rate: Rate | None
    dead_rate: Rate | None
    target: float
    solves: int
    found: tuple[tuple[str, float], ...] = ()
    open: str = ""

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
    found = end_along(Along(rate_of, predict), alive, dead, quantity, how)
    if upper_of is None:
        return found
    return with_dead_end(found, upper_of, (float(alive), float(dead)), how.tolerance, [rate_of])


def end_along(along: Along, alive: float, dead: float, quantity: str, how: LineOptions) -> Threshold:
    """The last point of a line at which a rate is proven to exceed the target; parameters as in `critical_noise`."""
    target, tolerance = float(how.target), how.tolerance
    ends = floats([alive, dead], "the ends of the interval of noise")
    if ends[0] == ends[1]:
        raise InvalidParameter(f"the ends of the interval of noise, {alive} and {dead}, must differ.")
    span = abs(float(ends[1] - ends[0]))
    if not 1e-9 <= tolerance / span <= 0.5:
        raise InvalidParameter(
            f"tolerance = {tolerance!r:.60} of a threshold must be from 1e-9 to 1/2 of the interval."
        )
    search = Bracket(along, float(ends[0]), float(ends[1]), target, float(tolerance))
    search.run(how.start)
    value, rate = search.best if search.best is not None else (None, None)
    if search.late and value is None:
        raise TimeIsUp(
            f"the time was over before a rate above {target:g} was proven at any {quantity}; allow more time, or say "
            "where to begin with start=..."
        )
    return Threshold(quantity, value, None, rate, None, target, search.solves, open=LATE if search.late else "")


def with_dead_end(
    found: Threshold,
    upper_of: Callable[[float], Rate | None],
    ends: tuple[float, float],
    tolerance: float,
    rates: Sequence[Callable[[float], Rate]] = (),
) -> Threshold:
    """The threshold, with a place past ``alive`` where an attack proves that the rate is not above the target.

    Parameters
    ----------
    found : the threshold with its point alive
    upper_of : the rate of an explicit attack at a value, or None
    ends : of the interval, where alive and where dead is expected
    tolerance : the distance between alive and dead that is aimed at
    rates : the certified rate at a value, by methods of rising accuracy; with them both points are moved until they are
        that close, or until the threshold says in ``open`` why they are not
    """
    gap = _Gap(found, upper_of, ends, tolerance)
    gap.go_out()
    if found.alive is not None and gap.dead is not None:
        gap.close(rates)
    return gap.threshold


class _Gap:
    """The two proven points of a threshold, which are moved towards each other."""

    def __init__(
        self, found: Threshold, upper_of: Callable[[float], Rate | None], ends: tuple[float, float], tolerance: float
    ) -> None:
        self.found, self.upper_of, self.ends, self.tolerance = found, upper_of, ends, tolerance
        self.towards = math.copysign(1.0, ends[1] - ends[0])
        self.alive = None if found.alive is None or found.alive_rate is None else (found.alive, found.alive_rate)
        self.dead: tuple[float, Rate] | None = None
        self.above: tuple[float, float] | None = None  # the last place where an attack leaves too much, and how much
        self.attacked: set[float] = set()  # places where an attack was made
        self.failed = ""  # why the last attack that was asked for was none
        self.solves = found.solves
        self.open = found.open

    @property
    def threshold(self) -> Threshold:
        alive, alive_rate = self.alive or (None, None)
        dead, dead_rate = self.dead or (None, None)
        return replace(
            self.found,
            alive=alive,
            alive_rate=alive_rate,
            dead=dead,
            dead_rate=dead_rate,
            solves=self.solves,
            open=self.open,
        )

    def attack(self, place: float) -> bool:
        """Whether an attack leaves no rate at a place, which is then the point that is dead."""
        if place in self.attacked:
            return False
        self.attacked.add(place)
        try:
            rate = self.upper_of(place)
        except (Infeasible, SolverFailure) as error:
            self.failed = str(error)
            return False
        if rate is None:
            return False
        if rate.value <= self.found.target + ROUNDING:
            self.dead = place, rate
            return True
        self.above = place, rate.value - self.found.target
        return False

    def go_out(self) -> None:
        """Try places farther and farther past the point alive."""
        places = [self.ends[0]]
        if self.alive is not None:
            rest = abs(self.ends[1] - self.alive[0])
            strides = itertools.takewhile(
                lambda step: step < rest, (self.tolerance * STRIDE**k for k in itertools.count())
            )
            places = [self.alive[0] + self.towards * step for step in strides]
        for place in dict.fromkeys([*places, self.ends[1]]):
            if self.is_late or self.attack(place):
                return
        why = f"{self.failed.rstrip('.')[:200]}" if self.failed else "at each place the attack leaves more"
        self.open = f"no attack ends the rate at any place that was tried: {why}."

    def close(self, rates: Sequence[Callable[[float], Rate]]) -> None:
        """Move the points towards each other until they are as close as asked for.

        The attack's rate falls nearly straight between two places, which says where it is at the target. Certified
        rates close to there need more accuracy than others.
        """
        remaining = list(rates)
        while not self.is_late and self.width > self.tolerance * (1.0 + 1e-9) and self.solves < MOST_SOLVES:
            if not remaining:
                self.open = (
                    "between alive and dead no bound decides whether the rate exceeds the target; take an entropy of a "
                    "smaller tolerance, or another method."
                )
                return
            before = self.width
            place = self.root()
            if place is not None:
                self.attack(place)
            assert self.dead is not None
            if not self.decide(remaining[0]) or self.width > 0.9 * before:
                remaining.pop(0)
        if not self.open and self.width > self.tolerance * (1.0 + 1e-9):
            self.open = f"the search for the end of the rate was given up after {self.solves} solves."

    def decide(self, rate_of: Callable[[float], Rate]) -> bool:
        """Whether a proof on either side moves a point inwards, at the first of some places where there is one."""
        assert self.dead is not None
        dead, width = self.dead[0], self.width
        steps = [part * width for part in PARTS]
        if width <= 2.0 * self.tolerance:
            steps = [CLOSE * self.tolerance, *steps]
        for step in steps:
            place = dead - self.towards * step
            if self.prove(rate_of, place) or self.attack(place):
                return True
        return False

    @property
    def is_late(self) -> bool:
        """Whether the time is over, so that the points stay where they are."""
        if not self.open and not go_on():
            self.open = LATE
        return bool(self.open)

    @property
    def width(self) -> float:
        assert self.alive is not None and self.dead is not None
        return abs(self.alive[0] - self.dead[0])

    def root(self) -> float | None:
        """Where the attack's rate is about at the target, a little beyond; None where that is not known."""
        assert self.dead is not None and self.alive is not None
        if self.above is None:
            return None
        (place, over), (dead, rate) = self.above, self.dead
        under = self.found.target - rate.value
        if (dead - place) * self.towards <= 0.0:
            return None
        root = place + (dead - place) * over / (over + max(under, 0.0)) + 0.05 * self.towards * self.tolerance
        return root if (dead - root) * self.towards > 0.0 and (root - self.alive[0]) * self.towards > 0.0 else None

    def prove(self, rate_of: Callable[[float], Rate], place: float) -> bool:
        """Whether the rate is proven to exceed the target at a place, which is then the point that is alive."""
        self.solves += 1
        try:
            rate = rate_of(place)
        except (Infeasible, SolverFailure):
            return False
        if not rate.value > self.found.target:
            return False
        self.alive = place, rate
        return True
