"""Charts of long tables: the reduction against its definition, what the picture says, and memory."""

from __future__ import annotations

import math
import re
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sdpbound.cli import main
from sdpbound.errors import InvalidStudy
from sdpbound.study.out import aggregate, charts
from sdpbound.study.out.aggregate import Aggregate, aggregated
from sdpbound.study.out.export import write_csv
from sdpbound.study.out.panels import panels_of
from sdpbound.tables.columns import COLUMNS, Row
from sdpbound.tables.table import Table, read_table

ROW = dict.fromkeys(COLUMNS) | {
    "study": "s", "point": "0", "where": "grid", "theta": 1.0, "phi": 1.5, "omega": 2.6, "visibility": 1.0,
    "observed": "correlators", "model": "quantum", "level": "2", "quantity": "key_rate", "x": 0, "y": 0,
    "side": "lower", "method": "certified", "status": "solved", "value": 0.5,
}  # fmt: skip
FACTS: dict[str, Any] = {"study": {"name": "s"}, "runs": [], "sdpbound": "0"}


def reduced(rows: Iterable[dict[str, Any]], size: int = 1000, most: int = 36) -> Aggregate:
    every = [ROW | row for row in rows]

    def read() -> Iterator[Table]:
        for start in range(0, max(1, len(every)), size):
            yield Table(tuple(every[start : start + size]), {}, "s.csv")

    return aggregated(read, most)


def grid(n: int, m: int, value: Callable[[int, int], float | None], **entries: Any) -> list[dict[str, Any]]:
    return [
        {"theta": i / 100, "omega": 2 + j / 100, "value": value(i, j)} | entries for i in range(n) for j in range(m)
    ]


