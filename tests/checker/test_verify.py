"""The certificate checker: proofs made by hand, proofs by small solvers, tampering, and files made to break it."""

from __future__ import annotations

import ast
import copy
import itertools
import json
import math
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import cvxpy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from sdpbound.checker import Verification, verify
from sdpbound.checker.linear import local_charges, no_signaling_residual, quantum_residual
from sdpbound.checker.question import read_question
from sdpbound.checker.scenario import Scenario
from sdpbound.checker.words import Algebra, residual_charge
from sdpbound.errors import CertificateError

CHSH = [[0, 0, 0], [0, 1, 1], [0, 1, -1]]
MARGINAL = [[0, 0, 0], [1, 0, 0], [0, 0, 0]]  # <A_0>
BINARY = [[2, 2], [2, 2]]
TRILINE = [[2, 3], [3, 2]]  # projectors and observables mixed: coordinates A: O, P, P; B: P, P, O

# 2 sqrt 2 - CHSH = ((A_0 - (B_0 + B_1)/sqrt 2)^2 + (A_1 - (B_0 - B_1)/sqrt 2)^2) / sqrt 2, one column for each square.
_C, _R = 2**-0.25, 2**-0.5
TSIRELSON = {
    "words": [[[1], []], [[2], []], [[], [1]], [[], [2]]],
    "factor": [[_C], [0.0, _C], [-_C * _R, -_C * _R, 0.0], [-_C * _R, _C * _R, 0.0, 0.0]],
}
# 4 - CHSH is twice the probability of losing the CHSH game, summed over the settings.
LOSING = [2 if (a != b) != (x * y == 1) else 0 for x in (0, 1) for a in (0, 1) for y in (0, 1) for b in (0, 1)]


def question(
    figure: dict[str, Any],
    model: str = "quantum",
    side: str = "upper",
    observed: tuple[tuple[Any, Any, Any], ...] = (),
    outcomes: list[list[int]] = BINARY,
) -> dict[str, Any]:
    return {
        "scenario": {"outcomes": outcomes},
        "figure": figure,
        "side": side,
        "observed": [{"coefficients": c, "value": v, "tolerance": t} for c, v, t in observed],
        "model": {"kind": "quantum", "level": "1+AB"} if model == "quantum" else {"kind": model},
    }


def certificate(
    asked: dict[str, Any], multipliers: list[Any], copies: list[Any], value: Any, constant: Any, slopes: list[Any]
) -> dict[str, Any]:
    made = {
        "format": "sdpbound certificate",
        "version": 1,
        "created_by": "test_verify",
        "question": asked,
        "proof": {"multipliers": multipliers, "copies": copies},
        "claim": {"value": value, "functional": {"constant": constant, "multipliers": slopes}},
    }
    return copy.deepcopy(made)  # copies of one entry must not share lists: the tests tamper with them


def recompute(asked: dict[str, Any], multipliers: list[Any], copies: list[Any]) -> Verification:
    """What a proof gives, whatever is claimed."""
    return verify(certificate(asked, multipliers, copies, 0, 0, [0] * len(multipliers)), strict=False)


def bell(coefficients: Any = CHSH) -> dict[str, Any]:
    return {"kind": "bell_value", "coefficients": coefficients}


def guess(x: int = 0, y: int | None = None) -> dict[str, Any]:
    return {"kind": "guessing_probability", "x": x, "y": y}


def blind(x: int = 0, y: int = 0) -> dict[str, Any]:
    return {"kind": "blind_guessing_probability", "x": x, "y": y}


EMPTY = {"words": [], "factor": []}
UPPER_TSIRELSON = 2.828427125
SEEN = ((CHSH, 2.5, 0.0),)


def tsirelson() -> dict[str, Any]:
    return certificate(question(bell()), [], [TSIRELSON], UPPER_TSIRELSON, UPPER_TSIRELSON, [])


def separation() -> dict[str, Any]:
    """<CHSH> = 3 within 0.1 is not quantum: 0 <= 2 sqrt 2 - CHSH."""
    observed = ((CHSH, 3.0, 0.1),)
    return certificate(question({"kind": "separation"}, observed=observed), [-1], [TSIRELSON], -0.07, 2.83, [-1.0])


# --- proofs made by hand ---------------------------------------------------------------------------------------------


def test_tsirelson_bound_by_a_sum_of_squares():
    found = verify(tsirelson())
    assert 0 <= found.value - 2 * math.sqrt(2) < 1e-14
    assert (found.side, found.figure, found.model, found.holds) == ("upper", "bell_value", "quantum", True)
    assert found.functional == (found.value, ())
    assert found.claimed == UPPER_TSIRELSON


def test_tsirelson_lower_bound_has_the_signs_turned_round():
    turned = copy.deepcopy(TSIRELSON)
    turned["factor"][2:] = [[-entry for entry in row] for row in turned["factor"][2:]]
    found = verify(certificate(question(bell(), side="lower"), [], [turned], -2.83, -2.83, []))
    assert found.side == "lower"
    assert -1e-14 < found.value + 2 * math.sqrt(2) <= 0


@pytest.mark.parametrize(
    ("figure", "model", "side", "copies", "value"),
    [
        (bell(), "local", "upper", [], 2.0),
        (bell(), "local", "lower", [], -2.0),
        (bell(), "no-signaling", "upper", [{"weights": LOSING}], 4.0),
        (bell(), "no-signaling", "lower", [{"weights": [2 - w for w in LOSING]}], -4.0),
        (bell(), "quantum", "upper", [EMPTY], 4.0),
        (bell([[1, 0, 0], [-2, 0, 0], [0, 0, 0]]), "quantum", "lower", [EMPTY], -1.0),
        (guess(), "quantum", "upper", [EMPTY] * 2, 1.0),
        (guess(), "local", "upper", [], 1.0),
        (guess(), "no-signaling", "upper", [{"weights": [0] * 16}] * 2, 1.0),
        (guess(1, 1), "quantum", "upper", [EMPTY] * 4, 1.0),
        (guess(1, 1), "local", "upper", [], 1.0),
        (blind(1, 0), "quantum", "upper", [EMPTY], 1.0),
        (blind(1, 0), "local", "upper", [], 1.0),
        (blind(1, 0), "no-signaling", "upper", [{"weights": [0] * 16}] * 4, 1.0),
        ({"kind": "min_entropy", "of": guess()}, "local", "lower", [], 0.0),
        ({"kind": "min_entropy", "of": blind()}, "quantum", "lower", [EMPTY], 0.0),
    ],
)
def test_known_values_exactly(figure, model, side, copies, value):
    found = verify(certificate(question(figure, model, side), [], copies, value, value, []))
    assert found.value == value
    assert found.functional == (value, ())


