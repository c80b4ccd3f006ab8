"""Studies of families other than the singlet: tables, resumption, certificates, grids, charts, and what is refused."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sdpbound as sb
from sdpbound.errors import InvalidStudy
from sdpbound.study import Study, audit, draw, read_table, run_study
from sdpbound.study.file.spec import parse_spec
from sdpbound.study.plan import Plan, Task, cell_keys
from sdpbound.study.running.worker import TASK

TILTED: dict[str, Any] = {"kind": "tilted_chsh", "beta": [0.0, 0.5, 1.0]}


def content(**changes: Any) -> dict[str, Any]:
    return {"name": "x", "family": TILTED, "quantities": ["guess_local"]} | changes


def write(folder: Path, text: str, name: str = "tiny") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


TINY = """
visibilities = [1, 0.97]
observed = ["bell", "full"]
adversaries = ["no-signaling", {model = "quantum", level = "1+AB"}]
quantities = ["guess_local", "bell_maximum", "quantum_bound"]
[family]
kind = "tilted_chsh"
beta = {start = 0, stop = 1, count = 3}
alpha = "1 + beta/10"
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write(tmp_path_factory.mktemp("families"), TINY)
    assert run_study(path, workers=0, progress=False).failed == 0
    return path


def test_a_table_has_the_axes_of_its_family(done: Path) -> None:
    table = read_table(done.parent / "results" / "tiny" / "tiny.csv")
    assert list(table.columns)[-3:] == ["family", "beta", "alpha"]
    assert set(table["family"]) == {"tilted_chsh"}
    assert np.isnan(table["theta"]).all()
    exact = table.where(quantity="quantum_bound")
    assert exact["value"] == pytest.approx(np.sqrt((1 + exact["alpha"] ** 2) * (4 + exact["beta"] ** 2)), abs=1e-12)
    proven = table.where(quantity="bell_maximum", model="quantum")
    assert proven["value"] == pytest.approx(exact["value"], abs=1e-5)
    assert (proven["value"] >= exact["value"] - 1e-12).all()
    # at the maximum, tested by its value, Eve knows no more than which outcome is likelier
    best = table.where(quantity="guess_local", model="quantum", visibility=1.0, observed="bell")
    members = [sb.family_named("tilted_chsh").member(beta=r["beta"], alpha=r["alpha"]) for r in best]
    likelier = [1 / 2 + abs(m.behaviour().marginals_a[0]) / 2 for m in members]
    assert best["value"] == pytest.approx(likelier, abs=2e-3)


def test_its_rows_are_proven(done: Path) -> None:
    found = audit(Study.load(done))
    assert found.holds
    assert found.complete
    assert found.without == 0
    assert found.proven + found.exact == found.rows


def test_formats_agree(done: Path, tmp_path: Path) -> None:
    study = Study.load(done)
    csv = read_table(study.export(tmp_path / "t.csv"))
    parquet = read_table(study.export(tmp_path / "t.parquet"))
    assert csv.rows == parquet.rows
    frame = study.to_pandas()
    assert list(frame["beta"]) == list(csv["beta"])
    grid = study.to_xarray()
    assert grid["guess_local_x0"].dims == ("beta", "visibility", "observed", "adversary")
    assert list(grid["beta"].values) == [0.0, 0.5, 1.0]
    assert grid["alpha"].dims == ("beta",)
    assert grid["beta"].attrs == {"long_name": "weight of <A0>", "units": "1"}
    row = next(r for r in csv if r["quantity"] == "guess_local")
    at = {k: row[k] for k in ("beta", "visibility", "observed")}
    assert float(grid["guess_local_x0"].sel(**at, adversary=row["model"])) == row["value"]


def test_a_figure_is_drawn(done: Path, tmp_path: Path) -> None:
    files = draw(done, done.parent / "results" / "tiny" / "tiny.csv", tmp_path)
    assert [file.suffix for file in files] == [".pdf", ".png"]
    assert all(file.stat().st_size > 1000 for file in files)


def test_it_goes_on_where_it_was(done: Path) -> None:
    assert run_study(done, workers=0, progress=False).computed == 0


CHANNELS = ("channel_0", "channel_1", "nowhere")


