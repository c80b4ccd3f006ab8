"""Studies: what a file may say, and what a run writes."""

from __future__ import annotations

import json
import math
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdpbound import NoSignaling, Observations, Quantum, SingletSelfTest, guessing_probability, key_rate
from sdpbound.errors import InvalidParameter, InvalidStudy, NotSelfTesting, SolverFailure
from sdpbound.study import draw, load_study, read_table, run_study
from sdpbound.study import tasks as tasks_module
from sdpbound.study.executors import run_here, run_in_processes
from sdpbound.study.expressions import evaluate
from sdpbound.study.spec import Curve, parse_study
from sdpbound.study.table import git_commit
from sdpbound.study.tasks import COLUMNS, tasks_of
from sdpbound.study.worker import TASK

STUDIES = Path(__file__).parents[1] / "studies"

MANY = {"start": 0, "stop": 1, "count": 2000}
TINY = """
name = "tiny"
visibilities = [0.99]
observed = ["correlators", "bell"]
adversaries = ["no-signaling", { model = "quantum", level = "1+AB" }]
quantities = ["guess_local", "guess_global", "key_rate", "randomness_local", "randomness_global"]

[family]
kind = "singlet"
at_chsh = [2.3, 2.5]
phi = "pi/2 - 0.05"
best_of = { contour = 6, phi = "pi/2 - 0.1", models = "quantum" }
"""


def content(**changes: Any) -> dict[str, Any]:
    """A valid file's content with changes."""
    return {"name": "x", "family": {"kind": "singlet", "at_chsh": [2.3], "phi": 1.5}} | changes


def family(**changes: Any) -> dict[str, Any]:
    return content(family={"kind": "singlet", "at_chsh": [2.3], "phi": 1.5} | changes)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    return path


# -- expressions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("pi/2 - 0.02", math.pi / 2 - 0.02),
        ("-(1 + 2) * 3", -9.0),
        ("2**-1", 0.5),
        ("sqrt(2) / 2", math.sqrt(2) / 2),
        ("arccos(sin(0) + cos(pi/3))", math.acos(math.cos(math.pi / 3))),
        (" 1e-3 ", 1e-3),
    ],
)
def test_expressions(text: str, value: float) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 +",
        "e",
        "pi.real",
        "__import__('os').system('true')",
        "abs(1)",
        "sqrt",
        "sqrt(1, 2)",
        "sqrt(x=1)",
        "sqrt(-1)",
        "arccos(2)",
        "(-1)**0.5",
        "1/0",
        "10**400",
        "1e400",
        "1j",
        "True",
        "'a'",
        "[1]",
        "1 if 1 else 2",
        "1 < 2",
        "lambda: 1",
        "9" * 300,
        "(" * 150 + "1" + ")" * 150,
        "1\n+2; import os",
    ],
)
def test_expressions_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"it |not known|not defined|takes one|not a real"):
        evaluate(text)


# -- the study file -----------------------------------------------------------------------------------------------


def test_shipped_studies_are_valid() -> None:
    for path in STUDIES.glob("*.toml"):
        assert tasks_of(load_study(path))


def test_near_local_boundary_covers_what_it_must() -> None:
    study = load_study(STUDIES / "near_local_boundary.toml")
    assert isinstance(study.family, Curve)
    s = np.array(study.family.at_chsh)
    assert s.size >= 60 and s.min() < 2.01 and s.max() == 2.5
    assert study.family.phi == math.pi / 2 - 0.02
    assert len(study.visibilities) == 5 and max(study.visibilities) == 1.0 and min(study.visibilities) == 0.97
    assert {"bell", "correlators"} == set(study.observed)
    assert {"quantum", "no-signaling"} == {a.model for a in study.adversaries}


def test_ranges() -> None:
    study = parse_study(family(at_chsh={"start": "2 + 0.1", "stop": 2.5, "count": 5}))
    assert isinstance(study.family, Curve)
    assert study.family.at_chsh == (2.1, 2.2, 2.3, 2.4, 2.5)


