"""The columns of a study's table: one list, from which every format, chart and check reads the facts of a column.

A table has the columns of :data:`LIST`, and behind them the columns that its study adds: the axes of its family and the
numbers of its noise that are not in the list. The provenance of a table names the added columns under ``"axes"``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sdpbound.errors import InvalidInput, InvalidStudy

__all__ = [
    "ANGLES",
    "COLUMNS",
    "COLUMN_NOTES",
    "FEW",
    "FIXED",
    "FORMAT",
    "LIST",
    "NOISES",
    "OF_NOISE",
    "PLACE",
    "STORED",
    "VERSION",
    "Column",
    "Note",
    "Row",
    "axes_of",
    "by_column",
    "check_format",
    "entries_of_axes",
    "numbers_of",
    "require_column",
    "table_columns",
    "table_notes",
    "wanted_columns",
]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    name, kind : name in the table, and type: float, int or str
    unit : unit of the numbers; empty for texts
    text : description in words
    stored : whether a store keeps the column; the other columns follow from the study
    fixed : whether the study fixes the entries, so that an audit compares them
    noise : whether it describes the noise besides the visibility
    few : whether it repeats a few texts
    axis, symbol : for a column that may be an axis of a chart: the label of the axis, and the symbol in mathtext
    groups : the groups of quantities that have the column as a number on a grid, see
        :data:`~sdpbound.study.quantities.kind.Group`
    """

    name: str
    kind: type
    unit: str
    text: str
    stored: bool = True
    fixed: bool = False
    noise: bool = False
    few: bool = False
    axis: str = ""
    symbol: str = ""
    groups: str = ""

    @property
    def short(self) -> str:
        """The symbol in mathtext, or the name in upright letters."""
        return self.symbol or rf"\mathrm{{{self.name.replace('_', ' ')}}}".replace(" ", r"\ ")


