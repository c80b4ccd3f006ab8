"""Finite lengths in studies by one theorem or the other: the key ``method``."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import sdpbound as sb
from sdpbound.bell.families.two_qubit import TwoQubit
from sdpbound.errors import InvalidStudy
from sdpbound.study import Study, audit, read_table, run_study
from sdpbound.study.file.spec import parse_spec
from sdpbound.study.out.panels import panels_of
from sdpbound.study.plan import Plan, cell_keys
from sdpbound.study.running.estimate import estimate
from sdpbound.study.store import Store
from sdpbound.study.store.answer import Answer
from sdpbound.tables.columns import STORED

#: CHSH devices, whose four correlators are alike: their Renyi entropy is a closed form. Of the second point it is not.
STUDY = """
name = "lengths"
visibilities = [0.97]
entropy = { kind = "von Neumann", method = "qubit" }
quantities = [
  { name = "finite_key_length", y = 0, rounds = [1e6, 1e11], method = "renyi", preprocessing = 0 },
  { name = "finite_key_length", y = 0, rounds = [1e6, 1e11] },
  { name = "finite_key_length", y = 0, rounds = [1e6, 1e11], method = "auto" },
  { name = "finite_randomness_length", y = 0, rounds = 1e5, method = "renyi" },
]
[family]
kind = "two_qubit"
theta = "pi/4"
a0 = 0
a1 = "pi/2"
b0 = "pi/4"
b1 = "-pi/4"
"""
LENGTH = {"name": "finite_key_length", "rounds": 1e6}


def content(**changes: Any) -> dict[str, Any]:
    return tomllib.loads(STUDY) | changes


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Study:
    path = tmp_path_factory.mktemp("lengths") / "lengths.toml"
    path.write_text(STUDY, encoding="utf-8")
    result = run_study(path, workers=0, progress=False)
    assert (result.rows, result.failed) == (7, 0)
    assert run_study(path, workers=0, progress=False).computed == 0
    return Study.load(path)


def test_lengths_are_those_of_the_library(done: Study) -> None:
    """The second way is the library's call, with its own bounds: its numbers are certified for the same devices."""
    table = done.table()
    p = TwoQubit().member(**{n: table.rows[0][n] for n in ("theta", "a0", "a1", "b0", "b1")}).behaviour(0.97)
    keys = [row for row in table if row["quantity"] == "finite_key_length"]
    for n in (1e6, 1e11):
        rows = {(row["options"] or "").rpartition("method ")[2]: row for row in keys if row["rounds"] == n}
        renyi, plain, auto = rows["renyi"], rows["von Neumann qubit 0.001"], rows["auto"]
        assert renyi["value"] == sb.finite_key_length(p, n, 0, 0, method="renyi").length
        assert plain["value"] == pytest.approx(
            sb.finite_key_length(p, n, method="accumulation").length, rel=2e-3, abs=500
        )
        better = max(renyi, plain, key=lambda row: row["value"])
        assert (auto["value"], auto["security"]) == (better["value"], better["security"])
        assert renyi["solver"] == "none" and "Renyi" in renyi["security"] and "Renyi" not in plain["security"]
    assert {"Renyi" in row["security"] for row in keys if "auto" in row["options"]} == {True}
    randomness = table.where(quantity="finite_randomness_length").rows[0]
    assert randomness["value"] == sb.finite_randomness_length(p, 1e5, 0, 0, method="renyi").length
    assert {row["side"] for row in table} == {"lower"}


def test_lengths_by_renyi_entropies_are_proven(done: Study) -> None:
    found = audit(done)
    assert found.faults == [] and found.complete and found.rows == found.proven == 7
    grid = done.to_xarray()
    assert "finite_key_length_x0_y0_n1000000_method_renyi" in grid
    labels = [panel.label for panel in panels_of(done.table())]
    assert sum("Renyi entropies" in label for label in labels) == 2 and sum("longer" in label for label in labels) == 1


