"""Checks of the arguments of protocol formulas, and the shape of the answers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sdpbound.arguments import floats
from sdpbound.arrays import Floats, Ints
from sdpbound.errors import InvalidParameter, InvalidShape, TooLarge

__all__ = [
    "LARGEST_SETTINGS",
    "amounts",
    "answer",
    "behaviour_settings",
    "chances",
    "chsh_error",
    "number",
    "settings_count",
    "together",
    "whole_answer",
    "within",
]

#: Largest number of settings of a chained Bell inequality.
LARGEST_SETTINGS = 1_000_000
#: Largest number of settings of a behaviour; its table grows with the square of this number.
LARGEST_BEHAVIOUR = 1000


def within(
    value: ArrayLike, name: str, low: float, high: float, *, above: bool = False, below: bool = False, hint: str = ""
) -> Floats:
    """Check that a value is from ``low`` to ``high``; ``above`` and ``below`` exclude the ends."""
    array = floats(value, name)
    bad = (array <= low if above else array < low) | (array >= high if below else array > high)
    if bad.any():
        first = float(array[bad].flat[0])
        interval = f"{'above' if above else 'at least'} {low:g} and {'below' if below else 'at most'} {high:g}"
        raise InvalidParameter(f"{name} = {first:g} must be {interval}{'; ' + hint if hint else ''}.")
    return array


def amounts(value: ArrayLike, name: str, least: float = 0.0) -> Floats:
    """Check numbers of rounds or bits: finite, at least ``least``, and not always whole, so that curves are smooth."""
    array = floats(value, name)
    if (array < least).any():
        raise InvalidParameter(f"{name} = {float(array.min()):g} must be at least {least:g}.")
    return array


def chances(value: ArrayLike, name: str, most: float = 0.5) -> Floats:
    """Check security parameters: probabilities or distances above 0, at most ``most``."""
    return within(value, name, 0.0, most, above=True, hint="1e-10 is usual")


def chsh_error(eps: ArrayLike) -> Floats:
    """Check errors of boxes in the CHSH game, from 0 to 1/4; above 1/4 a box has no secret."""
    return within(eps, "eps", 0.0, 0.25, hint="above 1/4 the box is local and has no secrecy")


def settings_count(value: ArrayLike) -> Floats:
    """Check numbers of settings M of a chained Bell inequality: whole and at least 2."""
    array = floats(value, "settings")
    bad = (array < 2) | (array > LARGEST_SETTINGS) | (array != np.floor(array))
    if bad.any():
        raise InvalidParameter(
            f"settings = {float(array[bad].flat[0]):g} must be a whole number from 2 to {LARGEST_SETTINGS}: each party "
            "needs two settings for a Bell inequality."
        )
    return array


def number(array: Floats, name: str) -> float:
    """Check that an argument is one number, and return it as a float."""
    if array.ndim:
        raise InvalidShape(f"{name} must be one number here, not an array of shape {array.shape}; call once for each.")
    return float(array)


def behaviour_settings(value: ArrayLike) -> int:
    """Check the number of settings of a behaviour."""
    m = int(number(settings_count(value), "settings"))
    if m > LARGEST_BEHAVIOUR:
        raise TooLarge(
            f"settings = {m} makes a behaviour too large; use at most {LARGEST_BEHAVIOUR}, or the closed forms."
        )
    return m


def together(**arrays: Floats) -> tuple[Floats, ...]:
    """Broadcast the arrays to one shape."""
    try:
        return tuple(np.broadcast_arrays(*arrays.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise InvalidShape(f"these shapes do not broadcast together: {shapes}.") from None


def answer(array: ArrayLike) -> float | Floats:
    """A float if the array has shape (), else the array.

    So numbers give a number, and arrays give an array, as the overloads of the closed forms say.
    """
    found: Floats = np.asarray(array, dtype=np.float64)
    return found if found.ndim else float(found)


def whole_answer(array: ArrayLike) -> int | Ints:
    """An int if the array has shape (), else the array of integers."""
    found: Ints = np.asarray(array).astype(np.int64)
    return found if found.ndim else int(found)
