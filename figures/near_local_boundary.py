"""Guessing probability and rates close to the local boundary, from the table of studies/near_local_boundary.toml.

The horizontal axis is the CHSH value of the noiseless correlations: a vertical line is one experiment with more and more
white noise. Exact curves of arXiv:2309.09650 at visibility 1: against the quantum adversary the guessing probability
1/2, the key rate 1 - h((1 + sin phi)/2) and the global randomness 1 + h((1 + sin omega)/2); against the no-signaling
one, with all correlators tested, the guessing probability 3/2 - v S/4.

    python figures/near_local_boundary.py TABLE.csv [output folder]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from scipy.special import entr

from sdpbound.plotting import BLACK, COLUMN, GREY, PAGE, figure, panel_label, provenance, save, sequence, style
from sdpbound.study import Table, read_table

QUANTUM, NO_SIGNALING = "-", (0, (4.5, 1.6))
BEST = (0, (1, 1.1))
LABELS = {
    "guess_local": r"guessing probability $P_{\rm guess}(A|E)$",
    "key_rate": "key rate (bits per round)",
    "randomness_global": "global randomness (bits per round)",
}
TESTED = {"correlators": "all correlators tested", "bell": "Bell value tested"}
CHSH = "CHSH value of the noiseless correlations"


def entropy(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Binary entropy in bits."""
    return (entr(p) + entr(1.0 - p)) / np.log(2.0)


def series(table: Table, column: str = "value", best: bool = False) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """CHSH values and a column of the curve's rows; with ``best`` of the best point known, which may be the curve's."""
    found: dict[float, float] = {}
    for row in table:
        s = round(chsh_of(row, table), 9)
        value = row[column]
        if row["where"] == "best":
            if best and value is not None:
                found[s] = value
        else:
            found.setdefault(s, np.nan if value is None else value)
    order = sorted(found)
    return np.array(order), np.array([found[s] for s in order])


def chsh_of(row: dict[str, Any], table: Table) -> float:
    return float(row["chsh_ideal"])


def lines(axes: Axes, table: Table, colours: dict[float, str], best: bool, width: float = 1.2) -> None:
    """The curves of one panel: one colour for each visibility, one dash for each adversary."""
    for visibility, colour in colours.items():
        part = table.where(visibility=visibility)
        boxes = part.where(model="no-signaling")
        axes.plot(*series(boxes), color=colour, linestyle=NO_SIGNALING, linewidth=0.8 * width, zorder=2)
        quantum = part.where(model="quantum")
        if best:
            s, top = series(quantum, best=True)
            _, value = series(quantum)
            better = np.abs(top - value) > 0
            axes.plot(s, np.where(better, top, np.nan), color=colour, linestyle=BEST, linewidth=width, zorder=3)
        axes.plot(*series(quantum), color=colour, linestyle=QUANTUM, linewidth=width, zorder=4)


def certified(axes: Axes, table: Table, colour: str, every: int) -> None:
    """The certified values of the programs at visibility 1, beside the closed form, as circles."""
    s, value = series(table.where(model="quantum", visibility=1.0), "sdp_value")
    shown = slice(0, None, every)
    axes.plot(
        s[shown], value[shown], "o", markersize=2.6, markerfacecolor="white", markeredgecolor=colour,
        markeredgewidth=0.6, zorder=6, clip_on=False,
    )  # fmt: skip


def exact(axes: Axes, table: Table, quantity: str, colours: dict[float, str]) -> None:
    """The paper's exact curves, thin and black."""
    ideal = table.where(model="quantum", visibility=1.0)
    curve = [row for row in ideal if row["where"] != "best"]
    s = np.array([row["chsh_ideal"] for row in curve])
    settings = {"color": BLACK, "linewidth": 0.5, "zorder": 7}
    if quantity == "guess_local":
        axes.plot(s, np.full(s.shape, 0.5), **settings)
        if curve and curve[0]["observed"] == "correlators":
            for visibility in colours:
                axes.plot(s, np.minimum(1.0, 1.5 - visibility * s / 4.0), linestyle=(0, (1, 2)), **settings)
    elif quantity == "key_rate":
        leak = entropy((1.0 + np.sin([row["phi"] for row in curve])) / 2.0)
        axes.plot(s, 1.0 - leak, **settings)
    else:
        axes.plot(s, 1.0 + entropy((1.0 + np.sin([row["omega"] for row in curve])) / 2.0), **settings)


