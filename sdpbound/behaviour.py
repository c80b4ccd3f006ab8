"""Behaviours p(ab|xy), and the linear data that the parties test."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdpbound import outcome_noise as noise
from sdpbound.arguments import floats, instance, reals
from sdpbound.bell import BellExpression
from sdpbound.errors import InvalidBehaviour, InvalidInput, InvalidParameter, InvalidSettings, InvalidShape
from sdpbound.scenario import Scenario

__all__ = ["DATA_TOLERANCE", "Behaviour", "Observations"]

#: Tested data mean this interval around the floats; its width is charged to every bound.
DATA_TOLERANCE = 1e-12
#: How far a table of probabilities may be from valid.
VALIDITY_TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Behaviour:
    """Conditional probabilities ``p[a, b, x, y]`` (n parties: outcomes first, then settings), validated.

    Parameters
    ----------
    p : array (A, B, X, Y)
        Non-negative, normalised for each (x, y), and no-signaling, each within 1e-9.
    scenario : Scenario, optional
        Needed only where settings of one party have different numbers of outcomes (missing outcomes have zeros).

    Raises
    ------
    InvalidBehaviour, InvalidShape
    """

    p: NDArray[np.float64]
    scenario: Scenario = field(default=None)  # type: ignore[assignment]

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
                f"the probabilities of settings {where} add up to {sums[where]:.9g} instead of 1; "
                "normalise p[:, :, x, y]."
            )
        for party in range(n):
            marginal = p.sum(axis=party)  # party's outcome summed: must not depend on its setting
            axis = n - 1 + party
            spread = marginal.max(axis=axis) - marginal.min(axis=axis)
            if spread.max() > VALIDITY_TOLERANCE:
                raise InvalidBehaviour(
                    f"the behaviour signals: the other parties' marginal moves by {spread.max():.3g} with "
                    "the setting of "
                    f"party {'ABCDEFGH'[party]} (allowed {VALIDITY_TOLERANCE:g}); project the data on the no-signaling "
                    "space first."
                )
        p.flags.writeable = False
        object.__setattr__(self, "p", p)
        object.__setattr__(self, "scenario", scenario)

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
        """<A_x B_y>, shape (X, Y); binary outcomes."""
        self._binary("correlators")
        return self.moments[1:, 1:]

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

    def detection_efficiency(self, eta_a: float, eta_b: float, binning: bool = True) -> Behaviour:
        """Lossy detectors; no click is outcome 0 if ``binning``, else a further, last outcome."""
        if self.scenario.parties != 2:
            raise InvalidShape(f"detection_efficiency takes two efficiencies, for two parties, not {self.scenario}.")
        p = noise.detection_efficiency(self.p, (eta_a, eta_b), binning)
        if binning:
            return Behaviour(p, self.scenario)
        if len({d for party in self.scenario.outcomes for d in party}) > 1:
            raise InvalidShape(
                "a no-click outcome needs the same number of outcomes for every setting; use binning=True."
            )
        return Behaviour(p, Scenario(tuple(tuple(d + 1 for d in party) for party in self.scenario.outcomes)))

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
        return f"Behaviour(shape {self.p.shape}, {self.scenario})"


@dataclass(frozen=True, eq=False)
class Observations:
    """What the parties test: values of Bell expressions, each meant as an interval of 1e-12 around the float.

    Attributes
    ----------
    scenario : Scenario
    coefficients : (J, *scenario.shape)
    values, tolerances : (J,)
    kind : "bell", "correlators", "full" or "custom"; for tables and messages
    """

    scenario: Scenario
    coefficients: NDArray[np.float64]
    values: NDArray[np.float64]
    tolerances: NDArray[np.float64]
    kind: str = "custom"

    def __post_init__(self) -> None:
        instance(self.scenario, Scenario, "scenario", "Scenario.bipartite(2, 2)")
        c = floats(self.coefficients, "tested expressions")
        v = floats(self.values, "tested values").reshape(-1)
        t = floats(self.tolerances, "tolerances of tested values")
        if c.shape != (v.size, *self.scenario.shape) or t.shape not in ((), v.shape):
            raise InvalidShape(
                f"tested expressions of shape {c.shape}, {v.size} values, tolerances of shape {t.shape} do not match: "
                f"expressions need shape (J, {', '.join(map(str, self.scenario.shape))}), values and tolerances (J,)."
            )
        t = np.array(np.broadcast_to(t, v.shape))
        if (t < 0).any():
            raise InvalidParameter(f"tolerances of tested values must be at least 0, not {t.min():g}.")
        for name, array in (("coefficients", c), ("values", v), ("tolerances", t)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @classmethod
    def none(cls, scenario: Scenario) -> Observations:
        """Nothing tested."""
        return cls(scenario, np.zeros((0, *scenario.shape)), np.zeros(0), np.zeros(0), "none")

    @classmethod
    def bell_value(cls, expression: BellExpression, value: float, tolerance: float = DATA_TOLERANCE) -> Observations:
        """One Bell expression has this value."""
        return cls.bell_values([(expression, value)], tolerance)

    @classmethod
    def bell_values(
        cls, pairs: Iterable[tuple[BellExpression, float]], tolerance: float = DATA_TOLERANCE
    ) -> Observations:
        """Several Bell expressions have these values."""
        try:
            items = [(instance(e, BellExpression, "a tested expression", "chsh()"), v) for e, v in pairs]
        except (TypeError, ValueError) as error:
            if isinstance(error, InvalidInput):
                raise
            raise InvalidParameter("tested Bell values are a list of pairs (expression, value).") from None
        if not items:
            raise InvalidParameter("give at least one pair (expression, value) to test.")
        scenario = items[0][0].scenario
        if any(e.scenario != scenario for e, _ in items):
            raise InvalidShape("all tested expressions must belong to the same scenario.")
        values = np.array([floats(v, "a tested Bell value") for _, v in items])
        table = np.array([e.coefficients for e, _ in items])
        return cls(scenario, table, values, floats(tolerance, "tolerance"), "bell")

    @classmethod
    def correlators(
        cls,
        behaviour: Behaviour | ArrayLike,
        settings: Sequence[tuple[int, int]] | None = None,
        tolerance: float = DATA_TOLERANCE,
    ) -> Observations:
        """The correlators <A_x B_y>: all X * Y of them, or those of the pairs ``settings``. Binary outcomes.

        ``behaviour`` may also be an array (X, Y) of correlators.
        """
        if isinstance(behaviour, Behaviour):
            c = behaviour.correlators
        else:
            c = floats(behaviour, "correlators")
            if c.ndim != 2:
                raise InvalidShape(f"correlators must have shape (X, Y), not {c.shape}.")
        scenario = Scenario.bipartite(*c.shape)
        if settings is None:
            pairs = [(x, y) for x in range(c.shape[0]) for y in range(c.shape[1])]
        else:
            try:
                asked = [(x, y) for x, y in settings]
            except (TypeError, ValueError):
                raise InvalidSettings(f"settings = {settings!r:.60} must be a list of pairs (x, y).") from None
            pairs = [(scenario.require_setting(0, x, "x"), scenario.require_setting(1, y, "y")) for x, y in asked]
            if not pairs or len(set(pairs)) != len(pairs):
                raise InvalidSettings(f"settings = {list(settings)} must name at least one pair (x, y), each once.")
        table = np.zeros((len(pairs), *scenario.shape))
        for j, (x, y) in enumerate(pairs):
            table[j, 1 + x, 1 + y] = 1.0
        return cls(
            scenario, table, np.array([c[x, y] for x, y in pairs]), floats(tolerance, "tolerance"), "correlators"
        )

    @classmethod
    def full(cls, behaviour: Behaviour, tolerance: float = DATA_TOLERANCE) -> Observations:
        """The full behaviour: every coordinate of the scenario except the constant."""
        scenario = instance(behaviour, Behaviour, "behaviour", "SingletSelfTest(...).behaviour()").scenario
        size = int(np.prod(scenario.shape))
        table = np.eye(size)[1:].reshape(-1, *scenario.shape)
        return cls(scenario, table, behaviour.moments.reshape(-1)[1:], floats(tolerance, "tolerance"), "full")

    @classmethod
    def correlators_and_marginals(cls, behaviour: Behaviour, tolerance: float = DATA_TOLERANCE) -> Observations:
        """All correlators and marginals; for binary outcomes this is :meth:`full`."""
        behaviour._binary("correlators and marginals")
        return cls.full(behaviour, tolerance)

    def drop_untested(self) -> Observations:
        """The same data in the scenario without those settings of the second of two parties that none of them involves.

        What Bob's device would answer to a setting that is never tested limits Eve in nothing: her entropy of Alice's
        outcome is the same.
        """
        scenario = self.scenario
        if scenario.parties != 2:
            return self
        used: list[bool] = (self.coefficients != 0.0).any(axis=(0, 1)).tolist()
        letters = scenario.letters[1]
        kept = sorted({letter.setting for letter, touched in zip(letters, used[1:], strict=True) if touched})
        if not kept or len(kept) == scenario.settings[1]:
            return self
        columns = [0, *(i + 1 for i, letter in enumerate(scenario.letters[1]) if letter.setting in kept)]
        smaller = Scenario((scenario.outcomes[0], tuple(scenario.outcomes[1][s] for s in kept)))
        return replace(self, scenario=smaller, coefficients=self.coefficients[:, :, columns])

    def __len__(self) -> int:
        return len(self.values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Observations):
            return NotImplemented
        return (
            self.scenario == other.scenario
            and np.array_equal(self.coefficients, other.coefficients)
            and np.array_equal(self.values, other.values)
            and np.array_equal(self.tolerances, other.tolerances)
        )

    def __hash__(self) -> int:
        return hash((self.scenario, self.coefficients.tobytes(), self.values.tobytes()))

    def __repr__(self) -> str:
        return f"Observations({self.kind}, {len(self)} tested values, {self.scenario})"
