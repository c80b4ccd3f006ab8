"""Every figure: declared, in the gallery, and drawn from tables alone; and the default chart."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

import sdpbound as sb
from sdpbound import singlet_chsh
from sdpbound.errors import InvalidStudy
from sdpbound.plotting.look import COLUMN, PAGE, FigureSpec
from sdpbound.study.file.spec import read_spec
from sdpbound.study.out import charts
from sdpbound.study.out.figures import draw, load_script
from sdpbound.study.running.run import run_study
from sdpbound.tables.columns import COLUMNS
from sdpbound.tables.table import Table, read_table

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

NEAR = """
name = "small"
figure = "near_local_boundary"
visibilities = [1, 0.99]
observed = ["correlators", "bell"]
adversaries = ["no-signaling", { model = "quantum", level = "1+AB" }]
quantities = ["guess_local", "key_rate", "randomness_global"]

[family]
kind = "singlet"
at_chsh = [2.4, 2.5]
phi = "pi/2 - 0.05"
best_of = { contour = 4, models = "quantum" }
"""
TINY = """
name = "tiny"
title = "Tiny"
quantities = ["chsh"]
[family]
kind = "singlet"
theta = [0.5, 1.0]
phi = 1.5
omega = 2.6
"""


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "figures" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


gallery = load("gallery")
FIGURES = {module.FIGURE.name: module for module in gallery.figures()}


def computed(folder: Path, text: str, name: str) -> Path:
    """The table of a study."""
    path = folder / "studies" / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return run_study(path, folder / "results" / name, workers=0, progress=False).table


# -- declarations and gallery ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FIGURES)
def test_declaration(name: str) -> None:
    module, about = FIGURES[name], FIGURES[name].FIGURE
    assert module.__doc__ and len(about.caption) > 100 and about.caption.endswith(".") and about.alt.endswith(".")
    assert about.caption.isascii()  # as plain text in the metadata of PDF
    if about.computed:
        assert not about.studies and callable(module.compute)
        return
    specs = [read_spec(ROOT / "studies" / f"{study}.toml") for study in about.studies]
    assert [spec.name for spec in specs] == list(about.studies)
    assert name in [spec.figure for spec in specs]


def test_gallery_is_up_to_date() -> None:
    """The page is the one that `make figures` writes."""
    page = (DOCS / "gallery.md").read_text(encoding="utf-8")
    assert page == gallery.page([module.FIGURE for module in FIGURES.values()])
    for name in FIGURES:
        assert f"]({name}.png)" in page and f"figures/{name}.py" in page


@pytest.mark.parametrize("name", FIGURES)
def test_gallery_picture(name: str) -> None:
    with Image.open(DOCS / f"{name}.png") as image:
        assert min(abs(image.width * 2.54 / 200 - width) for width in (COLUMN, PAGE)) < 0.02
        assert image.text["Description"] == FIGURES[name].FIGURE.caption
        assert all(
            f"table {study}.csv; study {study}; sha256 " in image.text["Source"]
            for study in FIGURES[name].FIGURE.studies
        )
        if FIGURES[name].FIGURE.computed:
            assert image.text["Source"].startswith(f"table {name}.csv; sha256 ")
        assert image.convert("RGB").getpixel((1, 1)) == (255, 255, 255)
    assert (DOCS / f"{name}.png").stat().st_size < 250_000


def test_gallery_says_what_makes_a_table(tmp_path: Path) -> None:
    about = FIGURES["paper_figure_1"].FIGURE
    with pytest.raises(InvalidStudy, match=r"`sdpbound run studies/paper_figure_1\.toml` makes it"):
        gallery.tables(about, tmp_path, run=False)
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "plain.py").write_text("def draw(table, output): ...")
    with pytest.raises(InvalidStudy, match="declares no FIGURE"):
        gallery.figures(tmp_path / "figures")


def test_gallery_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "studies" / "paper_figure_2.toml").read_text(encoding="utf-8").replace("count = 121", "count = 13")
    computed(tmp_path, text, "paper_figure_2")
    (tmp_path / "docs").mkdir()
    folders = ["--results", str(tmp_path / "results"), "--docs", str(tmp_path / "docs")]
    monkeypatch.setattr("sys.argv", ["gallery.py", "paper_figure_2", *folders])
    gallery.main()
    assert len(capsys.readouterr().out.split()) == 2
    assert sorted(p.name for p in (tmp_path / "docs").iterdir()) == ["gallery.md", "paper_figure_2.png"]
    monkeypatch.setattr("sys.argv", ["gallery.py", "nothing", *folders])
    with pytest.raises(SystemExit, match="no figure 'nothing'; the figures are"):
        gallery.main()


# -- the figures ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return computed(tmp_path_factory.mktemp("near"), NEAR, "small")


def check(paths: Iterable[Path], about: FigureSpec, table: Path) -> None:
    sha = read_table(table).metadata["sha256"].encode()
    for path in paths:
        assert sha in path.read_bytes() and about.title.encode() in path.read_bytes()


@pytest.mark.parametrize("number", [1, 2])
def test_paper_figures(number: int, tmp_path: Path) -> None:
    name = f"paper_figure_{number}"
    text = (ROOT / "studies" / f"{name}.toml").read_text(encoding="utf-8")
    assert text.count("count = 121") == 2  # the corners and the maxima are on the grid of 13 as well
    table = computed(tmp_path, text.replace("count = 121", "count = 13"), name)
    paths = FIGURES[name].draw(table, tmp_path)
    assert [p.name for p in paths] == [f"{name}.pdf", f"{name}.png"]
    check(paths, FIGURES[name].FIGURE, table)
    with pytest.raises(InvalidStudy, match="has no rows for this chart"):
        FIGURES[name].gridded(read_table(table).where(quantity="key_rate"), "theta", "phi")
    if number == 1:  # condition (4) holds inside the triangles of the paper, and nowhere else
        t, p, condition = FIGURES[name].gridded(read_table(table).where(quantity="condition"), "theta", "phi")
        t, p = np.meshgrid(t / np.pi, p / np.pi)
        inside = (t > 1e-9) & (t < 1 - 1e-9) & (abs(p) < 0.5 - 1e-9) & ((t - 0.5) * (t + p - 0.5) < -1e-9)
        assert np.array_equal(condition < -1e-9, inside) and inside.any()


def test_paper_figures_marks() -> None:
    """The crosses and lines stand where the closed forms have them."""
    first, second = FIGURES["paper_figure_1"], FIGURES["paper_figure_2"]
    for theta, phi in first.MAXIMA:
        assert np.isclose(singlet_chsh(np.pi * theta, np.pi * phi, np.pi), 1.5 * np.sqrt(3))
    for theta, omega in second.MAXIMA:
        assert np.isclose(singlet_chsh(np.pi * theta, np.pi / 2, np.pi * omega), 2.5)
    for theta, omega in second.RANDOMNESS_MAXIMA:
        assert np.isclose(singlet_chsh(np.pi * theta, np.pi / 2, np.pi * omega), 1 + np.sqrt(2))
    t = np.linspace(0, 2 * np.pi, 101)
    for theta, omega in ((t, 1.5 * np.pi), (np.pi, t), (t, 1.5 * np.pi - t), (t, 2.5 * np.pi - t)):
        assert np.allclose(singlet_chsh(theta, np.pi / 2, omega), 2.0)


def test_series_takes_the_best_point(near: Path) -> None:
    module = FIGURES["near_local_boundary"]
    part = read_table(near).where(observed="bell", quantity="key_rate", model="quantum", visibility=0.99)
    s, curve = module.series(part)
    same, best = module.series(part, best=True)
    assert np.allclose(s, [2.4, 2.5]) and np.array_equal(s, same)
    assert (best >= curve).all() and (best > curve).any()
    assert best.max() == part["value"].max()


def test_side_by_side(tmp_path: Path) -> None:
    text = (ROOT / "studies" / "side_by_side.toml").read_text(encoding="utf-8")
    start, end = text.index("visibilities ="), text.index("quantities =")
    text = text[:start] + "visibilities = [1, 0.995, 0.97, 0.95, 0.94]\n" + text[end:]
    table = computed(tmp_path, text.replace("[2.1, 2.3, 2.5]", "2.3"), "side_by_side")
    module = FIGURES["side_by_side"]
    rows, found = read_table(table), {}
    for quantity, entropy in module.CURVES:
        v, rate = module.curve(rows, quantity, entropy)
        assert np.array_equal(v, [0.94, 0.95, 0.97, 0.995, 1.0])  # each row in one curve only
        found[quantity, entropy] = module.death(v, rate)
    order = [found[key] for key in module.CURVES][:4]
    assert order == sorted(order) and np.allclose(order, [0.951, 0.969, 0.969, 0.977], atol=4e-3)
    assert np.isnan(module.death(np.array([0.9, 1.0]), np.array([0.1, 0.2])))
    assert module.death(np.array([0.8, 0.9, 1.0]), np.array([-0.3, -0.1, 0.1])) == pytest.approx(0.95)
    check(module.draw(table, tmp_path), module.FIGURE, table)


# -- which one is drawn ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_drawing_never_solves(near: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a figure solved a program")

    for solver in (sb.Clarabel, sb.Cvxpy, sb.Highs, sb.Qics, sb.Scs, sb.Sdpa):
        monkeypatch.setattr(solver, "solve", refuse)
    shutil.copytree(ROOT / "figures", tmp_path / "figures")
    study = tmp_path / "studies" / "small.toml"
    study.parent.mkdir()
    study.write_text(NEAR, encoding="utf-8")
    paths = draw(study, near, tmp_path / "out", run_script=True)
    name = "near_local_boundary"
    assert [p.name for p in paths] == [f"{name}.pdf", f"{name}.png", f"{name}_column.pdf", f"{name}_column.png"]
    check(paths, FIGURES[name].FIGURE, near)
    assert [p.name for p in draw(study, near, tmp_path / "out")] == ["small.pdf", "small.png"]
    study.write_text(NEAR.replace("figure =", "title ="), encoding="utf-8")
    assert [p.name for p in draw(study, near, tmp_path / "out")] == ["small.pdf", "small.png"]


def test_draw_finds_the_script(tmp_path: Path) -> None:
    table = computed(tmp_path, TINY, "tiny")
    study, script = tmp_path / "studies" / "tiny.toml", tmp_path / "figures" / "mine.py"
    study.write_text('figure = "mine"\n' + TINY, encoding="utf-8")
    with pytest.raises(InvalidStudy, match=r"mine\.py' does not exist"):
        draw(study, table, tmp_path, run_script=True)
    script.parent.mkdir()
    script.write_text("", encoding="utf-8")
    with pytest.raises(InvalidStudy, match="has no function draw"):
        draw(study, table, tmp_path, run_script=True)
    script.write_text("def draw(table, output):\n    return [output / table.name]\n", encoding="utf-8")
    assert draw(study, table, tmp_path / "out", run_script=True) == [tmp_path / "out" / "tiny.csv"]
    with pytest.raises(InvalidStudy, match="cannot be read"):
        draw(study, tmp_path / "missing.csv", tmp_path, run_script=True)
    table.write_text(table.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    assert draw(study, table, tmp_path) == []  # nothing is computed yet


def test_a_figure_of_two_studies(tmp_path: Path) -> None:
    own, other = computed(tmp_path, TINY, "tiny"), tmp_path / "results" / "other" / "other.csv"
    study, script = tmp_path / "studies" / "tiny.toml", tmp_path / "figures" / "two.py"
    study.write_text('figure = "two"\n' + TINY, encoding="utf-8")
    script.parent.mkdir()
    text = (
        "from sdpbound.plotting import FigureSpec\n"
        "FIGURE = FigureSpec('two', 'Two', ('other', 'tiny'), 'c')\n"
        "def draw(first, second, output):\n    return [first, second, output]\n"
    )
    script.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidStudy, match=r"`sdpbound run studies/other\.toml` makes it"):
        draw(study, own, tmp_path, run_script=True)
    other.parent.mkdir()
    other.touch()
    assert draw(study, own, tmp_path, run_script=True) == [other.resolve(), own, tmp_path]
    script.write_text(text.replace("'tiny')", "'third')"), encoding="utf-8")
    with pytest.raises(InvalidStudy, match="'tiny' is none of them"):
        draw(study, own, tmp_path, run_script=True)


def test_load_script_keeps_no_trace(tmp_path: Path) -> None:
    import sys

    script = tmp_path / "a.py"
    script.write_text("draw = print", encoding="utf-8")
    before = set(sys.modules)
    assert load_script(script).draw is print
    assert set(sys.modules) == before


# -- the default chart ----------------------------------------------------------------------------------------------

ROW = dict.fromkeys(COLUMNS) | {
    "study": "s", "point": "0", "where": "grid", "theta": 1.0, "phi": 1.5, "omega": 2.6, "chsh_ideal": 2.4,
    "visibility": 1.0, "observed": "bell", "model": "quantum", "level": "2", "quantity": "key_rate", "x": 0, "y": 0,
    "side": "lower", "status": "optimal", "value": 0.5,
}  # fmt: skip


def table(rows: Iterable[dict[str, Any]]) -> Table:
    return Table(tuple(ROW | row for row in rows), {"sha256": "00"}, "s.csv")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Draw a table; returns the figures themselves."""

    def call(rows: Iterable[dict[str, Any]]) -> list[Any]:
        figures: list[Any] = []

        def keep(fig: Any, stem: Path, about: FigureSpec, tables: list[Table], formats: object) -> list[Path]:
            fig.draw_without_rendering()
            figures.append(fig)
            return [stem]

        monkeypatch.setattr(charts, "save", keep)
        paths = charts.draw_default(table(rows), tmp_path, "s", "Title")
        assert paths == [tmp_path / name for name in ["s", *(f"s_{i}" for i in range(2, len(figures) + 1))]]
        return figures

    return call


