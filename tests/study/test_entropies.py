"""Studies of von Neumann entropies, attacks and noise: what a file may ask, and every row is the library's number."""

from __future__ import annotations

import json
import math
import tomllib
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.attacks.entropy_attack import conditional_entropy_upper_bound
from sdpbound.errors import InvalidInput, InvalidStudy
from sdpbound.study import Study, audit, read_table, run_study
from sdpbound.study.answers.evaluate import evaluate
from sdpbound.study.file.noises import Imperfections
from sdpbound.study.file.questions import QUANTITIES, Quantity
from sdpbound.study.file.spec import parse_spec
from sdpbound.study.plan import Plan, Task, cell_keys
from sdpbound.study.quantities import critical
from sdpbound.study.quantities.table import QUANTITIES as KINDS
from sdpbound.study.running.worker import TASK
from sdpbound.study.store import Store
from sdpbound.study.store.answer import Answer
from sdpbound.study.store.form import certificate_name
from sdpbound.tables.columns import STORED

QUBIT = {"kind": "von Neumann", "method": "qubit", "tolerance": 1e-3}
NEUMANN = """
name = "neumann"
visibilities = [1, 0.98]
noises = [{ visibility = 0.995, efficiency = 0.99 }, { dephasing = 0.01, axis = "x" }]
entropy = { kind = "von Neumann", tolerance = 2e-2 }
quantities = [
  "entropy_local", "entropy_local_attack", "key_rate", "key_rate_attack", { name = "key_rate", entropy = "min" },
  { name = "key_rate", preprocessing = 0.05 }, "randomness_local", "randomness_local_attack", "chsh",
]
[family]
kind = "singlet"
theta = 1.0
phi = "pi/2 - 0.05"
omega = "theta + pi/2"
"""
FAMILY = {"kind": "singlet", "theta": 1.0, "phi": 1.5, "omega": 2.6}
Row = dict[str, Any]


def content(**changes: Any) -> dict[str, Any]:
    return {"name": "x", "family": FAMILY} | changes


def tasks(**changes: Any) -> list[Task]:
    return [task for group in Plan(parse_spec(content(**changes))) for task in group]


def keys(**changes: Any) -> dict[tuple[float | None, str, str], bytes]:
    found = {}
    for task in tasks(**changes):
        noise = "" if task.noise is None else str(task.noise)
        found |= {
            (task.visibility, noise, q.identity): k for q, k in zip(task.quantities, cell_keys(task), strict=True)
        }
    return found


# -- what a file may ask ------------------------------------------------------------------------------------------


def test_the_table_of_quantities() -> None:
    assert tuple(KINDS) == QUANTITIES
    for name, kind in KINDS.items():
        quantity = Quantity(name=name, **({"rounds": 1e6} if "rounds" in kind.keys else {}))
        assert quantity.side == kind.side and quantity.group == kind.group
        assert kind.attack == name.endswith("attack") and (not kind.attack or kind.side == "upper")
        assert bool(kind.driven) == (kind.group == "threshold")
        assert Quantity.model_validate(quantity.model_dump()) == quantity


def test_noise_is_a_product_and_white_noise_is_a_visibility() -> None:
    noises = [{"visibility": [1, 0.9], "efficiency": [0.99, 0.98]}, {"visibility": 0.8}, {"misalignment": 0.1}]
    spec = parse_spec(content(noises=noises))
    assert spec.visibilities == ()
    assert spec.conditions == (
        *((v, Imperfections(efficiency=e)) for v in (1.0, 0.9) for e in (0.99, 0.98)),
        (0.8, None),
        (1.0, Imperfections(misalignment=0.1)),
    )
    own = {"quantities": ["key_rate", "guess_local"]}
    assert set(keys(noises=[{"visibility": [0.8, 0.9]}], **own).values()) == set(
        keys(visibilities=[0.8, 0.9], **own).values()
    )
    both = parse_spec(content(visibilities=[0.99], noises=[{"efficiency": 0.9}]))
    assert both.conditions == ((0.99, None), (1.0, Imperfections(efficiency=0.9)))
    assert parse_spec(json.loads(json.dumps(both.model_dump(mode="json")))) == both
    # an axis of no dephasing is none
    assert parse_spec(content(noises=[{"axis": "x", "efficiency": 0.9}])).conditions == both.conditions[1:]


