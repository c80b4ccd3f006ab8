"""Renyi entropies by both checkers: the same answers, and nothing that is false."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

import pytest

import sdpbound as sb
from sdpbound.recheck import recheck
from tests.golden_certificates import FAST, golden
from tests.mutations import mutate, put

CORRELATORS = sb.Observations.correlators(sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.97))
#: Losses, and so marginals.
LOSSY = sb.Observations.full(
    sb.SingletSelfTest(1.0, 1.5, 2.6).strategy.behaviour(noise=sb.DetectionInefficiency(0.97, 0.97))
)
QUICK: dict[str, Any] = {"alpha": 1.1, "tolerance": 1e-2}


def chsh(value: float) -> sb.Observations:
    return sb.Observations.bell_value(sb.chsh(), value)


@cache
def text() -> str:
    return str(sb.renyi_entropy(CORRELATORS, **QUICK).certificate.to_json())


def made() -> dict[str, Any]:
    """A fresh copy of the certificate of four correlators."""
    found: dict[str, Any] = json.loads(text())
    return found


def agrees(certificate: dict[str, Any]) -> None:
    first, second = sb.verify(certificate), recheck(certificate)
    assert first.holds and second.holds, second.reason
    assert (second.kind, second.figure, second.side) == ("Renyi entropy", first.figure, "lower")
    assert second.proven is not None and float(second.proven) == pytest.approx(first.value, rel=1e-12, abs=1e-12)


def test_agrees_on_four_correlators() -> None:
    agrees(made())


@pytest.mark.slow
@pytest.mark.parametrize(
    "how",
    [
        (chsh(2.5), {"alpha": 1.1}),
        (chsh(2.5), {"alpha": 2.0}),
        (chsh(2.8), {"alpha": 2.0}),
        (chsh(2.5), {"alpha": 1 + 2.0**-19}),
        (CORRELATORS, {"alpha": 1.1}),
        (CORRELATORS, {"alpha": 1.1, "preprocessing": 0.05}),
        (CORRELATORS, {"alpha": 1.1, "y": 0}),
        (CORRELATORS, {"alpha": 1.2, "kind": "sandwiched down"}),
        (LOSSY, {"alpha": 1.3}),
        (LOSSY, {"alpha": 2.0}),
    ],
)
def test_agrees(how: tuple[sb.Observations, dict[str, Any]]) -> None:
    data, options = how
    agrees(json.loads(sb.renyi_entropy(data, **options).certificate.to_json()))


def raised(step: float) -> Callable[[dict[str, Any]], None]:
    """A claim with a larger value and functional, whose constant is as much better."""

    def change(certificate: dict[str, Any]) -> None:
        certificate["claim"]["value"] += step
        certificate["claim"]["functional"]["constant"] += step

    return change


def at(value: Any, *path: Any) -> Callable[[dict[str, Any]], None]:
    return lambda certificate: put(certificate, path, value)


FIGURE, PROOF = ("question", "figure"), ("proof",)
FALSE: dict[str, Callable[[dict[str, Any]], None]] = {
    "a little more": raised(1e-9),
    "more": raised(0.02),
    "more than a bit": at(1.1, "claim", "value"),
    "less than none": at(-0.1, "claim", "value"),
    "a functional of more": at(9.0, "claim", "functional", "constant"),
    "no number": at(float("nan"), *PROOF, "constant"),
    "infinite": at(float("inf"), *PROOF, "multipliers", 0),
    "huge": at(2**300, *PROOF, "constant"),
    "huge multipliers": at(1e70, *PROOF, "multipliers", 1),
    "a power below zero": at(-1.0, *PROOF, "constant"),
    "a power of a half": at(0.5, *PROOF, "constant"),
    "no multiplier": at(0.0, *PROOF, "multipliers", 0),
    "another sign": at(0.5, *PROOF, "multipliers", 0),
    "alpha 1": at(1.0, *FIGURE, "alpha"),
    "alpha huge": at(1e60, *FIGURE, "alpha"),
    "alpha no number": at(float("nan"), *FIGURE, "alpha"),
    "a larger order": at(1.5, *FIGURE, "alpha"),
    "another form": at("petz down", *FIGURE, "form"),
    "a form of a larger exponent": at("sandwiched down", *FIGURE, "form"),
    "too many flips": at(0.6, *FIGURE, "preprocessing"),
    "flips that are no number": at("x", *FIGURE, "preprocessing"),
    "a function of outcomes": at([0, 1], *FIGURE, "merge"),
    "another setting": at(2, *FIGURE, "x"),
    "the other side": at("upper", "question", "side"),
    "a local adversary": at({"kind": "local"}, "question", "model"),
    "another method": at("cubits", *PROOF, "renyi"),
    "another kind": at("bound", "kind"),
}


@pytest.mark.parametrize("name", FALSE)
def test_refuses(name: str) -> None:
    certificate = made()
    FALSE[name](certificate)
    found = recheck(certificate, time_limit=60)
    assert not found.holds and found.reason.endswith(".")


def test_nodes_of_another_entropy_are_refused() -> None:
    """Forgeries: blocks for the von Neumann entropy, or for a lower order, with the claim that belongs to them."""
    plain, power = golden("entropy_gauss_radau_chsh"), golden("renyi_nodes_chsh")
    figure = power["question"]["figure"] | {"alpha": 1 + 2.0**-8}
    relabelled = plain | {"kind": "renyi entropy"}
    relabelled["question"] = plain["question"] | {"figure": figure | {"x": plain["question"]["figure"]["x"]}}
    relabelled["proof"] = plain["proof"] | {"renyi": "gauss-radau"}
    higher = golden("renyi_nodes_chsh")
    higher["question"]["figure"]["alpha"] += 1e-3
    wrong_way = golden("renyi_guess_flips")
    wrong_way["question"]["figure"]["preprocessing"] = 0.0999
    for forged in (relabelled, higher, wrong_way):
        with pytest.raises(sb.CertificateError):
            sb.verify(forged)
        assert not recheck(forged).holds


def test_a_chord_with_the_shares_of_another_order_is_refused() -> None:
    """A forgery: the order of the nodes is said to be higher, so that they get a larger share of the chord."""
    forged = golden("renyi_chord_chsh")
    claims = forged["proof"]["claims"]
    forged["proof"]["order"] = order = 1.5
    share = order - 1
    forged["claim"]["value"] = share * claims[0]["value"] + (1 - share) * claims[1]["value"]
    forged["claim"]["functional"] = {"constant": 0.0, "multipliers": [0.0]}
    with pytest.raises(sb.CertificateError):
        sb.verify(forged)
    assert not recheck(forged).holds


def lower(certificate: dict[str, Any], step: float) -> dict[str, Any]:
    """The power is claimed to be lower everywhere, and value and functional follow from that."""
    found = copy.deepcopy(certificate)
    proof, claim = found["proof"], found["claim"]
    exponent = 1 - 1 / found["question"]["figure"]["alpha"]
    power = 2 ** (-exponent * claim["value"])
    proof["constant"] -= step
    claim["functional"] = {"constant": 0.0, "multipliers": [0.0] * len(proof["multipliers"])}
    claim["value"] = claim["value"] + step / power / exponent
    return found


@pytest.mark.slow
def test_a_power_that_some_qubits_exceed_is_refused() -> None:
    # the tolerance of 1e-2 bits is 7e-4 of the power: a tenth of a percent less is false, and no rounding
    certificate = made()
    for step in (1e-3, 1e-2):
        found = recheck(lower(certificate, step), time_limit=120)
        assert not found.holds and "explicit pair of qubits" in found.reason


@pytest.mark.slow
def test_hundreds_of_changes() -> None:
    said: Counter[tuple[bool, bool]] = Counter()
    others = [golden(name) for name in FAST[:40]]
    bases = [made(), golden("renyi_entropy_chsh"), golden("renyi_entropy_flips")]
    for seed in range(200):
        certificate = copy.deepcopy(bases[seed % 3])
        changes = mutate(certificate, seed, others)
        try:
            first = sb.verify(certificate, strict=False).holds
        except sb.CertificateError:
            first = False
        second = recheck(certificate, time_limit=120)
        said[first, second.holds] += 1
        assert first or not second.holds or close(certificate, second.proven), (seed, changes, second)
    assert said[True, True] >= 10 and said[False, False] >= 80
    assert said[True, False] + said[False, True] <= 9, said


def close(certificate: dict[str, Any], proven: Fraction | None) -> bool:
    """Whether a claim is within roundings of what was proven."""
    return proven is not None and abs(proven - Fraction(certificate["claim"]["value"])) <= Fraction(1, 10**9)
