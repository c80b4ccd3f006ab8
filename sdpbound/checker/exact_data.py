"""Exact data of a closed form: the singlet's correlations at exact angles.

The entry ``question.exact`` names three angles, each ``radians + pis * pi`` with two rational numbers. The exact data
are the values of the tested expressions on uniform outcomes with the correlators sin(a_x + b_y), a = (0, theta), b =
(phi, omega). The floats beside them only have to be near: within 1e-12 of the size of the expression.

Such a sine vanishes only if ``radians`` is 0 and ``pis`` an integer, as pi is irrational. All other signs follow from
balls. With them the checker evaluates the left side of condition (4) of arXiv:2309.09650,

    cos(theta + phi) cos(phi) cos(theta + omega) cos(omega).

Where it is negative the exact data self-test the singlet, if each of the four correlators is tested, or a multiple of
the paper's expression (2) at these angles. A tested table is named to be that expression: each of its coefficients must
be right to 2^-49 of itself, and the distance of the expression's quantum maximum from its local one must be a million
times as large as what such digits leave open, 2^-29 of the sum of the |coefficients|. Otherwise the table may be that
of an expression which local devices maximise. Where exactly one of the four cosines vanishes the four correlators
self-test (arXiv:1511.04886): one of them is 1 or -1, and then Alice's other direction and Bob's other direction differ
from that one and from each other.
"""

from __future__ import annotations

import math
from fractions import Fraction

import flint

from sdpbound.checker.numbers import HALF, LOG_PRECISION, ZERO, Index, Tensor, nearest_float, to_ball
from sdpbound.checker.reading import read_keys, read_kind, read_number
from sdpbound.checker.scenario import Observed
from sdpbound.errors import CertificateError

__all__ = ["exact_self_test"]

#: How well each coefficient of a tested expression must be right, and a million times that.
_DIGITS, _CLEAR = Fraction(1, 2**49), Fraction(1, 2**29)
_NEAR = Fraction(1, 10**12)  # how far floats may be from exact data, in units of the size of an expression
_MOST_PRECISION = 1 << 14  # bits, of a sine whose sign is asked for
_ANGLES = ("theta", "phi", "omega")
_Angle = tuple[Fraction, Fraction]  # radians and multiples of pi


def exact_self_test(entry: object, observed: Observed) -> tuple[str, dict[tuple[int, int], flint.arb]]:
    """The exact data in words, and their correlators, if they are those of the floats and self-test the singlet."""
    name = "question.exact"
    read_kind(entry, name, ("singlet",))
    parts = read_keys(entry, ("kind", *_ANGLES), name)
    theta, phi, omega = (_read_angle(parts[angle], f"{name}.{angle}") for angle in _ANGLES)
    correlators = {
        (x, y): _sine(_sum(a, b)) for x, a in ((0, (ZERO, ZERO)), (1, theta)) for y, b in ((0, phi), (1, omega))
    }
    for j, (tensor, value) in enumerate(zip(observed.tensors, observed.values, strict=True)):
        own = sum((to_ball(c) * correlators[i - 1, k - 1] for (i, k), c in tensor.items() if i and k), flint.arb(0))
        allowed = _NEAR * sum(map(abs, tensor.values()), ZERO)
        if not abs(own - to_ball(value)) <= to_ball(allowed):
            raise CertificateError(
                f"The data prove no entropy: question.observed[{j}].value is not that of the exact data."
            )
    signs, cosines = _signs(theta, phi, omega)
    negative = math.prod(signs) < 0
    words = ", ".join(f"{n} = {_words(a)}" for n, a in zip(_ANGLES, (theta, phi, omega), strict=True))
    tested = {index for tensor in observed.tensors if len(tensor) == 1 for index in tensor if all(index)}
    expression = _expression(cosines)
    if negative and _is_clear(expression, correlators) and any(_is_multiple(t, expression) for t in observed.tensors):
        return f"the singlet's at {words}, whose Bell expression is tested", correlators
    if (negative or signs.count(0) == 1) and len(tested) == 4:
        return f"the singlet's at {words}, all four correlators tested", correlators
    raise CertificateError(
        f"The data prove no entropy: at {words} condition (4) does not hold, or neither the expression nor the four "
        "correlators are tested."
    )


