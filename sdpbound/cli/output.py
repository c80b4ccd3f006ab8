"""Printing: every bound with its side, rounded to it, so that the number on the screen is proven as well."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any

import sdpbound as sb
from sdpbound.adversaries.adversary import Adversary
from sdpbound.attacks.proof import EntropyAttack

DIGITS = 12


def say(text: str) -> None:
    """To standard output; a reader that has gone away, as in ``| head``, is no error."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        mute()


def mute() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def emit(facts: dict[str, Any], lines: Sequence[str], as_json: bool) -> None:
    if as_json:
        say(json.dumps({"sdpbound": sb.__version__, **facts}, indent=2, allow_nan=False))
    elif lines:
        say("\n".join(lines))


def finite(value: float) -> float | None:
    """JSON has no NaN."""
    return value if math.isfinite(value) else None


def rounded(value: float, side: str) -> str:
    """A bound in decimal, rounded so that it stays one."""
    context = Context(prec=DIGITS, rounding=ROUND_CEILING if side == "upper" else ROUND_FLOOR)
    number = context.create_decimal(Decimal(value + 0.0)).normalize()
    return f"{number:f}" if -5 <= number.adjusted() < DIGITS else f"{number:e}"


def margin_of(bound: sb.Bound) -> str:
    if bound.status == "closed form":
        return f"closed form, {bound.source}"
    if isinstance(bound, EntropyAttack):
        return f"explicit attack of {len(bound.weights)} strategies, {bound.data}"
    moved = "unknown" if math.isnan(bound.correction) else f"{bound.correction:.1e}"
    return f"certified margin {moved} to the solver's value"


def bound_line(bound: sb.Bound) -> str:
    sign = "<=" if bound.side == "upper" else ">="
    return f"{bound.figure} {sign} {rounded(bound.value, bound.side)}   ({bound.side} bound; {margin_of(bound)})"


def how_solved(bound: sb.Bound) -> str:
    seconds = sum(bound.seconds.values())
    return f"{bound.model!r}, {bound.solver}: {bound.status}, {seconds:.3g} s"


def bound_facts(bound: sb.Bound) -> dict[str, Any]:
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
    return {"model": model.name, "level": model.label or None}


def angles(member: sb.SingletSelfTest) -> dict[str, float]:
    return {"theta": member.theta, "phi": member.phi, "omega": member.omega}


def heading(member: sb.SingletSelfTest) -> str:
    theta, phi, omega = member.parameters
    word = "fulfilled: self-tests the singlet" if member.is_self_test else "not fulfilled"
    return f"theta = {theta:.12g}, phi = {phi:.12g}, omega = {omega:.12g}   (condition (4) {word})"


def complain(message: str) -> None:
    """One sentence on standard error."""
    print(f"sdpbound: {' '.join(message.split())}", file=sys.stderr, flush=True)
