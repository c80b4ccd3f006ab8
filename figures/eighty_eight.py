"""Facets A2 to A89 from both sides: certified bounds above the best known values, explicit devices below them.

The numbers are those of ``benchmarks/eighty_eight.csv``, which ``python -m benchmarks.eighty_eight --write`` computes.

    python figures/eighty_eight.py [output folder]
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from sdpbound.plotting.look import BLACK, BLUE, COLUMN, GREY, VERMILLION, FigureSpec, figure, main, save, style
from sdpbound.tables.computed import ComputedTable, read_computed, write_computed

FIGURE = FigureSpec(
    name="eighty_eight",
    title="Facets A2 to A89 from both sides",
    studies=(),
    caption="How far the quantum maxima of the facets A2 to A89 are enclosed, beside the best devices known: those of "
    "the literature (arXiv:0810.1615 and 1006.3032, seven digits) or, where they are better or alone, ours. Above: "
    "certified upper bounds minus that value, at level 2 (open circles) and the best level computed (filled); bars are "
    "published bounds of level 3, not certified. Below: that value minus what our explicit devices reach, downwards. "
    "Points of the grey band agree to the digits published.",
    alt="Two panels over the number of the inequality, with distances on logarithmic axes that mirror each other; most "
    "points lie in a band where the digits published agree, a few tens stand out by up to 5e-2.",
    computed=True,
)
SOURCE = Path(__file__).resolve().parents[1] / "benchmarks" / "eighty_eight.csv"
#: Below this, values agree to the digits published; points are drawn inside the band.
AGREE, FLOOR, MOST = 1e-7, 4e-8, 0.4
NUMBERS = ("lower", "upper", "level_2", "known_lower", "known_upper")


def compute(output: Path) -> Path:
    """The numbers of the figure, taken from the benchmark's table."""
    with SOURCE.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    columns: dict[str, list[float]] = {"number": [float(row["name"].removeprefix("A")) for row in found]}
    columns |= {name: [float(row[name] or "nan") for row in found] for name in NUMBERS}
    about = "A2 to A89: values of devices and certified upper bounds, ours and the literature's"
    return write_computed(output / f"{FIGURE.name}.csv", columns, about)


def reached(data: ComputedTable) -> NDArray[np.float64]:
    """What the best devices known reach: those of the literature or, where they are better or alone, ours."""
    return np.asarray(np.fmax(data["known_lower"], data["lower"]))


def distance(larger: NDArray[np.float64], smaller: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is between two values, at least the middle of the band of agreement."""
    apart = larger - smaller
    return np.where(apart > AGREE, apart, np.sqrt(AGREE * FLOOR))


def panel(axes: Axes, name: str) -> None:
    axes.set_yscale("log")
    axes.set_ylim(FLOOR, MOST)
    axes.axhspan(FLOOR, AGREE, color="#e6e6e6", linewidth=0)
    axes.set_yticks([10.0**k for k in (-7, -5, -3, -1)])
    axes.set_yticks([10.0**k for k in (-6, -4, -2)], minor=True)
    axes.tick_params(axis="y", which="minor", labelleft=False)
    axes.set_xlim(0, 91)
    axes.set_ylabel(name)


def above(axes: Axes, data: ComputedTable) -> None:
    """Upper bounds: level 2, the best, and the published ones."""
    n, known = data["number"], reached(data)
    low, high = distance(data["upper"], known), distance(data["level_2"], known)
    axes.vlines(n, low, high, color=GREY, linewidth=0.4, zorder=1)
    moved = high > 1.05 * low
    style_of = {"marker": "o", "linestyle": "none", "markeredgewidth": 0.6}
    open_ = {"markersize": 2.6, "markerfacecolor": "white", "markeredgecolor": BLUE}
    axes.plot(n[moved], high[moved], **style_of, **open_, zorder=2, label="level 2")
    axes.plot(n, low, **style_of, markersize=2.4, color=BLUE, zorder=4, label="best level")
    wide = data["known_upper"] - known > 1.5 * AGREE
    bars = {"marker": "_", "markersize": 5.0, "markeredgewidth": 1.0, "linestyle": "none", "color": BLACK}
    axes.plot(n[wide], distance(data["known_upper"], known)[wide], **bars, zorder=3, label="published")
    axes.legend(loc="upper left", ncols=3, columnspacing=1.0, handletextpad=0.2, handlelength=1.0)


def draw(table: Path, output: Path) -> list[Path]:
    """Draw the figure into a folder; returns the files."""
    data = read_computed(table)
    with style(xtick__minor__visible=True):
        fig = figure(COLUMN, 9.0)
        top, bottom = fig.subplots(2, 1, sharex=True)
        panel(top, "certified $-$ best known")
        panel(bottom, "best known $-$ devices")
        above(top, data)
        low = distance(reached(data), data["lower"])
        bottom.vlines(data["number"], FLOOR, low, color=GREY, linewidth=0.4, zorder=1)
        bottom.plot(data["number"], low, marker="s", markersize=1.3, linestyle="none", color=VERMILLION, zorder=3)
        bottom.invert_yaxis()
        bottom.set_xlabel("number of the inequality")
        return save(fig, output / FIGURE.name, FIGURE, [data])


if __name__ == "__main__":
    main(FIGURE, draw, compute)
