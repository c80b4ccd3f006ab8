"""The style of figures at the widths of journals and slides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sdpbound.errors import InvalidParameter
from sdpbound.plotting.look import COLUMN, PAGE
from sdpbound.plotting.look import style as house_style
from sdpbound.registry import unknown

__all__ = ["WIDTHS", "style"]

#: Widths in cm of a figure of one column and of two. APS: author guide of Physical Review, 3 3/8 and 7 inches; Nature:
#: guide to final submission, 89 and 183 mm; beamer: the text of slides of 128 mm, half of it and all of it.
WIDTHS = {"aps": (COLUMN, PAGE), "nature": (8.9, 18.3), "beamer": (5.2, 10.8)}
_SANS: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["Arial", "Helvetica", "DejaVu Sans"],
    "mathtext.fontset": "dejavusans",
}
#: What differs from the style of this project's own figures, which is that of APS.
_LOOK: dict[str, dict[str, Any]] = {
    "aps": {},
    "nature": _SANS
    | {"font.size": 7.0, "axes.labelsize": 7.0, "axes.titlesize": 7.0, "legend.fontsize": 6.5}
    | {"xtick.labelsize": 6.5, "ytick.labelsize": 6.5},
    "beamer": _SANS
    | {"font.size": 9.0, "axes.labelsize": 9.0, "axes.titlesize": 10.0, "lines.linewidth": 1.6}
    | {"legend.fontsize": 8.0, "xtick.labelsize": 8.0, "ytick.labelsize": 8.0, "lines.markersize": 4.5},
}


@contextmanager
def style(journal: str = "aps", columns: int = 1, height: float | None = None, **changes: Any) -> Iterator[None]:
    """Set the style of figures within a ``with`` block: fonts, lines and the size of new figures.

    Parameters
    ----------
    journal : "aps", "nature" or "beamer"
    columns : 1 or 2, the width of the figure; of slides half of the text's width or all of it
    height : in cm; default 0.7 of the width of one column
    changes : further settings of matplotlib, with ``__`` for each dot, such as ``lines__linewidth=2``

    Raises
    ------
    InvalidParameter

    >>> import matplotlib, sdpbound as sb
    >>> with sb.style("aps"):
    ...     [round(2.54 * inches, 2) for inches in matplotlib.rcParams["figure.figsize"]]
    [8.6, 6.02]
    """
    if journal not in WIDTHS:
        raise InvalidParameter(unknown(journal, WIDTHS, "journal"))
    if columns not in (1, 2):
        raise InvalidParameter(f"columns = {columns!r:.60} must be 1 or 2, the columns that a figure is wide.")
    width = WIDTHS[journal][columns - 1]
    tall = 0.7 * WIDTHS[journal][0] if height is None else height
    if isinstance(tall, bool) or not isinstance(tall, (int, float)) or not 1.0 <= tall <= 100.0:
        raise InvalidParameter(f"height = {height!r:.60} of a figure must be from 1 to 100 cm.")
    size = {"figure.figsize": (width / 2.54, tall / 2.54), "figure.constrained_layout.use": True, "savefig.dpi": 300}
    settings = {name.replace(".", "__"): value for name, value in (size | _LOOK[journal]).items()}
    with house_style(**settings | changes):
        yield
