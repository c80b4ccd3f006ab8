"""The best members of the singlet family (theta, phi, omega) for each detection efficiency, and fixed ones beside them.

Without losses a member as close to the local boundary as one likes has a key of nearly one bit. Each row here has the
member that is best at an efficiency, as far as a search finds, its CHSH value and condition without losses, and its key
rate from both sides; and the rates of fixed members with CHSH values of 2.05, 2.2 and 2.4.

    python -m benchmarks.near_boundary_losses --write
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scipy.optimize import brentq

import sdpbound as sb
from benchmarks.report import print_rows

TABLE = Path(__file__).with_suffix(".csv")
COLUMNS = ("member", "efficiency", "theta", "phi", "omega", "flips", "chsh", "condition", "rate", "attack", "seconds")
#: From little loss to the end of the key, and from little loss to less.
WALKS = ((0.999, 0.998, 0.995, 0.99, 0.98, 0.97, 0.96, 0.95, 0.94, 0.93), (0.9999, 0.99999))
#: Members to begin with at the largest efficiency.
BEGIN: tuple[dict[str, float], ...] = (
    {"theta": 1.5708, "phi": 1.45, "omega": 2.9, "flips": 0.0},
    {"theta": 1.2, "phi": 1.5, "omega": 2.8, "flips": 0.0},
)
#: CHSH values of fixed members of the family of studies/near_local_boundary.toml, omega = theta + pi/2, and the
#: efficiencies that are tried.
PHI = math.pi / 2 - 0.02
FIXED: dict[float, tuple[float, ...]] = {
    2.05: (0.9999, 0.9995, 0.999, 0.998, 0.997),
    2.2: (0.9999, 0.999, 0.997, 0.995, 0.99, 0.985),
    2.4: (0.9999, 0.999, 0.995, 0.99, 0.98, 0.97, 0.96),
}
STUDIED = {"x": 0, "y": 0, "keep_no_click": False, "tested_settings": (0, 1)}


def best() -> Iterator[tuple[Any, ...]]:
    """The best member for each efficiency, each search from the one before."""
    first = BEGIN
    for walk in WALKS:
        near = first
        for eta in walk:
            begun = time.process_time()
            noise, family = sb.DetectionInefficiency(eta), sb.family_named("singlet")
            found = sb.best_strategy(noise, family, starts=len(near) + 2, near=near, **STUDIED)  # type: ignore[arg-type]
            near = (found.point,)
            if first is BEGIN:
                first = near
            yield row("best", eta, found.values, found.rate, found.upper, begun)


def fixed() -> Iterator[tuple[Any, ...]]:
    """Members that stay what they are, without flips."""
    for chsh, efficiencies in FIXED.items():
        theta = float(brentq(_excess, 1e-3, 0.75, args=(chsh,)))
        values = {"theta": theta, "phi": PHI, "omega": theta + math.pi / 2}
        for eta in efficiencies:
            begun = time.process_time()
            behaviour = sb.SingletSelfTest(*values.values()).behaviour(noise=sb.DetectionInefficiency(eta))
            rate = sb.key_rate(behaviour, "full", x=0, y=0, entropy=sb.VonNeumann(tolerance=1e-4))
            yield row(f"S={chsh:g}", eta, values, rate, sb.key_rate_upper_bound(behaviour, "full", x=0, y=0), begun)


def _excess(theta: float, chsh: float) -> float:
    return sb.SingletSelfTest(theta, PHI, theta + math.pi / 2).chsh - chsh


def row(
    name: str, eta: float, values: dict[str, float], rate: sb.Rate, above: sb.Rate | None, begun: float
) -> tuple[Any, ...]:
    """A row of the table."""
    member = sb.SingletSelfTest(*(values[axis] for axis in ("theta", "phi", "omega")))
    numbers = *member.parameters, rate.preprocessing, member.chsh, member.condition
    attack = None if above is None else above.value
    return name, eta, *numbers, rate.value, attack, round(time.process_time() - begun, 1)


def main() -> None:
    """The command."""
    print_rows(itertools.chain(best(), fixed()), TABLE, COLUMNS)


if __name__ == "__main__":
    main()
