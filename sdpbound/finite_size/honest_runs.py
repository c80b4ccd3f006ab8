"""What honest devices get of a protocol in the mean: how often it aborts, and how long its output is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.finite_size.arithmetic import smooth_excess

__all__ = ["chance_below", "mean_of_steps"]

_TILTS = 2000


def chance_below(
    scores: Sequence[float], chances: Sequence[float], rounds: float, at: Floats, largest_tilt: float
) -> Floats:
    """Upper bounds on the chance that the mean of n independent scores is below each of ``at``, by Chernoff.

    ``P[mean < h] <= exp(n (log E[exp(-s f)] + s h))`` for every s >= 0; the best s is taken of a list up to
    ``largest_tilt``. In floats.

    Parameters
    ----------
    scores, chances : the values f of a score, and their probabilities, which add up to one
    rounds : n
    at : (k,) the means h
    """
    p, f = np.array(chances), np.array(scores)
    mean = float(p @ f)
    tilts = np.linspace(0.0, largest_tilt, _TILTS)
    logarithms = np.log1p(np.array([smooth_excess(-s * (f - mean)) for s in tilts]) @ p)
    # where each tilt is best: the mean of the scores with the weights exp(-s f)
    weights = p * np.exp(-tilts[:, None] * (f - mean))
    places = (weights @ (f - mean)) / weights.sum(axis=1)
    best = np.searchsorted(-places, mean - at).clip(max=_TILTS - 1)
    found: Floats = np.exp(np.minimum(rounds * (logarithms[best] + tilts[best] * (at - mean)), 0.0))
    return np.where(at >= mean, 1.0, found)


def mean_of_steps(lengths: Floats, missed: Floats) -> float:
    """The least mean of an output that has at least ``lengths[k]`` bits but for a chance of ``missed[k]``.

    ``lengths`` rises with k. A negative length is no output.
    """
    steps = np.diff(np.maximum(lengths, 0.0), prepend=0.0)
    return float(steps @ np.maximum(1.0 - missed, 0.0))
