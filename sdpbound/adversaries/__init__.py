"""The adversaries, each a set of correlations: ``Local`` inside ``Quantum(level)`` inside ``NoSignaling``.

What may come in: a scenario. What is handed on: a :class:`Relaxation`, the set as linear and matrix conditions on
moments. An adversary is one class with ``relax``, and one line of a table.
"""

from __future__ import annotations

from sdpbound.adversaries.adversary import CorrelationModel, Relaxation
from sdpbound.adversaries.local import Local
from sdpbound.adversaries.nosignaling import NoSignaling
from sdpbound.adversaries.quantum import Quantum

__all__ = ["CorrelationModel", "Local", "NoSignaling", "Quantum", "Relaxation"]
