"""Limits of the columns that no certificate proves: how large a number can be, and which words are allowed."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sdpbound.bounds.quick import COMPILED
from sdpbound.conic.program import Status
from sdpbound.conic.solvers.choose import names
from sdpbound.errors import CertificateError
from sdpbound.study.file.spec import Quantity
from sdpbound.study.quantities.at_point import AtPoint
from sdpbound.study.quantities.kind import SEARCHED
from sdpbound.tables.columns import Row

__all__ = ["WEEK", "limited", "statuses"]

#: Seconds in a week, longer than any task takes.
WEEK = 7 * 24 * 3600.0
#: Most characters of an error.
LONGEST = 2**16
#: The statuses that solvers of conic programs may have for an answer that proves a value. A task is not cut short.
_CONIC = frozenset(status.value for status in Status) - {"failed", "infeasible", Status.OUT_OF_TIME.value}


def statuses(quantity: Quantity) -> frozenset[str]:
    """Return the statuses that an answer to a quantity may have."""
    # "inaccurate" is a status of the search for devices of qubits
    return quantity.kind.statuses(_CONIC if quantity.how is None else _CONIC | {"inaccurate"})


def limited(quantity: Quantity, at: AtPoint, row: Row, proven: bool) -> None:
    """Raise CertificateError for a number that is out of range, or for a word that is not allowed.

    Parameters
    ----------
    proven : whether certificates are compared with the value and with the numbers it is made of
    """
    _within(row, ("seconds",), 0.0, WEEK)
    most = quantity.kind.span(at, quantity)
    _within(row, ("margin",), -most, most)
    _within(row, ("gap",), 0.0, most)
    if quantity.preprocessing in SEARCHED:
        _within(row, ("preprocessing",), 0.0, 0.5)
    if row["error"] is not None and len(row["error"]) > LONGEST:
        raise CertificateError(f"its error has {len(row['error'])} characters, and may have {LONGEST}.")
    if row["value"] is None:
        return
    if quantity.group == "threshold":
        _within(row, ("value", "dead", "nowhere"), 0.0, 1.0)
        if row["dead"] is not None and not row["dead"] < row["value"]:
            raise CertificateError(f"its dead is {row['dead']!r}, and must be below its value, {row['value']!r}.")
    elif not proven and quantity.group != "point":
        # A rate is an entropy less the cost of errors. A proven bound may be somewhat outside the range of the
        # quantity.
        _within(row, ("value", "sdp_value", "entropy"), -2.0 * most, 2.0 * most)
    if row["solver"] is not None and not _known(row["solver"], quantity, row):
        raise CertificateError(f"its solver is {row['solver']!r:.60}, and no solver of such a quantity has this name.")


def _known(solver: str, quantity: Quantity, row: Row) -> bool:
    """Whether a solver of this name may have answered."""
    own = quantity.kind.solvers(quantity, row["model"])
    if own is not None and (quantity.kind.attack or solver in own):
        return solver in own
    # "none" means that the data left nothing to solve
    if quantity.how is not None and quantity.how.method == "qubit":
        return solver in ("highs", "none")
    plain = (*names(), "none", COMPILED)
    return solver in plain or re.fullmatch(r"cvxpy:[A-Z0-9_]{1,30}", solver, re.ASCII) is not None


def _within(row: Row, columns: Iterable[str], least: float, most: float) -> None:
    for column in columns:
        number = row[column]
        if number is not None and not least <= number <= most:
            raise CertificateError(f"its {column} is {number!r}, and must be from {least:g} to {most:g}.")
