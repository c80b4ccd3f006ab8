"""Access to click: newer versions of typer carry a click of their own, and older ones use the package."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import typer

__all__ = ["completion_item", "current_context", "errors"]

#: The module of click's errors. ``typer.BadParameter`` is defined there.
errors: Any = sys.modules[typer.BadParameter.__module__]


def completion_item(word: str) -> Any:
    """Return a word that may come next, for a shell that completes."""
    package = errors.__name__.rpartition(".")[0]
    return import_module(f"{package}.shell_completion").CompletionItem(word)


def current_context() -> typer.Context:
    """Return the context of the command that runs."""
    package = errors.__name__.rpartition(".")[0]
    context: typer.Context = import_module(f"{package}.globals").get_current_context()
    return context
