"""The qubit reduction: least entropies of mixtures of qubit strategies, from above and, proven, from below.

What may come in: an :class:`~sdpbound.entropies.question.EntropyQuestion` with two binary settings for each party.
What is handed on: a mixture of strategies, and a functional that is proven over all of them.
"""

from sdpbound.entropies.qubits.mixture import QubitOptimum, least_mixture

__all__ = ["QubitOptimum", "least_mixture"]
