"""Conic programs, free of solvers and of physics.

Two forms. A :class:`ConicProgram` is what the physics hands over: variables are moments, every entry of a moment
matrix is one of them, and each has an a-priori limit. The certificate is computed on this form. A
:class:`LinearMatrixInequality` is what a solver gets: equalities eliminated and symmetries used
(:mod:`sdpbound.conic.reduce`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

__all__ = [
    "ConicProgram",
    "LinearMatrixInequality",
    "SolverResult",
    "StartingPoint",
    "Status",
    "Symmetry",
    "triangle_size",
]


def triangle_size(n: int) -> int:
    """Number of entries of the upper triangle of an n x n matrix, diagonal included."""
    return n * (n + 1) // 2


@dataclass(frozen=True, slots=True, eq=False)
class Symmetry:
    """What is known of a :class:`ConicProgram` that a group leaves unchanged.

    Some optimal y is invariant. The blocks go to each other, and what is said of words is about the first block of each
    orbit of blocks, whose matrix at an invariant y commutes with those elements of the group that keep the block.

    Attributes
    ----------
    invariants : sparse (m, k); the invariant y are ``invariants @ z``
    owners : for each block the first one of its orbit
    transports : for each block a sparse (n, n) matrix R: its matrix M is that of the first block M_0 seen from there,
        ``M_0 = R^T M R``, so that a dual X_0 of the first one belongs to ``R X_0 R^T``; None for the identity
    basis : sparse (n, n), columns are words in which the group acts by orthogonal matrices; None for the words as
        they are
    strings : (n,) numbers of the groups of basis words that the group permutes as wholes
    orbits : for each block (n,) numbers of the orbits of these strings under what keeps the block
    turns : for each block sparse (n, n), orthogonal inside each group of basis words: words ``basis @ turn`` in which
        what keeps the block has few entries; None for the basis words as they are
    """

    invariants: sp.csr_array
    owners: tuple[int, ...]
    transports: tuple[sp.csr_array | None, ...]
    basis: sp.csr_array | None
    strings: NDArray[np.int64]
    orbits: tuple[NDArray[np.int64], ...]
    turns: tuple[sp.csr_array | None, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ConicProgram:
    """Maximise ``objective @ y`` subject to ``equalities @ y = values`` (each within its tolerance), every block
    ``M_k[u, v] = y[blocks[k][u, v]]`` (zero where the index is -1) positive semidefinite, ``inequalities @ y >= 0``,
    and ``abs(y[i]) <= y[unit[i]]``, where row 0 of the equalities says that the units add up to one.

    Attributes
    ----------
    objective : (m,)
    equalities : sparse (1 + J, m); row 0 is the normalisation, rows 1.. the tested data
    values, tolerances : (1 + J,)
    blocks : index matrices (n_k, n_k), symmetric, int
    inequalities : sparse (r, m)
    unit : (m,) index of the moment that limits each moment: that of the identity word in its copy
    """

    objective: NDArray[np.float64]
    equalities: sp.csr_array
    values: NDArray[np.float64]
    tolerances: NDArray[np.float64]
    blocks: tuple[NDArray[np.int64], ...]
    inequalities: sp.csr_array
    unit: NDArray[np.int64]

    @property
    def variables(self) -> int:
        return self.objective.size


@dataclass(frozen=True, slots=True, eq=False)
class StartingPoint:
    """Where a solver may begin: near a solution. No bound depends on it.

    Attributes
    ----------
    solution : (variables,) z
    duals : one symmetric (n_k, n_k) array for each block
    linear_dual : (linear,) multipliers of the non-negative rows
    """

    solution: NDArray[np.float64]
    duals: tuple[NDArray[np.float64], ...]
    linear_dual: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LinearMatrixInequality:
    """Maximise ``cost @ z + offset`` subject to ``s = constant + matrix @ z`` in the cone.

    Rows of ``matrix`` and ``constant``: first ``linear`` rows that must be non-negative, then, for each block size n
    in ``sizes``, the n(n+1)/2 entries of the upper triangle of a matrix that must be positive semidefinite, column by
    column: (0,0), (0,1), (1,1), (0,2), ...; entries as they are, without any factor sqrt(2).

    Of the columns, the first ``shared`` may occur in every row. The others fall into groups that no block joins, so
    that a solver may eliminate one group after the other; nothing is said of that if ``shared`` is None. A solver may
    begin at ``start``, or leave it.

    The dual: ``X_k`` positive semidefinite, ``x >= 0`` with ``cost + matrix^T [x; X] = 0`` (off-diagonal entries of X
    counted twice) gives the upper bound ``offset + <[x; X], constant>``.
    """

    cost: NDArray[np.float64]
    offset: float
    matrix: sp.csc_array
    constant: NDArray[np.float64]
    linear: int
    sizes: tuple[int, ...]
    shared: int | None = None
    start: StartingPoint | None = None

    @property
    def variables(self) -> int:
        return self.cost.size


class Status(Enum):
    """The solver's own word on its answer. It is reported, and no bound depends on it.

    OUT_OF_TIME is that of an answer that a limit of time or an interrupt cut short, STOPPED that of one where the
    solver gave up by itself.
    """

    SOLVED = "solved"
    ALMOST_SOLVED = "almost solved"
    STOPPED = "stopped early"
    OUT_OF_TIME = "stopped"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, eq=False)
class SolverResult:
    """A solver's answer: the dual, untrusted.

    Attributes
    ----------
    solver : name of the solver that answered
    status : what it said
    duals : one symmetric (n_k, n_k) array for each block
    linear_dual : (linear,) multipliers of the non-negative rows
    objective : the solver's own dual objective, offset included: its upper bound
    seconds : wall time of the solver, its set-up included
    """

    solver: str
    status: Status
    duals: tuple[NDArray[np.float64], ...]
    linear_dual: NDArray[np.float64]
    objective: float
    seconds: float
    iterations: int = 0
    message: str = ""
    solution: NDArray[np.float64] | None = field(default=None)
