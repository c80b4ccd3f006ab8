"""Maxima of functions that are evaluated at many points at once, as the lengths of many choices are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product

import numpy as np

from sdpbound.arrays import Floats

__all__ = ["finite_or_least", "polished", "zoomed"]

_LEAST = -1e300
#: The points of a grid along each direction, in steps.
_MARKS = (0.0, -1.0, 1.0)
_MOST_GRIDS = 80
_FACTORS = np.linspace(-1.0, 1.0, 9)
#: Steps of less than this are Newton's, of at most so many times the distance of the values that they are made of.
_NEWTON, _FARTHEST = 0.1, 10.0
_ROUNDING = 1e-13
_SIZES = (1.0, 0.25, 0.03, 0.01, 0.01, 0.003, 0.003, 0.003, 0.001, 0.0003, 0.0003)
_PARTS = np.linspace(0.1, 1.5, 15)


def finite_or_least(values: Floats) -> Floats:
    """The values, with a very small number for what is infinite or not a number."""
    return np.where(np.isfinite(values), values, _LEAST)


def zoomed(value: Callable[[Floats], Floats], start: Floats, steps: Floats, finest: float) -> Floats:
    """Maxima of m functions, near ``start``: the best point of a grid of three points a side, again and again.

    The best point is the middle of the next grid, which is half as wide in the directions in which the middle was best.

    Parameters
    ----------
    value : points (m, k, d) to values (m, k), a row for each function
    start : (m, d) the middle of the first grid
    steps : (d,) half of its sides
    finest : the search ends when all sides are at most this part of the first ones
    """
    marks = np.array(list(product(_MARKS, repeat=steps.size)))  # the middle is first, and wins where all are alike
    size = np.ones(start.shape)
    rows = np.arange(len(start))
    for _ in range(_MOST_GRIDS):
        points = start[:, None] + marks * (size * steps)[:, None]
        best = value(points).argmax(axis=1)
        start = points[rows, best]
        size = np.where(marks[best] == 0.0, size / 2.0, size)
        if size.max() <= finest:
            break
    return start


def polished(
    value: Callable[[Mapping[str, Floats]], Floats],
    start: Mapping[str, Floats],
    names: Sequence[str],
    most: Mapping[str, float],
) -> dict[str, Floats]:
    """Better values of positive parameters of m functions, within a factor of e at first and of less then.

    Each is varied by itself, then all by parts of what is best for each; at the end by parts of Newton's step.

    Parameters
    ----------
    value : parameters by name, arrays (m, k), to values (m, k)
    start : all parameters, arrays (m,); those of ``names`` are varied
    most : upper limits of some of them
    """
    limits = np.array([most.get(name, np.inf) for name in start])[:, None, None]
    varied = np.array([list(start).index(name) for name in names])

    def moved(best: Floats, steps: Floats) -> tuple[Floats, Floats]:
        """(m, k, names) the logarithms of factors: the parameters (parameters, m, k) of k choices, and their values."""
        found = np.repeat(best[:, :, None], steps.shape[1], axis=2)
        found[varied] *= np.exp(np.moveaxis(steps, 2, 0))
        found = np.minimum(found, limits)
        return found, value(dict(zip(start, found, strict=True)))

    best = np.array([start[name] for name in start])
    rows = np.arange(best.shape[1])
    for size in _SIZES:
        coarse = size > _NEWTON
        marks = _single(len(names)) if coarse else _corners(len(names))
        points, values = moved(best, np.broadcast_to(marks * size, (len(rows), *marks.shape)))
        steps = size * (_best_of_each(values, len(names)) if coarse else _newton(values, len(names)))
        others, more = moved(best, steps[:, None] * _PARTS[:, None])
        best = np.concatenate([points, others], axis=2)[:, rows, np.hstack([values, more]).argmax(axis=1)]
    return dict(zip(start, best, strict=True))


def _single(count: int) -> Floats:
    """Steps of one parameter, for each of them."""
    return np.asarray((np.eye(count)[:, None, :] * _FACTORS[:, None]).reshape(-1, count))


def _best_of_each(values: Floats, count: int) -> Floats:
    """(m, count) the best of these steps, for each parameter."""
    table = values.reshape(len(values), count, -1)
    better = table.max(axis=2) > table[:, :, len(_FACTORS) // 2]
    return np.where(better, _FACTORS[table.argmax(axis=2)], 0.0)


def _corners(count: int) -> Floats:
    """No step, a step of each parameter in both directions, and of each pair."""
    one = np.eye(count)
    i, j = np.triu_indices(count, 1)
    return np.vstack([np.zeros(count), one, -one, one[i] + one[j]])


def _newton(values: Floats, count: int) -> Floats:
    """(m, count) Newton's step towards a maximum from values at these; no step where one of them is not finite."""
    i, j = np.triu_indices(count, 1)
    middle, up, down, both = np.split(values, [1, 1 + count, 1 + 2 * count], axis=1)
    bend = np.zeros((len(values), count, count))
    bend[:, range(count), range(count)] = up + down - 2.0 * middle
    bend[:, i, j] = bend[:, j, i] = both - up[:, i] - up[:, j] + middle
    usable = values.min(axis=1, keepdims=True) > _LEAST
    bend = np.where(usable[:, :, None], bend, 0.0)
    slope = np.where(usable, (up - down) / 2.0, 0.0)
    sizes, axes = np.linalg.eigh(bend)
    sizes = np.maximum(np.abs(sizes), _ROUNDING * np.abs(middle) + 1e-300)  # directions of less are lost in rounding
    step: Floats = np.einsum("mik,mk,mjk,mj->mi", axes, 1.0 / sizes, axes, slope)
    return np.asarray(step / np.maximum(1.0, np.abs(step).max(axis=1, keepdims=True) / _FARTHEST))
