"""A question: a figure of merit, and what is tested."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bell.observations import Observations
from sdpbound.bell.scenario import BlindMeasurement, Scenario
from sdpbound.bounds.figures import Figure, Separation

__all__ = ["Question"]


@dataclass(frozen=True, eq=False)
class Question:
    """A figure of merit in Bell terms.

    Attributes
    ----------
    scenario : the scenario of the parties
    objective : (E, *shape) coefficients for each of Eve's guesses, in the scenario, extended if ``blind``
    observed : what is tested
    figure : the figure of merit
    side : "upper" or "lower": of the figure. "lower" of a Bell value maximises its negative.
    floor : a number that the maximum never goes below for feasible data
    blind : Eve's measurement on Bob's device, if she has it
    given : the data as asked about, where the tolerances of ``observed`` had to be widened
    """

    scenario: Scenario
    objective: Floats
    observed: Observations
    figure: Figure
    side: str
    floor: float
    blind: BlindMeasurement | None = None
    given: Observations | None = None

    @classmethod
    def of_separation(cls, observed: Observations) -> Question:
        """The zero functional at tested data: a negative upper bound on it proves them infeasible."""
        empty = np.zeros((1, *observed.scenario.shape))
        return cls(observed.scenario, empty, observed, Separation(), "upper", -math.inf)

    def tested_in(self, scenario: Scenario) -> Floats:
        """(J, *shape) the tested expressions in a scenario that has further settings."""
        table = self.observed.coefficients
        if table.shape[1:] == scenario.shape:
            return table
        wide = np.zeros((len(table), *scenario.shape))
        wide[(slice(None), *(slice(0, k) for k in table.shape[1:]))] = table
        return wide

    @property
    def ceiling(self) -> float:
        """A bound that the zero dual proves: a dual that is worse is not worth keeping."""
        return self.figure.ceiling

    @property
    def sign(self) -> float:
        """+1 if the figure itself is maximised, -1 if its negative is."""
        return self.figure.sign(self.side)
