"""Check a whole store again: every certificate by the independent checker, and every row against its certificate.

A row is a statement, and the audit looks for a proof of each of its columns. A column that the study fixes is compared
with the study. A column that follows from a certificate is recomputed from it. The solver's own report (solver, status,
margin, gap, seconds) cannot be proven; it only has to be possible (:mod:`sdpbound.study.answers.limits`).

A store may also lack rows, or say that rows failed. The seal of a store counts its rows, and names the studies of which
the store had all cells. Rows that do not fit the seal are a fault. Digests and seal have no key. So whoever edits a
store can also recompute them. A row that was removed is then still missing from the study, and the audit is not
complete.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import lru_cache

from sdpbound.checker import Checker
from sdpbound.errors import CertificateError, DamagedStore, StorageFailure
from sdpbound.study.answers.best_member import contours_of
from sdpbound.study.answers.blank import at_point, blank
from sdpbound.study.answers.limits import limited, statuses
from sdpbound.study.at_hand import Study
from sdpbound.study.auditing.proofs import Proofs, prove_infeasible
from sdpbound.study.file.spec import Quantity
from sdpbound.study.plan import Point, Search, Task
from sdpbound.study.quantities.at_point import AtPoint
from sdpbound.study.quantities.checks import same, show
from sdpbound.study.quantities.critical import NONE
from sdpbound.study.quantities.kind import BEST, Needs
from sdpbound.study.running.solver_process import NotStarted, SolverProcess
from sdpbound.study.store import Store
from sdpbound.study.store.form import Seal
from sdpbound.tables.columns import FIXED, STORED, Row

__all__ = ["Audit", "Fault", "audit"]

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


@dataclass(frozen=True, slots=True)
class Audit:
    """The result of checking a store.

    Attributes
    ----------
    rows : rows with a value
    proven : rows with a value whose certificate holds, asks the row's question, and implies all that the row says
    approximate : rows of attacks that meet the tested values nearly, and say so; each is proven only for tolerances
        that are wider by the difference
    exact : rows of closed forms that depend on the point alone, evaluated again
    without : rows with a value and no certificate; each is a fault too if the study keeps certificates
    infeasible : rows without a value that say that the data are outside the adversary's set
    separated : infeasible rows with a certificate that proves it
    no_key : rows of critical values for which no key was found
    failed : rows that no solver answered
    missing : cells of the study that the store does not have
    certificates : certificates checked, once for each row that names one, and those that no row names
    sealed : whether the store has a seal; older versions made none
    faults : all that is wrong, one entry for each row, each certificate that no row names, and the seal
    unanswered : the first 100 cells that are missing or failed, with the message of a failed row
    """

    rows: int
    proven: int
    approximate: int
    exact: int
    without: int
    infeasible: int
    separated: int
    no_key: int
    failed: int
    missing: int
    certificates: int
    sealed: bool
    faults: list[Fault]
    unanswered: list[Fault]

    @property
    def holds(self) -> bool:
        """Whether the audit found no fault.

        Rows that are missing or not proven are in the other counts.
        """
        return not self.faults

    @property
    def complete(self) -> bool:
        """Whether every cell of the study is stored with an answer."""
        return not self.missing and not self.failed

    @property
    def unproven(self) -> int:
        """The number of rows that say that the data are outside the adversary's set and have no proof of it."""
        return self.infeasible - self.separated

    @property
    def summary(self) -> str:
        """The counts in words."""
        return (
            f"{self.proven} of {self.rows} rows proven by certificates that hold, {self.exact} closed forms evaluated "
            f"again, {self.approximate} approximate attacks, {self.without} without a certificate; "
            f"{self.infeasible} infeasible, {self.unproven} of them without a stored proof; "
            + (f"{self.no_key} without a key found; " if self.no_key else "")
            + f"{self.failed} failed, {self.missing} cells missing; {'' if self.sealed else 'no seal; '}"
            f"{len(self.faults)} at fault"
        )


