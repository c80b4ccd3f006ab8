"""Running studies: numbers, resuming, interrupts, kills, retries, shards, and what a run writes."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdpbound import NoSignaling, Observations, Quantum, SingletSelfTest, guessing_probability, key_rate
from sdpbound.errors import DamagedStore, InvalidInput, InvalidParameter, InvalidStudy, NotSelfTesting
from sdpbound.study import Study, Terminated, audit, draw, merge, read_spec, read_table, run_study
from sdpbound.study.answers import evaluate as evaluate_module
from sdpbound.study.answers.best_member import BETTER
from sdpbound.study.file.spec import parse_spec
from sdpbound.study.plan import Plan, Point, Task, cell_keys
from sdpbound.study.quantities import of_data as of_data_module
from sdpbound.study.running import executors as executors_module
from sdpbound.study.running import run as run_module
from sdpbound.study.running.worker import TASK
from sdpbound.study.store import Store
from sdpbound.tables.columns import COLUMNS, STORED
from sdpbound.tables.provenance import git_commit

ROOT = Path(__file__).parents[2]
TINY = """
name = "tiny"
visibilities = [0.99]
observed = ["correlators", "bell"]
adversaries = ["no-signaling", { model = "quantum", level = "1+AB" }]
quantities = ["guess_local", "guess_global", "key_rate", "randomness_local", "randomness_global"]
certificates = true