def _read_angle(entry: object, name: str) -> _Angle:
    parts = read_keys(entry, ("radians", "pis"), name)
    return read_number(parts["radians"], f"{name}.radians"), read_number(parts["pis"], f"{name}.pis")


def _words(angle: _Angle) -> str:
    radians, pis = (str(part) if len(str(part)) <= 12 else f"{nearest_float(part)!r}" for part in angle)
    if not angle[1]:
        return radians
    return f"{pis} pi" if not angle[0] else f"{radians} + {pis} pi"


def _sum(one: _Angle, other: _Angle) -> _Angle:
    return one[0] + other[0], one[1] + other[1]


def _ball(angle: _Angle) -> flint.arb:
    return to_ball(angle[0]) + to_ball(angle[1]) * flint.arb.pi()


def _sine(angle: _Angle) -> flint.arb:
    """In a ball, that is exact where the sine is 0, 1 or -1."""
    radians, pis = angle
    if not radians and (2 * pis).denominator == 1:
        return flint.arb((0, 1, 0, -1)[int(2 * pis) % 4])
    return _ball(angle).sin()


def _signs(theta: _Angle, phi: _Angle, omega: _Angle) -> tuple[list[int], list[flint.arb]]:
    """Signs and balls of cos(theta + phi), cos(phi), cos(theta + omega) and cos(omega)."""
    angles = [_sum(angle, (ZERO, HALF)) for bob in (phi, omega) for angle in (_sum(theta, bob), bob)]
    return [_sign(angle) for angle in angles], [_sine(angle) for angle in angles]


def _sign(angle: _Angle) -> int:
    """The sign of the sine."""
    if not angle[0] and angle[1].denominator == 1:
        return 0
    precision = LOG_PRECISION
    while precision <= _MOST_PRECISION:
        with flint.ctx.workprec(precision):
            found = _ball(angle).sin()
            if found > 0 or found < 0:
                return 1 if found > 0 else -1
        precision *= 2
    raise CertificateError(
        "The angles of question.exact are too close to a point where condition (4) changes its sign."
    )


def _expression(cosines: list[flint.arb]) -> dict[Index, flint.arb]:
    """The coefficients of expression (2)."""
    tp, p, tw, w = cosines
    return {(1, 1): tp * tw * w, (1, 2): -tp * tw * p, (2, 1): -p * w * tw, (2, 2): p * w * tp}


def _is_multiple(tensor: Tensor, expression: dict[Index, flint.arb]) -> bool:
    """Whether a tested expression, in normal form, is a multiple of this one, to what floats leave open."""
    if not tensor or not all(map(all, tensor)):
        return False  # it is a constant, or has marginals
    largest = max(tensor, key=lambda index: abs(tensor[index]))
    factor = to_ball(tensor[largest]) / expression[largest]
    digits = to_ball(_DIGITS)
    return all(
        abs(to_ball(tensor.get(i, ZERO)) - factor * c) <= digits * abs(factor * c) for i, c in expression.items()
    )


def _is_clear(expression: dict[Index, flint.arb], correlators: dict[tuple[int, int], flint.arb]) -> bool:
    """Whether digits of coefficients are no matter beside the distance of the quantum maximum from the local one."""
    c = [[expression[i, k] for k in (1, 2)] for i in (1, 2)]
    value = sum((c[x][y] * e for (x, y), e in correlators.items()), flint.arb(0))
    local = [sum((abs(a + sign * b) for a, b in c), flint.arb(0)) for sign in (1, -1)]
    size = sum((abs(entry) for row in c for entry in row), flint.arb(0))
    return all(abs(value) - most > to_ball(_CLEAR) * size for most in local)
