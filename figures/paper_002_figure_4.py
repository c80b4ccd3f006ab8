"""Figure 4 of Hanggi et al. (arXiv:0911.4171): where key agreement is possible, and what quantum mechanics reaches.

Key: Corollary 2. Quantum: our closed form of the boundary (``xor_amplification.quantum_boundary``).

    python figures/paper_002_figure_4.py [output folder]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sdpbound.plotting.look import BLACK, BLUE, COLUMN, VERMILLION, FigureSpec, figure, main, save, style
from sdpbound.protocols import xor_amplification
from sdpbound.tables.computed import read_computed, write_computed

FIGURE = FigureSpec(
    name="paper_002_figure_4",
    title="Hanggi et al.: where XOR privacy amplification gives a key",
    studies=(),
    computed=True,
    caption="CHSH error eps and key error delta. Below the orange line the key rate 1 - h(delta) - log2(1 + 4 eps) is "
    "positive (Hanggi et al., Corollary 2; proven for independent boxes, and the sign for tested ones too); above the"
    " blue line is what quantum mechanics reaches. In green both. Dot: the box of Protocol 1, rate 0.1926; "
    "circle: the best quantum point, 0.2031; square: the corner at delta = 0.0566. Figure 4 of the paper.",
    alt="Two lines over the key error that cross; between them, at key errors below 0.057, a green wedge.",
)
GREEN = "#009E73"


def compute(output: Path) -> Path:
    """The table of the figure."""
    delta = np.unique(np.concatenate([np.linspace(0.0, 0.15, 301), np.geomspace(1e-6, 0.01, 60)]))
    rate, best_delta, best_eps = xor_amplification.best_quantum_point()
    corner_delta, corner_eps = xor_amplification.largest_quantum_delta()
    lines = len(delta)
    columns = {
        "what": ["line"] * lines + ["protocol", "best", "corner"],
        "delta": np.concatenate([delta, [0.0, best_delta, corner_delta]]),
        "largest_eps": np.concatenate([xor_amplification.largest_eps(delta), [0.1875, best_eps, corner_eps]]),
        "quantum_eps": np.concatenate([xor_amplification.quantum_boundary(delta), [0.1875, best_eps, corner_eps]]),
        "rate": np.concatenate([np.full(lines, np.nan), [xor_amplification.key_rate(0.1875, 0.0), rate, 0.0]]),
    }
    return write_computed(output / f"{FIGURE.name}.csv", columns, "Hanggi et al., Corollary 2 and the quantum boundary")


def draw(table: Path, output: Path) -> list[Path]:
    """Draw the figure into a folder; returns the files."""
    data = read_computed(table)
    line, best = data.where(what="line"), data.where(what="best")
    delta, key, quantum = line["delta"], line["largest_eps"], line["quantum_eps"]
    with style():
        fig = figure(COLUMN, 6.6)
        axes = fig.subplots()
        axes.fill_between(delta, 0.0, key, color=VERMILLION, alpha=0.16, linewidth=0)
        axes.fill_between(delta, quantum, 0.26, color=BLUE, alpha=0.13, linewidth=0)
        axes.fill_between(delta, quantum, key, where=quantum <= key, color=GREEN, alpha=0.55, linewidth=0)
        axes.plot(delta, key, color=VERMILLION)
        axes.plot(delta, quantum, color=BLUE)
        for what, marker, face in (("protocol", "o", BLACK), ("best", "o", "white"), ("corner", "s", "white")):
            point = data.where(what=what)
            look = {"marker": marker, "markerfacecolor": face, "markeredgecolor": BLACK, "markeredgewidth": 0.7}
            axes.plot(point["delta"], point["largest_eps"], linestyle="none", clip_on=False, zorder=5, **look)
        axes.text(0.03, 0.06, "a key", color=BLACK)
        axes.text(0.085, 0.215, "quantum mechanics", color=BLACK)
        axes.text(0.008, 0.19, "both", color=BLACK)
        axes.text(0.125, 0.115, "neither", color=BLACK)
        for text, place, near in (
            ("Protocol 1", (0.0, 0.1875), (0.02, 0.135)),
            ("best quantum point", (float(best["delta"][0]), float(best["largest_eps"][0])), (0.02, 0.115)),
        ):
            arrow = {"arrowstyle": "-", "linewidth": 0.5, "color": BLACK, "shrinkA": 1, "shrinkB": 3}
            arrow["relpos"] = (0.0, 0.5)  # from the left of the words, which no line crosses
            axes.annotate(text, place, near, fontsize=7, va="center", arrowprops=arrow)
        corner = data.where(what="corner")
        where = (float(corner["delta"][0]), float(corner["largest_eps"][0]))
        axes.annotate("corner", where, (5, 4), textcoords="offset points", fontsize=7)
        axes.set_xlim(0.0, 0.15)
        axes.set_ylim(0.0, 0.26)
        axes.set_xlabel(r"key error $\delta$")
        axes.set_ylabel(r"CHSH error $\epsilon$")
        return save(fig, output / FIGURE.name, FIGURE, [data])


if __name__ == "__main__":
    main(FIGURE, draw, compute)
