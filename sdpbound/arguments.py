"""Checks of arguments that many functions share; each failure is one sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdpbound.errors import InvalidInput, InvalidParameter, InvalidShape

__all__ = ["LARGEST", "floats", "instance", "whole"]

#: Largest coefficient or value: beyond it floats overflow in products, and certificates would not be exact.
LARGEST = 1e60


def instance(value: Any, kind: type[Any], name: str, example: str) -> Any:
    """The value, if it is of the kind wanted."""
    if not isinstance(value, kind):
        given = f"{type(value).__name__} {value!r:.60}"
        if isinstance(value, type):
            given = f"the class {value.__name__} itself; write {value.__name__}(...)"
        raise InvalidInput(f"{name} must be a {kind.__name__}, such as {example}, not {given}.")
    return value


def floats(value: Any, name: str) -> NDArray[np.float64]:
    """A new array of finite floats of moderate size."""
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InvalidShape(f"{name} must be a number or a rectangular array of numbers, not {value!r:.60}.") from None
    if not np.isfinite(array).all():
        raise InvalidParameter(f"{name} must be finite; found NaN or infinity.")
    if array.size and float(np.abs(array).max()) > LARGEST:
        raise InvalidParameter(f"{name} must not exceed {LARGEST:g} in size, and has {np.abs(array).max():g}.")
    return array


def whole(value: Any, name: str, least: int, most: int) -> int:
    """An integer between two limits."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not least <= value <= most:
        raise InvalidParameter(f"{name} = {value!r:.60} must be an integer from {least} to {most}.")
    return int(value)
