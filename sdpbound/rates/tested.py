"""The tested data of a behaviour, by their values or by their name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sdpbound.arguments import instance
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.observations import Observations
from sdpbound.bell.tested import SettingsTested, observations_named
from sdpbound.errors import InvalidInput, InvalidParameter

__all__ = ["observations_of"]

#: How far an explicit tested value may be from the behaviour's own.
CONSISTENCY = 1e-9


def observations_of(
    behaviour: Behaviour,
    observed: Observations | BellExpression | str,
    tested: SettingsTested = None,
) -> Observations:
    """The tested data of the behaviour: Observations that it has, an expression's value, or tests by their name.

    ``tested``: of the last two, the settings that each party tests; see :class:`RateOptions`.
    """
    if isinstance(behaviour, Observations):
        raise InvalidInput(
            "a rate is of a behaviour, which says what error correction costs and which settings there are, and these "
            "are Observations alone: ask conditional_entropy(observed) for the entropy that they leave."
        )
    instance(behaviour, Behaviour, "behaviour", "SingletSelfTest(...).behaviour()")
    if tested is not None and isinstance(observed, (Observations, BellExpression)):
        raise InvalidInput(
            f"tested = {tested!r:.60} says which settings of 'correlators' and 'full' are tested; an expression and "
            "Observations say so themselves: leave tested out."
        )
    if isinstance(observed, Observations):
        if observed.scenario != behaviour.scenario:
            raise InvalidInput(f"tested data of {observed.scenario} do not fit a behaviour of {behaviour.scenario}.")
        own = np.tensordot(observed.coefficients, behaviour.moments, axes=behaviour.moments.ndim)
        miss = np.abs(own - observed.values) - observed.tolerances
        sizes = np.abs(observed.coefficients).sum(axis=tuple(range(1, observed.coefficients.ndim)))
        scale = np.maximum(1.0, sizes)
        if (miss > CONSISTENCY * scale).any():
            worst = int((miss / scale).argmax())
            raise InvalidInput(
                f"tested value {worst} is {observed.values[worst]:.9g}, but the behaviour has {own[worst]:.9g}: a "
                "rate needs the data of the devices whose errors it corrects; test values of this behaviour."
            )
        # exact data are those of the same exact behaviour; what is near to them is measured
        return observed if observed.exact == behaviour.exact else replace(observed, exact=None)
    if isinstance(observed, BellExpression):
        return Observations.bell_value(observed, behaviour)
    if isinstance(observed, str):
        return observations_named(behaviour, observed, tested)
    raise InvalidParameter(
        f"observed = {observed!r:.60} must be 'correlators', 'full', a BellExpression or an Observations."
    )