[family]
kind = "singlet"
at_chsh = [2.3, 2.5]
phi = "pi/2 - 0.05"
best_of = { contour = 6, phi = "pi/2 - 0.1", models = "quantum" }
"""
#: No search, all linear programs: a few ms each.
QUICK = """
name = "quick"
visibilities = [0.99, 0.98]
observed = ["correlators", "bell"]
adversaries = ["no-signaling"]
quantities = ["guess_local", "key_rate", "chsh"]
[family]
kind = "singlet"
theta = { start = 0.4, stop = 1.0, count = 6 }
phi = 1.4
omega = 2.6
"""
#: Cells of QUICK: 6 points, 2 visibilities, 2 kinds of data, 2 quantities; and a closed form at each point.
QUICK_CELLS = 6 * (2 * 2 * 2 + 1)


def content(**changes: Any) -> dict[str, Any]:
    return {"name": "x", "family": {"kind": "singlet", "at_chsh": [2.3], "phi": 1.5}} | changes


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    return path


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    path = tmp_path / "quick.toml"
    path.write_text(QUICK, encoding="utf-8")
    return path


def plain(path: Path) -> list[dict[str, Any]]:
    """The rows without what differs from run to run."""
    return [row | {"seconds": None} for row in read_table(path)]


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    """The tasks that runs without workers evaluate."""
    seen: list[Task] = []

    def evaluate(task: Task) -> Any:
        seen.append(task)
        return evaluate_module.evaluate(task)

    monkeypatch.setattr(executors_module, "evaluate", evaluate)
    return seen


# -- tasks and keys -----------------------------------------------------------------------------------------------


def test_shipped_studies_are_valid() -> None:
    studies = sorted((ROOT / "studies").glob("*.toml"))
    assert studies
    for path in studies:
        plan = Plan(read_spec(path))
        assert plan.cells == sum(len(task.quantities) for group in plan for task in group)


def test_near_local_boundary_covers_what_it_must() -> None:
    spec = read_spec(ROOT / "studies" / "near_local_boundary.toml")
    points = [group[0].point.member for group in Plan(spec)]
    s = np.array([point.chsh for point in points])
    assert s.size >= 60 and s.min() < 2.01 and abs(s.max() - 2.5) < 1e-9
    assert {point.values["phi"] for point in points} == {math.pi / 2 - 0.02}
    assert len(spec.visibilities) == 5 and max(spec.visibilities) == 1.0 and min(spec.visibilities) == 0.97
    assert {"bell", "correlators"} == set(spec.observed)
    assert {"quantum", "no-signaling"} == {a.model for a in spec.adversaries}


def test_out_of_reach_and_not_self_testing() -> None:
    def family(**changes: Any) -> dict[str, Any]:
        return content(family={"kind": "singlet", "at_chsh": [2.3], "phi": 1.5} | changes)

    with pytest.raises(InvalidStudy, match=r"family\.at_chsh.*s = 2\.7"):
        Plan(parse_spec(family(at_chsh=[2.7]))).check()
    grid = {"kind": "singlet", "theta": 0.5, "phi": [1.3, 0.2], "omega": "pi", "require_self_test": True}
    with pytest.raises(NotSelfTesting, match=r"point 1, theta = 0\.5, phi = 0\.2"):
        Plan(parse_spec(content(family=grid))).check()
    limit = family(phi="pi/2", require_self_test=True)
    Plan(parse_spec(limit | {"observed": "correlators"})).check()  # all four correlators self-test there


def keys_of(**changes: Any) -> list[bytes]:
    given = content(**{"entropy": "min"} | changes)  # both quantities depend on the adversary then
    return [key for group in Plan(parse_spec(given)) for task in group for key in cell_keys(task)]


def test_keys_hold_the_meaning_and_nothing_else() -> None:
    base = keys_of()
    assert len(set(base)) == len(base) == 2 and all(len(key) == 16 for key in base)
    assert keys_of(name="other", title="other", solver={"time_limit": 7}, certificates=True) == base
    wider = keys_of(family={"kind": "singlet", "at_chsh": [2.2, 2.3], "phi": 1.5}, visibilities=[0.9, 1])
    assert set(base) < set(wider)
    assert keys_of(adversaries=[{"model": "quantum", "level": 2}]) == base  # the default level
    different = [
        {"visibilities": [0.999999]},
        {"observed": "bell"},
        {"adversaries": "local"},
        {"adversaries": [{"model": "quantum", "level": "1+AB"}]},
        {"solver": {"tolerance": 1e-8}},
        {"solver": {"name": "clarabel"}},
        {"quantities": [{"name": "guess_local", "x": 1}, "guess_blind"]},
        {"family": {"kind": "singlet", "at_chsh": [2.3], "phi": 1.5, "best_of": 6}},
        {"family": {"kind": "singlet", "at_chsh": [2.3], "phi": 1.5, "best_of": 7}},
    ]
    found = [set(base)] + [set(keys_of(**changes)) for changes in different]
    assert all(not a & b for i, a in enumerate(found) for b in found[:i])
    code = (
        "import sdpbound.version; sdpbound.version.NUMERICS = -1\n"
        "from tests.study.test_run import keys_of; print(*(key.hex() for key in keys_of()))"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert len(other.split()) == len(base) and not set(other.split()) & {key.hex() for key in base}


def test_tasks_survive_json(tiny: Path) -> None:
    for group in Plan(read_spec(tiny)):
        for task in group:
            assert TASK.validate_json(TASK.dump_json(task)) == task


def test_all_quantities_at_once() -> None:
    """Quantities of the data, of the expression and of the point, each against its closed form at visibility 1."""
    names = ["guess_local", "guess_global", "guess_blind", "randomness_blind", "bell_maximum", "bell_minimum"]
    spec = parse_spec(
        content(quantities=[*names, "chsh", "local_bound", "quantum_bound", "strategy_value", "condition"])
    )
    values: dict[str, dict[str, Any]] = {}
    for task in next(iter(Plan(spec))):
        for quantity, (row, *_) in zip(task.quantities, evaluate_module.evaluate(task).cells, strict=True):
            assert list(row) == list(STORED) and row["side"] == quantity.side
            values[quantity.name] = row
    point = Point("", "", tuple(values["chsh"][name] for name in ("theta", "phi", "omega"))).member
    e = abs(point.correlators[0, 1])
    assert values["guess_local"]["value"] == 0.5
    assert math.isclose(values["guess_global"]["value"], (1 + e) / 4, rel_tol=1e-15)
    assert math.isclose(values["guess_blind"]["value"], (1 + e) / 2, rel_tol=1e-15)
    assert 0 <= values["guess_blind"]["sdp_value"] - (1 + e) / 2 < 1e-6
    h = -sum(p * math.log2(p) for p in ((1 + e) / 2, (1 - e) / 2))
    assert math.isclose(values["randomness_blind"]["value"], h, rel_tol=1e-12)
    assert 0 <= values["bell_maximum"]["value"] - point.quantum_bound < 1e-8
    assert -1e-8 < values["bell_minimum"]["value"] + point.quantum_bound <= 0
    assert values["bell_minimum"]["visibility"] is None and values["chsh"]["model"] is None
    for name in ("chsh", "local_bound", "quantum_bound", "strategy_value", "condition"):
        assert values[name]["value"] == getattr(point, name) and values[name]["side"] == "exact"
    assert abs(values["chsh"]["value"] - 2.3) < 1e-9


def test_the_order_of_quantities_changes_nothing() -> None:
    """A search begins where other quantities of the same program were solved: in an order of its own."""
    family = {"kind": "singlet", "at_chsh": 2.5, "phi": 1.35, "best_of": {"contour": 40, "phi": [1.45, 1.55]}}
    found = []
    for names in (["guess_blind", "randomness_blind"], ["randomness_blind", "guess_blind"]):
        spec = parse_spec(content(family=family, visibilities=0.995, quantities=names))
        ((task,),) = Plan(spec)
        cells = zip(task.quantities, cell_keys(task), evaluate_module.evaluate(task).cells, strict=True)
        found.append({q.name: (key, [row | {"seconds": 0} for row in rows]) for q, key, rows in cells})
    assert found[0] == found[1]


# -- running ------------------------------------------------------------------------------------------------------


def test_serial_and_processes_agree(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = run_study(tiny, tmp_path / "here", workers=0)
    assert "40 of 40 cells" in capsys.readouterr().err
    there = run_study(tiny, tmp_path / "there", workers=2, progress=False)
    assert capsys.readouterr().err == ""
    assert here.failed == there.failed == 0 and here.computed == there.computed == 40
    assert here.rows == there.rows == len(read_table(here.table)) > 40
    assert plain(here.table) == plain(there.table)

    table = read_table(here.table)
    assert set(table["where"]) == {"curve", "best"}
    for row in table:
        point = SingletSelfTest(row["theta"], row["phi"], row["omega"])
        assert abs(point.chsh - row["chsh_ideal"]) < 1e-12
        assert math.isclose(row["chsh_ideal"], 2.3, abs_tol=1e-9) or math.isclose(row["chsh_ideal"], 2.5, abs_tol=1e-9)
        assert row["side"] == ("upper" if "guess" in row["quantity"] else "lower")
        assert row["margin"] < 1e-6 and row["method"] == "certified" and row["seconds"] > 0
        if row["where"] == "best":
            assert row["model"] == "quantum"
            keys = ("observed", "model", "quantity", "visibility")
            group = table.where(**{key: row[key] for key in keys}, where="curve", point=row["point"].split("/")[0])
            (curve,) = group
            better = row["value"] - curve["value"] if row["side"] == "lower" else curve["value"] - row["value"]
            assert better > BETTER
    boxes = table.where(model="no-signaling", observed="correlators", quantity="guess_local")
    assert np.allclose(boxes["value"], 1.5 - boxes["chsh_observed"] / 4.0, atol=1e-9)
    assert set(table.where(model="no-signaling", quantity="key_rate")["security"]) == {"individual attacks"}


def test_rows_are_the_library_s_numbers(tiny: Path, tmp_path: Path) -> None:
    table = read_table(run_study(tiny, tmp_path, workers=0, progress=False).table)
    rows = table.where(where="curve", observed="correlators", point="1")
    one = rows.rows[0]
    behaviour = SingletSelfTest(one["theta"], one["phi"], one["omega"]).behaviour(0.99)
    observed = Observations.correlators(behaviour)
    for model, name in ((Quantum("1+AB"), "quantum"), (NoSignaling(), "no-signaling")):
        (guess,) = rows.where(model=name, quantity="guess_global")["value"]
        assert math.isclose(guess, guessing_probability(observed, model, 0, 1).value, abs_tol=1e-9)
    (rate,) = rows.where(model="quantum", quantity="key_rate")["value"]
    # the default level is higher, so that its rate is the larger one
    assert rate <= key_rate(behaviour, observed, x=0, y=0).value + 1e-9


def test_closed_form_at_visibility_one(tmp_path: Path) -> None:
    path = tmp_path / "ideal.toml"
    path.write_text(TINY.replace("[0.99]", "1").replace("[2.3, 2.5]", "2.5"), encoding="utf-8")
    table = read_table(run_study(path, tmp_path, workers=0, progress=False).table).where(where="curve", model="quantum")
    assert set(table["method"]) == {"closed form"}
    sign = np.where(table["side"] == "upper", 1.0, -1.0)
    assert (sign * (table["sdp_value"] - table["value"]) > -1e-9).all()  # the program proves no more than the self-test
    assert np.allclose(table.where(quantity="guess_local")["value"], 0.5)
    assert np.allclose(table.where(quantity="randomness_local")["value"], 1.0)
    point = table.rows[0]
    leak = SingletSelfTest(point["theta"], point["phi"], point["omega"]).key_leak()
    assert np.allclose(table.where(quantity="key_rate")["value"], 1.0 - leak)


def test_what_a_run_writes(tiny: Path, tmp_path: Path) -> None:
    result = run_study(tiny, tmp_path / "out", workers=0, progress=False)
    assert result.table.name == "tiny.csv" and result.metadata.name == "tiny.json"
    text = result.metadata.read_text(encoding="utf-8")
    data = json.loads(text)
    assert data["study"]["family"]["phi"] == [math.pi / 2 - 0.05]
    assert data["rows"] == result.rows and data["failed"] == 0
    assert {"numpy", "scipy", "clarabel"} <= set(data["packages"])
    (run,) = data["runs"]
    assert run["ended"] == "complete" and run["cells"] == 40 and run["seconds"] > 0
    assert data["git_commit"] == git_commit()
    assert str(tmp_path) not in text
    assert result.table.read_text(encoding="utf-8").splitlines()[0] == ",".join(COLUMNS)
    names = sorted(p.name for p in (tmp_path / "out").iterdir() if not p.name.endswith(".lock"))
    assert names == ["tiny.csv", "tiny.json", "tiny.sqlite"]


# -- resuming -----------------------------------------------------------------------------------------------------


def test_a_table_is_written_again_only_if_it_must(quick: Path, tmp_path: Path) -> None:
    table = run_study(quick, tmp_path, workers=0, progress=False).table
    before = table.stat().st_mtime_ns
    again = run_study(quick, tmp_path, workers=0, progress=False)
    assert table.stat().st_mtime_ns == before and again.rows == QUICK_CELLS and again.failed == again.infeasible == 0
    table.write_text("edited", encoding="utf-8")
    run_study(quick, tmp_path, workers=0, progress=False)
    assert len(read_table(table)) == QUICK_CELLS
    quick.write_text(QUICK.replace("[0.99, 0.98]", "0.98"), encoding="utf-8")
    assert run_study(quick, tmp_path, workers=0, progress=False).rows == len(read_table(table)) < QUICK_CELLS


def test_a_second_run_computes_nothing(quick: Path, tmp_path: Path, computed: list[Task]) -> None:
    first = run_study(quick, tmp_path, workers=0, progress=False)
    assert first.computed == QUICK_CELLS and computed
    before = read_table(first.table)
    computed.clear()
    second = run_study(quick, tmp_path, workers=0, progress=False)
    assert second.computed == 0 and not computed and second.rows == QUICK_CELLS
    assert list(read_table(second.table)) == list(before)


def test_a_changed_study_reuses_what_holds(quick: Path, tmp_path: Path, computed: list[Task]) -> None:
    run_study(quick, tmp_path, workers=0, progress=False)
    computed.clear()
    changed = QUICK.replace("[0.99, 0.98]", "[0.98, 0.97]").replace('"chsh"]', '"chsh", "guess_global"]')
    quick.write_text(changed, encoding="utf-8")
    result = run_study(quick, tmp_path, workers=0, progress=False)
    # at 0.98 the new quantity alone, at 0.97 all three
    assert result.computed == 6 * 2 * (1 + 3)
    assert {(task.visibility, len(task.quantities)) for task in computed} == {(0.98, 1), (0.97, 3)}
    other = run_study(quick, tmp_path / "afresh", workers=0, progress=False)
    assert plain(result.table) == plain(other.table)
    study = Study.load(tmp_path / "quick.sqlite")
    assert len(study.table()) == len(read_table(result.table))
    assert [row for part in study.tables() for row in part] == list(study.table())


def test_a_search_is_repeated_with_its_companions(tiny: Path, tmp_path: Path) -> None:
    """Where a search starts depends on the other quantities of the same program, so that its key does."""
    text = TINY.replace('"guess_local", ', "").replace("at_chsh = [2.3, 2.5]", "at_chsh = 2.3")
    tiny.write_text(text, encoding="utf-8")
    run_study(tiny, tmp_path, workers=0, progress=False)
    tiny.write_text(TINY.replace("at_chsh = [2.3, 2.5]", "at_chsh = 2.3"), encoding="utf-8")
    result = run_study(tiny, tmp_path, workers=0, progress=False)
    # quantum: guess_local, and with it key_rate and randomness_local of the same program; no-signaling: itself
    assert result.computed == 2 * 3 + 2 * 1
    assert plain(result.table) == plain(run_study(tiny, tmp_path / "afresh", workers=0, progress=False).table)


def test_equal_points_are_computed_once(tmp_path: Path, computed: list[Task]) -> None:
    path = tmp_path / "twice.toml"
    text = 'quantities = "guess_local"\nadversaries = "no-signaling"\n[family]\nkind = "singlet"\ntheta = [0.5, 0.6]\n'
    path.write_text(text + 'phi = 1.4\nomega = [2.6, "2*theta + 1.6"]\n', encoding="utf-8")
    result = run_study(path, tmp_path, workers=0, progress=False)
    assert result.rows == 4 and result.computed == len(computed) == 3
    values = [row["value"] for row in read_table(result.table)]
    assert values[0] == values[1] and values[2] != values[3]


def test_an_interrupt_keeps_what_is_done(quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0

    def interrupted(task: Task) -> Any:
        nonlocal count
        count += 1
        if count == 11:  # six closed forms, then four tasks of two cells
            raise KeyboardInterrupt
        return evaluate_module.evaluate(task)

    monkeypatch.setattr(executors_module, "evaluate", interrupted)
    with pytest.raises(
        KeyboardInterrupt, match=rf"after 14 of {QUICK_CELLS} cells.*quick\.sqlite.*run it again to go on"
    ):
        run_study(quick, tmp_path, workers=0, progress=False)
    monkeypatch.undo()
    study = Study.load(quick, tmp_path)
    status = study.status()
    assert (status.done, status.failed, status.complete) == (14, 0, False)
    assert status.by_quantity["chsh"] == (6, 6, 0, 0)
    assert study.facts()["runs"][0]["ended"] == "interrupted"
    assert len(study.to_pandas()) == 14
    result = run_study(quick, tmp_path, workers=0, progress=False)
    assert result.computed == QUICK_CELLS - 14 and study.status().complete
    assert plain(result.table) == plain(run_study(quick, tmp_path / "afresh", workers=0, progress=False).table)


def test_a_terminated_run_is_saved(quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def terminated(task: Task) -> Any:
        if task.point.name == "3" and task.needs_solver:
            os.kill(os.getpid(), signal.SIGTERM)
        return evaluate_module.evaluate(task)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(executors_module, "evaluate", terminated)
    with pytest.raises(Terminated, match=r"after 3[0-9] of"):
        run_study(quick, tmp_path, workers=0, progress=False)
    assert signal.getsignal(signal.SIGTERM) is before
    assert Study.load(quick, tmp_path).status().done >= 30


def test_a_signal_waits_until_a_batch_is_stored(quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is claimed in the message is in the store, also if the signal came while it was stored."""
    add = Store.add

    def signalled(self: Store, run: int, answers: Any, replace: bool = False) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)  # a second one does not disturb the end
        add(self, run, answers, replace)

    monkeypatch.setattr(Store, "add", signalled)
    with pytest.raises(Terminated, match=r"after (\d+) of") as caught:
        run_study(quick, tmp_path, workers=0, progress=False)
    claimed = int(str(caught.value).split("after ")[1].split(" ")[0])
    study = Study.load(quick, tmp_path)
    assert claimed == study.status().done > 0
    assert study.facts()["runs"][0]["ended"] == "interrupted"


