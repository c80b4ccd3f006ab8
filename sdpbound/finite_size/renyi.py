"""The length of a key from n rounds by accumulation of Renyi entropies: docs/finite_size_renyi.md term by term.

Here, too, each term is ``rate * n + constant`` for any choice of parameters, and the same code runs in floats and
balls.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import product
from typing import Any, Generic

import flint
import numpy as np

from sdpbound.arrays import Floats
from sdpbound.bell.expression import BellExpression
from sdpbound.entropies.renyi_chsh import PowerTangent, expm1, log1p, power_tangent
from sdpbound.finite_size.arithmetic import Number, log, log2, number_type, upper_tail
from sdpbound.finite_size.chsh_test import ChshTest, chsh_expression
from sdpbound.finite_size.honest import Round, Term, leak_term

__all__ = ["ChshChoice", "ChshGame", "RenyiChoice", "RenyiGame", "RenyiScores", "renyi_epsilons", "renyi_terms"]


@dataclass(frozen=True, kw_only=True)
class RenyiChoice:
    """The free parameters of a length; all values within their ranges give a valid length. A search has arrays of them.

    Attributes
    ----------
    gamma : probability of a test, in (0, 1]
    beta : Renyi parameter less one, in (0, 1]
    place : the score of an untested round, as a part of the span between those of lost and won tests, from above
    score_tail, leak_tail : Chernoff parameters, positive
    wrong : part of the soundness, for unequal keys
    leak, hashing : parts of the completeness, for too long messages and decoding errors
    """

    gamma: float
    beta: float
    place: float
    score_tail: float
    leak_tail: float
    wrong: float
    leak: float
    hashing: float

    def as_numbers(self, like: Number) -> dict[str, Number]:
        number = number_type(like)
        return {name: number(value) for name, value in vars(self).items()}

    def entries(self) -> dict[str, float]:
        """The parameters that a certificate has: without the place, as it has the scores."""
        return {name: value for name, value in asdict(self).items() if name != "place"}


@dataclass(frozen=True, kw_only=True)
class ChshChoice(RenyiChoice):
    """The free parameters with a CHSH test; ``tangent`` is the CHSH value, in (2, 2 sqrt 2), where q(S) is touched."""

    tangent: float


@dataclass(frozen=True)
class RenyiScores(Generic[Number]):
    """The scores of a round, in bits, with which the least Renyi entropy less the mean score is 0 for all devices.

    Attributes
    ----------
    rest : the score of an untested round
    tests : those of tests, in the order of the game
    """

    rest: Number
    tests: list[Number]


@dataclass(frozen=True, eq=False, kw_only=True)
class RenyiGame(Round):
    """One round of the protocol, and what its scores are worth.

    Attributes
    ----------
    lengths : how many different lengths the protocol has
    plain, tested, security, behaviour, figure, net : as in :class:`Round`
    """

    lengths: int = 1

    @abstractmethod
    def scores(self, choice: Any, like: Number) -> RenyiScores[Number] | None:
        """The scores; None if these parameters have none, for a result would then need a weight of zero or less.

        Arrays are not finite there.
        """

    @abstractmethod
    def chances(self, like: Number) -> list[Number]:
        """The probabilities that honest devices have for each of the scores of a test; they add up to one."""

    @abstractmethod
    def drawn(self) -> list[float]:
        """The probability of the settings of each of the scores, in a test; with recycled inputs only."""

    @property
    def recycled(self) -> bool:
        return self.figure.inputs == "recycled"

    def added(self, gamma: Number, scores: RenyiScores[Number], like: Number, sign: int = 1) -> RenyiScores[Number]:
        """What the protocol adds up: with recycled inputs each score, and -log2 of the probability of its inputs.

        With ``sign`` -1 the scores of such sums.
        """
        if not self.recycled:
            return scores
        number, rest = number_type(like), 1 - gamma
        rest = rest + (rest == 0)  # where all rounds are tests no other one has a score
        tests = [f - sign * log2(gamma * number(p)) for f, p in zip(scores.tests, self.drawn(), strict=True)]
        return RenyiScores(scores.rest - sign * log2(rest), tests)

    @cached_property
    def float_chances(self) -> list[float]:
        return self.chances(1.0)

    @abstractmethod
    def deficit(self, choice: Any, scores: RenyiScores[flint.arb]) -> flint.arb:
        """log2(M) / beta, M a bound on the weighted Q of a round with these scores: 0 but for their rounding."""

    @abstractmethod
    def table(self, scores: RenyiScores[flint.arb]) -> Floats:
        """The scores of a test as a table (A, B, X, Y)."""

    @abstractmethod
    def functional(self, choice: Any) -> BellExpression:
        """The affine lower bound (1 - bound on Q) / (beta ln 2) on the Renyi entropy, and so on that of von Neumann."""

    @abstractmethod
    def proof(self, choice: Any) -> dict[str, Any]:
        """What a certificate says of parameters and test."""

    @property
    @abstractmethod
    def entropy(self) -> float:
        """The entropy of a round of honest devices of which lengths are made, in bits."""

    @property
    def asymptotic_rate(self) -> float:
        """The entropy less what is sent, in bits a round: the limit of length / n."""
        return self.entropy - self.security.efficiency * sum(z * p for z, p in self.float_surprises[0])


@dataclass(frozen=True, eq=False, kw_only=True)
class ChshGame(RenyiGame):
    """One round of the protocol with a CHSH test; its scores are those of losing, then of winning pairs of settings.

    With recycled inputs each pair has its own score of losing, else all have one.

    Attributes
    ----------
    test : the CHSH expression, and the settings of tests
    lengths, plain, tested, security, behaviour, figure, net : as in :class:`RenyiGame`
    """

    test: ChshTest

    @property
    def distribution(self) -> Floats:
        return self.test.distribution

    @cached_property
    def results(self) -> list[tuple[float, float, float]]:
        """For each tested pair of settings: its probability, and those of winning and losing with it."""
        honest = self.test.results(self.behaviour)
        return [(float(self.test.distribution[x, y]), won, lost) for x, y, won, lost in honest]

    def chances(self, like: Number) -> list[Number]:
        number = number_type(like)
        whole = sum((number(won) + number(lost) for _, won, lost in self.results), 0 * like)
        each = [number(lost) for _, _, lost in self.results]
        lost = [loss / whole for loss in each] if self.recycled else [sum(each, 0 * like) / whole]
        return lost + [number(won) / whole for _, won, _ in self.results]

    def drawn(self) -> list[float]:
        return 2 * [p for p, _, _ in self.results]

    def _of_pairs(self, scores: RenyiScores[Number]) -> list[tuple[Number, Number]]:
        """The scores of losing and of winning of each pair of settings."""
        won = scores.tests[-len(self.results) :]
        lost = scores.tests[: -len(won)]
        return list(zip(lost if self.recycled else lost * len(won), won, strict=True))

    def scores(self, choice: ChshChoice, like: Number) -> RenyiScores[Number] | None:
        """With L the slope of q, m the least probability of a tested pair, and weights w of an untested round, v_0 of a
        lost test and v_0 + (1 - v_0) m / pi of a won one, Q is at most ``A (q + L S) + 4 A L`` with A = (1 - gamma) w +
        gamma v_0, if gamma m (1 - v_0) = 2 L A.
        """
        number, ln2 = number_type(like), log(number_type(like)(2.0))
        v = choice.as_numbers(like)
        gamma, beta = v["gamma"], v["beta"]
        line: PowerTangent[Number] = power_tangent(v["tangent"], beta)
        least = number(min(p for p, _, _ in self.results))
        # log of the weight of an untested round
        exponent = -v["place"] * 2 * line.slope / (least * gamma)
        lift = (1 - gamma) * expm1(exponent)  # mean weight less one, if all tests had weight one
        drop = 2 * line.slope * (1 + lift) / (gamma * (least + 2 * line.slope))  # 1 - v_0
        if not isinstance(drop, np.ndarray) and not drop < 1:
            return None
        whole = log1p(lift - gamma * drop) + log1p(line.excess + 4 * line.slope)  # log of the bound on Q
        theta = beta / (1 + beta)
        # a shift of all scores by z multiplies Q by 2^(beta z)
        shift = -whole / (beta * ln2)
        won = [shift + log1p(-drop * (1 - least / number(p))) / (theta * ln2) for p, _, _ in self.results]
        lost = [shift + log1p(-drop) / (theta * ln2)] * (len(won) if self.recycled else 1)
        return RenyiScores(shift + exponent / (beta * ln2), lost + won)

    def deficit(self, choice: ChshChoice, scores: RenyiScores[flint.arb]) -> flint.arb:
        gamma, beta = flint.arb(choice.gamma), flint.arb(choice.beta)
        line: PowerTangent[flint.arb] = power_tangent(flint.arb(choice.tangent), beta)
        theta = beta / (1 + beta) * flint.arb(2).log()
        low, high = (min(scores.tests, key=float) * theta).exp(), max(scores.tests, key=float)
        front = gamma * (theta * beta * high).exp()
        size = (1 - gamma) * (theta * (1 + beta) * scores.rest).exp() + front * low  # the factor of q
        whole = sum((flint.arb(p) for p, _, _ in self.results), flint.arb(0))
        value, miss = size * (1 + line.excess), flint.arb(0)
        for (lost, won), (p, _, _) in zip(self._of_pairs(scores), self.results, strict=True):
            # (1 + s <A_x B_y>) / 2 is the chance to win
            loss, win = (front * flint.arb(p) / whole * ((theta * f).exp() - low) / 2 for f in (lost, won))
            value += win + loss
            miss += abs(win - loss - size * line.slope)
        return (value + miss).log() / (beta * flint.arb(2).log())

    def table(self, scores: RenyiScores[flint.arb]) -> Floats:
        table = np.zeros(self.behaviour.p.shape)
        pairs = list(zip(*np.nonzero(self.test.signs), strict=True))
        for (x, y), (lost, won) in zip(pairs, self._of_pairs(scores), strict=True):
            for a, b in product(range(2), repeat=2):
                table[a, b, x, y] = float(won if self.test.wins[a, b, x, y] else lost)
        return table

    def functional(self, choice: ChshChoice) -> BellExpression:
        line = power_tangent(flint.arb(choice.tangent), flint.arb(choice.beta))
        unit = float(choice.beta) * float(np.log(2.0))
        slope = float(line.slope.mid()) / unit
        return slope * chsh_expression(self.test.signs, self.behaviour.scenario) - float(line.excess.mid()) / unit

    def proof(self, choice: ChshChoice) -> dict[str, Any]:
        return {"renyi_accumulation": choice.entries(), "chsh": self.test.signs.tolist()}

    @property
    def entropy(self) -> float:
        u = math.sqrt(min(max(self.test.value**2 / 4.0, 1.0) - 1.0, 1.0))
        return 1.0 + sum(p * math.log2(p) for p in ((1.0 + u) / 2.0, (1.0 - u) / 2.0) if p > 0.0)


def renyi_epsilons(game: RenyiGame, choice: RenyiChoice, like: Number) -> dict[str, Number]:
    """All parts of the soundness, whose sum it is, and of the completeness."""
    v, number = choice.as_numbers(like), number_type(like)
    return {
        "unequal keys": v["wrong"],
        "privacy amplification": number(game.security.soundness) - v["wrong"],
        "abort by score": number(game.security.completeness) - v["leak"] - v["hashing"],
        "abort by message": v["leak"],
        "abort by decoding": v["hashing"],
    }


def renyi_terms(
    game: RenyiGame, choice: RenyiChoice, scores: RenyiScores[Number], like: Number
) -> dict[str, Term[Number]]:
    """The terms of a length in bits; losses are negative, and the sum is the length."""
    v, number = choice.as_numbers(like), number_type(like)
    eps, nothing = renyi_epsilons(game, choice, like), 0 * like
    found = {"entropy of the score accepted": _accepted(game, v, eps, scores, like)}
    hashing = (1 + 1 / v["beta"]) * log2(eps["privacy amplification"]) + 2
    found["privacy amplification"] = Term(nothing, hashing)
    if game.lengths > 1:
        found["choice of the length"] = Term(nothing, -log2(number(float(game.lengths))))
    if game.plain:
        found["error correction"] = leak_term(game, v, eps, like)
        found["verification"] = Term(nothing, log2(number(choice.wrong)) - 2)  # two bits: lengths are whole
    return found


def _accepted(
    game: RenyiGame, v: dict[str, Number], eps: dict[str, Number], scores: RenyiScores[Number], like: Number
) -> Term[Number]:
    """The mean score below which the protocol aborts; honest devices fall below it with at most the allowed chance."""
    gamma, s = v["gamma"], v["score_tail"]
    values = [-scores.rest] + [-score for score in scores.tests]
    honest = game.chances(like) if isinstance(like, flint.arb) else game.float_chances
    chances = [1 - gamma] + [gamma * chance for chance in honest]
    return Term(-upper_tail(values, chances, s), log(eps["abort by score"]) / s)
