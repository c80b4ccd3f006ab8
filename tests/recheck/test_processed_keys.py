"""The second checker on attacks on processed keys: it finds what whole density matrices have, and refuses forgeries."""

from __future__ import annotations

import copy
import functools
import json
import math
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.recheck import recheck
from tests.mutations import at, is_number, leaves
from tests.recheck.test_flips import array, bits, effects, put, written

GOLDEN = Path(__file__).parents[1] / "rates" / "golden"
FIGURES = ("random_basis", "post_selected", "repetition_code")
FIGURE, MIXTURE = ("question", "figure"), ("proof", "processed")
Certificate = dict[str, Any]

# --- the same figures, in floats, of whole density matrices -----------------------------------------------------------


def plogp(values: Any) -> float:
    entries = np.clip(np.asarray(values, dtype=float), 1e-300, None)
    return float(-(entries * np.log2(entries)).sum())


def unknown(table: np.ndarray) -> float:
    """H(A|B) of such weights."""
    return plogp(table) - plogp(table.sum(axis=0))


def left(states: list[np.ndarray]) -> float:
    return float(sum(bits(s) for s in states) - bits(sum(states)))


class Round:
    """A strategy: its tested values, and Eve's states of the outcomes of two settings."""

    def __init__(self, entry: dict[str, Any], question: dict[str, Any]) -> None:
        state = array(entry["state"])
        self.state = state / np.linalg.norm(state)
        pairs = zip(entry["measurements"], entry["dimensions"], strict=True)
        self.measured = [[effects(own, d) for own in party] for party, d in pairs]
        one = [np.eye(d) for d in entry["dimensions"]]
        alice, bob = (
            [one[p], *(m for e in party for m in ([e[0] - e[1]] if len(e) == 2 else e[:-1]))]
            for p, party in enumerate(self.measured)
        )
        means = np.array([[np.trace(self.held(a, b)).real for b in bob] for a in alice])
        self.values = [float((np.array(test["coefficients"]) * means).sum()) for test in question["observed"]]

    def held(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.asarray(self.state.conj().T @ np.kron(a, b) @ self.state)

    def outcomes(self, x: int, y: int) -> list[list[np.ndarray]]:
        return [[self.held(a, b) for b in self.measured[1][y]] for a in self.measured[0][x]]


def mixture_of(certificate: Certificate) -> list[tuple[float, Round]] | None:
    """Strategies with weights, or None if they miss the data."""
    question, mixture = certificate["question"], certificate["proof"]["processed"]
    rounds = [Round(entry, question) for entry in mixture["strategies"]]
    weights, places = np.array(mixture["weights"], dtype=float), mixture["adjusted"]
    rows = np.array([[1.0] * len(rounds), *zip(*(r.values for r in rounds), strict=True)])
    right = np.array([1.0, *(test["value"] for test in question["observed"])])
    if places:
        weights[places] = 0.0
        weights[places] = np.linalg.solve(rows[:, places], right - rows @ weights)
    else:
        weights = weights / weights.sum()
    room = [1e-9, *(test["tolerance"] + 1e-9 for test in question["observed"])]
    if weights.min() < -1e-9 or any(abs(rows @ weights - right) > room):
        return None
    return list(zip(weights, rounds, strict=True))


def rate(certificate: Certificate) -> float:
    """What the mixture leaves; infinite where it is no attack."""
    figure, mixture = certificate["question"]["figure"], mixture_of(certificate)
    if mixture is None:
        return math.inf
    if figure["kind"] == "random_basis_key_rate":
        found = 0.0
        for term in figure["terms"]:
            q = term["preprocessing"]
            flip = np.array([[1 - q, q], [q, 1 - q]])
            table = np.array(term["outcomes"], dtype=float)
            eve = 0.0
            for w, r in mixture:
                own = [r.held(a, np.eye(len(r.measured[1][0][0]))) for a in r.measured[0][term["x"]]]
                eve += w * left(list(np.einsum("ab,bij->aij", flip, own)))
            found += term["kept"] * (eve - unknown(flip @ table / table.sum()))
        return found
    settings = figure["x"], figure["y"]
    table = np.array(figure["outcomes"], dtype=float) / np.sum(figure["outcomes"])
    held = [(w, r.outcomes(*settings)) for w, r in mixture]
    mean = sum(w * np.array([[np.trace(m).real for m in row] for row in rows]) for w, rows in held)
    if abs(mean - table).max() > 1e-9:
        return math.inf
    if figure["kind"] == "post_selected_key_rate":
        alice, bob = np.array(figure["alice"]), np.array(figure["bob"])
        states = [(w, list(np.einsum("a,b,abij->aij", alice, bob, np.array(rows)))) for w, rows in held]
        return sum(w * left(own) for w, own in states) - unknown(alice[:, None] * bob * table)
    return blocks(figure["block"], table[:2, :2], held)


def blocks(k: int, p: np.ndarray, held: list[tuple[float, Any]]) -> float:
    """Every message, and every sequence of strategies."""
    found, bit = 0.0, (0, 1)
    for m in product(bit, repeat=k):
        eve = 0.0
        for chosen in product(held, repeat=k):
            states = [
                sum(functools.reduce(np.kron, [rows[i ^ c][i ^ d] for i, (_, rows) in zip(m, chosen, strict=True)])
                    for d in bit) / 2 for c in bit
            ]  # fmt: skip
            eve += math.prod(w for w, _ in chosen) * left(states)
        s = np.array([[math.prod(p[i ^ c, i ^ d] for i in m) / 2 for d in bit] for c in bit])
        found += max(0.0, eve - unknown(s))
    return found * p.sum() ** (1 - k) / k


# --- random strategies ------------------------------------------------------------------------------------------------


@functools.cache
def _made(kind: str, seed: int) -> tuple[Certificate, float]:
    draw = np.random.default_rng(seed)

    def some(*shape: int) -> dict[str, Any]:
        return written(draw.normal(size=shape) + 1j * draw.normal(size=shape))

    sizes = {"random_basis": ((2, 2), (2, 3)), "post_selected": ((3, 2), (2, 3)), "repetition_code": ((3, 2), (2, 3))}
    counts = sizes[kind]
    rank = 1 if kind == "repetition_code" else 2
    strategies = [
        {
            "dimensions": [2, 2],
            "state": some(4, 2),
            "measurements": [[[some(rank, 2) for _ in range(n)] for n in own] for own in counts],
        }
        for _ in range(3)
    ]
    shape = [1 + sum(n - 1 for n in own) for own in counts]
    tests = []
    for place in ((1, 1), (0, 2)):
        table = np.zeros(shape)
        table[place] = 1.0
        tests.append({"coefficients": table.tolist(), "value": 0.0, "tolerance": 1e-10})
    weights = draw.dirichlet(np.ones(3))
    figure: dict[str, Any] = {"kind": f"{kind}_key_rate"}
    certificate = {
        "format": "sdpbound certificate", "version": 1, "created_by": "a test", "kind": "attack on a processed key",
        "question": {"scenario": {"outcomes": [list(own) for own in counts]}, "figure": figure, "side": "upper",
                     "observed": tests, "model": {"kind": "quantum"}},
        "proof": {"processed": {"strategies": strategies, "weights": weights.tolist(), "adjusted": []}},
        "claim": {"value": 0.0},
    }  # fmt: skip
    rounds = [Round(entry, certificate["question"]) for entry in strategies]
    for j, test in enumerate(tests):
        test["value"] = float(sum(w * r.values[j] for w, r in zip(weights, rounds, strict=True)))
    x, y = 0, 1
    mean = sum(w * np.array([[np.trace(m).real for m in row] for row in r.outcomes(x, y)])
               for w, r in zip(weights, rounds, strict=True))  # fmt: skip
    if kind == "random_basis":
        figure["terms"] = [
            {"x": x, "kept": share, "preprocessing": q, "outcomes": np.diag(draw.dirichlet([1, 1])).tolist()}
            for x, share, q in ((0, 0.5, 0.03), (1, 0.3, 0.0))
        ]
    else:
        figure.update(x=x, y=y, outcomes=mean.tolist())
        more = {"block": 2} if kind == "repetition_code" else {"alice": [0.9, 0.0, 0.5], "bob": [0.7, 0.4, 1.0]}
        figure.update(more)
    return certificate, float(rate(certificate))


def made(kind: str, seed: int = 0) -> tuple[Certificate, float]:
    return copy.deepcopy(_made(kind, seed))


def said(certificate: Certificate) -> tuple[bool, bool]:
    try:
        first = sb.verify(certificate).holds
    except sb.CertificateError:
        first = False
    return first, recheck(certificate).holds


@pytest.mark.parametrize("kind", FIGURES)
def test_random_strategies(kind: str) -> None:
    certificate, found = made(kind)
    for claim, holds in ((1e-11, True), (-1e-11, False)):
        certificate["claim"]["value"] = found + claim
        assert said(certificate) == (holds, holds)
    proven = recheck(certificate).proven
    assert proven is not None and float(proven) == pytest.approx(found, abs=1e-12)
    adjusted = certificate["proof"]["processed"]
    adjusted.update(adjusted=[0, 1, 2], weights=[0.0, 7.0, 1.0])  # they are not used
    certificate["claim"]["value"] = found + 1e-9
    assert said(certificate) == (True, True)


def coherent(certificate: Certificate) -> None:
    """Eve's states of the outcomes overlap, so that blocks of three leave her something."""
    c, s = 0.9, math.sqrt(0.19)
    flat = [written(np.array([row])) for row in np.eye(2)]
    tilted = [written(np.array([row])) for row in ([c, s], [-s, c])]
    state = written(np.array([[0.7, 0.1], [0.05, 0.0], [0.0, 0.05], [0.6, -0.1j]]))
    strategy = {"dimensions": [2, 2], "state": state, "measurements": [[flat, tilted], [tilted, flat]]}
    one, never = written(np.array([[0.3], [0.4]])), {"real": [], "imaginary": None}
    known = {"dimensions": [1, 1], "state": written(np.eye(1)), "measurements": [[[one, never], [one, one]]] * 2}
    certificate["question"].update(scenario={"outcomes": [[2, 2], [2, 2]]}, observed=[])
    certificate["proof"]["processed"] = {"strategies": [strategy, known], "weights": [3, 1], "adjusted": []}
    rounds = [Round(entry, certificate["question"]) for entry in (strategy, known)]
    tables = [np.array([[np.trace(m).real for m in row] for row in r.outcomes(0, 1)]) for r in rounds]
    certificate["question"]["figure"].update(block=3, outcomes=((3 * tables[0] + tables[1]) / 4).tolist())


def test_blocks_of_three_with_a_known_strategy() -> None:
    certificate, _ = made("repetition_code")
    coherent(certificate)
    certificate["question"]["figure"]["y"] = 1
    found = float(rate(certificate))
    certificate["claim"]["value"] = found + 1e-11
    assert found > 0.01 and said(certificate) == (True, True)
    certificate["claim"]["value"] = found - 1e-11
    assert said(certificate) == (False, False)


# --- golden certificates ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["processed_attack", "processed_attack_basis", "processed_attack_selected"])
def test_golden_certificates_hold(name: str) -> None:
    certificate = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    found = recheck(certificate)
    assert found.holds and found.kind == "attack on a processed key"
    assert found.proven is not None
    assert float(found.proven) == pytest.approx(rate(certificate), abs=1e-9)
    assert float(found.proven) == pytest.approx(sb.verify(certificate).value, abs=1e-13)
    certificate["claim"]["value"] -= 1e-12
    assert not recheck(certificate).holds


# --- forgeries --------------------------------------------------------------------------------------------------------


def test_a_mixture_with_other_outcomes_of_the_key_is_no_attack() -> None:
    """A forgery: CHSH has its maximum, so that Eve knows nothing, but her Bob is blind at the key's setting.

    Blocks of two leave 1/2 of devices with these outcomes, and 1/4 where Eve's part and the receiver's are those of
    two different devices.
    """
    c, half = math.cos(math.pi / 8), math.sqrt(0.5)

    def turned(c: float, s: float) -> list[Any]:
        return [written(np.array([row])) for row in ([c, s], [-s, c])]

    flat, right, s = turned(1.0, 0.0), turned(half, half), math.sin(math.pi / 8)
    alice, tested = [flat, right], [turned(c, s), turned(c, -s)]
    state = written(np.array([[half], [0.0], [0.0], [half]]))
    table = np.zeros((3, 4))
    table[1, 1:3], table[2, 1], table[2, 2] = 1.0, 1.0, -1.0
    certificate, _ = made("repetition_code")
    figure = {"kind": "repetition_code_key_rate", "x": 0, "y": 2, "block": 2, "outcomes": [[1, 0], [0, 1]]}
    observed = [{"coefficients": table.tolist(), "value": math.sqrt(8), "tolerance": 1e-12}]
    certificate["question"].update(scenario={"outcomes": [[2, 2], [2, 2, 2]]}, figure=figure, observed=observed)
    for key, holds in ((flat, True), (right, False)):
        strategy = {"dimensions": [2, 2], "state": state, "measurements": [alice, [*tested, key]]}
        certificate["proof"]["processed"] = {"strategies": [strategy], "weights": [1], "adjusted": []}
        certificate["claim"]["value"] = 0.5 + 1e-12
        assert recheck(certificate).holds == holds
        figure.update(kind="post_selected_key_rate", alice=[1, 1], bob=[1, 1])
        certificate["question"]["figure"] = {k: v for k, v in figure.items() if k != "block"}
        certificate["claim"]["value"] = 1 + 1e-12
        assert recheck(certificate).holds == holds
        certificate["question"]["figure"] = figure = {k: v for k, v in figure.items() if k not in ("alice", "bob")}
        figure["kind"] = "repetition_code_key_rate"


def twice(entries: list[Any]) -> list[Any]:
    return [*entries, entries[0]]


CHANGES: dict[str, tuple[str, Callable[[Certificate], Any]]] = {
    "a claim below nothing": ("repetition_code", put("claim", "value", -1e-3)),
    "a claim above a bit": ("post_selected", put("claim", "value", 1.5)),
    "a claim above all rounds": ("random_basis", put("claim", "value", 0.9)),
    "a functional": ("random_basis", put("claim", "functional", {"constant": 0.0, "multipliers": []})),
    "the other side": ("random_basis", put("question", "side", "lower")),
    "boxes": ("random_basis", put("question", "model", {"kind": "no-signaling"})),
    "another kind": ("random_basis", put("kind", "attack")),
    "another figure": ("random_basis", put(*FIGURE, "kind", "key_rate")),
    "the figure of another key": ("post_selected", put(*FIGURE, "kind", "repetition_code_key_rate")),
    "groups": ("random_basis", put(*MIXTURE, "groups", None)),
    "a negative weight": ("random_basis", put(*MIXTURE, "weights", 0, -0.1)),
    "no weight": ("random_basis", put(*MIXTURE, "weights", [0, 0, 0])),
    "weights of some": ("random_basis", put(*MIXTURE, "weights", [1.0])),
    "too few adjusted": ("random_basis", put(*MIXTURE, "adjusted", [0, 1])),
    "one adjusted twice": ("random_basis", put(*MIXTURE, "adjusted", [0, 1, 1])),
    "data beyond their tolerance": ("random_basis", put("question", "observed", 0, "value", lambda v: v + 3e-10)),
    "no keys": ("random_basis", put(*FIGURE, "terms", [])),
    "too many keys": ("random_basis", put(*FIGURE, "terms", lambda t: [{**t[0], "kept": 0.05}] * 17)),
    "more than all rounds": ("random_basis", put(*FIGURE, "terms", twice)),
    "less than no rounds": ("random_basis", put(*FIGURE, "terms", 0, "kept", -0.1)),
    "wild flips": ("random_basis", put(*FIGURE, "terms", 0, "preprocessing", 0.6)),
    "a channel": ("random_basis", put(*FIGURE, "terms", 0, "preprocessing", [0.1, 0.1])),
    "a missing setting": ("random_basis", put(*FIGURE, "terms", 0, "x", 2)),
    "a table of one row": ("random_basis", put(*FIGURE, "terms", 0, "outcomes", [[1, 0]])),
    "negative outcomes": ("random_basis", put(*FIGURE, "terms", 0, "outcomes", 0, 0, -0.1)),
    "a table of a trit": ("post_selected", put(*FIGURE, "outcomes", [[1, 0], [0, 1]])),
    "nobody's outcomes": ("post_selected", put(*FIGURE, "outcomes", [[0, 0, 0]] * 3)),
    "a trit": ("post_selected", put(*FIGURE, "alice", [0.9, 0.1, 0.5])),
    "one outcome kept": ("post_selected", put(*FIGURE, "alice", [0.9, 0.0, 0.0])),
    "too likely": ("post_selected", put(*FIGURE, "bob", [0.7, 0.4, 1.1])),
    "Bob's other setting": ("post_selected", put(*FIGURE, "y", 0)),
    "Alice's other setting": ("repetition_code", put(*FIGURE, "x", 1)),
    "blocks of one": ("repetition_code", put(*FIGURE, "block", 1)),
    "blocks without end": ("repetition_code", put(*FIGURE, "block", 900)),
    "half a block": ("repetition_code", put(*FIGURE, "block", 2.0)),
    "rank two": (
        "repetition_code",
        put(*MIXTURE, "strategies", 0, "measurements", 0, 0, 0, {"real": [[1.0, 0.0], [0.0, 0.1]], "imaginary": None}),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_refuses(name: str) -> None:
    kind, change = CHANGES[name]
    certificate, found = made(kind)
    certificate["claim"]["value"] = found + 0.1
    change(certificate)
    concluded = recheck(certificate)
    assert not concluded.holds and concluded.reason
    assert said(certificate) == (False, False)


def changed(certificate: Certificate, path: tuple[Any, ...]) -> Certificate:
    """One number is another one, by much or little."""
    own = copy.deepcopy(certificate)
    value = at(own, path)
    at(own, path[:-1])[path[-1]] = value + 1 if isinstance(value, int) else value + 2e-3
    return own


def accepted_are_true(kind: str, every: int) -> tuple[int, int]:
    """Of changed certificates none is accepted whose strategies leave more than is claimed: how many are, of how many.

    All numbers of the question, the claim and the weights are changed, and each so-manyth one of the strategies.
    """
    certificate, found = made(kind)
    certificate["claim"]["value"] = found + 1e-6
    paths = [path for path in leaves(certificate) if is_number(at(certificate, path)) and path[0] != "version"]
    inner = [path for path in paths if "strategies" in path]
    chosen = [path for path in paths if "strategies" not in path] + inner[::every]
    accepted = 0
    for path in chosen:
        own = changed(certificate, path)
        if recheck(own).holds:
            accepted += 1
            assert rate(own) <= own["claim"]["value"] + 1e-9, path
    return accepted, len(chosen)


@pytest.mark.parametrize("kind", FIGURES)
def test_changed_numbers(kind: str) -> None:
    accepted, tried = accepted_are_true(kind, 40)
    assert tried > 30 and accepted < tried / 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", FIGURES)
def test_all_changed_numbers(kind: str) -> None:
    accepted, tried = accepted_are_true(kind, 1)
    assert tried > 100 and accepted < tried / 2
