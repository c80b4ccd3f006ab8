"""Behaviours p(ab|xy), and the linear data that the parties test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations, islice, product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdpbound.arguments import floats, instance, reals
from sdpbound.bell import tables as noise
from sdpbound.bell.binning import Binning, binned_settings, binning_of
from sdpbound.bell.exact import ExactSinglet
from sdpbound.bell.scenario import Scenario, binary_scenario, collins_gisin_table, correlator_tensor
from sdpbound.errors import InvalidBehaviour, InvalidShape
from sdpbound.shown import Drawn

__all__ = ["Behaviour"]

#: How far a table of probabilities may be from valid.
VALIDITY_TOLERANCE = 1e-9
#: How far the floats may be from the exact correlations that they stand for: some roundings.
EXACT_TOLERANCE = 1e-14
_PAIRS = ((2, 2), (2, 2))
#: So many moments are printed.
_PRINTED = 8


@dataclass(frozen=True, eq=False)
class Behaviour(Drawn):
    """Conditional probabilities ``p[a, b, x, y]`` (n parties: outcomes first, then settings), validated.

    Parameters
    ----------
    p : array (A, B, X, Y)
        Non-negative, normalised for each (x, y), and no-signaling, each within 1e-9.
    scenario : Scenario, optional
        Needed only where settings of one party have different numbers of outcomes (missing outcomes have zeros).
    exact : ExactSinglet, optional
        The exact correlations that the floats stand for. Members of the singlet family give it. What is made of a
        behaviour by noise or mixing has none.

    Raises
    ------
    InvalidBehaviour, InvalidShape
    """

    p: NDArray[np.float64]
    scenario: Scenario = field(default=None)  # type: ignore[assignment]
    exact: ExactSinglet | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        p = reals(self.p, "a behaviour p[a, b, x, y]")
        if p.ndim < 2 or p.ndim % 2 or 0 in p.shape:
            raise InvalidShape(f"a behaviour needs axes (a, b, x, y), not shape {p.shape}.")
        n = p.ndim // 2
        if self.scenario is not None:
            instance(self.scenario, Scenario, "scenario", "Scenario.bipartite(2, 2)")
        scenario = self.scenario or Scenario(tuple((p.shape[i],) * p.shape[n + i] for i in range(n)))
        if p.shape != scenario.table_shape:
            raise InvalidShape(
                f"a behaviour of shape {p.shape} does not fit {scenario}: expected {scenario.table_shape}."
            )
        if not np.isfinite(p).all():
            raise InvalidBehaviour("a behaviour contains NaN or infinity; every probability must be a finite number.")
        if p.min() < -VALIDITY_TOLERANCE:
            where = tuple(int(i) for i in np.unravel_index(int(p.argmin()), p.shape))
            raise InvalidBehaviour(
                f"p{list(where)} = {p.min():.6g} is negative; probabilities must be at least 0 (index "
                "order p[a, b, x, y])."
            )
        sums = p.sum(axis=tuple(range(n)))
        if np.abs(sums - 1.0).max() > VALIDITY_TOLERANCE:
            where = tuple(int(i) for i in np.unravel_index(int(np.abs(sums - 1).argmax()), sums.shape))
            raise InvalidBehaviour(
                f"the probabilities of settings {where} add up to {sums[where]:.9g} instead of 1; {_next_step(p)}."
            )
        for party in range(n):
            marginal = p.sum(axis=party)  # party's outcome summed: must not depend on its setting
            axis = n - 1 + party
            spread = marginal.max(axis=axis) - marginal.min(axis=axis)
            if spread.max() > VALIDITY_TOLERANCE:
                raise InvalidBehaviour(
                    f"the behaviour signals: the other parties' marginal moves by {spread.max():.3g} with "
                    "the setting of "
                    f"party {'ABCDEFGH'[party]} (allowed {VALIDITY_TOLERANCE:g}); give the counts "
                    "of an experiment to Counts.from_table, whose behaviour() is the likeliest no-signaling one."
                )
        p.flags.writeable = False
        object.__setattr__(self, "p", p)
        object.__setattr__(self, "scenario", scenario)
        if self.exact is not None:
            instance(self.exact, ExactSinglet, "exact", "SingletSelfTest(...).exact")
            off = np.abs(self.correlators - self.exact.correlators).max() if scenario.outcomes == _PAIRS else np.inf
            if not max(off, np.abs(self.marginals_a).max(), np.abs(self.marginals_b).max()) <= EXACT_TOLERANCE:
                raise InvalidBehaviour(f"the behaviour is not that of the singlet at {self.exact.title}.")

    @classmethod
    def from_moments(cls, scenario: Scenario, moments: ArrayLike) -> Behaviour:
        """From the tensor of expectation values in the scenario's moment coordinates."""
        t = floats(moments, "moments")
        if t.shape != scenario.shape:
            raise InvalidShape(f"moments of shape {t.shape} do not fit {scenario}: expected {scenario.shape}.")
        p = np.zeros(scenario.table_shape)
        rows = t
        for party in range(scenario.parties):
            rows = np.tensordot(rows, scenario.effects(party), axes=(0, 1))
        flat = [[(a, x) for x, d in enumerate(party) for a in range(d)] for party in scenario.outcomes]
        index = np.ix_(*(np.arange(len(f)) for f in flat))
        places: list[NDArray[np.int64]] = []
        for which in (0, 1):
            for party, f in enumerate(flat):
                column = np.array([pair[which] for pair in f])
                places.append(column[index[party]])
        p[tuple(np.broadcast_arrays(*places))] = rows
        return cls(p, scenario)

    @classmethod
    def from_correlators(
        cls, correlators: ArrayLike, marginals_a: ArrayLike | None = None, marginals_b: ArrayLike | None = None
    ) -> Behaviour:
        """Binary outcomes with ``<A_x B_y> = correlators[x, y]``; marginals uniform unless given."""
        moments = noise.correlator_table(correlators, marginals_a, marginals_b, 1.0)
        return cls.from_moments(Scenario.bipartite(moments.shape[0] - 1, moments.shape[1] - 1), moments)

    @classmethod
    def from_correlator_tensor(cls, tensor: ArrayLike) -> Behaviour:
        """Binary outcomes, any number of parties: correlators (1 + X, 1 + Y, ..), ``tensor[0, 0, ..] = 1``.

        Entry 0 of an axis stands for a party that is left out: ``tensor[1 + x, 0, 1 + z]`` is <A_x C_z>.

        >>> Behaviour.from_correlator_tensor([[1, 0, 0], [0, 1, 1], [0, 1, -1]]).chsh
        4.0
        """
        t = floats(tensor, "a tensor of correlators")
        _require_one(t, "a tensor of correlators")
        return cls.from_moments(binary_scenario(t.shape, "a tensor of correlators"), t)

    @classmethod
    def from_collins_gisin(cls, table: ArrayLike, scenario: Scenario | None = None) -> Behaviour:
        """From 1, P(a|x), P(b|y), P(ab|xy), .. of all outcomes but the last of each setting, any number of parties.

        Without ``scenario`` binary outcomes are assumed: axis i then has one entry for each setting after the first.

        >>> float(Behaviour.from_collins_gisin([[1, 0.5], [0.5, 0.5]]).p[1, 1, 0, 0])
        0.5
        """
        t, scenario = collins_gisin_table(table, scenario)
        _require_one(t, "a Collins-Gisin table")
        for party in range(scenario.parties):
            t = np.tensordot(t, np.linalg.inv(scenario.collins_gisin(party)), axes=(0, 1))
        return cls.from_moments(scenario, t)

    @property
    def collins_gisin(self) -> NDArray[np.float64]:
        """1, P(a|x), P(b|y), P(ab|xy), .. of all outcomes but the last of each setting, shape ``scenario.shape``."""
        t = self.moments
        for party in range(self.scenario.parties):
            t = np.tensordot(t, self.scenario.collins_gisin(party), axes=(0, 1))
        return t

    @property
    def correlator_tensor(self) -> NDArray[np.float64]:
        """Correlators of all parties and of fewer, as :meth:`from_correlator_tensor` takes them; binary outcomes."""
        return correlator_tensor(self.scenario, self.moments)

    @cached_property
    def moments(self) -> NDArray[np.float64]:
        """Expectation values in moment coordinates, shape ``scenario.shape``."""
        n = self.scenario.parties
        t = self.p
        for party in range(n):
            t = np.tensordot(t, self.scenario.readout(party), axes=((0, n - party), (1, 2)))
        t.flags.writeable = False
        return t

    def _binary(self, what: str) -> None:
        if not self.scenario.is_binary or self.scenario.parties != 2:
            raise InvalidShape(f"{what} need two parties with binary outcomes, not {self.scenario}.")

    @property
    def correlators(self) -> NDArray[np.float64]:
        """<A_x B_y>, shape (X, Y); binary outcomes. Of n parties the products of all outcomes, (X, Y, ..)."""
        if not self.scenario.is_binary:
            raise InvalidShape(f"correlators need binary outcomes, not {self.scenario}.")
        return self.moments[(slice(1, None),) * self.scenario.parties]

    @property
    def marginals_a(self) -> NDArray[np.float64]:
        """<A_x>, shape (X,); binary outcomes."""
        self._binary("marginals")
        return self.moments[1:, 0]

    @property
    def marginals_b(self) -> NDArray[np.float64]:
        """<B_y>, shape (Y,); binary outcomes."""
        self._binary("marginals")
        return self.moments[0, 1:]

    @property
    def chsh(self) -> float:
        """The largest of the eight CHSH values; two settings each, binary outcomes."""
        self._binary("CHSH values")
        c = self.correlators
        if c.shape != (2, 2):
            raise InvalidShape(f"the CHSH value needs two settings for each party, not {c.shape}.")
        return float(np.abs(c.sum() - 2.0 * c).max())

    def joint(self, x: int, y: int) -> NDArray[np.float64]:
        """The distribution p(ab|xy) of one pair of settings, shape (A, B)."""
        if self.scenario.parties != 2:
            raise InvalidShape(f"joint(x, y) needs two parties, not {self.scenario}.")
        x, y = self.scenario.require_setting(0, x, "x"), self.scenario.require_setting(1, y, "y")
        return self.p[:, :, x, y]

    def mix(self, other: Behaviour, weight: float) -> Behaviour:
        """``weight * self + (1 - weight) * other``."""
        if other.scenario != self.scenario:
            raise InvalidShape(f"behaviours of {self.scenario} and {other.scenario} cannot be mixed.")
        w = noise.require_probability(weight, "weight")
        return Behaviour(w * self.p + (1.0 - w) * other.p, self.scenario)

    @classmethod
    def uniform(cls, scenario: Scenario) -> Behaviour:
        """Independent, uniform outcomes: white noise."""
        instance(scenario, Scenario, "scenario", "Scenario.bipartite(2, 2)")
        p = np.zeros(scenario.table_shape)
        n = scenario.parties
        for settings in np.ndindex(*scenario.settings):
            counts = [scenario.outcomes[i][settings[i]] for i in range(n)]
            p[(*(slice(0, d) for d in counts), *settings)] = 1.0 / float(np.prod(counts))
        return cls(p, scenario)

    def white_noise(self, visibility: float) -> Behaviour:
        """``visibility * p + (1 - visibility) * uniform``."""
        return Behaviour(noise.white_noise(self.p, visibility, Behaviour.uniform(self.scenario).p), self.scenario)

    def detection_efficiency(
        self, eta_a: float | Sequence[float], eta_b: float | Sequence[float], binning: Binning = True
    ) -> Behaviour:
        """Lossy detectors; no click is outcome 0 if ``binning``, else a further, last outcome.

        Each efficiency is a number in [0, 1] for all settings of a party, or one for each setting. ``binning`` may be
        one choice for each party, and a party's one for each setting, as in :class:`DetectionInefficiency`.

        >>> from sdpbound.bell.families.singlet import SingletSelfTest
        >>> ideal = SingletSelfTest(1.0, 1.5, 2.6).behaviour()
        >>> ideal.detection_efficiency(0.9, 0.9, (True, (True, False))).scenario.outcomes
        ((2, 2), (2, 3))
        """
        if self.scenario.parties != 2:
            raise InvalidShape(f"detection_efficiency takes two efficiencies, for two parties, not {self.scenario}.")
        chosen, before = binning_of(binning), self.scenario.outcomes
        p = noise.detection_efficiency(self.p, (eta_a, eta_b), chosen, before)
        after = tuple(
            tuple(d + (not own) for d, own in zip(party, binned_settings(chosen, i, len(party)), strict=True))
            for i, party in enumerate(before)
        )
        return Behaviour(p, Scenario(after))

    def flip_outcomes(self, probability_a: float, probability_b: float) -> Behaviour:
        """Independent errors of the outcomes."""
        return Behaviour(noise.flip_outcomes(self.p, (probability_a, probability_b)), self.scenario)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Behaviour):
            return NotImplemented
        return self.scenario == other.scenario and np.array_equal(self.p, other.p)

    def __hash__(self) -> int:
        return hash((self.scenario, self.p.tobytes()))

    def __repr__(self) -> str:
        """The first moments, those of fewest parties first, with four digits; named as expressions print them.

        >>> Behaviour.from_correlators([[0.7, 0.7], [0.7, -0.7]], [0.1, 0.0])
        Behaviour(<A0> = 0.1, <A1> = 0, <B0> = 0, <B1> = 0, <A0 B0> = 0.7, <A0 B1> = 0.7, <A1 B0> = 0.7, <A1 B1> = -0.7)
        """
        shape, parties = self.scenario.shape, range(self.scenario.parties)
        indices = (
            index
            for k in range(1, len(shape) + 1)
            for some in combinations(parties, k)
            for index in product(*(range(1, shape[i]) if i in some else (0,) for i in parties))
        )
        parts = [
            f"<{self.scenario.word(i)}> = {round(float(self.moments[i]), 12) + 0.0:.4g}"
            for i in islice(indices, _PRINTED)
        ]
        left = math.prod(shape) - 1 - len(parts)
        return f"Behaviour({', '.join(parts)}{f', and {left} more moments of {self.scenario}' if left else ''})"


def _next_step(p: NDArray[np.float64]) -> str:
    """What to do with a table that is not normalised: whole numbers are counts."""
    if p.max() > 1.0 and (p == np.floor(p)).all():
        return "numbers of rounds are for Counts.from_table(N[a, b, x, y]), whose behaviour() estimates them"
    return "normalise p[:, :, x, y]"


def _require_one(table: NDArray[np.float64], name: str) -> None:
    """The first entry, of no party, is the probability of anything at all."""
    if table.size and abs(table.flat[0] - 1.0) > VALIDITY_TOLERANCE:
        raise InvalidBehaviour(f"{name} must begin with 1, the sum of all probabilities, not {table.flat[0]:.9g}.")
