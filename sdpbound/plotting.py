"""One style for publication figures, and saving with provenance.

Figures are built without pyplot, so that no backend and no global setting changes:

    with style():
        fig = figure(COLUMN, 7.0)
        ...
        save(fig, "results/name", provenance(table))
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure

from sdpbound.study.figures import draw
from sdpbound.study.table import Table, git_commit
from sdpbound.version import __version__

__all__ = [
    "BLACK",
    "BLUE",
    "COLUMN",
    "GREY",
    "ORANGE",
    "PAGE",
    "VERMILLION",
    "draw",
    "figure",
    "light_viridis",
    "panel_label",
    "provenance",
    "save",
    "sequence",
    "style",
]

#: Widths of one and of two columns, in cm.
COLUMN, PAGE = 8.6, 17.8

# Okabe and Ito's palette, distinct for every form of colour vision.
BLACK, BLUE, ORANGE, VERMILLION, GREY = "#000000", "#0072B2", "#E69F00", "#D55E00", "#7F7F7F"

_STYLE: dict[str, Any] = {
    "font.family": "serif",
    "font.serif": ["STIXGeneral"],
    "mathtext.fontset": "stix",
    "font.size": 8.0,
    "axes.labelsize": 8.5,
    "axes.titlesize": 8.5,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.1,
    "lines.markersize": 3.0,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "xtick.minor.size": 1.6,
    "ytick.minor.size": 1.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.5,
    "ytick.minor.width": 0.5,
    "xtick.minor.visible": True,
    "ytick.minor.visible": True,
    "legend.frameon": False,
    "legend.handlelength": 2.0,
    "legend.borderaxespad": 0.4,
    "legend.labelspacing": 0.3,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "axes.unicode_minus": True,
    "text.usetex": False,
}


@contextmanager
def style(**changes: Any) -> Iterator[None]:
    """The style, for the time of a ``with`` block; ``changes`` are further matplotlib settings, dots as ``__``."""
    extra = {key.replace("__", "."): value for key, value in changes.items()}
    with mpl.rc_context():
        mpl.rcParams.update(mpl.rcParamsDefault)
        mpl.rcParams.update(_STYLE | extra)
        yield


def figure(width: float, height: float) -> Figure:
    """An empty figure of this size in cm, with constrained layout."""
    fig = Figure(figsize=(width / 2.54, height / 2.54), layout="constrained")
    FigureCanvasAgg(fig)
    return fig


def sequence(count: int) -> list[str]:
    """Colours for ordered values, dark blue to yellow, in order of lightness for every form of colour vision."""
    anchors = ["#0b1f4b", "#2f5d9c", "#2f9098", "#7fae45", "#eeb010"]
    colours = LinearSegmentedColormap.from_list("sequence", anchors)
    return [to_hex(colours(i / (count - 1) if count > 1 else 0.0)) for i in range(count)]


def light_viridis() -> LinearSegmentedColormap:
    """Viridis without its darkest part, so that black lines stand out."""
    return LinearSegmentedColormap.from_list("light_viridis", mpl.colormaps["viridis"](np.linspace(0.3, 1.0, 256)))


def panel_label(axes: Any, text: str, x: float = 0.03, y: float = 0.96) -> None:
    """A label such as "(a)" inside the panel, at the top left unless told otherwise."""
    axes.text(x, y, text, transform=axes.transAxes, ha="left", va="top", fontsize=8.5)


def provenance(table: Table | None = None, **facts: str) -> dict[str, str]:
    """Where a figure comes from: the table's name, hash and commit, or without a table the present code's."""
    if table is None:
        commit = git_commit()
        found = {"sdpbound": __version__} | ({"commit": commit} if commit else {})
    else:
        data = table.metadata
        found = {"table": table.name, "sha256": data["sha256"], "sdpbound": data["sdpbound"]}
        if data.get("git_commit"):
            found["commit"] = data["git_commit"]
    return found | facts


def save(
    fig: Figure,
    stem: str | os.PathLike[str],
    metadata: Mapping[str, str],
    formats: Sequence[str] = ("pdf", "png"),
) -> list[Path]:
    """Write ``stem.pdf`` and ``stem.png`` (300 dpi) with the provenance in their metadata; returns the paths.

    The size is that of the figure, not trimmed. Within :func:`style`, so that fonts are embedded.
    """
    text = "; ".join(f"{key} {value}" for key, value in metadata.items())
    base = Path(stem)
    base.parent.mkdir(parents=True, exist_ok=True)
    paths = []
    for suffix in formats:
        path = base.with_name(f"{base.name}.{suffix}")
        if suffix == "pdf":
            # no date: the same table gives the same file
            details = {"Title": base.name, "Subject": text, "Creator": f"sdpbound {__version__}", "CreationDate": None}
        else:
            details = {"Title": base.name, "Description": text, "Software": f"sdpbound {__version__}"}
        partial = path.with_name(f"{path.name}.partial")
        fig.savefig(partial, format=suffix, dpi=300, metadata=details)
        os.replace(partial, path)
        paths.append(path)
    return paths
