"""Explicit attacks: upper bounds on what data certify.

Eve prepares strategy k with probability w_k, knows k and, of an entropy, holds the purification. The least entropy of
data that the mixture has is at most ``sum_k w_k h_k``. For J tested values, J + 1 weights, those "adjusted", are not
those of the file but the solution of

    sum_k w_k d_k = v,   sum_k w_k = 1,

which must not be negative; then the data are met exactly. With none adjusted the file's weights, scaled to one, must
meet each value within its tolerance. Of the conditional mutual information Eve knows the group of k only: ``sum_g
(sum_a n(p_a) + sum_b n(p_b) - sum_ab n(p_ab) - n(w_g))`` with n(p) = -p log2 p and p the outcomes' probabilities with
group g.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import flint

from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.balls import ball, end, entropy_of, total
from sdpbound.recheck.question import Key, Question, read_key, read_question, within
from sdpbound.recheck.reading import integer, items, number, numbers, record
from sdpbound.recheck.strategies import Strategy, read_strategy

__all__ = ["MOST_STRATEGIES", "PRECISION", "recheck_attack", "solved_weights"]

PRECISION = 512
MOST_STRATEGIES = 400


def recheck_attack(root: dict[str, Any], budget: Budget) -> Finding:
    """The whole certificate."""
    question = read_question(root, parties=(2, 4))
    information = question.kind == "conditional_mutual_information"
    if question.side != "upper" or question.model != "quantum":
        raise refuse("an attack bounds from above, against a quantum adversary.")
    if not information and question.kind != "conditional_entropy":
        raise refuse("an attack is on an entropy or on a mutual information.")
    key = read_key(question, flips=not information)
    if information and (question.devices.parties != 2 or key.pair()[1] is None):
        raise refuse("a mutual information needs Bob's setting.")
    proof = record(root["proof"], "the proof", "strategies weights adjusted groups")
    given = items(proof["strategies"], "strategies", MOST_STRATEGIES, 1)
    count = len(given)
    with flint.ctx.workprec(PRECISION):
        strategies = [read_strategy(entry, question, budget) for entry in given]
        weights = solved_weights(question, strategies, proof, budget)
        if information:
            groups = [integer(g, "a group", 0, count - 1) for g in items(proof["groups"], "groups", count, count)]
            figure = _information(question, key, strategies, weights, groups)
        else:
            if proof["groups"] is not None:
                raise refuse("groups are for mutual informations.")
            budget.spend(count * 100_000 * key.outcomes(question.devices))
            figure = total(w * s.entropy(key) for w, s in zip(weights, strategies, strict=True))
        proven = end(figure, "upper")
        most = end(flint.arb(key.outcomes(question.devices)).log() / flint.arb(2).log(), "upper")
    claimed = number(record(root["claim"], "the claim", "value")["value"], "the claimed value")
    return Finding(question.kind, "upper", proven, claimed, within(claimed, 0, most))


def solved_weights(
    question: Question, strategies: list[Strategy], proof: dict[str, Any], budget: Budget
) -> list[flint.arb]:
    """Weights for which the data are met, from the entries "weights" and "adjusted" of a mixture."""
    count, tests = len(strategies), len(question.tested)
    given = numbers(proof["weights"], "weights", count)
    if any(w < 0 for w in given):
        raise refuse("a weight is negative.")
    places = [integer(k, "a place", 0, count - 1) for k in items(proof["adjusted"], "adjusted", count)]
    budget.spend(count * (tests + 1) * 2000 + len(places) ** 3 * 100)
    values = [s.tested(question) for s in strategies]
    whole = sum(given, Fraction(0))
    if not places:
        if not whole > 0:
            raise refuse("no strategy has a weight.")
        weights = [ball(w / whole) for w in given]
        for j, test in enumerate(question.tested):
            found = total(w * v[j] for w, v in zip(weights, values, strict=True))
            if not abs(found - ball(test.value)) <= ball(test.tolerance):
                raise refuse(f"tested value {j} is missed.")
        return weights
    if len(set(places)) != len(places) or len(places) != tests + 1:
        raise refuse("one weight more than there are tested values is adjusted, each once.")
    weights = [ball(w) for w in given]
    rest = [k for k in range(count) if k not in places]
    right = [1 - total(weights[k] for k in rest)]
    right += [ball(t.value) - total(weights[k] * values[k][j] for k in rest) for j, t in enumerate(question.tested)]
    matrix = flint.arb_mat([[flint.arb(1) for _ in places], *([values[k][j] for k in places] for j in range(tests))])
    try:
        solved = matrix.solve(flint.arb_mat(tests + 1, 1, right)).entries()
    except ZeroDivisionError:
        raise refuse("the data of the adjusted strategies are not independent.") from None
    for k, w in zip(places, solved, strict=True):
        if not w >= 0:
            raise refuse("an adjusted weight is not certainly positive.")
        weights[k] = w
    return weights


def _information(
    question: Question, key: Key, strategies: list[Strategy], weights: list[flint.arb], groups: list[int]
) -> flint.arb:
    """I(A:B|group) in bits."""
    assert key.y is not None
    outcomes = question.devices.outcomes[0][key.x], question.devices.outcomes[1][key.y]
    parts = []
    for group in sorted(set(groups)):
        members = [(w, s) for w, s, g in zip(weights, strategies, groups, strict=True) if g == group]
        joint = [
            [total(w * s.probability((key.x, key.y), (a, b)) for w, s in members) for b in range(outcomes[1])]
            for a in range(outcomes[0])
        ]
        parts += [entropy_of(total(row)) for row in joint]
        parts += [entropy_of(total(column)) for column in zip(*joint, strict=True)]
        parts += [-entropy_of(p) for row in joint for p in row]
        parts.append(-entropy_of(total(w for w, _ in members)))
    return total(parts) / flint.arb(2).log()
