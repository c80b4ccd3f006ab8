"""Bound entropies by an integral in which Eve has projections; one program holds all nodes.

Input: an :class:`~sdpbound.entropies.question.EntropyQuestion`. Output: a proven bound.
"""
