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

__all__ = ["ConicProgram", "LinearMatrixInequality", "SolverResult", "Status", "Symmetry", "triangle_size"]


def triangle_size(n: int) -> int:
    """Number of entries of the upper triangle of an n x n matrix, diagonal included."""
    return n * (n + 1) // 2


@dataclass(frozen=True, slots=True, eq=False)
class Symmetry:
    """A signed permutation under which a :class:`ConicProgram` is unchanged.

    ``y[i] -> sign[i] * y[image[i]]``; block ``k`` goes to block ``block_image[k]``, its word ``u`` to
    ``word_sign[k][u]`` times word ``word_image[k][u]`` there.
    """

    image: NDArray[np.int64]
    sign: NDArray[np.float64]
    block_image: tuple[int, ...]
    word_image: tuple[NDArray[np.int64], ...]
    word_sign: tuple[NDArray[np.float64], ...]


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
class LinearMatrixInequality:
    """Maximise ``cost @ z + offset`` subject to ``s = constant + matrix @ z`` in the cone.

    Rows of ``matrix`` and ``constant``: first ``linear`` rows that must be non-negative, then, for each block size n
    in ``sizes``, the n(n+1)/2 entries of the upper triangle of a matrix that must be positive semidefinite, column by
    column: (0,0), (0,1), (1,1), (0,2), ...; entries as they are, without any factor sqrt(2).

    The dual: ``X_k`` positive semidefinite, ``x >= 0`` with ``cost + matrix^T [x; X] = 0`` (off-diagonal entries of X
    counted twice) gives the upper bound ``offset + <[x; X], constant>``.
    """

    cost: NDArray[np.float64]
    offset: float
    matrix: sp.csc_array
    constant: NDArray[np.float64]
    linear: int
    sizes: tuple[int, ...]

    @property
    def variables(self) -> int:
        return self.cost.size


class Status(Enum):
    """The solver's own word on its answer. It is reported, and no bound depends on it."""

    SOLVED = "solved"
    ALMOST_SOLVED = "almost solved"
    STOPPED = "stopped early"
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
