"""Check the rows of a study in its store, or of a part of it, each against the study and its certificate."""

from __future__ import annotations

import itertools
import math
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import lru_cache

from sdpbound.bell.channel import BEST_CHANNEL
from sdpbound.checker import Checker
from sdpbound.errors import CertificateError, DamagedStore, InvalidInput, StorageFailure
from sdpbound.study.answers.best_member import contours_of
from sdpbound.study.answers.blank import at_point, blank
from sdpbound.study.answers.limits import limited, statuses
from sdpbound.study.at_hand import Study
from sdpbound.study.auditing.proofs import Proofs, prove_infeasible
from sdpbound.study.file.spec import Quantity
from sdpbound.study.plan import BEST_NAME, Point, Search, Task
from sdpbound.study.quantities.at_point import AtPoint
from sdpbound.study.quantities.checks import same, show
from sdpbound.study.quantities.critical import NONE
from sdpbound.study.quantities.kind import SEARCHED, Needs
from sdpbound.study.store import Store
from sdpbound.tables.columns import FIXED, STORED, Row

__all__ = ["LISTED", "Fault", "Found", "Part", "check_part", "check_rows"]

#: Cells without an answer that are named. All of them are counted.
LISTED = 100


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that is not proven as it stands, a certificate that does not hold, or a seal that does not fit the rows.

    Attributes
    ----------
    point : name of the row's point, "NAME/PLACE" for a better point; "-" for a certificate that no row names, and for
        the seal
    quantity : identity of the quantity, "certificate NAME", or "seal"
    message : what is wrong
    """

    point: str
    quantity: str
    message: str


@dataclass(slots=True)
class Found:
    """What the check of some rows found.

    Attributes
    ----------
    counts : of rows, by what they are
    faults : what is wrong
    unanswered : the first cells that are missing or failed
    again : the cells that are to be solved again, with the names of their points
    seen, checked : hashes of the certificates' names, and how many checks were asked for
    """

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    unanswered: list[Fault] = field(default_factory=list)
    again: list[tuple[str, Task]] = field(default_factory=list)
    seen: array[int] = field(default_factory=lambda: array("q"))
    checked: int = 0

    def add(self, other: Found) -> None:
        """Take in what the check of other rows found."""
        self.counts.update(other.counts)
        self.faults += other.faults
        self.unanswered += other.unanswered
        self.again += other.again
        self.seen.extend(other.seen)
        self.checked += other.checked


@dataclass(frozen=True, slots=True)
class Part:
    """The rows that one process checks.

    Attributes
    ----------
    study : the part of the study
    checker : makes the checker, with its limits; None checks without limits
    key : of the hashes of certificates' names
    recompute : whether cells without a value and a proof are to be solved again
    """

    study: Study
    checker: Callable[[], Checker] | None
    key: bytes
    recompute: bool


def check_part(part: Part) -> Found:
    """Check the rows of a part, in the process that calls this."""
    with (
        nullcontext() if part.checker is None else part.checker() as checker,
        Store.read(part.study.store_path) as store,
    ):
        return check_rows(part.study, store, Proofs(store, part.key, checker), part.recompute)


def check_rows(study: Study, store: Store, proofs: Proofs, recompute: bool) -> Found:
    """Check every row of a study, or of its part."""
    out = Found(seen=proofs.seen)
    check = None
    for task, quantity, rows in _cells(study, store):
        if check is None or check.task is not task:
            check = _Check(task, proofs, study.spec.certificates, out.counts)
        if not rows:
            out.counts["missing"] += 1
            _note(out.unanswered, task.point.name, quantity, "missing")
        for number, row in enumerate(rows):
            if row["status"] == "failed":
                _note(out.unanswered, _name(task, row), quantity, f"failed: {show(row['error'])}")
            try:
                check.row(quantity, rows[0], number, row)
                if recompute and row["value"] is None and row["certificate"] is None:
                    alone = replace(task, certificates=False)
                    if task.strategy is None:  # else it is searched again, and found where it was
                        alone = replace(alone, point=check.point(number, row), search=None)
                    out.again.append((_name(task, row), alone.of([quantity])))
            except CertificateError as error:
                out.faults.append(Fault(_name(task, row), quantity.identity, f"{error}"))
            except (DamagedStore, StorageFailure):
                raise
            # A row may hold anything, so the check may raise any error. The row is then at fault, and the other
            # rows are still checked.
            except Exception as error:
                message = f"it cannot be checked: {type(error).__name__} {error}."
                out.faults.append(Fault(_name(task, row), quantity.identity, message))
    out.checked = proofs.checked
    return out


def _cells(study: Study, store: Store) -> Iterator[tuple[Task, Quantity, list[Row]]]:
    """Yield every cell of the study with its rows.

    A cell that the store does not have comes with no rows.
    """
    for batch in study.batches():
        cells = [(task, q, key) for task, keys in batch for q, key in zip(task.quantities, keys, strict=True)]
        stored = itertools.groupby(store.rows([key for _, _, key in cells]), key=lambda found: found[0])
        index, found = next(stored, (len(cells), iter(())))
        for place, (task, quantity, _) in enumerate(cells):
            rows = []
            if place == index:
                rows = [dict(zip(STORED, values, strict=True)) for _, values in found]
                index, found = next(stored, (len(cells), iter(())))
            yield task, quantity, rows


def _note(unanswered: list[Fault], point: str, quantity: Quantity, message: str) -> None:
    if len(unanswered) < LISTED:
        unanswered.append(Fault(point, quantity.identity, message))


def _name(task: Task, row: Row) -> str:
    """Return the name that a row's point has in tables."""
    place = row["place"]
    if place is None:
        return task.point.name
    return f"{task.point.name}/{BEST_NAME if task.strategy is not None else str(place)[:40]}"


