"""Comparisons of an audit: of the numbers of a row with each other, and with what certificates prove."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.channel import Preprocessing
from sdpbound.bell.key import Merge
from sdpbound.bounds.rounding import lower_float
from sdpbound.checker import Verification
from sdpbound.errors import CertificateError
from sdpbound.rates.correction import leakage_of_key

__all__ = ["Proofs", "follows", "least_leak", "rate_of", "same", "show"]

#: How much weaker a number of a row may be than the number that its certificate claims, relative to that number or in
#: its unit, whichever is larger. Logarithms and best parts of pairs are found in floating point.
WEAKER = 1e-9


class Proofs(Protocol):
    """The certificates of a store."""

    def of(self, name: str, question: dict[str, Any], as_given: bool = False) -> Verification:
        """Return what the certificate of this name proves.

        Raises CertificateError if the certificate does not hold, or answers another question. The tolerances of the
        certificate may be wider than those of the question, because that only weakens a bound over all devices. With
        ``as_given``, for an attack, the tolerances must be equal.
        """

    def proof(self, name: str) -> Mapping[str, Any]:
        """Return the proof in the certificate of this name.

        Raises CertificateError if the certificate does not hold.
        """


def same(own: object, row: object, name: str) -> None:
    """Raise CertificateError if an entry of a row is not what it must be."""
    if own != row:
        raise CertificateError(f"its {name} is {show(row)}, and must be {show(own)}.")


def follows(own: float, proven: float, name: str, side: str = "lower") -> None:
    """Raise CertificateError unless a number follows from a proven one: it may be weaker, but only by rounding."""
    sign = 1.0 if side == "lower" else -1.0
    if not sign * own <= sign * proven:
        most = "most" if side == "lower" else "least"
        raise CertificateError(f"its {name} is {own!r}, and must be at {most} the proven {proven!r}.")
    if not abs(own - proven) <= WEAKER * max(1.0, abs(proven)):
        raise CertificateError(f"its {name} is {own!r}, and its certificate makes it {proven!r}.")


def rate_of(entropy: float, leak: float | None) -> float:
    """Return the rate that an entropy gives.

    The cost of a key's errors is subtracted, and the difference is rounded down.
    """
    return entropy if leak is None else math.nextafter(entropy - leak, -math.inf)


def least_leak(
    behaviour: Behaviour, settings: Sequence[int | None], flips: Preprocessing, merge: Merge | None = None
) -> float:
    """Return a lower bound on the cost of a key's errors, in bits per round; ``settings`` are those of all parties."""
    return lower_float(leakage_of_key(behaviour, tuple(settings), flips, merge))


def show(value: object) -> str:
    """Return any value as a short text."""
    return reprlib.repr(value)


Row = Mapping[str, Any]
