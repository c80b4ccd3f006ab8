"""By how much a process grows in many calls of each method: ``python -m benchmarks.growth [CALLS]``.

Each method has a process of its own. Its resident memory is read after a tenth of the calls, and after the last.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import sdpbound as sb

__all__ = ["METHODS", "main"]


def data(number: int) -> sb.Observations:
    """Correlators of noisy devices, others for each call."""
    return sb.Observations.correlators(sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.9 + 0.09 * (number % 97) / 97.0))


METHODS: dict[str, Callable[[int], object]] = {
    "guessing probability, level 2": lambda n: sb.guessing_probability(data(n), sb.Quantum("2")),
    "guessing probability, no-signaling": lambda n: sb.guessing_probability(data(n), sb.NoSignaling()),
    "entropy, projective": lambda n: sb.conditional_entropy(data(n), method=sb.VonNeumann("projective", "1+AB", 4)),
    "entropy, Gauss-Radau": lambda n: sb.conditional_entropy(data(n), method=sb.VonNeumann("gauss-radau", "1+AB", 4)),
    "entropy, qubit": lambda n: sb.conditional_entropy(data(n), method=sb.VonNeumann("qubit")),
    "attack": lambda n: sb.conditional_entropy_upper_bound(data(n)),
    "key rate": lambda n: sb.key_rate(
        sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.9 + 0.09 * (n % 97) / 97.0), x=0, y=0
    ),
    "verify, qubit": lambda n: sb.conditional_entropy(data(n), method=sb.VonNeumann("qubit")).certificate.verify(),
}


def resident_mb() -> float:
    """Resident memory of this process in MB, on Linux."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def grow(name: str, calls: int) -> None:
    """Print the memory after a tenth of the calls, and after all."""
    first = 0.0
    for number in range(calls):
        METHODS[name](number)
        if number == calls // 10:
            first = resident_mb()
    last = resident_mb()
    print(f"| {name} | {calls} | {first:.1f} | {last:.1f} | {last - first:.1f} |", flush=True)


def main(arguments: list[str]) -> None:
    if len(arguments) == 2:
        grow(arguments[0], int(arguments[1]))
        return
    calls = int(arguments[0]) if arguments else 10_000
    print("| method | calls | MB after a tenth | MB after all | growth, MB |\n|---|---|---|---|---|", flush=True)
    for name in METHODS:
        subprocess.run([sys.executable, "-m", "benchmarks.growth", name, str(calls)], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
