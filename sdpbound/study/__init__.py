"""Declarative parameter studies: a TOML file becomes a store, a table and figures of certified numbers.

What may come in: the path of a study file, of its store, or of the folder with its results. What is handed on: a
:class:`Study`, its results, tables, figures and an :class:`Audit`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdpbound.lazy import lazy_face

if TYPE_CHECKING:  # for type checkers and editors; a test compares it with the table below
    from sdpbound.study.at_hand import Status, Study
    from sdpbound.study.auditing.audit import Audit, audit
    from sdpbound.study.file.spec import StudySpec, read_spec
    from sdpbound.study.out.figures import draw
    from sdpbound.study.running.dask_ import Tls
    from sdpbound.study.running.options import RunOptions
    from sdpbound.study.running.run import StudyResult, Terminated, run_study
    from sdpbound.study.store import merge, recover
    from sdpbound.tables.table import Table, read_chunks, read_table

__all__ = [
    "Audit",
    "RunOptions",
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
    "read_chunks",
    "read_spec",
    "read_table",
    "recover",
    "run_study",
]

__getattr__, __dir__ = lazy_face(
    __name__,
    {
        "sdpbound.study.at_hand": "Status Study",
        "sdpbound.study.auditing.audit": "Audit audit",
        "sdpbound.study.file.spec": "StudySpec read_spec",
        "sdpbound.study.out.figures": "draw",
        "sdpbound.study.running.dask_": "Tls",
        "sdpbound.study.running.options": "RunOptions",
        "sdpbound.study.running.run": "StudyResult Terminated run_study",
        "sdpbound.study.store": "merge recover",
        "sdpbound.tables.table": "Table read_chunks read_table",
    },
)
