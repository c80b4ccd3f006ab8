"""Figure 2 of arXiv:2309.09650: CHSH values of the strategies of Eq. (6) at phi = pi/2.

Black triangles: the CHSH value is 2; every other point exceeds it. Crosses: the maximum 5/2, at (pi/3, 5 pi/6), at
(5 pi/3, 13 pi/6), and at their relabellings. Dashed: perfect global randomness as well; circles: its maximum
1 + sqrt(2), at (pi/4, pi), at (7 pi/4, 2 pi), and at their relabellings.

    python figures/paper_figure_2.py paper_figure_2.csv [output folder]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.ticker import MultipleLocator

from sdpbound.plotting.look import BLACK, COLUMN, FigureSpec, figure, gridded, light_viridis, main, save, style
from sdpbound.tables.table import read_table

FIGURE = FigureSpec(
    name="paper_figure_2",
    title="CHSH values in the limit phi = pi/2",
    studies=("paper_figure_2",),
    caption="Largest of the eight CHSH values of the strategies (6) of arXiv:2309.09650 at phi = pi/2 (closed form). "
    "Black lines: CHSH = 2, exceeded everywhere else. Crosses: the maximum 5/2; circles: 1 + sqrt(2), the maximum on "
    "the dashed lines, where perfect randomness comes with perfect key. Figure 2 of the paper.",
    alt="Contours of the CHSH value over theta and omega: eight triangles, each with one maximum of 5/2.",
)
# In units of pi: (theta, omega).
MAXIMA = tuple((x + i, y + j) for x, y in ((1 / 3, 5 / 6), (2 / 3, 7 / 6)) for i in (0, 1) for j in (0, 1))
RANDOMNESS_MAXIMA = tuple((x + i, 1.0 + j) for x in (1 / 4, 3 / 4) for i in (0, 1) for j in (0, 1))


def draw(table: Path, output: Path) -> list[Path]:
    """Draw the figure into a folder; returns the files."""
    data = read_table(table)
    theta, omega, values = gridded(data.where(quantity="chsh"), "theta", "omega")
    t, w = theta / np.pi, omega / np.pi
    with style():
        fig = figure(COLUMN, 7.2)
        axes = fig.add_subplot()
        levels = np.linspace(2.0, 2.5, 11)
        filled = axes.contourf(t, w, np.clip(values, 2.0, 2.5), levels=levels, cmap=light_viridis())
        filled.set_edgecolor("face")  # no hairlines between the bands in viewers
        axes.contour(t, w, values, levels=levels[1:-1], colors="white", linewidths=0.25, alpha=0.6)
        # the value 2 is a minimum, not crossed: its lines are known
        for x in (0.0, 1.0, 2.0):
            axes.plot([x, x], [0.5, 2.5], color=BLACK, linewidth=1.0, clip_on=False)
        for y in (0.5, 1.5, 2.5):
            axes.plot([0.0, 2.0], [y, y], color=BLACK, linewidth=1.0, clip_on=False)
        for total in (1.5, 2.5, 3.5):
            x = np.array([max(0.0, total - 2.5), min(2.0, total - 0.5)])
            axes.plot(x, total - x, color=BLACK, linewidth=1.0)
        for y in (1.0, 2.0):
            axes.plot([0.0, 2.0], [y, y], color=BLACK, linestyle=(0, (4, 2)), linewidth=0.9)
        look = {
            "color": BLACK,
            "markersize": 5,
            "markeredgewidth": 1.1,
            "markerfacecolor": "white",
            "linestyle": "none",
        }
        for points, marker in ((MAXIMA, "x"), (RANDOMNESS_MAXIMA, "o")):
            axes.plot(*np.array(points).T, marker=marker, **look)
        axes.set_xlabel(r"$\theta/\pi$")
        axes.set_ylabel(r"$\omega/\pi$")
        axes.set_aspect("equal")
        axes.xaxis.set_major_locator(MultipleLocator(0.5))
        axes.yaxis.set_major_locator(MultipleLocator(0.5))
        bar = fig.colorbar(filled, cax=axes.inset_axes((1.04, 0.0, 0.05, 1.0)), ticks=np.arange(2.0, 2.51, 0.1))
        bar.set_label(r"largest CHSH value at $\phi=\pi/2$")
        bar.ax.minorticks_off()
        return save(fig, output / FIGURE.name, FIGURE, [data])


if __name__ == "__main__":
    main(FIGURE, draw)
