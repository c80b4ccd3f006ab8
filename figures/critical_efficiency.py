"""Efficiencies and visibilities at which a key survives, from the table of studies/critical_efficiency.toml.

The best devices and their ends are those of ``benchmarks/critical_efficiency.csv``, which
``python -m benchmarks.critical_efficiency --write`` computes.

    python figures/critical_efficiency.py TABLE.csv [output folder]
"""

from __future__ import annotations

import csv
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from sdpbound.plotting.look import BLACK, BLUE, COLUMN, VERMILLION, FigureSpec, figure, main, save, style
from sdpbound.tables.table import Table, read_table

FIGURE = FigureSpec(
    name="critical_efficiency",
    title="Critical efficiency against visibility",
    studies=("critical_efficiency",),
    caption="Efficiency of all detectors down to which a key is proven, against white noise of the state; lost "
    "outcomes are outcome 0 and are kept in Bob's key setting, all statistics are tested. Circles: no flips of "
    "Alice's bit; squares: with flips. Blue: the singlet at the angles of CHSH; orange: the devices of two qubits that "
    "are best without white noise at each efficiency; filled: devices followed to the last efficiency at a "
    "visibility, as far as a search finds, and at visibility 1 the record of 0.789. Crosses: where an explicit "
    "attack leaves these very devices no key. Triangles: published at visibility 1 (0.924 with all losses "
    "binned and 0.909 with the no click kept, singlet, arXiv:1109.1203; 0.80, arXiv:2106.13692).",
    alt="Lines rise with the noise: the singlet from 0.903 without and 0.899 with flips to 0.968 at ten per cent; "
    "the best devices from 0.789 through 0.86 at one per cent to 0.955 at eight per cent.",
    slow=True,
)
SOURCE = Path(__file__).resolve().parents[1] / "benchmarks" / "critical_efficiency.csv"
PUBLISHED = (0.924, 0.909, 0.80)
#: The efficiency of the record without noise, and one at which no devices were found (docs/loss_and_noise.md).
RECORD, RECORD_DEAD = 0.789, 0.786
MARK = {"markersize": 3.2, "markeredgewidth": 0.8}
CROSS = {"marker": "x", "markersize": 3.0, "markeredgewidth": 0.7, "linestyle": "none"}


def singlet(axes: Axes, rows: Table, marker: str) -> None:
    """The singlet, with flips or without."""
    noise = [100.0 * (1.0 - row["visibility"]) for row in rows]
    look = {"marker": marker, "markerfacecolor": "white", "color": BLUE, "linewidth": 0.9, **MARK}
    axes.plot(noise, [row["value"] for row in rows], **look)
    axes.plot(noise, [row["dead"] for row in rows], color=BLACK, zorder=4, **CROSS)


def devices(axes: Axes) -> None:
    """The devices of the benchmark."""
    with SOURCE.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    curve = [row for row in found if row["devices"] == "best without noise"]
    axes.plot(*_places(curve, ""), color=VERMILLION, linewidth=0.9, zorder=2)
    axes.plot(*_places(found, "_dead"), color=BLACK, zorder=4, **CROSS)
    for row in found:
        marker = "s" if float(row["flips"]) > 0.0 else "o"
        fill = "white" if row in curve else VERMILLION
        axes.plot(*_places([row], ""), marker=marker, markerfacecolor=fill, color=VERMILLION, linestyle="none", **MARK)
    axes.plot([0.0], [RECORD], marker="s", color=VERMILLION, clip_on=False, zorder=5, **MARK)


def _places(rows: list[dict[str, str]], end: str) -> tuple[list[float], list[float]]:
    """White noise in per cent, and efficiencies."""
    noise = [100.0 * (1.0 - float(row[f"visibility{end}"])) for row in rows]
    return noise, [float(row[f"efficiency{end}"]) for row in rows]


def draw(table: Path, output: Path) -> list[Path]:
    """Draw the figure into a folder; returns the files."""
    data = read_table(table)
    with style():
        fig = figure(COLUMN, 7.4)
        axes = fig.subplots()
        flipped = [row["preprocessing"] > 0.0 for row in data]
        for marker, wanted in (("o", False), ("s", True)):
            names = {row["options"] for row, own in zip(data, flipped, strict=True) if own == wanted}
            for name in names:
                singlet(axes, data.where(options=name), marker)
        devices(axes)
        look = {
            "marker": "<",
            "color": BLACK,
            "markerfacecolor": "white",
            "linestyle": "none",
            "clip_on": False,
            **MARK,
        }
        axes.plot([0.0] * len(PUBLISHED), PUBLISHED, zorder=6, **look)
        axes.annotate("singlet", (4.6, 0.952), color=BLUE)
        axes.annotate("best without\nwhite noise", (4.0, 0.868), color=VERMILLION)
        for place, name in zip(PUBLISHED, ("all binned", "kept", "2106.13692"), strict=True):
            axes.annotate(name, (0.22, place), va="center", fontsize=6.5)
        axes.set_xlim(-0.4, 10.5)
        axes.set_ylim(0.78, 0.98)
        axes.set_xlabel("white noise $1-v$ (%)")
        axes.set_ylabel(r"critical detection efficiency $\eta$")
        grey = {"color": BLACK, "linestyle": "none", "markerfacecolor": "white", **MARK}
        keys = [
            Line2D([], [], marker="o", label="proven, no flips", **grey),
            Line2D([], [], marker="s", label="proven, flips", **grey),
            Line2D([], [], marker="s", label="devices followed", color=VERMILLION, linestyle="none", **MARK),
            Line2D([], [], color=BLACK, label="attack leaves none", **CROSS),
            Line2D([], [], label="published", **look),
        ]
        axes.legend(handles=keys, loc="lower right")
        return save(fig, output / FIGURE.name, FIGURE, [data])


if __name__ == "__main__":
    main(FIGURE, draw)