def test_separation():
    found = verify(separation())
    assert found.value == pytest.approx(2 * math.sqrt(2) - 2.9, abs=1e-14)
    assert "outside the set" in found.message
    feasible = separation()
    feasible["question"]["observed"][0]["value"] = 2.5
    feasible["claim"]["value"] = 0.5
    assert "does not separate" in verify(feasible).message


@pytest.mark.parametrize(("model", "bound"), [("local", 2), ("no-signaling", 4)])
def test_separation_from_the_other_sets(model, bound):
    copies = [] if model == "local" else [{"weights": LOSING}]
    asked = question({"kind": "separation"}, model, observed=((CHSH, "9/2", 0),))
    assert recompute(asked, [-1], copies).value == bound - 4.5


def test_local_guessing_probability_with_a_tested_chsh_value():
    """max over strategies of P(a|0) + S/4 is 1 + 2/4; the data pay -S/4, and the tolerance |lambda| t."""
    asked = question(guess(), "local", observed=((CHSH, 1.5, 0.25),))
    found = recompute(asked, ["-1/4"], [])
    assert found.value == 1.5 - 0.375 + 0.0625
    assert found.functional == (1.5, (-0.25,))


def test_min_entropy_of_one_bit_is_exact():
    """P = 1/2 exactly: -log2 must not lose the last digit to a ball."""
    asked = question({"kind": "min_entropy", "of": guess()}, "local", "lower", observed=((CHSH, 4, 0),))
    found = verify(certificate(asked, ["-1/4"], [], 1.0, 0.1, [0.36067376022224085]), strict=False)
    assert found.value == 1.0


def test_min_entropy_tangent():
    asked = question({"kind": "min_entropy", "of": guess()}, "local", "lower", observed=((CHSH, 3, 0.5),))
    value, constant, slope = _entropy_claim()
    found = verify(certificate(asked, [-0.25], [], value, constant, [slope]))
    assert found.value == pytest.approx(-math.log2(0.875), abs=1e-15)
    assert Fraction(found.value) <= Fraction(-math.log2(0.875)) + Fraction(1, 10**15)
    # On the central value the tangent meets the entropy, elsewhere it is below.
    for seen in (0.0, 2.0, 3.0, 5.0):
        assert found.functional[0] + found.functional[1][0] * seen <= -math.log2(1.5 - seen / 4) + 1e-12
    assert found.functional[0] + found.functional[1][0] * 3 == pytest.approx(-math.log2(0.75), abs=1e-12)
    # The functional that the checker returns can itself be claimed.
    again = certificate(asked, [-0.25], [], found.value, found.functional[0], list(found.functional[1]))
    assert verify(again).holds
    again["claim"]["functional"]["constant"] += 1e-9
    with pytest.raises(CertificateError, match="constant"):
        verify(again)


def _entropy_claim() -> tuple[float, float, float]:
    """For mu = 3/2, lambda = -1/4 and S = 3 +- 1/2."""
    slope = 0.25 / (0.75 * math.log(2))
    return -math.log2(0.875) - 1e-15, -math.log2(0.75) - (1.5 - 0.75) / (0.75 * math.log(2)) - 1e-14, slope


def test_min_entropy_of_an_impossible_guess_is_refused():
    asked = question({"kind": "min_entropy", "of": guess()}, "local", "lower", observed=((CHSH, 8, 0),))
    with pytest.raises(CertificateError, match="outside the set"):
        recompute(asked, [-0.25], [])
    # Here only the tolerance keeps the bound positive; there is no tangent at the central value.
    asked = question({"kind": "min_entropy", "of": guess()}, "local", "lower", observed=((CHSH, 6.5, 1),))
    with pytest.raises(CertificateError, match="central values"):
        recompute(asked, [-0.25], [])


@pytest.mark.parametrize("step", [1e-12, -1e-12])
def test_a_rounded_tangent_is_charged_to_the_constant(step):
    """The slope moved by s is that of the tangent with t = 4 (slope + s), whose height at 0 is 3 s lower."""
    asked = question({"kind": "min_entropy", "of": guess()}, "local", "lower", observed=((CHSH, 3, 0.5),))
    constant, (slope,) = recompute(asked, [-0.25], []).functional
    moved = certificate(asked, [-0.25], [], 0, constant - 3 * step + 1e-14, [slope + step])
    assert not verify(moved, strict=False).holds
    moved["claim"]["functional"]["constant"] = constant - 3 * step - 1e-14
    assert verify(moved).holds


# --- proofs by small solvers -----------------------------------------------------------------------------------------


def no_signaling_weights(linear: np.ndarray) -> list[float]:
    """Weights for which linear + sum weights * probabilities is a constant, the least one: the dual linear program."""
    scenario = Scenario(tuple(map(tuple, BINARY)))
    effects = [[float(effect.get(i, 0)) for i in range(3)] for x in (0, 1) for effect in scenario.effects(0, x)]
    rows = np.array([np.outer(a, b).ravel() for a in effects for b in effects])
    result = linprog(rows[:, 0], A_eq=rows[:, 1:].T, b_eq=-linear.ravel()[1:], bounds=(0, None))
    assert result.status == 0
    return [max(0.0, weight) for weight in result.x.tolist()]


