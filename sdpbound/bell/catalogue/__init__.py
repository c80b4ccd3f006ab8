"""A catalogue of Bell inequalities: each with its source, scenario, and local, quantum and no-signaling maxima.

What may come in: a name, such as "A14" or "cglmp(4)". What is handed on: inequalities, which are Bell expressions with
what is known of them. Nothing here solves a program.
"""

from __future__ import annotations

from sdpbound.bell.catalogue.inequality import BellInequality, KnownValue
from sdpbound.bell.catalogue.names import inequalities, inequality

__all__ = ["BellInequality", "KnownValue", "inequalities", "inequality"]
