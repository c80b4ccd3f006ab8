"""Commands on studies, and the checker of certificates."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from sdpbound.cli.options import AsJson, integer, number
from sdpbound.cli.output import complain, emit, finite, rounded, say
from sdpbound.cli.study_options import AnyStudy, Output, StudyFile
from sdpbound.cli.verifying import verify_command
from sdpbound.errors import InvalidInput, InvalidParameter, SdpboundError
from sdpbound.study import Study, StudyResult

__all__ = []

Workers = Annotated[
    str | None, typer.Option(help="Worker processes; 0: this process. Default: one a core.", metavar="N")
]
Scheduler = Annotated[
    str | None,
    typer.Option(help="Run on the Dask cluster with this scheduler, such as tcp://host:8786.", metavar="URL"),
]
SchedulerFile = Annotated[
    Path | None, typer.Option(help="Run on the Dask cluster that wrote this scheduler file.", metavar="FILE")
]
TlsCa = Annotated[Path | None, typer.Option(help="For tls:// schedulers: the authority's certificate.", metavar="PEM")]
TlsCert = Annotated[Path | None, typer.Option(help="For tls:// schedulers: the client's certificate.", metavar="PEM")]
TlsKey = Annotated[Path | None, typer.Option(help="For tls:// schedulers: the client's key.", metavar="PEM")]
Shard = Annotated[
    str | None, typer.Option(help="Only the K-th of N parts, in a store of its own; see merge.", metavar="K/N")
]
NoFigure = Annotated[bool, typer.Option("--no-figure", help="Write the table only.")]
RunScript = Annotated[
    bool,
    typer.Option(
        "--run-figure-script",
        help="Execute the Python file figures/NAME.py that the study names as its figure; else the default chart.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress.")]

#: What check prints of a row.


def _runner(retry: bool) -> Callable[..., None]:
    """The commands run and retry, which take the same options."""

    def command(
        study: StudyFile,
        workers: Workers = None,
        scheduler: Scheduler = None,
        scheduler_file: SchedulerFile = None,
        tls_ca: TlsCa = None,
        tls_cert: TlsCert = None,
        tls_key: TlsKey = None,
        shard: Shard = None,
        output: Output = None,
        no_figure: NoFigure = False,
        run_figure_script: RunScript = False,
        quiet: Quiet = False,
        as_json: AsJson = False,
    ) -> None:
        tls = tls_ca, tls_cert, tls_key
        figure = None if no_figure else run_figure_script
        if no_figure and run_figure_script:
            raise InvalidInput("give --no-figure or --run-figure-script, not both.")
        _run(study, workers, scheduler, scheduler_file, tls, shard, output, figure, quiet, retry, as_json)

    command.__doc__ = _RETRY if retry else _RUN
    return command


_RUN = """Run a study, or go on with it: compute what its store lacks, write its table, draw its figure if it names one.

Whatever stops a run, what it had stored is not computed again. Exit status 1 if rows failed, 130 or 143 if it was
interrupted or terminated.
"""
_RETRY = """Compute the failed rows of a study again, and no others; also rows without a certificate, if it keeps them.

