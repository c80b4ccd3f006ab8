"""Figure 2 of Masanes et al. v5 (arXiv:quant-ph/0606049v5): key rate against noise for some numbers of settings.

Eq. (21) with the minimum over theta, gamma optimised for every noise.

    python figures/paper_001_figure_2.py [output folder]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sdpbound.plotting.look import BLACK, COLUMN, GREY, FigureSpec, figure, main, name_curve, save, sequence, style
from sdpbound.protocols import braunstein_caves
from sdpbound.tables.computed import read_computed, write_computed

FIGURE = FigureSpec(
    name="paper_001_figure_2",
    title="Masanes et al. v5: key rate of the Braunstein-Caves protocol",
    studies=(),
    computed=True,
    caption="Key rate of the Braunstein-Caves protocol with M settings on EPR pairs with a fraction xi of white noise, "
    "general attacks of a no-signaling adversary, universally composable: Eq. (21) of Masanes et al. v5 with the "
    "minimum over theta, and the best probability gamma to test at every noise. Inset: by how much the rate of M = 6 "
    "(not in the paper's figure) is above that of M = 7. It is the best between xi = 0.0045 and 0.0231, by at most 1 "
    "per cent. Figure 2 of the paper.",
    alt="Five falling curves over the noise from 0 to 0.03; the highest starts at 0.0042 and ends at 0.0276. An inset "
    "shows two of them within a few per cent.",
)
SETTINGS = (5, 6, 7, 11, 15)
#: Where the names of curves stand, and what they are.
NAMED = {5: (0.0045, "$M=5$"), 6: (0.009, "6, 7"), 11: (0.0055, "11"), 15: (0.005, "15")}


def compute(output: Path) -> Path:
    """The table of the figure."""
    xi = np.linspace(0.0, 0.03, 241)
    columns = {"noise": xi} | {f"M={m}": braunstein_caves.key_rate(xi, m) for m in SETTINGS}
    return write_computed(output / f"{FIGURE.name}.csv", columns, "Masanes et al. v5, Eq. (21) at the best gamma")


def draw(table: Path, output: Path) -> list[Path]:
    """Draw the figure into a folder; returns the files."""
    data = read_computed(table)
    with style():
        fig = figure(COLUMN, 6.2)
        axes = fig.subplots()
        noise, inset = data["noise"], axes.inset_axes((0.56, 0.52, 0.41, 0.4))
        for m, colour in zip(SETTINGS, sequence(len(SETTINGS)), strict=True):
            rate = 1e3 * data[f"M={m}"]
            shown = np.arange(rate.size) < np.count_nonzero(rate > 0.0) + 1  # down to the axis, not along it
            axes.plot(noise[shown], rate[shown], color=colour, linestyle="--" if m == 7 else "-")
            if m in NAMED:
                name_curve(axes, noise, rate, *NAMED[m], colour)
        both = data["M=7"] > 1e-5
        inset.plot(noise[both], 100.0 * (data["M=6"][both] / data["M=7"][both] - 1.0), color=BLACK)
        inset.axhline(0.0, color=GREY, linewidth=0.5)
        inset.set_xlim(0.0, 0.027)
        inset.set_ylim(-8.0, 2.0)
        inset.set_title("$M=6$ above $M=7$ (%)", fontsize=7, pad=2)
        inset.tick_params(labelsize=6.5)
        axes.set_xlim(0.0, 0.03)
        axes.set_ylim(0.0, 4.4)
        axes.set_xlabel(r"noise $\xi$")
        axes.set_ylabel(r"key rate ($10^{-3}$ bits per pair)")
        return save(fig, output / FIGURE.name, FIGURE, [data])


if __name__ == "__main__":
    main(FIGURE, draw, compute)
