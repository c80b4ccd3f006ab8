"""Lengths of key and randomness from n rounds against a quantum adversary."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Unpack, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdpbound.arguments import instance, unmasked, with_changes
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.key import key_merge, key_settings, merged
from sdpbound.bell.observations import Observations
from sdpbound.entropies.entropy import EntropyBound
from sdpbound.errors import InvalidInput
from sdpbound.finite_size.accumulation import Game
from sdpbound.finite_size.figures import FiniteKeyLength, FiniteRandomnessLength
from sdpbound.finite_size.functionals import entropy_functionals
from sdpbound.finite_size.honest import Term
from sdpbound.finite_size.options import (
    MOST_ROUNDS,
    FiniteKeyChanges,
    FiniteKeyOptions,
    FiniteRandomnessChanges,
    FiniteRandomnessOptions,
    require_rounds,
)
from sdpbound.finite_size.renyi_games import RenyiGames, only_renyi, renyi_games
from sdpbound.finite_size.renyi_result import certified_renyi
from sdpbound.finite_size.renyi_search import renyi_worth
from sdpbound.finite_size.result import FiniteLength, certified
from sdpbound.finite_size.scores import ScoredTest, information, scored_test, tested_outcomes
from sdpbound.finite_size.search import best_choices, worth
from sdpbound.limiting import as_many_as_fit
from sdpbound.rates.rate import Rate

__all__ = ["finite_key_length", "finite_randomness_length", "key_games", "minimum_rounds"]

Several = Sequence[float] | NDArray[np.float64]
Rounds = float | Several


@overload
def finite_key_length(
    behaviour: Behaviour,
    n: float,
    x: int = 0,
    y: int = 0,
    observed: Observations | str = "correlators",
    options: FiniteKeyOptions | None = None,
    **changes: Unpack[FiniteKeyChanges],
) -> FiniteLength: ...


@overload
def finite_key_length(
    behaviour: Behaviour,
    n: Several,
    x: int = 0,
    y: int = 0,
    observed: Observations | str = "correlators",
    options: FiniteKeyOptions | None = None,
    **changes: Unpack[FiniteKeyChanges],
) -> tuple[FiniteLength, ...]: ...


def finite_key_length(
    behaviour: Behaviour,
    n: Rounds,
    x: int = 0,
    y: int = 0,
    observed: Observations | str = "correlators",
    options: FiniteKeyOptions | None = None,
    **changes: Unpack[FiniteKeyChanges],
) -> FiniteLength | tuple[FiniteLength, ...]:
    """The length in bits of a secret key from n rounds, against every quantum attack on devices that are not trusted.

    Every round is tested with a small probability. The key is Alice's outcome at the key settings,
    or with ``merge`` a function of it. The test checks the
    mean of the scores of an affine lower bound on the entropy. docs/finite_size.md has the protocol and its proof.

    Parameters
    ----------
    behaviour : the behaviour of honest devices. It decides how often the protocol aborts and how much error correction
        sends, but not whether the key is secret
    n : number of rounds, or several such numbers
    x, y : settings of the key
    observed : the data that bound the entropy: "correlators", "full" or an Observations of the behaviour
    options : security, test and processing, default FiniteKeyOptions()
    changes : single options by name: entropies, preprocessing, merge, security, test_probability, test_distribution,
        method, lengths

    Returns
    -------
    FiniteLength, side "lower", signed; for several n a tuple, in which length / n does not fall with n. The length does
        not pay for the choice of tests and settings. ``net_length`` does, which matters if a shared secret makes the
        choice

    Raises
    ------
    InvalidParameter, InvalidSettings, InvalidShape, and as :func:`conditional_entropy`

    >>> import sdpbound as sb
    >>> p = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(visibility=0.99)
    >>> bounds = [sb.conditional_entropy(sb.Observations.correlators(p))]
    >>> key = finite_key_length(p, 1e9, entropies=bounds)
    >>> key.side, 0.54e9 < key.length < 0.6e9
    ('lower', True)
    """
    how = with_changes(options, FiniteKeyOptions(), changes, "finite_key_length")
    _require_behaviour(behaviour)
    counts = _counts(n)
    renyi = renyi_games(behaviour, x, y, observed, how)
    games = [] if only_renyi(how) else key_games(behaviour, x, y, observed, how)
    return _lengths(_Search("key", games, renyi, how.test_probability), counts, np.ndim(n) == 0)


@overload
def finite_randomness_length(
    behaviour: Behaviour,
    n: float,
    x: int = 0,
    y: int | None = None,
    observed: Observations | str = "correlators",
    options: FiniteRandomnessOptions | None = None,
    **changes: Unpack[FiniteRandomnessChanges],
) -> FiniteLength: ...


@overload
def finite_randomness_length(
    behaviour: Behaviour,
    n: Several,
    x: int = 0,
    y: int | None = None,
    observed: Observations | str = "correlators",
    options: FiniteRandomnessOptions | None = None,
    **changes: Unpack[FiniteRandomnessChanges],
) -> tuple[FiniteLength, ...]: ...


def finite_randomness_length(
    behaviour: Behaviour,
    n: Rounds,
    x: int = 0,
    y: int | None = None,
    observed: Observations | str = "correlators",
    options: FiniteRandomnessOptions | None = None,
    **changes: Unpack[FiniteRandomnessChanges],
) -> FiniteLength | tuple[FiniteLength, ...]:
    """The length in bits of private randomness from n rounds, of both outcomes; the devices are in one laboratory.

    The parameters are those of :func:`finite_key_length`. With ``y`` the bounded entropy is H(AB|X=x,Y=y,E). Without
    ``y`` it is H(A|X=x,E), and untested rounds use ``x`` and any y. ``length`` is the length of the output.
    ``net_length`` is the length less the seed for tests and settings, and is positive if randomness expands. The
    default options are FiniteRandomnessOptions(); their ``net`` chooses the parameters that are best for the net
    length.

    >>> import sdpbound as sb
    >>> p = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(visibility=0.99)
    >>> bounds = [sb.conditional_entropy(sb.Observations.correlators(p))]
    >>> random = finite_randomness_length(p, 1e9, net=True, entropies=bounds)
    >>> random.length > random.net_length > 0.45e9
    True
    """
    how = with_changes(options, FiniteRandomnessOptions(), changes, "finite_randomness_length")
    _require_behaviour(behaviour)
    counts = _counts(n)
    renyi = renyi_games(behaviour, x, y, observed, how)
    games = [] if only_renyi(how) else _randomness_games(behaviour, x, y, observed, how)
    return _lengths(_Search("randomness", games, renyi, how.test_probability), counts, np.ndim(n) == 0)


def minimum_rounds(
    behaviour: Behaviour,
    x: int = 0,
    y: int = 0,
    observed: Observations | str = "correlators",
    options: FiniteKeyOptions | None = None,
    **changes: Unpack[FiniteKeyChanges],
) -> float:
    """The smallest number of rounds found that gives a key of at least one bit; infinite if none up to 1e18 does.

    The parameters are those of :func:`finite_key_length`. The result is an upper bound on the least number: so many
    rounds are proven to be enough.

    >>> import sdpbound as sb
    >>> p = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(visibility=0.99)
    >>> bounds = [sb.conditional_entropy(sb.Observations.correlators(p))]
    >>> 1e5 < minimum_rounds(p, entropies=bounds) < 1e8
    True
    """
    how = with_changes(options, FiniteKeyOptions(), changes, "minimum_rounds")
    _require_behaviour(behaviour)
    games = [] if only_renyi(how) else key_games(behaviour, x, y, observed, how)
    search = _Search("key", games, renyi_games(behaviour, x, y, observed, how), how.test_probability)
    least, n = math.inf, MOST_ROUNDS
    for _ in range(60):
        (found,) = search.lengths([n])
        # with these parameters fixed the length is slope * n + offset
        if found._slope <= 0.0:
            break
        enough = math.ceil((1.0 - found._offset) / found._slope * (1.0 + 1e-12)) + 1.0
        if enough >= least * (1.0 - 1e-6):
            break
        least = n = enough
    return least


# -- the games ----------------------------------------------------------------------------------------------------


def key_games(
    behaviour: Behaviour, x: int, y: int, observed: Observations | str, options: FiniteKeyOptions
) -> list[Game]:
    preprocessing, security = options.preprocessing, options.security
    scenario = behaviour.scenario
    values = None if options.merge is None else key_merge(scenario, key_settings(scenario, x), options.merge)
    functionals = entropy_functionals(behaviour, observed, x, None, preprocessing, options.entropies, values)
    y = scenario.require_setting(1, y, "y")
    outcomes = tuple(max(party) for party in behaviour.scenario.outcomes)
    games = []
    figure = FiniteKeyLength(x, y, preprocessing, security, merge=values)
    for entropy, test in _tests(functionals, options.test_distribution):
        games.append(
            Game(
                test=test,
                results=test.results(behaviour),
                # with flips only untested rounds count, since tests flip no bit
                own=0.0 if preprocessing else float(test.distribution[x].sum()),
                outcomes=outcomes[0] * outcomes[1],
                other=outcomes[1],
                plain=information(merged(behaviour.joint(x, y), values), preprocessing),
                tested=tested_outcomes(behaviour, test.distribution),
                security=security,
                behaviour=behaviour,
                figure=figure,
                entropy=entropy,
            )
        )
    return games


def _randomness_games(
    behaviour: Behaviour, x: int, y: int | None, observed: Observations | str, options: FiniteRandomnessOptions
) -> list[Game]:
    security = options.security
    functionals = entropy_functionals(behaviour, observed, x, y, 0.0, options.entropies)
    outcomes = tuple(max(party) for party in behaviour.scenario.outcomes)
    games = []
    figure = FiniteRandomnessLength(x, y, 0.0, security)
    for entropy, test in _tests(functionals, options.test_distribution):
        own = test.distribution[x].sum() if y is None else test.distribution[x, y]
        games.append(
            Game(
                test=test,
                results=test.results(behaviour),
                own=float(own),
                outcomes=outcomes[0] * outcomes[1],
                other=1,
                plain=(),
                tested=(),
                security=security,
                behaviour=behaviour,
                figure=figure,
                entropy=entropy,
                net=options.net,
            )
        )
    return games


def _tests(
    functionals: Sequence[tuple[BellExpression, EntropyBound | None]], distribution: ArrayLike | None
) -> list[tuple[EntropyBound | None, ScoredTest]]:
    """The bounds with the tests of their functionals: as many as there is time for."""

    def made(place: int) -> ScoredTest:
        return scored_test(functionals[place][0], distribution)

    tests = as_many_as_fit(range(len(functionals)), made)
    return [(functionals[place][1], test) for place, test in tests.items()]


# -- the lengths --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Search:
    """The lengths of one kind that rounds with one or both kinds of entropies have; ``gamma`` fixes the tests."""

    kind: str
    games: list[Game]
    renyi: RenyiGames
    gamma: float | None

    def lengths(self, counts: list[float]) -> list[FiniteLength]:
        """The best length for each n, over the parameters found for all n, so that length / n never falls."""
        pool = list(self._choices(counts))
        if not pool:
            raise InvalidInput(
                "no bound on the Renyi entropy of these data was proven, or test_distribution draws settings that it "
                "does not depend on; method='accumulation' with lengths=1 may have a length."
            )
        best = (max(pool, key=lambda found: found[0].rate * count + found[0].constant) for count in counts)
        notes = self.renyi.notes
        return [replace(proven(count), notes=notes) for (_, proven), count in zip(best, counts, strict=True)]

    def _choices(self, counts: list[float]) -> Iterator[tuple[Term[float], Callable[[float], FiniteLength]]]:
        """For each n and kind of entropies the best parameters: their line in n, and what proves a length."""
        gamma = None if self.gamma is None else float(self.gamma)
        for index, choice in best_choices(self.games, counts, gamma) if self.games else []:
            yield worth(self.games[index], choice), partial(certified, self.kind, self.games[index], choice)
        for game, other in self.renyi.choices(counts, gamma):
            yield renyi_worth(game, other), partial(certified_renyi, self.kind, game, other)


def _require_behaviour(behaviour: object) -> None:
    """Raise InvalidInput, with the next step, for what is no behaviour of honest devices."""
    if isinstance(behaviour, Rate):
        raise InvalidInput(
            "behaviour must be a Behaviour of honest devices, not a Rate, which does not keep theirs; give the "
            "behaviour that the rate is of."
        )
    instance(behaviour, Behaviour, "behaviour", "SingletSelfTest(...).behaviour()")


def _counts(n: Rounds) -> list[float]:
    """The numbers of rounds, at least one."""
    unmasked(n, "n")
    counts = [require_rounds(v) for v in np.atleast_1d(np.asarray(n, dtype=object)).tolist()]
    if not counts:
        raise InvalidInput("n must name at least one number of rounds.")
    return counts


def _lengths(search: _Search, counts: list[float], single: bool) -> FiniteLength | tuple[FiniteLength, ...]:
    found = search.lengths(counts)
    return found[0] if single else tuple(found)