def outcome(a: int) -> np.ndarray:
    """P(a|0) of Alice in coordinates."""
    tensor = np.zeros((3, 3))
    tensor[0, 0], tensor[1, 0] = 0.5, 0.5 - a
    return tensor


def test_no_signaling_guessing_probability_is_linear_in_chsh():
    copies = [{"weights": no_signaling_weights(outcome(a) + np.array(CHSH) / 4)} for a in (0, 1)]
    found = recompute(question(guess(), "no-signaling", observed=SEEN), [-0.25], copies)
    assert found.value == pytest.approx(1.5 - 2.5 / 4, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_no_signaling_maximum_agrees_with_the_vertices(seed):
    """The 16 deterministic points and the 8 boxes of Popescu and Rohrlich."""
    coefficients = np.random.default_rng(seed).normal(size=(3, 3))
    signs = list(itertools.product((1, -1), repeat=2))
    best = max(np.array([1, *a]) @ coefficients @ np.array([1, *b]) for a in signs for b in signs)
    for flips in itertools.product((1, -1), repeat=4):
        if math.prod(flips) == -1:
            box = np.zeros((3, 3))
            box[0, 0], box[1:, 1:] = 1, np.reshape(flips, (2, 2))
            best = max(best, float((coefficients * box).sum()))
    asked = question(bell(coefficients.tolist()), "no-signaling")
    found = recompute(asked, [], [{"weights": no_signaling_weights(coefficients)}])
    assert found.value == pytest.approx(best, abs=1e-12)


def test_quantum_guessing_probability_has_its_closed_form():
    """P(A|0,E) = (1 + sqrt(2 - S^2/4))/2 for a tested S (arXiv:0911.3427), proved here with a small program."""
    words = [[[], []], [[1], []], [[2], []], [[], [1]], [[], [2]]]
    words += [[[a], [b]] for a in (1, 2) for b in (1, 2)]
    seen = 2.5
    asked = question(guess(), observed=((CHSH, seen, 0.0),))
    read = read_question(asked)
    algebra = Algebra(read.scenario, read.commuting)
    columns = [tuple(map(tuple, word)) for word in words]
    moments: dict[Any, np.ndarray] = {}
    for (u, left), (v, right) in itertools.product(enumerate(columns), repeat=2):
        moments.setdefault(algebra.product(left, right), np.zeros((9, 9)))[u, v] = 1
    constant, multiplier = cvxpy.Variable(), cvxpy.Variable()
    squares = [cvxpy.Variable((9, 9), PSD=True) for _ in (0, 1)]
    constraints = []
    for square, objective in zip(squares, read.objectives, strict=True):
        for word, pattern in moments.items():
            single = all(len(part) <= 1 for part in word)
            index = tuple(part[0] if part else 0 for part in word) if single else None
            residual = cvxpy.sum(cvxpy.multiply(pattern, square))
            if index is not None:
                residual += float(objective.get(index, 0)) - multiplier * float(read.observed.tensors[0].get(index, 0))
            constraints.append(residual == (constant if not any(word) else 0))
    cvxpy.Problem(cvxpy.Minimize(constant + multiplier * seen), constraints).solve(solver="CLARABEL")
    copies = []
    for square in squares:
        values, vectors = np.linalg.eigh(square.value)
        factor = np.linalg.qr((vectors * np.sqrt(np.maximum(values, 0))).T)[1].T
        copies.append({"words": words, "factor": [factor[i, : i + 1].tolist() for i in range(9)]})
    found = recompute(asked, [float(multiplier.value)], copies)
    exact = (1 + math.sqrt(2 - seen**2 / 4)) / 2
    assert exact <= found.value < exact + 1e-6
    # And no value of S that is possible beats the affine functional.
    for other in np.linspace(0, 2 * math.sqrt(2), 30):
        true = (1 + math.sqrt(max(0.0, 2 - max(2, other) ** 2 / 4))) / 2
        assert true <= found.functional[0] + found.functional[1][0] * other + 1e-12


# --- local enumeration -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "outcomes", [[[3]], [[2, 2], [2, 2, 2]], [[2, 3], [3, 1, 2]], [[2], [2, 3], [3, 2]], [[1], [1]], [[2, 2]] * 3]
)
def test_local_enumeration_agrees_with_brute_force(outcomes):
    scenario = Scenario(tuple(map(tuple, outcomes)))
    functionals = [np.random.default_rng(seed).integers(-9, 10, size=scenario.shape) for seed in range(12)]
    points = []
    for party, counts in enumerate(outcomes):
        points.append([])
        for answers in itertools.product(*map(range, counts)):
            point = [1]
            for d, a in zip(counts, answers, strict=True):
                point += [1 - 2 * a] if d == 2 else [int(a == b) for b in range(d - 1)]
            assert len(point) == scenario.shape[party]
            points[-1].append(point)
    best = []
    for functional in functionals:
        values = functional
        for party in points:
            values = np.tensordot(values, party, axes=(0, 1))  # the strategies become the last axis
        best.append(Fraction(int(values.max()), 3))
    tensors = [{i: Fraction(int(value), 3) for i, value in np.ndenumerate(functional)} for functional in functionals]
    assert list(local_charges(scenario, tensors)) == best


def test_too_many_strategies_are_refused():
    asked = question({"kind": "separation"}, "local", outcomes=[[2] * 23] * 2)
    with pytest.raises(CertificateError, match="8388608 strategies"):
        recompute(asked, [], [])


# --- the word algebra ------------------------------------------------------------------------------------------------

ALGEBRA = Algebra(Scenario(((2, 3), (2, 3, 3, 2))), {1: frozenset({1, 2})})  # Bob: O=1, P=2,3 and K=4,5 commute, O=6
BOB = {1: 0, 2: 1, 3: 1, 4: 2, 5: 2, 6: 3}
COMMUTING = {1, 2}


