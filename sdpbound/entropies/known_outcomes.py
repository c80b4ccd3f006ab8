"""Data that a mixture of deterministic strategies has: Eve then knows every outcome, and no entropy is left."""

from __future__ import annotations

from math import prod

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bell.observations import Observations
from sdpbound.bell.scenario import Scenario
from sdpbound.conic.solvers.linear_ import Way, cheapest_weights
from sdpbound.errors import SolverFailure

__all__ = ["eve_may_know"]

#: Most deterministic strategies that are mixed.
_MOST = 4096
#: What roundings may change of a tested value, in parts of its size.
_EQUAL = 1e-14
_WAYS = (Way("simplex"), Way("ipm"))


def eve_may_know(observed: Observations) -> bool:
    """Whether a mixture of deterministic strategies is found that has the data within their tolerances.

    Eve prepares the strategies and knows each outcome. So the least entropy of such data is that of the flips alone,
    whatever the key is. False says nothing: the strategies may be too many, or miss the data by roundings.

    >>> import sdpbound as sb
    >>> [eve_may_know(sb.Observations.bell_value(sb.chsh(), s)) for s in (2.0, 2.1)]
    [True, False]
    """
    scenario = observed.scenario
    if prod(scenario.count_deterministic()) > _MOST:
        return False
    table = observed.coefficients.reshape(len(observed), prod(scenario.shape))
    tested, sizes = _vertices(scenario) @ table.T, np.abs(table).sum(axis=1)
    free = np.maximum(observed.tolerances, _EQUAL * sizes)

    def has_data(means: Floats) -> bool:
        return bool((np.abs(means - observed.values) <= free).all())

    if any(has_data(row) for row in tested):
        return True
    try:
        answer = cheapest_weights(np.zeros(len(tested)), tested.T, observed.values, 1.0, _WAYS)
    except SolverFailure:
        return False
    return has_data(answer.weights @ tested / answer.weights.sum())


def _vertices(scenario: Scenario) -> Floats:
    """(K, size) all deterministic strategies in moment coordinates."""
    found = np.ones((1, 1))
    for party in range(scenario.parties):
        own = scenario.deterministic(party)
        found = np.einsum("si,tj->stij", found, own).reshape(len(found) * len(own), -1)
    return found
