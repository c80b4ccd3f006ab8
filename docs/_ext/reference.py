"""A page for each public name: its docstring, with its members, and the examples that use it.

The names are those of the tables of ``api.md``; the first column of its tables gets links to these pages. A page lists
the examples that use its name, the pages whose code does, and for a result what returns it.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from pkgutil import resolve_name
from types import ModuleType
from typing import TYPE_CHECKING, Any

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


def identity(thing: Any) -> int:
    """What tells a thing from others; of a method of a class that of its function."""
    return id(getattr(thing, "__func__", thing))


def used_in(code: str) -> set[int]:
    """The identities of the things of sdpbound that code names, by ``sb.name`` or by importing them."""
    tree = ast.parse(code)
    alias = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            alias |= {n.asname or n.name: n.name for n in node.names if n.name.split(".")[0] == "sdpbound"}
        elif isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == "sdpbound":
            alias |= {n.asname or n.name: f"{node.module}.{n.name}" for n in node.names}
    dotted = {alias[node.id] for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in alias}
    for node in ast.walk(tree):
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts, node = [node.attr, *parts], node.value
        if parts and isinstance(node, ast.Name) and node.id in alias:
            dotted |= {".".join([alias[node.id], *parts[: i + 1]]) for i in range(len(parts))}
    found = set()
    for name in dotted:
        try:
            found.add(identity(resolve_name(name)))
        except (AttributeError, ImportError):  # a name that a page shows as missing, or an attribute of a value
            continue
    return found


def texts() -> dict[str, str]:
    """The code that runs when the site is built or tested: of scripts by their paths, and of pages by their names."""
    root = DOCS.parent
    scripts = [*sorted(root.glob("examples/*/plot_*.py")), *sorted(root.glob("tutorials/plot_*.py"))]
    code = {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in scripts}
    for path in sorted(DOCS.glob("*.md")):
        blocks = re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.S)
        code |= {path.stem: "\n".join(blocks)} if blocks else {}
    return code


def uses(code: Mapping[str, str]) -> dict[int, list[str]]:
    """For each thing, by its identity, the scripts and pages of :func:`texts` that name it."""
    found: dict[int, list[str]] = {}
    for where, text in code.items():
        for thing in used_in(text):
            found.setdefault(thing, []).append(where)
    return found


def has_doctest(thing: Any) -> bool:
    """Whether a docstring of a thing, or of a member of a class, has an example that runs."""
    members = [member for name, member in vars(thing).items() if name[0] != "_"] if inspect.isclass(thing) else []
    members = [getattr(member, "fget", None) or getattr(member, "__func__", member) for member in members]
    return any(">>>" in (getattr(one, "__doc__", None) or "") for one in (thing, *members))


def makers(every: Mapping[str, Any]) -> dict[str, list[str]]:
    """For each class among public names, the public functions and methods that return it, as full names."""
    named = {thing.__name__: full for full, thing in every.items() if inspect.isclass(thing)}
    found: dict[str, list[str]] = {}
    for full, thing in every.items():
        if inspect.ismethod(thing):  # of a class that api.md names by what makes it
            full, thing = full.rpartition(".")[0], thing.__self__
        for name, member in [("", thing), *(vars(thing).items() if inspect.isclass(thing) else [])]:
            member = getattr(member, "fget", None) or getattr(member, "__func__", member)
            returned = getattr(member, "__annotations__", {}).get("return", "") if name[:1] != "_" else ""
            for word in re.findall(r"\w+", str(getattr(returned, "__name__", returned))):
                if word in named and named[word] != full:
                    found.setdefault(named[word], []).append(f"{full}.{name}" if name else full)
    return found


def without_example(text: str) -> list[str]:
    """The public names that neither a doctest nor code that runs uses, and that nothing with an example returns."""
    every = {full: resolve_name(full) for full in names(text)}
    used, made = uses(texts()), makers(every)

    def has_example(full: str) -> bool:
        thing = resolve_name(full)
        return has_doctest(thing) or identity(thing) in used

    def is_returned(full: str) -> bool:
        return any(has_example(maker) or has_example(maker.rpartition(".")[0]) for maker in made.get(full, []))

    return [full for full in every if not has_example(full) and not is_returned(full)]


def page(full: str, used: Mapping[int, list[str]] | None = None, made: Mapping[str, list[str]] | None = None) -> str:
    """The page of a name, in reStructuredText, with what :func:`uses` and :func:`makers` found for it."""
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
    lines = [":orphan:", "", title, "=" * len(title), "", f".. {directive}:: {full}"]
    lines += [f"   :{option}" for option in options]
    lines += ["", f".. minigallery:: {full}", "   :add-heading: Examples that use it", ""]
    pages = [name for name in (used or {}).get(identity(thing), []) if not name.endswith(".py")]
    if pages:
        lines += ["Pages whose code uses it: " + ", ".join(f":doc:`/{name}`" for name in pages) + ".", ""]
    if (made or {}).get(full):
        lines += ["Returned by " + ", ".join(f":obj:`~{name}`" for name in dict(made or {})[full]) + ".", ""]
    lines += ["One of the :doc:`public names </api>`.", ""]
    return "\n".join(lines)


def write(app: Sphinx) -> None:
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    every = {full: resolve_name(full) for full in names(text)}
    used, made = uses(texts()), makers(every)
    pages = {full: page(full, used, made) for full in every}
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.rst"):
        if old.stem not in pages:
            old.unlink()
    for full, content in pages.items():
        path = FOLDER / f"{full}.rst"
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            path.write_text(content, encoding="utf-8")


def linked(app: Sphinx, docname: str, source: list[str]) -> None:
    """api.md with links from its names to their pages.

    These pages are not in the navigation beside each page: so many entries were most of the time that the site took.
    """
    if docname != "api":
        return
    parts = re.split(r"^(?=## )", source[0], flags=re.M)
    for i, part in enumerate(parts):
        room = ROOMS.get(part.splitlines()[0].removeprefix("## "), "sdpbound")

        def row(match: re.Match[str], room: str = room) -> str:
            return NAME.sub(lambda n: f"[{n[0]}](reference/{home(n[1], room)}.rst)", match[0])

        parts[i] = ROW.sub(row, part)
    source[0] = "".join(parts)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write)
    app.connect("source-read", linked)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
