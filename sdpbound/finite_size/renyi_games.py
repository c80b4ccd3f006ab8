"""Which behaviours have a length by Renyi entropies, and the round of its protocol."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.observations import Observations
from sdpbound.entropies.entropy import Entropy
from sdpbound.errors import InvalidInput
from sdpbound.finite_size.chsh_test import chsh_test
from sdpbound.finite_size.figures import FiniteKeyLength, FiniteRandomnessLength
from sdpbound.finite_size.options import FiniteKeyOptions, FiniteOptions, FiniteRandomnessOptions
from sdpbound.finite_size.renyi import RenyiGame
from sdpbound.finite_size.scores import information

__all__ = ["only_renyi", "renyi_game"]


def only_renyi(options: FiniteOptions) -> bool:
    """Whether lengths of accumulation are out of the question."""
    return options.method == "renyi" or options.lengths > 1


def renyi_game(
    behaviour: Behaviour, x: int, y: int | None, observed: Observations | str, options: FiniteOptions
) -> RenyiGame | None:
    """The round with the CHSH test of the behaviour; None if the options ask for no such length, or have none.

    Raises
    ------
    InvalidInput
        The options ask for Renyi entropies, and there is no closed form for this question.
    """
    given = options.entropies is not None and not isinstance(options.entropies, Entropy)
    if options.method == "accumulation" or (options.method == "auto" and given and options.lengths == 1):
        return None
    keyed = isinstance(options, FiniteKeyOptions)
    x = behaviour.scenario.require_setting(0, x, "x")
    y = None if y is None else behaviour.scenario.require_setting(1, y, "y")
    test = chsh_test(behaviour, x, observed, options.test_distribution)
    if options.entropies is not None:
        test = "entropies are for accumulation, and this method has a closed form: leave them out"
    elif isinstance(options, FiniteKeyOptions) and options.preprocessing:
        test = "no closed form with preprocessing is proven here: preprocessing must be 0"
    if isinstance(test, str):
        if options.method == "renyi" or options.lengths > 1:
            raise InvalidInput(f"Renyi entropies cannot be used: {test}; method='accumulation' with lengths=1 can.")
        return None
    game = RenyiGame(
        test=test,
        plain=(),
        tested=(),
        lengths=options.lengths,
        security=options.security,
        behaviour=behaviour,
        figure=FiniteRandomnessLength(x, y, 0.0, options.security),
        net=isinstance(options, FiniteRandomnessOptions) and options.net,
    )
    if not keyed:
        return game
    assert y is not None
    drawn = test.distribution
    tested = [
        (float(drawn[s, t]) * p, float(drawn[s, t]) * q)
        for s, t in zip(*np.nonzero(drawn), strict=True)
        for p, q in information(behaviour.joint(int(s), int(t)), 0.0)
    ]
    figure = FiniteKeyLength(x, y, 0.0, options.security)
    return replace(game, plain=information(behaviour.joint(x, y), 0.0), tested=tested, figure=figure)
