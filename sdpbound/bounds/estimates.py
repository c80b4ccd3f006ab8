"""Guessing probabilities without a proof, for searches: which of many points is worth one.

A search asks hundreds of points and issues a bound at one. :func:`estimated_guess` solves the program of
:func:`~sdpbound.bounds.guessing.guessing_probability` to 1e-8 by the compiled method of
:mod:`sdpbound.conic.compiled_moments`, without certificate: in a millisecond or two at level 2, a fifth of the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sdpbound.adversaries import Quantum
from sdpbound.adversaries.adversary import Adversary
from sdpbound.arrays import Floats
from sdpbound.bell.families.singlet import SingletSelfTest
from sdpbound.bell.observations import Observations
from sdpbound.bell.scenario import Scenario
from sdpbound.bounds.guessing import guessing_probability, guessing_question

__all__ = ["Answer", "Form", "estimated_guess", "form_of", "prepare"]

#: What is asked of the method, and how much of it is enough.
TOLERANCE, ENOUGH = 1e-8, 3e-7
#: The most rows of a moment matrix. Measured: a fifth of the time of a bound up to 25, half of it at 30.
LARGEST = 30


@dataclass(frozen=True, eq=False)
class Form:
    """The program as the loops take it, for one Eve's guess and its twin with all outcomes flipped."""

    index: NDArray[np.int64]
    coordinates: Floats  # (moments, coordinates of the scenario)
    objective: Floats  # (E, moments)
    twins: NDArray[np.int64]  # which guess is another one with all outcomes flipped
    whole: NDArray[np.int64]  # all guesses
    kept: NDArray[np.int64]  # one of each pair of which one is the other with all outcomes flipped
    odd: NDArray[np.bool_]  # (coordinates of the scenario), changing its sign with them
    unit: int

    def solved(self, coefficients: Floats, values: Floats, tolerance: float) -> Answer | None:
        """What the loops find for tested data; None where a test is of nothing."""
        from sdpbound.conic.compiled_moments import maximise  # loads numba

        rows = coefficients.reshape(len(values), -1)
        sizes = np.abs(rows).sum(axis=1)
        if not (sizes.all() and np.isfinite(sizes).all()):
            return None
        unchanged = not rows[:, self.odd].any()
        kept = self.kept if unchanged else self.whole
        weight = len(self.whole) / len(kept)
        tests = np.zeros((len(values) + 1, len(self.coordinates)))
        tests[0, self.unit] = 1.0
        tests[1:] = (rows / sizes[:, None]) @ self.coordinates.T
        right = np.concatenate([[1.0], values / sizes])
        objective = weight * self.objective[kept]
        value, accuracy, duals = maximise(self.index, objective, weight * tests, right, self.unit, tolerance)
        return Answer(float(value), float(accuracy), kept, duals / weight)


@dataclass(frozen=True, eq=False)
class Answer:
    """The value of a program, the accuracy reached, the guesses that were solved, and a dual matrix of each."""

    value: float
    accuracy: float
    kept: NDArray[np.int64]
    duals: Floats


def estimated_guess(
    scenario: Scenario, model: Adversary, x: int, y: int | None, coefficients: Floats, values: Floats
) -> float | None:
    """About the largest probability that Eve guesses Alice's outcome, or both; None where no number is reached.

    Parameters
    ----------
    scenario : two parties
    x, y : as in :func:`~sdpbound.bounds.guessing.guessing_probability`
    coefficients, values : (J, *shape) and (J,), what is tested

    Returns
    -------
    float, to about 1e-8, on either side; None where outcomes are not two, the matrix is large, or the data are on the
    boundary of the set or outside
    """
    form = form_of(scenario, model, x, y)
    if form is None:
        return None
    found = form.solved(coefficients, values, TOLERANCE)
    if found is None or not found.accuracy <= ENOUGH:
        return None
    return min(max(found.value, 1.0 / len(form.whole)), 1.0)


def prepare() -> None:
    """Compile what numba then keeps on disk, here and in solvers: ten seconds that the first study need not wait for.

    >>> prepare()
    """
    member = SingletSelfTest(1.0, 1.4, 2.5)
    data = Observations.correlators(member.behaviour(0.99))
    estimated_guess(data.scenario, Quantum("2"), 0, None, data.coefficients, data.values)
    guessing_probability(Observations.correlators(member.behaviour()), Quantum("2"))


@lru_cache(maxsize=32)
def form_of(scenario: Scenario, model: Adversary, x: int, y: int | None) -> Form | None:
    if any(count != 2 for party in scenario.outcomes for count in party):
        return None
    relaxation = model.relax(scenario)
    matrix = relaxation.matrix
    if matrix is None or relaxation.inequalities.shape[0] or relaxation.of_vertices or not relaxation.reached.all():
        return None
    if len(matrix.index) > LARGEST or (matrix.index < 0).any() or (np.diagonal(matrix.index) != relaxation.unit).any():
        return None
    objective = guessing_question(Observations.none(scenario), x, y).objective
    guesses = len(objective)
    # coordinates are products of observables, so that flips of all outcomes change the sign of those of one party
    odd = np.indices(scenario.shape).astype(bool).sum(axis=0).reshape(-1) % 2 == 1
    table = objective.reshape(guesses, -1)
    flipped = np.where(odd, -table, table)
    twins = np.array([int(np.abs(table - row).sum(axis=1).argmin()) for row in flipped])
    coordinates = relaxation.coordinates.T.toarray()
    whole = np.arange(guesses)
    kept = np.flatnonzero(twins >= whole)
    return Form(
        matrix.index.astype(np.int64), coordinates, table @ coordinates.T, twins, whole, kept, odd, relaxation.unit
    )
