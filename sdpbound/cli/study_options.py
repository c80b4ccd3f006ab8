"""Arguments of commands on studies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["AnyStudy", "Output", "StudyFile"]


StudyFile = Annotated[Path, typer.Argument(help="The study: its TOML file.", metavar="STUDY.toml")]
AnyStudy = Annotated[
    Path, typer.Argument(help="The study: its TOML file, its store or the folder of results.", metavar="STUDY")
]
Output = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the results. Default: results/NAME beside the study, or beside its folder studies.",
        metavar="DIR",
    ),
]
