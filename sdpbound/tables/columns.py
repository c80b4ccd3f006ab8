"""The columns of a study's table, and what every format of a table shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sdpbound.errors import InvalidInput, InvalidStudy

__all__ = [
    "COLUMNS",
    "COLUMN_NOTES",
    "FORMAT",
    "STORED",
    "VERSION",
    "Note",
    "Row",
    "by_column",
    "check_format",
    "require_column",
]


#: The columns of a table and their types, in order.
COLUMNS: dict[str, type] = {
    "study": str,
    "point": str,
    "where": str,
    "theta": float,
    "phi": float,
    "omega": float,
    "chsh_ideal": float,
    "visibility": float,
    "chsh_observed": float,
    "observed": str,
    "model": str,
    "level": str,
    "quantity": str,
    "x": int,
    "y": int,
    "value": float,
    "side": str,
    "method": str,
    "sdp_value": float,
    "margin": float,
    "entropy": float,
    "error_correction": float,
    "security": str,
    "solver": str,
    "status": str,
    "seconds": float,
    "error": str,
    "certificate": str,
    "sdp_certificate": str,
    "noise": str,
    "efficiency": float,
    "dephasing": float,
    "misalignment": float,
    "options": str,
    "preprocessing": float,
    "rounds": float,
    "gap": float,
    "dead": float,
    "dead_certificate": str,
}
#: What a store keeps of a row: not the names that a study gives its points, but the place of a search's best point.
STORED: dict[str, type] = {"place": str} | {
    name: kind for name, kind in COLUMNS.items() if name not in ("study", "point", "where")
}

Row = dict[str, Any]


FORMAT, VERSION = "sdpbound study table", 2


class Note(NamedTuple):
    """What a column is; ``unit`` is empty for texts."""

    unit: str
    text: str


COLUMN_NOTES: dict[str, Note] = {
    "study": Note("", "name of the study"),
    "point": Note("", "number of the point in the study; behind a slash the place of a better point found by a search"),
    "where": Note("", "how the point was chosen: grid, curve, or best for a better point of the same CHSH value"),
    "theta": Note("rad", "angle theta of the Bell expression"),
    "phi": Note("rad", "angle phi of the Bell expression"),
    "omega": Note("rad", "angle omega of the Bell expression"),
    "chsh_ideal": Note("1", "CHSH value of the noiseless correlations"),
    "visibility": Note("1", "visibility: the weight of the noiseless correlations against white noise"),
    "chsh_observed": Note("1", "CHSH value of the correlations with noise"),
    "observed": Note("", "what is tested: bell (the Bell value), correlators (all of them) or full (the behaviour)"),
    "model": Note("", "adversary: quantum, no-signaling or local"),
    "level": Note("", "level of the hierarchy, for a quantum adversary"),
    "quantity": Note("", "name of the quantity"),
    "x": Note("1", "Alice's key setting"),
    "y": Note("1", "Bob's key setting"),
    "value": Note("1 or bit", "the quantity: rates in bits per round, entropies in bits, all else without unit"),
    "side": Note("", "what the value is to the quantity: upper or lower bound, or exact up to floating point"),
    "method": Note("", "certified (a proven bound of a program), closed form, attack or approximate attack"),
    "sdp_value": Note("1 or bit", "where the value is a closed form: the certified value of the program beside it"),
    "margin": Note("1 or bit", "how far certifying moved the solver's value"),
    "entropy": Note(
        "bit", "conditional entropy per round that a rate is made of; min-entropy if options names no other"
    ),
    "error_correction": Note("bit", "cost of error correction per round, of a key rate"),
    "security": Note("", "attacks against which a rate holds"),
    "solver": Note("", "solver whose dual solution is certified"),
    "status": Note("", "status of the solver; closed form; infeasible (the data are outside the set); or failed"),
    "seconds": Note("s", "time to solve and certify; quantities of one program have the same"),
    "error": Note("", "why there is no value"),
    "certificate": Note("", "name of the stored certificate of the value"),
    "sdp_certificate": Note("", "name of the stored certificate of sdp_value"),
    "noise": Note("", "name of the noise where it is more than white noise of the visibility"),
    "efficiency": Note("1", "efficiency of all detectors; no click is outcome 0"),
    "dephasing": Note("1", "probability of a phase flip of each qubit"),
    "misalignment": Note("rad", "angle by which Alice's measurements are turned"),
    "options": Note("", "what the quantity was asked with: kind, method and accuracy of the entropy, preprocessing"),
    "preprocessing": Note("1", "probability with which Alice flips her key bit"),
    "rounds": Note("1", "number of rounds of a length from finitely many"),
    "gap": Note("bit", "how far a bound on an entropy may be from the entropy itself, as far as the solver tells"),
    "dead": Note("1", "of a critical value: where an explicit attack leaves no key"),
    "dead_certificate": Note("", "name of the stored certificate of that attack"),
}


def require_column(column: str) -> None:
    if column not in COLUMNS:
        raise InvalidStudy(f"a table has no column {column!r}; its columns are {', '.join(COLUMNS)}.")


# -- what every format shares -------------------------------------------------------------------------------------


def by_column(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The columns of some rows."""
    try:
        columns = list(zip(*rows, strict=True))
    except ValueError:
        columns = []
    if len(columns) != len(COLUMNS):
        raise InvalidInput(f"a row of a table must have {len(COLUMNS)} entries, one for each of {', '.join(COLUMNS)}.")
    return columns


def check_format(content: Any, file: str) -> str:
    """The hash that the provenance of a table promises; raises InvalidStudy if this version cannot read the table."""
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InvalidStudy(f"'{file}' is damaged: it does not describe the table of a study; run the study again.")
    version = content.get("version")
    if version != VERSION:
        next_step = "upgrade sdpbound" if isinstance(version, int) and version > VERSION else "run the study again"
        raise InvalidStudy(f"'{file}' is of a table of version {version}, and {VERSION} is read here; {next_step}.")
    if content.get("columns") != list(COLUMNS):
        raise InvalidStudy(f"'{file}' is of a table with other columns, written by another sdpbound; export it again.")
    expected = content.get("sha256")
    if not isinstance(expected, str):
        raise InvalidStudy(f"'{file}' is damaged: it lacks the hash of its table; export it again.")
    return expected
