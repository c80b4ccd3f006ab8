"""How close to the local boundary a key survives noise, from the table of studies/survival.toml.

For each noise level the smallest CHSH excess S - 2 of the study's members with a positive key: circles where it is
proven, crosses where an explicit attack proves that none is left. Of the members with the same S the one that survives
most is shown.

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
    "counted as outcome 0. Blue: all correlators are tested; red: the Bell value alone. In the grey area of the left "
    "panel the noisy correlations are local.",
    alt="Two log-log panels of the CHSH excess against noise; with all correlators tested the excess needed grows in "
    "proportion to the noise, with the Bell value alone as its square root.",
    slow=True,
)
PANELS = {"critical_visibility": "white noise $1-v$", "critical_efficiency": r"losses $1-\eta$"}
COLOURS = {"correlators": BLUE, "bell": VERMILLION}
TESTED = {"correlators": "correlators tested", "bell": "Bell value tested"}


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
        axes.plot(alive, excess, color=colour, linewidth=0.9, zorder=2)
        look: dict[str, Any] = {"color": colour, "linestyle": "none", "zorder": 3}
        axes.plot(alive, excess, marker="o", markersize=3.4, markerfacecolor="white", markeredgewidth=0.7, **look)
        axes.plot(dead, excess, marker="x", markersize=2.8, markeredgewidth=0.7, **look)
    if quantity == "critical_visibility":
        noise: NDArray[np.float64] = np.geomspace(1e-7, 0.3, 200)
        axes.fill_between(noise, 1e-9, 2.0 / (1.0 - noise) - 2.0, color=GREY, alpha=0.25, linewidth=0.0, zorder=1)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(PANELS[quantity])


def draw(table: Path, output: Path) -> list[Path]:
    """Draw the figure into a folder; returns the files."""
    data = read_table(table)
    with style():
        fig = figure(COLUMN, 6.6)
        for index, (axes, quantity) in enumerate(zip(fig.subplots(1, 2, sharey=True), PANELS, strict=True)):
            panel(axes, data, quantity)
            axes.set_title(f"({'ab'[index]})", loc="left", pad=3)
            axes.set_ylim(8e-4, 0.65)
            axes.set_xlim(3e-6, 0.2)
            if not index:
                axes.set_ylabel("CHSH value $S-2$ without noise")
                axes.annotate("local", (0.93, 0.08), xycoords="axes fraction", ha="right", fontsize=7.5, color=BLACK)
        keys = [Line2D([], [], color=colour, label=TESTED[observed]) for observed, colour in COLOURS.items()]
        look: dict[str, Any] = {"color": BLACK, "linestyle": "none"}
        keys.append(Line2D([], [], marker="o", markersize=3.4, markerfacecolor="white", label="key proven", **look))
        keys.append(Line2D([], [], marker="x", markersize=3.0, label="no key: attack", **look))
        fig.legend(handles=keys, loc="outside lower center", ncols=2)
        return save(fig, output / FIGURE.name, FIGURE, [data])


if __name__ == "__main__":
    main(FIGURE, draw)
