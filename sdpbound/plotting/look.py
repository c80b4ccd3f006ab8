"""One style for publication figures, the description of a figure, and saving with provenance.

A script figures/NAME.py has a ``FIGURE`` and ``draw(table, output)``, with one table for each of the figure's studies:

    FIGURE = FigureSpec("name", "Its title", ("study",), caption="What is seen.", alt="The picture in a sentence.")

    def draw(table: Path, output: Path) -> list[Path]:
        data = read_table(table)
        with style():
            fig = figure(COLUMN, 7.0)
            ...
            return save(fig, output / FIGURE.name, FIGURE, [data])

A figure without studies computes its own table. The ``FIGURE`` has ``computed=True``, and the script has
``compute(output)`` beside ``draw``, see :mod:`sdpbound.tables.computed`.

Figures are built without pyplot, so that no backend and no global setting changes.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import IO, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sdpbound.errors import InvalidParameter, InvalidStudy, SdpboundError
from sdpbound.registry import unknown
from sdpbound.tables.computed import ComputedTable
from sdpbound.tables.files import replacing
from sdpbound.tables.provenance import provenance_text
from sdpbound.tables.table import Table
from sdpbound.version import __version__

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

#: Widths of one column and of a page of two columns, in cm.
COLUMN, PAGE = 8.6, 17.8
#: The kinds of files that figures are saved as; the first two unless others are asked for.
FORMATS = ("pdf", "png", "svg", "pgf")

# The palette of Okabe and Ito, whose colours are distinct for every form of colour vision.
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
    """Set the style within a ``with`` block.

    ``changes`` are further matplotlib settings, with ``__`` for each dot.
    """
    extra = {key.replace("__", "."): value for key, value in changes.items()}
    with mpl.rc_context():
        mpl.rcParams.update(mpl.rcParamsDefault)
        mpl.rcParams.update(_STYLE | extra)
        yield


def figure(width: float, height: float) -> Figure:
    """Return an empty figure of this size in cm, with constrained layout."""
    fig = Figure(figsize=(width / 2.54, height / 2.54), layout="constrained")
    FigureCanvasAgg(fig)
    return fig


def sequence(count: int) -> list[str]:
    """Return colours for ordered values, from dark blue to yellow.

    The lightness grows, for every form of colour vision.
    """
    anchors = ["#0b1f4b", "#2f5d9c", "#2f9098", "#7fae45", "#eeb010"]
    colours = LinearSegmentedColormap.from_list("sequence", anchors)
    return [to_hex(colours(i / (count - 1) if count > 1 else 0.0)) for i in range(count)]


def light_viridis() -> LinearSegmentedColormap:
    """Return viridis without its darkest part, so that black lines stand out."""
    return LinearSegmentedColormap.from_list("light_viridis", mpl.colormaps["viridis"](np.linspace(0.3, 1.0, 256)))


def gridded(
    table: Table, x: str, y: str, column: str = "value"
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the values of two columns, ascending, and a third column over their product.

    The third array has shape (len(y), len(x)), and NaN where the table has no row. Raises InvalidStudy if two rows have
    the same place.
    """
    if not len(table):
        raise InvalidStudy(f"the table '{table.name}' has no rows for this chart; run its study again.")
    xs, i = np.unique(table[x], return_inverse=True)
    ys, j = np.unique(table[y], return_inverse=True)
    if np.unique(j * xs.size + i).size < len(table):
        raise InvalidStudy(f"the table '{table.name}' has several rows for one ({x}, {y}); choose among them first.")
    values = np.full((ys.size, xs.size), np.nan)
    values[j, i] = table[column]
    return xs, ys, values


def stripes(
    axes: Axes,
    x: NDArray[np.float64],
    curves: Sequence[NDArray[np.float64]],
    colours: Sequence[str],
    tolerance: float,
    **line: Any,
) -> None:
    """Draw curves over the same x.

    Where curves coincide within a tolerance, draw stripes of their colours. Without stripes, only the curve that is
    drawn last could be seen.
    """
    for curve, colour in zip(curves, colours, strict=True):
        axes.plot(x, curve, color=colour, **line)
    dash = 4.0
    for start, stop, members in _coincidences(curves, tolerance):
        for place, member in enumerate(members):
            pattern = (-place * dash % (len(members) * dash), (dash, (len(members) - 1) * dash))
            look = line | {"color": colours[member], "linestyle": pattern, "dash_capstyle": "butt"}
            # all stripes follow the same curve: stripes of different curves would show at each other's edges
            axes.plot(x[start:stop], curves[members[0]][start:stop], **look)


def name_curve(
    axes: Axes, x: NDArray[np.float64], y: NDArray[np.float64], at: float, text: str, colour: str, **look: Any
) -> None:
    """Write a curve's name on the curve, where its x is ``at``: on a white ground, as numbers stand on contours.

    ``x`` ascends. ``look`` are further settings of the text.
    """
    ground = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
    place = (at, float(np.interp(at, x, y)))
    settings: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 6.5, "zorder": 6, "bbox": ground} | look
    axes.annotate(text, place, color=colour, **settings)


