"""Guessing probabilities of an eavesdropper, and the min-entropies they give."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from sdpbound.adversaries.adversary import Adversary
from sdpbound.adversaries.quantum import Quantum
from sdpbound.arguments import instance
from sdpbound.bell.key import KeyChanges, key_effects, key_merge, key_settings, merged, named_key, settings_of
from sdpbound.bell.observations import Observations
from sdpbound.bell.scenario import BlindMeasurement
from sdpbound.bounds.bound import Bound
from sdpbound.bounds.figures import BlindGuessingProbability, GuessingProbability
from sdpbound.bounds.proof import as_min_entropy
from sdpbound.bounds.question import Question
from sdpbound.bounds.solving import solve
from sdpbound.conic.solvers.choose import SolverChoice
from sdpbound.errors import InvalidInput, InvalidShape

__all__ = ["blind_guessing_probability", "guessing_probability", "guessing_question", "min_entropy"]


def guessing_probability(
    observed: Observations,
    model: Adversary | None = None,
    x: int = 0,
    y: int | None = None,
    solver: SolverChoice = None,
    tolerance: float | None = None,
    symmetry: bool = True,
    **key: Unpack[KeyChanges],
) -> Bound:
    """Certified upper bound on the probability that Eve guesses Alice's outcome, or those of any of the parties.

    ``max sum_e p(a = e, e | x)`` over behaviours of the model with Eve whose marginal without her has the tested
    values; with ``y`` the pair (a, b) of settings x, y is guessed (arXiv:1309.3894, arXiv:1309.3930), and with
    ``settings`` all outcomes of the parties that have a setting there, at once.

    Parameters
    ----------
    observed : Observations, what the parties test; of any number of parties
    model : Quantum(level), NoSignaling() or Local(): the adversary; Quantum("2") where none is named
    x : Alice's setting
    y : Bob's setting; None for local guessing P_guess(A|x,E), an int for global P_guess(AB|x,y,E)
    solver, tolerance, symmetry : as in :func:`maximize`
    key : ``settings``, in place of x and y: one entry for each party, its setting, or None where Eve does not guess its
        outcome; ``merge``, if Eve guesses a function of the outcomes: its value 0, 1, .. for each, such as (0, 0, 1)

    Returns
    -------
    Bound, side "upper", a probability

    Raises
    ------
    Infeasible, InvalidSettings, InvalidLevel, SolverFailure

    >>> import sdpbound as sb
    >>> data = sb.Observations.bell_value(sb.chsh(), 2.4)
    >>> bound = sb.guessing_probability(data, sb.NoSignaling())
    >>> abs(bound.value - (3/2 - 2.4/4)) < 1e-11
    True
    >>> data = sb.Observations.bell_value(sb.mermin(), 4.0)
    >>> bound = sb.guessing_probability(data, sb.Quantum("1+AB+AC+BC"), settings=(None, 0, 0))
    >>> bound.figure, abs(bound.value - 1/4) < 1e-5
    ('P_guess(BC|y=0,z=0,E)', True)
    >>> data = sb.Observations.bell_value(sb.chsh(), 8**0.5)
    >>> parity = sb.guessing_probability(data, sb.Quantum("1+AB"), 0, 0, merge=[[0, 1], [1, 0]])
    >>> parity.figure, round(parity.value, 4)  # of a xor b: they agree that often
    ('P_guess(f(AB)=0110|x=0,y=0,E)', 0.8536)
    """
    settings, merge = settings_of(key, "guessing_probability")
    model = Quantum("2") if model is None else model
    return solve(guessing_question(observed, x, y, settings, merge), model, solver, tolerance, symmetry)


def blind_guessing_probability(
    observed: Observations,
    model: Adversary,
    x: int = 0,
    y: int = 0,
    solver: SolverChoice = None,
    tolerance: float | None = None,
    symmetry: bool = True,
) -> Bound:
    """Certified upper bound on the probability that Bob and Eve together guess Alice's outcome: blind randomness.

    Bob measures y and gets his outcome; then an Eve who holds that outcome, Bob's device as the measurement left it,
    and her own system guesses Alice's outcome of setting x. Her measurement, with as many outcomes as Alice's, may be
    taken projective; it commutes with Alice's operators and with Bob's setting y, but not with his other settings:
    a further measurement of Bob's with that one commutation rule.

    A no-signaling or local adversary has no post-measurement device (``model.keeps_devices``); for those models Eve
    holds Bob's outcome only.

    ``observed``, ``solver``, ``tolerance`` and ``symmetry`` as in :func:`guessing_probability`.

    Returns
    -------
    Bound, side "upper", a probability
    """
    return solve(_blind_question(observed, model, x, y), model, solver, tolerance, symmetry)


def min_entropy(
    observed: Observations,
    model: Adversary | None = None,
    x: int = 0,
    y: int | None = None,
    blind: bool = False,
    solver: SolverChoice = None,
    tolerance: float | None = None,
    **key: Unpack[KeyChanges],
) -> Bound:
    """Certified lower bound on the conditional min-entropy, ``-log2`` of the guessing probability, in bits.

    ``model`` is the adversary, Quantum("2") where none is named.
    ``y``, ``settings`` and ``merge`` as in :func:`guessing_probability`; with ``blind`` as in
    :func:`blind_guessing_probability`.
    ``bound.functional`` is the tangent of -log2 of the proven functional: affine, and a lower bound by convexity.

    Returns
    -------
    Bound, side "lower", in bits

    >>> import sdpbound as sb
    >>> data = sb.Observations.bell_value(sb.chsh(), 8**0.5)
    >>> 0.99 < sb.min_entropy(data, sb.Quantum("1+AB")).value <= 1
    True
    """
    settings, merge = settings_of(key, "min_entropy")
    model = Quantum("2") if model is None else model
    if blind:
        if settings is not None:
            raise InvalidInput(f"settings = {settings!r:.60} of a blind min-entropy: give x and y instead.")
        if merge is not None:
            raise InvalidInput(f"merge = {merge!r:.60} of a blind min-entropy: leave it out, or leave blind out.")
        if y is None:
            raise InvalidInput("blind min-entropy needs Bob's setting: give y as an integer from 0.")
        question = _blind_question(observed, model, x, y)
    else:
        question = guessing_question(observed, x, y, settings, merge)
    return as_min_entropy(solve(question, model, solver, tolerance))


def guessing_question(
    observed: Observations,
    x: int | None = 0,
    y: int | None = None,
    settings: Sequence[int | None] | None = None,
    merge: Sequence[Any] | None = None,
) -> Question:
    """The question of Eve's guess: one copy for each value of the key, of outcomes the last party's fastest."""
    instance(observed, Observations, "observed", "Observations.correlators(behaviour)")
    scenario = observed.scenario
    key = key_settings(scenario, x, y, settings)
    values = key_merge(scenario, key, merge)
    objective = merged(key_effects(scenario, key), values)
    figure = GuessingProbability(*named_key(key), values)
    return Question(scenario, objective, observed, figure, "upper", 1.0 / len(objective))


def _blind_question(observed: Observations, model: Adversary, x: int, y: int) -> Question:
    instance(observed, Observations, "observed", "Observations.correlators(behaviour)")
    if observed.scenario.parties != 2:
        raise InvalidShape(
            f"blind guesses are of Alice's outcome with Bob's device: of two parties, not {observed.scenario}."
        )
    instance(model, Adversary, "the model", "Quantum('2'), NoSignaling() or Local()")
    scenario = observed.scenario
    x, y = scenario.require_setting(0, x, "x"), scenario.require_setting(1, y, "y")
    guesses, answers = scenario.outcomes[0][x], scenario.outcomes[1][y]
    figure = BlindGuessingProbability(x, y)
    if model.keeps_devices:
        wide = scenario.extended(1, [guesses])
        last = wide.settings[1] - 1
        objective = sum(np.outer(wide.effect(0, x, a), wide.effect(1, last, a)) for a in range(guesses))
        return Question(
            scenario,
            np.asarray(objective)[None],
            observed,
            figure,
            "upper",
            1.0 / guesses,
            BlindMeasurement(y, guesses),
        )
    # Eve's classical side information fixes one guess for each of Bob's outcomes; outcome 0 varies fastest
    functions = [g[::-1] for g in itertools.product(range(guesses), repeat=answers)]
    table = [
        sum(np.outer(scenario.effect(0, x, g[b]), scenario.effect(1, y, b)) for b in range(answers)) for g in functions
    ]
    return Question(scenario, np.array(table), observed, figure, "upper", 1.0 / guesses)