@pytest.mark.parametrize(
    "lacking",
    [
        ("nowhere",),
        CHANNELS,
        ("postprocessing", *CHANNELS),
        ("postprocessing", "family", *CHANNELS),
        ("family",),
        ("postprocessing",),
    ],
)
def test_old_tables_are_still_read(lacking: tuple[str, ...], tmp_path: Path) -> None:
    """Those that lack the last columns that came, families first of them; other lists are refused."""
    import csv
    import hashlib
    import io
    import json

    study = 'quantities = ["chsh"]\n[family]\nkind = "singlet"\ntheta = 0.8\nphi = 1.2\nomega = 2.5\n'
    result = run_study(write(tmp_path, study), workers=0, progress=False)
    about = result.table.with_suffix(".json")
    facts = json.loads(about.read_text(encoding="utf-8"))
    kept = [name for name in facts["columns"] if name not in lacking]
    rows = list(csv.DictReader(io.StringIO(result.table.read_text(encoding="utf-8"))))
    text = "\n".join([",".join(kept), *(",".join(row[name] for name in kept) for row in rows)]) + "\n"
    result.table.write_text(text, encoding="utf-8")
    facts |= {"columns": kept, "sha256": hashlib.sha256(text.encode()).hexdigest()}
    about.write_text(json.dumps(facts), encoding="utf-8")
    if "nowhere" not in lacking:
        with pytest.raises(InvalidStudy, match="other columns"):
            read_table(result.table)
        return
    table = read_table(result.table)
    assert [row["family"] for row in table] == [None if "family" in lacking else "singlet"]
    assert table["value"][0] == sb.SingletSelfTest(0.8, 1.2, 2.5).chsh


# -- keys and tasks -------------------------------------------------------------------------------------------------


def tasks(**changes: Any) -> list[Task]:
    return [task for group in Plan(parse_spec(content(**changes))) for task in group]


def test_keys_are_of_what_numbers_mean() -> None:
    first = [key for task in tasks() for key in cell_keys(task)]
    assert len(set(first)) == len(first)
    other = [key for task in tasks(family=TILTED | {"alpha": 1.5}) for key in cell_keys(task)]
    assert not set(first) & set(other)
    asymmetric = {"kind": "asymmetric_chsh", "alpha": [0.0, 0.5, 1.0]}
    assert not set(first) & {key for task in tasks(family=asymmetric) for key in cell_keys(task)}
    again = [key for task in tasks(name="y", family=TILTED | {"beta": [1.0, 0.5]}) for key in cell_keys(task)]
    assert set(again) <= set(first)


@pytest.mark.parametrize(
    "family",
    [
        TILTED,
        {"kind": "chsh"},
        {"kind": "two_qubit", "settings": [1, 2], "complex": True, "theta": 0.5, "a0": 0, "b0": 1, "b1": 2},
        {"kind": "spdc", "settings": [1, 2], "modes": 2, "pairs": [0.1, 1], "theta": 0.5, "a0": 0, "b0": 1, "b1": 2},
        {"kind": "see_saw", "coefficients": [[1, 1], [1, -1]]},
    ],
)
def test_tasks_pass_between_processes(family: dict[str, Any]) -> None:
    for task in tasks(family=family):
        sent = TASK.validate_json(TASK.dump_json(task))
        assert sent == task
        assert cell_keys(sent) == cell_keys(task)
        assert sent.point.member.behaviour() == task.point.member.behaviour()


def test_a_study_reads_back_from_its_own_dump() -> None:
    spec = parse_spec(content(family=TILTED | {"alpha": "1 + beta"}))
    assert parse_spec(spec.model_dump(mode="json")) == spec


# -- own data -------------------------------------------------------------------------------------------------------


def table_of(folder: Path, *visibilities: float) -> None:
    lines = ["name,a,b,x,y,p"]
    for v in visibilities:
        own = sb.SingletSelfTest(0.8, 1.2, 2.5).behaviour(v)
        lines += [f"v {v},{','.join(map(str, at))},{float(p)!r}" for at, p in np.ndenumerate(own.p)]
    (folder / "data.csv").write_text("\n".join(lines), encoding="utf-8")


