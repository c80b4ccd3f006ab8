"""Tasks here and in processes: the same answers, whatever happens to the processes."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from sdpbound.entropies import preparing
from sdpbound.errors import SolverFailure
from sdpbound.study.file.spec import parse_spec
from sdpbound.study.plan import Plan, Task
from sdpbound.study.running import ahead
from sdpbound.study.running.executors import WAITING, cores, run_here, run_in_processes
from sdpbound.study.running.solver_process import SolverProcess, Stopped
from sdpbound.study.running.worker import TASK
from sdpbound.study.store.answer import Answer
from tests.support import wait_for

posix = pytest.mark.skipif(sys.platform == "win32", reason="uses signals")

#: A process that answers with its number and the solver that it was asked for; what it does before is up to the test.
#: Without this package, which takes a while to import.
FAKE = """
import json, os, signal, sys, time
from pathlib import Path
folder = Path({folder!r})
{start}
print("ready", flush=True)
for line in sys.stdin:
    task = json.loads(line)
    {work}
    (folder / str(os.getpid())).touch()
    row = {{"status": "failed", "error": f"{{os.getpid()}} {{task['solver']['name']}}"}}
    print(json.dumps({{"cells": [[row]], "certificates": {{}}}}), flush=True)
"""


def fake(folder: Path, work: str = "pass", start: str = "pass") -> list[str]:
    script = folder / "fake.py"
    script.write_text(FAKE.format(folder=str(folder), work=work, start=start), encoding="utf-8")
    return [sys.executable, str(script)]


def pids(folder: Path) -> list[int]:
    return [int(path.name) for path in folder.iterdir() if path.name.isdigit()]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def plan(points: int = 1, **changes: Any) -> Plan:
    family = {"kind": "singlet", "theta": [0.9 + 0.01 * i for i in range(points)], "phi": 1.5, "omega": 2.7}
    content = {"name": "x", "family": family, "adversaries": ["no-signaling"], "quantities": ["guess_local"]}
    return Plan(parse_spec(content | changes))


def tasks(of: Plan) -> list[Task]:
    return [task for group in of for task in group]


def plain(answer: Answer) -> list[list[dict[str, Any]]]:
    return [[row | {"seconds": None} for row in rows] for rows in answer.cells]


def said(answer: Answer) -> str:
    return str(answer.cells[0][0]["error"])


# -- the answers ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_processes_answer_like_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('the current folder is searched')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    study = plan(
        3,
        adversaries=["no-signaling", {"model": "quantum", "level": "1+AB"}],
        observed=["correlators", "bell"],
        quantities=["guess_local", "key_rate", "chsh"],
        certificates=True,
    )
    here = dict(run_here(study))
    there = list(run_in_processes(study, 2))
    assert len(there) == len(dict(there)) == len(here) == 3 * (2 * (2 + 1) + 1)
    for task, answer in there:
        assert plain(answer) == plain(here[task])
        assert answer.certificates == here[task].certificates
        assert answer.failures == 0


def test_tasks_survive_json() -> None:
    study = plan(2, adversaries=["local", {"model": "quantum", "level": "2"}], observed=["bell", "full"])
    for task in tasks(study):
        assert TASK.validate_json(TASK.dump_json(task)) == task


def test_processes_have_one_thread_for_each_library(tmp_path: Path) -> None:
    start = "assert os.environ['OMP_NUM_THREADS'] == os.environ['OPENBLAS_NUM_THREADS'] == '1'"
    assert len(list(run_in_processes(plan(), 1, fake(tmp_path, start=start)))) == 1


def test_cores_are_those_this_process_may_use() -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)


# -- the groups -----------------------------------------------------------------------------------------------------


def test_endless_groups_are_taken_as_they_are_needed(tmp_path: Path) -> None:
    group = tasks(plan(2))
    taken = []

    def endless() -> Iterator[Sequence[Task]]:
        while True:
            taken.append(threading.current_thread())
            yield group

    results = run_in_processes(endless(), 2, fake(tmp_path))
    for count, _ in enumerate(itertools.islice(results, 200), start=1):
        # one group for each result at most, besides those that wait and those in work
        assert len(group) * (len(taken) - count) <= WAITING + 2 * len(group) + 2
    assert set(taken) == {threading.current_thread()}
    results.close()
    assert pids(tmp_path) and not any(map(alive, pids(tmp_path)))


def test_a_last_large_group_is_shared(tmp_path: Path) -> None:
    group = tasks(plan(24))
    done = list(run_in_processes([group], 2, fake(tmp_path, "time.sleep(0.05)")))
    assert {task for task, _ in done} == set(group) and len(done) == len(group)
    shares = [sum(said(answer).startswith(str(pid)) for _, answer in done) for pid in pids(tmp_path)]
    assert len(shares) == 2 and min(shares) >= 4


def test_groups_that_fail_end_the_processes(tmp_path: Path) -> None:
    def broken() -> Iterator[Sequence[Task]]:
        yield tasks(plan(100))
        raise OSError("the store is gone")

    with pytest.raises(OSError, match="the store is gone"):
        list(run_in_processes(broken(), 2, fake(tmp_path)))
    assert wait_for(lambda: not any(map(alive, pids(tmp_path))))


def test_nothing_to_do() -> None:
    assert list(run_in_processes([], 2)) == list(run_in_processes([[], []], 2)) == []


# -- what may happen to a process -----------------------------------------------------------------------------------

TROUBLE = """
    if task["observed"] == "bell":
        if task["solver"]["name"] is None:
            os.kill(os.getpid(), signal.SIGKILL)
        if task["solver"]["name"] == "highs":
            time.sleep(60)
        if task["point"]["name"] == "1":
            sys.exit("cannot go on")
