"""The provenance of numbers: versions, commit and machine, and a summary of a table."""

from __future__ import annotations

import math
import platform
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from sdpbound.conic.solvers.choose import packages
from sdpbound.tables.columns import COLUMNS, FORMAT, VERSION, table_columns
from sdpbound.version import NUMERICS, __version__

__all__ = ["Summary", "described", "environment", "git_commit", "provenance_text", "versions"]

_AT = {name: place for place, name in enumerate(COLUMNS)}


def versions() -> dict[str, str]:
    """Return the versions of those installed packages that numbers may depend on."""
    found = {}
    for package in dict.fromkeys(("numpy", "scipy", *packages(), "python-flint", "pydantic")):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def git_commit() -> str | None:
    """Return the commit of this package's source tree, with "-dirty" if files differ; None outside a repository."""
    here = Path(__file__).resolve().parent

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "--no-optional-locks", *arguments], cwd=here, capture_output=True, text=True, timeout=10
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    if git("ls-files", "--error-unmatch", Path(__file__).name) is None:
        return None  # an installed copy inside the repository of another project
    commit = git("rev-parse", "HEAD")
    if commit is None:
        return None
    return commit + ("-dirty" if git("status", "--porcelain", "--untracked-files=no") else "")


def environment() -> dict[str, Any]:
    """Return the computing environment.

    The environment has the versions of this package, of its numbers and of other packages, the commit, Python, and the
    kind of machine.
    """
    return {
        "sdpbound": __version__,
        "numerics": NUMERICS,
        "git_commit": git_commit(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": versions(),
    }


def provenance_text(facts: Mapping[str, Any]) -> str:
    """Return one line for the metadata of a figure or a file: the study, the hash of its table, and what computed it.

    >>> provenance_text({"study": {"name": "tiny"}, "sha256": "ab12", "sdpbound": "0.1.0", "git_commit": "cd34"})
    'study tiny; sha256 ab12; sdpbound 0.1.0; commit cd34'
    """
    computed = facts.get("runs") or [facts]
    parts = [("study", [(facts.get("study") or {}).get("name")]), ("sha256", [facts.get("sha256")])]
    parts += [("sdpbound", [run.get("sdpbound") for run in computed])]
    parts += [("commit", [run.get("git_commit") for run in computed])]
    known = ((word, list(dict.fromkeys(v for v in values if v and isinstance(v, str)))) for word, values in parts)
    return "; ".join(f"{word} {', '.join(values)}" for word, values in known if values)


@dataclass
class Summary:
    """Counts over the rows of a table, collected while the rows are written.

    Attributes
    ----------
    rows, best : number of all rows, and of the rows of better points that searches found
    statuses : number of rows of each status
    models, solvers : the models and the solvers that occur
    worst_margin : the largest finite margin
    """

    rows: int = 0
    best: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    models: set[tuple[str, str | None]] = field(default_factory=set)
    solvers: set[str] = field(default_factory=set)
    worst_margin: float | None = None

    def add(self, columns: Sequence[tuple[Any, ...]]) -> None:
        """Count rows, given by their columns."""
        self.rows += len(columns[0])
        self.best += columns[_AT["where"]].count("best")
        self.statuses.update(columns[_AT["status"]])
        self.models.update(zip(columns[_AT["model"]], columns[_AT["level"]], strict=True))
        self.solvers.update(columns[_AT["solver"]])
        margins = [m for m in columns[_AT["margin"]] if m is not None and math.isfinite(m)]
        if margins:
            self.worst_margin = max(*margins, -math.inf if self.worst_margin is None else self.worst_margin)

    def facts(self, cells: int | None = None) -> dict[str, Any]:
        """Return the summary as JSON.

        ``cells`` is the number of cells of the whole study, and tells whether it is complete.
        """
        done = self.rows - self.best
        return {
            "models": sorted(f"{model} {level or ''}".strip() for model, level in self.models if model),
            "solvers": sorted(filter(None, self.solvers)),
            "worst_margin": self.worst_margin,
            "rows": self.rows,
            "failed": self.statuses["failed"],
            "infeasible": self.statuses["infeasible"],
        } | ({} if cells is None else {"cells": cells, "cells_done": done, "complete": done == cells})


def described(facts: Mapping[str, Any], summary: Summary) -> dict[str, Any]:
    """Return the provenance of a table: the facts of the study and of its runs, and a summary of the rows."""
    here = {} if "sdpbound" in facts else environment()
    counted = summary.facts(facts.get("cells"))
    return {"format": FORMAT, "version": VERSION, **here, **facts, **counted, "columns": list(table_columns(facts))}
