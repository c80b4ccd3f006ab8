"""The method "qubit": where at most two settings of two outcomes a party are tested."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

from sdpbound.adversaries import Quantum
from sdpbound.entropies.entropy import Entropy, EntropyBound
from sdpbound.entropies.method import FIRST_LEVEL, VonNeumannMethod
from sdpbound.entropies.qubits.columns import columns_of
from sdpbound.entropies.qubits.entropy import qubit_entropy
from sdpbound.entropies.qubits.mixture import QubitOptimum
from sdpbound.entropies.qubits.problem import QubitProblem, qubit_problem
from sdpbound.entropies.question import EntropyQuestion, KeyQuestion

__all__ = ["QubitReduction", "SweptQubits", "fitted"]

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
        return SweptQubits(self.tolerance)


@dataclass(frozen=True)
class SweptQubits(QubitReduction):
    """The same, each search started from the strategies of the point before that had the same kind of tests and key.

    Parameters
    ----------
    tolerance : as in :class:`QubitReduction`
    last : the best strategies of the point before, by the kind of question
    """

    last: dict[object, QubitOptimum] = field(default_factory=dict, repr=False, compare=False)

    def solved(self, question: EntropyQuestion) -> EntropyBound:
        problem = qubit_problem(question)
        key = (problem.tests.shape, problem.key, problem.swapped, problem.settings)
        last = self.last.get(key)
        if last is not None:
            last = fitted(problem, last)
            if last.constant + float(last.multipliers @ problem.values) <= self.tolerance:
                last = None  # its functional proves nothing here, and where there is no entropy a cold start is faster
        if last is None:
            last = self.first(problem)
        bound = qubit_entropy(question, self.tolerance, last)
        if bound.optimum is not None and not bound.is_stopped:
            self.last[key] = bound.optimum
        return bound

    def first(self, problem: QubitProblem) -> QubitOptimum | None:
        """What a search starts from where the point before does not help; None: from nothing."""
        return None


def fitted(problem: QubitProblem, start: QubitOptimum) -> QubitOptimum:
    """The strategies of a start with the tests, the key and the flips of this problem."""
    c = start.columns
    return replace(start, columns=columns_of(problem, c.a, c.b, c.states), problem=problem)
