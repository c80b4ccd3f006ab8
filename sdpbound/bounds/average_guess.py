"""Eve's guess averaged over keys: she learns which key it is, and measures what she has accordingly.

Eve is one party more, after the others, with a setting for each key and an outcome for each of its values. Her setting
is the key, so the average guess is the value of a Bell expression in that larger scenario,

    sum_k w_k sum_a P(key k has the value a, Eve at setting k has outcome a),

and what is tested of the others is tested there. Her measurements commute with theirs; one quantum state serves all
keys.
"""

from __future__ import annotations

import math

import numpy as np

from sdpbound.adversaries.adversary import Adversary
from sdpbound.arguments import instance
from sdpbound.bell.average import Average
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.key import key_effects, outcomes_of_key
from sdpbound.bell.observations import Observations
from sdpbound.bell.scenario import Scenario
from sdpbound.bounds.bell_value import maximize
from sdpbound.bounds.bound import Bound
from sdpbound.conic.solvers.choose import SolverChoice
from sdpbound.errors import InvalidParameter

__all__ = ["average_guessing_probability"]


def average_guessing_probability(
    observed: Observations,
    average: Average,
    model: Adversary,
    solver: SolverChoice = None,
    tolerance: float | None = None,
) -> Bound:
    """Certified upper bound on Eve's guessing probability averaged over keys, ``sum_k w_k P_guess(key k|E)``.

    All keys are of one strategy, and Eve learns which key it is before she measures. With the outcomes of all parties
    at all settings it is the average guessing probability of arXiv:2509.08623.

    Parameters
    ----------
    observed : what the parties test
    average : the keys with their weights; nothing is flipped
    model : the set of the devices and Eve together, who is the last party: Quantum("2"), which is exact where both
        settings of Alice are averaged at a CHSH value; NoSignaling() or Local()
    solver, tolerance : as in :func:`sdpbound.maximize`

    Returns
    -------
    Bound, side "upper", a probability. It is the bound on a Bell expression of one party more, and so is its
    certificate; ``bound.functional`` is in that scenario

    >>> import sdpbound as sb
    >>> data = sb.Observations.bell_value(sb.chsh(), 2.5)
    >>> both = sb.average_guessing_probability(data, sb.Average((0, 1)), sb.Quantum("2"))
    >>> one = sb.guessing_probability(data, sb.Quantum("1+AB"))
    >>> both.value < one.value
    True
    """
    scenario = instance(observed, Observations, "observed", "Observations.correlators(behaviour)").scenario
    own = instance(average, Average, "average", "Average((0, 1))").of(scenario)
    if any(own.preprocessing):
        raise InvalidParameter(
            f"preprocessing = {own.preprocessing} of an average guess: nothing is flipped here; leave it 0."
        )
    values = tuple(math.prod(outcomes_of_key(scenario, key)) for key in own.keys)
    wide = Scenario((*scenario.outcomes, values))
    table = np.zeros(wide.shape)
    for k, (key, weight) in enumerate(zip(own.keys, own.weights, strict=True)):
        for a, effect in enumerate(key_effects(scenario, key)):
            table += weight * np.multiply.outer(effect, wide.effect(scenario.parties, k, a))
    tested = np.zeros((len(observed), *wide.shape))
    tested[..., 0] = observed.coefficients
    data = Observations(wide, tested, observed.values, tolerances=observed.tolerances)
    return maximize(BellExpression(wide, table), model, data, solver, tolerance)
