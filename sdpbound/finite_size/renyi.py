"""The length of a key from n rounds by accumulation of Renyi entropies: docs/finite_size_renyi.md term by term.

Here, too, each term is ``rate * n + constant`` for any choice of parameters, and the same code runs in floats and
balls.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Generic

from sdpbound.arrays import Floats
from sdpbound.entropies.renyi_chsh import PowerTangent, expm1, log1p, power_tangent
from sdpbound.finite_size.arithmetic import Number, log, log2, number_type, upper_tail
from sdpbound.finite_size.chsh_test import ChshTest
from sdpbound.finite_size.honest import Round, Term, leak_term

__all__ = ["RenyiChoice", "RenyiGame", "RenyiScores", "renyi_epsilons", "renyi_scores", "renyi_terms"]


@dataclass(frozen=True, eq=False, kw_only=True)
class RenyiGame(Round):
    """One round of the protocol with a CHSH test.

    Attributes
    ----------
    test : the CHSH expression, and the settings of tests
    lengths : how many different lengths the protocol has
    plain, tested, security, behaviour, figure, net : as in :class:`Round`
    """

    test: ChshTest
    lengths: int = 1

    @property
    def distribution(self) -> Floats:
        return self.test.distribution

    @cached_property
    def results(self) -> list[tuple[float, float, float]]:
        """For each tested pair of settings: its probability, and those of winning and losing with it."""
        honest = self.test.results(self.behaviour)
        return [(float(self.test.distribution[x, y]), won, lost) for x, y, won, lost in honest]


@dataclass(frozen=True, kw_only=True)
class RenyiChoice:
    """The free parameters of a length; all values within their ranges give a valid length.

    Attributes
    ----------
    gamma : probability of a test, in (0, 1]
    beta : Renyi parameter less one, in (0, 1]
    tangent : the CHSH value, in (2, 2 sqrt 2), at which q(S) is replaced by its tangent
    place : the score of an untested round, as a part of the span between those of lost and won tests, from above
    score_tail, leak_tail : Chernoff parameters, positive
    wrong : part of the soundness, for unequal keys
    leak, hashing : parts of the completeness, for too long messages and decoding errors
    """

    gamma: float
    beta: float
    tangent: float
    place: float
    score_tail: float
    leak_tail: float
    wrong: float
    leak: float
    hashing: float

    def as_numbers(self, like: Number) -> dict[str, Number]:
        number = number_type(like)
        return {f.name: number(getattr(self, f.name)) for f in fields(self)}


@dataclass(frozen=True)
class RenyiScores(Generic[Number]):
    """The scores of a round, in bits, with which the least Renyi entropy less the mean score is 0 for all devices.

    Attributes
    ----------
    rest : the score of an untested round
    lost : that of a lost test
    won : that of a won test, for each tested pair of settings in the order of the game's results
    """

    rest: Number
    lost: Number
    won: list[Number]


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


def renyi_scores(game: RenyiGame, choice: RenyiChoice, like: Number) -> RenyiScores[Number] | None:
    """The scores; None if these parameters have none, for a lost test would then need a weight below zero.

    With L the slope of q, m the least probability of a tested pair, and weights w of an untested round, v_0 of a lost
    test and v_0 + (1 - v_0) m / pi of a won one, Q is at most ``A (q + L S) + 4 A L`` with A = (1 - gamma) w + gamma
    v_0, if gamma m (1 - v_0) = 2 L A.
    """
    number, ln2 = number_type(like), log(number_type(like)(2.0))
    v = choice.as_numbers(like)
    gamma, beta = v["gamma"], v["beta"]
    line: PowerTangent[Number] = power_tangent(v["tangent"], beta)
    least = number(min(p for p, _, _ in game.results))
    # log of the weight of an untested round
    exponent = -v["place"] * 2 * line.slope / (least * gamma)
    lift = (1 - gamma) * expm1(exponent)  # mean weight less one, if all tests had weight one
    drop = 2 * line.slope * (1 + lift) / (gamma * (least + 2 * line.slope))  # 1 - v_0
    if not drop < 1:
        return None
    whole = log1p(lift - gamma * drop) + log1p(line.excess + 4 * line.slope)  # log of the bound on Q
    theta = beta / (1 + beta)
    # a shift of all scores by z multiplies Q by 2^(beta z)
    shift = -whole / (beta * ln2)
    won = [shift + log1p(-drop * (1 - least / number(p))) / (theta * ln2) for p, _, _ in game.results]
    return RenyiScores(shift + exponent / (beta * ln2), shift + log1p(-drop) / (theta * ln2), won)


def renyi_terms(
    game: RenyiGame, choice: RenyiChoice, scores: RenyiScores[Number], like: Number
) -> dict[str, Term[Number]]:
    """The terms of a length in bits; losses are negative, and the sum is the length."""
    v, number = choice.as_numbers(like), number_type(like)
    eps, nothing = renyi_epsilons(game, choice, like), 0 * like
    found = {"entropy of the score accepted": accepted_score(game, choice, scores, like)}
    hashing = (1 + 1 / v["beta"]) * log2(eps["privacy amplification"]) + 2
    found["privacy amplification"] = Term(nothing, hashing)
    if game.lengths > 1:
        found["choice of the length"] = Term(nothing, -log2(number(float(game.lengths))))
    if game.plain:
        found["error correction"] = leak_term(game, v, eps, like)
        found["verification"] = Term(nothing, log2(number(choice.wrong)) - 2)  # two bits: lengths are whole
    return found


def accepted_score(game: RenyiGame, choice: RenyiChoice, scores: RenyiScores[Number], like: Number) -> Term[Number]:
    """The mean score below which the protocol aborts; honest devices fall below it with at most the allowed chance."""
    v, number = choice.as_numbers(like), number_type(like)
    gamma, s = v["gamma"], v["score_tail"]
    whole = sum((number(won) + number(lost) for _, won, lost in game.results), 0 * like)
    values, chances = [-scores.rest, -scores.lost], [1 - gamma, 0 * like]
    for score, (_, won, lost) in zip(scores.won, game.results, strict=True):
        chances[1] = chances[1] + gamma * number(lost) / whole
        values.append(-score)
        chances.append(gamma * number(won) / whole)
    eps = renyi_epsilons(game, choice, like)
    return Term(-upper_tail(values, chances, s), log(eps["abort by score"]) / s)


def asymptotic_rate(game: RenyiGame) -> float:
    """The entropy of the honest CHSH value less what is sent, in bits a round: the limit of length / n."""
    u = math.sqrt(min(max(game.test.value**2 / 4.0, 1.0) - 1.0, 1.0))
    entropy = 1.0 + sum(p * math.log2(p) for p in ((1.0 + u) / 2.0, (1.0 - u) / 2.0) if p > 0.0)
    sent = game.security.efficiency * sum(z * p for z, p in game.float_surprises[0])
    return entropy - sent
