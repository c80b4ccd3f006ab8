"""The qubit reduction: least entropies of mixtures of qubit strategies, from above and, proven, from below."""

from sdpbound.qubits.mixture import QubitOptimum, least_mixture

__all__ = ["QubitOptimum", "least_mixture"]
