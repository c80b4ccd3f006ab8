"""Figure 1 of arXiv:2309.09650: CHSH values of the strategies of Eq. (6) with omega = pi.

Dashed triangles: condition (4) holds inside, and a CHSH value exceeds 2. Crosses: the maximum 3 sqrt(3)/2, at
theta = phi = pi/3 and at its mirror image. Black: a CHSH value equals 2.

    python figures/paper_figure_1.py paper_figure_1.csv [output folder]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.ticker import MultipleLocator
from matplotlib.tri import Triangulation
from numpy.typing import NDArray

from sdpbound.plotting.look import BLACK, COLUMN, FigureSpec, figure, gridded, light_viridis, main, save, style
from sdpbound.tables.table import read_table

FIGURE = FigureSpec(
    name="paper_figure_1",
    title="CHSH values at omega = pi",
    studies=("paper_figure_1",),
    caption="Largest of the eight CHSH values of the strategies (6) of arXiv:2309.09650 at omega = pi (closed form). "
    "Inside the dashed triangles condition (4) holds and CHSH exceeds 2, with the maximum 3 sqrt(3)/2 at the crosses; "
    "black lines are CHSH = 2; contours are 0.2 apart and have kinks where another of the eight values takes over. "
    "Figure 1 of the paper.",
    alt="Contours of the CHSH value over theta and phi; two dashed triangles surround the region above 2.",
)
# In units of pi: (theta, phi).
MAXIMA = ((1 / 3, 1 / 3), (2 / 3, -1 / 3))
#: CHSH values beside their contours: a text and its place, in units of pi.
NAMED = (("2", 0.67, 0.2), ("2", 0.33, -0.2), ("2.4", 0.17, 0.44), ("2.4", 0.83, -0.44))
DASHED = (0, (4, 2))


def triangles(x: NDArray[np.float64], y: NDArray[np.float64]) -> Triangulation:
    """The grid's squares, cut along the lines x + y = constant on which the values have their kinks."""
    corner = np.arange(x.size * y.size).reshape(y.size, x.size)
    left, right, above, both = corner[:-1, :-1], corner[:-1, 1:], corner[1:, :-1], corner[1:, 1:]
    halves = [np.stack([left, right, above], axis=-1), np.stack([right, both, above], axis=-1)]
    return Triangulation(np.tile(x, y.size), np.repeat(y, x.size), np.concatenate(halves).reshape(-1, 3))


def draw(table: Path, output: Path) -> list[Path]:
    """Draw the figure into a folder; returns the files."""
    data = read_table(table)
    theta, phi, values = gridded(data.where(quantity="chsh"), "theta", "phi")
    _, _, condition = gridded(data.where(quantity="condition"), "theta", "phi")
    grid = triangles(theta / np.pi, phi / np.pi)
    with style():
        fig = figure(COLUMN, 6.8)
        axes = fig.add_subplot()
        levels = np.linspace(0.0, 2.6, 14)
        filled = axes.tricontourf(grid, values.ravel(), levels=levels, cmap=light_viridis())
        filled.set_edgecolor("face")  # no hairlines between the bands in viewers
        axes.tricontour(grid, values.ravel(), levels=levels, colors="white", linewidths=0.25, alpha=0.6)
        axes.tricontour(grid, values.ravel(), levels=[2.0], colors=BLACK, linewidths=1.0)
        for level, x, y in NAMED:
            axes.annotate(level, (x, y), ha="center", va="center", fontsize=6.5)
        # just below zero: on the edges of the triangles, at grid points, it is zero up to rounding
        edges = axes.tricontour(grid, condition.ravel(), [-1e-9], colors=BLACK, linewidths=1.0, linestyles=[DASHED])
        edges.set_clip_on(False)
        for x, y in MAXIMA:
            axes.plot(x, y, marker="x", color=BLACK, markersize=6, markeredgewidth=1.2, linestyle="none")
        axes.set_xlabel(r"$\theta/\pi$")
        axes.set_ylabel(r"$\phi/\pi$")
        axes.set_aspect("equal")
        axes.xaxis.set_major_locator(MultipleLocator(0.25))
        axes.yaxis.set_major_locator(MultipleLocator(0.25))
        bar = fig.colorbar(filled, cax=axes.inset_axes((1.04, 0.0, 0.05, 1.0)), ticks=np.arange(0.0, 2.7, 0.4))
        bar.set_label(r"largest CHSH value at $\omega=\pi$")
        bar.ax.minorticks_off()
        return save(fig, output / FIGURE.name, FIGURE, [data])


if __name__ == "__main__":
    main(FIGURE, draw)
