"""What a search for a critical point is about: noisy devices, their tested data, and where the search begins."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sdpbound.arguments import instance
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.families.correlators import bell_value_self_test
from sdpbound.bell.families.singlet import SingletSelfTest
from sdpbound.bell.noise.noise import Noise
from sdpbound.bell.observations import Observations
from sdpbound.bell.scenario import Scenario
from sdpbound.bell.strategy import Strategy
from sdpbound.bell.tested import SettingsTested, left_out, observations_named
from sdpbound.errors import InvalidInput, InvalidParameter

__all__ = ["Ideal", "Tested", "devices_of", "first_guess", "key_devices", "observer", "with_settings"]

Tested = str | BellExpression | Callable[[Behaviour], Observations]
Ideal = SingletSelfTest | Strategy | Behaviour
#: Part of the way from the ideal data to local ones at which the search for a visibility begins.
GUESS = 0.4


def devices_of(ideal: Ideal) -> Callable[[Noise], Behaviour]:
    """The behaviour of the devices under a noise."""
    if isinstance(ideal, (SingletSelfTest, Strategy)):
        plain = ideal.behaviour()
        strategy = ideal if isinstance(ideal, Strategy) else ideal.strategy
        return lambda noise: strategy.behaviour(noise) if noise.needs_strategy else noise.on_behaviour(plain)
    if isinstance(ideal, Behaviour):
        return lambda noise: noise.on_behaviour(ideal)
    raise InvalidInput(
        f"the ideal devices must be a SingletSelfTest, a Strategy or a Behaviour, not {type(ideal).__name__} "
        f"{ideal!r:.60}."
    )


def observer(ideal: Ideal, observed: Tested, tested: SettingsTested = None) -> Callable[[Behaviour], Observations]:
    """A function that gives the tested data of the noisy devices; ``tested`` as in :class:`SearchOptions`."""
    if isinstance(observed, str) and left_out(observed) is not None:
        return lambda behaviour: observations_named(behaviour, observed, tested)
    if tested is not None:
        raise InvalidInput(
            f"tested = {tested!r:.60} says which settings of 'correlators' and 'full' are tested; other tests say so "
            "themselves: leave tested out."
        )
    if isinstance(observed, BellExpression):
        expression = observed
    elif observed == "bell":
        if not isinstance(ideal, SingletSelfTest):
            raise InvalidInput("observed = 'bell' is the expression of a SingletSelfTest; give the expression itself.")
        expression = ideal.expression
    elif callable(observed):
        return observed
    else:
        raise InvalidParameter(
            f"observed = {observed!r:.60} must be 'bell', 'correlators', 'full', one of the last two without settings "
            "such as 'full without B2', a BellExpression, or a function that gives the Observations of a behaviour."
        )
    return lambda behaviour: Observations.bell_value(expression, behaviour)


def key_devices(expression: BellExpression, *xs: int) -> Behaviour:
    """The singlet at the angles best for the expression, and further settings of Bob's along Alice's settings xs."""
    c = instance(expression, BellExpression, "the expression", "chsh()").coefficients
    found = None
    if expression.scenario == Scenario.bipartite(2, 2) and not c[1:, 0].any() and not c[0, 1:].any():
        found = bell_value_self_test(c[1:, 1:])
    if found is None:
        raise InvalidInput(
            f"{expression!r:.80} is no expression of four correlators whose maximum self-tests the singlet, so that "
            "there are no best angles for it; give the noiseless devices as ideal=..."
        )
    xs = tuple(expression.scenario.require_setting(0, x, "x") for x in xs)
    correlators = found[1]
    norms = (c[1:, 1:] * correlators).sum(axis=1)
    # Alice's vectors are (c_x0 b_0 + c_x1 b_1) / norm_x, so that b_0 . b_1 follows from a_0 . b_0
    t = (correlators[0, 0] * norms[0] - c[1, 1]) / c[1, 2]
    gram = np.array([[1.0, t], [t, 1.0]])
    between = float(c[1, 1:] @ gram @ c[2, 1:]) / (norms[0] * norms[1])
    further = [np.where(np.arange(2) == x, 1.0, between) for x in xs]
    return Behaviour.from_correlators(np.column_stack([correlators, *further]))


def first_guess(ideal: Observations, noise: Observations) -> float | None:
    """A guess of where the key ends, from experience: part of the way from ideal data to those with a local model.

    None where that visibility is not known at once, 1 where the ideal data are local.
    """
    if len(ideal) == 1:
        expression = BellExpression(ideal.scenario, ideal.coefficients[0])
        start, value = float(noise.values[0]), float(ideal.values[0])
        edge = expression.local_bound if value > start else expression.local_minimum
        local = (edge - start) / (value - start) if value != start else 1.0
    elif ideal.kind in ("correlators", "full") and ideal.scenario == Scenario.bipartite(2, 2):
        table = np.tensordot(ideal.values, ideal.coefficients, axes=(0, 0))[1:, 1:]
        local = 2.0 / max(float(np.abs(table.sum() - 2.0 * table).max()), 2.0)  # with noise CHSH shrinks in proportion
    else:
        return None
    return 1.0 - GUESS * (1.0 - min(max(local, 0.0), 1.0))


def with_settings(expression: BellExpression, scenario: Scenario) -> BellExpression:
    """The same expression where Bob has further settings."""
    table = np.zeros(scenario.shape)
    rows, columns = expression.coefficients.shape
    if table.shape[0] != rows or table.shape[1] < columns:
        raise InvalidInput(f"an expression of {expression.scenario} cannot be tested by devices of {scenario}.")
    table[:rows, :columns] = expression.coefficients
    return BellExpression(scenario, table, expression.name)
