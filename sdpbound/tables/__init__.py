"""Tables: the columns of a study's results, the files of tables, and the provenance of their numbers.

What may come in: rows, or the file of a table. What is handed on: a :class:`Table`, files, data frames.
"""

from __future__ import annotations

from sdpbound.tables.columns import COLUMNS
from sdpbound.tables.computed import ComputedTable, read_computed, write_computed
from sdpbound.tables.table import Table, read_table

__all__ = ["COLUMNS", "ComputedTable", "Table", "read_computed", "read_table", "write_computed"]