def test_own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of a file are points by their names; the file is seen from the study, wherever it is called from."""
    table_of(tmp_path, 1.0, 0.95)
    text = 'observed = "full"\nquantities = ["key_rate"]\n[family]\nkind = "table"\nfile = "data.csv"\n'
    path = write(tmp_path, text)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    result = run_study(path, workers=0, progress=False)
    assert result.table == tmp_path / "results" / "tiny" / "tiny.csv"
    table = read_table(result.table)
    assert list(table["point"]) == ["v 1.0", "v 0.95"]
    same = sb.key_rate(sb.SingletSelfTest(0.8, 1.2, 2.5).behaviour(0.95), "full", 0, 0)
    assert table["value"][1] == pytest.approx(same.value, abs=1e-6)
    assert (
        same.value
        > 0.2 + sb.key_rate(sb.SingletSelfTest(0.8, 1.2, 2.5).behaviour(0.95), "full", 0, 0, sb.MinEntropy()).value
    )
    assert audit(Study.load(result.store)).holds
    assert list(Study.load(path).to_xarray()["row"].values) == [0, 1]


# -- where results are ----------------------------------------------------------------------------------------------


def test_results_are_beside_the_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "studies").mkdir()
    path = write(tmp_path / "studies", TINY)
    beside = tmp_path / "results" / "tiny"
    assert Study.load(path).folder == beside
    monkeypatch.chdir(tmp_path)
    assert str(Study.load(os.path.join("studies", "tiny.toml")).folder) == os.path.join("results", "tiny")
    monkeypatch.chdir(tmp_path / "studies")
    assert Study.load("tiny.toml").folder.resolve() == beside
    other = tmp_path / "other"
    other.mkdir()
    assert Study.load(write(other, TINY)).folder == other / "results" / "tiny"
    # a store of an earlier version, in the current folder
    monkeypatch.chdir(other)
    old = other / "results" / "tiny"
    old.mkdir(parents=True)
    (old / "tiny.sqlite").write_bytes(b"")
    assert Study.load(path).folder == Path("results") / "tiny"


# -- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"family": {"kind": "tilted_chs", "beta": 1}}, ["family.kind = 'tilted_chs'", "did you mean 'tilted_chsh'?"]),
        ({"family": {"kind": "tilted_chsh"}}, ["family lacks the key 'beta'", "a number from 0 to"]),
        ({"family": TILTED | {"bta": 1}}, ["unknown key 'bta'; did you mean 'beta'?", "tilted_chsh"]),
        ({"family": TILTED | {"beta": -1}}, ["family.beta = -1", "must lie in [0, "]),
        ({"family": TILTED | {"beta": "gamma"}}, ["family.beta = 'gamma'", "'gamma' is not known"]),
        ({"family": TILTED, "constants": {"beta": 1}}, ["the axis 'beta'", "rename the constant"]),
        ({"family": {"kind": "chained", "settings": 2.5}}, ["family.settings = 2.5", "and be whole"]),
        ({"family": {"kind": "two_qubit", "settings": 3}}, ["settings = 3 must be two numbers"]),
        ({"family": {"kind": "table", "file": "nowhere.csv"}}, ["nowhere.csv", "cannot be read"]),
        ({"family": {"kind": "see_saw", "of": "chshs"}}, ["chshs", "did you mean 'chsh'?"]),
        ({"family": {"kind": "two_qubit", "theta": 0.5, "a0": 45, "a1": 0, "b0": 0, "b1": 0}}, ["a0 = 45", "45*deg"]),
        ({"quantities": [{"name": "guess_global", "y": 2}]}, ["y = 2", "0 to 1"]),
        ({"family": {"kind": "two_qubit", "theta": 1, "a0": 0}}, ["lacks the key 'a1'", "it lacks 'b0', 'b1' too"]),
        ({"quantities": ["key_rate_upper_bound"]}, ["is a function of Python", "'key_rate_attack'"]),
    ],
)
def test_a_family_is_named_where_it_is_wrong(changes: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(InvalidStudy) as caught:
        parse_spec(content(**changes))
    for part in parts:
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"family": {"kind": "cglmp", "d": [2, 3]}}, "point 1: observed = 'correlators' needs two outcomes"),
        (
            {"family": {"kind": "two_qubit", "theta": 0, "a0": 0, "a1": 0, "b0": 0, "b1": 0}, "observed": "bell"},
            "observed = 'bell' needs a Bell expression",
        ),
        (
            {
                "family": {"kind": "two_qubit", "theta": 0, "a0": 0, "a1": 0, "b0": 0, "b1": 0},
                "quantities": ["bell_maximum"],
            },
            "bell_maximum is of a Bell expression, and there is none",
        ),
        (
            {"family": {"kind": "chained", "settings": [2, 3]}, "quantities": [{"name": "guess_local", "x": 2}]},
            "guess_local has x = 2, and Alice's settings are 0 to 1",
        ),
        ({"family": {"kind": "chained", "settings": 3}, "quantities": ["key_rate_tested"]}, "two settings with two"),
        ({"family": {"kind": "chained", "settings": 2}, "observed": "full without B2"}, "leaves out B2, and Scenario"),
        ({"family": {"kind": "chained", "settings": 2}, "observed": "full without B0, B1"}, "without a tested setting"),
        ({"family": {"kind": "cglmp", "d": 3}, "observed": "correlators without B1"}, "needs two outcomes"),
        (
            {"family": {"kind": "cglmp", "d": 3}, "observed": "full", "quantities": ["key_rate_individual"]},
            "key_rate_individual is of two outcomes",
        ),
    ],
)
def test_what_does_not_fit_a_family(changes: dict[str, Any], message: str) -> None:
    spec = parse_spec(content(**changes))
    with pytest.raises(InvalidStudy) as caught:
        Plan(spec).check()
    assert message in str(caught.value)


def test_noise_of_a_state_needs_one(tmp_path: Path) -> None:
    table_of(tmp_path, 1.0)
    family = {"kind": "table", "file": "data.csv"}
    spec = parse_spec(content(family=family, observed="full", noises={"dephasing": 0.1}), folder=tmp_path)
    with pytest.raises(InvalidStudy, match="acts on a state, and the points are bare behaviours"):
        Plan(spec).check()
    bare = content(family=family, observed="full", noises={"efficiency": 0.9})
    Plan(parse_spec(bare, folder=tmp_path)).check()


def test_angles_like_degrees_are_questioned() -> None:
    singlet = {"kind": "singlet", "theta": 1, "phi": 1.2, "omega": 10}
    with pytest.raises(InvalidStudy, match=r"omega = 10 looks like degrees.* '10\*deg' .* '10\*rad'"):
        parse_spec(content(family=singlet))
    assert parse_spec(content(family=singlet | {"omega": "10*rad"})).family.omega == (10.0,)
    assert parse_spec(content(family=singlet | {"omega": "10*deg"})).family.omega == (math.pi / 18,)


# -- noise of each party --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_noise_of_each_party(tmp_path: Path) -> None:
    text = """
