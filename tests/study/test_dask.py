"""A real scheduler and workers, in processes of their own on the loopback interface."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from sdpbound.errors import InvalidInput, SolverFailure
from sdpbound.study.file.spec import parse_spec
from sdpbound.study.plan import Plan, Task
from sdpbound.study.running import dask_connect
from sdpbound.study.running.dask_ import PER_THREAD, Batch, Lost, Tls, Work, run_on_dask
from sdpbound.study.running.dask_worker import SolverProcesses
from sdpbound.study.running.executors import run_here
from sdpbound.study.store.answer import Answer
from tests.support import wait_for

psutil = pytest.importorskip("psutil")
pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="uses signals")

#: What a worker does before a task.
SLOW = """
import os, signal, time
from sdpbound.study.running import dask_worker, solver_process
class Slow(solver_process.SolverProcess):
    def answer(self, task):
        {before}
        return super().answer(task)
dask_worker.SolverProcess = Slow
"""
#: A machine without this package.
BARE = "import sys\nsys.modules['sdpbound'] = None\n"


class Cluster:
    """A scheduler, which has not this package, and workers without a nanny."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        self.folder = folder
        self.file = folder / "scheduler.json"
        self.options = options
        self._environment = os.environ | {"DASK_LOGGING__DISTRIBUTED": "warning"} | environment
        self._processes: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start("scheduler", BARE, "--port", "0", "--no-dashboard")
        assert wait_for(self.file.exists, 20.0)

    @property
    def address(self) -> str:
        return str(json.loads(self.file.read_text(encoding="utf-8"))["address"])

    def worker(self, preload: str = "", *options: str) -> subprocess.Popen[bytes]:
        options = options or ("--no-nanny",)
        return self._start("worker", preload, "--nthreads", "1", "--no-dashboard", "--death-timeout", "20", *options)

    def _start(self, kind: str, preload: str, *options: str) -> subprocess.Popen[bytes]:
        script = self.folder / f"preload{len(self._processes)}.py"
        script.write_text(preload, encoding="utf-8")
        common = ["--host", "127.0.0.1", "--scheduler-file", str(self.file), "--preload", str(script), *self.options]
        with script.with_suffix(".log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", kind, *common, *options],
                env=self._environment,
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._processes.append(process)
        return process

    def close(self) -> None:
        processes = [psutil.Process(p.pid) for p in self._processes if p.poll() is None]
        for process in [child for p in processes for child in p.children(recursive=True)] + processes:
            process.kill()
        for started in self._processes:
            started.wait()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Cluster]]:
    """Starts a cluster that ends with the test."""
    clusters: list[Cluster] = []

    def one(*options: str, **environment: str) -> Cluster:
        clusters.append(Cluster(tmp_path, *options, **environment))
        return clusters[-1]

    yield one
    for cluster in clusters:
        cluster.close()


def plan(points: int, **changes: Any) -> Plan:
    family = {"kind": "singlet", "theta": [0.9 + 0.0002 * i for i in range(points)], "phi": 1.5, "omega": 2.7}
    content = {"name": "x", "family": family, "adversaries": ["no-signaling"], "quantities": ["guess_local"]}
    return Plan(parse_spec(content | changes))


def tasks(of: Plan) -> list[Task]:
    return [task for group in of for task in group]


def plain(done: Sequence[tuple[Task, Answer]]) -> dict[Task, Any]:
    return {task: [[row | {"seconds": None} for row in rows] for rows in answer.cells] for task, answer in done}


# -- workers join and leave -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_killed_worker_s_work_is_done_by_others(
    start: Callable[..., Cluster], capfd: pytest.CaptureFixture[str]
) -> None:
    from distributed import Client

    cluster = start()
    before = SLOW.format(before="time.sleep(0.01)")
    victim, other = cluster.worker(before), cluster.worker(before)
    study = plan(160, adversaries=["no-signaling", "local"], certificates=True)
    notes: list[str] = []
    results = run_on_dask(study, scheduler_file=cluster.file, note=notes.append)
    done, solvers, joined, worked = [], [], [], False
    for task, answer in results:
        done.append((task, answer))
        if len(done) == 60:
            assert wait_for(lambda: psutil.Process(victim.pid).children(), 10.0)
            solvers = psutil.Process(victim.pid).children(recursive=True)
            victim.kill()
            victim.wait()
        elif len(done) == 120:
            joined.append(psutil.Process(cluster.worker(before).pid))
            with Client(cluster.address, set_as_default=False) as client:
                client.wait_for_workers(2, timeout=30)
        elif joined:
            worked = worked or bool(joined[0].children())
    assert worked, "the third worker had no work"
    here = list(run_here(study))
    assert len(done) == len(here) == 320
    assert plain(done) == plain(here)
    certificates = {name: text for _, answer in done for name, text in answer.certificates.items()}
    assert certificates == {name: text for _, answer in here for name, text in answer.certificates.items()}
    assert solvers and not psutil.wait_procs(solvers, 5.0)[1]
    assert wait_for(lambda: not psutil.Process(other.pid).children(), 5.0)  # their memory is free for others
    assert all("has no worker" in note for note in notes) and len(notes) <= 1
    assert capfd.readouterr().err == ""


