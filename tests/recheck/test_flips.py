"""The second checker on attacks on all flips: it holds what plain floats find, and refuses what they contradict."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.rates.devices import devices_of, key_devices, with_settings
from sdpbound.recheck import recheck

# --- the same question, in floats -------------------------------------------------------------------------------------


def array(entry: dict[str, Any]) -> np.ndarray:
    real = np.array(entry["real"], dtype=complex)
    return real if entry["imaginary"] is None else real + 1j * np.array(entry["imaginary"], dtype=float)


def effects(given: list[Any], dimension: int) -> list[np.ndarray]:
    factors = [array(entry).reshape(-1, dimension) for entry in given]
    squares = [f.conj().T @ f for f in factors]
    inverse = np.linalg.inv(np.linalg.cholesky(sum(squares)))
    return [inverse @ m @ inverse.conj().T for m in squares]


def bits(matrices: np.ndarray) -> np.ndarray:
    """``-Tr X log2 X`` of each."""
    values = np.clip(np.linalg.eigvalsh(matrices), 1e-300, None)
    return -(values * np.log2(values)).sum(-1)


def read(entry: dict[str, Any], question: dict[str, Any]) -> tuple[list[float], np.ndarray, np.ndarray]:
    """Tested values, M and D of a strategy."""
    state = array(entry["state"])
    state = state / np.linalg.norm(state)
    pairs = zip(entry["measurements"], entry["dimensions"], strict=True)
    measured = [[effects(setting, d) for setting in party] for party, d in pairs]
    one = [np.eye(d) for d in entry["dimensions"]]
    coordinates = [
        [one[p], *(m for e in party for m in ([e[0] - e[1]] if len(e) == 2 else e[:-1]))]
        for p, party in enumerate(measured)
    ]
    values = []
    for test in question["observed"]:
        table = np.array(test["coefficients"], dtype=float)
        operator = sum(table[place] * functools.reduce(np.kron, map(list.__getitem__, coordinates, place))
                       for place in product(*map(range, table.shape)))  # fmt: skip
        values.append(np.trace(state.conj().T @ operator @ state).real)
    figure = question["figure"]
    party, setting = next((p, s) for p, s in enumerate(figure["settings"]) if s is not None)
    own = measured[party][setting]
    merge = figure.get("merge", range(len(own)))
    held = []
    for value in (0, 1):
        effect = sum(m for m, v in zip(own, merge, strict=True) if v == value)
        whole = functools.reduce(np.kron, [effect if p == party else i for p, i in enumerate(one)])
        held.append(state.conj().T @ whole @ state)
    return values, (held[0] + held[1]) / 2, (held[0] - held[1]) / 2


def left(certificate: dict[str, Any]) -> float:
    """The largest, over flips, of the least ``H(A_q|E) - H(A_q|B)`` of mixtures; infinite where one misses the data."""
    question = certificate["question"]
    mixtures = []
    for mixture in certificate["proof"]["mixtures"]:
        found = [read(entry, question) for entry in mixture["strategies"]]
        weights, places = np.array(mixture["weights"], dtype=float), mixture["adjusted"]
        rows = np.array([[1.0] * len(found), *zip(*(values for values, _, _ in found), strict=True)])
        right = np.array([1.0, *(test["value"] for test in question["observed"])])
        if places:
            weights[places] = 0
            weights[places] = np.linalg.solve(rows[:, places], right - rows @ weights)
        else:
            weights = weights / weights.sum()
        room = [1e-9, *(test["tolerance"] + 1e-9 for test in question["observed"])]
        if weights.min() < -1e-9 or any(abs(rows @ weights - right) > room):
            return float("inf")
        mixtures.append([(w, m, d) for w, (_, m, d) in zip(weights, found, strict=True)])
    outcomes = np.array(question["figure"]["outcomes"], dtype=float) / np.sum(question["figure"]["outcomes"])

    receiver = [(1.0, np.array([[(p + r) / 2]]), np.array([[(p - r) / 2]])) for p, r in outcomes.T]

    def entropy(mixture: list[tuple[float, np.ndarray, np.ndarray]], s: np.ndarray) -> np.ndarray:
        steps = s[:, None, None]
        return sum(w * (bits(m + steps * d) + bits(m - steps * d) - bits(2 * m)) for w, m, d in mixture)

    low, high, best = 0.0, 1.0, 0.0
    for _ in range(5):
        grid = np.linspace(low, high, 41)
        values = np.min([entropy(mixture, grid) for mixture in mixtures], axis=0) - entropy(receiver, grid)
        top = grid[np.argmax(values)]
        best = max(best, float(values.max()))
        low, high = max(0.0, top - (high - low) / 20), min(1.0, top + (high - low) / 20)
    return best


# --- certificates -----------------------------------------------------------------------------------------------------


@functools.cache
def made(errors: float) -> dict[str, Any]:
    """That of depolarised CHSH at an error rate."""
    devices = devices_of(key_devices(sb.chsh(), 0))(sb.WhiteNoise(1 - 2 * errors))
    data = sb.Observations.bell_value(with_settings(sb.chsh(), devices.scenario), devices)
    return dict(sb.key_rate_upper_bound(devices, data, 0, 2, "best").attack.certificate.data)


def written(matrix: np.ndarray) -> dict[str, Any]:
    return {"real": matrix.real.tolist(), "imaginary": matrix.imag.tolist()}


def drawn(seed: int, outcomes: tuple[int, int] = (2, 2), mixtures: int = 2) -> dict[str, Any]:
    """Random strategies and a random receiver, who learns about as much as Eve; Alice's key is of her setting 0."""
    draw = np.random.default_rng(seed)

    def some(*shape: int) -> dict[str, Any]:
        return written(draw.normal(size=shape) + 1j * draw.normal(size=shape))

    def strategy() -> dict[str, Any]:
        measurements = [[[some(int(draw.integers(1, 3)), 2) for _ in range(k)] for k in outcomes] for _ in range(2)]
        return {"dimensions": [2, 2], "state": some(4, int(draw.integers(1, 4))), "measurements": measurements}

    given = [[strategy() for _ in range(draw.integers(1, 3))] for _ in range(mixtures)]
    size = 1 + sum(k - 1 for k in outcomes)
    noise = float(draw.uniform(0, 0.5))
    receiver = draw.dirichlet([1, 1, 0.2]).tolist()
    figure = {
        "kind": "key_rate",
        "settings": [0, None],
        "outcomes": [[(1 - noise) * receiver[0], noise * receiver[1], receiver[2]],
                     [noise * receiver[0], (1 - noise) * receiver[1], receiver[2] / 2]],
    }  # fmt: skip
    if outcomes[0] > 2:
        figure["merge"] = [0, *[1] * (outcomes[0] - 1)]
    test = {"coefficients": np.eye(size).tolist(), "value": 0.0, "tolerance": 100.0}
    return {
        "format": "sdpbound certificate", "version": 1, "created_by": "a test", "kind": "attacks on all flips",
        "question": {"scenario": {"outcomes": [list(outcomes)] * 2}, "figure": figure, "side": "upper",
                     "observed": [test], "model": {"kind": "quantum"}},
        "proof": {"mixtures": [{"strategies": own, "weights": [1.0] * len(own), "adjusted": []} for own in given]},
        "claim": {"value": 1.0},
    }  # fmt: skip


