"""Turn an affine lower bound on an entropy into the scores of a test: the min-tradeoff function of one round."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sdpbound.adversaries import Quantum
from sdpbound.arguments import floats
from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.channel import Preprocessing, passed
from sdpbound.bell.expression import BellExpression
from sdpbound.bounds import bell_value
from sdpbound.bounds.bound import Bound
from sdpbound.errors import InvalidParameter, InvalidShape

__all__ = ["ScoredTest", "conditional_form", "information", "scored_test", "settings_of_tests", "tested_outcomes"]

#: The level at which the extremes of a functional are bounded. The extremes enter second-order terms only.
LEVEL = Quantum("1")


@dataclass(frozen=True, eq=False)
class ScoredTest:
    """A test: settings drawn with a distribution, and a score for each result whose mean is an affine functional.

    For every no-signaling behaviour p, ``sum_xy distribution[x, y] sum_ab p(ab|xy) scores[a, b, x, y]`` is the
    functional's value, up to ``margin``.

    Attributes
    ----------
    functional : BellExpression in bits, an affine lower bound on the entropy of a round
    distribution : (X, Y) probabilities of the settings of a tested round; zero for settings that are not tested
    scores : (A, B, X, Y) in bits; zero where the distribution is zero
    least, most : certified bounds, in bits, on the functional over quantum behaviours
    smallest, largest : the smallest and the largest score, in bits
    margin : the most, in bits, that the rounding of the scores to floats may have changed
    bounds : the bounds on the functional over quantum behaviours, from below and from above
    """

    functional: BellExpression
    distribution: Floats
    scores: Floats
    least: float
    most: float
    smallest: float
    largest: float
    margin: float
    bounds: tuple[Bound, Bound]

    def results(self, behaviour: Behaviour) -> list[tuple[float, float]]:
        """The scores that a behaviour gives, and the probability of each score in a tested round."""
        weights = self.distribution[None, None] * np.maximum(behaviour.p, 0.0)
        found: dict[float, float] = {}
        for score, weight in zip(self.scores.ravel().tolist(), weights.ravel().tolist(), strict=True):
            if weight > 0.0:
                found[score] = found.get(score, 0.0) + weight
        return sorted(found.items())


def scored_test(functional: BellExpression, distribution: ArrayLike | None = None) -> ScoredTest:
    """Make the test of a functional.

    Without a given distribution, the probability of a pair of settings is proportional to the range of its results'
    contribution to the functional. The scores of all pairs then have the same range, which is the least possible.
    """
    scenario = functional.scenario
    if scenario.parties != 2:
        raise InvalidShape(f"finite-size lengths are for two parties, not {scenario}.")
    table = conditional_form(functional.coefficients, functional)
    exists = np.zeros(table.shape, dtype=bool)
    for x, a in enumerate(scenario.outcomes[0]):
        for y, b in enumerate(scenario.outcomes[1]):
            exists[:a, :b, x, y] = True
    high = np.where(exists, table, -np.inf).max(axis=(0, 1))
    low = np.where(exists, table, np.inf).min(axis=(0, 1))
    spread = high - low
    drawn = settings_of_tests(spread, distribution)
    tested = drawn > 0.0
    constant = float(functional.coefficients[0, 0]) + float(((high + low) / 2.0).sum())
    moved = (table - (high + low)[None, None] / 2.0) / np.where(tested, drawn, 1.0)
    scores = np.where(exists & tested, constant + moved, 0.0)
    seen = scores[exists & tested]
    # every score, and the constant, is a sum of at most so many rounded products
    size = abs(float(functional.coefficients[0, 0])) + float(np.abs(table).sum()) + float(np.abs(seen).max())
    margin = (scenario.shape[0] * scenario.shape[1] + table.size + 32) * 2.0**-52 * size
    below, above = bell_value.minimize(functional, LEVEL), bell_value.maximize(functional, LEVEL)
    return ScoredTest(
        functional=functional,
        distribution=drawn,
        scores=scores,
        least=max(below.value, float(seen.min())) - margin,
        most=min(above.value, float(seen.max())) + margin,
        smallest=float(seen.min()),
        largest=float(seen.max()),
        margin=margin,
        bounds=(below, above),
    )


def conditional_form(coefficients: Floats, functional: BellExpression) -> Floats:
    """The coefficients (A, B, X, Y) of the conditional probabilities, without the constant.

    A marginal of one party is shared among the other party's settings, in proportion to the size of the coefficients
    of each pair of settings. So it is measured where pairs are tested anyway. On no-signaling behaviours all ways of
    sharing give the same value.
    """
    scenario = functional.scenario
    alice, bob = scenario.readout(0), scenario.readout(1)
    both = np.einsum("ij,iax,jby->abxy", coefficients[1:, 1:], alice[1:], bob[1:])
    size = np.abs(both).max(axis=(0, 1))
    for_alice = _shares(size, axis=1)
    for_bob = _shares(size, axis=0)
    one = np.einsum("i,iax,xy->axy", coefficients[1:, 0], alice[1:], for_alice)[:, None]
    other = np.einsum("j,jby,xy->bxy", coefficients[0, 1:], bob[1:], for_bob)[None]
    return np.asarray(both + one + other, dtype=np.float64)


def _shares(size: Floats, axis: int) -> Floats:
    total = size.sum(axis=axis, keepdims=True)
    return np.where(total > 0.0, size / np.where(total > 0.0, total, 1.0), 1.0 / size.shape[axis])


def settings_of_tests(spread: Floats, given: ArrayLike | None) -> Floats:
    """(X, Y) probabilities of the settings of a test, in proportion to the range of their contributions, or given."""
    if given is None:
        if not spread.any():
            return np.full(spread.shape, 1.0 / spread.size)
        weights = spread
    else:
        weights = floats(given, "test_distribution")
        if weights.shape != spread.shape:
            raise InvalidShape(f"test_distribution must have shape {spread.shape}, not {weights.shape}.")
        if (weights < 0.0).any() or abs(float(weights.sum()) - 1.0) > 1e-9:
            raise InvalidParameter("test_distribution must be probabilities that add up to 1.")
        if ((weights == 0.0) & (spread > 0.0)).any():
            x, y = next(iter(zip(*np.nonzero((weights == 0.0) & (spread > 0.0)), strict=True)))
            raise InvalidParameter(
                f"test_distribution never draws the settings ({x}, {y}), whose results the entropy bound depends on; "
                "give them a probability above 0."
            )
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def information(joint: Iterable[Iterable[float]], flips: Preprocessing) -> list[tuple[float, float]]:
    """The pairs (p(a, b), p(b)) with p(a, b) > 0 of a joint table; Alice's bit is flipped, or passes a channel."""
    table = np.maximum(np.asarray(list(map(list, joint)), dtype=np.float64), 0.0)
    if flips:
        table = np.stack(passed(flips, table))
    columns = table.sum(axis=0)
    return [(float(p), float(columns[b])) for (_, b), p in np.ndenumerate(table) if p > 0.0]


def tested_outcomes(behaviour: Behaviour, drawn: Floats) -> list[tuple[float, float]]:
    """The pairs (p(a, b), p(b)) of a test, times the probability of its settings."""
    return [
        (float(drawn[x, y]) * p, float(drawn[x, y]) * q)
        for x, y in zip(*np.nonzero(drawn), strict=True)
        for p, q in information(behaviour.joint(int(x), int(y)), 0.0)
    ]
