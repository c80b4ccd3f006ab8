"""The second checker on lengths with a bound on the power: agrees, and refuses what it must."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.recheck.answer import Budget, refuse
from sdpbound.recheck.kinds import recheck
from sdpbound.recheck.power_lengths import recheck_power_length
from sdpbound.recheck.question import Key, read_question
from sdpbound.recheck.renyi_programs import Power
from tests.golden_certificates import golden

Certificate = dict[str, Any]
NAME = "renyi_power_flips"


def taken(root: Certificate, budget: Budget) -> Power:
    """What an inner certificate by qubits says, which holds: what is tested here is the length around it."""
    if "question" not in root:
        raise refuse("no certificate.")
    question = read_question(root, parties=(2, 2))
    figure = question.figure
    if figure["kind"] != "renyi_entropy":
        raise refuse("another kind.")
    alpha, flips = Fraction(figure["alpha"]), Fraction(figure["preprocessing"])
    key = Key((figure["x"], figure["y"]), (flips, flips))
    proof = root["proof"]
    multipliers = tuple(map(Fraction, proof["multipliers"]))
    return Power(question, key, figure["form"], alpha, alpha - 1, Fraction(proof["constant"]), multipliers)


def proven(change: Callable[[Certificate], object]) -> bool:
    root = golden(NAME)
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


def other_power(how: dict[str, Any]) -> Certificate:
    """The length with another proof of an entropy that is not above its own, of the same data."""
    root = golden(NAME)
    question = root["proof"]["power"]["question"]
    figure, tests = question["figure"], question["observed"]
    table, values, room = ([test[name] for test in tests] for name in ("coefficients", "value", "tolerance"))
    data = sb.Observations(sb.Scenario(((2, 2), (2, 2, 2))), np.array(table), np.array(values), np.array(room))
    given = {"kind": figure["form"], "preprocessing": figure["preprocessing"], "alpha": figure["alpha"], **how}
    root["proof"]["power"] = dict(sb.renyi_entropy(data, figure["x"], **given).certificate.data)
    return json.loads(json.dumps(root))


def test_a_guess_is_no_power_of_another_order() -> None:
    """A forgery: of a guess 2^(-H) is proven, and the length needs 2^(-beta H), which is much larger."""
    root = other_power({"method": "min-entropy"})
    found = recheck(root)
    assert not found.holds and found.proven is None and "order of the length" in found.reason
    with pytest.raises(sb.CertificateError):
        sb.verify(root)


@pytest.mark.slow
def test_nodes_prove_a_shorter_length() -> None:
    """The second checker takes any proof of the power: what is proven is the power's own share of the length."""
    root, before = other_power({"method": "gauss-radau", "level": "1+AB", "nodes": 2}), golden(NAME)
    found = recheck(root)
    assert not found.holds and found.proven is not None
    assert 0 < found.proven < before["claim"]["value"] - 1000
    root["claim"]["value"] = float(found.proven) - 1e-3
    assert recheck(root).holds


@pytest.mark.slow
def test_a_smaller_constant_is_refused() -> None:
    root = golden(NAME)
    root["proof"]["power"]["proof"]["constant"] *= 0.999
    assert not recheck(root).holds
