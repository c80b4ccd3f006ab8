"""What the check of a study's certificates costs, here and by another checkout: ``python -m benchmarks.verification``.

Each study is computed once, with this checkout. ``--against DIRECTORY`` checks the same stores with the package in
DIRECTORY as well, in turns. ``python -m benchmarks.verification --only chart --points 5000`` is 10 000 certificates.
Everything of ``sdpbound verify STUDY`` but the start of Python is in the times.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.chart import CHART

QUBIT = 'method = "qubit", tolerance = 1e-3'
VISIBILITIES = "visibilities = [0.999, 0.99]"
#: What each study has in place of the chart's own lines, and which part of the chart's CHSH values.
STUDIES: dict[str, tuple[list[tuple[str, str]], float]] = {
    "chart": ([], 1.0),
    "flips": ([("y = 0", "y = 0\npreprocessing = 0.1")], 0.1),
    "full statistics": ([(VISIBILITIES, f'observed = "full"\n{VISIBILITIES}')], 0.1),
    "projective": ([(QUBIT, 'method = "projective"')], 0.03),
    "Gauss-Radau": ([(QUBIT, 'method = "gauss-radau"')], 0.03),
}
CODE = """
import json, os, sys, time
from sdpbound.checker import Checker
from sdpbound.study import Study, audit, run_study
if __name__ == "__main__":
    what, file, folder, workers = *sys.argv[1:4], int(sys.argv[4])
    if what == "run":
        run_study(file, folder, workers, progress=False)
    else:
        start, before = time.perf_counter(), os.times()
        with Checker() as checker:
            found = audit(Study.load(file, folder), False, checker, workers=workers)
        seconds, after = time.perf_counter() - start, os.times()
        assert found.holds and found.complete
        cpu = sum(b - a for a, b in zip(before[:4], after[:4]))
        print(json.dumps([found.certificates, seconds, cpu]))
"""


def study(name: str, points: int) -> str:
    """The study file."""
    changes, part = STUDIES[name]
    text = CHART.replace("COUNT", str(max(2, round(part * points))))
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def call(package: Path, folder: Path, what: str, workers: int) -> str:
    """What a process with the package of a checkout prints."""
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [sys.executable, "code.py", what, "study.toml", "out", str(workers)]
    environment = os.environ | single | {"PYTHONPATH": str(package)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=folder)
    return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, help="a checkout of another commit")
    parser.add_argument("--points", type=int, default=200, help="CHSH values of the chart; other studies have fewer")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", choices=sorted(STUDIES), help="one study alone")
    arguments = parser.parse_args()
    here = Path(__file__).resolve().parent.parent
    packages = [here] if arguments.against is None else [arguments.against.resolve(), here]
    print("| certificates of | package | number | seconds | CPU ms each |\n|---|---|---|---|---|")
    for name in [arguments.only] if arguments.only else STUDIES:
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            (folder / "study.toml").write_text(study(name, arguments.points), encoding="utf-8")
            (folder / "code.py").write_text(CODE, encoding="utf-8")
            call(here, folder, "run", arguments.workers)
            for package in packages:
                count, seconds, cpu = json.loads(call(package, folder, "verify", arguments.workers).splitlines()[-1])
                print(f"| {name} | {package.name} | {count} | {seconds:.1f} | {1e3 * cpu / count:.1f} |", flush=True)


if __name__ == "__main__":
    main()
