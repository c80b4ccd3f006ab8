"""Explicit strategies found by search: random ones, and a see-saw that improves them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from sdpbound.arguments import instance
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.scenario import Scenario
from sdpbound.bell.strategy import ComplexArray, Strategy, stacked
from sdpbound.errors import InvalidParameter, TooLarge
from sdpbound.limiting import go_on, note

__all__ = ["best_state", "random_strategy", "see_saw"]

#: Most dimensions of the state of all parties in a search.
LARGEST_STATE = 4096


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
    return np.asarray((effects + effects.conj().transpose(0, 2, 1)) / 2.0, dtype=np.complex128)


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


def _require_positive(value: object, name: str) -> int:
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
    return np.asarray(roots @ roots.conj().transpose(0, 2, 1), dtype=np.complex128)


def see_saw(
    expression: BellExpression,
    dimension: int = 2,
    restarts: int = 20,
    rng: np.random.Generator | int | None = None,
    iterations: int = 500,
    tolerance: float = 1e-13,
) -> tuple[float, Strategy]:
    """A lower bound on the quantum maximum of an expression, and the strategy that attains it.

    From random measurements the state (top eigenvector of the Bell operator) and each party's measurements are
    improved in turn, each with the rest fixed; the value never falls (Werner and Wolf, quant-ph/0107093; Pal and
    Vertesi, arXiv:1006.3032). A setting with two outcomes gets its exact optimum, one with more outcomes some
    ascent steps. The limit may be a local maximum: more restarts help.

    Parameters
    ----------
    expression : BellExpression
        Of any number of parties; its quantum maximum is meant.
    dimension : int
        Dimension of each party's space, at least 1; the state of all parties has at most 4096 dimensions.
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
    InvalidParameter
        A count is below 1.
    TooLarge
        The state of all parties has too many dimensions.

    >>> value, strategy = see_saw(BellExpression.from_correlators([[1, 1], [1, -1]]), restarts=3, rng=0)
    >>> round(value, 9)
    2.828427125
    """
    scenario = instance(expression, BellExpression, "expression", "chsh()").scenario
    d, parties = _require_positive(dimension, "dimension"), range(scenario.parties)
    _require_room(d, scenario.parties)
    generator = np.random.default_rng(rng)
    c = expression.coefficients
    readouts = [scenario.readout(party) for party in parties]
    threshold = tolerance * max(float(np.abs(c).max()), 1e-300)
    best, best_value = None, -np.inf
    for start in range(_require_positive(restarts, "restarts")):
        parts = [
            # full-rank starts for more outcomes: the ascent keeps zero effects at zero
            [_random_measurement(k, d, generator, projective=k == 2) for k in party]
            for party in scenario.outcomes
        ]
        if best is not None and not go_on():
            break
        note(f"see-saw, start {start + 1} of {restarts}", best_value)
        last = -np.inf
        for _ in range(_require_positive(iterations, "iterations")):
            value = _improve(c, readouts, parts, scenario)
            if value - last < threshold or not go_on():
                break
            last = value
        value, vector = _top(c, readouts, parts)
        if value > best_value:
            best_value, best = value, (vector, parts)
    if best is None:
        raise InvalidParameter("see_saw found no finite value; check the coefficients of the expression.")
    strategy = Strategy(best[0], tuple(tuple(party) for party in best[1]))
    return expression.value(strategy.behaviour()), strategy


def _require_room(dimension: int, parties: int) -> None:
    if dimension**parties > LARGEST_STATE:
        raise TooLarge(
            f"a state of {parties} parties with {dimension} dimensions each has {dimension**parties} dimensions; at "
            f"most {LARGEST_STATE} are searched, choose a smaller dimension."
        )


def _improve(
    c: NDArray[np.float64], readouts: list[NDArray[np.float64]], parts: list[list[ComplexArray]], scenario: Scenario
) -> float:
    """Improve each party's measurements in turn, in place, with the best state before each; the last of its values."""
    value, n = -np.inf, scenario.parties
    for party in range(n):
        value, vector = _top(c, readouts, parts)
        d = parts[party][0].shape[-1]
        others = [q for q in range(n) if q != party]
        psi = np.moveaxis(vector.reshape((d,) * n), party, 0).reshape(d, -1)
        rest = _combined(np.moveaxis(c, party, 0), [_operators(readouts[q], parts[q]) for q in others])
        # Tr[(A (x) B) psi psi^*] = Tr[A psi B^T psi^*]
        reduced = psi @ rest.transpose(0, 2, 1) @ psi.conj().T
        scores = np.tensordot(readouts[party], reduced, axes=(0, 0))
        parts[party] = [
            _best_measurement(scores[:k, x], parts[party][x], steps=5) for x, k in enumerate(scenario.outcomes[party])
        ]
    return value


def best_state(
    expression: BellExpression, measurements: Sequence[Sequence[ComplexArray]]
) -> tuple[float, ComplexArray]:
    """The largest value of an expression with given measurements, and the state vector that attains it.

    The largest eigenvalue of the Bell operator. ``measurements[party][setting]`` are effects (outcomes, d, d), with one
    d for each party; the vector (product of all d,) has the first party's index slowest.
    """
    readouts = [expression.scenario.readout(party) for party in range(expression.scenario.parties)]
    return _top(expression.coefficients, readouts, [list(party) for party in measurements])


def _operators(readout: NDArray[np.float64], measurements: Sequence[ComplexArray]) -> ComplexArray:
    """The operators of a party's coordinates, (size of its axis, d, d)."""
    return np.tensordot(readout, stacked(measurements), axes=((1, 2), (0, 1)))


def _combined(c: NDArray[np.float64], operators: Sequence[ComplexArray]) -> ComplexArray:
    """``sum_jk.. c[i, j, k, ..] B_j (x) C_k (x) ..``, shape (first axis of c, D, D)."""
    t: ComplexArray = c.astype(np.complex128)
    for own in operators:
        t = np.tensordot(t, own, axes=(1, 0))  # the axes of rows and columns come last, party by party
    n = len(operators)
    t = t.transpose(0, *range(1, 2 * n, 2), *range(2, 2 * n + 1, 2))
    size = prod(own.shape[-1] for own in operators)
    return t.reshape(len(c), size, size)


def _top(
    c: NDArray[np.float64], readouts: list[NDArray[np.float64]], parts: list[list[ComplexArray]]
) -> tuple[float, ComplexArray]:
    """Largest eigenvalue of the Bell operator, and its vector (first party's index slowest)."""
    operators = [_operators(f, m) for f, m in zip(readouts, parts, strict=True)]
    values, vectors = np.linalg.eigh(_combined(c[None], operators)[0])
    return float(values[-1]), vectors[:, -1]
