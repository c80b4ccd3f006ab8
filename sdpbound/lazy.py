"""Faces of packages that import their modules when a name is first asked for, so that a start costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazy_face"]


def lazy_face(package: str, modules: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package whose names live in modules of it.

    Parameters
    ----------
    package : the package's own name
    modules : for each module the names that it gives, separated by spaces
    """
    home = {name: module for module, names in modules.items() for name in names.split(" ")}

    def get(name: str) -> Any:
        if name in home:
            return getattr(import_module(home[name]), name)
        try:
            return import_module(f"{package}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{package}.{name}":
                raise
            raise AttributeError(f"module {package!r} has no attribute {name!r}") from None

    return get, lambda: sorted(home)
