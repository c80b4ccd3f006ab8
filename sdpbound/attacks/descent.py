"""Many local minimisations at once, by BFGS; each one has its own line search."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sdpbound.arrays import Floats
from sdpbound.limiting import go_on

__all__ = ["descend"]


def descend(
    function: Callable[[Floats, NDArray[np.int64]], tuple[Floats, Floats]],
    starts: Floats,
    iterations: int = 150,
    tolerance: float = 1e-9,
) -> tuple[Floats, Floats]:
    """Find a local minimum from each start.

    Parameters
    ----------
    function : takes points (m, n) and their numbers among the starts (m,); gives values (m,) and gradients (m, n)
    starts : (count, n) the points to start from
    iterations : the most steps
    tolerance : a minimisation ends when five steps gain no more than this

    Returns
    -------
    points (count, n) and values (count,), never above those of the starts
    """
    x = starts.copy()
    alive = np.arange(len(x))
    value, gradient = function(x, alive)
    n = x.shape[1]
    inverse = np.tile(np.eye(n), (len(x), 1, 1))
    history = [value.copy()]
    for step in range(iterations):
        if not go_on():
            break
        direction = -(inverse[alive] @ gradient[alive][:, :, None])[:, :, 0]
        slope = np.einsum("mi,mi->m", direction, gradient[alive])
        lost = ~(slope < 0)
        if lost.any():  # rounding has spoilt the approximate Hessian: restart with the gradient
            inverse[alive[lost]] = np.eye(n)
            direction[lost] = -gradient[alive[lost]]
            slope[lost] = -np.einsum("mi,mi->m", gradient[alive[lost]], gradient[alive[lost]])
        length = np.sqrt(np.einsum("mi,mi->m", direction, direction))
        scale = np.minimum(1.0, (0.5 if step == 0 else 5.0) / np.maximum(length, 1e-300))
        new, new_value, new_gradient = _search(function, alive, x, value, direction, slope, scale)
        s, y = new - x[alive], new_gradient - gradient[alive]
        _update(inverse, alive, s, y)
        x[alive], value[alive], gradient[alive] = new, new_value, new_gradient
        history.append(value.copy())
        if len(history) > 5:
            alive = alive[history[-6][alive] - value[alive] > tolerance]
            if not alive.size:
                break
    return x, value


def _search(
    function: Callable[[Floats, NDArray[np.int64]], tuple[Floats, Floats]],
    alive: NDArray[np.int64],
    x: Floats,
    value: Floats,
    direction: Floats,
    slope: Floats,
    scale: Floats,
) -> tuple[Floats, Floats, Floats]:
    """Shorten each step until the value falls enough; if no step does, keep the old point."""
    new = x[alive] + scale[:, None] * direction
    new_value, new_gradient = function(new, alive)
    for _ in range(12):
        high = np.flatnonzero(~(new_value <= value[alive] + 1e-4 * scale * slope))
        if not high.size:
            break
        scale[high] *= 0.4
        new[high] = x[alive[high]] + scale[high, None] * direction[high]
        new_value[high], new_gradient[high] = function(new[high], alive[high])
    bad = ~(new_value <= value[alive])
    if bad.any():
        new[bad] = x[alive[bad]]
        new_value[bad], new_gradient[bad] = function(new[bad], alive[bad])
    return new, new_value, new_gradient


def _update(inverse: Floats, alive: NDArray[np.int64], s: Floats, y: Floats) -> None:
    """Update the inverse Hessians by the BFGS formula, where the curvature is positive."""
    curvature = np.einsum("mi,mi->m", s, y)
    good = curvature > 1e-14 * np.sqrt(np.einsum("mi,mi->m", s, s) * np.einsum("mi,mi->m", y, y)) + 1e-300
    which = alive[good]
    s, y, rho = s[good], y[good], 1.0 / curvature[good]
    old = inverse[which]
    hy = (old @ y[:, :, None])[:, :, 0]
    yhy = np.einsum("mi,mi->m", y, hy)
    # of rank two: s (c s - rho hy)^T - rho hy s^T
    left = np.stack([s, hy], axis=2)
    right = np.stack([(rho + rho**2 * yhy)[:, None] * s - rho[:, None] * hy, -rho[:, None] * s], axis=1)
    inverse[which] = old + left @ right
