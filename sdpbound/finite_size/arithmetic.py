"""Functions for floats and for balls, so that one formula serves the search (floats) and the proof (balls)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from operator import mul
from typing import TypeVar

import flint

__all__ = ["PRECISION", "Number", "balls", "exp", "log", "log2", "number_type", "smooth_excess", "sqrt", "upper_tail"]

#: A float or a flint.arb; both have the same operators. All numbers of one formula are of one kind.
Number = TypeVar("Number", float, flint.arb)
#: Precision of the balls in bits. A tail at 1e15 rounds loses about 60 bits by cancellation.
PRECISION = 256


def balls() -> AbstractContextManager[None]:
    """A context in which balls have :data:`PRECISION` bits."""
    return flint.ctx.workprec(PRECISION)


def number_type(like: Number) -> Callable[[float], Number]:
    """The function that makes a number of the same kind from a float."""
    return type(like)


def exp(x: Number) -> Number:
    return x.exp() if isinstance(x, flint.arb) else (math.exp(x) if x < 700.0 else math.inf)


def log(x: Number) -> Number:
    """The logarithm; for floats that are not positive, minus infinity."""
    return x.log() if isinstance(x, flint.arb) else (math.log(x) if x > 0.0 else -math.inf)


def log2(x: Number) -> Number:
    return x.log() / flint.arb(2).log() if isinstance(x, flint.arb) else log(x) / math.log(2.0)


def sqrt(x: Number) -> Number:
    return x.sqrt() if isinstance(x, flint.arb) else math.sqrt(x)


def smooth_excess(x: Number) -> Number:
    """``exp(x) - 1 - x``, without cancellation in floats."""
    if isinstance(x, flint.arb):
        return x.exp() - 1 - x
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
    return mean + math.log1p(rise) / s if math.isfinite(rise) else math.inf