def words(fig: Any) -> list[str]:
    return [text.get_text() for legend in fig.legends for text in legend.get_texts()]


def test_chart_of_a_curve(drawn: Any) -> None:
    rows = [
        {"where": "curve", "chsh_ideal": s, "theta": s - 1.5, "visibility": v, "model": m, "level": None,
         "value": v * s}
        for s in (2.1, 2.2, 2.3) for v in (0.9, 1.0) for m in ("quantum", "local")
    ]  # fmt: skip
    rows[0] |= {"value": None, "status": "failed"}
    rows[1] |= {"value": None, "status": "infeasible"}
    rows.append(rows[-1] | {"where": "best", "theta": 0.3, "value": 3.0})
    (fig,) = drawn(rows)
    (axes,) = fig.axes
    assert "CHSH value $S$" in axes.get_xlabel() and axes.get_ylabel() == "key rate (bits per round), x=0, y=0"
    assert axes.get_title(loc="left") == "lower bound, Bell value tested"
    expected = {"$v=1$", "$v=0.9$", "quantum", "local", "best point found", "failed (1)", "infeasible (1)"}
    assert set(words(fig)) == expected and len(words(fig)) == len(expected)
    lines = {(line.get_color(), str(line.get_linestyle())): line for line in axes.get_lines()}
    dark = charts.sequence(2)[0]
    assert np.allclose(lines[dark, "-"].get_ydata(), [2.1, 2.2, 2.3])
    assert (dark, "--") in lines  # the second adversary


