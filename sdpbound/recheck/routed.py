"""Entropies of routed tests, as problems of operators.

The question names two pairs of devices, Alice's with a near one and with a far one, and what is tested of each. The
figure is the entropy of Alice's outcome of x, given what an Eve has whose operators commute with Alice's and the far
device's. For her states r_b beside outcome b and their sum r, ``f(t) = sum_b Tr(t r - r_b)_+`` is the largest mean of
``sum_b P_b (t - A_b)`` over projections P_b of hers, and the entropy is at least ``c - sum_i w_i f(t_i)``
(:mod:`sdpbound.recheck.projections` has the nodes' weights w and c). The largest mean of ``sum_ib w_i P_ib (t_i -
A_b)`` is bounded from above by a proof of an operator problem. If she is told the far device's outcome c, of effect
F_c, each r_b is a sum of r_cb, the entropy a sum over c of those of r_cb beside ``r_c``, and the mean that of
``sum_icb w_i P_icb (t_i - A_b) F_c``.

That problem is written here: a line for each letter (Alice, far, Eve, near), its square, its products with the others
of its setting, and the pairs that may change places.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import flint

from sdpbound.recheck.answer import Budget, Finding, refuse
from sdpbound.recheck.balls import end
from sdpbound.recheck.operators import recheck_operators
from sdpbound.recheck.projections import outcome_weights, tent_weights
from sdpbound.recheck.reading import choice, integer, items, number, record, tensor
from sdpbound.recheck.words import OBSERVABLE, Devices, read_devices

__all__ = ["read_device", "recheck_routed"]

MOST_NODES, MOST_OUTCOMES, MOST_TESTS = 64, 16, 1024
GRID = 1 << 100
#: What a claim may be outside the range of its figure: a rounding.
ROUNDING = Fraction(1, 10**6)


def recheck_routed(root: dict[str, Any], budget: Budget) -> Finding:
    """A whole certificate."""
    question = record(root["question"], "the question", "near far figure side")
    choice(question["side"], "side", ("lower",))
    near, far = (read_device(question[name], name) for name in ("near", "far"))
    if near[0].outcomes[0] != far[0].outcomes[0]:
        raise refuse("Alice has other outcomes with the near device than with the far one.")
    figure = record(question["figure"], "the figure", "kind x preprocessing given")
    choice(figure["kind"], "the figure", ("routed_conditional_entropy",))
    alice = near[0].outcomes[0]
    x = integer(figure["x"], "x", 0, len(alice) - 1)
    flips = number(figure["preprocessing"], "preprocessing")
    told = figure["given"]
    told = None if told is None else integer(told, "given", 0, len(far[0].outcomes[1]) - 1)
    if not 2 <= alice[x] <= MOST_OUTCOMES or not 0 <= flips <= Fraction(1, 2) or (flips and alice[x] != 2):
        raise refuse("the key must be of 2 to 16 outcomes, and flips from 0 to 1/2 of one bit.")
    proof = record(root["proof"], "the proof", "routed_nodes multipliers squares localised")
    nodes = [number(t, "a node") for t in items(proof["routed_nodes"], "nodes", MOST_NODES, 1)]
    if alice[x] == 2:
        weights, most = tent_weights(nodes, flips, budget), Fraction(1)
    else:
        weights, exact = outcome_weights(nodes, alice[x], budget)
        most = Fraction(math.floor(exact * GRID), GRID)  # few digits are read
    problem = _problem(near, far, (x, told), list(zip(nodes, weights, strict=True)))
    claimed = number(record(root["claim"], "the claim", "value")["value"], "the claimed value")
    if not -ROUNDING <= claimed <= end(flint.arb(alice[x]).log() / flint.arb(2).log(), "upper") + ROUNDING:
        raise refuse("the claim is no entropy of so many outcomes.")
    inner = {
        "question": problem,
        "proof": {name: proof[name] for name in ("multipliers", "squares", "localised")}
        | {"derived": [], "multiples": []},
        "claim": {"value": _exact(most - claimed)},
    }
    found = recheck_operators(inner, budget)
    return Finding("routed_conditional_entropy", "lower", most - found.proven, claimed)


Tests = list[tuple[dict[tuple[int, ...], Fraction], Fraction, Fraction]]


def read_device(value: object, name: str) -> tuple[Devices, Tests]:
    """Alice's outcomes and a device's, and each tested table with its ends."""
    entry = record(value, f"the {name} device", "outcomes observed")
    devices = read_devices({"outcomes": entry["outcomes"]}, (2, 2))
    tests: Tests = []
    for item in items(entry["observed"], "observed", MOST_TESTS):
        parts = record(item, "a tested expression", "coefficients value tolerance")
        middle, width = number(parts["value"], "a tested value"), number(parts["tolerance"], "a tolerance")
        if width < 0:
            raise refuse("a tolerance is negative.")
        tests.append((tensor(parts["coefficients"], "coefficients", devices.shape), middle - width, middle + width))
    return devices, tests


def _problem(
    near: tuple[Devices, Tests],
    far: tuple[Devices, Tests],
    key: tuple[int, int | None],
    nodes: list[tuple[Fraction, Fraction]],
) -> dict[str, Any]:
    """The question whose objective is ``sum_ib w_i P_ib (t_i - A_b)``, or that with the effects F_c Eve is told."""
    x, told = key
    outcomes = near[0].outcomes[0][x]
    branches = 1 if told is None else far[0].outcomes[1][told]
    copies = outcomes * branches
    # (whose, setting, outcome) of each letter
    alphabet: list[tuple[str, int, int]] = [("A", s, a) for s, a in near[0].letters(0)]
    alphabet += [("F", s, a) for s, a in far[0].letters(1)]
    alphabet += [("E", i, 0) for i in range(len(nodes) * copies)]
    alphabet += [("N", s, a) for s, a in near[0].letters(1)]
    order = "AFEN"
    first = {who: sum(order.index(w) < order.index(who) for w, _, _ in alphabet) for who in order}
    commuting = {("A", "F"), ("A", "E"), ("A", "N"), ("F", "E")}
    rules: list[Any] = []
    for i, (who, setting, outcome) in enumerate(alphabet):
        for j, (other, at, _) in enumerate(alphabet):
            if i == j:
                rules.append([[i, i], [[1, [] if outcome == OBSERVABLE and who != "E" else [i]]]])
            elif who == other and setting == at:
                rules.append([[i, j], []])
            elif j < i and (other, who) in commuting:
                rules.append([[i, j], [[1, [j, i]]]])
    objective: dict[tuple[int, ...], Fraction] = {}
    for place in range(len(nodes) * copies):
        (t, w), (c, b) = nodes[place // copies], divmod(place % copies, outcomes)
        # t_i - A_b by letter, times F_c by letter, times the projection
        alice = {letter: -value for letter, value in _effect(alphabet, ("A", x), b, outcomes).items()}
        alice[None] = alice.get(None, Fraction(0)) + t
        branch: dict[int | None, Fraction] = (
            {None: Fraction(1)} if told is None else _effect(alphabet, ("F", told), c, branches)
        )
        for letter, value in alice.items():
            for there, share in branch.items():
                word = tuple(i for i in (letter, there, first["E"] + place) if i is not None)
                objective[word] = objective.get(word, Fraction(0)) + w * value * share
    sides = []
    for k in range(first["E"], first["N"]):
        sides += [[[1, [k]]], [[1, []], [-1, [k]]]]
    moments = []
    for tests, start in ((near[1], first["N"]), (far[1], first["F"])):
        for table, low, high in tests:
            words = {
                (*(() if not a else (a - 1,)), *(() if not b else (start + b - 1,))): v for (a, b), v in table.items()
            }
            moments.append({"expression": _polynomial(words), "low": _exact(low), "high": _exact(high)})
    return {
        "figure": {"kind": "operator_value", "objective": _polynomial(objective)},
        "side": "upper",
        "letters": [{"name": f"{who}{s}.{a}", "adjoint": i} for i, (who, s, a) in enumerate(alphabet)],
        "rules": rules,
        "equalities": [],
        "inequalities": sides,
        "moments": moments,
    }


def _effect(
    alphabet: list[tuple[str, int, int]], whose: tuple[str, int], b: int, outcomes: int
) -> dict[int | None, Fraction]:
    """The effect of outcome b of somebody's setting by letter; None is the identity."""
    own = [i for i, (who, setting, _) in enumerate(alphabet) if (who, setting) == whose]
    if outcomes == 2:
        return {None: Fraction(1, 2), own[0]: Fraction(1, 2) if b == 0 else Fraction(-1, 2)}
    if b < outcomes - 1:
        return {own[b]: Fraction(1)}
    return {None: Fraction(1), **dict.fromkeys(own, Fraction(-1))}


def _polynomial(terms: dict[tuple[int, ...], Fraction]) -> list[Any]:
    return [[_exact(value), list(word)] for word, value in terms.items() if value]


def _exact(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"
