"""A chart and a map by the qubit method as studies, here and in another checkout: ``python -m benchmarks.chart``.

``python -m benchmarks.chart --against DIRECTORY`` runs the same studies with the package in DIRECTORY, a checkout of
another commit, with the same interpreter, in turns. Everything is in the times: start of processes, search, proof,
certificate, store and CSV table.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

#: 1000 CHSH values, two visibilities, all correlators tested, certificates kept.
CHART = """
name = "chart"
visibilities = [0.999, 0.99]
certificates = true
entropy = { kind = "von Neumann", method = "qubit", tolerance = 1e-3 }
[family]
kind = "singlet"
at_chsh = { start = 2.004, stop = 2.5, count = COUNT }
phi = "pi/2 - 0.02"
require_self_test = true
[[quantities]]
name = "key_rate"
x = 0
y = 0
"""
#: A square of theta and omega, one visibility, all correlators tested, certificates kept.
MAP = """
name = "map"
visibilities = 0.99
certificates = true
entropy = { kind = "von Neumann", method = "qubit", tolerance = 1e-3 }
[family]
kind = "singlet"
theta = { start = "pi/61", stop = "60*pi/61", count = COUNT }
phi = "pi/2 - 0.2"
omega = { start = "pi/2 + pi/61", stop = "pi/2 + 60*pi/61", count = COUNT }
only_self_tests = true
[[quantities]]
name = "key_rate"
x = 0
y = 0
"""
RUN = """
import json, os, sys, time
from sdpbound.study import run_study
if __name__ == "__main__":
    start, before = time.perf_counter(), os.times()
    done = run_study(sys.argv[1], sys.argv[2], int(sys.argv[3]), progress=False)
    seconds, after = time.perf_counter() - start, os.times()
    cpu = sum(b - a for a, b in zip(before[:4], after[:4]))
    print(json.dumps([done.computed, done.failed, seconds, cpu]))
"""


def run(package: Path, study: str, workers: int) -> tuple[int, float, float]:
    """Points, seconds and CPU seconds of a study with the package of a checkout."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "study.toml").write_text(study, encoding="utf-8")
        (folder / "run.py").write_text(RUN, encoding="utf-8")
        files = [str(folder / name) for name in ("run.py", "study.toml", "out")]
        command = [sys.executable, *files, str(workers)]
        single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        environment = os.environ | single | {"PYTHONPATH": str(package)}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=folder)
    computed, failed, seconds, cpu = json.loads(done.stdout.splitlines()[-1])
    assert failed == 0
    return computed, seconds, cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, help="a checkout of another commit")
    parser.add_argument("--points", type=int, default=1000, help="CHSH values of the chart")
    parser.add_argument("--side", type=int, default=100, help="points on a side of the map")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    here = Path(__file__).resolve().parent.parent
    studies = {
        "chart": CHART.replace("COUNT", str(arguments.points)),
        "map": MAP.replace("COUNT", str(arguments.side)),
    }
    run(here, CHART.replace("COUNT", "4"), 1)  # what is compiled at the first use on a machine is no part of it
    print("| study | package | points | seconds | CPU ms a point |\n|---|---|---|---|---|")
    for name, study in studies.items():
        packages = [here] if arguments.against is None else [arguments.against.resolve(), here]
        times = []
        for package in packages:
            computed, seconds, cpu = run(package, study, arguments.workers)
            times.append((seconds, cpu))
            print(f"| {name} | {package.name} | {computed} | {seconds:.1f} | {1e3 * cpu / computed:.1f} |", flush=True)
        if len(times) == 2:
            ratios = [before / now for before, now in zip(*times, strict=True)]
            print(f"| {name} | ratio | | {ratios[0]:.1f} | {ratios[1]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
