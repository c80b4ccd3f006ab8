"""Key rates against a no-signaling adversary in studies: the numbers of ``protocols.compare``, proven row by row."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdpbound import Behaviour, NoSignaling, Observations, SingletSelfTest, guessing_probability
from sdpbound.errors import InvalidStudy
from sdpbound.protocols import compare, vanishing_visibilities
from sdpbound.protocols.comparison import KINDS as COMPARED
from sdpbound.protocols.comparison import Kind
from sdpbound.protocols.formulas import linear_hashing
from sdpbound.study import Study, audit, read_table, run_study
from sdpbound.study.file.spec import parse_spec, read_spec
from sdpbound.study.plan import Plan, Task, cell_keys
from sdpbound.study.quantities.no_signaling import NoSignalingKey, rate_of_tested
from sdpbound.study.quantities.table import kind_of
from sdpbound.study.store import Store
from sdpbound.study.store.answer import Answer
from sdpbound.study.store.form import certificate_name
from sdpbound.tables.columns import STORED

QUANTITIES: dict[str, Kind] = {
    "key_rate_individual": "individual",
    "key_rate_independent": "independent",
    "key_rate_tested": "tested",
}
SPEC = """
name = "boxes"
visibilities = [1, 0.98, 0.9]
noises = [{ efficiency = 0.998 }]
adversaries = ["quantum", "local"]
observed = ["correlators", "full"]
quantities = ["key_rate_individual", "key_rate_independent", "key_rate_tested", "key_rate"]
[family]
kind = "singlet"
theta = 0.8
phi = "pi/2 - 0.02"
omega = "theta + pi/2"
"""
MEMBER = SingletSelfTest(0.8, np.pi / 2 - 0.02, 0.8 + np.pi / 2)
Row = dict[str, Any]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("boxes")
    path = folder / "boxes.toml"
    path.write_text(SPEC)
    result = run_study(path, folder / "results", workers=0, progress=False)
    assert result.failed == 0
    return Study.load(path, folder / "results")


def content(**changes: Any) -> dict[str, Any]:
    return {"name": "x", "family": {"kind": "singlet", "theta": 1.0, "phi": 1.5, "omega": 2.6}} | changes


def tasks(**changes: Any) -> list[Task]:
    return [task for group in Plan(parse_spec(content(**changes))) for task in group]


# -- the numbers ----------------------------------------------------------------------------------------------------


def test_rows_are_the_rates_of_compare(study: Study) -> None:
    rows = [r for r in read_table(study.store_path.with_suffix(".csv")) if r["quantity"] in QUANTITIES]
    assert len(rows) == 3 * 4 * 2  # once, whatever adversaries the study names
    for row in rows:
        kind = QUANTITIES[row["quantity"]]
        assert row["security"] == f"attacks: {COMPARED[kind][1]}; {COMPARED[kind][2]}"
        assert (row["model"], row["level"], row["side"], row["x"], row["y"]) == ("no-signaling", None, "lower", 0, 0)
        if row["noise"] is not None:
            assert row["efficiency"] == 0.998
            continue
        rate = compare(MEMBER.behaviour(row["visibility"]), 0, 0, [kind])[kind].value
        assert rate - 1e-8 < row["value"] <= rate + 1e-15, (row["quantity"], row["visibility"])
    tested = {r["visibility"]: r["value"] for r in rows if r["quantity"] == "key_rate_tested"}
    assert tested[1.0] > tested[0.98] > tested[0.9] == 0.0


def test_each_rate_is_labelled_with_its_attacks(study: Study) -> None:
    found = {r["quantity"]: r["security"] for r in read_table(study.store_path.with_suffix(".csv"))}
    assert found["key_rate_individual"].startswith("attacks: individual; ")
    assert "known to be independent" in found["key_rate_independent"]
    assert "Hanggi et al." in found["key_rate_independent"] and "linear_hashing" in found["key_rate_tested"]


def test_the_bias_is_four_times_the_tested_error() -> None:
    """On which the rate of tested pairs rests: any two settings with two outcomes that violate CHSH."""
    rng = np.random.default_rng(5)
    box = np.zeros((2, 2, 2, 2))
    for a, b, x, y in np.ndindex(2, 2, 2, 2):
        box[a, b, x, y] = 0.5 * ((a ^ b) == (x & y))
    found = 0
    for _ in range(8):
        strategies = rng.dirichlet(np.ones(16))
        local = np.zeros((2, 2, 2, 2))
        for (f0, f1, g0, g1), weight in zip(np.ndindex(2, 2, 2, 2), strategies, strict=True):
            for x, y in np.ndindex(2, 2):
                local[(f0, f1)[x], (g0, g1)[y], x, y] += weight
        part = rng.uniform(0.75, 0.95)
        behaviour = Behaviour(part * box + (1.0 - part) * local)  # its marginals are biased
        error = 0.5 - behaviour.chsh / 8.0
        found += error < 0.25
        for observed in (Observations.correlators(behaviour), Observations.full(behaviour)):
            for x in (0, 1):
                bias = 2.0 * guessing_probability(observed, NoSignaling(), x).value - 1.0
                assert bias == pytest.approx(min(4.0 * error, 1.0), abs=1e-8)
    assert found == 8


def test_a_proven_rate_of_tested_pairs_is_the_best_one_rounded_down() -> None:
    last = np.inf
    for w in (0.0, 0.01, 0.05, 0.08, 0.1, 0.12, 0.1464):
        for m, leak in ((2, 0.0), (2, 0.05), (3, 0.1)):
            best = float(linear_hashing.best_rate(*(np.asarray(float(v)) for v in (w, m, leak))))
            proven = linear_hashing.proven_rate(w, m, leak)
            assert best - 1e-13 <= proven <= best + 1e-15
            if (m, leak) == (2, 0.0):
                assert proven < last
                last = proven
    assert linear_hashing.proven_rate(0.25, 2, 0.0) == linear_hashing.proven_rate(0.4, 2, 0.0) == 0.0
    assert linear_hashing.proven_rate(0.05, 2, 1.0) == 0.0


def test_independent_and_tested_pairs_die_together() -> None:
    found = vanishing_visibilities(MEMBER.behaviour, 0, 0, ["independent", "tested"], tolerance=1e-6)
    assert found["independent"] is not None and found["tested"] is not None
    assert found["tested"] - found["independent"] == pytest.approx(0.0, abs=1e-5)


def test_individual_attacks_leave_more_than_general_ones() -> None:
    individual, independent = kind_of("key_rate_individual"), kind_of("key_rate_independent")
    assert isinstance(individual, NoSignalingKey) and isinstance(independent, NoSignalingKey)
    for guess in (0.5, 0.6, 0.75, 0.99):
        assert individual.secret(guess) >= independent.secret(guess) >= rate_of_tested(guess, 0.0)
    assert individual.secret(0.5) == 1.0 and individual.secret(1.0) == 0.0
    assert independent.secret(0.5) == pytest.approx(1.0, abs=1e-15)


# -- what a file may ask ----------------------------------------------------------------------------------------------


def test_they_are_against_no_signaling_boxes_only() -> None:
    found = tasks(quantities=["key_rate_individual", "key_rate"], adversaries=["quantum", "local"], entropy="min")
    assert [(t.group, t.model.name) for t in found] == [
        ("data", "quantum"),
        ("data", "local"),
        ("no-signaling", "no-signaling"),
    ]
    assert parse_spec(content(quantities=list(QUANTITIES), observed=["correlators", "full"])).cells == 6
    one, other = (tasks(quantities=["key_rate_individual"], adversaries=a)[0] for a in ("quantum", "local"))
    assert cell_keys(one) == cell_keys(other)
    assert len(set(cell_keys(tasks(quantities=list(QUANTITIES))[0]))) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"observed": ["full", "bell"], "quantities": "key_rate_tested"}, "its test is of CHSH; test correlators or"),
        ({"quantities": {"name": "key_rate_individual", "preprocessing": 0.1}}, "takes none; leave it out"),
        ({"quantities": {"name": "key_rate_tested", "entropy": "min"}}, "takes none; leave it out"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidStudy, match=message):
        parse_spec(content(**changes))


# -- the audit --------------------------------------------------------------------------------------------------------


def cell(study: Study, name: str) -> tuple[bytes, Row]:
    for group in study.plan:
        for task in group:
            for q, key in zip(task.quantities, cell_keys(task), strict=True):
                if (q.name, task.visibility, task.noise, task.observed) == (name, 0.98, None, "correlators"):
                    with Store.read(study.store_path) as store:
                        return key, dict(zip(STORED, next(iter(store.rows([key])))[1], strict=True))
    raise AssertionError(name)


def put(study: Study, key: bytes, row: Row, **certificates: bytes) -> None:
    with Store.write(study.store_path) as store:
        store.add(1, [([key], Answer([[row]], certificates))], replace=True)


def test_all_rows_are_proven(study: Study) -> None:
    found = audit(study)
    assert found.holds and found.proven >= 24 and found.without == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"value": 1e-9}, "must be at most"),
        ({"error_correction": -1e-3}, "error_correction"),
        ({"security": None}, "security"),
        ({"security": "general attacks"}, "security"),
        ({"method": "closed form"}, "must be"),
        ({"margin": 0.0}, "margin"),
        ({"model": "quantum"}, "model"),
        ({"side": "exact"}, "side"),
        ({"certificate": None}, "has no certificate"),
        ({"sdp_value": 0.1}, "must be empty"),
    ],
)
def test_no_row_says_more_than_is_proven(study: Study, changes: Row, message: str) -> None:
    """A wrong row of each quantity at once."""
    cells = [cell(study, name) for name in QUANTITIES]
    for key, row in cells:
        wrong = row | {k: row[k] + v if k in ("value", "error_correction") else v for k, v in changes.items()}
        if changes.get("method") == "closed form":
            wrong["sdp_value"] = wrong["value"]
            wrong["sdp_certificate"] = wrong["certificate"]
        put(study, key, wrong)
    faults = audit(study).faults
    for key, row in cells:
        put(study, key, row)
    assert len(faults) == len(QUANTITIES) and all(message in fault.message for fault in faults), faults


@pytest.mark.parametrize("name", ["key_rate_individual", "key_rate_independent"])
def test_secret_bits_are_those_of_the_certificate(study: Study, name: str) -> None:
    key, row = cell(study, name)
    put(study, key, row | {"entropy": row["entropy"] + 1e-9, "value": row["value"] + 1e-9})
    faults = audit(study).faults
    put(study, key, row)
    assert len(faults) == 1 and "its entropy is" in faults[0].message


@pytest.mark.parametrize("name", QUANTITIES)
@pytest.mark.parametrize("visibility", [1.0, 0.9])
def test_a_certificate_of_other_data_proves_nothing(study: Study, name: str, visibility: float) -> None:
    key, row = cell(study, name)
    other = guessing_probability(Observations.correlators(MEMBER.behaviour(visibility)), NoSignaling(), 0)
    text = json.dumps(other.certificate.data).encode()
    name = certificate_name(text)
    put(study, key, row | {"certificate": name}, **{name: zlib.compress(text)})
    faults = audit(study).faults
    put(study, key, row)
    assert any("about another question: observed" in fault.message for fault in faults)


def test_the_study_and_its_members() -> None:
    spec = read_spec(Path(__file__).parents[2] / "studies" / "side_by_side.toml")
    assert {q.name for q in spec.quantities} >= set(QUANTITIES) and spec.figure == "side_by_side"
