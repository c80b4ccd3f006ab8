"""Key rate against detection efficiency, from the table of studies/lossy_strategies.toml.

Lines: certified lower bounds for the strategies that the search found. Crosses: explicit attacks on these strategies,
which no proof from the same data exceeds. Circles: the published curve.

    python figures/lossy_strategies.py TABLE.csv [output folder]
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from matplotlib.ticker import MultipleLocator
from numpy.typing import NDArray

from sdpbound.plotting.look import BLACK, BLUE, COLUMN, GREY, VERMILLION, FigureSpec, figure, main, save, style
from sdpbound.tables.table import Table, read_table

FIGURE = FigureSpec(
    name="lossy_strategies",
    title="Key with lossy detectors",
    studies=("lossy_strategies",),
    caption="Above: key rate against the efficiency of all detectors, of the best devices that a search found for "
    "each efficiency (below 0.866 Eberhard's family of two qubits with one pair of outcomes that never occurs, above "
    "any two qubits; Bob's key setting keeps the no click). Filled: certified lower bounds for these devices and the "
    "flips of Alice's key; crosses: explicit attacks on them, at most 9e-4 bits above, which no proof from these "
    "data exceeds; the last three below 0.866 meet the tested data only nearly. Open: the published curve (data of "
    "arXiv:2106.13692, Fig. 4). Below: the angle of the state and the probability of a flip that were found. That no "
    "other devices are better is searched, not proven.",
    alt="A rate that rises from 2.6e-4 at efficiency 0.8 to 0.52 at 0.955 on a logarithmic axis, with crosses on it, "
    "and open circles below it, by a factor of two at 0.84 and of nine at 0.803, and close to it above 0.9. Below, "
    "two lines: the angle of the state grows with the efficiency, and the flips fall to zero at 0.866.",
    slow=True,
)
REFERENCE = Path(__file__).resolve().parents[1] / "tests" / "reference"
#: The study has the efficiencies below this one, where flips help; above are the records of the reference.
FLIPS_HELP = 0.866
Columns = dict[str, NDArray[np.float64]]


def reference(name: str, above: float = 0.0) -> Columns:
    """The columns of a reference file, of efficiencies above a number, ascending."""
    with (REFERENCE / name).open(encoding="utf-8", newline="") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    kept = sorted((row for row in rows if row["eta"] > above), key=lambda row: row["eta"])
    return {key: np.array([row[key] for row in kept]) for key in kept[0]}


def joined(table: Table, column: str, records: Columns, name: str) -> NDArray[np.float64]:
    """A column of the study, and behind it that of the records."""
    return np.concatenate([table[column], records[name]])


def draw(table: Path, output: Path) -> list[Path]:
    """Draw the figure into a folder; returns the files."""
    data = read_table(table)
    low, high = data.where(quantity="key_rate"), data.where(quantity="key_rate_attack")
    published, more = reference("lossy_key_rates.csv"), reference("best_lossy_strategies.csv", FLIPS_HELP)
    efficiency = joined(low, "efficiency", more, "eta")
    with style():
        fig = figure(COLUMN, 9.4)
        rates, found = fig.subplots(2, 1, sharex=True, height_ratios=[2.0, 1.0])
        filled = {"marker": "o", "markersize": 3.2, "color": BLUE}
        rates.plot(efficiency, joined(low, "value", more, "rate"), label="proven, devices found", **filled)
        cross = {"marker": "x", "markersize": 5.0, "linestyle": "none"}
        attacked = joined(high, "efficiency", more, "eta"), joined(high, "value", more, "attack")
        rates.plot(*attacked, color=BLACK, label="attack on these", **cross)
        look = {"marker": "o", "markersize": 2.6, "markerfacecolor": "white", "linestyle": "none", "zorder": 4}
        curve = published["eta"], published["published_rate"]
        rates.plot(*curve, color=VERMILLION, markeredgewidth=0.7, label="arXiv:2106.13692", **look)
        rates.set_yscale("log")
        rates.set_ylabel("key rate (bits/round)")
        rates.legend(loc="lower right")
        rates.set_title("(a) rate", loc="left", pad=3)
        found.plot(efficiency, joined(low, "theta", more, "theta"), color=BLUE, marker="o", markersize=2.4)
        found.plot(efficiency, joined(low, "preprocessing", more, "flips"), color=BLACK, marker="s", markersize=2.4)
        found.annotate(r"$\theta$ (rad)", (0.42, 0.86), xycoords="axes fraction", color=BLUE, ha="right")
        found.annotate("flips $q$", (0.55, 0.1), xycoords="axes fraction", ha="right", va="bottom")
        found.axhline(0.0, color=GREY, linewidth=0.5, zorder=1)
        found.set_ylabel("value found")
        found.set_title("(b) devices and flips", loc="left", pad=3)
        found.set_xlabel(r"detection efficiency $\eta$")
        found.xaxis.set_major_locator(MultipleLocator(0.05))
        return save(fig, output / FIGURE.name, FIGURE, [data])


if __name__ == "__main__":
    main(FIGURE, draw)
