"""Noise on tables of probabilities ``p[a, b, ..., x, y, ...]``: each function returns a new table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdpbound.arguments import real
from sdpbound.errors import InvalidParameter

__all__ = ["detection_efficiency", "flip_outcomes", "require_probability", "white_noise"]


def require_probability(value: float, name: str) -> float:
    """A number between 0 and 1, or :class:`InvalidParameter`."""
    number = real(value, name, "a number between 0 and 1")
    if not 0.0 <= number <= 1.0:
        raise InvalidParameter(f"{name} = {number} must lie between 0 and 1.")
    return number


def white_noise(p: NDArray[np.float64], visibility: float, noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """``visibility * p + (1 - visibility) * noise``, with ``noise`` the behaviour of uniform, independent outcomes."""
    v = require_probability(visibility, "visibility")
    return v * p + (1.0 - v) * noise


def _local_map(p: NDArray[np.float64], party: int, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Apply a stochastic matrix (new outcomes, old outcomes) to one party's outcome."""
    return np.moveaxis(np.tensordot(matrix, p, axes=(1, party)), 0, party)


def detection_efficiency(p: NDArray[np.float64], efficiencies: tuple[float, ...], binning: bool) -> NDArray[np.float64]:
    """Each party's detector fires with its efficiency. No click: outcome 0 if binned, else a further, last outcome."""
    for party, value in enumerate(efficiencies):
        eta = require_probability(value, f"detection efficiency of party {'ABCDEFGH'[party]}")
        d = p.shape[party]
        matrix = np.vstack([eta * np.eye(d), np.full((1, d), 1.0 - eta)])
        if binning:
            matrix[0] += matrix[-1]
            matrix = matrix[:-1]
        p = _local_map(p, party, matrix)
    return p


def flip_outcomes(p: NDArray[np.float64], probabilities: tuple[float, ...]) -> NDArray[np.float64]:
    """Each party's outcome is replaced by a different one, chosen uniformly, with its probability."""
    for party, value in enumerate(probabilities):
        q = require_probability(value, f"flip probability of party {'ABCDEFGH'[party]}")
        d = p.shape[party]
        matrix = (1.0 - q) * np.eye(d) + (q / (d - 1) * (1.0 - np.eye(d)) if d > 1 else q * np.eye(d))
        p = _local_map(p, party, matrix)
    return p