"""


@posix
def test_killed_and_stalled_processes(tmp_path: Path) -> None:
    study = plan(2, observed=["correlators", "bell"], solver={"time_limit": 0.5})
    done = dict(run_in_processes(study, 2, fake(tmp_path, TROUBLE)))
    assert set(done) == set(tasks(study))
    for task, answer in done.items():
        if task.observed == "correlators":
            assert said(answer).endswith(" None")
        elif task.point.name == "0":
            assert said(answer).endswith(" clarabel")
        else:
            for part in ("automatic: killed by signal 9", "highs: stopped after 0.5 s", "clarabel: ended", "go on"):
                assert part in said(answer)
            (row,) = answer.cells[0]
            assert (
                row["status"] == "failed"
                and row["quantity"] == "guess_local"
                and row["theta"] == task.point.values["theta"]
            )


@posix
def test_a_named_solver_is_not_replaced(tmp_path: Path) -> None:
    study = plan(solver={"name": "highs", "time_limit": 30})
    ((_, answer),) = run_in_processes(study, 1, fake(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)"))
    assert said(answer) == "no solver answered (highs: killed by signal 9)"


@posix
def test_what_happens_between_tasks_is_not_the_next_task_s_fault(tmp_path: Path) -> None:
    process = SolverProcess(fake(tmp_path))
    (task,) = tasks(plan())
    try:
        first, _ = said(process.answer(task)).split()
        os.kill(int(first), signal.SIGKILL)
        assert wait_for(lambda: not process.ready)
        second, solver = said(process.answer(task)).split()
        assert second != first and solver == "None"
    finally:
        process.close()
    with pytest.raises(Stopped):
        process.answer(task)


@posix
def test_a_process_is_replaced_after_many_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdpbound.study.running.solver_process.MOST_ANSWERS", 4)
    done = list(run_in_processes(plan(10), 1, fake(tmp_path)))
    workers = [said(answer).split()[0] for _, answer in done]
    assert [len(list(group)) for _, group in itertools.groupby(workers)] == [4, 4, 2]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system does not tell how large a process is")
def test_a_process_that_grows_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each answer of the worker keeps 8 MB; after four more than the first it has grown by more than 30 MB."""
    monkeypatch.setattr("sdpbound.study.running.solver_process.MOST_GROWTH", 30 * 2**20)
    work = "kept = globals().setdefault('kept', []); kept.append(b'x' * 2**23)"
    done = list(run_in_processes(plan(12), 1, fake(tmp_path, work)))
    workers = [said(answer).split()[0] for _, answer in done]
    counts = [len(list(group)) for _, group in itertools.groupby(workers)]
    assert len(done) == 12 and len(counts) >= 2 and max(counts) in (4, 5, 6)


