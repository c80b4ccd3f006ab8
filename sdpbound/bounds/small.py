"""Programs of one small moment matrix for each guess, as the compiled loops of :mod:`sdpbound.conic.compiled_moments`
take them.

The loops need no reduction of a program, and tested expressions enter as numbers: a new one costs nothing. At level 2
of two settings and outcomes a program takes a millisecond, where solvers of general programs take ten to thirty.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sdpbound.adversaries.adversary import Adversary
from sdpbound.arrays import Floats
from sdpbound.bell.scenario import Scenario

__all__ = ["SmallAnswer", "SmallProgram", "small_program"]

#: The most rows of a moment matrix. Measured: a fifth of the time of a bound up to 25, half of it at 30.
LARGEST = 30


@dataclass(frozen=True, eq=False)
class SmallAnswer:
    """What the loops found.

    Attributes
    ----------
    value : of the moments found: below the optimum but for rounding
    accuracy : of the gap between it and the dual's
    moments : (E, m) of each guess
    duals : (E, n, n) dual matrices of each guess
    """

    value: float
    accuracy: float
    moments: Floats
    duals: Floats


@dataclass(frozen=True, eq=False)
class SmallProgram:
    """A program without its data: ``maximise sum_e objective_e . v_e`` over moments of one matrix for each guess.

    Where no tested expression has an odd number of observables, a guess with all outcomes flipped is as good as the
    guess itself, and only one of the two is solved.
    """

    index: NDArray[np.int64]
    coordinates: Floats  # (m, coordinates of the scenario)
    objective: Floats  # (E, m)
    twins: NDArray[np.int64]  # which guess is another one with all outcomes flipped; -1 where there is none
    odd: NDArray[np.bool_]  # (coordinates of the scenario), changing its sign with them
    odd_words: NDArray[np.bool_]  # (n,)
    unit: int

    def maximise(
        self, coefficients: Floats, values: Floats, tolerance: float, refined: bool = True
    ) -> SmallAnswer | None:
        """Solve with these tests, ``coefficients`` (J, *shape) and ``values`` (J,); None for a test of nothing.

        ``refined``: whether the dual is to prove a bound.
        """
        from sdpbound.conic.compiled_moments import maximise  # loads numba

        rows = coefficients.reshape(len(values), len(self.odd))
        sizes = np.abs(rows).sum(axis=1)
        if not sizes.all() or not np.isfinite(rows).all():
            return None
        guesses = len(self.twins)
        paired = bool((self.twins >= 0).all()) and not rows[:, self.odd].any()
        kept = np.flatnonzero(self.twins >= np.arange(guesses)) if paired else np.arange(guesses)
        weight = guesses / len(kept)
        tests = np.zeros((len(values) + 1, len(self.coordinates)))
        tests[0, self.unit] = 1.0
        tests[1:] = (rows / sizes[:, None]) @ self.coordinates.T
        right = np.concatenate([[1.0], values / sizes])
        value, accuracy, found, matrices = maximise(
            self.index, weight * self.objective[kept], weight * tests, right, self.unit, tolerance, refined
        )
        moments, duals = np.empty((guesses, found.shape[1])), np.empty((guesses, *self.index.shape))
        moments[kept], duals[kept] = found, matrices / weight
        if paired:
            signs = np.where(self.odd_words, -1.0, 1.0)
            pattern = np.outer(signs, signs)
            of_moments = np.ones(found.shape[1])
            of_moments[self.index] = pattern
            moments[self.twins[kept]] = found * of_moments
            duals[self.twins[kept]] = matrices * pattern / weight
        return SmallAnswer(float(value), float(accuracy), moments, duals)


def small_program(scenario: Scenario, model: Adversary, objective: Floats) -> SmallProgram | None:
    """The program of ``objective`` (E, *shape); None where outcomes are not two, or the matrix is large."""
    return _small_program(scenario, model, len(objective), objective.tobytes())


@lru_cache(maxsize=64)
def _small_program(scenario: Scenario, model: Adversary, guesses: int, objective: bytes) -> SmallProgram | None:
    if any(count != 2 for party in scenario.outcomes for count in party):
        return None
    relaxation = model.relax(scenario)
    matrix = relaxation.matrix
    if matrix is None or relaxation.inequalities.shape[0] or relaxation.of_vertices or not relaxation.reached.all():
        return None
    if len(matrix.index) > LARGEST or (matrix.index < 0).any() or (np.diagonal(matrix.index) != relaxation.unit).any():
        return None
    # coordinates are products of observables, so that flips of all outcomes change the sign of those of one party
    odd = np.indices(scenario.shape).astype(bool).sum(axis=0).reshape(-1) % 2 == 1
    table = np.frombuffer(objective).reshape(guesses, -1)
    flipped = np.where(odd, -table, table)
    distances = np.abs(table[None] - flipped[:, None]).sum(axis=2)
    twins = np.where(distances.min(axis=1) == 0.0, distances.argmin(axis=1), -1)
    if guesses == 1:
        twins[:] = -1  # nothing is saved
    coordinates = relaxation.coordinates.T.toarray()
    odd_words = np.array([sum(map(len, word)) % 2 == 1 for word in matrix.words])
    index = matrix.index.astype(np.int64)
    return SmallProgram(index, coordinates, table @ coordinates.T, twins, odd, odd_words, relaxation.unit)
