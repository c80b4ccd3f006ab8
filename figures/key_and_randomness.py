"""Key and randomness from the same correlations under noise, from the table of studies/key_and_randomness.toml.

Propositions 5 and 6 of arXiv:2309.09650: omega = pi, phi near pi/2. Lines are certified lower bounds; the lowest panels
show how far explicit attacks that meet the tested data exactly are above them.

    python figures/key_and_randomness.py TABLE.csv [output folder]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MultipleLocator

from sdpbound.plotting.look import BLACK, COLUMN, GREY, FigureSpec, figure, main, name_curve, save, sequence, style
from sdpbound.tables.table import Table, read_table

FIGURE = FigureSpec(
    name="key_and_randomness",
    title="Key and randomness from the same correlations",
    studies=("key_and_randomness",),
    caption="Key rate from the settings (0, 0) (upper row) and global randomness from (0, 1) (lower row) of the same "
    "correlations, omega = pi and phi = pi/2 - 0.02 (Propositions 5 and 6 of arXiv:2309.09650), against their CHSH "
    "value S without noise; all correlators are tested. Left: white noise of visibility v; right: detectors of "
    "efficiency eta on both sides, no click counted as outcome 0. Lines: certified lower bounds from von Neumann "
    "entropies. Below: how far explicit attacks that meet the tested data exactly are above these lines, for key "
    "(circles) and randomness (crosses), in bits (1e-6 where it is less).",
    alt="Four panels of curves over CHSH values from 2 to 2.41; key and randomness fall with noise, and reach zero at "
    "CHSH values that grow with it. Two panels of distances to attacks, all below 1e-3 bits.",
    slow=True,
)
PANELS = {
    "key_rate": ("key rate (bits/round)", (-0.2, 1.06)),
    "randomness_global": ("randomness (bits/round)", (-0.1, 2.1)),
}


#: Where the names of curves stand: the CHSH value for the visibilities or efficiencies, from the largest.
NAMED = {"key_rate": (2.25, 2.1, 2.15, 2.25, 2.3), "randomness_global": (2.25, 2.08, 2.13, 2.2, 2.28)}
MARKS = {"key_rate": "o", "randomness_global": "x"}
#: Smaller distances are drawn here.
LEAST = 1e-6


def panel(axes: Axes, table: Table, quantity: str, axis: str, colours: dict[float, str]) -> None:
    """The curves of one quantity along one axis of noise."""
    for (value, colour), at in zip(colours.items(), NAMED[quantity], strict=True):
        part = _without_noise(table) if value == 1.0 else table.where(**{axis: value})
        rows = sorted(part.where(quantity=quantity), key=lambda row: row["chsh_ideal"])
        s, low = (np.array([row[name] for row in rows], dtype=np.float64) for name in ("chsh_ideal", "value"))
        axes.plot(s, low, color=colour, linewidth=1.1, zorder=3)
        name_curve(axes, s, low, at, f"{value:g}", colour)
    axes.axhline(0.0, color=GREY, linewidth=0.5, zorder=1)
    axes.set_xlim(1.985, 2.445)
    axes.set_ylim(*PANELS[quantity][1])
    axes.xaxis.set_major_locator(MultipleLocator(0.2))


def distances(axes: Axes, table: Table, axis: str, colours: dict[float, str]) -> None:
    """How far attacks are above lower bounds."""
    for quantity, marker in MARKS.items():
        for value, colour in colours.items():
            part = _without_noise(table) if value == 1.0 else table.where(**{axis: value})
            below = {row["point"]: row["value"] for row in part.where(quantity=quantity)}
            above = part.where(quantity=f"{quantity}_attack", method="attack")
            gap = [max(row["value"] - below[row["point"]], LEAST) for row in above]
            look = {"linestyle": "none", "markerfacecolor": "none", "markersize": 2.4, "markeredgewidth": 0.5}
            axes.plot(above["chsh_ideal"], gap, color=colour, marker=marker, clip_on=False, zorder=3, **look)
    axes.set_yscale("log")
    axes.set_ylim(LEAST, 2e-3)


def _without_noise(table: Table) -> Table:
    return table.where(visibility=1.0, noise=None)


def draw(table: Path, output: Path) -> list[Path]:
    """Draw the figure into a folder; returns the files."""
    data = read_table(table)
    levels = {
        axis: sorted({v for v in data.distinct(axis) if v is not None} | {1.0}, reverse=True)
        for axis in ("visibility", "efficiency")
    }
    colours = {axis: dict(zip(found, sequence(len(found)), strict=True)) for axis, found in levels.items()}
    white = Table(tuple(row for row in data if row["noise"] is None), data.metadata, data.name)
    lossy = Table(tuple(row for row in data if row["noise"] is not None or row["visibility"] == 1.0), data.metadata)
    with style():
        fig = figure(COLUMN, 11.8)
        grid = fig.subplots(3, 2, sharex=True, sharey="row", height_ratios=(1.3, 1.3, 0.8))
        titles = {"visibility": "white noise, $v$", "efficiency": r"losses, $\eta$"}
        for index, axes in enumerate(grid.flat):
            axis = list(levels)[index % 2]
            rows = white if axis == "visibility" else lossy
            if index < 4:
                panel(axes, rows, list(PANELS)[index // 2], axis, colours[axis])
            else:
                distances(axes, rows, axis, colours[axis])
            axes.set_title(f"({'abcdef'[index]}) {titles[axis]}", loc="left", pad=3)
        for row, (label, _) in zip(grid, PANELS.values(), strict=False):
            row[0].set_ylabel(label)
        grid[2][0].set_ylabel("attack $-$ proof")
        for axes in grid[-1]:
            axes.set_xlabel("CHSH value $S$ without noise")
        keys = [
            Line2D([], [], color=BLACK, linewidth=1.1, label=r"proven, $v$ or $\eta$ on the line"),
            *(
                Line2D([], [], color=BLACK, marker=m, linestyle="none", markerfacecolor="none", label=text)
                for m, text in (("o", "key"), ("x", "randomness"))
            ),
        ]
        fig.legend(handles=keys, loc="outside lower center", ncols=3, columnspacing=1.2)
        return save(fig, output / FIGURE.name, FIGURE, [data])


if __name__ == "__main__":
    main(FIGURE, draw)
