"""The second checker on attacks on all channels: it holds what plain floats find, and refuses what they contradict."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.recheck import Conclusion, recheck
from tests.golden_certificates import golden
from tests.recheck.test_flips import bits, drawn, put, read

#: Places of t with many near both ends, where entropies are steep.
STEEP = np.concatenate([np.geomspace(1e-14, 1e-3, 300), np.linspace(1e-3, 0.5, 1500)])
PLACES = np.concatenate([[0.0, 1.0], STEEP, 1 - STEEP])


def plogp(table: np.ndarray) -> np.ndarray:
    values = np.clip(table, 1e-300, None)
    return -(values * np.log2(values)).sum(-1)


def rest(certificate: dict[str, Any]) -> tuple[Callable[[np.ndarray], np.ndarray], float]:
    """F of rows (c_0, c_1), and ``e + h(e)`` for the table of the file, in floats."""
    parts, proof = [], certificate["proof"]
    for share, mixture in zip(proof["shares"], proof["mixtures"], strict=True):
        found = [read(entry, certificate["question"]) for entry in mixture["strategies"]]
        weights = np.array(mixture["weights"], dtype=float) / sum(mixture["weights"])
        scale = share / sum(proof["shares"])
        parts += [(scale * w, mean + half, mean - half) for w, (_, mean, half) in zip(weights, found, strict=True)]
    table = np.array(certificate["question"]["figure"]["outcomes"], dtype=float)
    table /= table.sum()
    traces = np.array([[sum(w * np.trace(x[a]).real for w, *x in parts)] for a in (0, 1)])
    miss = float(abs(traces - table.sum(axis=1, keepdims=True)).sum()) / 2
    rows = table / table.sum(axis=1, keepdims=True) * traces

    def f(c: np.ndarray) -> np.ndarray:
        eve = sum(w * bits(c[:, :1, None] * x + c[:, 1:, None] * y) for w, x, y in parts)
        return np.asarray(eve - plogp(c @ rows))

    return f, miss + float(plogp(np.array([miss, 1 - miss])))


def bound(certificate: dict[str, Any]) -> float:
    """What the line of a certificate proves: its height at m, the largest excess of F at many places."""
    f, missing = rest(certificate)
    line = np.array(certificate["proof"]["line"], dtype=float)
    c = np.stack([1 - PLACES, PLACES], axis=1)
    return float(line.sum() + 2 * (f(c) - c @ line).max() - f(np.ones((1, 2)))[0] + missing)


@functools.cache
def _made(seed: int) -> tuple[dict[str, Any], float]:
    """Random strategies, a random receiver and the chord of F, with what that proves."""
    certificate = drawn(seed, (3, 2) if seed % 3 == 0 else (2, 2))
    certificate["kind"] = "attacks on all channels"
    certificate["question"]["figure"]["kind"] = "key_rate_any_channel"
    proof = certificate["proof"]
    draw = np.random.default_rng(seed)
    proof.update(shares=draw.dirichlet([1.0] * len(proof["mixtures"])).tolist(), line=[0.0, 0.0])
    f, _ = rest(certificate)
    ends = f(np.eye(2))
    proof["line"] = (ends + (draw.normal(size=2) if seed % 2 else 0.0)).tolist()
    return certificate, bound(certificate)


def made(seed: int, claim: float) -> Conclusion:
    certificate, most = copy.deepcopy(_made(seed))
    certificate["claim"]["value"] = most + claim
    return recheck(certificate)


@pytest.mark.parametrize("seed", [4, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(8) if seed != 4)])
def test_holds_just_above_what_floats_find(seed: int) -> None:
    above, below = made(seed, 1e-6), made(seed, -1e-8)
    most = _made(seed)[1]
    # the claim of a line that leaves more than a bit says nothing, and one below zero cannot be
    assert above.proven is not None and below.proven is not None
    assert most - 1e-10 <= above.proven <= most + 1e-6 and not below.holds
    assert above.holds == (0 <= most <= 1), above.reason
    assert most - 1e-10 <= below.proven <= most + 1e-6


def test_probabilities_of_the_key_that_are_missed_are_charged() -> None:
    """A forgery: the receiver's table has other probabilities of the key than Eve's states, by very little."""
    certificate = golden("attacks_all_channels_correlators")
    value = recheck(certificate).proven
    assert value is not None
    rows, part = certificate["question"]["figure"]["outcomes"], 1e-5
    certificate["question"]["figure"]["outcomes"] = [[v * (1 + part) for v in rows[0]], rows[1]]
    moved = recheck(certificate)
    e = part * sum(rows[0]) * sum(rows[1])
    assert not moved.holds and moved.proven is not None
    assert float(moved.proven - value) == pytest.approx(e - e * np.log2(e) + e / np.log(2), abs=1.2e-5)


def test_a_spike_at_the_end_is_seen() -> None:
    """A forgery: Eve learns what the receiver does not only from outcomes with a channel that makes almost no 0 a 1.

    Near t = 0 the entropy of Eve's states is -t log t and the receiver's is flat, so that a line may be above F but for
    a place near 1e-7, which a grid does not meet.
    """

    def one(*values: float) -> dict[str, Any]:
        return {"real": [list(values)], "imaginary": None}

    def pinched(*rows: list[float]) -> dict[str, Any]:
        return {"real": list(rows), "imaginary": None}

    effects = [one(1.0, 0.0), one(0.0, 1.0)]
    strategy = {
        "dimensions": [2, 1],
        "state": pinched([1.0, 0.0], [0.0, 1.0]),
        "measurements": [[effects, effects], [[one(1.0), one(0.0)]] * 2],
    }
    certificate = copy.deepcopy(_made(1)[0])
    certificate["question"]["figure"]["outcomes"] = [[0.25, 0.25], [0.25, 0.25]]
    slope = 11.0
    certificate["proof"] = {
        "mixtures": [{"strategies": [strategy], "weights": [1.0], "adjusted": []}],
        "shares": [1.0],
        "line": [-1.0 / 2 + 1e-12, slope],
    }
    f, _ = rest(certificate)
    c = np.stack([1 - PLACES, PLACES], axis=1)
    over = (f(c) - c @ np.array(certificate["proof"]["line"]))[:302].max()
    grid = np.stack([1 - np.linspace(0, 1, 1025), np.linspace(0, 1, 1025)], axis=1)
    assert over > 1e-8
    assert (f(grid) - grid @ np.array(certificate["proof"]["line"])).max() <= 0  # all that a grid sees
    certificate["claim"]["value"] = 0.9
    found = recheck(certificate)
    whole = sum(certificate["proof"]["line"]) - float(f(np.ones((1, 2)))[0])
    assert found.proven is not None and float(found.proven) > whole


FIGURE, PROOF = ("question", "figure"), "proof"
CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a claim below nothing": put("claim", "value", -1e-5),
    "a claim above a bit": put("claim", "value", 1.1),
    "a functional": put("claim", "functional", {"constant": 0.0, "multipliers": []}),
    "a lower line": put(PROOF, "line", lambda line: [line[0] - 1e-3, line[1]]),
    "a higher line": put(PROOF, "line", lambda line: [line[0], line[1] + 1e-3]),
    "a line of three numbers": put(PROOF, "line", lambda line: [*line, 0.0]),
    "no line": lambda c: c["proof"].pop("line"),
    "no shares": put(PROOF, "shares", lambda own: [0.0] * len(own)),
    "shares of two signs": put(PROOF, "shares", lambda own: [2.0, *[-1.0] * len(own)][: len(own)] or [-1.0]),
    "more shares": put(PROOF, "shares", lambda own: [*own, 1.0]),
    "a receiver who knows": put(*FIGURE, "outcomes", lambda t: [[sum(t[0]), 0], [0, sum(t[1])]]),
    "another figure": put(*FIGURE, "kind", "key_rate"),
    "flips": put(*FIGURE, "preprocessing", 0.1),
    "a key of two parties": put(*FIGURE, "settings", [0, 0]),
    "the other side": put("question", "side", "lower"),
    "boxes": put("question", "model", {"kind": "no-signaling"}),
    "other data": put("question", "observed", 0, "value", lambda v: v + 1e-4),
    "another kind": put("kind", "attacks on all flips"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_refuses(name: str) -> None:
    certificate = golden("attacks_all_channels_correlators")
    CHANGES[name](certificate)
    if name == "shares of two signs" and len(certificate["proof"]["mixtures"]) == 1:
        certificate["proof"]["shares"] = [-1.0]
    found = recheck(certificate)
    assert not found.holds and found.reason
    with pytest.raises(sb.CertificateError):
        sb.verify(certificate)
