"""Groups of options: a frozen dataclass that many commands take as one parameter.

Each field of it is an option.

typer makes one option of each parameter of a function. :func:`grouped` shows typer a function in which the fields of a
group stand in the place of the parameter for the group. That function makes the groups from what was typed, and calls
the command with them::

    @dataclass(frozen=True, slots=True)
    class Printing(Options):
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False

    @grouped
    def command(size: Annotated[str, typer.Option(help="Of the square.")], printing: Printing) -> None: ...

The options stand in the order of the parameters and of the fields. ``Annotated[Printing, Without("as_json")]`` is the
group without one of its options; the field then has its default.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import MISSING, Field, dataclass, fields
from typing import Annotated, Any, get_args, get_origin, get_type_hints

__all__ = ["Options", "Without", "grouped"]


class Options:
    """A group of options.

    A subclass is a frozen dataclass whose fields have the annotations of a command's parameters.
    """

    __slots__ = ()

    def around(self) -> AbstractContextManager[None]:
        """A context that the command runs in."""
        return nullcontext()


class Without:
    """A mark on a parameter of a command that names the options of the group that the command does not have.

    Parameters
    ----------
    names : fields of the group that have defaults
    """

    def __init__(self, *names: str) -> None:
        self.names = frozenset(names)


@dataclass(frozen=True, slots=True)
class _Group:
    """A parameter of a command that is a group, and those fields of the group that are options of the command."""

    name: str
    kind: type[Options]
    shown: tuple[Field[Any], ...]

    def options(self) -> Iterator[inspect.Parameter]:
        hints = get_type_hints(self.kind, include_extras=True)
        for field in self.shown:
            default = inspect.Parameter.empty if field.default is MISSING else field.default
            yield _option(field.name, hints[field.name], default)

    def made_from(self, given: dict[str, Any]) -> Options:
        """Make the group, and take the values of its options out of ``given``."""
        return self.kind(**{field.name: given.pop(field.name) for field in self.shown})


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command as typer takes it: with one parameter for each option of its groups.

    Raises
    ------
    TypeError
        Two options of the command have the same name, or ``Without`` names an option that the group does not have.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: list[_Group] = []
    options: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        group = _group_of(parameter.name, hints[parameter.name])
        if group is None:
            options.append(_option(parameter.name, hints[parameter.name], parameter.default))
        else:
            groups.append(group)
            options += group.options()

    @functools.wraps(command)
    def spread(**given: Any) -> None:
        made = {group.name: group.made_from(given) for group in groups}
        with ExitStack() as contexts:
            for group in made.values():
                contexts.enter_context(group.around())
            command(**made, **given)

    names = [option.name for option in options]
    if len(set(names)) < len(names):
        raise TypeError(f"{command.__name__} has an option twice: {', '.join(names)}.")
    spread.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    spread.__annotations__ = {option.name: option.annotation for option in options}
    return spread


def _option(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    """Return a parameter by name only, so that an option without a default may follow one with a default."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _group_of(name: str, hint: Any) -> _Group | None:
    kind, marks = (get_args(hint)[0], get_args(hint)[1:]) if get_origin(hint) is Annotated else (hint, ())
    if not (isinstance(kind, type) and issubclass(kind, Options)):
        return None
    absent = frozenset[str]().union(*(mark.names for mark in marks if isinstance(mark, Without)))
    every = fields(kind)  # type: ignore[arg-type]
    if unknown := sorted(absent - {field.name for field in every}):
        raise TypeError(f"{kind.__name__} has no option {unknown[0]}.")
    return _Group(name, kind, tuple(field for field in every if field.name not in absent))
