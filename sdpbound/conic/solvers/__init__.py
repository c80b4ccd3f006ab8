"""Solvers: one file each. Their answers are hints; nothing here is trusted.

What may come in: a linear matrix inequality. What is handed on: a dual whose numbers are finite and of the right shape.
"""

from __future__ import annotations

from sdpbound.conic.solvers.arrow import Arrow
from sdpbound.conic.solvers.choose import SOLVERS, available, by_name, candidates, ranked
from sdpbound.conic.solvers.clarabel_ import Clarabel
from sdpbound.conic.solvers.cvxpy_ import Cvxpy
from sdpbound.conic.solvers.highs_ import Highs
from sdpbound.conic.solvers.qics_ import Qics
from sdpbound.conic.solvers.scs_ import Scs
from sdpbound.conic.solvers.sdpa_ import Sdpa
from sdpbound.conic.solvers.solver import Solver, ask

__all__ = [
    "SOLVERS",
    "Arrow",
    "Clarabel",
    "Cvxpy",
    "Highs",
    "Qics",
    "Scs",
    "Sdpa",
    "Solver",
    "ask",
    "available",
    "by_name",
    "candidates",
    "ranked",
]
