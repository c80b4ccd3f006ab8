"""The floors of the package, read from its source: for the tests, and for the picture in docs/architecture.md."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import sdpbound

PACKAGE = Path(sdpbound.__file__).parent
PAGE = PACKAGE.parent / "docs" / "architecture.md"
#: From the ground up: a room imports only from lower floors.
FLOORS = (
    ("errors", "version", "lazy", "arrays"),
    ("registry", "limiting", "shown"),
    ("arguments", "compiling"),
    ("bell", "conic", "checker", "recheck"),
    ("npa",),
    ("adversaries",),
    ("bounds",),
    ("entropies", "boxes", "games", "problems"),
    ("attacks",),
    ("rates",),
    ("finite_size", "protocols", "routed"),
    ("experiments", "strategies"),
    ("tables",),
    ("plotting",),
    ("study.quantities",),
    ("study.file",),
    ("study.plan",),
    ("study.store",),
    ("study.answers", "study.out"),
    ("study.at_hand",),
    ("study.running",),
    ("study.auditing",),
    ("study",),
    ("explore", "showing"),
    ("sdpbound",),
    ("cli",),
    ("__main__",),
)
#: Files that are longer than others may be, and why.
LONG_FILES: dict[str, str] = {"sdpbound": "a line for each public name, twice: for type checkers and for lazy loading"}
#: Functions that are longer than others may be, and why.
LONG_FUNCTIONS: dict[str, str] = {}


@dataclass(frozen=True)
class Module:
    """A source file: what it imports of the package (modules, and names from them) and what from elsewhere.

    Also its docstring, the lines of code of its functions, and the names that it makes. The tree is not kept: trees of
    all files are millions of objects, which would slow down every collection of garbage in the tests that follow.
    """

    path: Path
    text: str
    docstring: str
    functions: Mapping[str, int]
    made: frozenset[str]
    imports: frozenset[str]
    names: tuple[tuple[str, str], ...]
    outside: frozenset[str]
    relative: bool


@cache
def modules() -> Mapping[str, Module]:
    """All modules by name, imports read wherever they stand in the file; read once in a process."""
    paths = {_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
    return {name: _read(name, path, set(paths)) for name, path in paths.items()}


def nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes in any order, without contexts and operators, which have no parts: half of the time of ast.walk."""
    left = [tree]
    while left:
        node = left.pop()
        yield node
        for _, part in ast.iter_fields(node):
            if type(part) is list:
                left += [each for each in part if isinstance(each, ast.AST)]
            elif isinstance(part, ast.AST) and not isinstance(part, ast.expr_context | ast.operator | ast.unaryop):
                left.append(part)


def _name(path: Path) -> str:
    name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    return name.removesuffix(".__init__")


def _read(name: str, path: Path, known: set[str]) -> Module:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    imports, names, outside, made, relative = set(), [], set(), set(), False
    for node in nodes(tree):
        if isinstance(node, ast.ImportFrom):
            relative |= node.level > 0
            source = node.module or ""
            if source.split(".")[0] != "sdpbound":
                outside.add(source.split(".")[0])
                continue
            for alias in node.names:
                whole = f"{source}.{alias.name}"
                imports.add(whole if whole in known else source)
                names.append((source, alias.name))
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "sdpbound":
                    imports.add(alias.name)
                else:
                    outside.add(alias.name.split(".")[0])
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            made.add(node.name)
        elif isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Store):
            made.add(node.id if isinstance(node, ast.Name) else node.attr)
    return Module(
        path,
        text,
        ast.get_docstring(tree) or "",
        dict(_functions(tree, "")),
        frozenset(made),
        frozenset(imports - {name}),
        tuple(names),
        frozenset(outside),
        relative,
    )


def room(name: str) -> str:
    """The room of a module: its package below sdpbound; the rooms of a study are rooms of their own."""
    parts = name.split(".")[1:]
    if not parts:
        return "sdpbound"
    return ".".join(parts[:2]) if parts[0] == "study" else parts[0]


def floor(name: str) -> int:
    """The number of a room's floor, from the ground."""
    return next(number for number, rooms in enumerate(FLOORS) if name in rooms)


def circles(arrows: Mapping[str, frozenset[str]]) -> list[str]:
    """Modules that are left when those that import nothing that is left are taken away, again and again."""
    left = dict(arrows)
    while lowest := [name for name, below in left.items() if not below & left.keys()]:
        for name in lowest:
            del left[name]
    return sorted(left)


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, int]]:
    """Lines with code of each function, without its docstring, comments and blank lines."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.FunctionDef):
            body = child.body[1:] if ast.get_docstring(child) else child.body
            lines = {
                line
                for part in body
                for inner in nodes(part)
                if hasattr(inner, "lineno")
                for line in (inner.lineno, inner.end_lineno)
            }
            yield f"{prefix}{child.name}", len(lines)
            yield from _functions(child, f"{prefix}{child.name}.")


def picture(found: Mapping[str, Module]) -> str:
    """The floors and the arrows between rooms as a Mermaid graph, an arrow left out where a longer way has it."""
    rooms = [name for rooms in FLOORS[3:] for name in rooms if name not in ("sdpbound", "__main__")]
    below = {
        name: {room(t) for key, m in found.items() if room(key) == name for t in m.imports if room(t) in rooms} - {name}
        for name in rooms
    }
    reach: dict[str, set[str]] = {}
    for name in sorted(rooms, key=floor):
        reach[name] = set(below[name]).union(*(reach[other] for other in below[name]))
    lines = ["```mermaid", "graph TD"]
    for name in sorted(rooms, key=floor, reverse=True):
        lines.append(f"  {_node(name)}")
        direct = [o for o in below[name] if not any(o in reach[other] for other in below[name])]
        lines += [f"  {_node(name)} --> {_node(other)}" for other in sorted(direct, key=lambda o: (-floor(o), o))]
    return "\n".join([*lines, "```"])


def _node(name: str) -> str:
    return (
        f"{name.replace('.', '_')}[{name.replace('.', '/')}/]"
        if (PACKAGE / name.replace(".", "/")).is_dir()
        else (f"{name.replace('.', '_')}[{name.replace('.', '/')}.py]")
    )


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    start = page.index("```mermaid")
    PAGE.write_text(page[:start] + picture(modules()) + page[page.index("```", start + 3) + 3 :], encoding="utf-8")