def panel(axes: Axes, table: Table, observed: str, quantity: str, colours: dict[float, str], every: int) -> None:
    part = table.where(observed=observed, quantity=quantity)
    lines(axes, part, colours, best=True)
    certified(axes, part, next(iter(colours.values())), every)
    exact(axes, part, quantity, colours)
    if quantity != "guess_local":
        axes.axhline(0.0, color=GREY, linewidth=0.5, zorder=1)
    axes.set_xlim(1.99, 2.51)
    axes.set_ylim(*{"guess_local": (0.47, 1.03), "key_rate": (-0.15, 1.05), "randomness_global": (-0.1, 2.1)}[quantity])


def handles(colours: dict[float, str], short: bool) -> list[Line2D]:
    visibilities = [Line2D([], [], color=c, linewidth=1.6, label=f"$v={v:g}$") for v, c in colours.items()]
    kinds = [
        Line2D([], [], color=BLACK, linestyle=QUANTUM, linewidth=1.2, label="quantum adversary"),
        Line2D([], [], color=BLACK, linestyle=BEST, linewidth=1.2, label="quantum, best point of equal CHSH value"),
        Line2D([], [], color=BLACK, linestyle=NO_SIGNALING, linewidth=1.0, label="no-signaling adversary"),
        Line2D([], [], color=BLACK, linewidth=0.5, label="exact curves"),
        Line2D(
            [], [], color=next(iter(colours.values())), marker="o", markersize=2.6, markerfacecolor="white",
            markeredgewidth=0.6, linestyle="none", label="certified program, $v=1$",
        ),
    ]  # fmt: skip
    return [*visibilities, *kinds] if not short else [*visibilities, *kinds]


def page(table: Table, colours: dict[float, str]) -> Any:
    """Two columns wide: three quantities, and one row for each kind of tested data."""
    fig = figure(PAGE, 11.6)
    quantities = list(LABELS)
    grid = fig.subplots(2, 3, sharex=True, squeeze=False)
    for row, observed in zip(grid, TESTED, strict=True):
        for axes, quantity in zip(row, quantities, strict=True):
            panel(axes, table, observed, quantity, colours, every=4)
            axes.set_ylabel(LABELS[quantity])
    for letter, axes, observed in zip("abcdef", grid.flat, [o for o in TESTED for _ in quantities], strict=True):
        axes.set_title(f"({letter}) {TESTED[observed]}", loc="left", pad=3)
    for axes in grid[-1]:
        axes.set_xlabel(CHSH)
    fig.legend(handles=handles(colours, short=False), loc="outside lower center", ncols=5)
    return fig


def column(table: Table, colours: dict[float, str]) -> Any:
    """One column wide: guessing probability and key rate, all correlators tested."""
    fig = figure(COLUMN, 13.2)
    for letter, axes, quantity in zip("ab", fig.subplots(2, 1, sharex=True), ("guess_local", "key_rate"), strict=True):
        panel(axes, table, "correlators", quantity, colours, every=4)
        axes.set_ylabel(LABELS[quantity])
        panel_label(axes, f"({letter})")
        axes.set_xlabel(CHSH)
        axes.label_outer()
    fig.legend(handles=handles(colours, short=True), loc="outside lower center", ncols=2)
    return fig


def draw(table: Path, output: Path) -> list[Path]:
    """Draw both versions into a folder; returns the files."""
    data = read_table(table)
    visibilities = sorted(data.distinct("visibility"), reverse=True)
    colours = dict(zip(visibilities, sequence(len(visibilities)), strict=True))
    origin = provenance(data)
    with style():
        files = save(page(data, colours), output / "near_local_boundary", origin)
        files += save(column(data, colours), output / "near_local_boundary_column", origin)
    return files


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python figures/near_local_boundary.py TABLE.csv [output folder]")
    source = Path(sys.argv[1])
    for path in draw(source, Path(sys.argv[2]) if len(sys.argv) > 2 else source.parent):
        print(path)
