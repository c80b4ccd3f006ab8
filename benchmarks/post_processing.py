"""Key rates of depolarised singlets with each post-processing, from both sides.

    python -m benchmarks.post_processing [--write]

The CHSH value is tested; for repetition codes all statistics of two settings a party at the angles of arXiv:1903.10535.
Every rate is certified, and beside it stands what an explicit attack leaves. ``--write`` writes
benchmarks/post_processing.csv, from which figures/post_processing.py draws.
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import sdpbound as sb

__all__ = ["PROTOCOLS", "rows"]

TABLE = Path(__file__).with_name("post_processing.csv")
COLUMNS = ("protocol", "error", "rate", "attack", "seconds")
ERRORS = (0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.065, 0.07, 0.074, 0.078, 0.081, 0.084, 0.088, 0.091, 0.0935)
ALICE, BOB = (0.0, np.pi / 2), (np.pi / 4, -np.pi / 4, 0.0, np.pi / 2)
TEST = "correlators without B2, B3"
KEYS = ((0, 2), (1, 3))
BLOCKS = (2, 3, 4)

Both = tuple[sb.Rate, sb.Rate]


def chsh_devices(error: float) -> sb.Behaviour:
    """A depolarised singlet: the settings of CHSH, and two of Bob's along Alice's."""
    v = 1.0 - 2.0 * error
    return sb.Behaviour.from_correlators([[v * np.cos(a - b) for b in BOB] for a in ALICE])


def one_basis(error: float, flips: float | str) -> Both:
    """The key of one setting of Alice, the CHSH value tested."""
    b = chsh_devices(error)
    table = np.zeros((3, 5))
    table[1:, 1:3] = [[1, 1], [1, -1]]
    data = sb.Observations.bell_value(sb.BellExpression(b.scenario, table), b)
    return sb.key_rate(b, data, 0, 2, preprocessing=flips), sb.key_rate_upper_bound(b, data, 0, 2, flips)


def two_bases(error: float, flips: float | str) -> Both:
    """A random basis, with the flips that are best as far as found."""
    b = chsh_devices(error)
    below = sb.key_rate(
        b, TEST, postprocessing=sb.RandomBasis(KEYS, preprocessing=flips), entropy=sb.VonNeumann(tolerance=2e-5)
    )
    return below, sb.key_rate_upper_bound(b, TEST, postprocessing=below.postprocessing)


def blocks(error: float) -> Both:
    """Blocks of a repetition code, of the length with the highest proven rate, and the highest that attacks leave."""
    c = (1.0 - 2.0 * error) * np.cos(np.subtract.outer([0, np.pi / 3], [0, -np.pi / 3]))
    b = sb.Behaviour.from_correlators(c)
    codes = [sb.RepetitionCode(k) for k in BLOCKS]
    below = max((sb.key_rate(b, "full", postprocessing=code) for code in codes), key=lambda rate: rate.value)
    above = max(
        (sb.key_rate_upper_bound(b, "full", postprocessing=code) for code in codes), key=lambda rate: rate.value
    )
    return below, above


PROTOCOLS: dict[str, Callable[[float], Both]] = {
    "repetition code": blocks,
    "one basis": lambda q: one_basis(q, 0.0),
    "one basis, flips": lambda q: one_basis(q, "best"),
    "random basis": lambda q: two_bases(q, 0.0),
    "random basis, flips": lambda q: two_bases(q, "best"),
}


def rows() -> Iterator[tuple[str, float, float, float, float]]:
    """Protocol, error rate, certified rate, what an attack leaves, and seconds."""
    for name, both in PROTOCOLS.items():
        for error in ERRORS:
            begun = time.perf_counter()
            below, above = both(error)
            yield name, error, below.value, above.value, time.perf_counter() - begun


def main() -> None:
    """The command."""
    found = []
    for row in rows():
        found.append(row)
        print(f"{row[0]:20} {row[1]:7.4f} {row[2]:12.4e} {row[3]:12.4e} {row[4]:7.1f} s", flush=True)
    if "--write" in sys.argv[1:]:
        with TABLE.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows((name, q, repr(r), repr(a), f"{s:.1f}") for name, q, r, a, s in found)


if __name__ == "__main__":
    main()
