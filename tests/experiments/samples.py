"""Counts drawn from behaviours, and a protocol that is quick to make."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

import sdpbound as sb

UNIFORM = np.full((2, 2), 0.25)
HONEST = sb.Behaviour.from_correlators(0.66 * np.array([[1.0, 1.0], [1.0, -1.0]]))  # CHSH 2.64
#: A mixture of deterministic strategies that wins CHSH with probability 3/4, all strategies on the facet.
LOCAL = sb.Behaviour.from_correlators(0.5 * np.array([[1.0, 1.0], [1.0, -1.0]]))


def drawn(behaviour: sb.Behaviour, n: int, rng: np.random.Generator, inputs: np.ndarray = UNIFORM) -> sb.Counts:
    """Counts of n independent rounds."""
    table = np.maximum(behaviour.p, 0.0) * inputs
    return sb.Counts.from_table(rng.multinomial(n, table.ravel() / table.sum()).reshape(table.shape))


def rounds(behaviour: sb.Behaviour, n: int, gamma: float, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """x, y, a, b and tests of n rounds of binary correlations without marginals, key settings 0 and 0."""
    tests = rng.random(n) < gamma
    x, y = (np.where(tests, rng.integers(0, 2, n), 0) for _ in "xy")
    a = rng.integers(0, 2, n)
    b = a ^ (rng.random(n) >= (1.0 + behaviour.correlators[x, y]) / 2.0)
    return x, y, a, b, tests.astype(np.int64)


@lru_cache(maxsize=4)
def protocol(n: int) -> sb.FixedProtocol:
    data = sb.Observations.bell_value(sb.chsh(), 2.64)
    return sb.FixedProtocol(sb.finite_randomness_length(HONEST, n, observed=data, method="accumulation"))
