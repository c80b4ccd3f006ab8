"""Explicit quantum strategies: a state, and measurements for each party.

They bound a quantum maximum from below, where :mod:`sdpbound.bounds.solving` bounds it from above.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdpbound.arguments import complexes, instance
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.scenario import Scenario
from sdpbound.errors import InvalidParameter, InvalidShape

__all__ = ["Strategy", "check_measurement", "density", "stacked"]


#: How far states and effects may be from valid (trace, completeness, most negative eigenvalue).
VALIDITY_TOLERANCE = 1e-9

ComplexArray = NDArray[np.complex128]


@runtime_checkable
class NoiseOfStates(Protocol):
    """What changes a strategy into another one, such as a noise."""

    def apply_to(self, strategy: Strategy, /) -> Strategy:
        """The changed strategy."""


@dataclass(frozen=True, eq=False)
class Strategy:
    """A quantum strategy, ``p(ab..|xy..) = Tr[rho (M_{a|x} (x) N_{b|y} (x) ..)]``.

    Parameters
    ----------
    state : array
        Density matrix (D, D), or state vector (D,) or ``dimensions``; D is the product of the parties' dimensions,
        the first party's index slowest. Kept as a density matrix.
    measurements : nested sequence
        ``measurements[party][setting][outcome]`` is the effect of an outcome, a positive matrix (d, d); the effects of
        a setting add up to the identity. Kept as arrays (outcomes, d, d). Each within 1e-9.

    Raises
    ------
    InvalidShape
        The matrices do not fit each other.
    InvalidParameter
        An entry is not finite, the state is not normalised or not positive, or effects are not a measurement.

    >>> z, x = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> s = Strategy.from_observables([2**-0.5, 0, 0, 2**-0.5], [z, x], [(z + x) / 2**0.5, (z - x) / 2**0.5])
    >>> round(s.behaviour().chsh, 9)
    2.828427125
    """

    state: NDArray[Any]
    measurements: tuple[tuple[NDArray[Any], ...], ...]

    def __post_init__(self) -> None:
        try:
            parties = tuple(
                tuple(complexes(effects, "a measurement") for effects in party) for party in self.measurements
            )
            state = complexes(self.state, "the state")
        except (TypeError, InvalidShape):
            raise InvalidShape(
                "a strategy needs a state and measurements[party][setting][outcome] with square matrices of one size "
                "for each party."
            ) from None
        if not parties or any(not party for party in parties):
            raise InvalidShape("a strategy needs at least one party and one measurement for each party.")
        for i, party in enumerate(parties):
            for x, effects in enumerate(party):
                check_measurement(effects, party[0].shape[-1], f"measurement {x} of party {'ABCDEFGH'[i]}")
                effects.flags.writeable = False
        state = density(state, tuple(party[0].shape[-1] for party in parties))
        state.flags.writeable = False
        object.__setattr__(self, "measurements", parties)
        object.__setattr__(self, "state", state)

    @classmethod
    def from_observables(
        cls,
        state: ArrayLike,
        observables_a: Sequence[ArrayLike],
        observables_b: Sequence[ArrayLike],
        *more: Sequence[ArrayLike],
    ) -> Strategy:
        """Binary outcomes: the effects of an observable O are ``(1 + O)/2`` and ``(1 - O)/2``.

        Observables are Hermitian matrices (d, d) with eigenvalues in [-1, 1], a list for each party; the state as in
        :class:`Strategy`.

        >>> x, y, ghz = [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], np.array([1, 0, 0, 0, 0, 0, 0, 1]) / np.sqrt(2)
        >>> p = Strategy.from_observables(ghz, [x, y], [x, y], [x, y]).behaviour().p
        >>> print(round(p[0, 0, 0, 0, 0, 0], 12), round(p[0, 0, 0, 0, 1, 1], 12))
        0.25 0.0
        """
        parties: list[list[ComplexArray]] = []
        for observables in (observables_a, observables_b, *more):
            party = []
            for observable in observables:
                o = complexes(observable, "an observable")
                if o.ndim != 2 or o.shape[0] != o.shape[1]:
                    raise InvalidShape(f"an observable must be a square matrix, not of shape {o.shape}.")
                one = np.eye(len(o))
                party.append(np.array([(one + o) / 2.0, (one - o) / 2.0]))
            parties.append(party)
        return cls(complexes(state, "the state"), tuple(tuple(party) for party in parties))

    @property
    def dimensions(self) -> tuple[int, ...]:
        """The dimension of each party's space."""
        return tuple(party[0].shape[-1] for party in self.measurements)

    @cached_property
    def scenario(self) -> Scenario:
        """The numbers of outcomes of the measurements."""
        return Scenario(tuple(tuple(len(effects) for effects in party) for party in self.measurements))

    def observables(self, party: int) -> ComplexArray:
        """``M_{0|x} - M_{1|x}`` of a party's settings, shape (settings, d, d); binary outcomes."""
        if any(len(effects) != 2 for effects in self.measurements[party]):
            raise InvalidShape(f"observables need binary outcomes, not {self.scenario}.")
        return np.array([effects[0] - effects[1] for effects in self.measurements[party]])

    def behaviour(self, noise: NoiseOfStates | None = None) -> Behaviour:
        """The probabilities of the strategy, ``p[a, b, x, y]``; with ``noise``, of noisy devices."""
        if noise is not None:
            return instance(noise, NoiseOfStates, "noise", "WhiteNoise(0.99)").apply_to(self).behaviour()
        n = len(self.measurements)
        t = self.state.reshape(self.dimensions * 2)
        for party in range(n):
            # axes of t: rows of the parties left, their columns, then (outcome, setting) of each party done
            t = np.tensordot(t, stacked(self.measurements[party]), axes=((0, n - party), (3, 2)))
        p = np.real(t).transpose([2 * i for i in range(n)] + [2 * i + 1 for i in range(n)])
        return Behaviour(np.maximum(p, 0.0), self.scenario)

    @property
    def correlators(self) -> NDArray[np.float64]:
        """<A_x B_y>, shape (X, Y); two parties, binary outcomes."""
        return self.behaviour().correlators

    def __repr__(self) -> str:
        return f"Strategy(dimensions {self.dimensions}, {self.scenario})"


