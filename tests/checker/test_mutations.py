"""Changed certificates are refused, or do not hold, or are true as far as explicit strategies can tell."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import sdpbound as sb
from tests.golden_certificates import FAST, INDEX, QUBITS, golden
from tests.mutations import mutate
from tests.oracle import contradiction

#: What parts are taken from.
OTHERS = [golden(name) for name in INDEX]


def restated(certificate: dict[str, Any], found: sb.Verification) -> bool:
    """Let a certificate claim what its changed proof gives; whether it holds then: unless that says nothing."""
    claim = certificate["claim"]
    claim["value"] = found.value
    if found.functional is not None and isinstance(claim.get("functional"), dict):
        claim["functional"] = {"constant": found.functional[0], "multipliers": list(found.functional[1])}
    try:
        return sb.verify(certificate, strict=False).holds
    except sb.CertificateError as error:
        assert "at fault" not in str(error)
        return False


def answers(names: list[str], examples: int) -> Counter[str]:
    """What the checker says to so many changed certificates."""
    said: Counter[str] = Counter()

    @settings(max_examples=examples, phases=[Phase.generate], database=None)
    @given(st.sampled_from(names), st.integers(0, 2**64 - 1))
    def change(name: str, seed: int) -> None:
        certificate = golden(name)
        changes = mutate(certificate, seed, OTHERS)
        try:
            found = sb.verify(certificate, strict=False)
        except sb.CertificateError:
            said["refused"] += 1
            return
        said["holds" if found.holds else "does not hold"] += 1
        if found.holds or restated(certificate, found):
            false = contradiction(certificate)
            assert false is None, f"{name}, seed {seed}, {', '.join(changes)}: accepted, but {false}"

    change()
    return said


def test_some_changes() -> None:
    said = answers(FAST, 150)
    assert len(FAST) >= 60 and said.total() >= 150
    assert min(said[answer] for answer in ("refused", "holds", "does not hold")) >= 10


@pytest.mark.slow
def test_a_thousand_changes() -> None:
    said = answers(FAST, 1000)
    assert said.total() >= 1000
    assert min(said[answer] for answer in ("refused", "holds", "does not hold")) >= 100


@pytest.mark.slow
def test_many_changes() -> None:
    said = answers(FAST, 20_000)
    assert said.total() >= 20_000 and min(said.values()) >= 2000


@pytest.mark.slow
def test_changes_of_qubit_reductions() -> None:
    assert answers(QUBITS, 100).total() >= 100