@lru_cache(maxsize=8)
def _candidates(search: Search) -> dict[str, Point]:
    """Return the points that a search may have found, by their places."""
    return {point.name: point for points in contours_of(search)[0] for point in points}


# -- rows ---------------------------------------------------------------------------------------------------------


@dataclass
class _Check:
    """The check of the rows of one task."""

    task: Task
    proofs: Proofs
    keeps: bool
    counts: Counter[str]
    _at: dict[Point, AtPoint] = field(default_factory=dict)

    def row(self, quantity: Quantity, first: Row, number: int, row: Row) -> None:
        """Count a row, and raise CertificateError unless it is as it must be.

        ``number`` is its number in its cell.
        """
        counts = self.counts
        if row["value"] is not None:
            counts["rows"] += 1
        elif row["status"] in ("failed", "infeasible", NONE):
            counts["no_key" if row["status"] == NONE else row["status"]] += 1
        _typed(row)
        point = self.point(number, row)
        own = blank(self.task, point, quantity)
        for column in FIXED:
            same(own[column], row[column], column)
        if quantity.preprocessing not in SEARCHED:
            same(own["preprocessing"], row["preprocessing"], "preprocessing")
        if quantity.preprocessing != BEST_CHANNEL:
            for column in _CHANNEL:
                same(None, row[column], column)
        _columns(quantity, row)
        at = self._at.setdefault(point, at_point(self.task, point))
        limited(quantity, at, row, proven=row["certificate"] is not None)
        if number:
            _better(quantity, first, row)
        if row["value"] is not None or (quantity.kind.driven and row["status"] != "failed"):
            found = quantity.kind.prove(at, quantity, row, self.proofs)
            if row["value"] is not None:
                self._count(bool(found), found)
        elif row["status"] == "infeasible":
            counts["separated"] += prove_infeasible(self.proofs, at, quantity, row)

    def _count(self, proven: bool, how: str) -> None:
        """Count a row with a value.

        Raises CertificateError if the row has no certificate and the study keeps certificates.
        """
        self.counts[how if proven else "without"] += 1
        if not proven and self.keeps:
            raise CertificateError("it has no certificate, and the study keeps them; `sdpbound retry` adds it.")

    def point(self, number: int, row: Row) -> Point:
        """Return the point of a row: the task's point or, for a second row, the better point that a search found."""
        place = row["place"]
        if self.task.strategy is not None:
            return self._strategy(number, row)
        if number > 1:
            raise CertificateError(f"it is row {number + 1} of its cell, and a cell has one, or two with a better one.")
        if number == 0:
            if place is not None:
                raise CertificateError(f"its place is {show(place)}, and the first row is of the point itself.")
            return self.task.point
        if place is None:
            raise CertificateError("it is a second row, of a better point, and has no place.")
        if self.task.search is None:
            raise CertificateError(f"its place is {show(place)}, and the study searches no better point here.")
        point = _candidates(self.task.search).get(place)
        if point is None:
            raise CertificateError(f"its place is {show(place)}, and there is none of this name to search.")
        return point

    def _strategy(self, number: int, row: Row) -> Point:
        """Return the strategy of a row: any of the family, since which one is best is searched and not proven."""
        if number:
            raise CertificateError(f"it is row {number + 1} of its cell, and a strategy has one.")
        if row["place"] is not None:
            try:
                return self.task.point.found(row["place"])
            except InvalidInput as error:
                raise CertificateError(f"{error}") from None
        if row["status"] != "failed":
            raise CertificateError("it has no place, and the study searches the strategy of each row.")
        return self.task.point


