"""A page for each public name: its docstring, with its members, and the examples that use it.

The names are those of the tables of ``api.md``; the first column of its tables gets links to these pages.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from pkgutil import resolve_name
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx


DOCS = Path(__file__).resolve().parents[1]
FOLDER = DOCS / "reference"
#: Where the names of a section of api.md live, if not in ``sdpbound``.
ROOMS = {
    "Routed Bell tests": "sdpbound.routed",
    "Boxes held by a no-signaling adversary": "sdpbound.boxes",
    "Protocols": "sdpbound.protocols",
    "Studies": "sdpbound.study",
}
ROW = re.compile(r"^\| (`.*?`) \|", re.M)
NAME = re.compile(r"`([A-Za-z_][\w.]*)([^`]*)`")


def home(name: str, room: str) -> str:
    """The full dotted name of a public name that a section of ``room`` lists."""
    try:
        resolve_name(f"{room}.{name}")
    except AttributeError:
        room = "sdpbound"
    return f"{room}.{name}"


def listed(text: str) -> Iterator[tuple[str, str]]:
    """(name, room) of each name in the first column of the tables of api.md, as they are written there."""
    for section in re.split(r"^## ", text, flags=re.M)[1:]:
        title = section.splitlines()[0]
        for row in ROW.findall(section):
            for name, _ in NAME.findall(row):
                yield name, ROOMS.get(title, "sdpbound")


def names(text: str) -> list[str]:
    """The full dotted names of the public names."""
    return list(dict.fromkeys(home(name, room) for name, room in listed(text)))


def page(full: str) -> str:
    """The page of a name, in reStructuredText."""
    thing = resolve_name(full)
    if isinstance(thing, ModuleType):
        directive, options = "automodule", ["members:"]
    elif inspect.isclass(thing):
        directive, options = "autoclass", ["members:", "show-inheritance:"]
    elif callable(thing):
        directive, options = "autofunction", []
    else:
        directive, options = "autodata", []
    title = full.removeprefix("sdpbound.")
    lines = [title, "=" * len(title), "", f".. {directive}:: {full}", *[f"   :{option}" for option in options]]
    return "\n".join([*lines, "", f".. minigallery:: {full}", "   :add-heading: Examples that use it", ""])


def write(app: Sphinx) -> None:
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    pages = {full: page(full) for full in names(text)}
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.rst"):
        if old.stem not in pages:
            old.unlink()
    for full, content in pages.items():
        path = FOLDER / f"{full}.rst"
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            path.write_text(content, encoding="utf-8")


def linked(app: Sphinx, docname: str, source: list[str]) -> None:
    """api.md with links from its names to their pages, and these pages in the navigation."""
    if docname != "api":
        return
    parts = re.split(r"^(?=## )", source[0], flags=re.M)
    for i, part in enumerate(parts):
        room = ROOMS.get(part.splitlines()[0].removeprefix("## "), "sdpbound")

        def row(match: re.Match[str], room: str = room) -> str:
            return NAME.sub(lambda n: f"[{n[0]}](reference/{home(n[1], room)}.rst)", match[0])

        parts[i] = ROW.sub(row, part)
    listed = "\n".join(f"reference/{full}" for full in names(source[0]))
    source[0] = "".join(parts) + f"\n```{{toctree}}\n:hidden:\n\n{listed}\n```\n"


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write)
    app.connect("source-read", linked)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
