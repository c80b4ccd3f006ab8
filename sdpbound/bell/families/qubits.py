"""Pure states and measurements of two qubits, for families."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sdpbound.bell.strategy import Strategy

__all__ = ["direction", "schmidt_strategy"]

X = np.array([[0.0, 1.0], [1.0, 0.0]])
Y = np.array([[0.0, -1.0j], [1.0j, 0.0]])
Z = np.diag([1.0, -1.0])


def direction(polar: float, azimuth: float = 0.0) -> NDArray[np.complex128]:
    """The observable ``cos(polar) Z + sin(polar) (cos(azimuth) X + sin(azimuth) Y)``, shape (2, 2); radians."""
    turned = math.cos(azimuth) * X + math.sin(azimuth) * Y
    return np.asarray(math.cos(polar) * Z + math.sin(polar) * turned, dtype=np.complex128)


def schmidt_strategy(angle: float, alice: Sequence[float], bob: Sequence[float]) -> Strategy:
    """``cos(angle) |00> + sin(angle) |11>``, measured in the X-Z plane at angles from Z; radians."""
    state = [math.cos(angle), 0.0, 0.0, math.sin(angle)]
    return Strategy.from_observables(state, [direction(a) for a in alice], [direction(b) for b in bob])
