"""Printing.

Every bound is printed with its side and rounded to it, so that the number on the screen is proven as well.
"""

from __future__ import annotations

import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import sdpbound as sb

if TYPE_CHECKING:
    from sdpbound.adversaries import Adversary

__all__ = [
    "DIGITS",
    "adversary_facts",
    "bound_facts",
    "bound_line",
    "discard_output",
    "emit",
    "finite",
    "fraction_done",
    "how_solved",
    "in_time",
    "key_facts",
    "margin_of",
    "print_error",
    "print_text",
    "printable",
    "rounded",
]

Found = TypeVar("Found")

DIGITS = 12

#: What a terminal does not show but obeys, and what changes the order of a text: control characters but the tab and the
#: end of a line, Unicode's marks of directions and lines, and halves of characters, which nothing can encode.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""Return a text without characters that a terminal obeys: each is replaced by its escape in Python.

    Names in files of strangers could otherwise move the cursor, set the title, or hide what was printed.

    >>> printable("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def print_text(text: str) -> None:
    """Print a text to standard output.

    There is no error if the reader has gone away, as in ``| head``.
    """
    try:
        print(printable(text), flush=True)
    except BrokenPipeError:
        discard_output()


def print_error(message: str) -> None:
    """Print one sentence to standard error."""
    print(f"sdpbound: {printable(' '.join(message.split()))}", file=sys.stderr, flush=True)


def discard_output() -> None:
    """Write nothing more to standard output, because its reader has gone away."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def key_facts(
    x: int | None, y: int | None, settings: Sequence[int | None] | None, merge: Sequence[int] | None = None
) -> dict[str, Any]:
    """Return the settings of a key for JSON, by their letters, and what is merged of its outcomes if anything is."""
    from sdpbound.bell.key import LETTERS

    found: dict[str, Any] = dict(zip(LETTERS, (x, y) if settings is None else settings, strict=False))
    return found if merge is None else found | {"merge": list(merge)}


def emit(facts: dict[str, Any], lines: Sequence[str], as_json: bool) -> None:
    """Print what a command found: the facts as one JSON object, or the lines."""
    if as_json:
        print_text(json.dumps({"sdpbound": sb.__version__, **facts}, indent=2, allow_nan=False))
    elif lines:
        print_text("\n".join(lines))


@contextmanager
def fraction_done(what: str) -> Iterator[Callable[[float], None]]:
    """A bar on standard error if that is a terminal; to be called with the part that is done, from 0 to 1."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(what, total=1.0)
        yield lambda done: bars.update(bar, completed=done)


def in_time(call: Callable[[], Found]) -> Found | None:
    """Return what a call gives; None, and a sentence on standard error, where its time is over before anything."""
    try:
        return call()
    except sb.TimeIsUp as error:
        print_error(str(error))
        return None


def finite(value: float) -> float | None:
    """Return the value, or None in its place if it is not finite: JSON has no NaN and no infinity."""
    return value if math.isfinite(value) else None


def rounded(value: float, side: str) -> str:
    """Return a bound in decimal, rounded so that it stays a bound.

    The text is short even for a tiny bound.
    """
    # imported here, because it loads flint, which help does not need
    from sdpbound.bounds.rounding import rounded as rounded_to

    return rounded_to(value, side, DIGITS)


def margin_of(bound: sb.Bound) -> str:
    """Say how far the proven bound is from the solver's value, or what proves the bound instead."""
    if bound.status == "closed form":
        return f"closed form, {bound.data} data, {bound.source}"
    stopped = "; stopped before it was as tight as it could be" if bound.is_stopped else ""
    if isinstance(bound, sb.EntropyAttack):
        return f"explicit attack of {len(bound.weights)} strategies, {bound.data}{stopped}"
    moved = "unknown" if math.isnan(bound.correction) else f"{bound.correction:.1e}"
    notes = "".join(f"; {note}" for note in bound.notes) if isinstance(bound, sb.EntropyBound) else ""
    return f"certified margin {moved} to the solver's value{stopped}{notes}"


def bound_line(bound: sb.Bound) -> str:
    """Return the bound as an inequality, with its side and margin."""
    sign = "<=" if bound.side == "upper" else ">="
    return f"{bound.figure} {sign} {rounded(bound.value, bound.side)}   ({bound.side} bound; {margin_of(bound)})"


def how_solved(bound: sb.Bound) -> str:
    """Return the set of correlations, the solver, the time of the solver, and the symmetry used."""
    seconds = sum(bound.seconds.values())
    text = f"{bound.model!r}, {bound.solver}: {bound.status}, {seconds:.3g} s"
    used = bound.symmetry
    if used is None or used.order == 1:
        return text
    return f"{text}; symmetry of order {used.order}, {used.sizes}"


def bound_facts(bound: sb.Bound) -> dict[str, Any]:
    """Return the facts of a bound for JSON, with unrounded floats."""
    facts: dict[str, Any] = {
        "figure": bound.figure,
        "value": bound.value,
        "side": bound.side,
        "margin": finite(bound.correction),
        "solver_value": finite(bound.solver_value),
        "solver": bound.solver,
        "status": bound.status,
        "seconds": dict(bound.seconds),
        "source": bound.source,
        "data": bound.data,
    }
    used = bound.symmetry
    if used is not None:
        facts["symmetry"] = {
            "order": used.order,
            "generators": list(used.generators),
            "blocks": list(used.blocks),
            "blocks_before": list(used.blocks_before),
            "variables": used.variables,
            "variables_before": used.variables_before,
        }
    if isinstance(bound, sb.EntropyBound):
        facts |= {"method": bound.method, "merged": bound.merged, "gap": finite(bound.gap)}
    return facts


def adversary_facts(model: Adversary) -> dict[str, Any]:
    """Return the facts of an adversary for JSON."""
    return {"model": model.name, "level": model.label or None}
