"""Examples and tutorials are in order, and so is what the documentation site is made of."""

from __future__ import annotations

import ast
import importlib
import re
import runpy
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import ModuleType

import pytest

import sdpbound as sb

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*/*.py"))
TUTORIALS = sorted((ROOT / "tutorials").glob("*.py"))


#: What is imported from ``sdpbound`` as a room.
ROOMS = {"problems", "protocols", "routed", "study"}


def tool(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of those that build the site; none of them needs Sphinx to be imported."""
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "_ext"))
    return importlib.import_module(name)


def faults(text: str) -> list[str]:
    """What an example lacks, in words; it names only what is public."""
    tree = ast.parse(text)
    title, line, *rest = (ast.get_docstring(tree) or "").splitlines()
    found = [] if len(line) >= len(title) and set(line) == {"="} and any(rest) else ["a title and what it shows"]
    found += [] if "\n# %%\n" in text else ["a cell"]
    found += [] if "plt." in text else ["a figure"]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sb":
            found += [] if node.attr in sb.__all__ else [f"a public name for sb.{node.attr}"]
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sdpbound"):
            face = (ROOT / str(node.module).replace(".", "/") / "__init__.py").read_text(encoding="utf-8")
            private = {name.name for name in node.names if f'"{name.name}"' not in face} - ROOMS
            found += [f"a public name for {name}" for name in sorted(private)]
    return found


def test_there_are_enough_examples_and_lessons() -> None:
    assert len(EXAMPLES) >= 24 and len(TUTORIALS) == 7
    titles = [path.read_text(encoding="utf-8").splitlines()[1] for path in [*EXAMPLES, *TUTORIALS]]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("path", [*EXAMPLES, *TUTORIALS], ids=lambda p: p.stem)
def test_examples_are_in_order(path: Path) -> None:
    assert faults(path.read_text(encoding="utf-8")) == []


def test_faults_of_examples_are_found() -> None:
    bad = '"""A title"""\nimport sdpbound as sb\nfrom sdpbound.problems import secret\nsb.assemble()\n'
    bad = bad.replace('A title"""', 'A title\n---"""')
    assert len(faults(bad)) == 5


@pytest.mark.slow
@pytest.mark.parametrize("path", [*EXAMPLES, *TUTORIALS], ids=lambda p: p.stem)
def test_examples_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib.pyplot as plt

    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(path))
    assert plt.get_fignums()
    plt.close("all")


def test_each_page_is_in_the_navigation_once() -> None:
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    listed = [
        line.split("<")[-1].rstrip(">")
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", text, re.S)
        for line in tree.splitlines()
    ]
    for page in {path.stem for path in (ROOT / "docs").glob("*.md")} - {"index"}:
        assert listed.count(page) == 1, page


def test_each_public_name_is_listed_for_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    listed = {name for name, _ in tool("reference", monkeypatch).listed(text)}
    assert {name for name in sb.__all__ if not name.startswith("__")} <= listed


@pytest.mark.slow
def test_each_public_name_has_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = tool("reference", monkeypatch)
    for full in reference.names((ROOT / "docs" / "api.md").read_text(encoding="utf-8")):
        assert re.match(r":orphan:\n\n\S+\n=+\n\n\.\. auto", reference.page(full)), full


def test_links_of_the_site_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    links = tool("links", monkeypatch)
    good = '<a href="b.html#there">x</a><a href="https://arxiv.org">y</a><a id="here" href="#here">z</a>'
    (tmp_path / "a.html").write_text(good, encoding="utf-8")
    (tmp_path / "b.html").write_text('<p id="there">x</p>', encoding="utf-8")
    assert links.faults(tmp_path) == []
    bad = '<a href="c.html">x</a><a href="b.html#no">x</a><script src="https://cdn.example/a.js"></script>'
    (tmp_path / "b.html").write_text(bad, encoding="utf-8")
    assert len(links.faults(tmp_path)) == 4  # one is on the other page, whose target went


def test_pages_from_elsewhere_keep_their_links(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = tool("pages", monkeypatch)
    moved = pages.moved("[a](docs/usage.md#x) [b](CHANGELOG.md) [c](studies/survival.toml) [d](https://e.f)", ROOT)
    assert moved == "[a](usage.md#x) [b](changelog.md) [c](../studies/survival.toml) [d](https://e.f)"
    for page, file in pages.COPIES.items():
        assert (ROOT / file).exists() and (ROOT / "docs" / f"{page}.md").exists()


def test_graphs_are_drawn_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    graphs = tool("graphs", monkeypatch)
    page = graphs.drawn((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))
    picture = ElementTree.fromstring(page[page.index("<div") : page.index("</div>") + 6])[0]
    boxes = [(float(r.get("x")), float(r.get("y")), float(r.get("width"))) for r in picture.iter() if "rect" in r.tag]
    texts = [t.text for t in picture.iter() if t.tag.endswith("text")]
    assert "mermaid" not in page and {"cli/", "checker/", "study/plan.py"} <= set(texts) and len(texts) == len(boxes)
    for x, y, wide in boxes:  # boxes of a row are apart
        assert all(x + wide < other[0] for other in boxes if other[1] == y and other[0] > x)
    with pytest.raises(ValueError, match="circle"):
        graphs.svg("graph TD\n  a[a] --> b[b]\n  b[b] --> a[a]")


def test_docstrings_become_sections(monkeypatch: pytest.MonkeyPatch) -> None:
    docstrings = tool("docstrings", monkeypatch)
    text = """The value, Eq. (2):

    |a| * b

of ``a*b`` and c*.

Parameters
----------
x, y : settings

Of more parties: see there.

Returns
-------
A number

>>> 2 * 3
6"""
    assert docstrings.formatted(text.splitlines()) == [
        "The value, Eq. (2)::",
        "",
        "    |a| * b",
        "",
        r"of ``a*b`` and c\*.",
        "",
        "Parameters",
        "----------",
        "x, y",
        "    settings",
        "",
        "Notes",
        "-----",
        "",
        "Of more parties: see there.",
        "",
        "Returns",
        "-------",
        "A number",
        "",
        "Examples",
        "--------",
        "",
        ">>> 2 * 3",
        "6",
    ]
