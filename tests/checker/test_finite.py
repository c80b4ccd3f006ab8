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
from sdpbound.recheck import recheck
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


@pytest.fixture(scope="module")
def merged_key() -> tuple[sb.FiniteLength, sb.EntropyBound, sb.EntropyBound]:
    """A key in which no click counts as 1, while it is an outcome of its own in tests; its bound, and the whole one."""
    p = sb.family_named("chsh").member().behaviour().detection_efficiency(0.97, 0.97, (False, (False, True)))
    data = sb.Observations.full(p)
    how = sb.VonNeumann("projective", "1+AB", 2)
    bit = sb.conditional_entropy(data, 0, None, how, merge=(0, 1, 1))
    key = sb.finite_key_length(p, 1e10, 0, 0, "full", entropies=[bit], merge=[0, 1, 1])
    return key, bit, sb.conditional_entropy(data, 0, None, how)


def test_a_key_that_is_a_function_of_outcomes(
    merged_key: tuple[sb.FiniteLength, sb.EntropyBound, sb.EntropyBound],
) -> None:
    """H(f(A)|E) - H(f(A)|B) in the limit; what it sends is less than of whole outcomes. Both checkers agree."""
    key, bit, whole = merged_key
    sent = sb.error_correction(key.behaviour, 0, 0, merge=(0, 1, 1))
    assert key.asymptotic_rate == pytest.approx(bit.functional(key.behaviour) - sent, abs=1e-9)
    assert sent < sb.error_correction(key.behaviour, 0, 0) - 0.1
    assert "f(A)=011" in key.figure.words
    again = recheck(json.loads(key.certificate.to_json()))
    assert again.holds and again.proven is not None
    for value in (key.certificate.verify().value, again.proven):
        assert key.length <= value <= key.length + 1e-1
    whole_key = sb.finite_key_length(key.behaviour, 1e10, 0, 0, "full", entropies=[whole])
    assert key.length > max(whole_key.length, 0.0) + 5e7
    with pytest.raises(sb.InvalidInput, match=r"is not the entropy of this length: bound .*merge=\(0, 1, 1\)"):
        sb.finite_key_length(key.behaviour, 1e10, 0, 0, "full", entropies=[whole], merge=[0, 1, 1])
    with pytest.raises(sb.InvalidInput, match="Renyi entropies cannot be used: their bounds are of whole outcomes"):
        sb.finite_key_length(BEHAVIOUR, 1e10, 0, 0, merge=[0, 0], method="renyi")


def test_forged_functions_of_outcomes(merged_key: tuple[sb.FiniteLength, sb.EntropyBound, sb.EntropyBound]) -> None:
    """No entropy of whole outcomes proves a key of fewer values, nor the other way round, nor another theorem."""
    key, _, whole = merged_key
    power = sb.finite_key_length(BEHAVIOUR, 1e8, 0, 2, DATA, method="renyi").certificate.data

    def refused(data: dict[str, Any]) -> None:
        for check in (sb.verify, recheck):
            with pytest.raises(sb.CertificateError):
                found = check(json.loads(json.dumps(data)))
                if not found.holds:
                    raise sb.CertificateError("the claim is not proven.")

    for merge in (None, [0, 1, 0], [0, 0, 0], [0, 1], [0, 2, 2], [0.0, 1, 1], "011"):
        changed = copy.deepcopy(key.certificate.data)
        changed["question"]["figure"] |= {"merge": merge}
        if merge is None:
            del changed["question"]["figure"]["merge"]
        refused(changed)
    changed = copy.deepcopy(key.certificate.data)
    changed["proof"]["entropy"] = whole.certificate.data  # H(A|E), which is more than H(f(A)|E)
    refused(changed)
    random = copy.deepcopy(key.certificate.data)
    random["question"]["figure"] |= {"kind": "finite_randomness_length", "y": None}
    refused(random)
    power["question"]["figure"]["merge"] = [0, 0]
    refused(power)
