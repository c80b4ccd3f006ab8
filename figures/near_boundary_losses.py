"""The family (theta, phi, omega) under loss: the best member at each efficiency, and members near the local boundary.

The numbers are those of ``benchmarks/near_boundary_losses.csv``, which ``python -m benchmarks.near_boundary_losses
--write`` computes.

    python figures/near_boundary_losses.py [output folder]
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from sdpbound.plotting.look import BLACK, BLUE, COLUMN, GREY, VERMILLION, FigureSpec, figure, main, save, style
from sdpbound.tables.computed import ComputedTable, read_computed, write_computed

FIGURE = FigureSpec(
    name="near_boundary_losses",
    title="The singlet family under loss",
    studies=(),
    caption="(a) Key rates from the settings (0, 0) of members of the singlet family against the losses of both "
    "sides, no click counted as outcome 0 and all statistics tested. Circles: certified, the best member for each "
    "efficiency that a search finds, with the best flips; lines: certified, members of phi = pi/2 - 0.02 and omega = "
    "theta + pi/2 with the CHSH values S without noise, which have 0.9985 bits without loss; crosses: explicit "
    "attacks, at most 4e-5 bits above. (b) CHSH value without loss of the best members: with more loss they leave "
    "the local boundary S = 2 for the largest value. At losses of 7 per cent no member with a key was found.",
    alt="On a logarithmic axis of losses from 1e-5 to 0.1 the rate of the best members falls from one bit to zero at "
    "0.065; members near the local boundary fall sooner, the one of CHSH 2.05 at 0.004. Below, the CHSH value of the "
    "best members rises from 2.41 to 2.71.",
    computed=True,
)
SOURCE = Path(__file__).resolve().parents[1] / "benchmarks" / "near_boundary_losses.csv"
TEXTS = ("member",)
NUMBERS = ("efficiency", "theta", "phi", "omega", "flips", "chsh", "condition", "rate", "attack")
#: Line styles of fixed members, and where their names stand: losses and bits.
LOOKS = {"S=2.4": ("-", (3.2e-3, 0.56)), "S=2.2": ("--", (1.1e-4, 0.5)), "S=2.05": (":", (1.6e-4, 0.22))}
OPEN = {"marker": "o", "markersize": 3.4, "markerfacecolor": "white", "markeredgewidth": 0.8, "color": BLUE}
CROSS = {"marker": "x", "markersize": 3.0, "markeredgewidth": 0.7, "linestyle": "none", "color": BLACK}


def compute(output: Path) -> Path:
    """The numbers of the figure, taken from the benchmark's table."""
    with SOURCE.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    columns: dict[str, list[str] | list[float]] = {name: [row[name] for row in found] for name in TEXTS}
    columns |= {name: [float(row[name]) for row in found] for name in NUMBERS}
    return write_computed(output / f"{FIGURE.name}.csv", columns, "the singlet family under loss")


def rates(axes: Axes, data: ComputedTable) -> None:
    """Panel (a)."""
    for name, (dashes, place) in LOOKS.items():
        own = data.where(member=name)
        losses = 1.0 - own["efficiency"]
        axes.plot(losses, own["rate"], color=VERMILLION, linestyle=dashes, linewidth=0.9)
        axes.plot(losses, own["attack"], **CROSS)
        axes.annotate(f"${name}$", place, color=VERMILLION)
    best = data.where(member="best")
    order = np.argsort(best["efficiency"])
    axes.plot(1.0 - best["efficiency"][order], best["rate"][order], linewidth=0.9, zorder=3, **OPEN)
    axes.plot(1.0 - best["efficiency"], best["attack"], zorder=4, **CROSS)
    axes.axhline(0.0, color=GREY, linewidth=0.5, zorder=1)
    axes.annotate("best member", (1.2e-3, 0.93), color=BLUE)
    axes.set_ylim(-0.06, 1.06)
    axes.set_ylabel("key rate (bits/round)")
    axes.set_title("(a) rate", loc="left", pad=3)
    keys = [Line2D([], [], label="proven", linewidth=0.9, **OPEN), Line2D([], [], label="attack", **CROSS)]
    axes.legend(handles=keys, loc="upper right")


def values(axes: Axes, data: ComputedTable) -> None:
    """Panel (b)."""
    best = data.where(member="best")
    order = np.argsort(best["efficiency"])
    alive = order[best["rate"][order] > 0.0]
    axes.plot(1.0 - best["efficiency"][alive], best["chsh"][alive], linewidth=0.9, **OPEN)
    for height, name in ((8.0**0.5, "largest"), (2.0, "local boundary")):
        axes.axhline(height, color=GREY, linewidth=0.6, zorder=1)
        axes.annotate(name, (1.2e-5, height + 0.015), color=GREY, va="bottom")
    axes.set_ylim(1.92, 2.98)
    axes.set_ylabel("CHSH value $S$")
    axes.set_title("(b) best members without loss", loc="left", pad=3)


def draw(table: Path, output: Path) -> list[Path]:
    """Draw the figure into a folder; returns the files."""
    data = read_computed(table)
    with style():
        fig = figure(COLUMN, 9.8)
        above, below = fig.subplots(2, 1, sharex=True, height_ratios=[1.7, 1.0])
        rates(above, data)
        values(below, data)
        below.set_xscale("log")
        below.set_xlim(8e-6, 0.12)
        below.set_xlabel(r"losses $1-\eta$ of both sides")
        return save(fig, output / FIGURE.name, FIGURE, [data])


if __name__ == "__main__":
    main(FIGURE, draw, compute)