@pytest.mark.slow
def test_waits_for_a_worker_takes_what_it_needs_and_stops(start: Callable[..., Cluster]) -> None:
    cluster = start()
    notes: list[str] = []
    group = tasks(plan(2))
    taken: list[threading.Thread] = []

    def endless() -> Iterator[Sequence[Task]]:
        while True:
            taken.append(threading.current_thread())
            yield group

    def joins() -> None:
        assert wait_for(lambda: notes, 10.0)
        time.sleep(0.3)
        workers.append(cluster.worker())

    workers: list[subprocess.Popen[bytes]] = []
    joining = threading.Thread(target=joins)
    joining.start()
    results = run_on_dask(endless(), cluster.address, note=notes.append)
    assert len(list(itertools.islice(results, 300))) == 300
    joining.join()
    assert set(taken) == {threading.current_thread()}
    assert len(group) * len(taken) < 300 + (PER_THREAD + 2) * 500
    assert len(notes) == 1 and cluster.address in notes[0] and "waiting" in notes[0]
    begin = time.monotonic()
    results.close()
    assert time.monotonic() - begin < 4.0
    assert wait_for(lambda: not psutil.Process(workers[0].pid).children(), 2.0)


@pytest.mark.slow
def test_closing_ends_a_long_solve(start: Callable[..., Cluster]) -> None:
    cluster = start()
    stalls = "if task.point.name == '1': task = task.of([]); os.kill(self._process._process.pid, signal.SIGSTOP)"
    worker = cluster.worker(SLOW.format(before=f"self.start(); {stalls}".replace("; if", "\n        if")))
    results = run_on_dask(plan(2), cluster.address)
    next(results)
    (solver,) = psutil.Process(worker.pid).children()
    assert wait_for(lambda: solver.status() == psutil.STATUS_STOPPED, 5.0)
    results.close()
    assert wait_for(lambda: not psutil.Process(worker.pid).children(), 5.0)
    assert worker.poll() is None
    assert len(list(run_on_dask(plan(1), cluster.address))) == 1  # and the worker goes on


@pytest.mark.slow
def test_a_task_that_kills_its_workers_fails_alone(start: Callable[..., Cluster]) -> None:
    cluster = start(DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0")
    kills = "if task.point.name == '12': time.sleep(0.2); os.kill(os.getpid(), signal.SIGKILL)"
    cluster.worker(SLOW.format(before=kills), "--nanny")
    done = list(run_on_dask(plan(40), cluster.address))
    assert len(done) == 40 and {task for task, _ in done} == set(tasks(plan(40)))
    for task, answer in done:
        row = answer.cells[0][0]
        if task.point.name == "12":
            assert row["status"] == "failed" and "1 Dask workers, one after the other, were lost" in row["error"]
        else:
            assert row["status"] == "solved", row["error"]


# -- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_another_version_is_refused(start: Callable[..., Cluster]) -> None:
    cluster = start()
    good = cluster.worker(SLOW.format(before="time.sleep(0.02)"))
    results = run_on_dask(plan(2000), cluster.address)
    next(results)
    other = "from sdpbound.study.running import dask_worker\ndask_worker.versions = lambda: ('0.0.1', 7)\n"
    cluster.worker(other)
    with pytest.raises(InvalidInput, match=r"worker tcp://.* has sdpbound 0\.0\.1 \(numerics 7\).*same version"):
        list(results)
    assert wait_for(lambda: not psutil.Process(good.pid).children(), 5.0)
    with pytest.raises(InvalidInput, match=r"has sdpbound 0\.0\.1 \(numerics 7\)"):
        run_on_dask(plan(1), cluster.address)


def test_a_worker_without_the_package_is_named(start: Callable[..., Cluster]) -> None:
    cluster = start()
    cluster.worker(BARE)
    notes: list[str] = []
    with pytest.raises(InvalidInput, match=r"worker .*cannot use sdpbound \(ModuleNotFoundError: .*install sdpbound"):
        list(run_on_dask(plan(1), cluster.address, note=notes.append))


@pytest.mark.slow
def test_a_lost_scheduler_is_one_sentence(start: Callable[..., Cluster], capfd: pytest.CaptureFixture[str]) -> None:
    cluster = start()
    cluster.worker(SLOW.format(before="time.sleep(0.02)"))
    results = run_on_dask(plan(2000), cluster.address)
    next(results)
    cluster.scheduler.send_signal(signal.SIGKILL)
    begin = time.monotonic()
    with pytest.raises(SolverFailure, match=f"connection to the Dask scheduler {cluster.address} was lost: start it"):
        list(results)
    assert time.monotonic() - begin < 10.0
    assert capfd.readouterr().err == ""


def test_an_unreachable_scheduler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert dask_connect.CONNECT_SECONDS <= 10.0
    monkeypatch.setattr(dask_connect, "CONNECT_SECONDS", 0.5)
    for address in (
        "tcp://127.0.0.1:1",
        "127.0.0.1:1",
        "nonsense",
        "udp://127.0.0.1:1",
        "tcp://no.such.host.invalid:1",
    ):
        with pytest.raises(
            InvalidInput, match=rf"no Dask scheduler can be reached at '{address}' .*dask scheduler"
        ) as caught:
            run_on_dask([], address)
        assert "\n" not in str(caught.value)
    with pytest.raises(InvalidInput, match="certificates"):
        run_on_dask([], "tls://127.0.0.1:1")
    with pytest.raises(InvalidInput, match=r"'.*absent\.pem' cannot be read: No such file"):
        run_on_dask([], "tls://127.0.0.1:1", tls=Tls(ca=tmp_path / "absent.pem"))
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate", encoding="utf-8")
    with pytest.raises(InvalidInput, match="certificates"):
        run_on_dask([], "tls://127.0.0.1:1", tls=Tls(bad, bad, bad))
    assert capfd.readouterr().err == ""
    assert wait_for(lambda: not any(thread.name == "IO loop" for thread in threading.enumerate()), 5.0)


def test_wrong_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dask.config

    with pytest.raises(InvalidInput, match="not both"):
        run_on_dask([], "tcp://a:1", tmp_path / "b.json")
    with pytest.raises(InvalidInput, match=r"b\.json' does not exist; start the scheduler"):
        run_on_dask([], None, tmp_path / "b.json")
    (tmp_path / "b.json").write_text("[]", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"b\.json' cannot be used \(TypeError\)"):
        run_on_dask([], None, tmp_path / "b.json")
    with dask.config.set({"scheduler-address": None}), pytest.raises(InvalidInput, match="is needed: give its address"):
        run_on_dask([])
    with dask.config.set({"scheduler-address": "tcp://127.0.0.1:7"}):
        assert dask_connect.scheduler_address(None, None) == "tcp://127.0.0.1:7"
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InvalidInput, match=r"'distributed': install sdpbound\[dask\]"):
        run_on_dask([], "tcp://127.0.0.1:1")


