"""Eve's joint attack of Appendix F of arXiv:0911.4171 beside the best individual attack.

Above, the probability that she knows a bit against the error of the boxes, below, that she knows none against their
number.

    python figures/xor_attack.py [output folder]
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from sdpbound.boxes.xor_attack import certain_bit_threshold, individual_known_bit_probability, known_bit_probability
from sdpbound.plotting.look import BLACK, COLUMN, GREY, FigureSpec, figure, main, save, sequence, style
from sdpbound.tables.computed import read_computed, write_computed

FIGURE = FigureSpec(
    name="xor_attack",
    title="Eve's joint attack on n boxes",
    studies=(),
    caption="Probability that a no-signaling Eve knows at least one of Alice's n outcomes with certainty (above), or "
    "none (below), for n independent unbiased boxes of CHSH error eps. Solid: the joint attack of arXiv:0911.4171, "
    "Appendix F (Lemmas 22 to 25), certain from eps = 3/(8n + 4) on (circles; below, the curves end). Dashed: the best "
    "attack on each box alone, 1 - (1 - 4 eps)^n. Dotted: (2 - sqrt 2)/4, the least error of quantum boxes. Attacks "
    "are explicit, so these are lower bounds on what Eve can do.",
    alt="Above, the probability against the error for 1, 2, 4, 8 and 16 boxes; below, the probability that no bit is "
    "known against the number of boxes for three errors; the joint attack reaches certainty.",
    computed=True,
)
COUNTS = (1, 2, 4, 8, 16)
ERRORS = (0.01, 0.03, 0.1)
#: The least CHSH error of quantum mechanics.
TSIRELSON = (2 - 2**0.5) / 4


def compute(output: Path) -> Path:
    """Both probabilities: against eps for some n, with the thresholds among the points, and against n for some eps."""
    thresholds = certain_bit_threshold(np.array(COUNTS))
    eps = np.unique(np.concatenate([np.linspace(0.0, 0.25, 126), thresholds]))
    n, e = (a.ravel() for a in np.meshgrid(np.array(COUNTS, dtype=float), eps, indexing="ij"))
    many, few = (a.ravel() for a in np.meshgrid(np.arange(1.0, 61.0), np.array(ERRORS), indexing="ij"))
    boxes, errors = np.concatenate([n, many]), np.concatenate([e, few])
    columns: dict[str, Sequence[Any] | NDArray[Any]] = {
        "against": ["eps"] * n.size + ["n"] * many.size,
        "n": boxes,
        "eps": errors,
        "joint": known_bit_probability(boxes, errors),
        "individual": individual_known_bit_probability(boxes, errors),
    }
    about = "probability that Eve knows at least one of n bits, arXiv:0911.4171, App. F: joint and individual attack"
    return write_computed(output / f"{FIGURE.name}.csv", columns, about)


def draw(table: Path, output: Path) -> list[Path]:
    """Draw the figure into a folder; returns the files."""
    data = read_computed(table)
    with style():
        fig = figure(COLUMN, 11.5)
        above, below = fig.subplots(2, 1)
        for n, colour in zip(COUNTS, sequence(len(COUNTS)), strict=True):
            rows = data.where(against="eps", n=float(n))
            threshold = float(certain_bit_threshold(n))
            if n > 1:  # for one box both attacks are the same
                above.plot(rows["eps"], rows["individual"], color=colour, linestyle="--", linewidth=0.8)
            known = rows["eps"] <= threshold
            above.plot(rows["eps"][known], rows["joint"][known], color=colour)
            above.plot(threshold, 1.0, marker="o", markersize=3.5, color=colour, clip_on=False, zorder=5)
            side = {1: "right", 16: "center"}.get(n, "center")
            above.annotate(
                f"$n={n}$" if n in (1, 16) else f"{n}",
                (threshold, 1.03),
                color=colour,
                ha=side,
                fontsize=7.5,
                annotation_clip=False,
            )
        above.axvline(TSIRELSON, color=GREY, linestyle=":", linewidth=0.8)
        above.annotate("least error of\nquantum boxes", (TSIRELSON + 0.003, 0.05), color=GREY, fontsize=7)
        above.set_xlim(0.0, 0.25)
        above.set_ylim(0.0, 1.0)
        above.set_xlabel(r"CHSH error $\varepsilon$")
        above.set_ylabel("probability that Eve\nknows a bit")
        for eps, colour in zip(ERRORS, sequence(len(ERRORS) + 1), strict=False):
            rows = data.where(against="n", eps=eps)
            below.plot(rows["n"], 1.0 - rows["individual"], color=colour, linestyle="--", linewidth=0.8)
            left = rows["joint"] < 1.0
            below.plot(rows["n"][left], 1.0 - rows["joint"][left], color=colour, marker=".")
            end = (float(rows["n"][left][-1]), float(1.0 - rows["joint"][left][-1]))
            look: dict[str, Any] = {
                "textcoords": "offset points",
                "ha": "left",
                "va": "top",
                "fontsize": 7.5,
                "zorder": 6,
            }
            look["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
            below.annotate(rf"$\varepsilon={eps:g}$", end, (0, -5), color=colour, **look)
        below.set_yscale("log")
        below.set_xlim(1.0, 60.0)
        below.set_ylim(1e-3, 1.0)
        below.set_xlabel("number of boxes $n$")
        below.set_ylabel("probability that Eve\nknows no bit")
        for axes, title in ((above, "(a)"), (below, "(b)")):
            axes.set_title(title, loc="left", x=-0.16, pad=3)
        keys = [
            Line2D([], [], color=BLACK, label="joint attack"),
            Line2D([], [], color=BLACK, linestyle="--", linewidth=0.8),
        ]
        keys[1].set_label("each box alone")
        fig.legend(handles=keys, loc="outside lower center", ncols=2)
        return save(fig, output / FIGURE.name, FIGURE, [data])


if __name__ == "__main__":
    main(FIGURE, draw, compute)