def check_measurement(effects: ComplexArray, dimension: int, name: str) -> None:
    if effects.ndim != 3 or effects.shape[1:] != (dimension, dimension) or 0 in effects.shape:
        raise InvalidShape(
            f"{name} has shape {effects.shape}; expected (outcomes, {dimension}, {dimension}), the same dimension for "
            "all measurements of a party."
        )
    if not np.isfinite(effects).all():
        raise InvalidParameter(f"{name} contains NaN or infinity; every entry must be a finite number.")
    skew = float(np.abs(effects - effects.conj().transpose(0, 2, 1)).max())
    least = float(np.linalg.eigvalsh(effects).min())
    if skew > VALIDITY_TOLERANCE or least < -VALIDITY_TOLERANCE:
        raise InvalidParameter(
            f"{name} has an effect that is not positive (Hermitian within {skew:.3g}, least eigenvalue {least:.6g}); "
            "observables must have eigenvalues in [-1, 1], effects at least 0."
        )
    gap = float(np.abs(effects.sum(axis=0) - np.eye(dimension)).max())
    if gap > VALIDITY_TOLERANCE:
        raise InvalidParameter(f"the effects of {name} must add up to the identity; they differ from it by {gap:.6g}.")


def density(state: ComplexArray, dimensions: tuple[int, ...]) -> ComplexArray:
    size = prod(dimensions)
    if not np.isfinite(state).all():
        raise InvalidParameter("the state contains NaN or infinity; every entry must be a finite number.")
    if state.shape in ((size,), dimensions):
        vector = state.reshape(size)
        state = np.outer(vector, vector.conj())
    if state.shape != (size, size):
        raise InvalidShape(
            f"a state of shape {state.shape} does not fit measurements of dimensions {dimensions}: "
            f"expected ({size},) or ({size}, {size})."
        )
    trace = complex(np.trace(state))
    if abs(trace - 1.0) > VALIDITY_TOLERANCE:
        raise InvalidParameter(f"the state has trace {trace.real:.9g} instead of 1; normalise it.")
    least = float(np.linalg.eigvalsh(state).min())
    if np.abs(state - state.conj().T).max() > VALIDITY_TOLERANCE or least < -VALIDITY_TOLERANCE:
        raise InvalidParameter(f"a density matrix must be Hermitian and positive; its least eigenvalue is {least:.6g}.")
    return state


def stacked(party: Sequence[ComplexArray]) -> ComplexArray:
    """Effects of a party as one array (outcomes, settings, d, d); outcomes that a setting lacks are zero."""
    d = party[0].shape[-1]
    table = np.zeros((max(len(effects) for effects in party), len(party), d, d), dtype=np.complex128)
    for x, effects in enumerate(party):
        table[: len(effects), x] = effects
    return table
