"""Programs in which Eve measures: she is a third party, whose outcomes enter an objective that she makes small.

The parties and Eve have commuting measurements on one state. What is tested are moments of the parties alone. An
objective ``sum_abe c(a, b, e) p(ab e|xy z)`` is a Bell expression of three parties, and its least value over quantum
behaviours is bounded as any other: by :func:`sdpbound.minimize`, with a certificate that both checkers read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sdpbound.adversaries import Quantum
from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.observations import DATA_TOLERANCE, Observations
from sdpbound.bell.scenario import Scenario
from sdpbound.bounds.bell_value import bell_question
from sdpbound.bounds.bound import Bound
from sdpbound.bounds.figures import BellValue
from sdpbound.bounds.question import Question
from sdpbound.bounds.solving import solve
from sdpbound.errors import InvalidInput, InvalidLevel

__all__ = [
    "EveObjective",
    "EveValue",
    "KeyData",
    "bounded_with_eve",
    "key_data",
    "level_with_eve",
    "question_with_eve",
]


@dataclass(frozen=True, slots=True)
class EveValue(BellValue):
    """An objective of the parties and a measuring Eve: a Bell expression with a name of its own."""

    text: str = "an objective with Eve"

    @property
    def words(self) -> str:
        return self.text


@dataclass(frozen=True, eq=False)
class KeyData:
    """The tests and the joint outcomes of one choice of settings, in the scenario of the settings that matter.

    Attributes
    ----------
    observed : the tests, and the joint distribution of the key's settings beside them if they do not say it
    x, y : the key's settings in that scenario
    joint : (a, b) the probabilities of the key's outcomes
    """

    observed: Observations
    x: int
    y: int
    joint: Floats

    @property
    def is_of_pairs(self) -> bool:
        """Whether each party has at most two settings, of two outcomes: Jordan's lemma then makes pairs of qubits."""
        return self.observed.scenario.is_binary and max(self.observed.scenario.settings) <= 2


def key_data(behaviour: Behaviour, data: Observations, x: int, y: int) -> KeyData:
    """The tests of a behaviour with the joint distribution of a key's settings, which the parties know as well.

    Settings that are neither tested nor the key's are left out. They put no condition on Eve.
    """
    scenario = behaviour.scenario
    if scenario.parties != 2:
        raise InvalidInput(f"this post-processing is of keys of two parties, and the behaviour is of {scenario}.")
    key = scenario.require_setting(0, x, "x"), scenario.require_setting(1, y, "y")
    joint = behaviour.joint(*key)
    if min(joint.shape) < 2 or not joint[:2, :2].sum() > 0.0:
        raise InvalidInput(
            f"the key settings x = {x} and y = {y} never have two outcomes 0 and 1 on both sides; choose others."
        )
    data = _with_joint(data, Observations.full(behaviour, settings=[key]))
    used: list[list[int]] = []
    places: list[list[int]] = []
    for party in (0, 1):
        letters = scenario.letters[party]
        touched = np.abs(np.moveaxis(data.coefficients, 1 + party, 0)).reshape(scenario.shape[party], -1).any(axis=1)
        used.append(sorted({letters[i - 1].setting for i in np.flatnonzero(touched) if i} | {key[party]}))
        places.append([0] + [i + 1 for i, letter in enumerate(letters) if letter.setting in used[party]])
    small = Scenario(tuple(tuple(scenario.outcomes[p][s] for s in used[p]) for p in (0, 1)))
    table = data.coefficients[:, places[0]][:, :, places[1]]
    observed = Observations(small, np.ascontiguousarray(table), data.values, data.tolerances)
    return KeyData(observed, used[0].index(key[0]), used[1].index(key[1]), joint)


def _with_joint(data: Observations, joint: Observations) -> Observations:
    """The tests, and those of a joint distribution that are no combination of sharp ones among them."""
    size = int(np.prod(data.scenario.shape))
    sharp = data.coefficients[data.tolerances <= DATA_TOLERANCE].reshape(-1, size)
    more = joint.coefficients.reshape(-1, size)
    rank = np.linalg.matrix_rank
    new = np.array([k for k in range(len(joint)) if rank(np.vstack([sharp, more[k : k + 1]])) > rank(sharp)], dtype=int)
    if not len(new):
        return data
    own = Observations(joint.scenario, joint.coefficients[new], joint.values[new], joint.tolerances[new])
    return data.joined(own)


def level_with_eve(level: str) -> str:
    """A level of two parties with each of its words times 1 and each of Eve's effects.

    >>> level_with_eve("1+AB"), level_with_eve("2")
    ('1+AB+AC+BC+ABC', '1+AA+AB+BB+AC+BC+AAC+ABC+BBC')
    """
    if not isinstance(level, str) or not re.fullmatch(r"[1-4](\+([1-4]|[AB]+))*", level.replace(" ", "")):
        raise InvalidLevel(
            f"level = {level!r:.60} must be one of two parties, a sum such as '1+AB', '2' or '1+AB+AAB' (numbers to 4)."
        )
    words: dict[str, None] = {}
    for term in level.replace(" ", "").split("+"):
        if term.isdigit():
            words |= {"A" * (n - b) + "B" * b: None for n in range(1, int(term) + 1) for b in range(n + 1)}
        else:
            words["".join(sorted(term))] = None
    return "+".join(["1", *(w for w in words if len(w) > 1), *(w + "C" for w in words)])


@dataclass(frozen=True, eq=False)
class EveObjective:
    """An objective of the parties and a measuring Eve.

    Attributes
    ----------
    effects : for each of Eve's settings, for each of her outcomes, the weights (a, b) of the key's outcomes
    text : the objective in words
    """

    effects: Sequence[Sequence[Floats]]
    text: str


def bounded_with_eve(key: KeyData, objective: EveObjective, level: str) -> Bound:
    """The least value of an objective with Eve, for all strategies with the tested data.

    Parameters
    ----------
    level : of the two parties, see :func:`level_with_eve`

    Returns
    -------
    Bound of a Bell expression of three parties, side "lower"
    """
    return solve(question_with_eve(key, objective), Quantum(level_with_eve(level)))


def question_with_eve(key: KeyData, objective: EveObjective) -> Question:
    """What :func:`bounded_with_eve` bounds: a Bell expression of three parties, and the tests of two of them."""
    effects = objective.effects
    observed = key.observed
    outcomes = tuple(len(own) for own in effects)
    scenario = Scenario((*observed.scenario.outcomes, outcomes))
    table = np.zeros((*scenario.table_shape[:2], max(outcomes), *observed.scenario.settings, len(outcomes)))
    a, b = key.joint.shape
    for z, own in enumerate(effects):
        for e, weights in enumerate(own):
            table[:a, :b, e, key.x, key.y, z] = weights
    wide = np.zeros((len(observed), *scenario.shape))
    wide[..., 0] = observed.coefficients
    tests = Observations(scenario, wide, observed.values, observed.tolerances)
    expression = BellExpression.from_probabilities(table, scenario)
    return replace(bell_question(expression, tests, "lower"), figure=EveValue(expression, objective.text))
