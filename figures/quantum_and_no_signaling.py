"""Key rates against visibility for a quantum and for a no-signaling adversary, side by side (``protocols.compare``).

Four behaviours: a member of the singlet family near the local boundary, the box of Hanggi et al., CHSH with a third
setting of Bob for the key, and the Braunstein-Caves settings of Masanes et al. v5 with M = 3.

    python figures/quantum_and_no_signaling.py [output folder]
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.ticker import MultipleLocator

from sdpbound import Behaviour, SingletSelfTest, theta_at_chsh
from sdpbound.plotting.look import BLACK, BLUE, ORANGE, PAGE, VERMILLION, FigureSpec, figure, main, save, style
from sdpbound.protocols import braunstein_caves, compare, vanishing_visibilities, xor_amplification
from sdpbound.protocols.comparison import Kind
from sdpbound.tables.computed import read_computed, write_computed

FIGURE = FigureSpec(
    name="quantum_and_no_signaling",
    title="Key rates against a quantum and a no-signaling adversary",
    studies=(),
    computed=True,
    caption="Key rates against visibility (white noise), all correlators tested, lower bounds. Quantum adversary, "
    "general attacks: from certified von Neumann entropy (black) and min-entropy (grey). No-signaling adversary: "
    "individual attacks (solid blue), general attacks on pairs known to be independent (dashed blue, Hanggi et al.), "
    "general attacks on tested pairs, tests counted as lost (vermillion, random linear hashing; orange, Masanes et al. "
    "v5, Theorem 9). Triangles on the axis: where each dies; each panel has visibilities of its own. (a) The member"
    " of the singlet family with phi = pi/2 - 0.02, omega = theta + pi/2 and CHSH value 2.3; (b) the box of Hanggi "
    "et al.; (c) CHSH with a third setting of Bob for the key; (d) Masanes et al. v5 with M = 3. Min-entropy bounds"
    " the quantum rate less well than von Neumann entropy, and can lie below the rate for individual attacks.",
    alt="Four panels of key rates on a logarithmic axis; quantum rates die at the lowest visibilities, then come no-"
    "signaling ones against individual, and against general attacks.",
)
LOOK: dict[Kind, tuple[str, Any, str]] = {
    "von Neumann": (BLACK, "-", "quantum, von Neumann"),
    "min-entropy": ("#7F7F7F", "-", "quantum, min-entropy"),
    "individual": (BLUE, "-", "no-signaling, individual"),
    "independent": (BLUE, (0, (4, 1.6)), "no-signaling, independent pairs"),
    "tested": (VERMILLION, "-", "no-signaling, tested pairs"),
    "Masanes et al. v5": (ORANGE, "-", "no-signaling, Masanes et al. v5"),
}
PHI = np.pi / 2 - 0.02
THETA = float(theta_at_chsh(2.3, PHI))
MEMBER = SingletSelfTest(THETA, PHI, THETA + np.pi / 2)
#: Title, behaviour at a visibility, key settings.
CASES: dict[str, tuple[str, Callable[[float], Behaviour], tuple[int, int]]] = {
    "family": ("singlet family, $S=2.3$", MEMBER.behaviour, (0, 0)),
    "002": ("box of Hanggi et al.", xor_amplification.behaviour, (0, 0)),
    "chsh": ("CHSH and a key setting", lambda v: braunstein_caves.behaviour(1.0 - v, 2), (0, 2)),
    "001": ("Masanes et al. v5, $M=3$", lambda v: braunstein_caves.behaviour(1.0 - v, 3), (0, 3)),
}


def compute(output: Path) -> Path:
    """The table of the figure: rates, and the visibilities at which they die."""
    rows: list[tuple[str, str, str, float, float]] = []
    for case, (_, family, (x, y)) in CASES.items():
        deaths = vanishing_visibilities(family, x, y, tolerance=1e-4)
        rows += [(case, kind, "dies", np.nan if v is None else v, 0.0) for kind, v in deaths.items()]
        for kind, dies in deaths.items():
            if dies is None:
                continue
            slow = kind in ("von Neumann", "min-entropy")
            half = np.linspace(0.0, 1.0, 16) ** 3 / 2.0  # dense where the rate dies, and steep without noise
            for t in np.unique([*half, *(1.0 - half)]) if slow else np.linspace(0.0, 1.0, 120) ** 2:
                v = float(dies + (1.0 - dies) * t)
                rows.append((case, kind, "rate", v, compare(family(v), x, y, [kind]).rates[0].value))
    names = ("case", "kind", "what", "visibility", "rate")
    columns = dict(zip(names, (list(c) for c in zip(*rows, strict=True)), strict=True))
    return write_computed(output / f"{FIGURE.name}.csv", columns, "protocols.compare and vanishing_visibilities")


def draw(table: Path, output: Path) -> list[Path]:
    """Draw the figure into a folder; returns the files."""
    data = read_computed(table)
    with style():
        fig = figure(PAGE, 11.6)
        panels = fig.subplots(2, 2, sharey=True)
        for letter, axes, (case, (title, _, _)) in zip("abcd", panels.flat, CASES.items(), strict=True):
            for kind, (colour, dashes, _) in LOOK.items():
                part = data.where(case=case, kind=kind)
                curve, dies = part.where(what="rate"), part.where(what="dies")["visibility"]
                if not dies.size or not np.isfinite(dies[0]):
                    continue
                v, rate = np.append(dies, curve["visibility"]), np.append(1e-9, curve["rate"])
                axes.semilogy(v, rate, color=colour, linestyle=dashes)
                face = colour if dashes == "-" else "white"
                axes.plot(dies, [1.25e-5], marker="^", color=colour, markerfacecolor=face, zorder=5)
            axes.set_title(f"({letter}) {title}", loc="left", pad=3)
            first = np.nanmin(data.where(case=case, what="dies")["visibility"])
            axes.set_xlim(first - 0.08 * (1.0 - first), 1.0)
            axes.xaxis.set_major_locator(MultipleLocator(0.01 if first > 0.94 else 0.02 if first > 0.9 else 0.04))
            axes.set_ylim(1e-5, 1.3)
            if kind == "Masanes et al. v5" and dies.size and np.isfinite(dies[0]):
                note = f"Masanes et al. v5,\nfrom $v={dies[0]:.4f}$"
                arrow = {"arrowstyle": "-", "color": colour, "linewidth": 0.6}
                axes.annotate(note, (dies[0], 2e-5), (0.95, 4e-5), color=BLACK, arrowprops=arrow, fontsize=7)
        for axes in panels[1]:
            axes.set_xlabel("visibility $v$")
        for axes in panels[:, 0]:
            axes.set_ylabel("key rate (bits per pair)")
        handles = [axes.plot([], [], color=c, linestyle=d, label=label)[0] for c, d, label in LOOK.values()]
        fig.legend(handles=handles, loc="outside lower center", ncols=3)
        return save(fig, output / FIGURE.name, FIGURE, [data])


if __name__ == "__main__":
    main(FIGURE, draw, compute)
