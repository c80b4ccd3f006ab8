"""The attack of the best mixture of qubit strategies, where the qubit reduction applies to the tests.

The search for the mixture also finds a functional that no strategy it met is below. Where both meet, no other search
can gain: the mixture is the attack, without rounds over random strategies.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.attacks.mixtures import Mixture, deterministic_strategies
from sdpbound.attacks.proof import WORTH, EntropyAttack, build_attack
from sdpbound.bell.strategy import Strategy
from sdpbound.bounds.intervals import reach
from sdpbound.entropies.qubit_starts import known_start
from sdpbound.entropies.qubits.columns import Columns, columns_of, first_columns
from sdpbound.entropies.qubits.extremes import only_strategy
from sdpbound.entropies.qubits.method import fitted
from sdpbound.entropies.qubits.mixture import QubitOptimum, Search, optimum, search
from sdpbound.entropies.qubits.problem import Key, qubit_problem
from sdpbound.entropies.qubits.weights import Weighted
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.errors import InvalidInput, SolverFailure

__all__ = [
    "attack_of",
    "effects_of",
    "extreme_attack",
    "is_settled",
    "qubit_attack",
    "qubit_optimum",
    "settled_optima",
    "strategies_of",
]

#: What a deviation from the data costs in the one linear program of an attack near a known one, in bits.
_PRICE = 300.0
#: Values of a mixture and of its functional that are this close, relative to the tolerance, end the search.
_FINEST = 1e-6
#: How far strategies around another are from it, and the weight of all of them.
_NEAR, _AROUND = 1e-3, 1e-4
#: Strategies of more weight are turned: how often, the longest step, and the moves from which slopes are found.
_USED, _TURNS, _LONGEST, _TURN = 1e-12, 60, 1e-2, 1e-5
#: Weight of a local strategy beside a single one, so that no rounding makes its entropy larger than that of the key.
_ROUNDING = 4e-16
#: The smallest weight by which units are made.
_LIGHT = 1e-6
#: Tested values are met where they are off by no more.
_FOUND = 1e-15


def qubit_optimum(
    question: EntropyQuestion, tolerance: float, start: QubitOptimum | None = None
) -> QubitOptimum | None:
    """The best mixture of qubits that the search finds; None where the tests are of another kind or the search fails.

    Parameters
    ----------
    tolerance : bits between the mixture and the functional at which the search ends; at most 1e-6 is asked for
    start : the best mixture of data near by
    """
    fine = min(tolerance, _FINEST)
    try:
        problem = qubit_problem(question)
        start = known_start(problem, fine) if start is None else fitted(problem, start)
        found = optimum(question, _searched(question, fine, start))
        if start is None or is_settled(found, tolerance):
            return found
        # a start can lead astray, mostly on the boundary of the quantum set
        return min(found, optimum(question, search(question, fine)), key=lambda best: best.value - best.lower)
    except (InvalidInput, SolverFailure):
        return None


def _searched(question: EntropyQuestion, tolerance: float, start: QubitOptimum | None) -> Search:
    """The search; if it had a start, its functional is tried at all angles once, and the search goes on from there.

    From a start the search looks near by only, since the proof of a bound from below finds what it overlooks. An attack
    has no such proof.
    """
    found = search(question, tolerance, start)
    if start is not None and found.multipliers is not None and found.mixture is not None:
        used = found.columns.chosen(np.flatnonzero(found.mixture.weights > 1e-9))
        found.lower = -math.inf
        found.improve(found.multipliers, used, 0.1 * tolerance)
        found.run(tolerance)
    return found


def is_settled(best: QubitOptimum, tolerance: float) -> bool:
    """Whether the functional of the search says that no strategy improves the mixture by this many bits."""
    return best.value - best.lower <= max(tolerance, _FINEST)


def qubit_attack(
    question: EntropyQuestion,
    tolerance: float,
    start: QubitOptimum | None = None,
    enough: float = -math.inf,
) -> EntropyAttack | None:
    """The attack of the best mixture of qubits.

    Parameters
    ----------
    question, tolerance, start : as in :func:`qubit_optimum`
    enough : bits; an attack that leaves no more is not improved

    Returns
    -------
    EntropyAttack, proven to have the data within their tolerances; None where the tests are of another kind, where the
    mixture is not as good as the functional says, or where it is not proven to have the data
    """
    if start is not None and enough > -math.inf:
        for follow in (False, True):  # as they are, the strategies of a start are often good enough
            begun = time.perf_counter()
            near = _nearest(question, start, follow)
            found = attack_of(question, near, begun) if near is not None and near.value <= enough else None
            if found is not None and found.value <= enough:
                return found
    begun = time.perf_counter()
    best = qubit_optimum(question, tolerance, start)
    return attack_of(question, best, begun) if best is not None and is_settled(best, tolerance) else None


def settled_optima(question: EntropyQuestion, tolerance: float) -> Iterator[QubitOptimum]:
    """Mixtures of qubits that nothing improves by this many bits, those with more exact data last."""
    best = qubit_optimum(question, tolerance)
    if best is not None and is_settled(best, tolerance):
        yield best
        if not reach(best.problem.tolerances).any():
            yield _turned(question, best)
    alone = extreme_optimum(question)
    if alone is not None:
        yield alone


def extreme_optimum(question: EntropyQuestion) -> QubitOptimum | None:
    """The one strategy that has data at an extreme point of the quantum set; None elsewhere, and for intervals."""
    try:
        problem = qubit_problem(question)
    except InvalidInput:
        return None
    column = None if reach(problem.tolerances).any() else only_strategy(problem)
    if column is None:
        return None
    nothing, bits = np.zeros_like(problem.values), float(column.entropies[0])
    found = Search(problem, column, nothing)
    found.mixture = Weighted(np.ones(1), bits, bits, 0.0, nothing)
    return optimum(question, found)


def extreme_attack(question: EntropyQuestion) -> EntropyAttack | None:
    """The attack of the one strategy that has data at an extreme point of the quantum set; None elsewhere.

    No other strategies have exactly these data. Programs do not see that: next to the local boundary mixtures miss them
    by little and leave much less.
    """
    begun = time.perf_counter()
    best = extreme_optimum(question)
    if best is None:
        return None
    observed = question.given or question.observed
    strategies, local = strategies_of(question, best), deterministic_strategies(question.scenario)
    tested = np.array([np.tensordot(observed.coefficients, s.behaviour().moments, axes=2) for s in local])
    nearest = int(np.abs(tested - observed.values).max(axis=1).argmin())
    figures = np.append(best.columns.entropies, first_columns(best.problem).entropies[0])
    values = np.concatenate([best.columns.tests, tested[nearest : nearest + 1]])
    mixture = Mixture((*strategies, local[nearest]), np.array([1.0 - _ROUNDING, _ROUNDING]), values, figures, None)
    attack = build_attack(observed, question.figure, mixture, time.perf_counter() - begun)
    return attack if attack.exact else None


def _nearest(question: EntropyQuestion, start: QubitOptimum, follow: bool) -> QubitOptimum | None:
    """The strategies of a start, moved to these data by Newton's method or not, mixed once with deterministic ones."""
    try:
        problem = qubit_problem(question)
        if problem.key is Key.NONE:
            return None
        start = fitted(problem, start)
        found = Search(problem, first_columns(problem))
        if follow:
            found.follow(start)
        else:
            found.columns = found.columns.with_more(start.columns)
            found.multipliers = start.multipliers
        found.mixed(_PRICE)
        return optimum(question, found)
    except (InvalidInput, SolverFailure):
        return None


