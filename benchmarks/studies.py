"""What the runner of studies costs: against a bare loop, in processes, and on a Dask cluster of this machine."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sdpbound as sb
from benchmarks.report import Report
from benchmarks.store import measure
from sdpbound.study import Study, run_study

__all__ = ["million_rows", "runner"]

#: Points of about 20 ms each: a global guessing probability at level 3, all correlators tested.
STUDY = """
name = "points"
certificates = {certificates}
visibilities = 0.99
adversaries = [{{ model = "quantum", level = "3" }}]
quantities = ["guess_global"]
[family]
kind = "singlet"
theta = {{ start = 0.6, stop = 1.2, count = {count} }}
phi = 1.4
omega = 2.6
"""


def bare_loop(study: Study) -> float:
    """The library called point by point, nothing stored."""
    points = [group[0].point.member for group in study.plan]
    model = sb.Quantum("3")
    start = time.perf_counter()
    for member in points:
        sb.guessing_probability(sb.Observations.correlators(member.behaviour(0.99)), model, 0, 1, None, 1e-9)
    return time.perf_counter() - start


@contextmanager
def cluster(workers: int) -> Iterator[str]:
    """The address of a scheduler on the loopback interface with worker processes of one thread."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    dask = [sys.executable, "-m", "dask"]
    port = address.rsplit(":", 1)[1]
    scheduler = [*dask, "scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard", "--no-show"]
    worker = [*dask, "worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1"]
    with tempfile.TemporaryDirectory() as folder:
        processes = [subprocess.Popen(scheduler, cwd=folder, **quiet)]
        time.sleep(2.0)
        processes += [subprocess.Popen(worker, cwd=folder, **quiet) for _ in range(workers)]
        time.sleep(4.0)
        try:
            yield address
        finally:
            for process in reversed(processes):  # a worker that has lost its scheduler takes long to end
                process.terminate()
                process.wait(timeout=30)


def runner(report: Report) -> None:
    """Overhead, speed-up and the cluster, all on the same points in one run."""
    count = 200 if report.quick else 1000
    table = report.table(
        f"A study of {count} points",
        ("how", "seconds", "ms a point", "over the bare loop"),
        "Global guessing probabilities at level 3, all correlators tested. Bare loop: `guessing_probability` point by "
        "point, nothing stored, warm. The other rows are whole calls of `run_study`, start of workers, store and CSV "
        "table included. Dask: scheduler and single-thread workers as processes of this machine, warm from a study "
        "of four points; in turns with local processes, the best of three counts.",
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file, plain, small = (folder / f"{name}.toml" for name in ("points", "plain", "small"))
        file.write_text(STUDY.format(certificates="true", count=count), encoding="utf-8")
        small.write_text(STUDY.format(certificates="true", count=4), encoding="utf-8")
        plain.write_text(STUDY.format(certificates="false", count=count), encoding="utf-8")
        study = Study.load(file)
        bare_loop(Study.load(file))
        bare = min(bare_loop(study), bare_loop(study))
        table.add("bare loop", bare, 1e3 * bare / count, 1.0)

        def timed(how: str, path: Path, workers: int | None, scheduler: str | None = None) -> float:
            start = time.perf_counter()
            result = run_study(path, folder / how.replace(" ", "_"), workers, progress=False, scheduler=scheduler)
            seconds = time.perf_counter() - start
            assert result.computed == count and result.failed == 0
            table.add(how, seconds, 1e3 * seconds / count, seconds / bare)
            return seconds

        here = timed("in this process", plain, 0)
        timed("in this process, certificates kept", file, 0)
        one = timed("1 process, certificates kept", file, 1)
        with cluster(2) as address:
            run_study(small, folder / "warm", progress=False, scheduler=address)  # the workers import the package
            turns = [
                (
                    timed(f"2 processes, certificates kept, turn {turn}", file, 2),
                    timed(f"Dask, 2 workers, certificates kept, turn {turn}", file, None, address),
                )
                for turn in (1, 2, 3)
            ]
        two, dask = map(min, zip(*turns, strict=True))
    report.target("study runner over the bare loop", here / bare, 1.05)
    report.target("speed-up of 2 processes over 1", one / two, 1.8, at_least=True)
    report.target("Dask with 2 workers over 2 processes", dask / two, 1.10)


GRID = """
name = "million"
quantities = "chsh"
[family]
kind = "singlet"
theta = {{ start = 0.0, stop = 3.0, count = {count} }}
phi = {{ start = 0.0, stop = 1.5, count = 1000 }}
omega = "pi"
"""
#: Each of these in a process of its own, which prints seconds and the peak of its memory.
STEPS = {
    "status": "study.status()",
    "run with nothing to do, CSV written": "run_study(study_file, folder, 0, progress=False)",
    "export to CSV": "study.export(folder + '/again.csv')",
    "export to Parquet": "study.export(folder + '/million.parquet')",
    "read the Parquet table": "read_table(folder + '/million.parquet')",
}
STEP = """
import sys, time
from benchmarks.memory import peak_mb
from sdpbound.study import Study, read_table, run_study
study_file, folder, code = sys.argv[1:]
study = Study.load(study_file, folder)
start = time.perf_counter()
eval(code)
print(time.perf_counter() - start, peak_mb())
"""


def million_rows(report: Report) -> None:
    """A study of a million rows: open, resume, export, within bounded memory; and the store alone."""
    rows = 100_000 if report.quick else 1_000_000
    table = report.table(
        f"A study of {rows} rows",
        ("what", "seconds", "peak MB"),
        "Closed forms, so that what is seen is the study's own work; each step in a fresh process, with its imports.",
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "million.toml"
        file.write_text(GRID.format(count=rows // 1000), encoding="utf-8")
        steps = {"first run, CSV written": STEPS["run with nothing to do, CSV written"]} | STEPS
        for what, code in steps.items():
            command = [sys.executable, "-c", STEP, str(file), str(folder / "out"), code]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            table.add(what, *map(float, done.stdout.split()))
    alone = report.table(
        f"The store alone, {rows} rows of key rates",
        ("what", "value"),
        "Seconds, or MB where it says so. fill: batches of 5000; small: of 256, per 1000; open, check: all pages, "
        "all digests; resume: all keys looked up; read: all rows in the order of the study.",
    )
    for what, value in measure(rows).items():
        alone.add(what, value)
