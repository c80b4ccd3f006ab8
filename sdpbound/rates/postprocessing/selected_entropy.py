"""Eve's entropy about a bit of kept rounds, as an integral over the errors of guesses.

Let Eve hold ``s_0`` and ``s_1``, not normalised, where the bit is 0 and 1. Frenkel's integral of the relative entropy
(arXiv:2208.12194) makes of ``H = sum_a S(s_a) - S(s_0 + s_1)``, S(X) = -Tr X log2 X, an integral over 0 < t < 1:

    H = (1 / ln 2) int T(t) / (t (1 - t)) dt,   T(t) = min_E Tr[ (1 - t) s_0 (1 - E) + t s_1 E ],  0 <= E <= 1.

T is concave, being a minimum of linear functions, and 0 at 0 and 1. So the polygon through its values at some nodes is
below it, and ``H >= sum_i W_i T(t_i)`` with weights W_i >= 0: a Bell expression of three parties, in which Eve has a
setting of two outcomes for each node.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bell.strategy import Strategy
from sdpbound.bounds.bound import Bound
from sdpbound.rates.postprocessing.eve import EveObjective, KeyData, bounded_with_eve

__all__ = ["entropy_of_states", "flipped_entropy", "kept_entropy", "kept_objective", "nodes_and_weights"]

#: Roundings of the weights: the polygon's integral is below the function's by more.
MARGIN = 1e-12


def nodes_and_weights(count: int) -> tuple[Floats, Floats]:
    """Nodes ``(1 - cos(pi i / (count + 1))) / 2`` and the weights of the polygon's integral, in bits.

    >>> nodes, weights = nodes_and_weights(5)
    >>> bool(abs(weights @ np.minimum(nodes, 1 - nodes) - 2.0) < 1e-9)  # of one state, twice: two bits, of weight two
    True
    """
    nodes = (1.0 - np.cos(np.pi * np.arange(count + 2) / (count + 1))) / 2.0
    left, right = nodes[:-1], nodes[1:]
    # int t / (t (1 - t)) = -ln(1 - t) and int (1 - t) / (t (1 - t)) = ln t, each from left to right
    with np.errstate(divide="ignore", invalid="ignore"):
        up = np.log1p(-left) - np.log1p(-right)
        down = np.log(right) - np.log(left)
        width = right - left
        # a line that is 1 at the right end and 0 at the left one is ((1 - left) t - left (1 - t)) / width
        rising = ((1.0 - left) * up - np.where(left > 0.0, left * down, 0.0)) / width
        falling = (right * down - np.where(right < 1.0, (1.0 - right) * up, 0.0)) / width
    weights = (rising[:-1] + falling[1:]) / np.log(2.0) * (1.0 - MARGIN)
    return nodes[1:-1], weights


def kept_objective(key: KeyData, kept: tuple[Floats, Floats], bits: tuple[int, int], nodes: int) -> EveObjective:
    """What is below H of the two outcomes ``bits`` of Alice, in kept rounds, times their weight.

    Parameters
    ----------
    kept : for each party the probabilities to keep a round, one for each of its outcomes
    """
    places, weights = nodes_and_weights(nodes)
    effects = []
    for t, weight in zip(places, weights, strict=True):
        guesses = []
        for wrong, cost in zip(reversed(bits), (t, 1.0 - t), strict=True):
            table = np.zeros(key.joint.shape)
            table[wrong] = weight * cost * kept[0][wrong] * kept[1]
            guesses.append(table)
        effects.append(guesses)
    return EveObjective(effects, "P(kept) H(A|E,kept)")


def kept_entropy(key: KeyData, kept: tuple[Floats, Floats], bits: tuple[int, int], level: str, nodes: int) -> Bound:
    """Lower bound on H of the two outcomes ``bits`` of Alice, in kept rounds, times their weight."""
    return bounded_with_eve(key, kept_objective(key, kept, bits, nodes), level)


def entropy_of_states(
    strategies: Sequence[Strategy], weights: Floats, key: KeyData, kept: tuple[Floats, Floats]
) -> float:
    """H of Alice's outcome in kept rounds, times their weight, of a mixture whose index Eve knows; in floats."""
    total = 0.0
    for strategy, weight in zip(strategies, weights, strict=True):
        w, v = np.linalg.eigh(strategy.state)
        root = v * np.sqrt(np.maximum(w, 0.0))
        alice, bob = strategy.measurements[0][key.x], strategy.measurements[1][key.y]
        mean = np.tensordot(kept[1], bob, axes=1)
        effects = [np.kron(c * effect, mean) for c, effect in zip(kept[0], alice, strict=True) if c > 0.0]
        states = [root.conj().T @ effect @ root for effect in effects]
        total += float(weight) * (sum(map(_entropy, states)) - _entropy(sum(states)))
    return total


def flipped_entropy(strategies: Sequence[Strategy], weights: Floats, x: int, flips: float) -> float:
    """H of Alice's flipped bit of a setting, of a mixture whose index Eve knows; in floats."""
    total = 0.0
    for strategy, weight in zip(strategies, weights, strict=True):
        w, v = np.linalg.eigh(strategy.state)
        root = v * np.sqrt(np.maximum(w, 0.0))
        first, second = (np.kron(e, np.eye(strategy.dimensions[1])) for e in strategy.measurements[0][x])
        effects = (1.0 - flips) * first + flips * second, flips * first + (1.0 - flips) * second
        states = [root.conj().T @ effect @ root for effect in effects]
        total += float(weight) * (sum(map(_entropy, states)) - _entropy(sum(states)))
    return total


def _entropy(matrix: Floats) -> float:
    values = np.linalg.eigvalsh(matrix)
    values = values[values > 1e-300]
    return float(-(values * np.log2(values)).sum())
