"""Guessing probabilities without a proof, for searches: which of many points is worth one.

A search asks hundreds of points and issues a bound at one. :func:`estimated_guess` solves the program of
:func:`~sdpbound.bounds.guessing.guessing_probability` to 1e-8 by the compiled method of
:mod:`sdpbound.conic.compiled_moments`, without certificate: in a millisecond or two at level 2, a fifth of the time.
"""

from __future__ import annotations

from functools import lru_cache

from sdpbound.adversaries import Quantum
from sdpbound.adversaries.adversary import Adversary
from sdpbound.arrays import Floats
from sdpbound.bell.families.singlet import SingletSelfTest
from sdpbound.bell.observations import Observations
from sdpbound.bell.scenario import Scenario
from sdpbound.bounds.guessing import guessing_probability, guessing_question
from sdpbound.bounds.small import SmallProgram, small_program

__all__ = ["estimated_guess", "prepare"]

#: What is asked of the method, and how much of it is enough.
TOLERANCE, ENOUGH = 1e-8, 3e-7


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
    program = _program(scenario, model, x, y)
    answer = None if program is None else program.maximise(coefficients, values, TOLERANCE, refined=False)
    if answer is None or not answer.accuracy <= ENOUGH:
        return None
    return min(max(answer.value, 1.0 / len(answer.moments)), 1.0)


@lru_cache(maxsize=32)
def _program(scenario: Scenario, model: Adversary, x: int, y: int | None) -> SmallProgram | None:
    return small_program(scenario, model, guessing_question(Observations.none(scenario), x, y).objective)


def prepare() -> None:
    """Compile what numba then keeps on disk, here and in solvers: ten seconds that the first study need not wait for.

    >>> prepare()
    """
    member = SingletSelfTest(1.0, 1.4, 2.5)
    data = Observations.correlators(member.behaviour(0.99))
    estimated_guess(data.scenario, Quantum("2"), 0, None, data.coefficients, data.values)
    guessing_probability(Observations.correlators(member.behaviour()), Quantum("2"))
