"""The report: one HTML file that needs nothing else, right in structure, numbers and a browser."""

from __future__ import annotations

import base64
import csv
import hashlib
import html
import io
import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sdpbound.errors import InvalidInput
from sdpbound.plotting.look import COLUMN, FigureSpec, figure, save, style
from sdpbound.study.out import report
from sdpbound.study.out.report import write_report
from sdpbound.tables.columns import COLUMNS
from sdpbound.tables.table import Table

ROW = dict.fromkeys(COLUMNS) | {
    "study": "small", "point": "0", "where": "grid", "theta": 1.0, "phi": 1.5, "omega": 2.6, "chsh_ideal": 2.4,
    "visibility": 1.0, "chsh_observed": 2.4, "observed": "bell", "model": "quantum", "level": "2", "solver": "clarabel",
    "quantity": "guess_local", "x": 0, "value": 2 / 3, "side": "upper", "method": "certified", "margin": 1e-9,
    "status": "optimal", "seconds": 0.25,
}  # fmt: skip
NONE = {"value": None, "method": None, "margin": None, "solver": None}
NASTY = "SolverFailure: <script>alert(\"1\")</script> & 'two'"
SPEC = 'name = "small"\ntitle = "<b>& all"\n'
FACTS = {
    "study": {"name": "small", "title": "<b>& all"},
    "sdpbound": "0.1.0",
    "git_commit": "ab" * 20,
    "packages": {"numpy": "2.0"},
    "runs": [{"started": "2030-01-02T03:04:05Z", "seconds": 12.5, "workers": {"processes": 2}}],
}
VOID = {"meta", "img", "input", "br", "hr", "link"}


def table(rows: Iterable[dict[str, Any]]) -> Table:
    return Table(tuple(ROW | row for row in rows), {}, "small.sqlite")


def usual() -> Table:
    rows = [{"point": str(i), "theta": i / 3, "value": (i + 1) / 7, "margin": 2.0 ** -(30 + i % 3)} for i in range(6)]
    rows.append({"quantity": "key_rate", "y": 0, "side": "lower", "value": 2 / 3, "margin": 0.0})
    rows += [
        NONE | {"model": "local", "level": None, "status": "infeasible", "error": f"off by {0.1 * i:.3g}."}
        for i in (1, 2)
    ]
    rows.append(NONE | {"status": "failed", "error": NASTY})
    return table(rows)


