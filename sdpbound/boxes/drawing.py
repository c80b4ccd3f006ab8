"""Pictures of Eve's strategies."""

from __future__ import annotations

from fractions import Fraction
from math import comb
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sdpbound.boxes.exact import Integers, probabilities

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_attack", "draw_partition", "draw_symmetric", "weight_bars"]

#: Conditional boxes shown, and members with a bar of their own.
SHOWN, BARS = 4, 24
PALE, BLUE, ORANGE = "#9ecae1", "#0072B2", "#E69F00"


class Joint(Protocol):
    """Several boxes."""

    @property
    def n(self) -> int: ...


class Partition(Protocol):
    """A box as a mixture of conditional boxes."""

    @property
    def boxes(self) -> Joint: ...
    @property
    def labels(self) -> tuple[str, ...]: ...
    @property
    def weights(self) -> tuple[Fraction, ...]: ...
    @property
    def figures(self) -> tuple[tuple[Fraction, ...], ...]: ...
    @property
    def parts(self) -> tuple[Integers, ...]: ...
    @property
    def denominator(self) -> int: ...
    @property
    def value(self) -> Fraction: ...


class Guesses(Protocol):
    """A mixture that is symmetric under exchange of the boxes."""

    @property
    def boxes(self) -> Joint: ...
    @property
    def value(self) -> Fraction: ...
    def guesses(self) -> dict[int, tuple[Fraction, Fraction]]: ...


class Errors(Protocol):
    """A mixture of products of boxes, each with its error."""

    @property
    def n(self) -> int: ...
    @property
    def eps(self) -> Fraction: ...
    @property
    def errors(self) -> tuple[tuple[Fraction, ...], ...]: ...
    @property
    def weights(self) -> tuple[Fraction, ...]: ...
    @property
    def value(self) -> Fraction: ...


def draw_partition(partition: Partition) -> Figure:
    """Draw a bar for the weight of each z; the dark part is what Eve's best guess gets. Panels show the heaviest P_z.

    In a panel rows are (Alice's setting, outcome) of every box, columns Bob's.
    """
    weights = np.array([float(w) for w in partition.weights])
    shown = [z for z in _heaviest(weights)[:SHOWN] if weights[z] > 0] if partition.boxes.n <= 3 else []
    figure, axes = _panels(3.2 + 1.7 * len(shown), 2.6, [1.8, *[1.0] * len(shown)])
    weight_bars(axes[0], partition)
    axes[0].tick_params(axis="x", labelsize=6)
    axes[0].title.set_fontsize(8)
    axes[0].legend(frameon=False, fontsize=6)
    n = partition.boxes.n
    for panel, z in zip(axes[1:], shown, strict=True):
        rows = probabilities(partition.parts[z]).transpose([*range(0, 2 * n, 2), *range(1, 2 * n, 2)])
        side = int(np.prod(rows.shape[:n]))
        table = rows.reshape(side, -1).astype(np.float64) / float(partition.denominator) / weights[z]
        panel.imshow(table, cmap="Blues", vmin=0.0, aspect="auto")
        panel.set_title(f"z = {partition.labels[z]}", fontsize=7)
        panel.set_xticks([])
        panel.set_yticks([])
        panel.set_xlabel("Bob v, y", fontsize=6)
    if shown:
        axes[1].set_ylabel("Alice u, x", fontsize=6)
    return figure


def weight_bars(axes: Axes, partition: Partition, **look: Any) -> None:
    """Draw the weight of each member, the heaviest first, and in it the part that Eve's best guess gets."""
    weights = np.array([float(w) for w in partition.weights])
    best = np.array([float(max(row)) for row in partition.figures])
    order = _heaviest(weights)[:BARS]
    axes.bar(range(len(order)), weights[order], **{"color": PALE, "label": "weight"} | look)
    axes.bar(range(len(order)), best[order], color=BLUE, width=0.45, label="best guess right")
    axes.set_xticks(range(len(order)), [partition.labels[z] for z in order], rotation=90)
    axes.set_ylabel("probability")
    axes.set_title(f"guessing probability {float(partition.value):.6g}")
    axes.set_ylim(0.0, 1.3 * float(weights.max()))
    axes.legend()


def _heaviest(weights: NDArray[np.float64]) -> list[int]:
    return [int(z) for z in np.argsort(-weights, kind="stable")]


def draw_symmetric(partition: Guesses) -> Figure:
    """Draw the probability of every number of errors as bars, for a right and a wrong guess, on a logarithmic scale."""
    figure, (axes,) = _panels(3.4, 2.4, [1.0])
    found = partition.guesses()
    for shift, place, colour, label in ((-0.2, 0, BLUE, "guess right"), (0.2, 1, ORANGE, "guess wrong")):
        axes.bar([j + shift for j in found], [float(v[place]) for v in found.values()], 0.4, color=colour, label=label)
    axes.set_yscale("log")
    axes.set_ylim(0.2 * min(float(v) for pair in found.values() for v in pair if v), 20.0)
    axes.set_xlabel("boxes that err")
    axes.set_ylabel("probability")
    axes.set_xticks(list(found))
    axes.set_title(f"{partition.boxes.n} boxes, guessing probability {float(partition.value):.6g}", fontsize=8)
    axes.legend(frameon=False, fontsize=6, ncols=2)
    return figure


def draw_attack(attack: Errors) -> Figure:
    """Weights by the number of local boxes, beside the individual attack's binomial distribution."""
    n, single = attack.n, 4.0 * float(attack.eps)
    counts = np.arange(n + 1)
    local = [sum(0.25 <= e <= 0.75 for e in row) for row in attack.errors]
    joint = np.bincount(local, weights=[float(w) for w in attack.weights], minlength=n + 1)
    individual = [comb(n, i) * single**i * (1.0 - single) ** (n - i) for i in range(n + 1)]
    figure, (axes,) = _panels(3.4, 2.4, [1.0])
    axes.bar(counts - 0.2, joint, 0.4, color=BLUE, label=f"joint, a bit known: {float(attack.value):.4g}")
    known = 1.0 - individual[0]
    axes.bar(counts + 0.2, individual, 0.4, color=ORANGE, label=f"individual, a bit known: {known:.4g}")
    axes.set_xlabel("local boxes")
    axes.set_ylabel("probability")
    axes.set_xticks(counts)
    axes.set_title(f"{n} boxes of error {float(attack.eps):.4g}", fontsize=8)
    axes.set_ylim(0.0, 1.35 * max(*joint, *individual))
    axes.legend(frameon=False, fontsize=6)
    return figure


def _panels(width: float, height: float, ratios: list[float]) -> tuple[Figure, list[Axes]]:
    """A figure without pyplot, size in inches, with panels in a row."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(1, len(ratios), width_ratios=ratios, squeeze=False)[0])