def test_a_length_by_one_theorem_is_not_one_by_the_other(done: Study, tmp_path: Path) -> None:
    """A row says which theorem proves it; one that names the other theorem than its certificate is at fault."""
    path = tmp_path / "lengths.toml"
    path.write_text(STUDY, encoding="utf-8")
    run_study(path, workers=0, progress=False)
    study = Study.load(path)
    rows: dict[str, tuple[bytes, dict[str, Any]]] = {}
    with Store.read(study.store_path) as store:
        for task in (task for group in study.plan for task in group):
            for quantity, key in zip(task.quantities, cell_keys(task), strict=True):
                ((_, values),) = store.rows([key])
                rows[quantity.identity] = key, dict(zip(STORED, values, strict=True))
    name = "finite_key_length, x = 0, y = 0, rounds = 1000000"
    renyi, plain = rows[f"{name}, method renyi"], rows[f"{name}, von Neumann qubit 0.001"]
    auto = rows[f"{name}, von Neumann qubit 0.001, method auto"]

    def faults(key: bytes, row: dict[str, Any]) -> str:
        with Store.write(study.store_path) as store:
            store.add(1, [([key], Answer([[row]]))], replace=True)
        return " ".join(fault.message for fault in audit(study).faults)

    moved = {"value": plain[1]["value"], "certificate": plain[1]["certificate"]}
    assert "its security is" in faults(auto[0], auto[1] | moved)
    assert faults(auto[0], auto[1] | moved | {"security": plain[1]["security"]}).count("its ") == 0
    assert "its security is" in faults(renyi[0], renyi[1] | moved | {"security": plain[1]["security"]})
    assert "its value is" in faults(renyi[0], renyi[1] | {"value": renyi[1]["value"] + 1.0})


def test_each_length_by_renyi_entropies_is_a_task() -> None:
    spec = parse_spec(content())
    tasks = [task for group in Plan(spec) for task in group]
    groups = [[(q.rounds, q.method) for q in task.quantities] for task in tasks]
    assert groups == [
        [(1e6, "renyi")],
        [(1e11, "renyi")],
        [(1e6, None), (1e11, None)],
        [(1e6, "auto")],
        [(1e11, "auto")],
        [(1e5, "renyi")],
    ]
    assert len({key for task in tasks for key in cell_keys(task)}) == spec.cells == 7
    # the default keeps its meaning, so that rows of before are found again
    said = parse_spec(content(quantities=[LENGTH | {"method": "accumulation"}]))
    left = parse_spec(content(quantities=[LENGTH]))
    assert cell_keys(next(iter(Plan(said)))[0]) == cell_keys(next(iter(Plan(left)))[0])
    assert parse_spec(spec.to_store(), stored=True) == spec


def test_both_theorems_share_a_search() -> None:
    family = {"kind": "two_qubit", "best_of": {"starts": 1}}
    quantities = [LENGTH, LENGTH | {"method": "renyi"}, LENGTH | {"method": "renyi", "rounds": 1e7}]
    tasks = [task for group in Plan(parse_spec(content(family=family, quantities=quantities))) for task in group]
    assert [[q.method for q in task.quantities] for task in tasks] == [[None, "renyi"], ["renyi"]]


def test_check_says_what_a_length_by_renyi_entropies_takes(done: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    class Process:
        """In the place of a process that solves."""

        stopped = False

        def start(self) -> None: ...

        def stop(self) -> None: ...

        def close(self) -> None: ...

        def answer(self, task: Any) -> Answer:
            asked.append(task)
            return Answer([])

    asked: list[Any] = []
    monkeypatch.setattr("sdpbound.study.running.estimate.SolverProcess", Process)
    found = estimate(replace(done), 0.1)
    assert [(slow.text.partition(" (")[0], slow.tasks) for slow in found.slow] == [
        ("finite_key_length with method = 'renyi'", 2),
        ("finite_key_length with method = 'auto'", 2),
        ("finite_randomness_length with method = 'renyi'", 1),
    ]
    assert {task.quantities[0].alone for task in asked} == {True, False}
    assert found.samples == 3  # of two tasks alone the second one, of one none; the others once more


@pytest.mark.parametrize(
    ("quantity", "said"),
    [
        (LENGTH | {"method": "best"}, "must be one of 'auto', 'renyi', 'accumulation'"),
        (LENGTH | {"method": "reny"}, "did you mean 'renyi'"),
        (LENGTH | {"method": "qubit"}, r"say entropy = \{method = 'qubit'\}"),
        (LENGTH | {"method": "renyi", "entropy": "von Neumann"}, "has entropy, and finite_key_length with method"),
        ({"name": "key_rate", "method": "renyi"}, "has method, and key_rate takes none"),
    ],
)
def test_bad_methods_are_one_sentence(quantity: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidStudy, match=said):
        parse_spec(content(quantities=[quantity]))


@pytest.mark.slow
def test_correlators_of_unequal_size_have_a_length_by_a_solved_bound(tmp_path: Path) -> None:
    first = STUDY.partition("[family]")[0].replace("[1e6, 1e11]", "1e6")
    family = '[family]\nkind = "singlet"\ntheta = 1.0\nphi = 1.5\nomega = 2.6\n'
    (tmp_path / "lengths.toml").write_text(first + family, encoding="utf-8")
    result = run_study(tmp_path / "lengths.toml", tmp_path, workers=0, progress=False)
    table = read_table(result.table)
    renyi, plain, auto = (row for row in table if row["quantity"] == "finite_key_length")
    assert renyi["value"] == auto["value"] > plain["value"] and renyi["solver"] == "highs"
    assert audit(Study.load(result.store)).holds
