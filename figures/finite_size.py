"""Key from finitely many rounds close to the local boundary, from the table of studies/finite_size.toml.

Each line is one member of the family, with the CHSH value of its noiseless correlations; the horizontal axis is the
number of rounds. Everything is a proven length divided by their number; marks at the right are asymptotic rates.

    python figures/finite_size.py TABLE.csv [output folder]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from sdpbound.plotting.look import COLUMN, GREY, FigureSpec, figure, main, name_curve, save, sequence, style
from sdpbound.tables.table import Table, read_table

FIGURE = FigureSpec(
    name="finite_size",
    title="Key from finitely many rounds near the local boundary",
    studies=("finite_size",),
    caption="Secret bits a round against the number n of rounds, for a quantum adversary who attacks all rounds "
    "together (entropy accumulation, soundness 1e-10, completeness 1e-2; all correlators tested in one score, key "
    "from X = Y = 0): proven lower bounds, test probability and all other parameters optimised at each n. Members of "
    "the singlet family on omega = theta + pi/2 at phi = pi/2 - 0.02 with the CHSH value S without noise; visibility "
    "0.999 above and 0.99 below. Dots at the right: lower bounds on the asymptotic rate; circles on the axis: the "
    "first number of rounds computed that gives a key.",
    alt="Two panels of rising curves over 1e5 to 1e15 rounds; the closer S is to 2, the more rounds a key takes.",
)


def panel(axes: Axes, table: Table, colours: dict[float, str]) -> None:
    """One visibility: a line for each CHSH value, and its limit."""
    largest = max(colours)
    for s, colour in colours.items():
        lengths = table.where(chsh_ideal=s, quantity="finite_key_length")
        order = np.argsort(lengths["rounds"])
        n, rate = lengths["rounds"][order], (lengths["value"] / lengths["rounds"])[order]
        axes.plot(n, rate, color=colour)
        alive = np.flatnonzero(rate > 0.0)
        if alive.size:
            look = {"marker": "o", "markersize": 3.0, "markerfacecolor": "white", "zorder": 5}
            axes.plot(n[alive[0]], 0.0, color=colour, linestyle="none", **look)
        limit = float(table.where(chsh_ideal=s, quantity="key_rate")["value"][0])
        look = {"markersize": 3.0, "zorder": 5, "clip_on": False, "transform": axes.get_yaxis_transform()}
        axes.plot([1.0], [limit], "o", color=colour, **look)
        name_curve(axes, n, rate, 3e13, f"{s:.3g}" if s < largest else f"$S={s:.3g}$", colour)
    axes.axhline(0.0, color=GREY, linewidth=0.5, zorder=1)
    axes.set_xscale("log")
    axes.set_xlim(1e5, 1e15)
    axes.xaxis.set_major_locator(LogLocator(10.0, numticks=11))
    axes.set_ylim(-0.12, 1.0 if table.where(quantity="key_rate")["value"].max() > 0.65 else 0.65)
    axes.set_ylabel("key (bits per round)")


def draw(table: Path, output: Path) -> list[Path]:
    """Draw the figure into a folder; returns the files."""
    data = read_table(table)
    values = sorted(data.distinct("chsh_ideal"))
    colours = dict(zip(values, sequence(len(values)), strict=True))
    visibilities = sorted(data.distinct("visibility"), reverse=True)
    with style():
        fig = figure(COLUMN, 1.2 + 5.2 * len(visibilities))
        grid = fig.subplots(len(visibilities), 1, sharex=True, squeeze=False)[:, 0]
        for index, (axes, v) in enumerate(zip(grid, visibilities, strict=True)):
            panel(axes, data.where(visibility=v), colours)
            axes.set_title(f"({'abcdef'[index]}) $v={v:g}$", loc="left", pad=3)
        grid[-1].set_xlabel("rounds $n$")
        return save(fig, output / FIGURE.name, FIGURE, [data])


if __name__ == "__main__":
    main(FIGURE, draw)
