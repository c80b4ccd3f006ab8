"""Entropies of routed tests: an operator problem that is written here, from the question in Bell terms.

Alice's outcomes, those of a near device N and those of a far device F are tested. Eve's operators commute with Alice's
and with F's; N's commute with Alice's only. With Eve's projections P_ib, nodes t_i and their weights w_i
(:mod:`sdpbound.checker.integral`), and A_b the effects of Alice's setting x,

    H(A|X=x,E) >= c - sum_ib w_i <P_ib (t_i - A_b)>    at the P_ib that are best for Eve,

c = 1 for two outcomes, where the last node is 1/2 and outcomes may be flipped; for more, nodes are below 1, and c is
the number that goes with their weights. So an upper bound V on the mean of the sum proves c - V. Where Eve is told the
far device's outcome of a setting, H(A|X=x,F,E), with its effects W_b and projections of hers for each b and a it is
``sum_iba w_i <P_iba (t_i W_b - A_a W_b)>``, for r = sum_b r_b and each r_b is told apart on its own.

**The problem.** Letters: Alice's coordinates, F's, the P_ib (P_iba) node by node, the last index fastest, N's. Each is
its own adjoint. An observable O (two outcomes) has ``O O = 1``, a projector ``P P = P``, those of one setting have
products 0. Letters of Alice, of F and of Eve commute with each other's, N's with Alice's. Inequality 2k says that the
projection k is positive, 2k + 1 that 1 less it is. The tests are intervals, value less and plus tolerance, N's first.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from sdpbound.checker.claim import Subject, Verification
from sdpbound.checker.integral import outcome_weights, tent_weights
from sdpbound.checker.numbers import HALF, ONE, ZERO, log2_ball, lower_end, nearest_float, rounded_float
from sdpbound.checker.operators import verify_operators
from sdpbound.checker.reading import read_integer, read_keys, read_kind, read_list, read_number, read_tensor, shown
from sdpbound.checker.scenario import Scenario, read_scenario
from sdpbound.errors import CertificateError

__all__ = ["read_routed_device", "verify_routed"]

_MOST_NODES = 64
_MOST_OUTCOMES = 16
_ROUNDING = Fraction(1, 10**6)

Terms = dict[tuple[int, ...], Fraction]


def verify_routed(root: Mapping[str, object], strict: bool) -> Verification:
    """A lower bound on the entropy of Alice's outcome in a routed test."""
    question = read_keys(root["question"], ("near", "far", "figure", "side"), "question")
    if question["side"] != "lower":
        raise CertificateError(
            f"question.side is {shown(question['side'])}; an entropy of a routed test has lower ones."
        )
    near, near_tests = read_routed_device(question["near"], "question.near")
    far, far_tests = read_routed_device(question["far"], "question.far")
    if near.outcomes[0] != far.outcomes[0]:
        raise CertificateError("question.near and question.far have different outcomes of Alice; her device is one.")
    read_kind(question["figure"], "question.figure", ("routed_conditional_entropy",))
    figure = read_keys(question["figure"], ("kind", "x", "preprocessing", "given"), "question.figure")
    x = read_integer(figure["x"], 0, len(near.outcomes[0]) - 1, "question.figure.x")
    last = len(far.outcomes[1]) - 1
    given = None if figure["given"] is None else read_integer(figure["given"], 0, last, "question.figure.given")
    flips = read_number(figure["preprocessing"], "question.figure.preprocessing")
    outcomes = near.outcomes[0][x]
    if not 2 <= outcomes <= _MOST_OUTCOMES:
        raise CertificateError(f"question.figure.x has {outcomes} outcomes; 2 to {_MOST_OUTCOMES} can be checked.")
    if not ZERO <= flips <= HALF or (flips and outcomes != 2):
        raise CertificateError("question.figure.preprocessing must be from 0 to 1/2, and 0 for more outcomes than two.")
    proof = read_keys(root["proof"], ("routed_nodes", "multipliers", "squares", "localised"), "proof")
    nodes = _read_nodes(proof["routed_nodes"], outcomes)
    weights, known = (tent_weights(nodes, flips), ONE) if outcomes == 2 else outcome_weights(nodes, outcomes)
    known = Fraction(rounded_float(known, up=False))
    claimed = read_number(read_keys(root["claim"], ("value",), "claim")["value"], "claim.value")
    if not -_ROUNDING <= claimed <= -lower_end(-log2_ball(Fraction(outcomes))) + _ROUNDING:
        raise CertificateError(
            f"claim.value is {nearest_float(claimed)!r}; an entropy is from 0 to log2 of {outcomes}."
        )
    wholes = [{0: ONE}] if given is None else far.effects(1, given)
    letters = _Letters(near, far, len(nodes) * outcomes * len(wholes))
    problem = letters.problem([*near_tests, *far_tests], len(near_tests))
    problem["figure"] = {"kind": "operator_value", "objective": _written(_mean(letters, x, wholes, nodes, weights))}
    own = {"derived": [], "multiples": [], **{name: proof[name] for name in ("multipliers", "squares", "localised")}}
    inner = verify_operators(
        {"question": problem, "proof": own, "claim": {"value": _text(known - claimed)}}, False
    )  # fmt: skip
    value = rounded_float(known - Fraction(inner.value), up=False)
    good = f"H(A|X={x},E) of the routed test is at least {value!r} bits; claimed are {nearest_float(claimed)!r}."
    bad = (
        f"The certificate does not prove its claim: H(A|X={x},E) of the routed test is proven to be at least "
        f"{value!r} bits, and {nearest_float(claimed)!r} are claimed."
    )
    subject = Subject("routed_conditional_entropy", "lower", "operators")
    return subject.verified(value, claimed, (good, bad), holds=inner.holds, strict=strict)


