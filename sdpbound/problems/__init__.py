"""Problems of operators of one's own: polynomial optimisation in variables that do not commute, with certificates.

What may come in: operators with names and kinds, rules, conditions on them and on the state, an objective. What is
handed on: a :class:`ProblemBound`, whose certificate is a sum of squares that both checkers verify from the rules
alone. From below: ``expressions``, ``rules``, ``algebra`` and ``levels`` are the words; ``problem`` is the statement,
``relaxation`` and ``program`` its matrices, ``certifying`` and ``bound`` the proof, ``solving`` the face.
"""

from __future__ import annotations

from sdpbound.problems.algebras import fermions, spins
from sdpbound.problems.bound import OperatorValue, ProblemBound
from sdpbound.problems.expressions import Operator, Polynomial
from sdpbound.problems.importing import ImportedProblem, from_bell, from_ncpol2sdpa, from_sdpa
from sdpbound.problems.sizes import ProblemSize
from sdpbound.problems.solving import Problem
from sdpbound.problems.squares import SumOfSquares
from sdpbound.problems.strategies import OperatorStrategy

__all__ = [
    "ImportedProblem",
    "Operator",
    "OperatorStrategy",
    "OperatorValue",
    "Polynomial",
    "Problem",
    "ProblemBound",
    "ProblemSize",
    "SumOfSquares",
    "fermions",
    "from_bell",
    "from_ncpol2sdpa",
    "from_sdpa",
    "spins",
]
