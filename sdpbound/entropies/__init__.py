"""Lower bounds on conditional entropies: von Neumann by three methods and closed forms, and min-entropies.

What may come in: tested data and the settings of the key. What is handed on: an :class:`EntropyBound`, proven.
The methods are in ``integral`` (nodes of an integral, projective words), ``radau`` (Gauss-Radau) and ``qubits`` (two
binary settings). ``Entropy`` is what a rate needs of a method.
"""

from __future__ import annotations

from sdpbound.entropies.conditional import VonNeumann, conditional_entropy
from sdpbound.entropies.entropy import Entropy, EntropyBound
from sdpbound.entropies.envelope import EntropyEnvelope, entropy_envelope
from sdpbound.entropies.known import KnownEntropy
from sdpbound.entropies.min_entropy import MinEntropy
from sdpbound.entropies.self_test import SelfTest, find_self_test
from sdpbound.entropies.swept import SweptEntropy

__all__ = [
    "Entropy",
    "EntropyBound",
    "EntropyEnvelope",
    "KnownEntropy",
    "MinEntropy",
    "SelfTest",
    "SweptEntropy",
    "VonNeumann",
    "conditional_entropy",
    "entropy_envelope",
    "find_self_test",
]
