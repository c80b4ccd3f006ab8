"""A length proven by Renyi entropies: its scores as floats, all else from these scores in balls."""

from __future__ import annotations

from functools import partial
from typing import Any

import flint

from sdpbound.arrays import Floats
from sdpbound.bounds.rounding import lower_float
from sdpbound.errors import InvalidParameter
from sdpbound.finite_size.arithmetic import balls
from sdpbound.finite_size.honest import Term, total
from sdpbound.finite_size.renyi import RenyiChoice, RenyiGame, RenyiScores, renyi_epsilons, renyi_terms
from sdpbound.finite_size.result import ASSUMPTIONS, RECYCLED, ROUNDED, FiniteLength

__all__ = ["RENYI_THEOREM", "certified_renyi"]

RENYI_THEOREM = (
    "accumulation of sandwiched Renyi entropies with weighted outcomes, docs/finite_size_renyi.md (of the kind of "
    "arXiv:2405.05912), bounds on one round, and leftover hashing without smoothing, arXiv:2105.05342"
)


def certified_renyi(kind: str, game: RenyiGame, choice: RenyiChoice, n: float) -> FiniteLength:
    """Evaluate the length of a choice in balls, rounded down, with scores and threshold that are floats."""
    with balls():
        one = flint.arb(1)
        parts = renyi_epsilons(game, choice, one)
        if not all(p > 0 or p == 0 for p in parts.values()):
            raise InvalidParameter("the parts of soundness or completeness do not add up; allow larger ones.")
        gamma = flint.arb(choice.gamma)
        plain = game.scores(choice, one)
        if plain is None:
            raise InvalidParameter("these parameters have no scores; test more often, or at a larger CHSH value.")
        found = game.added(gamma, plain, one)
        # from here on the scores are floats, as the protocol and the checker have them
        scores = RenyiScores(_float(found.rest), [_float(score) for score in found.tests])
        exact = renyi_terms(game, choice, scores, one)
        accepted = exact["entropy of the score accepted"]
        tests = sum((p * abs(score) for p, score in zip(game.chances(one), scores.tests, strict=True)), 0 * one)
        size = abs(scores.rest) + choice.gamma * tests  # the mean size of honest scores
        # honest probabilities are floats, which the checker normalises anew: this covers its roundings and these
        margin = flint.arb(2) ** ROUNDED * (1 + size)
        threshold = lower_float(accepted.rate + accepted.constant / flint.arb(n) - margin)
        left = game.deficit(choice, game.added(gamma, scores, one, sign=-1))
        exact["entropy of the score accepted"] = Term(flint.arb(threshold) - left, 0 * one)
        line = total(exact)
        line = Term(line.rate - flint.arb(2) ** ROUNDED, line.constant)
        length = lower_float(line.rate * flint.arb(n) + line.constant)
        bits = {name: float((t.rate * flint.arb(n) + t.constant).mid()) for name, t in exact.items()}
        spent = n * game.drawing(choice.gamma)
        if game.recycled:
            bits["entropy of the score accepted"] -= spent
            bits["recycled inputs"] = spent
        slope = lower_float(line.rate - accepted.constant / flint.arb(n))
        offset = lower_float(line.constant + accepted.constant)
        functional = game.functional(choice)
    table = game.table(scores)
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
        input_bits=spent,
        functional=functional,
        asymptotic_rate=game.asymptotic_rate,
        security=game.security,
        theorem=RENYI_THEOREM,
        assumptions=(*ASSUMPTIONS, RECYCLED) if game.recycled else ASSUMPTIONS,
        choice=choice,
        _slope=slope,
        _offset=offset,
        game=game,
        _proof=partial(_proof, game, choice, table, float(scores.rest)),
    )


def _float(value: flint.arb) -> flint.arb:
    return flint.arb(float(value.mid()))


def _proof(game: RenyiGame, choice: RenyiChoice, table: Floats, rest: float) -> dict[str, Any]:
    more = {"distribution": game.distribution.tolist(), "scores": table.tolist(), "untested": rest}
    return game.proof(choice) | more
