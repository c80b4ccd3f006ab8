"""Prediction-based ratios: factors that are best for the training part, and at most one in the mean for local devices.

Source: Zhang, Glancy and Knill, arXiv:1108.2468. The factors are found by a search, and made valid by their largest
mean over deterministic strategies, which is computed.
"""

from __future__ import annotations

import flint
import numpy as np

from sdpbound.arrays import Floats, Ints
from sdpbound.bell.scenario import Scenario
from sdpbound.experiments.barrier import log_maximum
from sdpbound.experiments.p_values import Inputs, largest_mean, responses
from sdpbound.experiments.projection import entries, likeliest_behaviour
from sdpbound.experiments.tails import PRECISION

__all__ = ["best_factors", "ratio_p_value"]

#: The count that every outcome of the training part has besides its own, so that no factor is zero.
PRIOR = 0.5
#: The weights of the constraints together, in units of that of the training part, as they fall.
BARRIERS = (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)


def best_factors(training: Ints, scenario: Scenario, inputs: Inputs) -> Floats:
    """Factors R (A, B, X, Y), positive where outcomes exist, with mean at most 1 for local devices in each round.

    They maximise the mean of log R at the no-signaling behaviour that is likeliest given the training part. R is
    divided by its largest mean over local devices at last, so that a poor search makes it weak and never wrong.
    """
    places = entries(scenario)
    chances = inputs.distribution[places[2:]]
    weights = likeliest_behaviour(training, scenario, PRIOR).p[places] * chances
    weights = np.maximum(weights, 1e-12)
    alice, bob = responses(scenario)
    a, b, x, y = places
    rows = ((alice[:, x] == a)[:, None, :] & (bob[:, y] == b)[None, :, :]) * chances
    rows = rows.reshape(-1, a.size)
    offsets = np.concatenate([np.zeros(a.size), np.ones(len(rows))])
    matrix = np.vstack([np.eye(a.size), -rows])
    found = np.full(a.size, 0.5)
    for barrier in BARRIERS:
        both = np.concatenate([weights, np.full(len(rows), barrier / len(rows))])
        found = log_maximum(both, offsets, matrix, found)
    factors = np.zeros(scenario.table_shape)
    factors[places] = found
    top = largest_mean(factors, scenario, inputs)
    return factors / (top * (1.0 + 2.0**-40))


def ratio_p_value(table: Ints, factors: Floats, scenario: Scenario) -> flint.arb:
    """A ball of 1 / product of the factors of all rounds: the p-value's bound, by Markov's inequality, with memory.

    Given all rounds before, a factor has mean at most 1 for local devices, and so has the product of all.
    """
    places = entries(scenario)
    with flint.ctx.workprec(PRECISION):
        total = flint.arb(0)
        for count, factor in zip(table[places].tolist(), factors[places].tolist(), strict=True):
            if count:
                total += count * flint.arb(factor).log()
        return (-total).exp()
