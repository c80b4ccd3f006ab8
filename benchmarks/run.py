"""Run the cases, print, write ``results.json`` and ``RESULTS.md`` beside this file."""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.markdown import Markdown

from benchmarks.cases import CASES
from benchmarks.report import Report
from benchmarks.timing import clear_caches, versions

__all__ = ["main"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Benchmarks against the peers.")
    parser.add_argument("--quick", action="store_true", help="without level 4 and with fewer points of slow peers")
    parser.add_argument("--only", nargs="+", choices=list(CASES), help="these cases only; writes no files")
    arguments = parser.parse_args()
    report = Report(versions(), arguments.quick)
    console = Console()
    for name in arguments.only or CASES:
        start = perf_counter()
        clear_caches()
        CASES[name](report)
        console.print(f"{name}: {perf_counter() - start:.1f} s", style="dim")
    for table in (report.target_table(), *report.tables):
        console.print(Markdown(table.markdown()))
    if not arguments.only:
        report.write(Path(__file__).parent)
    missed = [t["target"] for t in report.targets if not t["met"]]
    console.print(f"{len(report.targets) - len(missed)} of {len(report.targets)} targets met")
