"""Figure 1 of Masanes et al. v4 (arXiv:quant-ph/0606049v4): printed key rates of noisy EPR pairs against their purity.

The rates are the paper's claims, (18) and (68) with (69); no formula is printed for the curve 'CHSH protocol', and
ours is a reconstruction. Thin: what an attack on single pairs leaves (docs/papers.md), which refutes the claims.

    python figures/paper_000_figure_1.py [output folder]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sdpbound.plotting.look import (
    BLACK,
    BLUE,
    COLUMN,
    GREY,
    VERMILLION,
    FigureSpec,
    figure,
    main,
    name_curve,
    save,
    style,
)
from sdpbound.protocols import bhk, simple_chsh
from sdpbound.tables.computed import read_computed, write_computed

FIGURE = FigureSpec(
    name="paper_000_figure_1",
    title="Masanes et al. v4: claimed key rates, and an attack",
    studies=(),
    computed=True,
    caption="Key rates of noisy EPR pairs of purity p that Masanes et al. v4 claims against a no-signaling adversary: "
    "BHK protocol with the best number of settings (dotted), CHSH protocol (dashed; a reconstruction, the paper "
    "prints no formula) and the simple protocol (solid). Thin: what an attack on single pairs leaves of each, at "
    "the best number of settings. The claims exceed it for every p < 1, and with two settings at p = 1 too (the "
    "simple protocol is left -0.187 there), so they are refuted. Figure 1 of the paper.",
    alt="Three rising curves of claimed key rates over the purity from 0.75 to 1; below each a thin curve for the "
    "attack.",
)
SETTINGS = np.arange(2, 400)
LABELS = {"bhk": "BHK", "chsh": "CHSH", "simple": "simple protocol"}
#: Purities where the names of the claims, and of what the attack leaves, stand.
NAMED = {"bhk": (0.85, 0.965), "chsh": (0.9, 0.94), "simple": (0.925, 0.965)}
LOOK = {"bhk": (BLUE, (0, (1, 1.2))), "chsh": (VERMILLION, (0, (4, 1.6))), "simple": (BLACK, "-")}


def compute(output: Path) -> Path:
    """The table of the figure."""
    p = np.linspace(0.75, 1.0, 251)
    attacked = bhk.individual_rate(p[:, None], SETTINGS).max(axis=1)
    columns = {
        "purity": p,
        "bhk": bhk.key_rate(p),
        "chsh": simple_chsh.key_rate(p, matched=True),
        "simple": simple_chsh.key_rate(p),
        "attacked_bhk": attacked,
        "attacked_chsh": simple_chsh.individual_rate(p, matched=True),
        "attacked_simple": simple_chsh.individual_rate(p),
    }
    return write_computed(output / f"{FIGURE.name}.csv", columns, "claimed rates and what an attack leaves")


def draw(table: Path, output: Path) -> list[Path]:
    """Draw the figure into a folder; returns the files."""
    data = read_computed(table)
    with style():
        fig = figure(COLUMN, 6.6)
        axes = fig.subplots()
        axes.axhline(0.0, color=GREY, linewidth=0.5, zorder=1)
        for name, (colour, dashes) in LOOK.items():
            p, claimed, left = data["purity"], data[name], data[f"attacked_{name}"]
            axes.plot(p, claimed, color=colour, linestyle=dashes, linewidth=1.4)
            axes.plot(p, left, color=colour, linewidth=0.5)
            first, second = NAMED[name]
            name_curve(axes, p, claimed, first, LABELS[name], colour)
            name_curve(axes, p, left, second, "attack", colour)
        axes.set_xlim(0.75, 1.0)
        axes.set_ylim(-0.35, 1.0)
        axes.set_xlabel("purity $p$")
        axes.set_ylabel("key rate (bits per pair)")
        return save(fig, output / FIGURE.name, FIGURE, [data])


if __name__ == "__main__":
    main(FIGURE, draw, compute)
