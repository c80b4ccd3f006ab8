"""The store of a study: one SQLite file with every result, its provenance and its certificates.

What may come in: answers to tasks, or the file of a store, from anyone. What is handed on: rows whose digests were
checked, and certificates.
"""

from __future__ import annotations

from sdpbound.study.store.core import Store
from sdpbound.study.store.salvage import merge, recover

__all__ = ["Store", "merge", "recover"]
