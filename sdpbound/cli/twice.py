"""Both checkers, one after the other, within the same limits."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from sdpbound.checker import Checker, Verification
from sdpbound.recheck import Conclusion, recheck_apart

__all__ = ["TwiceChecker", "outer_float"]


class TwiceChecker(Checker):
    """A checker of which a certificate holds only if the second checker says so too."""

    def again(self, certificate: Mapping[str, object] | str | os.PathLike[str]) -> Conclusion:
        """What the second checker concludes, in a process of its own."""
        return recheck_apart(certificate, time_limit=self.time_limit, memory_limit=self.memory_limit)

    def entry(self, certificate: Mapping[str, object] | str | os.PathLike[str]) -> dict[str, Any]:
        """The same as plain data, what is proven as a float that is not inside of it."""
        found = self.again(certificate)
        value = None if found.proven is None else outer_float(found.proven, found.side)
        return {"holds": found.holds, "kind": found.kind, "value": value, "side": found.side, "reason": found.reason}

    def verify(
        self, certificate: Mapping[str, object] | str | os.PathLike[str], *, strict: bool = True
    ) -> Verification:
        """What the first one found; it does not hold if the second one does not agree."""
        found = super().verify(certificate, strict=strict)
        if not found.holds or (second := self.again(certificate)).holds:
            return found
        return replace(found, holds=False, message=f"The second checker does not agree: {second.reason}")


def outer_float(value: Fraction, side: str) -> float:
    """A float that is not inside of the value: above it for an upper bound, below it for a lower one."""
    found = float(value)
    if side == "upper":
        return found if Fraction(found) >= value else math.nextafter(found, math.inf)
    return found if Fraction(found) <= value else math.nextafter(found, -math.inf)
