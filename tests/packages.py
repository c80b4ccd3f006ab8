"""Packages of others, as an installer leaves them, and processes that find them."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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


def run_and_verified(site: Path, study: Path, output: Path) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """What a run of a study says and its rows; the run is verified, and the next one computes nothing."""
    common = [str(study), "--output", str(output)]
    done = called(site, "run", *common, "--workers", "1", "--quiet", "--json")
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout)
    done = called(site, "verify", *common)
    assert done.returncode == 0, done.stdout + done.stderr
    done = called(site, "run", *common, "--workers", "0", "--quiet", "--json")
    assert json.loads(done.stdout)["computed"] == 0
    with Path(facts["table"]).open(encoding="utf-8", newline="") as file:
        return facts, list(csv.DictReader(line for line in file if not line.startswith("#")))
