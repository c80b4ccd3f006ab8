"""Studies that search the best strategy for each noise: ``family.best_of = "strategy"``."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.bell.families.two_qubit import TwoQubit
from sdpbound.errors import DamagedStore, InvalidInput, InvalidStudy, SolverFailure
from sdpbound.study import Study, audit, read_table, run_study
from sdpbound.study.answers import evaluate as evaluating
from sdpbound.study.answers.best_strategy import Searched
from sdpbound.study.answers.evaluate import evaluate
from sdpbound.study.file.spec import parse_spec
from sdpbound.study.out.panels import panels_of
from sdpbound.study.plan import Plan, Task, cell_keys
from sdpbound.study.quantities.critical import nowhere, of_search
from sdpbound.study.quantities.kind import Walked
from sdpbound.study.running.estimate import estimate
from sdpbound.study.running.worker import TASK
from sdpbound.study.store import Store
from sdpbound.study.store.answer import Answer
from sdpbound.tables.columns import STORED, entries_of_axes
from tests.support import chsh_entropy

NEAR = {"theta": 0.7, "a0": 0.1, "a1": 1.5, "b0": 0.7, "b1": -0.8}
TINY = """
name = "tiny"
visibilities = [0.98, 0.95]
entropy = "von Neumann"
quantities = ["randomness_local", "randomness_local_attack"]
[family]
kind = "two_qubit"
best_of = { starts = 1, near = [{ theta = 0.7, a0 = 0.1, a1 = 1.5, b0 = 0.7, b1 = -0.8 }] }
"""
SEARCH = {"starts": 1, "near": [NEAR]}
FAMILY = {"kind": "two_qubit", "best_of": SEARCH}
Row = dict[str, Any]


def content(**changes: Any) -> dict[str, Any]:
    return {"name": "x", "family": FAMILY, "quantities": ["key_rate"], "entropy": "von Neumann"} | changes


def tasks(**changes: Any) -> list[Task]:
    return [task for group in Plan(parse_spec(content(**changes))) for task in group]


def family(**changes: Any) -> dict[str, Any]:
    return FAMILY | {"best_of": SEARCH | changes}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("strategies") / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    result = run_study(path, workers=0, progress=False)
    assert (result.rows, result.computed, result.failed) == (4, 4, 0)
    return path


@pytest.fixture
def own(done: Path, tmp_path: Path) -> Study:
    shutil.copy(done, tmp_path / "tiny.toml")
    shutil.copytree(done.parent / "results", tmp_path / "results")
    return Study.load(tmp_path / "tiny.toml")


# -- what is computed -----------------------------------------------------------------------------------------------


def test_rows_are_of_the_strategy_found(done: Path) -> None:
    table = read_table(done.parent / "results" / "tiny" / "tiny.csv")
    assert list(table.columns)[-4:] == ["a0", "a1", "b0", "b1"]
    assert set(table["point"]) == {"0/best"} and set(table["where"]) == {"strategy"}
    names = ("theta", "a0", "a1", "b0", "b1")
    for visibility in (0.98, 0.95):
        low, high = table.where(visibility=visibility)
        assert all(low[name] == high[name] for name in names)  # one search, so that both sides are at one point
        assert low["value"] <= high["value"] <= low["value"] + 2e-3
        # a second way: the rate of the devices in the table, and what the best devices for CHSH have
        member = TwoQubit().member(**{name: low[name] for name in names})
        behaviour = member.behaviour(visibility)
        again = sb.randomness_rate(
            behaviour, sb.Observations.correlators(behaviour), True, entropy=sb.VonNeumann(tolerance=1e-4)
        )
        assert low["value"] == pytest.approx(again.value, abs=1.1e-3)
        assert low["chsh_ideal"] == member.chsh and low["chsh_observed"] == pytest.approx(visibility * member.chsh)
        assert low["value"] >= chsh_entropy(2.0 * math.sqrt(2.0) * visibility) - 1e-3
    values = table.where(quantity="randomness_local")["value"]
    assert (np.diff(values) < 0.0).all()


def test_the_search_is_that_of_best_strategy(done: Path) -> None:
    table = read_table(done.parent / "results" / "tiny" / "tiny.csv")
    row = table.where(visibility=0.95, quantity="randomness_local").rows[0]
    found = sb.best_strategy(
        sb.WhiteNoise(0.95),
        TwoQubit(),
        rate="local randomness",
        tested="correlators",
        near=(NEAR,),
        starts=1,
        attack=False,
    )
    assert {name: row[name] for name in found.values} == found.values
    assert row["value"] == pytest.approx(found.rate.value, abs=1.1e-3)


@pytest.mark.slow
def test_lossy_keys_are_those_on_record() -> None:
    """The best strategy of docs/loss_and_noise.md at 0.842105, from a point near it, with its flips."""
    near = {"theta": 0.29, "a0": -0.054, "a1": 1.27, "b1": 0.3, "b2": -0.043, "flips": 0.005}
    quantity = {"y": 2, "preprocessing": "best"}
    (task,) = tasks(
        family={"kind": "eberhard", "settings": [2, 3], "best_of": {"starts": 1, "near": [near]}},
        observed="full without B2",
        noises=[{"efficiency": 0.842105263158, "binning": [True, [True, True, False]]}],
        quantities=[
            quantity | {"name": "key_rate", "entropy": {"kind": "von Neumann", "tolerance": 1e-4}},
            quantity | {"name": "key_rate_attack"},
        ],
    )
    (low,), (high,) = evaluate(task).cells
    assert 0.0274 - 1e-4 < low["value"] <= high["value"] < 0.0276
    assert low["preprocessing"] == high["preprocessing"] == pytest.approx(0.00527, abs=3e-4)
    assert low["value"] > 1.2 * 0.0132896628093  # published, arXiv:2106.13692, Fig. 4


def test_rows_have_the_flips_of_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Key and attack are of one strategy and of the flips that were found with it."""
    best = {"preprocessing": "best"}
    (task,) = tasks(visibilities=[0.95], quantities=[best | {"name": "key_rate"}, best | {"name": "key_rate_attack"}])
    point = task.point.found(replace(task.point, at=(0.7, 0.0, 1.5, 0.4, -0.9)).place)
    monkeypatch.setattr(evaluating, "best_strategy_of", lambda task: Searched(point, 0.07))
    (low,), (high,) = evaluate(task).cells
    assert low["place"] == high["place"] == point.place
    assert low["preprocessing"] == high["preprocessing"] == 0.07
    behaviour = point.member.behaviour(0.95)
    data = sb.Observations.correlators(behaviour)
    assert low["value"] == pytest.approx(sb.key_rate(behaviour, data, 0, 0, sb.VonNeumann(), 0.07).value, abs=1e-3)
    assert low["value"] <= high["value"] < low["value"] + 2e-3


