"""Von Neumann entropies along a sweep: by the qubit reduction where it applies, each point started from the last."""

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
    """:func:`conditional_entropy` for the points of a sweep. Strategies of earlier points start the search at the next.

    Where at most two settings of two outcomes a party are tested it is the qubit reduction; elsewhere the programs of
    ``otherwise``. What is proven of a point does not depend on the points before it, but the last digits may.

    Parameters
    ----------
    tolerance : bits, of the qubit reduction
    otherwise : default VonNeumann() of that tolerance
    """

    tolerance: float = 1e-4
    otherwise: Entropy | None = None
    _last: dict[object, QubitOptimum] = field(default_factory=dict, repr=False)

    @property
    def programs(self) -> Entropy:
        """What is asked where the qubit reduction does not apply."""
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
            except InvalidInput:  # another test: left to the programs
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
            last = None  # its functional proves nothing here, and where there is no entropy a cold start is faster
        bound = qubit_entropy(question, self.tolerance, last)
        if last is not None and not bound.gap <= self.tolerance:
            again = qubit_entropy(question, self.tolerance)
            bound = again if again.value > bound.value else bound
        if bound.optimum is not None:
            self._last[key] = bound.optimum
        return bound


def _same(one: QubitProblem, other: QubitProblem) -> bool:
    return one.flips == other.flips and np.array_equal(one.tests, other.tests)
