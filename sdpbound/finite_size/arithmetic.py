"""Functions for floats, arrays of them and balls, so that one formula serves the search (arrays) and the proof (balls).

Arrays have an element for each choice of parameters; what overflows in one of them is infinite or not a number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from operator import mul
from typing import Any, TypeVar

import flint
import numpy as np

from sdpbound.arrays import Floats

__all__ = [
    "PRECISION",
    "Number",
    "balls",
    "between",
    "exp",
    "log",
    "log2",
    "log_sum",
    "number_type",
    "smooth_excess",
    "sqrt",
    "upper_tail",
]

#: A float, a flint.arb or an array of floats; all have the same operators. All numbers of one formula are of one kind,
#: but that floats may stand among arrays.
Number = TypeVar("Number", float, flint.arb, Floats)
#: Precision of the balls in bits. A tail at 1e15 rounds loses about 60 bits by cancellation.
PRECISION = 256


def balls() -> AbstractContextManager[None]:
    """A context in which balls have :data:`PRECISION` bits."""
    return flint.ctx.workprec(PRECISION)


def number_type(like: Number) -> Callable[[float], Number]:
    """The function that makes a number of the same kind from a float; beside arrays it may stay a float."""
    return _same if isinstance(like, np.ndarray) else type(like)


def _same(value: Any) -> Any:
    return value


def exp(x: Number) -> Number:
    if isinstance(x, flint.arb):
        return x.exp()
    if isinstance(x, np.ndarray):
        return np.exp(x)
    return math.exp(x) if x < 700.0 else math.inf


def log(x: Number) -> Number:
    """The logarithm; for floats that are not positive, minus infinity."""
    if isinstance(x, flint.arb):
        return x.log()
    if isinstance(x, np.ndarray):
        return np.log(np.maximum(x, 0.0))
    return math.log(x) if x > 0.0 else -math.inf


def log2(x: Number) -> Number:
    return x.log() / flint.arb(2).log() if isinstance(x, flint.arb) else log(x) / math.log(2.0)


def sqrt(x: Number) -> Number:
    if isinstance(x, flint.arb):
        return x.sqrt()
    return np.sqrt(x) if isinstance(x, np.ndarray) else math.sqrt(x)


def between(x: Number, low: Number, high: Number) -> Number:
    """What is nearest to x from ``low`` to ``high``; a ball that may be inside is taken to be inside."""
    if isinstance(x, np.ndarray):
        return np.minimum(np.maximum(x, low), high)
    return high if x > high else low if x < low else x


def log_sum(x: Number, y: float) -> Number:
    """``log(e^x + e^y)``, without overflow."""
    if isinstance(x, np.ndarray):
        return np.logaddexp(x, y)
    if x > y:
        return x + log(1 + exp(y - x))
    return y + log(1 + exp(x - y))


def smooth_excess(x: Number) -> Number:
    """``exp(x) - 1 - x``, without cancellation in floats; arrays lose digits where x is near 0, as x itself has."""
    if isinstance(x, flint.arb):
        return x.exp() - 1 - x
    if isinstance(x, np.ndarray):
        return np.expm1(x) - x
    if abs(x) < 1e-2:
        return x * x * (0.5 + x * (1 / 6 + x * (1 / 24 + x * (1 / 120 + x / 720))))
    return math.expm1(x) - x if x < 700.0 else math.inf


def upper_tail(values: Sequence[Number], probabilities: Sequence[Number], s: Number) -> Number:
    """The start t of Chernoff's bound for a mean of n values.

    ``t = E[Z] + log E[exp(s (Z - E[Z]))] / s``. For every s > 0 the mean is above t + L/(s n) with probability at most
    e^-L. The probabilities must add up to one.
    """
    mean = sum(map(mul, probabilities, values), 0 * s)
    rise = 0 * s
    for p, z in zip(probabilities, values, strict=True):
        rise = rise + p * smooth_excess(s * (z - mean))
    if isinstance(rise, flint.arb):
        return mean + (1 + rise).log() / s
    if isinstance(rise, np.ndarray):
        return mean + np.log1p(rise) / s
    return mean + math.log1p(rise) / s if math.isfinite(rise) else math.inf
