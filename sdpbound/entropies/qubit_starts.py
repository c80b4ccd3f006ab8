"""The qubit reduction from a start: that of the point before, or one that is known for every CHSH value.

A search from nothing spends most of its time on the way to the region of the best strategies. The best strategies of
behaviours with four correlators of equal size are known once and for all, and Newton's method leads from them to those
of other data with the same CHSH inequality violated. A start changes no proof: each bound is proven by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.observations import Observations
from sdpbound.entropies.entropy import EntropyBound
from sdpbound.entropies.qubits.columns import Columns, columns_of
from sdpbound.entropies.qubits.entropy import qubit_entropy
from sdpbound.entropies.qubits.method import QubitReduction
from sdpbound.entropies.qubits.mixture import QubitOptimum, least_mixture
from sdpbound.entropies.qubits.problem import Key, QubitProblem, qubit_problem
from sdpbound.entropies.question import EntropyQuestion

__all__ = ["StartedQubits", "fitted", "known_start"]

#: The CHSH values at which the best strategies are kept.
_VALUES = (2.7, 2.5, 2.3, 2.15)
#: With a CHSH value below this the best strategies are too far from these.
_LEAST_VALUE = 2.06
#: Accuracy of these strategies, in bits.
_ACCURACY = 1e-5
#: A functional of correlators is one of the tests if it is a combination of them to this.
_SPAN = 1e-9
#: The rotation 1 x i Y, which turns both observables of the second qubit.
_TURN = np.kron(np.eye(2), [[0.0, 1.0], [-1.0, 0.0]])


@dataclass(frozen=True)
class StartedQubits(QubitReduction):
    """The qubit reduction, each search started from the best strategies of the point before, else from known ones.

    Parameters
    ----------
    tolerance : as in :class:`QubitReduction`
    last : the best strategies of the point before, by the kind of question
    """

    last: dict[object, QubitOptimum] = field(default_factory=dict, repr=False, compare=False)

    def swept(self) -> StartedQubits:
        """The same without what it found at other points."""
        return StartedQubits(self.tolerance)

    def solved(self, question: EntropyQuestion) -> EntropyBound:
        problem = qubit_problem(question)
        key = (problem.tests.shape, problem.key, problem.swapped, problem.settings)
        start = self.last.get(key)
        if start is not None:
            start = fitted(problem, start)
            # a functional that proves nothing here leads nowhere
            start = start if _value(problem, start) > self.tolerance else None
        if start is None:
            start = known_start(problem, self.tolerance)
        bound = qubit_entropy(question, self.tolerance, start)
        if start is not None and not bound.gap <= self.tolerance:
            again = qubit_entropy(question, self.tolerance)
            bound = again if again.value > bound.value else bound
        if bound.optimum is not None:
            self.last[key] = bound.optimum
        return bound


def known_start(problem: QubitProblem, least: float) -> QubitOptimum | None:
    """The known strategies whose functional proves most of the data; None if none proves more than ``least`` bits.

    The tests must determine the four correlators, as "correlators" and "full" data do.
    """
    if problem.key is Key.NONE or len(problem.values) < 4:
        return None
    tests = problem.tests.reshape(len(problem.tests), 9)
    table = np.linalg.lstsq(tests[:, 1:], problem.values - tests[:, 0], rcond=1e-9)[0]
    moments = np.concatenate([[1.0], table]).reshape(3, 3)
    correlators = moments[1:, 1:]
    if np.abs(correlators.sum() - 2.0 * correlators).max() < _LEAST_VALUE:
        return None
    turns = _turns(correlators)
    best, expression, most = None, np.zeros((3, 3)), least
    for known in _known(problem.key):
        trial = np.zeros((3, 3))
        trial[1:, 1:] = np.outer(*turns) * known.multipliers.reshape(2, 2)
        value = known.constant + float((trial * moments).sum())
        if value > most:
            best, expression, most = known, trial, value
    if best is None:
        return None
    multipliers = np.asarray(np.linalg.lstsq(tests.T, expression.reshape(9), rcond=1e-9)[0], dtype=np.float64)
    if np.abs(tests.T @ multipliers - expression.reshape(9)).max() > _SPAN:
        return None
    turned = replace(best, columns=_turned(best.columns, *turns), multipliers=multipliers)
    return fitted(problem, turned)


def _value(problem: QubitProblem, start: QubitOptimum) -> float:
    return start.constant + float(start.multipliers @ problem.values)


def fitted(problem: QubitProblem, start: QubitOptimum) -> QubitOptimum:
    """The strategies of a start with the tests, the key and the flips of this problem."""
    c = start.columns
    return replace(start, columns=columns_of(problem, c.a, c.b, c.states), problem=problem)


def _turns(correlators: Floats) -> tuple[Floats, Floats]:
    """The signs of A, A' and of B, B' that make the largest CHSH expression the one with the sign of A'B' turned."""
    parts = correlators.sum() - 2.0 * correlators
    place = np.unravel_index(int(np.abs(parts).argmax()), (2, 2))
    signs = np.ones((2, 2))
    signs[place] = -1.0
    signs *= np.sign(parts[place]) or 1.0
    return np.array([1.0, signs[1, 0] * signs[0, 0]]), signs[0]


def _turned(c: Columns, alice: Floats, bob: Floats) -> Columns:
    """The strategies with the signs of A' and of B, B' turned; of tests and entropies nothing is claimed."""
    states = c.states
    if bob[0] < 0.0:  # a rotation by pi turns B and B' both
        states = _TURN @ states @ _TURN.T
    a = c.a if alice[1] > 0.0 else c.a + np.pi
    b = c.b if bob[0] * bob[1] > 0.0 else c.b + np.pi
    return replace(c, a=a, b=b, states=states)


@lru_cache(maxsize=2)
def _known(key: Key) -> tuple[QubitOptimum, ...]:
    """The best strategies for four correlators of equal size, at several CHSH values."""
    found: list[QubitOptimum] = []
    for value in _VALUES:
        behaviour = Behaviour.from_correlators(value / 4.0 * np.array([[1.0, 1.0], [1.0, -1.0]]))
        question = EntropyQuestion(Observations.correlators(behaviour), 0, 0 if key is Key.BOTH else None)
        found.append(least_mixture(question, _ACCURACY, found[-1] if found else None))
    return tuple(found)
