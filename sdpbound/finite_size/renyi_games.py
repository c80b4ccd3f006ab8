"""Which behaviours have a length by Renyi entropies, and the round of its protocol."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sdpbound.arguments import floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.observations import Observations
from sdpbound.entropies.entropy import Entropy
from sdpbound.errors import InvalidInput
from sdpbound.finite_size.chsh_test import ChshTest, chsh_test, correlator
from sdpbound.finite_size.figures import FiniteKeyLength, FiniteRandomnessLength
from sdpbound.finite_size.options import FiniteKeyOptions, FiniteOptions, FiniteRandomnessOptions
from sdpbound.finite_size.renyi import ChshGame, RenyiChoice, RenyiGame
from sdpbound.finite_size.renyi_powers import PowerSource, fitting_data
from sdpbound.finite_size.renyi_search import best_renyi_choices
from sdpbound.finite_size.scores import information, tested_outcomes
from sdpbound.rates.tested import observations_of

__all__ = ["RenyiGames", "only_renyi", "renyi_games"]

#: Correlators and marginals that differ by less are alike.
_ALIKE = 1e-9


def only_renyi(options: FiniteOptions) -> bool:
    """Whether lengths of accumulation are out of the question."""
    return options.method == "renyi" or options.lengths > 1 or _inputs(options) == "recycled"


def _inputs(options: FiniteOptions) -> str:
    return options.inputs if isinstance(options, FiniteRandomnessOptions) else "public"


@dataclass(frozen=True, eq=False)
class RenyiGames:
    """The games whose lengths compete: with a CHSH test, whose bound is a closed form, and with solved bounds."""

    chsh: ChshGame | None = None
    powers: PowerSource | None = None

    def choices(self, counts: list[float], gamma: float | None) -> Iterator[tuple[RenyiGame, RenyiChoice]]:
        """Games with good parameters for each number of rounds."""
        if self.chsh is not None:
            for choice in best_renyi_choices(self.chsh, counts, gamma):
                yield self.chsh, choice
        if self.powers is not None:
            yield from self.powers.choices(counts, gamma)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out of the choices so far, in a sentence."""
        return (self.powers.note,) if self.powers is not None and self.powers.note else ()


def renyi_games(
    behaviour: Behaviour, x: int, y: int | None, observed: Observations | str, options: FiniteOptions
) -> RenyiGames:
    """The games with tests of the behaviour that the options allow.

    Raises
    ------
    InvalidInput
        The options ask for Renyi entropies, and there is no bound for this question.
    """
    given = options.entropies is not None and not isinstance(options.entropies, Entropy)
    if options.method == "accumulation" or (given and not only_renyi(options)):
        return RenyiGames()
    x = behaviour.scenario.require_setting(0, x, "x")
    y = None if y is None else behaviour.scenario.require_setting(1, y, "y")
    if isinstance(options, FiniteKeyOptions) and options.merge is not None:
        return _refused("their bounds are of whole outcomes, and merge asks for a function of these", options)
    if options.entropies is not None:
        return _refused("entropies are for accumulation, and this method has its own bounds: leave them out", options)
    flips = options.preprocessing if isinstance(options, FiniteKeyOptions) else 0.0
    test = chsh_test(behaviour, x, observed, options.test_distribution)
    plain = chsh_test(behaviour, x, observed, None) if isinstance(test, str) else test
    guide = None if isinstance(plain, str) else _chsh_game(behaviour, x, y, plain, options)
    powers = _powers(behaviour, x, y, observed, options, guide)
    chsh = None if isinstance(test, str) or flips else guide
    if chsh is None and powers is None:
        return _refused(test if isinstance(test, str) else "no bound is proven for these data", options)
    return RenyiGames(chsh, powers)


def _refused(reason: str, options: FiniteOptions) -> RenyiGames:
    if only_renyi(options):
        instead = "method='accumulation' with lengths=1"
        instead += " and public inputs" if _inputs(options) == "recycled" else ""
        raise InvalidInput(f"Renyi entropies cannot be used: {reason}; {instead} can.")
    return RenyiGames()


def _chsh_game(behaviour: Behaviour, x: int, y: int | None, test: ChshTest, options: FiniteOptions) -> ChshGame:
    keyed = isinstance(options, FiniteKeyOptions)
    flips = options.preprocessing if isinstance(options, FiniteKeyOptions) else 0.0
    figure = FiniteKeyLength if keyed else FiniteRandomnessLength
    return ChshGame(
        test=test,
        plain=information(behaviour.joint(x, y), flips) if keyed and y is not None else (),
        tested=tested_outcomes(behaviour, test.distribution) if keyed else (),
        lengths=options.lengths,
        security=options.security,
        behaviour=behaviour,
        figure=figure(x, y, flips, options.security, inputs=_inputs(options)),
        net=isinstance(options, FiniteRandomnessOptions) and options.net,
    )


def _powers(
    behaviour: Behaviour,
    x: int,
    y: int | None,
    observed: Observations | str,
    options: FiniteOptions,
    guide: ChshGame | None,
) -> PowerSource | None:
    """Where games with solved bounds come from; None where the closed form says all that the data say."""
    if guide is None:
        return None
    keyed = isinstance(options, FiniteKeyOptions)
    flips = options.preprocessing if isinstance(options, FiniteKeyOptions) else 0.0
    alice, bob = (sorted(set(index.tolist())) for index in np.nonzero(guide.test.signs))
    data = fitting_data(observations_of(behaviour, observed), alice, bob)
    if not keyed and y not in bob:
        y = None
    both = None if keyed else y
    if both is None and not flips and _says_chsh_only(behaviour, data, alice, bob):
        return None
    drawn = options.test_distribution
    distribution = None if drawn is None else floats(drawn, "test_distribution")
    return PowerSource(guide, data, x, both, flips, distribution, limited=not only_renyi(options))


def _says_chsh_only(behaviour: Behaviour, data: Observations, alice: list[int], bob: list[int]) -> bool:
    """Whether the data are what relabellings make of all data with their CHSH value.

    Relabellings that exchange Alice's settings are among them, so that all data may have more entropy at one setting
    than their CHSH value; a bound for that is not asked for, as it would have to be solved for each order.
    """
    if len(data) == 1:
        return True
    correlators = [abs(correlator(behaviour, s, t)) for s in alice for t in bob]
    if max(correlators) - min(correlators) > _ALIKE:
        return False
    one = data.coefficients.reshape(len(data), *data.scenario.shape)
    marginals = np.concatenate([one[:, 0, 1:], one[:, 1:, 0]], axis=1)
    means = [behaviour.moments[0, 1:], behaviour.moments[1:, 0]]
    return not (marginals.any(axis=0) & (np.abs(np.concatenate(means)) > _ALIKE)).any()