def test_chart_of_both_sides(drawn: Any) -> None:
    """An attack is a cross in the panel of the bound, in its colour; other options keep a panel of their own."""
    bound = {"quantity": "key_rate", "options": "von Neumann 0.001", "level": None}
    attack = {"quantity": "key_rate_attack", "side": "upper", "method": "attack", "level": None}
    places = [(t, v) for t in (0.7, 0.8, 0.9) for v in (0.98, 1.0)]
    rows = [{"theta": t, "visibility": v, "value": t * v} | bound for t, v in places]
    rows += [{"theta": t, "visibility": v, "value": t * v + 0.01} | attack for t, v in places]
    rows += [rows[-1] | {"options": "merge 01"}]
    rows[-2] |= {"value": None, "status": "infeasible"}
    (fig,) = drawn(rows)
    axes, other = fig.axes
    assert axes.get_title(loc="left") == "(a) bound and attack\nBell value tested"
    assert other.get_title(loc="left").startswith("(b) upper bound")
    assert axes.get_ylabel().endswith("von Neumann entropy within 0.001")
    crosses = [line for line in axes.get_lines() if line.get_marker() == "x"]
    assert np.allclose(
        sorted(float(c.get_ydata()[0]) for c in crosses)[:5], sorted(t * v + 0.01 for t, v in places)[:5]
    )
    assert {c.get_color() for c in crosses} == set(charts.sequence(2))
    assert "attack (upper bound)" in words(fig) and "infeasible (1)" in words(fig)
    assert "crosses are attacks" in charts.caption_of(table(rows), charts.panels_of(table(rows)), 0)


