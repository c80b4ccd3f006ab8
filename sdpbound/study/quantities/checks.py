"""How an audit compares the numbers of a row with each other and with what certificates prove."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from typing import Any, Protocol

from sdpbound.bell.behaviour import Behaviour
from sdpbound.bounds.rounding import lower_float
from sdpbound.checker import Verification
from sdpbound.errors import CertificateError
from sdpbound.rates.rates import leakage

__all__ = ["Proofs", "follows", "least_leak", "rate_of", "same", "show"]

#: How far a number of a row may be on the weaker side of what its certificate claims, as a part of it or in its unit:
#: logarithms and best parts of pairs are found in floating point.
WEAKER = 1e-9


class Proofs(Protocol):
    """The certificates of a store."""

    def of(self, name: str, question: dict[str, Any], as_given: bool = False) -> Verification:
        """What the certificate of this name proves; CertificateError if it does not hold or is of another question.

        Its tolerances may be wider, which weakens a bound over all devices; not with ``as_given``, for an attack.
        """


def same(own: object, row: object, name: str) -> None:
    """Raise CertificateError for a column that is not what it must be."""
    if own != row:
        raise CertificateError(f"its {name} is {show(row)}, and must be {show(own)}.")


def follows(own: float, proven: float, name: str, side: str = "lower") -> None:
    """Raise CertificateError for a number that is not what was proven; weaker it may be by rounding only."""
    sign = 1.0 if side == "lower" else -1.0
    if not sign * own <= sign * proven:
        most = "most" if side == "lower" else "least"
        raise CertificateError(f"its {name} is {own!r}, and must be at {most} the proven {proven!r}.")
    if not abs(own - proven) <= WEAKER * max(1.0, abs(proven)):
        raise CertificateError(f"its {name} is {own!r}, and its certificate makes it {proven!r}.")


def rate_of(entropy: float, leak: float | None) -> float:
    """The rate that an entropy gives; a key rate is rounded down once more, as its subtraction rounds."""
    return entropy if leak is None else math.nextafter(entropy - leak, -math.inf)


def least_leak(behaviour: Behaviour, settings: tuple[int, int | None], flips: float) -> float:
    """What the errors of a key cost at least, rounded down."""
    x, y = settings
    return lower_float(leakage(behaviour, x, y or 0, flips))


def show(value: object) -> str:
    """A short text of anything."""
    return reprlib.repr(value)


Row = Mapping[str, Any]
