"""Keys that are functions of outcomes, in studies: rows are the library's numbers, and an audit proves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import sdpbound as sb
from sdpbound.errors import InvalidStudy
from sdpbound.study import Study, audit, run_study
from sdpbound.study.file.spec import parse_spec
from sdpbound.study.plan import cell_keys
from sdpbound.study.store import Store
from sdpbound.study.store.answer import Answer
from sdpbound.tables.columns import STORED

HOW = {"kind": "von Neumann", "method": "projective", "level": "1+AB", "tolerance": 0.1}
QUANTITIES: list[dict[str, Any]] = [
    {"name": "guess_local", "merge": "001"},
    {"name": "guess_global", "y": 0, "merge": [[0, 1, 1], [1, 0, 1], [1, 1, 0]]},
    {"name": "key_rate", "merge": [0, 0, 1], "entropy": HOW},
]
STUDY: dict[str, Any] = {
    "name": "merged",
    "family": {"kind": "cglmp", "d": 3},
    "visibilities": [0.98],
    "observed": "full",
    "adversaries": [{"model": "quantum", "level": "1+AB"}],
    "quantities": QUANTITIES,
}


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(own)}" for key, own in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def test_rows_are_the_library_s_and_an_audit_refuses_other_keys(tmp_path: Path) -> None:
    study = run(STUDY, tmp_path)
    sound = cells(study)
    rows = [row for _, row in sound]
    behaviour = sb.family_named("cglmp").member(d=3).behaviour(0.98)
    data, level = sb.Observations.full(behaviour), sb.Quantum("1+AB")
    method = sb.VonNeumann("projective", "1+AB", tolerance=0.1)
    agree = QUANTITIES[1]["merge"]
    rate = sb.key_rate(behaviour, data, 0, 0, method, merge=(0, 0, 1))
    own = [
        sb.guessing_probability(data, level, 0, merge=(0, 0, 1)).value,
        sb.guessing_probability(data, level, 0, 0, merge=agree).value,
        rate.value,
    ]
    assert [row["value"] for row in rows] == pytest.approx(own, abs=1e-7)
    assert rows[2]["error_correction"] == rate.error_correction < sb.error_correction(behaviour, 0, 0)
    merges = [text.split("merge ")[1].split(",")[0] for text in (row["options"] for row in rows)]
    assert merges == ["001", "011101110", "001"]
    assert audit(study).holds
    (first, guess), (second, agreeing) = sound[0], sound[1]
    put(study, first, guess | {"certificate": agreeing["certificate"], "value": agreeing["value"]})
    put(study, second, agreeing | {"certificate": guess["certificate"], "value": guess["value"]})
    assert len(audit(study).faults) == 2  # proofs about another function of the outcomes


def test_no_closed_form_is_of_merged_outcomes(tmp_path: Path) -> None:
    """A self-test gives the entropy of outcomes, not of whether they agree."""
    singlet = {"kind": "singlet", "theta": 1.0, "phi": 1.5, "omega": 2.6}
    asked = [{"name": "guess_global", "y": 0, "merge": "0110"}]
    study = run(
        STUDY | {"family": singlet, "visibilities": [1], "observed": "correlators", "quantities": asked}, tmp_path
    )
    ((key, row),) = cells(study)
    agree = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour().correlators[0, 0]
    assert row["method"] == "certified" and row["value"] == pytest.approx((1.0 + abs(agree)) / 2.0, abs=1e-4)
    assert audit(study).holds
    changes = {"method": "closed form", "sdp_value": row["value"], "sdp_certificate": row["certificate"]}
    put(study, key, row | changes)
    assert len(audit(study).faults) == 1


@pytest.mark.slow
def test_attacks_are_on_the_same_function(tmp_path: Path) -> None:
    """Whether outcomes agree: CHSH devices of visibility 0.97 have 0.3588 bits or more (docs/entropies.md)."""
    radau = {"kind": "von Neumann", "method": "gauss-radau", "level": "1+AB", "tolerance": 0.01}
    asked = [
        {"name": "entropy_global", "y": 0, "merge": "0110", "entropy": radau},
        {"name": "entropy_global_attack", "y": 0, "merge": "0110"},
    ]
    study = run(STUDY | {"family": {"kind": "chsh"}, "visibilities": [0.97], "quantities": asked}, tmp_path)
    (_, below), (key, above) = cells(study)
    assert 0.35 < below["value"] < above["value"] < 0.39 and audit(study).proven == 2
    data = sb.Observations.full(sb.family_named("chsh").member().behaviour(0.97))
    other = sb.conditional_entropy_upper_bound(data, 0, 0)  # of the outcomes, and not of whether they agree
    assert other.value > above["value"]
    put(study, key, above | {"value": below["value"]})
    assert not audit(study).holds


def test_there_is_a_value_for_each_outcome(tmp_path: Path) -> None:
    with pytest.raises(InvalidStudy, match="each of the 3 outcomes"):
        run(STUDY | {"quantities": [{"name": "guess_local", "merge": "01"}]}, tmp_path)


def run(asked: dict[str, Any], folder: Path) -> Study:
    path = folder / "merged.toml"
    path.write_text("".join(f"{key} = {toml(value)}\n" for key, value in asked.items()), encoding="utf-8")
    assert run_study(path, folder, workers=0, progress=False).failed == 0
    return Study.load(path, folder)


def cells(study: Study) -> list[tuple[bytes, dict[str, Any]]]:
    found = []
    with Store.read(study.store_path) as store:
        for task in (task for group in study.plan for task in group):
            for key in cell_keys(task):
                found += [(key, dict(zip(STORED, values, strict=True))) for _, values in store.rows([key])]
    return found


def put(study: Study, key: bytes, row: dict[str, Any]) -> None:
    with Store.write(study.store_path) as store:
        store.add(1, [([key], Answer([[row]], {}))], replace=True)


@pytest.mark.parametrize(
    ("quantities", "said"),
    [
        ([{"name": "guess_local", "merge": "02"}], "without a gap"),
        ([{"name": "guess_local", "merge": [0, 0.5]}], "must be a list"),
        ([{"name": "guess_local", "merge": "a"}], "must be a list"),
        ([{"name": "guess_blind", "merge": "001"}], "takes none"),
        ([{"name": "finite_key_length", "rounds": 1e6, "merge": "001"}], "takes none"),
    ],
)
def test_bad_functions_are_refused(quantities: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(InvalidStudy, match=said):
        parse_spec(STUDY | {"quantities": quantities})
