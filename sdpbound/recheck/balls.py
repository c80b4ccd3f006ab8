"""Balls of python-flint, and the way back to exact numbers."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import flint

from sdpbound.recheck.answer import refuse

__all__ = ["ball", "enclosing", "end", "entropy_of", "exact", "total"]

MOST_EXPONENT = 1 << 16


def ball(value: Fraction | int) -> flint.arb:
    """A ball around a rational number."""
    found = Fraction(value)
    return flint.arb(flint.fmpq(found.numerator, found.denominator))


def exact(point: flint.arb) -> Fraction:
    """The number that an exact ball, an end of one for example, is."""
    if not point.is_exact() or not point.is_finite():
        raise refuse("a number came out infinite or unknown: what was to be proven cannot be.")
    mantissa, exponent = point.man_exp()
    if abs(int(exponent)) > MOST_EXPONENT:  # its digits would fill the memory
        raise refuse("a number came out too large or too small to be written.")
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def end(value: flint.arb, side: str) -> Fraction:
    """The lower or the upper end of a ball."""
    return exact(value.lower() if side == "lower" else value.upper())


def enclosing(low: Fraction, high: Fraction) -> flint.arb:
    """A ball that contains an interval."""
    return ball(low).union(ball(high))


def total(values: Iterable[flint.arb]) -> flint.arb:
    """A sum of balls."""
    return sum(values, flint.arb(0))


def entropy_of(value: flint.arb) -> flint.arb:
    """``-v ln v`` of a number that is not negative, in a ball that may reach below zero.

    The function rises up to 1/e and then falls.
    """
    high = value.upper()
    if high <= 0:
        return flint.arb(0)
    if not high > 0:
        raise refuse("a number came out unknown: what was to be proven cannot be.")
    low = value.lower()
    if low > 0:
        return -value * value.log()
    top = flint.arb(1) / flint.arb(1).exp()
    most = -high * high.log() if high < top else top
    least = flint.arb(0) if high < 1 else -high * high.log()
    return least.union(most.upper())
