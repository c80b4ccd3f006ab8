"""Entropies with their slopes, for searches over strategies: they steer, and nothing that is claimed rests on them.

By the envelope theorem the least entropy of tested data d changes with them as the best functional does,
``dH = m . dd``, and with what the key bit passes before as the entropy of the best mixture of strategies does.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bell.channel import BinaryChannel, Preprocessing
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import Bound
from sdpbound.entropies.entropy import Entropy
from sdpbound.entropies.qubits.engine import entropies
from sdpbound.entropies.qubits.method import fitted
from sdpbound.entropies.qubits.mixture import QubitOptimum, least_mixture
from sdpbound.entropies.qubits.problem import qubit_problem
from sdpbound.entropies.question import EntropyQuestion, KeyQuestion
from sdpbound.errors import Infeasible, InvalidInput, SolverFailure

__all__ = [
    "Estimate",
    "Estimator",
    "Numbers",
    "Programs",
    "Qubits",
    "ends_of",
    "estimator_for",
    "nudged",
    "preprocessing_of",
]

#: What a key bit passes: the probability of a flip, or the two of a channel.
Numbers: TypeAlias = tuple[float, ...]

#: A search from a start must bring functional and mixture this close, in bits; else a search from nothing follows.
_NEAR = 1e-5
#: The tolerance of the last steps: this part of the rate, and at least this many bits.
_RELATIVE, _FINEST = 1e-5, 1e-9
#: The step by which slopes in the numbers of the preprocessing are taken, relative to these.
_STEP = 1e-3
#: The step of a program in these numbers; its bounds are accurate to its tolerance only.
_COARSE = 2e-2


@dataclass(frozen=True, slots=True)
class Estimate:
    """An entropy in bits with its slopes.

    Attributes
    ----------
    value : bits; -inf where nothing was found
    multipliers : (J,) the slopes in the tested values, in bits
    by_ahead : the slope in each number of the preprocessing
    """

    value: float
    multipliers: Floats
    by_ahead: Numbers


class Estimator(ABC):
    """What estimates the least entropy of tested data."""

    @abstractmethod
    def estimate(self, data: Observations, key: tuple[int, int | None], ahead: Numbers, slope: bool) -> Estimate:
        """The entropy of the key's outcomes after what they pass; ``slope``: whether that by its numbers is wanted."""

    @abstractmethod
    def finer(self, rate: float) -> Estimator:
        """The estimator for the last steps of a search, near a rate in bits."""


@dataclass(eq=False)
class Qubits(Estimator):
    """Estimates by the search of the qubit reduction, each started from the one before.

    Parameters
    ----------
    tolerance : bits between functional and mixture at which a search ends
    """

    tolerance: float = 1e-7
    last: QubitOptimum | None = field(default=None, repr=False)

    def estimate(self, data: Observations, key: tuple[int, int | None], ahead: Numbers, slope: bool) -> Estimate:
        question = EntropyQuestion(data, key[0], key[1], preprocessing_of(ahead))
        best = self._best(question)
        if best is None:
            return Estimate(-math.inf, np.zeros(len(data)), (0.0,) * len(ahead))
        self.last = best
        found, states = best.problem.key, best.columns.states

        def entropy_of(other: Numbers) -> float:
            return float(best.weights @ entropies(states, found, preprocessing_of(other)))

        by_ahead = _slopes(entropy_of, ahead) if slope else (0.0,) * len(ahead)
        # the functional's value: a mixture that misses the data by 1e-9 has an entropy that is off by far more
        return Estimate(best.lower, best.multipliers, by_ahead)

    def finer(self, rate: float) -> Estimator:
        return Qubits(min(0.5 * self.tolerance, max(_RELATIVE * rate, _FINEST)), self.last)

    def _best(self, question: EntropyQuestion) -> QubitOptimum | None:
        if self.last is not None:
            try:
                start = fitted(qubit_problem(question), self.last)
                found = least_mixture(question, self.tolerance, start)
                if abs(found.value - found.lower) <= _NEAR and math.isfinite(found.lower):
                    return found
            except SolverFailure:
                pass
        try:
            found = least_mixture(question, self.tolerance)
        except SolverFailure:
            return None
        return found if math.isfinite(found.lower) else None


@dataclass(eq=False)
class Programs(Estimator):
    """Estimates by a certified method: slower, for any tests."""

    method: Entropy

    def estimate(self, data: Observations, key: tuple[int, int | None], ahead: Numbers, slope: bool) -> Estimate:
        def bound_of(numbers: Numbers) -> Bound:
            return self.method.lower_bound(KeyQuestion(data, key[0], key[1], False, preprocessing_of(numbers), False))

        by_ahead = [0.0] * len(ahead)
        try:
            bound = bound_of(ahead)
            for n in range(len(ahead)) if slope else ():  # towards the middle, where entropies are smooth
                h = _COARSE if ahead[n] < 0.25 else -_COARSE
                by_ahead[n] = (bound_of(nudged(ahead, n, h)).value - bound.value) / h
        except (Infeasible, SolverFailure):
            return Estimate(-math.inf, np.zeros(len(data)), tuple(by_ahead))
        return Estimate(bound.value, bound.functional.multipliers, tuple(by_ahead))

    def finer(self, rate: float) -> Estimator:
        return self


def preprocessing_of(ahead: Numbers) -> Preprocessing:
    """The preprocessing with these numbers."""
    return ahead[0] if len(ahead) == 1 else BinaryChannel(*ahead)


def ends_of(ahead: Numbers) -> tuple[float, float]:
    """With which probabilities a 0 becomes 1, and a 1 becomes 0."""
    return ahead[0], ahead[-1]


def nudged(ahead: Numbers, n: int, step: float) -> Numbers:
    """These numbers with one of them moved by a step."""
    return tuple(p + step * (k == n) for k, p in enumerate(ahead))


def _slopes(function: Callable[[Numbers], float], ahead: Numbers) -> Numbers:
    """The slope in each number; 0 in those that are 0, which are not searched."""
    steps = [_STEP * p for p in ahead]
    return tuple(
        (function(nudged(ahead, n, h)) - function(nudged(ahead, n, -h))) / (2.0 * h) if h else 0.0
        for n, h in enumerate(steps)
    )


def estimator_for(
    data: Observations, key: tuple[int, int | None], preprocessing: Preprocessing, method: Entropy
) -> Estimator:
    """The fast estimator where at most two settings of two outcomes a party are tested, else the method itself."""
    try:
        qubit_problem(EntropyQuestion(data, key[0], key[1], preprocessing))
    except InvalidInput:
        return Programs(method)
    return Qubits()