def _coincidences(curves: Sequence[NDArray[np.float64]], tolerance: float) -> list[tuple[int, int, tuple[int, ...]]]:
    """Return the stretches (start, stop, curves) of at least two places over which the same curves coincide."""
    found: list[tuple[int, int, tuple[int, ...]]] = []
    curves = [
        np.where(np.isfinite(curve), curve, np.nan) for curve in curves
    ]  # what is not drawn coincides with nothing
    size = len(curves[0]) if curves else 0
    for first in range(len(curves)):
        together = [
            tuple(k for k, curve in enumerate(curves) if abs(curve[i] - curves[first][i]) <= tolerance)
            for i in range(size)
        ]
        start = 0
        for i in range(1, size + 1):
            if i == size or together[i] != together[start]:
                members = together[start]
                if len(members) > 1 and members[0] == first and i - start > 1:
                    found.append((start, i, members))
                start = i
    return found


# -- saving ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FigureSpec:
    """The description of a figure as plain data, for its metadata and the gallery.

    Attributes
    ----------
    name : name of its script and of its files
    title : title, a few words
    studies : the studies from whose tables it is drawn, in the order in which ``draw`` takes them
    caption : description of the figure, in plain text
    alt : description in one sentence, for readers who do not see the picture
    computed : whether its script computes its table, so that there is no study
    slow : whether its studies take long; then it is drawn again only if its tables exist already, or if it is asked for
    """

    name: str
    title: str
    studies: tuple[str, ...]
    caption: str
    alt: str = ""
    computed: bool = False
    slow: bool = False


def provenance(tables: Sequence[Table | ComputedTable]) -> str:
    """Return a figure's provenance: name and SHA-256 of its tables, and the versions and commits that computed them."""
    parts = (["table " + table.name, provenance_text(table.metadata)] for table in tables)
    return " / ".join("; ".join(filter(None, part)) for part in parts)


def save(
    fig: Figure,
    stem: str | os.PathLike[str],
    about: FigureSpec,
    tables: Sequence[Table | ComputedTable],
    formats: Sequence[str] | None = None,
) -> list[Path]:
    """Write ``stem.pdf`` and ``stem.png`` (300 dpi), with caption and provenance in their metadata; returns the paths.

    The files have the size of the figure: nothing is trimmed. Call this within :func:`style`, so that fonts are
    embedded. The files contain no date, so that the same tables give the same files. ``formats`` are some of
    :data:`FORMATS`; a PGF file is for LaTeX's ``\\input``, has the fonts of the document, and needs a LaTeX to be made.

    Raises InvalidParameter for another format, and for PGF where there is no LaTeX.
    """
    wanted = formats or FORMATS[:2]
    for suffix in wanted:
        if suffix not in FORMATS:
            raise InvalidParameter(unknown(suffix, FORMATS, "format"))
    base, origin, creator = Path(stem), provenance(tables), f"sdpbound {__version__}"
    base.parent.mkdir(parents=True, exist_ok=True)
    paths = []
    for suffix in wanted:
        path = base.with_name(f"{base.name}.{suffix}")
        details: dict[str, str | None] = {"Title": about.title}
        if suffix == "pdf":
            details |= {"Subject": about.caption, "Keywords": origin, "Creator": creator, "CreationDate": None}
        elif suffix == "svg":
            details |= {"Description": about.caption, "Source": origin, "Creator": creator, "Date": None}
        else:
            details |= {"Description": about.caption, "Source": origin, "Software": creator}
        with replacing(path) as (output,), mpl.rc_context({"svg.hashsalt": about.name}):
            if suffix == "pgf":
                _save_for_latex(fig, output, details)
            else:
                fig.savefig(output, format=suffix, dpi=300, metadata=details)
        paths.append(path)
        fig.set_layout_engine("none")  # all files have the layout of the first, which takes as long as the drawing
    return paths


def _save_for_latex(fig: Figure, output: IO[bytes], details: Mapping[str, str | None]) -> None:
    """Write a PGF file, with details as comments; matplotlib asks a LaTeX for the sizes of texts."""
    found = next((name for name in ("lualatex", "xelatex", "pdflatex") if shutil.which(name)), None)
    if found is None:
        raise InvalidParameter(
            "format = 'pgf' needs LaTeX, and lualatex, xelatex and pdflatex are not here; install one, or take 'pdf'."
        )
    text = StringIO()
    with mpl.rc_context({"pgf.texsystem": found, "pgf.rcfonts": False}):
        try:
            fig.savefig(text, format="pgf", dpi=300)
        except ValueError as error:  # a map is a picture of dots, which a text cannot have
            raise InvalidParameter(f"this figure cannot be PGF ({error}); take format = 'pdf'.") from None
    comments = "".join(f"%% {name}: {' '.join(str(said).split())}\n" for name, said in details.items())
    output.write((comments + text.getvalue()).encode())


def main(about: FigureSpec, draw: Callable[..., list[Path]], compute: Callable[[Path], Path] | None = None) -> None:
    """Run the command line of a figure's script.

    The arguments are the tables and, optionally, the folder to draw into. With ``compute``, the only argument is the
    folder, and the table is first computed into it.
    """
    count, given = len(about.studies), [Path(word) for word in sys.argv[1:]]
    try:
        if compute is not None:
            if len(given) > 1:
                sys.exit(f"usage: python figures/{about.name}.py [output folder]")
            output = given[0] if given else Path("results") / about.name
            paths = draw(compute(output), output)
        elif count <= len(given) <= count + 1:
            paths = draw(*given[:count], given[count] if len(given) > count else given[0].parent)
        else:
            names = " ".join(f"{study}.csv" for study in about.studies)
            sys.exit(f"usage: python figures/{about.name}.py {names} [output folder]")
    except SdpboundError as error:
        sys.exit(str(error))
    for path in paths:
        print(path)
