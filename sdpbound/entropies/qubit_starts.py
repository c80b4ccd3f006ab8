"""The qubit reduction from a start: that of the point before, or one that is known for every CHSH value.

A search from nothing spends most of its time on the way to the region of the best strategies. The best strategies of
behaviours with four correlators of equal size are known once and for all, and Newton's method leads from them to those
of other data with the same CHSH inequality violated. A start changes no proof: each bound is proven by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.observations import Observations
from sdpbound.entropies.qubits.columns import Columns
from sdpbound.entropies.qubits.method import SweptQubits, fitted
from sdpbound.entropies.qubits.mixture import QubitOptimum, least_mixture
from sdpbound.entropies.qubits.problem import Key, QubitProblem
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.limiting import unlimited

__all__ = ["StartedQubits", "known_start"]

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
class StartedQubits(SweptQubits):
    """The qubit reduction, each search started from the best strategies of the point before, else from known ones."""

    def swept(self) -> StartedQubits:
        """The same without what it found at other points."""
        return StartedQubits(self.tolerance)

    def first(self, problem: QubitProblem) -> QubitOptimum | None:
        return known_start(problem, self.tolerance)


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
    with unlimited():  # they are kept for other calls
        for value in _VALUES:
            behaviour = Behaviour.from_correlators(value / 4.0 * np.array([[1.0, 1.0], [1.0, -1.0]]))
            question = EntropyQuestion(Observations.correlators(behaviour), 0, 0 if key is Key.BOTH else None)
            found.append(least_mixture(question, _ACCURACY, found[-1] if found else None))
    return tuple(found)
