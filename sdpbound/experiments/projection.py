"""The no-signaling behaviour that makes the counts most likely."""

from __future__ import annotations

import numpy as np

from sdpbound.arrays import Floats, Ints
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.scenario import Scenario
from sdpbound.errors import InvalidParameter
from sdpbound.experiments.barrier import log_maximum

__all__ = ["LEFT", "entries", "likeliest_behaviour"]

#: A weight in counts that every outcome has besides its own, at the end: it keeps probabilities positive.
LEFT = 1e-4


def entries(scenario: Scenario) -> tuple[Ints, ...]:
    """The indices (a, b, x, y) of all outcomes that exist, in the order of :meth:`Scenario.probability_rows`."""
    alice, bob = ([(o, s) for s, d in enumerate(party) for o in range(d)] for party in scenario.outcomes)
    found = np.array([(a, b, x, y) for a, x in alice for b, y in bob], dtype=np.int64)
    return tuple(found.T)


def likeliest_behaviour(table: Ints, scenario: Scenario, prior: float = 0.0) -> Behaviour:
    """The no-signaling behaviour p that maximises ``sum (N + prior) log p``.

    It is the maximum-likelihood estimate for prior 0. The log-likelihood misses its maximum by at most :data:`LEFT` for
    each outcome, in nats.

    Raises
    ------
    InvalidParameter
        A pair of settings has no rounds, and there is no prior.
    """
    missing = np.argwhere(table.sum(axis=(0, 1)) == 0)
    if missing.size and prior == 0.0:
        x, y = missing[0].tolist()
        raise InvalidParameter(
            f"the settings ({x}, {y}) were never tested, so that nothing is known of their outcomes; leave them out of "
            "the table, or test them."
        )
    rows = scenario.probability_rows()
    seen = table[entries(scenario)].astype(np.float64) + prior
    z = Behaviour.uniform(scenario).moments.ravel()[1:]
    for extra in _falling(float(seen.max())):
        z = log_maximum(seen + extra, rows[:, 0], rows[:, 1:], z)
    return Behaviour.from_moments(scenario, np.concatenate([[1.0], z]).reshape(scenario.shape))


def _falling(start: float) -> Floats:
    """Weights that fall to the last one by factors of about ten."""
    return np.geomspace(max(start, LEFT), LEFT, max(2, int(np.log10(max(start, LEFT) / LEFT)) + 2))
