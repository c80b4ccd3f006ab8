"""Maps of the noise that a key survives, from the table of studies/critical_noise.toml.

The colour is the noise at which a key is still proven: 1 - v of white noise, 1 - eta of detectors. Where an attack ends
the key next to it (within three times the study's resolution) the number is resolved; elsewhere the point is red.

    python figures/critical_noise.py TABLE.csv [output folder]
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, MultipleLocator

from sdpbound.plotting.look import (
    BLACK,
    COLUMN,
    VERMILLION,
    FigureSpec,
    figure,
    gridded,
    light_viridis,
    main,
    save,
    style,
)
from sdpbound.tables.table import Table, read_table

FIGURE = FigureSpec(
    name="critical_noise",
    title="Noise that a key survives",
    studies=("critical_noise",),
    caption="Largest noise at which a key from the settings (0, 0) is proven, over the plane of theta and omega for "
    "values of phi (rows); all correlators are tested. Left: white noise 1 - v; right: losses 1 - eta of the "
    "detectors of both sides, no click counted as outcome 0. At each coloured point an explicit attack proves that no "
    "key is left at noise larger by little; a point without such an attack would be red, and one at which no key is "
    "proven at any noise black. Lines: CHSH values without noise of 2.1, 2.3 and 2.5. White: condition (4) of "
    "arXiv:2309.09650 fails. Both angles have the period pi.",
    alt="Maps of triangles in the plane of theta and omega; the noise survived is largest in their middle, as the "
    "CHSH value is, about nine per cent of white noise, and falls to nothing at the edges.",
    slow=True,
)
COLUMNS = {"critical_visibility": "white noise $1-v$", "critical_efficiency": r"losses $1-\eta$"}
#: Attacks that end the key within so many resolutions of where it is proven resolve a point.
NEAR = 3.0
LEAST, MOST = 1e-3, 0.12
#: The CHSH values of lines, and how they are drawn.
CHSH = {2.1: ":", 2.3: "--", 2.5: "-"}
TICKS = (0.001, 0.003, 0.01, 0.03, 0.1)


def panel(axes: Axes, rows: Table, chsh: Table, resolution: float, marked: set[str]) -> Any:
    """One map; returns what a colour bar needs, and adds to ``marked`` the colours of the points without a number."""
    theta, omega, value = gridded(rows, "theta", "omega")
    x, y = theta / np.pi, omega / np.pi
    noise = np.maximum(1.0 - value, LEAST)
    colours = light_viridis().copy()
    shown = axes.pcolormesh(
        x, y, np.ma.masked_invalid(noise), cmap=colours, norm=LogNorm(LEAST, MOST), shading="nearest", rasterized=True
    )
    cell = 0.5 * (x[1] - x[0])
    for row in rows:
        known = row["value"] is not None
        if known and row["dead"] is not None and row["value"] - row["dead"] <= NEAR * resolution:
            continue
        place = (row["theta"] / np.pi - cell, row["omega"] / np.pi - cell)
        colour = VERMILLION if known else BLACK
        marked.add(colour)
        axes.add_patch(Rectangle(place, 2 * cell, 2 * cell, facecolor=colour, linewidth=0.0))
    s, t, values = gridded(chsh, "theta", "omega")
    axes.contour(
        s / np.pi, t / np.pi, values, levels=list(CHSH), colors=BLACK, linestyles=list(CHSH.values()), linewidths=0.6
    )
    axes.set_aspect("equal")
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(0.5, 1.5)
    axes.xaxis.set_major_locator(MultipleLocator(0.5))
    axes.yaxis.set_major_locator(MultipleLocator(0.5))
    return shown


def draw(table: Path, output: Path) -> list[Path]:
    """Draw the figure into a folder; returns the files."""
    data = read_table(table)
    angles = sorted(data.distinct("phi"), reverse=True)
    marked: set[str] = set()
    with style():
        fig = figure(COLUMN, 3.9 * len(angles) + 2.2)
        grid = fig.subplots(len(angles), 2, sharex=True, sharey=True, squeeze=False)
        for row, phi in zip(grid, angles, strict=True):
            for axes, quantity in zip(row, COLUMNS, strict=True):
                rows = data.where(quantity=quantity, phi=phi)
                resolution = float(rows.rows[0]["options"].rpartition("resolution ")[2].split(",")[0])
                shown = panel(axes, rows, data.where(quantity="chsh", phi=phi), resolution, marked)
                index = 2 * angles.index(phi) + list(COLUMNS).index(quantity)
                axes.set_title(f"({'abcdefgh'[index]}) $\\phi=\\pi/2-{np.pi / 2 - phi:.2g}$", loc="left", pad=3)
        for axes, label in zip(grid[0], COLUMNS.values(), strict=True):
            axes.annotate(label, (0.97, 0.95), xycoords="axes fraction", ha="right", va="top", fontsize=8)
        for axes in grid[-1]:
            axes.set_xlabel(r"$\theta/\pi$")
        for axes in grid[:, 0]:
            axes.set_ylabel(r"$\omega/\pi$")
        bar = fig.colorbar(shown, ax=grid, orientation="horizontal", pad=0.02, aspect=38, shrink=0.95, extend="min")
        bar.ax.xaxis.set_major_locator(FixedLocator(TICKS))
        bar.ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        bar.ax.minorticks_off()
        bar.set_label("noise at which a key is proven")
        words = {VERMILLION: "not resolved", BLACK: "no key proven"}
        keys = [Patch(facecolor=colour, label=text) for colour, text in words.items() if colour in marked]
        lines = [
            Line2D([], [], color=BLACK, linewidth=0.6, linestyle=how, label=f"$S={s:g}$") for s, how in CHSH.items()
        ]
        fig.legend(handles=[*lines, *keys], loc="outside lower center", ncols=3)
        return save(fig, output / FIGURE.name, FIGURE, [data])


if __name__ == "__main__":
    main(FIGURE, draw)
