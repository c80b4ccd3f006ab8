"""Key rates against a quantum and a no-signaling adversary side by side, from the table of studies/side_by_side.toml.

Triangles on the axis are where a signed rate crosses zero; between visibilities of the table it is taken for straight.
The rate of tested pairs is concave in the part of them that is key, and rises from none with the slope of the rate of
independent pairs: both die at the same visibility.

    python figures/side_by_side.py TABLE.csv [output folder]
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from sdpbound.plotting.look import BLACK, BLUE, PAGE, VERMILLION, FigureSpec, figure, main, save, style
from sdpbound.tables.table import Table, read_table

FIGURE = FigureSpec(
    name="side_by_side",
    title="Quantum and no-signaling key rates of the singlet family, side by side",
    studies=("side_by_side",),
    caption="Key rates from the settings (0, 0) against visibility (white noise), members of the singlet family on "
    "omega = theta + pi/2 at phi = pi/2 - 0.02 with the CHSH value S without noise; all correlators are tested. "
    "Quantum adversary, general attacks: certified lower bounds from von Neumann entropies (black) and min-entropy "
    "(grey), and what explicit attacks leave at most (circles). No-signaling adversary, lower bounds from certified "
    "guessing probabilities: individual attacks (solid blue), general attacks on pairs known to be independent (dashed "
    "blue, Hanggi et al.), general attacks on tested pairs, tests counted as lost (vermillion, random linear hashing). "
    "Triangles: where each dies; the last two die at the same visibility.",
    alt="Three panels of key rates on a logarithmic axis, CHSH values 2.1, 2.3 and 2.5; the quantum rate dies at the "
    "lowest visibility, then min-entropy's and that for individual no-signaling attacks, last those for general ones.",
)
VON_NEUMANN = "von Neumann"
#: Quantity, kind of entropy in its options: colour, dashes, label.
CURVES: dict[tuple[str, str], tuple[str, Any, str]] = {
    ("key_rate", VON_NEUMANN): (BLACK, "-", "quantum, von Neumann"),
    ("key_rate", ""): ("#7F7F7F", "-", "quantum, min-entropy"),
    ("key_rate_individual", ""): (BLUE, "-", "no-signaling, individual"),
    ("key_rate_independent", ""): (BLUE, (0, (4, 1.6)), "no-signaling, independent pairs"),
    ("key_rate_tested", ""): (VERMILLION, "-", "no-signaling, tested pairs"),
}
LOWEST, HIGHEST = 1e-5, 1.6
#: Points of a curve that is drawn.
FINE = 4000


def curve(table: Table, quantity: str, entropy: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Visibilities and rates, ascending: two rows."""
    rows = [r for r in table.where(quantity=quantity) if (r["options"] or "").startswith(entropy)]
    rows = [r for r in rows if entropy or r["options"] is None]
    return np.array(sorted((r["visibility"], r["value"]) for r in rows)).T


def death(v: Any, rate: Any) -> float:
    """Where a rate crosses zero; nan where it does not in the table."""
    alive = np.flatnonzero(rate <= 0.0)
    if not alive.size or alive[-1] + 1 == v.size:
        return float("nan")
    i = int(alive[-1])
    return float(v[i] - rate[i] * (v[i + 1] - v[i]) / (rate[i + 1] - rate[i]))


def panel(axes: Axes, table: Table) -> None:
    """The curves of one member."""
    dies = float("nan")
    for (quantity, entropy), (colour, dashes, _) in CURVES.items():
        v, rate = curve(table, quantity, entropy)
        if quantity != "key_rate_tested":
            dies = death(v, rate)
            v, rate = np.linspace(v[0], 1.0, FINE), np.interp(np.linspace(v[0], 1.0, FINE), v, rate)
        alive = (rate > 0.0) & (v > dies)
        axes.semilogy(np.append(dies, v[alive]), np.append(1e-9, rate[alive]), color=colour, linestyle=dashes)
        face = colour if dashes == "-" else "white"
        axes.plot([dies], [1.25 * LOWEST], marker="^", color=colour, markerfacecolor=face, zorder=5)
    v, rate = curve(table, "key_rate_attack", "")
    axes.plot(v[::2], rate[::2], linestyle="none", marker="o", markersize=2.2, color=BLACK, markerfacecolor="white")
    axes.set_xlim(v[0], 1.0)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.set_ylim(LOWEST, HIGHEST)


def draw(table: Path, output: Path) -> list[Path]:
    """Draw the figure into a folder; returns the files."""
    data = read_table(table)
    members = sorted(data.distinct("chsh_ideal"))
    with style():
        fig = figure(PAGE, 7.4)
        panels = fig.subplots(1, len(members), sharey=True, squeeze=False)[0]
        for letter, axes, s in zip("abcdef", panels, members, strict=False):
            panel(axes, data.where(chsh_ideal=s))
            axes.set_title(f"({letter}) $S={s:.3g}$", loc="left", pad=3)
            axes.set_xlabel("visibility $v$")
        panels[0].set_ylabel("key rate (bits per pair)")
        keys = [Line2D([], [], color=c, linestyle=d, label=label) for c, d, label in CURVES.values()]
        look: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 2.2, "markerfacecolor": "white"}
        keys.insert(1, Line2D([], [], color=BLACK, label="quantum, attacks", **look))
        fig.legend(handles=keys, loc="outside lower center", ncols=3)
        return save(fig, output / FIGURE.name, FIGURE, [data])


if __name__ == "__main__":
    main(FIGURE, draw)
