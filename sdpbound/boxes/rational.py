"""Numbers that users give, read as exact rationals."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from sdpbound.arguments import unmasked
from sdpbound.boxes.exact import Integers, face, probabilities
from sdpbound.errors import InvalidParameter, InvalidShape

__all__ = ["as_fraction", "box_error", "common", "distribution", "is_number", "listed", "rational_coordinates"]

#: Simple fractions have a denominator up to this.
SIMPLE = 10**6
#: A coordinate this close to a simple fraction is taken to mean it; a probability below ``ZERO`` is taken for zero.
SNAP, ZERO = 4e-16, 1e-12
#: Bits of a common denominator; with more, simple fractions are not looked for.
MOST_BITS = 1024


#: What has an exact value.
Exact = int | float | Fraction | np.integer | np.floating


def as_fraction(value: Exact) -> Fraction:
    """A float as the simple fraction that it is the nearest float to, else as it is; integers and fractions as is.

    >>> as_fraction(0.1), as_fraction(2.0**-60)
    (Fraction(1, 10), Fraction(1, 1152921504606846976))
    """
    if not isinstance(value, float | np.floating):
        return Fraction(int(value)) if isinstance(value, np.integer) else Fraction(value)
    simple = Fraction(float(value)).limit_denominator(SIMPLE)
    return simple if float(simple) == float(value) else Fraction(float(value))


def common(values: Sequence[Fraction]) -> tuple[list[int], int]:
    """Numerators over the least common denominator."""
    denominator = lcm(*(v.denominator for v in values))
    return [v.numerator * (denominator // v.denominator) for v in values], denominator


def listed(values: Any, name: str) -> list[Any]:
    """The values as a list."""
    unmasked(values, name)
    try:
        return list(values)
    except TypeError:
        raise InvalidShape(f"{name} must be a list, not {type(values).__name__} {values!r:.60}.") from None


def is_number(value: object) -> TypeGuard[Exact]:
    """A real number that has an exact value."""
    return isinstance(value, int | float | Fraction | np.integer | np.floating) and not isinstance(value, bool)


def box_error(value: object) -> Fraction:
    """The CHSH error of a box."""
    if not is_number(value) or not 0 <= value <= 1:
        raise InvalidParameter(f"the error {value!r:.60} of a box must be a number from 0 to 1.")
    return as_fraction(value)


def distribution(given: Sequence[Any], name: str) -> list[Fraction]:
    """A distribution; a total within 1e-9 of 1 is divided out."""
    values = listed(given, name)
    if not all(is_number(w) and 0 <= w < 2 for w in values):
        raise InvalidParameter(f"{name} must be numbers from 0 to 1 that add up to 1.")
    exact = [as_fraction(w) for w in values]
    total = sum(exact, Fraction(0))
    if abs(total - 1) > Fraction(1, 10**9):
        raise InvalidParameter(f"{name} add up to {float(total):.9g} instead of 1.")
    return [w / total for w in exact]


def rational_coordinates(z: NDArray[np.float64], settings: tuple[int, ...]) -> tuple[Integers, int]:
    """Rational coordinates and their denominator; their table is exactly zero where it was below ``ZERO``."""
    empty = np.flatnonzero(probabilities(z).reshape(-1) < ZERO)
    flat = z.reshape(-1)
    if not empty.size:
        numbers, _ = common(_near(flat))
        exact = np.array(numbers, dtype=object)
    else:
        found = face(settings, tuple(empty.tolist()))
        numbers, _ = common(_near(flat[found.free]))
        values = np.array(numbers, dtype=object)
        exact = np.zeros(flat.size, dtype=object)
        exact[found.free] = values * found.denominator
        exact[found.pivots] = [-(row * values).sum() for row in found.table]
    return exact.reshape(z.shape), int(exact[0])


def _near(values: NDArray[np.float64]) -> list[Fraction]:
    """Simple fractions where they are within rounding."""
    plain = [Fraction(v) for v in values.tolist()]
    simple = [v.limit_denominator(SIMPLE) for v in plain]
    near = [s if abs(s - v) <= SNAP else v for s, v in zip(simple, plain, strict=True)]
    return near if lcm(*(v.denominator for v in near)).bit_length() <= MOST_BITS else plain
