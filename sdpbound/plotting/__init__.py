"""The style of figures, and the functions that every figure of this project uses.

What may come in: a table. What is handed on: a figure at the width of a journal's column, with its provenance in the
file.
"""

from __future__ import annotations

from sdpbound.plotting.look import (
    BLACK,
    BLUE,
    COLUMN,
    FORMATS,
    GREY,
    ORANGE,
    PAGE,
    VERMILLION,
    FigureSpec,
    figure,
    gridded,
    light_viridis,
    main,
    name_curve,
    provenance,
    save,
    sequence,
    stripes,
    style,
)

__all__ = [
    "BLACK",
    "BLUE",
    "COLUMN",
    "FORMATS",
    "GREY",
    "ORANGE",
    "PAGE",
    "VERMILLION",
    "FigureSpec",
    "figure",
    "gridded",
    "light_viridis",
    "main",
    "name_curve",
    "provenance",
    "save",
    "sequence",
    "stripes",
    "style",
]
