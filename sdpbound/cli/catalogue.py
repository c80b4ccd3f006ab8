"""The command that lists Bell inequalities."""

from __future__ import annotations

from math import ceil, floor
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdpbound.cli.options import AsJson
from sdpbound.cli.output import emit

if TYPE_CHECKING:
    from sdpbound.bell.catalogue import BellInequality, KnownValue

__all__ = ["inequalities_command"]

#: What stands between a value and its side.
SIGNS = {"exact": "=", "lower": ">=", "upper": "<="}
#: A part of the seventh digit that is a float's own rounding.
SLACK = 1e-4


def inequalities_command(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Only these, with all that is known, such as A14 or 'cglmp(4)'. Default: all.", metavar="NAME..."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The catalogue of Bell inequalities: local, quantum and no-signaling maxima, and where they are from.

    A quantum value is exact (=), reached by devices (>=), or a bound from above (<=).
    """
    from sdpbound.bell.catalogue import inequalities, inequality

    if names:
        chosen = [inequality(name) for name in names]
        lines = [line for found in chosen for line in _all_of(found)]
    else:
        chosen = list(inequalities())
        lines = _table(chosen)
    emit({"command": "list inequalities", "inequalities": [_facts(found) for found in chosen]}, lines, as_json)


def _facts(found: BellInequality) -> dict[str, Any]:
    """Return what is known of an inequality for JSON."""
    return {
        "name": found.key,
        "title": found.name,
        "source": found.source,
        "outcomes": [list(party) for party in found.scenario.outcomes],
        "local": found.local,
        "quantum": _value_facts(found.quantum),
        "quantum_upper": _value_facts(found.quantum_upper),
        "no_signaling": found.no_signaling,
        "coefficients": found.coefficients.tolist(),
    }


def _value_facts(known: KnownValue | None) -> dict[str, Any] | None:
    if known is None:
        return None
    return {"value": known.value, "side": known.side, "source": known.source, "error": known.error}


def _all_of(found: BellInequality) -> list[str]:
    """Return all that is known of an inequality as lines of text."""
    parties = "; ".join(f"{'ABCDEFGH'[i]} {','.join(map(str, d))}" for i, d in enumerate(found.scenario.outcomes))
    lines = [f"{found.key}: {found.name}   ({found.source})", f"  outcomes      {parties}"]
    if found.local is not None:
        lines.append(f"  local         = {found.local:.10g}")
    for known in (found.quantum, found.quantum_upper):
        if known is not None:
            lines.append(f"  quantum       {SIGNS[known.side]} {known.value:.10g}   ({known.source})")
    if found.no_signaling is not None:
        lines.append(f"  no-signaling  = {found.no_signaling:.10g}")
    return [*lines, f"  {found.expression!r}"]


def _table(chosen: list[BellInequality]) -> list[str]:
    """Return a line for each inequality, in columns."""
    rows = [("name", "settings", "outcomes", "local", "quantum", "quantum, above", "no-signaling")]
    for found in chosen:
        counts = sorted({d for party in found.scenario.outcomes for d in party})
        most = found.no_signaling
        rows.append(
            (
                found.key,
                "x".join(map(str, found.scenario.settings)),
                ",".join(map(str, counts)),
                "" if found.local is None else f"{found.local:.7g}",
                _short(found.quantum),
                _short(found.quantum_upper),
                "" if most is None else f"{most:.7g}",
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(f"{text:{width}}" for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _short(known: KnownValue | None) -> str:
    """Return a value in seven digits, rounded to its safe side."""
    if known is None:
        return ""
    scaled = known.value * 1e7
    digits = {"lower": floor(scaled + SLACK), "upper": ceil(scaled - SLACK)}.get(known.side, scaled)
    return f"{SIGNS[known.side]} {digits / 1e7:.7f}"
