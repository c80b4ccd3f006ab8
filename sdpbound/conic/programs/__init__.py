"""Structured programs: many matrices that share one.

What may come in: the structure and data of an entropy's program. What is handed on: an inequality for a solver, and
what its dual proves.
"""

from __future__ import annotations

from sdpbound.conic.programs.interval import IntervalDual, IntervalSolver, IntervalStructure
from sdpbound.conic.programs.quadratic import CopyMaps, QuadraticDual, QuadraticSolver, QuadraticStructure
from sdpbound.conic.programs.shared import SignSymmetry

__all__ = [
    "CopyMaps",
    "IntervalDual",
    "IntervalSolver",
    "IntervalStructure",
    "QuadraticDual",
    "QuadraticSolver",
    "QuadraticStructure",
    "SignSymmetry",
]
