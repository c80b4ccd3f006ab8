"""The CHSH test of a behaviour: which settings and signs, and whether it may be made of the tested data."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import ArrayLike

from sdpbound.arguments import floats
from sdpbound.arrays import Floats, Ints
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.observations import Observations
from sdpbound.bell.scenario import Scenario
from sdpbound.errors import InvalidInput, InvalidParameter, InvalidShape
from sdpbound.rates.tested import observations_of

__all__ = ["ChshTest", "chsh_expression", "chsh_test", "correlator"]

#: Tested data determine a CHSH value if they miss its coefficients by at most this.
_SPANNED = 1e-9
#: Tsirelson's bound, and room for the rounding of a behaviour.
_MOST = 8.0**0.5 + 1e-6


@dataclass(frozen=True, eq=False)
class ChshTest:
    """A CHSH expression ``S = sum signs[x, y] <A_x B_y>`` and how often its settings are drawn in tests.

    Attributes
    ----------
    signs : (X, Y) 1 or -1 for the four pairs of settings, with product -1, and 0 elsewhere
    distribution : (X, Y) probabilities of the settings of a tested round, positive for these four alone
    wins : (A, B, X, Y) whether a tested result has the sign that S asks for
    value : S of the honest behaviour
    """

    signs: Ints
    distribution: Floats
    wins: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    value: float

    def results(self, behaviour: Behaviour) -> list[tuple[int, int, float, float]]:
        """For each tested pair of settings (x, y): the honest probabilities to win and to lose, each times pi."""
        found = []
        for x, y in zip(*np.nonzero(self.signs), strict=True):
            p = np.maximum(behaviour.joint(int(x), int(y)), 0.0)
            p = p / p.sum() * self.distribution[x, y]
            won = self.wins[: p.shape[0], : p.shape[1], x, y]
            found.append((int(x), int(y), float(p[won].sum()), float(p[~won].sum())))
        return found


def chsh_test(
    behaviour: Behaviour, x: int, observed: Observations | str, distribution: ArrayLike | None
) -> ChshTest | str:
    """The CHSH test with setting x that the behaviour wins best; a reason, a clause, if there is none."""
    data = observations_of(behaviour, observed)
    scenario = behaviour.scenario
    if scenario.parties != 2:
        raise InvalidShape(f"finite-size lengths are for two parties, not {scenario}.")
    alice, bob = ([s for s, d in enumerate(party) if d == 2] for party in scenario.outcomes)
    if x not in alice or len(alice) < 2 or len(bob) < 2:
        return "the key's setting and another one, and two of the other party, must have two outcomes"
    best: tuple[float, Ints] | None = None
    pairs = product((a for a in alice if a != x), combinations(bob, 2), range(4), (1, -1))
    correlators = {(s, t): correlator(behaviour, s, t) for s in alice for t in bob}
    for other, (y, z), odd, sign in pairs:
        signs = np.zeros((len(scenario.outcomes[0]), len(scenario.outcomes[1])), dtype=np.int64)
        for i, (s, t) in enumerate(product((x, other), (y, z))):
            signs[s, t] = -sign if i == odd else sign
        value = sum(int(signs[s, t]) * correlators[s, t] for s, t in zip(*np.nonzero(signs), strict=True))
        if (best is None or value > best[0] + 1e-12) and _spanned(data, signs):
            best = value, signs
    if best is None:
        return "the tested data must determine a CHSH value with the key's setting"
    if best[0] > _MOST:
        raise InvalidInput(
            f"the honest behaviour has the CHSH value {best[0]:.9g}, and quantum devices have 2 sqrt(2) at most; give "
            "a behaviour that devices can have."
        )
    drawn = _drawn(best[1], distribution)
    if isinstance(drawn, str):
        return drawn
    wins = np.zeros(behaviour.p.shape, dtype=bool)
    for a, b in product(range(2), repeat=2):
        wins[a, b] = (1 - 2 * ((a + b) % 2)) * best[1] > 0
    return ChshTest(best[1], drawn, wins, best[0])


def correlator(behaviour: Behaviour, x: int, y: int) -> float:
    """<A_x B_y> of two settings with two outcomes."""
    p = behaviour.joint(x, y)
    return float(p[0, 0] + p[1, 1] - p[0, 1] - p[1, 0])


def _spanned(data: Observations, signs: Ints) -> bool:
    """Whether the values of the tested expressions determine S."""
    if not len(data):
        return False
    rows = data.coefficients.reshape(len(data), -1)[:, 1:].T
    wanted = chsh_expression(signs, data.scenario).coefficients.ravel()[1:]
    fit = np.linalg.lstsq(rows, wanted, rcond=None)[0]
    return bool(np.abs(rows @ fit - wanted).max() <= _SPANNED)


def chsh_expression(signs: Ints, scenario: Scenario) -> BellExpression:
    """``S = sum signs[x, y] <A_x B_y>``."""
    table = np.zeros((max(scenario.outcomes[0]), max(scenario.outcomes[1]), *signs.shape))
    for a, b in product(range(2), repeat=2):
        table[a, b] = (1 - 2 * ((a + b) % 2)) * signs
    return BellExpression.from_probabilities(table, scenario)


def _drawn(signs: Ints, given: ArrayLike | None) -> Floats | str:
    if given is None:
        return np.asarray(np.abs(signs) / 4.0, dtype=np.float64)
    drawn = floats(given, "test_distribution")
    if drawn.shape != signs.shape:
        raise InvalidShape(f"test_distribution must have shape {signs.shape}, not {drawn.shape}.")
    if (drawn < 0.0).any() or abs(float(drawn.sum()) - 1.0) > 1e-9:
        raise InvalidParameter("test_distribution must be probabilities that add up to 1.")
    if ((drawn > 0.0) != (signs != 0)).any():
        return "test_distribution must draw the four pairs of settings of CHSH and no others"
    return np.asarray(drawn / drawn.sum(), dtype=np.float64)
