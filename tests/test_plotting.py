"""Figures: the style, what is saved, and that every script draws."""

from __future__ import annotations

import importlib.util
import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import matplotlib as mpl
import numpy as np
import pytest

from sdpbound import singlet_chsh
from sdpbound.plotting import COLUMN, PAGE, figure, light_viridis, provenance, save, sequence, style
from sdpbound.study import Table, draw, read_table, run_study

ROOT = Path(__file__).parents[1]

STUDY = """
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
best_of = { contour = 6, models = "quantum" }
"""


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "figures" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    path = folder / "small.toml"
    path.write_text(STUDY, encoding="utf-8")
    return run_study(path, folder, workers=0, progress=False).table


def check(paths: list[Path], width: float) -> None:
    """A PDF with embedded TrueType fonts and a PNG, both of this width in cm."""
    pdf, png = paths
    text = pdf.read_bytes()
    assert text.startswith(b"%PDF") and len(text) > 5000
    box = re.search(rb"/MediaBox \[ ([\d. ]+) \]", text)
    assert box is not None
    assert abs(float(box[1].split()[2]) * 2.54 / 72 - width) < 0.01
    assert b"/FontFile2" in text and b"/Type0" in text and b"/Type3" not in text
    header = png.read_bytes()[:33]
    assert header.startswith(b"\x89PNG")
    assert abs(struct.unpack(">I", header[16:20])[0] / 300 * 2.54 - width) < 0.02


def test_style_leaves_no_trace() -> None:
    before = dict(mpl.rcParams)
    with style(font__size=5.0):
        assert mpl.rcParams["pdf.fonttype"] == 42 and mpl.rcParams["font.size"] == 5.0
    assert dict(mpl.rcParams) == before


def test_text_is_legible() -> None:
    with style():
        sizes = [
            mpl.rcParams[key] for key in ("xtick.labelsize", "axes.labelsize", "legend.fontsize", "axes.titlesize")
        ]
    assert min(sizes) >= 7.0


def luminance(colour: str) -> float:
    rgb = np.array(mpl.colors.to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_colours_are_ordered_in_lightness() -> None:
    for colours in (sequence(5), [mpl.colors.to_hex(light_viridis()(v)) for v in np.linspace(0, 1, 9)]):
        assert np.all(np.diff([luminance(c) for c in colours]) > 0.02)
    assert sequence(1) == sequence(5)[:1]


@pytest.mark.parametrize("width", [COLUMN, PAGE])
def test_save(width: float, tmp_path: Path) -> None:
    table = Table((), {"sha256": "ab" * 32, "sdpbound": "0", "git_commit": "cd" * 20}, "name.csv")
    origin = provenance(table, note="extra")
    assert origin == {"table": "name.csv", "sha256": "ab" * 32, "sdpbound": "0", "commit": "cd" * 20, "note": "extra"}
    files = []
    for folder in ("one", "two"):
        with style():
            fig = figure(width, 5.0)
            fig.add_subplot().plot([0, 1], [0, 1])
            files.append(save(fig, tmp_path / folder / "plot", origin))
    check(files[0], width)
    assert [p.read_bytes() for p in files[0]] == [p.read_bytes() for p in files[1]]
    for path in files[0]:
        text = path.read_bytes()
        assert b"name.csv" in text and b"ab" * 32 in text and b"cd" * 20 in text


@pytest.mark.parametrize("number", [1, 2])
def test_paper_figures(number: int, tmp_path: Path) -> None:
    name = f"paper_figure_{number}"
    done = subprocess.run(
        [sys.executable, str(ROOT / "figures" / f"{name}.py"), str(tmp_path)],
        capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(tmp_path / f"{name}.{suffix}") for suffix in ("pdf", "png")]
    check([tmp_path / f"{name}.pdf", tmp_path / f"{name}.png"], COLUMN)


def test_paper_figures_marks() -> None:
    """The crosses and triangles stand where the closed forms have them."""
    from sdpbound import singlet_condition

    first, second = script("paper_figure_1"), script("paper_figure_2")
    for theta, phi in first.MAXIMA:
        assert np.isclose(singlet_chsh(np.pi * theta, np.pi * phi, np.pi), 1.5 * np.sqrt(3))
    for corners in first.TRIANGLES:
        corners = np.array(corners) * np.pi
        centre = corners.mean(axis=0)
        inside = corners + 0.01 * (centre - corners)
        for theta, phi in [*inside, centre]:
            assert singlet_condition(theta, phi, np.pi) < 0
            assert singlet_chsh(theta, phi, np.pi) > 2
        for theta, phi in (corners + np.roll(corners, 1, axis=0)) / 2:
            assert abs(singlet_condition(theta, phi, np.pi)) < 1e-12
    for theta, omega in second.MAXIMA:
        assert np.isclose(singlet_chsh(np.pi * theta, np.pi / 2, np.pi * omega), 2.5)
    for theta, omega in second.RANDOMNESS_MAXIMA:
        assert np.isclose(singlet_chsh(np.pi * theta, np.pi / 2, np.pi * omega), 1 + np.sqrt(2))
    t = np.linspace(0, 2 * np.pi, 101)
    for theta, omega in ((t, 1.5 * np.pi), (np.pi, t), (t, 1.5 * np.pi - t), (t, 2.5 * np.pi - t)):
        assert np.allclose(singlet_chsh(theta, np.pi / 2, omega), 2.0)


def test_chart_from_a_table(table: Path, tmp_path: Path) -> None:
    paths = script("near_local_boundary").draw(table, tmp_path)
    assert [p.name for p in paths] == [
        "near_local_boundary.pdf",
        "near_local_boundary.png",
        "near_local_boundary_column.pdf",
        "near_local_boundary_column.png",
    ]
    check(paths[:2], PAGE)
    check(paths[2:], COLUMN)
    sha = read_table(table).metadata["sha256"].encode()
    assert all(sha in path.read_bytes() for path in paths)


def test_chart_never_solves(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sdpbound import bounds

    def refuse(*_: object) -> None:
        raise AssertionError("a figure solved a program")

    monkeypatch.setattr(bounds, "_run", refuse)
    study = tmp_path / "studies" / "small.toml"
    study.parent.mkdir()
    study.write_text(STUDY, encoding="utf-8")
    (tmp_path / "figures").mkdir()
    source = (ROOT / "figures" / "near_local_boundary.py").read_text(encoding="utf-8")
    (tmp_path / "figures" / "near_local_boundary.py").write_text(source, encoding="utf-8")
    assert len(draw(study, table, tmp_path / "out")) == 4


def test_series_takes_the_best_point(table: Path) -> None:
    chart = script("near_local_boundary")
    part = read_table(table).where(observed="bell", quantity="key_rate", model="quantum", visibility=0.99)
    s, curve = chart.series(part)
    same, best = chart.series(part, best=True)
    assert np.allclose(s, [2.4, 2.5]) and np.array_equal(s, same)
    assert (best >= curve).all() and (best > curve).any()
    assert best.max() == part["value"].max()
