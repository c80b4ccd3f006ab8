"""Which test of the singlet family proves most from given data.

The bound from all four correlators comes with its best Bell expression ``sum m_xy <A_x B_y>``: tested alone, its value
proves the same. Divided by the product of the four cosines in it, a member's expression (arXiv:2309.09650, Eq. (2)) is

    <A0 B0>/cos(p) - <A0 B1>/cos(w) - <A1 B0>/cos(t+p) + <A1 B1>/cos(t+w),

three parameters for three ratios of coefficients, and by the theorem of that paper the members are, up to scale, all
expressions of correlators whose maximum self-tests the singlet. So where the best expression is such a one, a member
proves all that the four correlators prove; its angles are those of the strategy that the expression self-tests.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from sdpbound.arguments import instance
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.families.correlators import bell_value_self_test
from sdpbound.bell.families.formulas import singlet_coefficients
from sdpbound.bell.families.singlet import SingletSelfTest
from sdpbound.bell.observations import Observations
from sdpbound.bell.scenario import Scenario
from sdpbound.entropies.entropy import Entropy
from sdpbound.entropies.swept import SweptEntropy
from sdpbound.errors import Infeasible, InvalidInput, InvalidParameter, SolverFailure
from sdpbound.rates.rate import Rate
from sdpbound.rates.rates import key_rate, randomness_rate

__all__ = ["BestTest", "best_test", "closest_member"]

KINDS = ("key", "local randomness", "global randomness")
#: A member whose expression has less than this sine of an angle with the best expression is that expression.
ALIGNED = 1e-6
#: Most rates computed where the best expression is no member.
MOST_RATES = 40


@dataclass(frozen=True, eq=False)
class BestTest:
    """The member of the singlet family whose Bell value alone proves the highest rate found.

    Attributes
    ----------
    member : with angles in [0, 2 pi)
    rate : proven from the member's Bell value alone
    correlators : proven from all four correlators
    exact : whether the member is the best expression of the four correlators: no other test of them then proves more
    """

    member: SingletSelfTest
    rate: Rate
    correlators: Rate
    exact: bool

    @property
    def gap(self) -> float:
        """Bits a round by which all four correlators prove more."""
        return self.correlators.value - self.rate.value

    def __repr__(self) -> str:
        t, p, w = self.member.parameters
        how = "the best expression of the four correlators" if self.exact else "the best member found"
        return f"BestTest(theta={t:.6g}, phi={p:.6g}, omega={w:.6g}: {self.rate!r}; {how}, gap {self.gap:.1e})"


def best_test(
    behaviour: Behaviour,
    x: int | None = None,
    y: int | None = None,
    *,
    rate: str = "key",
    entropy: Entropy | None = None,
    preprocessing: float = 0.0,
) -> BestTest:
    """The test of the singlet family that certifies most from these data, its Bell value tested alone.

    Parameters
    ----------
    behaviour : two settings of two outcomes each
    x, y, preprocessing : as in :func:`key_rate`
    rate : "key", "local randomness" or "global randomness"
    entropy : default SweptEntropy()

    Returns
    -------
    BestTest, with the rate from all four correlators beside it

    Raises
    ------
    InvalidInput
        Other scenarios, or data whose four correlators prove no entropy: no test is better than another.

    >>> import sdpbound as sb
    >>> b = sb.SingletSelfTest(1.0, 1.2, 2.6).behaviour(0.95)
    >>> best = best_test(b, x=0, y=0)
    >>> best.exact, best.gap < 1e-3
    (True, True)
    """
    instance(behaviour, Behaviour, "behaviour", "SingletSelfTest(...).behaviour()")
    if behaviour.scenario != Scenario.bipartite(2, 2):
        raise InvalidInput(f"the singlet family has two settings of two outcomes each, not {behaviour.scenario}.")
    if rate not in KINDS:
        raise InvalidParameter(f"rate = {rate!r:.60} must be one of {', '.join(map(repr, KINDS))}.")
    if preprocessing and rate != "key":
        raise InvalidParameter(f"preprocessing = {preprocessing!r:.60} is of keys only; leave it 0.")
    how = SweptEntropy() if entropy is None else entropy

    def prove(data: Observations, x: int | None, y: int | None) -> Rate:
        # a self-test's closed form has no functional, and is not what data with noise are about
        if rate == "key":
            return key_rate(behaviour, data, x, y, how, preprocessing, closed_forms=False)
        return randomness_rate(behaviour, data, rate == "local randomness", x, y, how, closed_forms=False)

    everything = prove(Observations.correlators(behaviour), x, y)
    multipliers = everything.entropy.functional.multipliers.reshape(2, 2)
    if not np.abs(multipliers).max() > 0.0:
        raise InvalidInput(
            "the four correlators prove no entropy, so that no test of them does; take data of a higher CHSH value "
            f"than {behaviour.chsh:.6g}."
        )
    x, y = everything.settings

    def test(member: SingletSelfTest) -> Rate:
        return prove(Observations.bell_value(member.expression, behaviour), x, y)

    member, sine = closest_member(multipliers)
    best = test(member)
    if sine > ALIGNED:
        member, best = _improved(member, best, test)
    return BestTest(member, best, everything, sine <= ALIGNED)


def closest_member(multipliers: NDArray[np.float64]) -> tuple[SingletSelfTest, float]:
    """The member whose expression is closest to these multipliers in direction, and the sine of the angle between."""
    found = bell_value_self_test(multipliers)
    if found is not None:
        candidates = np.array(_angles_of(found[1]))
    else:
        grid = 2.0 * math.pi * (np.arange(36) + 0.5) / 36.0
        points = np.array(list(itertools.product(grid[:18], grid, grid)))  # theta + pi changes a sign only
        starts = points[np.argsort(_sines(points, multipliers))[:5]]
        options = {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 2000}
        candidates = np.array(
            [
                minimize(lambda p: float(_sines(p[None], multipliers)[0]), s, method="Nelder-Mead", options=options).x
                for s in starts
            ]
        )
    sines = _sines(candidates, multipliers)
    best = int(sines.argmin())
    return _member(candidates[best]), float(sines[best])


def _angles_of(correlators: NDArray[np.float64]) -> list[tuple[float, float, float]]:
    """Angles (theta, phi, omega) with ``sin(a_x + b_y)`` close to the correlators, for each choice of branches."""
    branches = [(math.asin(v), math.pi - math.asin(v)) for v in np.clip(correlators, -1.0, 1.0).ravel()]
    # up to a sign of all angles the correlators determine them; the sines of the directions tell which fit
    return [(third - p, p, w) for p, w, third in itertools.product(branches[0], branches[1], branches[2])]


def _sines(angles: NDArray[np.float64], multipliers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sine of the angle between each member's expression and the multipliers, up to sign."""
    table = singlet_coefficients(*angles.T).reshape(len(angles), 4)
    unit = multipliers.ravel() / np.linalg.norm(multipliers)
    sizes = np.linalg.norm(table, axis=1)
    along = table @ unit
    across = np.linalg.norm(table - along[:, None] * unit, axis=1)
    return np.where(sizes > 0.0, across / np.maximum(sizes, 1e-300), 1.0)


def _member(angles: NDArray[np.float64]) -> SingletSelfTest:
    return SingletSelfTest(*(float(v) for v in np.mod(angles, 2.0 * math.pi)))


def _improved(
    member: SingletSelfTest, best: Rate, test: Callable[[SingletSelfTest], Rate]
) -> tuple[SingletSelfTest, Rate]:
    """A local search over the angles from the closest member."""

    def loss(angles: NDArray[np.float64]) -> float:
        nonlocal member, best
        other = _member(angles)
        try:
            rate = test(other)
        except (Infeasible, SolverFailure):
            return math.inf
        if rate.value > best.value:
            member, best = other, rate
        return -rate.value

    start = np.array(member.parameters)
    simplex = np.vstack([start, *(start + 0.1 * row for row in np.eye(3))])
    options = {"xatol": 1e-3, "fatol": 1e-5, "maxfev": MOST_RATES, "initial_simplex": simplex}
    minimize(loss, start, method="Nelder-Mead", options=options)
    return member, best
