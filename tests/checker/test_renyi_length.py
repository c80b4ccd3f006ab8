"""Certificates of lengths by Renyi entropies: recomputed, and refused where a number claims too much."""

from __future__ import annotations

import copy
import math
from typing import Any

import flint
import numpy as np
import pytest

import sdpbound as sb

VALUE = 0.96 * math.sqrt(8.0)
BEHAVIOUR = sb.Behaviour.from_correlators([[VALUE / 4, VALUE / 4, 0.96], [VALUE / 4, -VALUE / 4, 0.0]])
PLACES = [(a, b, x, y) for a in range(2) for b in range(2) for x in range(2) for y in range(2)]


@pytest.fixture(scope="module")
def key() -> sb.FiniteLength:
    found = sb.finite_key_length(BEHAVIOUR, 1e6, 0, 2, method="renyi")
    assert isinstance(found, sb.FiniteLength)
    return found


@pytest.fixture
def certificate(key: sb.FiniteLength) -> dict[str, Any]:
    return copy.deepcopy(key.certificate.data)


def test_agrees() -> None:
    security = sb.FiniteSecurity(soundness=1e-30, completeness=1e-5, efficiency=1.1)
    counts = [1e2, 1e7, 1e18]
    keys = sb.finite_key_length(BEHAVIOUR, counts, 0, 2, security=security, method="renyi")
    strings = sb.finite_randomness_length(BEHAVIOUR, counts, 1, security=security, method="renyi")
    assert isinstance(keys, tuple) and isinstance(strings, tuple)
    for found in (*keys, *strings):
        checked = found.certificate.verify()
        assert checked.holds and checked.side == "lower" and checked.figure == found.figure.kind
        assert found.length <= checked.value <= found.length + 1e-11 * found.rounds + 1e-5


def independent(data: dict[str, Any]) -> float:
    """The length of a certificate with uniform settings and two scores of tests, once more, in other words."""
    with flint.ctx.workprec(300):
        v = {name: flint.arb(value) for name, value in data["proof"]["renyi_accumulation"].items()}
        n, h = data["question"]["figure"]["rounds"], flint.arb(data["claim"]["threshold"])
        alpha, table = 1 + v["beta"], np.array(data["proof"]["scores"])
        low, high = flint.arb(float(table[:, :, :2, :2].min())), flint.arb(float(table[:, :, :2, :2].max()))
        lost, won = (flint.arb(2) ** ((alpha - 1) / alpha * f) for f in (low, high))
        w = flint.arb(2) ** ((alpha - 1) * flint.arb(data["proof"]["untested"]))

        def most(s: flint.arb) -> flint.arb:
            u = (s * s / 4 - 1).sqrt()
            q = 2 ** (1 - alpha) * sum((((1 + e * u) / 2) ** (1 / alpha) for e in (1, -1)), flint.arb(0)) ** alpha
            own = (1 - v["gamma"]) * w + v["gamma"] * won ** (alpha - 1) * lost
            return own * q + v["gamma"] * won ** (alpha - 1) * (won - lost) * (4 + s) / 8

        # concave in S, and flat at the tangent: its largest value is there
        top = most(v["tangent"])
        assert all(float(most(v["tangent"] * (1 + e))) < float(top) for e in (1e-6, -1e-6))
        bits = n * h - n * top.log() / v["beta"] / flint.arb(2).log()
        eps = flint.arb(data["question"]["figure"]["soundness"]) - v["wrong"]
        return float(bits + 2 + alpha / (alpha - 1) * eps.log() / flint.arb(2).log())


def test_against_an_independent_computation(key: sb.FiniteLength) -> None:
    own = key.length - key.terms["error correction"] - key.terms["verification"]
    assert independent(key.certificate.data) == pytest.approx(own, abs=1e-5)


