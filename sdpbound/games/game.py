"""Nonlocal games of any number of players."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike

from sdpbound.adversaries import Local, NoSignaling, Quantum
from sdpbound.arguments import floats, instance, whole
from sdpbound.arrays import Floats
from sdpbound.bell.behaviour import Behaviour
from sdpbound.bell.expression import BellExpression
from sdpbound.bell.scenario import Scenario
from sdpbound.bell.search import see_saw
from sdpbound.bell.strategy import Strategy
from sdpbound.bounds.bell_value import maximize
from sdpbound.bounds.bound import Bound
from sdpbound.conic.solvers.choose import SolverChoice
from sdpbound.errors import InvalidInput, InvalidParameter, InvalidShape, TooLarge

__all__ = ["Game", "require_room"]

#: How far the probabilities of all questions may be from 1 in sum.
NORMALISATION = 1e-9
#: Most entries of the table of a game.
LARGEST_TABLE = 1 << 24


@dataclass(frozen=True, slots=True, eq=False)
class Game:
    """A game: a referee draws questions, each player answers alone, and a rule says whether they win.

    Its value is the largest probability to win,

        sum_{x, y, ..} pi(x, y, ..) sum_{a, b, ..} V(a, b, .. | x, y, ..) p(a, b, .. | x, y, ..),

    over classical (local), quantum or no-signaling behaviours p.

    Parameters
    ----------
    rule : array V[a, b, .., x, y, ..]
        1 where the players win, 0 where they lose; a number between is a probability to win.
    questions : array pi[x, y, ..]
        Probabilities of the questions; they add up to 1 within 1e-9.
    name : str, optional
    scenario : Scenario, optional
        Needed only where questions of one player allow different numbers of answers; entries beyond are zero.

    Raises
    ------
    InvalidShape
        The arrays do not fit each other.
    InvalidParameter
        A number is no probability, or the questions do not add up to 1.

    >>> a, b, x, y = np.indices((2, 2, 2, 2))
    >>> game = Game((a + b) % 2 == x * y, np.full((2, 2), 0.25), name="CHSH")
    >>> game.classical().value
    0.75
    >>> round(game.quantum("1").value, 6), round(game.no_signaling().value, 6)
    (0.853553, 1.0)
    """

    rule: Floats
    questions: Floats
    name: str = ""
    scenario: Scenario = field(default=None)  # type: ignore[assignment]

    def __post_init__(self) -> None:
        questions = floats(self.questions, "the probabilities of questions")
        rule = floats(self.rule, "the rule of a game")
        n = questions.ndim
        if n == 0 or rule.ndim != 2 * n or rule.shape[n:] != questions.shape or 0 in rule.shape:
            raise InvalidShape(
                f"a rule of shape {rule.shape} does not fit questions of shape {questions.shape}: it needs axes "
                "(a, b, .., x, y, ..) whose last ones are those of the questions."
            )
        if self.scenario is not None:
            scenario = instance(self.scenario, Scenario, "scenario", "Scenario.bipartite(2, 2)")
        else:
            scenario = Scenario(tuple((rule.shape[i],) * rule.shape[n + i] for i in range(n)))
        if rule.shape != scenario.table_shape:
            raise InvalidShape(
                f"a rule of shape {rule.shape} does not fit {scenario}: expected {scenario.table_shape}."
            )
        if rule.min() < 0.0 or rule.max() > 1.0:
            bad = rule.min() if rule.min() < 0.0 else rule.max()
            raise InvalidParameter(f"the rule has {bad:.6g}; each entry is a probability to win, from 0 to 1.")
        if questions.min() < 0.0:
            raise InvalidParameter(f"the probability of a question is {questions.min():.6g}; it must be at least 0.")
        total = math.fsum(questions.ravel())
        if abs(total - 1.0) > NORMALISATION:
            raise InvalidParameter(
                f"the probabilities of the questions add up to {total:.9g} instead of 1; divide them by their sum."
            )
        for array, attribute in ((rule, "rule"), (questions, "questions")):
            array.flags.writeable = False
            object.__setattr__(self, attribute, array)
        object.__setattr__(self, "scenario", scenario)

    @classmethod
    def from_predicate(
        cls,
        predicate: Callable[..., object],
        questions: ArrayLike,
        answers: int | Sequence[int] = 2,
        name: str = "",
    ) -> Game:
        """A game from a function ``predicate(a, b, .., x, y, ..)`` that says whether the players win.

        The function returns True or False, or the probability of winning, a number from 0 to 1. ``answers``: how many
        answers every player has, or one number for each player. Questions that are never asked are not put to the
        predicate.

        Raises InvalidInput where the function takes another number of arguments or gives anything else.

        >>> Game.from_predicate(lambda a, b, x, y: a ^ b == x & y, [[0.25, 0.25], [0.25, 0.25]]).classical().value
        0.75
        """
        weights = floats(questions, "the probabilities of questions")
        n = weights.ndim
        each = [answers] * n if isinstance(answers, (int, np.integer)) else list(answers)
        counts = [whole(count, "answers", 1, LARGEST_TABLE) for count in each]
        if len(counts) != n:
            raise InvalidShape(f"{len(counts)} numbers of answers do not fit {n} players.")
        require_room((*counts, *weights.shape))
        _require_arguments(predicate, n)
        table = np.zeros((*counts, *weights.shape))
        for asked in np.argwhere(weights).tolist():
            for given in np.ndindex(*counts):
                table[(*given, *asked)] = _chance(predicate(*given, *asked), (*given, *asked))
        return cls(table, weights, name)

    # -- values -------------------------------------------------------------------------------------------------------

    @property
    def expression(self) -> BellExpression:
        """The probability to win, as a Bell expression."""
        return BellExpression.from_probabilities(self.rule * self.questions, self.scenario, self.name)

    def value(self, behaviour: Behaviour) -> float:
        """The probability to win with a behaviour."""
        return self.expression.value(behaviour)

    def classical(self) -> Bound:
        """The classical value, exact: all deterministic strategies are gone through.

        Raises :class:`~sdpbound.errors.TooLarge` if there are too many.
        """
        return maximize(self.expression, Local())

    def quantum(self, level: str = "1+AB", solver: SolverChoice = None, tolerance: float | None = None) -> Bound:
        """Certified upper bound on the quantum value at a level of the hierarchy; "1" is exact for XOR games.

        ``solver`` and ``tolerance`` as of :func:`~sdpbound.maximize`.
        """
        return maximize(self.expression, Quantum(level), solver=solver, tolerance=tolerance)

    def no_signaling(self) -> Bound:
        """The no-signaling value, by a linear program; a certified upper bound."""
        return maximize(self.expression, NoSignaling())

    def strategy(
        self, dimension: int = 2, restarts: int = 20, rng: np.random.Generator | int | None = None
    ) -> tuple[float, Strategy]:
        """A quantum strategy found by :func:`~sdpbound.see_saw`, and the probability with which it wins.

        A lower bound on the quantum value; ``dimension`` is that of each player's system.
        """
        return see_saw(self.expression, dimension, restarts, rng)

    # -- other games --------------------------------------------------------------------------------------------------

    def repeated(self, times: int) -> Game:
        """The game played ``times`` times in parallel: all questions come at once, and every round must be won.

        Question and answer of a player are numbers whose digits are those of the rounds, the first round's slowest.

        Raises :class:`~sdpbound.errors.TooLarge` if the table has more than 2^24 entries.
        """
        k = whole(times, "times", 1, 64)
        if any(len(set(party)) > 1 for party in self.scenario.outcomes):
            raise InvalidShape("a game is repeated where all questions of a player have the same number of answers.")
        require_room(tuple(size**k for size in self.rule.shape))
        rule, questions = self.rule, self.questions
        for _ in range(k - 1):
            rule, questions = _outer(rule, self.rule), _outer(questions, self.questions)
        name = f"{self.name or 'game'}, {k} times" if k > 1 else self.name
        return Game(rule, questions / math.fsum(questions.ravel()), name)

    def __repr__(self) -> str:
        return f"Game({self.name or 'no name'}, {self.scenario})"


def _outer(first: Floats, second: Floats) -> Floats:
    """The Kronecker product axis by axis, the first factor's index slowest."""
    t = np.multiply.outer(first, second)
    n = first.ndim
    t = t.transpose([i + n * part for i in range(n) for part in (0, 1)])
    return t.reshape([a * b for a, b in zip(first.shape, second.shape, strict=True)])


