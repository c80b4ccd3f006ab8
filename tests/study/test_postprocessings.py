"""Key rates with post-processings in studies: their rows are the library's numbers, and an audit proves them."""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path
from typing import Any

import pytest

import sdpbound as sb
from sdpbound.errors import InvalidStudy
from sdpbound.rates.postprocessing.table import postprocessing_from
from sdpbound.study import Study, audit, run_study
from sdpbound.study.file.spec import parse_spec, read_spec
from sdpbound.study.plan import Plan, cell_keys
from sdpbound.study.store import Store
from sdpbound.study.store.answer import Answer
from sdpbound.study.store.form import certificate_name
from sdpbound.tables.columns import STORED

BASIS: dict[str, Any] = {"kind": "random_basis", "keys": [[0, 0], [1, 1]], "preprocessing": 0.02}
CODE: dict[str, Any] = {"kind": "repetition_code", "level": "1", "pieces": 3}
KEPT: dict[str, Any] = {"kind": "post_selection", "alice": [1, 0.9], "bob": [1, 0.9], "level": "1", "nodes": 1}
PAIRS = [(BASIS, BASIS), (CODE | {"block": "best"}, CODE | {"block": 2}), (KEPT, KEPT)]
STUDY: dict[str, Any] = {
    "name": "processed",
    "family": {"kind": "two_qubit", "theta": "pi/4", "a0": 0, "a1": "pi/3", "b0": 0, "b1": "-pi/3"},
    "visibilities": [0.92],
    "observed": "full",
    "quantities": [
        {"name": name, "postprocessing": by}
        for pair in PAIRS
        for name, by in zip(("key_rate", "key_rate_attack"), pair, strict=True)
    ],
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return run(STUDY, tmp_path_factory.mktemp("processed"))


def run(asked: dict[str, Any], folder: Path) -> Study:
    lines = [f"{key} = {inline(value)}\n" for key, value in asked.items()]
    (folder / "processed.toml").write_text("".join(lines), encoding="utf-8")
    assert run_study(folder / "processed.toml", folder, workers=0, progress=False).failed == 0
    return Study.load(folder / "processed.toml", folder)


def inline(value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {inline(own)}" for key, own in value.items()) + "}"
    return "[" + ", ".join(map(inline, value)) + "]" if isinstance(value, list) else json.dumps(value)


def cells(study: Study) -> list[tuple[bytes, dict[str, Any]]]:
    found = []
    with Store.read(study.store_path) as store:
        for task in (task for group in study.plan for task in group):
            for key in cell_keys(task):
                found += [(key, dict(zip(STORED, values, strict=True))) for _, values in store.rows([key])]
    return found


def test_rows_are_the_library_s(study: Study) -> None:
    c = 0.92 * math.cos(math.pi / 3)
    behaviour = sb.Behaviour.from_correlators([[0.92, c], [c, 0.92 * math.cos(2 * math.pi / 3)]])
    rows = [row for _, row in cells(study)]
    for row, asked in zip(rows, STUDY["quantities"], strict=True):
        found = postprocessing_from(json.loads(row["postprocessing"]))
        assert found.came_from(postprocessing_from(asked["postprocessing"])) and not found.is_open
    values = [row["value"] for row in rows]
    assert all(low <= high for low, high in zip(values[::2], values[1::2], strict=True))
    code = postprocessing_from(json.loads(rows[2]["postprocessing"]))
    assert values[2] == pytest.approx(sb.key_rate(behaviour, "full", postprocessing=code).value, abs=1e-6)


@pytest.mark.parametrize(
    "changes",
    [
        [{"value": 0.5}, {"value": -1.0}, {"value": 0.2}, {"value": 0.0}, {"error_correction": 0.0}, {"security": "-"}],
        [
            {"postprocessing": json.dumps(BASIS | {"preprocessing": 0.03})},
            {"method": "certified"},
            {"postprocessing": json.dumps(CODE | {"block": 3})},
            {"postprocessing": json.dumps(KEPT)},
            {"postprocessing": "{}"},
            {"value": 0.9},
        ],
    ],
)
def test_an_audit_proves_them_and_refuses_others(study: Study, changes: list[dict[str, Any]]) -> None:
    sound = cells(study)
    for (key, row), own in zip(sound, changes, strict=True):
        put(study, key, row | own)
    assert len(audit(study).faults) == len(sound)
    for key, row in sound:
        put(study, key, row)


def test_a_sound_store_holds(study: Study) -> None:
    found = audit(study)
    assert found.holds and found.proven == 6


def test_rows_of_older_versions_hold(study: Study) -> None:
    """Their certificates prove that the strategies have the data; what these leave is evaluated in floats."""
    key, row = cells(study)[1]
    with Store.read(study.store_path) as store:
        kept = store.certificate(row["certificate"])
    assert kept is not None
    data = json.loads(kept)
    data["question"]["figure"] = {"kind": "conditional_entropy", "x": 0, "y": None, "preprocessing": 0.02}
    data |= {"kind": "attack", "claim": {"value": 1.0}, "proof": data["proof"]["processed"] | {"groups": None}}
    text = json.dumps(data).encode()
    name = certificate_name(text)
    for value, faults in ((row["value"] + 2e-12, 0), (row["value"] - 1e-3, 1)):  # floats are charged 1e-12 bits
        answer = Answer([[row | {"certificate": name, "value": value}]], {name: zlib.compress(text)})
        with Store.write(study.store_path) as store:
            store.add(1, [([key], answer)], replace=True)
        assert len(audit(study).faults) == faults
    put(study, key, row)


@pytest.mark.slow
def test_the_noise_that_a_random_basis_survives(tmp_path: Path) -> None:
    """8.44 % of errors, visibility 0.8311, of depolarised CHSH; dead at 8.45 % (tests/rates/test_averages.py)."""
    angles = {"a0": 0, "a1": "pi/2", "b0": "pi/4", "b1": "-pi/4", "b2": 0, "b3": "pi/2"}
    basis = {"kind": "random_basis", "keys": [[0, 2], [1, 3]]}
    asked = STUDY | {
        "family": {"kind": "two_qubit", "settings": [2, 4], "theta": "pi/4", **angles},
        "visibilities": [1],
        "observed": "correlators without B2, B3",
        "quantities": [{"name": "critical_visibility", "postprocessing": basis}],
    }
    study = run(asked, tmp_path)
    ((key, row),) = cells(study)
    assert 0.831 < row["value"] < 0.8325 and row["value"] - row["dead"] < 1.01e-3
    assert audit(study).proven == 1 and audit(study).holds
    for changes in ({"value": row["value"] + 0.01}, {"dead": row["dead"] + 0.0005}, {"error_correction": 0.4}):
        put(study, key, row | changes)
        assert len(audit(study).faults) == 1, changes


def put(study: Study, key: bytes, row: dict[str, Any]) -> None:
    with Store.write(study.store_path) as store:
        store.add(1, [([key], Answer([[row]], {}))], replace=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "key_rate", "postprocessing": {"kind": "random_base"}}, "did you mean 'random_basis'?"),
        ({"name": "key_rate", "postprocessing": {"kind": "random_basis"}}, "its parameters are keys,"),
        ({"name": "key_rate", "postprocessing": {"kind": "repetition_code", "block": 1}}, "block = 1"),
        ({"name": "key_rate", "postprocessing": {"kind": "repetition_code", "blocks": 2}}, "no parameter 'blocks'"),
        ({"name": "key_rate", "postprocessing": 3}, "must be a table with a kind"),
        ({"name": "key_rate", "y": 1, "postprocessing": CODE}, "says itself which are the key's"),
        ({"name": "key_rate", "preprocessing": 0.1, "postprocessing": BASIS}, "has preprocessing, and"),
        ({"name": "key_rate", "entropy": "von Neumann", "postprocessing": CODE}, "has entropy, and"),
        ({"name": "key_rate_attack", "postprocessing": CODE}, "an attack is on a given one"),
        ({"name": "randomness_local", "postprocessing": CODE}, "has postprocessing, and randomness_local takes none"),
    ],
)
def test_what_cannot_be_asked_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidStudy, match=r"^study: quantities\[0\]") as error:
        parse_spec(STUDY | {"quantities": [changes]})
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"adversaries": ["no-signaling"]}, "beside adversaries = ['no-signaling'], and its theorem covers a quantum"),
        ({"entropy": "min"}, "beside entropy = 'min', and its theorem covers a quantum"),
    ],
)
def test_adversaries_that_no_theorem_covers(changes: dict[str, object], message: str) -> None:
    quantity = {"name": "key_rate", "postprocessing": CODE}
    with pytest.raises(InvalidStudy) as error:
        Plan(parse_spec(STUDY | {"quantities": [quantity]} | changes)).check()
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"postprocessing": BASIS | {"keys": [[0, 0], [1, 7]]}}, "point 0: key_rate: y = 7 does not exist"),
        ({"postprocessing": {"kind": "repetition_code", "x": 4}}, "x = 4 does not exist"),
        (
            {"postprocessing": {"kind": "post_selection", "alice": [1, 0.5, 0], "bob": [1, 1]}},
            "has 3 probabilities, and the key setting has 2 outcomes",
        ),
    ],
)
def test_what_does_not_fit_the_points_is_refused_before_anything_runs(changes: dict[str, object], message: str) -> None:
    spec = parse_spec(STUDY | {"quantities": [{"name": "key_rate"} | changes]})
    with pytest.raises(InvalidStudy, match=message):
        Plan(spec).check()


