"""The step of Newton's method for the multipliers of column generation: least maximum of planes plus one quadratic."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from sdpbound.arrays import Floats

__all__ = ["least_maximum"]

#: The curvature that the maximum itself gets, see below.
_CURVED = 0.1


def least_maximum(values: Floats, gradients: Floats, quadratic: Floats, flattest: float) -> tuple[Floats, Floats]:
    """The minimiser s of ``max_k (values_k + gradients_k . s) + s . quadratic s / 2``, and the weights of the planes.

    Let t be the maximum. The code replaces t by ``t + e t^2 / 2``, and shifts the values so that t is nearly zero. This
    makes a problem of least distance, which non-negative least squares solve (Lawson and Hanson).

    Parameters
    ----------
    values, gradients : (K,), (K, J) of the planes
    quadratic : (J, J) symmetric
    flattest : the least curvature of the quadratic that is used, relative to the largest

    Returns
    -------
    s (J,), and weights (K,) of sum one. RuntimeError if the least squares do not converge
    """
    sizes, axes = np.linalg.eigh(quadratic)
    axes = axes / np.sqrt(np.maximum(sizes, flattest * max(float(sizes[-1]), 1e-3)))
    rows = np.hstack([-gradients @ axes, np.full((len(values), 1), _CURVED**-0.5)])
    right = values - values.max() + 1.0 / _CURVED
    weights, _ = nnls(np.vstack([rows.T, right]), np.append(np.zeros(rows.shape[1]), 1.0))
    rest = rows.T @ weights
    return axes @ (rest[:-1] / (1.0 - right @ weights)), weights / weights.sum()
