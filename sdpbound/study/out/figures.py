"""Draw the figure of a study from its table: with figures/NAME.py beside the study's folder, or else the default chart.

The script of a figure is a program, and a study may come from a stranger. So a script runs only if the caller says so.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from sdpbound.errors import InvalidStudy
from sdpbound.study.file.spec import read_spec

__all__ = ["draw", "figure_script", "load_script"]


def figure_script(study_path: str | os.PathLike[str]) -> Path | None:
    """Return the script of the study's figure, ``../figures/NAME.py`` seen from its file; None if it names none."""
    figure = read_spec(study_path).figure
    return None if figure is None else Path(study_path).resolve().parent.parent / "figures" / f"{figure}.py"


def load_script(script: Path) -> ModuleType:
    """Import a figure's script.

    Raises InvalidStudy if the script has no function ``draw``.
    """
    spec = importlib.util.spec_from_file_location(f"sdpbound_figure_{script.stem}", script)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not callable(getattr(module, "draw", None)):
        raise InvalidStudy(f"the figure script '{script}' has no function draw(table, output); add one.")
    return module


def draw(
    study_path: str | os.PathLike[str],
    table_path: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    run_script: bool = False,
    formats: Sequence[str] | None = None,
) -> list[Path]:
    """Draw the study's figure from its table, without solving; returns the files.

    Parameters
    ----------
    study_path, table_path : the study file and its table
    output_dir : the folder of the files that are written
    run_script : whether to run the Python file that the study names, ``../figures/NAME.py``, and to call its
        ``draw(table, output)``; if its ``FIGURE`` lists further studies, their tables are those in the folders beside
        the table's folder; if false, or if the study names no script, the default chart is drawn
    formats : kinds of files of the default chart, of "pdf", "png", "svg" and "pgf"; default PDF and PNG. A script
        chooses its own

    Returns
    -------
    the files; none for a table without rows

    Raises
    ------
    InvalidStudy
        The script is not there, or a table is missing or damaged.
    """
    script, table = figure_script(study_path) if run_script else None, Path(table_path)
    module = None
    if script is not None:
        if not script.is_file():
            raise InvalidStudy(
                f"study file '{study_path}' names the figure {script.stem!r}, and '{script}' does not exist; write it "
                "or leave the key 'figure' out."
            )
        module = load_script(script)
    if _is_empty(table):
        return []
    output = Path(output_dir)
    output.mkdir(parents=True, exist_ok=True)
    if module is None:
        from sdpbound.study.out.charts import draw_file

        spec = read_spec(study_path)
        return draw_file(table, output, spec.name, spec.title, formats)
    tables = _tables(module, table, read_spec(study_path).name)
    return [Path(path) for path in module.draw(*tables, output)]


def _is_empty(table: Path) -> bool:
    """Whether a CSV file has only a header."""
    if table.suffix != ".csv":
        return False
    try:
        with table.open("rb") as file:
            return bool(file.readline()) and not file.readline().strip()
    except OSError as error:
        raise InvalidStudy(f"'{table}' cannot be read: {error.strerror}; run the study first.") from None


def _tables(module: ModuleType, table: Path, study: str) -> list[Path]:
    """Return the tables of a figure in its order: the study's own, and the others from the folders beside it."""
    about = getattr(module, "FIGURE", None)
    if about is None or len(about.studies) == 1:
        return [table]
    if study not in about.studies:
        raise InvalidStudy(
            f"the figure {about.name!r} is drawn from the studies {', '.join(about.studies)}, and {study!r} is none of "
            "them; add it to FIGURE, or name another figure."
        )
    others = table.resolve().parent.parent
    tables = [table if name == study else others / name / f"{name}.csv" for name in about.studies]
    for name, path in zip(about.studies, tables, strict=True):
        if not path.is_file():
            raise InvalidStudy(
                f"the figure {about.name!r} also needs the table '{path}', and it does not exist: "
                f"`sdpbound run studies/{name}.toml` makes it."
            )
    return tables
