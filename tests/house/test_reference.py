"""Each public name has a docstring that tells what it takes, proves and raises, and an example that runs."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
import textwrap
from pathlib import Path
from pkgutil import resolve_name
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.fixture
def reference(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "_ext"))
    return importlib.import_module("reference")


def told(thing: Any) -> str:
    """A docstring, with those that it refers to."""
    text = inspect.getdoc(thing) or ""
    for name in re.findall(r":(?:func|class):`~?([\w.]+)`", text):
        for full in (name, f"{getattr(thing, '__module__', 'sdpbound')}.{name}", f"sdpbound.{name}"):
            try:
                text += "\n" + (inspect.getdoc(resolve_name(full)) or "")
                break
            except (AttributeError, ImportError, ValueError):
                continue
    return text


def lacks(thing: Any) -> set[str]:
    """What a docstring leaves out: parameters by name, "Raises", and "side" and "unit" of what comes back with them."""
    text = told(thing)
    if inspect.isclass(thing):
        text = "\n".join(inspect.getdoc(base) or "" for base in thing.__mro__[:-1])
        fields = dataclasses.fields(thing) if dataclasses.is_dataclass(thing) else ()
        wanted = [field.name for field in fields if field.init and not field.name.startswith("_")]
    elif callable(thing):
        wanted = list(inspect.signature(thing).parameters)
    else:
        return set() if text else {"docstring"}
    found = {name for name in wanted if not re.search(rf"\b{name}\b", text)}
    if inspect.isroutine(thing):
        source = ast.parse(textwrap.dedent(inspect.getsource(thing)))
        if any(isinstance(node, ast.Raise) and node.exc is not None for node in ast.walk(source)):
            found |= set() if re.search("[Rr]aises", text) else {"Raises"}
        returned = str(thing.__annotations__.get("return"))
        sided = re.search(r"\b(\w*Bound|\w*Attack|Rate|FiniteLength|Threshold)\b", returned)
        found |= set() if not sided or re.search("[Uu]pper|[Ll]ower|both sides|proven", text) else {"side"}
        in_bits = re.search(r"\b(Rate|\w*Entropy\w*|\w*Length)\b", returned)
        found |= set() if not in_bits or re.search(r"\bbits?\b", text) else {"unit"}
    return found if text else {"docstring"}


def test_each_public_name_has_an_example_that_runs(reference: ModuleType) -> None:
    assert reference.without_example(API) == []
    assert reference.without_example("## Bounds\n| `__version__` | no example |\n") == ["sdpbound.__version__"]


def test_docstrings_are_complete(reference: ModuleType) -> None:
    found = {full: lacks(resolve_name(full)) for full in reference.names(API)}
    assert {full: what for full, what in found.items() if what} == {}


def test_what_docstrings_lack_is_found() -> None:
    def bound(x: int, level: str) -> Rate:  # type: ignore[name-defined]  # noqa: F821
        """Something at x."""
        raise ValueError(x, level)

    assert lacks(bound) == {"level", "Raises", "side", "unit"}


def test_uses_of_a_name_are_found(reference: ModuleType) -> None:
    import sdpbound as sb
    from sdpbound.study import Study

    code = "import sdpbound as sb\nfrom sdpbound.study import Study as S\nS.load(sb.chsh)\nsb.nothing\nother.i3322\n"
    found = reference.used_in(code)
    assert {reference.identity(thing) for thing in (sb.chsh, Study, Study.load)} <= found
    assert reference.identity(sb.i3322) not in found
    page = reference.page("sdpbound.chsh", {id(sb.chsh): ["usage", "examples/a.py"]}, {"sdpbound.chsh": ["sdpbound.f"]})
    assert ":doc:`/usage`" in page and ":obj:`~sdpbound.f`" in page and "a.py" not in page
