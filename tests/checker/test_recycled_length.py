"""Certificates of lengths with recycled inputs: the statement once more in other words, and what is refused."""

from __future__ import annotations

import copy
from typing import Any

import flint
import numpy as np
import pytest

import sdpbound as sb

BEHAVIOUR = sb.Behaviour.from_correlators(0.66 * np.array([[1.0, 1.0], [1.0, -1.0]]))
DRAWN = np.array([[0.4, 0.2], [0.3, 0.1]])


@pytest.fixture(scope="module")
def length() -> sb.FiniteLength:
    found = sb.finite_randomness_length(
        BEHAVIOUR, 1e7, inputs="recycled", test_probability=0.03, test_distribution=DRAWN, method="renyi"
    )
    assert isinstance(found, sb.FiniteLength)
    return found


@pytest.fixture
def certificate(length: sb.FiniteLength) -> dict[str, Any]:
    return copy.deepcopy(length.certificate.data)


def test_against_an_independent_computation(length: sb.FiniteLength) -> None:
    """The largest weighted power over CHSH values, each string with its probability to the power alpha."""
    data = length.certificate.data
    v = data["proof"]["renyi_accumulation"]
    alpha, beta, gamma = 1 + v["beta"], v["beta"], v["gamma"]
    scores = np.array(data["proof"]["scores"])
    theta, wins = beta / alpha, np.fromfunction(lambda a, b, x, y: (a + b + x * y) % 2 == 0, (2, 2, 2, 2))
    weights = 2 ** (theta * scores) * (gamma * DRAWN) ** theta
    low, high = weights.min(), weights.max()

    def most(s: float) -> float:
        z = np.sqrt(s * s / 4 - 1)
        q = 2**-beta * (((1 + z) / 2) ** (1 / alpha) + ((1 - z) / 2) ** (1 / alpha)) ** alpha
        chance = np.where(wins, (1 + s / 4) / 4, (1 - s / 4) / 4)  # of outcomes, with all four correlators alike
        tests = gamma * high**beta * (DRAWN * (weights - low) * chance).sum()
        return (((1 - gamma) ** alpha * 2 ** (beta * data["proof"]["untested"])) + gamma * high**beta * low) * q + tests

    top = max(most(s) for s in (v["tangent"] * (1 + e) for e in (-1e-3, 0.0, 1e-3)))
    assert top == most(v["tangent"])
    n, eps = data["question"]["figure"]["rounds"], data["question"]["figure"]["soundness"]
    own = n * (data["claim"]["threshold"] - np.log2(top) / beta) + 2 + (1 + 1 / beta) * np.log2(eps)
    assert own == pytest.approx(length.length, abs=1e-3)


@pytest.mark.parametrize(
    ("path", "factor", "message"),
    [
        (("claim", "value"), 1.0001, "the recomputed length is"),
        (("claim", "threshold"), 1.001, "fall below the threshold"),
        (("claim", "threshold"), 0.999, "the recomputed length is"),
        (("proof", "untested"), 1.01, "recomputed length|fall below"),
        (("proof", "distribution", 0, 0), 1.01, "recomputed length|fall below"),
        (("proof", "renyi_accumulation", "gamma"), 1.001, "recomputed length|fall below"),
        (("proof", "renyi_accumulation", "gamma"), 0.999, "recomputed length|fall below"),
        *(
            (("proof", "scores", *i), f, "recomputed length|fall below")
            for i in np.ndindex(2, 2, 2, 2)
            for f in (0.97, 1.03)
        ),
    ],
)
def test_changed_numbers(certificate: dict[str, Any], path: tuple[Any, ...], factor: float, message: str) -> None:
    part: Any = certificate
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] *= factor
    with pytest.raises(sb.CertificateError, match=message):
        sb.verify(certificate)


def test_forgeries(certificate: dict[str, Any]) -> None:
    """What is not said is not granted: inputs of other lengths are public, and no other word says that they are not."""

    def refused(message: str, forged: dict[str, Any]) -> None:
        with pytest.raises(sb.CertificateError, match=message):
            sb.verify(forged)

    def figure(data: dict[str, Any]) -> dict[str, Any]:
        return data["question"]["figure"]  # type: ignore[no-any-return]

    public = copy.deepcopy(certificate)
    del figure(public)["inputs"]
    refused("the recomputed length is", public)
    for word in ("public", None, True, ["recycled"]):
        other = copy.deepcopy(certificate)
        figure(other)["inputs"] = word
        refused("must be 'recycled', or left out", other)
    key = sb.finite_key_length(BEHAVIOUR, 1e7, 0, 0, method="renyi").certificate.data
    figure(forged := copy.deepcopy(key))["inputs"] = "recycled"
    refused("unknown entry 'inputs'", forged)
    bounds = [sb.conditional_entropy(sb.Observations.correlators(BEHAVIOUR))]
    other = sb.finite_randomness_length(BEHAVIOUR, 1e7, entropies=bounds).certificate.data
    figure(forged := copy.deepcopy(other))["inputs"] = "recycled"
    refused("for lengths by Renyi entropies", forged)
    certificate["claim"]["value"] = 1e7 * (1 + np.log2(5)) + 1
    refused("out of range", certificate)


def test_what_local_devices_get_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their output is that of the inputs: such lengths hold; one that is longer, by a checker in error, is refused."""
    local = sb.Behaviour.from_correlators(0.5 * np.array([[1.0, 1.0], [1.0, -1.0]]))
    found = sb.finite_randomness_length(local, 1e6, inputs="recycled", test_probability=0.1, method="renyi")
    assert isinstance(found, sb.FiniteLength)
    assert 0 < found.length < found.input_bits and found.certificate.verify().holds
    wrong = copy.deepcopy(found.certificate.data)
    wrong["claim"]["value"] += 1e5
    monkeypatch.setattr("sdpbound.checker.renyi_length.chance_of", lambda *_: flint.arb(0))
    assert wrong["claim"]["value"] > found.input_bits + 1e3
    with pytest.raises(sb.CertificateError, match="deterministic devices"):
        sb.verify(wrong)
