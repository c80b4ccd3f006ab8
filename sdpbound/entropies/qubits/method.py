"""The method "qubit": where at most two settings of two outcomes a party are tested."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from sdpbound.adversaries import Quantum
from sdpbound.entropies.entropy import Entropy, EntropyBound
from sdpbound.entropies.method import FIRST_LEVEL, VonNeumannMethod
from sdpbound.entropies.qubits.columns import columns_of
from sdpbound.entropies.qubits.entropy import qubit_entropy
from sdpbound.entropies.qubits.mixture import QubitOptimum
from sdpbound.entropies.qubits.problem import QubitProblem, qubit_problem
from sdpbound.entropies.question import EntropyQuestion, KeyQuestion

__all__ = ["QubitReduction"]

#: Rough CPU seconds at a tolerance of 1e-3, where correlators are tested and where marginals are.
_CORRELATORS, _MARGINALS = 0.15, 0.5


@dataclass(frozen=True)
class QubitReduction(VonNeumannMethod):
    """Bound an entropy by Jordan's lemma, as that of pairs of qubits; the only option is the tolerance."""

    name: ClassVar[str] = "qubit"
    exact: ClassVar[bool] = True

    @property
    def adversary(self) -> Quantum:
        return Quantum(FIRST_LEVEL)

    def require(self, question: KeyQuestion) -> EntropyQuestion:
        asked = super().require(question)
        qubit_problem(asked)
        return asked

    def cost(self, question: KeyQuestion) -> float:
        return _CORRELATORS if qubit_problem(question.of_entropy()).correlators_only else _MARGINALS

    def solved(self, question: EntropyQuestion) -> EntropyBound:
        return qubit_entropy(question, self.tolerance)

    def swept(self) -> Entropy:
        return _SweptQubits(self.tolerance)


@dataclass(frozen=True)
class _SweptQubits(QubitReduction):
    """The same, each search started from the strategies of the point before that had the same tests and key."""

    last: dict[object, QubitOptimum] = field(default_factory=dict, repr=False, compare=False)

    def solved(self, question: EntropyQuestion) -> EntropyBound:
        problem = qubit_problem(question)
        key = (problem.tests.shape, problem.key, problem.swapped, problem.settings)
        last = self.last.get(key)
        if last is not None and not _same(last.problem, problem):
            c = last.columns
            last = replace(last, columns=columns_of(problem, c.a, c.b, c.states))
        if last is not None and last.constant + float(last.multipliers @ problem.values) <= self.tolerance:
            last = None  # its functional proves nothing here, and where there is no entropy a cold start is faster
        bound = qubit_entropy(question, self.tolerance, last)
        if last is not None and not bound.gap <= self.tolerance:
            again = qubit_entropy(question, self.tolerance)
            bound = again if again.value > bound.value else bound
        if bound.optimum is not None:
            self.last[key] = bound.optimum
        return bound


def _same(one: QubitProblem, other: QubitProblem) -> bool:
    return one.flips == other.flips and np.array_equal(one.tests, other.tests)