def test_chart_of_names(drawn: Any) -> None:
    """Points that have names are no axis of numbers: their names are below, and no line joins them."""
    names = ("Tsirelson", "a box with a long name", "5 $ noise")
    rows = [{"point": n, "theta": float(i), "value": 0.1 * i} for i, n in enumerate(names)]
    (fig,) = drawn(rows)
    (axes,) = fig.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == [names[0], "a box with a lo...", "5 \\$ noise"]
    assert axes.get_xlabel() == "" and all(line.get_linestyle() == "None" for line in axes.get_lines())
    (panel,) = charts.panels_of(table(row | {"point": "3"} for row in rows))
    assert panel.names("theta") == {}


def test_chart_of_a_grid(drawn: Any) -> None:
    places = [(t, w) for t in np.linspace(0.5, 1.5, 12) for w in np.linspace(2, 3, 10)]
    rows = [{"theta": t, "omega": w, "value": t * w, "model": m} for t, w in places for m in ("quantum", "local")]
    rows[0] |= {"value": None, "status": "failed"}
    (fig,) = drawn(rows)
    maps = [axes for axes in fig.axes if axes.get_xlabel()]
    assert [(m.get_xlabel(), m.get_ylabel()) for m in maps] == [(r"$\theta$ (rad)", r"$\omega$ (rad)")] * 2
    values = maps[0].collections[0].get_array()
    assert values.shape == (10, 12) and values.mask.sum() == 1 and np.isclose(values[-1, -1], 4.5)
    assert words(fig) == ["failed (1)"]


