"""Pictures: what they show, into given axes or new ones."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

import sdpbound as sb
from sdpbound.boxes import single_box_partition
from sdpbound.study import Study, run_study
from tests.showing.samples import length, threshold
from tests.support import SMALL_STUDY

ENVELOPE = sb.EntropyEnvelope(np.linspace(2, 2.5, 30), np.linspace(0, 0.4, 30), (2.0, 2.5), (), 1e-3, True)


@pytest.fixture
def axes() -> Any:
    return Figure().subplots()


def test_a_behaviour(axes: Any) -> None:
    p = sb.SingletSelfTest(1.0, 1.2, 2.6).behaviour(0.9)
    assert p.plot(axes, cmap="Greens") is axes
    (image,) = axes.get_images()
    assert image.get_cmap().name == "Greens"
    table = np.asarray(image.get_array())
    assert np.allclose(table[:2, :2], p.p[:, :, 0, 0]) and np.allclose(table[2:, :2], p.p[:, :, 1, 0])
    assert [t.get_text() for t in axes.get_xticklabels()] == ["y=0 b=0", "y=0 b=1", "y=1 b=0", "y=1 b=1"]
    assert len(axes.lines) == 2  # a line between settings, each way


def test_curves_and_points(axes: Any) -> None:
    ENVELOPE.plot(axes, color="red")
    assert np.array_equal(axes.lines[0].get_ydata(), ENVELOPE.values) and axes.lines[0].get_color() == "red"
    assert axes.lines[1].get_ydata().tolist() == [0.0, 0.4]
    axes.clear()
    threshold().plot(axes)
    points = {line.get_marker(): line.get_xdata()[0] for line in axes.lines[1:]}
    assert points == {"^": 0.95, "v": 0.9}
    assert any("≥" in t.get_text() for t in axes.get_legend().get_texts())
    with pytest.raises(sb.InvalidInput, match="no proven point"):
        replace(threshold(), alive=None, dead=None).plot(axes)


def test_bars(axes: Any) -> None:
    length().plot(axes)
    left = [(bar.get_x(), bar.get_width()) for bar in axes.patches]
    assert left == [(0.0, 2000.0), (2000.0, -765.5), (0.0, 1234.5)]
    axes.clear()
    single_box_partition(0.1).plot(axes)
    assert sum(bar.get_height() for bar in axes.containers[0]) == pytest.approx(1.0)
    with pytest.raises(sb.InvalidInput, match="ax must be an Axes"):
        length().plot(3)


def test_new_axes_have_the_style_that_is_set() -> None:
    from matplotlib import pyplot

    with sb.style("nature", columns=2, height=5):
        made = ENVELOPE.plot()
        assert mpl.rcParams["font.family"] == ["sans-serif"]
    assert np.allclose(2.54 * made.figure.get_size_inches(), [18.3, 5.0])
    pyplot.close(made.figure)
    with pytest.raises(sb.InvalidParameter, match="did you mean 'nature'"), sb.style("natur"):
        pass
    with pytest.raises(sb.InvalidParameter, match="columns = 3"), sb.style(columns=3):
        pass
    with pytest.raises(sb.InvalidParameter, match="height = 0"), sb.style(height=0):
        pass


def test_studies(tmp_path: Path, axes: Any) -> None:
    path = tmp_path / "small.toml"
    path.write_text(SMALL_STUDY)
    study = Study.load(path)
    with pytest.raises(sb.InvalidInput, match="run the study first"):
        study.plot(axes)
    result = run_study(path, workers=0, progress=False)
    study.plot(axes)
    assert any(len(line.get_xdata()) == 5 for line in axes.lines) and axes.get_xlabel()
    table = study.table()
    for thing, word in (
        (study, "small"),
        (study.status(), "5 of 5"),
        (result, "5 of 5 rows have a value"),
        (table, "small.sqlite"),
    ):
        assert word in thing._repr_html_()
    with pytest.raises(sb.InvalidInput, match="no keywords, not color"):
        table.plot(axes, color="red")
    with pytest.raises(sb.InvalidInput, match="no rows"):
        table.where(quantity="nothing").plot(axes)


@pytest.mark.slow
def test_a_card_loads_nothing_that_draws() -> None:
    code = "import sys, sdpbound as sb; sb.chsh()._repr_html_(); print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "False"
