"""Min-entropy as the entropy in a key rate."""

from __future__ import annotations

from dataclasses import dataclass, field

from sdpbound.adversaries import Quantum
from sdpbound.adversaries.adversary import Adversary
from sdpbound.bell.key import KeyChanges
from sdpbound.bounds.bound import Bound
from sdpbound.bounds.guessing import min_entropy
from sdpbound.conic.solvers.choose import SolverChoice
from sdpbound.entropies.entropy import Entropy
from sdpbound.entropies.question import KeyQuestion
from sdpbound.errors import InvalidParameter

__all__ = ["MinEntropy"]


@dataclass(frozen=True)
class MinEntropy(Entropy):
    """The method that bounds the von Neumann entropy by the min-entropy: H >= H_min.

    Parameters
    ----------
    model : the adversary, default Quantum("2")
    solver, tolerance : as in :func:`sdpbound.min_entropy`
    """

    model: Adversary = field(default_factory=lambda: Quantum("2"))
    solver: SolverChoice = None
    tolerance: float | None = None

    @property
    def adversary(self) -> Adversary:
        return self.model

    def lower_bound(self, question: KeyQuestion) -> Bound:
        if question.preprocessing:
            raise InvalidParameter(
                f"preprocessing = {question.preprocessing!r}: flips and channels have a bound by von Neumann's entropy "
                f"against a quantum adversary, and none by min-entropy against {self.model!r:.60}; leave it 0, or take "
                "entropy=VonNeumann()."
            )
        blind, settings = question.blind, question.settings
        x, y = (question.x or 0, question.y) if settings is None else (0, None)
        key: KeyChanges = {"settings": settings, "merge": question.merge}
        return min_entropy(question.observed, self.model, x, y, blind, self.solver, self.tolerance, **key)
