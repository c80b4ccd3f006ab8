"""Whether key comes from a repetition code at all, from both sides."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sdpbound.attacks.proof import EntropyAttack
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.observations import Observations
from sdpbound.errors import InvalidInput, SolverFailure
from sdpbound.rates.postprocessing.block_attack import key_grams
from sdpbound.rates.postprocessing.chernoff_attack import chernoff_attack
from sdpbound.rates.postprocessing.distillable import DistillationCondition, condition_of, needed_overlap
from sdpbound.rates.postprocessing.eve import key_data
from sdpbound.rates.postprocessing.overlaps import MOST_PIECES
from sdpbound.rates.tested import observations_of

__all__ = ["DistillationAttack", "distillation_attack", "distillation_condition"]

#: What the floats of an attack may be wrong by.
ROUNDING = 1e-12


def distillation_condition(
    behaviour: Behaviour,
    observed: Observations | BellExpression | str = "full",
    x: int = 0,
    y: int = 0,
    level: str = "1+AB",
    pieces: int = MOST_PIECES,
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
    pieces : outcomes of Eve's measurement, 3 to 8; more are tighter and slower

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


@dataclass(frozen=True, eq=False)
class DistillationAttack:
    """An explicit attack on all repetition codes: the other side of a :class:`DistillationCondition`.

    Attributes
    ----------
    attack : the mixture of strategies, proven to have the tested data
    chernoff : the Chernoff overlap of Eve's states of 00 and 11 for messages with as many ones as zeros,
        ``Tr sqrt(rho_00) sqrt(rho_11)``, in floats rounded up. No analysis of the data proves a larger one
    needed : what would have to be exceeded: sqrt(p_01 p_10), rounded down
    """

    attack: EntropyAttack
    chernoff: float
    needed: float

    def __bool__(self) -> bool:
        """Whether the condition fails for this attack."""
        return self.attack.exact and self.chernoff <= self.needed

    def __repr__(self) -> str:
        says = "fails" if self else "does not fail"
        sign = "<=" if self.chernoff <= self.needed else ">"
        return (
            f"the condition for repetition codes {says} under an attack: {self.chernoff:.6g} {sign} {self.needed:.6g}"
        )


def distillation_attack(
    behaviour: Behaviour, observed: Observations | BellExpression | str = "full", x: int = 0, y: int = 0
) -> DistillationAttack:
    """The explicit attack with the least Chernoff overlap of Eve's states that a search finds, by pairs of qubits.

    Parameters as in :func:`distillation_condition`; at most two settings of two outcomes a party, keys among them.
    Where the Chernoff overlap is at most ``sqrt(p_01 p_10)``, no data analysis proves the condition of
    :func:`distillation_condition`. By the converse of arXiv:2212.06975, which rests on a conjecture there, no block
    length then yields key under this attack.

    Raises
    ------
    InvalidInput : more settings or outcomes
    SolverFailure : no mixture was proven to have the data

    >>> import numpy as np, sdpbound as sb
    >>> c = 0.81 * np.cos(np.subtract.outer([0, np.pi / 3], [0, -np.pi / 3]))  # an error rate of 9.5 %
    >>> bool(sb.distillation_attack(sb.Behaviour.from_correlators(c)))
    True
    """
    key = key_data(behaviour, observations_of(behaviour, observed), x, y)
    if not key.is_of_pairs:
        raise InvalidInput(
            f"the attack on repetition codes is by pairs of qubits, and tests and key involve {key.observed.scenario}; "
            "test at most two settings of two outcomes a party."
        )
    attack = chernoff_attack(key)
    if attack is None:
        raise SolverFailure("no mixture of strategies was proven to have the tested data; give data inside the set.")
    grams, weights = key_grams(attack.strategies, key.x, key.y), np.asarray(attack.weights)
    both = np.sqrt(np.abs(grams[:, 0, 0] * grams[:, 3, 3]))
    overlaps = np.divide(np.abs(grams[:, 0, 3]) ** 2, both, out=np.zeros(len(both)), where=both > 0.0)
    chernoff = float(weights @ overlaps) + ROUNDING
    return DistillationAttack(attack, chernoff, math.nextafter(needed_overlap(key), 0.0))
