"""Every Python example of the README and the docs runs."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path

import pytest

import sdpbound as sb
from sdpbound.study import read_spec
from tests import printed
from tests.files import faults, tracked
from tests.floors import FLOORS, modules

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), *(ROOT / ".github").glob("*.md")]


#: pages whose examples take more than five seconds
LONG = ("attacks.md", "entropies.md", "loss_and_noise.md", "post_processing.md", "routed_tests.md")


@pytest.mark.parametrize(
    "page", [pytest.param(p, id=p.name, marks=[pytest.mark.slow] * (p.name in LONG)) for p in PAGES]
)
def test_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And print the numbers that comments beside them promise."""
    monkeypatch.chdir(tmp_path)
    assert printed.run(page.read_text(encoding="utf-8"), page.name) == []


def test_numbers_that_are_not_printed_are_found() -> None:
    first = "```python\nx = 0.12345\nprint('about', x)  # 0.123, or 0.124; not 0.2\n```\n"
    page = first + "Text.\n```python\nprint(2 * x)  # {}\n```\n"
    assert printed.run(page.format("0.2469, 2.469e-1"), "page") == []
    (fault,) = printed.run(page.format("0.2467"), "page")
    assert "no 0.2467 is printed" in fault


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize(("page", "name"), [("docs/studies.md", "my_study"), ("README.md", "mine")])
def test_the_studies_in_the_docs_are_valid(page: str, name: str, tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.S)
    assert blocks
    for i, block in enumerate(blocks):
        path = tmp_path / f"{i}.toml"
        path.write_text(block, encoding="utf-8")
        assert read_spec(path).name == name


def test_every_public_name_is_in_the_docs() -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    missing = [name for name in sb.__all__ if not name.startswith("__") and not re.search(rf"`{name}[(`]", text)]
    assert not missing


def test_contributing_tells_the_floors() -> None:
    """The list of rooms in CONTRIBUTING.md has the order that the tests hold, and the modules it names are there."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    told = text[text.index("From the ground:") : text.index("`cli`.")]
    floors = [set(re.findall(r"`(\w+)`", part)) for part in f"{told}`cli`".split(";")]
    held = [{name.split(".")[0] for name in rooms} for rooms in FLOORS]
    for i, rooms in enumerate(floors):
        for low in rooms:
            own = min(n for n, names in enumerate(held) if low in names)
            for higher in floors[i + 1 :]:
                assert all(max(n for n, names in enumerate(held) if high in names) > own for high in higher)
    ours = {
        "compiling",
        "lazy",
        "version",
        "registry",
        "limiting",
        "shown",
        "sdpbound",
        "__main__",
    }  # every room is told but these small ones
    assert set().union(*floors) | ours == set().union(*held) | ours
    for path in re.findall(r"`((?:sdpbound|tests|docs|studies)/[\w/.]+)`", text):
        assert (ROOT / path).exists(), path


def test_hooks_and_workflow_run_commands_that_exist() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    for module in re.findall(r"python -m ([\w.]+)", hooks):
        assert importlib.util.find_spec(module), module
    make = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", make, re.M))
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    pages = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8") + (ROOT / "README.md").read_text(encoding="utf-8")
    told = re.findall(r"run: .*|`make .*?`|^    make .*$", pages + workflow, re.M)
    commands = re.findall(r"\bmake ([a-z][\w-]*)(?=[`\n ])", "\n".join([*told, ""]))
    assert commands and set(commands) <= targets
    supported = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (oldest,) = re.findall(r'requires-python = ">=([\d.]+)"', supported)
    assert f'"{oldest}"' in workflow


def test_the_glossary_names_what_there_is() -> None:
    """A name of the glossary that looks like one of the package is one."""
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    known = {name for module in modules().values() for name in re.findall(r"^(?:class )?(\w+)", module.text, re.M)}
    for name in re.findall(r"`([A-Z][a-z]\w+)`", text):
        assert hasattr(sb, name) or name in known, name
    for path in re.findall(r"`(\w+/\w*\.?\w*)`", text):
        assert (ROOT / "sdpbound" / path).exists() or (ROOT / path).exists(), path


def test_texts_of_the_repository_are_in_order() -> None:
    assert faults(tracked()) == []


def test_faults_of_texts_are_found(tmp_path: Path) -> None:
    texts = {"a.md": "x", "b.md": "x\n\n", "c.py": "x \n", "d.py": "x\r\n", "e.toml": "x = \n", "good.toml": "x = 1\n"}
    for name, text in texts.items():
        (tmp_path / name).write_bytes(text.encode())
    found = faults(sorted(tmp_path.iterdir()))
    assert {Path(line.split(": ")[0]).name for line in found} == set(texts) - {"good.toml"}


def test_extending_names_every_group_of_entry_points() -> None:
    text = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    groups = {
        group
        for module in modules().values()
        if "Registry(" in module.text
        for group in re.findall(r'^    "(sdpbound\.\w+)",$', module.text, re.M)
    }
    assert {"sdpbound.adversaries", "sdpbound.families"} <= groups
    for group in groups:
        assert f"`{group}`" in text, f"{group} is not on the page"
