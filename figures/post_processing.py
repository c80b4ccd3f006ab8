"""Key rates of a depolarised singlet with each post-processing, from both sides.

The numbers are those of ``benchmarks/post_processing.csv``, which ``python -m benchmarks.post_processing --write``
computes.

    python figures/post_processing.py [output folder]
"""

from __future__ import annotations

import csv
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from sdpbound.plotting.look import BLACK, BLUE, COLUMN, GREY, VERMILLION, FigureSpec, figure, main, save, style
from sdpbound.tables.computed import ComputedTable, read_computed, write_computed

FIGURE = FigureSpec(
    name="post_processing",
    title="What post-processing gains",
    studies=(),
    caption="Key rates of a depolarised singlet against the error rate of its key. Points: certified; lines: what an "
    "explicit attack leaves, so that no analysis gives more; the band of repetition codes is between the two. One or "
    "two of Alice's settings make key and the CHSH value is tested, with the best flips of her bit where marked; "
    "repetition codes have two settings a party at the angles of arXiv:1903.10535, all statistics tested, and the "
    "best length of blocks up to four. A random basis drops half of the rounds.",
    alt="Five falling curves on a logarithmic axis; one basis ends at 7.1 percent, with flips at 8.1, a random basis "
    "at 8.4, with flips near 9.5; a repetition code crosses them below.",
    computed=True,
)
SOURCE = Path(__file__).resolve().parents[1] / "benchmarks" / "post_processing.csv"
#: Colour, marker, and where the name stands: error rate in percent and rate.
LOOKS: dict[str, tuple[str, str, str, tuple[float, float]]] = {
    "one basis": (BLUE, "o", "one basis", (2.3, 0.66)),
    "one basis, flips": (BLUE, "s", "", (0.0, 1.0)),
    "random basis": (VERMILLION, "o", "random basis", (0.25, 0.245)),
    "random basis, flips": (VERMILLION, "s", "", (0.0, 1.0)),
    "repetition code": (BLACK, "^", "repetition code", (0.9, 1.5e-2)),
}
LEAST = 1e-6
MARK = {"markersize": 2.8, "markerfacecolor": "white", "markeredgewidth": 0.7}


def compute(output: Path) -> Path:
    """The numbers of the figure, taken from the benchmark's table."""
    with SOURCE.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    columns: dict[str, list[str] | list[float]] = {"protocol": [row["protocol"] for row in found]}
    columns |= {name: [float(row[name]) for row in found] for name in ("error", "rate", "attack")}
    return write_computed(output / f"{FIGURE.name}.csv", columns, "key rates of a depolarised singlet by protocol")


def curve(axes: Axes, name: str, data: ComputedTable) -> None:
    """One protocol: its certified rates, and what an attack leaves."""
    colour, marker, label, place = LOOKS[name]
    own = data.where(protocol=name)
    error, rate, attack = 100.0 * own["error"], own["rate"], own["attack"]
    left, alive = attack > LEAST, rate > LEAST
    dashes = "--" if marker == "s" else "-"
    axes.plot(error[left], attack[left], color=colour, linewidth=0.8, linestyle=dashes, zorder=2)
    both = left & alive
    axes.fill_between(error[both], rate[both], attack[both], color=GREY, alpha=0.35, linewidth=0.0, zorder=1)
    axes.plot(error[alive], rate[alive], marker=marker, color=colour, linestyle="none", zorder=3, **MARK)
    axes.annotate(label, place, color=colour, fontsize=7.5)


def draw(table: Path, output: Path) -> list[Path]:
    """Draw the figure into a folder; returns the files."""
    data = read_computed(table)
    with style():
        fig = figure(COLUMN, 6.8)
        axes = fig.subplots()
        for name in LOOKS:
            curve(axes, name, data)
        axes.set_yscale("log")
        axes.set_ylim(1e-4, 1.4)
        axes.set_xlim(0.0, 10.0)
        axes.set_xlabel("error rate of the key (%)")
        axes.set_ylabel("key rate (bits a round)")
        ways = (("o", "-", "no flips"), ("s", "--", "best flips"), ("^", "-", "best length of 2 to 4"))
        keys = [
            Line2D([], [], color=BLACK, linewidth=0.8, marker=m, linestyle=dash, label=t, **MARK) for m, dash, t in ways
        ]
        axes.legend(handles=keys, loc="lower left")
        return save(fig, output / FIGURE.name, FIGURE, [data])


if __name__ == "__main__":
    main(FIGURE, draw, compute)
