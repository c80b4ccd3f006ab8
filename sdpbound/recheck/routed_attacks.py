"""Attacks on routed tests: explicit strategies whose mixture has the data of the near and of the far device.

A strategy is a pure state of Alice and a system R of Bob and Eve, measurements of Alice and of the near device, on R,
and an isometry that takes R, after the switch, to the system of the far device and to what Eve keeps. A matrix W is
made an isometry like the factor of a measurement with one outcome: ``W L^-*``, where W* W = L L*. On the far way Eve
holds the purification of the state of Alice and the far device, so that this state, with what she keeps as the columns
of its factor, is a strategy as in any other attack.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import flint

from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.attacks import MOST_STRATEGIES, PRECISION
from sdpbound.recheck.balls import ball, end, total
from sdpbound.recheck.question import Key, Question, Tested, within
from sdpbound.recheck.reading import choice, integer, items, number, numbers, record
from sdpbound.recheck.routed import read_device
from sdpbound.recheck.strategies import Matrix, Strategy, measurement, read_matrix, square_norm

__all__ = ["recheck_routed_attack"]

MOST_DIMENSION = 8


def recheck_routed_attack(root: dict[str, Any], budget: Budget) -> Finding:
    """A whole certificate."""
    question = record(root["question"], "the question", "near far figure side")
    choice(question["side"], "side", ("upper",))
    near, far = (_ordinary(question[name], name) for name in ("near", "far"))
    if near.devices.outcomes[0] != far.devices.outcomes[0]:
        raise refuse("Alice has other outcomes with the near device than with the far one.")
    figure = record(question["figure"], "the figure", "kind x preprocessing given")
    choice(figure["kind"], "the figure", ("routed_conditional_entropy",))
    x = integer(figure["x"], "x", 0, len(near.devices.outcomes[0]) - 1)
    flips = number(figure["preprocessing"], "preprocessing")
    outcomes = near.devices.outcomes[0][x]
    if figure["given"] is not None:
        raise refuse("an attack is on an entropy of which Eve is told nothing.")
    if not 0 <= flips <= Fraction(1, 2) or (flips and outcomes != 2):
        raise refuse("flips are from 0 to 1/2, of one bit.")
    key = Key((x, None), (flips, flips))
    proof = record(root["proof"], "the proof", "routed_strategies weights adjusted solved")
    given = items(proof["routed_strategies"], "strategies", MOST_STRATEGIES, 1)
    budget.spend(len(given) * 300_000 * outcomes)
    with flint.ctx.workprec(PRECISION):
        pairs = [_strategy(entry, near, far, budget) for entry in given]
        values = [[*one.tested(near), *other.tested(far)] for one, other in pairs]
        weights = _weights(proof, values, [*near.tested, *far.tested], budget)
        entropy = total(w * other.entropy(key) for w, (_, other) in zip(weights, pairs, strict=True))
        proven, most = end(entropy, "upper"), end(flint.arb(outcomes).log() / flint.arb(2).log(), "upper")
    claimed = number(record(root["claim"], "the claim", "value")["value"], "the claimed value")
    return Finding("routed_conditional_entropy", "upper", proven, claimed, within(claimed, 0, most))


def _ordinary(entry: object, name: str) -> Question:
    """What is tested of Alice and one device, as a question of two parties."""
    devices, tests = read_device(entry, name)
    tested = [Tested(devices.coordinates(table), (low + high) / 2, (high - low) / 2) for table, low, high in tests]
    return Question(devices, tuple(tested), {"kind": "routed_conditional_entropy"}, "upper", "quantum")


def _strategy(entry: object, near: Question, far: Question, budget: Budget) -> tuple[Strategy, Strategy]:
    """What Alice and the near device have, and what she and the far device have."""
    parts = record(entry, "a strategy", "dimensions state measurements channel far")
    given = items(parts["dimensions"], "dimensions", 4, 4)
    a, r, f, e = (integer(d, "a dimension", 1, MOST_DIMENSION) for d in given)
    if f * e < r:
        raise refuse("the channel has fewer dimensions behind it than in front of it.")
    budget.spend(20_000 * (a * r + f * e * r))
    state = read_matrix(parts["state"], a * r, 1)
    weight = square_norm(state)
    if not weight > 0:
        raise refuse("a state is nothing.")
    both = items(parts["measurements"], "measurements", 2, 2)
    alice = _party(both[0], near.devices.outcomes[0], a)
    here = _party(both[1], near.devices.outcomes[1], r)
    there = _party(parts["far"], far.devices.outcomes[1], f)
    (isometry,) = measurement([parts["channel"]], r, f * e)
    amplitudes = Matrix(a, r, state.entries()) * isometry.transpose()  # (a, f e), the far index slowest
    sent = Matrix(a * f, e, amplitudes.entries())
    return Strategy(state, (alice, here), weight), Strategy(sent, (alice, there), square_norm(sent))


def _party(entry: object, counts: tuple[int, ...], dimension: int) -> tuple[tuple[Matrix, ...], ...]:
    settings = items(entry, "measurements", len(counts), len(counts))
    pairs = zip(settings, counts, strict=True)
    return tuple(measurement(items(s, "effects", count, count), dimension) for s, count in pairs)


def _weights(
    proof: dict[str, Any], values: list[list[flint.arb]], tests: list[Tested], budget: Budget
) -> list[flint.arb]:
    """The weights, with which every test has its value."""
    given = numbers(proof["weights"], "weights", len(values))
    places = [integer(k, "a place", 0, len(values) - 1) for k in items(proof["adjusted"], "adjusted", len(values))]
    solved = [integer(j, "a test", 0, len(tests) - 1) for j in items(proof["solved"], "solved", len(tests))]
    if any(w < 0 for w in given) or not sum(given) > 0:
        raise refuse("a weight is negative, or all are nothing.")
    weights = [ball(w / sum(given)) for w in given]
    if places or solved:
        if len(set(places)) != len(places) or len(set(solved)) != len(solved) or len(places) != len(solved) + 1:
            raise refuse("one weight more than there are solved tests is adjusted, each once.")
        budget.spend(len(places) ** 3 * 100)
        rest = [k for k in range(len(values)) if k not in places]
        right = [1 - total(weights[k] for k in rest)]
        right += [ball(tests[j].value) - total(weights[k] * values[k][j] for k in rest) for j in solved]
        rows = [[flint.arb(1) for _ in places], *([values[k][j] for k in places] for j in solved)]
        try:
            found = flint.arb_mat(rows).solve(flint.arb_mat(len(places), 1, right)).entries()
        except ZeroDivisionError:
            raise refuse("the data of the adjusted strategies are not independent.") from None
        for k, w in zip(places, found, strict=True):
            if not w >= 0:
                raise refuse("an adjusted weight is not certainly positive.")
            weights[k] = w
    for j, test in enumerate(tests):
        mean = total(w * own[j] for w, own in zip(weights, values, strict=True))
        if j not in solved and not abs(mean - ball(test.value)) <= ball(test.tolerance):
            raise refuse(f"tested value {j} is missed.")
    return weights
