"""Tables of what can be chosen by name, open to other packages through entry points.

A :class:`Registry` is a table in the source, one line for each thing of one kind: an adversary, a solver, a noise. A
package elsewhere adds its own without a change here, by an entry point of the table's group in its pyproject.toml::

    [project.entry-points."sdpbound.adversaries"]
    bounded = "its_package.its_module:Bounded"

Metadata of installed packages is looked through only when a name is asked for that the table lacks, and only the entry
point of that name is loaded. So a start costs nothing, and every process finds the same names: nothing is registered
while a program runs.
"""

from __future__ import annotations

import difflib
import inspect
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sdpbound.errors import InvalidInput, InvalidParameter

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["Registry", "concrete", "listed", "near", "unknown"]

Thing = TypeVar("Thing")


def listed(names: Iterable[str]) -> str:
    """Names in a sentence: "a", "a or b", "a, b or c"."""
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def near(value: object, allowed: Iterable[str], cutoff: float = 0.4) -> str:
    """The end of a sentence about a name that does not exist: "; did you mean 'local'?", or "." if none is like it."""
    found = (
        difflib.get_close_matches(value.lower(), list(allowed), n=1, cutoff=cutoff) if isinstance(value, str) else []
    )
    return f"; did you mean {found[0]!r}?" if found else "."


def unknown(value: object, allowed: Iterable[str], argument: str) -> str:
    """One sentence about a name that does not exist.

    >>> unknown("locl", ["quantum", "no-signaling", "local"], "model")
    "model = 'locl' must be quantum, no-signaling or local; did you mean 'local'?"
    """
    names = list(allowed)
    return f"{argument} = {value!r:.60} must be {listed(names)}{near(value, names)}"


def concrete(base: type[Any]) -> Callable[[object], bool]:
    """Whether something is a subclass of ``base`` of which there can be objects: to check what an entry point gives."""

    def fits(thing: object) -> bool:
        return isinstance(thing, type) and issubclass(thing, base) and not inspect.isabstract(thing)

    return fits


class Registry(Mapping[str, Thing], Generic[Thing]):
    """A table of things of one kind by name, and what other packages add to it.

    As a mapping it is the table of this package alone, in its order; :meth:`named` and :meth:`names` know the entry
    points as well. A name of the table is never taken by an entry point.

    Parameters
    ----------
    kind : what one of the things is called in a sentence, such as "an adversary"
    group : the group of entry points, such as "sdpbound.adversaries"
    table : the things of this package by name
    fits : whether something that an entry point gives is of this kind; see :func:`concrete`
    wanted : what ``fits`` asks for, in words, such as "a subclass of sdpbound.Adversary with all its methods"
    """

    def __init__(
        self, kind: str, group: str, table: Mapping[str, Thing], fits: Callable[[object], bool], wanted: str
    ) -> None:
        self.kind = kind
        self.group = group
        self._table = dict(table)
        self._fits = fits
        self._wanted = wanted
        self._loaded: dict[str, Thing] = {}

    def __getitem__(self, name: str) -> Thing:
        return self._table[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)

    def names(self) -> tuple[str, ...]:
        """The names of the table in its order, then those of entry points by the alphabet; nothing is loaded."""
        outside = {point.name for point in self._points()} - self._table.keys()
        return (*self._table, *sorted(outside))

    def find(self, name: object) -> Thing | None:
        """The thing of that name, or None; a broken entry point gives None and a warning that names it."""
        if not isinstance(name, str):
            return None
        found = self._table.get(name, self._loaded.get(name))
        if found is None:
            found = self._load(name)
            if found is not None:
                self._loaded[name] = found
        return found

    def named(self, name: object, argument: str, error: type[InvalidInput] = InvalidParameter) -> Thing:
        """The thing of that name.

        Parameters
        ----------
        name : the name asked for
        argument : what the caller calls it, such as "--model", for the message
        error : the error raised if there is none
        """
        found = self.find(name)
        if found is None:
            raise error(unknown(name, [known for known in self.names() if known != name], argument))
        return found

    def _points(self) -> tuple[EntryPoint, ...]:
        from importlib.metadata import entry_points  # not at the start: it imports much

        return tuple(entry_points(group=self.group))

    def _load(self, name: str) -> Thing | None:
        """What the entry point of that name gives."""
        points = sorted((point for point in self._points() if point.name == name), key=lambda point: point.value)
        if not points:
            return None
        first = points[0]
        if any(point.value != first.value for point in points):
            all_ = listed(point.value for point in points).replace(" or ", " and ")
            self._warn(name, f"is given by {all_}; the first is used, remove the others")
        try:
            thing = first.load()
        except Exception as error:  # whatever the other package does: it must not take this one down
            self._warn(name, f"cannot be loaded from {first.value} ({type(error).__name__}: {error}); it is left out")
            return None
        if not self._fits(thing):
            self._warn(name, f"gives {thing!r:.60} from {first.value}, not {self._wanted}; it is left out")
            return None
        return thing  # type: ignore[no-any-return]

    def _warn(self, name: str, text: str) -> None:
        warnings.warn(
            f"{self.kind} of another package, the entry point {name!r} of the group {self.group!r}, {text}.",
            RuntimeWarning,
            stacklevel=4,
        )