visibilities = []
quantities = ["guess_local"]
[family]
kind = "singlet"
theta = 0.8
phi = 1.2
omega = 2.5
[[noises]]
efficiency_a = [1, 0.95]
efficiency_b = 0.95
[[noises]]
misalignment_a = [[0.01, 0.02]]
misalignment_b = 0.03
[[noises]]
efficiency_a = [[0.9, 0.95]]
[[noises]]
kind = "dephasing"
a = 0.01
b = [0.02, 0.03]
"""
    path = write(tmp_path, text)
    result = run_study(path, workers=1, progress=False)
    table = read_table(result.table)
    t = sb.SingletSelfTest(0.8, 1.2, 2.5)
    wanted = [
        sb.DetectionInefficiency(1.0, 0.95),
        sb.DetectionInefficiency(0.95),
        sb.Misalignment((0.01, 0.02), 0.03),
        sb.DetectionInefficiency((0.9, 0.95), 1.0),
        sb.Dephasing(0.01, 0.02),
        sb.Dephasing(0.01, 0.03),
    ]
    assert list(table["noise"]) == [noise.name for noise in wanted]
    assert table["chsh_observed"] == pytest.approx([t.behaviour(noise=noise).chsh for noise in wanted], abs=1e-12)
    assert list(table["efficiency_a"][:2]) == [1.0, 0.95]
    assert list(table["efficiency_b"][:2]) == [0.95, 0.95]
    assert list(table["dephasing_b"][4:]) == [0.02, 0.03]
    assert np.isnan(table["efficiency"][0])
    assert table["efficiency"][1] == 0.95
    assert audit(Study.load(path)).holds
    assert parse_spec(Study.load(path).spec.model_dump(mode="json")) == Study.load(path).spec
    draw(path, result.table, tmp_path)


@pytest.mark.slow
def test_no_clicks_kept_in_the_key_setting(tmp_path: Path) -> None:
    """Rates, attacks and critical efficiencies of keys from a setting that is not tested and keeps its no clicks."""
    text = """
