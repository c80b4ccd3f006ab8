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

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context

from sdpbound.checker import Checker
from sdpbound.errors import InvalidParameter, StorageFailure
from sdpbound.study.at_hand import Study
from sdpbound.study.auditing.proofs import Proofs
from sdpbound.study.auditing.rows import LISTED, Fault, Found, Part, check_part, check_rows
from sdpbound.study.plan import Task
from sdpbound.study.running.solver_process import NotStarted, SolverProcess
from sdpbound.study.store import Store
from sdpbound.study.store.form import Seal

__all__ = ["Audit", "Fault", "audit"]

#: Parts of a study for each process: more parts make the processes end at the same time.
PARTS = 8


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


def _unheard(done: float) -> None:
    """Report to nobody."""


def audit(
    study: Study,
    recompute: bool = False,
    checker: Checker | None = None,
    *,
    workers: int = 1,
    report: Callable[[float], None] = _unheard,
) -> Audit:
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
    checker : checks each certificate within its limits of time and memory; None checks without limits
    workers : number of processes that check rows; 1 checks in this process. Each process has a checker of its own with
        the same limits
    report : is called with the part of the rows that is done, from 0 to 1

    Returns
    -------
    Audit

    Raises
    ------
    DamagedStore
        The file itself is damaged.
    InvalidStudy
        There is no store.
    InvalidParameter
        ``workers`` is no positive integer.
    StorageFailure
        A process of the audit ended too early.
    """
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise InvalidParameter(f"workers = {workers!r} must be an integer of at least 1; 1 checks in this process.")
    parts = max(1, min(PARTS * workers, study.plan.points)) if workers > 1 else 1
    with Store.read(study.store_path) as store:
        before = store.seal()  # a run may add cells meanwhile, so the seal is read first
        total = Found()
        key = os.urandom(16)  # so that nobody can make a name with the hash of another one
        if parts == 1:
            total = check_rows(study, store, Proofs(store, key, checker), recompute)
            report(1.0)
        else:
            # of the same class: one that asks more of a certificate asks it in every process
            another = None if checker is None else partial(type(checker), checker.time_limit, checker.memory_limit)
            jobs = [Part(_part(study, n, parts), another, key, recompute) for n in range(parts)]
            for done, found in enumerate(_in_processes(jobs, workers), start=1):
                total.add(found)
                report(done / parts)
            total.unanswered.sort(key=lambda cell: (cell.point, cell.quantity))
            del total.unanswered[LISTED:]
            total.faults.sort(key=lambda fault: (fault.point, fault.quantity))
        rest = Proofs(store, key, checker, total.seen)
        for name, wrong in rest.rest():
            if wrong:
                total.faults.append(Fault("-", f"certificate {name}", wrong))
        seal, own = store.resealed()
    counts, faults = total.counts, total.faults
    if total.again:
        faults += _solved_again(total.again)
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
        certificates=total.checked + rest.checked,
        sealed=seal is not None,
        faults=faults,
        unanswered=total.unanswered,
    )


def _part(study: Study, n: int, parts: int) -> Study:
    """The n-th of the parts of a study, or of a part of it, with the same store."""
    first, step = (1, 1) if study.shard is None else study.shard
    return replace(study, shard=(first + n * step, step * parts), store=study.store_path)


def _in_processes(jobs: list[Part], workers: int) -> Iterator[Found]:
    """Check the parts in processes, and yield what is found as it comes.

    Whatever ends a process early ends the audit with StorageFailure.
    """
    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=get_context("spawn")) as pool:
        try:
            for future in as_completed([pool.submit(check_part, job) for job in jobs]):
                yield future.result()
        except BrokenProcessPool:
            raise StorageFailure(
                "a process that checked certificates ended before it was done, perhaps for lack of memory; try again "
                "with fewer workers."
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


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
