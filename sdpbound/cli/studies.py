"""Commands on studies and their results: status, export, plot, report, merge, recover and schema."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdpbound.cli.options import AsJson
from sdpbound.cli.output import emit, print_text
from sdpbound.cli.study_options import AnyStudy, Output, RunScript, StudyFile, loaded, note_script_not_run
from sdpbound.errors import InvalidInput

if TYPE_CHECKING:
    from sdpbound.study import Study

__all__ = [
    "export_command",
    "merge_command",
    "plot_command",
    "recover_command",
    "report_command",
    "schema_command",
    "status_command",
]


def status_command(study: AnyStudy, output: Output = None, as_json: AsJson = False) -> None:
    """How far a study is; works while it runs."""
    found = loaded(study, output)
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
    found = loaded(study, output)
    written = [found.export(file) for file in files]
    facts = {"command": "export", "study": found.name, "files": [str(file) for file in written]}
    emit(facts, [f"written   {file}" for file in written], as_json)


def plot_command(
    study: AnyStudy,
    output: Output = None,
    run_figure_script: RunScript = False,
    format_: Annotated[
        str,
        typer.Option("--format", help="Kinds of files of the default chart: pdf, png, svg, pgf, with commas between."),
    ] = "pdf,png",
    as_json: AsJson = False,
) -> None:
    """Draw the default chart of a study from its table, or from the rows there are; or the figure that it names."""
    found = loaded(study, output)
    figures = _draw(study, found, run_figure_script, [word.strip().lower() for word in format_.split(",")])
    facts = {"command": "plot", "study": str(study), "figures": [str(path) for path in figures]}
    emit(facts, [f"figure    {path}" for path in figures], as_json)


def _draw(path: Path, study: Study, run_script: bool, formats: Sequence[str] | None = None) -> list[Path]:
    """Draw the default chart or, with ``run_script``, the figure that the study's file names.

    A store names no script.
    """
    from sdpbound.study import draw
    from sdpbound.study.out.charts import draw_file
    from sdpbound.study.out.figures import figure_script

    if path.suffix == ".toml":
        figures = draw(path, _table(study), study.folder, run_script, formats)
        if not run_script:
            note_script_not_run(path, figure_script(path))
        return figures
    if run_script:
        raise InvalidInput(
            f"'{path}' has no figure script beside it; --run-figure-script is for the study's TOML file."
        )
    return draw_file(_table(study), study.folder, study.name, study.spec.title, formats)


def _table(study: Study) -> Path:
    """Return the study's table, after writing it anew if there is a store."""
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
    from sdpbound.study.out.report import write_report

    found = loaded(study, output)
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
    from sdpbound.study.store import Store, merge

    found = loaded(study, output)
    for file in stores:
        Store.read(file).close()  # every store is read before anything is made
    found.prepare_folder()
    added = merge(stores, found.store_path)
    with Store.write(found.store_path) as store:
        store.save_spec(found.spec.to_store(), found.text)
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
    from sdpbound.study.store import recover

    found = loaded(study, output)
    found.prepare_folder()
    rows, lost = recover(damaged, found.store_path)
    facts = {"command": "recover", "study": str(study), "store": str(found.store_path), "rows": rows, "unsound": lost}
    lines = [f"store     {found.store_path}   ({rows} rows recovered, {lost} found unsound and left out)"]
    emit(facts, lines, as_json)


def schema_command() -> None:
    """Print the JSON schema of study files, for editors."""
    from sdpbound.study.file.schema import schema_text

    print_text(schema_text())
