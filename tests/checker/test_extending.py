"""A kind of certificate from outside the package: who trusts it hands it over, and it checks the files that name it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import pytest

import sdpbound as sb
from sdpbound.checker import Checker, Kind, Verification
from tests.golden_certificates import FAST, golden


def square(root: Mapping[str, object], strict: bool) -> Verification:
    """``claim.value`` is at least 2 times x minus the square of x, for the x of the proof: at most 1."""
    proof, claim = root["proof"], root["claim"]
    assert isinstance(proof, Mapping) and isinstance(claim, Mapping)
    x, claimed = Fraction(proof["x"]), Fraction(claim["value"])
    value = 2 * x - x * x
    if claimed > value and strict:
        raise sb.CertificateError(f"x = {x} proves {value}, and {claimed} is claimed.")
    return Verification(
        value=float(value),
        claimed=float(claimed),
        side="lower",
        figure="toy",
        model="none",
        holds=claimed <= value,
        functional=(float(value), ()),
        message="by completing the square",
    )


TOY = Kind("square", lambda root: isinstance(root["proof"], Mapping) and "x" in root["proof"], square)


def certificate(claimed: float, kind: str = "square") -> dict[str, object]:
    return {
        "format": "sdpbound certificate",
        "version": 1,
        "kind": kind,
        "created_by": "another package",
        "question": {},
        "proof": {"x": "3/4"},
        "claim": {"value": claimed},
    }


def test_it_is_used_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "square.json"
    path.write_text(json.dumps(certificate(0.9375)), encoding="utf-8")
    assert sb.verify(path, kinds=[TOY]).value == 0.9375
    with pytest.raises(sb.CertificateError, match="15/16"):
        sb.verify(certificate(1.0), kinds=[TOY])
    assert not sb.verify(certificate(1.0), strict=False, kinds=[TOY]).holds
    with Checker(20.0, kinds=[TOY]) as checker:
        assert checker.verify(certificate(0.9)).holds
        assert checker.verify(golden(FAST[0])).holds  # the kinds of this package are checked as ever
    assert sb.verify(certificate(0.9), time_limit=20.0, kinds=[TOY]).holds


def test_nothing_is_checked_by_it_unless_it_is_handed_over_and_named() -> None:
    with pytest.raises(sb.CertificateError, match="kind is 'square'; it must be one of"):
        sb.verify(certificate(0.9))
    with pytest.raises(sb.CertificateError):
        sb.verify(certificate(0.9, kind="bound"), kinds=[TOY])
    unnamed = certificate(0.9)
    del unnamed["kind"]
    with pytest.raises(sb.CertificateError):
        sb.verify(unnamed, kinds=[TOY])


@pytest.mark.parametrize("kinds", [[TOY, TOY], [Kind("bound", TOY.recognise, TOY.verify)], ["square"]])
def test_names_are_their_own(kinds: list[Kind]) -> None:
    """None takes the place of a kind of this package, or of another one."""
    with pytest.raises(sb.InvalidParameter, match="kinds has"):
        sb.verify(golden(FAST[0]), kinds=kinds)