def test_chart_of_one_point(drawn: Any) -> None:
    rows = [{"value": 0.123456789}, {"model": "local", "level": None, "value": None, "status": "infeasible"}]
    (fig,) = drawn(rows)
    (axes,) = fig.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["quantum, level 2", "local"]
    assert [text.get_text() for text in axes.texts] == ["0.123456"]  # rounded to its side
    assert words(fig) == ["infeasible (1)"]


def test_chart_slices_what_it_cannot_colour(drawn: Any) -> None:
    rows = [
        {"theta": t, "omega": w, "phi": p, "visibility": v, "value": t}
        for t in (1.0, 1.1, 1.2, 1.3) for w in (2.0, 2.1, 2.2) for p in (1.4, 1.5) for v in (0.9, 1.0)
    ]  # fmt: skip
    (fig,) = drawn(rows)
    titles = [axes.get_title(loc="left") for axes in fig.axes]
    assert len(titles) == 6 and titles[0] == "(a) lower bound\nBell value tested, $\\omega=2$, $\\phi=1.4$"


def test_titles_stay_within_narrow_panels(drawn: Any) -> None:
    rows = [{"quantity": f"q{i}", "observed": "full", "value": 1.0} for i in range(3)]
    (fig,) = drawn(rows)
    assert fig.axes[0].get_title(loc="left") == "(a) lower bound\nfull behaviour tested"


def test_chart_of_many_panels_goes_on(drawn: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "PANELS", 2)
    monkeypatch.setattr(charts, "PAGES", 2)
    rows = [{"quantity": f"q{i}", "side": "upper"} for i in range(5)]
    figures = drawn(rows)
    assert [len(fig.axes) for fig in figures] == [2, 2]
    assert "1 further panels" in charts.caption_of(table(rows), [], 1)


def test_chart_of_nothing(tmp_path: Path) -> None:
    assert charts.draw_default(table([]), tmp_path, "s") == []
