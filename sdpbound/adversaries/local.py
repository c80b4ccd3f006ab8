"""Local correlations: mixtures of deterministic strategies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod

import numpy as np
import scipy.sparse as sp

from sdpbound.adversaries.adversary import ASSUMED, Adversary, Relaxation, Security
from sdpbound.bell.scenario import BlindMeasurement, Scenario
from sdpbound.errors import TooLarge

__all__ = ["LOCAL", "Local"]

LOCAL = "local adversary: only data with a local model are possible, and Eve then knows every outcome"

#: Most deterministic strategies written down as columns of one linear program.
LIMIT = 1 << 16


@dataclass(frozen=True)
class Local(Adversary):
    """The local polytope, exactly, by its vertices: one weight for each deterministic strategy."""

    linear = True
    deterministic = True

    @property
    def name(self) -> str:
        return "local"

    def describe(self) -> dict[str, object]:
        return {"kind": "local"}

    def relax(self, scenario: Scenario, blind: BlindMeasurement | None = None) -> Relaxation:
        return _relax(scenario)

    def security(self, kind: str) -> Security:
        return Security(LOCAL, ASSUMED)


@lru_cache(maxsize=64)
def _relax(scenario: Scenario) -> Relaxation:
    count = prod(scenario.count_deterministic())
    if count > LIMIT:
        raise TooLarge(
            f"{scenario} has {count} deterministic strategies (limit {LIMIT}); use fewer settings, or "
            "BellExpression.local_bound."
        )
    columns = scenario.deterministic(0)
    for party in range(1, scenario.parties):
        columns = np.einsum("si,tj->stij", columns, scenario.deterministic(party)).reshape(
            len(columns) * scenario.count_deterministic()[party], -1
        )
    return Relaxation(
        scenario=scenario,
        variables=count,
        coordinates=sp.csr_array(columns.T),
        reached=np.ones(columns.shape[1], dtype=bool),
        blocks=(),
        inequalities=sp.csr_array(sp.eye_array(count)),
        unit=-1,
    )