def test_noise_is_the_library_s() -> None:
    what = Imperfections(0.95, 0.02, "x", 0.1)
    noise = (
        sb.WhiteNoise(0.9) + sb.Dephasing(0.02, axis="x") + sb.Misalignment(0.1, 0.0) + sb.DetectionInefficiency(0.95)
    )
    assert what.noise(0.9) == noise and what.name(0.9) == noise.name
    assert Imperfections(0.95).noise(1.0) == sb.DetectionInefficiency(0.95)
    assert Imperfections().noise(0.9) == sb.WhiteNoise(0.9) and Imperfections().name(0.9) is None


def test_the_study_s_entropy_is_that_of_its_rates() -> None:
    names = ["key_rate", "entropy_local", "guess_local", {"name": "randomness_global", "entropy": "min"}]
    spec = parse_spec(content(entropy=QUBIT, quantities=names))
    assert [q.group for q in spec.quantities] == ["entropy", "entropy", "data", "data"]
    assert [q.options for q in spec.quantities] == ["von Neumann qubit 0.001"] * 2 + [None, None]
    assert parse_spec(json.loads(json.dumps(spec.model_dump(mode="json")))) == spec
    least = parse_spec(content(quantities=["key_rate", "entropy_local"], entropy="min"))
    assert [q.options for q in least.quantities] == [None, "von Neumann 0.001"]
    assert least.cells == Plan(least).cells == 2
    # of an entropy there is one task for all adversaries, none of which it depends on
    wide = tasks(entropy=QUBIT, quantities=["key_rate", "guess_local"], adversaries=["local", "no-signaling"])
    assert [task.group for task in wide] == ["data", "data", "entropy"]
    for task in wide:
        assert TASK.validate_json(TASK.dump_json(task)) == task


def test_rates_of_no_named_entropy_are_the_best_against_each_adversary() -> None:
    """Von Neumann's against quantum devices, once for all levels; min-entropy against others and in searches."""
    names = ["guess_local", "key_rate", {"name": "key_rate", "y": 1, "entropy": "min"}]
    both = content(quantities=names, adversaries=["no-signaling", "quantum", {"model": "quantum", "level": "1+AB"}])
    spec = parse_spec(both)
    found = [(t.model.name, t.group, [(q.identity) for q in t.quantities]) for group in Plan(spec) for t in group]
    guesses, other = "guess_local, x = 0", "key_rate, x = 0, y = 1"
    assert found == [
        ("no-signaling", "data", [guesses, "key_rate, x = 0, y = 0", other]),
        ("quantum", "data", [guesses, other]),
        ("quantum", "data", [guesses, other]),
        ("quantum", "entropy", ["key_rate, x = 0, y = 0, von Neumann 0.001"]),
    ]
    assert spec.cells == Plan(spec).cells == 8
    assert parse_spec(json.loads(json.dumps(spec.model_dump(mode="json")))) == spec
    # the default of quantities is read like those that are given
    assert parse_spec(content()) == parse_spec(content(quantities=["guess_local", "key_rate"]))
    assert keys()[1.0, "", "key_rate, x = 0, y = 0, von Neumann 0.001"]
    # a search along a curve goes by guesses
    curve = {"kind": "singlet", "at_chsh": [2.3], "phi": 1.5, "best_of": 6}
    assert [q.options for q in parse_spec(content(family=curve)).quantities] == [None, None]
    # flips are for von Neumann entropies alone, and no rate of min-entropy is asked beside
    flipped = parse_spec(
        content(quantities={"name": "key_rate", "preprocessing": 0.1}, adversaries=["quantum", "local"])
    )
    assert [q.options for q in flipped.quantities] == ["von Neumann 0.001, preprocessing 0.1"]


