"""Certificates of attacks on keys with a post-processing: second ways to each number, forgeries and mutations."""

from __future__ import annotations

import copy
import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.attacks.proof import EntropyAttack
from sdpbound.errors import CertificateError
from sdpbound.rates.postprocessing.attacked import ProcessedAttack
from sdpbound.rates.postprocessing.postprocessing import PostProcessing

BEHAVIOUR = sb.Behaviour.from_correlators(0.9 * np.cos(np.subtract.outer([0, np.pi / 3], [0, -np.pi / 3])))
MADE: dict[str, PostProcessing] = {
    "basis": sb.RandomBasis(((0, 0), (1, 1)), probabilities=(0.8, 0.2), preprocessing=(0.02, 0.1)),
    "kept": sb.PostSelection((1, 0.6), (0.9, 0.6), nodes=1, level="1"),
    "block": sb.RepetitionCode(2, level="1", pieces=3),
}
GOLDEN = Path(__file__).parents[1] / "golden"
#: Files that were kept, whose attacks need no search.
KEPT = {"basis": "processed_attack_basis", "kept": "processed_attack_selected", "block": "processed_attack"}
Data = dict[str, Any]


def made(name: str) -> ProcessedAttack:
    attack = sb.key_rate_upper_bound(BEHAVIOUR, "full", postprocessing=MADE[name]).attack
    assert isinstance(attack, ProcessedAttack) and attack.exact
    return attack


@pytest.fixture(scope="module")
def block() -> ProcessedAttack:
    return made("block")


def data_of(attack: ProcessedAttack) -> Data:
    return json.loads(json.dumps(attack.certificate.data))  # type: ignore[no-any-return]


