"""What noises share: Pauli matrices, axes, and checks that refuse unfit strategies."""

from __future__ import annotations

import numpy as np

from sdpbound.arguments import real
from sdpbound.bell.noise.noise import require_strategy
from sdpbound.errors import InvalidInput, InvalidParameter, InvalidShape

__all__ = ["PAULI", "angle_of", "axis_of", "no_state", "require_qubits"]

PAULI = {
    "x": np.array([[0, 1], [1, 0]], dtype=np.complex128),
    "y": np.array([[0, -1j], [1j, 0]], dtype=np.complex128),
    "z": np.array([[1, 0], [0, -1]], dtype=np.complex128),
}


def no_state(what: str) -> InvalidInput:
    return InvalidInput(
        f"{what} acts on a state and its measurements, which a behaviour does not name: apply it to a Strategy, as in "
        "strategy.behaviour(noise=...) or SingletSelfTest(...).behaviour(noise=...)."
    )


def angle_of(value: object, name: str) -> float:
    return real(value, name, "the angle of a misalignment, a finite number of radians")


def axis_of(axis: object) -> None:
    if not isinstance(axis, str) or axis not in PAULI:
        raise InvalidParameter(f"axis = {axis!r:.60} must be 'x', 'y' or 'z'.")


def require_qubits(strategy: object, what: str) -> None:
    if require_strategy(strategy).dimensions != (2, 2):
        raise InvalidShape(f"{what} is of two qubits, not of a {strategy!r}.")
