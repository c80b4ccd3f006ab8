"""How close to the local boundary a key survives noise, from the table of studies/survival.toml.

For each CHSH excess S - 2 of the study's members the noise up to which there is a key: circles where it is proven,
crosses where an explicit attack proves that none is left. Of the members with the same S the one that survives most is
shown.

    python figures/survival.py TABLE.csv [output folder]
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from sdpbound.plotting.look import BLACK, BLUE, COLUMN, GREY, VERMILLION, FigureSpec, figure, main, save, style
from sdpbound.tables.table import Table, read_table

FIGURE = FigureSpec(
    name="survival",
    title="How close to the local boundary a key survives",
    studies=("survival",),
    caption="Noise that a key survives, of members of the singlet family whose CHSH value without noise is S (omega = "
    "theta + pi/2, the better of two phi): circles: a key from the settings (0, 0) is proven; crosses: an explicit "
    "attack proves that none is left. Left: white noise; right: losses of the detectors of both sides, no click "
    "counted as outcome 0. Blue: all correlators are tested; orange: the Bell value alone. In the grey areas the noisy "
    "correlations are local: S v <= 2 on the left, S eta^2 + 2 (1 - eta)^2 <= 2 on the right.",
    alt="Two log-log panels of noise and CHSH excess; with all correlators tested the noise survived is in proportion "
    "to the excess, with the Bell value alone to its square.",
    slow=True,
)
PANELS = {"critical_visibility": "(a) white noise $1-v$", "critical_efficiency": r"(b) losses $1-\eta$"}
#: Where a curve's name stands, in parts of the panel, below its curve.
PLACES = {"correlators": (0.04, 0.03), "bell": (0.97, 0.03)}
COLOURS = {"correlators": BLUE, "bell": VERMILLION}
TESTED = {"correlators": "correlators\ntested", "bell": "Bell value\ntested"}


def best(table: Table) -> list[dict[str, Any]]:
    """For each CHSH value the row of the member that survives most noise, of those that survive any."""
    found: dict[float, dict[str, Any]] = {}
    for row in table:
        s = round(float(row["chsh_ideal"]), 9)
        if row["value"] is not None and row["value"] < 1.0 and (s not in found or row["value"] < found[s]["value"]):
            found[s] = row
    return [found[s] for s in sorted(found)]


def panel(axes: Axes, table: Table, quantity: str) -> None:
    """Circles and crosses of one kind of noise."""
    for observed, colour in COLOURS.items():
        rows = best(table.where(quantity=quantity, observed=observed))
        excess = np.array([row["chsh_ideal"] - 2.0 for row in rows])
        alive = np.array([1.0 - row["value"] for row in rows])
        dead = np.array([np.nan if row["dead"] is None else 1.0 - row["dead"] for row in rows])
        axes.plot(excess, alive, color=colour, linewidth=0.9, zorder=2)
        look: dict[str, Any] = {"color": colour, "linestyle": "none", "zorder": 3}
        axes.plot(excess, alive, marker="o", markersize=3.4, markerfacecolor="white", markeredgewidth=0.7, **look)
        axes.plot(excess, dead, marker="x", markersize=2.8, markeredgewidth=0.7, **look)
    s: NDArray[np.float64] = np.geomspace(1e-5, 0.9, 200)
    # white noise leaves S v, losses S eta^2 + 2 (1 - eta)^2: where both outcomes are lost, they are equal
    local = s / (2.0 + s) if quantity == "critical_visibility" else s / (4.0 + s)
    axes.fill_between(s, local, 1.0, color=GREY, alpha=0.25, linewidth=0.0, zorder=1)
    axes.annotate("local", (0.05, 0.93), xycoords="axes fraction", va="top", fontsize=7.5, color=BLACK)
    axes.set_xscale("log")
    axes.set_yscale("log")


def draw(table: Path, output: Path) -> list[Path]:
    """Draw the figure into a folder; returns the files."""
    data = read_table(table)
    with style():
        fig = figure(COLUMN, 6.6)
        grid = fig.subplots(1, 2, sharex=True, sharey=True)
        for axes, (quantity, title) in zip(grid, PANELS.items(), strict=True):
            panel(axes, data, quantity)
            axes.set_title(title, loc="left", pad=3)
            axes.set_xlim(8e-4, 0.65)
            axes.set_ylim(3e-6, 0.5)
            axes.set_xlabel("$S-2$ without noise")
            for observed, (x, y) in PLACES.items():
                where: dict[str, Any] = {"xycoords": "axes fraction", "fontsize": 7.5}
                side = "left" if x < 0.5 else "right"
                axes.annotate(TESTED[observed], (x, y), color=COLOURS[observed], ha=side, **where)
        grid[0].set_ylabel("noise that a key survives")
        look: dict[str, Any] = {"color": BLACK, "linestyle": "none"}
        keys = [Line2D([], [], marker="o", markersize=3.4, markerfacecolor="white", label="key proven", **look)]
        keys.append(Line2D([], [], marker="x", markersize=3.0, label="no key: attack", **look))
        fig.legend(handles=keys, loc="outside lower center", ncols=2)
        return save(fig, output / FIGURE.name, FIGURE, [data])


if __name__ == "__main__":
    main(FIGURE, draw)