# -- the reduction --------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(data=st.data(), side=st.sampled_from(["lower", "upper", "exact"]), n=st.integers(12, 31), m=st.integers(10, 12))
def test_each_place_of_a_map_has_the_worst_value(data: st.DataObject, side: str, n: int, m: int) -> None:
    """Against the definition, for any chunks, with points that are missing, failed, infeasible or not finite."""
    places = 7
    answers: dict[tuple[int, int], tuple[float | None, str]] = {}
    draw = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    for i, j in np.ndindex(n, m):
        kind = draw.choice(["value", "value", "value", "failed", "infeasible", "missing", "nan"])
        if kind != "missing" or i in (0, n - 1) or j in (0, m - 1):
            value = float(draw.normal()) if kind in ("value", "missing") else math.nan if kind == "nan" else None
            answers[i, j] = (value, kind if kind in ("failed", "infeasible") else "solved")
    order = [list(answers)[k] for k in draw.permutation(len(answers))]
    rows = [
        {"theta": i / 7, "omega": 2 + j * j / 9, "side": side, "value": answers[i, j][0], "status": answers[i, j][1]}
        for i, j in order
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aggregate, "MAP_PLACES", places)
        found = reduced(rows, data.draw(st.integers(1, 50)))
    (panel,) = found.panels
    assert (panel.x, panel.y, panel.rows, panel.side) == ("theta", "omega", len(rows), side)
    assert panel.statuses == Counter(status for _, status in answers.values() if status != "solved")
    steps = [-(-k // places) for k in (n, m)]
    middle = [
        [(s + min(s + step, k) - 1) // 2 for s in range(0, k, step)] for k, step in zip((n, m), steps, strict=True)
    ]
    drawn = {(row["theta"], row["omega"]): row["value"] for row in panel.table}
    expected: dict[tuple[float, float], float | None] = {}
    at_middle = 0
    for a, b in np.ndindex(len(middle[0]), len(middle[1])):
        inside = [p for p in order if (p[0] // steps[0], p[1] // steps[1]) == (a, b)]
        if not inside:
            continue
        place = (middle[0][a] / 7, 2 + middle[1][b] ** 2 / 9)
        values = [v for p in inside if (v := answers[p][0]) is not None and math.isfinite(v)]
        if side == "exact" and values:
            central = answers.get((middle[0][a], middle[1][b]), (None, ""))[0]
            if central is not None and math.isfinite(central):
                assert drawn[place] == central
                at_middle += 1
            assert drawn[place] in values
            expected[place] = drawn[place]
        else:
            expected[place] = (min if side == "lower" else max)(values) if values else None
    assert drawn.keys() == expected.keys()  # a place without any row stays grey
    for place, value in expected.items():
        shown = drawn[place]
        assert shown == value or (value is None and shown is not None and math.isnan(shown)), place
    assert side != "exact" or at_middle > 0


def test_short_axes_keep_their_values() -> None:
    """A map whose axes have no more values than places is the map of all rows."""
    rows = [ROW | row for row in grid(20, 12, lambda i, j: i * j / 9)]
    (exact,) = panels_of(Table(tuple(rows), {}))
    (panel,) = reduced(rows).panels
    assert not panel.aggregated and list(panel.table) == list(exact.table)
    assert (panel.x, panel.y, panel.words, panel.marked) == (exact.x, exact.y, exact.words, exact.marked)


def test_curves_keep_colours_adversaries_and_better_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aggregate, "CURVE_PLACES", 10)
    rows = [
        {"where": where, "chsh_ideal": 2 + i / 200, "theta": i / 100, "visibility": v, "model": m, "level": None,
         "value": v + i + (0.25 if where == "best" else 0.0)}
        for i in range(100) for v in (0.9, 1.0) for m in ("quantum", "local") for where in ("curve", "best")
    ]  # fmt: skip
    (panel,) = reduced(rows, 33).panels
    assert (panel.x, panel.y, panel.colour) == ("chsh_ideal", None, "visibility")
    assert len(panel.table) == 10 * 2 * 2 * 2 and panel.rows == len(rows)
    part = panel.table.where(visibility=0.9, model="local", where="curve")
    assert list(part["value"]) == [0.9 + 10 * i for i in range(10)]  # the least of ten
    assert np.allclose(part["chsh_ideal"], [2 + (10 * i + 4) / 200 for i in range(10)])
    assert set(np.round(panel.best["value"] % 1, 9)) == {0.15, 0.25}


def test_panels_are_those_of_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first panels in the order of quantities and noises are shown, however late their first row is read."""
    points = [(i, j) for i in range(12) for j in range(11)]
    rows = [
        {"quantity": q, "theta": i / 100, "omega": 2 + j / 100, "visibility": v, "value": i + j + v}
        for i, j in points for v in (0.8, 0.9, 1.0) for q in ("key_rate", "randomness_global", "guess_local")
        if q != "key_rate" or v != 1.0 or i > 5
    ]  # fmt: skip
    every = panels_of(Table(tuple(ROW | row for row in rows), {}))
    for most in (1, 2, 4, 5, 9, 20):
        found = reduced(rows, 7, most)
        assert [(p.label, p.words) for p in found.panels] == [(p.label, p.words) for p in every[:most]]
        assert [list(p.table) for p in found.panels] == [list(p.table) for p in every[:most]]
        surveyed = len({p.table.rows[0]["quantity"] for p in every[:most]})
        assert (found.left_out > 0) == (most < 9) and found.left_out <= 9 - min(9, most)
        assert most < 3 or found.left_out == max(0, 9 - most), surveyed
    monkeypatch.setattr(aggregate, "ROWS", 900)
    assert all(len(panel.table) <= 100 for panel in reduced(rows).panels)  # the panels share what is kept


def test_methods_that_differ_are_not_said_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A place with a certified number among closed forms is not about exact data."""
    monkeypatch.setattr(aggregate, "CURVE_PLACES", 5)
    rows: list[dict[str, Any]] = [{"theta": i / 100, "value": float(i), "method": "closed form"} for i in range(50)]
    rows[27]["method"] = "certified"
    (panel,) = reduced(rows).panels
    assert [row["method"] for row in panel.table] == [*["closed form"] * 2, None, *["closed form"] * 2]


def test_marks_are_few_and_counts_are_whole() -> None:
    rows = grid(60, 50, lambda i, j: None, status="infeasible")
    rows[0] |= {"status": "solved", "value": 1.0}
    (panel,) = reduced(rows).panels
    assert panel.statuses == {"infeasible": 2999}
    assert len(panel.marked) == aggregate.MAP_MARKS**2
    gaps = np.diff(sorted({row["theta"] for row in panel.marked}))
    assert gaps.max() < 2.1 * gaps.min()  # they stand in rows


# -- the picture ----------------------------------------------------------------------------------------------------


def file_of(folder: Path, rows: Iterable[dict[str, Any]]) -> Path:
    return write_csv(folder / "s.csv", [[tuple((ROW | row).values()) for row in rows]], FACTS)


@pytest.mark.parametrize(
    ("side", "words", "title"),
    [
        ("lower", "the least of its lower bounds", "least of each place"),
        ("upper", "the greatest of its upper bounds", "greatest of each place"),
        pytest.param(
            "exact",
            "the number of the point nearest to its middle",
            "middle of each place",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_the_picture_says_what_it_shows(
    side: str, words: str, title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charts, "MANY", 500)
    monkeypatch.setattr(aggregate, "MAP_PLACES", 10)
    rows = grid(30, 20, lambda i, j: i / 7 - j, side=side)
    rows[5] |= {"value": None, "status": "failed"}
    path = file_of(tmp_path, rows)
    pictures = charts.draw_file(path, tmp_path, "s")
    assert [file.name for file in pictures] == ["s.pdf", "s.png"]
    with Image.open(pictures[1]) as picture:
        caption = picture.text["Description"]  # type: ignore[attr-defined]
        assert read_table(path).metadata["sha256"] in picture.text["Source"]  # type: ignore[attr-defined]
    assert f"The 600 rows are drawn in 100 places, each of which shows {words}." in caption
    assert "Without a value are 1 failed rows; one mark may stand for several of them." in caption
    again = charts.draw_default(read_table(path), tmp_path / "again", "s")  # from memory: the same picture
    assert [file.read_bytes() for file in again] == [file.read_bytes() for file in pictures]
    (panel,) = reduced(rows).panels
    assert panel.words[-1] == title


def test_a_short_table_is_drawn_as_it_is(tmp_path: Path) -> None:
    path = file_of(tmp_path, grid(30, 20, lambda i, j: i / 7 - j))
    pictures = charts.draw_file(path, tmp_path, "s")
    with Image.open(pictures[1]) as picture:
        assert "place" not in picture.text["Description"]  # type: ignore[attr-defined]
    again = charts.draw_default(read_table(path), tmp_path / "again", "s")
    assert [file.read_bytes() for file in again] == [file.read_bytes() for file in pictures]


def test_a_map_of_derived_angles_is_one_map() -> None:
    """An angle that follows from others by a formula is no axis, and does not cut a map into lines."""
    rows = [
        ROW | {"theta": i / 20, "phi": 1 + j / 30, "omega": i / 20 + math.pi / 2, "value": i * j}
        for i in range(12) for j in range(11)
    ]  # fmt: skip
    family = {"kind": "singlet", "theta": [0.0], "phi": [1.0], "omega": ["theta + pi/2"]}
    (panel,) = panels_of(Table(tuple(rows), {"study": {"name": "s", "family": family}}))
    assert (panel.x, panel.y, len(panel.table)) == ("theta", "phi", 132)
    (curve,) = panels_of(Table(tuple(rows[::11]), {"study": {"name": "s", "family": family}}))
    assert (curve.x, curve.y) == ("theta", None)
    assert len(panels_of(Table(tuple(rows), {"study": {"family": "omega"}}))) == 11  # no formula is known


@pytest.mark.parametrize("kind", ["toml", "sqlite"])
def test_plot_draws_a_long_table(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(charts, "MANY", 100)
    monkeypatch.setattr(aggregate, "MAP_PLACES", 6)
    study = tmp_path / "map.toml"
    study.write_text(
        'name = "map"\nquantities = ["chsh"]\n[family]\nkind = "singlet"\nomega = "theta + pi/2"\n'
        "theta = { start = 0.3, stop = 1.2, count = 12 }\nphi = { start = 1.0, stop = 1.5, count = 11 }\n",
        encoding="utf-8",
    )
    output = ["--output", str(tmp_path / "r")]

    def run(*words: str) -> int:
        monkeypatch.setattr("sys.argv", ["sdpbound", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    assert run("run", str(study), *output, "--workers", "0", "--quiet") == 0
    where = [str(study), *output] if kind == "toml" else [str(tmp_path / "r" / "map.sqlite")]
    assert run("plot", *where) == 0
    assert capsys.readouterr().out.count("figure") == 2
    with Image.open(tmp_path / "r" / "map.png") as picture:
        text = picture.text["Description"]  # type: ignore[attr-defined]
    assert re.search(r"The 132 rows are drawn in 36 places, each of which shows the number of the point nearest", text)


def test_a_damaged_table_is_not_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "MANY", 100)
    path = file_of(tmp_path, grid(30, 20, lambda i, j: i / 7 - j))
    path.write_bytes(path.read_bytes().replace(b"0.5", b"0.6", 1) + b"x")
    with pytest.raises(InvalidStudy, match="is damaged or was edited"):
        charts.draw_file(path, tmp_path, "s")
    assert not list(tmp_path.glob("*.png"))


@pytest.mark.slow
def test_a_long_table_is_drawn_in_bounded_memory(tmp_path: Path) -> None:
    """10^5 rows would take some 150 MB; the map and its reading take a fifth, whatever the rows are."""

    def chunks(n: int) -> Iterator[list[tuple[Any, ...]]]:
        for i in range(n):
            rows: list[Row] = grid(1, 250, lambda _, j: math.sin(j / 9))
            yield [tuple((ROW | row | {"theta": i / 9, "point": f"{i}:{j}"}).values()) for j, row in enumerate(rows)]

    peaks = []
    for n in (400, 800):
        path = write_csv(tmp_path / f"t{n}.csv", chunks(n), FACTS)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(charts, "MANY", 5000)
            patch.setattr(aggregate, "ROWS", 8100)
            charts.draw_file(path, tmp_path, "s")  # what matplotlib loads is not counted
            tracemalloc.start()
            charts.draw_file(path, tmp_path, "s")
            peaks.append(tracemalloc.get_traced_memory()[1] / 1e6)
            tracemalloc.stop()
    assert peaks[0] < 60 and peaks[1] < 1.1 * peaks[0], peaks


def test_perfect_detectors_are_on_the_axis_of_the_others() -> None:
    """Rows of efficiency 1 have no entry for it, and make no panel of their own."""
    lossy = {e: {"efficiency": e, "dephasing": 0.0, "misalignment": 0.0, "noise": f"loss {e}"} for e in (0.95, 0.9)}
    places = [(t / 10, e) for t in range(4) for e in (1.0, 0.95, 0.9)]
    rows = [ROW | {"theta": t, "value": t * e} | lossy.get(e, {}) for t, e in places]
    (panel,) = panels_of(Table(tuple(rows), {}))
    assert (panel.x, panel.colour) == ("theta", "efficiency")
    assert [(row["theta"], row["efficiency"]) for row in panel.table] == places
    (same,) = reduced(rows).panels
    assert list(same.table) == list(panel.table)
