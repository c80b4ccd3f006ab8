"""Figure 1 of arXiv:2309.09650, from the closed forms: CHSH values of the strategies of Eq. (6) with omega = pi.

Dashed triangles: condition (4) holds inside, and a CHSH value exceeds 2. Crosses: the maximum 3 sqrt(3)/2, at
theta = phi = pi/3 and at its mirror image. Black: a CHSH value equals 2.

    python figures/paper_figure_1.py [output folder]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from matplotlib.ticker import MultipleLocator

from sdpbound import singlet_chsh
from sdpbound.plotting import BLACK, COLUMN, figure, light_viridis, provenance, save, style

# Where (4) holds at omega = pi, in units of pi: corners (theta, phi).
TRIANGLES = (((1 / 2, 0), (1 / 2, 1 / 2), (0, 1 / 2)), ((1 / 2, 0), (1 / 2, -1 / 2), (1, -1 / 2)))
MAXIMA = ((1 / 3, 1 / 3), (2 / 3, -1 / 3))


def draw(output: Path) -> list[Path]:
    """Draw the figure into a folder; returns the files."""
    theta = np.linspace(0.0, 1.0, 401)
    phi = np.linspace(-0.5, 0.5, 401)
    t, p = np.meshgrid(theta, phi)
    values = singlet_chsh(np.pi * t, np.pi * p, np.pi)
    with style():
        fig = figure(COLUMN, 7.2)
        axes = fig.add_subplot()
        levels = np.linspace(0.0, 2.6, 14)
        filled = axes.contourf(t, p, values, levels=levels, cmap=light_viridis())
        filled.set_edgecolor("face")  # no hairlines between the bands in viewers
        axes.contour(t, p, values, levels=levels, colors="white", linewidths=0.25, alpha=0.6)
        axes.contour(t, p, values, levels=[2.0], colors=BLACK, linewidths=1.0)
        for corners in TRIANGLES:
            closed = np.array([*corners, corners[0]])
            axes.plot(*closed.T, color=BLACK, linestyle=(0, (4, 2)), linewidth=1.0, clip_on=False)
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
        return save(fig, output / "paper_figure_1", provenance(source="closed form, arXiv:2309.09650 Fig. 1"))


if __name__ == "__main__":
    for path in draw(Path(sys.argv[1] if len(sys.argv) > 1 else "results/paper")):
        print(path)
