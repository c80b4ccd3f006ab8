"""Key rate against distance, from the tables of the three studies distance_best, distance_fixed and distance_heralded.

Lines: certified rates of devices that do not change. Circles: of the best devices for each distance. Crosses: explicit
attacks on these.

    python figures/distance.py BEST.csv FIXED.csv HERALDED.csv [output folder]
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

import sdpbound as sb
from sdpbound.plotting.look import BLACK, BLUE, COLUMN, GREY, VERMILLION, FigureSpec, figure, main, save, style
from sdpbound.tables.table import Table, read_table

FIGURE = FigureSpec(
    name="distance",
    title="Key against distance",
    studies=("distance_best", "distance_fixed", "distance_heralded"),
    caption="(a) Key rates against the length of fibre of 0.2 dB per km between the parties: the source at Alice's "
    "or in the middle, perfect detectors; and the source at Alice's with detectors of efficiency 0.95 and dark "
    "counts of probability 1e-6. Lost outcomes are outcome 0, and are kept in Bob's key setting. Lines: certified, "
    "devices that are best for 3 km; circles: certified, the best devices that a search found for each distance; "
    "crosses: attacks on these, at most 2e-4 bits above. (b) Pairs that are heralded half way by linear optics, "
    "whose dark counts of probability 1e-6 end the key. Devices best for detectors of efficiency 0.955, whatever the "
    "distance; lines: certified; crosses: attacks, at most 4e-5 bits above.",
    alt="Three falling curves end between 4 and 6.5 km; circles of devices that are searched for each distance go on "
    "for one km more. Below, two curves are flat to 250 km and fall to zero near 410 km.",
    slow=True,
)
Curve = tuple[NDArray[np.float64], NDArray[np.float64]]
FIBRE = re.compile(r"fibre\(([\d.e-]+),([\d.e-]+),")
HERALD = re.compile(r"white_noise\(([\d.e-]+)\)\+heralded\(([\d.e-]+),.*detection\(([\d.e-]+),")
#: The cases of panel (a): colour, name, and where the name stands, in km and bits.
CASES: dict[tuple[bool, bool], tuple[str, str, tuple[float, float]]] = {
    (False, False): (BLUE, "source at Alice's", (2.0, 0.68)),
    (True, False): (BLACK, "in the middle", (4.05, 0.02)),
    (False, True): (VERMILLION, "at Alice's, 0.95", (0.3, 0.13)),
}
OPEN = {"marker": "o", "markersize": 3.4, "markerfacecolor": "white", "markeredgewidth": 0.8, "linestyle": "none"}
CROSS = {"marker": "x", "markersize": 3.0, "markeredgewidth": 0.7, "linestyle": "none"}


def lengths(rows: Table, case: tuple[bool, bool]) -> Curve:
    """Distances in km and rates of one case: in the middle or not, with lossy detectors or not."""
    found = []
    for row in rows:
        match = FIBRE.match(row["noise"])
        assert match is not None
        a, b = float(match[1]), float(match[2])
        if (a > 0.0, "detection" in row["noise"]) == case or (
            a == b == 0.0 and case[1] == ("detection" in row["noise"])
        ):
            found.append((a + b, row["value"]))
    found.sort()
    km, rates = np.array(found).T
    return km, rates


def heralded(rows: Table, efficiency: float) -> Curve:
    """Distances in km, and bits a heralded round."""
    found = []
    for row in rows:
        match = HERALD.match(row["noise"])
        assert match is not None
        if float(match[3]) == efficiency:
            found.append((2.0 * float(match[2]), row["value"]))
    found.sort()
    km, rates = np.array(found).T
    return km, rates


def unheralded(axes: Axes, best: Table, fixed: Table) -> None:
    """Panel (a)."""
    for case, (colour, name, place) in CASES.items():
        axes.plot(*lengths(fixed.where(quantity="key_rate"), case), color=colour, linewidth=0.9)
        axes.plot(*lengths(best.where(quantity="key_rate"), case), color=colour, **OPEN)
        axes.plot(*lengths(best.where(quantity="key_rate_attack"), case), color=colour, **CROSS)
        axes.annotate(name, place, color=colour)
    axes.set_yscale("log")
    axes.set_ylim(0.01, 1.2)
    axes.set_xlim(-0.2, 8.2)
    axes.set_ylabel("key rate (bits/pair)")
    axes.set_title("(a) no herald", loc="left", pad=3)
    line: Any = Line2D([], [], color=BLACK, linewidth=0.9, label="fixed devices")
    keys = [line, Line2D([], [], color=BLACK, label="best devices", **OPEN)]
    axes.legend(handles=[*keys, Line2D([], [], color=BLACK, label="attack", **CROSS)], loc="upper right")


def with_herald(axes: Axes, table: Table) -> None:
    """Panel (b)."""
    for efficiency, colour in ((0.98, BLUE), (0.95, VERMILLION)):
        km, rates = heralded(table.where(quantity="key_rate"), efficiency)
        axes.plot(km, rates, color=colour, linewidth=0.9)
        axes.plot(*heralded(table.where(quantity="key_rate_attack"), efficiency), color=colour, **CROSS)
        axes.annotate(f"detectors of {efficiency:g}", (100, rates[0] - 0.04), color=colour, va="top")
    axes.axhline(0.0, color=GREY, linewidth=0.5, zorder=1)
    axes.set_ylim(-0.05, 0.78)
    axes.set_xlim(-10, 430)
    axes.set_xlabel("distance of the parties (km)")
    axes.set_ylabel("key rate (bits/herald)")
    axes.set_title("(b) heralded half way", loc="left", pad=27)
    axes.tick_params(top=False, which="both")
    attempts = axes.secondary_xaxis("top")
    places = [0, 100, 200, 300, 400]
    exponents = [round(np.log10(2.0 * sb.Heralded(km / 2).success_probability)) for km in places]
    attempts.set_xticks(places, [f"$10^{{{e}}}/2$" if e else "1/2" for e in exponents])
    attempts.minorticks_off()
    attempts.set_xlabel("heralds per attempt")


def draw(best: Path, fixed: Path, table: Path, output: Path) -> list[Path]:
    """Draw the figure into a folder; returns the files."""
    data = [read_table(path) for path in (best, fixed, table)]
    with style():
        fig = figure(COLUMN, 10.6)
        above, below = fig.subplots(2, 1)
        unheralded(above, data[0], data[1])
        with_herald(below, data[2])
        above.set_xlabel("distance of the parties (km)")
        return save(fig, output / FIGURE.name, FIGURE, data)


if __name__ == "__main__":
    main(FIGURE, draw)