def attack_of(
    question: EntropyQuestion, best: QubitOptimum, begun: float, resolved: bool = False
) -> EntropyAttack | None:
    """The attack of a mixture that was searched from ``begun`` on; None if it is not proven to have the data.

    ``resolved``: the attack is to have exactly the tested values, if that costs next to nothing.
    """
    if not len(best.weights):
        return None
    found = _proven(question, best, begun)
    equalities = len(best.problem.values) > 0 and not reach(best.problem.tolerances).any()
    if equalities and found is None:
        found = _proven(question, _turned(question, best), begun)
    if not equalities or (found is not None and (found.resolved or not resolved)):
        return found
    other = _proven(question, _surrounded(question, best), begun)
    if found is None or other is None:
        return found or other
    return other if other.resolved and other.value <= found.value + WORTH else found


def _proven(question: EntropyQuestion, best: QubitOptimum, begun: float) -> EntropyAttack | None:
    columns = best.columns
    mixture = Mixture(tuple(strategies_of(question, best)), best.weights, columns.tests, columns.entropies, None)
    seconds = time.perf_counter() - begun
    attack = build_attack(question.given or question.observed, question.figure, mixture, seconds)
    return attack if attack.exact else None


def _turned(question: EntropyQuestion, best: QubitOptimum) -> QubitOptimum:
    """The mixture with angles, states and weights moved to the tested values by Gauss and Newton's steps.

    On the boundary of the quantum set values change with the square of what angles are off, so that no weights reach
    them; each step halves that. Strategies of small weight move farther: a step is the shortest one in units of one
    over the root of the weight, and of the root for weights.
    """
    problem, columns = best.problem, best.columns
    used = np.flatnonzero(best.weights > _USED)
    sizes, axes = np.linalg.eigh(columns.states[used])
    factors = axes * np.sqrt(np.maximum(sizes, 0.0))[:, None, :]
    point = np.concatenate([columns.a[used], columns.b[used], best.weights[used], factors.reshape(-1)])
    far = 1.0 / np.sqrt(np.maximum(best.weights[used], _LIGHT))
    units = np.concatenate([far, far, 1.0 / far, np.repeat(far, 16)])

    def mixed(x: Floats) -> tuple[Columns, Floats]:
        a, b, weights, flat = np.split(x, [used.size, 2 * used.size, 3 * used.size])
        root = flat.reshape(-1, 4, 4)
        states = root @ root.transpose(0, 2, 1)
        states = states / np.trace(states, axis1=1, axis2=2)[:, None, None]
        return columns_of(problem, a, b, states), np.maximum(weights, 0.0)

    def missing(x: Floats) -> Floats:
        found, weights = mixed(x)
        return np.append(weights @ found.tests - problem.values, weights.sum() - 1.0)

    moves, off = _TURN * np.diag(units), missing(point)
    nearest, missed = point, float(np.abs(off).max())
    for _ in range(_TURNS):
        if not missed > _FOUND:
            break
        slopes = np.array([missing(point + move) - missing(point - move) for move in moves]).T / (2.0 * _TURN)
        step = units * np.linalg.lstsq(slopes, off, rcond=1e-9)[0]
        point = point - step * min(1.0, _LONGEST / max(float(np.abs(step).max()), 1e-300))
        off = missing(point)
        if np.abs(off).max() < missed:
            nearest, missed = point, float(np.abs(off).max())
    moved, weights = mixed(nearest)
    found = Search(problem, moved, best.multipliers, best.lower, best.constant)
    found.mixture = Weighted(weights, best.value, best.value, best.miss, best.multipliers)
    return optimum(question, found)


