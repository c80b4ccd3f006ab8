"""Guessing probability and rates close to the local boundary, from the table of studies/near_local_boundary.toml.

The horizontal axis is the CHSH value of the noiseless correlations: a vertical line is one experiment with more and
more white noise. Solid lines are the members on omega = theta + pi/2, dotted ones the best member found that has the
same CHSH value. Rates are certified lower bounds from min-entropy; at visibility 1 the self-test gives the exact values
(closed form), and circles show what the certified programs alone prove.

Exact curves of arXiv:2309.09650, thin: against the quantum adversary at visibility 1 the guessing probability 1/2, the
key rate 1 - h((1 + sin phi)/2) and the global randomness 1 + h((1 + sin omega)/2); against the no-signaling one with
all correlators tested, at every visibility v, the guessing probability 3/2 - v S/4.

    python figures/near_local_boundary.py TABLE.csv [output folder]
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MultipleLocator
from numpy.typing import NDArray
from scipy.special import entr

from sdpbound.plotting.look import (
    BLACK,
    COLUMN,
    GREY,
    PAGE,
    FigureSpec,
    figure,
    main,
    name_curve,
    save,
    sequence,
    stripes,
    style,
)
from sdpbound.tables.table import Table, read_table

FIGURE = FigureSpec(
    name="near_local_boundary",
    title="Guessing probability, key rate and randomness near the local boundary",
    studies=("near_local_boundary",),
    caption="Eve's guessing probability (upper bounds), key rate and global randomness (lower bounds, from "
    "min-entropy) against the CHSH value S without noise, for visibilities v of white noise: a vertical line is one "
    "experiment with more and more noise. Upper row: all correlators are tested; lower row: the Bell value alone. "
    "Solid: members of the singlet family on omega = theta + pi/2 at phi = pi/2 - 0.02, striped where curves coincide; "
    "dotted: the best member found that has the same S; dashed: a no-signaling adversary, individual attacks. Thin: "
    "the exact curves of arXiv:2309.09650. Circles: what the certified programs alone prove at v = 1, where the solid "
    "line is the closed form of the self-test, for exact data.",
    alt="Six panels of curves over CHSH values from 2 to 2.5; without noise the key rate stays near one bit down to 2, "
    "with noise it falls to zero before.",
)
NO_SIGNALING, BEST = (0, (4.5, 1.6)), (0, (1, 1.1))
CIRCLES: dict[str, Any] = {
    "marker": "o",
    "markersize": 2.6,
    "markerfacecolor": "white",
    "markeredgewidth": 0.6,
    "linestyle": "none",
}
LABELS = {
    "guess_local": "Eve's guessing probability",
    "key_rate": "key rate (bits per round)",
    "randomness_global": "global randomness (bits per round)",
}
LIMITS = {"guess_local": (0.47, 1.03), "key_rate": (-0.15, 1.06), "randomness_global": (-0.1, 2.1)}
#: Visibilities of the study that are left out, for curves would lie too close.
LEFT_OUT = (0.98,)
#: What the panels of the narrow version show.
SHORT = {"guess_local": "Eve's guess", "key_rate": "key rate"}
TESTED = {"correlators": "all correlators tested", "bell": "Bell value tested"}
CHSH = "CHSH value $S$ without noise"


def entropy(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Binary entropy in bits."""
    return (entr(p) + entr(1.0 - p)) / np.log(2.0)


def series(table: Table, column: str = "value", best: bool = False) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """CHSH values and a column of the curve's rows; with ``best`` of the best point known, which may be the curve's."""
    found: dict[str, tuple[float, float]] = {}
    for row in table:
        group = row["point"].split("/")[0]
        value = np.nan if row[column] is None else float(row[column])
        if row["where"] != "best":
            found.setdefault(group, (float(row["chsh_ideal"]), value))
        elif best:
            found[group] = (found[group][0], value)
    s, values = np.array(sorted(found.values())).reshape(-1, 2).T
    return s, values


def lines(axes: Axes, table: Table, colours: dict[float, str]) -> None:
    """The curves of one panel: one colour for each visibility, one dash for each adversary; within its limits."""
    for visibility, colour in colours.items():
        part = table.where(visibility=visibility)
        others, quantum = part.where(model="no-signaling"), part.where(model="quantum")
        axes.plot(*series(others), color=colour, linestyle=NO_SIGNALING, linewidth=1.1, zorder=2)
        axes.plot(*series(quantum, best=True), color=colour, linestyle=BEST, linewidth=1.1, zorder=3)
    solid = [dict(zip(*series(table.where(visibility=v, model="quantum")), strict=True)) for v in colours]
    s = np.unique([x for curve in solid for x in curve])
    curves = [np.array([curve.get(x, np.nan) for x in s]) for curve in solid]
    tolerance = 0.004 * float(np.ptp(axes.get_ylim()))  # about half a line
    stripes(axes, s, curves, list(colours.values()), tolerance, linewidth=1.3, zorder=4)
    for (visibility, colour), y, at in zip(colours.items(), curves, (2.215, 2.36, 2.4, 2.44), strict=False):
        apart = all(abs(np.interp(at, s, y) - np.interp(at, s, z)) > 8 * tolerance for z in curves if z is not y)
        if apart:
            name_curve(axes, s, y, at, f"{visibility:g}", colour, zorder=7)


def certified(axes: Axes, table: Table, colours: dict[float, str]) -> None:
    """What the programs prove at visibility 1, beside the closed form: every fourth value."""
    s, values = series(table.where(model="quantum", visibility=1.0), "sdp_value")
    axes.plot(s[::4], values[::4], color=next(iter(colours.values())), zorder=6, **CIRCLES)