# -- cells ----------------------------------------------------------------------------------------------------------


def test_quantities_share_searches_of_their_rate() -> None:
    quantities = [
        "randomness_global",
        "key_rate",
        {"name": "key_rate_attack", "preprocessing": 0.0},
        {"name": "key_rate", "preprocessing": 0.1},
        {"name": "key_rate", "y": 1},
        {"name": "randomness_global_attack", "x": 0, "y": 1},
    ]
    groups = [[q.name for q in task.quantities] for task in tasks(quantities=quantities)]
    assert groups == [
        ["randomness_global", "randomness_global_attack"],
        ["key_rate", "key_rate_attack"],
        *2 * [["key_rate"]],
    ]
    assert all(task.point.is_open and task.solver.time_limit == 240.0 for task in tasks(quantities=quantities))


def test_keys_have_the_search_and_nothing_of_other_quantities() -> None:
    def key(**changes: Any) -> bytes:
        return cell_keys(tasks(**changes)[0])[0]

    own = key()
    others = [
        {"family": family(starts=2)},
        {"family": family(seed=1)},
        {"family": family(near=[])},
        {"family": family(near=[NEAR | {"theta": 0.71}])},
        {"family": family(near=[NEAR | {"b2": 0.1}]) | {"settings": [2, 3]}},
        {"family": {"kind": "two_qubit", **NEAR}},
        {"visibilities": [0.99]},
        {"observed": "full"},
    ]
    keys = [key(**change) for change in others]
    assert len({own, *keys}) == len(others) + 1
    assert own == key(
        name="other", visibilities=[1, 0.9], quantities=["key_rate", "key_rate_attack", "randomness_local"]
    )
    # a point that the file gives is another cell than one of the same values that a search would find
    assert parse_spec(content(family=family(near=[NEAR]))).cells == 1


