"""A length proven by Renyi entropies: its scores as floats, all else from these scores in balls."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from itertools import product
from typing import Any

import flint
import numpy as np

from sdpbound.bell.expression import BellExpression
from sdpbound.bounds.rounding import lower_float
from sdpbound.entropies.renyi_chsh import PowerTangent, power_tangent
from sdpbound.errors import InvalidParameter
from sdpbound.finite_size.arithmetic import balls
from sdpbound.finite_size.chsh_test import chsh_expression
from sdpbound.finite_size.honest import Term, total
from sdpbound.finite_size.renyi import (
    RenyiChoice,
    RenyiGame,
    RenyiScores,
    asymptotic_rate,
    renyi_epsilons,
    renyi_scores,
    renyi_terms,
)
from sdpbound.finite_size.result import ASSUMPTIONS, ROUNDED, FiniteLength

__all__ = ["RENYI_THEOREM", "certified_renyi", "deficit"]

RENYI_THEOREM = (
    "accumulation of sandwiched Renyi entropies with weighted outcomes, docs/finite_size_renyi.md (of the kind of "
    "arXiv:2405.05912), the closed form of CHSH, and leftover hashing without smoothing, arXiv:2105.05342"
)


def certified_renyi(kind: str, game: RenyiGame, choice: RenyiChoice, n: float) -> FiniteLength:
    """Evaluate the length of a choice in balls, rounded down, with scores and threshold that are floats."""
    with balls():
        one = flint.arb(1)
        parts = renyi_epsilons(game, choice, one)
        if not all(p > 0 or p == 0 for p in parts.values()):
            raise InvalidParameter("the parts of soundness or completeness do not add up; allow larger ones.")
        found = renyi_scores(game, choice, one)
        if found is None:
            raise InvalidParameter("these parameters have no scores; test more often, or at a larger CHSH value.")
        # from here on the scores are floats, as the protocol and the checker have them
        scores = RenyiScores(_float(found.rest), _float(found.lost), [_float(won) for won in found.won])
        exact = renyi_terms(game, choice, scores, one)
        accepted = exact["entropy of the score accepted"]
        # honest probabilities are floats, which the checker normalises anew: this covers its roundings and these
        margin = flint.arb(2) ** ROUNDED * (1 + _mean_size(game, choice, scores))
        threshold = lower_float(accepted.rate + accepted.constant / flint.arb(n) - margin)
        left = deficit(game, choice, scores)
        exact["entropy of the score accepted"] = Term(flint.arb(threshold) - left, 0 * one)
        line = total(exact)
        line = Term(line.rate - flint.arb(2) ** ROUNDED, line.constant)
        length = lower_float(line.rate * flint.arb(n) + line.constant)
        bits = {name: float((t.rate * flint.arb(n) + t.constant).mid()) for name, t in exact.items()}
        slope = lower_float(line.rate - accepted.constant / flint.arb(n))
        offset = lower_float(line.constant + accepted.constant)
        functional = _functional(game, power_tangent(flint.arb(choice.tangent), flint.arb(choice.beta)), choice)
    table = _table(game, scores)
    return FiniteLength(
        length=length,
        side="lower",
        kind=kind,
        rounds=n,
        method="renyi",
        test_probability=choice.gamma,
        alpha=1.0 + choice.beta,
        terms=bits,
        epsilons={name: float(p.mid()) for name, p in parts.items()},
        threshold=threshold,
        untested=float(scores.rest),
        scores=table,
        test_distribution=game.distribution,
        most_tests=n,
        lengths=game.lengths,
        input_bits=n * game.drawing(choice.gamma),
        functional=functional,
        asymptotic_rate=asymptotic_rate(game),
        security=game.security,
        theorem=RENYI_THEOREM,
        assumptions=ASSUMPTIONS,
        choice=choice,
        _slope=slope,
        _offset=offset,
        _game=game,
        _proof=partial(_proof, game, choice, table, float(scores.rest)),
    )


def deficit(game: RenyiGame, choice: RenyiChoice, scores: RenyiScores[flint.arb]) -> flint.arb:
    """log2(Q) / beta for a bound on the weighted Q of a round with these scores: 0 but for the rounding of scores."""
    gamma, beta = flint.arb(choice.gamma), flint.arb(choice.beta)
    line: PowerTangent[flint.arb] = power_tangent(flint.arb(choice.tangent), beta)
    theta = beta / (1 + beta) * flint.arb(2).log()
    weights = [(theta * won).exp() for won in scores.won]
    low, high = (theta * scores.lost).exp(), max((float(won), won) for won in scores.won)[1]
    front = gamma * (theta * beta * high).exp()
    size = (1 - gamma) * (theta * (1 + beta) * scores.rest).exp() + front * low  # the factor of q
    whole = sum((flint.arb(p) for p, _, _ in game.results), flint.arb(0))
    value, miss = size * (1 + line.excess), flint.arb(0)
    for weight, (p, _, _) in zip(weights, game.results, strict=True):
        half = front * flint.arb(p) / whole * (weight - low) / 2  # (1 + s <A_x B_y>) / 2 is the chance to win
        value += half
        miss += abs(half - size * line.slope)
    return (value + miss).log() / (beta * flint.arb(2).log())


def _mean_size(game: RenyiGame, choice: RenyiChoice, scores: RenyiScores[flint.arb]) -> flint.arb:
    """The mean size of the honest scores."""
    tests = sum(
        (won * abs(score) + lost * abs(scores.lost))
        for score, (_, won, lost) in zip(scores.won, game.results, strict=True)
    )
    return abs(scores.rest) + choice.gamma * tests


def _float(value: flint.arb) -> flint.arb:
    return flint.arb(float(value.mid()))


def _table(game: RenyiGame, scores: RenyiScores[flint.arb]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    table = np.zeros(game.behaviour.p.shape)
    pairs = list(zip(*np.nonzero(game.test.signs), strict=True))
    for (x, y), score in zip(pairs, scores.won, strict=True):
        for a, b in product(range(2), repeat=2):
            table[a, b, x, y] = float(score) if game.test.wins[a, b, x, y] else float(scores.lost)
    return table


def _functional(game: RenyiGame, line: PowerTangent[flint.arb], choice: RenyiChoice) -> BellExpression:
    """The affine lower bound (1 - tangent) / (beta ln 2) on the Renyi entropy, and so on that of von Neumann."""
    unit = float(choice.beta) * float(np.log(2.0))
    slope = float(line.slope.mid()) / unit
    return slope * chsh_expression(game.test.signs, game.behaviour.scenario) - float(line.excess.mid()) / unit


def _proof(
    game: RenyiGame, choice: RenyiChoice, table: np.ndarray[Any, np.dtype[np.float64]], rest: float
) -> dict[str, Any]:
    return {
        "renyi_accumulation": {name: value for name, value in asdict(choice).items() if name != "place"},
        "chsh": game.test.signs.tolist(),
        "distribution": game.distribution.tolist(),
        "scores": table.tolist(),
        "untested": rest,
    }