def kept(name: str) -> Data:
    return json.loads((GOLDEN / f"{KEPT[name]}.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow if n != "block" else ()) for n in MADE])
def test_certificates_hold_and_floats_say_the_same(name: str) -> None:
    attack = made(name)
    own = MADE[name].rate_under(
        BEHAVIOUR, sb.Observations.full(BEHAVIOUR), attack.attack.strategies, attack.attack.weights
    )
    assert attack.value == pytest.approx(own[0], abs=5e-12)
    assert sb.verify(data_of(attack)).value == attack.value
    assert "explicit attack" in repr(attack) and attack.figure in repr(attack)


def bits(values: Any) -> float:
    return float(-sum(v * math.log2(v) for v in np.reshape(values, -1) if v > 1e-15))


def left_of_pairs(attack: EntropyAttack, joint: Any, y: int) -> float:
    """Bits that blocks of two leave for each kept round: whole density matrices of Eve for every message.

    Her states of a block are products of those of two rounds. ``joint`` (2, 2) has the probabilities of kept rounds.
    """
    rounds = []
    for strategy in attack.strategies:
        values, vectors = np.linalg.eigh(strategy.state)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        a, b = strategy.measurements[0][0], strategy.measurements[1][y]
        rounds.append({(i, j): root.conj().T @ np.kron(a[i], b[j]) @ root for i in (0, 1) for j in (0, 1)})
    total = 0.0
    for m in itertools.product((0, 1), repeat=2):
        eve = 0.0
        for (first, v), (second, w) in itertools.product(zip(rounds, attack.weights, strict=True), repeat=2):
            states = [
                sum(0.5 * np.kron(first[m[0] ^ c, m[0] ^ d], second[m[1] ^ c, m[1] ^ d]) for d in (0, 1))
                for c in (0, 1)
            ]
            one, other, both = (bits(np.linalg.eigvalsh(matrix)) for matrix in (*states, states[0] + states[1]))
            eve += v * w * (one + other - both)
        s = np.array([[0.5 * math.prod(joint[i ^ c, i ^ d] for i in m) for d in (0, 1)] for c in (0, 1)])
        total += max(0.0, eve - bits(s) + bits(s.sum(axis=0)))
    return total / (2.0 * float(np.sum(joint)))


def test_blocks_are_those_of_whole_density_matrices(block: ProcessedAttack) -> None:
    left = left_of_pairs(block.attack, BEHAVIOUR.joint(0, 0), 0)
    assert block.value == pytest.approx(left, abs=1e-11)


@pytest.mark.slow
def test_longer_blocks() -> None:
    above = sb.key_rate_upper_bound(BEHAVIOUR, "full", postprocessing=sb.RepetitionCode(3))
    assert isinstance(above.attack, ProcessedAttack) and 0.0033 < above.value < 0.00332
    assert above.error_correction > 0.0 and not any("floats" in text for text in above.assumptions)


def test_nothing_is_left_of_local_devices() -> None:
    """All strategies are deterministic, or Eve knows the bit of each."""
    local = sb.Behaviour.from_correlators([[0.5, 0.5], [0.5, 0.5]])
    above = sb.key_rate_upper_bound(local, "full", postprocessing=sb.RepetitionCode(2))
    assert isinstance(above.attack, ProcessedAttack) and 0.0 <= above.value < 1e-9
    data = data_of(above.attack)
    assert sb.verify(data).holds
    always, never = {"real": [[1.0]], "imaginary": None}, {"real": [], "imaginary": None}
    certain = {"dimensions": [1, 1], "state": always, "measurements": [[[always, never]] * 2] * 2}
    data["proof"]["processed"] = {"strategies": [certain], "weights": [1.0], "adjusted": []}
    data["question"]["observed"] = []
    with pytest.raises(CertificateError, match="count as tested"):  # they answer 0, and the table says otherwise
        sb.verify(data)
    data["question"]["figure"]["outcomes"] = [[1.0, 0.0], [0.0, 0.0]]
    assert sb.verify(data).value == 0.0


def put(*path: Any) -> Callable[[Data], None]:
    """Write the last argument at the place of the others."""
    *way, last, value = path

    def change(data: Any) -> None:
        for key in way:
            data = data[key]
        data[last] = value

    return change


FIGURE, MIXTURE = ("question", "figure"), ("proof", "processed")
FORGED: dict[str, tuple[str, Callable[[Data], None], str]] = {
    "the other side": ("block", put("question", "side", "lower"), "must be upper"),
    "another adversary": ("block", put("question", "model", {"kind": "no-signaling"}), "question.model"),
    "blocks of one round": ("block", put(*FIGURE, "block", 1), "block"),
    "blocks without end": ("block", put(*FIGURE, "block", 900), "too many terms"),
    "less than nothing": ("block", put("claim", "value", -1e-3), "out of range"),
    "more than a bit": ("block", put("claim", "value", 1.5), "out of range"),
    "a negative weight": ("block", put(*MIXTURE, "weights", 0, -0.1), "negative weight"),
    "other weights": (
        "block",
        lambda data: data["proof"]["processed"].update(adjusted=[], weights=[1.0, *[0.0] * 8]),
        "count as tested",
    ),
    "other outcomes": ("kept", put(*FIGURE, "outcomes", [[0.5, 0.0], [0.0, 0.5]]), "count as tested"),
    "no weight at all": (
        "block",
        lambda data: data["proof"]["processed"].update(adjusted=[], weights=[0.0] * 9),
        "none above",
    ),
    "nobody's outcomes": ("block", put(*FIGURE, "outcomes", [[0, 0], [0, 0]]), "none above zero"),
    "negative outcomes": ("kept", put(*FIGURE, "outcomes", 0, 1, -0.1), "negative weight"),
    "a table of one row": ("kept", put(*FIGURE, "outcomes", [[0.5, 0.5]]), "outcomes"),
    "too likely": ("kept", put(*FIGURE, "alice", [1.2, 1]), "probabilities from 0 to 1"),
    "one outcome kept": ("kept", put(*FIGURE, "alice", [1, 0]), "two outcomes"),
    "a missing setting": ("kept", put(*FIGURE, "y", 2), "y"),
    "wild flips": ("basis", put(*FIGURE, "terms", 0, "preprocessing", 0.6), r"outside of \[0, 1/2\]"),
    "more than all rounds": ("basis", put(*FIGURE, "terms", 0, "kept", 0.99), "more than all rounds"),
    "no key": ("basis", put(*FIGURE, "terms", []), "0 entries"),
    "another figure": ("basis", put(*FIGURE, "kind", "repetition_code_key_rate"), "question.figure"),
    "an entropy": (
        "basis",
        put(*FIGURE, {"kind": "conditional_entropy", "x": 0, "y": None, "preprocessing": 0}),
        "figure",
    ),
    "other data": ("basis", put("question", "observed", 3, "value", 0.7), "misses|weight"),
    "groups": ("basis", put(*MIXTURE, "groups", None), "groups"),
}


@pytest.mark.parametrize("name", FORGED)
def test_forgeries_are_refused(name: str) -> None:
    kind, change, why = FORGED[name]
    data = kept(kind)
    change(data)
    with pytest.raises(CertificateError, match=why):
        sb.verify(data)


def test_a_little_less_is_not_proven() -> None:
    for name in KEPT:
        data = kept(name)
        data["claim"]["value"] = sb.verify(data).value - 1e-12
        with pytest.raises(CertificateError, match="does not prove its claim"):
            sb.verify(data)
    perfect = kept("block")  # no errors to charge, for devices that have some
    perfect["question"]["figure"]["outcomes"] = [[0.5, 0.0], [0.0, 0.5]]
    with pytest.raises(CertificateError, match="count as tested"):
        sb.verify(perfect)


def test_outcomes_of_higher_rank_are_refused_in_blocks(block: ProcessedAttack) -> None:
    data = data_of(block)
    strategies = data["proof"]["processed"]["strategies"]
    chosen = next(s for s in strategies if s["dimensions"] == [2, 2] and len(s["measurements"][0][0][0]["real"]) == 1)
    zero, one = (effect["real"][0] for effect in chosen["measurements"][0][0])
    chosen["measurements"][0][0][0]["real"] = [zero, [0.3 * v for v in one]]
    data["proof"]["processed"]["adjusted"] = []
    with pytest.raises(CertificateError, match="rank above one"):
        sb.verify(data)


def numbers_in(entry: Any) -> list[tuple[Any, Any]]:
    """The places of all numbers of a file."""
    pairs = entry.items() if isinstance(entry, dict) else enumerate(entry) if isinstance(entry, list) else ()
    found = []
    for key, value in pairs:
        own = isinstance(value, int | float) and not isinstance(value, bool)
        found += [(entry, key)] if own else numbers_in(value)
    return found


def test_changed_certificates_are_refused_or_true() -> None:
    """What is accepted after a change is at least what its own strategies leave, evaluated anew."""
    rng, accepted = np.random.default_rng(1), 0
    for name in KEPT:
        sound = kept(name)
        value = sb.verify(sound).value
        for _ in range(12):
            data = copy.deepcopy(sound)
            places = numbers_in(data["proof"]) + numbers_in(data["claim"])
            holder, key = places[int(rng.integers(len(places)))]
            holder[key] = float(holder[key]) + float(rng.choice([1e-9, -1e-9, 1e-3, -0.3, 1.0]))
            try:
                found = sb.verify(data)
            except CertificateError:
                continue
            accepted += 1
            assert found.value <= data["claim"]["value"] and data["claim"]["value"] >= value - 1e-9
    assert accepted < 30


def test_the_golden_certificate_holds() -> None:
    data = kept("block")
    assert data["kind"] == "attack on a processed key"
    assert sb.verify(data).value == pytest.approx(0.0111953253, abs=1e-9)
