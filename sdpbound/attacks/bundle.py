"""The curvature by which Newton's method finds the multipliers for the next round of column generation.

For multipliers m, let K(m) be the least of ``f - m . d`` over all strategies. No mixture with data v is better than
``L(m) = m . v + K(m)``, and the best mixture is where L is largest. The linear program over known strategies models K
by planes, and its multipliers jump: strategies move with m, and each round finds their neighbours only. Near a strategy
that is a minimum, K has the curvature ``-J H^-1 J^T``, with the derivatives J of d and H of ``f - m . d`` by the
strategy's parameters. With it the planes are a good model, and few rounds are enough.
"""

from __future__ import annotations

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.attacks.landscape import Landscape, Points

__all__ = ["curvature"]

#: Step of the differences that give second derivatives, and curvatures below which a direction changes nothing.
_STEP, _FLAT = 1e-5, 1e-4


def curvature(landscape: Landscape, points: Points, weights: Floats, multipliers: Floats) -> Floats:
    """The mean (J, J) of ``J H^-1 J^T`` over points with weights (k,), each nearly a minimum of ``f - m . d``."""
    count, n = points.parameters.shape
    if not count:  # the mixture is of deterministic and given strategies, which do not move
        return np.zeros((len(multipliers), len(multipliers)))
    hessians = np.empty((count, n, n))
    for i in range(n):
        ends = []
        for sign in (1.0, -1.0):
            moved = points.parameters.copy()
            moved[:, i] += sign * _STEP
            ends.append(landscape.evaluate(Points(moved, points.labels), multipliers, 1.0)[1])
        hessians[:, i] = (ends[0] - ends[1]) / (2.0 * _STEP)
    rows = np.stack([-landscape.evaluate(points, row, 0.0)[1] for row in np.eye(len(multipliers))], axis=1)
    sizes, axes = np.linalg.eigh(0.5 * (hessians + hessians.transpose(0, 2, 1)))
    flat = _FLAT * np.maximum(sizes[:, -1:], 1.0)
    along = (rows @ axes) * np.where(sizes > flat, np.maximum(sizes, flat) ** -0.5, 0.0)[:, None]
    return np.asarray(np.einsum("k,kia,kja->ij", weights, along, along), dtype=np.float64)
