"""Exact data of the singlet: the program seen from the strategy that they come from.

Data that self-test lie on the boundary of the quantum set, where the program has no interior: every solver stalls, and
what it proves is off by 1e-4 to 1e-2. But the strategy is known, so that its moments, mixed with white noise, are a
point inside the program at data that are moved as far. Seen from there (:mod:`sdpbound.conic.rescaled`) the program is
an ordinary one. Its dual is certified at the data as they are, like every other: nothing here is trusted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bell.exact import ExactSinglet
from sdpbound.bounds.assemble import Assembly
from sdpbound.bounds.boundary import noise_values, towards_noise
from sdpbound.bounds.question import Question
from sdpbound.conic.program import LinearMatrixInequality
from sdpbound.conic.rescaled import Rescaled, seen_from
from sdpbound.conic.solvers.vectors import unfold
from sdpbound.npa.words import MomentMatrix

__all__ = ["KnownStrategy", "known_strategy"]

#: The shortest way towards white noise: below it the moments, known to 1e-16, are no longer inside.
NEAREST = 4e-12


@dataclass(frozen=True, eq=False)
class KnownStrategy:
    """A program at data moved towards white noise, seen from the strategy that the data come from.

    Attributes
    ----------
    at_data : the program at the data themselves
    rescaled : the program at the moved data
    point : (variables,) of the conic program, the strategy's moments at the moved data
    value : of the figure at this point, if Eve always makes the best guess; no bound is below it but for rounding
    """

    at_data: LinearMatrixInequality
    rescaled: Rescaled
    point: Floats
    value: float

    def objective(self, duals: Sequence[Floats]) -> float:
        """What dual matrices bound the figure by at the data themselves, if they meet the equalities."""
        matrices = unfold(self.at_data.constant, 0, self.at_data.sizes)
        return self.at_data.offset + sum(float((x * m).sum()) for x, m in zip(duals, matrices, strict=True))


def known_strategy(question: Question, assembly: Assembly, farther: float = 1.0) -> KnownStrategy | None:
    """The program of exact data, seen from their strategy.

    None where no strategy is known or it is not the only one, where Eve has a measurement of her own, where the data
    determine the figure, or where the program is not of one moment matrix for each guess.

    How far the data are moved: a move by d loses ``m d |v|`` of a bound with multiplier m, the tolerance t of the
    tested values ``m t``, and m falls as the root of d. The sum is least where the two are equal; ``farther`` times
    that distance is gone.
    """
    observed, matrix = question.observed, assembly.relaxation.matrix
    exact, program = observed.exact, assembly.program
    if exact is None or matrix is None or question.blind is not None or program.inequalities.shape[0]:
        return None
    if not exact.correlators_self_test:
        return None  # there are other strategies, far from this one
    away = np.abs(observed.values - noise_values(observed))
    if not away.max(initial=0.0) > 0.0:
        return None
    share = np.divide(observed.tolerances, away, out=np.full(len(away), math.inf), where=away > 0.0)
    step = farther * max(NEAREST, float(share.min()))
    values = np.concatenate([program.values[:1], towards_noise(observed, step)])
    moments = (1.0 - step) * strategy_moments(matrix, exact)
    moments[assembly.relaxation.unit] = 1.0
    point = np.tile(moments / assembly.copies, assembly.copies)
    moved = replace(program, values=values)
    inequality = assembly.reduction.inequality(moved)
    if np.abs(inequality.cost).max(initial=0.0) <= 1e-14 * np.abs(question.objective).sum():
        return None  # the data determine the objective
    rescaled = seen_from(inequality, assembly.reduction.coordinates(point, moved))
    if rescaled is None:
        return None
    value = float((program.objective.reshape(assembly.copies, -1) @ moments).max())
    return KnownStrategy(assembly.reduction.inequality(program), rescaled, point, value)


def strategy_moments(matrix: MomentMatrix, exact: ExactSinglet) -> Floats:
    """(moments,) of the words of a moment matrix, two observables for each party: real numbers.

    The correlations ``sin(a_x + b_y)`` are those of the state (|00> + |11>)/sqrt(2) with ``cos(t) Z + sin(t) X``, t
    Alice's a_x and Bob's ``pi/2 - b_y``.
    """
    z, x = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]])
    alice = (0.0, float(exact.theta))
    bob = (math.pi / 2 - float(exact.phi), math.pi / 2 - float(exact.omega))
    observables = [[math.cos(t) * z + math.sin(t) * x for t in angles] for angles in (alice, bob)]
    vectors = []
    for word in matrix.words:
        products = [np.eye(2), np.eye(2)]
        for party, letters in enumerate(word):
            for letter in letters:
                products[party] = products[party] @ observables[party][letter - 1]
        # of the matrix K for the vector sum K_ij |ij>, (A x B) gives A K B^T
        vectors.append((products[0] @ products[1].T).reshape(-1) / math.sqrt(2.0))
    table = np.array(vectors) @ np.array(vectors).T
    known = matrix.index >= 0
    moments = np.zeros(matrix.moments)
    moments[matrix.index[known]] = table[known]
    return moments