def test_grid_is_a_product() -> None:
    data = content(family={"kind": "singlet", "theta": [0.5, 0.6], "phi": 1.3, "omega": ["pi", 2.9]})
    points = [group[0].point for group in tasks_of(parse_study(data))]
    assert [(p.theta, p.phi, p.omega) for p in points] == [(t, 1.3, w) for t in (0.5, 0.6) for w in (math.pi, 2.9)]
    assert {p.where for p in points} == {"grid"}


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (content(visibilites=[1]), ["'visibilites'", "'visibilities'"]),
        (family(at_csh=[2.1]), ["'at_csh'", "'at_chsh'", "family"]),
        (content(adversaries=[{"model": "quantum", "levl": "2"}]), ["'levl'", "'level'", "adversaries[0]"]),
        (content(adversaries=["quantm"]), ["adversaries[0].model", "'quantm'", "'quantum'"]),
        (content(observed=["correlator"]), ["observed[0]", "'correlator'", "'correlators'"]),
        (content(observed=[]), ["observed", "empty"]),
        (content(quantities=["keyrate"]), ["quantities[0].name", "'keyrate'", "'key_rate'"]),
        (content(quantities=[{"name": "key_rate", "x": 2}]), ["quantities[0].x = 2", "0 to 1"]),
        (content(quantities=[{"name": "guess_local", "y": 0}]), ["quantities[0]", "y = 0"]),
        (content(visibilities=[1.2]), ["visibilities", "1.2", "[0, 1]"]),
        (content(visibilities=[float("nan")]), ["visibilities", "nan", "finite"]),
        (content(visibilities=[]), ["visibilities", "empty"]),
        (content(visibilities=[True]), ["visibilities", "number"]),
        (content(visibilities="alot"), ["visibilities = 'alot'", "not known"]),
        (family(at_chsh={"start": 2.1, "stop": 2.5}), ["family.at_chsh", "'count'"]),
        (family(at_chsh={"start": 2.1, "stop": 2.5, "cuont": 3}), ["family.at_chsh", "'cuont'", "'count'"]),
        (family(at_chsh={"start": 2.1, "stop": 2.5, "count": 0}), ["family.at_chsh", "count = 0"]),
        (family(at_chsh={"start": "inf", "stop": 2.5, "count": 2}), ["family.at_chsh", "start or stop"]),
        (family(at_chsh=[2.1, "two"]), ["family.at_chsh", "entry 1", "'two'"]),
        (family(kind="singelt"), ["family.kind", "'singlet'"]),
        (family(best_of=0), ["family.best_of.contour = 0", "1 to"]),
        (family(best_of={"contour": 4, "phi": [3.0]}), ["family.best_of.phi", "[0, pi/2]"]),
        (family(require_self_test=1), ["family.require_self_test = 1", "true or false"]),
        (content(family="singlet"), ["family", "table"]),
        (content(family={"kind": "singlet", "theta": 1, "omega": 1}), ["'family.phi'", "missing"]),
        ({"name": "x"}, ["'family'", "missing"]),
        (content(name="../x"), ["name = '../x'", "letters"]),
        (content(figure="../../x"), ["figure", "name of a figure"]),
        (content(title=3), ["title = 3", "text"]),
        (content(adversaries=[{"model": "quantum", "level": "1+Q"}]), ["adversaries[0].level", "1+Q"]),
        (content(adversaries=[{"model": "local", "level": "2"}]), ["adversaries[0]", "leave the key level out"]),
        (content(solver={"name": "clarabell"}), ["solver.name", "clarabel"]),
        (content(solver={"tolerance": 1}), ["solver.tolerance", "[1e-14, 1e-2]"]),
        (content(solver={"time_limit": 0}), ["solver.time_limit", "0.1"]),
        (content(family={"kind": "singlet", "theta": MANY, "phi": MANY, "omega": 1.0}), ["numbers", "coarser"]),
    ],
)  # fmt: skip
def test_wrong_entries_are_named(data: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(InvalidStudy) as caught:
        parse_study(data, "file.toml")
    message = str(caught.value)
    assert message.startswith("file.toml: ") and "\n" not in message and len(message) < 500
    for part in parts:
        assert part in message, message


def test_unreadable_files(tmp_path: Path, tiny: Path) -> None:
    with pytest.raises(InvalidStudy, match=r"did you mean '.*tiny\.toml'"):
        load_study(tmp_path / "tiyn.toml")
    with pytest.raises(InvalidStudy, match="cannot be read"):
        load_study(tmp_path)
    broken = tmp_path / "broken.toml"
    broken.write_text("name = 'a'\nx = = 1\n", encoding="utf-8")
    with pytest.raises(InvalidStudy, match=r"not valid TOML.*line 2"):
        load_study(broken)
    broken.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidStudy, match="UTF-8"):
        load_study(broken)