_BOUNDS = "expression data entropy"
#: All columns, in order. New columns are named in ``_LATER`` too, so that older tables can still be read.
LIST: tuple[Column, ...] = (
    Column("study", str, "", "name of the study", stored=False, few=True),
    Column(
        "point",
        str,
        "",
        "number or name of the point in the study; behind a slash the place of a better point found by a search, or "
        "best for a strategy found by one",
        stored=False,
    ),
    Column(
        "where",
        str,
        "",
        "how the point was chosen: grid, curve, family, best for a better point of the same CHSH value, or strategy "
        "for the best one that a search found",
        stored=False,
        few=True,
    ),
    Column(
        "theta",
        float,
        "rad",
        "angle theta: of A1 in the singlet family",
        fixed=True,
        axis=r"$\theta$ (rad)",
        symbol=r"\theta",
    ),
    Column(
        "phi", float, "rad", "angle phi: of B0 in the singlet family", fixed=True, axis=r"$\phi$ (rad)", symbol=r"\phi"
    ),
    Column(
        "omega",
        float,
        "rad",
        "angle omega: of B1 in the singlet family",
        fixed=True,
        axis=r"$\omega$ (rad)",
        symbol=r"\omega",
    ),
    Column(
        "chsh_ideal",
        float,
        "1",
        "CHSH value of the noiseless correlations",
        fixed=True,
        axis="CHSH value $S$ without noise",
        symbol="S",
    ),
    Column(
        "visibility",
        float,
        "1",
        "visibility: the weight of the noiseless correlations against white noise",
        fixed=True,
        axis="visibility $v$",
        symbol="v",
    ),
    Column("chsh_observed", float, "1", "CHSH value of the correlations with noise", fixed=True),
    Column(
        "observed",
        str,
        "",
        "what is tested: bell (the Bell value), correlators (all of them) or full (the behaviour)",
        fixed=True,
        few=True,
    ),
    Column("model", str, "", "adversary: quantum, no-signaling or local", fixed=True, few=True),
    Column("level", str, "", "level of the hierarchy, for a quantum adversary", fixed=True, few=True),
    Column("quantity", str, "", "name of the quantity", fixed=True, few=True),
    Column("x", int, "1", "Alice's key setting", fixed=True),
    Column("y", int, "1", "Bob's key setting", fixed=True),
    Column(
        "value",
        float,
        "1 or bit",
        "the quantity: rates in bits per round, entropies in bits, all else without unit",
        groups="point expression data entropy no-signaling threshold",
    ),
    Column(
        "side",
        str,
        "",
        "what the value is to the quantity: upper or lower bound, or exact up to floating point",
        fixed=True,
        few=True,
    ),
    Column(
        "method",
        str,
        "",
        "certified (a proven bound, about measured data), closed form (about exact data), attack or approximate attack",
        few=True,
    ),
    Column(
        "sdp_value",
        float,
        "1 or bit",
        "where the value is a closed form about exact data: the certified value about measured data beside it",
        groups="data entropy",
    ),
    Column("margin", float, "1 or bit", "how far certifying moved the solver's value", groups=_BOUNDS),
    Column(
        "entropy",
        float,
        "bit",
        "conditional entropy per round that a rate is made of; min-entropy if options names no other",
    ),
    Column("error_correction", float, "bit", "cost of error correction per round, of a key rate"),
    Column("security", str, "", "attacks against which a rate holds", few=True),
    Column("solver", str, "", "solver whose dual solution is certified", few=True),
    Column(
        "status",
        str,
        "",
        "status of the solver; closed form; infeasible (the data are outside the set); or failed",
        few=True,
    ),
    Column(
        "seconds",
        float,
        "s",
        "time to solve and certify; quantities of one program have the same",
        groups=f"{_BOUNDS} no-signaling threshold",
    ),
    Column("error", str, "", "why there is no value, or why value and dead are farther apart than asked"),
    Column("certificate", str, "", "name of the stored certificate of the value"),
    Column("sdp_certificate", str, "", "name of the stored certificate of sdp_value"),
    Column(
        "noise",
        str,
        "",
        "name of the noise where it is more than white noise of the visibility",
        fixed=True,
        noise=True,
    ),
    Column(
        "efficiency",
        float,
        "1",
        "efficiency of all detectors; no click is outcome 0",
        fixed=True,
        noise=True,
        axis=r"efficiency $\eta$",
        symbol=r"\eta",
    ),
    Column(
        "dephasing",
        float,
        "1",
        "probability of a phase flip of each qubit",
        fixed=True,
        noise=True,
        axis="dephasing $p$",
        symbol="p",
    ),
    Column(
        "misalignment",
        float,
        "rad",
        "angle by which Alice's measurements are turned",
        fixed=True,
        noise=True,
        axis=r"misalignment $\delta$ (rad)",
        symbol=r"\delta",
    ),
    Column(
        "options",
        str,
        "",
        "what the quantity was asked with: kind, method and accuracy of the entropy, preprocessing",
        fixed=True,
    ),
    Column(
        "preprocessing",
        float,
        "1",
        "probability with which Alice flips her key bit",
        axis="preprocessing $q$",
        symbol="q",
        groups="entropy threshold",
    ),
    Column(
        "rounds",
        float,
        "1",
        "number of rounds of a length from finitely many",
        fixed=True,
        axis="rounds $n$",
        symbol="n",
    ),
    Column(
        "gap",
        float,
        "bit",
        "how far a bound on an entropy may be from the entropy itself, as far as the solver tells",
        groups="entropy",
    ),
    Column("dead", float, "1", "of a critical value: where an explicit attack leaves no key", groups="threshold"),
    Column("dead_certificate", str, "", "name of the stored certificate of that attack"),
    Column(
        "postprocessing",
        str,
        "",
        "what is done with outcomes before a key is made of them, with the numbers found for what is best, as JSON",
        few=True,
    ),
    Column("channel_0", float, "1", "of a channel before the key: probability that a 0 becomes 1; empty: flips"),
    Column("channel_1", float, "1", "of a channel before the key: probability that a 1 becomes 0; empty: flips"),
    Column(
        "nowhere", float, "1", "of the best strategies' critical value: where no start had a key", groups="threshold"
    ),
    Column("family", str, "", "family of the point; axes of its own are the last columns", stored=False, few=True),
)


class Note(NamedTuple):
    """The description of a column.

    ``unit`` is empty for texts.
    """

    unit: str
    text: str


#: The columns of every table and their types, in order.
COLUMNS: dict[str, type] = {column.name: column.kind for column in LIST}
#: The columns of a row that a store keeps. A store keeps no names of points, which the study gives, but it keeps the
#: place of the best point of a search.
STORED: dict[str, type] = {"place": str} | {column.name: column.kind for column in LIST if column.stored}
COLUMN_NOTES: dict[str, Note] = {column.name: Note(column.unit, column.text) for column in LIST}
#: The columns whose entries the study fixes.
FIXED = tuple(column.name for column in LIST if column.fixed)
#: The columns that describe the noise besides the visibility.
NOISES = tuple(column.name for column in LIST if column.noise)
#: The columns that repeat a few texts.
FEW = tuple(column.name for column in LIST if column.few)
#: The angles of the singlet family. Every table has columns for them.
ANGLES = ("theta", "phi", "omega")
#: The end of the description of a number of the noise that a study adds; other columns that it adds are of its family.
OF_NOISE = "of the noise"
#: The columns by which a reader tells one row from another. The other axes of the family come after the first column.
PLACE = ("point", *ANGLES, "visibility", "noise", "observed", "model", "quantity", "x", "y")

Row = dict[str, Any]


FORMAT, VERSION = "sdpbound study table", 2
#: Columns that older tables of this version lack, in the order in which they came.
_LATER = ("family", "postprocessing", "channel_0", "channel_1", "nowhere")
#: Most columns that a study adds, and most letters of what its provenance says of one in a text.
MOST_AXES, MOST_LETTERS = 1000, 200


# -- the columns of one table -------------------------------------------------------------------------------------


