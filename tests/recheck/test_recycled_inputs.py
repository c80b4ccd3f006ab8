"""Lengths with recycled inputs, checked twice: from the statement alone, the same numbers, and nothing more."""

from __future__ import annotations

import copy
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.recheck import recheck

CHSH = sb.Behaviour.from_correlators([[0.68, 0.68], [0.68, -0.68]])
TILTED = sb.Behaviour.from_correlators([[0.75, 0.66], [0.66, -0.6]])


def made(name: str) -> dict[str, Any]:
    """A certificate of each of the two forms: with a CHSH test, and with the power of a certificate within."""
    options: dict[str, Any] = {"inputs": "recycled", "test_probability": 0.03, "method": "renyi"}
    if name == "chsh":
        found = sb.finite_randomness_length(CHSH, 1e8, **options)
    else:
        found = sb.finite_randomness_length(TILTED, 1e8, **options)
    data: dict[str, Any] = copy.deepcopy(dict(found.certificate.data))
    assert name in data["proof"]
    return data


@pytest.fixture(scope="module", params=["chsh", pytest.param("power", marks=pytest.mark.slow)])
def certificate(request: pytest.FixtureRequest) -> dict[str, Any]:
    return made(request.param)


def test_agrees(certificate: dict[str, Any]) -> None:
    first, second = sb.verify(certificate), recheck(certificate)
    assert first.holds and second.holds, second.reason
    assert second.proven is not None and float(second.proven) == pytest.approx(first.value, rel=1e-9)
    assert second.claimed <= second.proven


def test_no_more_is_proven(certificate: dict[str, Any]) -> None:
    """Not a bit more, not with public inputs, and not with another probability of a test or other draws."""
    proven = recheck(certificate).proven
    assert proven is not None
    forged: list[dict[str, Any]] = [copy.deepcopy(certificate) for _ in range(5)]
    forged[0]["claim"]["value"] = float(proven + 1)
    del forged[1]["question"]["figure"]["inputs"]
    forged[2]["proof"]["renyi_accumulation"]["gamma"] = 0.04
    forged[3]["question"]["figure"]["inputs"] = "public"
    forged[4]["question"]["figure"]["inputs"] = None
    for each in forged:
        assert not recheck(each).holds
    assert "inputs" in recheck(forged[3]).reason
    public = recheck(forged[1]).proven
    assert public is not None and public < proven - 1_000_000


def test_a_key_announces_its_inputs() -> None:
    key = sb.finite_key_length(
        sb.Behaviour.from_correlators([[0.68, 0.68, 0.98], [0.68, -0.68, 0.0]]), 1e7, 0, 2, method="renyi"
    )
    data: dict[str, Any] = copy.deepcopy(dict(key.certificate.data))
    assert recheck(data).holds
    data["question"]["figure"]["inputs"] = "recycled"
    found = recheck(data)
    assert not found.holds and "announced" in found.reason


def test_the_bound_on_one_round_by_hand() -> None:
    """With scores 0 and a test in every round M is sum pi^alpha times the power; its logarithm is in the length."""
    data = made("chsh")
    data["proof"]["scores"] = np.zeros((2, 2, 2, 2)).tolist()
    data["proof"]["distribution"] = [[0.25, 0.25], [0.25, 0.25]]
    data["proof"]["untested"] = 0
    data["proof"]["renyi_accumulation"]["gamma"] = 1
    data["claim"] |= {"value": 0, "threshold": -1, "lengths": 1}
    figure, v = data["question"]["figure"], data["proof"]["renyi_accumulation"]
    found = recheck(data)
    assert found.proven is not None
    beta, n = float(v["beta"]), figure["rounds"]
    # no score restricts the devices: q(2) = 1, and settings alone are the string, two bits a round
    constants = (1 + 1 / beta) * np.log2(figure["soundness"] - v["wrong"]) + 2
    assert float(found.proven) == pytest.approx(n * (-1.0 + 2.0) + constants, rel=1e-9)
    assert found.proven < Fraction(n)
