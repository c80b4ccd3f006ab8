"""Rounding to the safe side."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

import flint

from sdpbound.errors import SolverFailure

__all__ = ["lower_float", "min_entropy_of", "rounded"]


def rounded(value: float, side: str, digits: int = 10) -> str:
    """A number in decimals, rounded to its own side: what is printed is proven as well.

    >>> rounded(0.03741371488893685, "lower"), rounded(8**0.5, "upper")
    ('0.03741371488', '2.828427125')
    >>> rounded(1.5e-13, "upper", 3)
    '1.5e-13'
    """
    if not math.isfinite(value):
        return str(value)
    context = Context(prec=digits, rounding=ROUND_CEILING if side == "upper" else ROUND_FLOOR)
    number = context.create_decimal(Decimal(value + 0.0)).normalize()
    return f"{number:f}" if -5 <= number.adjusted() < max(digits, 10) else f"{number:e}"


def min_entropy_of(probability: float) -> float:
    """-log2 of an upper bound on a guessing probability, rounded down; it is negative only if the bound exceeds 1."""
    return lower_float(-flint.arb(probability).log() / flint.arb(2).log())


def lower_float(ball: flint.arb) -> float:
    """A float that is not above any point of a ball."""
    if not ball.is_finite():
        raise SolverFailure("a logarithm of a number that is not positive was asked for; the tested data are at fault.")
    low = ball.lower()
    result = float(low)
    while not flint.arb(result) <= low:
        result = math.nextafter(result, -math.inf)
    return result
