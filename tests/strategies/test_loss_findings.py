"""Rows of the tables behind docs/loss_and_noise.md, proven again, and the numbers that the study of a herald takes."""

from __future__ import annotations

import csv
import tomllib
from pathlib import Path

import pytest

import sdpbound as sb

ROOT = Path(__file__).resolve().parents[2]
BINNED = (True, (True, True, False))


def rows(name: str) -> list[dict[str, str]]:
    with (ROOT / "benchmarks" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_best_members_of_the_singlet_family_move_away_from_the_boundary() -> None:
    best = sorted(
        (row for row in rows("near_boundary_losses") if row["member"] == "best"), key=lambda r: r["efficiency"]
    )
    values = [float(row["chsh"]) for row in best]
    assert values == sorted(values, reverse=True) and values[-1] > 2.4
    row = next(row for row in best if row["efficiency"] == "0.99")
    member = sb.SingletSelfTest(*(float(row[axis]) for axis in ("theta", "phi", "omega")))
    behaviour = member.behaviour(noise=sb.DetectionInefficiency(0.99))
    rate = sb.key_rate(behaviour, "full", x=0, y=0, entropy=sb.VonNeumann(tolerance=1e-4))
    above = sb.key_rate_upper_bound(behaviour, "full", x=0, y=0)
    assert member.chsh == pytest.approx(float(row["chsh"]), abs=1e-12)
    assert rate.value == pytest.approx(float(row["rate"]), abs=1e-4) and rate.value <= above.value < rate.value + 1e-4


def test_a_key_survives_loss_and_noise_as_the_table_says() -> None:
    row = next(row for row in rows("critical_efficiency") if row["visibility"] == "0.98")
    axes = ("theta", "a0", "a1", "b0", "b1", "b2")
    devices = sb.family_named("two_qubit", settings=(2, 3)).strategy({axis: float(row[axis]) for axis in axes})
    flips = float(row["flips"])

    def behaviour(efficiency: str) -> sb.Behaviour:
        return devices.behaviour(sb.WhiteNoise(0.98) + sb.DetectionInefficiency(float(row[efficiency]), binning=BINNED))

    alive = sb.key_rate(behaviour("efficiency"), "full without B2", 0, 2, sb.VonNeumann(tolerance=2e-4), flips)
    dead = sb.key_rate_upper_bound(behaviour("efficiency_dead"), "full without B2", 0, 2, flips)
    assert alive.value > 0.0 > dead.value and dead.exact


def test_false_heralds_make_the_visibilities_of_the_study() -> None:
    data = tomllib.loads((ROOT / "studies" / "distance_heralded.toml").read_text(encoding="utf-8"))
    for noise in data["noises"]:
        white, fibre, _ = noise["members"]
        heralded, d = sb.Heralded(fibre["km_a"]), 1e-6
        t = heralded.efficiencies[0]
        true, false = heralded.success_probability, 4 * t * (1 - t) * d + 4 * (1 - t) ** 2 * d * d
        assert white["visibility"] == pytest.approx(true / (true + false), abs=1e-9)
