"""Declarative parameter studies: a TOML file becomes a store, a table and figures of certified numbers."""

from sdpbound.study.audit import Audit, audit
from sdpbound.study.dask_ import Tls
from sdpbound.study.figures import draw
from sdpbound.study.run import StudyResult, Terminated, run_study
from sdpbound.study.spec import StudySpec, read_spec
from sdpbound.study.store import merge, recover
from sdpbound.study.study import Status, Study
from sdpbound.study.table import Table, read_table

__all__ = [
    "Audit",
    "Status",
    "Study",
    "StudyResult",
    "StudySpec",
    "Table",
    "Terminated",
    "Tls",
    "audit",
    "draw",
    "merge",
    "read_spec",
    "read_table",
    "recover",
    "run_study",
]
