"""The best binary channel in front of a key: from attacks alone, as the best flips are, and then proven.

A mixture of strategies that attacks a key attacks it behind any other channel too. So its entropy behind a channel less
error correction is above every rate with this channel, and the highest point of the least of these surfaces is where to
look for the next attack. Flips are the channels on the diagonal.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.optimize import minimize

from sdpbound.arrays import Floats
from sdpbound.bell.channel import BinaryChannel, Preprocessing, channel_of
from sdpbound.errors import InvalidInput, SolverFailure
from sdpbound.rates.flips import FlipsAhead

__all__ = ["channel_ahead"]

#: The probabilities that are compared, in all pairs, before the best of them is refined.
_GRID = (0.0, 0.002, 0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.45, 0.65, 0.85)
#: Both together are at most this.
_LARGEST = 0.99
#: Attacks that are looked for, at most; bits that are worth one more; and the first step from a pair of the grid.
_MOST, _GAIN, _STEP = 12, 1e-7, 0.01


def channel_ahead(ahead: FlipsAhead, start: Preprocessing) -> Preprocessing | None:
    """The channel with most bits left under the attacks that are found; None where a search fails."""
    best, most = start, -np.inf
    try:
        for channel in (0.0, start):
            ahead.attack(channel)
        for _ in range(_MOST):
            channel = _highest(ahead, best)
            hoped = ahead.left(channel)
            ahead.attack(channel)
            if ahead.left(channel) > most:
                best, most = channel, ahead.left(channel)
            if hoped - most <= _GAIN:
                break
    except (InvalidInput, SolverFailure):
        return None
    return best


def _highest(ahead: FlipsAhead, known: Preprocessing) -> Preprocessing:
    """The highest point of what the attacks so far leave."""
    pairs = [_channel(np.array(pair)) for pair in product(_GRID, _GRID) if sum(pair) < _LARGEST]
    top = max([known, *pairs], key=ahead.left)
    first = np.array([top.p0, top.p1] if isinstance(top, BinaryChannel) else [top, top])
    simplex = first + _STEP * np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    found = minimize(
        lambda point: -ahead.left(_channel(point)),
        first,
        method="Nelder-Mead",
        options={"xatol": 1e-5, "fatol": 1e-10, "initial_simplex": simplex},
    )
    return _channel(np.asarray(found.x, dtype=np.float64))


def _channel(point: Floats) -> Preprocessing:
    """The channel with these probabilities, which are moved to where they are allowed."""
    sizes = np.abs(point)
    return channel_of(*(sizes * min(1.0, _LARGEST / max(float(sizes.sum()), _LARGEST))))
