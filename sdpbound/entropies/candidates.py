"""The table of methods for von Neumann entropies, each by itself."""

from __future__ import annotations

from sdpbound.entropies.entropy import Entropy
from sdpbound.entropies.integral.method import Projective
from sdpbound.entropies.pinching.method import Pinching
from sdpbound.entropies.qubits.method import QubitReduction
from sdpbound.entropies.radau.method import GaussRadau
from sdpbound.registry import Registry, concrete

__all__ = ["CANDIDATES", "GROUP", "WANTED"]

GROUP, WANTED = "sdpbound.entropies", "a subclass of sdpbound.Entropy with all its methods"
#: Those that the method "auto" compares, with the methods of entry points.
CANDIDATES: Registry[type[Entropy]] = Registry(
    "a method for entropies",
    GROUP,
    {kind.name: kind for kind in (Projective, GaussRadau, Pinching, QubitReduction)},
    concrete(Entropy),
    WANTED,
)
