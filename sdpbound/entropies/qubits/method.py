"""The method "qubit": where at most two settings of two outcomes a party are tested."""

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
    """Jordan's lemma: the entropy of pairs of qubits; has a tolerance only."""

    @property
    def adversary(self) -> Quantum:
        return Quantum(LEVELS[0])

    def solved(self, question: EntropyQuestion) -> EntropyBound:
        return qubit_entropy(question, self.tolerance)

    def swept(self) -> Entropy:
        return SweptEntropy(self.tolerance)
