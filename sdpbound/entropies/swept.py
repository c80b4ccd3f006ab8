"""Von Neumann entropies along a sweep, by the qubit reduction where it applies."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from sdpbound.adversaries import Quantum
from sdpbound.adversaries.adversary import Adversary
from sdpbound.bell.observations import Observations
from sdpbound.bounds.bound import Bound
from sdpbound.entropies.closed import closed_entropy
from sdpbound.entropies.entropy import Entropy, EntropyBound
from sdpbound.entropies.integral.method import Projective
from sdpbound.entropies.qubits.entropy import qubit_entropy
from sdpbound.entropies.qubits.mixture import QubitOptimum, columns_of
from sdpbound.entropies.qubits.problem import QubitProblem, qubit_problem
from sdpbound.entropies.question import EntropyQuestion, KeyQuestion
from sdpbound.errors import InvalidInput

__all__ = ["SweptEntropy"]


@dataclass(eq=False)
class SweptEntropy(Entropy):
    """The method for the points of a sweep: each search starts from the strategies of the point before.

    If the data test at most two settings of two outcomes for each party, the method is the qubit reduction. For other
    data it uses the programs of ``otherwise``. Each bound is proven by itself, whatever the points before it were; but
    its last digits may depend on these points.

    Parameters
    ----------
    tolerance : accuracy to aim at of the qubit reduction, in bits
    otherwise : the method for other data, default VonNeumann() of that tolerance
    """

    tolerance: float = 1e-4
    otherwise: Entropy | None = None
    _last: dict[object, QubitOptimum] = field(default_factory=dict, repr=False)

    @property
    def programs(self) -> Entropy:
        """The method for data to which the qubit reduction does not apply."""
        return Projective(self.tolerance) if self.otherwise is None else self.otherwise

    @property
    def adversary(self) -> Adversary:
        return self.programs.adversary

    def tested(self, observed: Observations) -> Observations:
        return self.programs.tested(observed)

    def lower_bound(self, question: KeyQuestion) -> Bound:
        if not question.blind:
            asked = question.of_entropy()
            closed = closed_entropy(asked, Quantum()) if question.closed_forms else None
            if closed is not None:
                return closed
            try:
                problem = qubit_problem(asked)
            except InvalidInput:  # the qubit reduction does not apply to these tests
                pass
            else:
                return self._by_qubits(asked, problem)
        return self.programs.lower_bound(question)

    def _by_qubits(self, question: EntropyQuestion, problem: QubitProblem) -> EntropyBound:
        key = (problem.tests.shape, problem.key, problem.swapped, problem.settings)
        last = self._last.get(key)
        if last is not None and not _same(last.problem, problem):
            c = last.columns
            last = replace(last, columns=columns_of(problem, c.a, c.b, c.states))
        if last is not None and last.constant + float(last.multipliers @ problem.values) <= self.tolerance:
            last = None  # its functional proves nothing here, and a cold start is faster where the entropy is zero
        bound = qubit_entropy(question, self.tolerance, last)
        if last is not None and not bound.gap <= self.tolerance:
            again = qubit_entropy(question, self.tolerance)
            bound = again if again.value > bound.value else bound
        if bound.optimum is not None:
            self._last[key] = bound.optimum
        return bound


def _same(one: QubitProblem, other: QubitProblem) -> bool:
    return one.flips == other.flips and np.array_equal(one.tests, other.tests)