@pytest.mark.parametrize(
    ("letters", "reduced"),
    [
        ((1, 1), ()),
        ((2, 2), (2,)),
        ((2, 3), None),
        ((1, 2, 2, 1), (1, 2, 1)),
        ((1, 6, 6, 1), ()),
        ((4, 2), (2, 4)),
        ((2, 4, 2), (2, 4)),
        ((4, 2, 5), None),
        ((4, 1, 1, 2, 4), (2, 4)),
        ((4, 1, 2, 4), (4, 1, 2, 4)),
        ((2, 4, 3, 1), None),
    ],
)
def test_rules_of_one_party(letters, reduced):
    assert ALGEBRA.reduce(1, letters) == reduced


def _rewrite_once(word: tuple[int, ...], random: Any) -> tuple[int, ...]:
    """One random application of a rule or of its inverse; the word keeps its meaning."""
    place = random.randrange(len(word) + 1)
    head, tail = word[:place], word[place:]
    moves = [(*head, o, o, *tail) for o in (1, 6)]
    if tail:
        if BOB[tail[0]] in COMMUTING:
            moves.append((*head, tail[0], *tail))
        if len(tail) > 1 and {BOB[tail[0]], BOB[tail[1]]} == COMMUTING:
            moves += [(*head, tail[1], tail[0], *tail[2:])] * 3
        if len(tail) > 1 and tail[0] == tail[1]:
            moves += [head + tail[2:] if tail[0] in (1, 6) else head + tail[1:]] * 3
    return random.choice(moves)


letters = st.lists(st.integers(1, 6), max_size=8).map(tuple)


@given(letters, st.randoms(use_true_random=False))
def test_reduction_is_confluent(word, random):
    expected = ALGEBRA.reduce(1, word)
    rewritten = word
    for _ in range(12):
        rewritten = _rewrite_once(rewritten, random)
        assert ALGEBRA.reduce(1, rewritten) == expected
    if expected is not None:
        assert ALGEBRA.reduce(1, expected) == expected
        # The adjoint of a normal form, twice, is itself.
        assert ALGEBRA.reduce(1, reversed(ALGEBRA.reduce(1, reversed(expected)))) == expected


@given(letters, letters)
def test_different_normal_forms_are_different_operators(first, second):
    """Completeness: a generic representation tells the words apart exactly when their normal forms differ."""
    one, other = (operator_product(GENERIC, word) for word in (first, second))
    a, b = ALGEBRA.reduce(1, first), ALGEBRA.reduce(1, second)
    assert (a == b) == bool(np.allclose(one, other, atol=1e-9))
    assert (a is None) == bool(np.allclose(one, 0, atol=1e-9))


@given(st.tuples(letters, letters), st.tuples(letters, letters))
def test_a_product_and_its_adjoint_are_one_word(left, right):
    def clean(word):
        return tuple(tuple(letter for letter in part if letter < 4) if party == 0 else part for party, part in word)

    left, right = clean(enumerate(left)), clean(enumerate(right))
    assert ALGEBRA.product(left, right) == ALGEBRA.product(right, left)


# --- explicit strategies ---------------------------------------------------------------------------------------------


def unitary(random: np.random.Generator, size: int) -> np.ndarray:
    return np.linalg.qr(random.normal(size=(size, size)) + 1j * random.normal(size=(size, size)))[0]


def measurement(random: np.random.Generator, basis: np.ndarray, outcomes: int) -> list[np.ndarray]:
    """Random projective measurement in a basis; an outcome may be empty."""
    labels = random.integers(outcomes, size=len(basis))
    return [(basis * (labels == a)) @ basis.conj().T for a in range(outcomes)]


def coordinates(measurements: list[list[np.ndarray]]) -> list[np.ndarray]:
    """Operators of one party in the order of the moment coordinates."""
    found = [np.eye(len(measurements[0][0]), dtype=complex)]
    for effects in measurements:
        found += [effects[0] - effects[1]] if len(effects) == 2 else effects[:-1]
    return found


def operator_product(operators: list[np.ndarray], word: tuple[int, ...]) -> np.ndarray:
    value = operators[0]
    for letter in word:
        value = value @ operators[letter]
    return value


