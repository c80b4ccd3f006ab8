"""Noise on tables of probabilities ``p[a, b, ..., x, y, ...]``: each function returns a new table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdpbound.arguments import floats, real
from sdpbound.bell.binning import Binning, binned_settings
from sdpbound.errors import InvalidParameter, InvalidShape

__all__ = [
    "correlator_table",
    "detection_efficiency",
    "flip_outcomes",
    "local_channels",
    "require_probability",
    "white_noise",
]


def require_probability(value: float, name: str) -> float:
    """A number between 0 and 1, or :class:`InvalidParameter`."""
    number = real(value, name, "a number between 0 and 1")
    if not 0.0 <= number <= 1.0:
        raise InvalidParameter(f"{name} = {number} must lie between 0 and 1; write 90 per cent as 0.9.")
    return number


def white_noise(p: NDArray[np.float64], visibility: float, noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """``visibility * p + (1 - visibility) * noise``, with ``noise`` the behaviour of uniform, independent outcomes."""
    v = require_probability(visibility, "visibility")
    return v * p + (1.0 - v) * noise


def _local_map(p: NDArray[np.float64], party: int, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Apply a stochastic matrix (new outcomes, old outcomes) to one party's outcome."""
    return np.moveaxis(np.tensordot(matrix, p, axes=(1, party)), 0, party)


def efficiencies_of(
    value: float | Sequence[float], name: str, what: str = "an efficiency"
) -> float | tuple[float, ...]:
    """A probability in [0, 1] of all settings, or one for each; :class:`InvalidParameter` otherwise."""
    if isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, str) and np.ndim(value) > 0:
        if len(value) == 0:
            raise InvalidParameter(f"{name} needs {what}, or one for each setting.")
        return tuple(require_probability(eta, f"{name}[{x}]") for x, eta in enumerate(value))
    return require_probability(value, name)  # type: ignore[arg-type]


def detection_efficiency(
    p: NDArray[np.float64],
    efficiencies: Sequence[float | Sequence[float]],
    binning: Binning,
    outcomes: Sequence[Sequence[int]],
) -> NDArray[np.float64]:
    """Each party's detectors fire with their efficiency: a number for all settings, or one for each.

    No click is outcome 0 if binned, else a further, last outcome. ``outcomes`` of each party and setting, before.
    """
    for party, value in enumerate(efficiencies):
        name = "ABCDEFGH"[party]
        eta = efficiencies_of(value, f"detection efficiency of party {name}")
        settings = len(outcomes[party])
        of_each = (eta,) * settings if isinstance(eta, float) else eta
        if len(of_each) != settings:
            raise InvalidShape(
                f"{len(of_each)} efficiencies of party {name} do not fit {settings} settings; give one for each "
                "setting, or one number for all."
            )
        binned = binned_settings(binning, party, settings)
        channels = [_loss(*own) for own in zip(of_each, outcomes[party], binned, strict=True)]
        p = local_channels(p, party, channels)
    return p


def local_channels(p: NDArray[np.float64], party: int, channels: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Apply to one party's outcomes a stochastic matrix (new outcomes, old outcomes) for each of its settings.

    Outcomes that a setting lacks have probability zero, before and after.
    """
    axis, old = p.ndim // 2 + party, p.shape[party]
    size = max(len(channel) for channel in channels)
    matrices = [np.zeros((size, old)) for _ in channels]
    for matrix, channel in zip(matrices, channels, strict=True):
        matrix[: channel.shape[0], : channel.shape[1]] = channel
    if all(np.array_equal(matrices[0], other) for other in matrices[1:]):
        return _local_map(p, party, matrices[0])
    one_by_one = [_local_map(np.take(p, [x], axis=axis), party, matrix) for x, matrix in enumerate(matrices)]
    return np.concatenate(one_by_one, axis=axis)


def _loss(eta: float, outcomes: int, binned: bool) -> NDArray[np.float64]:
    """The stochastic matrix (new outcomes, old outcomes) of a detector that fires with probability eta."""
    matrix = np.vstack([eta * np.eye(outcomes), np.full((1, outcomes), 1.0 - eta)])
    if binned:
        matrix[0] += matrix[-1]
        matrix = matrix[:-1]
    return matrix


def flip_outcomes(p: NDArray[np.float64], probabilities: tuple[float, ...]) -> NDArray[np.float64]:
    """Each party's outcome is replaced by a different one, chosen uniformly, with its probability."""
    for party, value in enumerate(probabilities):
        q = require_probability(value, f"flip probability of party {'ABCDEFGH'[party]}")
        d = p.shape[party]
        matrix = (1.0 - q) * np.eye(d) + (q / (d - 1) * (1.0 - np.eye(d)) if d > 1 else q * np.eye(d))
        p = _local_map(p, party, matrix)
    return p


def correlator_table(
    correlators: ArrayLike,
    marginals_a: ArrayLike | None = None,
    marginals_b: ArrayLike | None = None,
    constant: float = 0.0,
) -> NDArray[np.float64]:
    """The table (1 + X, 1 + Y) of two parties with binary outcomes: constant, marginals and (X, Y) correlators."""
    c = floats(correlators, "correlator coefficients")
    if c.ndim != 2:
        raise InvalidShape(f"correlator coefficients must have shape (X, Y), not {c.shape}.")
    table = np.zeros((1 + c.shape[0], 1 + c.shape[1]))
    table[0, 0] = floats(constant, "constant")
    table[1:, 1:] = c
    for values, target, label, count in (
        (marginals_a, table[1:, 0], "marginals_a", c.shape[0]),
        (marginals_b, table[0, 1:], "marginals_b", c.shape[1]),
    ):
        if values is not None:
            values = floats(values, label)
            if values.shape != (count,):
                raise InvalidShape(f"{label} must have shape ({count},), not {values.shape}.")
            target[:] = values
    return table
