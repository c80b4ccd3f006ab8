"""Formulas are set by a copy of MathJax on the site, so that a reader needs no network.

The package that copies it says nothing of parallel builds, which would keep them to one process; it only sets a path
when the build begins, and copies files when it has ended.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, bool]:
    import_module("sphinx-mathjax-offline").setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
