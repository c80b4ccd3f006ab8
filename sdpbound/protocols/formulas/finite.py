"""Checks and limits that the finite-length formulas of all protocols share."""

from __future__ import annotations

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.errors import InvalidParameter

__all__ = ["FEWEST", "require_part", "unused_rounds_allowed"]

#: The fewest rounds that a finite-length formula accepts.
FEWEST = 4.0


def require_part(whole: Floats, part: Floats, fraction: float, name: str, reason: str) -> None:
    """Raise InvalidParameter unless ``part <= fraction * whole``."""
    bad = part > fraction * whole * (1.0 + 1e-15)
    if bad.any():
        where = np.unravel_index(int(np.argmax(bad)), bad.shape)
        raise InvalidParameter(
            f"{name} = {part[where]:g} is too large for {whole[where]:g} rounds: {reason} (at most "
            f"{fraction * whole[where]:g})."
        )


def unused_rounds_allowed(every: Floats, fewest: Floats) -> Floats:
    """The larger of ``every``, the length with all rounds, and ``fewest``, the length with :data:`FEWEST` rounds.

    A length (rate * n - c sqrt(n) - d) first falls and then rises with n. So parties who may leave rounds unused do
    best with all rounds or with the fewest.
    """
    return np.maximum(every, fewest)
