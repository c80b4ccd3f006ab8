"""Structured programs: many matrices that share one.

What may come in: the structure of an entropy's program, and its data. What is handed on: an inequality for a solver,
and what its dual proves. :class:`~sdpbound.conic.programs.shared.SharedProgram` is their one interface.
"""

from __future__ import annotations

from sdpbound.conic.programs.interval import IntervalData, IntervalDual, IntervalProgram, IntervalStructure
from sdpbound.conic.programs.quadratic import (
    CopyMaps,
    QuadraticData,
    QuadraticDual,
    QuadraticProgram,
    QuadraticStructure,
)
from sdpbound.conic.programs.shared import SharedData, SharedDual, SharedProgram, SharedStructure
from sdpbound.conic.programs.signs import SignSymmetry

__all__ = [
    "CopyMaps",
    "IntervalData",
    "IntervalDual",
    "IntervalProgram",
    "IntervalStructure",
    "QuadraticData",
    "QuadraticDual",
    "QuadraticProgram",
    "QuadraticStructure",
    "SharedData",
    "SharedDual",
    "SharedProgram",
    "SharedStructure",
    "SignSymmetry",
]
