"""Programs in numbers, and what their duals prove.

What may come in: a :class:`ConicProgram` and its symmetries. What is handed on: a linear matrix inequality for a
solver, and a :class:`CertifiedDual` from whatever the solver answers. This room knows nothing of physics.
``programs`` has the programs of entropies, ``solvers`` the solvers, which are not trusted.
"""

from __future__ import annotations

from sdpbound.conic.certificate import CertifiedDual, Certifier
from sdpbound.conic.program import ConicProgram, LinearMatrixInequality, SolverResult, Status, Symmetry
from sdpbound.conic.reduce import Reduction

__all__ = [
    "CertifiedDual",
    "Certifier",
    "ConicProgram",
    "LinearMatrixInequality",
    "Reduction",
    "SolverResult",
    "Status",
    "Symmetry",
]
