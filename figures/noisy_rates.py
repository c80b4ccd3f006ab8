"""Key and randomness rates under white noise, from the table of studies/noisy_rates.toml.

Bands reach from the certified lower bound to the upper bound of an explicit attack that meets the tested data exactly;
they are drawn where there is such an attack, and are thinner than a line. At visibility 1 the line is
the closed form of the self-test, which is both.

    python figures/noisy_rates.py TABLE.csv [output folder]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MultipleLocator
from numpy.typing import NDArray

from sdpbound.plotting.look import COLUMN, GREY, FigureSpec, figure, main, save, sequence, style
from sdpbound.tables.table import Table, read_table

FIGURE = FigureSpec(
    name="noisy_rates",
    title="Key and randomness under white noise",
    studies=("noisy_rates",),
    caption="Key rate from the settings (0, 0) and global randomness from (0, 1) against the CHSH value S without "
    "noise, for visibilities v of white noise, members of the singlet family on omega = theta + pi/2 at phi = pi/2 - "
    "0.02. Left: all correlators are tested; right: the Bell value alone. Lines: certified lower bounds from von "
    "Neumann entropies (at v = 1 the closed form of the self-test, for exact data); bands: up to explicit attacks that "
    "meet the tested data exactly, thinner than the lines; the legend has the largest distance, in bits.",
    alt="Four panels of curves over CHSH values from 2 to 2.5; with all correlators tested key and randomness survive "
    "noise close to CHSH 2, with the Bell value alone they fall to zero far from it.",
    slow=True,
)
PANELS = {
    "key_rate": ("key rate (bits/round)", (-0.16, 1.06)),
    "randomness_global": ("randomness (bits/round)", (-0.1, 1.95)),
}
TESTED = {"correlators": "correlators tested", "bell": "Bell value tested"}


def curve(table: Table) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """CHSH values and the values of some rows, ascending."""
    order = np.argsort(table["chsh_ideal"], kind="stable")
    return table["chsh_ideal"][order], table["value"][order]


def widest(table: Table) -> float:
    """How far an attack is above its lower bound at most, rounded up to one digit."""
    gaps = [0.0]
    for quantity in PANELS:
        below = {(r["point"], r["observed"], r["visibility"]): r["value"] for r in table.where(quantity=quantity)}
        for row in table.where(quantity=f"{quantity}_attack", method="attack"):
            gaps.append(row["value"] - below[row["point"], row["observed"], row["visibility"]])
    digit = 10.0 ** np.floor(np.log10(max(gaps)))
    return float(np.ceil(max(gaps) / digit) * digit)


def panel(axes: Axes, table: Table, quantity: str, observed: str, colours: dict[float, str]) -> None:
    """The curves and bands of one quantity and one kind of tested data."""
    part = table.where(observed=observed)
    for v, colour in colours.items():
        s, low = curve(part.where(quantity=quantity, visibility=v))
        exact = part.where(quantity=f"{quantity}_attack", visibility=v, method="attack")
        high = np.interp(s, *curve(exact), left=np.nan, right=np.nan) if len(exact) else np.full(s.shape, np.nan)
        known = np.isin(s, exact["chsh_ideal"]) if len(exact) else np.zeros(s.shape, bool)
        axes.fill_between(s, low, np.where(known, high, np.nan), color=colour, alpha=0.35, linewidth=0.0, zorder=2)
        axes.plot(s, low, color=colour, linewidth=1.1, zorder=3)
    axes.axhline(0.0, color=GREY, linewidth=0.5, zorder=1)
    axes.set_xlim(1.985, 2.515)
    axes.set_ylim(*PANELS[quantity][1])
    axes.xaxis.set_major_locator(MultipleLocator(0.2))


def draw(table: Path, output: Path) -> list[Path]:
    """Draw the figure into a folder; returns the files."""
    data = read_table(table)
    visibilities = sorted((v for v in data.distinct("visibility") if v is not None), reverse=True)
    colours = dict(zip(visibilities, sequence(len(visibilities)), strict=True))
    with style():
        fig = figure(COLUMN, 9.6)
        grid = fig.subplots(2, 2, sharex=True, sharey="row")
        for index, axes in enumerate(grid.flat):
            quantity, observed = list(PANELS)[index // 2], list(TESTED)[index % 2]
            panel(axes, data, quantity, observed, colours)
            axes.set_title(f"({'abcd'[index]}) {TESTED[observed]}", loc="left", pad=3)
        for row, (label, _) in zip(grid, PANELS.values(), strict=True):
            row[0].set_ylabel(label)
        for axes in grid[-1]:
            axes.set_xlabel("CHSH value $S$ without noise")
        keys = [Line2D([], [], color=c, linewidth=1.8, label=f"$v={v:g}$") for v, c in colours.items()]
        keys.append(Patch(facecolor=GREY, alpha=0.35, label=f"to attacks: +{widest(data):.0e}"))
        fig.legend(handles=keys, loc="outside lower center", ncols=3, columnspacing=1.4)
        return save(fig, output / FIGURE.name, FIGURE, [data])


if __name__ == "__main__":
    main(FIGURE, draw)
