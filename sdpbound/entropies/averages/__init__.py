"""Entropies averaged over settings, ``sum_k w_k H(key k|E)`` of one strategy, by pairs of qubits.

What may come in: tested data with at most two tested binary settings of each of two parties, and an
:class:`~sdpbound.bell.average.Average`. What is handed on: a functional of the tested values that is proven for all
strategies, and a mixture of strategies that has nearly the same average entropy.
"""

from sdpbound.entropies.averages.entropy import AverageEntropyBound, average_entropy

__all__ = ["AverageEntropyBound", "average_entropy"]
