"""How much loss and white noise a key survives together, by good devices of two qubits, from both sides.

- "best without noise": the devices and flips that have the best rate at an efficiency without white noise
  (tests/reference/best_lossy_strategies.csv), and the visibility down to which they have a key.
- "followed": a search for the best devices at a visibility is taken to lower and lower efficiencies. "nowhere" is an
  efficiency at which no start of the search found a key, which is no proof.

A key is proven at an efficiency and a visibility; at the columns "dead" an attack leaves these devices and flips none.

    python -m benchmarks.critical_efficiency --write
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sdpbound as sb
from benchmarks.report import print_rows

TABLE = Path(__file__).with_suffix(".csv")
RECORDS = Path(__file__).resolve().parents[1] / "tests" / "reference" / "best_lossy_strategies.csv"
AXES = ("theta", "a0", "a1", "b0", "b1", "b2")
COLUMNS = (
    "devices",
    "efficiency",
    "efficiency_dead",
    "visibility",
    "visibility_dead",
    "nowhere",
    "rate",
    "attack",
    "flips",
    *AXES,
    "seconds",
)
#: The visibility, whether Alice's bit is flipped, and the efficiencies where the walk begins and ends.
WALKS: tuple[tuple[float, bool, float, float], ...] = (
    (0.99, True, 0.87, 0.83),
    (0.98, True, 0.9, 0.85),
    (0.96, True, 0.93, 0.88),
)
#: Devices to begin with: those of the best rate at efficiencies of 0.821 and 0.876 without noise.
BEGIN: tuple[dict[str, float], ...] = (
    {"theta": 0.1874, "a0": -0.0356, "a1": 1.0506, "b0": -0.6325, "b1": 0.1588, "b2": -0.0164, "flips": 0.0347},
    {"theta": 0.4098, "a0": -0.0665, "a1": 1.4606, "b0": -0.8803, "b1": 0.4805, "b2": -0.0771, "flips": 0.0},
)
FAMILY = sb.family_named("two_qubit", settings=(2, 3))
KEPT = (True, (True, True, False))
#: Rates below this are too small for white noise to be of interest.
LEAST = 1e-3


def survived(record: dict[str, float]) -> tuple[Any, ...]:
    """The row of devices that are best without noise."""
    begun = time.process_time()
    found = sb.critical_visibility(
        FAMILY.strategy({axis: record[axis] for axis in AXES}),
        "full",
        0,
        2,
        tested=(None, (0, 1)),
        noise=sb.DetectionInefficiency(record["eta"], binning=KEPT),
        preprocessing=record["flips"],
        entropy=sb.VonNeumann(tolerance=1e-4),
        tolerance=5e-4,
    )
    assert found.alive_rate is not None
    attack = None if found.dead_rate is None else found.dead_rate.value
    numbers = record["eta"], record["eta"], found.alive, found.dead, None, found.alive_rate.value, attack
    return "best without noise", *numbers, record["flips"], *(record[a] for a in AXES), _since(begun)


def followed(visibility: float, flipped: bool, between: tuple[float, float]) -> tuple[Any, ...]:
    """The row of a walk at a visibility."""
    begun = time.process_time()
    best = sb.critical_strategy(
        lambda eta: sb.WhiteNoise(visibility) + sb.DetectionInefficiency(eta),
        between,
        FAMILY,
        near=BEGIN,
        starts=2,
        width=2e-3,
        preprocessing=None if flipped else 0.0,
    )
    found = best.critical
    assert found is not None and found.alive_rate is not None
    attack = None if found.dead_rate is None else found.dead_rate.value
    numbers = found.alive, found.dead, visibility, visibility, best.nowhere, found.alive_rate.value, attack
    return (
        "followed" if flipped else "followed, no flips",
        *numbers,
        best.flips,
        *(best.values[axis] for axis in AXES),
        _since(begun),
    )


def _since(begun: float) -> float:
    return round(time.process_time() - begun, 1)


def rows() -> Iterator[tuple[Any, ...]]:
    """All rows."""
    with RECORDS.open(encoding="utf-8", newline="") as file:
        records = [{name: float(value) for name, value in line.items()} for line in csv.DictReader(file)]
    for record in records:
        if record["rate"] > LEAST:
            yield survived(record)
    for visibility, flipped, first, last in WALKS:
        yield followed(visibility, flipped, (first, last))


def main() -> None:
    """The command."""
    print_rows(rows(), TABLE, COLUMNS)


if __name__ == "__main__":
    main()