@pytest.mark.parametrize(
    ("path", "factor", "message"),
    [
        (("claim", "value"), 1.0001, "the recomputed length is"),
        (("claim", "threshold"), 1.001, "fall below the threshold"),
        (("claim", "threshold"), 0.999, "the recomputed length is"),
        (("question", "figure", "soundness"), 0.5, "the recomputed length is"),
        (("question", "figure", "completeness"), 0.5, "fall below the threshold"),
        (("question", "figure", "efficiency"), 1.1, "the recomputed length is"),
        (("proof", "untested"), 1.01, "the recomputed length is"),
        (("proof", "untested"), 0.99, "fall below the threshold"),
        (("proof", "distribution", 0, 0), 1.01, "the recomputed length is"),
        (("proof", "chsh", 0, 0), -1, "product -1"),
        (("proof", "chsh", 0, 2), 0, None),
        *(
            (("proof", "scores", *place), factor, "recomputed length|fall below")
            for place in PLACES
            for factor in (0.97, 1.03)
        ),
    ],
)
def test_changed_numbers(
    certificate: dict[str, Any], path: tuple[Any, ...], factor: float, message: str | None
) -> None:
    part: Any = certificate
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] *= factor
    if message is None:
        assert sb.verify(certificate).holds
        return
    with pytest.raises(sb.CertificateError, match=message):
        sb.verify(certificate)


NAMES = ("gamma", "beta", "tangent", "score_tail", "leak_tail", "wrong", "leak", "hashing")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("factor", [0.9, 1.1, 0.0, -1.0, 1e9])
def test_changed_parameters(certificate: dict[str, Any], name: str, factor: float) -> None:
    """With other parameters the same claim is too much (they are near their best), or they are not allowed."""
    certificate["proof"]["renyi_accumulation"][name] *= factor
    with pytest.raises(sb.CertificateError, match=r"does not prove|out of range"):
        sb.verify(certificate)


def test_other_questions(certificate: dict[str, Any]) -> None:
    def refused(message: str, **changes: Any) -> None:
        changed = copy.deepcopy(certificate)
        changed["question"]["figure"] |= changes
        with pytest.raises(sb.CertificateError, match=message):
            sb.verify(changed)

    refused("has preprocessing", preprocessing=0.1)
    refused("the recomputed length is", y=0)
    refused("lacks y", y=None)
    refused("kind is", kind="key")
    changed = copy.deepcopy(certificate)
    changed["question"]["behaviour"] = sb.Behaviour.from_correlators(
        [[0.75, 0.75, 0.96], [0.75, -0.75, 0.0]]
    ).p.tolist()
    with pytest.raises(sb.CertificateError, match="no honest devices"):
        sb.verify(changed)


def test_forgeries(certificate: dict[str, Any]) -> None:
    """Statements that would make false lengths pass if one condition were not checked."""

    def refused(message: str, change: Any) -> None:
        forged = copy.deepcopy(certificate)
        change(forged["proof"], forged)
        with pytest.raises(sb.CertificateError, match=message):
            sb.verify(forged)

    def classical(proof: dict[str, Any], _: Any) -> None:
        proof["chsh"] = [[1, 1, 0], [1, 1, 0]]  # every strategy with equal outcomes has S = 4

    def third_setting(proof: dict[str, Any], _: Any) -> None:
        proof["chsh"], proof["distribution"] = [[1, 0, 1], [1, 0, -1]], [[0.25, 0, 0.25], [0.25, 0, 0.25]]

    def untested(proof: dict[str, Any], _: Any) -> None:
        proof["distribution"] = [[1 / 3, 1 / 3, 0.0], [1 / 3, 0.0, 0.0]]

    def negative(proof: dict[str, Any], _: Any) -> None:
        proof["distribution"][1][1] *= -1

    def doubled(proof: dict[str, Any], _: Any) -> None:
        proof["chsh"] = [[2, 0.5, 0], [1, -1, 0]]

    def larger(proof: dict[str, Any], _: Any) -> None:
        proof["renyi_accumulation"]["beta"] = 1.5

    def beyond(proof: dict[str, Any], _: Any) -> None:
        proof["renyi_accumulation"]["tangent"] = 2.83

    def more(proof: dict[str, Any], root: Any) -> None:
        root["claim"]["most_tests"] = 10

    for message, change in (
        ("product -1", classical),
        ("recomputed length|fall below", third_setting),
        ("must draw the settings", untested),
        ("must be probabilities", negative),
        ("product -1", doubled),
        ("out of range", larger),
        ("out of range", beyond),
        ("most_tests", more),
    ):
        refused(message, change)
    other = copy.deepcopy(certificate)
    other["question"]["figure"]["x"] = 1  # Alice's other setting has the same entropy; only Bob's errors matter
    assert not sb.verify(other, strict=False).holds
    renamed = copy.deepcopy(certificate) | {"kind": "finite length"}
    with pytest.raises(sb.CertificateError):
        sb.verify(renamed)