def test_an_answer_is_the_same_in_any_order_and_process(own: Study) -> None:
    """A cell that is lost is computed again as it was, after and without others."""
    every = [task for group in own.plan for task in group]
    stored = {}
    for task in every:
        with Store.read(own.store_path) as store:
            keys = cell_keys(task)
            stored[task] = [dict(zip(STORED, values, strict=True)) for _, values in store.rows(keys)]
    for task in reversed(every):
        sent = TASK.validate_json(TASK.dump_json(task))
        assert sent == task and cell_keys(sent) == cell_keys(task)
        for quantity, row in zip(reversed(sent.quantities), reversed(stored[task]), strict=True):
            ((again,),) = evaluate(sent.of([quantity])).cells
            assert again | {"seconds": 0.0} == row | {"seconds": 0.0}
        break  # one of two, for time
    assert run_study(own.folder.parents[1] / "tiny.toml", workers=0, progress=False).computed == 0


def test_a_search_that_fails_is_a_failed_row(own: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    task, key = _cell(own)

    def fail(task: Task) -> Any:
        raise SolverFailure("none of 1 starts has a rate")

    monkeypatch.setattr(evaluating, "best_strategy_of", fail)
    answer = evaluate(task)
    assert [(row["status"], row["place"], row["theta"], row["chsh_ideal"]) for (row,) in answer.cells] == 2 * [
        ("failed", None, None, None)
    ]
    with Store.write(own.store_path) as store:
        store.add(1, [([key], Answer(answer.cells[:1]))], replace=True)
    found = audit(own)
    assert found.failed == 1 and [fault.quantity for fault in found.faults] == ["seal"]  # it said that all was there
    row = own.table().rows[0]
    assert (row["point"], row["where"], row["theta"], row["a0"]) == ("0", "search", None, None)


# -- the store, from a stranger, too --------------------------------------------------------------------------------


def _cell(study: Study) -> tuple[Task, bytes]:
    task = next(iter(study.plan))[0]
    return task, cell_keys(task)[0]


def _changed(study: Study, change: Callable[[Row], list[Row]]) -> None:
    _, key = _cell(study)
    with Store.read(study.store_path) as store:
        ((_, values),) = store.rows([key])
    with Store.write(study.store_path) as store:
        store.add(1, [([key], Answer([change(dict(zip(STORED, values, strict=True)))]))], replace=True)


def test_a_store_holds_and_each_row_is_proven(own: Study) -> None:
    found = audit(own)
    assert found.faults == [] and found.complete
    assert found.rows == 4 == found.proven + found.approximate


def _place(study: Study) -> str:
    with Store.read(study.store_path) as store:
        ((_, values),) = store.rows([_cell(study)[1]])
    return str(values[0])


def _moved(place: str) -> str:
    first, *rest = place.split(" ")
    return " ".join([(float.fromhex(first) * 1.001).hex(), *rest])


def test_another_strategy_is_another_question(own: Study) -> None:
    """The certificate of one strategy does not prove another one, wherever the columns say it is."""
    _changed(own, lambda row: [row | {"place": _moved(row["place"])}])
    (fault,) = audit(own).faults
    assert fault.point == "0/best" and "theta" in fault.message

    def elsewhere(row: Row) -> list[Row]:
        task, _ = _cell(own)
        member = task.point.found(_moved(row["place"])).member
        columns = {"theta": member.values["theta"], "chsh_ideal": member.chsh, "chsh_observed": 0.98 * member.chsh}
        return [row | {"place": _moved(row["place"])} | columns]

    _changed(own, lambda row: elsewhere(row | {"place": _moved(row["place"])}))
    (fault,) = audit(own).faults
    assert "another question" in fault.message


def test_a_corrupted_place_is_named_and_refused(own: Study) -> None:
    place = _place(own)
    _, _, rest = place.partition(" ")
    broken = [
        place + " 0x1.0000000000000p+0",
        place.rpartition(" ")[0],
        "0x1.0000000000000p+1 " + rest,  # theta above pi/2
        "nan " + rest,
        place.rpartition(" ")[0] + " inf",
        "0.5 " + rest,
        place.upper(),
        place + " ",
        "best",
        "0x1p999999 " + rest,
        "",
        "-0x0.0p+0 " + rest,
        place * 10_000,
    ]
    point = _cell(own)[0].point
    assert point.found(place).place == place
    for wrong in broken:
        with pytest.raises(InvalidInput, match="its place is") as error:
            point.found(wrong)
        assert len(str(error.value)) < 300
    for wrong in (broken[2], broken[-1]):
        _changed(own, lambda row, wrong=wrong: [row | {"place": wrong}])
        (fault,) = audit(own).faults
        assert fault.point == "0/best" and "its place is" in fault.message
        with pytest.raises(DamagedStore, match="its place is"):
            own.table()


def test_a_row_has_a_place_and_a_cell_one_row(own: Study) -> None:
    _changed(own, lambda row: [row | {"place": None}])
    (fault,) = audit(own).faults
    assert "no place" in fault.message
    _changed(own, lambda row: [row, row])
    assert any("row 2 of its cell" in fault.message for fault in audit(own).faults)


def test_columns_are_those_of_the_place(own: Study) -> None:
    _changed(own, lambda row: [row | {"chsh_ideal": row["chsh_ideal"] + 1e-9}])
    (fault,) = audit(own).faults
    assert "its chsh_ideal is" in fault.message


def test_places_are_exact() -> None:
    task = tasks()[0]
    at = (0.1, -2.5, math.pi, 0.0, 1e-17)
    found = replace(task.point, at=at)
    again = task.point.found(found.place)
    assert (again.at, again.name, again.where) == (at, "0/best", "strategy")
    with pytest.raises(InvalidInput, match="values of theta, a0, a1, b0, b1"):
        task.point.found("0.1")


# -- tables, charts, estimates --------------------------------------------------------------------------------------


def test_formats_and_charts(done: Path, tmp_path: Path) -> None:
    study = Study.load(done)
    parquet = read_table(study.export(tmp_path / "t.parquet"))
    csv = read_table(study.export(tmp_path / "t.csv"))
    assert parquet.rows == csv.rows
    grid = study.to_xarray()
    own = csv.where(quantity="randomness_local")
    assert dict(grid.sizes) == {"visibility": 2, "observed": 1, "adversary": 1}
    assert "theta" not in grid.coords
    for name, column in (("", "value"), ("_theta", "theta"), ("_b1", "b1")):
        assert (grid[f"randomness_local_x0{name}"].values.reshape(-1) == own[column]).all()
    assert grid["randomness_local_x0_b1"].attrs["units"] == "rad"
    study.export(tmp_path / "t.nc")
    (panel,) = panels_of(csv)
    assert (panel.x, panel.colour, len(panel.own)) == ("visibility", None, 2)
    assert panel.attack is not None and len(panel.attack) == 2
    facts = csv.metadata
    assert facts["complete"] and facts["rows"] == 4


def test_efficiencies_of_one_party_are_an_axis_of_charts(done: Path) -> None:
    """Numbers that a study adds for its noise are axes, and those that a search found are not."""
    spec = parse_spec(content(noises=[{"efficiency_b": [0.9, 0.95]}], visibilities=[]))
    rows = []
    for i, b in enumerate((0.9, 0.95)):
        row = dict.fromkeys(read_table(done.parent / "results" / "tiny" / "tiny.csv").columns)
        rows.append(row | {"efficiency_a": 1.0, "efficiency_b": b, "value": b, "quantity": "key_rate", "a0": float(i)})
    table = read_table(done.parent / "results" / "tiny" / "tiny.csv")
    names = [column.name for column in spec.columns]
    assert names[-2:] == ["efficiency_a", "efficiency_b"]
    metadata = table.metadata | {"axes": entries_of_axes(spec.columns), "study": spec.model_dump(mode="json")}
    (panel,) = panels_of(replace(table, rows=tuple(rows), metadata=metadata))
    assert panel.x == "efficiency_b"


def test_an_estimate_counts_a_search_as_its_starts(own: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Task] = []

    class Process:
        """In the place of a process that solves."""

        stopped = False

        def start(self) -> None: ...

        def stop(self) -> None: ...

        def close(self) -> None: ...

        def answer(self, task: Task) -> Answer:
            asked.append(task)
            time.sleep(0.01)
            return Answer([])

    monkeypatch.setattr("sdpbound.study.running.estimate.SolverProcess", Process)
    path = own.folder.parents[1] / "many.toml"
    path.write_text(TINY.replace("starts = 1", "starts = 30").replace("tiny", "many"), encoding="utf-8")
    found = estimate(Study.load(path), 0.1)
    assert found.seconds == found.left >= 2 * 30 * 0.01  # two visibilities, thirty starts each
    assert found.rows == [] and all(task.strategy.starts == 1 for task in asked if task.strategy)


# -- critical values ------------------------------------------------------------------------------------------------

CRITICAL = {"name": "critical_visibility", "resolution": 2e-2, "preprocessing": 0.0}


def test_each_critical_value_is_one_search() -> None:
    """Its noise is searched, so that rows of all visibilities are one; its search has time for two rounds of starts."""
    wide, narrow, lossy = tasks(
        visibilities=[0.98, 0.95],
        quantities=[CRITICAL, CRITICAL | {"resolution": 1e-2}, CRITICAL | {"name": "critical_efficiency"}],
    )[:3]
    assert all(task.strategy is not None and task.group == "threshold" for task in (wide, narrow, lossy))
    assert wide.visibility is None and lossy.visibility == 0.98
    assert wide.solver.time_limit > tasks()[0].solver.time_limit
    later = tasks(quantities=[CRITICAL], family=family(begin=0.95))[0]
    assert later.strategy is not None and later.strategy.begin == 0.95
    assert cell_keys(later) != cell_keys(wide)
    assert (
        parse_spec(content(quantities=[CRITICAL], family=family(begin=0.95))).to_store()["family"]["best_of"]["begin"]
        == 0.95
    )


def test_what_a_search_found_nowhere_is_beyond_what_is_proven() -> None:
    threshold = sb.Threshold("visibility", 0.9, None, None, None, 0.0, 1, ())
    assert nowhere(threshold, Walked(0.91, 0.89)) == {"nowhere": 0.89}
    assert nowhere(threshold, Walked(0.91, 0.9)) == nowhere(threshold, Walked(0.91, None)) == {}
    assert nowhere(threshold, None) == {}
    assert of_search({"place": None}) == () and of_search({"place": "0x1p+0"}) == ("nowhere",)


@pytest.mark.slow
def test_a_critical_value_is_that_of_the_best_strategy(tmp_path: Path) -> None:
    path = tmp_path / "tiny.toml"
    quantity = 'quantities = [{ name = "critical_visibility", resolution = 2e-2, preprocessing = 0.0 }]'
    text = TINY.replace('quantities = ["randomness_local", "randomness_local_attack"]', quantity)
    path.write_text(text.replace("starts = 1", "starts = 1, begin = 0.95"), encoding="utf-8")
    assert run_study(path, workers=0, progress=False).computed == 1
    assert run_study(path, workers=0, progress=False).computed == 0  # it is there already
    study = Study.load(path)
    assert audit(study).holds
    row = read_table(tmp_path / "results" / "tiny" / "tiny.csv").rows[0]
    assert row["dead"] < row["value"] and row["nowhere"] < row["value"] < 0.95
    # a second way: the library's search, and the rate of the devices in the table where it says alive
    near, how = (NEAR,), {"tested": "correlators", "preprocessing": 0.0, "starts": 1, "width": 2e-2}
    own = sb.critical_strategy(sb.WhiteNoise, (0.95, 0.0), TwoQubit(), y=0, near=near, quantity="visibility", **how)  # type: ignore[arg-type]
    assert own.critical is not None and own.critical.alive == pytest.approx(row["value"], abs=3e-2)
    member = TwoQubit().member(**{name: row[name] for name in ("theta", "a0", "a1", "b0", "b1")})
    alive = member.behaviour(row["value"])
    rate = sb.key_rate(alive, "correlators", entropy=sb.VonNeumann(tolerance=1e-4))
    assert rate.value > 0.0 and row["entropy"] <= rate.entropy.value + 1e-3
    _changed(study, lambda row: [row | {"nowhere": 1.5}])
    assert any("its nowhere is" in fault.message for fault in audit(study).faults)
    _changed(study, lambda row: [row | {"nowhere": row["nowhere"], "value": row["value"] - 0.1}])
    assert not audit(study).holds


# -- finite lengths -------------------------------------------------------------------------------------------------

LENGTH = {"name": "finite_key_length", "y": 1, "rounds": 1e7}
LENGTHS = """
name = "tiny"
visibilities = [0.97]
entropy = "von Neumann"
quantities = [
  { name = "finite_key_length", y = 1, rounds = 1e7, preprocessing = "best" },
  { name = "finite_randomness_length", y = 0, rounds = 1e6 },
]
[family]
kind = "two_qubit"
best_of = { starts = 1, near = [{ theta = 0.75, a0 = 0.1, a1 = 1.9, b0 = 1.15, b1 = -0.15, flips = 0.01 }] }
"""


def test_each_length_is_one_search() -> None:
    """Devices are best for a number of rounds, so that each number is a task; a rate is another one."""
    asked = [LENGTH, LENGTH | {"rounds": 1e8}, LENGTH | {"preprocessing": "best"}, {"name": "key_rate", "y": 1}]
    every = tasks(quantities=[*asked, {"name": "finite_randomness_length", "rounds": 1e7}])
    assert [[q.rounds for q in task.quantities] for task in every] == [[1e7], [1e8], [1e7], [None], [1e7]]
    assert all(task.strategy is not None and task.point.is_open for task in every)
    assert len({cell_keys(task)[0] for task in every}) == 5
    given = parse_spec(content(family={"kind": "two_qubit", **NEAR}, quantities=[LENGTH]))
    assert cell_keys(next(iter(Plan(given)))[0])[0] != cell_keys(every[0])[0]


@pytest.fixture(scope="module")
def lengths(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lengths") / "tiny.toml"
    path.write_text(LENGTHS, encoding="utf-8")
    result = run_study(path, workers=0, progress=False)
    assert (result.rows, result.computed, result.failed) == (2, 2, 0)
    assert run_study(path, workers=0, progress=False).computed == 0  # they are there already
    return path


@pytest.mark.slow
def test_lengths_are_those_of_best_strategy_and_of_its_devices(lengths: Path) -> None:
    """A second way: the library's search, and the length of the devices in the table by its default method."""
    table = read_table(lengths.parent / "results" / "tiny" / "tiny.csv")
    key, randomness = table.rows
    names = ("theta", "a0", "a1", "b0", "b1")
    near = (NEAR | {"theta": 0.75, "a0": 0.1, "a1": 1.9, "b0": 1.15, "b1": -0.15, "flips": 0.01},)
    how: dict[str, Any] = {"tested": "correlators", "tested_settings": (0, 1), "keep_no_click": False}
    accumulation = sb.FiniteKeyOptions(method="accumulation")
    own = sb.best_strategy(
        sb.WhiteNoise(0.97),
        TwoQubit(),
        0,
        1,
        rounds=1e7,
        near=near,
        starts=1,
        attack=False,
        protocol=accumulation,
        **how,
    )
    assert own.length is not None and {name: key[name] for name in names} == own.values
    assert key["preprocessing"] == own.flips
    assert key["value"] == pytest.approx(own.length.length, rel=2e-3) and key["rounds"] == 1e7
    # the devices of the best rate have a shorter key of so many rounds
    rate = sb.best_strategy(sb.WhiteNoise(0.97), TwoQubit(), 0, 1, near=near, starts=1, attack=False, **how)
    assert not isinstance(rate.flips, sb.BinaryChannel)
    shorter = sb.finite_key_length(rate.behaviour, 1e7, 0, 1, preprocessing=rate.flips, method="accumulation")
    assert key["value"] > shorter.length
    member = TwoQubit().member(**{name: randomness[name] for name in names})
    again = sb.finite_randomness_length(member.behaviour(0.97), 1e6, 0, 0, method="accumulation")
    assert randomness["value"] == pytest.approx(again.length, rel=2e-3)
    assert {row["side"] for row in table} == {"lower"} and randomness["preprocessing"] is None


def test_lengths_of_searched_devices_are_proven_and_drawn(lengths: Path, tmp_path: Path) -> None:
    shutil.copy(lengths, tmp_path / "tiny.toml")
    shutil.copytree(lengths.parent / "results", tmp_path / "results")
    study = Study.load(tmp_path / "tiny.toml")
    found = audit(study)
    assert found.faults == [] and found.complete and found.rows == found.proven == 2
    assert [panel.label.partition(" (")[0] for panel in panels_of(study.table())] == ["key", "randomness"]
    grid = study.to_xarray()
    assert grid["finite_key_length_x0_y1_n10000000_theta"].values.item() == study.table().rows[0]["theta"]
    _changed(study, lambda row: [row | {"value": row["value"] + 1.0}])
    assert any("its value is" in fault.message for fault in audit(study).faults)
    _changed(study, lambda row: [row | {"preprocessing": row["preprocessing"] + 0.01}])
    assert any("another question" in fault.message for fault in audit(study).faults)


# -- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"family": FAMILY | {"best_of": "strategie"}}, "best_of = 'strategie' must be 'strategy'"),
        ({"family": FAMILY | {"best_of": 40}}, "best_of = 40 must be 'strategy'"),
        ({"family": family(start=3)}, "unknown key 'start' in best_of; did you mean 'starts'"),
        ({"family": family(starts=0)}, "must be an integer from 1 to 10000"),
        ({"family": family(seed=-1)}, "must be an integer from 0"),
        ({"family": family(near=NEAR)}, "near must be a list"),
        ({"family": family(near=[3])}, r"near\[0\] = 3, which must be a table of theta"),
        ({"family": family(near=[NEAR | {"b2": 0}])}, "'b2', which is no axis"),
        ({"family": family(near=[{"theta": 0.3}])}, "without a0"),
        ({"family": family(near=[NEAR | {"theta": 3}])}, r"near\[0\].theta = 3, which must lie in \[0, 1.57"),
        ({"family": family(near=[NEAR | {"a0": 45}])}, "looks like degrees"),
        ({"family": family(near=[NEAR | {"flips": 0.7}])}, r"flips = 0.7, which must lie in \[0, 1/2\]"),
        ({"family": FAMILY | {"theta": 0.3}}, "'theta' and best_of, which searches the axes"),
        ({"family": {"kind": "tilted_chsh", "best_of": "strategy"}, "observed": "bell"}, "observed = 'bell'"),
        ({"family": {"kind": "ghz", "best_of": "strategy"}}, "best_of"),
        ({"quantities": ["guess_local"]}, "guess_local, of which no best strategy is searched"),
        ({"family": family(begin=0.1)}, r"best_of.begin = 0.1, which must lie in \[0.2, 1\]"),
        ({"family": family(begin=0.95)}, r"best_of.begin = 0.95, where the search of a critical value begins"),
        ({"quantities": ["finite_key_length"]}, "lacks the key 'rounds'"),
        (
            {"quantities": [LENGTH | {"preprocessing": "best channel"}]},
            "finite_key_length is searched with flips alone",
        ),
        ({"quantities": [LENGTH | {"preprocessing": 0.7}]}, r"preprocessing"),
        ({"quantities": ["key_rate"], "entropy": "min"}, "key_rate of min-entropy; say entropy = 'von Neumann'"),
        ({"observed": "full without A1"}, "settings of Bob alone"),
        ({"visibilities": ["1 - theta/100"]}, "theta"),
    ],
)
def test_bad_searches_are_one_sentence(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidStudy, match=said) as error:
        parse_spec(content(**changes))
    assert str(error.value).count(". ") == 0 and str(error.value).endswith((".", "?"))


def test_attacks_and_lengths_have_a_best_preprocessing_only_with_a_search() -> None:
    asked = {"name": "key_rate_attack", "preprocessing": "best"}
    assert tasks(quantities=[asked])
    for alone in (asked, LENGTH | {"preprocessing": "best"}):
        with pytest.raises(InvalidStudy, match=r"give a number, or family\.best_of = 'strategy'"):
            parse_spec(content(family={"kind": "two_qubit", **NEAR}, quantities=[alone]))


def test_a_search_is_kept_as_it_is_written() -> None:
    spec = parse_spec(content(family=family(near=[NEAR | {"theta": "pi/5"}])))
    again = parse_spec(spec.to_store(), stored=True)
    assert again == spec and again.family.best_of == spec.strategies
    assert parse_spec(content(family=FAMILY | {"best_of": "strategy"})).strategies.starts == 40  # type: ignore[union-attr]
