"""The command that checks a study file and estimates the study, before the study runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdpbound.cli.options import AsJson
from sdpbound.cli.output import emit, finite, rounded
from sdpbound.cli.study_options import Output, StudyFile, Workers, loaded
from sdpbound.cli.texts import integer, number
from sdpbound.errors import InvalidParameter

if TYPE_CHECKING:
    from sdpbound.study.running.estimate import Estimate

__all__ = ["check_command", "row_lines"]


def check_command(
    study: StudyFile,
    output: Output = None,
    workers: Workers = None,
    seconds: Annotated[str, typer.Option(help="Time for samples; what takes longer is stopped.", metavar="S")] = "10",
    as_json: AsJson = False,
) -> None:
    """Check a study file; print its size, an estimate of its time from timed samples, and its first rows.

    What is not reached in that time is named. Nothing is stored.
    """
    from sdpbound.study.running.estimate import estimate
    from sdpbound.study.running.executors import cores
    from sdpbound.study.running.progress import duration

    found = loaded(study, output)
    found.plan.check()
    count = cores() if workers is None else integer(workers, "workers") or 1
    if count < 0:
        raise InvalidParameter(f"workers = {count} must be an integer of at least 0.")
    budget = number(seconds, "seconds")
    guess = estimate(found, budget)
    status = found.status()
    facts = {
        "command": "check",
        "study": str(study),
        "name": found.name,
        "points": found.plan.points,
        "cells": found.plan.cells,
        "done": status.done,
        "failed": status.failed,
        "samples": guess.samples,
        "core_seconds": guess.seconds,
        "core_seconds_error": guess.error,
        "core_seconds_left": guess.left,
        "workers": count,
        "unreached": [{"tasks": u.text, "number": u.tasks, "longer_than": u.seconds} for u in guess.unreached],
        "slow": [{"tasks": s.text, "number": s.tasks, "seconds_each": s.seconds} for s in guess.slow],
        "rows": [{k: finite(v) if isinstance(v, float) else v for k, v in row.items()} for row in guess.rows],
    }
    lines = [
        f"{found.name}: {found.plan.points} points, {found.plan.cells} cells (numbers)"
        + (f", {status.done} done and {status.failed} failed in '{found.store_path}'" if status.stored else ""),
        f"{'at least' if guess.unreached else 'about'} {duration(guess.seconds)} of solving on one core (standard "
        f"error {duration(guess.error)}, from {guess.samples} timed tasks), {duration(guess.seconds / count)} with "
        f"{count} workers" + (f"; left {duration(guess.left / count)}" if status.stored else ""),
        *(f"  {s.text}: {s.tasks} tasks of about {duration(s.seconds)} each" for s in guess.slow),
        *_unreached_lines(guess, budget),
        *row_lines(guess.rows),
    ]
    emit(facts, lines, as_json)


def _unreached_lines(guess: Estimate, budget: float) -> list[str]:
    """Return the lines that name the tasks that were not reached and say what to do."""
    if not guess.unreached:
        return []
    return [
        f"not reached in {budget:g} s, so that the time above is a lower bound; --seconds gives more:",
        *(
            f"  {kind.text}, {kind.tasks} tasks"
            + (f": one takes more than {kind.seconds:.1f} s" if kind.seconds else ": none was tried")
            for kind in guess.unreached
        ),
    ]


def row_lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the first rows, a line each; what all of them have in common is said once, above them."""
    from sdpbound.tables.columns import COLUMNS, PLACE  # the tables import data frames, which are slow to import

    if not rows:
        return ["first rows: not reached"]
    added = [name for name in rows[0] if name not in COLUMNS]
    shown = (*PLACE[: PLACE.index("visibility")], *added, *PLACE[PLACE.index("visibility") :])
    common = [name for name in shown if len(rows) > 1 and len({row[name] for row in rows}) == 1]
    every = _places(rows[0], common)
    own = [name for name in shown if name not in common]
    own += [name for name in ("options", "rounds") if len({row[name] for row in rows}) > 1]
    return [f"first rows ({every}):" if every else "first rows:", *(_row_line(row, _places(row, own)) for row in rows)]


def _places(row: dict[str, Any], names: Sequence[str]) -> str:
    """Return some columns of a row in words, without those that are empty."""
    return " ".join(
        f"{name}={row[name]:.6g}" if isinstance(row[name], float) else f"{name}={row[name]}"
        for name in names
        if row[name] is not None
    )


def _row_line(row: dict[str, Any], place: str) -> str:
    if row["value"] is None:
        return f"  {place}: {row['status']}"
    if row["side"] == "exact":
        return f"  {place}: {row['value']:.12g}   (closed form, in floating point)"
    sign = "<=" if row["side"] == "upper" else ">="
    how = row["method"] if row["margin"] is None or row["method"] == "closed form" else f"margin {row['margin']:.1e}"
    return f"  {place}: {sign} {rounded(row['value'], row['side'])}   ({row['side']} bound; {how})"