A row stays as it is until its new one is stored.
"""


def _run(
    path: Path,
    workers: str | None,
    scheduler: str | None,
    scheduler_file: Path | None,
    tls: tuple[Path | None, Path | None, Path | None],
    shard: str | None,
    output: Path | None,
    figure: bool | None,
    quiet: bool,
    retry: bool,
    as_json: bool,
) -> None:
    """Run a study; ``figure``: None for none, else whether the script that the study names may run."""
    from sdpbound.study import Tls, draw, run_study
    from sdpbound.study.out.figures import figure_script

    script = None if figure is None or shard is not None or path.suffix != ".toml" else figure_script(path)
    if script is not None and figure and not script.is_file():  # rather now than after hours
        raise InvalidInput(f"study file '{path}' names a figure, and its script '{script}' does not exist.")
    result = run_study(
        path,
        output,
        integer(workers, "workers"),
        not quiet,
        scheduler=scheduler,
        scheduler_file=scheduler_file,
        tls=Tls(*tls) if any(tls) else None,
        retry=retry,
        shard=_shard(shard),
    )
    figures: list[Path] = []
    failure: SdpboundError | None = None
    if script is not None and result.failed < result.rows:
        try:
            figures = draw(path, result.table, result.table.parent, bool(figure))
        except SdpboundError as error:  # the table is there: say where, then how the figure failed
            failure = error
    _report_run("retry" if retry else "run", path, result, figures, as_json)
    if figures and not figure:
        _say_not_run(path, script)
    if failure is not None:
        raise failure
    if result.failed:
        options = (f" --output {output}" if output else "") + (f" --shard {shard}" if shard else "")
        complain(
            f"{result.failed} of {result.rows} rows failed; the column error of the table says why, and "
            f"'sdpbound retry {path}{options}' computes them again."
        )
        raise typer.Exit(1)


def _report_run(command: str, path: Path, result: StudyResult, figures: list[Path], as_json: bool) -> None:
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


def _shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    parts = text.split("/")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise InvalidParameter(f"--shard {text!r} must be K/N with 1 <= K <= N, such as 3/64.")
    return int(parts[0]), int(parts[1])


def check_command(
    study: StudyFile,
    output: Output = None,
    workers: Workers = None,
    seconds: Annotated[str, typer.Option(help="Time for the samples.", metavar="S")] = "10",
    as_json: AsJson = False,
) -> None:
    """Check a study file; print its size, an estimate of its time from timed samples, and its first rows.

    Nothing is stored.
    """
    from sdpbound.study import Study
    from sdpbound.study.running.estimate import estimate
    from sdpbound.study.running.executors import cores
    from sdpbound.study.running.progress import duration

    found = Study.load(study, output)
    found.plan.check()
    count = cores() if workers is None else integer(workers, "workers") or 1
    if count < 0:
        raise InvalidParameter(f"workers = {count} must be an integer of at least 0.")
    guess = estimate(found, number(seconds, "seconds"))
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
        "rows": [{k: finite(v) if isinstance(v, float) else v for k, v in row.items()} for row in guess.rows],
    }
    lines = [
        f"{found.name}: {found.plan.points} points, {found.plan.cells} cells (numbers)"
        + (f", {status.done} done and {status.failed} failed in '{found.store_path}'" if status.stored else ""),
        f"about {duration(guess.seconds)} of solving on one core (standard error {duration(guess.error)}, from "
        f"{guess.samples} timed tasks), {duration(guess.seconds / count)} with {count} workers"
        + (f"; left {duration(guess.left / count)}" if status.stored else ""),
        "first rows:",
        *(_row_line(row) for row in guess.rows),
    ]
    emit(facts, lines, as_json)


def _row_line(row: dict[str, Any]) -> str:
    from sdpbound.tables.columns import COLUMNS, PLACE  # with tables come data frames, which a start has no use for

    added = [name for name in row if name not in COLUMNS]
    shown = (*PLACE[: PLACE.index("visibility")], *added, *PLACE[PLACE.index("visibility") :])
    parts = [
        f"{name}={row[name]:.6g}" if isinstance(row[name], float) else f"{name}={row[name]}"
        for name in shown
        if row[name] is not None
    ]
    if row["value"] is None:
        return f"  {' '.join(parts)}: {row['status']}"
    if row["side"] == "exact":
        return f"  {' '.join(parts)}: {row['value']:.12g}   (closed form, in floating point)"
    sign = "<=" if row["side"] == "upper" else ">="
    how = row["method"] if row["margin"] is None or row["method"] == "closed form" else f"margin {row['margin']:.1e}"
    return f"  {' '.join(parts)}: {sign} {rounded(row['value'], row['side'])}   ({row['side']} bound; {how})"


def status_command(study: AnyStudy, output: Output = None, as_json: AsJson = False) -> None:
    """How far a study is; works while it runs."""
    from sdpbound.study import Study

    found = Study.load(study, output)
    status = found.status()
    facts = {
        "command": "status",
        "study": found.name,
        "store": str(found.store_path),
        "cells": status.cells,
        "done": status.done,
        "failed": status.failed,
        "infeasible": status.infeasible,
        "complete": status.complete,
        "quantities": {
            name: dict(zip(("cells", "done", "failed", "infeasible"), counts, strict=True))
            for name, counts in status.by_quantity.items()
        },
        "stored_rows": status.stored,
    }
    width = max(map(len, status.by_quantity), default=0)
    lines = [
        f"{found.name}: {status.done} of {status.cells} cells done ({status.infeasible} infeasible), {status.failed} "
        f"failed, {status.cells - status.done - status.failed} left",
        *(f"  {name:{width}}  {c[1]}/{c[0]}, {c[2]} failed" for name, c in status.by_quantity.items()),
        f"store {found.store_path}, {status.stored} rows"
        if found.store_path.is_file()
        else f"there is no store '{found.store_path}' yet",
    ]
    emit(facts, lines, as_json)


def export_command(
    study: AnyStudy,
    files: Annotated[list[Path], typer.Argument(help="Files to write: .csv, .parquet or .nc.", metavar="FILE...")],
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Write the rows there are as CSV, Parquet or NetCDF; works while the study runs."""
    from sdpbound.study import Study

    found = Study.load(study, output)
    written = [found.export(file) for file in files]
    facts = {"command": "export", "study": found.name, "files": [str(file) for file in written]}
    emit(facts, [f"written   {file}" for file in written], as_json)


