"""Maxima of weighted logarithms, by Newton's method: the one program behind projections and test factors."""

from __future__ import annotations

import numpy as np

from sdpbound.arrays import Floats

__all__ = ["log_maximum"]

#: Steps of Newton's method at one set of weights, and the gain of one, in units of all weights, at which they end.
STEPS, DECREMENT = 200, 1e-12


def log_maximum(weights: Floats, offsets: Floats, rows: Floats, start: Floats) -> Floats:
    """The z that maximises ``sum weights log(offsets + rows z)``, from a start where all arguments are positive.

    The function is concave. A weight of a constraint ``offsets_i + rows_i z > 0`` that is small, and not an observed
    number, makes it a barrier: the maximum of the rest is missed by at most the sum of such weights.
    """
    z, values = start, offsets + rows @ start
    for _ in range(STEPS):
        share = weights / values
        slope = rows.T @ share
        scaled = rows * (np.sqrt(weights) / values)[:, None]
        # of several steps that do the same the shortest
        step = np.linalg.lstsq(scaled, np.sqrt(weights), rcond=1e-15)[0]
        gain = float(slope @ step)
        if gain < DECREMENT * float(weights.sum()):
            break
        change, size = rows @ step, 1.0
        while size > 1e-12:
            moved = values + size * change
            if moved.min() > 0.0 and float(weights @ np.log(moved / values)) >= 0.1 * size * gain:
                break
            size *= 0.5
        else:
            break
        z, values = z + size * step, moved
    return z
