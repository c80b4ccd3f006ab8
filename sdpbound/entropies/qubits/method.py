"""The method "qubit": at most two settings of two outcomes for each party may be tested."""

from __future__ import annotations

from dataclasses import dataclass

from sdpbound.adversaries import Quantum
from sdpbound.entropies.entropy import Entropy, EntropyBound
from sdpbound.entropies.integral.search import LEVELS
from sdpbound.entropies.method import VonNeumannMethod
from sdpbound.entropies.qubits.entropy import qubit_entropy
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.entropies.swept import SweptEntropy

__all__ = ["QubitReduction"]


@dataclass(frozen=True)
class QubitReduction(VonNeumannMethod):
    """Bound an entropy by Jordan's lemma, as that of pairs of qubits; the only option is the tolerance."""

    @property
    def adversary(self) -> Quantum:
        return Quantum(LEVELS[0])

    def solved(self, question: EntropyQuestion) -> EntropyBound:
        return qubit_entropy(question, self.tolerance)

    def swept(self) -> Entropy:
        return SweptEntropy(self.tolerance)
