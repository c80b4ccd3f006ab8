"""No-signaling correlations: every behaviour whose marginals do not depend on distant settings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.sparse as sp

from sdpbound.adversaries.adversary import CorrelationModel, Relaxation
from sdpbound.bell.scenario import BlindMeasurement, Scenario
from sdpbound.errors import TooLarge

__all__ = ["NoSignaling"]

#: Most positivity conditions of one no-signaling behaviour.
LIMIT = 20000


@dataclass(frozen=True)
class NoSignaling(CorrelationModel):
    """The no-signaling polytope, exactly; bounds are optima of linear programs with exact rational certificates."""

    @property
    def name(self) -> str:
        return "no-signaling"

    def describe(self) -> dict[str, object]:
        return {"kind": "no-signaling"}

    def relax(self, scenario: Scenario, blind: BlindMeasurement | None = None) -> Relaxation:
        return _relax(scenario)


@lru_cache(maxsize=64)
def _relax(scenario: Scenario) -> Relaxation:
    size = int(np.prod(scenario.shape))
    rows = int(np.prod([sum(party) for party in scenario.outcomes], dtype=object))
    if rows > LIMIT:
        raise TooLarge(
            f"a no-signaling behaviour of {scenario} has {rows} probabilities (limit {LIMIT}); use fewer settings."
        )
    return Relaxation(
        scenario=scenario,
        variables=size,
        coordinates=sp.csr_array(sp.eye_array(size)),
        reached=np.ones(size, dtype=bool),
        blocks=(),
        inequalities=sp.csr_array(scenario.probability_rows()),
        unit=0,
    )
