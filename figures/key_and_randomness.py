"""Key and randomness from the same correlations under noise, from the table of studies/key_and_randomness.toml.

Propositions 5 and 6 of arXiv:2309.09650: omega = pi, phi near pi/2. Lines are certified lower bounds, bands reach up to
explicit attacks that meet the tested data exactly.

    python figures/key_and_randomness.py TABLE.csv [output folder]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MultipleLocator

from sdpbound.plotting.look import COLUMN, GREY, FigureSpec, figure, main, save, sequence, style
from sdpbound.tables.table import Table, read_table

FIGURE = FigureSpec(
    name="key_and_randomness",
    title="Key and randomness from the same correlations",
    studies=("key_and_randomness",),
    caption="Key rate from the settings (0, 0) (upper row) and global randomness from (0, 1) (lower row) of the same "
    "correlations, omega = pi and phi = pi/2 - 0.02 (Propositions 5 and 6 of arXiv:2309.09650), against their CHSH "
    "value S without noise; all correlators are tested. Left: white noise of visibility v; right: detectors of "
    "efficiency eta on both sides, no click counted as outcome 0. Lines: certified lower bounds from von Neumann "
    "entropies; bands: up to explicit attacks that meet the tested data exactly, thinner than the lines.",
    alt="Four panels of curves over CHSH values from 2 to 2.41; key and randomness fall with noise, and reach zero at "
    "CHSH values that grow with it.",
    slow=True,
)
PANELS = {
    "key_rate": ("key rate (bits/round)", (-0.16, 1.06)),
    "randomness_global": ("randomness (bits/round)", (-0.1, 2.1)),
}


def panel(axes: Axes, table: Table, quantity: str, axis: str, colours: dict[float, str]) -> None:
    """The curves and bands of one quantity along one axis of noise."""
    for value, colour in colours.items():
        part = _without_noise(table) if value == 1.0 else table.where(**{axis: value})
        rows = sorted(part.where(quantity=quantity), key=lambda row: row["chsh_ideal"])
        above = {r["point"]: r["value"] for r in part.where(quantity=f"{quantity}_attack", method="attack")}
        s, low = (np.array([row[name] for row in rows], dtype=np.float64) for name in ("chsh_ideal", "value"))
        high = np.array([above.get(row["point"], np.nan) for row in rows], dtype=np.float64)
        axes.fill_between(s, low, high, color=colour, alpha=0.35, linewidth=0.0, zorder=2)
        axes.plot(s, low, color=colour, linewidth=1.1, zorder=3)
    axes.axhline(0.0, color=GREY, linewidth=0.5, zorder=1)
    axes.set_xlim(1.985, 2.445)
    axes.set_ylim(*PANELS[quantity][1])
    axes.xaxis.set_major_locator(MultipleLocator(0.2))


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
        fig = figure(COLUMN, 10.2)
        grid = fig.subplots(2, 2, sharex=True, sharey="row")
        for index, axes in enumerate(grid.flat):
            quantity, axis = list(PANELS)[index // 2], list(levels)[index % 2]
            panel(axes, white if axis == "visibility" else lossy, quantity, axis, colours[axis])
            title = "white noise" if axis == "visibility" else "losses"
            axes.set_title(f"({'abcd'[index]}) {title}", loc="left", pad=3)
        for row, (label, _) in zip(grid, PANELS.values(), strict=True):
            row[0].set_ylabel(label)
        for axes in grid[-1]:
            axes.set_xlabel("CHSH value $S$ without noise")
        keys = []
        for symbol, axis in (("v", "visibility"), (r"\eta", "efficiency")):
            keys.append(
                [Line2D([], [], color=c, linewidth=1.8, label=f"${symbol}={v:g}$") for v, c in colours[axis].items()]
            )
        for place, handles in zip(grid[1], keys, strict=True):
            place.legend(
                handles=handles,
                loc="upper center",
                bbox_to_anchor=(0.5, -0.28),
                ncols=2,
                columnspacing=1.0,
                borderpad=0,
            )
        return save(fig, output / FIGURE.name, FIGURE, [data])


if __name__ == "__main__":
    main(FIGURE, draw)
