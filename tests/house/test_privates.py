"""Tests see the package from outside: what is private to a file may change with no test of another file.

A unit that is worth a test of its own has a public name. The exceptions are listed with a reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.floors import modules

TESTS = Path(__file__).parents[1]
#: Private names that tests may use, and why.
ALLOWED = {
    # to show what the checker does when it is at fault, it is broken from within
    "_depolarised": "checker/boxes.py",
    "_joint": "checker/boxes.py",
    "_length": "checker/finite.py",
    "_line": "checker/chsh_entropy.py",
    # what is installed is asked once in a process
    "_installed": "conic/solvers/choose.py",
    "_KNOWN": "conic/solvers/choose.py",
    # proofs of duals that no solver would give
    "_EntropyProof": "entropies/integral/search.py",
    "_RadauProof": "entropies/radau/search.py",
    # the hooks of IPython
    "_repr_html_": "shown.py",
    "_repr_latex_": "shown.py",
}
#: What a file has that uses a private name: others need not be parsed.
MAYBE = re.compile(r"(?<!self)\._(?!_)|setattr|from sdpbound[\w.]* import (\([^)]*|[^\n(]*)\b_(?!_)")


def _private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _used(tree: ast.Module, package: set[str]) -> Iterator[tuple[int, str]]:
    """Private names that are imported, reached for, or patched, if they are names of the package."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sdpbound"):
            yield from ((node.lineno, alias.name) for alias in node.names if _private(alias.name))
        elif isinstance(node, ast.Attribute) and _private(node.attr) and node.attr in package:
            if not (isinstance(node.value, ast.Name) and node.value.id == "self"):
                yield node.lineno, node.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "setattr":
            texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            yield from ((node.lineno, last) for text in texts if _private(last := text.split(".")[-1]))


def test_private_names_are_left_alone() -> None:
    package = set().union(*(module.made for module in modules().values()))
    found = [
        f"{path.relative_to(TESTS)}:{line} uses {name}"
        for path in sorted(TESTS.rglob("*.py"))
        if MAYBE.search(text := path.read_text(encoding="utf-8"))
        for line, name in _used(ast.parse(text), package)
        if name not in ALLOWED
    ]
    assert not found, "test it from outside, or make it public if it is a unit:\n" + "\n".join(found)


def test_what_counts_as_private() -> None:
    text = """
from sdpbound.a import _b, c
from sdpbound.a import (
    d,
    _g,
)
thing._d
self._d
thing._elsewhere
patch.setattr("sdpbound.a._e", 1)
patch.setattr(a, "_f", 1)
"""
    assert sorted(name for _, name in _used(ast.parse(text), {"_d"})) == ["_b", "_d", "_e", "_f", "_g"]


def test_no_file_with_a_private_name_is_passed_over() -> None:
    uses = (
        "from sdpbound.a import _b",
        "from sdpbound import (\n    c,\n    _d,\n)",
        "c._d",
        'p.setattr("a._e", 1)',
        "f()._g",
    )
    assert all(MAYBE.search(text) for text in uses)
    others = "import sdpbound as sb", "self._d", "a.__dict__", "from sdpbound import c", "def _e(): ..."
    assert not any(MAYBE.search(text) for text in others)