# -- certificates ---------------------------------------------------------------------------------------------------


def authority(folder: Path) -> Tls:
    """A certificate that is its own authority."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run([*command, "-days", "2", "-subj", "/CN=test", "-keyout", key, "-out", cert], check=True, stderr=-3)
    return Tls(cert, cert, key)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes certificates with openssl")
def test_tls(start: Callable[..., Cluster], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls = authority(tmp_path)
    files = ["--tls-ca-file", str(tls.ca), "--tls-cert", str(tls.cert), "--tls-key", str(tls.key)]
    cluster = start(*files, "--protocol", "tls")
    cluster.worker("", "--no-nanny", "--nthreads", "2")
    assert cluster.address.startswith("tls://")
    done = list(run_on_dask(plan(30), cluster.address, tls=tls))
    assert plain(done) == plain(list(run_here(plan(30))))
    monkeypatch.setattr(dask_connect, "CONNECT_SECONDS", 0.5)
    with pytest.raises(InvalidInput, match=r"no Dask scheduler can be reached at 'tls://.*--tls-ca"):
        run_on_dask([], cluster.address)
    (tmp_path / "other").mkdir()
    with pytest.raises(InvalidInput, match=r"no Dask scheduler can be reached at 'tls://.*--tls-ca"):
        run_on_dask([], cluster.address, tls=authority(tmp_path / "other"))


# -- batches --------------------------------------------------------------------------------------------------------


def test_batches_are_about_half_a_second_and_small_at_the_end() -> None:
    some = tasks(plan(1000))
    work = Work(iter([some]))
    first = work.batch(4, 0)
    assert first is not None and first.tasks == some[:1]
    work.measured(1, 0.01)
    sizes = []
    while (batch := work.batch(4, len(sizes))) is not None:
        assert batch.tasks == some[1 + sum(sizes) :][: len(batch.tasks)]
        sizes.append(len(batch.tasks))
    assert 1 + sum(sizes) == 1000
    assert sizes[:8] == [50] * 8 and sizes[-4:] == [1] * 4 and sizes == sorted(sizes, reverse=True)
    long = Work(iter([some]))
    long.measured(1, 30.0)
    assert [len(long.batch(4, 0).tasks) for _ in range(5)] == [1] * 5  # type: ignore[union-attr]


def test_what_a_worker_keeps_of_its_runs() -> None:
    processes = SolverProcesses()
    killed, first, second = processes.take("killed"), processes.take("first"), processes.take("second")
    processes.give_back(killed)
    processes.give_back(second)
    assert processes.take("second") is second
    processes.end("second")
    assert second.stopped and killed.stopped and not first.stopped
    processes.give_back(second)
    assert processes.take("second").stopped  # on its way when the run ended
    processes.give_back(first)
    assert processes.take("first") is first


def test_a_batch_without_a_solver_process_is_sent_three_times() -> None:
    some = tasks(plan(3))
    work = Work(iter(()))
    batch: Batch | None = Batch(some)
    for _ in range(2):
        assert batch is not None and list(work.again(batch, Lost("no process", False))) == []
        batch = work.batch(1, 5)
    assert batch is not None and batch.tasks == some
    with pytest.raises(SolverFailure, match="no process"):
        list(work.again(batch, Lost("no process", False)))
