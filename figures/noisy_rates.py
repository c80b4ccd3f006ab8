"""Key and randomness rates under white noise, from the table of studies/noisy_rates.toml.

Lines are certified lower bounds. Explicit attacks that meet the tested data exactly are above them by less than a line
is thick; the lowest panels show by how much. At visibility 1 the line is the closed form of the self-test.

    python figures/noisy_rates.py TABLE.csv [output folder]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MultipleLocator
from numpy.typing import NDArray

from sdpbound.plotting.look import BLACK, COLUMN, GREY, FigureSpec, figure, main, name_curve, save, sequence, style
from sdpbound.tables.table import Table, read_table

FIGURE = FigureSpec(
    name="noisy_rates",
    title="Key and randomness under white noise",
    studies=("noisy_rates",),
    caption="Key rate from the settings (0, 0) and global randomness from (0, 1) against the CHSH value S without "
    "noise, for visibilities v of white noise, members of the singlet family on omega = theta + pi/2 at phi = pi/2 - "
    "0.02. Left: all correlators are tested; right: the Bell value alone. Lines: certified lower bounds from von "
    "Neumann entropies (at v = 1 the closed form of the self-test, for exact data). Below: how far explicit attacks "
    "that meet the tested data exactly are above these lines, for key (circles) and randomness (crosses), in bits "
    "(1e-6 where it is less): what is proven and what is possible differ by less than the lines are thick.",
    alt="Four panels of curves over CHSH values from 2 to 2.5; with all correlators tested key and randomness survive "
    "noise close to CHSH 2, with the Bell value alone they fall to zero far from it. Two panels of distances to "
    "attacks, all below 1e-3 bits.",
    slow=True,
)
PANELS = {
    "key_rate": ("key rate (bits/round)", (-0.2, 1.06)),
    "randomness_global": ("randomness (bits/round)", (-0.13, 1.95)),
}
#: Smaller distances are drawn here.
LEAST = 1e-6
TESTED = {"correlators": "correlators tested", "bell": "Bell value tested"}


def curve(table: Table) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """CHSH values and the values of some rows, ascending."""
    order = np.argsort(table["chsh_ideal"], kind="stable")
    return table["chsh_ideal"][order], table["value"][order]


#: Where the names of curves stand: the CHSH values, by panel and visibility.
NAMED = {
    ("key_rate", "correlators"): {1.0: 2.25, 0.9999: 2.12, 0.999: 2.2, 0.99: 2.3, 0.97: 2.4},
    ("key_rate", "bell"): {1.0: 2.25, 0.9999: 2.14, 0.999: 2.32, 0.99: 2.1, 0.97: 2.4},
    ("randomness_global", "correlators"): {1.0: 2.07, 0.9999: 2.09, 0.999: 2.2, 0.99: 2.25, 0.97: 2.35},
    ("randomness_global", "bell"): {1.0: 2.1, 0.9999: 2.15, 0.999: 2.35, 0.97: 2.16},
}
MARKS = {"key_rate": "o", "randomness_global": "x"}


def panel(axes: Axes, table: Table, quantity: str, observed: str, colours: dict[float, str]) -> None:
    """The curves of one quantity and one kind of tested data."""
    part = table.where(observed=observed, quantity=quantity)
    for v, colour in colours.items():
        s, low = curve(part.where(visibility=v))
        axes.plot(s, low, color=colour, linewidth=1.1, zorder=3)
        if v in NAMED[quantity, observed]:
            same = [w for w in colours if np.array_equal(curve(part.where(visibility=w))[1], low)]  # one line for both
            name = ", ".join(f"{w:g}" for w in same)
            name_curve(axes, s, low, NAMED[quantity, observed][v], name, colour)
    axes.axhline(0.0, color=GREY, linewidth=0.5, zorder=1)
    axes.set_xlim(1.985, 2.515)
    axes.set_ylim(*PANELS[quantity][1])
    axes.xaxis.set_major_locator(MultipleLocator(0.2))


def distances(axes: Axes, table: Table, observed: str, colours: dict[float, str]) -> None:
    """How far attacks are above lower bounds."""
    for quantity, marker in MARKS.items():
        for v, colour in colours.items():
            part = table.where(observed=observed, visibility=v)
            below = {row["point"]: row["value"] for row in part.where(quantity=quantity)}
            above = part.where(quantity=f"{quantity}_attack", method="attack")
            gap = [max(row["value"] - below[row["point"]], LEAST) for row in above]
            look = {"linestyle": "none", "markerfacecolor": "none", "markersize": 2.4, "markeredgewidth": 0.5}
            axes.plot(above["chsh_ideal"], gap, color=colour, marker=marker, clip_on=False, zorder=3, **look)
    axes.set_yscale("log")
    axes.set_ylim(LEAST, 2e-3)


def draw(table: Path, output: Path) -> list[Path]:
    """Draw the figure into a folder; returns the files."""
    data = read_table(table)
    visibilities = sorted((v for v in data.distinct("visibility") if v is not None), reverse=True)
    colours = dict(zip(visibilities, sequence(len(visibilities)), strict=True))
    with style():
        fig = figure(COLUMN, 11.8)
        grid = fig.subplots(3, 2, sharex=True, sharey="row", height_ratios=(1.3, 1.3, 0.8))
        for index, axes in enumerate(grid[:2].flat):
            quantity, observed = list(PANELS)[index // 2], list(TESTED)[index % 2]
            panel(axes, data, quantity, observed, colours)
            axes.set_title(f"({'abcd'[index]}) {TESTED[observed]}", loc="left", pad=3)
        for row, (label, _) in zip(grid, PANELS.values(), strict=False):
            row[0].set_ylabel(label)
        for letter, axes, observed in zip("ef", grid[2], TESTED, strict=True):
            distances(axes, data, observed, colours)
            axes.set_title(f"({letter}) {TESTED[observed]}", loc="left", pad=3)
            axes.set_xlabel("CHSH value $S$ without noise")
        grid[2][0].set_ylabel("attack $-$ proof")
        keys = [
            Line2D([], [], color=BLACK, linewidth=1.1, label="proven, $v$ on the line"),
            *(
                Line2D([], [], color=BLACK, marker=m, linestyle="none", markerfacecolor="none", label=text)
                for m, text in (("o", "key"), ("x", "randomness"))
            ),
        ]
        fig.legend(handles=keys, loc="outside lower center", ncols=3, columnspacing=1.2)
        return save(fig, output / FIGURE.name, FIGURE, [data])


if __name__ == "__main__":
    main(FIGURE, draw)