def _generic() -> list[np.ndarray]:
    """Operators of the letters of ALGEBRA's Bob, generic but for the rules."""
    random = np.random.default_rng(3)
    size = 18
    bases = [unitary(random, size) for _ in range(3)]
    shared = bases[1]
    labels = np.arange(size) // 3 % 3, np.arange(size) % 3
    commuting = [[(shared * (label == a)) @ shared.conj().T for a in range(3)] for label in labels]
    halves = [[(b * (np.arange(size) // 7 == a)) @ b.conj().T for a in (0, 1)] for b in (bases[0], bases[2])]
    for half in halves:
        half[1] = np.eye(size) - half[0]
    return coordinates([halves[0], *commuting, halves[1]])


GENERIC = _generic()


class Play:
    """A random quantum strategy in which Eve holds one of several states, with her guesses."""

    def __init__(
        self, random: np.random.Generator, outcomes: list[list[int]], copies: int, blind_y: int | None, x: int
    ):
        rows = zip((3, 4), outcomes, strict=True)
        self.effects = [[measurement(random, unitary(random, size), d) for d in row] for size, row in rows]
        if blind_y is not None:
            basis = unitary(random, 4)
            self.effects[1][blind_y] = measurement(random, basis, outcomes[1][blind_y])
            self.effects[1].append(measurement(random, basis, outcomes[0][x]))
        self.operators = [coordinates(row) for row in self.effects]
        states = random.normal(size=(copies, 12)) + 1j * random.normal(size=(copies, 12))
        self.states = states / np.linalg.norm(states)

    def mean(self, operator: np.ndarray, e: int) -> float:
        return float((self.states[e].conj() @ operator @ self.states[e]).real)

    def word(self, word: Any) -> np.ndarray:
        return np.kron(*(operator_product(self.operators[i], part) for i, part in enumerate(word)))

    def total(self, coefficients: Any) -> float:
        """Value of a functional, on the coordinates of the scenario without K."""
        return sum(
            c * self.mean(np.kron(self.operators[0][i], self.operators[1][j]), e)
            for (i, j), c in np.ndenumerate(np.array(coefficients))
            for e in range(len(self.states))
        )


def _figure_of(play: Play, figure: dict[str, Any]) -> float:
    """The figure of merit from the projectors themselves."""
    alice, bob = play.effects
    if figure["kind"] == "bell_value":
        return play.total(figure["coefficients"])
    x, y = figure["x"], figure["y"]
    if figure["kind"] == "blind_guessing_probability":
        return sum(play.mean(np.kron(a, k), 0) for a, k in zip(alice[x], bob[-1], strict=True))
    if y is None:
        return sum(play.mean(np.kron(a, np.eye(4)), e) for e, a in enumerate(alice[x]))
    return sum(play.mean(np.kron(a, b), e) for e, (a, b) in enumerate(itertools.product(alice[x], bob[y])))


def _random_proof(random: np.random.Generator, shape: list[int], copies: int, size: int) -> list[dict[str, Any]]:
    made = []
    for _ in range(copies):
        words = [
            [[int(random.integers(1, width)) for _ in range(random.integers(3))] for width in shape]
            for _ in range(size)
        ]
        factor = (random.normal(size=(size, size)) * 0.5).tolist()
        made.append({"words": words, "factor": [row[: i + 1] for i, row in enumerate(factor)]})
    return made


FIGURES = [("bell", None), ("local", (0, None)), ("local", (1, None)), ("global", (0, 0)), ("global", (1, 1))]
FIGURES += [("blind", (0, 0)), ("blind", (1, 1)), ("blind", (1, 0)), ("blind", (0, 1))]


@pytest.mark.parametrize("outcomes", [BINARY, TRILINE])
@pytest.mark.parametrize(("kind", "inputs"), FIGURES)
@settings(max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_no_random_proof_beats_a_strategy(outcomes, kind, inputs, seed):
    """Any factors and multipliers: the bound is never below a strategy, and the residual is what is missing to it."""
    random = np.random.default_rng(seed)
    scenario = Scenario(tuple(map(tuple, outcomes)))
    tensors = random.normal(size=(3, *scenario.shape)).round(3).tolist()
    if kind == "bell":
        figure = bell(tensors[0])
    else:
        figure = blind(*inputs) if kind == "blind" else guess(*inputs)
    x, y = inputs or (0, None)
    copies = {"bell": 1, "blind": 1, "local": outcomes[0][x]}.get(kind) or outcomes[0][x] * outcomes[1][y]
    play = Play(random, outcomes, copies, y if kind == "blind" else None, x)
    observed = tuple((tensor, play.total(tensor), 1e-9) for tensor in tensors[1:])
    multipliers = random.normal(size=2).tolist()
    asked = question(figure, observed=observed, outcomes=outcomes)
    shape = [len(row) for row in play.operators]
    proof = _random_proof(random, shape, copies, 5)
    value = _figure_of(play, figure)
    found = recompute(asked, multipliers, proof)
    assert found.value >= value - 1e-12
    seen = [row[1] for row in observed]
    assert found.functional[0] + float(np.dot(found.functional[1], seen)) >= value - 1e-12

    read = read_question(asked)
    algebra = Algebra(read.scenario, read.commuting)
    left = right = 0.0
    for e, entry in enumerate(proof):
        residual, denominator = quantum_residual(algebra, read.objectives[e], entry, "copy")
        left += sum(number / denominator * play.mean(play.word(word), e) for word, number in residual.items())
        columns = np.array([play.word(word) @ play.states[e] for word in entry["words"]])
        factor = np.zeros((5, 5))
        factor[np.tril_indices(5)] = list(itertools.chain(*entry["factor"]))
        right += float(np.linalg.norm(factor.T @ columns) ** 2)
    assert left == pytest.approx(value + right, abs=1e-10)


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32), y=st.integers(0, 1), x=st.integers(0, 1))
def test_no_signaling_blind_copies_are_maps_of_the_outcome(seed, x, y):
    """A strategy in which Eve's guess is a function of Bob's outcome reaches exactly the objectives of the copies."""
    random = np.random.default_rng(seed)
    read = read_question(question(blind(x, y), "no-signaling", outcomes=TRILINE))
    guesses, outcomes = TRILINE[0][x], TRILINE[1][y]
    maps = list(itertools.product(range(guesses), repeat=outcomes))
    assert len(read.objectives) == len(maps)
    play = Play(random, TRILINE, 1, None, 0)
    numbers = set()
    for g in maps:
        e = sum(a * guesses**b for b, a in enumerate(g))
        numbers.add(e)
        by_hand = sum(play.mean(np.kron(play.effects[0][x][a], play.effects[1][y][b]), 0) for b, a in enumerate(g))
        tensor = np.zeros((4, 4))
        for index, value in read.objectives[e].items():
            tensor[index] = float(value)
        assert play.total(tensor) == pytest.approx(by_hand, abs=1e-12)
    assert numbers == set(range(len(maps)))


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32))
def test_no_signaling_residual_adds_the_probabilities(seed):
    random = np.random.default_rng(seed)
    scenario = Scenario(tuple(map(tuple, TRILINE)))
    weights = random.uniform(size=(5, 5))
    residual, denominator = no_signaling_residual(scenario, {}, {"weights": weights.ravel().tolist()}, "copy")
    play = Play(random, TRILINE, 1, None, 0)
    flat = [list(itertools.chain(*row)) for row in play.effects]
    expected = sum(weights[i, j] * play.mean(np.kron(flat[0][i], flat[1][j]), 0) for i in range(5) for j in range(5))
    tensor = np.zeros((4, 4))
    for index, number in residual.items():
        tensor[index] = number / denominator
    assert play.total(tensor) == pytest.approx(expected, abs=1e-10)


# --- exactness -------------------------------------------------------------------------------------------------------


def test_arithmetic_is_exact_and_rounding_outward():
    """R = -lambda x/3 + f^2 with numbers that no float sum gets right: the answer is the next float above."""
    x, f = 0.1, 1e-9
    third = [[str(Fraction(x) / 3), 0, 0], [0] * 3, [0] * 3]
    asked = question({"kind": "separation"}, observed=((third, str(Fraction(x) * 2 / 7), 0),))
    copies = [{"words": [[[1], []], [[], [2]]], "factor": [[f], [0, "1/3"]]}]
    found = recompute(asked, ["5/11"], copies)
    exact = Fraction(f) ** 2 + Fraction(1, 9) - Fraction(x) * (Fraction(5, 33) - Fraction(10, 77))
    assert Fraction(found.value) >= exact > Fraction(math.nextafter(found.value, -math.inf))
    # A rational claim is compared as it is: equality holds, anything below does not.
    claim = f"{exact.numerator}/{exact.denominator}"
    constant, slope = math.nextafter(float(exact - Fraction(x) * Fraction(10, 77)), 1) + 1e-16, "5/11"
    assert verify(certificate(asked, ["5/11"], copies, claim, constant, [slope])).holds
    claim = f"{exact.numerator * 10**80 - 1}/{exact.denominator * 10**80}"
    assert not verify(certificate(asked, ["5/11"], copies, claim, constant, [slope]), strict=False).holds


def test_lower_bounds_round_down():
    third = [["1/3", 0, 0], [0] * 3, [0] * 3]
    lower = verify(certificate(question(bell(third), "local", "lower"), [], [], "1/3", "1/3", []))
    upper = verify(certificate(question(bell(third), "local"), [], [], "1/3", "1/3", []))
    assert Fraction(lower.value) < Fraction(1, 3) < Fraction(upper.value)
    assert upper.value == math.nextafter(lower.value, 1)


def test_charge_takes_the_identity_with_its_sign():
    assert residual_charge(({((), ()): -5, ((1,), ()): -2, ((), (1,)): 3}, 4)) == 0


def test_subnormal_floats_in_a_factor():
    tiny = {"words": [[[1], []]], "factor": [[5e-324]]}
    assert recompute(question(bell()), [], [tiny]).value == math.nextafter(4.0, 5)


# --- tampering -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", range(4))
@pytest.mark.parametrize("step", [1e-3, -1e-3])
def test_a_changed_factor_entry_loosens_the_bound(row, step):
    for column in range(row + 1):
        changed = tsirelson()
        changed["proof"]["copies"][0]["factor"][row][column] += step
        with pytest.raises(CertificateError, match=r"does not prove.*upper bound is 2\.8.*claimed value 2\.828427125"):
            verify(changed)
        found = verify(changed, strict=False)
        assert not found.holds
        assert found.value > UPPER_TSIRELSON


def _at(entry: Any, path: str) -> tuple[Any, Any]:
    """Container and key of a dotted path."""
    *head, last = [int(key) if key.lstrip("-").isdigit() else key for key in path.split(".")]
    for key in head:
        entry = entry[key]
    return entry, last


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("question.figure.coefficients.1.1", 1.01),
        ("question.figure.coefficients.2.2", -1.01),
        ("question.figure.coefficients.0.1", 0.01),
        ("question.figure.coefficients.0.0", 1e-8),
        ("proof.copies.0.words.0", [[2], []]),
        ("proof.copies.0.words.2", [[], [1, 2]]),
        ("claim.value", 2.8284271247461898),
        ("claim.value", -2.83),
        ("claim.functional.constant", 2.828),
        ("question.side", "lower"),
    ],
)
def test_tampering_with_the_tsirelson_proof(path, value):
    changed = tsirelson()
    container, key = _at(changed, path)
    container[key] = value
    assert not verify(changed, strict=False).holds
    with pytest.raises(CertificateError, match="does not prove"):
        verify(changed)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("question.observed.0.value", 2.9),
        ("question.observed.0.tolerance", 0.11),
        ("question.observed.0.coefficients.1.1", 0.9),
        ("proof.multipliers.0", -0.99),
        ("proof.multipliers.0", 1),
        ("claim.value", -0.08),
        ("claim.functional.multipliers.0", 1.0),
        ("claim.functional.multipliers.0", -1.0001),
        ("claim.functional.constant", 2.82),
    ],
)
def test_tampering_with_a_separation(path, value):
    changed = separation()
    container, key = _at(changed, path)
    container[key] = value
    with pytest.raises(CertificateError, match="does not prove"):
        verify(changed)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("side", [1, -1])
