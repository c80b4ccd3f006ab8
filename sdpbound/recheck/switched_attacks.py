"""Attacks on routed tests: explicit devices on both ways of the switch, from above.

A strategy has a pure state of Alice and of a system R, as a matrix Psi with a row for each of Alice's basis vectors. On
the near way R is measured by the near device. On the far way an isometry V takes it to the far device's system and to
what Eve keeps: the columns of ``Psi V^T``, the far index slowest, are put under one another far index by far index, so
that a factor G of the state of Alice and the far device is left, with Eve's system as its columns. So the far way is an
ordinary attack on Alice and the far device, by one who holds what purifies their state.

For any matrix W with ``W* W = L L*``, L lower triangular, ``V = W L^-*`` is an isometry, and ``1 x V`` leaves Alice's
state as it is: she cannot tell the ways apart. N is dilated on the far system and Eve's, where VR is a subspace, and
commutes with Alice's measurements, as the question has it.

Eve knows which strategy a round has: the entropy is the mean of those of the strategies, if their mixture has the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint

from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.balls import ball, end, total
from sdpbound.recheck.question import Key, Question, Tested, within
from sdpbound.recheck.reading import choice, integer, items, number, numbers, record
from sdpbound.recheck.routed import read_device
from sdpbound.recheck.strategies import Matrix, Strategy, measurement, read_matrix, square_norm

__all__ = ["recheck_routed_attack"]

PRECISION = 512
MOST_STRATEGIES, MOST_DIMENSION, LARGEST = 400, 8, 32


@dataclass(frozen=True, slots=True)
class Told:
    """The question: both pairs of devices with their tests, and the key, of Alice."""

    near: Question
    far: Question
    key: Key

    @property
    def tests(self) -> tuple[Tested, ...]:
        return (*self.near.tested, *self.far.tested)


def recheck_routed_attack(root: dict[str, Any], budget: Budget) -> Finding:
    """The whole certificate."""
    told = _question(root)
    proof = record(root["proof"], "the proof", "routed_strategies weights adjusted solved")
    given = items(proof["routed_strategies"], "strategies", MOST_STRATEGIES, 1)
    values: list[list[flint.arb]] = []
    entropies: list[flint.arb] = []
    with flint.ctx.workprec(PRECISION):
        for entry in given:
            near, far = _strategy(entry, told, budget)
            values.append([*near.tested(told.near), *far.tested(told.far)])
            entropies.append(far.entropy(told.key))
        weights = _weights(told.tests, values, proof, budget)
        proven = end(total(w * h for w, h in zip(weights, entropies, strict=True)), "upper")
        most = end(flint.arb(told.key.outcomes(told.far.devices)).log() / flint.arb(2).log(), "upper")
    claimed = number(record(root["claim"], "the claim", "value")["value"], "the claimed value")
    return Finding("routed_conditional_entropy", "upper", proven, claimed, within(claimed, 0, most))


def _question(root: dict[str, Any]) -> Told:
    question = record(root["question"], "the question", "near far figure side")
    choice(question["side"], "side", ("upper",))
    figure = record(question["figure"], "the figure", "kind x preprocessing given")
    choice(figure["kind"], "the figure", ("routed_conditional_entropy",))
    if figure["given"] is not None:
        raise refuse("an attack is on the entropy of which Eve is told nothing.")
    ways = []
    for name in ("near", "far"):
        devices, tests = read_device(question[name], name)
        tested = tuple(
            Tested(devices.coordinates(table), (low + high) / 2, (high - low) / 2) for table, low, high in tests
        )
        ways.append(Question(devices, tested, figure, "upper", "quantum"))
    alice = ways[0].devices.outcomes[0]
    if alice != ways[1].devices.outcomes[0]:
        raise refuse("Alice's settings and outcomes are the same on both ways.")
    x = integer(figure["x"], "x", 0, len(alice) - 1)
    flips = number(figure["preprocessing"], "preprocessing")
    if alice[x] < 2 or not 0 <= flips <= Fraction(1, 2) or (flips and alice[x] != 2):
        raise refuse("the key has two outcomes at least, and flips, of a bit, are from 0 to 1/2.")
    return Told(ways[0], ways[1], Key((x, None), (flips, flips)))


def _strategy(entry: object, told: Told, budget: Budget) -> tuple[Strategy, Strategy]:
    """The near way and the far way."""
    parts = record(entry, "a strategy", "dimensions state measurements channel far")
    a, r, f, e = (integer(d, "a dimension", 1, MOST_DIMENSION) for d in items(parts["dimensions"], "dimensions", 4, 4))
    if max(a * r, a * f, f * e) > LARGEST:
        raise refuse(f"systems that belong together have a dimension of at most {LARGEST}.")
    budget.spend(50_000 * a * (r + f) + 200_000 * told.key.outcomes(told.far.devices) * e**3)
    state = read_matrix(parts["state"], a * r, 1)
    weight = square_norm(state)
    if not weight > 0:
        raise refuse("a state is nothing.")
    own, near = items(parts["measurements"], "measurements", 2, 2)
    alice = _measurements(own, told.near, 0, a)
    # the effects of a measurement add up to one, and the factor of its only effect is an isometry
    (isometry,) = measurement([parts["channel"]], r, f * e)
    psi = Matrix(a, r, state.entries())
    sent = psi * isometry.transpose()  # rows: Alice; columns: the far system, then Eve
    far = Matrix(a * f, e, sent.entries())
    return (
        Strategy(state, (alice, _measurements(near, told.near, 1, r)), weight),
        Strategy(far, (alice, _measurements(parts["far"], told.far, 1, f)), weight),
    )


def _measurements(given: object, question: Question, party: int, dimension: int) -> tuple[tuple[Matrix, ...], ...]:
    counts = question.devices.outcomes[party]
    settings = items(given, "measurements", len(counts), len(counts))
    return tuple(
        measurement(items(effects, "effects", count, count), dimension)
        for effects, count in zip(settings, counts, strict=True)
    )


def _weights(
    tests: tuple[Tested, ...], values: list[list[flint.arb]], proof: dict[str, Any], budget: Budget
) -> list[flint.arb]:
    """Weights with which the data are met: some solved for, all tests else within their tolerances."""
    count = len(values)
    given = numbers(proof["weights"], "weights", count)
    whole = sum(given, Fraction(0))
    if min(given) < 0 or not whole > 0:
        raise refuse("weights are negative, or all zero.")
    weights = [ball(w / whole) for w in given]
    adjusted = [integer(k, "a strategy", 0, count - 1) for k in items(proof["adjusted"], "adjusted", count)]
    solved = [integer(j, "a test", 0, len(tests) - 1) for j in items(proof["solved"], "solved", len(tests))]
    if len(set(adjusted)) < len(adjusted) or len(set(solved)) < len(solved):
        raise refuse("a strategy or a test is named twice.")
    if adjusted or solved:
        if len(adjusted) != len(solved) + 1:
            raise refuse("one strategy more is adjusted than tests are solved.")
        budget.spend(100 * len(adjusted) ** 3 + 100 * count * len(solved))
        rest = [k for k in range(count) if k not in adjusted]
        right = [1 - total(weights[k] for k in rest)]
        right += [ball(tests[j].value) - total(weights[k] * values[k][j] for k in rest) for j in solved]
        rows = [[flint.arb(1) for _ in adjusted], *([values[k][j] for k in adjusted] for j in solved)]
        try:
            found = flint.arb_mat(rows).solve(flint.arb_mat([[value] for value in right])).entries()
        except ZeroDivisionError:
            raise refuse("the solved tests do not determine the adjusted weights.") from None
        for k, weight in zip(adjusted, found, strict=True):
            if not weight >= 0:
                raise refuse("an adjusted weight is not certainly positive.")
            weights[k] = weight
    for j, test in enumerate(tests):
        if j not in solved:
            mean = total(w * own[j] for w, own in zip(weights, values, strict=True))
            if not abs(mean - ball(test.value)) <= ball(test.tolerance):
                raise refuse(f"test {j} is missed.")
    return weights
