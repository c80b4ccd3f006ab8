"""Packages of others, as an installer leaves them, and processes that find them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def install(site: Path, name: str, module: str, source: str | None, points: str, version: str = "1.0") -> None:
    """Write a package's module and its metadata with entry points into a folder of packages."""
    info = site / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(points, encoding="utf-8")
    if source is not None:
        (site / f"{module}.py").write_text(source, encoding="utf-8")


def called(
    site: Path, *arguments: str, module: str = "sdpbound", cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """The command line (Python itself if ``module`` is empty) in a new process that finds the packages of a folder."""
    command = [sys.executable, *(("-m", module) if module else ()), *arguments]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])} | variables
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)
