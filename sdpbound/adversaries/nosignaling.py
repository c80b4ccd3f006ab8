"""No-signaling correlations: every behaviour whose marginals do not depend on distant settings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.sparse as sp

from sdpbound.adversaries.adversary import ASSUMED, Adversary, Relaxation, Security
from sdpbound.bell.scenario import BlindMeasurement, Scenario
from sdpbound.errors import TooLarge

__all__ = ["INDIVIDUAL", "NoSignaling"]

INDIVIDUAL = "individual attacks"

#: Most positivity conditions of one no-signaling behaviour.
LIMIT = 20000


@dataclass(frozen=True)
class NoSignaling(Adversary):
    """The no-signaling polytope, exactly; bounds are optima of linear programs with exact rational certificates."""

    linear = True
    contains_quantum = True

    @property
    def name(self) -> str:
        return "no-signaling"

    def describe(self) -> dict[str, object]:
        return {"kind": "no-signaling"}

    def relax(self, scenario: Scenario, blind: BlindMeasurement | None = None) -> Relaxation:
        return _relax(scenario)

    def security(self, kind: str) -> Security:
        theorem = "; Csiszar-Koerner rate I(A:B) - I(A:E)" if kind == "key" else ""
        return Security(
            INDIVIDUAL,
            (
                *ASSUMED,
                "Eve attacks every round alone and alike and measures before the parties' communication",
                f"H(A|E) >= H_min(A|E) for her outcome E{theorem}",
            ),
        )


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