def test_out_of_reach_and_not_self_testing() -> None:
    with pytest.raises(InvalidStudy, match=r"family\.at_chsh.*s = 2\.7"):
        tasks_of(parse_study(family(at_chsh=[2.7])))
    grid = {"kind": "singlet", "theta": 0.5, "phi": [1.3, 0.2], "omega": "pi", "require_self_test": True}
    with pytest.raises(NotSelfTesting, match=r"point 1, theta = 0\.5, phi = 0\.2"):
        tasks_of(parse_study(content(family=grid)))
    limit = family(phi="pi/2", require_self_test=True)
    assert tasks_of(parse_study(limit | {"observed": "correlators"}))  # all four correlators self-test there


# -- running ------------------------------------------------------------------------------------------------------


def plain(path: Path) -> list[dict[str, Any]]:
    """The rows without what differs from run to run."""
    return [row | {"seconds": None} for row in read_table(path)]


def test_serial_and_processes_agree(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = run_study(tiny, tmp_path / "here", workers=0)
    assert "8 of 8 tasks" in capsys.readouterr().err
    there = run_study(tiny, tmp_path / "there", workers=2, progress=False)
    assert capsys.readouterr().err == ""
    assert here.failed == there.failed == 0
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
            assert better > tasks_module.BETTER
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


def test_metadata(tiny: Path, tmp_path: Path) -> None:
    result = run_study(tiny, tmp_path / "out", workers=0, progress=False)
    assert result.table.name == "tiny.csv" and result.metadata.name == "tiny.json"
    text = result.metadata.read_text(encoding="utf-8")
    data = json.loads(text)
    assert data["study"]["family"]["phi"] == math.pi / 2 - 0.05
    assert data["rows"] == result.rows and data["failed"] == 0 and data["complete"]
    assert {"numpy", "scipy", "clarabel"} <= set(data["packages"])
    assert data["models"] == ["no-signaling", "quantum 1+AB"] and "highs" in data["solvers"]
    assert data["git_commit"] == git_commit()
    assert 0 <= data["worst_margin"] < 1e-6 and data["seconds"] > 0
    assert str(tmp_path) not in text
    assert result.table.read_text(encoding="utf-8").splitlines()[0] == ",".join(COLUMNS)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["tiny.csv", "tiny.json"]


def test_damaged_tables_are_named(tiny: Path, tmp_path: Path) -> None:
    result = run_study(tiny, tmp_path, workers=0, progress=False)
    text = result.table.read_text(encoding="utf-8")
    result.table.write_text(text.replace("0.99", "0.98", 1), encoding="utf-8")
    with pytest.raises(InvalidStudy, match=r"tiny\.csv' is damaged"):
        read_table(result.table)
    result.table.write_text(text, encoding="utf-8")
    assert len(read_table(result.table)) == result.rows
    result.metadata.write_text("{", encoding="utf-8")
    with pytest.raises(InvalidStudy, match=r"tiny\.json' is damaged"):
        read_table(result.table)
    result.metadata.unlink()
    with pytest.raises(InvalidStudy, match=r"tiny\.json' cannot be read"):
        read_table(result.table)


def test_a_failing_solver_is_recorded(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = tasks_module.guessing_probability

    def fails(observed: Observations, model: Any, x: int, y: int | None, *rest: Any) -> Any:
        if isinstance(model, Quantum) and y is None:
            raise SolverFailure("out of order")
        return original(observed, model, x, y, *rest)

    monkeypatch.setattr(tasks_module, "guessing_probability", fails)
    result = run_study(tiny, tmp_path, workers=0, progress=False)
    table = read_table(result.table)
    failed = table.where(status="failed")
    assert result.failed == len(failed) == 2 * 2 * 3
    assert set(failed["quantity"]) == {"guess_local", "key_rate", "randomness_local"}
    assert all("SolverFailure: out of order" in error for error in failed["error"])
    assert np.isnan(failed["value"]).all()
    others = [row for row in table if row["status"] != "failed"]
    assert others and all(row["value"] is not None for row in others)
    assert json.loads(result.metadata.read_text(encoding="utf-8"))["failed"] == 12


def test_infeasible_is_an_answer(tiny: Path, tmp_path: Path) -> None:
    text = TINY.replace(
        'adversaries = ["no-signaling", { model = "quantum", level = "1+AB" }]', 'adversaries = "local"'
    )
    tiny.write_text(text.replace('["correlators", "bell"]', '"full"'), encoding="utf-8")
    result = run_study(tiny, tmp_path, workers=0, progress=False)
    table = read_table(result.table)
    assert result.failed == 0 and set(table["status"]) == {"infeasible"}
    assert all("local set" in error for error in table["error"])


FAKE_WORKER = """
import os, signal, sys, time
sys.path.insert(0, {root!r})
from sdpbound.study.worker import TASK
import json
print("ready", flush=True)
for line in sys.stdin:
    task = TASK.validate_json(line)
    if task.observed == "bell" and task.adversary.model == "quantum":
        if task.solver.name is None:
            os.kill(os.getpid(), signal.SIGKILL)
        if task.solver.name == "clarabel":
            time.sleep(60)
        if task.point.name == "1":
            sys.exit("cannot go on")
    print(json.dumps([{{"status": task.solver.name or "first"}}]), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="uses signals")
def test_killed_and_stalled_workers(tiny: Path, tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text(textwrap.dedent(FAKE_WORKER).format(root=str(Path(__file__).parents[1])), encoding="utf-8")
    tiny.write_text(TINY + "\n[solver]\ntime_limit = 0.5\n", encoding="utf-8")
    groups = tasks_of(load_study(tiny))
    done = dict(run_in_processes(groups, 2, [sys.executable, str(script)]))
    assert sorted(done) == list(range(8))
    flat = [task for group in groups for task in group]
    for index, rows in done.items():
        task = flat[index]
        if task.observed != "bell" or task.adversary.model != "quantum":
            assert rows == [{"status": "first"}]
        elif task.point.name == "0":
            assert len(rows) == 1 and rows[0]["status"] not in ("first", "clarabel", "failed")
        else:
            assert {row["status"] for row in rows} == {"failed"} and len(rows) == 5
            error = rows[0]["error"]
            assert "killed by signal 9" in error and "stopped after 0.5 s" in error and "cannot go on" in error


def test_workers_that_cannot_start(tiny: Path) -> None:
    groups = tasks_of(load_study(tiny))
    with pytest.raises(SolverFailure, match="cannot be started"):
        list(run_in_processes(groups, 2, [sys.executable, "-c", "raise SystemExit('no')"]))


def test_interrupt_keeps_what_is_done(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sdpbound.study import run as run_module

    def interrupted(groups: Any) -> Any:
        for index, rows in run_here(groups):
            if index == 3:
                raise KeyboardInterrupt
            yield index, rows

    monkeypatch.setattr(run_module, "run_here", interrupted)
    with pytest.raises(KeyboardInterrupt, match=r"after 3 of 8 tasks.*tiny\.partial\.csv"):
        run_study(tiny, tmp_path, workers=0, progress=False)
    partial = read_table(tmp_path / "tiny.partial.csv")
    assert len(partial) >= 15 and partial.metadata["complete"] is False and partial.metadata["tasks_done"] == 3
    monkeypatch.undo()
    run_study(tiny, tmp_path, workers=0, progress=False)
    assert not (tmp_path / "tiny.partial.csv").exists()


def test_tasks_survive_json(tiny: Path) -> None:
    for group in tasks_of(load_study(tiny)):
        for task in group:
            assert TASK.validate_json(TASK.dump_json(task)) == task


def test_bad_arguments(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="workers = -1"):
        run_study(tiny, workers=-1)
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    with pytest.raises(ValueError, match="choose another output folder"):
        run_study(tiny, blocked / "out")


def test_draw_finds_the_figure(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    path = tmp_path / "studies" / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    assert draw(path, tmp_path / "tiny.csv", tmp_path) == []
    path.write_text('figure = "mine"\n' + TINY, encoding="utf-8")
    with pytest.raises(InvalidStudy, match="'mine'"):
        draw(path, tmp_path / "tiny.csv", tmp_path)
    (tmp_path / "figures").mkdir()
    script = "def draw(table, output):\n    return [output / table.name]\n"
    (tmp_path / "figures" / "mine.py").write_text(script, encoding="utf-8")
    assert draw(path, tmp_path / "tiny.csv", tmp_path / "out") == [tmp_path / "out" / "tiny.csv"]
