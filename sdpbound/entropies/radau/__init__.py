"""Bound entropies by Gauss-Radau nodes (Brown, Fawzi and Fawzi); the blocks of the program share a corner.

What may come in: an :class:`~sdpbound.entropies.question.EntropyQuestion`. What is handed on: a proven bound.
"""
