"""Finite numbers of rounds: lengths of key and randomness against a quantum adversary, by entropy accumulation.

What may come in: a behaviour, what is tested of it, numbers of rounds and errors allowed. What is handed on: a
:class:`FiniteLength`, a proven number of bits with its certificate.
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