def test_a_rounded_multiplier_is_charged_to_the_constant(sign, side):
    """lambda = 2/3 or 4/3 claimed as a float: the constant has to pay |difference| * sum |coefficients|."""
    turned = [[side * c for c in row] for row in CHSH]  # what is maximised is CHSH
    asked = question(bell(turned), "local", "upper" if side > 0 else "lower", observed=((CHSH, 0, 0),))
    slope = (3 + sign) * side / 3
    needed = side * (Fraction(2, 3) + 4 * abs(Fraction(slope) - Fraction((3 + sign) * side, 3)))
    for extra, holds in ((Fraction(0), True), (Fraction(1, 10**40), False)):
        constant = needed - side * extra
        text = f"{constant.numerator}/{constant.denominator}"
        made = certificate(asked, [f"{3 + sign}/3"], [], f"{2 * side}/3", text, [slope])
        assert verify(made, strict=False).holds == holds


def test_the_worst_copy_counts():
    for first in (0, 1):
        spoilt = {"words": [[[1], []]], "factor": [[2.0]]}
        copies = [spoilt, EMPTY] if first else [EMPTY, spoilt]
        assert recompute(question(guess()), [], copies).value == 5.0


def test_a_claim_weaker_than_the_proof_holds():
    loose = tsirelson()
    loose["claim"] = {"value": 3, "functional": {"constant": 5, "multipliers": []}}
    assert verify(loose).holds


# --- files and malformed entries -------------------------------------------------------------------------------------

