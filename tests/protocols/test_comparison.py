"""Rates against quantum and no-signaling adversaries side by side, against closed forms of the papers."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.protocols import Comparison, bhk, braunstein_caves, compare, vanishing_visibilities, xor_amplification
from sdpbound.protocols.comparison import KINDS, Kind

CHEAP: list[Kind] = ["individual", "independent", "tested", "Masanes et al. v5"]
MEMBER = sb.SingletSelfTest(np.pi / 3, np.pi / 2 - 0.02, 5 * np.pi / 6)


@pytest.mark.parametrize("v", [1.0, 0.98, 0.96])
def test_box_of_paper_002(v: float) -> None:
    eps, delta = 0.1875 * v + (1 - v) / 2, (1 - v) / 2
    found = compare(xor_amplification.behaviour(v), kinds=CHEAP)
    assert found["individual"].value == pytest.approx(xor_amplification.individual_rate(eps, delta), abs=1e-9)
    assert found["independent"].value == pytest.approx(xor_amplification.key_rate(eps, delta), abs=1e-9)
    assert found["tested"].value == pytest.approx(xor_amplification.proven_rate(eps, delta), abs=1e-9)
    assert found["Masanes et al. v5"].value == 0.0
    assert {rate.settings for rate in found.rates} == {(0, 0)}


@pytest.mark.parametrize("m", [3, 7])
@pytest.mark.parametrize("xi", [0.0, 0.02])
def test_settings_of_paper_001(m: int, xi: float) -> None:
    found = compare(braunstein_caves.behaviour(xi, m), 0, m, CHEAP)
    w, h = braunstein_caves.bell_average(xi, m), 0.0 if xi == 0 else -xi / 2 * math.log2(xi / 2)
    h -= 0.0 if xi == 0 else (1 - xi / 2) * math.log2(1 - xi / 2)
    assert found["Masanes et al. v5"].value == pytest.approx(braunstein_caves.key_rate(xi, m), abs=1e-9)
    assert found["individual"].value == pytest.approx(1 - 2 * m * w - h, abs=1e-8)
    assert found["independent"].value == pytest.approx(1 - math.log2(1 + 2 * m * w) - h, abs=1e-8)


def test_settings_of_bhk() -> None:
    found = compare(bhk.behaviour(0.99, 5), 0, 0, CHEAP)
    assert found["individual"].value == pytest.approx(bhk.individual_rate(0.99, 5), abs=1e-8)
    assert found["tested"].value == pytest.approx(bhk.proven_rate(0.99, 5), abs=1e-9)


def test_order_of_the_rates() -> None:
    """A quantum Eve is weaker than a no-signaling one, individual attacks than general ones, and knowing more helps."""
    behaviour = MEMBER.behaviour(0.99)
    entropy = sb.VonNeumann(level="1+AB", nodes=6)
    found = compare(behaviour, 0, 0, von_neumann=entropy, level="1+AB")
    assert list(KINDS) == [rate.kind for rate in found.rates]
    values = [rate.value for rate in found.rates]
    assert all(a > b for a, b in itertools.pairwise(values))
    assert values[0] == sb.key_rate(behaviour, x=0, y=0, entropy=entropy).value
    assert values[1] == sb.key_rate(behaviour, x=0, y=0, entropy=sb.MinEntropy(sb.Quantum("1+AB"))).value


def test_a_shape_without_a_chained_inequality() -> None:
    rng = np.random.default_rng(1)
    behaviour = sb.Behaviour.from_correlators(0.3 * rng.uniform(-1, 1, (3, 2)))
    found = compare(behaviour, kinds=["individual", "independent"])
    assert all(rate.value < 0 for rate in found.rates)
    with pytest.raises(sb.InvalidParameter, match="'tested' must be one of von Neumann, min-entropy, individual"):
        compare(behaviour, kinds=["tested"])


def test_relabelled_behaviours_give_the_same() -> None:
    """Any of the eight CHSH expressions, and flipped outcomes, are found."""
    p = MEMBER.behaviour(0.99).p
    reference = [rate.value for rate in compare(sb.Behaviour(p), kinds=CHEAP).rates]
    for q in (p[::-1], p[:, :, ::-1], p[..., ::-1], p[:, ::-1, :, ::-1]):
        assert [rate.value for rate in compare(sb.Behaviour(q), kinds=CHEAP).rates] == pytest.approx(
            reference, abs=1e-9
        )


def test_where_each_dies() -> None:
    found = vanishing_visibilities(xor_amplification.behaviour, kinds=CHEAP, tolerance=1e-6)
    assert found["independent"] == pytest.approx(xor_amplification.threshold(), abs=2e-6)
    assert found["tested"] == pytest.approx(xor_amplification.threshold(), abs=3e-5)  # the rate is below 1e-12 near it
    assert found["Masanes et al. v5"] is None
    third = vanishing_visibilities(lambda v: braunstein_caves.behaviour(1 - v, 2), 0, 2, ["individual", "independent"])
    assert third["individual"] == pytest.approx(0.90383, abs=1.1e-4)  # B1: individual attacks, and the XOR method
    assert third["independent"] == pytest.approx(0.92197, abs=1.1e-4)


def test_print() -> None:
    found = compare(xor_amplification.behaviour(1.0), kinds=["individual"])
    assert isinstance(found, Comparison)
    assert "no-signaling   individual" in str(found)
    assert "0.25000" in str(found)
    assert "Acin" in str(found)


def test_bad_input() -> None:
    box = xor_amplification.behaviour(1.0)
    with pytest.raises(sb.InvalidParameter, match="'von' must be one of"):
        compare(box, kinds=["von"])  # type: ignore[list-item]
    with pytest.raises(sb.InvalidInput, match="behaviour"):
        compare(0.9)  # type: ignore[arg-type]
    with pytest.raises(sb.InvalidShape, match="two parties with binary outcomes"):
        compare(sb.Behaviour(np.full((3, 2, 2, 2), 1 / 6)))
    with pytest.raises(sb.InvalidParameter, match=r"low = 0\.99: the rate 'individual' is positive there"):
        vanishing_visibilities(xor_amplification.behaviour, kinds=["individual"], low=0.99)
    with pytest.raises(sb.InvalidParameter, match="tolerance = 0 must be from 1e-9"):
        vanishing_visibilities(xor_amplification.behaviour, kinds=["individual"], tolerance=0)
    with pytest.raises(sb.InvalidSettings):
        compare(box, x=2)
    with pytest.raises(sb.InvalidParameter, match="'tested' must be one of individual here"):
        compare(box, kinds=["individual"])["tested"]


def test_names_of_earlier_versions_are_understood() -> None:
    box = xor_amplification.behaviour(1.0)
    old = compare(box, kinds=["paper 001"])
    assert [rate.kind for rate in old.rates] == ["Masanes et al. v5"]
    assert old["paper 001"] is old["Masanes et al. v5"]
    with pytest.raises(sb.InvalidParameter, match=r"Masanes et al\. v5"):
        compare(box, kinds=["paper 002"])  # type: ignore[list-item]
