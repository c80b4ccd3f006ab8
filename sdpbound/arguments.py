"""Checks of arguments that many functions share; each failure is one sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, replace
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sdpbound.errors import InvalidInput, InvalidParameter, InvalidShape
from sdpbound.registry import unknown

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = [
    "LARGEST",
    "complexes",
    "counted",
    "floats",
    "instance",
    "numbered",
    "real",
    "reals",
    "unmasked",
    "whole",
    "with_changes",
]

#: Largest coefficient or value: beyond it floats overflow in products, and certificates would not be exact.
LARGEST = 1e60
T = TypeVar("T")
Options = TypeVar("Options", bound="DataclassInstance")


def instance(value: object, kind: type[T], name: str, example: str) -> T:
    """The value, if it is of the kind wanted."""
    if not isinstance(value, kind):
        said, name_of = f"{value!r:.60}", type(value).__name__
        given = said if said.startswith(name_of) else f"{name_of} {said}"
        if callable(getattr(value, kind.__name__.lower(), None)):
            given += f"; its .{kind.__name__.lower()}() is one"
        if isinstance(value, type):
            given = f"the class {value.__name__} itself; write {value.__name__}(...)"
        article = "an" if kind.__name__[0] in "AEIO" else "a"
        raise InvalidInput(f"{name} must be {article} {kind.__name__}, such as {example}, not {given}.")
    return value


def with_changes(options: Options | None, default: Options, changes: Mapping[str, object], caller: str) -> Options:
    """The options given, or the default ones, with those changed that a call names one by one.

    A name that is no option is InvalidParameter, with the nearest one.
    """
    kind = type(default)
    given = default if options is None else instance(options, kind, "options", f"{kind.__name__}()")
    known = [field.name for field in fields(given)]
    for name in changes:
        if name not in known:
            raise InvalidParameter(unknown(name, known, f"an option of {caller}"))
    return replace(given, **changes) if changes else given


def unmasked(value: object, name: str) -> None:
    """Raise InvalidParameter if an entry is masked, also in lists of arrays: NumPy would take what is below it."""
    if isinstance(value, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(value)
        if mask.any():
            where = [int(i) for i in np.argwhere(mask)[0]]
            raise InvalidParameter(
                f"{name} has {np.count_nonzero(mask)} masked entries, the first at {where}; give every number, or "
                "leave these out."
            )
    elif isinstance(value, (list, tuple)):
        for entry in value:
            unmasked(entry, name)
    elif isinstance(value, np.ndarray) and value.dtype == object:
        for entry in value.flat:
            unmasked(entry, name)


def _shown(value: object) -> str:
    """A value in some characters of one line."""
    return " ".join(repr(value).split())[:60]


def _no_numbers(value: object, name: str) -> InvalidShape:
    return InvalidShape(f"{name} must be a number or a rectangular array of numbers, not {_shown(value)}.")


def _plain(value: object, name: str, kinds: str) -> NDArray[Any]:
    """A new array of numbers, none of them masked: of these kinds of NumPy, or Python's own in an array of objects."""
    unmasked(value, name)
    wrong = _no_numbers(value, name)
    try:
        array = np.array(value)
    except (TypeError, ValueError, OverflowError):
        raise wrong from None
    if array.dtype.kind not in kinds + "O":
        raise wrong
    if array.dtype == object and any(isinstance(entry, (str, bytes, np.ndarray)) for entry in array.flat):
        raise wrong
    return array


def reals(value: object, name: str) -> NDArray[np.float64]:
    """A new array of floats, NaN and infinity among them.

    Arrays of complex numbers are refused, also where all imaginary parts are zero: NumPy would leave these out with no
    more than a warning. So are masked entries and texts.

    Raises
    ------
    InvalidShape
        It is no rectangular array of numbers.
    InvalidParameter
        An entry is complex or masked.
    """
    if type(value) is np.ndarray and value.dtype == np.float64:
        return value.copy()
    array = _plain(value, name, "biufc")
    if array.dtype == object or array.dtype.kind == "c":
        found = [complex(entry) for entry in array.flat if isinstance(entry, (complex, np.complexfloating))]
        if found:
            worst = max(found, key=lambda entry: abs(entry.imag))
            raise InvalidParameter(
                f"{name} must be real, and has the complex number {worst:.6g}; give the real part if the imaginary one "
                "is rounding."
            )
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        raise _no_numbers(value, name) from None


def complexes(value: object, name: str) -> NDArray[np.complex128]:
    """As :func:`reals`, for complex numbers."""
    if type(value) is np.ndarray and value.dtype == np.complex128:
        return value.copy()
    array = _plain(value, name, "biufc")
    try:
        return array.astype(np.complex128)
    except (TypeError, ValueError, OverflowError):
        raise _no_numbers(value, name) from None


def real(value: object, name: str, meaning: str) -> float:
    """One finite number; ``meaning`` says what it must be, as in "a number between 0 and 1"."""
    try:
        array = reals(value, name)
    except InvalidShape:
        array = np.zeros(0)
    if array.ndim or isinstance(value, (bool, np.bool_)):
        raise InvalidParameter(f"{name} = {_shown(value)} is not a number; it must be {meaning}.")
    if not np.isfinite(array):
        raise InvalidParameter(f"{name} = {array} must be {meaning}.")
    return float(array)


def floats(value: object, name: str) -> NDArray[np.float64]:
    """A new array of finite floats of moderate size; see :func:`reals`."""
    array = reals(value, name)
    if not np.isfinite(array).all():
        raise InvalidParameter(f"{name} must be finite; found NaN or infinity.")
    if array.size and float(np.abs(array).max()) > LARGEST:
        raise InvalidParameter(f"{name} must not exceed {LARGEST:g} in size, and has {np.abs(array).max():g}.")
    return array


def whole(value: object, name: str, least: int, most: int) -> int:
    """An integer between two limits."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not least <= value <= most:
        raise InvalidParameter(f"{name} = {value!r:.60} must be an integer from {least} to {most}.")
    return int(value)


def numbered(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidParameter(f"{name} = {value!r} must be a finite real number.")
    number = float(value)
    if not math.isfinite(number):
        raise InvalidParameter(f"{name} = {number} must be a finite number.")
    return number


def counted(value: object, name: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InvalidParameter(f"{name} = {value!r} must be an integer of at least {least}.")
    return int(value)
