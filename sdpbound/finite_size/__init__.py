"""Lengths of key and randomness from finitely many rounds, against a quantum adversary, by entropy accumulation.

What may come in: a behaviour, its tested data, numbers of rounds, and allowed errors. What is handed on: a
:class:`FiniteLength`, which is a proven number of bits with its certificate.
"""

from sdpbound.finite_size.figures import FiniteSecurity
from sdpbound.finite_size.lengths import finite_key_length, finite_randomness_length, minimum_rounds
from sdpbound.finite_size.options import FiniteKeyOptions, FiniteRandomnessOptions
from sdpbound.finite_size.result import FiniteLength

__all__ = [
    "FiniteKeyOptions",
    "FiniteLength",
    "FiniteRandomnessOptions",
    "FiniteSecurity",
    "finite_key_length",
    "finite_randomness_length",
    "minimum_rounds",
]
