"""The best binary channel in front of a key: from attacks alone, as the best flips are, and then proven.

A mixture of strategies that attacks a key attacks it behind any other channel too. So its entropy behind a channel less
error correction is above every rate with this channel, and the highest point of the least of these surfaces is where to
look for the next attack. Flips are the channels on the diagonal.
"""

from __future__ import annotations

from itertools import product
from typing import Unpack

import numpy as np
from scipy.optimize import minimize

from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.channel import LEAST, BinaryChannel, Preprocessing
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.observations import Observations
from sdpbound.entropies.conditional import named_entropy
from sdpbound.entropies.entropy import Entropy
from sdpbound.entropies.swept import SweptEntropy
from sdpbound.errors import InvalidInput, SolverFailure
from sdpbound.rates.flips import FlipsAhead, asks_qubits, says_it_all
from sdpbound.rates.options import RateOptions, TestedKeyChanges, tested_key
from sdpbound.rates.rate import Rate
from sdpbound.rates.rates import best_preprocessing, key_rate
from sdpbound.rates.tested import observations_of

__all__ = ["best_channel"]

#: The probabilities that are compared, in all pairs, before the best of them is refined.
_GRID = (0.0, 0.002, 0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3)
#: Attacks that are looked for, at most; bits that are worth one more; and the first step from a pair of the grid.
_MOST, _GAIN, _STEP = 12, 1e-7, 0.01


def best_channel(
    behaviour: Behaviour,
    observed: Observations | BellExpression | str = "correlators",
    x: int | None = None,
    y: int | None = None,
    entropy: Entropy | str | None = None,
    closed_forms: bool = True,
    **key: Unpack[TestedKeyChanges],
) -> Rate:
    """The certified key rate with the best binary channel that is found for Alice's key bit, flips among them.

    Where her outcomes are not equally probable, as after losses, a channel that makes the rarer outcome the other one
    more often than the reverse leaves more key than flips do. The rate is proven at the channel found; that no other
    channel is better is not. Attacks by qubits say where to look. Where the qubit reduction does not apply, the rate is
    that of :func:`best_preprocessing`.

    Parameters
    ----------
    behaviour, observed, x, y, closed_forms : as in :func:`key_rate`
    entropy : default SweptEntropy(), as in :func:`best_preprocessing`
    key : ``settings``, ``merge`` and ``tested``, as in :func:`key_rate`

    Returns
    -------
    Rate, side "lower"; what Alice does with her bit is ``rate.preprocessing``, a probability or a BinaryChannel

    >>> import sdpbound as sb
    >>> member = sb.family_named("two_qubit").member(theta=0.4, a0=0.0, a1=1.4, b0=0.4, b1=-0.4)
    >>> b = member.behaviour(noise=sb.DetectionInefficiency(0.95))
    >>> flips, best = sb.best_preprocessing(b, "full", 0, 0), sb.best_channel(b, "full", 0, 0)
    >>> best.value >= flips.value, best.side
    (True, 'lower')
    """
    entropy = SweptEntropy() if entropy is None else named_entropy(entropy)
    _, merge, tested = tested_key(key, "best_channel")
    flipped = best_preprocessing(behaviour, observed, x, y, entropy, closed_forms, **key)
    if merge is not None or not asks_qubits(entropy) or not says_it_all(flipped.entropy):
        return flipped
    ahead = FlipsAhead(behaviour, flipped.settings, entropy.tested(observations_of(behaviour, observed, tested)))
    channel = _best(ahead, flipped.preprocessing)
    if channel is None or not isinstance(channel, BinaryChannel):
        return flipped
    how = RateOptions(closed_forms=closed_forms, tested=tested)
    own = key_rate(behaviour, observed, entropy=entropy, preprocessing=channel, options=how, settings=flipped.settings)
    return max(flipped, own, key=lambda rate: rate.value)


def _best(ahead: FlipsAhead, start: Preprocessing) -> Preprocessing | None:
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
    pairs = [_channel(np.array(pair)) for pair in product(_GRID, _GRID)]
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
    p0, p1 = (0.0 if abs(p) < LEAST else min(abs(float(p)), 0.5) for p in point)
    return p0 if p0 == p1 else BinaryChannel(p0, p1)
