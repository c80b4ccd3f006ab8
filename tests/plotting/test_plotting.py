"""Figures: the style, what is saved with them, and helpers for drawing."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from sdpbound.errors import InvalidParameter, InvalidStudy
from sdpbound.plotting.look import (
    COLUMN,
    PAGE,
    FigureSpec,
    figure,
    gridded,
    light_viridis,
    main,
    provenance,
    save,
    sequence,
    stripes,
    style,
)
from sdpbound.tables.columns import COLUMNS
from sdpbound.tables.table import Table

ABOUT = FigureSpec("plot", "A title", ("name",), caption="What is seen.", alt="A line.")


def table(*rows: dict[str, object], name: str = "name.csv") -> Table:
    metadata = {"sha256": "ab" * 32, "sdpbound": "0", "git_commit": "cd" * 20}
    return Table(tuple(dict.fromkeys(COLUMNS) | row for row in rows), metadata, name)


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


def test_provenance() -> None:
    one = f"table name.csv; sha256 {'ab' * 32}; sdpbound 0; commit {'cd' * 20}"
    assert provenance([table()]) == one
    assert provenance([table(), table(name="b.csv")]) == f"{one} / {one.replace('name', 'b')}"
    assert provenance([Table((), {}, "bare.csv")]) == "table bare.csv"


@pytest.mark.parametrize("width", [COLUMN, PAGE])
def test_save(width: float, tmp_path: Path) -> None:
    files = []
    for folder in ("one", "two"):
        with style():
            fig = figure(width, 5.0)
            fig.add_subplot().plot([0, 1], [0, 1])
            files.append(save(fig, tmp_path / folder / "plot", ABOUT, [table()]))
    assert [p.read_bytes() for p in files[0]] == [p.read_bytes() for p in files[1]]
    assert [p.name for p in (tmp_path / "one").iterdir() if p.suffix == ".partial"] == []
    pdf, png = files[0]
    for path in files[0]:
        text = path.read_bytes()
        assert all(part in text for part in (b"A title", b"What is seen.", b"name.csv", b"ab" * 32, b"cd" * 20))
    text = pdf.read_bytes()
    assert text.startswith(b"%PDF") and b"/Subject" in text and b"/Keywords" in text and b"CreationDate" not in text
    box = re.search(rb"/MediaBox \[ ([\d. ]+) \]", text)
    assert box is not None and abs(float(box[1].split()[2]) * 2.54 / 72 - width) < 0.01
    assert b"/FontFile2" in text and b"/Type0" in text and b"/Type3" not in text  # TrueType, embedded
    header = png.read_bytes()[:33]
    assert header.startswith(b"\x89PNG")
    assert abs(struct.unpack(">I", header[16:20])[0] / 300 * 2.54 - width) < 0.02


def test_other_formats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = []
    for folder in ("one", "two"):
        with style():
            fig = figure(COLUMN, 5.0)
            fig.add_subplot().plot([0, 1], [0, 1])
            files += save(fig, tmp_path / folder / "plot", ABOUT, [table()], ("svg",))
    first, second = (path.read_bytes() for path in files)
    assert first == second and all(part in first for part in (b"A title", b"What is seen.", b"ab" * 32))
    with pytest.raises(InvalidParameter, match="must be pdf, png, svg or pgf"):
        save(fig, tmp_path / "plot", ABOUT, [table()], ("gif",))
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(InvalidParameter, match="needs LaTeX"):
        save(fig, tmp_path / "plot", ABOUT, [table()], ("pgf",))
    assert not list(tmp_path.glob("plot*"))


def test_pgf_is_a_picture_for_latex(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: "/a/latex" if name == "pdflatex" else None)
    # sizes of texts are what matplotlib asks a LaTeX for; these are near
    measured = "matplotlib.backends.backend_pgf.RendererPgf.get_text_width_height_descent"
    monkeypatch.setattr(measured, lambda renderer, text, *rest: (7.0 * len(text), 12.0, 3.0))
    with style():
        fig = figure(COLUMN, 5.0)
        axes = fig.add_subplot()
        axes.plot([-1, 1], [-1, 1], label="100 % of $S-2$")
        axes.set_xlabel(r"losses $1-\eta$")
        axes.legend()
        (path,) = save(fig, tmp_path / "plot", ABOUT, [table()], ("pgf",))
        text = path.read_text(encoding="utf-8")
        assert text.startswith("%% Title: A title\n%% Description: What is seen.\n%% Source: table")
        drawn = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
        assert drawn.count("{") == drawn.count("}")
        for name in re.findall(r"\\begin{(\w+)}", drawn):  # what is begun is ended
            assert drawn.count(f"\\begin{{{name}}}") == drawn.count(f"\\end{{{name}}}")
        assert r"1-\eta" in drawn and r"\catcode`\%=\active" in drawn and "\\includegraphics" not in drawn
        assert drawn.isascii()  # as any LaTeX reads it; minus signs of negative ticks are mathematics
        width = re.search(r"pgfqpoint{([\d.]+)in}", drawn)
        assert width is not None and float(width[1]) * 2.54 == pytest.approx(COLUMN, abs=1e-3)
        axes.pcolormesh(np.eye(2), rasterized=True)
        with pytest.raises(InvalidParameter, match="cannot be PGF"):
            save(fig, tmp_path / "map", ABOUT, [table()], ("pgf",))
    assert not list(tmp_path.glob("map*"))


def test_gridded() -> None:
    rows = [{"theta": t, "phi": p, "value": None if t == p else t + 10 * p} for p in (2.0, 1.0) for t in (3.0, 1.0)]
    x, y, values = gridded(table(*rows, {"theta": 5.0, "phi": 2.0, "value": 0.5}), "theta", "phi")
    assert x.tolist() == [1, 3, 5] and y.tolist() == [1, 2]
    assert np.array_equal(values, [[np.nan, 13, np.nan], [21, 23, 0.5]], equal_nan=True)
    with pytest.raises(InvalidStudy, match=r"several rows for one \(theta, phi\)"):
        gridded(table(*rows, rows[0]), "theta", "phi")
    with pytest.raises(InvalidStudy, match="has no rows"):
        gridded(table(), "theta", "phi")


def test_stripes(tmp_path: Path) -> None:
    """Curves that coincide share the stretch: each has as long a part of it, and they do not overlap."""
    x = np.arange(6.0)
    curves = [np.zeros(6), np.where(x < 3, 0.001, 5.0), np.full(6, np.nan)]
    with style():
        axes = figure(8, 8).add_subplot()
        stripes(axes, x, curves, ["#000001", "#000002", "#000003"], 0.01, linewidth=1.0)
        lines = axes.get_lines()[3:]
        axes.figure.savefig(tmp_path / "stripes.svg")
    assert [line.get_color() for line in lines] == ["#000001", "#000002"]
    assert all(line.get_xdata().tolist() == [0, 1, 2] and (line.get_ydata() == 0).all() for line in lines)
    styles = re.findall(
        r'style="[^"]*stroke-dasharray[^"]*stroke: #00000[12]', (tmp_path / "stripes.svg").read_text(encoding="utf-8")
    )
    dashes = [tuple(map(float, re.findall(r"stroke-dasharray: ([\d.]+),([\d.]+)", text)[0])) for text in styles]
    offsets = [float(re.findall(r"stroke-dashoffset: (-?[\d.]+)", text)[0]) for text in styles]
    assert len(styles) == 2 and dashes[0] == dashes[1] and dashes[0][0] == dashes[0][1]
    assert abs(offsets[0] - offsets[1]) == pytest.approx(dashes[0][0])


def test_stripes_only_where_curves_coincide() -> None:
    with style():
        axes = figure(8, 8).add_subplot()
        x = np.arange(5.0)
        stripes(axes, x, [x, x[::-1]], ["#000001", "#000002"], 0.01)  # they cross at one place
        assert len(axes.get_lines()) == 2
        stripes(axes, x[:0], [], [], 0.01)


def test_main(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    def draw(source: Path, output: Path) -> list[Path]:
        if source.name == "bad.csv":
            raise InvalidStudy("it is damaged.")
        return [output / "plot.pdf"]

    def call(*words: str) -> None:
        monkeypatch.setattr("sys.argv", ["plot.py", *words])
        main(ABOUT, draw)

    call("a/name.csv")
    call("a/name.csv", "out")
    assert capsys.readouterr().out.split() == [str(Path("a/plot.pdf")), str(Path("out/plot.pdf"))]
    for words in ((), ("a.csv", "b", "c")):
        with pytest.raises(SystemExit, match=r"usage: python figures/plot.py name.csv \[output folder\]"):
            call(*words)
    with pytest.raises(SystemExit, match="it is damaged"):
        call("bad.csv")


def test_numbers_that_are_not_drawn_coincide_with_nothing() -> None:
    import matplotlib.pyplot as plt

    x = np.arange(4.0)
    with np.errstate(all="raise"):
        fig, axes = plt.subplots()
        stripes(axes, x, [np.array([1.0, np.inf, np.inf, 2.0]), np.array([1.0, np.inf, 3.0, 2.0])], ["C0", "C1"], 1e-3)
        assert len(axes.lines) == 2  # no stripes: nowhere do two places in a row coincide
        plt.close(fig)
