"""Lower bounds on conditional entropies: von Neumann entropies by three methods and closed forms, and min-entropies.

What may come in: tested data and the settings of the key. What is handed on: a proven :class:`EntropyBound`. The
methods are in ``integral`` (nodes of an integral, projections of Eve), ``radau`` (Gauss-Radau nodes) and ``qubits``
(two binary settings for each party). ``Entropy`` is the interface of a method; key rates use only this interface.
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