HUGE = 10**5000
CASES = [
    ("format", "other", "format"),
    ("version", 2, "version 1"),
    ("version", True, "version"),
    ("version", 1.0, "version"),
    ("created_by", 3, "created_by"),
    ("question", [], "question is"),
    ("question.side", "above", "side"),
    ("question.side", ["upper"], "side"),
    ("question.model", "quantum", "question.model"),
    ("question.model.kind", "classical", "question.model.kind"),
    ("question.model.level", 2, "level"),
    ("question.model.levle", "2", "levle"),
    ("question.figure.kind", "bell", "question.figure.kind"),
    ("question.figure.kind", ["bell_value"], "question.figure.kind"),
    ("question.figure.coeficients", CHSH, "coeficients"),
    ("question.figure.coefficients", [[0, 0], [0, 1]], "3 are needed"),
    ("question.figure.coefficients.1", 4, "coefficients"),
    ("question.figure.coefficients.1.1", [1], "coefficients"),
    ("question.figure.coefficients.1.1", True, "coefficients"),
    ("question.figure.coefficients.1.1", None, "coefficients"),
    ("question.figure.coefficients.1.1", math.nan, "finite"),
    ("question.figure.coefficients.1.1", math.inf, "finite"),
    ("question.figure.coefficients.1.1", HUGE, "too large to show"),
    ("question.figure.coefficients.1.1", 1e200, "2\\^200"),
    ("question.figure.coefficients.1.1", "1/0", "denominator is zero"),
    ("question.figure.coefficients.1.1", "1e3", "p/q"),
    ("question.figure.coefficients.1.1", "0.5", "p/q"),
    ("question.figure.coefficients.1.1", " 1", "p/q"),
    ("question.figure.coefficients.1.1", "١", "p/q"),
    ("question.figure.coefficients.1.1", "9" * 3000, "p/q"),
    ("question.figure.coefficients.1.1", 1j, "coefficients"),
    ("question.scenario.outcomes", [], "parties"),
    ("question.scenario.outcomes", [[2, 2], []], "parties"),
    ("question.scenario.outcomes", [[2, 2]] * 13, "parties"),
    ("question.scenario.outcomes", [[2, 0], [2, 2]], "outcomes"),
    ("question.scenario.outcomes", [[2, True], [2, 2]], "outcomes"),
    ("question.scenario.outcomes", [[2, HUGE], [2, 2]], "outcomes"),
    ("question.scenario.outcomes", [[2, 10**6], [2, 2]], "too large"),
    ("question.observed", {}, "question.observed"),
    ("question.observed", [{}], "observed\\[0\\] has no entry"),
    ("proof.multipliers", [0.5], "proof.multipliers"),
    ("proof.copies", [], "proof.copies"),
    ("proof.copies", [EMPTY, EMPTY], "proof.copies"),
    ("proof.copies", {}, "proof.copies"),
    ("proof.copies.0.weights", [], "weights"),
    ("proof.copies.0.words", [[[1], []]], "factor"),
    ("proof.copies.0.words.0", [[1]], "words\\[0\\]"),
    ("proof.copies.0.words.0", [[0], []], "words\\[0\\]\\[0\\]"),
    ("proof.copies.0.words.0", [[3], []], "words\\[0\\]\\[0\\]"),
    ("proof.copies.0.words.0", [[-1], []], "words\\[0\\]\\[0\\]"),
    ("proof.copies.0.words.0", [[1.0], []], "words\\[0\\]\\[0\\]"),
    ("proof.copies.0.words.0", [["A"], []], "words\\[0\\]\\[0\\]"),
    ("proof.copies.0.words.0", [[1, 2] * 500, []], "letters"),
    ("proof.copies.0.words", [[[], []]] * 3000, "3000 words"),
    ("proof.copies.0.factor.1", [0, 1, 2], "factor\\[1\\]"),
    ("proof.copies.0.factor.1", [0], "factor\\[1\\]"),
    ("proof.copies.0.factor.1.1", math.nan, "factor\\[1\\]\\[1\\]"),
    ("proof.copies.0.factor.1.1", -math.inf, "factor\\[1\\]\\[1\\]"),
    ("claim.value", math.nan, "claim.value"),
    ("claim.value", None, "claim.value"),
    ("claim.functional", None, "claim.functional"),
    ("claim.functional.multipliers", [1], "claim.functional.multipliers"),
    ("claim.functional.constant", "inf", "claim.functional.constant"),
]


@pytest.mark.parametrize(("path", "value", "phrase"), CASES, ids=range(len(CASES)))
def test_malformed_entries_are_named(path, value, phrase):
    changed = tsirelson()
    container, key = _at(changed, path)
    container[key] = value
    for strict in (True, False):
        with pytest.raises(CertificateError, match=phrase):
            verify(changed, strict=strict)


def _objects(entry: Any, path: str = "") -> list[str]:
    """Paths of all keys of all objects."""
    found = []
    for key, value in entry.items() if isinstance(entry, dict) else enumerate(entry) if isinstance(entry, list) else ():
        inner = f"{path}.{key}".lstrip(".")
        found += [inner, *_objects(value, inner)] if isinstance(entry, dict) else _objects(value, inner)
    return found


@pytest.mark.parametrize("path", _objects(separation()))
def test_every_missing_or_misspelt_key_is_named(path):
    changed = separation()
    container, key = _at(changed, path)
    value = container.pop(key)
    with pytest.raises(CertificateError, match=key):
        verify(changed)
    container[key] = value
    container[key + "s"] = value
    with pytest.raises(CertificateError, match=f"unknown entry '{key}s'"):
        verify(changed)


@pytest.mark.parametrize(
    ("figure", "side", "phrase"),
    [
        ({"kind": "separation"}, "lower", "side"),
        (guess(), "lower", "side"),
        (blind(), "lower", "side"),
        ({"kind": "min_entropy", "of": guess()}, "upper", "side"),
        ({"kind": "min_entropy", "of": bell()}, "lower", "figure.of.kind"),
        ({"kind": "min_entropy", "of": {"kind": "min_entropy", "of": guess()}}, "lower", "figure.of.kind"),
        (guess(2), "upper", "figure.x"),
        (guess(-1), "upper", "figure.x"),
        (guess(False), "upper", "figure.x"),
        (guess(0, 2), "upper", "figure.y"),
        (blind(0, None), "upper", "figure.y"),
        ({"kind": "guessing_probability", "x": 0}, "upper", "'y'"),
    ],
)
def test_figures_that_do_not_fit(figure, side, phrase):
    with pytest.raises(CertificateError, match=phrase):
        recompute(question(figure, "local", side), [], [])