def test_processes_that_cannot_start(tmp_path: Path) -> None:
    with pytest.raises(SolverFailure, match=r"cannot be started \(ended with status 1, no\); .*--workers 0"):
        list(run_in_processes(plan(3), 2, [sys.executable, "-c", "raise SystemExit('no')"]))
    with pytest.raises(SolverFailure, match=r"cannot be started \(No such file or directory\)"):
        list(run_in_processes(plan(3), 1, [str(tmp_path / "absent")]))


def test_one_that_cannot_start_leaves_its_work_to_the_others(tmp_path: Path) -> None:
    start = "os.open(folder / 'only', os.O_CREAT | os.O_EXCL)"
    study = plan(30)
    done = list(run_in_processes(study, 2, fake(tmp_path, "time.sleep(0.05)", start)))
    assert {task for task, _ in done} == set(tasks(study)) and len(done) == 30
    assert len(pids(tmp_path)) == 1


# -- how it ends ----------------------------------------------------------------------------------------------------

LONG = "(folder / str(os.getpid())).touch(); time.sleep(60)"


@posix
def test_an_interrupt_ends_everything_at_once(tmp_path: Path) -> None:
    results = run_in_processes(plan(4), 2, fake(tmp_path, LONG))
    watching = threading.Thread(
        target=lambda: wait_for(lambda: len(pids(tmp_path)) == 2) and os.kill(os.getpid(), signal.SIGINT)
    )
    # a shell that runs this in the background has it ignored
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        watching.start()
        with pytest.raises(KeyboardInterrupt):
            next(results)
    finally:
        signal.signal(signal.SIGINT, before)
    watching.join()
    assert len(pids(tmp_path)) == 2 and not any(map(alive, pids(tmp_path)))


PARENT = """
import sys
sys.path.insert(0, {root!r})
from tests.study.test_executors import plan
from sdpbound.study.running.executors import run_in_processes
child = '''{child}'''
list(run_in_processes(plan(4), 2, [sys.executable, "-c", child]))
"""
CHILD = """
import os, time
from pathlib import Path
from sdpbound.study.running import worker
def evaluate(task):
    (Path({folder!r}) / str(os.getpid())).touch()
    {work}
worker.evaluate = evaluate
worker._GRACE = 0.2
worker.main()
"""


@pytest.mark.slow
@posix
def test_processes_end_when_this_one_is_killed(tmp_path: Path) -> None:
    child = CHILD.format(folder=str(tmp_path), work="time.sleep(60)")
    code = PARENT.format(root=str(Path(__file__).parents[2]), child=child)
    parent = subprocess.Popen([sys.executable, "-c", code])
    try:
        assert wait_for(lambda: len(pids(tmp_path)) == 2, 30.0)
    finally:
        parent.kill()
        parent.wait()
    assert wait_for(lambda: not any(map(alive, pids(tmp_path))), 3.0)


@posix
def test_a_solver_that_holds_the_interpreter_ends_within_its_time(tmp_path: Path) -> None:
    (task,) = tasks(plan(solver={"time_limit": 0.1}))
    child = CHILD.format(folder=str(tmp_path), work="sum(range(10**12))")  # one call: no other thread gets a turn
    with subprocess.Popen([sys.executable, "-c", child], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(TASK.dump_json(task) + b"\n")
        process.stdin.flush()
        assert process.wait(20.0) == -signal.SIGALRM


def test_loops_are_compiled_once_before_processes_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none are on disk; each process compiled them else, and an estimate of ten seconds ended meanwhile."""
    calls = []
    monkeypatch.setattr(preparing, "prepare", lambda: calls.append(pids(tmp_path)))
    monkeypatch.setattr(ahead, "PACKAGE", tmp_path)
    assert not list(run_in_processes([], 1, fake(tmp_path)))
    assert calls == []  # there is nothing to do
    assert len(list(run_in_processes(plan(), 1, fake(tmp_path)))) == 1
    assert calls == [[]]  # no process had begun
    for kept in ahead.KEPT:
        path = tmp_path / kept.replace("*", "1.py311")
        path.parent.mkdir(parents=True)
        path.touch()
    assert len(list(run_in_processes(plan(), 1, fake(tmp_path)))) == 1
    assert len(calls) == 1