def _surrounded(question: EntropyQuestion, best: QubitOptimum) -> QubitOptimum:
    """The mixture with a little weight on strategies all around its heaviest one, to which the weights can be adjusted.

    A few strategies cannot have the data to all digits. In opposite pairs the others move the data, and cost an entropy
    of second order only.
    """
    problem, columns = best.problem, best.columns
    turned = np.abs(np.sin(columns.a) * np.sin(columns.b))  # 0 of deterministic strategies, which move one way only
    most = int((best.weights * turned).argmax())
    count, rng = len(problem.values), np.random.default_rng(0)
    turns = _NEAR * rng.normal(size=(count, 2))
    turns = np.concatenate([turns, -turns])
    sizes, axes = np.linalg.eigh(columns.states[most])
    factor = axes * np.sqrt(np.maximum(sizes, 0.0))
    moves = _NEAR * rng.normal(size=(count, 4, 4))
    factors = factor + np.concatenate([moves, -moves])
    states = factors @ factors.transpose(0, 2, 1)
    states /= np.trace(states, axis1=1, axis2=2)[:, None, None]
    near = columns_of(problem, columns.a[most] + turns[:, 0], columns.b[most] + turns[:, 1], states)
    weights = np.concatenate([(1.0 - _AROUND) * best.weights, np.full(2 * count, _AROUND / (2 * count))])
    every = columns.with_more(near)
    rows = np.vstack([every.tests.T, np.ones(len(every))])
    for _ in range(2):  # each weight changes by as small a part of itself as possible
        missing = np.append(problem.values, 1.0) - rows @ weights
        weights = weights * np.maximum(1.0 + np.linalg.lstsq(rows * weights, missing, rcond=1e-12)[0], 0.0)
    found = Search(problem, every, best.multipliers, best.lower, best.constant)
    found.mixture = Weighted(weights, best.value, best.value, best.miss, best.multipliers)
    return optimum(question, found)


def strategies_of(question: EntropyQuestion, best: QubitOptimum) -> Sequence[Strategy]:
    """The strategies of a mixture of qubits, with effects for all settings of the scenario."""
    made = []
    for state, *observables in zip(best.states, best.alice, best.bob, strict=True):
        parties = [
            tuple(effects_of(o, d) for o, d in zip(own, outcomes, strict=True))
            for own, outcomes in zip(observables, question.scenario.outcomes, strict=True)
        ]
        made.append(Strategy(state, tuple(parties)))
    return made


def effects_of(observable: Floats, outcomes: int) -> Floats:
    """The effects of an observable; that of an untested setting of more than two outcomes is the identity."""
    effects = np.zeros((outcomes, *observable.shape))
    one = np.eye(len(observable))
    effects[0] = (one + observable) / 2.0
    if outcomes > 1:
        effects[1] = (one - observable) / 2.0
    return effects
