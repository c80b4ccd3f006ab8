"""Commands that compute a study: run and retry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdpbound.cli.groups import Options, grouped
from sdpbound.cli.options import AsJson
from sdpbound.cli.output import emit, print_error
from sdpbound.cli.study_options import Figures, Machines, Output, StudyFile, note_script_not_run
from sdpbound.errors import InvalidInput, SdpboundError

if TYPE_CHECKING:
    from sdpbound.study import StudyResult

__all__ = ["retry_command", "run_command"]


@dataclass(frozen=True, slots=True)
class Written(Options):
    """The options for where the results go, and for what is printed."""

    output: Output = None
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False
    as_json: AsJson = False


@grouped
def run_command(study: StudyFile, machines: Machines, figures: Figures, written: Written) -> None:
    """Run a study, or go on with it: compute what its store lacks, write its table, draw its figure if it names one.

    Whatever stops a run, what it had stored is not computed again. Exit status 1 if rows failed, 130 or 143 if it was
    interrupted or terminated.
    """
    _compute("run", study, machines, figures, written)


@grouped
def retry_command(study: StudyFile, machines: Machines, figures: Figures, written: Written) -> None:
    """Compute the failed rows of a study again, and no others; also rows without a certificate, if it keeps them.

    A row stays as it is until its new one is stored.
    """
    _compute("retry", study, machines, figures, written)


def _compute(command: str, path: Path, machines: Machines, figures: Figures, written: Written) -> None:
    from sdpbound.study import draw, run_study
    from sdpbound.study.out.figures import figure_script

    figures.check()
    whole = not figures.no_figure and machines.shard is None and path.suffix == ".toml"
    script = figure_script(path) if whole else None
    # a missing script is found now, not after hours of solving
    if script is not None and figures.run_figure_script and not script.is_file():
        raise InvalidInput(f"study file '{path}' names a figure, and its script '{script}' does not exist.")
    result = run_study(
        path,
        written.output,
        machines.count(),
        not written.quiet,
        scheduler=machines.scheduler,
        scheduler_file=machines.scheduler_file,
        tls=machines.tls(),
        retry=command == "retry",
        shard=machines.part(),
    )
    drawn: list[Path] = []
    failure: SdpboundError | None = None
    if script is not None and result.failed < result.rows:
        try:
            drawn = draw(path, result.table, result.table.parent, figures.run_figure_script)
        except SdpboundError as error:  # the table is written: print its place first, and then how the figure failed
            failure = error
    _report(command, path, result, drawn, written.as_json)
    if drawn and not figures.run_figure_script:
        note_script_not_run(path, script)
    if failure is not None:
        raise failure
    if result.failed:
        options = f" --output {written.output}" if written.output else ""
        options += f" --shard {machines.shard}" if machines.shard else ""
        print_error(
            f"{result.failed} of {result.rows} rows failed; the column error of the table says why, and "
            f"'sdpbound retry {path}{options}' computes them again."
        )
        raise typer.Exit(1)


def _report(command: str, path: Path, result: StudyResult, figures: list[Path], as_json: bool) -> None:
    facts = {
        "command": command,
        "study": str(path),
        "store": str(result.store),
        "table": str(result.table),
        "metadata": str(result.metadata),
        "figures": [str(figure) for figure in figures],
        "rows": result.rows,
        "computed": result.computed,
        "failed": result.failed,
        "infeasible": result.infeasible,
        "seconds": result.seconds,
    }
    answered = result.rows - result.failed - result.infeasible
    lines = [
        f"table     {result.table}   ({answered} rows with a value, {result.infeasible} infeasible, {result.failed} "
        f"failed; {result.computed} cells computed in {result.seconds:.1f} s)",
        f"metadata  {result.metadata}",
        f"store     {result.store}",
        *(f"figure    {figure}" for figure in figures),
    ]
    emit(facts, lines, as_json)
