"""The checker of finite lengths: it agrees, and it believes no changed number."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from tests.golden_certificates import golden

CHSH = sb.BellExpression.from_correlators([[1, 1, 0], [1, -1, 0]])
#: A third setting of Bob for the key, errors 2 %; the CHSH value that goes with them.
VALUE = 0.96 * math.sqrt(8.0)
BEHAVIOUR = sb.Behaviour.from_correlators([[VALUE / 4, VALUE / 4, 0.96], [VALUE / 4, -VALUE / 4, 0.0]])
DATA = sb.Observations.bell_value(CHSH, VALUE)


@pytest.fixture(scope="module")
def key() -> sb.FiniteLength:
    return sb.finite_key_length(BEHAVIOUR, 1e8, 0, 2, DATA, entropies=[sb.conditional_entropy(DATA)])


@pytest.fixture
def certificate(key: sb.FiniteLength) -> dict[str, Any]:
    return copy.deepcopy(key.certificate.data)


@pytest.mark.parametrize("n", [1e3, 1e6, 1e10, 1e15, 1e18])
@pytest.mark.parametrize("registers", ["classical", "sharp", "quantum"])
def test_agrees(n: float, registers: str) -> None:
    """Recomputed by other code: not below the claim, and above by the margin for rounding alone."""
    security = sb.FiniteSecurity(soundness=1e-30, completeness=1e-5, efficiency=1.1, registers=registers)
    bounds = [sb.conditional_entropy(DATA)]
    found = sb.finite_key_length(BEHAVIOUR, n, 0, 2, DATA, entropies=bounds, security=security)
    checked = found.certificate.verify()
    assert checked.holds and checked.side == "lower" and checked.figure == "finite_key_length"
    assert found.length <= checked.value <= found.length + 1e-11 * n + 1e-5


def test_agrees_on_other_questions(tmp_path: Path) -> None:
    t = sb.SingletSelfTest(1.0, 1.5, 2.6)
    p = t.behaviour(visibility=0.99)
    method = sb.VonNeumann(level="1+AB", nodes=8)
    data = sb.Observations.full(p)
    noisy = sb.conditional_entropy(data, 0, None, method, preprocessing=0.03)
    both = sb.conditional_entropy(data, 0, 1, method)
    found = [
        sb.finite_key_length(p, 1e9, 0, 0, "full", entropies=[noisy], preprocessing=0.03),
        sb.finite_randomness_length(p, 1e9, 0, 1, "full", entropies=[both]),
        sb.finite_randomness_length(p, 1e9, 0, None, "full", entropies=[sb.conditional_entropy(data, 0, None, method)]),
    ]
    for i, length in enumerate(found):
        assert isinstance(length, sb.FiniteLength)
        path = tmp_path / f"{i}.json"
        length.certificate.to_json(path)
        checked = sb.verify(str(path))
        assert length.length <= checked.value <= length.length + 1e-2
    assert "key length" in repr(found[0].certificate) or "finite_key_length" in repr(found[0].certificate)


def _raised(data: Any, path: tuple[Any, ...], factor: float, shift: float = 0.0) -> None:
    *way, last = path
    for step in way:
        data = data[step]
    data[last] = data[last] * factor + shift


@pytest.mark.parametrize(
    ("path", "factor", "message"),
    [
        (("claim", "value"), 1.0001, "the recomputed length is"),
        (("claim", "threshold"), 1.001, "fall below the threshold"),
        (("claim", "threshold"), 0.999, "the recomputed length is"),
        (("claim", "most_tests"), 0.99, "tested more often"),
        (("claim", "most_tests"), 1.01, "the recomputed length is"),
        (("question", "figure", "soundness"), 0.5, "parts that exceed what may fail"),
        (("question", "figure", "completeness"), 0.5, "fall below the threshold"),
        (("question", "figure", "efficiency"), 1.1, "the recomputed length is"),
        (("question", "figure", "preprocessing"), 0.0, None),
        (("proof", "scores", 0, 0, 0, 0), 1.01, "the recomputed length is"),
        (("proof", "distribution", 0, 0), 1.01, "the recomputed length is"),
        (("proof", "entropy", "claim", "functional", "constant"), 0.999, "does not follow"),
        (("proof", "least", "claim", "value"), 0.99, "does not prove its claim"),
    ],
)
def test_changed_numbers(
    certificate: dict[str, Any], path: tuple[Any, ...], factor: float, message: str | None
) -> None:
    _raised(certificate, path, factor)
    if message is None:
        assert sb.verify(certificate).holds
        return
    with pytest.raises(sb.CertificateError, match=message):
        sb.verify(certificate)


@pytest.mark.parametrize("name", golden("finite_key_classical")["proof"]["accumulation"])
@pytest.mark.parametrize("factor", [0.9, 1.1, 0.0, -1.0, 1e9])
def test_changed_parameters(certificate: dict[str, Any], name: str, factor: float) -> None:
    """With other parameters the same claim is too much (they are near their best), or they are not allowed."""
    _raised(certificate["proof"]["accumulation"], (name,), factor)
    with pytest.raises(sb.CertificateError, match=r"does not prove|out of range"):
        sb.verify(certificate)


def test_other_questions(certificate: dict[str, Any]) -> None:
    def refused(message: str, **changes: Any) -> None:
        changed = copy.deepcopy(certificate)
        changed["question"]["figure"] |= changes
        with pytest.raises(sb.CertificateError, match=message):
            sb.verify(changed)

    refused("about another entropy", x=1)
    refused("about another entropy", preprocessing=0.1)
    refused("the recomputed length is", y=0)
    refused("lacks y", y=None)
    refused(r"tested more often|fall below", rounds=10**7)
    refused("an integer from 1", rounds=1e8)
    refused("must be one of", registers="real")
    refused("the recomputed length is", registers="quantum")
    refused("kind is", kind="key")
    noisy = copy.deepcopy(certificate)
    noisy["question"]["behaviour"] = (0.99 * np.array(noisy["question"]["behaviour"]) + 0.01 / 4).tolist()
    with pytest.raises(sb.CertificateError, match="fall below the threshold"):
        sb.verify(noisy)
    wrong = copy.deepcopy(certificate)
    wrong["proof"]["least"] = wrong["proof"]["most"]
    with pytest.raises(sb.CertificateError, match="no lower bound"):
        sb.verify(wrong)
    other = copy.deepcopy(certificate)
    other["proof"]["least"] = sb.minimize(0.1 * CHSH, sb.Quantum("1")).certificate.data
    assert not sb.verify(other, strict=False).value >= certificate["claim"]["value"]
    missing = copy.deepcopy(certificate)
    del missing["proof"]["scores"]
    with pytest.raises(sb.CertificateError, match="no entry 'scores'"):
        sb.verify(missing)


def test_plain_numbers_prove_nothing(key: sb.FiniteLength) -> None:
    assert json.loads(key.certificate.to_json())["claim"]["value"] == key.length
    trusted = sb.finite_key_length(BEHAVIOUR, 1e8, 0, 2, DATA, entropies=[key.functional])
    assert isinstance(trusted, sb.FiniteLength) and trusted.length == key.length
    with pytest.raises(sb.CertificateError, match="plain numbers"):
        _ = trusted.certificate