class Page(HTMLParser):
    """The elements of a page; asserts that they are balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> at {self.getpos()}"

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["script"], ["style"]):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def picture(folder: Path) -> list[Path]:
    about = FigureSpec("plot", "A plot", ("small",), caption="Upper bounds & more.")
    with style():
        fig = figure(COLUMN, 4.0)
        fig.add_subplot().plot([0, 1], [0, 1])
        return save(fig, folder / "plot", about, [Table((), {"sha256": "cd" * 32}, "small.csv")])


def written(
    folder: Path, content: Table, figures: Iterable[Path] = (), facts: dict[str, Any] = FACTS
) -> tuple[str, Page]:
    path = write_report(folder / "deep" / "small.html", content, SPEC, facts, list(figures))
    assert path == folder / "deep" / "small.html" and [p.name for p in path.parent.iterdir()] == ["small.html"]
    text = path.read_text(encoding="utf-8")
    return text, Page(text)


def test_needs_nothing_else(tmp_path: Path) -> None:
    text, page = written(tmp_path, usual(), picture(tmp_path))
    targets = [a[key] for _, a in page.elements for key in ("src", "href", "srcset", "action", "data") if a.get(key)]
    ids = {a["id"] for _, a in page.elements if "id" in a}
    assert len(targets) > 8
    for target in targets:
        assert target is not None and (target.startswith("data:") or target.removeprefix("#") in ids), target[:80]
    assert not page.all("link") and not page.all("iframe") and not re.search(r"@import|url\(|fetch\(|https?://", text)
    (policy,) = [a["content"] for a in page.all("meta") if "http-equiv" in a]
    assert policy is not None and policy.startswith("default-src 'none'")


def test_is_accessible(tmp_path: Path) -> None:
    _, page = written(tmp_path, usual(), picture(tmp_path))
    assert page.all("html") == [{"lang": "en"}] and len(page.all("h1")) == len(page.all("main")) == 1
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert len(page.all("img")) == 2 and all(len(img["alt"] or "") > 5 for img in page.all("img"))
    assert all("scope" in th for th in page.all("th"))
    labels = {label["for"] for label in page.all("label")}
    assert {field["id"] for field in page.all("input")} == labels
    assert "upper bound" in page.text and "Upper bounds & more." in page.text


def test_everything_is_escaped(tmp_path: Path) -> None:
    text, page = written(tmp_path, usual())
    assert "alert(" in text and "<script>alert" not in text and "<b>" not in text
    assert NASTY in page.text and SPEC in page.text
    assert len(page.all("script")) == 1 and page.all("title") == [{}]


def test_numbers(tmp_path: Path) -> None:
    """Counts, and bounds rounded to their side."""
    _, page = written(tmp_path, usual())
    flat = re.sub(r"\s+", " ", page.text)
    assert "rows 10 certified 7 closed form 0 infeasible 2 failed 1" in re.sub(
        r"(?<=[a-z])(?=\d)", " ", flat.replace("\n", " ")
    )
    (line,) = [s for s in report.summary_of(usual()) if s["quantity"].startswith("key rate")]
    assert (line["least"], line["side"]) == ("0.66666666", "lower bound")
    (line,) = [
        s for s in report.summary_of(usual()) if s["adversary"] == "quantum, level 2" and s["side"] == "upper bound"
    ]
    assert (line["least"], line["most"], line["margin"]) == ("0.14285715", "0.85714286", "9.4e-10")
    assert line["counts"] == {"rows": 7, "certified": 6, "closed form": 0, "infeasible": 0, "failed": 1}
    assert "0.14285715" in page.text and "0.66666666" in page.text and "1.75 s" in flat
    assert "7 rows have a margin; the largest is 9.4e-10; not positive: 1." in flat


@pytest.mark.parametrize(
    ("value", "side", "text"),
    [
        (2 / 3, "upper", "0.66666667"), (2 / 3, "lower", "0.66666666"), (-2 / 3, "lower", "-0.66666667"),
        (2 / 3, "exact", "0.66666667"), (1.0, "lower", "1"), (None, "upper", ""),
        (1.23456789123e-12, "upper", "1.2345679e-12"), (1.23456789123e-12, "lower", "1.2345678e-12"),
        (-1e-30 / 3, "lower", "-3.3333334e-31"),
        (1.219044193948984e-29, "exact", "1.2190442e-29"),
    ],
)  # fmt: skip
def test_bounds_are_rounded_to_their_side(value: float | None, side: str, text: str) -> None:
    assert report.rounded_bound(value, side) == text


def test_failures_are_grouped(tmp_path: Path) -> None:
    _, page = written(tmp_path, usual())
    shown = report.failures_of(usual())["shown"]
    assert [(f["status"], f["count"], f["others"]) for f in shown] == [("failed", 1, 0), ("infeasible", 2, 1)]
    assert shown[1]["places"][0] == "point 0, v = 1, Bell value tested, local, guessing probability, x=0"
    assert "off by 0.1." in page.text and "(and 1 with other numbers)" in page.text
    many = table(NONE | {"status": "failed", "error": "x" * i} for i in range(1, 60))
    assert (len(report.failures_of(many)["shown"]), report.failures_of(many)["left_out"]) == (50, 9)


def test_the_table_in_the_page_and_as_csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "ROWS", 4)
    _, page = written(tmp_path, usual())
    assert "The first 4 of 10 rows" in page.text and "chsh_ideal = 2.4" in page.text
    (link,) = page.all("a")[-1:]
    assert link["download"] == "small.csv" and link["href"] is not None
    text = base64.b64decode(link["href"].split(",")[1]).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == list(COLUMNS) and [r["value"] for r in rows[:2]] == [repr(1 / 7), repr(2 / 7)]
    assert rows[-1]["error"] == NASTY and rows[-1]["value"] == ""
    monkeypatch.setattr(report, "CSV_BYTES", 100)
    _, page = written(tmp_path, usual())
    assert "too large for this page" in page.text and not any("download" in a for a in page.all("a"))


def test_provenance(tmp_path: Path) -> None:
    _, page = written(tmp_path, usual())
    for part in ("ab" * 20, "numpy 2.0", "2030-01-02T03:04:05Z", "processes 2", "sdpbound verify small.toml"):
        assert part in page.text
    runs = [{"sdpbound": "0.1.0", "seconds": 1.5, "packages": {"numpy": v}} for v in ("2.0", "2.1")]
    told = report.runs_of(runs, FACTS)
    assert told == {"columns": ["seconds", "packages"], "rows": [["1.5", "numpy 2.0"], ["1.5", "numpy 2.1"]]}


def test_a_study_without_rows(tmp_path: Path) -> None:
    text, page = written(tmp_path, table([]), facts={})
    assert "No row is finished yet" in page.text and "No row failed" in page.text and "No run is recorded" in page.text
    assert not page.all("script") and "<title>small " in text


def test_figures(tmp_path: Path) -> None:
    pdf, png = picture(tmp_path)
    (tmp_path / "other.svg").write_text("<svg/>")
    _, page = written(tmp_path / "a", usual(), [pdf, png, tmp_path / "other.svg"])
    kinds = [(img["src"] or "").split(";")[0] for img in page.all("img")]
    assert kinds == ["data:image/png", "data:image/svg+xml", "data:image/svg+xml"]  # the last one: margins
    assert f"sha256 {'cd' * 32}" in page.text
    twice = shutil.copy(png, tmp_path / "plot_2.png")
    _, page = written(tmp_path / "b", usual(), [png, Path(twice)])
    assert page.text.count("Upper bounds & more.") == 1
    with pytest.raises(InvalidInput, match=r"missing\.png' cannot be read: No such file"):
        write_report(tmp_path / "c.html", usual(), SPEC, FACTS, [tmp_path / "missing.png"])
    (tmp_path / "bad.png").write_text("no picture")
    with pytest.raises(InvalidInput, match=r"bad\.png' cannot be read: it is no picture"):
        write_report(tmp_path / "c.html", usual(), SPEC, FACTS, [tmp_path / "bad.png"])
    assert not (tmp_path / "c.html").exists()


def test_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInput, match=r"cannot be written: .*; choose another file\."):
        write_report(tmp_path / "file" / "a.html", usual(), SPEC, FACTS, [])


# -- in a browser ---------------------------------------------------------------------------------------------------

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PROBE = """
const seen = () => [...document.querySelectorAll("#rows tbody tr")].filter(r => !r.hidden);
const column = name => [...document.querySelectorAll("#rows thead th")].findIndex(h => h.textContent === name);
const cells = name => seen().map(r => r.cells[column(name)].textContent);
const press = name => document.querySelectorAll("#rows thead button")[column(name)].click();
const found = {wide: document.documentElement.scrollWidth > innerWidth};
press("value"); found.up = cells("value"); press("value"); found.down = cells("value");
found.sort = document.querySelectorAll("#rows thead th")[column("value")].getAttribute("aria-sort");
const field = document.getElementById("filter");
field.value = "LOCAL infeasible"; field.dispatchEvent(new Event("input"));
found.filtered = seen().length; found.status = document.getElementById("found").textContent;
found.broken = [...document.images].filter(i => !i.naturalWidth).length; found.images = document.images.length;
document.body.dataset.found = JSON.stringify(found);
"""


@pytest.mark.skipif(BROWSER is None, reason="no browser is installed")
@pytest.mark.parametrize("width", [1280, 500])  # 500: the narrowest window of the browser
def test_in_a_browser(width: int, tmp_path: Path) -> None:
    assert BROWSER is not None
    text, _ = written(tmp_path, usual(), picture(tmp_path))
    probe = tmp_path / "probe.html"
    # the probe runs when all pictures are there; the page's policy allows its own script alone, so it is added there
    script = f"onload = () => {{{PROBE}}}"
    own = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = text.replace("script-src ", f"script-src 'sha256-{own}' ", 1)
    probe.write_text(text.replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    done = subprocess.run(
        [
            BROWSER, *flags.split(), "--disable-component-update", "--disable-sync",
            f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},900", "--virtual-time-budget=2000",
            "--dump-dom", probe.as_uri(),
        ],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    match = re.search(r'data-found="([^"]*)"', done.stdout)
    assert match, done.stderr[-2000:]
    found = json.loads(html.unescape(match[1]))
    numbers = [float(v) for v in found["up"] if v]
    assert numbers == sorted(numbers) and len(numbers) == 7 and found["up"][-3:] == [""] * 3
    assert [float(v) for v in found["down"] if v] == numbers[::-1] and found["down"][-3:] == [""] * 3
    assert found["sort"] == "descending"
    assert (found["filtered"], found["status"]) == (2, "2 of 10 rows")
    assert (found["images"], found["broken"]) == (2, 0)
    assert not found["wide"]  # the page does not scroll sideways; its tables do
