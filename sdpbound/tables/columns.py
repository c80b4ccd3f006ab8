"""The columns of a study's table: one list, from which every format, chart and check takes what it knows of them.

A table has the columns of :data:`LIST`, and behind them those of its study: the axes of its family and the numbers of
its noise that are not in the list. The provenance of a table names these under ``"axes"``.
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
]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    name, kind : as in the table; float, int or str
    unit : empty for texts
    text : what it is, for people
    stored : whether a store keeps it; the others follow from the study
    fixed : whether the study fixes it, so that an audit compares it
    noise : whether it says what the noise is, besides the visibility
    few : whether it repeats a few texts
    axis, symbol : for charts, where it may be an axis: its label, and its symbol in mathtext
    groups : the groups of quantities that have it as a number on a grid, see
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
        """Its symbol in mathtext, or its name upright."""
        return self.symbol or rf"\mathrm{{{self.name.replace('_', ' ')}}}".replace(" ", r"\ ")


_BOUNDS = "expression data entropy"
#: All columns, in order. New ones are appended, so that older tables and stores are still read.
LIST: tuple[Column, ...] = (
    Column("study", str, "", "name of the study", stored=False, few=True),
    Column(
        "point",
        str,
        "",
        "number or name of the point in the study; behind a slash the place of a better point found by a search",
        stored=False,
    ),
    Column(
        "where",
        str,
        "",
        "how the point was chosen: grid, curve, or best for a better point of the same CHSH value",
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
        "certified (a proven bound of a program), closed form, attack or approximate attack",
        few=True,
    ),
    Column(
        "sdp_value",
        float,
        "1 or bit",
        "where the value is a closed form: the certified value of the program beside it",
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
    Column("error", str, "", "why there is no value"),
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
    Column("family", str, "", "family of the point; axes of its own are the last columns", stored=False, few=True),
)


class Note(NamedTuple):
    """What a column is; ``unit`` is empty for texts."""

    unit: str
    text: str


#: The columns of every table and their types, in order.
COLUMNS: dict[str, type] = {column.name: column.kind for column in LIST}
#: What a store keeps of a row: not the names that a study gives its points, but the place of a search's best point.
STORED: dict[str, type] = {"place": str} | {column.name: column.kind for column in LIST if column.stored}
COLUMN_NOTES: dict[str, Note] = {column.name: Note(column.unit, column.text) for column in LIST}
#: Columns that the study fixes.
FIXED = tuple(column.name for column in LIST if column.fixed)
#: The columns that say what the noise is, besides the visibility.
NOISES = tuple(column.name for column in LIST if column.noise)
#: Columns that repeat a few texts.
FEW = tuple(column.name for column in LIST if column.few)
#: The angles of the singlet family, which every table has columns for.
ANGLES = ("theta", "phi", "omega")
#: What tells one row from others, for people, besides the axes of the family behind the first of them.
PLACE = ("point", *ANGLES, "visibility", "observed", "model", "quantity", "x", "y")

Row = dict[str, Any]


FORMAT, VERSION = "sdpbound study table", 2


# -- the columns of one table -------------------------------------------------------------------------------------


def axes_of(facts: Mapping[str, Any]) -> tuple[Column, ...]:
    """The columns of a table that its study adds, from its provenance; ValueError if that names none that can be."""
    found = []
    for entry in facts.get("axes") or ():
        if not isinstance(entry, Mapping) or not all(isinstance(value, str) for value in entry.values()):
            raise ValueError("its axes are not named as in a provenance")
        name = entry.get("name", "")
        if name in COLUMN_NOTES or not name.isidentifier() or entry.get("unit") not in ("rad", "1"):
            raise ValueError(f"its axis {name!r:.60} cannot be a column")
        text, label = entry.get("text", ""), entry.get("label") or name
        found.append(Column(name, float, entry["unit"], text, False, axis=label, symbol=entry.get("symbol") or ""))
    return tuple(found)


def entries_of_axes(columns: Iterable[Column]) -> list[dict[str, str]]:
    """What :func:`axes_of` reads, plain data for a provenance."""
    return [{"name": c.name, "unit": c.unit, "text": c.text, "label": c.axis, "symbol": c.symbol} for c in columns]


def table_columns(facts: Mapping[str, Any]) -> dict[str, type]:
    """The columns of a table and their types, from its provenance."""
    return COLUMNS | {column.name: column.kind for column in axes_of(facts)}


def table_notes(facts: Mapping[str, Any]) -> dict[str, Note]:
    """What the columns of a table are, from its provenance."""
    return COLUMN_NOTES | {column.name: Note(column.unit, column.text) for column in axes_of(facts)}


def numbers_of(group: str) -> tuple[str, ...]:
    """The columns with the numbers of a group of quantities."""
    return tuple(column.name for column in LIST if group in column.groups.split())


def require_column(column: str, columns: Iterable[str] = COLUMNS) -> None:
    known = tuple(columns)
    if column not in known:
        raise InvalidStudy(f"a table has no column {column!r}; its columns are {', '.join(known)}.")


# -- what every format shares -------------------------------------------------------------------------------------


def by_column(rows: Sequence[tuple[Any, ...]], names: Iterable[str] = COLUMNS) -> list[tuple[Any, ...]]:
    """The columns of some rows."""
    try:
        columns = list(zip(*rows, strict=True))
    except ValueError:
        columns = []
    wanted = tuple(names)
    if len(columns) != len(wanted):
        raise InvalidInput(f"a row of a table must have {len(wanted)} entries, one for each of {', '.join(wanted)}.")
    return columns


def check_format(content: Any, file: str) -> tuple[str, dict[str, type]]:
    """The hash that the provenance of a table promises, and the columns of the file with their types.

    Of an older table some of the last columns of this version are missing.

    Raises
    ------
    InvalidStudy
        This version cannot read the table.
    """
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InvalidStudy(f"'{file}' is damaged: it does not describe the table of a study; run the study again.")
    version = content.get("version")
    if version != VERSION:
        next_step = "upgrade sdpbound" if isinstance(version, int) and version > VERSION else "run the study again"
        raise InvalidStudy(f"'{file}' is of a table of version {version}, and {VERSION} is read here; {next_step}.")
    try:
        columns = table_columns(content)
    except ValueError as error:
        raise InvalidStudy(f"'{file}' is damaged: {error}; export it again.") from None
    names = content.get("columns")
    if names != list(columns):
        if names != list(COLUMNS)[:_FIRST_VERSION] or content.get("axes"):
            raise InvalidStudy(
                f"'{file}' is of a table with other columns, written by another sdpbound; export it again."
            )
        columns = dict(list(COLUMNS.items())[:_FIRST_VERSION])
    expected = content.get("sha256")
    if not isinstance(expected, str):
        raise InvalidStudy(f"'{file}' is damaged: it lacks the hash of its table; export it again.")
    return expected, columns


#: Columns of the tables that are without a family, all of them of the singlet's.
_FIRST_VERSION = len(COLUMNS) - 1