def _require_arguments(predicate: object, players: int) -> None:
    """Refuse what cannot be called with an answer and a question of each player."""
    if not callable(predicate):
        raise InvalidInput(f"predicate = {predicate!r:.60} must be a function of all answers and all questions.")
    try:
        inspect.signature(predicate).bind(*range(2 * players))
    except TypeError as found:
        raise InvalidInput(
            f"the predicate cannot be called with {2 * players} arguments ({found}); with {players} players it takes "
            f"{players} answers, then {players} questions."
        ) from None
    except ValueError:  # a builtin that does not say what it takes
        return


def _chance(value: object, arguments: tuple[int, ...]) -> float:
    """The probability of winning that a predicate gives."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, (bool, np.bool_)):
        return float(value)
    if isinstance(value, Real) and 0.0 <= float(value) <= 1.0:
        return float(value)
    raise InvalidParameter(
        f"the predicate gives {value!r:.60} for the arguments {arguments}; it must give True or False, or the "
        "probability of winning, a number from 0 to 1."
    )


def require_room(shape: Sequence[int]) -> None:
    """Refuse a table of more than 2^24 entries, before it is made."""
    size = math.prod(shape)
    if size > LARGEST_TABLE:
        raise TooLarge(
            f"the table of the game would have {size} entries, at most {LARGEST_TABLE} are made; use fewer questions, "
            "answers or rounds."
        )
