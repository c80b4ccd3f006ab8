"""Lengths behind a channel that treats 0 and 1 differently, checked twice, from the statement alone."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest

import sdpbound as sb
from sdpbound.recheck import recheck
from sdpbound.recheck.balls import ball, end, total
from sdpbound.recheck.renyi_lengths import read_length, surprises

DEVICES = sb.Behaviour.from_correlators([[0.75, 0.66, 0.94], [0.66, -0.6, 0.0]])
CHANNEL = sb.BinaryChannel(0.03, 0.01)


def made(method: str, channel: Any) -> dict[str, Any]:
    options: dict[str, Any] = {"method": method, "preprocessing": channel}
    if channel == CHANNEL and method == "accumulation":  # the search for the best functional takes most of the time
        observed = sb.Observations.correlators(DEVICES)
        options["entropies"] = [sb.conditional_entropy(observed, 0, preprocessing=channel)]
    found = sb.finite_key_length(DEVICES, 1e8, 0, 2, **options)
    data: dict[str, Any] = copy.deepcopy(dict(found.certificate.data))
    return data


@pytest.mark.slow
@pytest.mark.parametrize("method", ["accumulation", "renyi"])
def test_agrees_and_proves_no_more(method: str) -> None:
    certificate = made(method, CHANNEL)
    first, second = sb.verify(certificate), recheck(certificate)
    assert first.holds and second.holds, second.reason
    assert second.proven is not None and float(second.proven) == pytest.approx(first.value, rel=1e-9)
    inner = "power" if method == "renyi" else "entropy"
    forged: list[dict[str, Any]] = [copy.deepcopy(certificate) for _ in range(5)]
    forged[0]["claim"]["value"] = float(second.proven + 1)
    forged[1]["question"]["figure"]["preprocessing"] = [0.01, 0.03]  # another channel than that of the entropy
    forged[2]["question"]["figure"]["preprocessing"] = 0.02
    forged[3]["proof"][inner]["question"]["figure"]["preprocessing"] = [0.03, 0.0]
    forged[4]["question"]["figure"]["preprocessing"] = [0.03, 1.5]
    for each in forged:
        found = recheck(each)
        assert not found.holds and found.reason


@pytest.mark.slow
def test_a_pair_of_the_same_is_a_flip() -> None:
    """Written as a number or as a pair, outside or within."""
    certificate = made("accumulation", 0.02)
    proven = recheck(certificate).proven
    certificate["question"]["figure"]["preprocessing"] = [0.02, 0.02]
    assert recheck(certificate).proven == proven and recheck(certificate).holds
    certificate["proof"]["entropy"]["question"]["figure"]["preprocessing"] = [0.02, 0.02]
    assert recheck(certificate).proven == proven and recheck(certificate).holds


def test_what_is_sent_behind_a_channel() -> None:
    """A bit that is always made 0 needs no message, but for that of tests; one that is kept needs -log2 p(a|b)."""
    plain = sb.finite_key_length(DEVICES, 1e7, 0, 2, method="renyi").certificate.data
    entry = "power" if "power" in plain["proof"] else "chsh"
    bits = {}
    for name, pair in (("kept", [0, 0]), ("lost", [0, 1]), ("mixed", [0.03, 0.01])):
        data: dict[str, Any] = copy.deepcopy(dict(plain))
        data["question"]["figure"]["preprocessing"] = pair
        length, _ = read_length(data, entry, " tangent" if entry == "chsh" else "")
        bits[name] = float(end(total(value * ball(chance) for value, chance in surprises(length)), "upper"))
    gamma = float(plain["proof"]["renyi_accumulation"]["gamma"])

    def error(p: float) -> float:
        return -p * math.log2(p) - (1 - p) * math.log2(1 - p)

    tests = bits["lost"]
    assert bits["kept"] - tests == pytest.approx((1 - gamma) * error(0.03), rel=1e-9)
    joint = {(a, b): 0.485 if a == b else 0.015 for a in (0, 1) for b in (0, 1)}
    after = {(0, b): 0.97 * joint[0, b] + 0.01 * joint[1, b] for b in (0, 1)}
    after |= {(1, b): 0.03 * joint[0, b] + 0.99 * joint[1, b] for b in (0, 1)}
    mixed = sum(-p * math.log2(p / 0.5) for p in after.values())
    assert bits["mixed"] - tests == pytest.approx((1 - gamma) * mixed, rel=1e-9)
