"""Turn a question about two binary settings of each party into a question about qubits.

By Jordan's lemma two binary observables of a party are a direct sum of blocks of dimension one or two. In a block of
dimension two the observables are ``Z`` and ``cos a Z + sin a X`` in a suitable basis, with 0 < a < pi. A block of
dimension one is the case a = 0 or a = pi with a state on one vector of the basis. The blocks commute with all
observables, so Eve may know the pair of blocks of each round. The entropy of the mixture given Eve is then at least the
mean of the entropies of the blocks. So an affine functional that is below the entropy of every pair of qubits with real
observables is below the entropy of every quantum behaviour. States may be taken real, for two reasons: the transpose of
a state changes neither the moments of real observables nor the entropy, and the entropy H(A|E) is convex in the state
of Alice and Bob that Eve purifies.

A setting that is not tested may be deterministic, and then it adds nothing to the entropy.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bell.channel import BinaryChannel, Preprocessing
from sdpbound.entropies.question import EntropyQuestion
from sdpbound.errors import InvalidInput

__all__ = ["Key", "QubitProblem", "frame", "qubit_problem"]

#: A flip probability below this counts as 0. The result stays a lower bound, because a flip F that Eve does not know
#: lowers no entropy: H(A+F|E) >= H(A+F|E,F).
LEAST_FLIPS = 1e-6


class Key(Enum):
    """Which outcomes make the key: of one party, of both, or of an untested setting."""

    NONE = "none"
    ONE = "one"
    BOTH = "both"


@dataclass(frozen=True, eq=False)
class QubitProblem:
    """The tested expressions in the observables of two qubits.

    Attributes
    ----------
    tests : (J, 3, 3) coefficients of the products of 1, A, A' with 1, B, B'. A gives the key; if the key is of both
        parties, A and B give it
    values, tolerances : (J,) the tested values and their tolerances
    key : the parties whose outcomes are the key
    flips : probability with which the bit of the key is flipped, 0 if below ``LEAST_FLIPS``; or its channel
    swapped : whether A is an observable of Bob
    settings : the settings of A, A' and of B, B'; None for one that is not needed
    exponent : 0 for von Neumann entropies, else the s of :mod:`sdpbound.entropies.renyi.engine`, whose h is then what
        is here called the entropy
    """

    tests: Floats
    values: Floats
    tolerances: Floats
    key: Key
    flips: Preprocessing
    swapped: bool
    settings: tuple[tuple[int | None, int | None], tuple[int | None, int | None]]
    exponent: float = 0.0

    @property
    def correlators_only(self) -> bool:
        """Whether no test contains a marginal."""
        return not (self.tests[:, 0, 1:].any() or self.tests[:, 1:, 0].any())

    @property
    def sizes(self) -> Floats:
        """(J,) sums of the |coefficients| of each test."""
        return np.asarray(np.abs(self.tests).sum(axis=(1, 2)), dtype=np.float64)


def qubit_problem(question: EntropyQuestion) -> QubitProblem:
    """Write the tests in terms of A, A', B, B', with the settings of the key first.

    Raises
    ------
    InvalidInput : the data test more than two settings of a party, or a setting of more than two outcomes
    """
    observed = question.observed
    scenario = observed.scenario
    if scenario.parties != 2:
        raise InvalidInput(f"the qubit method is about two parties, not {scenario}.")
    tested: list[list[int]] = []
    for party in (0, 1):
        used = np.abs(np.moveaxis(observed.coefficients, 1 + party, 0)).reshape(scenario.shape[party], -1).any(axis=1)
        letters = [scenario.letters[party][i - 1] for i in np.flatnonzero(used) if i]
        settings = sorted({letter.setting for letter in letters})
        if len(settings) > 2 or any(letter.outcome is not None for letter in letters):
            raise InvalidInput(
                f"the qubit method is for at most two tested settings of two outcomes a party, and party "
                f"{'AB'[party]} has more ({len(settings)} tested settings); use the projective method."
            )
        tested.append(settings)
    keys = [question.x, question.y]
    free = [setting is None or setting not in tested[party] for party, setting in enumerate(keys)]
    key = {2: Key.NONE, 1: Key.ONE, 0: Key.BOTH}[sum(free)]
    swapped = free[0] and not free[1]
    table = observed.coefficients
    order: list[tuple[int | None, int | None]] = []
    for party in (0, 1):
        chosen: list[int | None] = list(tested[party])
        if not free[party]:
            chosen.sort(key=lambda s: s != keys[party])
        chosen += [None] * (2 - len(chosen))
        places = [0] + [0 if s is None else 1 + _place(question, party, s) for s in chosen]
        table = np.take(table, places, axis=1 + party)
        for slot, s in enumerate(chosen, start=1):
            if s is None:
                table[(slice(None),) * (1 + party) + (slot,)] = 0.0
        order.append((chosen[0], chosen[1]))
    if swapped:
        table = table.transpose(0, 2, 1)
        order.reverse()
    return QubitProblem(
        tests=np.ascontiguousarray(table),
        values=observed.values,
        tolerances=observed.tolerances,
        key=key,
        flips=_seen(question.preprocessing, key),
        swapped=swapped,
        settings=(order[0], order[1]),
    )


def _seen(preprocessing: Preprocessing, key: Key) -> Preprocessing:
    if isinstance(preprocessing, BinaryChannel):  # one that is not symmetric can lower an entropy
        return preprocessing
    return preprocessing if preprocessing >= LEAST_FLIPS or key is Key.NONE else 0.0


def _place(question: EntropyQuestion, party: int, setting: int) -> int:
    letters = question.scenario.letters[party]
    return next(i for i, letter in enumerate(letters) if letter.setting == setting)


def frame(angles: Floats) -> Floats:
    """The frames (..., 3, 3): 1, A, A' in terms of 1, Z, X, for angles (...) between A and A'."""
    angles = np.asarray(angles)
    out = np.zeros((*angles.shape, 3, 3))
    out[..., 0, 0] = out[..., 1, 1] = 1.0
    out[..., 2, 1], out[..., 2, 2] = np.cos(angles), np.sin(angles)
    return out