def test_a_list_of_binning_is_several_noises_of_a_kind() -> None:
    noise = {"kind": "dark_counts", "a": 1e-5, "binning": [True, [True, True, False]]}
    with pytest.raises(InvalidStudy, match=r"one choice for parties is a list in it: \[\[true, false\]\]"):
        parse_spec({k: v for k, v in STUDY.items() if k != "visibilities"} | {"noises": [noise]})


def test_choices_of_binning_that_are_not_one_for_each_setting() -> None:
    noise = {"efficiency": 0.9, "binning": [True, [True, True, False]]}
    spec = parse_spec({k: v for k, v in STUDY.items() if k != "visibilities"} | {"noises": [noise]})
    with pytest.raises(InvalidStudy, match="3 choices of binning for Bob do not fit 2 settings"):
        Plan(spec).check()


def test_a_stored_study_is_the_same(tmp_path: Path) -> None:
    spec = parse_spec(STUDY)
    assert parse_spec(spec.to_store(), stored=True) == spec
    file = tmp_path / "study.toml"
    file.write_text(
        'visibilities = 0.9\nfamily = {kind = "two_qubit", theta = 0.7, a0 = 0, a1 = 1, b0 = 0, b1 = 1}\n'
        '[[quantities]]\nname = "key_rate"\npostprocessing = "repetition_code"\n'
    )
    (quantity,) = read_spec(file).quantities
    assert quantity.options == "repetition_code"
