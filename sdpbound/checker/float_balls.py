"""Arrays of balls whose centres and radii are floats: many numbers are enclosed by one call of NumPy.

A ball contains every number within its radius of its centre, and what an operation returns contains the exact results
of all numbers in the balls that it is given. This rests on IEEE 754 alone: a sum, product, quotient or square root that
a processor returns differs from the exact one by at most ``UNIT = 2^-52`` of the returned number, in any mode of
rounding, and by at most ``2^-1074`` more where it is below ``2^-1022``. Logarithms and exponentials are made of these
operations here, for no standard says how exact those of a library are.

- A radius is a sum of products of numbers that are not negative, in at most ten operations, so it is too small by a
  part below ``11 UNIT`` and ``10 * 2^-1074``. Each one is multiplied by ``1 + 2^-47`` and increased by ``2^-1000``.
- *Logarithm* of a centre ``m = 2^e f``, f from 0.7 to 1.42: with s = (f - 1)/(f + 1), log f = 2 (s + s^3/3 + ...
  + s^21/21) but for a part below ``s^22``, 2^-55, of it. f - 1 is exact, so s has an error of at most 2.1 UNIT of
  itself, which changes log f by less than 2.2 UNIT of it. The sum over s is 1 + q, with 0 <= q < 0.011: Horner's rule
  has an error below ``1.1 UNIT`` in it. Two products follow. All of it is below ``8 UNIT`` of log f.
- *Exponential* of a centre m: k = m / log 2 to the nearest integer or one next to it, r = m - k log 2, with log 2 in
  two parts, of which the first has 32 bits, so that its product with k is exact. |r| < 0.36, or the ball is NaN. The
  three other operations have errors below UNIT (|m - k high| + |k low| + |r|) < UNIT, and log 2 in two parts one below
  ``2^-80 |k|`` < UNIT / 2^16. exp r = 1 + r + ... + r^13/13! but for ``1.5 r^14/14!``, which is below UNIT / 16.
  Horner's rule has an error below ``3 UNIT`` of the sum. All of it is below ``8 UNIT`` of exp m.

Where nothing is known, a centre or radius is infinite or NaN; comparisons with it are never true.
"""

from __future__ import annotations

import math
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

__all__ = ["FloatBalls", "floats_are_ieee"]

Floats = NDArray[np.float64]
UNIT = 2.0**-52
_GROWN, _LEAST = 1.0 + 2.0**-47, 2.0**-1000
_FUNCTION = 8.0 * UNIT  # of a logarithm or an exponential
_LOG_TERMS = [1.0 / (2 * k + 1) for k in range(10, -1, -1)]
_EXP_TERMS = [1.0 / math.factorial(k) for k in range(13, -1, -1)]
#: log 2 is the sum of these but for 2^-80; the first has 32 bits.
_LOG_2 = 0.6931471805599453  # to UNIT / 6 of it
_HIGH = math.floor(_LOG_2 * 2.0**32) / 2.0**32
with flint.ctx.workprec(128):
    _LOW = float((flint.arb(2).log() - flint.arb(_HIGH)).mid())
_FARTHEST = 700.0  # exponent


def floats_are_ieee() -> bool:
    """Whether this thread keeps numbers below 2^-1022, which some libraries switch off."""
    return bool((np.array([2.0**-1074, 2.0**-1073]) * np.array([1.0, 0.5]) == 2.0**-1074).all())


