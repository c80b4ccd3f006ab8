"""What the second checker says, how it refuses, and how much work it is allowed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from fractions import Fraction

from sdpbound.errors import CertificateError

__all__ = ["Budget", "Conclusion", "Finding", "refuse"]

#: Elementary steps (products of integers, words reduced, cells of a search) that a certificate may take.
MOST_STEPS = 400_000_000


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What was concluded about a certificate.

    Attributes
    ----------
    kind : what kind of proof it is, by the second checker's own table; "" if that was not found out
    figure : kind of the figure of merit
    side : "upper" or "lower"; "" if unread
    proven : the end of the proven interval on the side of the claim: an exact rational number, or the outer end of a
        ball; None if nothing was proven
    claimed : the claim, read exactly; None if unread
    holds : whether what was proven implies what is claimed
    reason : one sentence; why it was refused, or what stands behind it
    """

    kind: str
    figure: str
    side: str
    proven: Fraction | None
    claimed: Fraction | None
    holds: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a proof proves: the figure is at most (side "upper") or at least (side "lower") ``proven``.

    ``faults`` are further parts of the claim that do not follow, one sentence each.
    """

    figure: str
    side: str
    proven: Fraction
    claimed: Fraction
    faults: tuple[str, ...] = ()


def refuse(text: str) -> CertificateError:
    """The error of a certificate that proves nothing here."""
    return CertificateError(text)


@dataclass(slots=True)
class Budget:
    """Steps and seconds that are left; every loop whose length a file decides asks it first."""

    seconds: float | None = None
    steps: int = MOST_STEPS
    begun: float = field(default_factory=time.monotonic)

    def spend(self, steps: int) -> None:
        """Take steps away, before they are made."""
        self.steps -= steps
        if self.steps < 0:
            raise refuse("the certificate takes more work than the second checker allows; split the question.")
        if self.seconds is not None and time.monotonic() - self.begun > self.seconds:
            raise refuse(f"the second check was ended after {self.seconds:g} seconds; allow more.")
