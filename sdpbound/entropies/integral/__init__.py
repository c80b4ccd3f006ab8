"""Bound entropies by an integral in which Eve has projections; one program holds all nodes.

What may come in: an :class:`~sdpbound.entropies.question.EntropyQuestion`. What is handed on: a proven bound.
"""