Test = tuple[dict[tuple[int, ...], Fraction], Fraction, Fraction]


def read_routed_device(entry: object, name: str) -> tuple[Scenario, list[Test]]:
    """The scenario of Alice and a device, and the tests: coefficients, value, tolerance."""
    parts = read_keys(entry, ("outcomes", "observed"), name)
    scenario = read_scenario({"outcomes": parts["outcomes"]})
    if len(scenario.outcomes) != 2:
        raise CertificateError(
            f"{name}.outcomes are those of {len(scenario.outcomes)} parties; Alice and one device are."
        )
    tests = []
    for j, item in enumerate(read_list(parts["observed"], f"{name}.observed")):
        own = read_keys(item, ("coefficients", "value", "tolerance"), f"{name}.observed[{j}]")
        table = read_tensor(own["coefficients"], scenario.shape, f"{name}.observed[{j}].coefficients")
        value = read_number(own["value"], f"{name}.observed[{j}].value")
        tolerance = read_number(own["tolerance"], f"{name}.observed[{j}].tolerance")
        if tolerance < 0:
            raise CertificateError(f"{name}.observed[{j}].tolerance is negative.")
        tests.append((table, value, tolerance))
    return scenario, tests


def _read_nodes(entry: object, outcomes: int) -> list[Fraction]:
    nodes = [read_number(t, f"proof.routed_nodes[{i}]") for i, t in enumerate(read_list(entry, "proof.routed_nodes"))]
    rising = all(a < b for a, b in zip([ZERO, *nodes], nodes, strict=False))
    last = nodes[-1] == HALF if outcomes == 2 and nodes else bool(nodes) and nodes[-1] < 1
    if not 1 <= len(nodes) <= _MOST_NODES or not rising or not last:
        raise CertificateError(
            f"proof.routed_nodes is {shown(entry)}; 1 to {_MOST_NODES} rising numbers above 0 are expected, and the "
            f"last is {'1/2' if outcomes == 2 else 'below 1'}."
        )
    return nodes


class _Letters:
    """The letters by number: the first of Alice's, the far device's, Eve's and the near device's coordinates."""

    def __init__(self, near: Scenario, far: Scenario, eve: int) -> None:
        self.near, self.far, self.eve = near, far, eve
        self.far_from = near.shape[0] - 1
        self.eve_from = self.far_from + far.shape[1] - 1
        self.near_from = self.eve_from + eve
        self.count = self.near_from + near.shape[1] - 1

    def groups(self) -> list[tuple[list[int], bool]]:
        """The letters of each setting, and whether these are one observable; Eve's projections one by one."""
        found = []
        for scenario, party, first in ((self.near, 0, 0), (self.far, 1, self.far_from), (self.near, 1, self.near_from)):
            for outcomes, letters in zip(scenario.outcomes[party], scenario.letters(party), strict=True):
                found.append(([first + letter - 1 for letter in letters], outcomes == 2))
        return [*found, *(([self.eve_from + k], False) for k in range(self.eve))]

    def problem(self, tests: list[Test], of_near: int) -> dict[str, Any]:
        """The question of the operator problem, without its figure."""
        rules: list[list[Any]] = []
        for letters, observable in self.groups():
            for i in letters:
                rules += [[[i, i], [[1, [] if observable else [i]]]]]
                rules += [[[i, j], []] for j in letters if i != j]
        for j in range(self.count):
            for i in range(min(j, self.near_from)):
                same = j < self.far_from or (self.far_from <= i and j < self.eve_from) or self.eve_from <= i
                if not same and (j < self.near_from or i < self.far_from):
                    rules.append([[j, i], [[1, [i, j]]]])
        positive = []
        for k in range(self.eve_from, self.near_from):
            positive += [[[1, [k]]], [[1, []], [-1, [k]]]]
        moments = []
        for number, (table, value, tolerance) in enumerate(tests):
            first = self.near_from if number < of_near else self.far_from
            terms = {
                (*([a - 1] if a else []), *([first + b - 1] if b else [])): factor for (a, b), factor in table.items()
            }
            ends = {"low": _text(value - tolerance), "high": _text(value + tolerance)}
            moments.append({"expression": _written(terms)} | ends)
        return {
            "side": "upper",
            "letters": [{"name": f"l{i}", "adjoint": i} for i in range(self.count)],
            "rules": rules,
            "equalities": [],
            "inequalities": positive,
            "moments": moments,
        }


def _mean(
    letters: _Letters, x: int, wholes: list[dict[int, Fraction]], nodes: list[Fraction], weights: list[Fraction]
) -> Terms:
    """``sum_iba w_i P_iba (t_i W_b - A_a W_b)``; Alice's letters stand before the far device's, and these before Eve's.

    W_b is 1, or the far device's effects in its coordinates.
    """
    found: Terms = {}
    effects = letters.near.effects(0, x)
    pairs = [(whole, effect) for whole in wholes for effect in effects]
    for i, (t, w) in enumerate(zip(nodes, weights, strict=True)):
        for k, (whole, effect) in enumerate(pairs):
            p = letters.eve_from + i * len(pairs) + k
            for j, far in whole.items():
                behind = (p,) if j == 0 else (letters.far_from + j - 1, p)
                for coordinate, value in ((0, -t), *effect.items()):
                    word = behind if coordinate == 0 else (coordinate - 1, *behind)
                    found[word] = found.get(word, ZERO) - w * far * value
    return {word: value for word, value in found.items() if value}


def _written(terms: Mapping[tuple[int, ...], Fraction]) -> list[list[Any]]:
    return [[_text(value), list(word)] for word, value in terms.items()]


def _text(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"