def exact(axes: Axes, table: Table, quantity: str, colours: dict[float, str]) -> None:
    """The paper's exact curves, thin and black."""
    curve = [r for r in table.where(model="quantum", visibility=1.0) if r["where"] != "best"]
    s, phi, omega = (np.array([r[name] for r in curve], dtype=np.float64) for name in ("chsh_ideal", "phi", "omega"))
    thin: dict[str, Any] = {"color": BLACK, "linewidth": 0.45}
    if quantity == "guess_local":
        axes.plot(s, np.full(s.shape, 0.5), **thin, zorder=5)
        if curve and curve[0]["observed"] == "correlators":
            for v in colours:
                axes.plot(s, np.minimum(1.0, 1.5 - v * s / 4.0), **thin, zorder=1.5)  # seen between the dashes
    elif quantity == "key_rate":
        axes.plot(s, 1.0 - entropy((1.0 + np.sin(phi)) / 2.0), **thin, zorder=5)
    else:
        axes.plot(s, 1.0 + entropy((1.0 + np.sin(omega)) / 2.0), **thin, zorder=5)


def panel(axes: Axes, table: Table, observed: str, quantity: str, colours: dict[float, str]) -> None:
    """One panel: a quantity, for one kind of tested data."""
    part = table.where(observed=observed, quantity=quantity)
    axes.set_ylim(*LIMITS[quantity])
    lines(axes, part, colours)
    exact(axes, part, quantity, colours)
    certified(axes, part, colours)
    if quantity != "guess_local":
        axes.axhline(0.0, color=GREY, linewidth=0.5, zorder=1)
    axes.set_xlim(1.985, 2.515)
    axes.xaxis.set_major_locator(MultipleLocator(0.1))
    axes.set_ylabel(LABELS[quantity])
    axes.set_xlabel(CHSH)


def handles(colours: dict[float, str]) -> tuple[list[Line2D], list[Line2D]]:
    """The legend: what the colours are, and what the lines are."""
    dark = next(iter(colours.values()))
    visibilities = [Line2D([], [], color=c, linewidth=1.8, label=f"$v={v:g}$") for v, c in colours.items()]
    kinds = [
        Line2D([], [], color=BLACK, linewidth=1.3, label=r"quantum, $\omega=\theta+\pi/2$"),
        Line2D([], [], color=BLACK, linestyle=BEST, linewidth=1.1, label=r"quantum, best point found"),
        Line2D([], [], color=BLACK, linestyle=NO_SIGNALING, linewidth=1.1, label="no-signaling, individual attacks"),
        Line2D([], [], color=BLACK, linewidth=0.45, label="exact"),
        Line2D([], [], color=dark, label="certified min-entropy, $v=1$", **CIRCLES),
    ]
    return visibilities, kinds


def page(table: Table, colours: dict[float, str]) -> Figure:
    """Two columns wide: three quantities, and one row for each kind of tested data."""
    tested = [o for o in TESTED if o in table.distinct("observed")]
    fig = figure(PAGE, 1.6 + 5.2 * len(tested))
    grid = fig.subplots(len(tested), len(LABELS), sharex=True, squeeze=False)
    for index, axes in enumerate(grid.flat):
        observed, quantity = tested[index // len(LABELS)], list(LABELS)[index % len(LABELS)]
        panel(axes, table, observed, quantity, colours)
        axes.set_title(f"({'abcdef'[index]}) {TESTED[observed]}", loc="left", pad=3)
        axes.xaxis.set_major_locator(MultipleLocator(0.2))
        if axes not in grid[-1]:
            axes.set_xlabel("")
    colour_key, line_key = handles(colours)
    while len(colour_key) < len(line_key):
        colour_key.append(Line2D([], [], linestyle="none", label=" "))
    # filled by columns: colours in the first row, lines in the second
    entries = [h for pair in zip(colour_key, line_key, strict=False) for h in pair]
    fig.legend(handles=entries, loc="outside lower center", ncols=len(entries) // 2, columnspacing=1.6)
    return fig


def column(table: Table, colours: dict[float, str]) -> Figure:
    """One column wide: guessing probability and key rate, all correlators tested."""
    fig = figure(COLUMN, 13.0)
    for index, (axes, quantity) in enumerate(
        zip(fig.subplots(2, 1, sharex=True), ("guess_local", "key_rate"), strict=True)
    ):
        panel(axes, table, "correlators", quantity, colours)
        axes.set_title(f"({'ab'[index]}) {SHORT[quantity]}, {TESTED['correlators']}", loc="left", pad=3)
        axes.label_outer()
    colour_key, line_key = handles(colours)
    fig.legend(handles=[*colour_key, *line_key], loc="outside lower center", ncols=2)
    return fig


def draw(table: Path, output: Path) -> list[Path]:
    """Draw both versions into a folder; returns the files."""
    data = read_table(table)
    known = {v for v in data.distinct("visibility") if v is not None}
    visibilities = sorted((v for v in known if v not in LEFT_OUT), reverse=True)
    colours = dict(zip(visibilities, sequence(len(visibilities)), strict=True))
    with style():
        files = save(page(data, colours), output / FIGURE.name, FIGURE, [data])
        files += save(column(data, colours), output / f"{FIGURE.name}_column", FIGURE, [data])
    return files


if __name__ == "__main__":
    main(FIGURE, draw)