def plot_command(
    study: AnyStudy, output: Output = None, run_figure_script: RunScript = False, as_json: AsJson = False
) -> None:
    """Draw the default chart of a study from its table, or from the rows there are; or the figure that it names."""
    from sdpbound.study import Study

    found = Study.load(study, output)
    figures = _draw(study, found, run_figure_script)
    facts = {"command": "plot", "study": str(study), "figures": [str(path) for path in figures]}
    emit(facts, [f"figure    {path}" for path in figures], as_json)


def _draw(path: Path, study: Study, run_script: bool) -> list[Path]:
    """The default chart, or with ``run_script`` the figure that the study's file names; a store knows no script."""
    from sdpbound.study import draw, read_table
    from sdpbound.study.out.charts import draw_default
    from sdpbound.study.out.figures import figure_script

    if path.suffix == ".toml":
        figures = draw(path, _table(study), study.folder, run_script)
        if not run_script:
            _say_not_run(path, figure_script(path))
        return figures
    if run_script:
        raise InvalidInput(
            f"'{path}' has no figure script beside it; --run-figure-script is for the study's TOML file."
        )
    return draw_default(read_table(_table(study)), study.folder, study.name, study.spec.title)


def _say_not_run(path: Path, script: Path | None) -> None:
    """Say that a study names a script, which was not run."""
    if script is not None:
        complain(
            f"study file '{path}' names the script '{script.name}' in 'figures' as its figure, which was not run: this "
            "is the default chart, and --run-figure-script runs the script; read it first if it is not your own."
        )


def _table(study: Study) -> Path:
    """The study's table, written anew from its store if there is one."""
    if study.store_path.is_file():
        return study.export(study.table_path)
    if not study.table_path.is_file():
        raise InvalidInput(
            f"there is no table '{study.table_path}': run the study first, or name its folder with --output."
        )
    return study.table_path


def report_command(
    study: AnyStudy,
    file: Annotated[Path | None, typer.Argument(help="Default: NAME.html beside the store.", metavar="FILE")] = None,
    output: Output = None,
    run_figure_script: RunScript = False,
    as_json: AsJson = False,
) -> None:
    """Write a self-contained HTML page: spec, provenance, figures, tables, certified margins, failures."""
    from sdpbound.study import Study
    from sdpbound.study.out.report import write_report

    found = Study.load(study, output)
    figures = _draw(study, found, run_figure_script)
    page = write_report(file or found.folder / f"{found.name}.html", found.table(), found.text, found.facts(), figures)
    emit({"command": "report", "study": str(study), "report": str(page)}, [f"report    {page}"], as_json)


def merge_command(
    study: StudyFile,
    stores: Annotated[list[Path], typer.Argument(help="Stores of parts of the study.", metavar="STORE...")],
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Add the rows of other stores, such as those of shards, to the store of a study."""
    from sdpbound.study import Study
    from sdpbound.study.store import Store, merge

    found = Study.load(study, output)
    for file in stores:
        Store.read(file).close()  # all of them, before anything is made
    found.prepare_folder()
    added = merge(stores, found.store_path)
    with Store.write(found.store_path) as store:
        store.save_spec(found.spec.model_dump(mode="json"), found.text)
        if found.status().complete and "failed" not in store.counts():
            store.complete(found.identity)
    facts = {"command": "merge", "study": str(study), "store": str(found.store_path), "added": added}
    emit(facts, [f"store     {found.store_path}   ({added} rows added)"], as_json)


def recover_command(
    study: StudyFile,
    damaged: Annotated[Path, typer.Argument(help="The damaged store.", metavar="FILE")],
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Copy what is sound in a damaged store into the study's store."""
    from sdpbound.study import Study
    from sdpbound.study.store import recover

    found = Study.load(study, output)
    found.prepare_folder()
    rows, lost = recover(damaged, found.store_path)
    facts = {"command": "recover", "study": str(study), "store": str(found.store_path), "rows": rows, "unsound": lost}
    lines = [f"store     {found.store_path}   ({rows} rows recovered, {lost} found unsound and left out)"]
    emit(facts, lines, as_json)


def schema_command() -> None:
    """Print the JSON schema of study files, for editors."""
    from sdpbound.study.file.schema import study_schema

    say(json.dumps(study_schema(), indent=1))


COMMANDS: dict[str, Callable[..., None]] = {
    "check": check_command,
    "run": _runner(retry=False),
    "status": status_command,
    "retry": _runner(retry=True),
    "export": export_command,
    "plot": plot_command,
    "report": report_command,
    "verify": verify_command,
    "merge": merge_command,
    "recover": recover_command,
    "schema": schema_command,
}
