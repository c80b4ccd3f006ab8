"""Exact numbers, balls and rounding.

A float is the dyadic rational that it stores. A ball (python-flint's ``arb``) contains the true number; a comparison of
balls is true only if it is certain, and never for NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

import flint

from sdpbound.errors import CertificateError

__all__ = [
    "HALF",
    "LARGEST_DENOMINATOR",
    "LOG_PRECISION",
    "ONE",
    "ZERO",
    "Index",
    "Tensor",
    "binary_entropy",
    "common_denominator",
    "log2_ball",
    "lower_end",
    "nearest_float",
    "over_one_denominator",
    "power_below",
    "rounded_float",
    "to_ball",
]

Index = tuple[int, ...]  # one coordinate for each party
Tensor = dict[Index, Fraction]  # a sparse functional in moment coordinates
LARGEST_DENOMINATOR = 8192  # bits of a common denominator
LOG_PRECISION = 1024  # bits, of the logarithms
ZERO = Fraction(0)
ONE = Fraction(1)
HALF = Fraction(1, 2)


def power_below(value: Fraction) -> Fraction:
    """The largest power of two that is not above a positive number."""
    exponent = value.numerator.bit_length() - value.denominator.bit_length()
    power = Fraction(2) ** exponent
    return power if power <= value else power / 2


def rounded_float(value: Fraction, *, up: bool) -> float:
    """The closest float that is not below (`up`) or not above the exact value."""
    nearest = nearest_float(value)
    if up and Fraction(nearest) < value:
        nearest = math.nextafter(nearest, math.inf)
    elif not up and Fraction(nearest) > value:
        nearest = math.nextafter(nearest, -math.inf)
    if not math.isfinite(nearest):
        raise CertificateError("The recomputed bound is beyond the range of floats; the proof has absurd numbers.")
    return nearest


def nearest_float(value: Fraction) -> float:
    try:
        return value.numerator / value.denominator
    except OverflowError:
        raise CertificateError("A recomputed number is beyond the range of floats; the proof is absurd.") from None


def to_ball(value: Fraction) -> flint.arb:
    return flint.arb(flint.fmpq(value.numerator, value.denominator))


def lower_end(ball: flint.arb) -> Fraction:
    """Lower end of a ball, as an exact number."""
    if not ball.is_finite():
        raise CertificateError("A recomputed number is not known at all; the proof has absurd numbers.")
    mantissa, exponent = (int(part) for part in ball.lower().man_exp())
    if abs(exponent) > 10 * LARGEST_DENOMINATOR:
        raise CertificateError("A recomputed number is beyond the range of floats; the proof has absurd numbers.")
    return Fraction(mantissa) * Fraction(2) ** exponent


def log2_ball(value: Fraction) -> flint.arb:
    """Base-2 logarithm; exact for a power of two, where a ball would lose the last digit of a whole number."""
    top, bottom = value.numerator, value.denominator
    if top & (top - 1) == 0 and bottom & (bottom - 1) == 0:
        return flint.arb(top.bit_length() - bottom.bit_length())
    return to_ball(value).log() / flint.arb(2).log()


def binary_entropy(modulus: flint.arb) -> flint.arb:
    """h((1 + E)/2) in bits for 0 <= E <= 1; exact at 0 and 1."""
    if modulus == 0:
        return flint.arb(1)
    first, second = (1 + modulus) / 2, (1 - modulus) / 2
    total = -first * first.log()
    if second > 0:
        total -= second * second.log()
    elif second == 0:
        pass
    else:  # not known to be positive; -p log p rises from 0 to its largest value, below 0.4, at 1/e
        top = second.upper()
        total += flint.arb(0).union(-top * top.log() if 0 < top < flint.arb("0.3") else flint.arb("0.4"))
    return total / flint.arb(2).log()


def common_denominator(values: Iterable[Fraction], name: str) -> int:
    common = 1
    for denominator in {value.denominator for value in values}:
        common = math.lcm(common, denominator)
        if common.bit_length() > LARGEST_DENOMINATOR:
            raise CertificateError(f"The numbers of {name} need a common denominator of too many digits; round them.")
    return common


def over_one_denominator(tensor: Tensor) -> tuple[dict[Index, int], int]:
    """Numerators over one denominator; the limits on its parts were checked when they were read."""
    scale = math.lcm(*(value.denominator for value in tensor.values()))
    return {index: value.numerator * (scale // value.denominator) for index, value in tensor.items()}, scale
