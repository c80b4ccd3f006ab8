"""Certificates of routed entropies: both checkers accept what is proven, and neither what is changed to be false."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import sdpbound as sb
from sdpbound import routed
from sdpbound.recheck import recheck
from tests.mutations import mutate

GOLDEN = Path(__file__).parent / "golden"
NAMES = ("bb84", "flips", "three_outcomes", "blind")
Certificate = dict[str, Any]


def losses(efficiency: float) -> sb.Noise:
    return sb.DetectionInefficiency(1.0, efficiency, binning=(True, False))


RECIPES: dict[str, Callable[[], routed.RoutedEntropyBound]] = {
    "bb84": lambda: routed.entropy(
        routed.protocol("bb84", sb.WhiteNoise(0.99), sb.WhiteNoise(0.99) + losses(0.8)), level="1+AN+AF", nodes=2
    ),
    "flips": lambda: routed.entropy(
        routed.protocol("chsh", sb.WhiteNoise(0.98), sb.WhiteNoise(0.98)), preprocessing=0.1, level="1+AN+AF", nodes=3
    ),
    "three_outcomes": lambda: routed.entropy(three_outcomes(), level="1+AN", nodes=2),
    "blind": lambda: routed.blind_entropy(
        sb.Behaviour.from_correlators([[0.7, 0.7], [0.7, -0.7]]), x=0, y=1, level="1+AF", nodes=2
    ),
}


def three_outcomes() -> routed.RoutedTest:
    """Alice keeps her no click, and the near and the far device are alike."""
    device = sb.Behaviour.from_correlators([[0.7, 0.7], [0.7, -0.7]]).detection_efficiency(0.9, 1.0, (False, True))
    return routed.RoutedTest(device, device)


@cache
def _text(name: str) -> str:
    return (GOLDEN / f"{name}.json").read_text(encoding="utf-8")


def golden(name: str) -> Certificate:
    return dict(json.loads(_text(name)))


@pytest.mark.parametrize("name", NAMES)
def test_golden(name: str) -> None:
    """Made once; every later checker accepts them, with the same number."""
    certificate = golden(name)
    first, second = sb.verify(certificate), recheck(certificate)
    assert first.holds and second.holds and first.side == second.side == "lower"
    assert first.figure == second.figure == "routed_conditional_entropy" and second.kind == "routed entropy"
    assert second.proven is not None
    assert first.value == pytest.approx(certificate["claim"]["value"], abs=1e-15)
    assert float(second.proven) == pytest.approx(certificate["claim"]["value"], abs=1e-15)


def test_a_new_one() -> None:
    """What is made now has the number of its bound, and the model of the golden ones."""
    bound = RECIPES["bb84"]()
    data = json.loads(bound.certificate.to_json())
    old = golden("bb84")
    assert data["kind"] == "routed entropy" and data["question"] == old["question"]
    assert bound.value == pytest.approx(old["claim"]["value"], abs=1e-6)
    assert sb.verify(data).value == pytest.approx(bound.value, abs=1e-15)


def refused(certificate: Certificate) -> bool:
    try:
        first = sb.verify(certificate, strict=False).holds
    except sb.CertificateError:
        first = False
    return not first and not recheck(certificate).holds


def told(certificate: Certificate) -> None:
    """Eve is not told what the proof is about."""
    certificate["question"]["figure"]["given"] = 0


def not_told(certificate: Certificate) -> None:
    certificate["question"]["figure"].pop("given")


def more(certificate: Certificate) -> None:
    certificate["claim"]["value"] += 1e-9


def noisier(certificate: Certificate) -> None:
    """The same proof for far statistics that are half noise."""
    for test in certificate["question"]["far"]["observed"]:
        test["value"] *= 0.5


def near_is_far(certificate: Certificate) -> None:
    """The near device's data as the far one's: then Eve would commute with the near one."""
    certificate["question"]["far"] = copy.deepcopy(certificate["question"]["near"])
    certificate["proof"]["multipliers"] = certificate["proof"]["multipliers"][:16]


def other_setting(certificate: Certificate) -> None:
    certificate["question"]["figure"]["x"] = 1


def flipped(certificate: Certificate) -> None:
    certificate["question"]["figure"]["preprocessing"] = 0.2
    certificate["claim"]["value"] = 0.99


def no_squares(certificate: Certificate) -> None:
    certificate["proof"]["localised"] = certificate["proof"]["localised"][:-1]


def moved_square(certificate: Certificate) -> None:
    certificate["proof"]["localised"][0]["inequality"] = 1


def sides(certificate: Certificate) -> None:
    certificate["question"]["side"] = "upper"


def nodes_beyond(certificate: Certificate) -> None:
    certificate["proof"]["routed_nodes"][-1] = 0.49


def nodes_fewer(certificate: Certificate) -> None:
    certificate["proof"]["routed_nodes"] = [0.5]


def own_rules(certificate: Certificate) -> None:
    """A question may not state what commutes."""
    certificate["question"]["rules"] = [[[9, 0], [[1, [0, 9]]]]]


def own_objective(certificate: Certificate) -> None:
    certificate["question"]["figure"]["objective"] = []


def two_bits(certificate: Certificate) -> None:
    certificate["claim"]["value"] = 1.5


def negative(certificate: Certificate) -> None:
    certificate["claim"]["value"] = -0.5


def other_kind(certificate: Certificate) -> None:
    certificate["kind"] = "operator problem"


def another_alice(certificate: Certificate) -> None:
    certificate["question"]["far"]["outcomes"][0] = [2, 2, 2]


def below_zero(certificate: Certificate) -> None:
    certificate["question"]["near"]["observed"][0]["tolerance"] = -1e-3


FORGERIES = (
    more, noisier, near_is_far, other_setting, flipped, no_squares, moved_square, sides, nodes_beyond, nodes_fewer,
    told, not_told, own_rules, own_objective, two_bits, negative, other_kind, another_alice, below_zero,
)  # fmt: skip


def test_what_eve_is_told_may_not_be_left_out() -> None:
    certificate = golden("blind")
    certificate["question"]["figure"]["given"] = None
    assert refused(certificate)


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda f: f.__name__)
def test_forgeries(forge: Callable[[Certificate], None]) -> None:
    certificate = golden("bb84")
    forge(certificate)
    assert refused(certificate)


def changes(count: int) -> int:
    """Random changes: what one checker accepts the other does, and no claim is above what both prove."""
    accepted = 0
    others = [golden(name) for name in NAMES]
    for seed in range(count):
        certificate = golden(NAMES[seed % len(NAMES)])
        mutate(certificate, seed, others)
        try:
            first = sb.verify(certificate, strict=False)
        except sb.CertificateError:
            first = None
        second = recheck(certificate)
        if first is None or second.proven is None:
            continue
        assert abs(first.value - float(second.proven)) < 1e-9 * max(1.0, abs(first.value))
        if first.holds != second.holds:
            assert abs(first.claimed - first.value) < 1e-12
        accepted += first.holds
    return accepted


def test_some_changes() -> None:
    assert changes(8) <= 8


@pytest.mark.slow
def test_many_changes() -> None:
    assert 10 <= changes(300) < 300


def test_recipes() -> None:
    assert set(RECIPES) == set(NAMES)


if __name__ == "__main__":  # writes new ones: python -m tests.routed.test_routed_certificates NAME ...
    import sys

    for name in sys.argv[1:]:
        text = json.dumps(json.loads(RECIPES[name]().certificate.to_json()), separators=(",", ":"))
        (GOLDEN / f"{name}.json").write_text(text + "\n", encoding="utf-8")
