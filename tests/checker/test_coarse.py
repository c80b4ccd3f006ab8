"""Proofs about coarser data: what is merged is applied to the question, and nothing else is believed."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.entropies.coarse import CoarseProof, coarsenings
from sdpbound.entropies.question import EntropyQuestion, KeyQuestion


def data(efficiency: float = 0.97) -> sb.Observations:
    """Correlators and marginals of CHSH devices, of which Alice's say if they detected nothing."""
    c = np.array([[1, 1], [1, -1]]) / math.sqrt(2)
    p = np.zeros((3, 2, 2, 2))
    for a, b in np.ndindex(2, 2):
        p[a, b] = efficiency * (1 + (-1) ** (a + b) * c) / 4
    p[2] = (1 - efficiency) / 2
    scenario = sb.Scenario(((3, 3), (2, 2)))
    return sb.Observations.full(sb.Behaviour(p, scenario))


@pytest.fixture(scope="module")
def honest() -> dict[str, Any]:
    question = EntropyQuestion(data(), 0, None)
    coarse = coarsenings(question, 1)[0]
    inner = KeyQuestion(coarse.question.observed, coarse.question.x, coarse.question.y)
    proof = CoarseProof(question, sb.Quantum("1"), coarse, sb.VonNeumann("qubit").lower_bound(inner))
    return proof.certificate(proof.value)


def test_holds(honest: dict[str, Any]) -> None:
    found = sb.verify(honest)
    assert found.holds and found.value == pytest.approx(honest["claim"]["value"], abs=1e-9)
    assert honest["question"]["scenario"] == {"outcomes": [[3, 3], [2, 2]]}
    assert set(honest["proof"]) == {"multipliers", "coarse"}
    assert set(honest["proof"]["coarse"]) == {"outcomes", "tests", "proof"}


@pytest.mark.parametrize("method", ["projective", "gauss-radau"])
def test_any_method_may_prove_the_coarser_data(method: str) -> None:
    question = EntropyQuestion(data(), 0, None)
    coarse = coarsenings(question, 1)[0]
    inner = coarse.question
    bound = sb.VonNeumann(method, "1+AB", 4).lower_bound(
        KeyQuestion(inner.observed, inner.x, inner.y, closed_forms=False)
    )
    proof = CoarseProof(question, sb.Quantum("1+AB"), coarse, bound)
    assert bound.value - 1e-9 <= proof.value <= bound.value + 1e-9
    assert sb.verify(proof.certificate(proof.value)).holds
    with pytest.raises(sb.CertificateError):
        sb.verify(proof.certificate(proof.value + 1e-6))


def test_both_outcomes_with_one_key_setting_left_out() -> None:
    """H(AB|E) >= H(f(A)|E): where the other setting of the key is of no use, it is merged."""
    c = math.sqrt(0.5)
    p = np.zeros((2, 2, 2, 3))
    for a, b in np.ndindex(2, 2):
        table = np.array([[c, c, 0.0], [c, -c, 0.0]])
        p[a, b] = (1 + (-1) ** (a + b) * 0.98 * table) / 4
    question = EntropyQuestion(sb.Observations.full(sb.Behaviour(p)), 0, 2)
    (other,) = coarsenings(question, 0)
    assert other.maps[1][2] == (0, 0) and other.maps[0] == ((0, 1), (0, 1))
    inner = other.question
    bound = sb.VonNeumann("qubit").lower_bound(KeyQuestion(inner.observed, 0, 2, closed_forms=False))
    proof = CoarseProof(question, sb.Quantum("1"), other, bound)
    assert proof.value > 0.7 and sb.verify(proof.certificate(proof.value)).holds


def put(value: Any, *path: Any) -> Callable[[dict[str, Any]], None]:
    def change(certificate: dict[str, Any]) -> None:
        entry: Any = certificate
        for step in path[:-1]:
            entry = entry[step]
        entry[path[-1]] = value

    return change


def scaled(factor: float, *path: Any) -> Callable[[dict[str, Any]], None]:
    def change(certificate: dict[str, Any]) -> None:
        entry: Any = certificate
        for step in path[:-1]:
            entry = entry[step]
        entry[path[-1]] = [factor * value for value in entry[path[-1]]]

    return change


def steeper(certificate: dict[str, Any]) -> None:
    for path in (("proof",), ("proof", "coarse", "proof"), ("claim", "functional")):
        scaled(1.5, *path, "multipliers")(certificate)


