"""Entropies in bits with ``0 log 0 = 0``, and searches for a maximum or a root; all work elementwise on arrays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import entr, rel_entr

from sdpbound.arrays import Floats

__all__ = ["LN2", "binary_entropy", "bisect", "maximise", "relative_entropy"]

LN2 = float(np.log(2.0))


def binary_entropy(p: Floats) -> Floats:
    """The binary entropy in bits: ``h(p) = -p log2 p - (1 - p) log2 (1 - p)``."""
    return np.asarray((entr(p) + entr(1.0 - p)) / LN2)


def relative_entropy(p: Floats, q: Floats) -> Floats:
    """The relative entropy, Masanes et al. v5, Eq. (18):
    ``D(p || q) = p log2 (p/q) + (1 - p) log2 ((1 - p)/(1 - q))``.
    """
    return np.asarray((rel_entr(p, q) + rel_entr(1.0 - p, 1.0 - q)) / LN2)


def maximise(
    function: Callable[[Floats], Floats], low: Floats, high: Floats, points: int = 24
) -> tuple[Floats, Floats]:
    """The argument between ``low`` and ``high`` (positive) with the largest value, and this value, elementwise.

    A grid in the logarithm brackets the maximum, and golden sections refine it. The result is exact for functions with
    one maximum. The value is accurate to the machine precision, the argument to its square root (relative).
    """
    low, high = np.log(low), np.log(high)
    grid = np.linspace(0.0, 1.0, points).reshape((-1,) + (1,) * low.ndim)
    nodes = low + grid * (high - low)
    best = np.argmax(function(np.exp(nodes)), axis=0)[None]
    a = np.take_along_axis(nodes, np.maximum(best - 1, 0), axis=0)[0]
    b = np.take_along_axis(nodes, np.minimum(best + 1, points - 1), axis=0)[0]
    golden = (np.sqrt(5.0) - 1.0) / 2.0
    c, d = b - golden * (b - a), a + golden * (b - a)
    at_c, at_d = function(np.exp(c)), function(np.exp(d))
    for _ in range(36):
        left = at_c >= at_d
        a, b = np.where(left, a, c), np.where(left, d, b)
        inner = np.where(left, b - golden * (b - a), a + golden * (b - a))
        value = function(np.exp(inner))
        c, d, at_c, at_d = (
            np.where(left, inner, d),
            np.where(left, c, inner),
            np.where(left, value, at_d),
            np.where(left, at_c, value),
        )
    chosen = np.exp(np.where(at_c >= at_d, c, d))
    ends = [(np.exp(low), function(np.exp(low))), (np.exp(high), function(np.exp(high))), (chosen, function(chosen))]
    argument, value = ends[0]
    for other, at_other in ends[1:]:
        better = at_other > value
        argument, value = np.where(better, other, argument), np.where(better, at_other, value)
    return argument, value


def bisect(function: Callable[[Floats], Floats], low: Floats, high: Floats, steps: int = 60) -> Floats:
    """The argument where a function that is positive at ``low`` but not at ``high`` changes sign, elementwise."""
    for _ in range(steps):
        middle = 0.5 * (low + high)
        positive = function(middle) > 0.0
        low, high = np.where(positive, middle, low), np.where(positive, high, middle)
    return 0.5 * (low + high)
