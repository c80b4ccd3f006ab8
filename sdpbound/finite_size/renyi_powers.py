"""Bounds on the power of a Renyi entropy, for lengths: which orders are tried, and what is kept for other lengths."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bell.channel import Preprocessing
from sdpbound.bell.observations import Observations
from sdpbound.bounds.boundary import towards_noise
from sdpbound.entropies.renyi.entropy import RenyiEntropyBound, renyi_within
from sdpbound.errors import SolverFailure
from sdpbound.finite_size.functionals import DISTANCES, data_numbers
from sdpbound.finite_size.renyi import ChshChoice, ChshGame, RenyiChoice
from sdpbound.finite_size.renyi_affine import AffineGame, affine_test
from sdpbound.finite_size.renyi_search import balanced_beta, best_affine_choice, best_renyi_choices
from sdpbound.finite_size.scores import tested_outcomes
from sdpbound.limiting import go_on, unlimited

__all__ = ["MOST_CELLS", "PowerSource", "fitting_data"]

#: The order is 1 + beta; these are its limits.
_LEAST, _MOST = 2.0**-19, 0.5
#: A beta as good as the best one is at most this factor away from it; so many orders are tried.
_NEAR, _TRIALS = 1.5, 2
#: Accuracy in bits below which roundings of floats leave proofs no room.
_FINEST = 3e-6
#: A bound is left out, where lengths by accumulation do without, if its proof takes more cells of angles than this. The
#: checker takes some three corners a cell, of a millisecond each. Proofs were seen to take 100 to 4000.
MOST_CELLS = 2500


@dataclass(frozen=True)
class _Asked:
    """Tested data, by their numbers, and the key."""

    numbers: tuple[bytes, ...]
    x: int
    y: int | None
    flips: Preprocessing
    data: Observations = field(compare=False)


@dataclass(frozen=True)
class _Answer:
    """A bound, or why there is none: its search has no end, or its proof takes more cells than it may."""

    bound: RenyiEntropyBound | None
    cut: bool = False


@lru_cache(maxsize=512)
def _kept(asked: _Asked, beta: float, distance: float, cells: int | None) -> _Answer:
    """The bound on 2^(-beta H) that is best at data moved towards noise."""
    moved = replace(asked.data, values=towards_noise(asked.data, distance), exact=None)
    tolerance = max(_FINEST, min(1e-4, 0.1 * beta))
    with unlimited():
        try:
            bound = renyi_within(moved, asked.x, asked.y, asked.flips, 1.0 + beta, tolerance, cells)
        except SolverFailure:
            return _Answer(None)
    return _Answer(bound, bound is None)


@dataclass(frozen=True, eq=False)
class PowerSource:
    """Where the games with an affine bound on Q come from.

    Attributes
    ----------
    guide : a game with a CHSH test: it has the round, and its best parameters are a start
    data : tested data of at most two settings of two outcomes a party
    x, y, flips : the key of the entropy; y only for both outcomes
    distribution : the settings of tests; None for those that fit each bound
    limited : whether a bound is left out if its proof takes more than so many cells of angles
    left_out : the orders, less one, whose bounds were left out so far
    """

    guide: ChshGame
    data: Observations
    x: int
    y: int | None
    flips: Preprocessing
    distribution: Floats | None
    limited: bool = False
    left_out: list[float] = field(default_factory=list)

    @property
    def note(self) -> str:
        """What was left out, in a sentence; empty if nothing was."""
        if not self.left_out:
            return ""
        orders = ", ".join(f"1 + {beta:.3g}" for beta in sorted(set(self.left_out)))
        return (
            f"Renyi entropies of the order {orders} were left out, as a proof takes more than {MOST_CELLS} cells of "
            "angles, some ten seconds; method='renyi' takes them"
        )

    def choices(self, counts: list[float], gamma: float | None) -> Iterator[tuple[AffineGame, RenyiChoice]]:
        """Games with good parameters for each number of rounds."""
        for n, start in zip(counts, best_renyi_choices(self.guide, counts, gamma), strict=True):
            yield from self._near(n, gamma, start)

    def _near(self, n: float, gamma: float | None, start: ChshChoice) -> Iterator[tuple[AffineGame, RenyiChoice]]:
        """Games of orders near to what a CHSH test would have, with good parameters for n rounds."""
        distance = min(DISTANCES, key=lambda d: abs(d - (1.0 - start.tangent / self.guide.test.value)))
        beta = start.beta
        tried: list[float] = []
        for _ in range(_TRIALS):
            beta = _rounded(beta)
            if any(1.0 / _NEAR < beta / other < _NEAR for other in tried) or not go_on():
                return
            tried.append(beta)
            game = self._game(beta, distance)
            if game is None:
                return
            choice = best_affine_choice(game, n, gamma)
            yield game, choice
            beta = balanced_beta(game, n, choice)

    def _game(self, beta: float, distance: float) -> AffineGame | None:
        asked = _Asked(data_numbers(self.data), self.x, self.y, self.flips, self.data)
        answer = _kept(asked, beta, distance, MOST_CELLS)
        if answer.cut and self.limited:
            self.left_out.append(beta)
        elif answer.cut:
            answer = _kept(asked, beta, distance, None)
        bound = answer.bound
        test = None if bound is None else affine_test(bound, self.distribution)
        if test is None:
            return None
        r = self.guide
        return AffineGame(
            test=test,
            plain=r.plain,
            tested=tested_outcomes(r.behaviour, test.distribution) if r.plain else (),
            security=r.security,
            behaviour=r.behaviour,
            figure=r.figure,
            net=r.net,
            lengths=r.lengths,
        )


def _rounded(beta: float) -> float:
    """The nearest of few numbers, so that many lengths share their bounds; 1 + beta is exact."""
    beta = min(max(beta, _LEAST), _MOST)
    size = 2.0 ** math.floor(math.log2(beta))
    return float(min(size * round(4.0 * beta / size) / 4.0, _MOST))


def fitting_data(data: Observations, alice: list[int], bob: list[int]) -> Observations:
    """The tests that are about these settings alone."""
    scenario = data.scenario
    inside = []
    for party, settings in enumerate((alice, bob)):
        rows = [0, *(k + 1 for k, letter in enumerate(scenario.letters[party]) if letter.setting in settings)]
        inside.append(np.isin(np.arange(scenario.shape[party]), rows))
    outside = ~np.logical_and.outer(*inside)
    kept = ~(data.coefficients[:, outside] != 0.0).any(axis=1)
    return replace(
        data,
        coefficients=data.coefficients[kept],
        values=data.values[kept],
        tolerances=data.tolerances[kept],
        kind="custom",
        exact=None,
    )
