"""Finite keys by accumulation of von Neumann entropies, and by Renyi entropies: against n, and the least n for each S.

python figures/renyi_lengths.py [output folder]
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

import sdpbound as sb
from sdpbound.bounds.boundary import towards_noise
from sdpbound.finite_size.chsh_test import chsh_expression
from sdpbound.plotting.look import BLUE, COLUMN, GREY, VERMILLION, FigureSpec, figure, main, save, style
from sdpbound.tables.computed import ComputedTable, read_computed, write_computed

FIGURE = FigureSpec(
    name="renyi_lengths",
    title="Finite keys by two theorems",
    studies=(),
    computed=True,
    caption="Proven key against the number n of rounds, by Renyi entropies (solid) and by entropy accumulation "
    "(dashed), soundness 1e-10, completeness 1e-2, all parameters optimised. (a) Depolarised pairs of CHSH value "
    "S = 2.64, whose key is from a third setting of Bob. (b) A member of the singlet family near the local boundary "
    "(omega = theta + pi/2, phi = pi/2 - 0.02, visibility 0.99, S = 2.1 without noise), all correlators tested, by a "
    "certified bound on their Renyi entropy. (c) The least n with a key; circles: pairs; squares: the family.",
    alt="Two panels of two rising curves, that of Renyi entropies far to the left; below, the least number of rounds "
    "falls with S, and Renyi entropies need 13 to 22 times fewer.",
)
#: Four for each factor of ten.
ROUNDS = tuple(float(n) for n in np.round(np.logspace(4.0, 12.0, 33)))
PAIRS = (2.48, 2.56, 2.64, 2.72, 2.8)
FAMILY = (2.1, 2.15, 2.2, 2.3, 2.4, 2.5)
CURVES = ((0, 2.64), (1, 2.1))
DISTANCES = (0.0, 0.002, 0.01, 0.04)


def depolarised(s: float) -> tuple[sb.Behaviour, sb.Observations, int]:
    """Honest devices, what is tested of them, and Bob's setting of the key."""
    behaviour = sb.Behaviour.from_correlators([[s / 4, s / 4, s / math.sqrt(8.0)], [s / 4, -s / 4, 0.0]])
    chsh = chsh_expression(np.array([[1, 1, 0], [1, -1, 0]]), behaviour.scenario)
    return behaviour, sb.Observations.bell_value(chsh, s), 2


def member(s: float) -> tuple[sb.Behaviour, sb.Observations, int]:
    """The same of the singlet family close to the local boundary."""
    phi = math.pi / 2 - 0.02
    theta = sb.theta_at_chsh(s, phi)
    behaviour = sb.SingletSelfTest(theta=theta, phi=phi, omega=theta + math.pi / 2).behaviour(0.99)
    return behaviour, sb.Observations.correlators(behaviour), 0


def compute(output: Path) -> Path:
    """The table of the figure: lengths at several n, and in rows with n = 0 the least n with a key."""
    rows: list[tuple[float, ...]] = []
    for kind, s in [*((0, s) for s in PAIRS), *((1, s) for s in FAMILY)]:
        behaviour, data, y = depolarised(s) if kind == 0 else member(s)
        bounds = [
            sb.conditional_entropy(
                sb.Observations(data.scenario, data.coefficients, towards_noise(data, d), data.tolerances)
            )
            for d in DISTANCES
        ]
        old = sb.minimum_rounds(behaviour, 0, y, data, entropies=bounds, method="accumulation")
        rows.append((kind, s, 0.0, old, sb.minimum_rounds(behaviour, 0, y, data, method="renyi")))
        if (kind, s) in CURVES:
            before = sb.finite_key_length(behaviour, ROUNDS, 0, y, data, entropies=bounds, method="accumulation")
            after = sb.finite_key_length(behaviour, ROUNDS, 0, y, data, method="renyi")
            rows += [(kind, s, n, a.rate, b.rate) for n, a, b in zip(ROUNDS, before, after, strict=True)]
    columns = dict(zip(("family", "chsh", "rounds", "accumulation", "renyi"), np.array(rows).T, strict=True))
    return write_computed(
        output / f"{FIGURE.name}.csv", columns, "key bits a round; where rounds = 0, the least rounds"
    )


def curves(axes: Axes, data: ComputedTable, curve: tuple[int, float], colour: str) -> None:
    """Key against n by both theorems."""
    at = (data["family"] == curve[0]) & (data["chsh"] == curve[1]) & (data["rounds"] > 0.0)
    n, size = data["rounds"][at], 1.15 * float(data["renyi"][at].max())
    for name, dashes in (("renyi", "-"), ("accumulation", (0, (4, 1.6)))):
        axes.plot(n, data[name][at], color=colour, linestyle=dashes)
    axes.axhline(0.0, color=GREY, linewidth=0.5, zorder=1)
    axes.set_xscale("log")
    axes.set_xlim(1e4, 1e12)
    axes.set_ylim(-0.5 * size, size)
    axes.set_xlabel("rounds $n$")
    axes.set_ylabel("key (bits/round)")


def least(axes: Axes, data: ComputedTable) -> None:
    """The least n against S."""
    for kind, marker, colour in ((0, "o", BLUE), (1, "s", VERMILLION)):
        at = (data["family"] == kind) & (data["rounds"] == 0.0)
        for name, dashes, fill in (("renyi", "-", colour), ("accumulation", (0, (4, 1.6)), "white")):
            axes.plot(
                data["chsh"][at], data[name][at], color=colour, linestyle=dashes, marker=marker, markersize=4, mfc=fill
            )
    axes.text(2.13, 3e9, "accumulation", color=VERMILLION)
    axes.text(2.11, 4e5, "Renyi", color=VERMILLION)
    axes.text(2.62, 2.5e6, "accumulation", color=BLUE)
    axes.text(2.63, 1.6e4, "Renyi", color=BLUE, ha="right")
    axes.set_yscale("log")
    axes.set_ylim(5e3, 2e10)
    axes.set_xlabel("CHSH value $S$")
    axes.set_ylabel("least $n$ with a key")


def draw(table: Path, output: Path) -> list[Path]:
    """Draw the figure into a folder; returns the files."""
    data = read_computed(table)
    with style():
        fig = figure(COLUMN, 15.0)
        above, middle, below = fig.subplots(3, 1)
        for axes, curve, colour in ((above, CURVES[0], BLUE), (middle, CURVES[1], VERMILLION)):
            curves(axes, data, curve, colour)
        above.text(6e5, 0.29, "Renyi", color=BLUE, ha="right")
        above.text(2e7, 0.1, "accumulation", color=BLUE)
        middle.text(1e7, 0.005, "Renyi", color=VERMILLION, ha="center")
        middle.text(2.5e9, -0.012, "accumulation", color=VERMILLION)
        above.set_title("(a) depolarised pairs, $S=2.64$", loc="left", pad=3)
        middle.set_title("(b) singlet family, $S=2.1$, $v=0.99$", loc="left", pad=3)
        least(below, data)
        below.set_title("(c) circles: pairs; squares: family", loc="left", pad=3)
        return save(fig, output / FIGURE.name, FIGURE, [data])


if __name__ == "__main__":
    main(FIGURE, draw, compute)
