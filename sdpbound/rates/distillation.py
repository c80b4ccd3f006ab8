"""Whether key comes from a repetition code at all."""

from __future__ import annotations

from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.observations import Observations
from sdpbound.rates.postprocessing.distillable import DistillationCondition, condition_of
from sdpbound.rates.postprocessing.eve import key_data
from sdpbound.rates.rates import observations_of

__all__ = ["distillation_condition"]


def distillation_condition(
    behaviour: Behaviour,
    observed: Observations | BellExpression | str = "full",
    x: int = 0,
    y: int = 0,
    level: str = "1+AB",
    pieces: int = 12,
) -> DistillationCondition:
    """Whether blocks of a repetition code that are long enough yield key from these data, proven if it says yes.

    Alice and Bob use rounds with outcomes 0 and 1 and blocks whose message has as many ones as zeros. Key is possible
    if the Chernoff overlap of Eve's states of the outcomes 00 and 11 exceeds ``sqrt(p_01 p_10)``. With symmetric
    outcomes of error rate e the fidelity condition is the one of arXiv:1903.10535, ``F^2 > e / (1 - e)``.

    Parameters
    ----------
    behaviour, observed : as in :func:`key_rate`; the joint outcomes of x and y count as tested
    x, y : the key's settings
    level : of the NPA hierarchy for two parties; Eve's measurement comes with each of its words
    pieces : outcomes of Eve's measurement

    Where the settings involved are at most two of two outcomes a party, pairs of qubits are enough and the coherence of
    Eve's states is taken, which is tight for symmetric data; else the better of their least error and fidelity.

    >>> import numpy as np, sdpbound as sb
    >>> c = 0.85 * np.cos(np.subtract.outer([0, np.pi / 3], [0, -np.pi / 3]))  # an error rate of 7.5 %
    >>> condition = sb.distillation_condition(sb.Behaviour.from_correlators(c))
    >>> bool(condition), condition.overlap.kind
    (True, 'coherence')
    """
    data = observations_of(behaviour, observed)
    return condition_of(key_data(behaviour, data, x, y), level, pieces)
