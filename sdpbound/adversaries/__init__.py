"""The adversaries, each a set of correlations: ``Local`` inside ``Quantum(level)`` inside ``NoSignaling``.

What may come in: a scenario. What is handed on: a :class:`Relaxation`, the set as linear and matrix conditions on
moments. An adversary is one class, :class:`Adversary`, and one line of the table ``ADVERSARIES``; that of another
package has an entry point instead.
"""

from __future__ import annotations

from sdpbound.adversaries.adversary import Adversary, Relaxation, Security
from sdpbound.adversaries.local import Local
from sdpbound.adversaries.nosignaling import NoSignaling
from sdpbound.adversaries.quantum import Quantum
from sdpbound.adversaries.table import ADVERSARIES, adversary_named

__all__ = [
    "ADVERSARIES",
    "Adversary",
    "Local",
    "NoSignaling",
    "Quantum",
    "Relaxation",
    "Security",
    "adversary_named",
]