def axes_of(facts: Mapping[str, Any]) -> tuple[Column, ...]:
    """Return the columns that the study adds to its table, as the provenance of the table names them.

    Raises ValueError if an entry of the provenance cannot be read, or cannot be a column.
    """
    found = []
    entries = facts.get("axes") or ()
    if not isinstance(entries, Sequence) or len(entries) > MOST_AXES:
        raise ValueError("its axes are not named as in a provenance")
    for entry in entries:
        if not isinstance(entry, Mapping) or not all(map(_short, entry.values())):
            raise ValueError("its axes are not named as in a provenance")
        name = entry.get("name", "")
        if name in COLUMN_NOTES or not name.isidentifier() or entry.get("unit") not in ("rad", "1"):
            raise ValueError(f"its axis {name!r:.60} cannot be a column")
        text, label = entry.get("text", ""), entry.get("label") or name
        found.append(Column(name, float, entry["unit"], text, False, axis=label, symbol=entry.get("symbol") or ""))
    return tuple(found)


def _short(value: object) -> bool:
    """Whether a value is a text on one line that fits beside an axis; a chart takes labels and symbols for formulas."""
    return isinstance(value, str) and len(value) <= MOST_LETTERS and value.isprintable()


def entries_of_axes(columns: Iterable[Column]) -> list[dict[str, str]]:
    """Return the columns as plain data for a provenance, in the form that :func:`axes_of` reads."""
    return [{"name": c.name, "unit": c.unit, "text": c.text, "label": c.axis, "symbol": c.symbol} for c in columns]


def table_columns(facts: Mapping[str, Any]) -> dict[str, type]:
    """Return the columns of a table and their types, from its provenance."""
    return COLUMNS | {column.name: column.kind for column in axes_of(facts)}


def table_notes(facts: Mapping[str, Any]) -> dict[str, Note]:
    """Return the descriptions of a table's columns, from its provenance."""
    return COLUMN_NOTES | {column.name: Note(column.unit, column.text) for column in axes_of(facts)}


def numbers_of(group: str) -> tuple[str, ...]:
    """Return the columns that hold the numbers of a group of quantities."""
    return tuple(column.name for column in LIST if group in column.groups.split())


def require_column(column: str, columns: Iterable[str] = COLUMNS) -> None:
    known = tuple(columns)
    if column not in known:
        raise InvalidStudy(f"a table has no column {column!r}; its columns are {', '.join(known)}.")


# -- what every format shares -------------------------------------------------------------------------------------


def wanted_columns(columns: Iterable[str], wanted: Sequence[str] | None) -> dict[str, bool]:
    """Return for each column of a table whether it is read: all are, or those that are wanted.

    Raises InvalidStudy if the table has no such column.
    """
    known = tuple(columns)
    for column in wanted or ():
        require_column(column, known)
    return {column: wanted is None or column in wanted for column in known}


def by_column(rows: Sequence[tuple[Any, ...]], names: Iterable[str] = COLUMNS) -> list[tuple[Any, ...]]:
    """Return rows as columns."""
    try:
        columns = list(zip(*rows, strict=True))
    except ValueError:
        columns = []
    wanted = tuple(names)
    if len(columns) != len(wanted):
        raise InvalidInput(f"a row of a table must have {len(wanted)} entries, one for each of {', '.join(wanted)}.")
    return columns


def check_format(content: Any, file: str) -> tuple[str, dict[str, type]]:
    """Return the hash that the provenance of a table names, and the columns of the file with their types.

    An older table may lack the columns that came later. One without families has points of the singlet family.

    Raises
    ------
    InvalidStudy
        This version cannot read the table.
    """
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InvalidStudy(f"'{file}' is damaged: it does not describe the table of a study; run the study again.")
    version = content.get("version")
    if version != VERSION:
        then = "upgrade sdpbound" if isinstance(version, int) and version > VERSION else "run the study again"
        raise InvalidStudy(f"'{file}' is of a table of version {version!r:.40}, and {VERSION} is read here; {then}.")
    runs, study = content.get("runs") or [], content.get("study") or {}
    if not isinstance(runs, list) or not all(isinstance(entry, dict) for entry in (study, *runs)):
        raise InvalidStudy(f"'{file}' is damaged: its runs and its study are not tables of facts; export it again.")
    try:
        columns = table_columns(content)
    except ValueError as error:
        raise InvalidStudy(f"'{file}' is damaged: {error}; export it again.") from None
    names = content.get("columns")
    if names != list(columns):
        older = [[name for name in columns if name not in _LATER[k:]] for k in range(len(_LATER))]
        if names not in older or (_LATER[0] not in names and content.get("axes")):
            raise InvalidStudy(
                f"'{file}' is of a table with other columns, written by another sdpbound; export it again."
            )
        columns = {name: columns[name] for name in names}
    expected = content.get("sha256")
    if not isinstance(expected, str):
        raise InvalidStudy(f"'{file}' is damaged: it lacks the hash of its table; export it again.")
    return expected, columns
