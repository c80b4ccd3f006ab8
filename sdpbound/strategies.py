"""Explicit quantum strategies: a state, and measurements for each party.

They bound a quantum maximum from below, where :mod:`sdpbound.bounds` bounds it from above.
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
from sdpbound.behaviour import Behaviour
from sdpbound.bell import BellExpression
from sdpbound.errors import InvalidParameter, InvalidShape
from sdpbound.scenario import Scenario

__all__ = ["Strategy", "random_strategy", "see_saw"]

#: How far states and effects may be from valid (trace, completeness, most negative eigenvalue).
VALIDITY_TOLERANCE = 1e-9

ComplexArray = NDArray[np.complex128]


@runtime_checkable
class ActsOnStrategies(Protocol):
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
                _check_measurement(effects, party[0].shape[-1], f"measurement {x} of party {'ABCDEFGH'[i]}")
                effects.flags.writeable = False
        state = _density(state, tuple(party[0].shape[-1] for party in parties))
        state.flags.writeable = False
        object.__setattr__(self, "measurements", parties)
        object.__setattr__(self, "state", state)

    @classmethod
    def from_observables(
        cls, state: ArrayLike, observables_a: Sequence[ArrayLike], observables_b: Sequence[ArrayLike]
    ) -> Strategy:
        """Two parties, binary outcomes: the effects of an observable O are ``(1 + O)/2`` and ``(1 - O)/2``.

        Observables are Hermitian matrices (d, d) with eigenvalues in [-1, 1]; the state as in :class:`Strategy`.
        """
        parties: list[list[ComplexArray]] = []
        for observables in (observables_a, observables_b):
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

    def behaviour(self, noise: ActsOnStrategies | None = None) -> Behaviour:
        """The probabilities of the strategy, ``p[a, b, x, y]``; with ``noise``, of noisy devices."""
        if noise is not None:
            return instance(noise, ActsOnStrategies, "noise", "WhiteNoise(0.99)").apply_to(self).behaviour()
        n = len(self.measurements)
        t = self.state.reshape(self.dimensions * 2)
        for party in range(n):
            # axes of t: rows of the parties left, their columns, then (outcome, setting) of each party done
            t = np.tensordot(t, _stack(self.measurements[party]), axes=((0, n - party), (3, 2)))
        p = np.real(t).transpose([2 * i for i in range(n)] + [2 * i + 1 for i in range(n)])
        return Behaviour(np.maximum(p, 0.0), self.scenario)

    @property
    def correlators(self) -> NDArray[np.float64]:
        """<A_x B_y>, shape (X, Y); two parties, binary outcomes."""
        return self.behaviour().correlators

    def __repr__(self) -> str:
        return f"Strategy(dimensions {self.dimensions}, {self.scenario})"


def _check_measurement(effects: ComplexArray, dimension: int, name: str) -> None:
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


def _density(state: ComplexArray, dimensions: tuple[int, ...]) -> ComplexArray:
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


def _stack(party: Sequence[ComplexArray]) -> ComplexArray:
    """Effects of a party as one array (outcomes, settings, d, d); outcomes that a setting lacks are zero."""
    d = party[0].shape[-1]
    table = np.zeros((max(len(effects) for effects in party), len(party), d, d), dtype=np.complex128)
    for x, effects in enumerate(party):
        table[: len(effects), x] = effects
    return table


# -- random strategies ----------------------------------------------------------------------------------------------


def _gaussian(rng: np.random.Generator, *shape: int) -> ComplexArray:
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def _random_measurement(outcomes: int, dimension: int, rng: np.random.Generator, projective: bool) -> ComplexArray:
    if projective:
        # the phases of the columns cancel in the projectors, so that QR without a fixed phase is enough
        basis = np.linalg.qr(_gaussian(rng, dimension, dimension))[0]
        evenly = rng.permutation(outcomes)[np.arange(dimension) % outcomes]
        owner = evenly if rng.random() < 0.5 else rng.integers(outcomes, size=dimension)
        return np.array([(basis * (owner == a)) @ basis.conj().T for a in range(outcomes)])
    g = _gaussian(rng, outcomes, dimension, dimension)
    positive = g @ g.conj().transpose(0, 2, 1)
    values, vectors = np.linalg.eigh(positive.sum(axis=0))
    root = (vectors / np.sqrt(values)) @ vectors.conj().T
    effects = root @ positive @ root
    return (effects + effects.conj().transpose(0, 2, 1)) / 2.0


def random_strategy(
    scenario: Scenario, dimension: int, rng: np.random.Generator | int | None = None, projective: bool = True
) -> Strategy:
    """A random pure state and random measurements, each party with a space of the given dimension.

    Parameters
    ----------
    scenario : Scenario
        Any number of parties, settings and outcomes.
    dimension : int
        At least 1.
    rng : numpy.random.Generator or seed
    projective : bool
        Projectors on columns of a random unitary, dealt to the outcomes evenly or (as often) independently; otherwise
        full-rank effects ``S^-1/2 G_a G_a^* S^-1/2`` with Gaussian G_a.

    >>> s = random_strategy(Scenario(((2, 3), (2, 2))), 3, rng=1)
    >>> s.behaviour().scenario == Scenario(((2, 3), (2, 2)))
    True
    """
    d = _require_positive(dimension, "dimension")
    generator = np.random.default_rng(rng)
    vector = _gaussian(generator, d**scenario.parties)
    parties = tuple(
        tuple(_random_measurement(outcomes, d, generator, projective) for outcomes in party)
        for party in scenario.outcomes
    )
    return Strategy(vector / np.linalg.norm(vector), parties)


def _require_positive(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise InvalidParameter(f"{name} = {value!r} must be an integer of at least 1.")
    return int(value)


# -- see-saw --------------------------------------------------------------------------------------------------------


def _best_measurement(scores: ComplexArray, current: ComplexArray, steps: int) -> ComplexArray:
    """Effects that raise ``sum_a Tr(M_a scores_a)``: the exact optimum for two outcomes, else some ascent steps.

    Ascent: with ``M_a = K_a K_a^*`` and positive scores the objective is convex in the coisometry ``[K_1 K_2 ..]``, so
    that the coisometry closest to its gradient (a polar decomposition) never lowers it. It is the iteration of
    quant-ph/0201109 up to a unitary on each K_a.
    """
    outcomes, d = len(scores), scores.shape[-1]
    if outcomes == 1:
        return np.eye(d, dtype=np.complex128)[None]
    if outcomes == 2:
        values, vectors = np.linalg.eigh(scores[0] - scores[1])
        first = (vectors * (values >= 0.0)) @ vectors.conj().T
        return np.array([first, np.eye(d) - first], dtype=np.complex128)
    positive = scores - np.linalg.eigvalsh(scores).min() * np.eye(d)
    values, vectors = np.linalg.eigh(current)
    roots = (vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]) @ vectors.conj().transpose(0, 2, 1)
    for _ in range(steps):
        gradient = (positive @ roots).transpose(1, 0, 2).reshape(d, outcomes * d)
        left, _, right = np.linalg.svd(gradient, full_matrices=False)
        roots = (left @ right).reshape(d, outcomes, d).transpose(1, 0, 2)
    return roots @ roots.conj().transpose(0, 2, 1)


def see_saw(
    expression: BellExpression,
    dimension: int = 2,
    restarts: int = 20,
    rng: np.random.Generator | int | None = None,
    iterations: int = 500,
    tolerance: float = 1e-13,
) -> tuple[float, Strategy]:
    """A lower bound on the quantum maximum of a bipartite expression, and the strategy that attains it.

    From random measurements the state (top eigenvector of the Bell operator), one party's measurements and the other
    party's are improved in turn, each with the rest fixed; the value never falls (Werner and Wolf, quant-ph/0107093;
    Pal and Vertesi, arXiv:1006.3032). A setting with two outcomes gets its exact optimum, one with more outcomes some
    ascent steps. The limit may be a local maximum: more restarts help.

    Parameters
    ----------
    expression : BellExpression
        Two parties; its quantum maximum is meant.
    dimension : int
        Dimension of each party's space, at least 1.
    restarts, iterations : int
        Random starting points, and the most rounds from each, at least 1.
    rng : numpy.random.Generator or seed
    tolerance : float
        A start ends when a round gains less than this, relative to the largest coefficient.

    Returns
    -------
    value, strategy
        ``value == expression.value(strategy.behaviour())``, a lower bound in the units of the expression.

    Raises
    ------
    InvalidShape
        The expression has not two parties.
    InvalidParameter
        A count is below 1.

    >>> value, strategy = see_saw(BellExpression.from_correlators([[1, 1], [1, -1]]), restarts=3, rng=0)
    >>> round(value, 9)
    2.828427125
    """
    scenario = expression.scenario
    if scenario.parties != 2:
        raise InvalidShape(f"see_saw needs an expression of two parties, not {scenario.parties}; {scenario}.")
    d = _require_positive(dimension, "dimension")
    generator = np.random.default_rng(rng)
    c = expression.coefficients
    readouts = [scenario.readout(party) for party in (0, 1)]
    threshold = tolerance * max(float(np.abs(c).max()), 1e-300)
    best, best_value = None, -np.inf
    for _ in range(_require_positive(restarts, "restarts")):
        parts = [
            # full-rank starts for more outcomes: the ascent keeps zero effects at zero
            [_random_measurement(k, d, generator, projective=k == 2) for k in party]
            for party in scenario.outcomes
        ]
        value, last = -np.inf, -np.inf
        vector = np.zeros(d * d, dtype=np.complex128)
        for _ in range(_require_positive(iterations, "iterations")):
            for party in (0, 1):
                value, vector = _top(c, readouts, parts)
                other = np.tensordot(readouts[1 - party], _stack(parts[1 - party]), axes=((1, 2), (0, 1)))
                psi = vector.reshape(d, d) if party == 0 else vector.reshape(d, d).T
                table = c if party == 0 else c.T
                # Tr[(A (x) B) psi psi^*] = Tr[A psi B^T psi^*]
                reduced = psi @ np.tensordot(table, other, axes=(1, 0)).transpose(0, 2, 1) @ psi.conj().T
                scores = np.tensordot(readouts[party], reduced, axes=(0, 0))
                parts[party] = [
                    _best_measurement(scores[:k, x], parts[party][x], steps=5)
                    for x, k in enumerate(scenario.outcomes[party])
                ]
            if value - last < threshold:
                break
            last = value
        value, vector = _top(c, readouts, parts)
        if value > best_value:
            best_value, best = value, (vector, parts)
    if best is None:
        raise InvalidParameter("see_saw found no finite value; check the coefficients of the expression.")
    strategy = Strategy(best[0], tuple(tuple(party) for party in best[1]))
    return expression.value(strategy.behaviour()), strategy


def _top(
    c: NDArray[np.float64], readouts: list[NDArray[np.float64]], parts: list[list[ComplexArray]]
) -> tuple[float, ComplexArray]:
    """Largest eigenvalue of the Bell operator, and its vector (first party's index slowest)."""
    a, b = (np.tensordot(f, _stack(m), axes=((1, 2), (0, 1))) for f, m in zip(readouts, parts, strict=True))
    d = a.shape[-1]
    operator = np.tensordot(np.tensordot(c, b, axes=(1, 0)), a, axes=(0, 0))  # axes: row and column of b, then of a
    values, vectors = np.linalg.eigh(operator.transpose(2, 0, 3, 1).reshape(d * d, d * d))
    return float(values[-1]), vectors[:, -1]
