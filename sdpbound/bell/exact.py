"""Exact data: angles that are numbers and not floats, and the correlations of the singlet at them.

A float cannot say pi/2. An :class:`Angle` is ``radians + pis * pi`` with two rational numbers. By the irrationality of
pi it is known which sines of such angles vanish, and the signs of all others follow from balls (python-flint).
"""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from sdpbound.arguments import LARGEST, numbered
from sdpbound.errors import InvalidParameter

__all__ = ["Angle", "ExactSinglet"]

#: The longest text that is read, and the smallest number in it other than zero.
_LONGEST, _LEAST = 200, 1e-60
#: A float that is a multiple of pi/360, up to the last digits that its computation leaves, is read as this multiple.
_PARTS, _LAST_DIGITS = 360, 2.0**-51
#: Beyond, digits of floats are so far apart that many a number would be taken for a multiple.
_TURNED = 100.0
#: Digits (binary) of balls: of values, and at most of signs.
_PRECISION, _MOST = 256, 1 << 14
#: The names that an angle may be made of: (radians, multiples of pi).
_NAMES = {
    "pi": (Fraction(0), Fraction(1)),
    "deg": (Fraction(0), Fraction(1, 180)),
    "rad": (Fraction(1), Fraction(0)),
}
#: Most binary digits of a fraction, so that certificates can hold it; floats have at most 1128.
_BITS = 1300
#: No float is smaller, and checkers read no smaller number.
_SMALLEST = Fraction(1, 2**1074)
#: Most characters of an exact angle in a title.
_SHOWN = 24
Parts = tuple[Fraction, Fraction]


class Angle(float):
    """An exact angle in radians, ``radians + pis * pi``. As a number it is the nearest float.

    Attributes
    ----------
    radians, pis : Fraction

    >>> Angle.of("pi/2 - 0.02"), Angle.of("60*deg").pis, float(Angle.of("pi")) == math.pi
    (Angle('-1/50 + 1/2*pi'), Fraction(1, 3), True)
    """

    __slots__ = ("pis", "radians")

    radians: Fraction
    pis: Fraction

    def __new__(cls, radians: int | Fraction = 0, pis: int | Fraction = 0) -> Angle:
        first, second = Fraction(radians), Fraction(pis)
        if any(p.numerator.bit_length() + p.denominator.bit_length() > _BITS for p in (first, second)):
            raise InvalidParameter(
                f"an exact angle has fractions of more than {_BITS} binary digits; give simpler ones."
            )
        if any(p and abs(p) < _SMALLEST for p in (first, second)):
            raise InvalidParameter("an exact angle has a part below 2^-1074 in size; give 0, or a larger one.")
        value = _nearest((first, second))
        if not abs(value) <= LARGEST:
            raise InvalidParameter(f"an angle of about {value:.3g} radians is too large; give one below {LARGEST:g}.")
        new = super().__new__(cls, value)
        new.radians, new.pis = first, second
        return new

    @classmethod
    def of(cls, value: object, name: str = "an angle") -> Angle:
        """The exact angle that a value stands for.

        A text such as "pi/2 - 0.02" or "45*deg" is read as it is written, decimals included. Integers and fractions are
        radians. A float is the dyadic number that it stores, unless it is k pi/360, at most 100, to its last two binary
        digits: then it is read as this multiple of pi, which no float is.

        Raises InvalidParameter.
        """
        if isinstance(value, Angle):
            return value
        if isinstance(value, str):
            return cls(*_read(value, name))
        if isinstance(value, Fraction):
            numbered(value, name)
            return cls(value)
        number = numbered(value, name)
        multiple = round(number * _PARTS / math.pi) if abs(number) <= _TURNED else 0
        if multiple:
            near = cls(0, Fraction(multiple, _PARTS))
            if abs(number - near) <= _LAST_DIGITS * abs(near):
                return near
        return cls(Fraction(number))

    @property
    def parts(self) -> Parts:
        """(radians, pis)."""
        return self.radians, self.pis

    def __eq__(self, other: object) -> bool:
        """Whether another exact angle is the same one, or another number is the nearest float."""
        return self.parts == other.parts if isinstance(other, Angle) else float(self) == other

    __hash__ = float.__hash__

    def __reduce__(self) -> tuple[type[Angle], Parts]:
        return type(self), self.parts

    def __str__(self) -> str:
        """The exact angle; :meth:`of` reads it."""
        if not self.pis:
            return str(self.radians)
        multiple = "pi" if self.pis == 1 else f"{self.pis}*pi"
        return f"{self.radians} + {multiple}" if self.radians else multiple

    def __repr__(self) -> str:
        return f"Angle({str(self)!r})"


