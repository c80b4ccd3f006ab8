"""The best devices found with the best channel before the key: their rates proven again, and the search."""

from __future__ import annotations

import copy
import csv
from fractions import Fraction
from pathlib import Path

import pytest

import sdpbound as sb
from sdpbound.errors import CertificateError

RECORDS = Path(__file__).parents[1] / "reference" / "best_channel_strategies.csv"
EBERHARD = sb.family_named("eberhard", settings=(2, 3))
WITH_FLIPS = {0.79: 4.3e-6, 0.8: 2.68e-4, 0.842105: 0.02746}  # certified for the best flips, docs/loss_and_noise.md


def records() -> dict[float, dict[str, float]]:
    with RECORDS.open(encoding="utf-8") as file:
        rows = [{name: float(text) for name, text in row.items()} for row in csv.DictReader(file)]
    return {row["eta"]: row for row in rows}


def at(row: dict[str, float]) -> tuple[sb.Behaviour, sb.BinaryChannel]:
    kept = sb.DetectionInefficiency(row["eta"], binning=(True, (True, True, False)))
    member = EBERHARD.member(**{name: row[name] for name in ("theta", "a0", "a1", "b1", "b2")})
    return member.behaviour(noise=kept), sb.BinaryChannel(row["p0"], row["p1"])


@pytest.mark.slow
@pytest.mark.parametrize("eta", [0.782, 0.79, 0.8, 0.842105])
def test_records_are_proven_again(eta: float) -> None:
    row = records()[eta]
    behaviour, channel = at(row)
    tolerance = min(max(0.02 * row["rate"], 1e-6), 1e-4)
    rate = sb.key_rate(
        behaviour, "full without B2", 0, 2, sb.VonNeumann("qubit", tolerance=tolerance), channel, closed_forms=False
    )
    assert rate.value > WITH_FLIPS.get(eta, 0.0) and rate.value == pytest.approx(row["rate"], rel=0.05, abs=1.1e-6)
    assert rate.value <= row["attack"]


@pytest.mark.slow
def test_the_search_finds_channel_and_devices() -> None:
    near = {"theta": 0.3, "a0": -0.05, "a1": 1.3, "b1": 0.32, "b2": -0.05, "p0": 0.003, "p1": 0.04}
    best = sb.best_strategy(
        sb.DetectionInefficiency(0.842105), EBERHARD, preprocessing="best channel", near=(near,), starts=1, attack=False
    )
    assert isinstance(best.flips, sb.BinaryChannel) and best.rate.value > 0.0287
    assert set(best.point) == {"theta", "a0", "a1", "b1", "b2", "p0", "p1"} and "channel (" in repr(best)


@pytest.mark.slow
def test_the_first_checker_ends() -> None:
    """The functional touches the entropy along lines of angles; a claim above the touching pairs is refused."""
    behaviour, channel = at(records()[0.782])
    how = sb.VonNeumann("qubit", tolerance=1e-6)
    rate = sb.key_rate(behaviour, "full without B2", 0, 2, how, channel, closed_forms=False)
    certificate = copy.deepcopy(rate.entropy.certificate.data)
    assert rate.value > 2.8e-7 and sb.verify(certificate).value >= rate.entropy.value - 1e-12
    certificate["claim"]["value"] += 1.2e-6
    constant = certificate["claim"]["functional"]["constant"]
    certificate["claim"]["functional"]["constant"] = float(Fraction(constant) + Fraction(1.2e-6))
    with pytest.raises(CertificateError, match="above the entropy of a pair of qubits"):
        sb.verify(certificate)
