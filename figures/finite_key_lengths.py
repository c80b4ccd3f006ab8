"""Key bits per pair against the number of pairs, for the three protocols at security 1e-10.

Solid: proven for tested pairs. Dashed: the papers' own formulas, of which those of Masanes et al. v4 are refuted and
those of Hanggi et al. are proven for independent boxes only. Ideal error correction; the number of tests is optimised.

    python figures/finite_key_lengths.py [output folder]
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sdpbound.plotting.look import BLACK, BLUE, COLUMN, VERMILLION, FigureSpec, figure, main, save, style
from sdpbound.protocols import bhk, braunstein_caves, xor_amplification
from sdpbound.tables.computed import read_computed, write_computed

FIGURE = FigureSpec(
    name="finite_key_lengths",
    title="Finite key lengths of the three protocols",
    studies=(),
    computed=True,
    caption="Key bits per pair from n noisy EPR pairs of visibility 0.99 at security 1e-10, with the best number of "
    "tests and ideal error correction. Solid: proven for tested pairs and general no-signaling attacks: Masanes et al. "
    "v5 (M = 6), and random linear hashing for the protocols of Hanggi et al. and of Masanes et al. v4 (BHK with M = "
    "6). Dashed: what these two papers print; the first is proven for independent boxes, the second is refuted. Dots: "
    "the limits.",
    alt="Five curves over 100 to 1e15 pairs on logarithmic axes, each rising from zero to its limit at the right.",
)
VISIBILITY, SECURITY, SETTINGS = 0.99, 1e-10, 6
CURVES = {
    "000 printed": ("Masanes et al. v4 (BHK), printed: refuted", VERMILLION, (0, (4, 1.6))),
    "002 printed": ("Hänggi et al., printed", BLUE, (0, (4, 1.6))),
    "000 proven": ("Masanes et al. v4 (BHK), proven", VERMILLION, "-"),
    "002 proven": ("Hänggi et al., proven", BLUE, "-"),
    "001": ("Masanes et al. v5, proven", BLACK, "-"),
}


def compute(output: Path) -> Path:
    """The table of the figure; the last row is the limit."""
    n = np.geomspace(1e2, 1e15, 521)
    v, xi = VISIBILITY, 1.0 - VISIBILITY
    eps, delta = 0.1875 * v + xi / 2.0, xi / 2.0
    lengths = {
        "000 printed": (bhk.finite_length(n, v, SETTINGS, SECURITY), bhk.key_rate(v, SETTINGS)),
        "002 printed": (
            xor_amplification.finite_length(n, eps, delta, SECURITY),
            xor_amplification.key_rate(eps, delta),
        ),
        "000 proven": (bhk.proven_finite_length(n, v, SETTINGS, SECURITY), bhk.proven_rate(v, SETTINGS)),
        "002 proven": (
            xor_amplification.proven_finite_length(n, eps, delta, SECURITY),
            xor_amplification.proven_rate(eps, delta),
        ),
        "001": (braunstein_caves.finite_length(n, xi, SETTINGS, SECURITY), braunstein_caves.key_rate(xi, SETTINGS)),
    }
    columns = {"pairs": np.append(n, np.inf)}
    columns |= {name: np.append(length / n, limit) for name, (length, limit) in lengths.items()}
    return write_computed(output / f"{FIGURE.name}.csv", columns, f"key bits per pair, visibility {v}, security 1e-10")


def draw(table: Path, output: Path) -> list[Path]:
    """Draw the figure into a folder; returns the files."""
    data = read_computed(table)
    with style():
        fig = figure(COLUMN, 7.2)
        axes = fig.subplots()
        for name, (label, colour, dashes) in CURVES.items():
            rate, limit = data[name][:-1], data[name][-1]
            none = np.count_nonzero(rate <= 0.0)
            shown = np.concatenate([np.full(max(none - 1, 0), np.nan), np.full(min(none, 1), 1e-9), rate[none:]])
            axes.loglog(data["pairs"][:-1], shown, color=colour, linestyle=dashes)
            look = {"marker": "o", "markersize": 3.0, "zorder": 5, "clip_on": False}
            axes.plot([1.0], [limit], color=colour, transform=axes.get_yaxis_transform(), **look)
            where: dict[str, Any] = {"textcoords": "offset points", "ha": "right", "va": "bottom", "fontsize": 7}
            axes.annotate(label, (5e14, limit), (0, 2), color=colour, **where)
        axes.set_xlim(1e2, 1e15)
        axes.set_ylim(1e-5, 3.0)
        axes.set_xlabel("pairs $n$")
        axes.set_ylabel("key bits per pair")
        axes.annotate("$v=0.99$, security $10^{-10}$", (5e14, 1.6e-5), ha="right", fontsize=7)
        return save(fig, output / FIGURE.name, FIGURE, [data])


if __name__ == "__main__":
    main(FIGURE, draw, compute)