@dataclass(frozen=True, eq=False)
class ExactSinglet:
    """The correlations ``sin(a_x + b_y)`` of the singlet, a = (0, theta), b = (phi, omega), at exact angles.

    They are those of arXiv:2309.09650, Eq. (6). Outcomes are uniform.
    """

    theta: Angle
    phi: Angle
    omega: Angle

    @property
    def title(self) -> str:
        """The angles in one line; one that is a float of many digits is shown as that."""
        angles = (("theta", self.theta), ("phi", self.phi), ("omega", self.omega))
        return ", ".join(f"{name} = {_shown(angle)}" for name, angle in angles)

    def entry(self) -> dict[str, Any]:
        """As a certificate has it: the rational numbers of each angle."""
        angles = {"theta": self.theta, "phi": self.phi, "omega": self.omega}
        parts = {name: {"radians": str(a.radians), "pis": str(a.pis)} for name, a in angles.items()}
        return {"kind": "singlet"} | parts

    def correlator(self, x: int, y: int) -> flint.arb:
        """<A_x B_y> in a ball."""
        return _sine(_sum((self.theta.parts if x else _ZERO), (self.omega if y else self.phi).parts))

    @cached_property
    def correlators(self) -> NDArray[np.float64]:
        """<A_x B_y> to the last digit, shape (2, 2)."""
        return np.array([[float(self.correlator(x, y).mid()) for y in (0, 1)] for x in (0, 1)])

    @cached_property
    def coefficients(self) -> NDArray[np.float64]:
        """Those of the correlators in Eq. (2) to the last digits, shape (2, 2)."""
        with flint.ctx.workprec(_PRECISION):
            tp, p, tw, w = (_sine(parts) for parts in self._cosines)
            table = ((tp * tw * w, -tp * tw * p), (-p * w * tw, p * w * tp))
            return np.array([[float(c.mid()) for c in row] for row in table])

    @property
    def condition_holds(self) -> bool:
        """Whether condition (4) holds: cos(theta+phi) cos(phi) cos(theta+omega) cos(omega) < 0.

        Then the value of Eq. (2) self-tests the singlet (Proposition 1).
        """
        return math.prod(self._signs) < 0

    @property
    def correlators_self_test(self) -> bool:
        """Whether the four correlators self-test the singlet (arXiv:1511.04886).

        They do where condition (4) holds, and where exactly one of its four cosines vanishes: then one correlator is 1
        or -1, and no other direction of Alice's is one of Bob's.
        """
        return self.condition_holds or self._signs.count(0) == 1

    @cached_property
    def _signs(self) -> tuple[int, ...]:
        return tuple(_sign_of_sine(parts) for parts in self._cosines)

    @property
    def _cosines(self) -> tuple[Parts, ...]:
        """The angles whose sines are cos(theta + phi), cos(phi), cos(theta + omega) and cos(omega)."""
        turned = (_sum(bob.parts, (Fraction(0), Fraction(1, 2))) for bob in (self.phi, self.omega))
        return tuple(parts for bob in turned for parts in (_sum(self.theta.parts, bob), bob))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExactSinglet) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[Parts, ...]:
        return self.theta.parts, self.phi.parts, self.omega.parts


_ZERO: Parts = (Fraction(0), Fraction(0))


def _shown(angle: Angle) -> str:
    """The angle's text, or that of a float which stands for the same angle and is shorter."""
    exact, number = str(angle), repr(float(angle))
    return number if len(exact) > _SHOWN and Angle.of(float(angle)).parts == angle.parts else exact


def _sum(one: Parts, other: Parts) -> Parts:
    return one[0] + other[0], one[1] + other[1]


def _ball(parts: Parts) -> flint.arb:
    radians, pis = (flint.arb(flint.fmpq(part.numerator, part.denominator)) for part in parts)
    return radians + pis * flint.arb.pi()


def _nearest(parts: Parts) -> float:
    with flint.ctx.workprec(_PRECISION + 2 * max(abs(part.numerator).bit_length() for part in parts)):
        return float(_ball(parts).mid())


def _sine(parts: Parts) -> flint.arb:
    """The sine in a ball, exact where it is rational."""
    with flint.ctx.workprec(_PRECISION):
        if not parts[0]:
            return flint.arb.sin_pi_fmpq(flint.fmpq(parts[1].numerator, parts[1].denominator))
        return _ball(parts).sin()


def _sign_of_sine(parts: Parts) -> int:
    if not parts[0]:  # else it is no multiple of pi, as pi is irrational
        return 0 if parts[1].denominator == 1 else -1 if math.floor(parts[1]) % 2 else 1
    precision = _PRECISION
    while precision <= _MOST:
        with flint.ctx.workprec(precision):
            found = _ball(parts).sin()
        if found > 0 or found < 0:
            return 1 if found > 0 else -1
        precision *= 2
    return 0  # so near to a multiple of pi that nothing is claimed


# -- texts ----------------------------------------------------------------------------------------------------------


def _read(text: str, name: str) -> Parts:
    """The angle that a text says."""
    try:
        if len(text) > _LONGEST:
            raise ValueError
        return _value(ast.parse(text.strip(), mode="eval").body, text.strip())
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError):
        raise InvalidParameter(
            f"{name} = {text!r:.60} is no exact angle; write a sum of rational numbers and multiples of pi, such as "
            "'pi/2 - 0.02', or '45*deg'."
        ) from None


def _value(node: ast.expr, text: str) -> Parts:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        number = abs(float(node.value))  # type: ignore[arg-type]
        found = Fraction(text[node.col_offset : node.end_col_offset]) if number <= LARGEST else None
        if found is None or (found and number < _LEAST):
            raise ValueError
        return found, Fraction(0)
    if isinstance(node, ast.Name) and node.id in _NAMES:
        return _NAMES[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.UAdd, ast.USub)):
        sign = -1 if isinstance(node.op, ast.USub) else 1
        radians, pis = _value(node.operand, text)
        return sign * radians, sign * pis
    if not isinstance(node, ast.BinOp):
        raise ValueError
    left, right = _value(node.left, text), _value(node.right, text)
    if isinstance(node.op, ast.Add):
        return _sum(left, right)
    if isinstance(node.op, ast.Sub):
        return left[0] - right[0], left[1] - right[1]
    if isinstance(node.op, ast.Mult):
        if left[1] and right[1]:
            raise ValueError
        return left[0] * right[0], left[0] * right[1] + left[1] * right[0]
    if isinstance(node.op, ast.Div) and not right[1]:
        return left[0] / right[0], left[1] / right[0]
    raise ValueError
