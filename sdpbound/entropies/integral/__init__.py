"""Entropies by an integral over projective words: one program for all nodes.

What may come in: an :class:`~sdpbound.entropies.question.EntropyQuestion`. What is handed on: a proven bound.
"""