observed = "full without B2"
visibilities = []
entropy = { kind = "von Neumann", method = "qubit", tolerance = 1e-3 }
quantities = [
  { name = "key_rate", x = 0, y = 2 },
  { name = "key_rate_attack", x = 0, y = 2 },
  { name = "critical_efficiency", x = 0, y = 2, resolution = 1e-3 },
]
[family]
kind = "two_qubit"
settings = [2, 3]
theta = 0.475
a0 = -0.082
a1 = 1.465
b0 = 0.536
b1 = -0.945
b2 = -0.096
[[noises]]
visibility = 0.995
efficiency = [0.9, 0.95]
binning = [true, [true, true, false]]
"""
    path = write(tmp_path, text)
    result = run_study(path, workers=1, progress=False)
    table = read_table(result.table)
    angles = {"theta": 0.475, "a0": -0.082, "a1": 1.465, "b0": 0.536, "b1": -0.945, "b2": -0.096}
    at = sb.family_named("two_qubit", settings=(2, 3)).member(**angles)
    kept = (True, (True, True, False))
    names = ("key_rate", "key_rate_attack", "critical_efficiency")
    rates, attacks, ends = (table.where(quantity=name) for name in names)
    wanted = [sb.WhiteNoise(0.995) + sb.DetectionInefficiency(eta, binning=kept) for eta in (0.9, 0.95)]
    assert list(rates["noise"]) == [noise.name for noise in wanted] and list(rates["efficiency"]) == [0.9, 0.95]
    entropy = sb.VonNeumann("qubit", tolerance=1e-3)
    tested = {"tested": (None, (0, 1)), "x": 0, "y": 2}
    own = [sb.key_rate(at.behaviour(noise=noise), "full", entropy=entropy, **tested).value for noise in wanted]
    assert list(rates["value"]) == pytest.approx(own, abs=1e-9)
    assert set(table["observed"]) == {"full without B2"}
    assert not any(attacks["error"]), list(attacks["error"])
    assert (np.array(attacks["value"]) - np.array(rates["value"]) > 0.0).all()
    assert list(attacks["value"]) == pytest.approx(list(rates["value"]), abs=2e-3)
    (end,) = ends["value"]
    same = sb.critical_efficiency(
        at.strategy, "full", noise=sb.WhiteNoise(0.995), binning=kept, tolerance=1e-3, attack=False, **tested
    )
    assert end == pytest.approx(same.alive, abs=2e-3)
    assert audit(Study.load(path)).holds
    assert parse_spec(Study.load(path).spec.model_dump(mode="json")) == Study.load(path).spec
    draw(path, result.table, tmp_path)


def test_binning_and_tests_are_read() -> None:
    noise = {"efficiency": [0.9, 1], "binning": [True, [True, False]]}
    spec = parse_spec(content(noises=noise, observed=["correlators without B1,A1", "full"], visibilities=[]))
    assert spec.observed == ("correlators without A1, B1", "full")
    kept = (True, (True, False))
    wanted = [sb.DetectionInefficiency(eta, binning=kept) for eta in (0.9, 1.0)]  # an outcome more without losses, too
    found = [what for _, what in spec.conditions if what is not None]
    assert [what.noise(1.0) for what in found] == wanted
    assert all(what.meaning["binning"] == "[binned,[binned,no_click]]" for what in found)
    assert parse_spec(spec.model_dump(mode="json")) == spec
    plain = parse_spec(content(noises={"efficiency": 0.9, "binning": True}, visibilities=[]))
    assert plain == parse_spec(content(noises={"efficiency": 0.9}, visibilities=[]))
    assert "binning" not in str(plain.model_dump()) and "binning" not in plain.conditions[0][1].meaning  # type: ignore


SEQUENCE = {
    "kind": "sequence",
    "members": [
        {"kind": "fibre_loss", "km_a": [1, 2]},
        {"kind": "detection_inefficiency", "eta_a": [[0.99, 0.98]], "binning": False},
        {"kind": "dark_counts", "a": [1e-5, 1e-4]},
    ],
}
LOSSES = sb.DetectionInefficiency((0.99, 0.98), binning=False)
IN_SEQUENCE = [sb.FibreLoss(km) + LOSSES + sb.DarkCounts(d) for km in (1, 2) for d in (1e-5, 1e-4)]


def test_sequences_of_noises_are_read() -> None:
    spec = parse_spec(content(noises=SEQUENCE, visibilities=[]))
    assert [what.noise(1.0) for _, what in spec.conditions if what is not None] == IN_SEQUENCE
    assert parse_spec(spec.model_dump(mode="json")) == spec
    with pytest.raises(InvalidStudy, match="at most 100000"):
        many = [{"kind": "fibre_loss", "km_a": list(range(1000)), "km_b": list(range(1000))}]
        parse_spec(content(noises={"kind": "sequence", "members": many}))


@pytest.mark.slow
def test_sequences_of_noises(tmp_path: Path) -> None:
    text = """