def nested(certificate: dict[str, Any]) -> None:
    coarse = certificate["proof"]["coarse"]
    outcomes = [[[0, 1], [0, 1]], [[0, 1], [0, 1]]]
    inner = {"multipliers": coarse["proof"]["multipliers"], "coarse": {**coarse, "outcomes": outcomes}}
    coarse["proof"] = inner


MAPS = ("proof", "coarse", "outcomes")
FALSE = "claim|too close|above the entropy"
TAMPERED: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "another map of the key": (put([0, 0, 1], *MAPS, 0, 0), FALSE),
    "another map of the other setting": (put([0, 0, 1], *MAPS, 0, 1), FALSE),
    "outcomes of a map exchanged": (put([1, 0, 0], *MAPS, 0, 1), FALSE),
    "a map of Bob exchanged": (put([1, 0], *MAPS, 1, 0), FALSE),
    "a setting left out": (put([0, 0], *MAPS, 1, 1), "coefficients"),
    "the key left out": (put([0, 0, 0], *MAPS, 0, 0), "merges all outcomes of the key"),
    "nothing merged": (put([0, 1, 2], *MAPS, 0, 0), "coefficients"),
    "a map that leaves one out": (put([0, 2, 2], *MAPS, 0, 0), "each new outcome"),
    "a map that is too short": (put([0, 1], *MAPS, 0, 0), "3 are needed"),
    "a map out of range": (put([0, 1, 3], *MAPS, 0, 0), "integer from 0 to 2"),
    "a map below 0": (put([0, 1, -1], *MAPS, 0, 0), "integer from 0 to 2"),
    "a map of no integers": (put([0, 1, 0.5], *MAPS, 0, 0), "integer from 0 to 2"),
    "a map of truth values": (put([False, True, True], *MAPS, 0, 0), "integer from 0 to 2"),
    "one map too few": (put([[0, 1, 1]], *MAPS, 0), "2 are needed"),
    "a party too many": (put([[[0, 1, 1]] * 2, [[0, 1]] * 2, []], *MAPS), "2 are needed"),
    "another test": (put([[0, 0, 0], [0, 0.5, 0], [0, 0, 0]], "proof", "coarse", "tests", 0), FALSE),
    "no tests": (put([], "proof", "coarse", "tests"), "needed"),
    "multipliers of the tests": (scaled(1.01, "proof", "multipliers"), FALSE),
    "multipliers of the coarser tests": (scaled(1.01, "proof", "coarse", "proof", "multipliers"), FALSE),
    "none of the tests": (scaled(0.0, "proof", "multipliers"), FALSE),
    "steeper together": (steeper, FALSE),
    "coarse twice": (nested, "unknown entry|no entry"),
    "another method": (put("none", "proof", "coarse", "proof", "method"), "method"),
    "an entry too many": (put(1, "proof", "coarse", "note"), "unknown entry"),
    "another question": (put(1, "question", "figure", "x"), FALSE),
    "flips": (put(0.1, "question", "figure", "preprocessing"), "preprocessing"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_tampered_ones_are_refused(name: str, honest: dict[str, Any]) -> None:
    change, words = TAMPERED[name]
    certificate = copy.deepcopy(honest)
    change(certificate)
    assert certificate != honest
    with pytest.raises(sb.CertificateError, match=words):
        sb.verify(certificate)


def test_more_than_is_proven_is_refused(honest: dict[str, Any]) -> None:
    certificate = copy.deepcopy(honest)
    certificate["claim"]["value"] += 1e-6
    with pytest.raises(sb.CertificateError, match="claimed value"):
        sb.verify(certificate)
    certificate = copy.deepcopy(honest)
    certificate["claim"]["functional"]["constant"] += 1e-3
    with pytest.raises(sb.CertificateError):
        sb.verify(certificate)


def test_deterministic_devices_have_no_entropy() -> None:
    """A map is applied to the question: with data that are deterministic, no map proves a bit."""
    p = np.zeros((3, 2, 2, 2))
    p[2, 0] = 1.0  # never detected
    observed = sb.Observations.full(sb.Behaviour(p, sb.Scenario(((3, 3), (2, 2)))))
    assert sb.conditional_entropy(observed).value <= 1e-9
    assert coarsenings(EntropyQuestion(observed, 0, None), 3) == []