def test_a_signal_after_the_last_cell(quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(run_module.exports, "export", interrupted)
    with pytest.raises(KeyboardInterrupt, match=rf"has all its {QUICK_CELLS} cells in .*quick\.sqlite"):
        run_study(quick, tmp_path, workers=0, progress=False)
    monkeypatch.undo()
    result = run_study(quick, tmp_path, workers=0, progress=False)
    assert result.computed == 0 and len(read_table(result.table)) == QUICK_CELLS


def test_an_answer_is_stored_while_the_next_takes_long(
    quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Executors call back while they wait, and what has arrived is stored then."""
    seen: list[int] = []

    def waiting(groups: Any, workers: int, idle: Any) -> Any:
        first, *rest = [task for group in groups for task in group]
        yield first, evaluate_module.evaluate(first)
        time.sleep(0.05)
        idle()
        seen.append(Study.load(quick, tmp_path).status().done)
        for task in rest:
            yield task, evaluate_module.evaluate(task)

    monkeypatch.setattr(run_module, "run_in_processes", waiting)
    monkeypatch.setattr(run_module, "BATCH_SECONDS", 0.01)
    run_study(quick, tmp_path, workers=1, progress=False)
    assert seen == [6 + 2]


def test_equal_cells_in_different_look_ups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, computed: list[Task]
) -> None:
    path = tmp_path / "twice.toml"
    omega = '["theta + pi/2", "theta + 1.6", "theta + 1.7", "pi/2 + theta"]'
    text = 'quantities = ["guess_local", "chsh"]\nadversaries = "local"\n[family]\nkind = "singlet"\nphi = 1.4\n'
    path.write_text(f"{text}theta = [0.9, 1.0]\nomega = {omega}\n", encoding="utf-8")
    monkeypatch.setattr("sdpbound.study.at_hand.CHUNK", 5)
    monkeypatch.setattr(run_module, "BATCH_CELLS", 1)
    result = run_study(path, tmp_path, workers=0, progress=False)
    assert result.rows == 16 and result.computed == len(computed) == 12
    counts = Study.load(path, tmp_path).status()
    assert counts.complete and counts.stored == 12


#: Runs a study in one process and notes each task before it is evaluated, and each batch once it is stored.
NOTING = """
import sys
from sdpbound.study import run_study
from sdpbound.study.answers import evaluate as e
from sdpbound.study.running import executors
from sdpbound.study.store import Store
from sdpbound.study.plan import cell_keys
notes = open(sys.argv[3], "a", buffering=1)
def evaluate(task):
    for key in cell_keys(task):
        print("begun", key.hex(), file=notes)
    return e.evaluate(task)
executors.evaluate = evaluate
add = Store.add
def noted(self, run, answers, replace=False):
    answers = list(answers)
    add(self, run, answers, replace)
    for keys, _ in answers:
        for key in keys:
            print("stored", key.hex(), file=notes)
Store.add = noted
from sdpbound.study.running import run
run.BATCH_SECONDS = 0.02
run_study(sys.argv[1], sys.argv[2], workers=0, progress=False)
"""


def kill_again_and_again(quick: Path, folder: Path, kills: int, seed: int, points: int = 60) -> None:
    """Kill runs of a study at random moments; nothing stored is computed again, and the table comes out the same."""
    quick.write_text(QUICK.replace("count = 6", f"count = {points}"), encoding="utf-8")
    undisturbed = run_study(quick, folder / "undisturbed", workers=0, progress=False)
    script, notes = folder / "noting.py", folder / "notes"
    script.write_text(NOTING, encoding="utf-8")
    generator = random.Random(seed)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(script), str(quick), str(folder / "killed"), str(notes)]
    killed = 0
    longest = 3.0
    while killed < kills:
        process = subprocess.Popen(command, env=environment, cwd=folder)
        try:
            process.wait(timeout=generator.uniform(0.3, longest))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            killed += 1
            continue
        assert process.returncode == 0
        # it was finished: begin again with a part of it missing
        with sqlite3.connect(folder / "killed" / "quick.sqlite") as connection:
            connection.execute("DELETE FROM result WHERE rowid % 2 = 0")
        connection.close()
        notes.write_text("", encoding="utf-8")
    subprocess.run(command, env=environment, cwd=folder, check=True)
    stored: set[str] = set()
    for line in notes.read_text(encoding="utf-8").splitlines():
        what, key = line.split(" ")
        if what == "stored":
            stored.add(key)
        else:
            assert key not in stored, "computed again after it was stored"
    assert plain(folder / "killed" / "quick.csv") == plain(undisturbed.table)


@pytest.mark.skipif(sys.platform == "win32", reason="uses signals")
def test_killed_runs_go_on(quick: Path, tmp_path: Path) -> None:
    kill_again_and_again(quick, tmp_path, kills=1, seed=1, points=20)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="uses signals")
def test_a_hundred_kills(quick: Path, tmp_path: Path) -> None:
    kill_again_and_again(quick, tmp_path, kills=100, seed=2)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="uses signals")
def test_a_killed_run_leaves_no_worker(quick: Path, tmp_path: Path) -> None:
    quick.write_text(QUICK.replace("count = 6", "count = 400"), encoding="utf-8")
    code = f"from sdpbound.study import run_study; run_study({str(quick)!r}, {str(tmp_path)!r}, 2, progress=False)"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "SDPBOUND_TEST_MARK": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("*.sqlite")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.5)
    process.kill()
    process.wait()
    mark = f"SDPBOUND_TEST_MARK={tmp_path}".encode()

    def alive() -> list[str]:
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(entry.name)
            except OSError:
                continue
        return found

    while alive() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive()
    result = run_study(quick, tmp_path, workers=2, progress=False)
    assert result.computed > 0 and result.failed == 0 and result.rows == 400 * 9


# -- retries, shards, locks, damage -------------------------------------------------------------------------------


def test_failed_rows_are_retried_alone(
    quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(task: Task) -> Any:
        if task.point.name == "2" and task.observed == "bell":
            return evaluate_module.failed(task, "no luck")
        return evaluate_module.evaluate(task)

    monkeypatch.setattr(executors_module, "evaluate", failing)
    result = run_study(quick, tmp_path, workers=0, progress=False)
    assert result.failed == 4
    table = read_table(result.table)
    assert set(table.where(status="failed")["error"]) == {"no luck"}
    assert np.isnan(table.where(status="failed")["value"]).all()
    monkeypatch.undo()
    assert run_study(quick, tmp_path, workers=0, progress=False).computed == 0  # kept until asked
    wider = tmp_path / "wider.toml"
    wider.write_text(QUICK.replace("[0.99, 0.98]", "[0.99, 0.98, 0.97]"), encoding="utf-8")
    again = run_study(wider, tmp_path, workers=0, retry=True)
    assert again.computed == 4 and again.failed == 0  # what is missing is left to a run
    assert "4 of 4 cells done, 0 failed" in capsys.readouterr().err
    again = run_study(quick, tmp_path, workers=0, progress=False)
    assert again.computed == 0
    assert plain(again.table) == plain(run_study(quick, tmp_path / "afresh", workers=0, progress=False).table)


def test_a_failure_does_not_keep_an_answer_out(quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = run_study(quick, tmp_path / "good", workers=0, progress=False)
    monkeypatch.setattr(executors_module, "evaluate", lambda task: evaluate_module.failed(task, "no luck"))
    bad = run_study(quick, tmp_path / "bad", workers=0, progress=False)
    assert bad.failed == bad.rows == QUICK_CELLS
    assert merge([good.store], bad.store) == QUICK_CELLS
    assert Study.load(bad.store).status().failed == 0
    assert merge([bad.store], good.store) == 0


def test_an_error_of_linear_algebra_costs_its_row(quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guess = of_data_module.guessing_probability

    def unlucky(observed: Any, *arguments: Any, **keywords: Any) -> Any:
        if observed.values[0] < 0.9:
            raise np.linalg.LinAlgError("singular matrix")
        return guess(observed, *arguments, **keywords)

    monkeypatch.setattr(of_data_module, "guessing_probability", unlucky)
    result = run_study(quick, tmp_path, workers=0, progress=False)
    assert 0 < result.failed < result.rows
    assert set(read_table(result.table).where(status="failed")["error"]) == {"LinAlgError: singular matrix"}


def test_shards_make_the_whole(quick: Path, tmp_path: Path) -> None:
    stores = []
    for k in (1, 2, 3, 4):
        part = run_study(quick, tmp_path / "parts", workers=0, progress=False, shard=(k, 4))
        assert part.store.name == f"quick.shard-{k}-of-4.sqlite"
        stores.append(part.store)
        assert part.rows == {1: 18, 2: 18, 3: 9, 4: 9}[k]
        assert Study.load(part.store).status().complete
        again = run_study(part.store, workers=0, progress=False)  # the store of a part is that part of the study
        assert (again.store, again.rows, again.computed) == (part.store, part.rows, 0)
    assert merge(stores, tmp_path / "whole" / "quick.sqlite") == QUICK_CELLS
    whole = run_study(quick, tmp_path / "whole", workers=0, progress=False)
    assert whole.computed == 0 and whole.rows == QUICK_CELLS
    assert plain(whole.table) == plain(run_study(quick, tmp_path / "afresh", workers=0, progress=False).table)
    for shard in ((5, 4), (0, 1), (1, 10**20), (1.5, 2)):
        with pytest.raises(InvalidParameter, match=rf"shard = {shard[0]}/{shard[1]}"):
            run_study(quick, tmp_path, shard=shard)  # type: ignore[arg-type]


def test_a_store_of_another_name_is_the_one_that_is_read(quick: Path, tmp_path: Path) -> None:
    store = run_study(quick, tmp_path, workers=0, progress=False).store
    copy = store.with_name("copy.sqlite")
    copy.write_bytes(store.read_bytes())
    with sqlite3.connect(copy) as connection:
        connection.execute("UPDATE result SET value = 0.1")
    connection.close()
    study = Study.load(copy)
    assert study.store_path == copy and study.table_path.name == "copy.csv"
    with pytest.raises(DamagedStore, match=r"copy\.sqlite"):
        study.table()
    assert len(Study.load(store).table()) == QUICK_CELLS


def test_two_runs_do_not_share_a_store(quick: Path, tmp_path: Path) -> None:
    with Store.write(tmp_path / "quick.sqlite"), pytest.raises(InvalidInput, match=r"quick\.sqlite.*in use"):
        run_study(quick, tmp_path, workers=0, progress=False)


def test_a_damaged_store_is_moved_aside(quick: Path, tmp_path: Path) -> None:
    result = run_study(quick, tmp_path, workers=0, progress=False)
    table = plain(result.table)
    raw = bytearray(result.store.read_bytes())
    raw[100 : len(raw) // 2] = os.urandom(len(raw) // 2 - 100)
    result.store.write_bytes(raw)
    with pytest.raises(DamagedStore, match=r"quick\.sqlite.*moved.*damaged-"):
        run_study(quick, tmp_path, workers=0, progress=False)
    (aside,) = [p for p in tmp_path.glob("quick.sqlite.damaged-*") if not p.name.endswith(("-wal", "-shm"))]
    assert aside.read_bytes() == bytes(raw) and not result.store.exists()
    again = run_study(quick, tmp_path, workers=0, progress=False)
    assert again.computed == QUICK_CELLS and plain(again.table) == table


def test_damaged_tables_are_named(quick: Path, tmp_path: Path) -> None:
    result = run_study(quick, tmp_path, workers=0, progress=False)
    text = result.table.read_text(encoding="utf-8")
    result.table.write_text(text.replace("0.9", "0.8", 1), encoding="utf-8")
    with pytest.raises(InvalidStudy, match=r"quick\.csv.*damaged or was edited"):
        read_table(result.table)


def test_infeasible_is_an_answer(tiny: Path, tmp_path: Path) -> None:
    text = TINY.replace(
        'adversaries = ["no-signaling", { model = "quantum", level = "1+AB" }]', 'adversaries = "local"'
    )
    tiny.write_text(text.replace('["correlators", "bell"]', '"full"'), encoding="utf-8")
    result = run_study(tiny, tmp_path, workers=0, progress=False)
    table = read_table(result.table)
    assert result.failed == 0 and result.infeasible == result.rows and set(table["status"]) == {"infeasible"}
    assert all("local set" in error for error in table["error"])
    found = audit(Study.load(tiny, tmp_path))
    assert found.holds and found.infeasible == found.separated == result.rows and found.unproven == 0


# -- certificates -------------------------------------------------------------------------------------------------


def test_a_store_is_verified_in_bulk(tiny: Path, tmp_path: Path) -> None:
    text = (
        TINY.replace("[0.99]", "[0.99, 1]")
        .replace("[2.3, 2.5]", "2.3")
        .replace("quantities = [", 'quantities = ["chsh", "bell_maximum", "guess_blind", "randomness_blind", ')
    )
    tiny.write_text(text, encoding="utf-8")
    result = run_study(tiny, tmp_path, workers=0, progress=False)
    found = audit(Study.load(tiny, tmp_path))
    assert found.holds and found.rows == result.rows and found.exact == 1 and found.without == 0
    assert found.proven == found.rows - 1 and found.certificates >= found.proven


def test_faults_of_a_store_are_found(quick: Path, tmp_path: Path) -> None:
    """Rows that are written with sound digests and wrong content: each wrong thing is found by the audit."""
    quick.write_text("certificates = true\n" + QUICK, encoding="utf-8")
    run_study(quick, tmp_path, workers=0, progress=False)
    study = Study.load(quick, tmp_path)
    tasks = [task for group in study.plan for task in group if task.needs_solver]
    wrongs: list[Any] = [
        lambda row, other: {"value": math.nextafter(row["value"], 0.0 if row["side"] == "upper" else 2.0)},
        lambda row, other: {"certificate": other["certificate"]},
        lambda row, other: {"certificate": "00" * 16},
        lambda row, other: {"theta": row["theta"] + 1e-9},
        lambda row, other: {"visibility": 0.5},
    ]
    for number, wrong in enumerate(wrongs):
        task, other = tasks[number], tasks[number + 5]
        with Store.write(study.store_path) as store:
            row = dict(zip(STORED, next(store.rows(cell_keys(task)))[1], strict=True))
            beside = dict(zip(STORED, next(store.rows(cell_keys(other)))[1], strict=True))
            changed = evaluate_module.Answer([[row | wrong(row, beside)]])
            store.add(1, [(cell_keys(task)[:1], changed)], replace=True)
        found = audit(study)
        assert not found.holds and len(found.faults) == number + 1, number
        assert found.faults[number].point == task.point.name and found.faults[number].quantity == "guess_local, x = 0"


def test_studies_without_certificates_say_so(quick: Path, tmp_path: Path) -> None:
    quick.write_text("certificates = false\n" + QUICK, encoding="utf-8")
    run_study(quick, tmp_path, workers=0, progress=False)
    found = audit(Study.load(quick, tmp_path))
    assert found.holds and found.proven == 0 and found.exact == 6 and found.without == QUICK_CELLS - 6
    # asked for later, they are made by a retry
    quick.write_text(QUICK, encoding="utf-8")
    assert run_study(quick, tmp_path, workers=0, progress=False).computed == 0
    assert run_study(quick, tmp_path, workers=0, progress=False, retry=True).computed == QUICK_CELLS - 6
    found = audit(Study.load(quick, tmp_path))
    assert found.holds and found.without == 0 and found.proven == QUICK_CELLS - 6


# -- bad input, figures -------------------------------------------------------------------------------------------


def test_bad_arguments(quick: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="workers = -1"):
        run_study(quick, workers=-1)
    with pytest.raises(InvalidStudy, match="run the study first"):
        run_study(quick, tmp_path, retry=True)
    with pytest.raises(InvalidInput, match="not both"):
        run_study(quick, workers=1, scheduler="tcp://127.0.0.1:1")
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    with pytest.raises(InvalidInput, match="choose another output folder"):
        run_study(quick, blocked / "out")
    with pytest.raises(InvalidStudy, match=r"found none"):
        Study.load(tmp_path)
    with pytest.raises(InvalidStudy, match="run the study first"):
        Study.load(quick, tmp_path / "empty").to_pandas()


def test_a_full_disk_is_said_and_nothing_is_half_written(
    quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sdpbound.errors import StorageFailure

    monkeypatch.setattr(run_module, "BATCH_SECONDS", 0.0)
    add, calls = Store.add, 0

    def full(self: Store, run: int, answers: Any, replace: bool = False) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            self._db.execute("PRAGMA max_page_count = 1")  # as on a full disk: the file cannot grow
        add(self, run, answers, replace)

    monkeypatch.setattr(Store, "add", full)
    quick.write_text(QUICK.replace("count = 6", "count = 18"), encoding="utf-8")
    with pytest.raises(StorageFailure, match=r"quick\.sqlite.*full"):
        run_study(quick, tmp_path, workers=0, progress=False)
    monkeypatch.undo()
    assert Study.load(quick, tmp_path).status().done >= 2
    assert run_study(quick, tmp_path, workers=0, progress=False).rows == 3 * QUICK_CELLS


def test_draw_finds_the_figure(quick: Path, tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    path = tmp_path / "studies" / "tiny.toml"
    path.write_text('figure = "mine"\n' + TINY, encoding="utf-8")
    with pytest.raises(InvalidStudy, match="'mine'"):
        draw(path, tmp_path / "tiny.csv", tmp_path, run_script=True)
    (tmp_path / "figures").mkdir()
    script = "def draw(table, output):\n    return [output / table.name]\n"
    (tmp_path / "figures" / "mine.py").write_text(script, encoding="utf-8")
    (tmp_path / "tiny.csv").write_text("header\nrow\n", encoding="utf-8")
    assert draw(path, tmp_path / "tiny.csv", tmp_path / "out", run_script=True) == [tmp_path / "out" / "tiny.csv"]