visibilities = []
quantities = ["guess_local"]
observed = "correlators"
adversaries = ["no-signaling"]
[family]
kind = "singlet"
theta = 0.8
phi = 1.2
omega = 2.5
[[noises]]
kind = "sequence"
members = [
  { kind = "fibre_loss", km_a = [1, 2] },
  { kind = "detection_inefficiency", eta_a = [[0.99, 0.98]], binning = false },
  { kind = "dark_counts", a = [1e-5, 1e-4] },
]
"""
    path = write(tmp_path, text)
    result = run_study(path, workers=1, progress=False)
    table = read_table(result.table)
    assert list(table["noise"]) == [noise.name for noise in IN_SEQUENCE]
    assert list(table["fibre_loss_km_a"]) == [1, 1, 2, 2] and list(table["dark_counts_a"]) == [1e-5, 1e-4] * 2
    t = sb.SingletSelfTest(0.8, 1.2, 2.5)
    assert table["chsh_observed"] == pytest.approx([t.behaviour(noise=noise).chsh for noise in IN_SEQUENCE], abs=1e-12)
    assert audit(Study.load(path)).holds
    assert parse_spec(Study.load(path).spec.model_dump(mode="json")) == Study.load(path).spec


@pytest.mark.parametrize(
    ("noise", "parts"),
    [
        ({"efficiency": 0.9, "binning": "no"}, ["binning", "must be True (no click is outcome 0)"]),
        ({"kind": "sequence", "members": [0.9]}, ["each member of a sequence must be a table of a noise"]),
        ({"kind": "sequence", "eta_a": 0.9}, ["a sequence has members"]),
        ({"kind": "sequence", "members": [{"kind": "sequence", "members": []}]}, ["write its members instead"]),
        ({"kind": "sequence", "members": [{"kind": "dark_counts", "a": 0.1}]}, ["nothing that loses light"]),
        ({"kind": "detection_inefficiency", "eta_a": 0.9, "binning": [[True, "no"]]}, ["binning = (True, 'no')"]),
        ({"efficiency_c": 0.9}, ["unknown key 'efficiency_c'; did you mean 'efficiency"]),
        ({"efficiency_a": 1.5}, ["efficiency_a = 1.5", "[0, 1]"]),
        ({"misalignment_a": [[0.1, 9.0]]}, ["misalignment_a", "[-pi, pi]"]),
        ({"efficiency_b": [[0.1, 9.0]]}, ["efficiency_b", "[0, 1]"]),
        ({"kind": "dephase", "a": 0.1}, ["kind = 'dephase'", "did you mean 'dephasing'?"]),
        ({"kind": "dephasing", "c": 0.1}, ["has no parameter 'c'"]),
        ({"kind": "dephasing", "a": [0.1, 0.7]}, ["0.7"]),
        ({"kind": "dephasing", "a": 0.1, "visibility": 2}, ["visibility = 2", "[0, 1]"]),
    ],
)
def test_wrong_noises(noise: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(InvalidStudy) as caught:
        parse_spec(content(noises=noise))
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.slow
def test_the_convex_combination_attack(tmp_path: Path) -> None:
    """It is above what is proven, and local data leave nothing."""
    text = """
