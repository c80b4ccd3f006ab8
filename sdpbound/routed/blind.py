"""Blind randomness: of Alice's outcome, given Bob's and Eve. A routed test without a near device is an ordinary one."""

from __future__ import annotations

import numpy as np

from sdpbound.arguments import instance
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.scenario import Scenario
from sdpbound.conic.solvers.choose import SolverChoice
from sdpbound.errors import InvalidShape
from sdpbound.routed.entropy import RoutedEntropyBound, entropy
from sdpbound.routed.setup import RoutedTest, Tested

__all__ = ["alone", "blind_entropy"]


def alone(behaviour: Behaviour, observed: Tested = "full") -> RoutedTest:
    """The routed test with Bob's device as the far one, and a near device that always says the same.

    Parameters
    ----------
    behaviour : p(ab|xy)
    observed : what is tested of it
    """
    own = instance(behaviour, Behaviour, "behaviour", "SingletSelfTest(...).behaviour()")
    if own.scenario.parties != 2:
        raise InvalidShape(f"blind randomness is of two parties, not of {own.scenario}.")
    scenario = Scenario((own.scenario.outcomes[0], (1,)))
    moments = own.moments[:, :1]
    return RoutedTest(Behaviour.from_moments(scenario, np.array(moments)), own, far_tested=observed)


def blind_entropy(
    behaviour: Behaviour,
    x: int = 0,
    y: int = 0,
    observed: Tested = "full",
    level: str | None = None,
    nodes: int | None = None,
    solver: SolverChoice = None,
) -> RoutedEntropyBound:
    """Certified lower bound on the blind randomness H(A|X=x,Y=y,B,E): Eve is told Bob's outcome.

    Bob's device answers and hands its outcome to Eve, but not itself; where she holds the device as well,
    :func:`sdpbound.blind_guessing_probability` bounds what she guesses.

    Parameters
    ----------
    behaviour : what the devices do
    x, y : settings, from 0
    observed : what is tested, of all of Bob's settings: "full", "correlators", a BellExpression or Observations
    level, nodes, solver : as in :func:`sdpbound.routed.entropy`; letters of Bob's are F

    Returns
    -------
    RoutedEntropyBound, side "lower", in bits

    >>> import sdpbound as sb
    >>> binary_entropy = 0.6099  # of an error of 0.15: what Bob's outcome leaves, whatever Eve has
    >>> bound = blind_entropy(sb.Behaviour.from_correlators([[0.7, 0.7], [0.7, -0.7]]), level="1+AF", nodes=4)
    >>> 0.4 < bound.value < binary_entropy
    True
    """
    return entropy(alone(behaviour, observed), x, 0.0, level, nodes, solver, y)
