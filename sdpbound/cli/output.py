"""Printing: every bound with its side, rounded to it, so that the number on the screen is proven as well."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

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
    "how_solved",
    "margin_of",
    "print_error",
    "print_text",
    "rounded",
]

DIGITS = 12


def print_text(text: str) -> None:
    """To standard output; a reader that has gone away, as in ``| head``, is no error."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        discard_output()


def print_error(message: str) -> None:
    """One sentence on standard error."""
    print(f"sdpbound: {' '.join(message.split())}", file=sys.stderr, flush=True)


def discard_output() -> None:
    """From now on nothing is written to standard output: its reader has gone away."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def emit(facts: dict[str, Any], lines: Sequence[str], as_json: bool) -> None:
    """What a command found: one JSON object of the facts, or the lines."""
    if as_json:
        print_text(json.dumps({"sdpbound": sb.__version__, **facts}, indent=2, allow_nan=False))
    elif lines:
        print_text("\n".join(lines))


def finite(value: float) -> float | None:
    """JSON has no NaN."""
    return value if math.isfinite(value) else None


def rounded(value: float, side: str) -> str:
    """A bound in decimal, rounded so that it stays one; short, also where it is tiny."""
    from sdpbound.bounds.rounding import rounded as rounded_to  # here, as it loads flint, which help does not need

    return rounded_to(value, side, DIGITS)


def margin_of(bound: sb.Bound) -> str:
    """How far the bound is proven from what the solver said, or what proves it instead."""
    if bound.status == "closed form":
        return f"closed form, {bound.source}"
    if isinstance(bound, sb.EntropyAttack):
        return f"explicit attack of {len(bound.weights)} strategies, {bound.data}"
    moved = "unknown" if math.isnan(bound.correction) else f"{bound.correction:.1e}"
    return f"certified margin {moved} to the solver's value"


def bound_line(bound: sb.Bound) -> str:
    """The bound as an inequality, with its side and margin."""
    sign = "<=" if bound.side == "upper" else ">="
    return f"{bound.figure} {sign} {rounded(bound.value, bound.side)}   ({bound.side} bound; {margin_of(bound)})"


def how_solved(bound: sb.Bound) -> str:
    """The set of correlations, the solver and its time."""
    seconds = sum(bound.seconds.values())
    return f"{bound.model!r}, {bound.solver}: {bound.status}, {seconds:.3g} s"


def bound_facts(bound: sb.Bound) -> dict[str, Any]:
    """A bound for JSON, its floats as they are."""
    return {
        "figure": bound.figure,
        "value": bound.value,
        "side": bound.side,
        "margin": finite(bound.correction),
        "solver_value": finite(bound.solver_value),
        "solver": bound.solver,
        "status": bound.status,
        "seconds": dict(bound.seconds),
        "source": bound.source,
    }


def adversary_facts(model: Adversary) -> dict[str, Any]:
    """An adversary for JSON."""
    return {"model": model.name, "level": model.label or None}
