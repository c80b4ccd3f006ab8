"""Bound entropies by operators of Alice and Bob that tell their state from its pinched version.

What may come in: an :class:`~sdpbound.entropies.question.EntropyQuestion`. What is handed on: a proven bound.
"""
