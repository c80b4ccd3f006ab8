"""Noise as objects: what devices do to a state, to measurements and in detectors.

What may come in: a strategy, or a behaviour where the noise does not need the state. What is handed on: the noisy one.
A noise is one class, and one line of the table ``KINDS`` in :mod:`sdpbound.bell.noise.kinds`.
"""

from __future__ import annotations

from sdpbound.bell.noise.dark import DarkCounts
from sdpbound.bell.noise.fibre import FibreLoss, Heralded
from sdpbound.bell.noise.kinds import KINDS, noise_from
from sdpbound.bell.noise.measurements import DetectionInefficiency, Misalignment
from sdpbound.bell.noise.noise import Noise, NoiseSequence
from sdpbound.bell.noise.state import Dephasing, WhiteNoise

__all__ = [
    "KINDS",
    "DarkCounts",
    "Dephasing",
    "DetectionInefficiency",
    "FibreLoss",
    "Heralded",
    "Misalignment",
    "Noise",
    "NoiseSequence",
    "WhiteNoise",
    "noise_from",
]