def test_keys_hold_the_meaning() -> None:
    base = keys(quantities=["key_rate"], entropy="min")
    assert keys(quantities=[{"name": "key_rate", "entropy": "min"}], entropy=QUBIT).values() != base
    assert set(keys(quantities=[{"name": "key_rate", "entropy": "min"}], entropy=QUBIT).values()) == set(base.values())
    rate = {"name": "key_rate", "entropy": "von Neumann"}
    own = keys(quantities=[rate])
    same = [
        keys(quantities=[rate | {"preprocessing": 0}]),
        keys(quantities=[rate | {"entropy": {"tolerance": 1e-3}}]),
        keys(quantities=[rate], adversaries=["local"]),
        keys(quantities=["key_rate"], entropy="von Neumann"),
        keys(quantities=["key_rate"]),
        keys(quantities=[rate], solver={"tolerance": 1e-7}),
    ]
    assert all(set(other.values()) == set(own.values()) for other in same)
    different = [
        base,
        own,
        keys(quantities=[rate | {"preprocessing": 0.1}]),
        keys(quantities=[rate | {"preprocessing": "best"}]),
        keys(quantities=[rate | {"entropy": {"tolerance": 1e-4}}]),
        keys(quantities=[rate | {"entropy": {"level": "1+AB"}}]),
        keys(quantities=[rate | {"entropy": {"method": "qubit"}}]),
        keys(quantities=["key_rate_attack"]),
        keys(quantities=["entropy_local"]),
        keys(quantities=[rate], noises=[{"efficiency": 0.9}]),
        keys(quantities=[rate], noises=[{"dephasing": 0.1}]),
        keys(quantities=[rate], noises=[{"dephasing": 0.1, "axis": "x"}]),
        keys(quantities=[rate], noises=[{"misalignment": 0.1}]),
        keys(quantities=["critical_visibility"]),
        keys(quantities=["critical_efficiency"]),
        keys(quantities=[{"name": "critical_visibility", "resolution": 1e-4}]),
    ]
    found = [set(entry.values()) for entry in different]
    assert all(not a & b for i, a in enumerate(found) for b in found[:i])


