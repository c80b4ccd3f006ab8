"""A question: a figure of merit, and what is tested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sdpbound.arrays import Floats
from sdpbound.bell.observations import Observations
from sdpbound.bell.scenario import BlindMeasurement, Scenario

__all__ = ["Question"]


@dataclass(frozen=True, eq=False)
class Question:
    """A figure of merit in Bell terms.

    Attributes
    ----------
    scenario : the scenario of the parties
    objective : (E, *shape) coefficients for each of Eve's guesses, in the scenario, extended if ``blind``
    observed : what is tested
    figure : the figure as a certificate names it
    side : "upper" or "lower": of the figure. "lower" of a Bell value maximises its negative.
    floor : a number that the maximum never goes below for feasible data
    blind : Eve's measurement on Bob's device, if she has it
    given : the data as asked about, where the tolerances of ``observed`` had to be widened
    """

    scenario: Scenario
    objective: Floats
    observed: Observations
    figure: dict[str, Any]
    side: str
    floor: float
    blind: BlindMeasurement | None = None
    given: Observations | None = None

    @property
    def ceiling(self) -> float:
        """A bound that the zero dual proves: a dual that is worse is not worth keeping."""
        return float("inf") if self.figure["kind"] in ("bell_value", "separation") else 1.0

    @property
    def sign(self) -> float:
        """+1 if the figure itself is maximised, -1 if its negative is."""
        return -1.0 if self.side == "lower" and self.figure["kind"] == "bell_value" else 1.0
