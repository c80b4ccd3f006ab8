"""Declarative parameter studies: a TOML file becomes a table of certified numbers."""

from sdpbound.study.figures import draw
from sdpbound.study.run import StudyResult, run_study
from sdpbound.study.spec import Study, load_study
from sdpbound.study.table import Table, read_table

__all__ = ["Study", "StudyResult", "Table", "draw", "load_study", "read_table", "run_study"]