def test_critical_values_are_of_lines_of_noise() -> None:
    noises = [{"visibility": [1, 0.9], "efficiency": [0.99, 0.98]}, {"dephasing": 0.1}]
    changes: dict[str, Any] = {"visibilities": [1, 0.9], "noises": noises}
    lossy = [Imperfections(efficiency=e) for e in (0.99, 0.98)]
    dephased = Imperfections(dephasing=0.1)
    found = tasks(quantities=["critical_visibility"], **changes)
    assert [(t.visibility, t.noise) for t in found] == [(None, what) for what in (None, *lossy, dephased)]
    found = tasks(quantities=["critical_efficiency"], **changes)
    assert [(t.visibility, t.noise) for t in found] == [(1.0, None), (0.9, None), (1.0, dephased)]
    spec = parse_spec(content(quantities=["critical_visibility", "critical_efficiency"], **changes))
    assert spec.cells == Plan(spec).cells == 7


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (content(entropy="shannon"), ["entropy.kind = 'shannon'", "'von Neumann'"]),
        (content(entropy={"kind": "min", "tolerance": 0.1}), ["entropy", "has tolerance", "min-entropy"]),
        (content(entropy={"method": "guessing"}), ["entropy.method", "'guessing'", "'projective'"]),
        (content(entropy={"tolerance": 0}), ["entropy.tolerance = 0", "[1e-7, 1]"]),
        (content(entropy={"level": "1+Q"}), ["entropy.level", "1+Q"]),
        (content(quantities=[{"name": "entropy_local", "entropy": "min"}]), ["quantities[0]", "entropy_local"]),
        (content(quantities=[{"name": "guess_local", "entropy": "min"}]), ["has entropy", "guess_local"]),
        (content(quantities=[{"name": "key_rate", "preprocessing": 0.1}], entropy="min"), ["von Neumann"]),
        (content(quantities=[{"name": "key_rate", "preprocessing": 0.6}]), ["preprocessing = 0.6", "[0, 1/2]"]),
        (content(quantities=[{"name": "key_rate", "preprocessing": "most"}]), ["preprocessing = 'most'"]),
        (content(quantities=[{"name": "entropy_local", "preprocessing": "best"}]), ["'best'", "entropy_local"]),
        (content(quantities=[{"name": "randomness_local", "preprocessing": 0.1}]), ["has preprocessing"]),
        (content(quantities=[{"name": "key_rate", "resolution": 0.1}]), ["has resolution", "key_rate"]),
        (content(quantities=["key_rate_atack"]), ["'key_rate_atack'", "'key_rate_attack'"]),
        (content(quantities=["finite_key_length"]), ["lacks the key 'rounds'", "finite_key_length"]),
        (content(quantities=[{"name": "key_rate", "rounds": 5}]), ["has rounds", "key_rate"]),
        (content(quantities=[{"name": "finite_key_length", "rounds": [1e6, 0]}]), ["rounds", "[1, 1e18]"]),
        (content(noises=[{"efficency": 0.9}]), ["noises[0]", "'efficency'", "'efficiency'"]),
        (content(noises=[{"efficiency": 95}]), ["noises[0].efficiency = 95", "per cent"]),
        (content(noises=[{"dephasing": 0.7}]), ["noises[0].dephasing = 0.7", "[0, 1/2]"]),
        (content(noises=[{"misalignment": 10}]), ["noises[0].misalignment = 10", "[-pi, pi]"]),
        (content(noises=[{"axis": "w"}]), ["noises[0].axis = 'w'", "'x'"]),
        (content(noises=[{"efficiency": 0.9}, {"efficiency": 0.9}]), ["noises", "positions 0 and 1"]),
        (content(noises=[]) | {"visibilities": []}, ["visibilities", "empty"]),
    ],
)  # fmt: skip
def test_wrong_entries_are_named(data: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(InvalidStudy) as caught:
        parse_spec(data, "file.toml")
    message = str(caught.value)
    assert "\n" not in message and len(message) < 500
    for part in parts:
        assert part in message, message


# -- rows ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def neumann(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("neumann")
    (folder / "neumann.toml").write_text(NEUMANN, encoding="utf-8")
    result = run_study(folder / "neumann.toml", folder, workers=0, progress=False)
    assert result.failed == result.infeasible == 0
    return folder


def test_rows_are_the_library_s_numbers(neumann: Path) -> None:
    table = read_table(neumann / "neumann.csv")
    member = sb.SingletSelfTest(1.0, math.pi / 2 - 0.05, 1.0 + math.pi / 2)
    noise = sb.WhiteNoise(0.995) + sb.DetectionInefficiency(0.99)
    behaviour = member.behaviour(noise=noise)
    data = sb.Observations.correlators(behaviour)
    rows = {(r["quantity"], r["options"]): r for r in table.where(noise=noise.name)}
    how = sb.VonNeumann(tolerance=2e-2)
    name = "von Neumann 0.02"
    bound = sb.conditional_entropy(data, 0, None, how)
    assert rows["entropy_local", name]["value"] == bound.value == rows["randomness_local", name]["value"]
    assert rows["entropy_local", name]["gap"] == bound.gap
    assert rows["key_rate", name]["value"] == sb.key_rate(behaviour, data, 0, 0, how).value
    flipped = rows["key_rate", f"{name}, preprocessing 0.05"]
    assert flipped["value"] == sb.key_rate(behaviour, data, 0, 0, how, 0.05).value and flipped["preprocessing"] == 0.05
    least = sb.key_rate(behaviour, data, 0, 0, sb.MinEntropy())
    # of a file that names no entropy; proven by another method, within the tolerance of the study
    assert 0.0 <= rows["key_rate", None]["value"] - least.value < 5e-9
    attack = conditional_entropy_upper_bound(data, strategies=[member.strategy])
    assert rows["entropy_local_attack", None]["value"] == attack.value == rows["key_rate_attack", None]["entropy"]
    assert rows["key_rate_attack", None]["method"] == "attack"
    for row in rows.values():
        assert (row["visibility"], row["efficiency"], row["dephasing"]) == (0.995, 0.99, 0.0)
        assert abs(row["chsh_observed"] - behaviour.chsh) < 1e-12
        assert row["side"] == ("upper" if row["quantity"].endswith("attack") else "lower")


def test_lower_bounds_are_below_attacks(neumann: Path) -> None:
    table = read_table(neumann / "neumann.csv")
    compared = 0
    for row in table.where(options="von Neumann 0.02"):
        (above,) = table.where(quantity=row["quantity"] + "_attack", visibility=row["visibility"], noise=row["noise"])
        slack = 1e-9 if above["method"] == "approximate attack" else 0.0  # its data are not quite those asked about
        if (row["visibility"], row["noise"]) == (1.0, None):  # of exact data, which attacks have within 1e-12
            slack = max(slack, 1e-15)
        assert row["value"] <= above["value"] + slack and above["value"] - row["value"] < 2e-2
        compared += 1
    assert compared == 3 * 4


def test_a_self_test_s_entropy_stands_beside_the_program_s(neumann: Path) -> None:
    table = read_table(neumann / "neumann.csv").where(visibility=1.0, noise=None)
    (row,) = table.where(quantity="entropy_local")
    assert row["method"] == "closed form" and row["value"] == 1.0 and 0.97 < row["sdp_value"] < 1.0
    (row,) = (r for r in table if "preprocessing" in (r["options"] or ""))
    assert row["method"] == "certified"


def test_the_store_holds(neumann: Path) -> None:
    found = audit(Study.load(neumann / "neumann.toml", neumann))
    assert found.holds, found.faults
    approximate = sum(r["method"] == "approximate attack" for r in read_table(neumann / "neumann.csv"))
    assert found.proven == found.rows - found.approximate - found.exact and found.approximate == approximate


def test_the_grid_has_a_dimension_of_noise(neumann: Path) -> None:
    data = Study.load(neumann / "neumann.toml", neumann).to_xarray()
    assert data.sizes["noise"] == 4 and list(data.visibility.values) == [1, 0.98, 0.995, 1.0]
    assert list(data.efficiency.values) == [1, 1, 0.99, 1] and data.dephasing.values[-1] == 0.01
    table = read_table(neumann / "neumann.csv")
    for variable, quantity, options in (
        ("key_rate_x0_y0_von_Neumann_0.02", "key_rate", "von Neumann 0.02"),
        ("entropy_local_attack_x0", "entropy_local_attack", None),
    ):
        values = data[variable].values.reshape(-1)
        assert np.array_equal(values, table.where(quantity=quantity, options=options)["value"])
    derived = parse_spec(content(visibilities="1 - theta/100", noises=[{"efficiency": 0.9}]))
    with pytest.raises(InvalidInput, match=r"both noises and derived visibilities.*parquet"):
        from sdpbound.study.out.dimensions import Layout

        Layout(derived)


LOSSY = "white_noise(0.995)+detection(0.99,0.99,binned)"
NAME = "von Neumann 0.02"
CRAFTED: list[tuple[str, str | None, Row, str]] = [
    ("key_rate", NAME, {"value": 0.9}, "its value is 0.9"),
    ("key_rate", NAME, {"entropy": 0.99}, "its entropy is 0.99"),
    ("key_rate", NAME, {"preprocessing": 0.1}, "its preprocessing is 0.1"),
    ("key_rate", NAME, {"options": None}, "its options is None"),
    ("key_rate", NAME, {"efficiency": 0.98}, "its efficiency is 0.98"),
    ("key_rate", NAME, {"noise": None}, "its noise is None"),
    ("key_rate", f"{NAME}, preprocessing 0.05", {"preprocessing": 0.0}, "its preprocessing is 0.0"),
    ("entropy_local", NAME, {"value": 0.99}, "its value is 0.99"),
    ("entropy_local_attack", None, {"value": 0.1}, "its value is 0.1"),
    ("key_rate_attack", None, {"value": 0.1}, "its value is 0.1"),
    ("key_rate_attack", None, {"entropy": 0.1}, "its entropy is 0.1"),
    ("key_rate_attack", None, {"error_correction": 9.0}, "its error_correction is 9.0"),
    ("key_rate_attack", None, {"method": "certified"}, "its method is 'certified'"),
    ("key_rate_attack", None, {"security": "any"}, "its security is 'any'"),
    ("key_rate_attack", None, {"solver": "clarabel"}, "its solver is 'clarabel'"),
    ("key_rate_attack", None, {"status": "solved"}, "its status is 'solved'"),
    ("key_rate", NAME, {"gap": -1.0}, "its gap is -1.0, and must be from 0 to 1"),
    ("key_rate", NAME, {"gap": 1.5}, "its gap is 1.5"),
    ("key_rate", NAME, {"margin": 1e300}, "its margin is 1e+300"),
    ("entropy_local", NAME, {"solver": "inaccurate"}, "its solver is 'inaccurate'"),
    ("entropy_local", NAME, {"value": 0.0}, "its value is 0.0, and its certificate makes it"),
]


@pytest.mark.parametrize(("quantity", "options", "change", "message"), CRAFTED)
def test_the_audit_finds_what_is_not_proven(
    neumann: Path, tmp_path: Path, quantity: str, options: str | None, change: Row, message: str
) -> None:
    assert message in fault(neumann, tmp_path, Quantity(name=quantity), options, LOSSY, change)


def test_an_approximate_attack_is_no_exact_one(neumann: Path, tmp_path: Path) -> None:
    """Wider tolerances weaken a bound over all devices, but strengthen what an attack would have to show."""
    attack = Quantity(name="entropy_local_attack")
    assert "another question: observed" in fault(neumann, tmp_path, attack, None, LOSSY, {}, widen=True)
    (tmp_path / "b").mkdir()
    assert fault(neumann, tmp_path / "b", attack, None, LOSSY, {"method": "approximate attack"}, widen=True) == ""


def fault(
    folder: Path,
    target: Path,
    quantity: Quantity,
    options: str | None,
    noise: str | None,
    change: Row,
    widen: bool = False,
) -> str:
    """The audit's only message about a row of a store of its own, changed; empty if there is none."""
    with Store.read(folder / "neumann.sqlite") as store:
        key = next(
            key
            for group in Study.load(folder / "neumann.toml", folder).plan
            for task in group
            for q, key in zip(task.quantities, cell_keys(task), strict=True)
            if (q.name, q.options) == (quantity.name, options)
            and (None if task.noise is None else task.noise.name(task.visibility)) == noise
        )
        ((_, values),) = store.rows([key])
        row = dict(zip(STORED, values, strict=True))
        names = [name for name in (row["certificate"], row["sdp_certificate"]) if name]
        certificates = {name: store.certificate(name) or b"" for name in names}
    if widen:
        data = json.loads(certificates[row["certificate"]])
        for entry in data["question"]["observed"]:
            entry["tolerance"] = 1e-6
        text = json.dumps(data).encode()
        row["certificate"] = certificate_name(text)
        certificates = {row["certificate"]: text}
    head = NEUMANN.split("quantities")[0] + f"quantities = [{_toml(quantity.name, options)}]\n[family]"
    (target / "neumann.toml").write_text(head + NEUMANN.split("[family]")[1], encoding="utf-8")
    study = Study.load(target / "neumann.toml", target)
    with Store.write(study.store_path) as store:
        store.save_spec(study.spec.model_dump(mode="json"), study.text)
        store.add(
            store.begin({}), [([key], Answer([[row | change]], {k: zlib.compress(c) for k, c in certificates.items()}))]
        )
    faults = audit(study).faults
    assert len(faults) <= 1
    return faults[0].message if faults else ""


def _toml(name: str, options: str | None) -> str:
    flips = ", preprocessing = 0.05" if options and "preprocessing" in options else ""
    return f'{{ name = "{name}"{flips} }}'


def test_rows_do_not_depend_on_their_company() -> None:
    """Nor on the order of tasks: an entropy is solved for itself."""
    quantities = ["entropy_local", "key_rate", "entropy_local_attack"]
    noises = [{"visibility": 0.98}, {"visibility": 0.97, "efficiency": 0.99}]
    every: dict[str, Any] = {"quantities": quantities, "noises": noises, "entropy": QUBIT}
    together = [row for task in tasks(**every) for (row,) in evaluate(task).cells]
    alone = [
        row
        for task in reversed(tasks(**every))
        for quantity in reversed(task.quantities)
        for (row,) in evaluate(task.of([quantity])).cells
    ]
    assert [r | {"seconds": 0} for r in together] == [r | {"seconds": 0} for r in reversed(alone)]


def test_critical_rows(tmp_path: Path) -> None:
    text = """
name = "critical"
entropy = { kind = "von Neumann", tolerance = 2e-2 }
noises = [{ visibility = 0.99, efficiency = 0.99 }]
quantities = [
  { name = "critical_visibility", resolution = 0.02 }, { name = "critical_efficiency", resolution = 0.02 },
]
[family]
kind = "singlet"
theta = 1.0
phi = 1.5
omega = 2.6
"""
    (tmp_path / "critical.toml").write_text(text, encoding="utf-8")
    result = run_study(tmp_path / "critical.toml", tmp_path, workers=0, progress=False)
    assert result.failed == 0
    visibility, efficiency = read_table(result.table)
    assert visibility["visibility"] is None and visibility["efficiency"] == 0.99
    assert efficiency["efficiency"] is None and efficiency["visibility"] == 0.99
    assert efficiency["noise"] is None  # white noise alone
    for row, driven in ((visibility, "visibility"), (efficiency, "efficiency")):
        assert 0.85 < row["value"] < 1.0 and row["entropy"] > row["error_correction"]
        if row["dead"] is not None:
            assert row["dead"] < row["value"]
        data = Study.load(result.store).to_xarray()
        assert data[f"critical_{driven}_x0_y0"].values.item() == row["value"]
    found = audit(Study.load(result.store))
    assert found.holds and found.proven == found.rows == 2, found.faults


def test_a_critical_row_says_why_it_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = sb.critical_visibility
    monkeypatch.setattr(
        critical, "critical_visibility", lambda *a, **k: replace(real(*a, **k), open="no bound decides.")
    )
    text = 'name = "open"\nentropy = { kind = "von Neumann", tolerance = 2e-2 }\n'
    text += 'quantities = [{ name = "critical_visibility", resolution = 0.02 }]\n'
    text += '[family]\nkind = "singlet"\ntheta = 1.0\nphi = 1.5\nomega = 2.6\n'
    (tmp_path / "open.toml").write_text(text, encoding="utf-8")
    result = run_study(tmp_path / "open.toml", tmp_path, workers=0, progress=False)
    (row,) = read_table(result.table)
    assert row["error"] == "no bound decides." and row["value"] is not None
    assert audit(Study.load(result.store)).holds


def test_points_may_be_left_out() -> None:
    grid = FAMILY | {"theta": [0.5, 1.0, 2.0, 3.0], "omega": [2.6, 4.0], "only_self_tests": True}
    spec = parse_spec(content(family=grid, quantities=["chsh"]))
    found = [group[0].point for group in Plan(spec)]
    inside = [(t, w) for t in (0.5, 1.0, 2.0, 3.0) for w in (2.6, 4.0) if sb.SingletSelfTest(t, 1.5, w).is_self_test]
    assert [(p.values["theta"], p.values["omega"]) for p in found] == inside and 0 < len(inside) < 8
    assert Plan(spec).points == Plan(spec).cells == len(inside)
    parts = [group[0].point.name for k in (1, 2, 3) for group in Plan(spec, (k, 3))]
    assert sorted(parts) == sorted(p.name for p in found)
    with pytest.raises(InvalidStudy, match="both require_self_test and only_self_tests"):
        parse_spec(content(family=grid | {"require_self_test": True}))


def test_finite_lengths(tmp_path: Path) -> None:
    text = """
name = "finite"
visibilities = 0.99
entropy = { kind = "von Neumann", method = "qubit" }
quantities = [{ name = "finite_key_length", rounds = { start = 1e6, stop = 1e10, count = 3, spacing = "geometric" } }]
[family]
kind = "singlet"
theta = 1.0
phi = 1.5
omega = 2.6
"""
    (tmp_path / "finite.toml").write_text(text, encoding="utf-8")
    spec = parse_spec(tomllib.loads(text))
    assert [q.rounds for q in spec.quantities] == [1e6, 1e8, 1e10] and spec.cells == 3
    assert parse_spec(json.loads(json.dumps(spec.model_dump(mode="json")))) == spec
    result = run_study(tmp_path / "finite.toml", tmp_path, workers=0, progress=False)
    rows = list(read_table(result.table))
    assert [row["rounds"] for row in rows] == [1e6, 1e8, 1e10] and {row["side"] for row in rows} == {"lower"}
    rates = [row["value"] / row["rounds"] for row in rows]
    behaviour = sb.SingletSelfTest(1.0, 1.5, 2.6).behaviour(0.99)
    limit = sb.key_rate(behaviour, x=0, y=0, entropy=sb.VonNeumann("qubit")).value
    assert rates[0] < rates[1] < rates[2] < limit + 1e-3 and rates[2] > limit - 0.05
    data = Study.load(result.store).to_xarray()
    assert data["finite_key_length_x0_y0_n1000000"].values.item() == rows[0]["value"]
    found = audit(Study.load(result.store))
    assert found.holds and found.proven == 3, found.faults
    with Store.write(result.store) as store:
        ((task,),) = Plan(Study.load(result.store).spec)
        key = cell_keys(task)[0]
        wrong = {name: rows[0][name] for name in STORED if name != "place"} | {"place": None, "value": 0.9e6}
        store.add(1, [([key], Answer([[wrong]], {}))], replace=True)
    (fault_found,) = audit(Study.load(result.store)).faults
    assert "its value is 900000.0" in fault_found.message
