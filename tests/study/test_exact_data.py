"""A study at visibility 1: closed forms about exact data, bounds about measured data, and what pictures say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from sdpbound.study import Study, audit, run_study
from sdpbound.study.out import charts
from sdpbound.study.store import Store

SPEC = """
name = "ideal"
visibilities = [1, 0.99]
observed = ["correlators", "bell"]
entropy = { kind = "von Neumann", method = "qubit", tolerance = 1e-3 }
certificates = true
[family]
kind = "singlet"
theta = ["pi/3", 1.0, 1.2]
phi = "pi/2 - 0.1"
omega = "5*pi/6"
[[quantities]]
name = "key_rate"
x = 0
y = 0
[[quantities]]
name = "randomness_global"
x = 0
y = 1
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("ideal")
    (folder / "ideal.toml").write_text(SPEC, encoding="utf-8")
    run_study(folder / "ideal.toml", folder / "out", 0, progress=False)
    return Study.load(folder / "ideal.toml", folder / "out")


def test_rows_at_visibility_one_are_closed_forms_with_measured_bounds_beside_them(study: Study) -> None:
    rows = [row for row in study.table() if row["visibility"] == 1.0]
    assert len(rows) == 12
    for row in rows:
        assert row["method"] == "closed form" and row["solver"] == "none"
        least = 5e-5 if row["observed"] == "bell" else 5e-6
        assert 0.0 < row["value"] - row["sdp_value"] < least
    assert all(row["method"] == "certified" for row in study.table() if row["visibility"] != 1.0)


def test_the_store_is_sound_and_its_closed_forms_name_their_angles(study: Study) -> None:
    found = audit(study)
    assert found.proven == found.rows == 24 and not found.faults
    with Store.read(study.store_path) as store:
        texts = [json.loads(text) for _, text in store.certificates()]
    exact = [c["question"]["exact"] for c in texts if c["format"] == "sdpbound closed form"]
    assert {(e["theta"]["radians"], e["theta"]["pis"]) for e in exact} == {
        ("0", "1/3"),
        ("1", "0"),
        (fraction(1.2), "0"),
    }
    assert all(e["omega"] == {"radians": "0", "pis": "5/6"} for e in exact)


def fraction(value: float) -> str:
    top, bottom = value.as_integer_ratio()
    return f"{top}/{bottom}"


def test_charts_say_which_lines_are_about_exact_data(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Figure] = []
    saved = charts.save
    monkeypatch.setattr(charts, "save", lambda fig, *rest: drawn.append(fig) or saved(fig, *rest))
    assert charts.draw_default(study.table(), tmp_path, "ideal")
    texts = [text.get_text() for fig in drawn for text in fig.findobj(Text)]
    assert any(text.endswith("=1$, exact data") for text in texts)
    assert not any("0.99" in text and "exact" in text for text in texts)
