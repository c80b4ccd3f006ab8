"""The adversary models, from smallest to largest set: Local, Quantum, NoSignaling."""

from sdpbound.models.local import Local
from sdpbound.models.nosignaling import NoSignaling
from sdpbound.models.quantum import Quantum

__all__ = ["Local", "NoSignaling", "Quantum"]
