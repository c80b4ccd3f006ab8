"""Data on the boundary of a set, or outside it by rounding: moved inside, or given tolerances that reach into it.

On the boundary a program has no interior and solvers stall. A functional that is optimal for data slightly inside is
proven as well, and at the true data it is off by little.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.observations import Observations
from sdpbound.bounds.separation import CERTIFIED_SEPARATION, threshold_scale
from sdpbound.errors import SolverFailure

__all__ = ["noise_values", "towards_noise", "widened"]

#: Tolerances that reach into the set are at most this, relative: data farther out are no rounding.
WIDEST = 1e-6


def noise_values(observed: Observations) -> Floats:
    """(J,) the tested expressions on white noise, a point well inside every set."""
    noise = Behaviour.uniform(observed.scenario).moments
    return np.asarray(np.tensordot(observed.coefficients, noise, axes=noise.ndim), dtype=np.float64)


def towards_noise(observed: Observations, distance: float) -> Floats:
    """(J,) tested values, moved by a part ``distance`` of the way to those of white noise."""
    return np.asarray((1.0 - distance) * observed.values + distance * noise_values(observed), dtype=np.float64)


def widened(observed: Observations) -> Observations:
    """Data outside the set by less than can be called infeasible, with tolerances that reach into it.

    The wider tolerance is what a bound and its certificate then state. Raises SolverFailure where it would be too wide.
    """
    wider = np.maximum(4.0 * observed.tolerances, CERTIFIED_SEPARATION * threshold_scale(observed))
    if not len(observed) or float(wider.max()) > WIDEST * max(1.0, float(np.abs(observed.values).max())):
        raise SolverFailure(
            "the tested data are outside the set by an amount that no solver resolves; move them inside, or test fewer "
            "values."
        )
    return replace(observed, tolerances=wider)