def test_two_parties_are_needed_for_a_global_or_blind_guess():
    for figure in (guess(0, 0), blind()):
        with pytest.raises(CertificateError, match="two parties"):
            recompute(question(figure, "local", outcomes=[[2, 2]]), [], [])
    assert recompute(question(guess(), "local", outcomes=[[2, 2]]), [], []).value == 1.0


def test_negative_tolerances_and_weights():
    changed = separation()
    changed["question"]["observed"][0]["tolerance"] = -1e-9
    with pytest.raises(CertificateError, match="tolerance"):
        verify(changed)
    weights = [*LOSING[:-1], -1e-300]
    with pytest.raises(CertificateError, match=r"weights\[15\]"):
        recompute(question(bell(), "no-signaling"), [], [{"weights": weights}])
    with pytest.raises(CertificateError, match="weights has 15 entries"):
        recompute(question(bell(), "no-signaling"), [], [{"weights": LOSING[:-1]}])


def test_copies_of_a_guess_cannot_be_left_out_or_added():
    for model, entry in (("quantum", EMPTY), ("no-signaling", {"weights": [0] * 16})):
        for count in (0, 1, 3):
            with pytest.raises(CertificateError, match="needs 2"):
                recompute(question(guess(), model), [], [entry] * count)
    with pytest.raises(CertificateError, match="needs 0"):
        recompute(question(guess(), "local"), [], [EMPTY])


def test_numbers_that_would_make_exact_arithmetic_explode():
    primes = [p for p in range(10**6, 10**6 + 20000) if all(p % q for q in range(2, 1010))]
    words = [[[1], []]] * 40
    factor = [[f"1/{primes[i * 20 + j % 20]}" for j in range(i + 1)] for i in range(40)]
    with pytest.raises(CertificateError, match="common denominator"):
        recompute(question(bell()), [], [{"words": words, "factor": factor}])
    asked = question(blind(), "local", outcomes=[[10, 2], [500, 2]])
    with pytest.raises(CertificateError, match="too many"):
        recompute(asked, [], [])


def test_a_nested_or_circular_dictionary():
    loop: list[Any] = []
    loop.append(loop)
    for path in ("question.figure.coefficients", "proof.copies", "claim.value", "created_by"):
        changed = tsirelson()
        container, key = _at(changed, path)
        container[key] = loop
        with pytest.raises(CertificateError):
            verify(changed)


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "certificate.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_file_gives_the_same_as_its_dictionary(tmp_path):
    path = write(tmp_path, json.dumps(tsirelson()))
    assert verify(path) == verify(str(path)) == verify(tsirelson())


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("", "empty"),
        (" \n", "empty"),
        (b"\xff\xfe{}", "UTF-8"),
        ("{", "not JSON"),
        ("[1]", "certificate is"),
        ("null", "certificate is"),
        ("{}", "no entry 'format'"),
        ("[" * 200000, "nested too deeply"),
        ('{"a": ' * 200000, "nested too deeply"),
        ('{"format": 1, "format": 2}', "'format' appears twice"),
        ('{"x": NaN}', "NaN"),
        ('{"x": [-Infinity]}', "-Infinity"),
        ('{"x": ' + "9" * 10000 + "}", "not JSON"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, text, phrase):
    with pytest.raises(CertificateError, match=phrase):
        verify(write(tmp_path, text))


def test_an_overflowing_literal_and_a_twice_given_key_inside(tmp_path):
    text = json.dumps(tsirelson())
    with pytest.raises(CertificateError, match="finite"):
        verify(write(tmp_path, text.replace("2.828427125", "1e999", 1)))
    with pytest.raises(CertificateError, match="'side' appears twice"):
        verify(write(tmp_path, text.replace('"side": "upper"', '"side": "upper", "side": "upper"')))


def test_what_is_not_a_file(tmp_path):
    for path in (tmp_path, tmp_path / "absent.json", "a\0b"):
        with pytest.raises(CertificateError, match="cannot be read"):
            verify(path)
    for other in (None, 3, b"certificate.json", [tsirelson()]):
        with pytest.raises(CertificateError, match="dictionary or a path"):
            verify(other)


# --- the module ------------------------------------------------------------------------------------------------------


def test_the_checker_shares_no_code_with_the_makers():
    main = Path(sys.modules[verify.__module__].__file__)
    for path in main.parent.glob("*.py"):
        modules = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                modules.add(node.module)
        inside = {"sdpbound.errors", "flint"}
        # floats choose what balls prove, enclose numbers with their rounding, or look where balls are to be sure
        if path.name.startswith("qubit_") or path.name in ("float_balls.py", "trials.py"):
            inside |= {"numpy", "numpy.typing"}
        outside = {name for name in modules - inside if not name.startswith("sdpbound.checker")}
        assert {name.partition(".")[0] for name in outside} <= sys.stdlib_module_names


def test_large_proofs_are_quick():
    random = np.random.default_rng(0)
    party = [w for n in range(4) for w in itertools.product((1, 2, 3), repeat=n)]
    words = [[list(a), list(b)] for a, b in itertools.product(party, party) if len(a) + len(b) <= 4][:120]
    factor = random.normal(size=(120, 120)) * 10.0 ** random.uniform(-14, 0, size=(120, 120))
    entry = {"words": words, "factor": [row[: i + 1].tolist() for i, row in enumerate(factor)]}
    started = time.perf_counter()
    recompute(question(bell([[0] * 4] * 4), outcomes=[[2] * 3] * 2), [], [entry])
    assert time.perf_counter() - started < 5
