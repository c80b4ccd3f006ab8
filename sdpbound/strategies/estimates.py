"""Entropies with their slopes, for searches over strategies: they steer, and nothing that is claimed rests on them.

By the envelope theorem the least entropy of tested data d changes with them as the best functional does,
``dH = m . dd``, and with the probability of a flip as the entropy of the best mixture of strategies does.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bell.observations import Observations
from sdpbound.entropies.entropy import Entropy
from sdpbound.entropies.qubits.engine import entropies
from sdpbound.entropies.qubits.method import fitted
from sdpbound.entropies.qubits.mixture import QubitOptimum, least_mixture
from sdpbound.entropies.qubits.problem import qubit_problem
from sdpbound.entropies.question import EntropyQuestion, KeyQuestion
from sdpbound.errors import Infeasible, InvalidInput, SolverFailure

__all__ = ["Estimate", "Estimator", "Programs", "Qubits", "estimator_for"]

#: A search from a start must bring functional and mixture this close, in bits; else a search from nothing follows.
_NEAR = 1e-5
#: The tolerance of the last steps: this part of the rate, and at least this many bits.
_RELATIVE, _FINEST = 1e-5, 1e-9
#: The step by which the slope in the flips is taken, relative to their probability.
_STEP = 1e-3
#: The step of a program in the flips; its bounds are accurate to its tolerance only.
_COARSE = 2e-2


@dataclass(frozen=True, slots=True)
class Estimate:
    """An entropy in bits with its slopes.

    Attributes
    ----------
    value : bits; -inf where nothing was found
    multipliers : (J,) the slopes in the tested values, in bits
    by_flips : the slope in the probability of a flip
    """

    value: float
    multipliers: Floats
    by_flips: float


class Estimator(ABC):
    """What estimates the least entropy of tested data."""

    @abstractmethod
    def estimate(self, data: Observations, key: tuple[int, int | None], flips: float, slope: bool) -> Estimate:
        """The entropy of the key's outcomes, flipped with a probability; ``slope``: whether that by flips is wanted."""

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

    def estimate(self, data: Observations, key: tuple[int, int | None], flips: float, slope: bool) -> Estimate:
        question = EntropyQuestion(data, key[0], key[1], flips)
        best = self._best(question)
        if best is None:
            return Estimate(-math.inf, np.zeros(len(data)), 0.0)
        self.last = best
        by_flips = 0.0
        if slope:
            h = _STEP * flips
            problem, states = best.problem, best.columns.states
            ends = [float(best.weights @ entropies(states, problem.key, flips + d)) for d in (-h, h)]
            by_flips = (ends[1] - ends[0]) / (2.0 * h)
        # the functional's value: a mixture that misses the data by 1e-9 has an entropy that is off by far more
        return Estimate(best.lower, best.multipliers, by_flips)

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

    def estimate(self, data: Observations, key: tuple[int, int | None], flips: float, slope: bool) -> Estimate:
        try:
            bound = self.method.lower_bound(KeyQuestion(data, key[0], key[1], False, flips, False))
            h = 0.0
            if slope:  # towards the middle, where entropies are smooth
                h = _COARSE if flips < 0.25 else -_COARSE
                other = self.method.lower_bound(KeyQuestion(data, key[0], key[1], False, flips + h, False))
        except (Infeasible, SolverFailure):
            return Estimate(-math.inf, np.zeros(len(data)), 0.0)
        return Estimate(bound.value, bound.functional.multipliers, (other.value - bound.value) / h if slope else 0.0)

    def finer(self, rate: float) -> Estimator:
        return self


def estimator_for(data: Observations, key: tuple[int, int | None], flips: float, method: Entropy) -> Estimator:
    """The fast estimator where at most two settings of two outcomes a party are tested, else the method itself."""
    try:
        qubit_problem(EntropyQuestion(data, key[0], key[1], flips))
    except InvalidInput:
        return Programs(method)
    return Qubits()
