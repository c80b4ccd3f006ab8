"""Belief propagation on a graph of parity checks, check after check, compiled.

What is known of a bit are its odds P(0)/P(1). With m_e the odds that edge e tells its bit, and L_v = prior_v times the
product of m over the edges of v, each check takes L_v / m_e, in which it has no part, as d_e = (L - m)/(L + m), the
mean of (-1)^bit. The parity of the other edges has as mean the product p of their d, by products from the left and
from the right; then ``m_e = (1 + p)/(1 - p)``, and L_v changes at once. A check sees what those before it have said,
so half as many iterations are enough as where all speak together.

There is no logarithm and no table: where degrees are large, a processor does eight edges of a check at once. One block
at a time stays in the cache, which is faster than several side by side.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sdpbound.compiling import compiled_loop

__all__ = ["propagate"]

#: The largest size of p, for messages up to 2^23, and the range of odds.
CERTAIN = np.float32(1.0 - 2.0**-22)
LEAST, MOST = np.float32(1e-30), np.float32(1e30)
ONE, TWO = np.float32(1.0), np.float32(2.0)


@compiled_loop
def _means(odds: Any, inverse: Any, mean: Any) -> None:
    """The d of each edge; ``inverse`` has 1/m."""
    for k in range(odds.size):
        others = odds[k] * inverse[k]
        mean[k] = (others - ONE) / (others + ONE)


@compiled_loop
def _products(mean: Any, sign: Any, left: Any, right: Any) -> None:
    """The products of the means on the left of each edge, with the sign of the parity, and on the right."""
    last = mean.size - 1
    before, after = sign, ONE
    for k in range(mean.size):  # two chains of products, which need not wait for each other
        left[k] = before
        right[last - k] = after
        before *= mean[k]
        after *= mean[last - k]


@compiled_loop
def _answers(odds: Any, inverse: Any, left: Any, right: Any) -> None:
    """New messages, and new odds with them."""
    for k in range(odds.size):
        p = left[k] * right[k]
        p = CERTAIN if p > CERTAIN else p
        p = -CERTAIN if p < -CERTAIN else p
        both = ONE / ((ONE + p) * (ONE - p))
        fresh = odds[k] * inverse[k] * ((ONE + p) * (ONE + p) * both)
        fresh = MOST if fresh > MOST else fresh
        odds[k] = LEAST if fresh < LEAST else fresh
        inverse[k] = (ONE - p) * (ONE - p) * both


@compiled_loop
def _damp(old: Any, odds: Any, inverse: Any) -> None:
    """Replace messages by their geometric means with the old ones."""
    for k in range(odds.size):
        mean = np.sqrt(old[k] * inverse[k])
        fresh = odds[k] * (inverse[k] / mean)
        fresh = MOST if fresh > MOST else fresh
        odds[k] = LEAST if fresh < LEAST else fresh
        inverse[k] = mean


@compiled_loop
def _unfulfilled(ends: Any, variable: Any, parities: Any, total: Any) -> int:
    count = 0
    for check in range(ends.size - 1):
        odd = parities[check]
        for edge in range(ends[check], ends[check + 1]):
            odd ^= total[variable[edge]] < ONE
        count += odd
    return count


@compiled_loop
def _sweep(ends: Any, variable: Any, parities: Any, total: Any, message: Any, room: Any, damped: bool) -> int:
    """One iteration; how many checks were unfulfilled when they were asked."""
    wrong = 0
    for check in range(ends.size - 1):
        edges = variable[ends[check] : ends[check + 1]]
        inverse = message[ends[check] : ends[check + 1]]
        odds, mean, old = room[0, : edges.size], room[1, : edges.size], room[2, : edges.size]
        left, right = room[3, : edges.size], room[4, : edges.size]
        odd = parities[check]
        for k in range(edges.size):
            odds[k] = total[edges[k]]
            odd ^= odds[k] < ONE
        wrong += odd
        _means(odds, inverse, mean)
        _products(mean, ONE - TWO * parities[check], left, right)
        if damped:
            for k in range(edges.size):
                old[k] = inverse[k]
        _answers(odds, inverse, left, right)
        if damped:
            _damp(old, odds, inverse)
        for k in range(edges.size):
            total[edges[k]] = odds[k]
    return wrong


@compiled_loop
def propagate(ends: Any, variable: Any, parities: Any, total: Any, iterations: int, patience: int, damped: bool) -> Any:
    """Iterate in place on ``total``, the odds of the priors at first; how many checks are unfulfilled at the end.

    Parameters
    ----------
    ends : (checks + 1,) where the edges of each check begin
    variable : (edges,) the bit of each edge, ordered by check
    parities : (checks,)
    total : (n,) odds P(0)/P(1), above 0
    iterations, patience : it ends after so many iterations, or so many that bring it no nearer
    damped : whether a message is the geometric mean of the old and the new one
    """
    degree = 0
    for check in range(ends.size - 1):
        degree = max(degree, ends[check + 1] - ends[check])
    room = np.empty((5, degree), dtype=np.float32)
    message = np.ones(variable.size, dtype=np.float32)
    fewest, since, wrong = ends.size, 0, 0
    for _ in range(iterations):
        wrong = _sweep(ends, variable, parities, total, message, room, damped)
        since += 1
        if wrong < fewest:
            fewest, since = wrong, 0
        if since >= patience or (wrong == 0 and _unfulfilled(ends, variable, parities, total) == 0):
            break
    return _unfulfilled(ends, variable, parities, total)
