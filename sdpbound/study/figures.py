"""Draw the figure that a study names: figures/NAME.py beside the folder of the study file."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from sdpbound.errors import InvalidStudy
from sdpbound.study.spec import load_study

__all__ = ["draw", "figure_script"]


def figure_script(study_path: str | os.PathLike[str]) -> Path | None:
    """The script of the study's figure: ``../figures/NAME.py`` seen from the study file; None if it names none."""
    figure = load_study(study_path).figure
    return None if figure is None else Path(study_path).resolve().parent.parent / "figures" / f"{figure}.py"


def draw(
    study_path: str | os.PathLike[str], table_path: str | os.PathLike[str], output_dir: str | os.PathLike[str]
) -> list[Path]:
    """Draw the study's figure from its table: calls ``draw(table, output)`` of the script, which returns the files.

    An empty list if the study names no figure. Raises InvalidStudy if the script is not there or the table is damaged.
    """
    script = figure_script(study_path)
    if script is None:
        return []
    if not script.is_file():
        raise InvalidStudy(
            f"study file '{study_path}' names the figure {script.stem!r}, and '{script}' does not exist; write it or "
            "leave the key 'figure' out."
        )
    spec = importlib.util.spec_from_file_location(f"sdpbound_figure_{script.stem}", script)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    output = Path(output_dir)
    output.mkdir(parents=True, exist_ok=True)
    return [Path(path) for path in module.draw(Path(table_path), output)]
