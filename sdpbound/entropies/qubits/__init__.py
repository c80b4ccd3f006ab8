"""The qubit reduction: the least entropy of mixtures of qubit strategies, from above by a mixture, from below by proof.

What may come in: an :class:`~sdpbound.entropies.question.EntropyQuestion` with at most two tested binary settings for
each party. What is handed on: a mixture of strategies, and a functional that is proven for all strategies.
"""

from sdpbound.entropies.qubits.mixture import QubitOptimum, least_mixture

__all__ = ["QubitOptimum", "least_mixture"]
