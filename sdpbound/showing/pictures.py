"""Pictures of objects, drawn into given axes or into a new figure of pyplot, in the style that is set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sdpbound.bell.behaviour import Behaviour
from sdpbound.boxes.drawing import weight_bars
from sdpbound.boxes.partition import BoxPartition
from sdpbound.entropies.envelope import EntropyEnvelope
from sdpbound.errors import InvalidInput
from sdpbound.finite_size.result import FiniteLength
from sdpbound.plotting.look import BLUE, GREY, ORANGE, VERMILLION
from sdpbound.rates.thresholds import Threshold
from sdpbound.showing.correlations import behaviour_table
from sdpbound.showing.proven import sided

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["axes_or_new", "draw_behaviour", "draw_envelope", "draw_length", "draw_threshold", "draw_weights"]

#: Tables with more entries than this have no numbers written in them, and no more heads than so many.
WRITTEN, HEADS = 100, 40


def axes_or_new(ax: Axes | None) -> Axes:
    """The given axes, or those of a new figure that a notebook or ``plt.show()`` shows."""
    if ax is not None:
        return ax
    from matplotlib import pyplot

    new: Axes = pyplot.subplots(layout="constrained")[1]
    return new


def _with(look: dict[str, Any], **own: Any) -> dict[str, Any]:
    """Keywords of a picture, and those of the caller in their place."""
    return own | look


def draw_behaviour(behaviour: Behaviour, ax: Axes | None, look: dict[str, Any]) -> Axes:
    """The table of probabilities by settings; ``look`` goes to ``imshow``."""
    axes = axes_or_new(ax)
    rows, columns, table = behaviour_table(behaviour)
    axes.imshow(table, **_with(look, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto"))
    small = table.size <= WRITTEN
    if small:
        for (i, j), value in np.ndenumerate(table):
            axes.text(j, i, f"{value:.3f}", ha="center", va="center", color="white" if value > 0.6 else "black")
    for axis, heads, turned in ((axes.yaxis, rows, 0), (axes.xaxis, columns, 90)):
        axis.set_ticks(range(len(heads)) if len(heads) <= HEADS else [])
        if len(heads) <= HEADS:
            axis.set_ticklabels(heads, rotation=turned)
    axes.minorticks_off()
    axes.tick_params(which="both", length=0)
    for place in _changes(rows):
        axes.axhline(place - 0.5, color=GREY, linewidth=0.8)
    for place in _changes(columns):
        axes.axvline(place - 0.5, color=GREY, linewidth=0.8)
    axes.set_title("probabilities by settings")
    return axes


def _changes(heads: list[str]) -> list[int]:
    """The places at which the settings change along heads such as "y=0 b=1"."""
    settings = [head.split(" ")[::2] for head in heads]
    return [i for i in range(1, len(settings)) if settings[i] != settings[i - 1]]


def draw_envelope(curve: EntropyEnvelope, ax: Axes | None, look: dict[str, Any]) -> Axes:
    """The lower bounds at the points of the curve, and the points that were solved; ``look`` goes to ``plot``."""
    axes = axes_or_new(ax)
    label = f"lower bounds at {len(curve.parameters)} points"
    (line,) = axes.plot(curve.parameters, curve.values, **_with(look, color=BLUE, label=label))
    places = np.searchsorted(curve.parameters, curve.solved)
    axes.plot(
        curve.solved,
        curve.values[places],
        linestyle="none",
        marker="o",
        markersize=3.0,
        markerfacecolor="none",
        color=line.get_color(),
        label="solved",
    )
    axes.set_xlabel("parameter")
    axes.set_ylabel("entropy (bits), lower bound")
    axes.legend()
    return axes


def draw_threshold(threshold: Threshold, ax: Axes | None, look: dict[str, Any]) -> Axes:
    """The two proven points with their rates, and what is open between them; ``look`` goes to both points."""
    points = [
        (value, rate, colour, word)
        for value, rate, colour, word in (
            (threshold.alive, threshold.alive_rate, BLUE, "proven"),
            (threshold.dead, threshold.dead_rate, VERMILLION, "attack"),
        )
        if value is not None and rate is not None
    ]
    if not points:
        raise InvalidInput(
            f"this threshold of {threshold.quantity} has no proven point to draw; search a wider interval."
        )
    axes = axes_or_new(ax)
    axes.axhline(threshold.target, color=GREY, linewidth=0.8)
    for value, rate, colour, word in points:
        marker = "^" if rate.side == "lower" else "v"
        label = f"{word}: {sided(rate.value, rate.side, 4)} at {value:.6g}"
        axes.plot(value, rate.value, **_with(look, linestyle="none", marker=marker, color=colour, label=label))
    if len(points) == 2:
        axes.axvspan(*sorted(point[0] for point in points), color=GREY, alpha=0.2, linewidth=0.0, label="open")
    axes.set_xlabel(threshold.quantity)
    axes.set_ylabel(f"{points[0][1].kind} rate (bits a round)")
    axes.ticklabel_format(axis="both", useOffset=False)
    axes.margins(0.4)
    axes.legend()
    return axes


def draw_length(length: FiniteLength, ax: Axes | None, look: dict[str, Any]) -> Axes:
    """What the length is made of: gains and losses in bits, one below the other, down to what is left.

    ``look`` goes to ``barh``.
    """
    axes = axes_or_new(ax)
    names, bits = [*length.terms, f"{length.kind}, lower bound"], [*length.terms.values(), length.length]
    starts = np.concatenate([[0.0], np.cumsum(bits[:-1])[:-1], [0.0]])
    colours = [*(BLUE if b >= 0 else ORANGE for b in bits[:-1]), GREY]
    axes.barh(range(len(bits)), bits, left=starts, **_with(look, color=colours, height=0.7))
    axes.set_yticks(range(len(bits)), names)
    axes.set_ylim(len(bits) - 0.4, -0.6)
    axes.tick_params(axis="y", which="both", length=0)
    axes.axvline(0.0, color=GREY, linewidth=0.8)
    axes.set_xlabel("bits")
    axes.set_title(f"{length.kind} {sided(length.length, 'lower', 4)} bits from {length.rounds:.4g} rounds")
    return axes


def draw_weights(partition: BoxPartition, ax: Axes | None, look: dict[str, Any]) -> Axes:
    """The weight of each member, and how much of it Eve's best guess gets; ``look`` goes to ``bar``."""
    axes = axes_or_new(ax)
    weight_bars(axes, partition, **look)
    return axes