def audit(study: Study, recompute: bool = False, checker: Checker | None = None) -> Audit:
    """Check the rows of a study in its store, and every certificate in the store.

    The audit only reads the store, and it uses no solver unless ``recompute`` is set. Each row's point, visibility,
    data and adversary give a question, with which the question of its certificate is compared. So a certificate of
    another question is a fault, and so is a value that the certificate does not imply. A column is also a fault if it
    is not what the study and the certificate make it. Certificates that no row of the study names, such as those of
    earlier versions of the study, are checked for what they claim.

    Parameters
    ----------
    recompute : solve again the cells that have neither a value nor a proof of why: rows that failed, that found no key,
        or that are infeasible without a certificate; a cell that has a value when it is solved again is a fault
    checker : checks each certificate within its limits of time and memory; None checks in this process, without limits

    Returns
    -------
    Audit

    Raises
    ------
    DamagedStore
        The file itself is damaged.
    InvalidStudy
        There is no store.
    """
    counts: Counter[str] = Counter()
    faults: list[Fault] = []
    unanswered: list[Fault] = []
    again: list[tuple[str, Task]] = []
    with Store.read(study.store_path) as store:
        before = store.seal()  # a run may add cells meanwhile, so the seal is read first
        proofs = Proofs(store, checker)
        check = None
        for task, quantity, rows in _cells(study, store):
            if check is None or check.task is not task:
                check = _Check(task, proofs, study.spec.certificates, counts)
            if not rows:
                counts["missing"] += 1
                _note(unanswered, task.point.name, quantity, "missing")
            for number, row in enumerate(rows):
                if row["status"] == "failed":
                    _note(unanswered, _name(task, row), quantity, f"failed: {show(row['error'])}")
                try:
                    check.row(quantity, rows[0], number, row)
                    if recompute and row["value"] is None and row["certificate"] is None:
                        alone = replace(task, point=check.point(number, row), search=None, certificates=False)
                        again.append((_name(task, row), alone.of([quantity])))
                except CertificateError as error:
                    faults.append(Fault(_name(task, row), quantity.identity, f"{error}"))
                except (DamagedStore, StorageFailure):
                    raise
                # A row may hold anything, so the check may raise any error. The row is then at fault, and the other
                # rows are still checked.
                except Exception as error:
                    message = f"it cannot be checked: {type(error).__name__} {error}."
                    faults.append(Fault(_name(task, row), quantity.identity, message))
        for name, wrong in proofs.rest():
            if wrong:
                faults.append(Fault("-", f"certificate {name}", wrong))
        seal, own = store.resealed()
    if again:
        faults += _solved_again(again)
    lacking = {name: counts[name] for name in ("missing", "failed") if counts[name]}
    wrong = (
        ""
        if seal is None
        else _broken(seal, own, lacking if before is not None and study.identity in before.complete else {})
    )
    if wrong:
        faults.append(Fault("-", "seal", wrong))
    names = ("rows", "proven", "approximate", "exact", "without", "infeasible", "separated", "no_key", "failed")
    return Audit(
        **{name: counts[name] for name in (*names, "missing")},
        certificates=proofs.checked,
        sealed=seal is not None,
        faults=faults,
        unanswered=unanswered,
    )


def _broken(seal: Seal, own: Seal, lacking: dict[str, int]) -> str:
    """Say what is wrong with a seal; "" if nothing is.

    A seal is wrong if it does not fit the rows of the store, or if it names a study as complete that lacks cells.
    """
    if seal.rows != own.rows:
        return (
            f"the rows of the store are {_counted(own)}, and its seal is of {_counted(seal)}: rows were removed, "
            "added or changed."
        )
    if seal.total != own.total:
        return f"the seal is of {_counted(seal)}, and not of these: rows were changed."
    if lacking:
        words = " and ".join(f"{count} {'is' if count == 1 else 'are'} {name}" for name, count in lacking.items())
        return f"the seal says that every cell of the study has an answer, and {words}: rows were removed or changed."
    return ""


def _counted(seal: Seal) -> str:
    return ", ".join(f"{count} {status[:40]}" for status, count in sorted(seal.rows.items())) or "none"


def _solved_again(tasks: list[tuple[str, Task]]) -> Iterator[Fault]:
    """Solve cells again, and yield a fault for each that has a value now.

    The cells are solved in another process, with the study's time limit.
    """
    with closing(SolverProcess()) as process:
        for name, task in tasks:
            (quantity,) = task.quantities
            try:
                ((row, *_),) = process.answer(task).cells
            except NotStarted as error:
                raise StorageFailure(f"no process can be started to solve a cell again: {error}; try again.") from None
            if row["value"] is not None:
                message = f"it has no value, and is {row['value']!r} when it is solved again; `sdpbound retry` does so."
                yield Fault(name, quantity.identity, message)


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
    return task.point.name if place is None else f"{task.point.name}/{str(place)[:40]}"


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
        if quantity.preprocessing != BEST:
            same(own["preprocessing"], row["preprocessing"], "preprocessing")
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


# -- columns ------------------------------------------------------------------------------------------------------

_REST = tuple(name for name in STORED if name not in (*FIXED, "place", "preprocessing"))


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
