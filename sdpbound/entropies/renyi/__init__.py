"""Renyi entropies given Eve, by pairs of qubits.

What may come in: tested data with at most two tested binary settings of each of two parties, the order and the kind of
the entropy. What is handed on: a functional of the tested values that is proven to be above a power of the entropy of
all strategies, and a mixture of strategies that nearly attains it.
"""
