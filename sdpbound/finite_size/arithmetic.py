"""The same formula in floats, for searching, and in balls, for proving."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

import flint

__all__ = ["PRECISION", "Number", "balls", "exp", "log", "log2", "number_type", "smooth_excess", "sqrt", "upper_tail"]

#: A float or a flint.arb, which share their operators; a formula's numbers are all of one kind.
Number = TypeVar("Number", float, flint.arb)
#: Bits of the balls: a tail at 1e15 rounds cancels about 60.
PRECISION = 256


def balls() -> AbstractContextManager[None]:
    """A context in which balls have :data:`PRECISION` bits."""
    return flint.ctx.workprec(PRECISION)


def number_type(like: Number) -> Callable[[float], Number]:
    """What makes further numbers of the same kind."""
    return type(like)


def exp(x: Number) -> Number:
    return x.exp() if isinstance(x, flint.arb) else (math.exp(x) if x < 700.0 else math.inf)


def log(x: Number) -> Number:
    """The logarithm; in floats minus infinity where there is none."""
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
    """The place t at which Chernoff's bound for a mean of n values starts: it is above t + L/(s n) with at most e^-L.

    ``t = E[Z] + log E[exp(s (Z - E[Z]))] / s``, for every s > 0; the probabilities add up to one.
    """
    mean = sum((p * z for p, z in zip(probabilities, values, strict=True)), 0 * s)
    rise = sum((p * smooth_excess(s * (z - mean)) for p, z in zip(probabilities, values, strict=True)), 0 * s)
    if isinstance(rise, flint.arb):
        return mean + (1 + rise).log() / s
    return mean + math.log1p(rise) / s if math.isfinite(rise) else math.inf
