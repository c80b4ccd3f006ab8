"""The command ``sdpbound verify``, which checks certificates and the stores of studies."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdpbound.cli.groups import Options, grouped
from sdpbound.cli.options import AsJson
from sdpbound.cli.output import emit, fraction_done, print_error
from sdpbound.cli.study_options import Output, loaded
from sdpbound.cli.texts import number
from sdpbound.errors import InvalidParameter

if TYPE_CHECKING:
    from sdpbound.checker import Checker
    from sdpbound.cli.twice import TwiceChecker

__all__ = ["verify_command"]

#: Cells of a study that are checked in one process.
FEW = 100


@dataclass(frozen=True, slots=True)
class Checking(Options):
    """How each certificate is checked."""

    time_limit: Annotated[str, typer.Option(help="Seconds a certificate may take; inf for no limit.")] = "60"
    memory_limit: Annotated[str, typer.Option(help="GB of memory a certificate may take; inf for no limit.")] = "2"
    twice: Annotated[
        bool,
        typer.Option("--twice", help="Check each certificate by a second checker as well, written apart and slower."),
    ] = False

    def checker(self) -> Checker:
        """The checker that is asked for, or both as one."""
        from sdpbound.checker import Checker
        from sdpbound.cli.twice import TwiceChecker

        limits = _limit(self.time_limit, "time-limit"), 1e9 * _limit(self.memory_limit, "memory-limit")
        return TwiceChecker(*limits) if self.twice else Checker(*limits)


@grouped
def verify_command(
    files: Annotated[
        list[Path], typer.Argument(help="Certificates (JSON files) or studies.", metavar="CERTIFICATE.json|STUDY...")
    ],
    checking: Checking,
    output: Output = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that check the rows of a study; default one for each core.", min=1)
    ] = None,
    recompute_failed: Annotated[
        bool,
        typer.Option(
            "--recompute-failed", help="Solve again the rows of a study that have no value and no proof of why."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Recompute the bounds of certificates without any solver; of a study, of all certificates in its store.

    For a study each row is compared with its certificate too: the same question, and a value that follows. Exit status
    0 if all of them prove what they claim, and a study has all its cells; 1 if a study lacks cells, or some failed; 2
    if something does not hold, cannot be read, or takes more time or memory than allowed, or (with --twice) if the two
    checkers do not agree that it holds.
    """
    from sdpbound.cli.twice import TwiceChecker

    certificates: list[dict[str, Any]] = []
    studies: list[dict[str, Any]] = []
    lines: list[str] = []
    with checking.checker() as checker:
        again = checker if isinstance(checker, TwiceChecker) else None
        for file in files:
            if os.path.isdir(file) or file.suffix in (".toml", ".sqlite"):
                studies.append(_verify_study(file, output, recompute_failed, checker, workers, lines))
            else:
                certificates.append(_verify_certificate(file, checker, again, lines))
    emit({"command": "verify", "certificates": certificates, "studies": studies}, lines, as_json)
    if not all(entry["holds"] for entry in certificates + studies):
        raise typer.Exit(2)
    if not all(entry["complete"] for entry in studies):
        raise typer.Exit(1)


def _limit(text: str, name: str) -> float:
    value = math.inf if text.strip() == "inf" else number(text, name)
    if not value > 0:
        raise InvalidParameter(f"--{name} {text!r} must be a positive number, or inf for no limit.")
    return value


def _verify_certificate(file: Path, checker: Checker, again: TwiceChecker | None, lines: list[str]) -> dict[str, Any]:
    entry: dict[str, Any] = {"file": str(file), "readable": True, "holds": False}
    answer = checker.check(str(file))
    found = answer.found
    second = None if again is None else again.entry(str(file))
    if second is not None:
        entry["second"] = second
        _say_second(file, second, found is not None and found.holds, lines)
    if found is None:  # a question or a proof that cannot be read proves nothing
        if answer.stage != "unreadable":
            lines.append(f"{file}: {'not checked' if answer.stage == 'ended' else 'does not hold'}")
        print_error(f"{file}: {answer.reason}")
        return entry | {"readable": answer.stage != "unreadable", "message": answer.reason}
    holds = found.holds and (second is None or second["holds"])
    word = "holds" if found.holds else "does not hold"
    lines.append(
        f"{file}: {word}; {found.figure} ({found.model} model), {found.side} bound recomputed {found.value!r}, "
        f"claimed {found.claimed!r}"
    )
    if found.holds:
        lines.append(f"  {found.message}")
    else:
        print_error(f"{file}: {found.message}")
    return entry | {
        "holds": holds,
        "value": found.value,
        "side": found.side,
        "claimed": found.claimed,
        "figure": found.figure,
        "model": found.model,
        "message": found.message,
    }


def _say_second(file: Path, second: dict[str, Any], holds: bool, lines: list[str]) -> None:
    """What the second checker concludes, and whether the first one concludes the same."""
    word = "holds" if second["holds"] else "does not hold"
    number_of = "" if second["value"] is None else f"; {second['side']} bound {second['value']!r}"
    lines.append(f"{file}: the second checker says: {word}{number_of}")
    if second["holds"] != holds:
        print_error(f"{file}: the two checkers do not agree; the second one says: {second['reason']}")
    elif not holds:
        print_error(f"{file}: the second checker says: {second['reason']}")


def _verify_study(
    file: Path, output: Path | None, recompute: bool, checker: Checker, workers: int | None, lines: list[str]
) -> dict[str, Any]:
    from sdpbound.study import audit
    from sdpbound.study.running.executors import cores

    study = loaded(file, output)
    count = cores() if workers is None else workers
    if study.plan.cells < FEW:
        count = 1  # starting processes takes longer
    with fraction_done(f"checking {study.name}") as report:
        found = audit(study, recompute, checker, workers=count, report=report)
    lines.append(f"{study.store_path}: {found.summary}")
    lines += [f"  point {cell.point}, {cell.quantity}: {cell.message}" for cell in found.unanswered]
    if not found.complete:
        named = "all" if len(found.unanswered) == found.missing + found.failed else f"{len(found.unanswered)} named"
        print_error(
            f"{study.store_path}: the study is not complete: {found.missing} cells are missing and {found.failed} "
            f"failed ({named} above); 'sdpbound run' or 'sdpbound retry' computes them."
        )
    for fault in found.faults:
        print_error(f"{study.store_path}: point {fault.point}, {fault.quantity}: {fault.message}")
    return {
        "study": study.name,
        "store": str(study.store_path),
        "holds": found.holds,
        "complete": found.complete,
        "sealed": found.sealed,
        "rows": found.rows,
        "proven": found.proven,
        "approximate": found.approximate,
        "exact": found.exact,
        "without_certificate": found.without,
        "infeasible": found.infeasible,
        "unproven": found.unproven,
        "no_key": found.no_key,
        "failed": found.failed,
        "missing": found.missing,
        "certificates": found.certificates,
        "faults": [asdict(fault) for fault in found.faults],
        "unanswered": [asdict(cell) for cell in found.unanswered],
    }