visibilities = [0.95, 0.5]
quantities = ["convex_combination_attack", {name = "key_rate", entropy = "von Neumann"}]
[family]
kind = "chsh"
"""
    path = write(tmp_path, text)
    table = read_table(run_study(path, workers=1, progress=False).table)
    attack, rate = (table.where(quantity=name) for name in ("convex_combination_attack", "key_rate"))
    assert (attack["value"] >= rate["value"]).all()
    assert attack["value"][1] == pytest.approx(0.0, abs=1e-3)
    assert audit(Study.load(path)).holds


# -- more than two parties --------------------------------------------------------------------------------------------

CONFERENCE = """
visibilities = [0.95]
observed = ["bell"]
adversaries = [{model = "quantum", level = "1+AB+AC+BC"}]
[family]
kind = "ghz"
of = "parity_chsh"
key = true
[[quantities]]
name = "key_rate"
key = [0, 2, 1]
entropy = {kind = "von Neumann", method = "projective", level = "1+AB+AC+BC", tolerance = 1e-2}
[[quantities]]
name = "guess_global"
key = [0, "-", 0]
[[quantities]]
name = "guess_local"
[[quantities]]
name = "bell_maximum"
"""


def test_a_study_of_three_parties(tmp_path: Path) -> None:
    """Conference keys and guesses of any parties, as the library has them; every row is proven again."""
    path = write(tmp_path, CONFERENCE)
    assert run_study(path, workers=0, progress=False).failed == 0
    table = read_table(tmp_path / "results" / "tiny" / "tiny.csv")
    member = sb.family_named("ghz", of="parity_chsh", key=True).member()
    behaviour = member.behaviour(0.95)
    data = sb.Observations.bell_value(member.expression, behaviour)
    method = sb.VonNeumann("projective", "1+AB+AC+BC", tolerance=1e-2)
    rate = sb.key_rate(behaviour, data, entropy=method, settings=(0, 2, 1))
    own = table.where(quantity="key_rate")
    assert own["value"][0] == pytest.approx(rate.value, abs=1e-9)
    assert own["error_correction"][0] == rate.error_correction and own["options"][0].startswith("key 0,2,1")
    guess = sb.guessing_probability(data, sb.Quantum("1+AB+AC+BC"), settings=(0, None, 0))
    assert table.where(quantity="guess_global")["value"][0] == pytest.approx(guess.value, abs=1e-6)
    assert audit(Study.load(path)).holds


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"quantities": [{"name": "key_rate"}]}, "needs key"),
        ({"quantities": [{"name": "key_rate", "key": [0, 2]}]}, "a key of 2 entries for 3 parties"),
        ({"quantities": [{"name": "key_rate", "key": [0, "-", "-"]}]}, "a key of one party"),
        ({"quantities": [{"name": "guess_global", "key": ["-", "-", "-"]}]}, "no setting of any party"),
        ({"quantities": [{"name": "guess_global", "key": [0, 5, 0]}]}, "key[1] = 5"),
        ({"quantities": [{"name": "guess_global", "key": [0, 0, 0], "x": 1}]}, "leave x and y out"),
        ({"quantities": [{"name": "guess_local", "key": [0, 0, 0]}]}, "takes none"),
        ({"quantities": ["guess_blind"]}, "is of two parties"),
        ({"quantities": ["critical_visibility"], "observed": ["full"]}, "is of two parties"),
        ({"quantities": [{"name": "key_rate", "key": [0, 0]}], "family": TILTED}, "give x and y instead"),
    ],
)
def test_keys_of_studies_that_are_refused(changes: dict[str, Any], said: str) -> None:
    three = {"family": {"kind": "ghz", "of": "holz", "key": True}, "observed": ["bell"]}
    with pytest.raises(InvalidStudy) as caught:
        Plan(parse_spec(content(**(three | changes)))).check()
    assert said in str(caught.value)
