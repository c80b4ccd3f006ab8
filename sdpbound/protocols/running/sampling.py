"""Rounds drawn from a behaviour, and public random choices."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sdpbound.arguments import instance, whole
from sdpbound.bell.behaviour import Behaviour
from sdpbound.errors import InvalidInput, InvalidShape

__all__ = [
    "LARGEST_RUN",
    "Bits",
    "choose",
    "draw",
    "generator",
    "require_rounds",
    "require_settings",
    "subset_bits",
    "tested_rounds",
]

Bits = NDArray[np.uint8]
#: The most rounds of one run; more rounds need too much memory.
LARGEST_RUN = 50_000_000


def require_settings(behaviour: Behaviour, alice: int, bob: int) -> Behaviour:
    """Check that a behaviour has two parties, binary outcomes and these numbers of settings."""
    instance(behaviour, Behaviour, "behaviour", "bhk.behaviour(0.95, 6)")
    if behaviour.p.shape != (2, 2, alice, bob):
        raise InvalidShape(
            f"this protocol needs a behaviour of shape (2, 2, {alice}, {bob}): binary outcomes, {alice} settings for "
            f"Alice and {bob} for Bob, not {behaviour.p.shape}."
        )
    return behaviour


def require_rounds(rounds: int) -> int:
    """Check the number of rounds of a run."""
    return whole(rounds, "rounds", 100, LARGEST_RUN)


def generator(seed: int | np.random.Generator) -> np.random.Generator:
    """Make the generator of the random numbers of a run."""
    if isinstance(seed, np.random.Generator):
        return seed
    if isinstance(seed, (int, np.integer)) and seed >= 0:
        return np.random.default_rng(seed)
    raise InvalidInput(f"seed = {seed!r:.60} must be an integer from 0 or a numpy Generator, so that runs repeat.")


def draw(
    behaviour: Behaviour, x: NDArray[np.integer], y: NDArray[np.integer], rng: np.random.Generator
) -> tuple[Bits, Bits]:
    """Draw independent binary outcomes (a, b) of every round n from ``p[:, :, x_n, y_n]``."""
    _, _, _, bob = behaviour.p.shape
    table = np.maximum(behaviour.p, 0.0).reshape(4, -1)
    limits = np.cumsum(table / table.sum(axis=0), axis=0)[:3].T  # (X * Y, 3): the upper limits of ab = 00, 01, 10
    which = np.asarray(x, dtype=np.intp) * bob + y
    u = rng.random(which.size)
    ab = np.zeros(which.size, dtype=np.uint8)
    for column in range(3):
        ab += u >= limits[which, column]
    return np.right_shift(ab, np.uint8(1)), np.bitwise_and(ab, np.uint8(1))


def choose(n: int, k: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Choose a random subset of k out of n places."""
    chosen = np.zeros(n, dtype=bool)
    chosen[:k] = True
    rng.shuffle(chosen)
    return chosen


def subset_bits(n: int, k: int) -> int:
    """The bits that announce a subset of k out of n: log2 of the binomial coefficient, rounded up."""
    return math.ceil((math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)) / math.log(2.0) - 1e-9)


def tested_rounds(given: int | None, n: int, fraction: float, length: Callable[[float], float]) -> int:
    """The number of tested rounds: the given one, or that of the longest expected key; at most ``fraction * n``."""
    most = int(fraction * n)
    if given is not None:
        return whole(given, "test_rounds", 1, most)
    grid = np.unique(np.rint(np.geomspace(1.0, most, 200)).astype(np.int64))
    return int(max(grid, key=lambda tests: length(float(tests))))
