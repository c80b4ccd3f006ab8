"""Entropies by Gauss-Radau nodes (Brown, Fawzi and Fawzi), with blocks that share a corner.

What may come in: an :class:`~sdpbound.entropies.question.EntropyQuestion`. What is handed on: a proven bound.
"""
