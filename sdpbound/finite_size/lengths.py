"""Key and randomness lengths of n rounds against a quantum adversary."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import flint
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdpbound.arguments import instance
from sdpbound.behaviour import Behaviour, Observations
from sdpbound.bell import BellExpression
from sdpbound.bounds import lower_float, rounded
from sdpbound.errors import InvalidInput, InvalidParameter
from sdpbound.finite_size.accumulation import (
    Choice,
    FiniteSecurity,
    Game,
    epsilons,
    min_tradeoff,
    terms,
    total,
)
from sdpbound.finite_size.arithmetic import balls
from sdpbound.finite_size.functionals import EntropySource, entropy_functionals
from sdpbound.finite_size.scores import information, scored_test
from sdpbound.finite_size.search import best_choice

__all__ = ["FiniteLength", "finite_key_length", "finite_randomness_length", "minimum_rounds"]

Rounds = float | Sequence[float] | NDArray[np.float64]

THEOREM = (
    "entropy accumulation, Dupuis and Fawzi, arXiv:1805.11652 (IEEE Trans. Inf. Theory 65, 7596): Theorem V.2 in the "
    "form of its proof with free alpha, terms V and K_alpha; min-tradeoff function with infrequent sampling, Lemma V.5"
)
VARIANCE = {
    "quantum": "V and K for quantum registers",
    "classical": "V and K for classical registers, by the paper's bound on their information variance",
    "sharp": "V and K for classical registers, their information variance bounded by arcosh^2(sqrt(d))",
}
ASSUMPTIONS = (
    "quantum theory is correct and complete",
    "rounds are sequential; the devices may have memory and be correlated with Eve's quantum system from the start",
    "the laboratories leak nothing but what the protocol sends; a device is told its own setting only",
    "trusted randomness, independent of devices and Eve, decides which rounds are tested and with which settings",
    "classical communication is authenticated, classical processing is trusted",
)
#: Rounds beyond this make floats, in which n is given, coarse.
MOST_ROUNDS = 1e18


@dataclass(frozen=True, eq=False, repr=False)
class FiniteLength:
    """A proven length of key or of randomness.

    Attributes
    ----------
    length : bits; negative: none can be had with these parameters. Rounded down from balls
    side : "lower": longer outputs may be possible
    kind : "key" or "randomness"
    rounds : n
    test_probability, alpha : those used, optimised unless given
    terms : bits of each term; their sum is the length up to rounding
    epsilons : the parts of soundness and completeness
    threshold : the protocol accepts if the mean of its scores over all rounds is at least this
    untested : score of an untested round
    scores : (A, B, X, Y), score of a tested round, where its settings are drawn
    test_distribution : (X, Y) of the settings of a tested round
    most_tests : the protocol aborts if more rounds are tested; n where that does not matter
    input_bits : entropy of all random choices of the protocol: what drawing them costs on average, up to two bits
    functional : BellExpression, the affine lower bound on the entropy of a round that is used
    asymptotic_rate : of this functional, at the behaviour: ``length / n`` tends to the best one of the functionals
    choice : all parameters chosen; with any others the formulas of docs/finite_size.md give a length as well
    security, theorem, assumptions
    """

    length: float
    side: str
    kind: str
    rounds: float
    test_probability: float
    alpha: float
    terms: dict[str, float]
    epsilons: dict[str, float]
    threshold: float
    untested: float
    scores: NDArray[np.float64]
    test_distribution: NDArray[np.float64]
    most_tests: float
    input_bits: float
    functional: BellExpression
    asymptotic_rate: float
    security: FiniteSecurity
    theorem: str
    assumptions: tuple[str, ...]
    choice: Choice
    _slope: float
    _offset: float

    def __float__(self) -> float:
        return self.length

    @property
    def rate(self) -> float:
        """``length / rounds``, rounded down."""
        return math.nextafter(self.length / self.rounds, -math.inf)

    @property
    def net_length(self) -> float:
        """The length less what drawing tests and settings takes; the seed of the extractor is not used up."""
        return math.nextafter(self.length - self.input_bits, -math.inf)

    def __repr__(self) -> str:
        return (
            f"{self.kind} of {rounded(self.length, 'lower')} bits from n = {self.rounds:g} rounds (lower bound; tests "
            f"with probability {self.test_probability:.3g}, soundness {self.security.soundness:g}, completeness "
            f"{self.security.completeness:g}; entropy accumulation, arXiv:1805.11652)"
        )


@overload
def finite_key_length(
    behaviour: Behaviour,
    n: float,
    x: int = 0,
    y: int = 0,
    observed: Observations | str = "correlators",
    *,
    entropies: EntropySource = None,
    preprocessing: float = 0.0,
    security: FiniteSecurity | None = None,
    test_probability: float | None = None,
    test_distribution: ArrayLike | None = None,
) -> FiniteLength: ...


@overload
def finite_key_length(
    behaviour: Behaviour,
    n: Sequence[float] | NDArray[np.float64],
    x: int = 0,
    y: int = 0,
    observed: Observations | str = "correlators",
    *,
    entropies: EntropySource = None,
    preprocessing: float = 0.0,
    security: FiniteSecurity | None = None,
    test_probability: float | None = None,
    test_distribution: ArrayLike | None = None,
) -> tuple[FiniteLength, ...]: ...


def finite_key_length(
    behaviour: Behaviour,
    n: Rounds,
    x: int = 0,
    y: int = 0,
    observed: Observations | str = "correlators",
    *,
    entropies: EntropySource = None,
    preprocessing: float = 0.0,
    security: FiniteSecurity | None = None,
    test_probability: float | None = None,
    test_distribution: ArrayLike | None = None,
) -> FiniteLength | tuple[FiniteLength, ...]:
    """Secret key from n rounds, in bits, against every quantum attack on devices that are not trusted.

    The protocol and its proof: docs/finite_size.md. Every round is tested with a small probability; the key is Alice's
    outcome at the key settings; the test is on the mean of the scores of an affine lower bound on the entropy.

    Parameters
    ----------
    behaviour : what the devices do if they are honest: decides how often the protocol aborts and what error correction
        sends, not whether the key is secret
    n : rounds, or several numbers of them
    x, y : settings of the key
    observed : what the entropy is bounded from: "correlators", "full" or an Observations of the behaviour
    entropies : affine lower bounds on H(A|X=x,E) after preprocessing, instead of solving for some: bounds of
        :func:`conditional_entropy`, their functionals, or BellExpressions in bits, which are trusted; or a VonNeumann
        to solve with. The best for each n is taken
    preprocessing : probability in [0, 1/2] with which Alice flips a key bit (in tests she does not)
    security : FiniteSecurity()
    test_probability : of a round; default: the best
    test_distribution : (X, Y) of the settings of a tested round; default: in proportion to how much they matter

    Returns
    -------
    FiniteLength, side "lower", signed; a tuple of them for several n, for which length / n does not fall

    Raises
    ------
    InvalidParameter, InvalidSettings, InvalidShape, and as :func:`conditional_entropy`

    >>> import sdpbound as sb
    >>> p = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(visibility=0.99)
    >>> key = finite_key_length(p, 1e9)
    >>> key.side, 0.5e9 < key.length < 0.6e9
    ('lower', True)
    """
    games = _key_games(behaviour, x, y, observed, entropies, preprocessing, security, test_distribution)
    return _lengths("key", games, n, test_probability)


def finite_randomness_length(
    behaviour: Behaviour,
    n: float,
    x: int = 0,
    y: int | None = None,
    observed: Observations | str = "correlators",
    *,
    entropies: EntropySource = None,
    security: FiniteSecurity | None = None,
    test_probability: float | None = None,
    test_distribution: ArrayLike | None = None,
) -> FiniteLength:
    """Private randomness from n rounds, in bits: of both outcomes, the devices being in one laboratory.

    Parameters as in :func:`finite_key_length`; with ``y`` the entropy bounded is H(AB|X=x,Y=y,E), without it
    H(A|X=x,E), and untested rounds use ``x`` (with y = 0). ``length`` counts the output; ``net_length`` is what is
    left after drawing tests and settings from a uniform seed: positive where randomness expands.

    >>> import sdpbound as sb
    >>> p = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(visibility=0.99)
    >>> finite_randomness_length(p, 1e9).net_length > 0.6e9
    True
    """
    games = _randomness_games(behaviour, x, y, observed, entropies, security, test_distribution)
    found = _lengths("randomness", games, n, test_probability)
    return found if isinstance(found, FiniteLength) else found[0]


def minimum_rounds(
    behaviour: Behaviour,
    x: int = 0,
    y: int = 0,
    observed: Observations | str = "correlators",
    *,
    entropies: EntropySource = None,
    preprocessing: float = 0.0,
    security: FiniteSecurity | None = None,
    test_probability: float | None = None,
    test_distribution: ArrayLike | None = None,
) -> float:
    """The smallest number of rounds found from which a key of at least one bit comes; infinite if none up to 1e18 do.

    Parameters as in :func:`finite_key_length`. An upper bound on the least number: that many rounds are proven enough.

    >>> import sdpbound as sb
    >>> p = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(visibility=0.99)
    >>> 1e5 < minimum_rounds(p) < 1e7
    True
    """
    games = _key_games(behaviour, x, y, observed, entropies, preprocessing, security, test_distribution)
    least, n = math.inf, MOST_ROUNDS
    for _ in range(60):
        found = _lengths("key", games, n, test_probability)
        assert isinstance(found, FiniteLength)
        # with these parameters fixed the length is slope * n + offset
        if found._slope <= 0.0:
            break
        enough = math.ceil((1.0 - found._offset) / found._slope * (1.0 + 1e-12)) + 1.0
        if enough >= least * (1.0 - 1e-6):
            break
        least = n = enough
    return least


# -- the games ----------------------------------------------------------------------------------------------------


def _key_games(
    behaviour: Behaviour,
    x: int,
    y: int,
    observed: Observations | str,
    entropies: EntropySource,
    preprocessing: float,
    security: FiniteSecurity | None,
    distribution: ArrayLike | None,
) -> list[Game]:
    security = _security(security)
    functionals = entropy_functionals(behaviour, observed, x, None, preprocessing, entropies)
    y = behaviour.scenario.require_setting(1, y, "y")
    outcomes = tuple(max(party) for party in behaviour.scenario.outcomes)
    games = []
    for functional in functionals:
        test = scored_test(functional, distribution)
        tested = [
            (float(test.distribution[s, t]) * p, float(test.distribution[s, t]) * q)
            for s, t in zip(*np.nonzero(test.distribution), strict=True)
            for p, q in information(behaviour.joint(int(s), int(t)), 0.0)
        ]
        games.append(
            Game(
                test=test,
                results=test.results(behaviour),
                # a flipped bit has its entropy in untested rounds only
                own=0.0 if preprocessing else float(test.distribution[x].sum()),
                outcomes=outcomes[0] * outcomes[1],
                other=outcomes[1],
                plain=information(behaviour.joint(x, y), preprocessing),
                tested=tested,
                security=security,
            )
        )
    return games


def _randomness_games(
    behaviour: Behaviour,
    x: int,
    y: int | None,
    observed: Observations | str,
    entropies: EntropySource,
    security: FiniteSecurity | None,
    distribution: ArrayLike | None,
) -> list[Game]:
    security = _security(security)
    functionals = entropy_functionals(behaviour, observed, x, y, 0.0, entropies)
    outcomes = tuple(max(party) for party in behaviour.scenario.outcomes)
    games = []
    for functional in functionals:
        test = scored_test(functional, distribution)
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
            )
        )
    return games


def _security(security: FiniteSecurity | None) -> FiniteSecurity:
    if security is None:
        return FiniteSecurity()
    given: FiniteSecurity = instance(security, FiniteSecurity, "security", "FiniteSecurity(soundness=1e-10)")
    return given


# -- the lengths --------------------------------------------------------------------------------------------------


def _lengths(kind: str, games: list[Game], n: Rounds, gamma: float | None) -> FiniteLength | tuple[FiniteLength, ...]:
    """The best length for each n, over the parameters found for any of them: so that length / n never falls."""
    if gamma is not None and (
        isinstance(gamma, bool) or not isinstance(gamma, (int, float)) or not 1e-12 <= gamma <= 1.0
    ):
        raise InvalidParameter(f"test_probability = {gamma!r:.60} must be a number from 1e-12 to 1.")
    counts = [_rounds(v) for v in np.atleast_1d(np.asarray(n, dtype=object)).tolist()]
    if not counts:
        raise InvalidInput("n must name at least one number of rounds.")
    pool = [best_choice(games, count, None if gamma is None else float(gamma)) for count in counts]
    lines = [total(terms(games[index], choice)) for index, choice in pool]
    found = []
    for count in counts:
        best = max(range(len(pool)), key=lambda i: lines[i].rate * count + lines[i].constant)
        found.append(_certified(kind, games[pool[best][0]], pool[best][1], count))
    return found[0] if np.ndim(n) == 0 else tuple(found)


def _rounds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 1.0 <= value <= MOST_ROUNDS:
        raise InvalidParameter(f"n = {value!r:.60} must be a number of rounds from 1 to {MOST_ROUNDS:g}.")
    if value != math.floor(value):
        raise InvalidParameter(f"n = {value!r:.60} must be a whole number of rounds.")
    return float(value)


def _certified(kind: str, game: Game, choice: Choice, n: float) -> FiniteLength:
    """The length of a choice in balls, rounded down, and what the protocol has to do."""
    with balls():
        one = flint.arb(1)
        parts = epsilons(game, choice, one)
        if not all(p > 0 or p == 0 for p in parts.values()):
            raise InvalidParameter("the parts of soundness or completeness do not add up; allow larger ones.")
        exact = terms(game, choice, one)
        line, f = total(exact), min_tradeoff(game, choice, one)
        length = lower_float(line.rate * flint.arb(n) + line.constant)
        bits = {name: float((t.rate * flint.arb(n) + t.constant).mid()) for name, t in exact.items()}
        accepted = exact["entropy of the score accepted"]
        margin = f.weight * flint.arb(game.test.margin)
        threshold = float(lower_float(accepted.rate + margin + accepted.constant / flint.arb(n)))
        scores = float(f.rest.mid()) + (
            float(f.weight.mid()) * game.test.scores - float(f.rest.mid())
        ) / choice.gamma * (game.test.distribution > 0.0)
        most = n
        if game.other > 1:
            tests = exact["test outcomes of the other party"]
            most = min(n, bits["test outcomes of the other party"] / -math.log2(game.other))
            assert tests.rate < 0
        slope, offset = lower_float(line.rate), lower_float(line.constant)
        rest = float(f.rest.mid())
    honest = sum(p * s for s, p in game.results) / sum(p for _, p in game.results)
    sent = sum(z * p for z, p in game.float_surprises[0])
    return FiniteLength(
        length=length,
        side="lower",
        kind=kind,
        rounds=n,
        test_probability=choice.gamma,
        alpha=1.0 + choice.beta,
        terms=bits,
        epsilons={name: float(p.mid()) for name, p in parts.items()},
        threshold=threshold,
        untested=rest,
        scores=scores,
        test_distribution=game.test.distribution,
        most_tests=most,
        input_bits=n * _drawing(choice.gamma, game.test.distribution),
        functional=game.test.functional,
        asymptotic_rate=honest - sent,
        security=game.security,
        theorem=f"{THEOREM}; {VARIANCE[game.security.registers]}",
        assumptions=ASSUMPTIONS,
        choice=choice,
        _slope=slope,
        _offset=offset,
    )


def _drawing(gamma: float, distribution: NDArray[np.float64]) -> float:
    """Entropy, in bits, of one round's choices: ``h(gamma) + gamma H(settings)``."""
    weights = np.concatenate([[1.0 - gamma], gamma * distribution[distribution > 0.0]])
    weights = weights[weights > 0.0]
    return float(-(weights @ np.log2(weights)))