class FloatBalls:
    """Balls in arrays, which operators take entry by entry, as NumPy does.

    Parameters
    ----------
    mid, rad : centres and radii, arrays of one shape
    """

    __slots__ = ("mid", "rad")

    def __init__(self, mid: Any, rad: Any) -> None:
        self.mid: Floats = mid
        self.rad: Floats = rad

    @classmethod
    def exact(cls, values: Any) -> FloatBalls:
        """The numbers that the floats are."""
        mid = np.asarray(values, dtype=np.float64)
        return cls(mid, np.zeros_like(mid))

    @classmethod
    def of(cls, balls: list[flint.arb]) -> FloatBalls:
        """Balls that contain those of python-flint, in one axis."""
        mid = np.array([float(ball.mid()) for ball in balls])
        rad = [_radius(ball, centre) for ball, centre in zip(balls, mid.tolist(), strict=True)]
        return cls(mid, np.array(rad))

    def __getitem__(self, index: Any) -> FloatBalls:
        return FloatBalls(self.mid[index], self.rad[index])

    def beside(self, other: FloatBalls) -> FloatBalls:
        """Both, along the last axis."""
        return FloatBalls(*(np.concatenate(pair, axis=-1) for pair in self.paired(other)))

    def paired(self, other: FloatBalls) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
        """The centres of both and the radii of both."""
        return (self.mid, other.mid), (self.rad, other.rad)

    def summed(self) -> FloatBalls:
        """The sum of two columns."""
        return self[..., 0:1] + self[..., 1:2]

    def where(self, condition: NDArray[np.bool_], other: FloatBalls) -> FloatBalls:
        """These balls where the condition is true, else the others."""
        return FloatBalls(np.where(condition, self.mid, other.mid), np.where(condition, self.rad, other.rad))

    def __neg__(self) -> FloatBalls:
        return FloatBalls(-self.mid, self.rad)

    def __add__(self, other: FloatBalls) -> FloatBalls:
        mid = self.mid + other.mid
        return _ball(mid, self.rad + other.rad + UNIT * np.abs(mid))

    def __sub__(self, other: FloatBalls) -> FloatBalls:
        mid = self.mid - other.mid
        return _ball(mid, self.rad + other.rad + UNIT * np.abs(mid))

    def __mul__(self, other: FloatBalls) -> FloatBalls:
        mid = self.mid * other.mid
        size = np.abs(other.mid) + other.rad
        return _ball(mid, np.abs(self.mid) * other.rad + size * self.rad + UNIT * np.abs(mid))

    def __truediv__(self, other: FloatBalls) -> FloatBalls:
        """x/y - a/b = (x - a)/y - (a/b) (y - b)/y; NaN where the divisor may be zero."""
        mid = self.mid / other.mid
        size = np.abs(mid)
        return _ball(mid, (self.rad + (size + _LEAST) * other.rad) / _below(np.abs(other.mid), other.rad) + UNIT * size)

    def scaled(self, power: float) -> FloatBalls:
        """Times a power of two."""
        return FloatBalls(power * self.mid, power * self.rad + _LEAST)

    def plus(self, number: float) -> FloatBalls:
        """With a number added that is a float."""
        mid = self.mid + number
        return _ball(mid, self.rad + UNIT * np.abs(mid))

    def root(self) -> FloatBalls:
        """Square root of numbers, those below zero taken for zero: |sqrt x - sqrt a| <= |x - a| / sqrt a; NaN at 0."""
        mid = np.sqrt(self.mid)
        mid = np.where(mid > 0.0, mid, np.nan)
        return _ball(mid, self.rad / mid + UNIT * mid)

    def log(self) -> FloatBalls:
        """Natural logarithm; NaN where a number may not be positive, or is below the least normal float."""
        centre = np.where((self.mid > 2.0**-1000) & (self.mid < 2.0**1000), self.mid, np.nan)
        f, e = np.frexp(centre)
        small = f < math.sqrt(0.5)
        f, k = np.where(small, 2.0 * f, f), e - small
        s = (f - 1.0) / (f + 1.0)
        square = s * s
        total = np.full_like(s, _LOG_TERMS[0])
        for term in _LOG_TERMS[1:]:
            total = total * square + term
        logs = 2.0 * s * total
        whole = k * _LOG_2
        mid = whole + logs
        own = _FUNCTION * np.abs(logs) + 2.0 * UNIT * np.abs(whole) + UNIT * np.abs(mid)
        return _ball(mid, own + self.rad / _below(centre, self.rad))

    def exp(self) -> FloatBalls:
        """Exponential; NaN beyond exponents of 700."""
        centre = np.where(np.abs(self.mid) < _FARTHEST, self.mid, np.nan)
        k = np.rint(centre / _LOG_2)
        r = (centre - k * _HIGH) - k * _LOW
        r = np.where(np.abs(r) < 0.36, r, np.nan)
        total = np.full_like(r, _EXP_TERMS[0])
        for term in _EXP_TERMS[1:]:
            total = total * r + term
        mid = np.ldexp(total, np.where(k == k, k, 0.0).astype(np.int64))
        rad = np.where(self.rad < 0.5, self.rad, np.nan)  # where |e^d - 1| <= |d| (1 + |d|)
        return _ball(mid, mid * (_FUNCTION + (1.0 + _FUNCTION) * rad * (1.0 + rad)))

    def root_above(self) -> FloatBalls:
        """Numbers not below the square roots of those of the balls, with a radius only for the rounding."""
        mid = np.sqrt(np.maximum(self.upper(), 0.0))
        return _ball(mid, UNIT * mid)

    def upper(self) -> Floats:
        """Floats not below any number of the balls."""
        top = self.mid + self.rad
        return np.asarray(top + (UNIT * np.abs(top) * _GROWN + _LEAST) * 2.0, dtype=np.float64)


def _ball(mid: Floats, rad: Any) -> FloatBalls:
    return FloatBalls(mid, rad * _GROWN + _LEAST)


def _below(size: Floats, rad: Floats) -> Floats:
    """Not above size - rad; NaN unless positive."""
    least = (size - rad) * (1.0 - 2.0**-50)
    return np.where(least > _LEAST, least, np.nan)


def _radius(ball: flint.arb, centre: float) -> float:
    if not ball.is_finite() or not math.isfinite(centre):
        return math.nan
    rad = float(abs(ball - flint.arb(centre)).upper())
    return rad * _GROWN + _LEAST