@pytest.mark.parametrize("errors", [0.0808, 0.081])
def test_holds(errors: float) -> None:
    certificate = made(errors)
    found = recheck(certificate)
    assert found.holds, found.reason
    assert (found.kind, found.figure, found.side) == ("attacks on all flips", "key_rate", "upper")
    assert found.proven is not None and left(certificate) - 1e-12 <= found.proven <= found.claimed
    assert sb.verify(certificate).holds


@pytest.mark.parametrize("seed", range(8))
def test_holds_just_above_what_floats_find(seed: int) -> None:
    certificate = drawn(seed, (2, 2) if seed % 2 else (3, 2))
    most = left(certificate)
    certificate["claim"]["value"] = most + 1e-6
    above = recheck(certificate)
    assert above.holds, above.reason
    certificate["claim"]["value"] = most - 1e-8
    below = recheck(certificate)
    assert not below.holds and below.proven is not None
    assert most - 1e-10 <= below.proven <= most + 1e-6


# --- forgeries --------------------------------------------------------------------------------------------------------


def forgery(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    certificate = copy.deepcopy(made(0.0808))
    change(certificate)
    return certificate


def put(*path: Any) -> Callable[[dict[str, Any]], None]:
    """Set an entry: its path, then what it becomes, or a function of what it was."""

    def change(certificate: dict[str, Any]) -> None:
        *way, last, new = path
        at: Any = certificate
        for name in way:
            at = at[name]
        at[last] = new(at[last]) if callable(new) else new

    return change


MIXTURES, FIGURE = ("proof", "mixtures"), ("question", "figure")
CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "half the claim": put("claim", "value", lambda v: v / 2),
    "a claim of nothing": put("claim", "value", 0.0),
    "a claim below nothing": put("claim", "value", -1e-9),
    "a claim above a bit": put("claim", "value", 1.1),
    "a claim that is no number": put("claim", "value", "nan"),
    "a functional": put("claim", "functional", {"constant": 0.0, "multipliers": [0.0]}),
    "a receiver who errs less": put(*FIGURE, "outcomes", [[0.4597, 0.0403], [0.0403, 0.4597]]),
    "a receiver who knows": put(*FIGURE, "outcomes", [[1, 0], [0, 1]]),
    "a receiver who errs the other way more": put(*FIGURE, "outcomes", [[0.03, 0.47], [0.47, 0.03]]),
    "weights that are negative": put(*FIGURE, "outcomes", [[0.4596, -0.0404], [0.0404, 0.4596]]),
    "no outcomes": put(*FIGURE, "outcomes", [[], []]),
    "outcomes of no weight": put(*FIGURE, "outcomes", [[0, 0], [0, 0]]),
    "rows of two lengths": put(*FIGURE, "outcomes", [[0.46, 0.04], [0.04]]),
    "three rows": put(*FIGURE, "outcomes", [[0.3, 0.04], [0.04, 0.3], [0.2, 0.12]]),
    "outcomes left out": lambda c: c["question"]["figure"].pop("outcomes"),
    "a key of two parties": put(*FIGURE, "settings", [0, 0]),
    "a function of two parties": lambda c: c["question"]["figure"].update(settings=[0, 0], merge=[0, 1, 1, 0]),
    "a key of no party": put(*FIGURE, "settings", [None, None]),
    "a key of one value": put(*FIGURE, "merge", [0, 0]),
    "another setting": put(*FIGURE, "settings", [1, None]),
    "another figure": put(*FIGURE, "kind", "conditional_entropy"),
    "flips": put(*FIGURE, "preprocessing", 0.1),
    "the other side": put("question", "side", "lower"),
    "boxes": put("question", "model", {"kind": "no-signaling"}),
    "local devices": put("question", "model", {"kind": "local"}),
    "another kind": put("kind", "attack"),
    "data that are missed": put("question", "observed", 0, "value", 2.83),
    "other data": put("question", "observed", 0, "value", lambda v: v + 1e-4),
    "no data of its own": put("question", "observed", []),
    "no mixtures": put(*MIXTURES, []),
    "a mixture of nothing": put(*MIXTURES, 0, {"strategies": [], "weights": [], "adjusted": []}),
    "groups": put(*MIXTURES, 0, "groups", None),
    "equal weights": lambda c: c["proof"]["mixtures"][0].update(weights=[1.0, 1.0], adjusted=[]),
    "one strategy": lambda c: c["proof"]["mixtures"][0].update(weights=[1.0, 0.0], adjusted=[]),
    "weights of two signs": lambda c: c["proof"]["mixtures"][0].update(weights=[2.0, -1.0], adjusted=[]),
    "no weight": lambda c: c["proof"]["mixtures"][0].update(weights=[0.0, 0.0], adjusted=[]),
    "a weight left out": put(*MIXTURES, 0, "weights", [1.0]),
    "one place": put(*MIXTURES, 0, "adjusted", [0]),
    "a place twice": put(*MIXTURES, 0, "adjusted", [0, 0]),
    "a place beyond": put(*MIXTURES, 0, "adjusted", [0, 2]),
    "a strategy twice": put(*MIXTURES, 0, "strategies", lambda s: [s[0], s[0]]),
    "a state of nothing": put(*MIXTURES, 0, "strategies", 0, "state", {"real": [[0.0]] * 4, "imaginary": None}),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_refuses(name: str) -> None:
    found = recheck(forgery(CHANGES[name]))
    assert not found.holds and found.reason


def test_a_receiver_who_errs_more_leaves_no_more() -> None:
    noisier = forgery(put(*FIGURE, "outcomes", [[0.4590, 0.0410], [0.0410, 0.4590]]))
    assert recheck(noisier).holds and left(noisier) <= noisier["claim"]["value"]


def test_a_key_has_two_names() -> None:
    """Settings x of Alice and none of Bob are the same as a list of settings; three outcomes need a function."""
    certificate = drawn(0, (3, 2))
    figure = certificate["question"]["figure"]
    named = recheck(certificate)
    del figure["settings"]
    figure.update(x=0, y=None)
    assert named.holds and recheck(certificate) == named
    del figure["merge"]
    assert not recheck(certificate).holds


def test_work_is_counted() -> None:
    """Many strategies of a large state are refused before they are evaluated."""
    certificate = drawn(0)
    strategy = certificate["proof"]["mixtures"][0]["strategies"][0]
    strategy["state"] = written(np.random.default_rng(1).normal(size=(4, 32)))
    certificate["proof"]["mixtures"][0].update(strategies=[strategy] * 40, weights=[1.0] * 40)
    found = recheck(certificate)
    assert not found.holds and "more work" in found.reason


@pytest.mark.parametrize("seed", range(12))
def test_changed_numbers(seed: int) -> None:
    """Some numbers are changed; no claim below what floats find is accepted."""
    draw = np.random.default_rng(seed)
    certificate = copy.deepcopy(made(0.0808))
    for _ in range(int(draw.integers(1, 4))):
        at: Any = [
            certificate["proof"],
            certificate["question"]["observed"],
            certificate["question"]["figure"]["outcomes"],
        ]
        name: Any = int(draw.integers(3))
        while isinstance(at[name], dict | list) and len(at[name]):
            at = at[name]
            name = list(at)[draw.integers(len(at))] if isinstance(at, dict) else int(draw.integers(len(at)))
        if isinstance(at[name], float):
            at[name] *= 1 + draw.normal() * 10.0 ** -draw.integers(0, 8)
    certificate["claim"]["value"] *= 1 + draw.uniform(-0.5, 0.5)
    if recheck(certificate).holds:
        assert left(certificate) <= certificate["claim"]["value"] + 1e-12