# -- columns ------------------------------------------------------------------------------------------------------

_CHANNEL = ("channel_0", "channel_1")
_REST = tuple(name for name in STORED if name not in (*FIXED, "place", "preprocessing", *_CHANNEL))


def _typed(row: Row) -> None:
    """Raise CertificateError unless every entry has the type of its column, and every number is finite."""
    for name, kind in STORED.items():
        value = row[name]
        if value is None:
            continue
        if type(value) is not kind:
            raise CertificateError(f"its {name} is {show(value)}, and must be of type {kind.__name__}.")
        if isinstance(value, float) and not math.isfinite(value):
            raise CertificateError(f"its {name} is {value!r}, and must be finite.")


def _columns(quantity: Quantity, row: Row) -> None:
    """Raise CertificateError unless the row has the entries that a row of its kind has, and no others."""
    need, may = _kind(quantity, row)
    for name in _REST:
        if row[name] is None and name in need:
            raise CertificateError(f"it has no {name}.")
        if row[name] is not None and name not in need | may:
            raise CertificateError(f"its {name} is {show(row[name])}, and must be empty in such a row.")
    if row["value"] is None:
        if not row["error"].strip():
            raise CertificateError("it has no value, and its error does not say why.")
    elif (row["certificate"] is None) != (row["sdp_certificate"] is None) and "sdp_certificate" in may:
        raise CertificateError("one of its two certificates is missing.")


def _kind(quantity: Quantity, row: Row) -> Needs:
    """Return the columns that a row must have, and those that it may have."""
    status = row["status"]
    if row["value"] is None and not (quantity.kind.driven and status != "failed"):
        if status not in ("failed", "infeasible"):
            raise CertificateError(f"it has no value, and its status is {show(status)}, not 'failed' or 'infeasible'.")
        return {"status", "error"}, {"seconds", "certificate"} if status == "infeasible" else {"seconds"}
    if row["value"] is not None and status not in statuses(quantity):
        raise CertificateError(f"it has a value, and its status is {show(status)}.")
    return quantity.kind.needs(quantity, row)


def _better(quantity: Quantity, first: Row, row: Row) -> None:
    """Raise CertificateError unless a second row is better than the first.

    A second row that failed is allowed.
    """
    if row["status"] == "failed":
        return
    if row["value"] is None or not isinstance(first["value"], float):
        raise CertificateError("it is said to be better than the first row of its cell, and one of them has no value.")
    sign = 1.0 if quantity.side == "lower" else -1.0
    if not sign * row["value"] > sign * first["value"]:
        raise CertificateError(f"its value is {row['value']!r}, and no better than {first['value']!r} at the point.")
