"""The second checker on lengths with a bound on the power: agrees, and refuses what it must."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from sdpbound.recheck.answer import Budget, Finding
from sdpbound.recheck.kinds import recheck
from sdpbound.recheck.renyi_powers import recheck_power_length
from tests.finite_size.test_renyi_powers import flipped

Certificate = dict[str, Any]


def taken(root: Certificate, budget: Budget) -> Finding:
    """The answer to an inner certificate that holds: what is tested here is the length around it."""
    claimed = root["claim"]["value"]
    return Finding("renyi_entropy", "lower", claimed, claimed)


def proven(change: Callable[[Certificate], object]) -> bool:
    root = copy.deepcopy(flipped().certificate.data)
    change(root)
    try:
        found = recheck_power_length(root, Budget(), taken)
    except Exception as error:
        assert type(error).__name__ == "CertificateError"
        return False
    return not found.faults and found.claimed <= found.proven


def test_the_length_and_changes() -> None:
    assert proven(lambda root: None)
    names = ("gamma", "beta", "score_tail", "leak_tail", "wrong", "leak", "hashing")
    changes: list[Callable[[Certificate], object]] = [
        lambda root, n=n, f=f: root["proof"]["renyi_accumulation"].update(
            {n: f * root["proof"]["renyi_accumulation"][n]}
        )
        for n in names
        for f in (0.9, 1.1, 0.0, -1.0)
    ]
    for index in range(16):
        a, b, x, y = (index >> k & 1 for k in range(4))

        def other(root: Certificate, a: int = a, b: int = b, x: int = x, y: int = y) -> None:
            root["proof"]["scores"][a][b][x][y] *= 1.03

        changes.append(other)
    changes += [
        lambda root: root["question"]["figure"].update(preprocessing=0.0),
        lambda root: root["question"]["figure"].update(preprocessing=0.03),
        lambda root: root["question"]["figure"].update(x=1),
        lambda root: root["proof"]["power"]["question"]["figure"].update(form="sandwiched up"),
        lambda root: root["proof"]["power"]["question"]["figure"].update(y=0),
        lambda root: root["proof"].update(power={"proof": {}}),
        lambda root: root["claim"].update(value=root["claim"]["value"] * 1.0001),
        lambda root: root["claim"].update(threshold=root["claim"]["threshold"] * 1.001),
    ]
    for change in changes:
        assert not proven(change)


@pytest.mark.slow
def test_agrees() -> None:
    data = flipped().certificate.data
    found = recheck(data)
    assert found.holds and found.proven is not None
    assert float(found.proven) == pytest.approx(data["claim"]["value"], abs=1e-4)
    data = copy.deepcopy(data)
    data["proof"]["power"]["proof"]["constant"] *= 0.999
    assert not recheck(data).holds
