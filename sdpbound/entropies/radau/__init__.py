"""Bound entropies by Gauss-Radau nodes (Brown, Fawzi and Fawzi); the blocks of the program share a corner.

Input: an :class:`~sdpbound.entropies.question.EntropyQuestion`. Output: a proven bound.
"""
